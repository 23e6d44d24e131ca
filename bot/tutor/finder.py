"""Chooses the concepts that a question is about, or none when it is about something else.

Two things speak for a concept: what was learnt of the question's words (`learnt.py`), and how much an authored question of that
concept is like this one (`questions.py`). What was learnt speaks for `none of ours` as well, and decides against the best
concept, unless a question of ours is nearly the same or nothing stands beside a name of ours; two names of ours count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import combinations, pairwise

from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.reading import CHINESE, Reader
from bot.knowledge.schema import Language
from bot.tutor.learnt import NONE, UNKNOWN, Learnt
from bot.tutor.names import ELSEWHERE, Hit, Names
from bot.tutor.questions import Match, Questions, Slot

LIKENESS = 1.0  # what an authored question like this one, or a name and nothing else, weighs beside what was learnt
SAME = 0.85  # from here on it settles that a question is ours
ALONE = 0.5  # from here on where nothing was learnt
BEST = 8  # concepts of a finding
NAMED = 0.4  # by how much more the best concept may lose against none where two of ours are named
PART = 0.8  # of the best concept's score that counts against none: the best of many is also lucky
SURE: dict[Language, float] = {"zh": 0.24, "en": 0.08}  # by how much that has to be above none


@dataclass(frozen=True)
class Finding:
    """What a question is about: a few concepts, best first; `named` are those that it calls by a name, best first."""

    concepts: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()  # one for each name, in the order of the question
    between: frozenset[str] = frozenset()  # what stands between one name and the next
    alike: dict[Slot, Match] = field(default_factory=dict)  # authored questions like this one
    tied: tuple[str, ...] = ()  # concepts that one word of the question means equally
    declined: bool = False


class Finder:
    """Built once from the knowledge; holds no learner's state."""

    def __init__(self, knowledge: Knowledge, picture: Picture) -> None:
        self.knowledge, self.picture = knowledge, picture
        self.reader = reader = Reader.of(knowledge)
        self.names = Names(knowledge, picture, reader)
        self.questions = Questions(knowledge, reader, self.names)
        self.learnt = Learnt.of(knowledge)
        self.generic = set(knowledge.wording.generic)

    # -------------------------------------------------------------- finding

    def read(self, question: str) -> tuple[list[str], list[Hit], frozenset[str], frozenset[str]]:
        """The tokens of a question, the names in it, what it says, and what is learnt from: that in more detail."""
        spelt = self.reader.spell(question)
        tokens = self.reader.split(spelt)
        hits = self.names.hits(tokens)
        grams = self.questions.grams(spelt, {name.concept for hit in hits for name in hit.names})
        both = map(" ".join, combinations(sorted({f"={hit.names[0].concept}" for hit in hits}), 2))
        return tokens, hits, grams, grams.union(self.reader.details(spelt), both)

    def find(self, question: str) -> Finding:
        tokens, hits, grams, details = self.read(question)
        named = {name.concept for hit in hits for name in hit.names} - {ELSEWHERE}
        likeness, alike = self.questions.alike(grams)
        scores = self.learnt.scores(details)
        none = scores.pop(NONE, 0.0)
        for concept in (*likeness, *named):
            scores.setdefault(concept, UNKNOWN)
        alone = self._nothing_else(tokens, hits)
        language: Language = "zh" if any(map(CHINESE.match, tokens)) else "en"
        ours = any(len(token) > 1 or CHINESE.match(token) for token in tokens) and (
            PART * max(scores.values(), default=UNKNOWN) + NAMED * self._several(hits) >= none + SURE[language]
            or max(likeness.values(), default=0.0) >= (SAME if self.learnt.known else ALONE)
            or alone
        )
        for concept, score in likeness.items():
            scores[concept] += LIKENESS * score
        for concept in named if alone else ():
            scores[concept] += LIKENESS

        def rank(concept: str) -> tuple[float, str]:
            return -scores[concept], concept

        return Finding(
            concepts=tuple(nsmallest(BEST, scores, key=rank)),
            named=tuple(sorted(named, key=rank)),
            mentioned=self._mentioned(hits, scores),
            between=frozenset("".join(tokens[hit.end : after.start]) for hit, after in pairwise(hits)),
            alike=alike if ours else {},
            tied=self._tied(hits) if ours else (),
            declined=not ours,
        )

    def _mentioned(self, hits: list[Hit], scores: dict[str, float]) -> tuple[str, ...]:
        """One concept for each stretch that names something, in the order of the question."""
        best = [max(hit.names, key=lambda name: scores.get(name.concept, -9.0)).concept for hit in hits]
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

    @staticmethod
    def _several(hits: list[Hit]) -> bool:
        """Whether more than one concept is named."""
        return len({hit.names[0].concept for hit in hits} - {ELSEWHERE}) > 1

    def _nothing_else(self, tokens: list[str], hits: list[Hit]) -> bool:
        """Whether function words are all that stands beside names of ours."""
        named = {at for hit in hits for at in range(hit.start, hit.end) if hit.names[0].concept != ELSEWHERE}
        return bool(named) and named | self.reader.idle(tokens) == set(range(len(tokens)))
