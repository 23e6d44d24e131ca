"""The first shape: learners, answers, votes, polls, updates, marks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "learners",
        sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("chat", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("language", sa.String(2)),
        sa.Column("chosen", sa.Boolean, nullable=False),
        sa.Column("talk", sa.Text, nullable=False),
        sa.Column("seen", sa.Float, nullable=False),
    )
    op.create_table(
        "answers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("person", sa.BigInteger, nullable=False),
        sa.Column("chat", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("route", sa.String(16), nullable=False),
        sa.Column("concepts", sa.JSON, nullable=False),
        sa.Column("claims", sa.JSON, nullable=False),
        sa.Column("breaks", sa.JSON, nullable=False),
        sa.Column("verdict", sa.String(16)),
    )
    op.create_index("answers_by_person", "answers", ["person"])
    op.create_index("answers_by_number", "answers", ["chat", "number"])
    op.create_table(
        "votes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("person", sa.BigInteger, nullable=False),
        sa.Column("chat", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("right", sa.Boolean, nullable=False),
    )
    op.create_index("votes_by_person", "votes", ["person"])
    op.create_table(
        "polls",
        sa.Column("poll", sa.String(64), primary_key=True),
        sa.Column("chat", sa.BigInteger, nullable=False),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "updates",
        sa.Column("update", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("chat", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("messages", sa.JSON, nullable=False),
        sa.Column("reply", sa.Text),
    )
    op.create_index("updates_pending", "updates", ["update"], sqlite_where=sa.text("body IS NOT NULL"))
    op.create_table(
        "marks",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
