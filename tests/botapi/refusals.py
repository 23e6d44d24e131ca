"""The two ways to say no: Telegram's own, and the one that fails a test."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class Refused(Exception):
    """Telegram's answer to a call it does not carry out."""

    def __init__(self, description: str, status: int = 400, retry_after: int | None = None) -> None:
        names = {400: "Bad Request", 403: "Forbidden", 409: "Conflict"}
        self.status = status
        self.description = f"{names[status]}: {description}" if status in names else description
        self.retry_after = retry_after
        super().__init__(self.description)


class Surprise(Refused):
    """A call that no well-written bot makes: it is refused, and the test fails."""


def keys(what: str, thing: Any, *allowed: str) -> Json:
    """An object that has none but the allowed fields."""
    if not isinstance(thing, dict):
        raise Surprise(f"can't parse {what}: not an object: {thing!r}")
    if other := set(thing) - set(allowed):
        raise Surprise(f"{what} has unexpected fields {', '.join(sorted(other))}")
    return thing
