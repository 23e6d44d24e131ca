"""A question as a message with buttons: what is asked, what was taken so far, and what can be taken now."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bot.cited import Citations
from bot.knowledge.base import Knowledge
from bot.knowledge.quizzes import BETWEEN
from bot.knowledge.schema import Item, Language
from bot.learners import Pending
from bot.quiz.grading import away, sides
from bot.quiz.hints import LADDER, hints
from bot.replies import Block, Choice, Paragraph, Span, columns, say

BUTTON = 32  # columns of text that one button shows whole on a phone
LETTERS = "ABCDEF"
ON, OFF = "☑", "☐"
IN_TURN = ("order", "match")  # options are taken one after the other


def shuffled(item: Item, seed: int) -> tuple[int, ...]:
    """The positions of the options in the order that `seed` gives; never the order of the file where that is the answer."""
    places = list(range(len(item.options)))
    dice = random.Random(seed)
    dice.shuffle(places)
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
        texts = [self.label(at) for at in self.open]
        self.long = any(columns(text) > BUTTON for text in texts)  # then they stand in the message, and letters on the buttons

    def label(self, at: int) -> str:
        """The option on its button; of a pair the right side."""
        return plain(sides(self.item.options[at], self.language)[-1])

    def blocks(self) -> Iterator[Block]:
        """The stem, what was taken, the options where they are long, and the last hint."""
        item, pending = self.item, self.pending
        yield say(item.stem[self.language])
        if item.type in IN_TURN and pending.taken:
            yield lines(self.taken())
        if item.type == "match":
            left = sides(item.options[len(pending.taken)], self.language)[0]
            yield Paragraph((Span(f"{plain(left)}{BETWEEN}?", "strong"),))
        else:
            yield from self._how()
        if self.long:
            yield lines([f"{letter}. {self._marked(at)}" for letter, at in zip(LETTERS, self.open, strict=False)])
        yield from self._hint()

    def taken(self) -> list[str]:
        """What stands in its place already, line by line."""
        texts = [self.label(at) for at in self.pending.taken]
        if self.item.type == "order":
            return [f"{number}. {text}" for number, text in enumerate(texts, 1)]
        lefts = [plain(sides(option, self.language)[0]) for option in self.item.options]
        return [f"{left}{BETWEEN}{text}" for left, text in zip(lefts, texts, strict=False)]

    def choices(self, id: str) -> Iterator[Choice]:
        """The options, what ends or undoes an answer, a hint, and `I don't know`."""
        for letter, at in zip(LETTERS, self.open, strict=False):
            mark = f"{self._mark(at)} " if self.item.type == "multiple" else ""
            yield Choice(mark + (letter if self.long else self.label(at)), f"/tap {id} {at + 1}")
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
        return Choice(self.knowledge.say(f"choice.{name}", self.language), command)

    def _how(self) -> Iterator[Block]:
        if self.item.type in ("order", "multiple", "explain"):
            yield Paragraph((Span(self.knowledge.say(f"quiz.how.{self.item.type}", self.language), "quiet"),))

    def _mark(self, at: int) -> str:
        return ON if at in self.pending.taken else OFF

    def _marked(self, at: int) -> str:
        return f"{self._mark(at)} {self.label(at)}" if self.item.type == "multiple" else self.label(at)

    def _hint(self) -> Iterator[Block]:
        if number := min(self.pending.hints, LADDER):
            hint = hints(self.knowledge, self.item, self.key, self.pending.missed)[number - 1]
            lead = self.knowledge.say("quiz.hint", self.language, number=number, count=LADDER)
            yield Citations().paragraph(hint[self.language], lead)


def lines(texts: list[str]) -> Paragraph:
    return Paragraph((Span("\n".join(texts)),))


def plain(text: str) -> str:
    """For a button, which shows no code."""
    return text.replace("`", "")
