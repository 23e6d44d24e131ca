"""How fast Telegram may be spoken to: one budget per chat for sends, edits and typing together, and one over all.

Calls of one chat go out one after the other in the order they came. An edit that a newer edit of the same message has
overtaken while it waited is dropped. When Telegram says `retry after`, that chat waits, and no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from telegram.error import RetryAfter

PRIVATE = (1.0, 3)  # calls a second, and how many at once after a rest
GROUP = (0.2, 8)  # at most 20 in any minute
EVERYBODY = (25.0, 25)
IDLE = 1_000  # chats that are remembered though they rest

T = TypeVar("T")


class Budget:
    """A bucket that fills at `rate` calls a second up to `most`."""

    def __init__(self, rate: float, most: int) -> None:
        self.rate, self.most, self.level, self.at = rate, most, float(most), 0.0
        self.until = 0.0  # Telegram wants to be left alone so long, whoever was told
        self.turn = asyncio.Lock()  # one call at a time, first come first served

    def rested(self, now: float) -> bool:
        return not self.turn.locked() and now >= self.until and self.level + (now - self.at) * self.rate >= self.most

    async def take(self) -> None:
        """Waits until there is room for one call."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self.level = min(self.most, self.level + (now - self.at) * self.rate)
        self.at = now
        self.level -= 1
        if self.level < 0:
            await asyncio.sleep(-self.level / self.rate)
        if self.until > loop.time():
            await asyncio.sleep(self.until - loop.time())


class Pace:
    """Holds every call back until its chat has room for it."""

    def __init__(self) -> None:
        self.chats: dict[int, Budget] = {}
        self.everybody = Budget(*EVERYBODY)
        self.calls = count(1)
        self.newest: dict[tuple[int, int], int] = {}  # message → its newest edit that waits

    def held(self) -> bool:
        """Whether Telegram wants to be left alone in some chat."""
        now = asyncio.get_running_loop().time()
        return any(budget.until > now for budget in self.chats.values())

    async def hold(self, method: str, asked: dict[str, Any], call: Callable[[], Awaitable[T]]) -> T | None:
        """The result of the call; None for an edit that was overtaken."""
        chat = asked.get("chat_id")
        if not isinstance(chat, int):
            return await call()
        budget = self._budget(chat)
        message = (chat, asked["message_id"]) if method.startswith("editMessage") else None
        mine = next(self.calls)
        if message:
            self.newest[message] = mine
        try:
            async with budget.turn:
                while True:
                    await budget.take()
                    await self.everybody.take()
                    if message and self.newest.get(message) != mine:
                        return None
                    try:
                        return await call()
                    except RetryAfter as told:
                        budget.until = asyncio.get_running_loop().time() + seconds(told) + 0.1
        finally:
            if message and self.newest.get(message) == mine:
                del self.newest[message]

    def _budget(self, chat: int) -> Budget:
        if len(self.chats) > IDLE:
            now = asyncio.get_running_loop().time()
            self.chats = {each: budget for each, budget in self.chats.items() if not budget.rested(now)}
        if chat not in self.chats:
            self.chats[chat] = Budget(*(GROUP if chat < 0 else PRIVATE))
        return self.chats[chat]


def seconds(told: RetryAfter) -> float:
    """How long Telegram wants to be left alone."""
    wait = told.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
