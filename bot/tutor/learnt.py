"""What was learnt from thousands of questions: how much each word speaks for each concept, and for none of ours.

`.ci/generate.py` learns it (a linear classifier for each concept) from every authored question and from `language/asked.tsv`,
and writes it to `language/weights.tsv`. Here it is only added up. A concept that was added since has nothing learnt
about it; its authored questions still speak for it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from bot.knowledge.base import Knowledge

NONE = ""  # what is none of ours
SCALE = 10  # weights are kept as whole tenths
UNHEARD = 70  # the rarity of a word that nobody asked with; it makes what the others say less sure
UNKNOWN = -1.0  # the score of a concept of which nothing was learnt


@dataclass(frozen=True)
class Learnt:
    """Of each word its row, as it stands in the file: the word, its rarity, its weights; `12:-145` is -14.5 for concept 12."""

    concepts: tuple[str, ...]
    bias: dict[str, float]
    words: dict[str, tuple[str, str, str]]

    @classmethod
    def of(cls, knowledge: Knowledge) -> Learnt:
        if not knowledge.weights:
            return cls((), {}, {})
        (_, _, concepts), (_, _, bias), *rows = knowledge.weights
        names = tuple(NONE if name == "-" else name for name in concepts.split())
        return cls(names, {names[at]: weight for at, weight in _weights(bias)}, {row[0]: row for row in rows})

    def scores(self, words: Iterable[str], known: Iterable[str]) -> dict[str, float]:
        """How much `words` speak for each of the `known` concepts and for NONE; about 0 is the border between yes and no."""
        total: dict[int, float] = defaultdict(float)
        size = 0.0
        for word in words:
            if word not in self.words:
                size += UNHEARD**2
            else:
                _, rarity, weights = self.words[word]
                size += int(rarity) ** 2
                for at, weight in _weights(weights):
                    total[at] += weight
        size = math.sqrt(size) / SCALE or 1.0
        found = {concept: total[at] / size + self.bias[concept] for at, concept in enumerate(self.concepts)}
        return {**dict.fromkeys(known, UNKNOWN), NONE: 0.0, **{key: found[key] for key in (*known, NONE) if key in found}}


def _weights(text: str) -> Iterable[tuple[int, float]]:
    for pair in text.split():
        at, _, weight = pair.partition(":")
        yield int(at), int(weight) / SCALE
