"""Corrections of addresses that can be erased by law."""

import sqlalchemy as sa
from alembic import op

from gridgis.registry.migrations.guards import keep_but

revision = "0006"
down_revision = "0005"

ERASED = ("text_key", "text", "address", "x", "y", "salt")


def upgrade() -> None:
    """Make the column of the digest that stays; corrections that are there already have none, and stay as they are."""
    op.add_column("alias", sa.Column("digest", sa.LargeBinary()))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER never_changed ON alias")
    else:
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER alias_no_{verb}")
    keep_but("alias", changing=ERASED, columns=("id", "event_seq", *ERASED, "actor", "at", "digest"))
