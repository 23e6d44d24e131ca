"""Reads a claim or a sentence as units, with what the check asks of each: is it denied, a name, idle, in which clause.

A unit is the stem of a Latin word, or one Chinese character. The words are data: `knowledge/language/checking.yaml`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from functools import cache
from itertools import accumulate, permutations
from typing import NamedTuple

from bot.knowledge.base import Knowledge
from bot.knowledge.reading import CHINESE
from bot.knowledge.schema import Alike, Concept, Language, Phrases

UNIT = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[\u3400-\u9fff]")
BREAK = re.compile(r"[,;:，；：。、—]|\s-\s")
# What a `not` in its clause does to a word: denies it, may deny it, leaves that open, denies something else; or there is none.
CORE, NEAR, OPEN, ELSEWHERE, PLAIN = -2, -1, 0, 1, 2
Units = tuple[str, ...]
Found = tuple[int, Units]  # a phrase and where it begins


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


class Token(NamedTuple):
    """A telling word, or a whole name."""

    at: int  # where it begins
    what: Units | int  # the word, or the names of one thing
    name: bool


class Slot(NamedTuple):
    """A word of which there are siblings, or none at all, between its neighbours; at an edge a neighbour is empty."""

    before: Units
    what: Units
    after: Units


class Phrasebook:
    """Phrases, found wherever they begin in a text."""

    def __init__(self, phrases: Iterable[Units]) -> None:
        self.by_first: dict[str, list[Units]] = {}
        for phrase in dict.fromkeys(filter(None, phrases)):
            self.by_first.setdefault(phrase[0], []).append(phrase)

    def at(self, text: Units, at: int) -> list[Units]:
        return [phrase for phrase in self.by_first.get(text[at], ()) if text[at : at + len(phrase)] == phrase]

    def within(self, text: Units) -> Iterator[Found]:
        return ((at, phrase) for at in range(len(text)) for phrase in self.at(text, at))

    def longest(self, text: Units) -> Iterator[Found]:
        """The longest phrase at each place, none within another."""
        at = 0
        while at < len(text):
            phrase = max(self.at(text, at), key=len, default=())
            if phrase:
                yield at, phrase
            at += len(phrase) or 1

    def spread(self, text: Units) -> set[int]:
        """The places that phrases stand on."""
        return spread(self.within(text))

    def behind(self, text: Units) -> set[int]:
        """The places right behind phrases."""
        return {at + len(phrase) for at, phrase in self.within(text)}


def holds(text: Units, phrase: Units) -> bool:
    return any(text[at : at + len(phrase)] == phrase for at in range(len(text)))


def spread(found: Iterable[Found]) -> set[int]:
    return {at + n for at, phrase in found for n in range(len(phrase))}


class Words:
    """The word lists of one language."""

    def __init__(self, knowledge: Knowledge, language: Language, spell: Callable[[str], str]) -> None:
        lists, self.spell = knowledge.checking, spell

        def cut(phrases: Iterable[str]) -> list[Units]:
            return [*map(self.units, phrases)]

        def book(phrases: Phrases) -> Phrasebook:
            return Phrasebook(cut(phrases[language]))

        def groups(alike: Alike) -> list[list[Units]]:
            return [*map(cut, alike.zh if language == "zh" else alike.en)]

        self.forms: dict[str, str] = {}
        self.forms = {form: first for [first], *others in groups(lists.forms) for [form] in others}
        concepts = knowledge.concepts.values()
        self.denials = set(cut(lists.negations[language]))
        self.nots = Phrasebook(self.denials)
        self.idle = set(cut(lists.neutral[language])) - self.denials
        self.strong = set(cut(lists.strong[language]))
        hedges, same = groups(lists.hedges), [*groups(lists.same), *map(cut, map(_names, concepts))]
        like = [(first, other) for first, *others in groups(lists.like) for other in others]
        self.groups_of: defaultdict[Units, set[int]] = defaultdict(set)
        for number, group in enumerate([self.denials, *hedges, *same, *like]):
            for phrase in group:
                self.groups_of[phrase].add(number)
        self.groups = Phrasebook(self.groups_of)
        self.neutral = Phrasebook(self.idle)
        self.known = Phrasebook((*self.groups_of, *self.idle, *self.strong))
        self.numbers = Phrasebook(
            phrase for group in same if any("".join(each).isdigit() for each in group) for phrase in group
        )
        self.hedges = [*map(Phrasebook, hedges)]
        self.siblings: defaultdict[Units, set[Units]] = defaultdict(set)  # what is not said in its place
        for family in (*groups(lists.siblings), *groups(lists.opposites)):
            for one, other in permutations(family, 2):
                self.siblings[one].add(other)
        self.siblings[()] = self.denials
        self.named: defaultdict[Units, set[str]] = defaultdict(set)  # name → the concepts that have it
        for each in concepts:
            for phrase in cut((*each.name.both, *each.aliases[language])):
                self.named[phrase].add(each.id)
        self.names = Phrasebook(self.named)
        self.slots = Phrasebook((*self.named, *self.siblings, *self.denials))
        self.opposites = [[Phrasebook([one]), Phrasebook([other])] for one, other in groups(lists.opposites)]
        self.floating, self.sequence, self.conditions = map(book, (lists.floating, lists.sequence, lists.conditions))
        self.pronouns = book(lists.pronouns)
        self.joins, self.agents = map(book, (lists.joins, lists.agents))
        self.turns, self.passives = map(book, (lists.turns, lists.passives))
        before_code = "|".join(map(re.escape, lists.commands[language])) or r"(?!)"
        self.command = re.compile(rf"(?<![a-z])(?:{before_code})\s*(?=`)", re.IGNORECASE)

    def units(self, text: str) -> Units:
        """Words by their stems, and Chinese characters one by one."""
        stems = map(stem, UNIT.findall(self.spell(text)))
        return tuple(self.forms.get(each, each) for each in stems)

    def alike(self, one: Units, other: Units) -> bool:
        return one == other or not self.groups_of.get(one, set()).isdisjoint(self.groups_of.get(other, ()))

    def rivals(self, one: Units, other: Units) -> bool:
        """Whether each excludes the other in its place: siblings, or names of two things, neither of which holds the other."""
        if one in self.named and other in self.named and self.named[one].isdisjoint(self.named[other]):
            return not (holds(one, other) or holds(other, one) or self.alike(one, other))
        return other in self.siblings.get(one, ()) and not self.alike(one, other)

    def locks(self, phrase: Units) -> bool:
        """Whether no part of a phrase is idle, because it says more than the same without it: `have to`."""
        strong = any(holds(phrase, each) for each in self.strong)
        return strong and (phrase in self.strong or phrase not in self.idle)


def _names(concept: Concept) -> Iterator[str]:
    """The names that mean all of a concept, and no kind of it."""
    yield from concept.name.both
    for alias in (*concept.aliases.zh, *concept.aliases.en):
        if any(alias.lower() in name.lower() for name in concept.name.both):
            yield alias


class Text:
    """A claim or a sentence as its units, with what the rules ask of each."""

    def __init__(self, text: str, words: Words) -> None:
        self.parts = [*filter(None, map(words.units, BREAK.split(text)))]  # what stands between the marks
        self.units = units = tuple(unit for part in self.parts for unit in part)
        self.wide = 2 if any(map(CHINESE.match, units)) else 1  # units that make a word
        self.clauses = [*self._clauses(words)]  # of each unit, the number of its clause
        known = [*words.known.longest(units)]
        phrases = [each for each in known if each[1] in words.groups_of]
        idle = spread(words.neutral.longest(units))
        self.rank = [*accumulate((at not in idle for at in range(len(units))), initial=0)]  # telling units before each
        self.locked = spread(each for each in known if words.locks(each[1]))
        self.where: defaultdict[str, list[int]] = defaultdict(list)  # unit → its places
        for at, unit in enumerate(units):
            self.where[unit].append(at)
        self.slots = [*self._slots(words)]
        self.numbers = words.numbers.spread(units) | {at for at, unit in enumerate(units) if unit.isdigit()}
        self.names = words.names.spread(units) | self.numbers
        self.tokens = [*self._tokens(words)]
        self.order: dict[Units | int, list[int]] = {}  # word → its places among the tokens
        for place, token in enumerate(self.tokens):
            self.order.setdefault(token.what, []).append(place)
        self.within = {at + n for at, name in words.names.longest(units) for n in range(1, len(name))}  # a name
        self.sequence = words.sequence.spread(units)
        self.groups = self._groups(words, [each for each in phrases if _denies(each[1], words.denials)])
        self.floating = {at for at, _ in words.floating.within(units)}
        self.agents, self.turns, self.passives = (each.behind(units) for each in (words.agents, words.turns, words.passives))
        self.joints = self._joints(words.joins.behind(units), idle)
        conditions = [each for each in words.conditions.within(units) if self._at_edge(each[0], len(each[1]))]
        conditions = [each for each in conditions if not spread([each]) <= words.floating.spread(units)]  # `默认情况下`
        alone = self.wide == 1 and bool(conditions) and len(set(self.clauses)) == 1  # then nothing shows where it ends
        self.when = set() if alone else {self.clauses[at] for at, _ in conditions}
        self.ordered = not self.sequence <= spread(conditions)  # besides what moves with its clause
        nots = [each for each in phrases if each[1] in words.denials]
        self.nots = len(nots)
        self.polarity = self._polarity(nots)
        self.inner = self._inner([each for each in phrases if each[1] not in words.denials], words.denials)

    def _clauses(self, words: Words) -> Iterator[int]:
        """A clause begins at each mark, and in English where a condition does."""
        number = 0
        for part in self.parts:
            starts = {0} | ({at for at, _ in words.conditions.within(part)} if self.wide == 1 else set())
            for at in range(len(part)):
                number += at in starts
                yield number

    def _groups(self, words: Words, denying: list[Found]) -> dict[int, list[tuple[int, int]]]:
        """Group → where it is spoken of; not within a name, nor within a phrase that denies it: `not healthy`."""
        groups: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        wholes = [(at, at + len(phrase)) for at, phrase in (*words.names.longest(self.units), *denying)]
        around = {at: (start, end) for start, end in wholes for at in range(start, end)}
        for at, phrase in words.groups.within(self.units):
            place = at, at + len(phrase)
            start, end = around.get(at, place)
            if place == (start, end) or place[1] > end or phrase in words.denials:
                for group in words.groups_of[phrase]:
                    groups[group].append(place)
        for at, phrase in words.pronouns.longest(self.units):
            for _, name in [*words.names.longest(self.units[:at])][:1]:  # what the claim is about
                for group in words.groups_of.get(name, ()):
                    groups[group].append((at, at + len(phrase)))
        return groups

    def _slots(self, words: Words) -> Iterator[Slot]:
        units, wide = self.units, self.wide
        for at, phrase in (*words.slots.within(units), *((at, ()) for at in range(1, len(units)))):
            end = at + len(phrase)
            lone = at == 0 or end == len(units)  # with a neighbour on one side only
            yield Slot(units[max(0, at - 1 - lone) : at], phrase, units[end : end + wide + lone])

    def _joints(self, joints: set[int], idle: set[int]) -> set[int]:
        """Where the text begins anew; idle words do not end that."""
        joints |= {at for at in range(1, len(self.units)) if self.clauses[at] != self.clauses[at - 1]}
        for at in range(len(self.units)):
            if at in joints and at in idle:
                joints.add(at + 1)
        return joints

    def _tokens(self, words: Words) -> Iterator[Token]:
        """A word that a name holds is none of its own, and all names of a thing are one."""
        names, at = dict(words.names.longest(self.units)), 0
        while at < len(self.units):
            name = names.get(at, ())
            if name:
                yield Token(at, min(words.groups_of.get(name, ()), default=name), True)
            elif self.tells(at):
                yield Token(at, self.units[at : at + 1], False)
            at += len(name) or 1

    def puts(self, *words: Units | int) -> bool:
        """Whether it says three words in this order, whatever stands between."""
        before, middle, after = ([*self.order.get(word, ())] for word in words)
        return bool(before and after) and any(before[0] < place < after[-1] for place in middle)

    def _at_edge(self, at: int, size: int) -> bool:
        """Whether a phrase begins or ends its clause."""
        clause = [self.clauses[at]]
        return at == 0 or not clause == self.clauses[at - 1 : at] == self.clauses[at + size : at + size + 1]

    def _polarity(self, nots: list[Found]) -> list[int]:
        """What each `not` does to each unit: it denies the word behind it, and how much else of its clause is open."""
        denying = {self.clauses[at] for at, _ in nots}
        found = [ELSEWHERE if clause in denying else PLAIN for clause in self.clauses]
        for at, phrase in nots:
            end = at + len(phrase)
            after = [each for each in range(end, len(found)) if self.clauses[each] == self.clauses[at] and self.tells(each)]
            for each in range(at - (self.wide == 1 and at > 0), end):
                found[each] = min(found[each], OPEN)
            for each in after:
                found[each] = CORE if each in after[: self.wide] else min(found[each], NEAR)
        return found

    def _inner(self, phrases: list[Found], denials: Container[Units]) -> list[int]:
        """The same, with the parts of phrases that hold a `not` denied too."""
        found = [*self.polarity]
        for at, phrase in phrases:
            for n in range(1, len(phrase)):
                if _denies(phrase[:n], denials):
                    found[at + n] = CORE
        return found

    def tells(self, at: int) -> bool:
        return self.rank[at] < self.rank[at + 1]

    @property
    def substance(self) -> bool:
        """Whether it tells anything besides names."""
        return any(self.tells(at) and at not in self.names for at in range(len(self.units)))

    def stance(self, start: int, end: int) -> int:
        """What a `not` does to a piece."""
        return min((self.polarity[at] for at in range(start, end) if self.tells(at)), default=OPEN)


def _denies(phrase: Units, denials: Container[Units]) -> bool:
    return any((unit,) in denials for unit in phrase)
