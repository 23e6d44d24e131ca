"""The store: what every kind of database has to do. Today there is one, SQLite in a file."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Row, inspect, select, text

from bot.allowance import Use
from bot.errors import Unkept
from bot.learners import KEPT, WINDOW, Asked, Judged, Learner, Note, Reminder, Topic, Voted, Wished
from bot.quiz.memory import Memory
from bot.store.database import MIGRATIONS, MOMENT, Database, upgrade, writable
from bot.store.inbox import REMEMBERED, Entry, Inbox
from bot.store.learners import DAY, OPEN_QUESTIONS, Learners, OpenQuestion
from bot.store.spending import Spending
from bot.store.tables import VERSION, metadata, version
from tests.asking import knowledge
from tests.conftest import ROOT

URLS = ["sqlite:///{folder}/learners.db"]
OWN = ("learners", "answers", "votes", "cards", "reminders", "spent")  # tables of what belongs to a person
NOON = 1_800_000_000.0
SECRET = "kumquat-marmalade"

T = TypeVar("T")
Make = Callable[[], str]


class Store:
    """An open database with everything that is kept in it; `clock` is what time it is."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, NOON
        self.learners = Learners(database, lambda: self.clock, Memory(knowledge().pictures["lemonade"].items))
        self.inbox = Inbox(database, lambda: self.clock)

    async def load(self, person: int, chat: int) -> Learner:
        return await self.database.run(partial(self.learners.load, person, chat, "en"))

    async def save(self, *learners: Learner) -> None:
        await self.database.run(*(partial(self.learners.save, learner) for learner in learners))

    async def post(self, poll: str, chat: int, item: str) -> None:
        await self.database.run(partial(self.learners.post, poll, chat, item))

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """A table in the order of its keys."""
        found = metadata.tables[table]
        ordered = select(found).order_by(*found.primary_key)
        rows: Sequence[Row[Any]] = await self.database.run(lambda connection: connection.execute(ordered).all())
        return [dict(row._mapping) for row in rows]

    async def version(self) -> Sequence[str]:
        """What the database says of its shape."""
        number = text("SELECT version_num FROM alembic_version")
        return await self.database.run(lambda connection: connection.execute(number).scalars().all())

    async def everything(self) -> dict[str, list[dict[str, Any]]]:
        return {name: await self.rows(name) for name in metadata.tables}

    async def verdicts(self) -> list[tuple[int, int, int, str | None]]:
        return [(row["person"], row["chat"], row["number"], row["verdict"]) for row in await self.rows("answers")]


@pytest.fixture(params=URLS, ids=lambda url: url.partition(":")[0])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Gives the address of a fresh database each time it is called."""
    numbers = itertools.count()

    def make() -> str:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return str(request.param).format(folder=folder)

    return make


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    database = Database(url)
    try:
        await database.open()
        yield Store(database)
    finally:
        await database.close()


def run(make: Make, work: Callable[[Store], Awaitable[T]]) -> T:
    """The result of `work` on a fresh store."""

    async def whole() -> T:
        async with opened(make()) as store:
            return await work(store)

    return asyncio.run(whole())


def asked(number: int = 1, question: str = "etcd?", route: str = "knowledge", concepts: tuple[str, ...] = ("etcd",)) -> Asked:
    return Asked(number, question, "en", route, concepts, ("etcd.c1", "etcd.c2"), ("etcd-fridge",))


def row_of(note: Asked, **more: object) -> dict[str, object]:
    """A note as its row has it."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in note.__dict__.items()} | more


def files(url: str) -> dict[str, bytes]:
    """The files of the database, by ending."""
    path = Path(url.removeprefix("sqlite:///"))
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


# --------------------------------------------------------------- learners

ids = st.integers(-(2**63), 2**63 - 1)
people = st.integers(1, 2**52)
languages = st.sampled_from(["zh", "en"])
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
several = st.lists(words, max_size=3).map(tuple)
counts = st.integers(0, 2**31)
topics = st.builds(Topic, several, languages, counts, several, st.dictionaries(words, counts, max_size=3))
people_learning = st.builds(
    Learner,
    person=people,
    chat=ids,
    language=st.none() | languages,
    chosen=st.booleans(),
    told=st.dictionaries(counts, topics, max_size=WINDOW),
    now=counts,
    count=counts,
    stops_shown=several,
    choices=several,
    quiz=st.dictionaries(words, st.booleans(), max_size=3),
)


def test_somebody_new_is_a_learner_of_whom_only_the_language_is_known(make: Make) -> None:
    async def work(store: Store) -> None:
        assert await store.load(7, -70) == Learner(7, -70, "en")
        assert await store.rows("learners") == []

    run(make, work)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=people_learning, after=people_learning)
def test_a_learner_comes_back_as_it_was_kept(make: Make, before: Learner, after: Learner) -> None:
    after = replace(after, person=before.person, chat=before.chat)

    async def work(store: Store) -> None:
        for learner in (before, after):
            await store.save(learner)
            found = await store.load(learner.person, learner.chat)
            assert found == learner
            assert list(found.told) == list(learner.told)
            assert list(found.quiz) == list(learner.quiz)
        assert len(await store.rows("learners")) == 1

    run(make, work)


def test_a_private_talk_is_ones_own_and_a_groups_talk_is_everybodys(make: Make) -> None:
    async def work(store: Store) -> None:
        here, there = Learner(7, 7, "zh", count=1), Learner(7, -70, "en", count=2)
        await store.save(here, there)
        assert [await store.load(7, 7), await store.load(7, -70), await store.load(8, -70), await store.load(8, 8)] == [
            here,
            there,
            replace(there, person=8),
            Learner(8, 8, "en"),
        ]

    run(make, work)


def test_notes_become_rows_once(make: Make) -> None:
    async def work(store: Store) -> None:
        question, vote = asked(3), Voted("etcd-1", (2, 0), False)
        learner = Learner(7, -70, "en", notes=[question, vote, Judged(3, "good")])
        await store.save(learner)
        assert learner.notes == []
        store.clock += 5
        await store.save(learner)
        await store.save(await store.load(7, -70))
        who = {"person": 7, "chat": -70, "at": NOON, "id": 1}
        assert await store.rows("answers") == [row_of(question, **who, verdict="good")]
        assert await store.rows("votes") == [
            {"item": "etcd-1", "options": [2, 0], "right": False, "hints": 0, "tries": 1, "known": True, "within": "", **who}
        ]
        assert [row["seen"] for row in await store.rows("learners")] == [NOON + 5]

    run(make, work)


def test_a_verdict_reaches_its_answer_and_no_other(make: Make) -> None:
    async def work(store: Store) -> None:
        for person, chat in ((7, 7), (8, 8)):
            await store.save(Learner(person, chat, notes=[asked(1), asked(2)]))
        await store.save(Learner(7, -70, notes=[asked(1)]), Learner(8, -70, notes=[asked(2)]))
        await store.save(Learner(7, -70, notes=[Judged(2, "confused"), Judged(9, "good")]))  # in a group anybody may judge
        expected: list[tuple[int, int, int, str | None]] = [
            (7, 7, 1, None), (7, 7, 2, None), (8, 8, 1, None), (8, 8, 2, None), (7, -70, 1, None), (8, -70, 2, "confused"),
        ]  # fmt: skip
        assert await store.verdicts() == expected
        await store.save(Learner(7, -70, notes=[Judged(2, "good")]))
        expected[5] = (8, -70, 2, "good")
        assert await store.verdicts() == expected

    run(make, work)


def test_an_export_holds_ones_own_rows_of_every_chat_and_no_others(make: Make) -> None:
    async def work(store: Store) -> None:
        for person, chat in ((7, 7), (7, -70), (8, -70), (70, 70)):
            notes: list[Note] = [
                asked(1, f"柠檬 {person}"),
                Voted("machine-burnt-out", (0,), True),
                Wished(Reminder(1200, "Asia/Tokyo")),
            ]
            await store.save(Learner(person, chat, "zh", count=1, notes=notes))
        told = await store.learners.export(Learner(7, 7))
        assert "柠檬" in told
        exported = json.loads(told)
        kept = await store.everything()
        for row in kept["learners"]:
            row["talk"] = json.loads(row["talk"])
        own = {name: [row for row in kept[name] if row["person"] == 7] for name in OWN}
        assert exported == own
        assert {name: len(rows) for name, rows in own.items()} == {
            "learners": 1,
            "answers": 2,
            "votes": 2,
            "cards": 1,
            "reminders": 1,
            "spent": 0,
        }

    run(make, work)


# ---------------------------------------------------------------- spending


def test_what_was_used_adds_up_by_day_and_person_and_outlives_the_person(make: Make) -> None:
    async def work(store: Store) -> None:
        spending = Spending(store.database)
        for use in (Use(1, 7, 100, 300), Use(1, 7, 0, -250), Use(1, 8, 10, 1), Use(2, 7, 5, 5)):
            await spending.add(use)
        assert await spending.of(1) == [Use(1, 7, 100, 50), Use(1, 8, 10, 1)]
        for person in (7, 8):
            await store.save(Learner(person, person, forgotten=True))
        assert await spending.of(1) == [Use(1, 0, 110, 51)]

    run(make, work)


# ---------------------------------------------------------------- forgetting


async def fill(store: Store) -> None:
    """Two people, both in private and in one group, with every kind of row."""
    for person, says in ((7, SECRET), (8, "orange")):
        for chat in (person, -70):
            own = (f"/ask {says}",) if chat == person else ()  # a group's talk holds nobody's words
            notes: list[Note] = [asked(1, says), Voted(f"item {says}", (1,), True), Voted("machine-burnt-out", (0,), True)]
            learner = Learner(person, chat, choices=own, notes=[*notes, Wished(Reminder(1200, "Asia/Shanghai"))])
            await store.save(learner)
        await store.post(f"poll {says}", person, f"item {says}")
    await store.post("poll of the group", -70, "item")


def without(kept: dict[str, list[dict[str, Any]]], person: int) -> dict[str, list[dict[str, Any]]]:
    left = {name: [row for row in rows if row.get("person") != person] for name, rows in kept.items()}
    return left | {"polls": [row for row in kept["polls"] if row["chat"] != person]}


def test_forgetting_takes_every_row_of_that_person_and_of_no_other(make: Make) -> None:
    async def work(store: Store) -> None:
        await fill(store)
        before = await store.everything()
        await store.save(Learner(7, -70, notes=[asked(9)], forgotten=True))
        after = await store.everything()
        assert after == without(before, 7)
        assert {name: len(rows) for name, rows in after.items()} == {
            "learners": 2, "answers": 2, "votes": 4, "cards": 1, "reminders": 1,
            "polls": 2, "updates": 0, "marks": 0, "spent": 0,
        }  # fmt: skip
        assert await store.load(7, 7) == Learner(7, 7, "en")
        assert await store.learners.posted(f"poll {SECRET}") is None
        assert await store.learners.posted("poll orange") == (8, "item orange")

    run(make, work)


def test_what_was_forgotten_is_in_no_file_after_wiping(make: Make) -> None:
    url = make()

    async def whole() -> None:
        async with opened(url) as store:
            await fill(store)
            assert any(SECRET.encode() in content for content in files(url).values())
            await store.save(Learner(7, 7, forgotten=True))
            await store.database.wipe()
            assert [name for name, content in files(url).items() if SECRET.encode() in content] == []
            assert any(b"orange" in content for content in files(url).values())

    asyncio.run(whole())


def test_no_copy_is_left_where_rows_have_moved_between_pages(make: Make) -> None:
    url = make()
    chance = random.Random(3)  # a course of things in which copies do stay behind, unless the file is written anew

    async def whole() -> None:
        async with opened(url) as store:
            entries: list[Entry] = []
            for number in range(400):
                word = SECRET if chance.random() < 0.1 else "other"
                entries.append(Entry(number, number % 7, word + "x" * chance.randint(50, 400)))
                await store.inbox.add(entries[-1])
                reply = word + "r" * chance.randint(100, 1500)
                await store.database.run(
                    partial(store.inbox.answered, chance.choice(entries), reply),
                    partial(store.inbox.done, chance.choice(entries)),
                )
            await store.database.run(*(partial(store.inbox.done, entry) for entry in entries))
            await store.database.wipe()
            assert [name for name, content in files(url).items() if SECRET.encode() in content] == []

    asyncio.run(whole())


def test_what_is_old_is_forgotten_and_what_is_newer_is_not(make: Make) -> None:
    async def work(store: Store) -> None:
        await fill(store)
        store.clock = NOON + 100 * DAY
        await store.save(Learner(8, 8, notes=[asked(2, "new")]))
        before = await store.everything()
        store.clock = NOON + KEPT * DAY
        await store.learners.forget_old()
        assert await store.everything() == before
        store.clock += 1
        await store.learners.forget_old()
        newer = {
            name: [row for row in rows if max(row.get("at", 0), row.get("seen", 0)) > NOON] for name, rows in before.items()
        }
        newer["reminders"] = [row for row in before["reminders"] if row["person"] == 8]  # as long as its person
        assert {name: len(rows) for name, rows in newer.items() if rows} == {"learners": 1, "answers": 1, "reminders": 1}
        assert await store.everything() == newer | {"updates": before["updates"], "marks": before["marks"]}

    run(make, work)


# ------------------------------------------------------------ open questions


def test_open_questions_are_the_declined_and_the_confused_newest_first(make: Make) -> None:
    async def work(store: Store) -> None:
        declined = asked(0, "istio?", "declined", ())
        await store.save(Learner(7, 7, notes=[asked(1, "good?"), asked(2, "hard?", concepts=("pod", "node")), declined]))
        await store.save(Learner(8, 8, notes=[asked(1, "fine?"), asked(2, "helm?", "declined", ())]))
        await store.save(Learner(7, 7, notes=[Judged(1, "good"), Judged(2, "confused")]))
        assert await store.learners.open_questions() == [
            OpenQuestion("declined", "en", "helm?", ""),
            OpenQuestion("declined", "en", "istio?", ""),
            OpenQuestion("confused", "en", "hard?", "pod"),
        ]

    run(make, work)


def test_open_questions_are_listed_up_to_a_limit(make: Make) -> None:
    async def work(store: Store) -> None:
        many = [asked(0, str(number), "declined", ()) for number in range(OPEN_QUESTIONS + 3)]
        await store.save(Learner(7, 7, notes=list(many)))
        listed = [each.question for each in await store.learners.open_questions()]
        assert listed == [str(number) for number in range(OPEN_QUESTIONS + 2, 2, -1)]

    run(make, work)


# -------------------------------------------------------------------- inbox


def test_an_update_that_comes_twice_is_stored_once(make: Make) -> None:
    async def work(store: Store) -> None:
        entry = Entry(10, 7, '{"text": "first"}')
        assert await store.inbox.add(entry)
        assert not await store.inbox.add(Entry(10, 8, '{"text": "second"}'))
        assert await store.inbox.pending() == [entry]
        await store.database.run(partial(store.inbox.done, entry))
        assert not await store.inbox.add(entry)
        assert await store.inbox.pending() == []

    run(make, work)


def test_pending_updates_come_oldest_first(make: Make) -> None:
    async def work(store: Store) -> None:
        entries = [Entry(number, number % 3, f"body {number}") for number in (30, 10, 2**40, 20)]
        for entry in entries:
            assert await store.inbox.add(entry)
        assert await store.inbox.pending() == sorted(entries, key=lambda entry: entry.update)

    run(make, work)


def test_an_update_is_taken_up_where_it_was_left(make: Make) -> None:
    async def work(store: Store) -> None:
        entry, other = Entry(10, 7, SECRET), Entry(11, 7, "other")
        for each in (entry, other):
            await store.inbox.add(each)
        await store.database.run(partial(store.inbox.placed, replace(entry, messages=[501, 502])))
        assert await store.inbox.pending() == [Entry(10, 7, SECRET, [501, 502]), other]
        await store.database.run(partial(store.inbox.answered, entry, f"{SECRET} is an answer"))
        assert await store.inbox.pending() == [Entry(10, 7, SECRET, [501, 502], f"{SECRET} is an answer"), other]
        await store.database.run(partial(store.inbox.done, entry))
        assert await store.inbox.pending() == [other]

    run(make, work)


def test_of_a_finished_update_nothing_is_left_but_its_number(make: Make) -> None:
    url = make()

    async def whole() -> None:
        async with opened(url) as store:
            entry = Entry(10, 7, SECRET)
            await store.inbox.add(entry)
            placed = partial(store.inbox.placed, replace(entry, messages=[501]))
            await store.database.run(placed, partial(store.inbox.answered, entry, f"{SECRET} is an answer"))
            await store.database.run(partial(store.inbox.done, entry))
            assert await store.rows("updates") == [
                {"update": 10, "chat": 0, "at": NOON, "body": None, "messages": [], "reply": None}
            ]
            await store.database.wipe()
            assert [name for name, content in files(url).items() if SECRET.encode() in content] == []

    asyncio.run(whole())


def test_numbers_are_dropped_after_days_and_what_waits_never(make: Make) -> None:
    async def work(store: Store) -> None:
        finished, waiting = Entry(10, 7, "finished"), Entry(11, 7, "waiting")
        for entry in (finished, waiting):
            await store.inbox.add(entry)
        await store.database.run(partial(store.inbox.done, finished))
        store.clock = NOON + REMEMBERED
        assert await store.inbox.pending() == [waiting]
        assert [row["update"] for row in await store.rows("updates")] == [10, 11]
        store.clock += 1
        assert await store.inbox.pending() == [waiting]
        assert [row["update"] for row in await store.rows("updates")] == [11]

    run(make, work)


def test_marks_are_noted_and_noted_anew(make: Make) -> None:
    async def work(store: Store) -> None:
        inbox = store.inbox
        assert await inbox.mark("menu") is None
        assert await inbox.mark("menu", "first") == "first"
        assert await inbox.mark("other", "") == ""
        assert await inbox.mark("menu", "second") == "second"
        assert [await inbox.mark("menu"), await inbox.mark("other")] == ["second", ""]

    run(make, work)


# ------------------------------------------------------------- transactions


async def both(store: Store, entry: Entry, fault: Callable[[Connection], object]) -> None:
    """Learner and answer in one transaction that ends in a fault."""
    saved = partial(store.learners.save, Learner(7, 7, "en", count=2, notes=[asked(2)]))
    await store.database.run(saved, partial(store.inbox.answered, entry, "reply"), fault)


def test_a_transaction_that_fails_half_way_keeps_nothing(make: Make) -> None:
    async def work(store: Store) -> None:
        entry = Entry(10, 7, "body")
        await store.inbox.add(entry)
        await store.save(Learner(7, 7, "zh", count=1))
        before = await store.everything()
        with pytest.raises(ZeroDivisionError):
            await both(store, entry, lambda _: 1 / 0)
        with pytest.raises(Unkept):
            await both(store, entry, lambda connection: connection.execute(text("INSERT INTO nowhere VALUES (1)")))
        assert await store.everything() == before
        assert await store.load(7, 7) == Learner(7, 7, "zh", count=1)

    run(make, work)


def test_a_transaction_that_nobody_waits_for_any_more_is_done_whole_and_blocks_nobody(make: Make) -> None:
    async def work(store: Store) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def slow(connection: Connection) -> None:
            begun.set()
            go_on.wait(10)
            store.learners.save(Learner(7, 7, count=2), connection)

        task = asyncio.create_task(store.database.run(slow, partial(store.learners.save, Learner(8, 8, count=3))))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        assert [row["person"] for row in await store.rows("learners")] == [7, 8]

    run(make, work)


def test_transactions_side_by_side_all_count(make: Make) -> None:
    async def work(store: Store) -> None:
        async def one(person: int) -> None:
            for count in range(1, 6):
                learner = await store.load(person, person)
                await store.save(replace(learner, count=count, notes=[asked(count)]))

        await asyncio.gather(*map(one, range(1, 9)))
        talks = [(row["person"], json.loads(row["talk"])["count"]) for row in await store.rows("learners")]
        assert talks == [(person, 5) for person in range(1, 9)]
        assert len(await store.rows("answers")) == 40

    run(make, work)


def test_what_is_not_urgent_joins_the_next_transaction_or_is_done_in_a_moment(make: Make) -> None:
    async def work(store: Store) -> None:
        first, second = Entry(10, 7, "body"), Entry(11, 7, "body")
        await store.inbox.add(first)
        store.database.soon(partial(store.inbox.done, first))
        await store.inbox.add(second)
        assert await store.inbox.pending() == [second]
        store.database.soon(partial(store.inbox.done, second))
        await asyncio.sleep(2 * MOMENT)
        assert store.database.waiting == ()
        assert await store.inbox.pending() == []

    run(make, work)


def test_what_is_not_urgent_waits_while_the_database_cannot_be_used_and_is_done_before_it_closes(make: Make) -> None:
    url, entry = make(), Entry(10, 7, "body")

    async def write() -> None:
        async with opened(url) as store:
            await store.inbox.add(entry)
            store.database.soon(partial(store.inbox.done, entry))
            with pytest.raises(Unkept):
                await store.database.run(lambda connection: connection.execute(text("INSERT INTO nowhere VALUES (1)")))
            assert len(store.database.waiting) == 1

    async def read() -> list[Entry]:
        async with opened(url) as store:
            return await store.inbox.pending()

    asyncio.run(write())
    assert asyncio.run(read()) == []


def test_a_new_update_is_on_the_disk_before_it_counts(make: Make) -> None:
    def level(connection: Connection) -> int:
        return int(connection.exec_driver_sql("PRAGMA synchronous").scalar() or 0)

    async def work(store: Store) -> None:
        seen: list[int] = []
        store.database.soon(lambda connection: seen.append(level(connection)))
        await store.inbox.add(Entry(10, 7, "body"))
        assert (seen, await store.database.run(level, quick=True)) == ([2], 1)  # full, normal

    run(make, work)


def test_what_is_quick_waits_in_the_thread_while_somebody_else_writes(make: Make) -> None:
    url, entry = make(), Entry(10, 7, "body", [5])

    async def work() -> None:
        async with opened(url) as store, opened(url) as other:
            await store.inbox.add(entry)
            assert other.database.here
            with other.database.here.begin():
                writable(other.database.here)
                placed = asyncio.create_task(store.database.run(partial(store.inbox.placed, entry), quick=True))
                await asyncio.sleep(0.1)
                assert not placed.done()
            await placed
            assert await store.inbox.pending() == [entry]

    asyncio.run(work())


def test_what_was_kept_is_there_after_closing_and_opening(make: Make) -> None:
    url, learner, entry = make(), Learner(7, -70, "zh", told={3: Topic(("etcd",), "zh")}, now=3, count=3), Entry(10, 7, "body")

    async def write() -> None:
        async with opened(url) as store:
            await store.save(learner)
            await store.inbox.add(entry)

    async def read() -> tuple[Learner, list[Entry]]:
        async with opened(url) as store:
            return await store.load(7, -70), await store.inbox.pending()

    asyncio.run(write())
    assert asyncio.run(read()) == (learner, [entry])


# --------------------------------------------------------------- migrations


def newest() -> str:
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def test_the_migrations_make_what_a_fresh_database_has(make: Make) -> None:
    def differences(connection: Connection) -> object:
        version.drop(connection)
        metadata.drop_all(connection)
        upgrade(connection)

        def partial(name: str) -> object:
            """The condition of an index, which the comparison does not look at."""
            return {
                each["name"]: str(each.get("dialect_options", {}).get("sqlite_where"))
                for each in inspect(connection).get_indexes(name)
            }

        made = {name: partial(name) for name in metadata.tables}
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found = compare_metadata(context, metadata)
        connection.execute(text("DROP TABLE alembic_version"))
        metadata.drop_all(connection)
        metadata.create_all(connection)
        return found, made == {name: partial(name) for name in metadata.tables}

    async def work(store: Store) -> object:
        return await store.database.run(differences)

    assert run(make, work) == ([], True)


def test_the_version_is_the_newest_migration(make: Make) -> None:
    async def work(store: Store) -> object:
        return await store.version()

    assert run(make, work) == [VERSION]
    assert newest() == VERSION


def test_opening_twice_is_harmless(make: Make) -> None:
    async def work(store: Store) -> None:
        await fill(store)
        before = await store.everything()
        await store.database.open()
        assert await store.everything() == before

    run(make, work)


def test_a_newer_database_is_left_alone(make: Make) -> None:
    url = make()

    async def whole() -> None:
        async with opened(url) as store:
            await fill(store)
            before = await store.everything()
            newer = text("UPDATE alembic_version SET version_num = '9999'")
            await store.database.run(lambda connection: connection.execute(newer))
            with pytest.raises(Unkept, match=r"^newer$"):
                await store.database.open()
            assert await store.everything() == before

    asyncio.run(whole())


OPENS = """
import asyncio, sys
from bot.store.database import Database
async def main():
    database = Database(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    await database.open()
    await database.close()
asyncio.run(main())
"""


def test_two_processes_may_open_the_same_fresh_database_at_once(make: Make) -> None:
    for _ in range(3):
        url = make()
        started = [
            subprocess.Popen(
                [sys.executable, "-c", OPENS, url],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for process in started:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        ended = [process.communicate(timeout=30)[1] for process in started]
        assert ([process.returncode for process in started], ended) == ([0, 0], ["", ""])

        async def version(url: str = url) -> object:
            async with opened(url) as store:
                return await store.version()

        assert asyncio.run(version()) == [VERSION]


def test_an_opening_that_fails_half_way_leaves_nothing_and_can_be_repeated(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    url, create = make(), version.create

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    async def tables() -> list[str]:
        database = Database(url)
        try:
            return await database.run(lambda connection: inspect(connection).get_table_names())
        finally:
            await database.close()

    async def attempt() -> None:
        async with opened(url):
            pass

    monkeypatch.setattr(version, "create", fail)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(attempt())
    assert asyncio.run(tables()) == []
    monkeypatch.setattr(version, "create", create)
    asyncio.run(attempt())
    assert asyncio.run(tables()) == sorted([*metadata.tables, "alembic_version"])


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://localhost/x"])
def test_an_address_of_no_known_database_is_refused(url: str) -> None:
    with pytest.raises(Unkept, match=r"^url$"):
        Database(url)


def test_a_database_that_cannot_be_opened_is_unkept(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/nowhere/learners.db")

    async def whole() -> None:
        try:
            with pytest.raises(Unkept, match="unable to open"):
                await database.open()
        finally:
            await database.close()

    asyncio.run(whole())


def test_what_another_version_has_written_costs_nobody_the_talk(make: Make) -> None:
    """Words that this one has not are passed over; what it means otherwise is begun anew, the rest stays."""

    async def work(store: Store) -> Learner:
        await store.save(Learner(5, 5, "en", chosen=True, count=3, quiz={"a": True}, choices=("/quiz",)))
        (row,) = await store.rows("learners")
        talk = json.loads(row["talk"]) | {"mood": "merry", "pending": {"item": "a", "last": "sung"}, "walk": ["receipt", 2]}
        change = text("UPDATE learners SET talk = :talk").bindparams(talk=json.dumps(talk))
        await store.database.run(lambda connection: connection.execute(change))
        return await store.load(5, 5)

    assert run(make, work) == Learner(5, 5, "en", chosen=True, count=3, quiz={"a": True}, choices=("/quiz",))
