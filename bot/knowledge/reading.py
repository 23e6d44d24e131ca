"""Reads typed text the way the knowledge is written: one spelling, one script, split into tokens.

A token is a Latin word without its plural, or one Chinese character. A run of tokens is compared without its spaces and
hyphens, so `Replica Set`, `replica-sets` and `ReplicaSet` are one name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from bot.knowledge.schema import Language, Wording

if TYPE_CHECKING:
    from bot.knowledge.base import Knowledge

TOKEN = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]")
RUN = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]+")
LATIN = re.compile(r"[a-z0-9]+")
APOSTROPHE = re.compile(r"(?<=[a-z])['’](?=[a-z])")
INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
CHINESE = re.compile(r"[\u3400-\u9fff]")
PIECE = 4  # letters in a piece of a word, its ends included


def singular(word: str) -> str:
    """`pods` → `pod`; a word that merely ends in s loses it too, on both sides of every comparison."""
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    return word


def _any(phrases: Iterable[str]) -> re.Pattern[str]:
    """Matches the longest of `phrases`; nothing when there are none."""
    return re.compile("|".join(map(re.escape, sorted(phrases, key=len, reverse=True))) or r"(?!)")


@dataclass(frozen=True)
class Reader:
    """Spelling rules made from the knowledge."""

    simplified: dict[int, str]
    respell: dict[str, str]
    foreign: re.Pattern[str]  # any key of `respell`
    sounds: dict[str, str]  # Chinese character → pinyin with tone number
    fillers: frozenset[str]  # single tokens and Chinese phrases that carry no topic
    english: frozenset[str]  # words that mark a text as English
    same: dict[str, str]  # a Chinese phrase or an English word → the one that stands for it
    same_zh: re.Pattern[str]
    syllables: re.Pattern[str]  # a word that could be typed pinyin
    parts: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of phrases of the base that were looked for

    @classmethod
    def of(cls, knowledge: Knowledge) -> Reader:
        return cls.made(knowledge.wording, knowledge.characters)

    @classmethod
    def made(cls, wording: Wording, characters: dict[str, tuple[str, str]]) -> Reader:
        """`characters`: each with its simplified form and its pinyin with tone number."""
        sounds = {char: sound for char, (_, sound) in characters.items()}
        spoken = ("".join(sounds.get(char, "").rstrip("12345") for char in phrase) for phrase in wording.fillers.zh)
        simplified = {ord(char): simple for char, (simple, _) in characters.items() if char != simple}
        respell = {key.translate(simplified): value for key, value in wording.respell.items()}
        same = {word: group[0] for group in wording.same.zh for word in group}
        same |= {singular(word): group[0] for group in wording.same.en for word in group}
        return cls(
            simplified=simplified,
            respell=respell,
            foreign=_any(respell),
            sounds=sounds,
            fillers=frozenset((*wording.fillers.zh, *spoken, *map(singular, wording.fillers.en))),
            same=same,
            same_zh=_any(phrase for group in wording.same.zh for phrase in group),
            syllables=re.compile(f"(?>{_any({sound.rstrip('12345') for sound in sounds.values()} - {''}).pattern})++"),
            english=frozenset(map(singular, (*wording.fillers.en, *wording.compare.en))),
        )

    def spell(self, text: str) -> str:
        """Lower case, half width, simplified script, no invisible characters."""
        if text.isascii():
            return APOSTROPHE.sub("", text.lower())
        text = unicodedata.normalize("NFKC", text).lower()
        text = APOSTROPHE.sub("", INVISIBLE.sub("", text)).translate(self.simplified)
        return self.foreign.sub(lambda found: self.respell[found[0]], text)

    def tokens(self, text: str) -> list[str]:
        return self.split(self.spell(text))

    def split(self, spelt: str) -> list[str]:
        return [token if len(token) < 4 else singular(token) for token in TOKEN.findall(spelt)]

    def words(self, texts: Iterable[str]) -> frozenset[str]:
        """The Latin words of `texts`."""
        return frozenset(map(singular, set(LATIN.findall("\n".join(texts).lower()))))

    def key(self, text: str) -> str:
        """What is left of `text` for comparing names and whole messages."""
        return "".join(self.tokens(text))

    def pinyin(self, chinese: str, tones: bool) -> str:
        """The sound of Chinese characters; '' when one of them has none."""
        sounds = [self.sounds.get(char, "") for char in chinese]
        if not all(sounds):
            return ""
        return "".join(sounds) if tones else "".join(sound.rstrip("12345") for sound in sounds)

    def language(self, text: str) -> Language | None:
        """The language `text` is visibly written in; None when it could be either (`etcd?`)."""
        if CHINESE.search(text):
            return "zh"
        return "en" if self.english.intersection(self.tokens(text)) else None

    def grams(self, spelt: str) -> Iterator[str]:
        """What a text, once spelt, says, for comparing wordings: Latin words, and pairs of neighbouring Chinese characters.

        Words that ask the same count as one.
        """
        for run in self._runs(spelt):
            if run.isascii():
                yield run
            else:
                yield from map(str.__add__, run, run[1:])

    def details(self, spelt: str) -> Iterator[str]:
        """What a text says beside its grams: Latin words that are neighbours, their pieces, single Chinese characters."""
        runs = self._runs(spelt)
        yield from (f"{word} {after}" for word, after in pairwise(runs) if word.isascii() and after.isascii())
        for run in runs:
            if run.isascii():
                whole = f"^{run}$"
                yield from (f"~{whole[at : at + PIECE]}" for at in range(len(whole) - PIECE + 1))
            else:
                yield from run

    def _runs(self, spelt: str) -> list[str]:
        """Latin words and stretches of Chinese; of those that ask the same, the one that stands for it."""
        if not spelt.isascii():
            spelt = self.same_zh.sub(lambda found: self.same[found[0]], spelt)
        words = (singular(run) if run.isascii() else run for run in RUN.findall(spelt))
        return [self.same.get(word, word) if word.isascii() else word for word in words]

    def within(self, text: str) -> Callable[[str], bool]:
        """Tells of a phrase whether its parts (apart by spaces) occur in `text` in that order, with anything between."""
        whole = self._run(text)

        def contains(phrase: str) -> bool:
            if phrase not in self.parts:
                self.parts[phrase] = tuple(map(self._run, phrase.split()))
            at = 0
            for wanted in self.parts[phrase]:
                if (found := whole.find(wanted, at)) < 0:
                    return False
                at = found + len(wanted) - 1  # the space between two parts is of both
            return True

        return contains

    def _run(self, text: str) -> str:
        return f" {' '.join(self.tokens(text))} "

    def idle(self, tokens: list[str]) -> set[int]:
        """The positions of the tokens that are function words."""
        idle: set[int] = set()
        for size in range(min(8, len(tokens)), 0, -1):
            for start in range(len(tokens) - size + 1):
                if "".join(tokens[start : start + size]) in self.fillers:
                    idle.update(range(start, start + size))
        return idle
