"""The course, walked through whole: in the classroom with every right and every wrong answer, in a terminal, and in a chat."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bot.cited import gap
from bot.classroom import Classroom
from bot.frontends.terminal import Screen, draw
from bot.knowledge import base, courses
from bot.knowledge.measure import CITATION
from bot.knowledge.schema import LANGUAGES, Language
from bot.learners import Learner, Voted
from bot.replies import Answer, Paragraph, Picture, Reply, phone_lines
from tests.botapi import BotApi, Message
from tests.conftest import Run
from tests.served import Served
from tests.test_telegram import Room, side_by_side

KNOWLEDGE = base.load(base.default_folder())
PICTURE = KNOWLEDGE.pictures["lemonade"]
assert PICTURE.course
COURSE = PICTURE.course
LEGIBLE = 22  # pixels of 1080
SCREEN, PLAYED = 16, 17  # lines of a phone, buttons apart; with the counter after a play
DAY = 86_400.0
LEARNERS = TypeAdapter(Learner)


async def at_once(seconds: float) -> None:
    """A pause that nobody has to wait for."""


class Pupil:
    """Somebody who walks through the course, in the classroom itself."""

    def __init__(self, language: Language = "zh", person: int = 5) -> None:
        self.day = 20_000
        self.classroom = Classroom(KNOWLEDGE, "lemonade", language, sleep=at_once, seed=lambda: 7, now=lambda: self.day * DAY)
        self.learner = Learner(person, person, language, chosen=True)
        self.last = Reply(())
        self.votes: list[Voted] = []

    def says(self, text: str) -> Reply:
        async def heard() -> list[Reply]:
            return [reply async for reply in self.classroom.hear(self.learner, text)]

        self.last = asyncio.run(heard())[-1]
        self.votes += [note for note in self.learner.notes if isinstance(note, Voted)]
        self.learner.notes.clear()
        self.learner = LEARNERS.validate_json(LEARNERS.dump_json(self.learner))  # as it is kept between two messages
        return self.last

    def taps(self, key: str) -> Reply:
        """Presses the button with this text of the house."""
        label = KNOWLEDGE.say(key, self.learner.language or "zh")
        return self.says(next(choice.command for choice in self.last.choices if choice.label == label))

    @property
    def offers(self) -> dict[str, str]:
        return {choice.label: choice.command for choice in self.last.choices}

    def answers(self, right: bool = True) -> Reply:
        """Answers the question that waits, by whatever it is answered with."""
        assert self.learner.pending
        id = self.learner.pending.item
        item, key = PICTURE.items[id], self.classroom.quiz.key(id)
        if not right:
            return self.says(f"/dunno {id}")
        match item.type:
            case "explain":
                said = [item.options[at].detect[self.learner.language or "zh"][0] for at in key]
                return self.says("; ".join(said))
            case "multiple":
                for at in key:
                    self.says(f"/tap {id} {at + 1}")
                return self.says(f"/tap {id} done")
            case "order" | "match":
                for at in key[:-1]:
                    self.says(f"/tap {id} {at + 1}")
                return self.last
            case _:
                return self.says(f"/vote {id} {key[0] + 1}")

    def lesson(self, right: bool = True) -> Iterator[Reply]:
        """Every screen up to the end of the lesson that is open; the guesses are all the first."""
        for _ in range(60):
            yield self.last
            if self.learner.pending:
                self.answers(right)
                self.says("/learn")
                if not self.learner.pending and not (self.learner.walk and self.learner.walk.lesson):
                    return
            elif guess := next((command for command in self.offers.values() if command.startswith("/guess")), None):
                self.says(guess)
            else:
                self.says(next(command for command in self.offers.values() if command.startswith("/learn ")))
        raise AssertionError("a lesson without an end")


def begun(language: Language = "zh", person: int = 5) -> Pupil:
    pupil = Pupil(language, person)
    pupil.says("/learn")
    pupil.taps("learn.choice.picture")
    pupil.taps("learn.choice.begin")
    return pupil


def examined(pupil: Pupil, right: bool = True) -> list[str]:
    """Does the test that is offered; the items it asked."""
    pupil.taps("learn.choice.test")
    asked = []
    while pupil.learner.pending:
        asked.append(pupil.learner.pending.item)
        pupil.answers(right)
        pupil.says("/learn")
    return asked


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_course_from_the_first_question_to_a_week_later(language: Language) -> None:
    pupil = begun(language)
    before = examined(pupil, right=False)
    pupil.taps("learn.choice.on")
    seen = ""
    for _ in COURSE.lessons:
        for screen in pupil.lesson():
            if pupil.learner.pending:
                asked = " ".join((screen.text, *pupil.offers))
                assert _called(asked, language) <= _called(seen, language), screen.text
            seen += screen.text
            spans = [span for block in screen.blocks if isinstance(block, Paragraph) for span in block.spans]
            assert all(span.text or span.style == "plain" for span in spans), screen.text  # an entity of nothing is refused
            lines = sum(map(phone_lines, screen.blocks)) + len(screen.blocks) - 1
            assert lines <= (PLAYED if isinstance(screen, Answer) else SCREEN), screen.text
        pupil.taps("learn.choice.on")
    assert pupil.learner.walk
    assert pupil.learner.walk.passed == COURSE.lessons
    after = examined(pupil)
    assert pupil.last.text == KNOWLEDGE.say(
        "learn.after.done", language, before=0, of=len(before), right=len(after), count=len(after)
    )
    pupil.day += 6
    pupil.says("/learn")
    assert KNOWLEDGE.say("learn.choice.test", language) not in pupil.offers
    pupil.day += 1
    pupil.says("/learn")
    later = examined(pupil)
    assert pupil.last.text == KNOWLEDGE.say(
        "learn.later.done", language, before=0, of=len(before), right=len(later), count=len(later)
    )
    card = pupil.taps("learn.choice.on")
    assert isinstance(card, Picture)
    assert "2024-10-11" in card.svg
    assert min(map(int, re.findall(r'font-size="(\d+)"', card.svg))) >= LEGIBLE
    practised = [vote.item for vote in pupil.votes if vote.within not in ("before", "after", "later")]
    assert not {*before, *after, *later}.intersection(practised)  # what the course never showed
    assert len({*before, *after, *later}) == len(before) + len(after) + len(later)
    assert {vote.within for vote in pupil.votes} == {"before", "after", "later", *COURSE.lessons}


def _called(text: str, language: Language) -> set[str]:
    """The concepts that are called by a name of one word with a capital in it."""
    names = {name: each.id for each in KNOWLEDGE.concepts.values() if not (name := each.name[language]).islower()}
    return {id for name, id in names.items() if name.isascii() and re.search(rf"\b{re.escape(name)}s?\b", text, re.ASCII)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lesson_takes_minutes(language: Language) -> None:
    claims = {f"{concept.id}.{key}": claim for concept in KNOWLEDGE.concepts.values() for key, claim in concept.claims.items()}
    taken = {id: courses.minutes(lesson, language, claims, PICTURE.breaks) for id, lesson in PICTURE.lessons.items()}
    assert all(3 <= minutes <= 10 for minutes in taken.values()), taken


def test_a_lesson_is_not_passed_by_one_lucky_answer() -> None:
    pupil = begun()
    pupil.says("/learn receipt items")
    pupil.answers(right=True)
    pupil.says("/learn")
    while pupil.learner.pending:
        pupil.answers(right=False)
        pupil.says("/learn")
    assert pupil.learner.walk
    assert pupil.learner.walk.passed == ()
    assert KNOWLEDGE.say("learn.choice.again", "zh") in pupil.offers


def test_a_missed_question_asks_for_one_more() -> None:
    pupil = begun()
    pupil.says("/learn receipt items")
    for right in (False, True, True, True):
        assert pupil.learner.pending
        pupil.answers(right)
        pupil.says("/learn")
    assert pupil.learner.walk
    assert pupil.learner.walk.passed == ("receipt",)


@pytest.mark.parametrize("typed", ["number", "letter"])
def test_a_missed_question_in_a_terminal_still_shows_its_options_by_number(typed: str) -> None:
    pupil, id = begun("en"), "one-edition-two-tastes"
    (right,) = pupil.classroom.quiz.key(id)
    pupil.classroom.quiz.pose(id, pupil.learner, "en")
    missed = pupil.says(f"/tap {id} {_wrong(pupil, id)}")
    console = Screen(width=40, file=io.StringIO())
    draw(console, missed)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    text = PICTURE.items[id].options[right].text.en
    number, label = next((at, each.label) for at, each in enumerate(missed.choices, 1) if each.full == text)
    assert f" {number} {text.split()[0]}" in shown
    assert f"{label}. " not in shown
    assert pupil.says(str(number) if typed == "number" else label.lower()).text.startswith("✅")


def test_somebody_who_knows_it_is_examined_without_the_lesson() -> None:
    pupil = begun()
    pupil.says("/learn shop 1")
    pupil.taps("learn.choice.skip")
    for _ in range(courses.ITEMS):
        pupil.answers()
        pupil.says("/learn")
    assert pupil.learner.walk
    assert pupil.learner.walk.passed == ("shop",)
    pupil.says("/learn pods skip")  # no such lesson: the way goes on
    pupil.says("/learn growing skip")
    pupil.answers(right=False)
    for _ in range(courses.ITEMS - 1):
        pupil.says("/learn")
        pupil.answers()
    pupil.says("/learn")
    assert pupil.learner.walk.passed == ("shop",)


def test_a_placement_opens_the_questions_of_a_lesson_and_passes_none() -> None:
    pupil = Pupil()
    pupil.says("/learn")
    pupil.taps("learn.choice.picture")
    pupil.taps("learn.choice.placement")
    while pupil.learner.pending:
        pupil.answers()
        pupil.says("/learn")
    walk = pupil.learner.walk
    assert walk
    assert (walk.passed, bool(walk.known)) == ((), True)
    pupil.says(f"/learn {walk.known[0]} skip")
    assert pupil.learner.pending


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_thing_is_named_beside_its_picture(language: Language) -> None:
    pupil = begun(language)
    for id, lesson in PICTURE.lessons.items():
        named = set()
        for at, step in enumerate(lesson.steps, 1):
            if step.about and step.about not in named:
                named.add(step.about)
                pair = f"🍋 {PICTURE.roles[step.about].role[language]} ↔ {KNOWLEDGE.concepts[step.about].name[language]}"
                assert pair in pupil.says(f"/learn {id} {at}").text.splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_the_picture_nothing_is_said_of_lemonade(language: Language) -> None:
    pupil = Pupil(language)
    pupil.says("/learn")
    pupil.taps("learn.choice.plain")
    words = ("柠檬", "店", "托盘", "小票") if language == "zh" else ("lemonade", "shop", "tray", "receipt")
    for id, lesson in PICTURE.lessons.items():
        for at, step in enumerate(lesson.steps, 1):
            if not step.breakage:
                text = pupil.says(f"/learn {id} {at}").text
                words = ("柠檬", "店", "托盘", "小票") if language == "zh" else ("lemonade", "shop", "tray", "receipt")
                assert not any(word in text.partition("\n")[2].lower() for word in words), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_misses_one_thing_twice_is_offered_another_picture(language: Language) -> None:
    pupil = Pupil(language)
    id = next(id for id, item in PICTURE.items.items() if item.stops and _otherwise(item.stops))
    for times in (1, 2):
        pupil.says(f"/quiz {PICTURE.items[id].concept}")
        pupil.learner.pending = None
        pupil.says(f"/vote {id} {_wrong(pupil, id)}")
        assert (KNOWLEDGE.say("choice.otherwise", language) in pupil.offers) == (times == 2)
    told = pupil.taps("choice.otherwise").text
    assert told.startswith(KNOWLEDGE.say("otherwise", language) + gap(language))


def _otherwise(stop: str) -> bool:
    return bool((found := PICTURE.breaks.get(stop)) and found.otherwise)


def _wrong(pupil: Pupil, id: str) -> int:
    return next(at for at in range(len(PICTURE.items[id].options)) if at not in pupil.classroom.quiz.key(id)) + 1


@pytest.mark.parametrize(("language", "word"), [("zh", "继续"), ("en", "next")])
def test_a_lesson_goes_on_at_a_word_and_is_found_again_after_a_question(language: Language, word: str) -> None:
    pupil = begun(language)
    pupil.says("/learn receipt 1")
    assert pupil.says(word).text.startswith(PICTURE.lessons["receipt"].title[language] + " · 2/")
    screen = pupil.last.text
    for asked in ("Pod", "/confused", "/new", "/start", f"/language {language}"):
        pupil.says(asked)
        assert pupil.taps("choice.lesson").text == screen
    pupil.says("/learn receipt items")
    assert pupil.last.text.startswith(
        KNOWLEDGE.say("learn.asked", language, title=PICTURE.lessons["receipt"].title[language], at=1, count=3)
    )


def test_whoever_cannot_pass_any_more_is_told_so_and_may_go_ahead() -> None:
    pupil = begun()
    pupil.says("/learn receipt items")
    for _ in range(courses.ITEMS):
        pupil.answers(right=False)
        pupil.says("/learn")
    assert not pupil.learner.pending
    assert pupil.taps("learn.choice.ahead").text.startswith(PICTURE.lessons[COURSE.lessons[1]].title.zh)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("id", COURSE.lessons)
def test_a_lesson_closes_on_what_was_told(id: str, plain: bool) -> None:
    pupil = Pupil()
    pupil.says("/learn " + ("plain" if plain else "picture"))
    pupil.says(f"/learn {id} items")
    assert pupil.learner.walk
    told = told_up_to(id)
    for each in pupil.learner.walk.asks:
        item = PICTURE.items[each]
        assert len({*CITATION.findall(item.explain.zh)} - told) <= 1, each
        assert item.type != "explain"


def told_up_to(id: str) -> set[str]:
    told = set[str]()
    for each in COURSE.lessons[: COURSE.lessons.index(id) + 1]:
        lesson = PICTURE.lessons[each]
        plays = [PICTURE.breakages[play] for play in lesson.plays]
        stops = [stop for step in lesson.steps for stop in step.stops] + [play.stops for play in plays]
        found = [PICTURE.breaks.get(stop) or KNOWLEDGE.misconception(stop) for stop in stops]
        told.update(claim for step in lesson.steps for claim in step.truth)
        told.update(
            *(CITATION.findall(play.told.zh) for play in plays), *(CITATION.findall(stop.truth.zh) for stop in found if stop)
        )
    return told


WORDS = st.sampled_from(
    ["", "picture", "plain", "list", "before", "after", "later", "placement", "on", "nothing", "receipt", "receipt 0"]
    + [f"{id} {at}" for id, at in (("receipt", "1"), ("receipt", "5"), ("shop", "99"), ("beside", "items"), ("beside", "skip"))]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS | st.just("!right") | st.just("!wrong"), max_size=12))
def test_any_button_at_any_time(taps: list[str]) -> None:
    pupil = Pupil()
    for tap in taps:
        if tap[:1] != "!":
            pupil.says(f"/learn {tap}".strip())
        elif pupil.learner.pending:
            pupil.answers(tap == "!right")
        assert pupil.last.text != KNOWLEDGE.say("apology", "zh")
    json.loads(LEARNERS.dump_json(pupil.learner))


def test_the_course_in_a_terminal(run: Run) -> None:
    done = run("chat", stdin="/learn\n1\n1\n/learn receipt 6\n1\n2\n1\n", BOT_LANGUAGE="zh", COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("点过外卖吗", "🧾 小票和小票柜 · 6/8", "表交上去会怎样", "出杯台：3/3 杯能喝", "比喻到此为止"):
        assert words in done.stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lesson_in_a_terminal_goes_on_the_next_time(run: Run, language: Language) -> None:
    def says(*lines: str) -> str:
        return run("chat", stdin="\n".join([*lines, ""]), BOT_LANGUAGE=language, COLUMNS="80").stdout

    title = PICTURE.lessons["shop"].title[language]
    says("/learn", "1", "/learn shop 1", "1", "1")
    assert says("/learn").splitlines()[1] == f"{title} · 3/{len(PICTURE.lessons['shop'].steps)}"
    asked = KNOWLEDGE.say("learn.asked", language, title=title, at=1, count=courses.ITEMS)
    assert asked in says("/learn shop items")
    assert says("/learn").splitlines()[1] == asked
    assert KNOWLEDGE.say("forgotten", language) in says("/forget yes")
    assert KNOWLEDGE.say("learn.choice.picture", language) in says("/learn")


def test_a_lesson_in_a_chat_goes_on_after_a_restart(tmp_path: Path) -> None:
    with BotApi() as api:
        bot = Served(api, tmp_path)
        with bot:
            room = Room(api, bot)
            anna = room.person()
            room.answer(anna.chat, lambda: anna.says("/learn"))
            room.answer(anna.chat, lambda: anna.says("/learn picture"))
            shown = room.answer(anna.chat, lambda: anna.says("/learn shop 3"))
            assert "3/" in shown.text
        with bot:
            again = room.answer(anna.chat, lambda: anna.says("/learn"))
            assert again.text == shown.text


def test_a_base_that_changed_between_two_starts(tmp_path: Path, copy: Path) -> None:
    """A lesson, questions and a claim have other names than when they were on the screen."""

    def renamed(old: str, new: str) -> None:
        for path in sorted(copy.rglob("*")):
            if path.is_file() and old in (text := path.read_text("utf-8")):
                path.write_text(text.replace(old, new), "utf-8")

    with BotApi() as api:
        bot = Served(api, tmp_path / "data", BOT_KNOWLEDGE_DIR=str(copy))
        with bot:
            room = Room(api, bot)
            people = [room.person("en") for _ in range(3)]

            def begins(number: int) -> Message:
                anna = people[number]
                told = room.ask(anna, "What is etcd?")
                room.ask(anna, "/learn picture")
                room.ask(anna, ("/learn shop items", "/learn receipt items", "/learn before")[number])
                return told

            told = side_by_side(*(partial(begins, number) for number in range(3)))[0]
        kept = sqlite3.connect(bot.data / "learners.db")
        talks = [json.loads(talk) for (talk,) in kept.execute("SELECT talk FROM learners ORDER BY person")]
        kept.close()
        renamed("etcd.c1]", "etcd.c91]")
        renamed("etcd.c1,", "etcd.c91,")
        etcd = copy / "truth/concepts/etcd.yaml"
        etcd.write_text(etcd.read_text("utf-8").replace("\n  c1:", "\n  c91:"), "utf-8")
        renamed("standing-order, last-mile", "standing-order, store, last-mile")
        renamed("dispatcher, shop,", "dispatcher,")
        (copy / "metaphors/lemonade/lessons/shop.yaml").rename(copy / "metaphors/lemonade/lessons/store.yaml")
        for number, id in enumerate(id for talk in talks[1:] for id in talk["walk"]["asks"]):
            renamed(id, f"question-{number}")
        with bot:

            def goes_on(number: int) -> list[str]:
                anna = people[number]
                said = [room.press(anna, told, "Sources").text] if number == 0 else []
                said += [room.ask(anna, words).text for words in ("tell me more", "/learn")]
                return [*said, room.ask(anna, "/learn list").text]

            shown = side_by_side(*(partial(goes_on, number) for number in range(3)))
    words = [said for each in shown for said in each]
    assert KNOWLEDGE.say("apology", "en") not in words
    assert shown[0][0] == KNOWLEDGE.say("told.old", "en")
    assert shown[0][2] == shown[2][1] == KNOWLEDGE.say("learn.before", "en", count=len(COURSE.tests[0]))
    place = KNOWLEDGE.say("learn.asked", "en", title=PICTURE.lessons["receipt"].title.en, at=1, count=courses.ITEMS)
    assert shown[1][1].startswith(place)


def test_what_was_answered_counts_when_its_first_button_is_pressed_again() -> None:
    """The button of a test and that of a lesson's questions stay on the screen."""
    pupil = begun()
    for again in ("/learn before", "/learn shop items"):
        pupil.says(again)
        assert pupil.learner.walk
        asked = [*pupil.learner.walk.asks]
        pupil.answers(right=True)
        pupil.says(again)
        assert pupil.learner.walk.asks == {**dict.fromkeys(asked), asked[0]: True}
    pupil.says("/learn before")
    for _ in COURSE.tests[0]:
        pupil.answers(right=False)
        pupil.says("/learn")
    pupil.says("/learn before")  # the result stands: it is what is compared
    assert pupil.learner.walk
    assert pupil.learner.walk.tests == {"before": (0, len(COURSE.tests[0]), pupil.day)}
    assert not pupil.learner.pending
