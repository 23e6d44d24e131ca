"""Labelled sentences of a language model, and how many of each class the check decides rightly.

A row of the files holds `good or bad, class, language, concepts in the prompt, sentence with its citations` (tab-separated).
Word lists were made with `checked.tsv` at hand and without anyone having read `held.tsv`; `reworded.tsv` was written before
the vocabulary of all claims was reworded. A failing sentence of these two is never made to pass by itself. `bent.tsv` holds
claims from all over the lessons: paraphrases of them, and what is left after one word, a side, a condition, a hedge or a `not`
was changed.

`siblings.tsv` holds `language, word, another` (tab-separated): a claim that says the other in place of the word is false, or
says nothing. The few that stay true, as where the two stand side by side in a list, are counted all the same.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from bot.knowledge import base
from bot.knowledge.reading import Reader
from bot.knowledge.schema import Language
from bot.tutor.check import Check
from bot.tutor.sentences import sentences

DATA = Path(__file__).parent / "data"
FILES = ("checked.tsv", "held.tsv", "reworded.tsv", "bent.tsv")


class Labelled(NamedTuple):
    good: bool
    kind: str
    language: Language
    concepts: list[str]
    text: str


class Score(NamedTuple):
    right: int = 0
    all: int = 0

    def counted(self, right: bool) -> Score:
        return Score(self.right + right, self.all + 1)

    @property
    def share(self) -> float:
        return self.right / self.all


@cache
def check() -> Check:
    knowledge = base.load(base.default_folder())
    return Check(knowledge, Reader.of(knowledge))


@cache
def labelled(name: str) -> list[Labelled]:
    lines = (DATA / name).read_text("utf-8").splitlines()
    cells = [line.split("\t") for line in lines if line]
    return [Labelled(a == "good", b, "zh" if c == "zh" else "en", d.split(), e) for a, b, c, d, e in cells]


def passes(row: Labelled) -> bool:
    """Whether every sentence of a row may be shown."""
    whole = sentences(row.text, ended=True)
    return bool(whole) and not any(check().fault(each, row.concepts, row.language) for each in whole)


@cache
def scores(name: str) -> dict[tuple[bool, Language, str], Score]:
    """(good, language, class) → how many were decided rightly; the class `` counts all."""
    counted: defaultdict[tuple[bool, Language, str], Score] = defaultdict(Score)
    for row in labelled(name):
        right = passes(row) == row.good
        for kind in (row.kind, ""):
            key = row.good, row.language, kind
            counted[key] = counted[key].counted(right)
    return counted


def swaps(language: Language) -> Iterator[tuple[str, str]]:
    """(concept, sentence with its citation): every claim with one word in the place of its sibling."""
    pairs = [line.split("\t") for line in (DATA / "siblings.tsv").read_text("utf-8").splitlines()]
    words = [
        (re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])" if language == "en" else re.escape(word)), other)
        for spoken, word, other in pairs
        if spoken == language
    ]
    for concept in check().knowledge.concepts.values():
        for key, claim in concept.claims.items():
            for word, other in words:
                for found in word.finditer(claim[language]):
                    yield concept.id, f"{found.string[: found.start()]}{other}{found.string[found.end() :]}[{concept.id}.{key}]"


def swapped(language: Language, step: int = 1) -> Score:
    """How many of the swaps, each `step`th of them, are stopped."""
    score = Score()
    for concept, said in islice(swaps(language), 0, None, step):
        score = score.counted(check().fault(said, [concept], language) is not None)
    return score
