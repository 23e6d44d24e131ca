"""Chooses the concepts that a question is about, or none when it is about something else.

Names and authored questions work together: the authored questions that are most like it, concepts put for their names,
vote for the concepts (`questions.py`). Strangers vote too: questions that are none of ours, and names of other fields.
Whether a question is ours the votes of both sides decide, together with its single words and unmistakable names of ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.reading import Reader
from bot.tutor.names import ELSEWHERE, Hit, Names
from bot.tutor.questions import Alike, Questions

SURE = 0.75  # from this weight on a name is no everyday word
# How much speaks for a question of ours: the ratio of the votes for the likeliest concept and for none, as a logarithm, plus
WORDS = 0.1  # times what its single words say, plus
NAMED = 0.4  # for such a name
ENOUGH = 0.75
FAINT = 0.01  # votes that say nothing
NOTHING_ALIKE = Alike()


@dataclass(frozen=True)
class Finding:
    """What a question is about: concepts, best first; `named` are those of them that it calls by a name."""

    concepts: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()  # one for each name, in the order of the question
    between: frozenset[str] = frozenset()  # what stands between one name and the next
    alike: Alike = NOTHING_ALIKE
    tied: tuple[str, ...] = ()  # concepts that one word of the question means equally
    declined: bool = False


class Finder:
    """Built once from the knowledge; holds no learner's state."""

    def __init__(self, knowledge: Knowledge, picture: Picture, reader: Reader) -> None:
        self.reader = reader
        self.names = Names(knowledge, picture, reader)
        self.questions = Questions(knowledge, reader, self.names)
        self.generic = set(knowledge.wording.generic)

    # -------------------------------------------------------------- finding

    def find(self, question: str) -> Finding:
        tokens = self.reader.tokens(question)
        hits = self.names.hits(tokens)
        named = {name.concept for hit in hits for name in hit.names}
        alike = self.questions.alike(question, named)
        named.discard(ELSEWHERE)
        votes = {**dict.fromkeys(named, 0.0), **alike.votes}
        ranked = sorted(votes, key=lambda concept: (-votes[concept], concept))
        ours = self._ours(tokens, hits, alike)
        return Finding(
            concepts=tuple(ranked),
            named=tuple(concept for concept in ranked if concept in named),
            mentioned=self._mentioned(hits, votes),
            between=frozenset("".join(tokens[hit.end : after.start]) for hit, after in pairwise(hits)),
            alike=alike if ours else NOTHING_ALIKE,
            tied=self._tied(hits) if ours else (),
            declined=not ours,
        )

    def _mentioned(self, hits: list[Hit], votes: dict[str, float]) -> tuple[str, ...]:
        """One concept for each stretch that names something, in the order of the question."""
        best = [max(hit.names, key=lambda name: votes.get(name.concept, 0.0)).concept for hit in hits]
        for at, hit in enumerate(hits[:-1]):
            if best[at] in self.generic and hit.end == hits[at + 1].start:
                best[at] = ""  # `Kubernetes Service` names one thing
        order = tuple(dict.fromkeys(concept for concept in best if concept))
        own = tuple(concept for concept in order if concept not in self.generic)
        return own if len(own) > 1 else order

    def _tied(self, hits: list[Hit]) -> tuple[str, ...]:
        """Two concepts that the only name in the question means equally."""
        telling = [hit for hit in hits if any(name.concept and name.concept not in self.generic for name in hit.names)]
        if len(telling) == 1 and len(telling[0].names) > 1:
            return tuple(name.concept for name in telling[0].names)
        return ()

    def _ours(self, tokens: list[str], hits: list[Hit], alike: Alike) -> bool:
        """Whether the question is about Kubernetes at all."""
        votes = math.log((max(alike.votes.values(), default=0.0) + FAINT) / (alike.strange + FAINT))
        named = self._nothing_else(tokens, hits) or any(
            name.concept and name.weight * hit.certain >= SURE for hit in hits for name in hit.names
        )
        return votes + WORDS * alike.leaning + NAMED * named > ENOUGH

    def _nothing_else(self, tokens: list[str], hits: list[Hit]) -> bool:
        """Whether function words are all that stands beside names of ours."""
        named = {at for hit in hits for at in range(hit.start, hit.end) if hit.names[0].concept != ELSEWHERE}
        return bool(named) and named | self.reader.idle(tokens) == set(range(len(tokens)))
