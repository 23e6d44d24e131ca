"""What the store must be told to make cards of answers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from bot.learners import Card, Side, Voted


class Rules(Protocol):
    """How answers become cards."""

    @property
    def sides(self) -> Collection[tuple[str, Side]]:
        """Each side of a concept that can be asked."""

    def side(self, vote: Voted) -> tuple[str, Side] | None:
        """The concept and the side that an answer was about; None where its item is no longer there."""

    def after(self, card: Card | None, vote: Voted, at: float) -> Card:
        """What a card becomes by an answer at time `at`."""
