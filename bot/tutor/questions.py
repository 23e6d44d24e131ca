"""Finds the authored question that a learner's question resembles most."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from bot.knowledge.base import Knowledge
from bot.knowledge.reading import Reader
from bot.knowledge.schema import LANGUAGES, Both


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

    def __init__(self, knowledge: Knowledge, reader: Reader) -> None:
        self.reader = reader
        self.slots: list[tuple[Slot, frozenset[str], Both]] = []
        for concept in knowledge.concepts.values():
            self._add(Slot((concept.id,)), concept.asked_as)
            for number, answer in enumerate(concept.answers, 1):
                self._add(Slot((concept.id,), number), answer.asked_as)
        for pair in knowledge.pairs:
            self._add(Slot(pair.of), pair.asked_as)
        counts = Counter(gram for _, grams, _ in self.slots for gram in grams)
        self.rarity = {gram: math.log(1 + len(self.slots) / count) for gram, count in counts.items()}
        self.unheard = math.log(1 + len(self.slots))
        self.sizes = [self._size(grams) for _, grams, _ in self.slots]
        self.postings: dict[str, list[int]] = defaultdict(list)
        for at, (_, grams, _) in enumerate(self.slots):
            for gram in grams:
                self.postings[gram].append(at)

    def _add(self, slot: Slot, questions: Iterable[Both]) -> None:
        for question in questions:
            for language in LANGUAGES:
                self.slots.append((slot, self._grams(question[language]), question))

    def _grams(self, text: str) -> frozenset[str]:
        return frozenset(self.reader.grams(text))

    def rarest(self, words: str) -> float:
        """The rarity of the rarest of `words` among all questions."""
        return max((self.rarity.get(gram, self.unheard) for gram in self._grams(words)), default=self.unheard)

    def says(self, token: str) -> bool:
        """Whether some authored question uses this Latin word, so that it is no slip of the finger."""
        return self.reader.same.get(token, token) in self.rarity

    def _size(self, grams: Iterable[str]) -> float:
        return sum(self.rarity.get(gram, self.unheard) ** 2 for gram in grams)

    def alike(self, question: str) -> dict[Slot, Match]:
        """Each slot that shares a word with the question, with the authored question that is most like it."""
        grams = self._grams(question)
        size = self._size(grams)
        shared: dict[int, float] = defaultdict(float)
        for gram in grams:
            for at in self.postings.get(gram, ()):
                shared[at] += self.rarity[gram] ** 2
        best: dict[Slot, Match] = {}
        for at, weight in shared.items():
            slot, _, authored = self.slots[at]
            score = weight / math.sqrt(size * self.sizes[at])
            known = best.get(slot)
            if known is None or score > known.score:
                best[slot] = Match(score, authored)
        return best
