"""Draws the classroom in a terminal: a live prompt where there is one, plain lines in a pipe.

Choices are numbered; typing the number takes one. Ctrl-C stops what is going on, a second one leaves.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from bot.classroom import Classroom
from bot.errors import Unkept
from bot.learners import Learner
from bot.replies import Block, Box, Paragraph, Reply, Span
from bot.store.notebook import HERE, Notebook

STYLES = {"plain": "", "strong": "bold", "quiet": "dim", "code": "bold cyan", "block": "cyan", "cite": "dim"}
MOODS = {"plain": "", "heading": "bold", "stop": "yellow", "next": "green", "links": "", "options": ""}
# What stays on one line: a Chinese character, or a Latin word, with the marks that open before and close after it.
UNIT = re.compile(
    r"[“‘（《]*(?:[\u2e80-\u9fff\uff00-\uffef\U0001f000-\U0001faff]|[^\s\u2e80-\u9fff\uff00-\uffef“‘（《]+)"
    r"[，。、；：？！”’）》…\u2009⁰¹²³⁴⁵⁶⁷⁸⁹]*[^\S\n]*|\s"
)
HISTORY = "history"
NARROWEST, WIDEST = 16, 88  # columns; longer lines are hard to read


class Screen(Console):
    """Leaves it to the caller to end when nobody reads on."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


async def run(classroom: Classroom, notebook: Notebook, data: Path) -> int:
    """One learner's lesson, until the input ends."""
    try:
        return await _lesson(classroom, notebook, data)
    finally:
        await notebook.close()


async def _lesson(classroom: Classroom, notebook: Notebook, data: Path) -> int:
    learner = await notebook.opened()
    live = sys.stdin.isatty() and sys.stdout.isatty()
    console = Screen(highlight=False, soft_wrap=False, emoji=False, markup=False)
    console.width = max(NARROWEST, min(console.width, WIDEST))
    if live:
        async for reply in classroom.hear(learner, "/start"):
            draw(console, reply)
        console.print(Text(classroom.say("terminal.welcome", learner), style="dim"))
    lines = _typed(classroom, learner, data, console) if live else _piped()
    async for line in lines:
        await _hear(classroom, learner, line, console)
        await notebook.keep(learner)
        if learner.forgotten:
            try:
                await notebook.forget()
            except Unkept:
                console.print(Text(classroom.say("terminal.kept", learner), style="yellow"))
            learner = Learner(HERE, HERE)
            if (data / HISTORY).is_file():
                (data / HISTORY).write_bytes(b"")
    return 0


async def _hear(classroom: Classroom, learner: Learner, line: str, console: Console) -> None:
    """Draws every reply to one line; Ctrl-C drops the rest of them."""
    try:
        with Live(console=console, transient=True, auto_refresh=False) as growing:
            async for reply in classroom.hear(learner, line):
                if reply.draft and console.is_terminal:
                    growing.update(_blocks(reply, console.width), refresh=True)
                elif not reply.draft:
                    growing.update("", refresh=True)
                    draw(console, reply)
    except (KeyboardInterrupt, asyncio.CancelledError):
        async for reply in classroom.hear(learner, "/cancel"):
            draw(console, reply)


async def _piped() -> AsyncIterator[str]:
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", errors="replace")


async def _typed(classroom: Classroom, learner: Learner, data: Path, console: Console) -> AsyncIterator[str]:
    """Lines with history and completion; ends at Ctrl-D or at the second Ctrl-C in a row."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import FuzzyWordCompleter
    from prompt_toolkit.history import FileHistory, History, InMemoryHistory

    history: History = InMemoryHistory()
    if (data.is_dir() and not (data / HISTORY).exists()) or (data / HISTORY).is_file():
        try:
            (data / HISTORY).touch(mode=0o600)
            history = FileHistory(str(data / HISTORY))
        except OSError:
            console.print()  # a lesson without history is still a lesson
    session: PromptSession[str] = PromptSession(
        history=history, completer=FuzzyWordCompleter(list(classroom.words())), complete_while_typing=False
    )
    warned = False
    while True:
        try:
            line = await session.prompt_async(classroom.say("terminal.prompt", learner) + " ")
        except KeyboardInterrupt:
            if warned:
                return
            warned = True
            console.print(Text(classroom.say("terminal.again", learner), style="dim"))
            continue
        except EOFError:
            return
        warned = False
        if line.strip():
            yield line


def draw(console: Console, reply: Reply) -> None:
    """One message with its numbered choices."""
    console.print()
    console.print(_blocks(reply, console.width))
    if reply.choices:
        console.print()
        for number, choice in enumerate(reply.choices, 1):
            label = Text("\n   ").join(_wrapped(Text(choice.full or choice.label), console.width - 3).split())
            console.print(Text.assemble((f"{number:>2} ", "bold cyan"), label))
    console.print()


def _blocks(reply: Reply, width: int) -> Group:
    """The blocks of a message, apart by an empty line."""
    shown = (block for block in reply.blocks if not (isinstance(block, Paragraph) and block.mood == "options"))
    drawn = [each for block in shown for each in (Text(), _block(block, width))]
    return Group(*drawn[1:])


def _block(block: Block, width: int) -> RenderableType:
    if isinstance(block, Paragraph):
        return _wrapped(_text(block.spans, MOODS[block.mood]), width)
    if isinstance(block, Box):
        rows = [(Text(role), Text(name)) for role, name in block.inside]
        return Panel(_grid(rows, "↔", width - 4), title=" ↔ ".join(block.title), width=width)
    return _grid([(_text(left), _text(right)) for left, right in block.rows], block.between.strip(), width)


def _grid(rows: list[tuple[Text, Text]], between: str, width: int) -> Grid:
    """Two columns; the left one takes what it needs, at most half."""
    room = width - cell_len(between) - 2
    left = min(max(cell_len(each.plain) for each, _ in rows), room // 2)
    grid = Grid(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    for first, second in rows:
        grid.add_row(_wrapped(first, left), between, _wrapped(second, room - left))
    return grid


def _text(spans: tuple[Span, ...], mood: str = "") -> Text:
    text = Text(style=mood)
    for span in spans:
        text.append(span.text, STYLES[span.style])
        if span.link:
            text.append(f"\n{span.link}", "dim")
    return text


def _wrapped(text: Text, width: int) -> Text:
    """`text` in lines of at most `width` columns: Chinese breaks between any two characters, but not before a comma."""
    ends, column = [], 0
    for unit in UNIT.finditer(text.plain):
        size = cell_len(unit[0].rstrip())
        if "\n" in unit[0]:
            column = 0
            continue
        if column and column + size > width:
            ends.append(unit.start())
            column = 0
        column += cell_len(unit[0])
    lines = text.divide(ends)
    for line in lines:
        line.rstrip()
    return Text("\n").join(lines)
