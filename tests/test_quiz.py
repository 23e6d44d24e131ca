"""The quiz: seven types of questions, their hints and second tries, in the classroom, in a terminal and in a chat."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bot.classroom import Classroom
from bot.frontends.telegram.drawn import draw, units
from bot.knowledge import base
from bot.knowledge.schema import LANGUAGES, Item, Language
from bot.knowledge.source import read
from bot.learners import Learner, Pending, Voted
from bot.quiz import board, grading
from bot.replies import PHONE_LINES, Nod, Poll, Reply, phone_lines
from bot.simulation import facts
from tests.botapi import BotApi, Message, Person
from tests.botapi.world import Press
from tests.conftest import ROOT, Run
from tests.served import Served
from tests.test_telegram import Beside, Room, says, side_by_side

SHIPPED = base.load(base.default_folder())
ITEMS = ROOT / "tests/data/items.yaml"
IDS = ("a-single", "b-cloze", "c-multiple", "d-order", "e-match", "f-explain", "g-predict")
KEPT = TypeAdapter(Learner)
PLAIN = str.maketrans("", "", "⁰¹²³⁴⁵⁶⁷⁸⁹\u2009")
BOARD = 19  # lines that one of the shipped items may take with what was said about it
PHONE = 24  # lines that a question may take with all that was said about it
# What is pressed or said to answer each item rightly, and wrongly each time.
RIGHT: dict[str, list[str]] = {
    "a-single": ["New Pods take their place"],
    "b-cloze": ["kubelet"],
    "c-multiple": ["☐ Create Pods from a template", "☐ Keep the number of Pods", "✅ Hand in"],
    "d-order": ["The ReplicaSet", "The Pod", "The node for the Pod"],
    "e-match": ["selects a node", "creates containers and keeps them running and healthy"],
    "f-explain": ["The old ones are gone, a new Pod comes"],
    "g-predict": ["A new Pod is added"],
}
WRONG: dict[str, list[str]] = {
    "a-single": ["They move to another node"],
    "b-cloze": ["scheduler"],
    "c-multiple": ["☐ Update an app step by step", "✅ Hand in"],
    "d-order": ["The Pod", "The ReplicaSet", "The node for the Pod"],
    "e-match": ["keeps the number", "selects a node"],
    "f-explain": ["They are moved to the next one."],
    "g-predict": ["Two Pods are left"],
}
KEYS: dict[str, tuple[int, ...]] = {
    "a-single": (1,), "b-cloze": (0,), "c-multiple": (0, 2), "d-order": (0, 1, 2, 3), "e-match": (0, 1, 2),
    "f-explain": (0, 1), "g-predict": (1,),
}  # fmt: skip


def base_of(folder: Path, *ids: str) -> Path:
    """A base whose whole bank is these items of `data/items.yaml`."""
    shutil.copytree(ROOT / "knowledge", folder)
    shutil.rmtree(folder / "truth/items", ignore_errors=True)
    shutil.rmtree(folder / "metaphors/lemonade/items")
    shutil.rmtree(folder / "metaphors/lemonade/lessons")  # the course asks items that this bank has not
    (folder / "metaphors/lemonade/course.yaml").unlink()
    (folder / "truth/items").mkdir()
    areas = folder / "metaphors/lemonade/areas.yaml"
    areas.write_text(areas.read_text("utf-8").replace("welcome: [one-cup-falls-over]", "welcome: [a-single]"), "utf-8")
    fill(folder, *ids)
    return folder


def fill(folder: Path, *ids: str) -> None:
    items = read(ITEMS).data["items"]
    text = yaml.safe_dump({"items": {id: items[id] for id in ids}}, allow_unicode=True)
    (folder / "truth/items/items.yaml").write_text(text, "utf-8")


@cache
def classroom() -> Classroom:
    """One on the items of `data/items.yaml`; every question gets another seed."""
    with TemporaryDirectory() as folder:
        return Classroom(base.load(base_of(Path(folder) / "base", *IDS)), "lemonade", "zh", seed=count().__next__)


class Talk:
    """One learner in a classroom."""

    def __init__(self, language: Language = "en", room: Classroom | None = None) -> None:
        self.classroom, self.learner, self.reply = room or classroom(), Learner(language=language, chosen=True), Reply(())

    def says(self, text: str) -> Reply:
        async def replies() -> list[Reply]:
            return [each async for each in self.classroom.hear(self.learner, text) if not each.draft]

        (self.reply,) = asyncio.run(replies())
        return self.reply

    def presses(self, label: str) -> Reply:
        """The button with this label, or with the letter of this option; words where there is none."""
        letters = {text: letter for letter, text in re.findall(r"^([A-F])\. (.+)$", self.reply.text, re.MULTILINE)}
        found = (each.command for each in self.reply.choices if each.label in (label, letters.get(label)))
        return self.says(next(found, label))

    def answers(self, labels: list[str]) -> Reply:
        for label in labels:
            self.presses(label)
        return self.reply

    def asks(self, item: str) -> Reply:
        """`/quiz`, to somebody who has answered all items before this one."""
        self.learner.quiz = {each: True for each in IDS if each < item}
        self.classroom.quiz.pose(item, self.learner, self.learner.language or "en")
        return self.says("/quiz")

    @property
    def labels(self) -> list[str]:
        return [choice.label for choice in self.reply.choices]

    @property
    def noted(self) -> list[Voted]:
        return [note for note in self.learner.notes if isinstance(note, Voted)]

    def restarts(self) -> None:
        """The learner is kept and loaded anew."""
        self.learner = KEPT.validate_json(KEPT.dump_json(self.learner))


def item_of(id: str) -> Item:
    return classroom().picture.items[id]


def lines_of(reply: Reply) -> int:
    return sum(map(phone_lines, reply.blocks))


# ------------------------------------------------------------------- asking


def test_what_fits_a_poll_is_one_and_what_does_not_has_buttons() -> None:
    asked = {id: Talk().asks(id) for id in IDS}
    assert [id for id, reply in asked.items() if isinstance(reply, Poll)] == ["a-single", "b-cloze", "g-predict"]
    poll = asked["g-predict"]
    assert isinstance(poll, Poll)
    assert (poll.item, poll.options, poll.right) == ("g-predict", 3, 1)  # nobody wrote which one is right
    assert [choice.label for choice in poll.choices[3:]] == [says("choice.hint", "en"), says("choice.dunno", "en")]
    heading = says("quiz.heading", "en", number=4, count=7)
    assert asked["d-order"].text == f"{heading}\n\n{item_of('d-order').stem.en}\n\n{says('quiz.how.order', 'en')}"
    assert [choice.label for choice in asked["f-explain"].choices] == [says("choice.hint", "en"), says("choice.dunno", "en")]


def test_a_board_can_be_forced() -> None:
    talk = Talk()
    talk.reply = talk.classroom.quiz.pose("a-single", talk.learner, "en", poll=False, by="/review")
    assert type(talk.reply) is Reply
    assert len(talk.labels) == 5
    assert [choice.command for choice in talk.presses("New Pods take their place").choices][:2] == ["/review", "/ask pod"]


def test_what_was_never_asked_comes_first_then_what_went_wrong_then_all_anew() -> None:
    talk, asked = Talk(), []
    for _ in range(9):  # as in a group, where nobody's memory is asked
        talk.classroom.quiz.ask(talk.learner, "en")
        talk.says("/quiz")
        assert talk.learner.pending
        asked.append(talk.learner.pending.item)
        talk.answers(RIGHT[asked[-1]] if len(asked) not in (2, 5) else ["/dunno"])
    assert asked == [*IDS, "b-cloze", "e-match"]
    talk.classroom.quiz.ask(talk.learner, "en")
    assert talk.says("/quiz").text.startswith("🍋 Question 7")


@given(st.integers(0, 2**31), st.sampled_from(IDS))
def test_every_seed_shows_every_option_once_and_none_gives_an_order_away(seed: int, id: str) -> None:
    shown = board.shuffled(item_of(id), seed)
    assert sorted(shown) == list(range(len(item_of(id).options)))
    assert shown == board.shuffled(item_of(id), seed)
    if item_of(id).type in board.IN_TURN:
        assert list(shown) != sorted(shown)


# ---------------------------------------------------------------- answering


@pytest.mark.parametrize("id", IDS)
def test_a_right_answer_is_noted_once_and_told_with_its_sources(id: str) -> None:
    talk = Talk()
    talk.asks(id)
    reply = talk.answers(RIGHT[id])
    assert reply.text.startswith("✅ Right! ")
    assert reply.text.endswith(f"\n\n{IDS.index(id) + 1} of {IDS.index(id) + 1} right so far")
    assert talk.labels[0] == "Next question"
    assert talk.labels[2] == "Sources"
    (note,) = talk.noted
    assert (note.item, note.right, note.hints, note.tries, note.known) == (id, True, 0, 1, True)
    assert set(note.options) == set(KEYS[id])
    assert talk.learner.pending is None
    assert "kubernetes.io" in str(talk.presses("Sources").blocks)


@pytest.mark.parametrize("id", IDS)
def test_after_a_wrong_answer_there_is_a_second_try(id: str) -> None:
    talk = Talk()
    talk.asks(id)
    reply = talk.answers(WRONG[id])
    assert talk.noted == []
    assert item_of(id).stem.en in reply.text
    assert "🤔" in reply.text
    if id == "c-multiple":
        talk.presses("☑ Update an app step by step")  # it is still ticked
    talk.answers(RIGHT[id])
    assert talk.noted == [Voted(id, KEYS[id], True, 0, 2, True)]


@pytest.mark.parametrize("id", IDS)
def test_after_two_wrong_answers_the_right_one_is_told(id: str) -> None:
    talk = Talk()
    talk.asks(id)
    talk.answers(WRONG[id])
    again = {
        "a-single": ["They wait for you to deploy"],
        "b-cloze": ["Service"],
        "c-multiple": ["☐ Remove the newest first", "✅ Hand in"],
        "g-predict": ["The old one restarts"],
    }
    reply = talk.answers(again.get(id, WRONG[id]))
    (note,) = talk.noted
    assert (note.item, note.right, note.hints, note.tries, note.known) == (id, False, 0, 2, True)
    for at in KEYS[id]:
        assert item_of(id).options[at].text.en in reply.text
    assert talk.learner.pending is None


@pytest.mark.parametrize("id", IDS)
def test_who_does_not_know_is_shown_the_answer_and_not_scolded(id: str) -> None:
    talk = Talk()
    talk.asks(id)
    reply = talk.says("/dunno")
    assert reply.text.startswith(says("quiz.dunno", "en") + " ")
    for at in KEYS[id]:
        assert item_of(id).options[at].text.en in reply.text
    assert talk.noted == [Voted(id, (), False, 0, 0, False)]


def test_the_feedback_is_that_of_the_option() -> None:
    talk = Talk()
    talk.asks("a-single")
    assert "🤔 Not that one. Moving sounds easy, but a Pod is never" in talk.presses("They move to another node").text
    assert "They move to another node" not in talk.labels  # it was wrong
    reply = talk.presses("They wait for you to deploy")
    assert reply.text == (
        "🤔 Not that one. You need do nothing, as new ones replace them.¹\n\n✓ New Pods take their place\n\n0 of 1 right so far"
    )


def test_an_order_grows_and_can_be_undone() -> None:
    talk = Talk()
    talk.asks("d-order")
    assert "1. The Pod\n\n" in talk.presses("The Pod").text
    assert "The Pod" not in talk.labels
    assert "1. The Pod" not in talk.presses("↩️ Undo").text
    assert "The Pod" in talk.labels
    reply = talk.answers(WRONG["d-order"])
    marks = "✗ 1. The Pod\n✗ 2. The ReplicaSet\n✓ 3. The node for the Pod\n✓ 4. The containers"
    assert f"🤔 Not all of it yet. \n{marks}" in reply.text


def test_a_pair_is_asked_side_by_side_and_long_options_get_letters() -> None:
    talk = Talk()
    assert "scheduler ↔ ?" in talk.asks("e-match").text
    assert sorted(talk.labels)[:3] == ["A", "B", "C"]
    options = talk.reply.blocks[-1]
    letter = next(letter for letter, text in re.findall(r"([A-C])\. (.+)", str(options)) if text == "selects a node")
    reply = talk.presses("selects a node")
    assert f"scheduler ↔ {letter}\n\nkubelet ↔ ?" in reply.text
    assert reply.blocks[-1] == options  # each keeps its letter
    assert letter not in talk.labels


def test_ticks_come_and_go_and_what_is_missing_is_counted() -> None:
    talk = Talk()
    talk.asks("c-multiple")
    assert "✅ Hand in" not in talk.labels
    talk.presses("☐ Create Pods from a template")
    talk.presses("☑ Create Pods from a template")
    assert "✅ Hand in" not in talk.labels
    reply = talk.answers(["☐ Create Pods from a template", "✅ Hand in"])
    assert "🤔 Not all of it yet. \n\nStill missing: 1." in reply.text
    same = talk.presses("✅ Hand in")  # a second press of the same button is no second try
    assert (same.blocks, talk.noted) == (reply.blocks, [])


# --------------------------------------------------------------- explaining


def test_an_explanation_is_graded_by_what_it_says() -> None:
    talk = Talk("zh")
    talk.asks("f-explain")
    reply = talk.says("旧的没了，Pod 会搬到别的节点")
    met, missing = "✓ 旧 Pod 没了", says("quiz.missing", count=1)
    assert f"{says('quiz.partly')}Pod 不会改派到别的节点。¹\n\n{met}\n\n{missing}\n\n" in reply.text
    reply = talk.says("那就是说不清楚了")
    assert f"\n\n{met}\n➕ 新 Pod 来顶替，IP 不同\n\n" in reply.text
    assert talk.noted == [Voted("f-explain", (0,), False, 0, 2, True)]


def test_what_was_said_at_first_counts_at_the_second_try() -> None:
    talk = Talk("zh")
    talk.asks("f-explain")
    talk.says("旧的没了")
    assert talk.says("新 Pod 会顶替它").text.startswith("✅")
    assert talk.noted == [Voted("f-explain", (0, 1), True, 0, 2, True)]


@pytest.mark.parametrize("aside", ["What is a Pod?", "Pod 是什么？", "/map", "thanks", "/cancel"])
def test_a_question_a_command_and_small_talk_are_no_explanation(aside: str) -> None:
    talk = Talk()
    asked = talk.asks("f-explain")
    talk.says(aside)
    assert "Pod" in talk.says("What is a Pod").text  # nobody listens for an explanation now
    assert talk.noted == []
    assert talk.says("/quiz") == asked
    assert talk.answers(RIGHT["f-explain"]).text.startswith("✅")


@settings(deadline=None)  # the first call opens the classroom
@given(st.text(max_size=80))
def test_whatever_is_typed_is_a_reply_and_no_more_than_one_note(words: str) -> None:
    talk = Talk()
    talk.asks("f-explain")
    talk.says(words)
    talk.says(words)
    assert len(talk.noted) <= 1
    assert not any(note.right for note in talk.noted if not re.search("没了|消失|gone|die", words, re.IGNORECASE))


@pytest.mark.parametrize("id", ["a-single", "b-cloze", "d-order", "e-match"])
def test_an_option_can_be_typed(id: str) -> None:
    talk = Talk()
    talk.asks(id)
    for words in RIGHT[id]:
        talk.says(words.upper())
    assert [(note.item, note.right) for note in talk.noted] == [(id, True)]
    talk.asks("b-cloze")
    talk.says("What is etcd?")
    assert talk.says("kubelet").text.startswith("The kubelet is")  # by now it is a question


STUCK = {
    "hint": ["提示", "给点提示", "💡 提示", "Hint", "give me a hint"],
    "dunno": ["不知道", "我不知道", "🤷 不知道", "I don't know", "idk", "看答案"],
}


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("name", STUCK)
def test_who_is_stuck_may_say_so_in_words(id: str, name: str) -> None:
    for words in STUCK[name]:
        talk = Talk("en" if words.isascii() else "zh")
        talk.asks(id)
        said = talk.says(words)
        waited = [Voted(id, (), False, 0, 0, False)] if name == "dunno" else []
        assert (talk.noted, "💡 1/3" in said.text) == (waited, name == "hint")


def test_what_a_button_says_may_be_typed_in_either_language() -> None:
    talk = Talk("zh")
    talk.asks("e-match")
    talk.says("b")
    assert " ↔ B\n\n" in talk.reply.text
    assert " ↔ B\n\n" not in talk.says("退一步").text
    talk = Talk("zh")
    talk.asks("c-multiple")
    talk.says("Create Pods from a template")
    assert "还差 1 点" in talk.says("选好了").text
    talk = Talk()
    talk.asks("a-single")  # a poll has no letters, and no two screens show it alike
    talk.says("B")
    assert talk.noted == []


# ------------------------------------------------------------------ grading


@given(st.permutations(range(4)))
def test_an_order_is_right_only_in_order(taken: list[int]) -> None:
    item = item_of("d-order")
    assert grading.right(item, KEYS["d-order"], tuple(taken)) == (taken == sorted(taken))
    assert grading.placed(item, tuple(taken)) == tuple(at == place for place, at in enumerate(taken))


@given(st.lists(st.integers(0, 3), unique=True))
def test_several_are_right_only_all_together(taken: list[int]) -> None:
    assert grading.right(item_of("c-multiple"), (0, 2), tuple(taken)) == (set(taken) == {0, 2})


@given(st.lists(st.integers(0, 2), unique=True))
def test_an_explanation_holds_all_that_is_expected_and_no_misconception(taken: list[int]) -> None:
    assert grading.right(item_of("f-explain"), (0, 1), tuple(taken)) == (set(taken) == {0, 1})


@given(st.integers(0, 3), st.booleans())
def test_one_of_several_is_right(at: int, twice: bool) -> None:
    taken = (at, at) if twice else (at,)
    assert grading.right(item_of("a-single"), (1,), taken) == (taken == (1,))


def test_pairs_that_read_alike_are_worth_the_same() -> None:
    item = item_of("e-match")
    alike = replace(item, options=(item.options[0], replace(item.options[1], text=item.options[0].text), item.options[2]))
    assert [grading.right(alike, (0, 1, 2), taken) for taken in ((1, 0, 2), (0, 1, 2), (0, 2, 1))] == [True, True, False]


# -------------------------------------------------------------------- hints


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_three_hints_go_further_each_time(id: str, language: Language, rows: dict[str, dict[str, Any]]) -> None:
    talk = Talk(language)
    options = len(talk.asks(id).choices)
    for number, hint in enumerate(rows[id]["hints"], 1):
        reply = talk.says("/hint")
        said = str(reply.blocks[-1]).translate(PLAIN)
        assert said == f"💡 {number}/3 {hint[language]}".replace("`", "")
    assert says("choice.hint", language) not in talk.labels
    away = item_of(id).type in ("single", "cloze", "predict", "multiple")
    assert len([label for label in talk.labels if label != says("choice.sources", language)]) == options - 1 - away
    assert talk.says("/hint").blocks == reply.blocks
    talk.answers(RIGHT[id] if language == "en" else ["/dunno"])
    assert [(note.hints, note.right) for note in talk.noted] == [(3, language == "en")]


def test_a_hint_takes_another_option_than_the_one_that_was_wrong() -> None:
    talk = Talk()
    talk.asks("a-single")
    talk.presses("They move to another node")
    assert "It is not “They wait for you to deploy”." in talk.answers(["/hint", "/hint"]).text
    assert talk.labels[0] == "New Pods take their place"


# ------------------------------------------------------- the question waits


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(IDS), st.lists(st.integers(0, 9), max_size=9), st.sampled_from(LANGUAGES))
def test_a_question_waits_as_it_was_whatever_was_pressed(id: str, presses: list[int], language: Language) -> None:
    talk = Talk(language)
    talk.asks(id)
    for press in presses:
        commands = [choice.command for choice in talk.reply.choices if not choice.command.startswith("/sources")]
        talk.says(commands[press % len(commands)])
        if not talk.learner.pending:
            break
        assert lines_of(talk.reply) <= PHONE
        shown = talk.reply
        talk.restarts()
        assert talk.says("/quiz") == shown
    assert len(talk.noted) == (talk.learner.pending is None)
    if talk.noted:
        assert lines_of(talk.reply) <= PHONE_LINES


def test_what_was_pressed_too_late_or_never_stood_there_changes_nothing() -> None:
    talk = Talk()
    talk.asks("d-order")
    shown = talk.presses("The Pod")
    for words in ("d-order 2", "d-order 9", "d-order 0", "d-order -1", "d-order x", "d-order ²", "d-order", "d-order done", ""):
        assert talk.says(f"/tap {words}") == shown
    for command in ("/tap a-single 1", "/tap nonsense 1", "/hint a-single", "/dunno nonsense"):
        assert isinstance(talk.says(command), Nod)
    assert talk.says("/quiz") == shown
    assert talk.noted == []
    talk.says("/dunno")
    assert isinstance(talk.says("/tap d-order 1"), Nod)
    assert talk.says("/hint").text == says("quiz.over", "en")


def test_an_item_that_left_the_bank_is_asked_no_more() -> None:
    for command in ("/tap gone 1", "/hint", "/dunno", "a Pod is gone"):
        talk = Talk()
        talk.learner.pending = Pending("gone", listens=True)
        talk.says(command)
        assert talk.noted == []
        assert talk.says("/quiz").text.startswith("🍋 Question 1")
    talk = Talk()
    for pending in (
        Pending("d-order", taken=(0, 4)),
        Pending("e-match", taken=(0, 1, 2)),
        Pending("a-single", missed=(3,), tries=1, last="wrong"),
        Pending("c-multiple", poll=True),
    ):
        talk.learner.pending = pending
        assert talk.says("/quiz").text.startswith("🍋 Question 1\n\nThe node")  # the item is another one now
    assert Talk().says("/vote d-order 1").text == says("quiz.gone", "en")
    assert Talk().says("/vote gone 1").text == says("quiz.gone", "en")
    assert Talk().says("/vote a-single 4").text == says("quiz.gone", "en")


# ------------------------------------------------------------- the whole bank


def closed(room: Classroom, id: str, language: Language, number: int) -> Reply:
    """What is said when the item was answered by its option of this number, and again where it was wrong."""
    learner, item = Learner(language=language), room.picture.items[id]
    reply = room.quiz.pose(id, learner, language, False)
    while learner.pending:
        if item.type == "explain":
            reply = room.quiz.said(learner, item.options[number].detect[language][0], language) or Reply(())
            continue
        taps = [choice.command.removeprefix("/tap ") for choice in reply.choices if re.match(r"/tap .* \d", choice.command)]
        reply = room.quiz.tap(learner, taps[(number + learner.pending.tries) % len(taps)], language)
        if any(choice.command == f"/tap {id} done" for choice in reply.choices):
            reply = room.quiz.tap(learner, f"{id} done", language)
    return reply


def test_feedback_has_room_on_a_phone_and_every_poll_keeps_its_limits() -> None:
    """Over every item that ships, however it is answered."""
    room = Classroom(SHIPPED, "lemonade", "zh")
    tight = []
    for id, item in room.picture.items.items():
        for language in LANGUAGES:
            for poll in (True, False):
                asked = room.quiz.pose(id, Learner(language=language), language, poll)
                if isinstance(asked, Poll):
                    question = draw(asked)[1].poll
                    assert question
                    assert units(question.stem) <= 300
                    assert all(0 < units(option) <= 100 for option in question.options)
                    assert units(question.explanation) <= 200
                    assert "[" not in question.explanation
            replies = [closed(room, id, language, number) for number in range(len(item.options))]
            learner = Learner(language=language)
            room.quiz.pose(id, learner, language, False)
            replies.append(room.quiz.dunno(learner, id, language))
            tight += [(id, language, lines_of(reply)) for reply in replies if lines_of(reply) > PHONE_LINES]
    assert tight == []


def test_what_is_said_about_a_waiting_question_leaves_room_for_it() -> None:
    """Over every item that ships: after each hint, and after a wrong answer."""
    room, tall = Classroom(SHIPPED, "lemonade", "zh"), []
    for id, item in room.picture.items.items():
        for language in LANGUAGES:
            talk = Talk(language, room)
            room.quiz.pose(id, talk.learner, language)
            boards = [talk.says("/hint") for _ in range(3)]
            room.quiz.pose(id, talk.learner, language)
            places = range(len(item.options), 0, -1)
            wrong = {"explain": ["…"], "multiple": [f"/tap {id} 1", f"/tap {id} done"]}
            for words in wrong.get(item.type, [f"/tap {id} {at}" for at in places]):
                if talk.learner.pending and not talk.learner.pending.tries:
                    boards.append(talk.says(words))
            tall += [(id, language, lines_of(board)) for board in boards if lines_of(board) > BOARD]
            assert all(str(block) for board in boards for block in board.blocks)
    assert tall == []


# ------------------------------------------------------------------- export


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base_of(tmp_path_factory.mktemp("quiz") / "base", *IDS)


@pytest.fixture(scope="module")
def rows(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What `quiz export` prints, by id."""
    return {row["id"]: row for row in exported(tmp_path_factory.mktemp("home"), folder)}


def exported(home: Path, folder: Path, *more: str) -> list[dict[str, Any]]:
    environ = {**os.environ, "BOT_DATA_DIR": str(home), "BOT_KNOWLEDGE_DIR": str(folder)}
    command = [sys.executable, "-m", "bot", "quiz", "export", *more]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=True)
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


FIELDS = ["id", "concept", "facet", "break", "type", "tier", "stem", "options", "hints", "explain", "claims"]


def test_the_export_says_all_of_an_item(rows: dict[str, dict[str, Any]]) -> None:
    assert list(rows) == list(IDS)
    assert [list(row) for row in rows.values()] == [FIELDS] * 6 + [[*FIELDS, "script"]]
    cloze = item_of("b-cloze")
    assert rows["b-cloze"] == {
        "id": "b-cloze", "concept": "kubelet", "facet": "truth", "break": None, "type": "cloze", "tier": 1,
        "stem": {"zh": cloze.stem.zh, "en": cloze.stem.en},
        "options": [
            {"text": {"zh": "kubelet", "en": "kubelet"}, "correct": True, "misconception": None,
             "feedback": {"zh": "它用容器运行时来创建。", "en": "It uses a container runtime."}},
            {"text": {"zh": "调度器", "en": "scheduler"}, "correct": False, "misconception": "kubelet.m1",
             "feedback": {"zh": "调度器只选节点。", "en": "The scheduler selects the node."}},
            {"text": {"zh": "Service", "en": "Service"}, "correct": False, "misconception": "pod.m2",
             "feedback": {"zh": "创建容器的是 kubelet。", "en": "It is the kubelet that creates containers."}},
        ],
        "hints": [
            {"zh": "店里谁说了算？", "en": "Who is in charge of a shop?"},
            {"zh": "不是“调度器”。调度器只选节点。", "en": "It is not “scheduler”. The scheduler selects the node."},
            {language: SHIPPED.claim("kubelet.c5")[language] for language in LANGUAGES},
        ],
        "explain": {
            "zh": "调度器分配之后，kubelet 用容器运行时创建容器。",
            "en": "Once the scheduler has assigned the Pod, the kubelet creates its containers.",
        },
        "claims": ["kubelet.c5", "kube-scheduler.c2"],
    }  # fmt: skip
    assert {id: tuple(at for at, each in enumerate(row["options"]) if each["correct"]) for id, row in rows.items()} == KEYS
    assert [each["feedback"] for each in rows["d-order"]["options"]] == [rows["d-order"]["explain"]] * 4
    assert rows["f-explain"]["options"][2]["detect"] == {"zh": ["会搬到", "搬去"], "en": ["move to", "moved to"]}
    assert "detect" not in rows["a-single"]["options"][0]


def test_the_script_of_a_prediction_leads_to_its_key(rows: dict[str, dict[str, Any]], run: Run) -> None:
    row = rows["g-predict"]
    assert row["script"].splitlines() == [*facts.READY, "kubectl delete pod lemonade-a-1", "settle"]
    done = run("order", "--script", "-", stdin=row["script"])
    assert (done.returncode, done.stderr) == (0, "")
    assert "lemonade-a-4" in done.stdout  # the new one


def test_the_shipped_bank_is_exported_whole_and_plain(tmp_path: Path) -> None:
    found = exported(tmp_path, ROOT / "knowledge")
    assert [row["id"] for row in found] == list(SHIPPED.pictures["lemonade"].items)
    assert not re.search(r"\[[a-z-]+\.c\d+\]", json.dumps(found))
    assert {len(row["hints"]) for row in found} == {3}
    assert exported(tmp_path, ROOT / "knowledge", "--json") == found


def test_who_only_asks_reads_no_item(run: Run, copy: Path) -> None:
    (copy / "metaphors/lemonade/items/breaks.yaml").write_text("items: {", "utf-8")
    assert run("ask", "etcd?", BOT_KNOWLEDGE_DIR=str(copy)).returncode == 0
    assert run("chat", stdin="etcd?\n", BOT_KNOWLEDGE_DIR=str(copy)).returncode == 1


# ------------------------------------------------------------------ terminal


def test_in_a_terminal_numbers_and_words_answer(run: Run, tmp_path: Path) -> None:
    folder = base_of(tmp_path / "base", "a-single", "f-explain")
    lines = ["/language en", "/quiz", "4", "4", "1", "/quiz", "The old ones are gone", "and new Pods replace them"]
    out = run("chat", stdin="\n".join(lines) + "\n", BOT_KNOWLEDGE_DIR=str(folder)).stdout
    assert "💡 1/3 Can a tray change shops?" in out
    assert "💡 2/3" in out
    assert out.count("Right!") == 2, out
    assert "Still missing: 1. Try to add to it." in out


# ------------------------------------------------------------------ Telegram

beside_the_others = Beside()


@pytest.fixture(scope="module")
def room(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with beside_the_others.room(tmp_path_factory.mktemp("data"), BOT_KNOWLEDGE_DIR=str(folder)) as room:
        yield room


def votes_of(room: Room, person: Person) -> list[dict[str, object]]:
    wanted = ("chat", "item", "options", "right")
    return [{key: row[key] for key in wanted} for row in room.export(person)["votes"]]


def until(room: Room, message: Message, words: str) -> Message:
    """The message, once it holds these words."""
    room.api.wait(lambda: words in message.text)
    return message


@beside_the_others
def test_a_question_is_a_native_poll_and_a_vote_is_answered(room: Room) -> None:
    def talk(right: bool) -> tuple[Message, Message]:
        ben = room.person("en")
        poll = room.quiz(ben)
        return poll, room.vote(ben, poll, right)

    (poll, right), (_, wrong) = side_by_side(lambda: talk(True), lambda: talk(False))
    heading, item = poll.chat.by_bot[0], item_of("a-single")
    assert (heading.text, heading.labels) == (
        "🍋 Question 1\n\nAn easy one to begin with:",
        ["💡 Hint", "🤷 I don't know"],
    )
    assert poll.poll
    assert (poll.poll.kind, poll.poll.anonymous, poll.poll.shuffled) == ("quiz", False, True)
    assert poll.poll.question.text == item.stem.en
    assert [option.text for option in poll.poll.options] == [option.text.en for option in item.options]
    assert poll.poll.correct == [1]
    assert right.text == "✅ Right! The new Pods of the ReplicaSet have different IPs.¹\n\n1 of 1 right so far"
    assert right.labels == ["Next question", "Explain Pod", "Sources"]
    assert wrong.text.startswith("🤔 Not that one. You need do nothing")
    assert wrong.text.endswith("\n\n✓ New Pods take their place\n\n0 of 1 right so far")


@beside_the_others
def test_a_late_press_is_answered_in_passing_and_the_board_stays(room: Room) -> None:
    anna = room.person("en")
    heading = room.ask(anna, "/quiz")
    hint, dunno = heading.buttons[0]
    anna.presses(heading, dunno.text)
    told = until(room, heading, "No matter, here is the answer.").text
    query = {"id": "late", "from": anna.json(), "message": heading.json(), "chat_instance": "x", "data": hint.value}
    press = Press("late", anna, heading, hint.value, time.time())
    room.api.presses.append(press)
    room.api.emit("callback_query", query)
    room.api.wait(lambda: press.answered)
    assert (press.text, heading.text) == (says("quiz.over", "en"), told)


@beside_the_others
def test_votes_in_a_group_are_ones_own_and_leave_no_message(room: Room) -> None:
    anna, ben, carl = room.person(), room.person(), room.person()
    group = room.group(anna, ben, carl)
    poll = room.quiz(anna, group)
    assert poll.poll
    assert group.by_bot[0].labels == []  # a hint would be for all
    ben.votes(poll, [0])
    anna.votes(poll, [1])
    vote = {"poll_id": poll.poll.id, "option_persistent_ids": []}
    room.api.emit("poll_answer", vote | {"user": ben.json(), "option_ids": [1]})  # once more
    room.api.emit("poll_answer", vote | {"user": carl.json(), "option_ids": [9]})  # no such option
    kept = [votes_of(room, who) for who in (anna, ben, carl)]
    assert kept == [
        [{"chat": group.id, "item": "a-single", "options": [1], "right": True}],
        [{"chat": group.id, "item": "a-single", "options": [0], "right": False}],
        [],
    ]
    assert len(group.by_bot) == 2  # the heading and the poll
    assert room.quiz(ben, group).poll  # the next that fits a poll
    assert room.ask(ben, "/hint@lemon_bot", group).text == says("quiz.over")


@beside_the_others
def test_strange_votes_and_second_votes_harm_nothing(room: Room) -> None:
    anna, ben = room.person(), room.person()
    poll, again = room.quiz(anna), room.quiz(anna)  # nobody has answered, so it is the same question
    assert poll.poll
    assert again.poll
    assert again.poll.question.text == poll.poll.question.text
    ben.votes(poll, [0])  # it was forwarded to him
    odd = {"poll_id": "never-seen", "user": ben.json(), "option_ids": [0], "option_persistent_ids": ["0"]}
    room.api.emit("poll_answer", odd)
    vote = {"poll_id": poll.poll.id, "user": anna.json(), "option_persistent_ids": []}
    room.api.emit("poll_answer", vote | {"option_ids": []})  # taken back
    gone = room.answer(anna.chat, lambda: room.api.emit("poll_answer", vote | {"option_ids": [7]}))
    assert gone.text == says("quiz.gone")
    assert room.vote(anna, poll, right=True).text.startswith("✅ 答对了！")
    before = len(anna.chat.by_bot)
    room.api.emit("poll_answer", vote | {"option_ids": [0]})  # twice in the one
    anna.votes(again, [0])  # and in the other
    assert votes_of(room, anna) == [{"chat": anna.id, "item": "a-single", "options": [1], "right": True}]
    assert len(anna.chat.by_bot) == before + 2  # the export
    assert room.export(ben) == {name: [] for name in ("learners", "answers", "votes", "cards", "reminders", "spent")}


@beside_the_others
def test_a_vote_on_an_old_poll_counts_though_another_question_waits(room: Room) -> None:
    anna = room.person()
    old = room.quiz(anna)
    other = room.quiz(anna)
    assert room.vote(anna, other, right=False).text.startswith("🤔")
    next_ = room.quiz(anna, words="/quiz kubelet")
    assert next_.poll
    anna.votes(old, [1])  # that item was answered since
    assert room.vote(anna, next_, right=True).text.startswith("✅")
    assert [row["item"] for row in votes_of(room, anna)] == ["a-single", "b-cloze"]


@beside_the_others
def test_votes_after_forgetting_are_nobodys(room: Room) -> None:
    anna = room.person()
    poll = room.quiz(anna)
    board = room.answer(anna.chat, lambda: anna.says("/hint"))
    assert room.press(anna, room.ask(anna, "/forget"), "是，全部删除").text == says("forgotten")
    anna.votes(poll, [0])
    press = anna.presses(board, "由新 Pod 来顶替")
    room.api.wait(lambda: press.answered)
    assert press.text == says("quiz.over")
    assert anna.chat.last.text == says("forgotten")
    assert votes_of(room, anna) == []


def told(person: Person) -> list[str]:
    """The last two messages; of a poll its question."""
    return [each.poll.question.text if each.poll else each.text for each in person.chat.by_bot[-2:]]


@beside_the_others
def test_one_walks_through_all_types_in_one_chat(room: Room) -> None:
    anna = room.person("en")
    heading = room.ask(anna, "/quiz")
    stems, walked = {item_of(id).stem.en: id for id in IDS}, list[str]()
    for _ in IDS:
        asked = room.api.wait(lambda: next((s for s in stems if any(s in each for each in told(anna))), None))
        id = stems.pop(asked or "")
        walked.append(id)
        if id == "a-single":  # a hint makes a board of the heading
            anna.presses(heading, "💡 Hint")
            board = until(room, heading, "💡 1/3 Can a tray change shops?")
        elif id in ("b-cloze", "g-predict"):
            board = room.answer(anna.chat, lambda: anna.says("/hint"))
        else:
            board = heading
        assert item_of(id).stem.en in board.text
        for label in RIGHT[id]:
            if id == "f-explain":
                board = room.ask(anna, label)
                continue
            letters = {text: letter for letter, text in re.findall(r"^([A-F])\. (.+)$", board.text, re.MULTILINE)}
            before = (board.text, board.labels)
            anna.presses(board, letters.get(label, label))
            room.api.wait(lambda board=board, before=before: (board.text, board.labels) != before)  # type: ignore[misc]
        assert board.text.startswith("✅ Right! "), board.text
        if stems:
            heading = room.press(anna, board, "Next question")
    assert sorted(walked) == sorted(IDS)
    assert [(row["item"], row["right"]) for row in votes_of(room, anna)] == [(id, True) for id in walked]


def test_what_waits_outlives_a_restart_and_its_item_may_leave_the_bank(tmp_path: Path) -> None:
    folder = base_of(tmp_path / "base", "a-single", "d-order")
    with BotApi() as api:
        bot = Served(api, tmp_path / "data", BOT_KNOWLEDGE_DIR=str(folder))
        room = Room(api, bot)
        anna, ben, carl = room.person("en"), room.person("en"), room.person("en")

        def waits(who: Person) -> Message:
            """The board of the second question, begun."""
            told = room.vote(who, room.quiz(who), right=True)
            board = room.press(who, told, "Next question")
            who.presses(board, "The Pod")
            return until(room, board, "1. The Pod")

        with bot:
            poll, board, other = side_by_side(lambda: room.quiz(anna), lambda: waits(ben), lambda: waits(carl))
        shown = (board.text, board.labels)
        fill(folder, "d-order")
        with bot:
            gone = room.answer(anna.chat, lambda: anna.votes(poll, [0]))
            assert gone.text == says("quiz.gone", "en")
            assert room.ask(anna, "/quiz").text.startswith("🍋 Question 1\n\nA Deployment is handed in.")
            again = room.ask(ben, "/quiz")
            assert (again.text.replace("Question 1", "Question 2"), again.labels) == shown
            ben.presses(board, "The ReplicaSet")  # the old message goes on
            until(room, board, "2. The ReplicaSet")
        fill(folder, "a-single")
        with bot:
            press = carl.presses(other, "The ReplicaSet")
            room.api.wait(lambda: press.answered)
            assert press.text == says("quiz.over", "en")
