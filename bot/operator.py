"""Speaks to the person at the keyboard: in the house's language where one is set, else in that of the shell."""

from __future__ import annotations

import os

from bot.errors import Refused
from bot.knowledge.base import shipped_texts
from bot.knowledge.schema import Language


def language() -> Language:
    names = ("BOT_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    chosen = next((value for name in names if (value := os.environ.get(name))), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def say(key: str, **words: object) -> str:
    """The sentence `key` of texts/operator.yaml."""
    return shipped_texts()[key][language()].format(**words)


def refused(key: str, **words: object) -> Refused:
    """A refusal whose sentence is `refused.KEY`."""
    return Refused(say(f"refused.{key}", **words))


def expected(name: str) -> str:
    """What the setting `name` takes, in words."""
    key = f"expected.{name}"
    return say(key) if key in shipped_texts() else "–"
