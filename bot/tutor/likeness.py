"""How much of a question's wording, weighed by rarity, occurs in a document (BM25)."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Likeness:
    """BM25 over short documents."""

    postings: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    rarity: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, documents: dict[str, Counter[str]]) -> Likeness:
        made = cls()
        mean = sum(sum(grams.values()) for grams in documents.values()) / max(len(documents), 1)
        for id, grams in documents.items():
            size = 0.6 + 0.6 * sum(grams.values()) / mean
            for gram, count in grams.items():
                made.postings[gram][id] = count * 2.2 / (count + size)
        for gram, found in made.postings.items():
            made.rarity[gram] = math.log(1 + (len(documents) - len(found) + 0.5) / (len(found) + 0.5))
        return made

    def scores(self, grams: Iterable[str]) -> dict[str, float]:
        total: dict[str, float] = defaultdict(float)
        for gram in set(grams):
            for id, weight in self.postings.get(gram, {}).items():
                total[id] += weight * self.rarity[gram]
        return total
