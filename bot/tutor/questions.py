"""How much a learner's question resembles each authored one, at the level of meaning.

A question is the set of its words and of the concepts that they name, so that `master 挂了` and `控制面挂了` share what
matters. What is rare among the authored questions weighs more; the likeness of two questions is the cosine of the two
sets. Every authored question then votes for its concepts with the cube of its likeness: one that is nearly the same
decides alone, of vague ones many have to agree.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.knowledge.base import Knowledge
from bot.knowledge.reading import Reader
from bot.knowledge.schema import LANGUAGES, Both
from bot.tutor.names import Names

MEANING = 1.5  # what a named concept weighs beside a word as rare
SELDOM = 0.0002  # the share of questions that a word is taken to be in at least


class Slot(NamedTuple):
    """Where an answer stands: a concept's definition (0) or its n-th focused answer; or a pair."""

    concepts: tuple[str, ...]
    number: int = 0


STRANGE = Slot(())  # what is none of ours


class Match(NamedTuple):
    """How much a question resembles an authored one: 1.0 is the same question, 0.0 shares nothing."""

    score: float
    question: Both


@dataclass(frozen=True)
class Alike:
    """What the authored questions say about a learner's question."""

    matches: dict[Slot, Match] = field(default_factory=dict)  # for each slot the authored question that is most like it
    votes: dict[str, float] = field(default_factory=dict)  # for each concept
    strange: float = 0.0  # votes for none of them
    leaning: float = 0.0  # how much more its words are at home in questions of ours than in others, as a logarithm


class Questions:
    """Every question of the base, its words weighed by their rarity."""

    def __init__(self, knowledge: Knowledge, reader: Reader, names: Names) -> None:
        self.reader, self.names = reader, names
        self.slots: list[tuple[Slot, Both | None, frozenset[str]]] = []
        for concept in knowledge.concepts.values():
            self._add(Slot((concept.id,)), concept.asked_as)
            for number, answer in enumerate(concept.answers, 1):
                self._add(Slot((concept.id,), number), answer.asked_as)
        for pair in knowledge.pairs:
            self._add(Slot(pair.of), pair.asked_as)
        for language in LANGUAGES:
            for text in (*knowledge.wording.strangers[language], *knowledge.wording.elsewhere[language]):
                self._read(STRANGE, None, text)
        self.counts = Counter(gram for _, _, grams in self.slots for gram in grams)
        self.strange = Counter(gram for slot, _, grams in self.slots if slot is STRANGE for gram in grams)
        self.strangers = sum(slot is STRANGE for slot, _, _ in self.slots)
        rarity = {count: math.log(1 + len(self.slots) / count) ** 2 for count in {1, *self.counts.values()}}
        self.unheard = rarity[1]
        self.weights = {gram: rarity[count] * (MEANING if gram[0] == "=" else 1.0) for gram, count in self.counts.items()}
        self.sizes = [math.sqrt(sum(map(self.weights.__getitem__, grams))) for _, _, grams in self.slots]
        self.postings: dict[str, list[int]] = defaultdict(list)
        for at, (_, _, grams) in enumerate(self.slots):
            for gram in grams:
                self.postings[gram].append(at)

    def _add(self, slot: Slot, questions: Iterable[Both]) -> None:
        for question in questions:
            for language in LANGUAGES:
                self._read(slot, question, question[language])

    def _read(self, slot: Slot, question: Both | None, text: str) -> None:
        spelt = self.reader.spell(text)
        self.slots.append((slot, question, self._grams(spelt, self.names.written(self.reader.split(spelt)))))

    def _grams(self, spelt: str, named: Iterable[str]) -> frozenset[str]:
        return frozenset(self.reader.grams(spelt)).union(f"={concept}" for concept in named)

    def _leaning(self, gram: str) -> float:
        """How much more a word is at home in questions of ours than in others, as a logarithm."""
        strange = self.strange[gram]
        own = (self.counts[gram] - strange) / (len(self.slots) - self.strangers)
        return math.log((own + SELDOM) / (strange / (self.strangers or 1) + SELDOM))

    def alike(self, question: str, named: Iterable[str]) -> Alike:
        """How the authored questions resemble this one, in which the concepts `named` are named."""
        grams = self._grams(self.reader.spell(question), named)
        size = math.sqrt(sum(self.weights.get(gram, self.unheard) for gram in grams))
        shared: dict[int, float] = defaultdict(float)
        for gram in grams:
            for at in self.postings.get(gram, ()):
                shared[at] += self.weights[gram]
        matches: dict[Slot, Match] = {}
        votes: dict[str, float] = defaultdict(float)
        for at, weight in shared.items():
            slot, authored, _ = self.slots[at]
            score = weight / (size * self.sizes[at])
            for concept in slot.concepts or ("",):
                votes[concept] += score**3
            if authored and (slot not in matches or score > matches[slot].score):
                matches[slot] = Match(score, authored)
        return Alike(matches, votes, votes.pop("", 0.0), sum(map(self._leaning, grams)))
