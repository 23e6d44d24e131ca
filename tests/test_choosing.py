"""How well questions that no entry contains find their concept, and how well others are declined.

The files hold `language, question, accepted concepts` (tab-separated; `-` where the question is none of ours). Their
authors had not seen the knowledge. A failing question is never added to the knowledge as it stands.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.classroom import Classroom
from bot.knowledge import base
from bot.learners import Learner
from bot.replies import Answer

DATA = Path(__file__).parent / "data"


class Row(NamedTuple):
    language: str
    question: str
    accepted: set[str]


@cache
def classroom() -> Classroom:
    return Classroom(base.load(base.default_folder()), "lemonade", "zh")


def rows(name: str, language: str, ours: bool = True) -> list[Row]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        lines = [Row(line[0], line[1], set(line[2].split(","))) for line in csv.reader(file, "excel-tab", quoting=3)]
    known = set(classroom().knowledge.concepts) if ours else {"-"}
    return [row for row in lines if row.language == language and row.accepted & known]


def ask(row: Row) -> Answer:
    return classroom().ask(Learner(language="zh" if row.language == "zh" else "en"), row.question)


def share(hits: list[bool]) -> float:
    return sum(hits) / len(hits)


# The least that each set has to reach: first, among the first three, declined though ours. They may only rise, unless the
# concepts to choose from become many more. What classes of questions a set missed was mended once it had been seen: only the
# first look at a new set tells how well unseen questions fare.
AIMS = {
    ("beginners.tsv", "zh"): (0.91, 0.98, 0.01),  # collected from the web
    ("beginners.tsv", "en"): (0.98, 0.98, 0.01),
    ("plain.tsv", "zh"): (0.99, 0.99, 0.01),  # in the manner of forums and chats
    ("plain.tsv", "en"): (0.97, 0.99, 0.01),
    ("crowd.tsv", "zh"): (0.985, 0.99, 0.005),  # hard ones: symptoms, stories, slips, half-understood pictures
    ("crowd.tsv", "en"): (0.98, 0.995, 0.005),
    ("fresh.tsv", "zh"): (0.96, 0.99, 0.005),  # all of these mixed
    ("fresh.tsv", "en"): (0.945, 0.985, 0.015),
    ("later.tsv", "zh"): (0.98, 0.995, 0.005),  # once more, by others
    ("later.tsv", "en"): (0.975, 0.99, 0.005),
    ("further.tsv", "zh"): (0.975, 0.99, 0.01),  # and again
    ("further.tsv", "en"): (0.96, 0.985, 0.01),
    ("newest.tsv", "zh"): (0.96, 0.98, 0.01),  # terse ones, messages and symptoms
    ("newest.tsv", "en"): (0.93, 0.98, 0.01),
    ("latest.tsv", "zh"): (0.98, 0.99, 0.005),  # all kinds; before its misses were looked at 0.94, 0.968 and 0.005
    ("latest.tsv", "en"): (0.98, 0.99, 0.005),  # likewise 0.912, 0.963 and 0.014
    ("last.tsv", "zh"): (0.985, 0.995, 0.005),  # all kinds once more; at first 0.935, 0.985 and 0.005
    ("last.tsv", "en"): (0.98, 0.995, 0.005),  # at first 0.885, 0.965 and 0.010
    # all kinds; an earlier version had 0.886, 0.977 and 0.000, the first that was looked at 0.900, 0.991 and 0.000
    ("stranger.tsv", "zh"): (0.94, 0.995, 0.005),
    ("stranger.tsv", "en"): (0.945, 0.99, 0.005),  # likewise 0.877, 0.955 and 0.000; 0.895, 0.968 and 0.005
    ("guest.tsv", "zh"): (0.955, 0.98, 0.01),  # by another; at first 0.941, 0.982 and 0.014
    ("guest.tsv", "en"): (0.965, 0.985, 0.01),  # at first 0.959, 0.977 and 0.005
    ("newcomer.tsv", "zh"): (0.959, 0.98, 0.005),  # by another; this is the first look
    ("newcomer.tsv", "en"): (0.96, 0.99, 0.005),  # likewise
}
DECLINED = {  # the least that has to be declined of what is none of ours
    ("elsewhere.tsv", "zh"): 0.99,
    ("elsewhere.tsv", "en"): 0.98,
    ("further.tsv", "zh"): 0.985,  # mostly near ones: other programs, networks, shops and drinks
    ("further.tsv", "en"): 0.985,
    ("newest.tsv", "zh"): 0.98,
    ("newest.tsv", "en"): 0.98,
    ("latest.tsv", "zh"): 0.985,  # before its misses were looked at 0.983
    ("latest.tsv", "en"): 0.985,  # likewise 0.952
    ("last.tsv", "zh"): 0.985,  # at first 0.975
    ("last.tsv", "en"): 0.99,  # at first 0.967
    ("stranger.tsv", "zh"): 0.99,  # at first 1.0, with an earlier version 0.992
    ("stranger.tsv", "en"): 0.98,  # likewise 0.969 and 0.962
    ("guest.tsv", "zh"): 0.98,
    ("guest.tsv", "en"): 0.98,  # at first 0.977
    ("newcomer.tsv", "zh"): 0.99,  # the first look
    ("newcomer.tsv", "en"): 0.99,  # likewise
}


@pytest.mark.parametrize(("name", "language"), AIMS)
def test_questions_find_their_concept(name: str, language: str) -> None:
    asked = rows(name, language)
    answers = [ask(row) for row in asked]
    ours = [answer.route != "declined" for answer in answers]
    first = [bool(row.accepted & set(answer.concepts[:1])) for row, answer in zip(asked, answers, strict=True)]
    three = [bool(row.accepted & set(answer.concepts[:3])) for row, answer in zip(asked, answers, strict=True)]
    least_first, least_three, most_declined = AIMS[name, language]
    assert share(first) >= least_first
    assert share(three) >= least_three
    assert 1 - share(ours) <= most_declined


@pytest.mark.parametrize(("name", "language"), DECLINED)
def test_what_is_none_of_ours_is_declined(name: str, language: str) -> None:
    answers = [ask(row) for row in rows(name, language, ours=False)]
    assert share([answer.route == "declined" and answer.claims == () for answer in answers]) >= DECLINED[name, language]
