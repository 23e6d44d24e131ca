"""How much a learner's question resembles each authored one, at the level of meaning.

A question is the set of its words and of the concepts that they name, so that `master 挂了` and `控制面挂了` share what
matters. What is rare among the authored questions weighs more; the likeness of two questions is the cosine of the two
sets.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from bot.knowledge.base import Knowledge
from bot.knowledge.reading import Reader
from bot.knowledge.schema import LANGUAGES, Both
from bot.tutor.names import Names

MEANING = 1.5  # what a named concept weighs beside a word as rare


class Slot(NamedTuple):
    """Where an answer stands: a concept's definition (0) or its n-th focused answer; or a pair."""

    concepts: tuple[str, ...]
    number: int = 0


class Match(NamedTuple):
    """How much a question resembles an authored one: 1.0 is the same question, 0.0 shares nothing."""

    score: float
    question: Both


class Questions:
    """Every question of the base, its words weighed by their rarity."""

    def __init__(self, knowledge: Knowledge, reader: Reader, names: Names) -> None:
        self.reader, self.names = reader, names
        self.slots: list[tuple[Slot, Both]] = []
        said: list[frozenset[str]] = []  # the grams of each
        for concept in knowledge.concepts.values():
            self._add(Slot((concept.id,)), concept.asked_as, said)
            for number, answer in enumerate(concept.answers, 1):
                self._add(Slot((concept.id,), number), answer.asked_as, said)
        for pair in knowledge.pairs:
            self._add(Slot(pair.of), pair.asked_as, said)
        self.postings: dict[str, list[int]] = defaultdict(list)
        for at, grams in enumerate(said):
            for gram in grams:
                self.postings[gram].append(at)
        counts = {gram: len(each) for gram, each in self.postings.items()}
        rarity = {count: math.log(1 + len(self.slots) / count) ** 2 for count in {1, *counts.values()}}
        self.unheard = rarity[1]
        self.weights = {gram: rarity[count] * (MEANING if gram[0] == "=" else 1.0) for gram, count in counts.items()}
        self.sizes = [math.sqrt(sum(map(self.weights.__getitem__, grams))) for grams in said]

    def _add(self, slot: Slot, questions: Iterable[Both], said: list[frozenset[str]]) -> None:
        for question in questions:
            for language in LANGUAGES:
                spelt = self.reader.spell(question[language])
                named = self.names.written(self.reader.split(spelt))
                self.slots.append((slot, question))
                said.append(self.grams(spelt, named))

    def grams(self, spelt: str, named: Iterable[str]) -> frozenset[str]:
        """The words of a question, spelt as the reader spells, and the concepts that it names."""
        return frozenset(self.reader.grams(spelt)).union(f"={concept}" for concept in named)

    def alike(self, grams: frozenset[str]) -> dict[Slot, Match]:
        """Each slot that shares a word with the question, with the authored question that is most like it."""
        size = math.sqrt(sum(self.weights.get(gram, self.unheard) for gram in grams))
        shared: dict[int, float] = defaultdict(float)
        for gram in grams:
            for at in self.postings.get(gram, ()):
                shared[at] += self.weights[gram]
        matches: dict[Slot, Match] = {}
        for at, weight in shared.items():
            slot, authored = self.slots[at]
            score = weight / (size * self.sizes[at])
            if slot not in matches or score > matches[slot].score:
                matches[slot] = Match(score, authored)
        return matches
