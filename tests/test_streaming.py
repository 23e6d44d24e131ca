"""A model's answer that grows in a chat: only checked sentences, few calls, at once; and what becomes of it when stopped."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect

from tests.asking import line, parts, plain, unsupported
from tests.botapi import Chat, Message, Person
from tests.conftest import ROOT
from tests.house import House, long, together, whole
from tests.killing import PLACEHOLDER
from tests.modelapi import Asked, Claim, ModelApi, Script, Talk, say, spoken
from tests.modelapi.words import cited, joined

ETCD, POD, KUBELET = "What is etcd?", "What is a Pod?", "What does the kubelet do?"
STOPPED = "All right, stopped."
going = together
LIE = "The kubelet keeps all data of zebras."
GROWING = "…"  # all that may stand beside checked words while an answer grows


# ---- what is seen ----


def unchecked(text: str, final: str) -> str:
    """What of a text is neither a claim, nor added by code, nor the sign that more is coming."""
    rest = plain(text)
    for known in (*parts(final)[1:], PLACEHOLDER, line("model.away")):
        rest = rest.replace(known, "")
    return unsupported(rest).strip(f"{GROWING}\n")


def calls(house: House, chat: Chat) -> list[str]:
    """The calls that reached a chat, in order."""
    return [call.method for call in house.telegram.calls if call.params.get("chat_id") == chat.id]


def gaps(message: Message) -> list[float]:
    """Seconds between the edits with which a message grows; the last one makes it whole, and may come at once."""
    return [after.time - before.time for before, after in itertools.pairwise(message.edits[:-1])]


def seen(message: Message, words: str) -> float:
    """When words were first to be read."""
    return next(edit.time for edit in message.edits if words in plain(edit.text))


def two_hundred(speed: float) -> Script:
    """Good sentences, two hundred tokens of them."""

    def script(asked: Asked) -> Talk:
        return Talk(spoken(cited(asked, 99), speed)[:200])

    return script


def slowly(asked: Asked) -> Talk:
    """A first sentence at once, and nothing more for long."""
    first, second = asked.claims[:2]
    return Talk((*spoken(joined([first]) + " "), *spoken(joined([second]), 0.5)))


def mixed(speed: float) -> Script:
    """A lie before, between and after what is right."""

    def script(asked: Asked) -> Talk:
        lie = Claim(asked.claims[0].id, LIE)
        first, second, *_ = asked.claims
        return say(joined([lie, first, lie, second, lie]), speed)

    return script


# ---- an answer grows ----


def grown(house: House, script: Script) -> tuple[Person, Message, Asked]:
    """One question, answered."""
    (anna,) = house.people(1)
    house.model.script = script
    anna.says(ETCD)
    house.until(lambda: anna.chat.by_bot and whole(anna.chat.last), 40)
    return anna, anna.chat.last, house.model.asked[0]


def prompt_and_few(house: House, speed: float) -> None:
    anna, message, asked = grown(house, two_hundred(speed))
    first = asked.claims[0]
    assert seen(message, first.text) - asked.said(f"{first.text}[{first.id}]") <= 0.15
    assert message.edits[-1].time - (asked.ended or asked.cut or 0) <= 0.3
    assert [gap for gap in gaps(message) if gap < 1.45] == []
    assert len(calls(house, anna.chat)) <= 6
    assert [unchecked(text, message.text) for text in message.versions] == [""] * len(message.versions)
    assert len(anna.chat.by_bot) == 1


@long()
def test_two_hundred_tokens_at_ten_a_second_are_few_calls_and_prompt(house: House) -> None:
    prompt_and_few(house, 10)


@long()
def test_two_hundred_tokens_at_forty_a_second_are_few_calls_and_prompt(house: House) -> None:
    prompt_and_few(house, 40)


@long()
def test_the_first_sentence_is_there_before_the_second_is_made(house: House) -> None:
    _anna, message, asked = grown(house, lambda asked: say(cited(asked, 2), 8))
    first, second = asked.claims[:2]
    assert seen(message, first.text) < asked.said(f"{second.text}[{second.id}]")


@long()
def test_a_quick_model_costs_one_call_more_than_the_knowledge_at_most(house: House) -> None:
    anna, message, asked = grown(house, cited)
    assert len(calls(house, anna.chat)) <= 3
    assert message.edits[0].time - (asked.ended or asked.cut or 0) <= 0.3


@long()
def test_no_word_of_a_lie_is_ever_shown(house: House) -> None:
    _anna, message, asked = grown(house, mixed(30))
    assert [text for text in message.versions if "zebra" in text or "The kubelet keeps" in text] == []
    assert [unchecked(text, message.text) for text in message.versions] == [""] * len(message.versions)
    first, second = asked.claims[:2]
    assert all(claim.text in plain(message.text) for claim in (first, second))


@long()
def test_in_a_group_an_answer_grows_more_slowly(house: House) -> None:
    (anna,) = house.people(1)
    group = house.telegram.group(-1001, "class", [anna])
    house.model.script = two_hundred(20)
    anna.says(f"/ask {ETCD}", in_=group)
    house.until(lambda: group.by_bot and whole(group.last), 30)
    message = group.last
    assert [gap for gap in gaps(message) if gap < 2.95] == []
    assert len(calls(house, group)) <= 6
    assert [unchecked(text, message.text) for text in message.versions] == [""] * len(message.versions)


@long()
def test_five_chats_at_once_are_no_flood(house: House) -> None:
    crowd = house.people(5)
    house.model.script = two_hundred(40)
    for person in crowd:
        person.says(ETCD)
        person.says(POD)
    house.until(lambda: all(len(person.chat.by_bot) == 2 and whole(person.chat.last) for person in crowd), 40)
    assert house.telegram.flood_violations == 0
    for message in (message for person in crowd for message in person.chat.by_bot):
        assert [unchecked(text, message.text) for text in message.versions] == [""] * len(message.versions)


@long(flood=None, BOT_MODEL_TIMEOUT="3")
def test_a_model_that_hangs_in_the_middle_leaves_nothing_half_said(house: House) -> None:
    def hangs(asked: Asked) -> Talk:
        first, second = asked.claims[:2]
        return Talk(spoken(joined([first]) + " " + second.text[:20]), "hang")

    (anna,) = house.people(1)
    house.model.script = hangs
    anna.says(ETCD)
    house.until(lambda: anna.chat.by_bot and whole(anna.chat.last), 6)
    message, asked = anna.chat.last, house.model.asked[0]
    assert message.edits[-1].time - asked.time <= 4
    assert line("model.away") in message.text
    assert "holds all of a cluster's data" in message.text  # the knowledge's own words
    assert asked.cut
    house.model.script = cited
    anna.says(POD)
    house.until(lambda: len(anna.chat.by_bot) == 2 and whole(anna.chat.last))
    assert house.model.asked[-1].claims[0].text in plain(anna.chat.last.text)


# ---- it is stopped ----


def begun(house: House) -> tuple[Person, Asked]:
    """A question whose answer hangs after its first sentence, which is seen."""
    (anna,) = house.people(1)
    house.model.script = slowly
    anna.says(ETCD)
    house.until(lambda: anna.chat.by_bot and anna.chat.last.edits)
    return anna, house.model.asked[0]


@long(flood=None)
def test_cancel_stops_the_model_and_leaves_nothing_half_written(house: House) -> None:
    anna, asked = begun(house)
    moment = time.time()
    anna.says("/cancel")
    house.until(lambda: anna.sees() == [STOPPED], 3)
    house.until(lambda: asked.cut)
    assert (asked.cut or 0) - moment <= 0.5
    house.telegram.quiet(2)
    assert (anna.sees(), [message.buttons for message in anna.chat.by_bot]) == ([STOPPED], [[]])
    house.model.script = cited
    anna.says(POD)
    house.until(lambda: len(anna.chat.by_bot) == 2 and whole(anna.chat.last))


@long(flood=None)
def test_cancel_before_the_first_token_stops_the_model_too(house: House) -> None:
    (anna,) = house.people(1)
    house.model.script = lambda asked: Talk((), "hang")
    anna.says(ETCD)
    house.until(lambda: house.model.asked)
    anna.says("/cancel")
    house.until(lambda: anna.sees() == [STOPPED], 3)
    house.until(lambda: house.model.asked[0].cut, 2)


@long(flood=None)
def test_after_kill_9_in_the_middle_there_is_one_whole_answer(house: House) -> None:
    anna, _ = begun(house)
    house.served.kill()
    house.model.script = cited
    house.served.start()
    house.until(lambda: anna.chat.by_bot and whole(anna.chat.last))
    house.telegram.quiet(1)
    (message,) = anna.chat.by_bot
    assert house.model.asked[-1].claims[1].text in plain(message.text)
    assert unchecked(message.text, message.text) == ""


@long(flood=None)
def test_a_bot_that_is_stopped_in_the_middle_goes_and_answers_later(house: House) -> None:
    anna, asked = begun(house)
    began = time.monotonic()
    assert house.served.stop(12) == 0
    assert time.monotonic() - began < 10
    house.until(lambda: not asked.open, 2)
    if not whole(anna.chat.last):
        house.model.script = cited
        house.served.start()
        house.until(lambda: whole(anna.chat.last))
    assert len(anna.chat.by_bot) == 1
    assert unchecked(anna.chat.last.text, anna.chat.last.text) == ""


# ---- in a terminal ----


def hears_ctrl_c() -> None:
    """As a shell begins a program; tests that were begun in the background would hand down that they ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def terminal(model: ModelApi, folder: Path) -> Iterator[pexpect.spawn[str]]:
    """The classroom in a real terminal, at its first prompt."""
    environ = {**os.environ, **model.settings, "BOT_DATA_DIR": str(folder), "BOT_LANGUAGE": "en", "TERM": "xterm"}
    command = [sys.executable, "-m", "bot", "chat"]
    spawned = pexpect.spawn(
        command[0], command[1:], cwd=str(ROOT), env=environ, encoding="utf-8", timeout=20, dimensions=(40, 200),
        preexec_fn=hears_ctrl_c,
    )  # fmt: skip
    try:
        spawned.expect("You >")
        yield spawned
    finally:
        spawned.close(force=True)


def test_in_a_terminal_the_first_sentence_is_there_before_the_second_is_made(tmp_path: Path) -> None:
    with ModelApi(slowly) as model, terminal(model, tmp_path) as typed:
        typed.send(f"{ETCD}\r")
        model.wait(lambda: model.asked)
        typed.expect(re.escape(model.asked[0].claims[0].text[:40]))
        assert model.asked[0].open


def test_in_a_terminal_ctrl_c_stops_the_model_and_the_talk_goes_on(tmp_path: Path) -> None:
    with ModelApi(slowly) as model, terminal(model, tmp_path) as typed:
        typed.send(f"{ETCD}\r")
        model.wait(lambda: model.asked and len(model.asked[0].sent) > 5)
        typed.sendintr()
        typed.expect("stopped")
        model.wait(lambda: model.asked[0].cut, 2)
        typed.expect("You >")
        model.script = cited
        typed.send(f"{POD}\r")
        typed.expect("👉")
        assert model.asked[-1].claims[0].id.startswith("pod.")
