"""The operator's tools for what is kept: copies of the database, and what it holds about learners."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from bot import operator
from bot.errors import Refused, Unkept
from bot.learners import Learner
from bot.settings import Settings
from bot.store import care, listed
from bot.store.database import Database
from bot.store.inbox import Inbox
from bot.store.learners import Learners

T = TypeVar("T")
REASONS = ("none", "copy", "held", "in-the-way", "newer", "foreign", "damaged")


def backup(settings: Settings, copy: Path) -> int:
    """Copies the database, in use or not."""
    size = _looked_after(lambda: care.backup(settings.database_file(), copy), "backup")
    print(operator.say("backup.done", size=size // 1024))
    return 0


def restore(settings: Settings, copy: Path) -> int:
    """Puts a copy back."""
    os.umask(0o077)
    state = _looked_after(lambda: care.restore(copy, settings.database_file()), "restore")
    print(operator.say(f"restore.{state}"))
    return 0


def _looked_after(work: Callable[[], T], name: str) -> T:
    try:
        return work()
    except Unkept as fault:
        raise refused(fault, name) from None


def refused(fault: Unkept, name: str) -> Refused:
    """Says why nothing was done."""
    reason = str(fault)
    return operator.refused(f"{name}.{reason}" if reason in REASONS else "database", reason=reason)


def export(settings: Settings, person: int | None) -> int:
    """Quiz votes as JSON lines, the oldest first; whose they are is hidden."""

    async def told(database: Database) -> int:
        mask = await Inbox(database, time.time).mask()
        for vote in await Learners(database, time.time).votes(person):
            row = {"learner": mask(vote.person), **vote._asdict(), "at": round(vote.at)}
            del row["person"]
            print(json.dumps(row, ensure_ascii=False), flush=True)
        return 0

    return asyncio.run(_with(settings, told))


def forget(settings: Settings, person: int) -> int:
    """As the person's own `/forget`."""

    async def forgotten(database: Database) -> int:
        learners = Learners(database, time.time)
        if not await learners.knows(person):
            raise operator.refused("nobody")
        await database.run(lambda connection: learners.save(Learner(person, person, forgotten=True), connection))
        await database.wipe()
        await listed.write(await learners.open_questions(), settings.bot_data_dir)
        print(operator.say("learners.forgotten"))
        return 0

    return asyncio.run(_with(settings, forgotten))


def stats(settings: Settings) -> int:
    """How many learn, ask and vote; nobody in particular."""

    async def counted(database: Database) -> int:
        for name, count in (await Learners(database, time.time).stats()).items():
            print(operator.say(f"learners.{name}", count=count))
        return 0

    return asyncio.run(_with(settings, counted))


async def _with(settings: Settings, work: Callable[[Database], Awaitable[int]]) -> int:
    """The work, done with the database that is there."""
    os.umask(0o077)
    if not settings.database_file().is_file():
        raise operator.refused("backup.none")
    database = Database(settings.database())
    try:
        await database.open()
        return await work(database)
    except Unkept as fault:
        raise operator.refused("database-newer" if str(fault) == "newer" else "database", reason=fault) from None
    finally:
        await database.close()
