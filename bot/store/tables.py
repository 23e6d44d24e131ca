"""What is kept, table by table. A change here needs a migration beside it and its number in VERSION."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, text

VERSION = "0003"  # the newest migration

metadata = MetaData()
version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def _id(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=False, **options)


learners = Table(
    "learners",
    metadata,
    _id("person", primary_key=True, autoincrement=False),  # 0: the talk of a group
    _id("chat", primary_key=True, autoincrement=False),
    Column("language", String(2)),
    Column("chosen", Boolean, nullable=False),
    Column("talk", Text, nullable=False),  # the rest of a Learner as JSON
    Column("seen", Float, nullable=False),  # seconds since 1970, as every time here
)

answers = Table(
    "answers",
    metadata,
    Column("id", Integer, primary_key=True),
    _id("person"),
    _id("chat"),
    Column("number", Integer, nullable=False),  # counted per talk; 0 where there was nothing to go on from
    Column("at", Float, nullable=False),
    Column("question", Text, nullable=False),
    Column("language", String(2), nullable=False),
    Column("route", String(16), nullable=False),
    Column("concepts", JSON, nullable=False),
    Column("claims", JSON, nullable=False),
    Column("breaks", JSON, nullable=False),
    Column("verdict", String(16)),
    Index("answers_by_person", "person"),
    Index("answers_by_number", "chat", "number"),
)

votes = Table(
    "votes",
    metadata,
    Column("id", Integer, primary_key=True),
    _id("person"),
    _id("chat"),
    Column("at", Float, nullable=False),
    Column("item", String(64), nullable=False),
    Column("options", JSON, nullable=False),
    Column("right", Boolean, nullable=False),
    Column("hints", Integer, nullable=False, server_default="0"),
    Column("tries", Integer, nullable=False, server_default="1"),
    Column("known", Boolean, nullable=False, server_default="1"),
    Column("within", String(64), nullable=False, server_default=text("''")),
    Index("votes_by_person", "person"),
    Index("votes_by_chat", "chat"),
)

cards = Table(
    "cards",
    metadata,
    _id("person", primary_key=True, autoincrement=False),
    Column("concept", String(64), primary_key=True),
    Column("side", String(8), primary_key=True),
    Column("due", Float, nullable=False),
    Column("first", Float, nullable=False),
    Column("last", Float, nullable=False),
    Column("state", Integer, nullable=False),
    Column("step", Integer),
    Column("stability", Float, nullable=False),
    Column("difficulty", Float, nullable=False),
    Column("reviews", Integer, nullable=False),
    Column("right", Integer, nullable=False),
    Column("item", String(64), nullable=False),
    Column("slip", String(64)),
    Index("cards_by_due", "person", "due"),
)

reminders = Table(
    "reminders",
    metadata,
    _id("person", primary_key=True, autoincrement=False),
    Column("minute", Integer, nullable=False),  # of the day, in the zone
    Column("zone", String(64), nullable=False),
    Column("next", Float),  # when to look whether something is due; nothing where no reminder is wanted
    Column("sent", Float),  # of what minute the last one was, so that none goes out twice a day
    Index("reminders_next", "next"),
)

polls = Table(
    "polls",
    metadata,
    Column("poll", String(64), primary_key=True),  # the number that Telegram gave it
    _id("chat"),
    Column("item", String(64), nullable=False),
    Column("at", Float, nullable=False),
)

updates = Table(
    "updates",
    metadata,
    _id("update", primary_key=True, autoincrement=False),
    _id("chat"),
    Column("at", Float, nullable=False),
    Column("body", Text),  # the update as it came; nothing once its answer stands
    Column("messages", JSON, nullable=False),  # ids of the messages that hold the answer
    Column("reply", Text),  # the answer, from the moment it is known until it stands
    Index("updates_pending", "update", sqlite_where=Column("body").isnot(None)),
)

spent = Table(
    "spent",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),  # of UTC, counted from 1970
    _id("person", primary_key=True, autoincrement=False),  # 0: those who were forgotten
    Column("prompt", Integer, nullable=False),  # tokens
    Column("answer", Integer, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
