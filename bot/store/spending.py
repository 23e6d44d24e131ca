"""Keeps how many tokens of the model each learner used each day."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.allowance import Use
from bot.store.database import Database
from bot.store.tables import spent

_NEW = upsert(spent)
ADD = _NEW.on_conflict_do_update(
    index_elements=["day", "person"],
    set_={"prompt": spent.c.prompt + _NEW.excluded.prompt, "answer": spent.c.answer + _NEW.excluded.answer},
)


def disown(person: int, connection: Connection) -> None:
    """What a forgotten person used still counts, but nobody knows any more whose it was."""
    for row in connection.execute(select(spent).where(spent.c.person == person)).all():
        connection.execute(ADD, {**row._mapping, "person": 0})
    connection.execute(delete(spent).where(spent.c.person == person))


class Spending:
    """What the model took."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, use: Use) -> None:
        """Adds to what is known of that day."""

        def add(connection: Connection) -> None:
            connection.execute(ADD, use._asdict())

        await self.database.run(add)

    async def of(self, day: int) -> list[Use]:
        """What each learner used on `day`, counted from 1970."""
        found = select(spent).where(spent.c.day == day)
        rows = await self.database.run(lambda connection: connection.execute(found).all())
        return [Use(*row) for row in rows]
