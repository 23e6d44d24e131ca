"""What a bot asks of the model, and the rules that a request obeys to be understood by every compatible server."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]
CLAIM = re.compile(r"^([a-z][a-z0-9-]*\.c[1-9][0-9]*): (.+)$", re.MULTILINE)
FIELDS: dict[str, type | tuple[type, ...]] = {
    "model": str,
    "messages": list,
    "stream": bool,
    "stream_options": dict,
    "temperature": (int, float),
    "max_tokens": int,
    "max_completion_tokens": int,
    "seed": int,
    "stop": (str, list),
    "top_p": (int, float),
}
LEAST_AND_MOST = {"temperature": (0, 2), "top_p": (0, 1), "max_tokens": (1, 8192), "max_completion_tokens": (1, 8192)}


class Surprise(Exception):
    """A request that no well-written bot makes: it is refused, and the test fails."""


class Claim(NamedTuple):
    """One claim that the prompt supplies."""

    id: str
    text: str


class Sent(NamedTuple):
    """When a token left, and all the text up to its end."""

    time: float
    text: str


@dataclass
class Asked:
    """One request, and how its answer went."""

    body: Json
    time: float = field(default_factory=time.time)
    sent: list[Sent] = field(default_factory=list)
    ended: float | None = None  # when the last byte left
    cut: float | None = None  # when the client was found to be gone

    @property
    def messages(self) -> list[Json]:
        return list(self.body["messages"])

    @property
    def system(self) -> str:
        """The system messages, as they stand."""
        return "\n".join(str(one["content"]) for one in self.messages if one["role"] == "system")

    @property
    def user(self) -> str:
        """The last message."""
        return str(self.messages[-1]["content"])

    @property
    def text(self) -> str:
        """The whole prompt."""
        return "\n".join(str(one["content"]) for one in self.messages)

    @property
    def claims(self) -> list[Claim]:
        """The claims of the last message, each on a line of its own."""
        return [Claim(*found) for found in CLAIM.findall(self.user)]

    @property
    def concepts(self) -> set[str]:
        """Whose claims are supplied."""
        return {claim.id.partition(".")[0] for claim in self.claims}

    @property
    def open(self) -> bool:
        """Whether the answer is still going on."""
        return self.ended is None and self.cut is None

    def said(self, words: str) -> float:
        """When the last of `words` left."""
        return next(sent.time for sent in self.sent if words in sent.text)


def read(content: bytes, model: str) -> Asked:
    """A request that obeys the rules; raises Surprise with what is wrong otherwise."""
    try:
        body = json.loads(content.decode())
    except ValueError as error:
        raise Surprise(f"the body is no JSON in UTF-8: {error}") from None
    if not isinstance(body, dict):
        raise Surprise("the body is no object")
    if unknown := set(body) - set(FIELDS):
        raise Surprise(f"unknown fields {', '.join(sorted(unknown))}")
    for name, value in body.items():
        if not isinstance(value, FIELDS[name]) or (isinstance(value, bool) and name != "stream"):
            raise Surprise(f"{name} is of the wrong type: {value!r}")
    for name, (least, most) in LEAST_AND_MOST.items():
        if not least <= body.get(name, most) <= most:
            raise Surprise(f"{name}={body[name]!r} is not between {least} and {most}")
    _options(body)
    _messages(body.get("messages", []))
    if body.get("model") != model:
        raise Surprise(f"there is no model {body.get('model')!r}")
    return Asked(body)


def _options(body: Json) -> None:
    if "max_tokens" in body and "max_completion_tokens" in body:
        raise Surprise("two limits for one answer")
    if "stream_options" in body and not body.get("stream"):
        raise Surprise("stream_options without stream")
    if set(body.get("stream_options", {})) - {"include_usage"}:
        raise Surprise(f"unknown stream_options {body['stream_options']}")


def _messages(messages: list[Json]) -> None:
    """A system message at most, then user and assistant in turn, user last: more is refused by many a chat template."""
    for one in messages:
        if not isinstance(one, dict) or set(one) != {"role", "content"}:
            raise Surprise(f"a message is role and content: {one!r}")
        if not isinstance(one["content"], str) or not one["content"].strip():
            raise Surprise(f"a message without words: {one!r}")
        if any("\ud800" <= char <= "\udfff" for char in one["content"]):
            raise Surprise("half a character")
    roles = [one["role"] for one in messages]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if not spoken or spoken != ["user", "assistant"] * (len(spoken) // 2) + ["user"]:
        raise Surprise(f"messages of {', '.join(map(str, roles)) or 'nobody'}")
