"""Virtual time: a list of timers, in milliseconds; nothing ever sleeps.

A quiet timer (heartbeat, probe, flush, repeating back-off) does not keep the world from being settled.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)  # when virtual time begins


class Timer:
    __slots__ = ("call", "quiet")

    def __init__(self, call: Callable[[], None], quiet: bool) -> None:
        self.call: Callable[[], None] | None = call
        self.quiet = quiet


class Clock:
    def __init__(self) -> None:
        self.now = 0
        self.loud = 0
        self._count = 0
        self._due: list[tuple[int, int, Timer]] = []

    def after(self, delay: int, call: Callable[[], None], quiet: bool = False) -> Timer:
        timer = Timer(call, quiet)
        self._count += 1  # timers of one moment run in the order in which they were set
        heapq.heappush(self._due, (self.now + max(0, delay), self._count, timer))
        self.loud += not quiet
        return timer

    def cancel(self, timer: Timer | None) -> None:
        if timer and timer.call:
            timer.call = None
            self.loud -= not timer.quiet

    def heed(self, timer: Timer) -> None:
        """A quiet timer has become one that matters."""
        if timer.call and timer.quiet:
            timer.quiet = False
            self.loud += 1

    def next(self) -> int | None:
        """When the next timer is due."""
        while self._due and not self._due[0][2].call:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def step(self) -> bool:
        """Runs the next timer; False when there is none."""
        if self.next() is None:
            return False
        due, _, timer = heapq.heappop(self._due)
        call, timer.call = timer.call, None
        self.loud -= not timer.quiet
        self.now = due
        if call:
            call()
        return True


def stamp(now: int) -> str:
    """Milliseconds of virtual time as the API writes times."""
    return (START + timedelta(milliseconds=now)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> int:
    return round((datetime.fromisoformat(text) - START) / timedelta(milliseconds=1))
