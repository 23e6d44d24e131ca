"""Draws the classroom in a terminal: a live prompt where there is one, plain lines in a pipe.

Choices are numbered; typing the number takes one. Ctrl-C stops what is going on, a second one leaves.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from bot.classroom import Classroom
from bot.learners import Learner
from bot.replies import Block, Box, Paragraph, Reply, Span

STYLES = {"plain": "", "strong": "bold", "quiet": "dim", "code": "bold cyan", "cite": "dim"}
MOODS = {"plain": "", "heading": "bold", "stop": "yellow", "next": "green", "links": ""}
WIDEST = 88  # columns; longer lines are hard to read


async def run(classroom: Classroom, data: Path) -> int:
    """One learner's lesson, until the input ends."""
    learner = Learner()
    live = sys.stdin.isatty() and sys.stdout.isatty()
    console = Console(highlight=False, soft_wrap=False, emoji=False, markup=False)
    console.width = min(console.width, WIDEST)
    if live:
        async for reply in classroom.hear(learner, "/start"):
            draw(console, reply)
        console.print(Text(classroom.say("terminal.welcome", learner), style="dim"))
    lines = _typed(classroom, learner, data, console) if live else _piped()
    async for line in lines:
        await _hear(classroom, learner, line, console)
    return 0


async def _hear(classroom: Classroom, learner: Learner, line: str, console: Console) -> None:
    """Draws every reply to one line; Ctrl-C drops the rest of them."""
    try:
        async for reply in classroom.hear(learner, line):
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
    if data.is_dir():
        (data / "history").touch(mode=0o600)
        history = FileHistory(str(data / "history"))
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
    for at, block in enumerate(reply.blocks):
        if at:
            console.print()
        console.print(_block(block, console.width))
    if reply.choices:
        console.print()
        for number, choice in enumerate(reply.choices, 1):
            console.print(Text.assemble((f"{number:>2} ", "bold cyan"), choice.label))
    console.print()


def _block(block: Block, width: int) -> RenderableType:
    if isinstance(block, Paragraph):
        return _text(block.spans, MOODS[block.mood])
    if isinstance(block, Box):
        inside = _grid(width - 4)
        for role, name in block.inside:
            inside.add_row(role, "↔", name)
        return Panel(inside, title=" ↔ ".join(block.title), width=width)
    grid = _grid(width)
    for left, right in block.rows:
        grid.add_row(_text(left), block.between.strip(), _text(right))
    return grid


def _grid(width: int) -> Grid:
    grid = Grid(box=None, show_header=False, padding=(0, 1, 0, 0), width=width, pad_edge=False)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(width=1)
    grid.add_column(ratio=1, overflow="fold")
    return grid


def _text(spans: tuple[Span, ...], mood: str = "") -> Text:
    text = Text(style=mood, overflow="fold")
    for span in spans:
        text.append(span.text, STYLES[span.style])
        if span.link:
            text.append(f"\n{span.link}", "dim")
    return text
