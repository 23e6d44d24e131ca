"""Keeps who wants to be reminded when. What is about to be sent is noted first, so it is sent at most once."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.knowledge.schema import Language
from bot.learners import Reminder
from bot.store.rules import Rules
from bot.store.tables import cards, learners, reminders

LATE = 2 * 3_600.0  # seconds after the hour at which it is better left to the next day
DUE = select(reminders).where(reminders.c.next <= bindparam("now")).order_by(reminders.c.next).limit(100)
READY = select(cards.c.concept, cards.c.side).where(cards.c.person == bindparam("whose"), cards.c.due <= bindparam("now"))
_NEW = upsert(reminders)
KEEP = _NEW.on_conflict_do_update(
    index_elements=["person"], set_={name: _NEW.excluded[name] for name in ("minute", "zone", "next")}
)


class Due(NamedTuple):
    """Somebody to be reminded now."""

    person: int
    language: Language | None
    cards: int  # that are due


def following(reminder: Reminder, now: float, sent: float | None) -> float:
    """The next time after `now` at which the clock there shows the minute, on another day than that of `sent`."""
    zone = reminder.clock
    taken = datetime.fromtimestamp(sent, UTC).astimezone(zone).date() if sent is not None else None
    day = datetime.fromtimestamp(now, UTC).astimezone(zone).date()
    hour = time(*divmod(reminder.minute, 60))
    while True:
        at = datetime.combine(day, hour, zone).timestamp()
        if at > now and day != taken:
            return at
        day += timedelta(days=1)


def wish(person: int, reminder: Reminder | None, now: float, connection: Connection) -> None:
    """Notes when a person wants to be reminded, or that nothing is wanted any more."""
    if reminder is None:
        connection.execute(update(reminders).where(reminders.c.person == person).values(next=None))
        return
    sent = connection.execute(select(reminders.c.sent).where(reminders.c.person == person)).scalar()
    row = {"person": person, "minute": reminder.minute, "zone": reminder.zone, "next": following(reminder, now, sent)}
    connection.execute(KEEP, row)


def take(now: float, rules: Rules | None, connection: Connection) -> list[Due]:
    """Who is to be reminded now, of what `rules` can still ask.

    Each is noted as reminded that day, and due again on another; a moment that is long past is over.
    """
    found = []
    for row in connection.execute(DUE, {"now": now}).all():
        due = connection.execute(READY, {"whose": row.person, "now": now})
        count = sum(rules is None or tuple(of) in rules.sides for of in due)
        goes = count > 0 and now - row.next <= LATE
        sent = row.next if goes else row.sent
        again: dict[str, Any] = {"sent": sent, "next": following(Reminder(row.minute, row.zone), now, sent)}
        connection.execute(update(reminders).where(reminders.c.person == row.person).values(again))
        if goes:
            of = (learners.c.person == row.person, learners.c.chat == row.person)
            found.append(Due(row.person, connection.execute(select(learners.c.language).where(*of)).scalar(), count))
    return found
