"""Databases as earlier versions of the program left them."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from bot.store.database import MIGRATIONS

VERSIONS = sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
TALK = '{"count": 1, "now": 0, "quiz": {}}'
ROWS = (  # in the words of version 0001
    f"INSERT INTO learners (person, chat, language, chosen, talk, seen) VALUES (7, 7, 'en', 0, '{TALK}', 4102444800)",
    "INSERT INTO answers (person, chat, number, at, question, language, route, concepts, claims, breaks) "
    "VALUES (7, 7, 1, 4102444800, 'What is etcd?', 'en', 'knowledge', '[\"etcd\"]', '[]', '[]')",
    "INSERT INTO votes (person, chat, at, item, options, \"right\") VALUES (7, 7, 4102444800, 'etcd.b1', '[0]', 1)",
    "INSERT INTO updates (\"update\", chat, at, messages) VALUES (100, 0, 4102444800, '[]')",
)


def make(path: Path, version: str) -> None:
    """A database of that version, with a learner who has asked and voted."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, VERSIONS[0])
        for row in ROWS:
            connection.execute(text(row))
        command.upgrade(config, version)
    engine.dispose()
