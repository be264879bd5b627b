"""Rights that end."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the column that says since when an actor may act no more; all that are there still may."""
    op.add_column("actor", sa.Column("ended_at", sa.Text()))
