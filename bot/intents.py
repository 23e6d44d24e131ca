"""Turns what was typed, or the command behind a button, into an Intent. Both pass here; nothing else is let in."""

from __future__ import annotations

import re
from dataclasses import dataclass

COMMANDS = (
    "start", "help", "ask", "order", "kubectl", "compare", "map", "learn", "quiz", "review", "progress", "remind", "new",
    "settings", "language", "privacy", "export", "forget", "cancel"
)  # fmt: skip
BUTTONS = (  # typed by nobody: what buttons and front-ends say
    "more", "confused", "sources", "good", "vote", "tap", "hint", "dunno", "media", "step", "faster", "break", "guess", "why",
    "otherwise",
)  # fmt: skip
QUIZ = ("tap", "hint", "dunno")  # buttons of the question that waits
BOARD = ("step", "faster", "guess", *QUIZ)  # buttons whose answer takes the place of the message that they stand below
PASSING = ("good", *QUIZ)  # buttons that a word in passing may answer
HOUSE = ("usage",)  # for those who run the house; advertised to nobody
MAX_LENGTH = 2000  # characters of one message that are read
KUBECTL = re.compile(r"\s*/kubectl(?:@\w+)?\s+(.*)", re.DOTALL | re.IGNORECASE)
COMMAND = re.compile(r"/([A-Za-z_]+)(?:@\w+)?(?:\s+(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Intent:
    """What the learner wants: a command and the words behind it; plain text is `ask`."""

    name: str
    words: str = ""


def clean(text: str) -> str:
    """At most MAX_LENGTH characters, and nothing that a screen would not show."""
    return _shown(text[:MAX_LENGTH]).strip()


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def parse(text: str) -> Intent:
    """Never fails: an unknown command is the intent `unknown`, silence is `nothing`, a bare number is `choose`."""
    if lines := KUBECTL.fullmatch(text[:MAX_LENGTH]):  # a manifest has lines
        return Intent("kubectl", "\n".join(map(_shown, lines[1].splitlines())).strip())
    text = clean(text)
    if not text:
        return Intent("nothing")
    if text.isascii() and text.isdigit():
        return Intent("choose", text[:3])
    command = COMMAND.fullmatch(text)
    if not command:
        return Intent("ask", text)
    name, words = command.group(1).lower(), (command.group(2) or "").strip()
    return Intent(name, words) if name in COMMANDS + BUTTONS + HOUSE else Intent("unknown", name)
