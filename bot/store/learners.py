"""Keeps learners: their talk, what they asked and how it was answered, their votes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.knowledge.schema import Language
from bot.learners import KEPT, Asked, Judged, Learner, Voted
from bot.store.database import Database
from bot.store.tables import answers, learners, polls, votes

TALK = TypeAdapter(Learner)
APART = {"person", "chat", "language", "chosen", "notes", "forgotten"}  # fields with a column of their own, or none
DAY = 86_400.0
# Made once: to make them anew for each update is a quarter of its cost.
FIND = select(learners).where(learners.c.person == bindparam("whose"), learners.c.chat == bindparam("where"))
_NEW = upsert(learners)
KEEP = _NEW.on_conflict_do_update(
    index_elements=["person", "chat"], set_={name: _NEW.excluded[name] for name in ("language", "chosen", "talk", "seen")}
)
ASKED, VOTED = insert(answers), insert(votes)
OPEN_QUESTIONS = 1_000  # listed for the operator, at most


class OpenQuestion(NamedTuple):
    """A question that the knowledge did not answer well; whose it was is not told."""

    why: str  # `declined` or `confused`
    language: str
    question: str
    concept: str  # what it was taken to be about; empty where it was declined


class Learners:
    """Everything kept about people."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self.database, self.now = database, now

    async def load(self, connection: AsyncConnection, person: int, chat: int, language: Language | None) -> Learner:
        """The learner as last kept; a new one speaks `language`. A group's talk is kept once, for all who speak there."""
        row = (await connection.execute(FIND, {"whose": _owner(person, chat), "where": chat})).one_or_none()
        if row is None:
            return Learner(person, chat, language)
        talk = {**json.loads(row.talk), "person": person, "chat": chat, "language": row.language, "chosen": row.chosen}
        return TALK.validate_python(talk)

    async def save(self, connection: AsyncConnection, learner: Learner) -> None:
        """Keeps the learner and takes its notes; deletes all that is kept about a forgotten person."""
        if learner.forgotten:
            for whose in (learners.c.person, answers.c.person, votes.c.person, polls.c.chat):
                await connection.execute(delete(whose.table).where(whose == learner.person))
            return
        for note in learner.notes:
            await self._note(connection, learner, note)
        learner.notes.clear()
        row = {
            "person": _owner(learner.person, learner.chat),
            "chat": learner.chat,
            "language": learner.language,
            "chosen": learner.chosen,
            "talk": TALK.dump_json(learner, exclude=APART).decode(),
            "seen": self.now(),
        }
        await connection.execute(KEEP, row)

    async def _note(self, connection: AsyncConnection, learner: Learner, note: Asked | Judged | Voted) -> None:
        who = {"person": learner.person, "chat": learner.chat}
        match note:
            case Asked():
                await connection.execute(ASKED, {**note.__dict__, **who, "at": self.now()})
            case Voted():
                row = {"item": note.item, "options": note.options, "right": note.right, **who, "at": self.now()}
                await connection.execute(VOTED, row)
            case Judged():
                of = (answers.c.chat == learner.chat, answers.c.number == note.number)
                await connection.execute(update(answers).where(*of).values(verdict=note.verdict))

    async def forget_old(self) -> None:
        """Forgets everything that is KEPT days old."""
        since = self.now() - KEPT * DAY
        async with self.database.begin() as connection:
            for time in (learners.c.seen, answers.c.at, votes.c.at, polls.c.at):
                await connection.execute(delete(time.table).where(time < since))

    async def export(self, learner: Learner) -> str:
        """All that is kept about the learner's person, in every chat, as JSON."""
        async with self.database.begin() as connection:
            kept: dict[str, Any] = {}
            for table in (learners, answers, votes):
                own = select(table).where(table.c.person == learner.person).order_by(*table.primary_key)
                rows = await connection.execute(own)
                kept[table.name] = [dict(row._mapping) for row in rows]
        for row in kept["learners"]:
            row["talk"] = json.loads(row["talk"])
        return json.dumps(kept, ensure_ascii=False, indent=1)

    async def open_questions(self) -> list[OpenQuestion]:
        """The newest questions that were declined, or whose answer was not understood, the newest first."""
        open_ = or_(answers.c.route == "declined", answers.c.verdict == "confused")
        newest = select(answers).where(open_).order_by(answers.c.id.desc()).limit(OPEN_QUESTIONS)
        async with self.database.begin() as connection:
            rows = (await connection.execute(newest)).all()
        return [
            OpenQuestion(row.verdict or row.route, row.language, row.question, row.concepts[0] if row.verdict else "")
            for row in rows
        ]

    async def post(self, connection: AsyncConnection, poll: str, chat: int, item: str) -> None:
        """Remembers which item a poll shows."""
        await connection.execute(insert(polls).values(poll=poll, chat=chat, item=item, at=self.now()))

    async def posted(self, poll: str) -> tuple[int, str] | None:
        """The chat and the item of a poll; None when it is unknown or its person was forgotten."""
        async with self.database.begin() as connection:
            row = (await connection.execute(select(polls).where(polls.c.poll == poll))).one_or_none()
        return (row.chat, row.item) if row else None


def _owner(person: int, chat: int) -> int:
    """Whose a talk is: in private the person's, in a group nobody's."""
    return person if person == chat else 0
