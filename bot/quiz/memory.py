"""What a learner remembers: each answer is rated, and FSRS says when to ask again.

One card is one side of a concept: `truth` (what it is, which thing it is in the picture) or `break` (where the picture
misleads, and new cases). Which item shows a card is chosen elsewhere; here are only numbers. Times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from math import factorial, inf
from typing import TYPE_CHECKING

from bot.knowledge.schema import Item
from bot.learners import KEPT, Card, Side, Voted

if TYPE_CHECKING:
    from fsrs import Rating, Scheduler

AGAIN = timedelta(minutes=10)  # after which a wrong answer comes back
LONGEST = KEPT - 30  # days between two reviews: what is not seen for KEPT days is forgotten here too
GUESSED = 4  # as many answers to choose from are guessed too often to call the right one easy
ENOUGH, FRESH = 3, 0.9  # reviews, and the chance to remember, that mastery takes
DAY = 86_400.0


@cache
def scheduler() -> Scheduler:
    """FSRS with its own parameters, the same result for the same answers."""
    from fsrs import Scheduler

    steps = (AGAIN,)
    return Scheduler(learning_steps=steps, relearning_steps=steps, maximum_interval=LONGEST, enable_fuzzing=False)


def side(item: Item) -> Side:
    """The card's side that an item shows."""
    return "break" if item.facet in ("break", "transfer") else "truth"


def ways(item: Item) -> float:
    """How many different answers somebody who knows nothing could give."""
    count = len(item.options)
    match item.type:
        case "explain":
            return inf
        case "order" | "match":
            return float(factorial(count))
        case "multiple":
            return 2.0**count - 1
        case _:
            return float(count)


def rating(item: Item, vote: Voted) -> Rating:
    """How well the answer shows that the learner knows it."""
    from fsrs import Rating

    if not vote.right or not vote.known:
        return Rating.Again
    if vote.hints or vote.tries > 1:
        return Rating.Hard
    return Rating.Easy if side(item) == "break" and ways(item) > GUESSED else Rating.Good


def slip(item: Item, vote: Voted) -> str | None:
    """The break or misconception that led astray; nothing after a right answer, '' where none is known."""
    if vote.right and vote.known:
        return None
    chosen = (item.options[at].misconception for at in vote.options if at < len(item.options))
    return next(filter(None, chosen), item.stops or "")


@dataclass(frozen=True)
class Memory:
    """Knows the items that answers are about."""

    items: Mapping[str, Item]

    @cached_property
    def sides(self) -> frozenset[tuple[str, Side]]:
        """Each side of a concept that can be asked."""
        return frozenset((item.concept, side(item)) for item in self.items.values())

    def side(self, vote: Voted) -> tuple[str, Side] | None:
        """The concept and the side that an answer was about; None where its item is no longer there."""
        item = self.items.get(vote.item)
        return (item.concept, side(item)) if item else None

    def after(self, card: Card | None, vote: Voted, at: float) -> Card:
        """What a card becomes by an answer at time `at`; without a card it is the first. Raises KeyError without its item."""
        from fsrs import Card as Scheduled
        from fsrs import State

        item = self.items[vote.item]
        now = datetime.fromtimestamp(at, UTC)
        before = Scheduled(card_id=0, due=now)
        if card:
            last = datetime.fromtimestamp(card.last, UTC)
            before = Scheduled(0, State(card.state), card.step, card.stability, card.difficulty, last, last)
        found, _ = scheduler().review_card(before, rating(item, vote), now)
        assert found.stability is not None
        assert found.difficulty is not None
        return Card(
            concept=item.concept,
            side=side(item),
            due=found.due.timestamp(),
            first=card.first if card else at,
            last=at,
            state=found.state.value,
            step=found.step,
            stability=found.stability,
            difficulty=found.difficulty,
            reviews=(card.reviews if card else 0) + 1,
            right=(card.right if card else 0) + (vote.right and vote.known),
            item=vote.item,
            slip=slip(item, vote),
        )

    def replayed(self, votes: Iterable[tuple[Voted, float]]) -> dict[tuple[str, Side], Card]:
        """The cards that a log of answers, the oldest first, makes; answers to items that are gone make none."""
        cards: dict[tuple[str, Side], Card] = {}
        for vote, at in votes:
            if of := self.side(vote):
                cards[of] = self.after(cards.get(of), vote, at)
        return cards


def retrievability(card: Card, now: float) -> float:
    """The chance, 0 to 1, that it is remembered at `now`."""
    from fsrs import Card as Scheduled

    last, when = datetime.fromtimestamp(card.last, UTC), datetime.fromtimestamp(now, UTC)
    seen = Scheduled(card_id=0, stability=card.stability, difficulty=card.difficulty, due=last, last_review=last)
    return scheduler().get_card_retrievability(seen, when)


def due(cards: Iterable[Card], now: float) -> list[Card]:
    """What should be asked now, the longest overdue first."""
    return sorted((card for card in cards if card.due <= now), key=lambda card: (card.due, card.concept, card.side))


def filled(cards: Iterable[Card], sides: Iterable[Side], now: float) -> float:
    """How full a concept's cup is, 0 to 1; full is mastered. `sides` are those that have items at all.

    Four quarters: something right, enough reviews, on two days or more, and a break seen through where one is asked. A cup
    with all of them that is not remembered for certain any more lacks a little until the next review.
    """
    kept = list(cards)
    if not kept:
        return 0.0
    first, last = min(card.first for card in kept), max(card.last for card in kept)
    seen_through = any(card.side == "break" and card.right for card in kept) or "break" not in sides
    right = any(card.right for card in kept)
    done = (
        right,
        right and sum(card.reviews for card in kept) >= ENOUGH,
        right and first // DAY != last // DAY,
        right and seen_through,
    )
    level = sum(done) / len(done)
    return level if level < 1 or all(retrievability(card, now) >= FRESH for card in kept) else 0.9
