"""People, posts, units, the item catalogue, duty rules, who designates, and corrections of addresses."""

import sqlalchemy as sa
from alembic import op

from gridgis.registry.migrations.guards import keep, keep_but

revision = "0005"
down_revision = "0004"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NUMBERS = {"limit", "width_min_m", "width_max_m", "rank"}
DATED = ("valid_from", "valid_to")
PUBLIC = ("name", "public_phone", "public_hours", "photo")
TABLES = {
    "person": ("person_id", *PUBLIC),
    "post": ("post_code", "person_id", "role", "area_code", "organisation", "department", *DATED, "hours"),
    "unit": ("unit_code", "name", "grid_codes", "kind"),
    "item": (
        "item", "class", "name", "aliases", "description", "requirement", "limit", "limit_unit", "clock", *DATED,
        "admission", "exit", "clause", "component_kind",
    ),
    "duty_rule": (
        "rule_id", "item", "function", "area_code", "street", "street_from", "street_to", "bridge", "road_class",
        "width_min_m", "width_max_m", "owner", "severity", "shift", *DATED, "lead", "co", "clause", "rank", "upward",
    ),
    "designate": ("area_code", "designates", "secures", "clause"),
}  # fmt: skip


def upgrade() -> None:
    """Make the tables; of people and duties nothing is there yet."""
    for table, columns in TABLES.items():
        op.create_table(table, *_head(table), *map(_column, columns), *(_digest() if table == "person" else ()))
        _kept(table, columns, PUBLIC if table == "person" else ())
    op.create_table(
        "person_private",
        *_head("person_private"),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
    )
    _kept("person_private", ("person_id", "digest", "sealed"), ("sealed",))
    _alias()


def _head(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("event_seq", KEY, nullable=False),
        sa.Column("ended_seq", KEY),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _column(name: str) -> sa.schema.SchemaItem:
    return sa.Column(name, sa.Float() if name in NUMBERS else sa.Integer() if name == "upward" else sa.Text())


def _digest() -> tuple[sa.schema.SchemaItem, ...]:
    return tuple(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("salt", "digest"))


def _kept(table: str, columns: tuple[str, ...], erased: tuple[str, ...]) -> None:
    op.create_index(op.f(f"ix_{table}_event_seq"), table, ["event_seq"], unique=False)
    digest = ("digest",) if table == "person" else ()
    keep_but(table, changing=("ended_seq", *erased), columns=("id", "event_seq", *columns, *digest))


def _alias() -> None:
    op.create_table(
        "alias",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("event_seq", KEY, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("text_key", "text", "address")),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("x", "y")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("actor", "at")),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["actor"], ["actor.name"], name=op.f("fk_alias_actor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alias")),
    )
    op.create_index(op.f("ix_alias_text_key"), "alias", ["text_key"], unique=False)
    keep("alias")
