"""Keeps learners: their talk, what they asked and how it was answered, their votes and what follows from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Select, bindparam, delete, distinct, func, insert, or_, select, union, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.knowledge.schema import Language
from bot.learners import KEPT, Asked, Cards, Group, Judged, Learner, Note, Voted, Wished
from bot.store import cards, reminders
from bot.store import tables as kept
from bot.store.database import Database
from bot.store.rules import Rules
from bot.store.spending import disown
from bot.store.tables import answers, learners, polls, spent, votes

TALK = TypeAdapter(Learner)
APART = {"person", "chat", "language", "chosen", "notes", "forgotten"}  # fields with a column of their own, or none
DAY = 86_400.0
# Made once: to make them anew for each update is a quarter of its cost.
FIND = select(learners).where(learners.c.person == bindparam("whose"), learners.c.chat == bindparam("where"))
_NEW = upsert(learners)
KEEP = _NEW.on_conflict_do_update(
    index_elements=["person", "chat"], set_={name: _NEW.excluded[name] for name in ("language", "chosen", "talk", "seen")}
)
OWN = (learners, answers, votes, kept.cards, kept.reminders)  # tables of what belongs to a person
ASKED, VOTED = insert(answers), insert(votes)
OPEN_QUESTIONS = 1_000  # listed for the operator, at most


class OpenQuestion(NamedTuple):
    """A question that the knowledge did not answer well; whose it was is not told."""

    why: str  # `declined` or `confused`
    language: str
    question: str
    concept: str  # what it was taken to be about; empty where it was declined


class Vote(NamedTuple):
    """One answer to a quiz item, as it was given."""

    person: int
    at: float
    item: str
    options: list[int]  # counted from 0
    right: bool
    hints: int
    tries: int
    known: bool
    within: str  # the lesson or the test of the course that asked


class Learners:
    """Everything kept about people."""

    def __init__(self, database: Database, now: Callable[[], float], rules: Rules | None = None) -> None:
        """`rules` make cards of votes; without them there are none."""
        self.database, self.now, self.rules = database, now, rules

    def load(self, person: int, chat: int, language: Language | None, connection: Connection) -> Learner:
        """The learner as last kept; a new one speaks `language`. A group's talk is kept once, for all who speak there."""
        row = connection.execute(FIND, {"whose": _owner(person, chat), "where": chat}).one_or_none()
        if row is None:
            return Learner(person, chat, language)
        talk = {**json.loads(row.talk), "person": person, "chat": chat, "language": row.language, "chosen": row.chosen}
        try:
            return TALK.validate_python(talk)
        except ValidationError as fault:  # what another version of the program meant by it is begun anew
            for each in fault.errors():
                talk.pop(each["loc"][0], None)
            return TALK.validate_python(talk)

    def save(self, learner: Learner, connection: Connection) -> None:
        """Keeps the learner and takes its notes; deletes all that is kept about a forgotten person."""
        if learner.forgotten:
            for whose in (*(table.c.person for table in OWN), polls.c.chat):
                connection.execute(delete(whose.table).where(whose == learner.person))
            disown(learner.person, connection)
            return
        for note in learner.notes:
            self._note(learner, note, connection)
        learner.notes.clear()
        row = {
            "person": _owner(learner.person, learner.chat),
            "chat": learner.chat,
            "language": learner.language,
            "chosen": learner.chosen,
            "talk": TALK.dump_json(learner, exclude=APART).decode(),
            "seen": self.now(),
        }
        connection.execute(KEEP, row)

    def _note(self, learner: Learner, note: Note, connection: Connection) -> None:
        who = {"person": learner.person, "chat": learner.chat}
        match note:
            case Asked():
                connection.execute(ASKED, {**note.__dict__, **who, "at": self.now()})
            case Voted():
                at = self.now()
                connection.execute(VOTED, {**note.__dict__, **who, "at": at})
                if self.rules:
                    cards.review(learner.person, note, at, self.rules, connection)
            case Wished():
                reminders.wish(learner.person, note.reminder, self.now(), connection)
            case Judged():
                of = (answers.c.chat == learner.chat, answers.c.number == note.number)
                connection.execute(update(answers).where(*of).values(verdict=note.verdict))

    async def forget_old(self) -> None:
        """Forgets everything that is KEPT days old."""
        since = self.now() - KEPT * DAY

        def forget(connection: Connection) -> None:
            for time in (learners.c.seen, answers.c.at, votes.c.at, polls.c.at, kept.cards.c.last):
                connection.execute(delete(time.table).where(time < since))
            connection.execute(delete(spent).where(spent.c.day < since // DAY))
            strangers = kept.reminders.c.person.not_in(select(learners.c.person))
            connection.execute(delete(kept.reminders).where(strangers))

        await self.database.run(forget)

    async def recall(self, person: int) -> Cards:
        """All that one person remembers."""
        return await self.database.run(partial(cards.recall, person))

    async def catch_up(self) -> None:
        """Makes the cards from the votes where a migration left that to whoever knows the quiz items."""
        if self.rules:
            await self.database.run(partial(cards.catch_up, self.rules))

    async def reminders(self) -> list[reminders.Due]:
        """Who is to be reminded now; each is noted as reminded before this returns, so nobody is twice."""
        return await self.database.run(partial(reminders.take, self.now(), self.rules))

    async def nobody_there(self, person: int) -> None:
        """Ends the reminders of somebody who cannot be written to any more."""

        def end(connection: Connection) -> None:
            learner = self.load(person, person, None, connection)
            reminders.wish(person, None, self.now(), connection)
            talk = TALK.dump_json(replace(learner, reminder=None), exclude=APART).decode()
            of = (learners.c.person == person, learners.c.chat == person)
            connection.execute(update(learners).where(*of).values(talk=talk))

        await self.database.run(end)

    async def group(self, chat: int) -> Group:
        """What a group has done together."""

        def done(connection: Connection) -> Group:
            def one(found: Select[Any]) -> int:
                return int(connection.execute(found).scalar_one())

            people = union(*(select(table.c.person).where(table.c.chat == chat) for table in (answers, votes))).subquery()
            right = select(votes.c.item).distinct().where(votes.c.chat == chat, votes.c.right).order_by(votes.c.item)
            return Group(
                asked=one(select(func.count()).where(answers.c.chat == chat)),
                answered=one(select(func.count()).where(votes.c.chat == chat)),
                right=one(select(func.count()).where(votes.c.chat == chat, votes.c.right)),
                people=one(select(func.count()).select_from(people)),
                items=tuple(connection.execute(right).scalars()),
            )

        return await self.database.run(done)

    async def export(self, learner: Learner) -> str:
        """All that is kept about the learner's person, in every chat, as JSON."""

        def whole(connection: Connection) -> dict[str, list[dict[str, Any]]]:
            own = {table.name: select(table).where(table.c.person == learner.person) for table in (*OWN, spent)}
            return {
                name: [dict(row._mapping) for row in connection.execute(found.order_by(*found.selected_columns))]
                for name, found in own.items()
            }

        told = await self.database.run(whole)
        for row in told["learners"]:
            row["talk"] = json.loads(row["talk"])
        return json.dumps(told, ensure_ascii=False, indent=1)

    async def knows(self, person: int) -> bool:
        """Whether anything is kept about a person."""
        own = [select(table.c.person).where(table.c.person == person).limit(1) for table in (*OWN, spent)]
        return await self.database.run(lambda connection: any(connection.execute(each).first() for each in own))

    async def votes(self, person: int | None = None) -> list[Vote]:
        """All votes, or one person's, the oldest first."""
        found = select(*(votes.c[name] for name in Vote._fields)).order_by(votes.c.id)
        if person is not None:
            found = found.where(votes.c.person == person)
        rows = await self.database.run(lambda connection: connection.execute(found).all())
        return [Vote(*row) for row in rows]

    async def due(self) -> int:
        """How many reviews wait, of everybody."""
        found = select(func.count()).where(kept.cards.c.due <= self.now())
        return int(await self.database.run(lambda connection: connection.execute(found).scalar_one()))

    async def stats(self) -> dict[str, int]:
        """How many learners chat, and how many came this week; their questions by how they went; their votes."""
        people = select(func.count(distinct(learners.c.person))).where(learners.c.person > 0)
        week = self.now() - 7 * DAY
        counts = {
            "people": people,
            "people-week": people.where(learners.c.seen >= week),
            "questions": select(func.count()).select_from(answers),
            "declined": select(func.count()).where(answers.c.route == "declined"),
            "good": select(func.count()).where(answers.c.verdict == "good"),
            "confused": select(func.count()).where(answers.c.verdict == "confused"),
            "votes": select(func.count()).select_from(votes),
            "votes-right": select(func.count()).where(votes.c.right),
        }
        return await self.database.run(
            lambda connection: {name: connection.execute(count).scalar_one() for name, count in counts.items()}
        )

    async def open_questions(self) -> list[OpenQuestion]:
        """The newest questions that were declined, or whose answer was not understood, the newest first."""
        open_ = or_(answers.c.route == "declined", answers.c.verdict == "confused")
        newest = select(answers).where(open_).order_by(answers.c.id.desc()).limit(OPEN_QUESTIONS)
        rows = await self.database.run(lambda connection: connection.execute(newest).all())
        return [
            OpenQuestion(row.verdict or row.route, row.language, row.question, row.concepts[0] if row.verdict else "")
            for row in rows
        ]

    async def posted(self, poll: str) -> tuple[int, str] | None:
        """The chat and the item of a poll; None when it is unknown or its person was forgotten."""
        found = select(polls).where(polls.c.poll == poll)
        row = await self.database.run(lambda connection: connection.execute(found).one_or_none())
        return (row.chat, row.item) if row else None

    def voted(self, poll: str, person: int, connection: Connection) -> bool:
        """Whether the person has answered that poll's item there since it was posted; a poll is answered once."""
        since = (votes.c.chat == polls.c.chat, votes.c.item == polls.c.item, votes.c.at >= polls.c.at)
        found = select(votes.c.id).where(polls.c.poll == poll, votes.c.person == person, *since).limit(1)
        return connection.execute(found).first() is not None

    def post(self, poll: str, chat: int, item: str, connection: Connection) -> None:
        """Remembers which item a poll shows."""
        connection.execute(insert(polls).values(poll=poll, chat=chat, item=item, at=self.now()))


def _owner(person: int, chat: int) -> int:
    """Whose a talk is: in private the person's, in a group nobody's."""
    return person if person == chat else 0
