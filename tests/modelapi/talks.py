"""What a model answers: a stream of pieces with pauses, a page in its place, or silence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tests.modelapi.asked import Json

End = Literal["stop", "length", "content_filter", "tool_calls", "hang", "cut", "nothing"]


class Piece(NamedTuple):
    """One delta, after a pause in seconds; bytes leave as they are."""

    content: Json | bytes
    pause: float = 0.0

    @property
    def text(self) -> str:
        """What it adds to the answer."""
        return "" if isinstance(self.content, bytes) else str(self.content.get("content") or "")


@dataclass(frozen=True)
class Talk:
    """Status 200 and a stream. It ends for a reason, or hangs, is cut, or just stops with `nothing` to say so."""

    pieces: Iterable[Piece]
    end: End = "stop"


@dataclass(frozen=True)
class Page:
    """A whole answer at once."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Silence:
    """The connection is taken, and nothing comes."""


def tokens(text: str) -> list[str]:
    """Text in small pieces, as models send it: no marker, few words and no link stay whole."""
    return re.findall(r"\s?[A-Za-z0-9]{1,5}|\s?[^A-Za-z0-9]", text)


def estimate(text: str) -> int:
    """How many tokens a text takes with the tokenizers of today: a Chinese character one, others four characters each."""
    wide = len(re.findall(r"[\u2e80-\u9fff\uff00-\uffef]", text))
    return wide + -(-(len(text) - wide) // 4)


def spoken(text: str, speed: float = 0.0) -> tuple[Piece, ...]:
    """`text` token by token, `speed` tokens a second; 0 is at once."""
    pause = 1 / speed if speed else 0.0
    return tuple(Piece({"content": token}, pause) for token in tokens(text))


def say(text: str, speed: float = 0.0, end: End = "stop") -> Talk:
    """An answer of nothing but `text`."""
    return Talk(spoken(text, speed), end)


def error(status: int, message: str, **headers: str) -> Page:
    """A refusal as the API words it."""
    kind = {401: "invalid_request_error", 429: "rate_limit_error"}.get(status, "server_error")
    body = {"error": {"message": message, "type": kind, "param": None, "code": None}}
    return Page(status, json.dumps(body).encode(), headers={name.replace("_", "-"): value for name, value in headers.items()})
