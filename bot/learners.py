"""Who learns, and what the classroom remembers of the talk."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.knowledge.schema import Language


@dataclass(frozen=True)
class Topic:
    """What the last answer was about; `round` counts how often it was explained anew or continued."""

    concepts: tuple[str, ...]
    answer: int = 0  # 0 the definition, n the concept's n-th focused answer
    claims: tuple[str, ...] = ()
    round: dict[str, int] = field(default_factory=dict)  # `confused`, `example`, `more` → times


@dataclass
class Learner:
    """One person's talk."""

    language: Language | None = None  # chosen or last written
    chosen: bool = False  # the language was chosen by command
    topic: Topic | None = None
    stops_shown: set[str] = field(default_factory=set)
    choices: tuple[str, ...] = ()
