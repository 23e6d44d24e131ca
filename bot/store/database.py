"""Opens the database, brings it to today's shape, and does one transaction after the other.

A database waits, so it works in a thread of its own. SQLite has one writer at a time: one thread with one connection serves
everybody in turn, and a transaction that has begun is never torn by whoever stops waiting for it. What is quick and waits for
no disk is done where it is asked for, over a second connection: to hand it to the thread and back costs more than to do it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from bot.errors import Unkept
from bot.store.tables import VERSION, metadata, version

BUSY = 2.0  # seconds to wait for another process that writes
MOMENT = 0.25  # seconds that what is not urgent waits for a transaction to join
MIGRATIONS = Path(__file__).resolve().parent / "migrations"

T = TypeVar("T")
Work = Callable[[Connection], T]


class Database:
    """One database and its thread."""

    def __init__(self, place: str | Path) -> None:
        """`place`: an SQLite address or a file. Raises Unkept(`url`) where it is none."""
        try:
            address = URL.create("sqlite", database=str(place)) if isinstance(place, Path) else make_url(place)
        except ArgumentError:
            raise Unkept("url") from None
        if address.drivername != "sqlite" or not address.database:
            raise Unkept("url")
        self.engine = create_engine(address, pool_size=2, max_overflow=0, connect_args={"timeout": BUSY})
        event.listen(self.engine, "connect", _settle)
        self.connection: Connection | None = None  # the thread's
        self.here: Connection | None = None  # for what is quick
        self.waiting: tuple[Work[object], ...] = ()  # for the next transaction
        self.thread = ThreadPoolExecutor(1, "database")

    async def run(self, work: Work[T], *more: Work[object], quick: bool = False) -> T:
        """What `work` returns, done with `more` in one transaction: all of it is kept, or nothing.

        It is on the disk then, with all that came before. What is `quick` stays kept however the process ends, but maybe not
        when the power fails. Raises Unkept when the database cannot be used right now.
        """
        waited, self.waiting = self.waiting, ()
        try:
            return await self._run(work, (*waited, *more), quick)
        except Unkept:
            if waited:
                self.waiting = waited + self.waiting
                asyncio.get_running_loop().call_later(BUSY, self._catch_up)
            raise

    def soon(self, work: Work[object]) -> None:
        """Has `work` done with the next transaction, or in a moment with one of its own; a killed process forgets it."""
        if not self.waiting:
            asyncio.get_running_loop().call_later(MOMENT, self._catch_up)
        self.waiting += (work,)

    def _catch_up(self) -> None:
        if self.waiting:
            self.catching_up = asyncio.create_task(self._caught_up())

    async def _caught_up(self) -> None:
        with contextlib.suppress(Unkept):
            await self.run(lambda _: None)

    async def _run(self, work: Work[T], more: tuple[Work[object], ...] = (), quick: bool = False) -> T:
        if quick and self.here:
            with contextlib.suppress(_Busy):
                return _transaction(self.here, work, more, _take_turn)
        return await asyncio.get_running_loop().run_in_executor(self.thread, self._in_thread, work, more)

    def _in_thread(self, work: Work[T], more: tuple[Work[object], ...]) -> T:
        with _explained():
            self.connection = self.connection or self.engine.connect()
        return _transaction(self.connection, work, more)

    def _connect_here(self, _: object) -> None:
        """The second connection waits neither for another writer nor for the disk, which is the thread's to do."""
        self.here = self.here or self.engine.connect()
        for line in ("busy_timeout = 0", "synchronous = NORMAL", "wal_autocheckpoint = 0"):
            self.here.exec_driver_sql(f"PRAGMA {line}")
        self.here.rollback()

    async def open(self) -> None:
        """Makes the tables, or changes them to today's shape.

        Raises Unkept: `newer` when a newer version of the program has written here, else what the database said.
        """
        over = time.monotonic() + BUSY
        while True:
            try:
                await self.run(_migrate)
                await self.run(self._connect_here)
                return
            except Unkept as fault:
                # Two processes that switch a file to write-ahead logging do not wait for each other.
                if "locked" not in str(fault) or time.monotonic() > over:
                    raise
                await asyncio.sleep(0.05)

    async def wipe(self) -> None:
        """Takes what was deleted off the disk too: the write-ahead log still holds it. Raises Unkept as `run` does."""
        await self.run(lambda _: None)  # what waits
        await self._run(_empty_log)

    async def close(self) -> None:
        """Ends the thread, after what it has begun and what waits."""
        await self._caught_up()
        await asyncio.to_thread(self.thread.shutdown)
        for connection in filter(None, (self.here, self.connection)):
            connection.close()
        self.engine.dispose()


class _Busy(Exception):
    """Somebody else is writing."""


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Whatever the library says ends as Unkept."""
    try:
        yield
    except DBAPIError as error:
        raise Unkept(str(error.orig)) from None
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise Unkept(type(error).__name__) from None


def _transaction(connection: Connection, work: Work[T], more: tuple[Work[object], ...], first: Work[None] | None = None) -> T:
    with _explained(), connection.begin():
        if first:
            first(connection)
        result = work(connection)
        for each in more:
            each(connection)
        return result


def _take_turn(connection: Connection) -> None:
    """Becomes the one who may write. Raises _Busy where that is somebody else."""
    try:
        writable(connection)
    except OperationalError as error:
        if "locked" in str(error.orig):
            raise _Busy from None
        raise


def _settle(connection: Any, _: object) -> None:
    """Write-ahead logging; nothing deleted stays readable."""
    cursor = connection.cursor()
    for line in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {line}")
    cursor.close()


def writable(connection: Connection) -> None:
    """Becomes the one who may write, and writes nothing."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _empty_log(connection: Connection) -> None:
    """Where rows were moved between pages, copies of them stay in the gaps, which `secure_delete` does not see."""
    connection.exec_driver_sql("VACUUM")
    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _version(connection: Connection) -> str | None:
    try:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except OperationalError as error:
        if "no such table" in str(error.orig):
            return None
        raise


def _migrate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # changing tables begins no transaction by itself
    found = _version(connection)
    if found == VERSION:
        return
    if found is None:  # what the migrations would make, without loading what makes them
        metadata.create_all(connection, checkfirst=False)
        version.create(connection)
        connection.execute(version.insert().values(version_num=VERSION))
    elif found > VERSION:
        raise Unkept("newer")
    else:
        upgrade(connection)


def upgrade(connection: Connection) -> None:
    """Runs the migrations that are missing."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
