"""Turns authored text with inline claim ids into spans with small raised numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bot.knowledge.measure import CITATION
from bot.knowledge.schema import Language
from bot.replies import Paragraph, Span, raised

MARKS = re.compile(r"((?:\[[a-z][a-z0-9-]*\.c[1-9][0-9]*\])+)")


def bare(text: str) -> str:
    """`text` without its citations."""
    return MARKS.sub("", text)


def gap(language: Language) -> str:
    """What stands between two sentences."""
    return "" if language == "zh" else " "


@dataclass
class Citations:
    """The claims that one answer cites, numbered from 1 in the order of appearance."""

    ids: list[str] = field(default_factory=list)

    def spans(self, text: str) -> tuple[Span, ...]:
        """`It is a store.[etcd.c1]` → plain text, then ¹; `backquoted` words are code."""
        spans: list[Span] = []
        for part in MARKS.split(text):
            if ids := CITATION.findall(part):
                spans.append(self.marks(tuple(ids)))
            else:
                pieces = part.split("`")
                spans += [Span(piece, "code" if at % 2 else "plain") for at, piece in enumerate(pieces) if piece]
        return tuple(spans)

    def marks(self, ids: tuple[str, ...]) -> Span:
        """The raised numbers of `ids`, apart by a thin space."""
        for id in ids:
            if id not in self.ids:
                self.ids.append(id)
        return Span("\u2009".join(raised(self.ids.index(id) + 1) for id in ids), "cite")

    def paragraph(self, text: str, lead: str = "") -> Paragraph:
        return Paragraph(((Span(lead, "strong"),) if lead else ()) + self.spans(text))
