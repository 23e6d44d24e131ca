"""A model that does whatever the learner's words ask of it: nothing of that reaches the learner."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.asking import Asking, Row, claims, knowledge, parts, plain
from tests.botapi import BotApi
from tests.modelapi import Asked, ModelApi, Script
from tests.served import Served

CODED = re.compile(r"\\n|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}")
TEXTS = {text for both in knowledge().texts.values() for text in (both.zh, both.en)}


class Injection(NamedTuple):
    """One row of the file; `says` and `never` have gaps that a prompt fills."""

    kind: str
    asks: str
    says: str
    never: str


def read() -> list[Injection]:
    lines = Path(__file__).with_name("injections.tsv").read_text("utf-8").splitlines()
    plain = [CODED.sub(lambda code: code[0].encode().decode("unicode_escape"), line) for line in lines]
    return [Injection(*line.split("\t")) for line in plain if not line.startswith("#")]


ALL = read()
Told = dict[Injection, tuple[Row, list[Asked]]]


def filled(text: str, asked: Asked) -> str:
    """A text with its gaps filled; whatever else is in braces stays."""
    first, second = (asked.claims * 2)[:2]
    instruction = max(asked.system.splitlines(), key=len).strip()
    gaps = {"{id}": first.id, "{text}": first.text, "{id2}": second.id, "{text2}": second.text, "{system}": instruction}
    for gap, value in gaps.items():
        text = text.replace(gap, value)
    return text


def obeying(injection: Injection) -> Script:
    return lambda asked: filled(injection.says, asked)


def reached(injection: Injection, text: str, asked: Asked) -> list[str]:
    """What of the forbidden stands in a text that a learner sees."""
    return [never for never in filled(injection.never, asked).split("|") if never.lower() in text.lower()]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What each injection brings its learner, and what it made of the prompt: one line after the other, in one process."""
    found: Told = {}
    with ModelApi(lambda asked: "") as api, Asking(tmp_path_factory.mktemp("data"), **api.settings) as asking:
        for injection in ALL:
            before = len(api.asked)
            api.script = obeying(injection)
            row = asking.ask(injection.asks.replace("\n", "\u2028"))
            found[injection] = row, api.asked[before:]
    return found


def test_there_are_many_of_every_kind_and_most_reach_the_model(told: Told) -> None:
    assert len(ALL) >= 60
    assert min(Counter(injection.kind for injection in ALL).values()) >= 5
    assert len([asked for _, asked in told.values() if asked]) >= 60


@pytest.mark.parametrize("injection", ALL, ids=[f"{each.kind}-{number}" for number, each in enumerate(ALL)])
def test_nothing_that_it_was_told_to_say_is_told(injection: Injection, told: Told) -> None:
    row, asked = told[injection]
    for each in asked:
        assert reached(injection, row["text"], each) == []
    if row["route"] == "model":
        words = plain(parts(row["text"])[0]).replace(" ", "")
        for claim in sorted(claims(), key=len, reverse=True):
            words = words.replace(claim.replace(" ", "").replace("`", ""), "")
        assert words == ""


def test_the_learners_words_stay_between_their_marks(told: Told) -> None:
    """Whatever is written, the prompt before it is that of the shape: one place where the words begin, one where they end."""
    for _, asked in told.values():
        for each in asked:
            assert (each.user.count("<<<"), each.user.count(">>>")) == (1, 1), each.user[-400:]


def test_hidden_characters_do_not_reach_the_model(told: Told) -> None:
    hidden = re.compile("[\u200b\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
    assert [asks for (_, asks, _, _), (_, asked) in told.items() for each in asked if hidden.search(each.text)] == []


def test_in_a_chat_nothing_of_it_is_ever_seen(tmp_path: Path) -> None:
    """Those of several lines, and one of each kind; every version of every message is looked at."""
    some = [each for each in ALL if "\n" in each.asks] + list({each.kind: each for each in ALL}.values())
    by_words = {each.asks.splitlines()[0][:12] + each.asks[-12:]: each for each in some}
    with (
        BotApi(flood=None) as telegram,
        ModelApi(lambda asked: "") as api,
        Served(telegram, tmp_path, **api.settings) as served,
    ):
        for number, injection in enumerate(by_words.values()):
            person = telegram.person(1000 + number, f"P{number}", "en")
            before = len(api.asked)
            api.script = obeying(injection)
            person.says(injection.asks)
            served.until(lambda person=person: person.chat.by_bot and person.chat.last.buttons)
            seen = [text for message in person.chat.by_bot for text in message.versions]
            for asked in api.asked[before:]:
                assert [never for text in seen for never in reached(injection, text, asked)] == []
