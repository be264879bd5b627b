"""The first tables.

Rows of what only grows are kept by triggers from being changed or deleted. In PostgreSQL each shape has a PostGIS
column beside its WKB, and views show what is in force today.
"""

import sqlalchemy as sa
from alembic import context, op
from pyproj import CRS

from gridgis.registry.migrations.guards import keep, make_guard
from gridgis.registry.migrations.views import kind_of, queries

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
GROWING = ("shape", "part", "grid", "microgrid", "atom", "code", "lineage", "event")


def upgrade() -> None:
    """Make tables, triggers and, in PostgreSQL, geometry and views."""
    _tables()
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        make_guard()
    keep(*GROWING)
    if on_postgresql:
        _postgis()


def _postgis() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    srid = CRS.from_user_input(context.config.attributes["crs"]).to_epsg()
    if srid is None:
        raise ValueError("a store on PostgreSQL needs a CRS with an EPSG code")
    kind = kind_of(srid)
    op.execute(
        f"ALTER TABLE shape ADD COLUMN geom {kind} GENERATED ALWAYS AS (ST_GeomFromWKB(wkb, {srid})::{kind}) STORED"
    )
    op.execute("CREATE INDEX ix_shape_geom ON shape USING gist (geom)")
    for view, query in queries(srid).items():
        op.execute(f"CREATE VIEW {view} AS {query}")


def _tables() -> None:
    op.create_table(
        "actor",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.CheckConstraint("role IN ('submitter', 'reviewer', 'filer', 'administrator')", name=op.f("ck_actor_role")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_actor")),
    )
    op.create_table(
        "event",
        sa.Column("seq", KEY, autoincrement=False, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_event_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event")),
    )
    op.create_table(
        "shape",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("wkb", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shape")),
        sa.UniqueConstraint("digest", name=op.f("uq_shape_digest")),
    )
    op.create_table(
        "store",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("crs", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_store_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store")),
    )
    op.create_table(
        "part",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("zone_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("households", sa.BigInteger(), nullable=True),
        sa.Column("area_m2", sa.Float(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("gap", sa.Float(), nullable=True),
        sa.Column("shape_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["shape_id"], ["shape.id"], name=op.f("fk_part_shape_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_part")),
        sa.UniqueConstraint("digest", name=op.f("uq_part_digest")),
    )
    op.create_index(op.f("ix_part_zone_code"), "part", ["zone_code"], unique=False)
    op.create_table(
        "version",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("parent_id", KEY, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("profile_toml", sa.Text(), nullable=False),
        sa.Column("inputs_sha256", sa.Text(), nullable=False),
        sa.Column("software", sa.Text(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'approved') = (effective_from IS NOT NULL)", name=op.f("ck_version_effective")),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'returned', 'approved', 'withdrawn')", name=op.f("ck_version_state")
        ),
        sa.ForeignKeyConstraint(["author"], ["actor.name"], name=op.f("fk_version_author")),
        sa.ForeignKeyConstraint(["parent_id"], ["version.id"], name=op.f("fk_version_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_version")),
        sa.UniqueConstraint(
            "district", "network", "effective_from", name=op.f("uq_version_district_network_effective_from")
        ),
        sa.UniqueConstraint("district", "network", "number", name=op.f("uq_version_district_network_number")),
    )
    op.create_table(
        "code",
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name=op.f("fk_code_version_id")),
        sa.PrimaryKeyConstraint("network", "code", name=op.f("pk_code")),
    )
    op.create_table(
        "grid",
        sa.Column("part_id", KEY, nullable=False),
        sa.Column("grid_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("households", sa.BigInteger(), nullable=True),
        sa.Column("households_from", sa.Text(), nullable=True),
        sa.Column("area_m2", sa.Float(), nullable=True),
        sa.Column("perimeter_m", sa.Float(), nullable=True),
        sa.Column("border_on_road", sa.Float(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("shape_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["part_id"], ["part.id"], name=op.f("fk_grid_part_id")),
        sa.ForeignKeyConstraint(["shape_id"], ["shape.id"], name=op.f("fk_grid_shape_id")),
        sa.PrimaryKeyConstraint("part_id", "grid_code", name=op.f("pk_grid")),
    )
    op.create_index(op.f("ix_grid_grid_code"), "grid", ["grid_code"], unique=False)
    op.create_table(
        "lineage",
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("old_code", sa.Text(), nullable=False),
        sa.Column("new_code", sa.Text(), nullable=False),
        sa.Column("households", sa.BigInteger(), nullable=True),
        sa.Column("area_m2", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name=op.f("fk_lineage_version_id")),
        sa.PrimaryKeyConstraint("version_id", "old_code", "new_code", name=op.f("pk_lineage")),
    )
    op.create_index(op.f("ix_lineage_new_code"), "lineage", ["new_code"], unique=False)
    op.create_index(op.f("ix_lineage_old_code"), "lineage", ["old_code"], unique=False)
    op.create_table(
        "version_zone",
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("zone_code", sa.Text(), nullable=False),
        sa.Column("part_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["part_id"], ["part.id"], name=op.f("fk_version_zone_part_id")),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name=op.f("fk_version_zone_version_id")),
        sa.PrimaryKeyConstraint("version_id", "zone_code", name=op.f("pk_version_zone")),
    )
    op.create_index(op.f("ix_version_zone_part_id"), "version_zone", ["part_id"], unique=False)
    op.create_table(
        "atom",
        sa.Column("part_id", KEY, nullable=False),
        sa.Column("atom_id", sa.Text(), nullable=False),
        sa.Column("grid_code", sa.Text(), nullable=False),
        sa.Column("microgrid_code", sa.Text(), nullable=False),
        sa.Column("households", sa.BigInteger(), nullable=True),
        sa.Column("shape_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["part_id", "grid_code"], ["grid.part_id", "grid.grid_code"], name=op.f("fk_atom_part_id_grid_code")
        ),
        sa.ForeignKeyConstraint(["shape_id"], ["shape.id"], name=op.f("fk_atom_shape_id")),
        sa.PrimaryKeyConstraint("part_id", "atom_id", name=op.f("pk_atom")),
    )
    op.create_table(
        "microgrid",
        sa.Column("part_id", KEY, nullable=False),
        sa.Column("microgrid_code", sa.Text(), nullable=False),
        sa.Column("grid_code", sa.Text(), nullable=False),
        sa.Column("households", sa.BigInteger(), nullable=True),
        sa.Column("area_m2", sa.Float(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("shape_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["part_id", "grid_code"], ["grid.part_id", "grid.grid_code"], name=op.f("fk_microgrid_part_id_grid_code")
        ),
        sa.ForeignKeyConstraint(["shape_id"], ["shape.id"], name=op.f("fk_microgrid_shape_id")),
        sa.PrimaryKeyConstraint("part_id", "microgrid_code", name=op.f("pk_microgrid")),
    )
