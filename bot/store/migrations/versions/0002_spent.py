"""How many tokens of the model each learner used each day."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "spent",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("person", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("prompt", sa.Integer, nullable=False),
        sa.Column("answer", sa.Integer, nullable=False),
    )
