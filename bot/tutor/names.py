"""Finds the stretches of a question that name a concept.

The longest name wins its stretch. Misspellings, pinyin, homophones and the other script count a little less. Names of other
fields are kept beside ours, so that `apple watch` is no `watch`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.reading import CHINESE, Reader
from bot.knowledge.schema import LANGUAGES

STRONG, EVERYDAY = 1.0, 0.6
MISSPELT, BY_SOUND = 0.85, 0.8
LONGEST = 14  # tokens in a name, at most
ELSEWHERE = ""  # the owner of names that belong to other fields


def _questions(knowledge: Knowledge) -> Iterable[str]:
    """The authored questions; their words are no slips of the finger."""
    asked = [each for concept in knowledge.concepts.values() for each in concept.questions]
    asked += [each for pair in knowledge.pairs for each in pair.asked_as]
    return (text for each in asked for text in each.both)


@dataclass(frozen=True)
class Name:
    """One way to say a concept."""

    concept: str
    weight: float


@dataclass
class Hit:
    """A stretch of the question that names something."""

    start: int
    end: int
    names: tuple[Name, ...]
    certain: float = 1.0


class Names:
    """Every way to say a concept: as written, in pinyin, by sound, misspelt."""

    def __init__(self, knowledge: Knowledge, picture: Picture, reader: Reader) -> None:
        self.knowledge, self.picture, self.reader = knowledge, picture, reader
        self.sizes: dict[str, list[int]] = {}  # the first token of a name → how many tokens such names have, most first
        self.names = self._all()
        self.said = reader.english | reader.words(text for text in _questions(knowledge))
        self.sounds: dict[str, tuple[Name, ...]] = {}  # pinyin without tones, as typed
        self.homophones: dict[str, tuple[Name, ...]] = {}  # pinyin, with tones where the name is short
        for key, own in self.names.items():
            if len(key) > 1 and all(CHINESE.match(char) for char in key) and own[0].concept:
                self.sounds.setdefault(reader.pinyin(key, tones=False), own)
                self.homophones.setdefault(reader.pinyin(key, tones=len(key) == 2), own)
        self.latin: dict[int, dict[int, str]] = {}  # Latin names by their length, each with its place among all
        for at, (key, own) in enumerate(self.names.items()):
            if len(key) >= 4 and key.isascii() and own[0].concept:
                self.latin.setdefault(len(key), {})[at] = key
        self.real_words = {reader.key(word) for language in LANGUAGES for word in knowledge.wording.real_words[language]}

    def _all(self) -> dict[str, tuple[Name, ...]]:
        """Every way to say a concept; what is everyday talk for one concept is so even where it is its name."""
        found: dict[str, dict[str, Name]] = defaultdict(dict)
        sizes: dict[str, set[int]] = defaultdict(set)

        def add(concept: str, words: Iterable[str], weight: float) -> None:
            for word in words:
                if tokens := self.reader.tokens(word):
                    found["".join(tokens)].setdefault(concept, Name(concept, weight))
                    sizes[tokens[0]].add(len(tokens))

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
        self.sizes = {first: sorted(each, reverse=True) for first, each in sizes.items()}
        return {key: tuple(owners.values()) for key, owners in found.items()}

    def sounds_chinese(self, question: str) -> bool:
        """Whether the question names something in pinyin."""
        return any(hit.certain == BY_SOUND for hit in self.hits(self.reader.tokens(question)))

    def written(self, tokens: list[str]) -> set[str]:
        """The concepts that `tokens` name as the base writes them, read from left to right."""
        found: set[str] = set()
        end = 0
        for at, token in enumerate(tokens):
            for size in self.sizes.get(token, ()) if at >= end else ():
                if at + size <= len(tokens) and (names := self.names.get("".join(tokens[at : at + size]))):
                    found.update([name.concept for name in names])
                    end = at + size
                    break
        return found

    def hits(self, tokens: list[str]) -> list[Hit]:
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
        if all(token in self.said for token in tokens):
            return None
        most = 1 if len(word) < 8 else 2
        near = [self.latin[size] for size in range(len(word) - most, len(word) + most + 1) if size in self.latin]
        found = [process.extractOne(word, each, scorer=OSA.distance, score_cutoff=most) for each in near]
        return min(filter(None, found), key=lambda each: each[1:], default=(None,))[0]
