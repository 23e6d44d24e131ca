"""Decides of one sentence of a language model whether it may be shown: it says what its claims say, or it is dropped.

No second model is asked. A sentence passes when every word of it is a word of a cited claim, says the same as one, or says
nothing of its own; when `not`, `only`, `may`, `if` and the like stand where the claim has them; and when who does what to
whom is in the claim's order. What may say the same as what is data: `knowledge/language/checking.yaml`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from bot.cited import bare
from bot.knowledge.base import Knowledge
from bot.knowledge.lint import CITATION
from bot.knowledge.reading import CHINESE, INVISIBLE, Reader
from bot.knowledge.schema import LANGUAGES, Claim, Concept, Language

SITE = "https://kubernetes.io"
Fault = Literal[
    "uncited", "unknown-id", "word", "negation", "hedge", "order", "never-say", "link", "language", "markup", "length"
]  # fmt: skip
LONGEST = (60, 40)  # Chinese characters, English words of one sentence
UNIT = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[\u3400-\u9fff]")
CLAUSE = re.compile(r"[,;:，；：。、（）()]|\s-\s")
LINK = re.compile(
    r"(?:https?://|www\.)\S+|\S+@\S+|@\w{3,}|\b[\w-]+\.(?:com|net|org|cn|me|ai|dev|info|xyz|top)\b\S*", re.IGNORECASE
)
MARKUP = re.compile(r"[<>*#|~{}\\^]|!?\[|\]\(|__")
MISPLACED = 0  # telling words out of the claims' order
REACH = 2  # telling units behind a `not` that it denies
COVERED = 0.6  # of a clause's words: then the sentence says the clause
Units = tuple[str, ...]


@cache
def stem(word: str) -> str:
    """`running`, `runs` → `run`; crude, and the same on both sides."""
    if not word.isascii() or not word.isalpha():
        return word
    for ending, least in (("ies", 5), ("ing", 6), ("ed", 5), ("ly", 6), ("es", 5), ("s", 4)):
        if word.endswith(ending) and len(word) >= least and not word.endswith("ss"):
            word = word[: -len(ending)] + ("y" if ending == "ies" else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def units(text: str) -> Units:
    """Words by their stems, and Chinese characters one by one."""
    return tuple(map(stem, UNIT.findall(text)))


class Phrasebook:
    """Phrases, found wherever they begin in a text."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self.by_first: dict[str, list[Units]] = {}
        for phrase in phrases:
            if parts := units(phrase):
                self.by_first.setdefault(parts[0], []).append(parts)

    def at(self, text: Units, at: int) -> Iterator[Units]:
        for phrase in self.by_first.get(text[at], ()):
            if text[at : at + len(phrase)] == phrase:
                yield phrase

    def within(self, text: Units) -> Iterator[tuple[int, Units]]:
        for at in range(len(text)):
            for phrase in self.at(text, at):
                yield at, phrase


@dataclass(frozen=True)
class Words:
    """The word lists of one language."""

    neutral: Phrasebook
    negations: Phrasebook
    denials: frozenset[Units]  # the same, as a set
    known: Phrasebook  # they, and the words of the groups, which may hold one and deny nothing
    sequence: Phrasebook
    hedges: tuple[Phrasebook, ...]
    same: tuple[Phrasebook, ...]
    groups: Phrasebook  # every phrase of `same` and `hedges`
    group_of: dict[Units, tuple[int, ...]] = field(default_factory=dict)  # phrase → the groups it is in

    @classmethod
    def of(cls, knowledge: Knowledge, language: Language, spell: Callable[[str], str]) -> Words:
        lists = knowledge.checking
        zh = language == "zh"
        hedges = lists.hedges.zh if zh else lists.hedges.en
        names = (tuple(map(spell, _names(concept))) for concept in knowledge.concepts.values())
        groups = [*(lists.same.zh if zh else lists.same.en), *hedges, *names]
        group_of: dict[Units, tuple[int, ...]] = {}
        for number, group in enumerate(groups):
            for phrase in group:
                group_of[units(phrase)] = (*group_of.get(units(phrase), ()), number)
        return cls(
            neutral=Phrasebook(lists.neutral[language]),
            negations=Phrasebook(lists.negations[language]),
            denials=frozenset(map(units, lists.negations[language])),
            known=Phrasebook((*lists.negations[language], *(phrase for group in groups for phrase in group))),
            sequence=Phrasebook(lists.sequence[language]),
            hedges=tuple(map(Phrasebook, hedges)),
            same=tuple(map(Phrasebook, groups)),
            groups=Phrasebook(phrase for group in groups for phrase in group),
            group_of=group_of,
        )


def _names(concept: Concept) -> Iterator[str]:
    """The names that mean all of a concept, and no kind of it."""
    yield from concept.name.both
    for alias in (*concept.aliases.zh, *concept.aliases.en):
        if any(_sub(units(name.lower()), units(alias.lower())) for name in concept.name.both):
            yield alias


class Text:
    """A claim or a sentence as its units, with what the rules ask of it."""

    def __init__(self, text: str, words: Words) -> None:
        self.text, self.words = text, words
        self.units = units(text)
        self.set = set(self.units)
        self.grams = set(zip(self.units, self.units[1:], strict=False))
        self.groups = {number for _, phrase in _longest(words.groups, self.units) for number in words.group_of[phrase]}
        self.denied, self.affirmed = self._denials()

    def _denials(self) -> tuple[set[Units], set[Units]]:
        """What stands right behind a `not`, and what stands elsewhere: single words, and pairs of Chinese characters."""
        denied, affirmed, left, idle = set[Units](), set[Units](), 0, 0
        told: list[str] = []
        known = {at: phrase for at, phrase in _longest(self.words.known, self.units)}
        neutral = {at: len(phrase) for at, phrase in _longest(self.words.neutral, self.units)}
        for at, unit in enumerate(self.units):
            if known.get(at) in self.words.denials:
                left, idle, told = REACH, at + len(known[at]), []
            elif neutral.get(at):
                idle = max(idle, at + neutral[at])
            if at < idle:
                continue
            told.append(unit)
            thing = tuple(told[-2:]) if CHINESE.match(unit) else (unit,)
            if len(thing) == 2 or not CHINESE.match(unit):
                (denied if left > 0 else affirmed).add(thing)
            left -= 1
        return denied, affirmed


def _longest(book: Phrasebook, text: Units) -> Iterator[tuple[int, Units]]:
    """Phrases of `book` in `text`, the longest at each place, none within another."""
    at = 0
    while at < len(text):
        phrase = max(book.at(text, at), key=len, default=())
        if phrase:
            yield at, phrase
        at += len(phrase) or 1


class Check:
    """The rules, with the knowledge they rest on."""

    def __init__(self, knowledge: Knowledge, reader: Reader) -> None:
        self.knowledge, self.reader = knowledge, reader
        self.words = {language: Words.of(knowledge, language, self._spell) for language in LANGUAGES}
        self.read: dict[tuple[str, Language], Text] = {}

    def fault(self, sentence: str, supplied: Iterable[str], language: Language) -> Fault | None:
        """Why `sentence`, with its citations, must not be shown; None when it may. `supplied`: the concepts in the prompt."""
        ids, said = CITATION.findall(sentence), bare(sentence)
        if not ids:
            return "uncited"
        if not all(id.rpartition(".")[0] in supplied and self._claim(id) for id in ids):
            return "unknown-id"
        claims = [self.knowledge.claim(id) for id in ids]
        if INVISIBLE.search(said):
            return "markup"
        if any(not link.startswith(tuple(SITE + claim.source for claim in claims)) for link in LINK.findall(said)):
            return "link"
        if MARKUP.search(_without_code(said)):
            return "markup"
        if bool(CHINESE.search(said)) != (language == "zh"):
            return "language"
        words = self.words[language]
        text = Text(self._spell(said), words)
        if len(text.units) > LONGEST[0 if language == "zh" else 1]:
            return "length"
        concepts = [self.knowledge.concepts[id.rpartition(".")[0]] for id in ids]
        within = self.reader.within(said)
        if any(within(phrase) for concept in concepts for each in LANGUAGES for phrase in concept.never_say[each]):
            return "never-say"
        cited = [self._claim_text(id, claim, language) for id, claim in zip(ids, claims, strict=True)]
        if not self._covered(text, cited, words):
            return "word"
        if not self._negated_alike(text, cited):
            return "negation"
        if not all(self._hedged_alike(text, claim, words) for claim in cited):
            return "hedge"
        return None if self._in_order(text, cited) else "order"

    # ----------------------------------------------------------------- rules

    def _covered(self, text: Text, cited: list[Text], words: Words) -> bool:
        """Whether every stretch of the sentence is the claims', says the same as one, or is neutral."""
        units = text.units
        groups = set().union(*(claim.groups for claim in cited))
        grams = set().union(*(claim.grams for claim in cited))
        single = set().union(*(claim.set for claim in cited))
        denies = any(claim.denied for claim in cited)
        reached = {0}
        for at in range(len(units)):
            if at not in reached:
                continue
            unit = units[at]
            if unit in single and not CHINESE.match(unit):
                reached.add(at + 1)
            end = at + 1
            while end < len(units) and (units[end - 1], units[end]) in grams:
                end += 1
                reached.add(end)
            phrases = list(words.neutral.at(units, at))
            phrases += [each for each in words.groups.at(units, at) if groups.intersection(words.group_of[each])]
            phrases += words.negations.at(units, at) if denies else []
            reached.update(at + len(phrase) for phrase in phrases)
        return len(units) in reached

    def _negated_alike(self, text: Text, cited: list[Text]) -> bool:
        """Whether what the sentence denies the claims deny, and what they deny it does not assert."""
        denied = set().union(*(claim.denied for claim in cited))
        affirmed = set().union(*(claim.affirmed for claim in cited))
        if text.denied and not (text.denied & denied):
            return False
        return not (text.denied & affirmed - denied or text.affirmed & denied - affirmed)

    def _hedged_alike(self, text: Text, claim: Text, words: Words) -> bool:
        """Whether a clause that the sentence takes over keeps what made it weaker or narrower."""
        for clause in filter(None, CLAUSE.split(claim.text)):
            parts = units(clause)
            for hedge in words.hedges:
                found = list(hedge.within(parts))
                if found and not next(hedge.within(text.units), None):
                    idle = {at + n for at, phrase in (*found, *words.neutral.within(parts)) for n in range(len(phrase))}
                    rest = [unit for at, unit in enumerate(parts) if at not in idle]
                    if rest and sum(unit in text.set for unit in rest) >= COVERED * len(rest):
                        return False
        return True

    def _in_order(self, text: Text, cited: list[Text]) -> bool:
        """Whether the sentence says its words in the order of the claims: exchanged, they would say something else.

        Its clauses may come in another order where no word such as `then` makes that order part of what is said.
        """
        orders = [cited] if len(cited) == 1 else [cited, cited[::-1], *([each] for each in cited)]
        whole = [text.units]
        clauses = [clause for each in CLAUSE.split(text.text) if (clause := units(each))]
        joined = len(cited) > 1 and not next(text.words.sequence.within(text.units), None)
        ways = [whole, clauses] if joined else [whole]
        return any(
            all(min(self._misplaced(part, order, text.words) for order in orders) <= MISPLACED for part in way) for way in ways
        )

    def _misplaced(self, text: Units, cited: list[Text], words: Words) -> int:
        """How many telling words would have to move."""
        places: dict[str, list[int]] = {}
        for at, unit in enumerate(unit for claim in cited for unit in claim.units):
            places.setdefault(unit, []).append(at)
        idle = {at + n for at, phrase in words.neutral.within(text) for n in range(len(phrase))}
        told = [places[unit] for at, unit in enumerate(text) if at not in idle and unit in places]
        rising: list[int] = []  # the last place of the best rising row of each length
        for choices in told:
            for place in reversed(choices):
                at = bisect_left(rising, place)
                rising[at : at + 1] = [place]
        return len(told) - len(rising)

    # --------------------------------------------------------------- reading

    def _claim(self, id: str) -> bool:
        concept, _, key = id.rpartition(".")
        return concept in self.knowledge.concepts and key in self.knowledge.concepts[concept].claims

    def _claim_text(self, id: str, claim: Claim, language: Language) -> Text:
        if (id, language) not in self.read:
            self.read[id, language] = Text(self._spell(claim[language]), self.words[language])
        return self.read[id, language]

    def _spell(self, text: str) -> str:
        return self.reader.spell(text.replace("’", "'").replace("'s ", " "))


def _without_code(text: str) -> str:
    """`text` without its `backquoted` words, which may hold any sign."""
    return re.sub(r"`[^`]*`", "", text)


def _places(text: Units, phrase: Units) -> Iterator[int]:
    size = len(phrase)
    return (at for at in range(len(text) - size + 1) if text[at : at + size] == phrase)


def _sub(text: Units, phrase: Units) -> bool:
    return next(_places(text, phrase), None) is not None


def _count(text: Units, phrase: Units) -> int:
    return sum(1 for _ in _places(text, phrase))
