"""Looks after a database file from outside: examines it, copies it while it is in use, puts a copy back."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from bot.errors import Unkept
from bot.store.database import BUSY
from bot.store.tables import VERSION

State = Literal["new", "older", "fine"]
OURS = {"alembic_version", "learners", "updates"}


def examine(path: Path) -> State:
    """What is there: nothing yet, an older shape (the next start changes it), or today's.

    Raises Unkept: `newer`, `foreign` where another program wrote it, `damaged`, or what the system said.
    """
    try:
        if not path.exists():
            with tempfile.TemporaryFile(dir=path.parent):
                return "new"
        with _opened(path) as connection:
            state = _state(connection)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            return state
    except OSError as error:
        raise Unkept(error.strerror or type(error).__name__) from None


def backup(path: Path, copy: Path) -> int:
    """Copies the database as it is at one moment, whoever writes to it; the copy's size in bytes.

    An older copy at that place is replaced once the new one is whole. Raises Unkept: `none` where there is no database,
    `copy` where another kind of file stands in the place, or as `examine` does.
    """
    if not path.is_file():
        raise Unkept("none")
    new = copy.with_name(copy.name + ".new")
    try:
        if copy.exists():
            _ours(copy, "copy")
            if copy.samefile(path):
                raise Unkept("copy")
        new.unlink(missing_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL, 0o600))
        with _opened(path) as source, _opened(new) as target:
            _state(source)
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file holds it all
            _state(target)
        _keep(new)
        new.replace(copy)
        return copy.stat().st_size
    except OSError as error:
        raise Unkept(error.strerror or type(error).__name__) from None
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def restore(copy: Path, path: Path) -> State:
    """Puts a copy in the database's place, all of it or nothing; the shape that the copy has.

    Raises Unkept: `none` where there is no copy, `held` while another process has the database open, `in-the-way` where the
    place holds no readable database, `copy` where both are the same file, or as `examine` does of the copy.
    """
    if not copy.is_file():
        raise Unkept("none")
    try:
        with _opened(copy, "ro") as source:
            state = _state(source)
            if state == "new":
                raise Unkept("foreign")
            if path.exists() and copy.samefile(path):
                raise Unkept("copy")
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT, 0o600))
            _overwrite(path, source)
        return state
    except OSError as error:
        raise Unkept(error.strerror or type(error).__name__) from None


def _overwrite(path: Path, source: sqlite3.Connection) -> None:
    try:
        with _opened(path) as target:
            _alone(target)
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
    except Unkept as fault:
        raise Unkept("in-the-way" if str(fault) in ("foreign", "damaged") else str(fault)) from None


@contextlib.contextmanager
def _opened(path: Path, mode: Literal["ro", "rw"] = "rw") -> Iterator[sqlite3.Connection]:
    """A connection to a file that is there. Whatever the library says ends as Unkept."""
    try:
        uri = f"{path.resolve().as_uri()}?mode={mode}"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None)) as connection:
            yield connection
    except sqlite3.OperationalError as error:
        raise Unkept(str(error)) from None
    except sqlite3.DatabaseError as error:
        raise Unkept("foreign" if "not a database" in str(error) else "damaged") from None


def _state(connection: sqlite3.Connection) -> State:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return "new"
    if not tables >= OURS:
        raise Unkept("foreign")
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise Unkept("damaged")
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    version = str(found[0]) if found else ""
    if not version.isdecimal():
        raise Unkept("foreign")
    if version > VERSION:
        raise Unkept("newer")
    return "fine" if version == VERSION else "older"


def _ours(copy: Path, otherwise: str) -> None:
    """Raises Unkept(`otherwise`) unless this program wrote the file."""
    try:
        with _opened(copy, "ro") as connection:
            if _state(connection) == "new":
                raise Unkept(otherwise)
    except Unkept as fault:
        if str(fault) in ("newer", "damaged"):
            return
        raise Unkept(otherwise) from None


def _alone(connection: sqlite3.Connection) -> None:
    """Keeps every other process out until the connection is closed; nobody leaves write-ahead logging in company."""
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise Unkept("held" if "locked" in str(error) else str(error)) from None


def _keep(path: Path) -> None:
    """On the disk, before it counts."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
