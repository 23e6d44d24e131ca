"""Chooses the concepts that a question is about, or none when it is about something else.

Two things are looked at. *Names*: the longest alias wins its stretch of the question; misspellings, pinyin, homophones
and the other script count a little less. *Likeness*: how much of the question's wording, weighed by rarity, occurs in what
the base says (BM25) and is asked. Names say what it is about and whether it is ours at all; likeness breaks ties.
An everyday word (`node`, 店长) alone is no proof: the rest of the question must be made of words the base knows.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.lint import CITATION
from bot.knowledge.reading import CHINESE, Reader
from bot.knowledge.schema import LANGUAGES, Concept
from bot.tutor.questions import Match, Questions, Slot

STRONG, EVERYDAY = 1.0, 0.6
MISSPELT, BY_SOUND = 0.85, 0.8
GENERIC = 0.1  # what the field's own name weighs beside another name
LEAST_TELLING = 0.5
TELLING = 3.6  # a name is fully telling from this rarity on: about one question in forty has it
STATE = 0.2  # a symptom says more than the object it befalls
FIRST = 0.05  # what is named first is asked about
LIKENESS = 0.3  # weight of the wording beside the names
ASKED = 0.8  # weight of an authored question like this one
LONGEST = 14  # tokens in a name, at most
SURE = 0.75  # a name of at least this weight settles that a question is ours
ASKED_SO = 0.65  # so does an authored question this much alike
ELSEWHERE = ""  # the owner of names that belong to other fields


@dataclass(frozen=True)
class Name:
    """One way to say a concept."""

    concept: str
    weight: float
    telling: float = 1.0  # less for a name that many questions mention in passing


@dataclass
class Hit:
    """A stretch of the question that names something."""

    start: int
    end: int
    names: tuple[Name, ...]
    certain: float = 1.0


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


class Finder:
    """Built once from the knowledge; holds no learner's state."""

    def __init__(self, knowledge: Knowledge, picture: Picture, reader: Reader) -> None:
        self.knowledge, self.picture, self.reader = knowledge, picture, reader
        self.names: dict[str, tuple[Name, ...]] = {}
        self.sounds: dict[str, tuple[Name, ...]] = {}  # pinyin without tones, as typed
        self.homophones: dict[str, tuple[Name, ...]] = {}  # pinyin, with tones where the name is short
        self.questions = Questions(knowledge, reader)
        for key, names in self._all_names().items():
            self.names[key] = tuple(names)
        for key, own in self.names.items():
            if len(key) > 1 and all(CHINESE.match(char) for char in key) and own[0].concept:
                self.sounds.setdefault(reader.pinyin(key, tones=False), own)
                self.homophones.setdefault(reader.pinyin(key, tones=len(key) == 2), own)
        self.latin = [key for key, own in self.names.items() if len(key) >= 4 and key.isascii() and own[0].concept]
        self.syllables = re.compile(
            "(?:"
            + "|".join(sorted({sound.rstrip("12345") for sound in reader.sounds.values() if sound}, key=len, reverse=True))
            + ")+"
        )
        self.real_words = {reader.key(word) for language in LANGUAGES for word in knowledge.wording.real_words[language]}
        self.likeness = Likeness.of({concept.id: Counter(self._wording(concept)) for concept in knowledge.concepts.values()})
        self.generic = set(knowledge.wording.generic)

    def _all_names(self) -> dict[str, list[Name]]:
        """Every way to say a concept; what is everyday talk for one concept is so even where it is its name."""
        found: dict[str, dict[str, Name]] = defaultdict(dict)

        def add(concept: str, words: Iterable[str], weight: float) -> None:
            for word in words:
                telling = min(1.0, max(LEAST_TELLING, self.questions.rarest(word) / TELLING))
                if key := self.reader.key(word):
                    found[key].setdefault(concept, Name(concept, weight, telling))

        for concept in self.knowledge.concepts.values():
            for language in LANGUAGES:
                add(concept.id, concept.everyday[language], EVERYDAY)
            for language in LANGUAGES:
                add(concept.id, (concept.name[language], *concept.aliases[language]), STRONG)
            add(concept.id, (concept.id,), STRONG)
            if role := self.picture.roles.get(concept.id):
                for language in LANGUAGES:
                    add(concept.id, (role.role[language], *role.aliases[language]), EVERYDAY)
        for language in LANGUAGES:
            others = self.knowledge.wording.elsewhere[language]
            add(ELSEWHERE, (word for word in others if self.reader.key(word) not in found), STRONG)
        return {key: list(owners.values()) for key, owners in found.items()}

    def _wording(self, concept: Concept) -> Iterable[str]:
        asked = [*concept.asked_as, *(each for answer in concept.answers for each in answer.asked_as)]
        for language in LANGUAGES:
            texts = [concept.name[language], *concept.aliases[language], *concept.everyday[language]]
            texts += [each[language] for each in asked]
            texts += [concept.definition[language], concept.plainer[language], concept.example[language]]
            texts += [answer.text[language] for answer in concept.answers]
            texts += [claim[language] for claim in concept.claims.values()]
            texts += [each.says[language] for each in concept.misconceptions.values()]
            yield from self.reader.grams(CITATION.sub(" ", "\n".join(texts)))

    # -------------------------------------------------------------- finding

    def find(self, question: str) -> Finding:
        tokens = self.reader.tokens(question)
        hits = self._hits(tokens)
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
        ranked = tuple(sorted(scores.items(), key=lambda item: (-item[1], item[0])))
        if not self._ours(tokens, hits, max((match.score for match in alike.values()), default=0.0)):
            return Finding(ranked, named=tuple(named), mentioned=self._mentioned(hits, named), declined=True)
        order = tuple(sorted(named, key=lambda concept: (-named[concept], concept)))
        return Finding(ranked, named=order, mentioned=self._mentioned(hits, named), alike=alike, tied=self._tied(hits, named))

    def sounds_chinese(self, question: str) -> bool:
        """Whether the question names something in pinyin."""
        tokens = self.reader.tokens(question)
        return any(hit.certain == BY_SOUND for hit in self._hits(tokens))

    def _hits(self, tokens: list[str]) -> list[Hit]:
        """The longest names first; each stretch of the question is named once."""
        hits: list[Hit] = []
        for size in range(min(LONGEST, len(tokens)), 0, -1):
            for start in range(len(tokens) - size + 1):
                if any(hit.start < start + size and start < hit.end for hit in hits):
                    continue
                names, certain = self._meant(tokens[start : start + size])
                if names:
                    hits.append(Hit(start, start + size, names, certain))
        return sorted(hits, key=lambda hit: hit.start)

    def _meant(self, tokens: list[str]) -> tuple[tuple[Name, ...], float]:
        """What a stretch names, and how certainly: as written, as pinyin, by its sound, or misspelt."""
        key = "".join(tokens)
        if key in self.names:
            return self.names[key], 1.0
        if key.isascii():
            if len(key) >= 4 and key.isalpha() and key in self.sounds:
                return self.sounds[key], BY_SOUND
            meant = self._misspelt(tokens, key) if len(tokens) <= 3 else None
            return (self.names[meant], MISSPELT) if meant else ((), 0.0)
        if len(tokens) > 1 and key not in self.real_words and all(CHINESE.match(token) for token in tokens):
            return self.homophones.get(self.reader.pinyin(key, tones=len(key) == 2), ()), BY_SOUND
        return (), 0.0

    def _misspelt(self, tokens: list[str], word: str) -> str | None:
        """The name that this stretch of Latin words was meant to be, from four letters on."""
        if len(word) < (4 if len(tokens) == 1 else 7) or word.isdigit() or word in self.real_words:
            return None
        if all(self._known(token) for token in tokens):
            return None
        most = 1 if len(word) < 8 else 2
        found = process.extractOne(word, self.latin, scorer=OSA.distance, score_cutoff=most)
        return str(found[0]) if found else None

    def _known(self, token: str) -> bool:
        """Whether a Latin word is English of ours, not a slip of the finger."""
        return token in self.reader.english or self.reader.same.get(token, token) in self.likeness.rarity

    def _named(self, hits: list[Hit], length: int) -> dict[str, float]:
        """Each named concept with its weight."""
        named: dict[str, float] = {}
        for hit in hits:
            for name in hit.names:
                if not name.concept:
                    continue
                weight = name.weight * name.telling * hit.certain + FIRST * (1 - hit.start / max(length, 1))
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
        if alike >= ASKED_SO or (certain >= SURE and (not elsewhere or covered >= 0.5)):
            return True
        if elsewhere:
            return False
        if certain:
            return covered >= 0.5 or alike >= 0.4
        return (covered >= 0.8 and content >= 2) or alike >= 0.45

    def _coverage(self, tokens: list[str], hits: list[Hit]) -> tuple[float, float]:
        """How much of what the question says, function words apart, is said in the base (0 to 1), and how much it says."""
        named = {at for hit in hits for at in range(hit.start, hit.end) if hit.names[0].concept}
        elsewhere = {at for hit in hits for at in range(hit.start, hit.end)} - named
        idle = self.reader.idle(tokens) - named
        typed = [at for at, token in enumerate(tokens) if at not in named | idle and self.syllables.fullmatch(token)]
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
