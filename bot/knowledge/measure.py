"""How long a text is for whoever reads it."""

from __future__ import annotations

import re

from bot.knowledge.schema import Language

CITATION = re.compile(r"\[([a-z][a-z0-9-]*\.c[1-9][0-9]*)\]")
WORD = re.compile(r"[A-Za-z0-9][\w./-]*")
CHINESE = re.compile(r"[\u3400-\u9fff]")


def length(text: str, language: Language) -> int:
    """Chinese characters (a Latin word counts as two), or English words, citations apart."""
    plain = CITATION.sub("", text)
    if language == "en":
        return len(plain.split())
    return len(CHINESE.findall(plain)) + 2 * len(WORD.findall(plain))
