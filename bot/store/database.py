"""Opens the database and brings it to today's shape."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from bot.errors import Unkept
from bot.store.tables import VERSION

BUSY = 2.0  # seconds to wait for another process that writes
MIGRATIONS = Path(__file__).resolve().parent / "migrations"


class Database:
    """One database. SQLite has one writer at a time, so one connection serves everybody in turn."""

    def __init__(self, url: str) -> None:
        """Raises Unkept(`url`) where this is no SQLite address."""
        try:
            address = make_url(url)
        except ArgumentError:
            raise Unkept("url") from None
        if address.get_backend_name() != "sqlite":
            raise Unkept("url")
        self.engine = create_async_engine(
            address.set(drivername="sqlite+aiosqlite"), pool_size=1, max_overflow=0, connect_args={"timeout": BUSY}
        )
        event.listen(self.engine.sync_engine, "connect", _settle)

    async def open(self) -> None:
        """Makes the tables, or changes them to today's shape.

        Raises Unkept: `newer` when a newer version of the program has written here, else what the database said.
        """
        over = time.monotonic() + BUSY
        while True:
            try:
                async with self.begin() as connection:
                    await connection.exec_driver_sql("BEGIN IMMEDIATE")  # changing tables begins no transaction by itself
                    await connection.run_sync(_migrate)
                return
            except Unkept as fault:
                await asyncio.sleep(0.05)  # the thread that failed has a last word for the loop
                # Two processes that switch a file to write-ahead logging do not wait for each other.
                if "locked" not in str(fault) or time.monotonic() > over:
                    raise

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: all of it is kept, or nothing. Raises Unkept when the database cannot be used right now."""
        try:
            async with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise Unkept(str(error.orig)) from None
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise Unkept(type(error).__name__) from None

    async def wipe(self) -> None:
        """Takes what was deleted off the disk too: the write-ahead log still holds it. Raises Unkept as `begin` does."""
        try:
            async with self.engine.connect() as connection:
                await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        except DBAPIError as error:
            raise Unkept(str(error.orig)) from None

    async def close(self) -> None:
        await self.engine.dispose()


def _settle(connection: Any, _: object) -> None:
    """Write-ahead logging, and every commit on the disk before it counts."""
    cursor = connection.cursor()
    for line in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {line}")
    cursor.close()


def _version(connection: Connection) -> str | None:
    try:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except OperationalError as error:
        if "no such table" in str(error.orig):
            return None
        raise


def _migrate(connection: Connection) -> None:
    found = _version(connection)
    if found == VERSION:
        return
    if found is not None and found > VERSION:
        raise Unkept("newer")
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
