"""How much a learner's question resembles each authored one, at the level of meaning.

A question is the set of its words and of the concepts that they name, so that `master 挂了` and `控制面挂了` share what
matters. What is rare among the authored questions weighs more; the likeness of two questions is the cosine of the two
sets.
"""

from __future__ import annotations

import heapq
import math
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from bot.knowledge.base import Knowledge
from bot.knowledge.reading import Reader
from bot.knowledge.schema import Both
from bot.tutor.names import Names

MEANING = 1.5  # what a named concept weighs beside a word as rare
ALIKE = 0.42  # from here on an authored question counts as the one that was asked
COMMON = 2_000  # questions that say a word
BEST = 200  # questions


class Slot(NamedTuple):
    """Where an answer stands: a concept's definition (0) or its n-th focused answer; or a pair."""

    concepts: tuple[str, ...]
    number: int = 0


class Match(NamedTuple):
    """How much a question resembles an authored one: 1.0 is the same question, 0.0 shares nothing."""

    score: float
    question: Both


class Alike(NamedTuple):
    """What is asked like a question."""

    concepts: dict[str, float]  # how much the most similar question of each is
    slots: dict[Slot, Match]  # those that come near enough, with the authored question that is most like it


class Questions:
    """Every question of the base, its words weighed by their rarity."""

    def __init__(self, knowledge: Knowledge, reader: Reader, names: Names) -> None:
        self.reader, self.names = reader, names
        self.slots: list[Slot] = []
        self.asked: list[Both] = []  # the authored questions, once for each language
        self.owners: list[int] = []  # of each the slot that it stands in, counted from 0
        self.postings: dict[str, array[int]] = {}  # what is said → the questions that say it
        for concept in knowledge.concepts.values():
            self._add(Slot((concept.id,)), concept.asked_as)
            for number, answer in enumerate(concept.answers, 1):
                self._add(Slot((concept.id,), number), answer.asked_as)
        for pair in knowledge.pairs:
            self._add(Slot(pair.of), pair.asked_as)
        rarity = {count: math.log(1 + len(self.asked) / count) ** 2 for count in {1, *map(len, self.postings.values())}}
        self.unheard = rarity[1]
        self.weights = {gram: rarity[len(ats)] * (MEANING if gram[0] == "=" else 1.0) for gram, ats in self.postings.items()}
        squares = [0.0] * len(self.asked)
        for gram, ats in self.postings.items():
            for at in ats:
                squares[at] += self.weights[gram]
        self.sizes = [*map(math.sqrt, squares)]

    def _add(self, slot: Slot, questions: Iterable[Both]) -> None:
        self.slots.append(slot)
        for at, (question, text) in enumerate(((each, text) for each in questions for text in each.both), len(self.asked)):
            spelt = self.reader.spell(text)
            for gram in self.grams(spelt, self.names.written(self.reader.split(spelt))):
                self.postings.setdefault(gram, array("I")).append(at)
            self.asked.append(question)
            self.owners.append(len(self.slots) - 1)

    def grams(self, spelt: str, named: Iterable[str]) -> frozenset[str]:
        """The words of a question, spelt as the reader spells, and the concepts that it names."""
        return frozenset(self.reader.grams(spelt)).union(f"={concept}" for concept in named)

    def alike(self, grams: frozenset[str]) -> Alike:
        """How much each concept is asked about like this, and the authored questions that are like this one.

        In a large base a word that is COMMON brings no question; it counts for the BEST of those that a rarer one brings.
        """
        size = math.sqrt(sum(self.weights.get(gram, self.unheard) for gram in grams))
        rare, common = list[str](), list[str]()
        for count, gram in sorted((len(self.postings[gram]), gram) for gram in grams if gram in self.postings):
            (common if count > COMMON and rare else rare).append(gram)
        shared = [0.0] * len(self.asked)
        for gram in rare:
            weight = self.weights[gram]
            for at in self.postings[gram]:
                shared[at] += weight
        reached = dict.fromkeys(chain.from_iterable(map(self.postings.__getitem__, rare)))
        if common:
            reached = self._with_common(shared, reached, common)
        sizes, owners = self.sizes, self.owners
        best = [0.0] * len(self.slots)
        most: dict[int, int] = {}  # slot → the authored question that is most like it
        for at in reached:
            if (score := shared[at] / sizes[at]) > best[slot := owners[at]]:
                best[slot], most[slot] = score, at
        found = Alike(defaultdict(float), {})
        for slot, at in sorted(most.items()):
            score = best[slot] / size
            for concept in self.slots[slot].concepts:
                found.concepts[concept] = max(found.concepts[concept], score)
            if score >= ALIKE:
                found.slots[self.slots[slot]] = Match(score, self.asked[at])
        return found

    def _with_common(self, shared: list[float], reached: Iterable[int], common: list[str]) -> dict[int, None]:
        """The best of the questions; what they share of common words is added."""
        best = heapq.nlargest(BEST, reached, key=lambda at: shared[at] / self.sizes[at])
        for at in best:
            shared[at] += sum(self.weights[gram] for gram in common if self._says(at, gram))
        return dict.fromkeys(best)

    def _says(self, at: int, gram: str) -> bool:
        ats = self.postings[gram]
        place = bisect_left(ats, at)
        return place < len(ats) and ats[place] == at
