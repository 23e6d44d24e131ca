"""How many tokens the model may use a day: each learner, and all together. A day is one of UTC.

What a call may take at most is counted before it and set right after it, cancelled or not, so no number of questions at once
can take more than there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from bot.errors import Spent, Unkept

DAY = 86_400


class Use(NamedTuple):
    """Tokens that one learner used in one day; the day is counted from 1970."""

    day: int
    person: int
    prompt: int
    answer: int

    @property
    def tokens(self) -> int:
        return self.prompt + self.answer


@dataclass
class Ticket:
    """Leave for one call."""

    use: Use


class Allowance:
    """What is left today. Only one event loop may use it."""

    def __init__(
        self,
        each: int,
        together: int,
        now: Callable[[], float],
        keep: Callable[[Use], Awaitable[None]] | None = None,
    ) -> None:
        """`each` and `together`: tokens a day. `now`: seconds since 1970. `keep` adds to what is remembered of a day."""
        self.each, self.together, self.now, self.keep = each, together, now, keep
        self.day = self._today()
        self.used: dict[int, int] = {}  # tokens today, by person
        self.prompt = self.answer = 0  # tokens today
        self.taken = Counter(prompt=0, answer=0)  # tokens since the start
        self.refused = Counter(learner=0, house=0)  # calls since the start, by whose share was used up

    def count(self, use: Use) -> None:
        """Counts what was used; only today's matters."""
        if use.day == self.day:
            self.used[use.person] = self.used.get(use.person, 0) + use.tokens
            self.prompt += use.prompt
            self.answer += use.answer

    async def take(self, person: int, prompt: int, answer: int) -> Ticket:
        """Leave to use so many tokens. Raises Spent when they are not there."""
        use = Use(self._today(), person, prompt, answer)
        if self.day != use.day:
            self.day, self.used, self.prompt, self.answer = use.day, {}, 0, 0
        mine = self.used.get(person, 0) if person else 0  # nobody in particular has no share of their own
        if mine + use.tokens > self.each or sum(self.used.values()) + use.tokens > self.together:
            self.refused["learner" if mine + use.tokens > self.each else "house"] += 1
            raise Spent((use.day + 1) * DAY - self.now())
        await self._add(use)
        return Ticket(use)

    async def settle(self, ticket: Ticket, prompt: int, answer: int) -> None:
        """What a call took in the end."""
        before = ticket.use
        self.taken.update(prompt=prompt, answer=answer)
        ticket.use = before._replace(prompt=prompt, answer=answer)
        await self._add(before._replace(prompt=prompt - before.prompt, answer=answer - before.answer))

    def _today(self) -> int:
        return int(self.now() // DAY)

    async def _add(self, use: Use) -> None:
        self.count(use)
        if self.keep:
            try:
                await self.keep(use)
            except Unkept:
                return  # it counts as long as the process lives
