"""The course, walked through whole: in the classroom with every right and every wrong answer, in a terminal, and in a chat."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bot.classroom import Classroom
from bot.knowledge import base, courses
from bot.knowledge.measure import CITATION
from bot.knowledge.schema import LANGUAGES, Language
from bot.learners import Learner, Voted
from bot.replies import Answer, Picture, Reply, phone_lines
from tests.botapi import BotApi
from tests.conftest import Run
from tests.served import Served
from tests.test_telegram import Room

KNOWLEDGE = base.load(base.default_folder())
PICTURE = KNOWLEDGE.pictures["lemonade"]
assert PICTURE.course
COURSE = PICTURE.course
SCREEN, PLAYED = 22, 30  # lines of a phone, buttons apart; with the counter after a play
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
    for _ in COURSE.lessons:
        for screen in pupil.lesson():
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
    asked = [vote.item for vote in pupil.votes if vote.within not in ("before", "after", "later")]
    assert not {*before, *after, *later}.intersection(asked)  # what the course never showed
    assert len({*before, *after, *later}) == len(before) + len(after) + len(later)
    assert {vote.within for vote in pupil.votes} == {"before", "after", "later", *COURSE.lessons}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lesson_takes_minutes(language: Language) -> None:
    claims = {f"{concept.id}.{key}": claim for concept in KNOWLEDGE.concepts.values() for key, claim in concept.claims.items()}
    truths = {id: stop.truth for id, stop in PICTURE.breaks.items()}
    taken = {id: courses.minutes(lesson, language, claims, truths) for id, lesson in PICTURE.lessons.items()}
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


def test_whoever_misses_one_thing_twice_is_offered_another_picture() -> None:
    pupil = Pupil()
    id = next(id for id, item in PICTURE.items.items() if item.stops and _otherwise(item.stops))
    for times in (1, 2):
        pupil.says(f"/quiz {PICTURE.items[id].concept}")
        pupil.learner.pending = None
        pupil.says(f"/vote {id} {_wrong(pupil, id)}")
        assert (KNOWLEDGE.say("choice.otherwise", "zh") in pupil.offers) == (times == 2)
    told = pupil.taps("choice.otherwise").text
    assert told.startswith(KNOWLEDGE.say("otherwise", "zh"))


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
    for asked in ("Pod", "/confused", "/new", f"/language {language}"):
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
    done = run("chat", stdin="/learn\n1\n1\n/learn receipt 5\n1\n2\n1\n", BOT_LANGUAGE="zh", COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("点过外卖吗", "🧾 小票和小票柜 · 5/7", "表交上去会怎样", "出杯台：3/3 杯能喝", "比喻到此为止"):
        assert words in done.stdout


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
