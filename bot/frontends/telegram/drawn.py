"""Draws a reply as what Telegram shows: texts with entities, buttons, a native quiz poll, a file.

Styles are entities, never markup, so no text can be taken for markup. Positions in an entity count UTF-16 units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from bot.replies import Block, Box, Choice, File, Paragraph, Picture, Poll, Reply, Span, columns

LONGEST = 4000  # UTF-16 units in one message; Telegram takes 4096
CAPTION = 1000  # below a picture; Telegram takes 1024
MOST_ENTITIES = 100
ROW = 36  # columns of a row of buttons on a phone
GAP = 4  # columns around a button's label
STYLES = {"strong": "bold", "code": "code", "block": "pre"}
MOODS = {"heading": "bold", "stop": "blockquote"}


@dataclass(frozen=True)
class Entity:
    """A styled stretch; start and end count characters."""

    kind: str
    start: int
    end: int
    link: str | None = None


@dataclass(frozen=True)
class Question:
    """A native quiz poll."""

    item: str
    stem: str
    options: tuple[str, ...]
    right: int
    explanation: str


@dataclass(frozen=True)
class Drawn:
    """One message: a text, unless it is a poll, a file, or a picture with the text below it."""

    text: str
    entities: tuple[Entity, ...] = ()
    buttons: tuple[tuple[tuple[str, str], ...], ...] = ()  # rows of label and command
    poll: Question | None = None
    file: tuple[str, str] | None = None  # name and content
    picture: str | None = None  # SVG
    nod: bool = False  # may be shown beside the button that was pressed


MESSAGES = TypeAdapter(tuple[Drawn, ...])


def draw(reply: Reply, nod: bool = False) -> tuple[Drawn, ...]:
    """The messages that show `reply`; with `nod` it may be shown beside the button that was pressed."""
    if isinstance(reply, Poll):
        return _poll(reply)
    if isinstance(reply, Picture):
        return _picture(reply)
    text, entities = _text(reply.blocks)
    parts = list(_split(text, entities))
    parts[-1] = replace(parts[-1], buttons=_rows(reply.choices), nod=nod)
    if isinstance(reply, File):
        parts.append(Drawn("", file=(reply.name, reply.content)))
    return tuple(parts)


def units(text: str) -> int:
    """The length of `text` in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def _poll(reply: Poll) -> tuple[Drawn, ...]:
    """The heading as a message with the buttons that help, then the poll."""
    text, entities = _text(reply.blocks[:-1])
    options = tuple(choice.label for choice in reply.choices[: reply.options])
    poll = Question(reply.item, str(reply.blocks[-1]), options, reply.right, reply.explanation)
    return Drawn(text, entities, _rows(reply.choices[reply.options :])), Drawn("", poll=poll)


def _picture(reply: Picture) -> tuple[Drawn, ...]:
    """The heading as a message, then the picture with the rest below it, or behind it where that is too long."""
    heading, (text, entities) = _text(reply.blocks[:1]), _text(reply.blocks[1:])
    buttons = _rows(reply.choices)
    if units(text) <= CAPTION:
        return Drawn(*heading), Drawn(text, entities, buttons, picture=reply.svg)
    parts = list(_split(text, entities))
    return Drawn(*heading), Drawn("", picture=reply.svg), *parts[:-1], replace(parts[-1], buttons=buttons)


def _text(blocks: tuple[Block, ...]) -> tuple[str, tuple[Entity, ...]]:
    text, entities = "", []
    for block in blocks:
        if text:
            text += "\n\n"
        start = len(text)
        for span, kind in _spans(block):
            at = len(text)
            text += span.text
            if span.link:
                entities.append(Entity("text_link", at, len(text), span.link))
            elif kind and not (kind == "code" and span.text.startswith("/")):  # a command is there to be tapped
                entities.append(Entity(kind, at, len(text)))
        whole = "blockquote" if isinstance(block, Box) else MOODS.get(block.mood) if isinstance(block, Paragraph) else None
        if whole:
            entities = [each for each in entities if each.start < start or each.kind != whole]
            entities.append(Entity(whole, start, len(text)))
    return text, tuple(sorted(entities, key=lambda each: (each.start, -each.end)))


def _spans(block: Block) -> Iterator[tuple[Span, str | None]]:
    """The stretches of a block, each with the entity it wants."""
    if isinstance(block, Paragraph):
        yield from ((span, STYLES.get(span.style)) for span in block.spans)
    elif isinstance(block, Box):
        yield Span(" ↔ ".join(block.title)), "bold"
        yield from ((Span("\n" + " ↔ ".join(pair)), None) for pair in block.inside)
    else:
        for at, (left, right) in enumerate(block.rows):
            yield from ((span, STYLES.get(span.style)) for span in ((Span("\n"),) if at else ()) + left)
            yield from ((span, STYLES.get(span.style)) for span in (Span(block.between), *right))


def _split(text: str, entities: tuple[Entity, ...]) -> Iterator[Drawn]:
    """`text` in parts that Telegram takes: cut between paragraphs, else lines, else anywhere."""
    start = 0
    while True:
        end = _fit(text, start)
        if end < len(text):
            cuts = (text.rfind(gap, start + 1, end) for gap in ("\n\n", "\n", " "))
            end = next((cut for cut in cuts if cut > start), end)
        inside = (each for each in entities if each.start < end and each.end > start)
        clipped = (replace(each, start=max(each.start, start) - start, end=min(each.end, end) - start) for each in inside)
        yield Drawn(text[start:end], tuple(clipped)[:MOST_ENTITIES])
        start = end + len(text[end:]) - len(text[end:].lstrip("\n"))
        if start >= len(text):
            return


def _fit(text: str, start: int) -> int:
    """The farthest end of a part that begins at `start`."""
    end = min(len(text), start + LONGEST)
    while units(text[start:end]) > LONGEST:
        end -= max(1, (units(text[start:end]) - LONGEST) // 2)
    return end


def _rows(choices: tuple[Choice, ...]) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Buttons in rows that a phone has room for."""
    rows: list[list[tuple[str, str]]] = []
    room = 0
    for choice in choices:
        size = columns(choice.label) + GAP
        if size > room:
            rows.append([])
            room = ROW
        rows[-1].append((choice.label, choice.command))
        room -= size
    return tuple(map(tuple, rows))
