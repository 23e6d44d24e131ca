"""What was answered comes back: rated, kept, due, reminded of. The clock is the test's, the database real."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from fsrs import Rating
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from bot.classroom import Classroom
from bot.knowledge.schema import Item
from bot.learners import Cards, Learner, Note, Reminder, Voted
from bot.quiz.memory import LONGEST, Memory, due, filled, rating, retrievability, side, slip
from bot.quiz.quiz import fits_poll
from bot.replies import Reply
from bot.store import cards
from bot.store.database import Database
from bot.store.learners import Learners
from tests.asking import knowledge
from tests.botapi import BotApi, Message, Person
from tests.clocked import Clocked
from tests.conftest import Run

T = TypeVar("T")
PICTURE = knowledge().pictures["lemonade"]
ITEMS = PICTURE.items
MEMORY = Memory(ITEMS)
DAY, MINUTE = 86_400.0, 60.0
MONDAY = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("UTC")).timestamp()
WELCOME, TIPPED = "one-cup-falls-over", "machine-burnt-out"


def say(key: str, **words: object) -> str:
    return knowledge().say(key, "en", **words)


def item(type: str, facet: str, options: int) -> Item:
    """An item as the rules see it."""
    model = ITEMS[TIPPED]
    return replace(model, type=type, facet=facet, options=(model.options * 2)[:options])  # type: ignore[arg-type]


# ---- ratings ----


@pytest.mark.parametrize(
    ("type", "facet", "options", "how", "expected"),
    [
        ("single", "truth", 4, {"right": False}, Rating.Again),
        ("order", "break", 4, {"right": False, "tries": 2}, Rating.Again),
        ("single", "break", 4, {"right": False, "tries": 0, "known": False}, Rating.Again),
        ("order", "break", 4, {"right": True, "hints": 1}, Rating.Hard),
        ("single", "truth", 4, {"right": True, "tries": 2}, Rating.Hard),
        ("single", "truth", 4, {"right": True}, Rating.Good),
        ("match", "mapping", 4, {"right": True}, Rating.Good),
        ("single", "break", 4, {"right": True}, Rating.Good),
        ("predict", "break", 3, {"right": True}, Rating.Good),
        ("cloze", "transfer", 4, {"right": True}, Rating.Good),
        ("order", "transfer", 3, {"right": True}, Rating.Easy),
        ("match", "break", 3, {"right": True}, Rating.Easy),
        ("multiple", "break", 4, {"right": True}, Rating.Easy),
        ("explain", "break", 2, {"right": True}, Rating.Easy),
        ("explain", "truth", 2, {"right": True}, Rating.Good),
    ],
)
def test_an_answer_is_rated_by_how_it_came_about(
    type: str, facet: str, options: int, how: dict[str, Any], expected: Rating
) -> None:
    assert rating(item(type, facet, options), Voted("x", (0,), **how)) == expected


def test_a_slip_names_what_led_astray() -> None:
    of = ITEMS[WELCOME]
    assert [slip(of, Voted(WELCOME, (at,), of.options[at].correct)) for at in range(3)] == ["deployment.m1", None, "B38"]
    assert slip(ITEMS[TIPPED], Voted(TIPPED, (), False, known=False)) == "B5"


def test_what_is_right_comes_back_later_and_later_and_what_is_wrong_soon() -> None:
    now, card, gaps = MONDAY, None, []
    for _ in range(6):
        card = MEMORY.after(card, Voted(TIPPED, (0,), True), now)
        gaps.append((card.due - now) / DAY)
        assert retrievability(card, card.last) == 1
        now = card.due
    assert gaps[0] == 2
    assert all(shorter < longer for shorter, longer in itertools.pairwise(gaps[:4]))
    assert gaps[-1] == LONGEST  # nothing waits until it is forgotten here as well
    assert card
    wrong = MEMORY.after(card, Voted(TIPPED, (1,), False), now)
    assert (wrong.due - now, wrong.reviews, wrong.right, wrong.slip) == (10 * MINUTE, 7, 6, "B5")


def test_a_cup_is_full_when_it_is_mastered() -> None:
    """Three reviews on two days, a break seen through, and remembered."""

    def level(*times: tuple[float, bool], now: float, sides: tuple[Any, ...] = ("truth", "break")) -> float:
        votes = [(Voted(TIPPED, (0,), right), MONDAY + at * DAY) for at, right in times]
        return filled(MEMORY.replayed(votes).values(), sides, MONDAY + now * DAY)

    assert filled((), ("truth",), MONDAY) == 0
    assert level((0, False), now=0) == 0
    assert level((0, True), now=0) == 0.5  # something right, and that is a break
    assert level((0, True), (0.01, True), (0.02, True), now=0.02) == 0.75
    assert level((0, True), (1, True), (3, True), now=3) == 1
    assert level((0, True), (1, True), (3, True), now=400) == 0.9


# ---- kept and made anew ----

votes = st.builds(
    lambda item, right, hints, tries, known, gap: (
        Voted(item, (0,) if known else (), right and known, hints, tries, known),
        gap,
    ),
    st.sampled_from([*sorted(ITEMS)[:6], "gone"]),
    st.booleans(),
    st.integers(0, 3),
    st.integers(1, 2),
    st.booleans(),
    st.floats(0, 40 * DAY),
)


@asynccontextmanager
async def opened(place: Path) -> AsyncIterator[Database]:
    database = Database(place)
    try:
        await database.open()
        yield database
    finally:
        await database.close()


numbers = itertools.count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(st.tuples(st.sampled_from([(7, 7), (7, -70), (8, 8)]), votes), max_size=25))
def test_the_cards_follow_from_the_log(tmp_path: Path, history: list[tuple[tuple[int, int], tuple[Voted, float]]]) -> None:
    """Whoever answers what where and when: the cards made anew from all votes are the cards that were kept."""

    async def whole() -> None:
        async with opened(tmp_path / f"{next(numbers)}.db") as database:
            clock = MONDAY
            learners = Learners(database, lambda: clock, MEMORY)
            for (person, chat), (vote, gap) in history:
                clock += gap
                await database.run(partial(learners.save, Learner(person, chat, notes=[vote])))
            kept = {person: await learners.recall(person) for person in (7, 8)}
            await database.run(partial(cards.rebuild, MEMORY))
            assert {person: await learners.recall(person) for person in (7, 8)} == kept
            assert sum(card.reviews for each in kept.values() for card in each.values()) == sum(
                vote.item in ITEMS for _, (vote, _) in history
            )

    asyncio.run(whole())


def test_what_was_learnt_before_the_oldest_vote_that_is_kept_stays(tmp_path: Path) -> None:
    async def whole() -> None:
        async with opened(tmp_path / "long.db") as database:
            clock = MONDAY
            learners = Learners(database, lambda: clock, MEMORY)
            for item in (TIPPED, TIPPED, TIPPED, WELCOME):
                vote = Voted(item, (1,), True)
                await database.run(partial(learners.save, Learner(7, 7, notes=[vote])))
                clock += 60 * DAY
            await learners.forget_old()
            kept = await learners.recall(7)
            assert len(await learners.votes(7)) == 3
            await database.run(partial(cards.rebuild, MEMORY))
            assert await learners.recall(7) == kept

    asyncio.run(whole())


def test_old_votes_become_cards(tmp_path: Path) -> None:
    """A database from before there were cards."""
    place = tmp_path / "old.db"
    rows = [
        (7, 7, MONDAY, TIPPED, True),
        (7, 7, MONDAY + DAY, TIPPED, False),
        (8, -70, MONDAY, WELCOME, True),
        (8, 8, MONDAY, "x", True),
    ]

    async def whole() -> tuple[Cards, Cards]:
        from alembic import command
        from alembic.config import Config

        from bot.store.database import MIGRATIONS

        database = Database(place)

        def before(connection: Connection) -> None:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "0002")
            for person, chat, at, item, right in rows:
                connection.execute(
                    text("INSERT INTO votes (person, chat, at, item, options, \"right\") VALUES (:p, :c, :a, :i, '[1]', :r)"),
                    {"p": person, "c": chat, "a": at, "i": item, "r": right},
                )

        await database.run(before)
        await database.open()
        learners = Learners(database, lambda: MONDAY, MEMORY)
        await learners.catch_up()
        found = await learners.recall(7), await learners.recall(8)
        await database.run(lambda connection: connection.execute(text("DELETE FROM cards")))
        await learners.catch_up()  # they are made once
        assert await learners.recall(7) == {}
        await database.close()
        return found

    made = asyncio.run(whole())
    for person, found in zip((7, 8), made, strict=True):
        log = [(Voted(item, (1,), right), at) for who, _, at, item, right in rows if who == person]
        assert found == MEMORY.replayed(log)
    assert [len(each) for each in made] == [1, 1]


# ---- what is asked next ----


@dataclass
class Lesson:
    """One learner in a classroom with a real database."""

    database: Database
    now: float = MONDAY
    person: int = 7
    learner: Learner = field(default_factory=lambda: Learner(7, 7, "en", chosen=True))
    loads: int = 0

    def __post_init__(self) -> None:
        self.learners = Learners(self.database, lambda: self.now, MEMORY)
        seeds = random.Random(3)
        self.classroom = Classroom(
            knowledge(), "lemonade", "en", seed=lambda: seeds.getrandbits(31),
            remembered=self._remembered, together=self.learners.group, now=lambda: self.now,
        )  # fmt: skip

    async def _remembered(self, person: int) -> Cards:
        self.loads += 1
        return await self.learners.recall(person)

    async def say(self, words: str) -> Reply:
        """The last reply; all is kept."""
        replies = [reply async for reply in self.classroom.hear(self.learner, words)]
        await self.database.run(partial(self.learners.save, self.learner))
        return replies[-1]

    async def asked(self, words: str = "/quiz") -> tuple[str, str]:
        """The item that is asked, and the reason that is given."""
        reply = await self.say(words)
        assert self.learner.pending, reply
        return self.learner.pending.item, str(reply.blocks[1])

    async def answers(self, right: bool) -> Reply:
        """Answers what waits for an answer, for good."""
        pending = self.learner.pending
        assert pending
        id, key = pending.item, self.classroom.quiz.key(pending.item)
        if not right:
            return await self.say(f"/dunno {id}")
        match ITEMS[id].type:
            case "explain":
                return await self.say("; ".join(ITEMS[id].options[at].detect.en[0] for at in key))
            case "multiple":
                taps = [*map(str, (at + 1 for at in key)), "done"]
            case "order" | "match":
                taps = [str(at + 1) for at in key[:-1]]  # the last falls into its place
            case _:
                return await self.say(f"/vote {id} {key[0] + 1}")
        return [await self.say(f"/tap {id} {tap}") for tap in taps][-1]

    async def cards(self) -> Cards:
        return await self.learners.recall(7)


def lesson(folder: Path, work: Callable[[Lesson], Coroutine[Any, Any, T]]) -> T:
    async def whole() -> T:
        async with opened(folder / "learners.db") as database:
            return await work(Lesson(database))

    return asyncio.run(whole())


def test_the_first_question_is_an_easy_one(tmp_path: Path) -> None:
    async def work(here: Lesson) -> tuple[str, str]:
        return await here.asked()

    assert lesson(tmp_path, work) == (WELCOME, say("reason.first"))


def test_an_ordinary_question_loads_no_card(tmp_path: Path) -> None:
    async def work(here: Lesson) -> list[int]:
        counts = []
        for words in ("What is etcd?", "more", "/map", "/start", "/help", "/quiz"):
            await here.say(words)
            counts.append(here.loads)
        return counts

    assert lesson(tmp_path, work) == [0, 0, 0, 0, 0, 1]


def test_a_mistake_comes_back_and_says_why(tmp_path: Path) -> None:
    async def work(here: Lesson) -> list[str]:
        here.learner.quiz = {WELCOME: True}  # no newcomer
        reasons = []
        await here.say("/quiz pod")
        await here.answers(right=False)
        assert "no" not in reasons
        assert (await here.say("/review")).text == say("review.next", when=say("when.minutes", count=10))
        for days in (0.01, 1, 3, 9):
            here.now = MONDAY + days * DAY
            id, reason = await here.asked("/review")
            assert ITEMS[id].concept == "pod"
            reasons.append(reason)
            await here.say("/vote nothing 1")
            here.learner.pending = None
        return reasons

    days = [say(f"day.{day}") for day in ("today", "yesterday", "0", "lately")]
    assert lesson(tmp_path, work) == [say("reason.mistake", concept="Pod", day=day) for day in days]


def test_what_was_mixed_up_is_said(tmp_path: Path) -> None:
    pair = next(pair for pair in knowledge().pairs if set(pair.of) == {"pod", "container"})
    mixed = MEMORY.after(None, Voted(TIPPED, (1,), False), MONDAY)
    path = Classroom(knowledge(), "lemonade", "en").path
    step = path.review({("pod", "break"): replace(mixed, slip="container.m1")}, MONDAY + DAY)
    assert step
    assert set(pair.of) == {step.concept, "container"}
    names = {"concept": "Pod", "other": "Container", "day": "on Monday"}
    assert path.why(step, "en", MONDAY + 2 * DAY) == say("reason.mixed", **names)


def test_due_breaks_come_first_then_due_truths_then_mistakes_then_something_new(tmp_path: Path) -> None:
    async def work(here: Lesson) -> list[str]:
        path, told = here.classroom.path, []
        polls = [of for of, ids in path.sides.items() if all(fits_poll(ITEMS[id]) for id in ids)]  # one answer closes them
        truth = next(of for of in polls if of[1] == "truth")
        breaks = [of for of in polls if of[1] == "break" and of[0] != truth[0]]
        for of, right in ((truth, True), (breaks[0], True), (breaks[1], True)):
            id = path.sides[of][0]
            vote = Voted(id, here.classroom.quiz.key(id), right)
            await here.database.run(partial(here.learners.save, Learner(7, 7, "en", notes=[vote])))
        here.now += 60 * DAY
        for right in (True, False, True, True):
            id, _ = await here.asked()
            told.append(f"{ITEMS[id].concept} {side(ITEMS[id])}")
            await here.answers(right)
            here.now += 5 * MINUTE
        known = await here.cards()
        assert all(f"{concept} {side}" in told for concept, side in known)
        assert told[:2] == [" ".join(of) for of in breaks[:2]]
        assert told[2] == " ".join(truth)
        assert told[3] == " ".join(breaks[1])  # the mistake, which is not due yet
        id, reason = await here.asked()
        assert (ITEMS[id].concept, side(ITEMS[id])) not in known
        return [reason.split(":")[0]]

    assert lesson(tmp_path, work) == [say("reason.new", concept="").split(":")[0]]


def test_what_was_asked_lately_is_the_next_new_thing(tmp_path: Path) -> None:
    async def work(here: Lesson) -> tuple[str, str]:
        here.learner.quiz = {WELCOME: True}
        await here.say("What is etcd?")
        return await here.asked()

    id, reason = lesson(tmp_path, work)
    assert (ITEMS[id].concept, reason) == ("etcd", say("reason.asked", concept="etcd"))


def test_a_review_never_asks_about_one_thing_twice_in_a_row_if_there_is_another(tmp_path: Path) -> None:
    async def work(here: Lesson) -> list[str]:
        ids = [each[0] for each in here.classroom.path.sides.values()]
        votes: list[Note] = [Voted(id, here.classroom.quiz.key(id), True) for id in ids]
        await here.database.run(partial(here.learners.save, Learner(7, 7, "en", notes=votes)))
        here.now += 60 * DAY
        asked = []
        for _ in ids:
            assert due((await here.cards()).values(), here.now)
            id, _ = await here.asked("/review")
            asked.append(ITEMS[id].concept)
            await here.answers(right=True)
            here.now += MINUTE
        reply = await here.say("/review")
        assert [choice.command for choice in reply.choices] == ["/quiz", "/progress"]
        return asked

    asked = lesson(tmp_path, work)
    assert all(one != other for one, other in itertools.pairwise(asked))


def test_the_same_item_is_not_drawn_twice_in_a_row() -> None:
    path = Classroom(knowledge(), "lemonade", "en").path
    of, items = max(path.sides.items(), key=lambda side: len(side[1]))
    assert len(items) > 1
    card = MEMORY.after(None, Voted(items[0], (0,), True), MONDAY)
    drawn = [step.item for step in (path.review({of: card}, card.due) for _ in range(40)) if step]
    assert set(drawn) == set(items[1:])


def test_an_hour_and_a_place_are_understood_as_people_say_them(tmp_path: Path) -> None:
    said = {
        "8": 480, "20:05": 1205, "20：30": 1230, "8点": 480, "20点30分": 1230, "晚上8点": 1200, "早上7点30": 450,
        "下午20点": 1200, "8pm": 1200, "8:30 PM": 1230, "12am": 0, "12pm": 720, "7:05 am": 425,
    }  # fmt: skip
    unsaid = ["24:00", "8:60", "13pm", "0am", "晚上12点", "noon", "8:30:00", "-8", "٨"]
    places = {"London": "Europe/London", "北京": "Asia/Shanghai", "new york": "America/New_York", "Taipei": "Asia/Taipei"}

    async def work(here: Lesson) -> None:
        for place, zone in places.items():
            await here.say(f"/remind 8:30 pm {place}")
            assert here.learner.reminder == Reminder(1230, zone)
        for words, minute in said.items():
            await here.say(f"/remind {words}")
            assert here.learner.reminder == Reminder(minute, "Asia/Taipei"), words
        for words in unsaid:
            assert str((await here.say(f"/remind {words}")).blocks[-1]) == say("remind.what"), words
        assert str((await here.say("/remind 9 Nowhere")).blocks[-1]) == say("remind.unknown-zone", hour="9:00")

    lesson(tmp_path, work)


def test_nothing_private_is_told_in_a_group(tmp_path: Path) -> None:
    async def work(here: Lesson) -> list[str]:
        here.learner = Learner(7, -70, "en", chosen=True)
        return [(await here.say(words)).text for words in ("/review", "/remind 20:00")]

    assert lesson(tmp_path, work) == [say("private.only")] * 2


# ---- in the terminal ----


def test_the_terminal_remembers_from_one_lesson_to_the_next(run: Run, tmp_path: Path) -> None:
    english = {"BOT_LANGUAGE": "en"}
    assert say("reason.first") in run("chat", stdin="/quiz\n5\n", **english).stdout
    kept = sqlite3.connect(tmp_path / "data" / "learners.db").execute("SELECT person, chat, item FROM votes").fetchall()
    assert kept == [(-1, -1, WELCOME)]
    again = run("chat", stdin="/progress\n/quiz\n/remind 20:00\n", **english).stdout
    assert "Head office     ····· 0/9" in again
    assert say("reason.first") not in again
    assert " ".join(say("remind.nobody").split()) in " ".join(again.split())
    run("chat", stdin="/forget yes\n", **english)
    left = sqlite3.connect(tmp_path / "data" / "learners.db")
    assert [left.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("votes", "cards")] == [(0,), (0,)]
    assert say("reason.first") in run("chat", stdin="/quiz\n", **english).stdout


def test_a_terminal_lesson_goes_on_where_nothing_can_be_kept(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data" / "learners.db").mkdir(parents=True)
    done = run("chat", stdin="/quiz\n5\n/progress\n/quiz\n/forget yes\n", BOT_LANGUAGE="en")
    assert (done.returncode, done.stderr) == (0, "")
    assert say("reason.first") in done.stdout


# ---- reminders ----

SHANGHAI = ZoneInfo("Asia/Shanghai")
EIGHT = datetime(2026, 11, 24, 20, 0, tzinfo=SHANGHAI).timestamp()


@dataclass
class House:
    """A bot whose clock is ours."""

    api: BotApi
    bot: Clocked

    def ask(self, person: Person, words: str) -> Message:
        before = len(person.chat.by_bot)
        person.says(words)
        return self.stands(person, before)

    def press(self, person: Person, message: Message, label: str) -> Message:
        before = len(person.chat.by_bot)
        person.presses(message, label)
        return self.stands(person, before)

    def stands(self, person: Person, at: int) -> Message:
        """The bot's message number `at`, once it is no placeholder any more."""
        waiting = {knowledge().say("placeholder", "en"), "…"}
        found = self.api.wait(lambda: next((each for each in person.chat.by_bot[at:] if each.text not in waiting), None))
        assert found
        return found

    def wrong(self, person: Person) -> None:
        """Answers a question by asking for its answer: it comes back in ten minutes."""
        before = len(person.chat.by_bot)
        heading = self.ask(person, "/quiz pod")
        self.api.wait(lambda: person.chat.by_bot[before + 1].poll)
        person.presses(heading, say("choice.dunno"))
        self.api.wait(lambda: say("quiz.next") in heading.labels)

    def reminders(self, person: Person) -> list[str]:
        return [each.text for each in person.chat.by_bot if each.text == say("remind.now", count=1)]


@pytest.fixture
def house(tmp_path: Path) -> Any:
    with BotApi() as api, Clocked(api, tmp_path / "data", EIGHT - DAY) as bot:
        yield House(api, bot)
        api.quiet()
        assert [str(call) for call in api.calls if call.status >= 400 and call.status != 403] == []
        assert "Traceback" not in bot.log


def looked(house: House) -> None:
    """Returns when the bot has looked at the clock again."""
    import time

    time.sleep(0.4)


def test_reminders_come_once_a_day_when_something_is_due_and_end_with_the_chat(house: House) -> None:
    anna, ben, carl = (house.api.person(7_000 + at, language="en") for at in range(3))
    hours = house.ask(anna, "/remind")
    where = house.press(anna, hours, "20:00")
    assert where.text == say("remind.where", hour="20:00")
    told = say("remind.set", hour="20:00", zone="Beijing")
    assert house.press(anna, where, "Beijing").text == told
    assert house.ask(ben, "/remind 20：00 asia/shanghai").text == told
    assert house.ask(carl, "/remind 20:00 Asia/Shanghai").text == told
    house.bot.set(EIGHT - 3600)
    house.wrong(anna)
    house.wrong(ben)
    looked(house)
    assert house.reminders(anna) == []  # too early
    house.bot.set(EIGHT + 1)
    house.api.wait(lambda: house.reminders(anna) and house.reminders(ben))
    house.bot.kill()
    house.bot.start()
    house.bot.set(EIGHT + 1800)
    assert house.ask(anna, "/remind 20:45").text == say("remind.set", hour="20:45", zone="Beijing")
    house.bot.set(EIGHT + 46 * MINUTE)
    looked(house)
    assert [len(house.reminders(each)) for each in (anna, ben, carl)] == [1, 1, 0]  # carl has nothing due
    ben.blocks()
    house.bot.set(EIGHT + DAY + 46 * MINUTE)
    house.api.wait(lambda: len(house.reminders(anna)) == 2)
    reminder = anna.chat.by_bot[-1]
    house.api.wait(lambda: [call for call in house.api.calls if call.status == 403])
    ben.unblocks()
    assert house.press(anna, reminder, say("choice.remind-off")).text == say("remind.off")
    house.bot.set(EIGHT + 2 * DAY + 46 * MINUTE)
    looked(house)
    assert [len(house.reminders(each)) for each in (anna, ben, carl)] == [2, 1, 0]
    again = house.ask(ben, "/remind")
    assert again.text == say("remind.when")  # nothing is asked for any more
    assert house.ask(ben, "/remind half past").text == say("remind.what")
    assert house.ask(ben, "/remind 7 Nowhere/Town").text == say("remind.unknown-zone", hour="7:00")


def test_a_reminder_leads_to_the_review_and_everything_can_be_taken_along_and_forgotten(house: House) -> None:
    dora = house.api.person(7_010, language="en")
    house.ask(dora, "/remind 20:00 Asia/Shanghai")
    house.wrong(dora)
    house.bot.set(EIGHT + 1)
    house.api.wait(lambda: house.reminders(dora))
    asked = house.press(dora, dora.chat.by_bot[-1], say("choice.review"))
    assert say("reason.mistake", concept="Pod", day=say("day.yesterday")) in asked.text
    house.api.wait(lambda: dora.chat.by_bot[-1].poll)
    before = len(dora.chat.by_bot)
    dora.says("/export")
    kept = json.loads(house.api.wait(lambda: dora.chat.by_bot[before + 1].document) or b"")
    assert [(row["concept"], row["side"]) for row in kept["cards"]] == [("pod", "break")]
    assert [(row["item"] in ITEMS, row["known"]) for row in kept["votes"]] == [(True, False)]
    assert [(row["minute"], row["zone"]) for row in kept["reminders"]] == [(1200, "Asia/Shanghai")]
    house.ask(dora, "/forget yes")
    left = sqlite3.connect(house.bot.data / "learners.db")
    counts = [left.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("cards", "votes", "reminders")]
    assert counts == [0, 0, 0]


def test_a_reminder_after_midnight_is_that_of_the_day_before(house: House) -> None:
    """The bot was down for an hour; the next reminder is not a day too late."""
    anna = house.api.person(7_020, language="en")
    house.ask(anna, "/remind 23:30 Asia/Shanghai")
    house.wrong(anna)
    house.api.quiet()  # each answer stands
    house.bot.stop()
    late = EIGHT - DAY + 3.5 * 3_600
    house.bot.set(late + 3_600)
    house.bot.start()
    house.api.wait(lambda: house.reminders(anna))
    house.bot.set(late + DAY - MINUTE)
    looked(house)
    assert len(house.reminders(anna)) == 1
    house.bot.set(late + DAY)
    house.api.wait(lambda: len(house.reminders(anna)) == 2)


def test_nobody_is_reminded_of_what_left_the_bank_and_an_unknown_zone_stops_nobody(house: House) -> None:
    anna, ben, carl = (house.api.person(7_030 + at, language="en") for at in range(3))
    for each in (anna, ben, carl):
        house.ask(each, "/remind 20:00 Asia/Shanghai")
        house.wrong(each)
    house.api.quiet()  # each answer stands
    house.bot.stop()
    with sqlite3.connect(house.bot.data / "learners.db") as kept:
        kept.execute("UPDATE cards SET concept = 'gone' WHERE person = ?", (anna.id,))
        kept.execute("UPDATE reminders SET zone = 'Asia/Atlantis' WHERE person = ?", (ben.id,))  # of a newer list of zones
        kept.execute("UPDATE learners SET talk = replace(talk, 'Shanghai', 'Atlantis') WHERE person = ?", (ben.id,))
    kept.close()
    house.bot.set(EIGHT + 1)
    house.bot.start()
    house.api.wait(lambda: len(house.reminders(carl)) == 1)
    house.bot.set(EIGHT + DAY + 1)
    house.api.wait(lambda: len(house.reminders(carl)) == 2)
    assert house.reminders(anna) == []
    assert len(house.reminders(ben)) == 1
    assert house.ask(ben, "/review").text.startswith("🍋 Question 2\n")
