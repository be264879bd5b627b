"""Edits of drafts: what each made of which zones; and where each part lies, so that neighbours are found."""

import shapely
import sqlalchemy as sa
from alembic import op

from gridgis.registry.migrations.guards import keep

revision = "0007"
down_revision = "0006"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BOX = ("west", "south", "east", "north")
AT_ONCE = 1_000


def upgrade() -> None:
    """Make the tables, and say of parts that are there where they lie."""
    op.create_table(
        "edit",
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event_seq", KEY, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("undoes", sa.Integer()),
        sa.Column("codes", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "number > 0 AND seen < number AND (undoes IS NULL OR undoes < number)", name="ck_edit_order"
        ),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name=op.f("fk_edit_version_id")),
        sa.ForeignKeyConstraint(["actor"], ["actor.name"], name=op.f("fk_edit_actor")),
        sa.ForeignKeyConstraint(
            ["version_id", "undoes"], ["edit.version_id", "edit.number"], name=op.f("fk_edit_version_id_undoes")
        ),
        sa.PrimaryKeyConstraint("version_id", "number", name=op.f("pk_edit")),
    )
    op.create_table(
        "edit_zone",
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("zone_code", sa.Text(), nullable=False),
        sa.Column("before_part", KEY),
        sa.Column("after_part", KEY),
        sa.ForeignKeyConstraint(
            ["version_id", "number"], ["edit.version_id", "edit.number"], name=op.f("fk_edit_zone_version_id_number")
        ),
        *(
            sa.ForeignKeyConstraint([side], ["part.id"], name=op.f(f"fk_edit_zone_{side}"))
            for side in ("before_part", "after_part")
        ),
        sa.PrimaryKeyConstraint("version_id", "number", "zone_code", name=op.f("pk_edit_zone")),
    )
    keep("edit", "edit_zone")
    for side in BOX:
        op.add_column("part", sa.Column(side, sa.Float()))
    _unguard("part")
    _place_parts()
    keep("part")


def _unguard(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER never_changed ON {table}")
        return
    for verb in ("update", "delete"):
        op.execute(f"DROP TRIGGER {table}_no_{verb}")


def _place_parts() -> None:
    connection = op.get_bind()
    shapes = sa.text(
        "SELECT part.id, shape.wkb FROM part JOIN shape ON shape.id = part.shape_id "
        "WHERE part.id > :last ORDER BY part.id LIMIT :many"
    )
    put = sa.text("UPDATE part SET west = :west, south = :south, east = :east, north = :north WHERE id = :id")
    last = 0
    while rows := connection.execute(shapes, {"last": last, "many": AT_ONCE}).all():
        bounds = shapely.bounds(shapely.from_wkb([bytes(row.wkb) for row in rows])).tolist()
        placed = zip(rows, bounds, strict=True)
        connection.execute(put, [{"id": row.id, **dict(zip(BOX, box, strict=True))} for row, box in placed])
        last = rows[-1].id
