"""Shows a text while it grows: always the newest of it, and no oftener than the chat has patience for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.frontends.telegram.drawn import Drawn

PRIVATE, GROUP = 1.5, 3.0  # seconds between two edits at first; each pause is twice the one before


class Growing:
    """One message on its way. The final text is not shown here: it follows, whenever it is there."""

    def __init__(self, edit: Callable[[Drawn], Awaitable[None]], pause: float) -> None:
        """`edit` shows a text and never raises."""
        self.edit, self.pause = edit, pause
        self.newest: Drawn | None = None
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.editing = self.ended = False

    def show(self, drawn: Drawn) -> None:
        self.newest = drawn
        self.changed.set()
        if not self.task:
            self.task = asyncio.create_task(self._run())

    def end(self) -> None:
        """Shows nothing more; an edit that is out already is not called back, lest it arrive after the final text."""
        self.ended = True
        if self.task and not self.editing:
            self.task.cancel()

    async def _run(self) -> None:
        while not self.ended:
            await self.changed.wait()
            self.changed.clear()
            assert self.newest
            self.editing = True
            await self.edit(self.newest)
            self.editing = False
            if not self.ended:
                await asyncio.sleep(self.pause)
                self.pause *= 2
