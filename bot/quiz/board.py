"""A question as a message with buttons: what is asked, what was taken so far, and what can be taken now."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bot.cited import Citations, gap
from bot.knowledge.base import Knowledge
from bot.knowledge.quizzes import BETWEEN, CHOSEN
from bot.knowledge.schema import Item, Language
from bot.learners import Pending
from bot.quiz.grading import away, placed, sides
from bot.quiz.hints import LADDER, hints
from bot.replies import Block, Choice, Paragraph, Span, columns, say

BUTTON = 32  # columns of text that one button shows whole on a phone
LETTERS = "ABCDEF"
ON, OFF = "☑", "☐"
MARKS, MISSING = {True: "✓", False: "✗"}, "➕"
IN_TURN = ("order", "match")  # options are taken one after the other


def shuffled(item: Item, seed: int) -> tuple[int, ...]:
    """The positions of the options as `seed` orders them, 0 as the file does; but never so where that is the answer."""
    places = list(range(len(item.options)))
    if seed:
        random.Random(seed).shuffle(places)
    if item.type in IN_TURN and places == sorted(places):
        places.append(places.pop(0))
    return tuple(places)


def open_(item: Item, key: tuple[int, ...], pending: Pending) -> tuple[int, ...]:
    """The options that can be taken now, in the order in which they are shown."""
    if item.type == "explain":
        return ()
    gone = set(pending.taken if item.type in IN_TURN else () if item.type == "multiple" else pending.missed)
    if pending.hints > 1 and (at := away(item, key, pending.missed)) is not None:
        gone.add(at)
    return tuple(at for at in shuffled(item, pending.seed) if at not in gone)


class Board:
    """One question as one learner sees it."""

    def __init__(self, knowledge: Knowledge, item: Item, key: tuple[int, ...], pending: Pending, language: Language) -> None:
        self.knowledge, self.item, self.key, self.pending, self.language = knowledge, item, key, pending, language
        self.open = open_(item, key, pending)
        places = () if item.type == "explain" else shuffled(item, pending.seed)
        self.letters = dict(zip(places, LETTERS, strict=False))  # each option keeps its own
        # Then they stand on the buttons; a poll has none.
        self.long = not pending.poll and any(columns(self._label(at)) > BUTTON for at in self.letters)

    def before(self, cites: Citations) -> Iterator[Block]:
        """What there is to say about the wrong answer that was just given."""
        item, key, missed = self.item, self.key, self.pending.missed
        if self.pending.last != "wrong":
            return
        lead, met = self._say(wrong(item)) + gap(self.language), [at for at in missed if at in key]
        if item.type in IN_TURN:
            places = zip(placed(item, missed), self._taken(missed), strict=True)
            rows = self._rows([f"{MARKS[fits]} {text}" for fits, text in places])
            yield Paragraph((Span(lead, "strong"), Span(f"\n{rows}")))
            return
        feedback = next((item.options[at].feedback for at in missed if at not in key), None)
        yield cites.paragraph(feedback[self.language] if feedback else "", lead)
        if item.type == "explain" and met:
            yield lines(marked(item, met, met, self.language))
        if item.type in ("multiple", "explain") and len(met) < len(key):
            yield say(self._say("quiz.missing", count=len(key) - len(met)))

    def asked(self) -> Iterator[Block]:
        """The stem, what was taken, and the options where they are too long for a button; what to do is said at first."""
        item, had = self.item, self.pending.taken
        yield say(item.stem[self.language])
        if item.type in IN_TURN and had:
            yield Paragraph((Span(self._rows(self._taken(had))),))
        if item.type == "match":
            left = sides(item.options[len(had)], self.language)[0]
            yield Paragraph((Span(f"{plain(left)}{BETWEEN}?", "strong"),))
        elif item.type == "explain" or (item.type in ("order", "multiple") and not self.pending.last):
            yield Paragraph((Span(self._say(f"quiz.how.{item.type}"), "quiet"),))
        if self.long:
            shown = {*self.open, *(had if item.type in IN_TURN else ())}
            texts = [f"{letter}. {self._mark(at)}{self._label(at)}" for at, letter in self.letters.items() if at in shown]
            yield replace(lines(texts), mood="plain" if item.type in IN_TURN else "options")

    def hint(self, cites: Citations) -> Iterator[Block]:
        """The hint that was just asked for."""
        if self.pending.last == "hint":
            number = self.pending.hints
            hint = hints(self.knowledge, self.item, self.key, self.pending.missed)[number - 1]
            yield cites.paragraph(hint[self.language], self._say("quiz.hint", number=number, count=LADDER) + " ")

    def choices(self, id: str) -> Iterator[Choice]:
        """The options, what ends or undoes an answer, a hint, and `I don't know`."""
        for at in self.open:
            short, full = (self.letters[at], f"{self._mark(at)}{self._label(at)}") if self.long else (self._label(at), "")
            yield Choice(self._mark(at) + short, f"/tap {id} {at + 1}", "" if self.item.type in IN_TURN else full)
        if self.item.type == "multiple" and self.pending.taken:
            yield self._choice("done", f"/tap {id} done")
        if self.item.type in IN_TURN and self.pending.taken:
            yield self._choice("undo", f"/tap {id} undo")
        yield from self.help(id)

    def help(self, id: str) -> Iterator[Choice]:
        """What helps whoever is stuck."""
        if self.pending.hints < LADDER:
            yield self._choice("hint", f"/hint {id}")
        yield self._choice("dunno", f"/dunno {id}")

    def _choice(self, name: str, command: str) -> Choice:
        return Choice(self._say(f"choice.{name}"), command)

    def _say(self, key: str, **words: object) -> str:
        return self.knowledge.say(key, self.language, **words)

    def _taken(self, places: Sequence[int]) -> list[str]:
        """Options one after the other, by their letters where they have some."""
        return taken(self.item, places, self.language, self.letters if self.long else None)

    def _rows(self, texts: list[str]) -> str:
        """Line by line, unless letters are all there is to show."""
        return ("   " if self.long and self.item.type == "order" else "\n").join(texts)

    def _label(self, at: int) -> str:
        """The option on its button; of a pair the right side."""
        return plain(sides(self.item.options[at], self.language)[-1])

    def _mark(self, at: int) -> str:
        if self.item.type != "multiple":
            return ""
        return f"{ON if at in self.pending.taken else OFF} "


def wrong(item: Item) -> str:
    """The text that says that an answer is wrong, or not all right."""
    return "quiz.wrong" if item.type in CHOSEN else "quiz.partly"


def taken(item: Item, places: Sequence[int], language: Language, letters: Mapping[int, str] | None = None) -> list[str]:
    """Options, or their letters, one by one; of an `order` with their numbers, of a `match` beside the left sides."""
    texts = [letters[at] if letters else plain(sides(item.options[at], language)[-1]) for at in places]
    if item.type == "order":
        return [f"{number}. {text}" for number, text in enumerate(texts, 1)]
    if item.type == "match":
        return [
            f"{plain(sides(option, language)[0])}{BETWEEN}{text}" for option, text in zip(item.options, texts, strict=False)
        ]
    return texts


def marked(item: Item, key: Sequence[int], met: Sequence[int], language: Language) -> list[str]:
    """What is right, line by line; of an `explain` what was not said stands out."""
    marks = [MISSING if item.type == "explain" and at not in met else MARKS[True] for at in key]
    return [f"{mark} {text}" for mark, text in zip(marks, taken(item, key, language), strict=True)]


def lines(texts: list[str]) -> Paragraph:
    return Paragraph((Span("\n".join(texts)),))


def plain(text: str) -> str:
    """For a button, which shows no code."""
    return text.replace("`", "")
