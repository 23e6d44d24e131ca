"""The operator's tools: copies of the database, its versions, and what is kept about learners."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot.store.tables import VERSION, metadata
from tests.botapi import BotApi
from tests.conftest import Run
from tests.databases import VERSIONS, make
from tests.served import Served

ETCD = "What is etcd?"
HELD = "the database is in use; stop the classroom before you restore.\n"
STATS = """\
learners: 1
seen in the last 7 days: 1
questions: 1
declined: 0
understood: 0
not understood: 0
quiz votes: 1
of them right: 1
"""


def rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that a database holds."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = [*metadata.tables, "alembic_version"]
        return {name: connection.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall() for name in tables}


def said(run: Run, *arguments: str) -> tuple[int, str, str]:
    done = run(*arguments)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of the bot that `run` runs."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def set_version(path: Path, version: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.commit()


def test_a_copy_of_a_running_classroom_brings_it_back(run: Run, data: Path, tmp_path: Path) -> None:
    copy, database = tmp_path / "copy.db", data / "learners.db"
    with BotApi(flood=None) as api:
        anna = api.person(7_412_000_001, language="en")
        served = Served(api, data)
        with served:
            anna.says(ETCD)
            api.wait(lambda: anna.chat.by_bot and anna.chat.by_bot[-1].buttons)
            code, told, _ = said(run, "backup", str(copy))
            assert (code, told.startswith("The copy is complete: "), copy.stat().st_mode & 0o777) == (0, True, 0o600)
            before = copy.read_bytes()
            assert said(run, "restore", str(copy)) == (1, "", HELD)
            anna.says("What is a Pod?")  # after the copy
            api.wait(lambda: len(anna.chat.by_bot) == 2 and anna.chat.by_bot[-1].buttons)
        kept = rows(copy)
        assert [row[5] for row in kept["answers"]] == [ETCD]
        for path in data.glob("learners.db*"):
            path.unlink()
        assert said(run, "restore", str(copy)) == (0, "The copy is in place; the classroom can be started.\n", "")
        assert (rows(database), copy.read_bytes(), database.stat().st_mode & 0o777) == (kept, before, 0o600)
        with served:
            anna.says("What is a node?")
            api.wait(lambda: len(anna.chat.by_bot) == 3 and anna.chat.by_bot[-1].buttons)
    assert [row[5] for row in rows(database)["answers"]] == [ETCD, "What is a node?"]


def test_a_copy_is_put_over_what_is_there_and_an_older_copy_is_replaced(run: Run, data: Path, tmp_path: Path) -> None:
    database, copy = data / "learners.db", tmp_path / "copy.db"
    make(database, VERSION)
    assert said(run, "backup", str(copy))[0] == 0
    before = rows(database)
    assert said(run, "learners", "forget", "7") == (0, "All of it is deleted.\n", "")
    assert said(run, "restore", str(copy))[0] == 0
    assert rows(database) == before
    assert said(run, "backup", str(copy))[0] == 0
    assert rows(copy) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "data"]


def test_what_is_no_copy_is_not_restored_and_what_is_none_not_overwritten(run: Run, data: Path, tmp_path: Path) -> None:
    database, copy, other = data / "learners.db", tmp_path / "copy.db", tmp_path / "other.db"
    make(database, VERSION)
    before = database.read_bytes()
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    make(copy, VERSION)
    set_version(copy, "9999")
    notes, spoilt = tmp_path / "notes.txt", tmp_path / "spoilt.db"
    notes.write_text("not for sale\n" * 99)
    content = database.read_bytes()
    spoilt.write_bytes(content[:4096] + b"\xff" * (len(content) - 8192) + content[-4096:])
    foreign = "this file is no copy made by this program; nothing was restored.\n"
    assert {
        path.name: said(run, "restore", str(path)) for path in (other, notes, copy, spoilt, tmp_path / "none", database)
    } == {
        "other.db": (1, "", foreign),
        "notes.txt": (1, "", foreign),
        "copy.db": (1, "", "this copy comes from a newer version; upgrade the program before you restore it.\n"),
        "spoilt.db": (1, "", "this copy is damaged; nothing was restored.\n"),
        "none": (1, "", "there is no such copy.\n"),
        "learners.db": (1, "", "this file is the database itself.\n"),
    }
    stands = "another file that is no copy stands in that place and was not overwritten; use another name.\n"
    assert {path.name: said(run, "backup", str(path)) for path in (other, notes, database)} == {
        "other.db": (1, "", stands),
        "notes.txt": (1, "", stands),
        "learners.db": (1, "", stands),
    }
    assert (database.read_bytes(), notes.read_text()) == (before, "not for sale\n" * 99)
    assert said(run, "backup", str(tmp_path / "no/where.db"))[0] == 1


def test_without_a_database_there_is_nothing_to_copy(run: Run, tmp_path: Path) -> None:
    sentence = "there is no database yet; check BOT_DATA_DIR or DATABASE_URL.\n"
    assert said(run, "backup", str(tmp_path / "copy.db")) == (1, "", sentence)
    assert said(run, "learners", "stats") == (1, "", sentence)
    assert said(run, "learners", "export") == (1, "", sentence)


def test_a_database_that_cannot_be_read_is_moved_away_first(run: Run, data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    make(copy, VERSION)
    (data / "learners.db").write_bytes(b"\x00\xff" * 9999)
    sentence = "the database file in that place cannot be read; move it away, then restore.\n"
    assert said(run, "restore", str(copy)) == (1, "", sentence)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_database_of_each_earlier_version_is_upgraded(version: str, run: Run, data: Path, tmp_path: Path) -> None:
    older, copy = tmp_path / "older.db", data / "learners.db"
    make(older, version)
    state = "the classroom can be started" if version == VERSION else "it comes from an earlier version"
    assert state in said(run, "restore", str(older))[1]
    assert said(run, "learners", "stats") == (0, STATS, "")
    with BotApi(flood=None) as api, Served(api, data):
        anna = api.person(7, language="en")
        anna.says(ETCD)
        api.wait(lambda: anna.chat.by_bot and anna.chat.by_bot[-1].buttons)
    found = rows(copy)
    assert found["alembic_version"] == [(VERSION,)]
    assert [row[5] for row in found["answers"]] == [ETCD, ETCD]
    assert [row[4] for row in found["votes"]] == ["etcd.b1"]


def test_a_database_of_a_newer_version_is_left_alone(run: Run, data: Path, tmp_path: Path) -> None:
    database = data / "learners.db"
    make(database, VERSION)
    set_version(database, "9999")
    before = rows(database)
    newer = "a newer version of the program has written this database; upgrade the program or use another database.\n"
    with BotApi(flood=None) as api:
        served = Served(api, data).start(ready=False)
        assert (served.ends(), served.log) == (1, newer)
    assert said(run, "learners", "stats") == (1, "", newer)
    assert said(run, "learners", "forget", "7") == (1, "", newer)
    copied = "a newer version of the program has written this database; copy it with that version.\n"
    assert said(run, "backup", str(tmp_path / "copy.db")) == (1, "", copied)
    assert rows(database) == before


def test_votes_are_exported_under_a_mask(run: Run, data: Path) -> None:
    make(data / "learners.db", VERSION)
    code, told, _ = said(run, "learners", "export")
    (row,) = map(json.loads, told.splitlines())
    mask = row.pop("learner")
    answer = {"item": "etcd.b1", "options": [0], "right": True, "hints": 0, "tries": 1, "known": True, "within": ""}
    assert (code, row) == (0, {"at": 4102444800, **answer})
    assert (len(mask), int(mask, 16) > 0) == (12, True)
    assert said(run, "learners", "export", "7") == (0, told, "")  # the mask stays
    assert said(run, "learners", "export", "8") == (0, "", "")


def test_a_person_is_forgotten_as_if_they_had_asked_for_it(run: Run, data: Path) -> None:
    database = data / "learners.db"
    make(database, VERSION)
    (data / "questions.tsv").write_text("declined\ten\tMy own secret\t\n")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE answers SET route = 'declined', question = 'My own secret'")
        connection.commit()
    assert said(run, "learners", "forget", "8") == (1, "", "nothing is kept about this person.\n")
    assert said(run, "learners", "forget", "7") == (0, "All of it is deleted.\n", "")
    assert [path.name for path in data.iterdir() if b"secret" in path.read_bytes() or b"etcd.b1" in path.read_bytes()] == []
    found = rows(database)
    assert (found["learners"], found["answers"], found["votes"]) == ([], [], [])
    assert said(run, "learners", "stats")[1].startswith("learners: 0\n")


def test_wrong_usage(run: Run) -> None:
    for arguments in (["learners"], ["learners", "forget"], ["learners", "forget", "anna"], ["backup"], ["restore"]):
        assert said(run, *arguments)[:2] == (2, "")
