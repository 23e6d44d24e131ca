"""Keeps what each learner remembers. The cards follow from the votes, and can be made anew from them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.learners import Card, Cards, Side, Voted
from bot.store.rules import Rules
from bot.store.tables import cards, marks, votes

FIELDS = tuple(column.name for column in cards.columns if column.name != "person")
OF = select(cards).where(cards.c.person == bindparam("whose"))
ONE = OF.where(cards.c.concept == bindparam("what"), cards.c.side == bindparam("which"))
_NEW = upsert(cards)
KEEP = _NEW.on_conflict_do_update(
    index_elements=["person", "concept", "side"],
    set_={name: _NEW.excluded[name] for name in FIELDS if name not in ("concept", "side")},
)
BEGUN = select(votes.c.person, func.min(votes.c.at)).group_by(votes.c.person)  # each person's oldest vote
STALE = "cards"  # a mark that stands while the cards do not follow from the votes


def recall(person: int, connection: Connection) -> Cards:
    """All that one person remembers."""
    return {(card.concept, card.side): card for card in map(_card, connection.execute(OF, {"whose": person}))}


def review(person: int, vote: Voted, at: float, rules: Rules, connection: Connection) -> None:
    """Changes the card that an answer is about."""
    of = rules.side(vote)
    if not of:
        return
    row = connection.execute(ONE, {"whose": person, "what": of[0], "which": of[1]}).one_or_none()
    after = rules.after(_card(row) if row else None, vote, at)
    connection.execute(KEEP, _row(person, after))


def rebuild(rules: Rules, connection: Connection) -> None:
    """Makes every card anew from the votes. One that began with votes that are forgotten by now stays as it is."""
    made: dict[tuple[int, str, Side], Card] = {}
    begun = {row[0]: row[1] for row in connection.execute(BEGUN)}
    for row in connection.execute(select(votes).order_by(votes.c.id)):
        vote = Voted(row.item, tuple(row.options), row.right, row.hints, row.tries, row.known)
        if of := rules.side(vote):
            made[row.person, *of] = rules.after(made.get((row.person, *of)), vote, row.at)
    for row in connection.execute(select(cards)):
        if row.first < begun.get(row.person, 0.0):
            made[row.person, row.concept, row.side] = _card(row)
    connection.execute(delete(cards))
    if made:
        connection.execute(insert(cards), [_row(person, card) for (person, *_), card in made.items()])
    connection.execute(delete(marks).where(marks.c.name == STALE))


def catch_up(rules: Rules, connection: Connection) -> None:
    """Makes the cards where a migration left that to whoever knows the quiz items."""
    if connection.execute(select(marks).where(marks.c.name == STALE)).one_or_none():
        rebuild(rules, connection)


def _card(row: Any) -> Card:
    return Card(*(getattr(row, name) for name in FIELDS))


def _row(person: int, card: Card) -> dict[str, Any]:
    return {"person": person, **{name: getattr(card, name) for name in FIELDS}}
