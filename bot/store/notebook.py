"""Keeps what one learner at this computer remembers, in the same database as the others; it is opened when first needed.

That are the answers to quiz items and the way through the course, and nothing that was said. Where it cannot be used, the
answers are remembered as long as the lesson lasts.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import Unkept
from bot.learners import Cards, Learner, Voted, Walk
from bot.store.rules import Rules

if TYPE_CHECKING:
    from bot.store.database import Database
    from bot.store.learners import Learners

HERE = -1  # person and chat of whoever sits here: no person on Telegram has a number below 1, and 0 is a group's talk


class Notebook:
    """The answers of one learner."""

    def __init__(self, place: str | Path, rules: Rules, now: Callable[[], float]) -> None:
        """`place`: an SQLite address or a file."""
        self.place, self.rules, self.now = place, rules, now
        self.database: Database | None = None
        self.cards: Cards = {}  # of this lesson, where nothing else can be kept
        self.walk: Walk | None = None  # as last kept

    async def opened(self) -> Learner:
        """The learner, with the way through the course where it was left."""
        learner = Learner(HERE, HERE)
        if self.database or not isinstance(self.place, Path) or self.place.exists():
            try:
                learners = await self._open()
                kept = await learners.database.run(lambda connection: learners.load(HERE, HERE, None, connection))
                learner = Learner(HERE, HERE, quiz=kept.quiz, walk=kept.walk, missed=kept.missed)
            except (Unkept, OSError):
                pass  # a lesson without its past is still a lesson
        self.walk = deepcopy(learner.walk)
        return learner

    async def remembered(self, person: int) -> Cards:
        """All that is remembered; a database that nobody has made yet is not made for this."""
        if not self.database and isinstance(self.place, Path) and not self.place.exists():
            return self.cards
        try:
            return await (await self._open()).recall(person)
        except (Unkept, OSError):
            return self.cards

    async def keep(self, learner: Learner) -> None:
        """Takes the learner's notes: of the answers what is remembered, of the rest nothing; and the way through the course."""
        votes = [note for note in learner.notes if isinstance(note, Voted)]
        learner.notes.clear()
        if not votes and learner.walk == self.walk:
            return
        kept = Learner(HERE, HERE, quiz=learner.quiz, walk=learner.walk, missed=learner.missed, notes=[*votes])
        try:
            learners = await self._open()
            await learners.database.run(lambda connection: learners.save(kept, connection))
            self.walk = deepcopy(learner.walk)
        except (Unkept, OSError):
            for vote in votes:
                if of := self.rules.side(vote):
                    self.cards[of] = self.rules.after(self.cards.get(of), vote, self.now())

    async def forget(self) -> None:
        """Deletes everything. Raises Unkept where it cannot be."""
        self.cards.clear()
        self.walk = None
        if self.database or not isinstance(self.place, Path) or self.place.exists():
            learners = await self._open()
            gone = Learner(HERE, HERE, forgotten=True)
            await learners.database.run(lambda connection: learners.save(gone, connection))
            await learners.database.wipe()

    async def close(self) -> None:
        if self.database:
            await self.database.close()

    async def _open(self) -> Learners:
        """The database, loaded with its library when somebody first needs it."""
        from bot.store.database import Database
        from bot.store.learners import Learners

        if not self.database:
            if isinstance(self.place, Path):
                self.place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.place.touch(mode=0o600)
            database = Database(self.place)
            try:
                await database.open()
                await Learners(database, self.now, self.rules).catch_up()
            except Unkept:
                await database.close()
                raise
            self.database = database
        return Learners(self.database, self.now, self.rules)
