"""What was learnt from thousands of questions: how much each word speaks for each concept, and for none of ours.

`.ci/generate.py` learns it (a linear classifier for each concept) from every authored question and from `language/asked.tsv`,
and writes it to `language/weights.tsv` and `language/neighbours.tsv`. Here it is only added up. A concept that was added since
has nothing learnt about it; its authored questions still speak for it.

A number is a letter: 0 is `!`, 1 is `"` and so on. The letters of a word are its rarity, then a concept and its weight, and so
on for each concept of which the word says more, or less, than of most.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from bot.knowledge.base import Knowledge
from bot.knowledge.source import Table

NONE = ""  # what is none of ours
UNKNOWN = -1.0  # the score of a concept of which nothing was learnt
LETTERS = "".join(map(chr, (*range(0x21, 0x7F), *range(0xAE, 0x250))))
NUMBERS = {letter: number for number, letter in enumerate(LETTERS)}
STEP = 0.5  # rarities and weights are kept in such steps
MOST = 46  # steps of a weight, up or down


@dataclass(frozen=True)
class Learnt:
    """Of each word, and of two that are neighbours, the letters as they stand in the files."""

    concepts: tuple[str, ...]
    bias: dict[str, float]
    words: Table
    neighbours: Table

    @classmethod
    def of(cls, knowledge: Knowledge) -> Learnt:
        found = dict(pair.split(":") for pair in knowledge.weights.get("+").split())
        bias = {NONE if concept == "-" else concept: float(number) for concept, number in found.items()}
        return cls(tuple(bias), bias, knowledge.weights, knowledge.neighbours)

    def letters(self, word: str) -> str:
        return (self.neighbours if " " in word else self.words).get(word)

    def scores(self, words: Iterable[str], known: Iterable[str]) -> dict[str, float]:
        """How much `words` speak for each of the `known` concepts and for NONE; only how they differ means something."""
        total: dict[int, int] = defaultdict(int)
        size = 0
        for letters in filter(None, map(self.letters, words)):
            rarity, *pairs = map(NUMBERS.__getitem__, letters)
            size += rarity**2
            for at, weight in zip(pairs[::2], pairs[1::2], strict=True):
                total[at] += weight - MOST
        length = math.sqrt(size) or 1.0
        found = {concept: total[at] / length + self.bias[concept] for at, concept in enumerate(self.concepts)}
        return {**dict.fromkeys(known, UNKNOWN), NONE: 0.0, **{key: found[key] for key in (*known, NONE) if key in found}}
