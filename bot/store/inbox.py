"""Updates, from before they are confirmed to Telegram until their answer stands.

An update comes at least once. It is stored first; then the ids of the messages that will hold its answer; then, together with
the learner, the answer; and when the answer stands, nothing is left of it but its number, so that it is known when it
comes again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.masks import KEY, Mask
from bot.store.database import Database
from bot.store.tables import marks, updates

# Made once: to make them anew for each update is a quarter of its cost.
ADD = upsert(updates).on_conflict_do_nothing()
CHANGE = update(updates).where(updates.c.update == bindparam("number"))
REMEMBERED = 3 * 86_400.0  # seconds; Telegram repeats an update for one day


@dataclass
class Entry:
    """One update at work."""

    update: int
    chat: int
    body: str  # JSON
    messages: list[int] = field(default_factory=list)  # ids of the messages that hold its answer, in order
    reply: str | None = None  # the answer, once it is known


class Inbox:
    """The stored updates."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self.database, self.now = database, now

    async def add(self, entry: Entry) -> bool:
        """Stores a new update on the disk; False when it was stored before."""
        row = {"update": entry.update, "chat": entry.chat, "at": self.now(), "body": entry.body, "messages": []}
        return await self.database.run(lambda connection: connection.execute(ADD, row).rowcount == 1)

    async def pending(self) -> list[Entry]:
        """What has no answer yet, the oldest first; what was answered long ago is dropped."""
        waiting = select(updates).where(updates.c.body.isnot(None)).order_by(updates.c.update)
        old = delete(updates).where(updates.c.body.is_(None), updates.c.at < self.now() - REMEMBERED)

        def found(connection: Connection) -> list[Entry]:
            connection.execute(old)
            rows = connection.execute(waiting)
            return [Entry(row.update, row.chat, row.body, list(row.messages), row.reply) for row in rows]

        return await self.database.run(found)

    def done(self, entry: Entry, connection: Connection) -> None:
        """The answer stands: what was said is no longer kept here. Part of a transaction."""
        connection.execute(CHANGE, {"number": entry.update, "chat": 0, "body": None, "reply": None, "messages": []})

    def placed(self, entry: Entry, connection: Connection) -> None:
        """Remembers the messages that hold the answer, as part of a transaction."""
        connection.execute(CHANGE, {"number": entry.update, "messages": entry.messages})

    def answered(self, entry: Entry, reply: str, connection: Connection) -> None:
        """Remembers the answer, as part of the transaction that keeps the learner."""
        connection.execute(CHANGE, {"number": entry.update, "reply": reply})

    async def mask(self) -> Mask:
        """What hides the ids of people from whoever reads the log; drawn once."""
        return Mask(await self.mark("mask") or await self.mark("mask", secrets.token_hex(KEY)) or "")

    async def mark(self, name: str, value: str | None = None) -> str | None:
        """The value noted under `name`; with a `value`, notes it."""
        if value is None:
            return await self.database.run(
                lambda connection: connection.execute(select(marks.c.value).where(marks.c.name == name)).scalar()
            )
        row = {"name": name, "value": value}
        note = upsert(marks).values(row).on_conflict_do_update(index_elements=["name"], set_=row)
        await self.database.run(lambda connection: connection.execute(note))
        return value
