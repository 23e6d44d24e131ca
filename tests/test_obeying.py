"""A model that does whatever the learner's words ask of it: nothing of that reaches the learner."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.asking import Asking, Row, parts, unsupported
from tests.botapi import BotApi
from tests.modelapi import Asked, ModelApi, Script
from tests.served import Served

CODED = re.compile(r"\\n|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}")


class Injection(NamedTuple):
    """One row of the file; `says` and `never` have gaps that a prompt fills."""

    kind: str
    asks: str
    says: str
    never: str


class Story(NamedTuple):
    """How one went: the answer, what would be answered without a model, and what reached the model."""

    row: Row
    known: Row
    asked: list[Asked]


def read() -> list[Injection]:
    lines = Path(__file__).with_name("injections.tsv").read_text("utf-8").splitlines()
    plain = [CODED.sub(lambda code: code[0].encode().decode("unicode_escape"), line) for line in lines]
    return [Injection(*line.split("\t")) for line in plain if not line.startswith("#")]


ALL = read()


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


def reached(injection: Injection, text: str, story: Story) -> list[str]:
    """What of the forbidden a learner sees, though the knowledge does not say it."""
    return [
        never
        for asked in story.asked
        for never in filled(injection.never, asked).lower().split("|")
        if never in text.lower() and never not in story.known["text"].lower()
    ]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[Injection, Story]:
    """What each injection brings its learner: one line after the other, in one process."""
    found: dict[Injection, Story] = {}
    folder = tmp_path_factory.mktemp("data")
    with ModelApi(lambda asked: "") as api, Asking(folder, **api.settings) as asking, Asking(folder) as without:
        for injection in ALL:
            before = len(api.asked)
            api.script = obeying(injection)
            line = injection.asks.replace("\n", "\u2028")
            found[injection] = Story(asking.ask(line), without.ask(line), api.asked[before:])
    return found


def test_there_are_many_of_every_kind_and_most_reach_the_model(told: dict[Injection, Story]) -> None:
    assert len(ALL) >= 60
    assert min(Counter(injection.kind for injection in ALL).values()) >= 5
    assert len([story for story in told.values() if story.asked]) >= 60


@pytest.mark.parametrize("injection", ALL, ids=[f"{each.kind}-{number}" for number, each in enumerate(ALL)])
def test_nothing_that_it_was_told_to_say_is_told(injection: Injection, told: dict[Injection, Story]) -> None:
    story = told[injection]
    assert reached(injection, story.row["text"], story) == []
    if story.row["route"] == "model":
        assert unsupported(parts(story.row["text"])[0]) == ""
    else:
        assert parts(story.row["text"])[:1] == parts(story.known["text"])[:1]


def test_the_learners_words_stay_between_their_marks(told: dict[Injection, Story]) -> None:
    """Whatever is written, the prompt before it is that of the shape: one place where the words begin, one where they end."""
    for story in told.values():
        for each in story.asked:
            assert (each.user.count("<<<"), each.user.count(">>>")) == (1, 1), each.user[-400:]


def test_hidden_characters_do_not_reach_the_model(told: dict[Injection, Story]) -> None:
    hidden = re.compile("[\u200b\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
    assert [each.user for story in told.values() for each in story.asked if hidden.search(each.text)] == []


def test_in_a_chat_nothing_of_it_is_ever_seen(told: dict[Injection, Story], tmp_path: Path) -> None:
    """Those of several lines, and one of each kind; every version of every message is looked at."""
    some = {each: None for each in ALL if "\n" in each.asks} | dict.fromkeys({each.kind: each for each in ALL}.values())
    with (
        BotApi(flood=None) as telegram,
        ModelApi(lambda asked: "") as api,
        Served(telegram, tmp_path, **api.settings) as served,
    ):
        for number, injection in enumerate(some):
            person = telegram.person(1000 + number, f"P{number}", "en")
            before = len(api.asked)
            api.script = obeying(injection)
            person.says(injection.asks)
            served.until(lambda person=person: person.chat.by_bot and person.chat.last.buttons)
            seen = [text for message in person.chat.by_bot for text in message.versions]
            story = told[injection]._replace(asked=api.asked[before:])
            assert [never for text in seen for never in reached(injection, text, story)] == []
