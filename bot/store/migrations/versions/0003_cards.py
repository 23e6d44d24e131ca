"""What each learner remembers and when to be reminded of it; a vote tells how it came about."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("votes") as votes:
        votes.add_column(sa.Column("hints", sa.Integer, nullable=False, server_default="0"))
        votes.add_column(sa.Column("tries", sa.Integer, nullable=False, server_default="1"))
        votes.add_column(sa.Column("known", sa.Boolean, nullable=False, server_default="1"))
        votes.add_column(sa.Column("within", sa.String(64), nullable=False, server_default=sa.text("''")))
    op.create_index("votes_by_chat", "votes", ["chat"])
    op.create_table(
        "cards",
        sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("concept", sa.String(64), primary_key=True),
        sa.Column("side", sa.String(8), primary_key=True),
        sa.Column("due", sa.Float, nullable=False),
        sa.Column("first", sa.Float, nullable=False),
        sa.Column("last", sa.Float, nullable=False),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("step", sa.Integer),
        sa.Column("stability", sa.Float, nullable=False),
        sa.Column("difficulty", sa.Float, nullable=False),
        sa.Column("reviews", sa.Integer, nullable=False),
        sa.Column("right", sa.Integer, nullable=False),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("slip", sa.String(64)),
    )
    op.create_index("cards_by_due", "cards", ["person", "due"])
    op.create_table(
        "reminders",
        sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("minute", sa.Integer, nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("next", sa.Float),
        sa.Column("sent", sa.Float),
    )
    op.create_index("reminders_next", "reminders", ["next"])
    # The cards follow from the votes; whoever knows the quiz items makes them at the next start.
    op.execute("INSERT INTO marks (name, value) VALUES ('cards', 'stale')")
