"""What was learnt from thousands of questions: how much each word speaks for each concept, and for none of ours.

`.ci/generate.py` learns it (a linear classifier for each concept) from every authored question and from `language/asked/`,
and writes it to `language/weights.tsv` and `language/neighbours.tsv`. Here it is only added up. A concept that was added since
has nothing learnt about it; its authored questions still speak for it.

A number is a letter: 0 is `!`, 1 is `"` and so on. The letters of a word are its rarity, then a concept and its weight, and so
on for each concept of which the word says more, or less, than of most.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.knowledge.base import Knowledge
from bot.knowledge.source import Table

NONE = ""  # what is none of ours
UNKNOWN = -1.0  # the score of a concept of which nothing was learnt
LETTERS = "".join(map(chr, (*range(0x21, 0x7F), *range(0xAE, 0x250))))
NUMBERS = {letter: number for number, letter in enumerate(LETTERS)}
STEP = 0.5  # rarities and weights are kept in such steps
MANY = 2_000  # words to remember
MOST = 46  # steps of a weight, up or down
UNHEARD = 13  # steps of the rarity of a word that has no row: it speaks for nothing, and makes the others speak less


@dataclass(frozen=True)
class Learnt:
    """Of each word, and of two that are neighbours, the letters as they stand in the files."""

    known: tuple[tuple[int, tuple[str, float]], ...]  # number of each concept that the base has, its id and bias; NONE too
    words: Table
    neighbours: Table
    read: dict[str, str] = field(default_factory=dict)  # words that were looked up, with their letters

    @classmethod
    def of(cls, knowledge: Knowledge) -> Learnt:
        biases = [pair.split(":") for pair in knowledge.weights.get("+").split()]
        learnt = [(NONE if concept == "-" else concept, float(bias)) for concept, bias in biases]
        known = (each for each in enumerate(learnt) if each[1][0] in {NONE, *knowledge.concepts})
        return cls(tuple(known), knowledge.weights, knowledge.neighbours)

    def letters(self, word: str) -> str:
        if word not in self.read:
            if len(self.read) == MANY:
                self.read.clear()
            self.read[word] = (self.neighbours if " " in word else self.words).get(word)
        return self.read[word]

    def scores(self, words: Iterable[str]) -> dict[str, float]:
        """How much `words` speak for each concept that was learnt and for NONE; only how they differ means something."""
        total: dict[int, int] = defaultdict(int)
        size = 0
        for letters in map(self.letters, words):
            rarity, *pairs = map(NUMBERS.__getitem__, letters or LETTERS[UNHEARD])
            size += rarity**2
            for at, weight in zip(pairs[::2], pairs[1::2], strict=True):
                total[at] += weight - MOST
        length = math.sqrt(size) or 1.0
        return {concept: total[at] / length + bias for at, (concept, bias) in self.known}
