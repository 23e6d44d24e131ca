"""Who may ask, and how fast."""

from __future__ import annotations

from collections import deque
from typing import Literal

PER_MINUTE = 30  # messages of one person
MINUTE = 60.0  # seconds

Verdict = Literal["fine", "fast", "stranger", "silent"]


class Limits:
    """Remembers the last minute of each person; forgets with the process."""

    def __init__(self, allowed: frozenset[int]) -> None:
        """`allowed`: the ids of those who may ask; empty: everybody may."""
        self.allowed = allowed
        self.heard: dict[int, deque[float]] = {}
        self.refused: set[int] = set()  # strangers who have been told

    def judge(self, person: int, now: float) -> Verdict:
        """Whether a message that came at `now` (seconds) is answered; a refusal is said once, then it is `silent`."""
        if self.allowed and person not in self.allowed:
            known = person in self.refused
            self.refused.add(person)
            return "silent" if known else "stranger"
        times = self.heard.setdefault(person, deque(maxlen=PER_MINUTE + 2))
        while times and times[0] <= now - MINUTE:
            times.popleft()
        times.append(now)
        if len(self.heard) > 10_000:
            self.heard = {each: last for each, last in self.heard.items() if last[-1] > now - MINUTE}
        if len(times) <= PER_MINUTE:
            return "fine"
        return "fast" if len(times) == PER_MINUTE + 1 else "silent"
