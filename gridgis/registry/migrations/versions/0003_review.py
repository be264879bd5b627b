"""Review as data: submissions, steps, findings with reasons, comments, sealed files, and what people wrote."""

import sqlalchemy as sa
from alembic import op

from gridgis.registry.migrations.guards import keep

revision = "0003"
down_revision = "0002"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables. Versions under review have no steps: they are to be withdrawn and drafted again."""
    op.create_table(
        "remark",
        sa.Column("event_seq", KEY, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text()),
        sa.PrimaryKeyConstraint("event_seq", "field", name=op.f("pk_remark")),
    )
    op.create_table(
        "submission",
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("event_seq", KEY, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name=op.f("fk_submission_version_id")),
        sa.ForeignKeyConstraint(["actor"], ["actor.name"], name=op.f("fk_submission_actor")),
        sa.PrimaryKeyConstraint("version_id", "round", name=op.f("pk_submission")),
    )
    op.create_table(
        "submission_zone",
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("zone_code", sa.Text(), nullable=False),
        sa.Column("part_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["part_id"], ["part.id"], name=op.f("fk_submission_zone_part_id")),
        _of_submission("submission_zone"),
        sa.PrimaryKeyConstraint("version_id", "round", "zone_code", name=op.f("pk_submission_zone")),
    )
    op.create_index(op.f("ix_submission_zone_part_id"), "submission_zone", ["part_id"], unique=False)
    op.create_table(
        "finding",
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _of_submission("finding"),
        sa.PrimaryKeyConstraint("version_id", "round", "number", name=op.f("pk_finding")),
    )
    op.create_table(
        "attachment",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_attachment")),
    )
    op.create_table(
        "step",
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("area_digits", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("event_seq", KEY),
        sa.Column("actor", sa.Text()),
        sa.Column("at", sa.Text()),
        sa.Column("document", sa.Text()),
        sa.Column("attachment", sa.LargeBinary()),
        sa.CheckConstraint("state IN ('open', 'approved', 'returned', 'filed')", name=op.f("ck_step_state")),
        sa.CheckConstraint("kind IN ('review', 'filing')", name=op.f("ck_step_kind")),
        _of_submission("step"),
        sa.ForeignKeyConstraint(["actor"], ["actor.name"], name=op.f("fk_step_actor")),
        sa.ForeignKeyConstraint(["attachment"], ["attachment.digest"], name=op.f("fk_step_attachment")),
        sa.PrimaryKeyConstraint("version_id", "round", "number", name=op.f("pk_step")),
    )
    op.create_table(
        "comment",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("other_code", sa.Text()),
        sa.Column("asked_seq", KEY, nullable=False),
        sa.Column("answered_seq", KEY),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name=op.f("fk_comment_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comment")),
    )
    op.create_index(op.f("ix_comment_version_id"), "comment", ["version_id"], unique=False)
    keep("submission", "submission_zone", "finding", "attachment")


def _of_submission(table: str) -> sa.ForeignKeyConstraint:
    columns = ["version_id", "round"]
    return sa.ForeignKeyConstraint(
        columns, [f"submission.{name}" for name in columns], name=op.f(f"fk_{table}_version_id_round")
    )
