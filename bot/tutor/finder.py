"""Chooses the concepts that a question is about, or none when it is about something else.

Two things are looked at. *Names*: the longest alias wins its stretch of the question; misspellings, pinyin, homophones
and the other script count a little less. *Likeness*: how much of the question's wording, weighed by rarity, occurs in what
the base says (BM25) and is asked. Names say what it is about and whether it is ours at all; likeness breaks ties.
An everyday word (`node`, 店长) alone is no proof: the rest of the question must be made of words the base knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.lint import CITATION
from bot.knowledge.reading import CHINESE, Reader
from bot.knowledge.schema import LANGUAGES, Concept
from bot.tutor.likeness import Likeness
from bot.tutor.names import BY_SOUND, Hit, Names
from bot.tutor.questions import Match, Questions, Slot

GENERIC = 0.1  # what the field's own name weighs beside another name
TELLING = 3.6  # a name is fully telling from this rarity on (one question in forty); what many mention in passing is less
STATE = 0.2  # a symptom says more than the object it befalls
FIRST = 0.05  # what is named first is asked about
LIKENESS = 0.3  # weight of the wording beside the names
ASKED = 0.8  # weight of an authored question like this one
SURE = 0.75  # a name of at least this weight settles that a question is ours
ASKED_SO = 0.65  # so does an authored question this much alike


@dataclass(frozen=True)
class Finding:
    """What a question is about: concepts with their scores, best first; `named` are those it calls by a name."""

    scores: tuple[tuple[str, float], ...] = ()
    named: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()  # the same in the order of the question
    alike: dict[Slot, Match] = field(default_factory=dict)  # authored questions like this one
    tied: tuple[str, ...] = ()  # concepts that one word of the question means equally
    declined: bool = False

    @property
    def concepts(self) -> tuple[str, ...]:
        return tuple(concept for concept, _ in self.scores)


class Finder:
    """Built once from the knowledge; holds no learner's state."""

    def __init__(self, knowledge: Knowledge, picture: Picture, reader: Reader) -> None:
        self.knowledge, self.picture, self.reader = knowledge, picture, reader
        self.questions = Questions(knowledge, reader)
        self.names = Names(knowledge, picture, reader, self.questions)
        self.likeness = Likeness.of({concept.id: Counter(self._wording(concept)) for concept in knowledge.concepts.values()})
        self.generic = set(knowledge.wording.generic)

    def _wording(self, concept: Concept) -> Iterable[str]:
        asked = [*concept.asked_as, *(each for answer in concept.answers for each in answer.asked_as)]
        for language in LANGUAGES:
            texts = [concept.name[language], *concept.aliases[language], *concept.everyday[language]]
            texts += [each[language] for each in asked]
            texts += [claim[language] for claim in concept.claims.values()]
            texts += [each.says[language] for each in concept.misconceptions.values()]
            yield from self.reader.grams(CITATION.sub(" ", "\n".join(texts)))

    # -------------------------------------------------------------- finding

    def find(self, question: str) -> Finding:
        tokens = self.reader.tokens(question)
        hits = self.names.hits(tokens)
        named = self._named(hits, len(tokens))
        likeness = self.likeness.scores(self.reader.grams(question))
        most = max(likeness.values(), default=0.0)
        scores = dict(named)
        best: dict[str, float] = {}
        for concept, score in likeness.items():
            if score > 0.25 * most:
                scores[concept] = scores.get(concept, 0.0) + LIKENESS * score / most
        alike = self.questions.alike(question)
        for slot, (score, _) in alike.items():
            for concept in slot.concepts[:1] if score > 0.3 else ():
                best[concept] = max(best.get(concept, 0.0), score)
        for concept, score in best.items():
            scores[concept] = scores.get(concept, 0.0) + ASKED * score
        if set(named) - self.generic:
            scores.update(dict.fromkeys(self.generic & set(scores), GENERIC))
        ranked = tuple(sorted(scores.items(), key=lambda item: (-item[1], item[0])))
        if not self._ours(tokens, hits, max((match.score for match in alike.values()), default=0.0)):
            return Finding(ranked, named=tuple(named), mentioned=self._mentioned(hits, named), declined=True)
        order = tuple(sorted(named, key=lambda concept: (-named[concept], concept)))
        return Finding(ranked, named=order, mentioned=self._mentioned(hits, named), alike=alike, tied=self._tied(hits, named))

    def _named(self, hits: list[Hit], length: int) -> dict[str, float]:
        """Each named concept with its weight."""
        named: dict[str, float] = {}
        for hit in hits:
            for name in hit.names:
                if not name.concept:
                    continue
                telling = min(1.0, (self.questions.rarest(name.word) / TELLING) ** 2)
                weight = name.weight * telling * hit.certain + FIRST * (1 - hit.start / max(length, 1))
                weight += 0.02 * min(hit.end - hit.start, 5)
                if self.knowledge.concepts[name.concept].kind == "state":
                    weight += STATE
                named[name.concept] = max(named.get(name.concept, 0.0), weight)
        if set(named) - self.generic:
            for concept in self.generic & set(named):
                named[concept] = GENERIC
        return named

    def _mentioned(self, hits: list[Hit], named: dict[str, float]) -> tuple[str, ...]:
        """One concept for each stretch that names something, in the order of the question."""
        best = [max(hit.names, key=lambda name: named.get(name.concept, 0.0)).concept for hit in hits]
        for at, hit in enumerate(hits[:-1]):
            if best[at] in self.generic and hit.end == hits[at + 1].start:
                best[at] = ""  # `Kubernetes Service` names one thing
        order = tuple(dict.fromkeys(concept for concept in best if concept))
        own = tuple(concept for concept in order if concept not in self.generic)
        return own if len(own) > 1 else order

    def _tied(self, hits: list[Hit], named: dict[str, float]) -> tuple[str, ...]:
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
            return self.reader.same.get(token, token) in self.likeness.rarity
        pairs = ["".join(tokens[max(at - 1, 0) : at + 1]), "".join(tokens[at : at + 2])]
        return any(len(pair) == 2 and pair in self.likeness.rarity for pair in pairs)
