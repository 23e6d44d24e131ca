"""What the classroom says, as plain values: a front-end draws them and decides nothing.

A Reply is a list of blocks and the choices below it. A choice is a command that the learner need not type.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Literal

from bot.knowledge.schema import Language

Style = Literal["plain", "strong", "quiet", "code", "block", "cite"]
Mood = Literal["plain", "heading", "stop", "next", "links", "options"]  # options: what the choices say in full
MAX_COMMAND = 64  # bytes, the most that a Telegram button can carry
PHONE_COLUMNS, PHONE_LINES = 40, 12  # a Chinese character takes two columns
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Span:
    """A stretch of text in one style; a `link` is an official page to open."""

    text: str
    style: Style = "plain"
    link: str | None = None


@dataclass(frozen=True)
class Paragraph:
    """Spans that flow; the mood says what the paragraph is for."""

    spans: tuple[Span, ...]
    mood: Mood = "plain"

    def __str__(self) -> str:
        return "".join(span.text if not span.link else f"{span.text} {span.link}" for span in self.spans)


Row = tuple[tuple[Span, ...], tuple[Span, ...]]


@dataclass(frozen=True)
class Table:
    """Rows side by side, as a rule the picture on the left and Kubernetes on the right."""

    rows: tuple[Row, ...]
    between: str = " ↔ "

    def __str__(self) -> str:
        return "\n".join(self.between.join("".join(span.text for span in cell) for cell in row) for row in self.rows)


@dataclass(frozen=True)
class Box:
    """One box of a drawing: its title, and what stands inside it, each as picture and Kubernetes."""

    title: tuple[str, str]
    inside: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        lines = [" = ".join(self.title), *("  " + " = ".join(each) for each in self.inside)]
        return "\n".join(lines)


Block = Paragraph | Table | Box


@dataclass(frozen=True)
class Choice:
    """A button: what it says and the command it stands for (≤ 64 bytes)."""

    label: str
    command: str
    full: str = ""  # what a letter on the button stands for, to be shown in its place where there is room

    def __post_init__(self) -> None:
        assert len(self.command.encode()) <= MAX_COMMAND, self.command


@dataclass(frozen=True)
class Reply:
    """One message."""

    blocks: tuple[Block, ...]
    choices: tuple[Choice, ...] = ()
    draft: bool = field(default=False, kw_only=True)  # the reply that follows takes its place

    @property
    def text(self) -> str:
        """The message without its choices, as plain text."""
        return "\n\n".join(map(str, self.blocks))


@dataclass(frozen=True)
class Poll(Reply):
    """A quiz question; its first choices are the options, its last block is the stem."""

    item: str = ""
    options: int = 0  # how many of the choices; the rest help whoever is stuck
    right: int = 0  # position of the right option
    explanation: str = ""


@dataclass(frozen=True)
class File(Reply):
    """A message with a file to keep."""

    name: str = ""
    content: str = ""


@dataclass(frozen=True)
class Picture(Reply):
    """A drawing (SVG, its typeface `Lemonade Sans`); the first block is a heading, the others say the same in words."""

    svg: str = ""


@dataclass(frozen=True)
class Nod(Reply):
    """A word in passing: where a button was pressed it may be shown beside it, without a message."""


@dataclass(frozen=True)
class Answer(Reply):
    """A reply to a question, with what it rests on."""

    language: Language = "zh"
    route: Literal["model", "knowledge", "declined"] = "knowledge"
    concepts: tuple[str, ...] = ()  # best first
    claims: tuple[str, ...] = ()  # cited, in order
    breaks: tuple[str, ...] = ()  # breaks and misconceptions whose truth is stated
    number: int = 0  # counted per talk; 0 where there is nothing to go on from


def say(text: str, mood: Mood = "plain") -> Paragraph:
    """A paragraph in which `backquoted` words are code."""
    parts = text.split("`")
    spans = tuple(Span(part, "code" if at % 2 else "plain") for at, part in enumerate(parts) if part)
    return Paragraph(spans, mood)


def phone_lines(block: Block) -> int:
    """How many lines of a phone screen a block fills."""
    return sum(max(1, -(-columns(line) // PHONE_COLUMNS)) for line in str(block).splitlines())


class _Widths(dict[str, int]):
    """The columns of each character that was met."""

    def __missing__(self, char: str) -> int:
        wide = unicodedata.east_asian_width(char) in "WF"
        self[char] = 0 if unicodedata.combining(char) else 2 if wide else 1
        return self[char]


WIDTHS = _Widths()


def columns(text: str) -> int:
    """The width of `text` on a screen."""
    return sum(map(WIDTHS.__getitem__, text))


def raised(number: int) -> str:
    """1 → ¹"""
    return str(number).translate(RAISED)
