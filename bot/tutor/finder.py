"""Chooses the concepts that a question is about, or none when it is about something else.

Names and authored questions work together: the authored questions that are most like it, concepts put for their names,
vote for the concepts (`questions.py`). Whether a question is ours at all, a certain name or a close authored question
settles. An everyday word (`node`, 店长) alone is no proof: the rest of the question must be made of words the base knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.reading import CHINESE, Reader
from bot.tutor.names import BY_SOUND, Hit, Names
from bot.tutor.questions import Alike, Questions

SURE = 0.75  # a name of at least this weight settles that a question is ours
ASKED_SO = 0.65  # so does an authored question this much alike
NOTHING_ALIKE = Alike()


@dataclass(frozen=True)
class Finding:
    """What a question is about: concepts, best first; `named` are those of them that it calls by a name."""

    concepts: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()  # one for each name, in the order of the question
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
        named = {name.concept for hit in hits for name in hit.names if name.concept}
        alike = self.questions.alike(question, named)
        votes = {**dict.fromkeys(named, 0.0), **alike.votes}
        ranked = sorted(votes, key=lambda concept: (-votes[concept], concept))
        ours = self._ours(tokens, hits, alike.most)
        return Finding(
            concepts=tuple(ranked),
            named=tuple(concept for concept in ranked if concept in named),
            mentioned=self._mentioned(hits, votes),
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

    def _ours(self, tokens: list[str], hits: list[Hit], alike: float) -> bool:
        """Whether the question is about Kubernetes at all."""
        certain = max((name.weight * hit.certain for hit in hits for name in hit.names if name.concept), default=0.0)
        covered, content = self._coverage(tokens, hits)
        elsewhere = any(not hit.names[0].concept for hit in hits)
        if alike >= ASKED_SO or (certain >= SURE and (not elsewhere or covered >= 0.6)):
            return True
        if elsewhere:
            return False
        if certain:
            return covered >= 0.5 or alike >= 0.4
        return (covered >= 0.85 and content >= 2.5) or alike >= 0.45

    def _coverage(self, tokens: list[str], hits: list[Hit]) -> tuple[float, float]:
        """How much of what the question says, function words apart, is said in the base (0 to 1), and how much it says."""
        named = {at for hit in hits for at in range(hit.start, hit.end) if hit.names[0].concept}
        elsewhere = {at for hit in hits for at in range(hit.start, hit.end)} - named
        idle = self.reader.idle(tokens) - named
        typed = [at for at, token in enumerate(tokens) if at not in named | idle and self.reader.syllables.fullmatch(token)]
        spoken = len(typed) > 2 or any(hit.certain == BY_SOUND for hit in hits)
        known = total = 0.0
        for at, token in enumerate(tokens):
            if at in idle or (spoken and at in typed):
                continue
            weight = 0.5 if CHINESE.match(token) else 1.0
            total += weight
            known += weight if at in named or (at not in elsewhere and self._familiar(tokens, at)) else 0.0
        return (known / total if total else 0.0), total

    def _familiar(self, tokens: list[str], at: int) -> bool:
        token = tokens[at]
        if not CHINESE.match(token):
            return self.reader.same.get(token, token) in self.questions.weights
        pairs = ["".join(tokens[max(at - 1, 0) : at + 1]), "".join(tokens[at : at + 2])]
        return any(len(pair) == 2 and pair in self.questions.weights for pair in pairs)
