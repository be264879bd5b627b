"""What lies under the borders of grids."""

import sqlalchemy as sa
from alembic import op

from gridgis.registry.migrations.guards import keep

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of lines under borders; parts that are there have none."""
    op.create_table(
        "border",
        sa.Column("part_id", KEY, nullable=False),
        sa.Column("border_class", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shape_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["part_id"], ["part.id"], name=op.f("fk_border_part_id")),
        sa.ForeignKeyConstraint(["shape_id"], ["shape.id"], name=op.f("fk_border_shape_id")),
        sa.PrimaryKeyConstraint("part_id", "border_class", "name", name=op.f("pk_border")),
    )
    keep("border")
