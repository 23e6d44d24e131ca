"""What the process says of itself at its HTTP address: that it moves, that it can answer, and what it has counted."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from bot.errors import Unkept
from bot.frontends.telegram.meters import Meters
from bot.store.database import Database, writable

LATE = 120.0  # seconds that a step may take beyond what it said
STUCK = 900.0  # seconds without a step of any answer, while there is work
RECENT = 120.0  # seconds since Telegram last answered, at most
PATIENCE = 2.0  # seconds for the database
PLAIN = "text/plain; charset=utf-8"

Told = tuple[int, bytes, str]  # status, body, type
Tell = Callable[[str], Awaitable[Told]]  # takes what the asker accepts


class Health:
    """Knows when the parts of the process were last heard of."""

    def __init__(self, now: Callable[[], float], database: Database, meters: Meters, still: Callable[[], float]) -> None:
        """`now` runs evenly, in seconds. `still`: for how long no answer has moved on, while there is work."""
        self.now, self.database, self.meters, self.still = now, database, meters, still
        self.until = now() + LATE  # whoever listens to Telegram is heard of again by then
        self.reached = -math.inf  # Telegram answered last
        self.called = False  # Telegram calls us: that it is not heard of means nothing

    def promise(self, seconds: float = 0.0) -> None:
        """The listening goes on: the next step is due in so many seconds."""
        self.until = self.now() + seconds + LATE

    def reach(self) -> None:
        self.reached = self.now()

    def expect_calls(self) -> None:
        """From now on Telegram calls by itself."""
        self.called, self.until = True, math.inf

    def pages(self) -> dict[str, Tell]:
        """By path."""
        return {"/healthz": self._alive, "/readyz": self._ready, "/metrics": self._metrics}

    async def _alive(self, _: str) -> Told:
        """That this is answered shows that the event loop runs."""
        return _told({"listening": self.now() < self.until, "answers": self.still() < STUCK})

    async def _ready(self, _: str) -> Told:
        reached = math.isfinite(self.reached) and (self.called or self.now() - self.reached < RECENT)
        return _told({"database": await self._kept(), "telegram": reached})

    async def _metrics(self, accept: str) -> Told:
        return (200, *await self.meters.page(accept))

    async def _kept(self) -> bool:
        """Whether the database can be written to right now."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.database.run(writable)
        except (Unkept, TimeoutError):
            return False
        return True


def _told(found: dict[str, bool]) -> Told:
    """One line for each: `database ok`, `telegram not ok`."""
    lines = [f"{name} {'ok' if fine else 'not ok'}\n" for name, fine in found.items()]
    return 200 if all(found.values()) else 503, "".join(lines).encode(), PLAIN
