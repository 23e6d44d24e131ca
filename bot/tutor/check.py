"""Decides of one sentence of a language model whether it may be shown: it says what the claims say that it cites, or it is dropped.

No second model is asked. A sentence passes when it can be read as a walk through the claims: each piece of it is a word of
a claim, says the same as one, or says nothing of its own, and the next piece stands further on in the claim. Where the walk
may go back, what a `not` or an `if` does to a word, and that `may`, `only` and the like are kept: see the rules below. What
may say the same as what is data: `knowledge/language/checking.yaml`.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import accumulate
from typing import Literal, NamedTuple

from bot.cited import bare
from bot.knowledge.base import Knowledge
from bot.knowledge.lint import CITATION
from bot.knowledge.reading import CHINESE, INVISIBLE, Reader
from bot.knowledge.schema import LANGUAGES, Alike, Concept, Language

SITE = "https://kubernetes.io"
Fault = Literal[
    "uncited", "unknown-id", "word", "negation", "hedge", "order", "never-say", "link", "language", "markup", "length"
]  # fmt: skip
LONGEST = (60, 40)  # Chinese characters, English words of one sentence
UNIT = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[\u3400-\u9fff]")
BREAK = re.compile(r"[,;:，；：。、—]|\s-\s")
LINK = re.compile(
    r"(?:https?://|www\.)\S+|\S+@\S+|@\w{3,}|\b[\w-]+\.(?:com|net|org|cn|me|ai|dev|info|xyz|top)\b\S*", re.IGNORECASE
)
MARKUP = re.compile(r"[<>*#|~{}\\^]|!?\[|\]\(|__")
SLACK = (1, 0)  # telling words between two words that change places, in English and in Chinese
COVERED = 0.6  # of a clause's words: then the sentence says the clause
# What a `not` in its clause does to a word. Two words contradict each other when the product is DENIES or less.
CORE, NEAR, UNSURE, ELSEWHERE, PLAIN = -2, -1, 0, 1, 2
DENIES = -2
Units = tuple[str, ...]
Forms = Mapping[str, str]


@cache
def stem(word: str) -> str:
    """`running`, `runs` → `run`; crude, and the same on both sides."""
    if not word.isascii() or not word.isalpha():
        return word
    for ending, least in (("ies", 5), ("ied", 5), ("ing", 6), ("ed", 5), ("ly", 6), ("es", 5), ("s", 4)):
        if word.endswith(ending) and len(word) >= least and not word.endswith("ss"):
            word = word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


class Phrasebook:
    """Phrases, found wherever they begin in a text."""

    def __init__(self, phrases: Iterable[Units]) -> None:
        self.by_first: dict[str, list[Units]] = {}
        for phrase in dict.fromkeys(filter(None, phrases)):
            self.by_first.setdefault(phrase[0], []).append(phrase)

    def at(self, text: Units, at: int) -> list[Units]:
        return [phrase for phrase in self.by_first.get(text[at], ()) if text[at : at + len(phrase)] == phrase]

    def within(self, text: Units) -> Iterator[tuple[int, Units]]:
        return ((at, phrase) for at in range(len(text)) for phrase in self.at(text, at))

    def longest(self, text: Units) -> Iterator[tuple[int, Units]]:
        """The longest phrase at each place, none within another."""
        at = 0
        while at < len(text):
            phrase = max(self.at(text, at), key=len, default=())
            if phrase:
                yield at, phrase
            at += len(phrase) or 1


class Words:
    """The word lists of one language."""

    def __init__(self, knowledge: Knowledge, language: Language, spell: Callable[[str], str]) -> None:
        lists, self.spell = knowledge.checking, spell
        alike: Callable[[Alike], Iterable[Iterable[str]]] = lambda each: each.zh if language == "zh" else each.en
        self.forms = {stem(form): stem(first) for first, *forms in alike(lists.forms) for form in forms}
        concepts = knowledge.concepts.values()
        self.denials = set(map(self.units, lists.negations[language]))
        neutral = set(map(self.units, lists.neutral[language])) - self.denials
        hedges = [[*map(self.units, group)] for group in alike(lists.hedges)]
        groups = [[*map(self.units, group)] for group in (*alike(lists.same), *map(_names, concepts))]
        self.groups_of: dict[Units, set[int]] = {}
        like = [[*map(self.units, group)] for group in alike(lists.like)]
        pairs = [(first, other) for first, *others in like for other in others]
        for number, group in enumerate([self.denials, *hedges, *groups, *pairs]):
            for phrase in group:
                self.groups_of.setdefault(phrase, set()).add(number)
        self.groups = Phrasebook(self.groups_of)
        self.idle, self.neutral = neutral, Phrasebook(neutral)
        self.strong = set(map(self.units, lists.strong[language]))
        self.known = Phrasebook((*self.groups_of, *neutral, *self.strong))
        self.floating = Phrasebook(map(self.units, lists.floating[language]))
        self.passives = set(map(self.units, lists.passives[language]))
        self.turns = Phrasebook(map(self.units, lists.turns[language]))
        self.numbers = Phrasebook(phrase for group in groups if any(each.isdigit() for one in group for each in one) for phrase in group)
        self.hedges = [Phrasebook(group) for group in hedges]
        self.command = re.compile(rf"(?:{'|'.join(lists.commands[language]) or '(?!)'})\s*(?=`)", re.IGNORECASE)
        self.sequence = Phrasebook(map(self.units, lists.sequence[language]))
        self.conditions = Phrasebook(map(self.units, lists.conditions[language]))
        self.joins = Phrasebook(map(self.units, lists.joins[language]))
        self.agents = Phrasebook(map(self.units, lists.agents[language]))
        self.names = Phrasebook(self.units(name) for concept in concepts for name in (*concept.name.both, *concept.aliases[language]))

    def holds_strong(self, phrase: Units) -> bool:
        return any(phrase[at : at + len(each)] == each for each in self.strong for at in range(len(phrase)))

    def units(self, text: str) -> Units:
        """Words by their stems, and Chinese characters one by one."""
        stems = map(stem, UNIT.findall(self.spell(text)))
        return tuple(self.forms.get(each, each) for each in stems)


def _names(concept: Concept) -> Iterator[str]:
    """The names that mean all of a concept, and no kind of it."""
    yield from concept.name.both
    for alias in (*concept.aliases.zh, *concept.aliases.en):
        if any(alias.lower() in name.lower() for name in concept.name.both):
            yield alias


class Text:
    """A claim or a sentence as its units, with what the rules ask of each."""

    def __init__(self, text: str, words: Words) -> None:
        self.units: Units = ()
        self.clauses: list[int] = []  # of each unit: a number that grows at each mark, and where it says when
        self.parts: list[Units] = []  # what stands between the marks
        for part in filter(None, map(words.units, BREAK.split(text))):
            self.parts.append(part)
            starts = {at for at, _ in words.conditions.within(part)} if part[0].isascii() and not CHINESE.search(text) else set()
            number = self.clauses[-1] if self.clauses else 0
            for at in range(len(part)):
                number += at in starts or at == 0
                self.clauses.append(number)
            self.units += part
        self.wide = 2 if any(map(CHINESE.match, self.units)) else 1  # units that make a word
        units, known = self.units, [*words.known.longest(self.units)]
        self.phrases = [each for each in known if each[1] in words.groups_of]
        self.places: dict[int, list[tuple[int, int]]] = {}  # group → where it is spoken of
        whole = [*words.names.longest(units), *(each for each in self.phrases if any((unit,) in words.denials for unit in each[1]))]
        inside = {at + n: at + len(phrase) for at, phrase in whole for n in range(len(phrase))}
        starts = {at: at + len(phrase) for at, phrase in whole}
        for at, phrase in words.groups.within(units):
            end = at + len(phrase)
            if (at in inside and end <= inside[at] and starts.get(at) != end) and phrase not in words.denials:
                continue  # it is but part of a name, or denied by the phrase it is in
            for group in words.groups_of[phrase]:
                self.places.setdefault(group, []).append((at, at + len(phrase)))
        self.where: dict[str, list[int]] = {}
        for at, unit in enumerate(units):
            self.where.setdefault(unit, []).append(at)
        idle = _spread(words.neutral.longest(units))
        told = [at not in idle for at in range(len(units))]
        self.rank = [*accumulate(told, initial=0)]  # how many telling units stand before each
        self.numbers = _spread(words.numbers.within(units)) | {at for at, unit in enumerate(units) if unit.isdigit()}
        self.names = _spread(words.names.within(units)) | self.numbers
        self.locked = _spread(each for each in known if each[1] in words.strong or (each[1] not in words.idle and words.holds_strong(each[1])))
        self.turns = {at + len(phrase) for at, phrase in words.turns.within(units)}
        self.floating = {at for at, _ in words.floating.within(units)}
        self.passive = {at + len(phrase) for phrase in words.passives for at in range(len(units)) if units[at : at + len(phrase)] == phrase}
        self.joints = {at + len(phrase) for at, phrase in words.joins.within(units)}
        self.joints |= {at for at in range(1, len(units)) if self.clauses[at] != self.clauses[at - 1]}
        for joint in [*self.joints]:
            while joint < len(units) and joint in idle:
                joint += 1
                self.joints.add(joint)
        self.agents = {at + len(phrase) for at, phrase in words.agents.within(units)}
        self.when = {self.clauses[at] for at, phrase in words.conditions.within(units) if self._at_edge(at, len(phrase))}
        self.ordered = bool([*words.sequence.within(units)])
        self.polarity = self._polarity({at: len(phrase) for at, phrase in self.phrases if phrase in words.denials}, told)
        self.inner = [*self.polarity]  # the same for the parts of a phrase that holds a `not`: `not healthy` as a word for `ill`
        for at, phrase in self.phrases:
            nots = [n for n, unit in enumerate(phrase) if (unit,) in words.denials and phrase not in words.denials]
            for n in range(nots[0] + 1, len(phrase)) if nots else ():
                self.inner[at + n] = CORE

    def stance(self, start: int, end: int) -> int:
        """What a `not` does to a piece."""
        return min((self.polarity[at] for at in range(start, end) if self.rank[at] < self.rank[at + 1]), default=UNSURE)

    def _at_edge(self, at: int, size: int) -> bool:
        """Whether a phrase begins or ends its clause."""
        before, after = self.clauses[at - 1 : at], self.clauses[at + size : at + size + 1]
        return [self.clauses[at]] not in (before, after) if at else True

    def _polarity(self, nots: dict[int, int], told: list[bool]) -> list[int]:
        denying = {self.clauses[at] for at in nots}
        found = [ELSEWHERE if clause in denying else PLAIN for clause in self.clauses]
        wide = self.wide
        for at, size in nots.items():
            inside = [each for each in range(len(found)) if self.clauses[each] == self.clauses[at] and told[each]]
            before = [each for each in inside if each == at - 1][: 2 - wide]
            after = [each for each in inside if each >= at + size]
            for each in (*before, *range(at, at + size)):
                found[each] = min(found[each], UNSURE)
            for each in after[wide:]:
                found[each] = min(found[each], NEAR)
            for each in after[:wide]:
                found[each] = CORE
        return found


def _spread(phrases: Iterable[tuple[int, Units]]) -> set[int]:
    """Every place that one of `phrases` stands on."""
    return {at + n for at, phrase in phrases for n in range(len(phrase))}


class Place(NamedTuple):
    """Where in the claims a piece of the sentence stands."""

    claim: int
    start: int
    end: int
    turned: bool = False  # it was said the other way round: `running containers`, `containers that run`
    first: bool = False  # nobody was named before it in its clause: `push the image`


class Walk:
    """The ways to read a sentence as pieces of claims."""

    def __init__(self, text: Text, claims: list[Text], words: Words) -> None:
        self.text, self.claims, self.words = text, claims, words

    def ends(self, *rules: Callable[[int, int, int, Place | None, Place], bool]) -> bool:
        """Whether some way through the sentence obeys `rules` at every piece."""
        units = self.text.units
        last: list[dict[Place | None, int]] = [{} for _ in range(len(units) + 1)]
        last[0][None] = 0
        for at in range(len(units)):
            if not last[at]:
                continue
            pieces = [*self._pieces(at)]
            idle = self._again(at)
            if at not in self.text.locked:
                idle |= {len(phrase) for phrase in self.words.neutral.at(units, at)}
            for before, end in last[at].items():
                for size in idle:
                    last[at + size].setdefault(before, end)
                for size, place in pieces:
                    if all(rule(end, at, size, before, place) for rule in rules):
                        back = before and before.claim == place.claim and place.end <= before.start and rules
                        turned = bool(back) and not self._joint(end, at)
                        claim = self.claims[place.claim]
                        if before and rules and (self._floats(at, before, place) or claim.rank[place.start] == claim.rank[place.end]):
                            place = before  # it tells nothing of the order
                        elif turned and before:
                            place = before._replace(turned=True, first=False)
                        elif not turned and (before is None or self._joint(end, at) or before.first):
                            place = place._replace(first=place.start not in self.claims[place.claim].names)
                        if at in self.text.agents:
                            place = place._replace(turned=True)  # who does it stays before what is done
                        last[at + size][place] = at + size
        return bool(last[-1])

    def _pieces(self, at: int) -> Iterator[tuple[int, Place]]:
        """What the sentence may be saying at `at`: how many units, and where the claims say so."""
        units = self.text.units
        idle = {len(phrase) for phrase in self.words.neutral.at(units, at)} if not CHINESE.match(units[at]) else set()
        for number, claim in enumerate(self.claims):
            for start in claim.where.get(units[at], ()):
                size = 1
                if not CHINESE.match(units[at]) and (1 not in idle):
                    yield 1, Place(number, start, start + 1)
                while 1 not in idle and units[at + size : at + size + 1] and units[at + size : at + size + 1] == claim.units[start + size : start + size + 1]:
                    size += 1
                    yield size, Place(number, start, start + size)
            for phrase in self.words.groups.at(units, at):
                for group in self.words.groups_of[phrase]:
                    for start, end in claim.places.get(group, ()):
                        yield len(phrase), Place(number, start, end)

    def _again(self, at: int) -> set[int]:
        """The sizes of the names at `at` that the sentence has already said."""
        units = self.text.units
        return {
            len(phrase)
            for phrase in self.words.names.at(units, at)
            if at not in self.text.joints and any(units[start : start + len(phrase)] == phrase for start in range(at))
        }

    # ------------------------------------------------------------ the rules

    def _joint(self, end: int, at: int) -> bool:
        """Whether the sentence begins anew between two pieces."""
        return any(end <= joint <= at for joint in self.text.joints)

    def denies_alike(self, end: int, at: int, size: int, before: Place | None, place: Place) -> bool:
        """What the sentence denies the claim denies, and the other way round."""
        text, claim = self.text, self.claims[place.claim]
        if text.units[at : at + size] != claim.units[place.start : place.end]:
            return text.stance(at, at + size) * claim.stance(place.start, place.end) > DENIES
        return all(text.inner[at + n] * claim.inner[place.start + n] > DENIES for n in range(size))

    def same_condition(self, end: int, at: int, size: int, before: Place | None, place: Place) -> bool:
        """What the claim says of a condition is not said of what follows from it."""
        text, claim = self.text, self.claims[place.claim]
        if not text.when or not claim.when or place.start in claim.names:
            return True
        return (text.clauses[at] in text.when) == (claim.clauses[place.start] in claim.when)

    def in_order(self, end: int, at: int, size: int, before: Place | None, place: Place) -> bool:
        """Who does what to whom: the next piece stands further on, unless the sentence begins anew, says `by`, or turns two words."""
        if before is None:
            return True
        claim = self.claims[place.claim]
        if self._floats(at, before, place):
            return True
        if self._joint(end, at):
            return before.claim != place.claim or place.start >= before.start or not self.text.ordered
        if before.claim != place.claim:
            return False
        by = any(end <= agent <= at for agent in self.text.agents) and not claim.agents
        if place.start >= before.end or (place.start >= before.start and place.end > before.end) or place[:3] == before[:3]:
            return not by and not self._crossed(claim, before, place)
        return (by and (before.turned or claim.wide > 1)) or self._turned(claim, end, at, before, place) or self._active(claim, end, at, before, place)

    def _active(self, claim: Text, end: int, at: int, before: Place, place: Place) -> bool:
        """Whether `push the image` stands for `the image has to be pushed`."""
        return (
            before.first
            and before.start in claim.passive
            and place.start not in claim.numbers
            and not any(end <= each <= at for each in self.text.passive)
        )

    def _floats(self, at: int, before: Place, place: Place) -> bool:
        """Whether it is a word such as `by default` or `usually`, which may stand anywhere in its clause."""
        claim = self.claims[place.claim]
        return place.claim == before.claim and place.start in claim.floating and claim.clauses[place.start] == claim.clauses[before.start]

    def _turned(self, claim: Text, end: int, at: int, before: Place, place: Place) -> bool:
        """Whether two neighbouring words merely change places: `running containers`, `containers that run`."""
        return (
            not before.turned
            and place.end <= before.start
            and claim.clauses[before.start] == claim.clauses[place.start]
            and claim.rank[before.start] - claim.rank[place.end] <= SLACK[claim.wide - 1]
            and not claim.numbers.intersection((before.start, place.start))
            and (
                self._of(claim, end, at, before, place)
                or (
                    claim.rank[before.end] - claim.rank[place.start] <= claim.wide + 2
                    and not (place.start in claim.names and before.start in claim.names)
                )
            )
        )

    def _of(self, claim: Text, end: int, at: int, before: Place, place: Place) -> bool:
        """Whether a word turns two things round: `the log of a Pod`, `a Pod's log`."""
        return any(end <= turn <= at for turn in self.text.turns) or any(
            place.end <= turn <= before.start for turn in claim.turns
        )

    def _crossed(self, claim: Text, before: Place, place: Place) -> bool:
        """Whether the walk leaves one statement and enters another behind its subject."""
        if claim.clauses[before.end - 1] == claim.clauses[place.start]:
            return False
        return any(
            at in claim.names and (not claim.names.isdisjoint(range(place.start, place.end)) or claim.clauses[at] == claim.clauses[place.start])
            for at in range(before.end, place.start)
        )


class Check:
    """The rules, with the knowledge they rest on."""

    def __init__(self, knowledge: Knowledge, reader: Reader) -> None:
        self.knowledge, self.reader = knowledge, reader
        self.words = {language: Words(knowledge, language, self._spell) for language in LANGUAGES}
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
        if len(self.words[language].units(said)) > LONGEST[0 if language == "zh" else 1]:
            return "length"
        concepts = [self.knowledge.concepts[id.rpartition(".")[0]] for id in ids]
        within = self.reader.within(said)
        if any(within(phrase) for concept in concepts for each in LANGUAGES for phrase in concept.never_say[each]):
            return "never-say"
        return self._unfaithful(said, [self._claim_text(id, language) for id in ids], self.words[language])

    def _unfaithful(self, said: str, claims: list[Text], words: Words) -> Fault | None:
        text = Text(words.command.sub("", said), words)
        walk = Walk(text, claims, words)
        if not walk.ends():
            return "word"
        if not walk.ends(walk.denies_alike):
            return "negation"
        if not all(self._hedged_alike(text, claim, words) for claim in claims):
            return "hedge"
        return None if walk.ends(walk.denies_alike, walk.same_condition, walk.in_order) else "order"

    def _hedged_alike(self, text: Text, claim: Text, words: Words) -> bool:
        """Whether a clause that the sentence takes over keeps what made it weaker or narrower."""
        for part in claim.parts:
            for hedge in words.hedges:
                found = [*hedge.within(part)]
                if found and not next(hedge.within(text.units), None):
                    idle = _spread((*found, *words.neutral.within(part)))
                    rest = [at for at in range(len(part)) if at not in idle]
                    taken = [part[at] in text.where for at in rest]
                    beside = bisect(rest, found[0][0])
                    if (rest and sum(taken) >= COVERED * len(rest)) or (0 < beside < len(rest) and all(taken[beside - 1 : beside + 1])):
                        return False
        return True

    # --------------------------------------------------------------- reading

    def _claim(self, id: str) -> bool:
        concept, _, key = id.rpartition(".")
        return concept in self.knowledge.concepts and key in self.knowledge.concepts[concept].claims

    def _claim_text(self, id: str, language: Language) -> Text:
        if (id, language) not in self.read:
            self.read[id, language] = Text(self.knowledge.claim(id)[language], self.words[language])
        return self.read[id, language]

    def _spell(self, text: str) -> str:
        return self.reader.spell(text.replace("’", "'").replace("'s ", " "))


def _without_code(text: str) -> str:
    """`text` without its `backquoted` words, which may hold any sign."""
    return re.sub(r"`[^`]*`", "", text)
