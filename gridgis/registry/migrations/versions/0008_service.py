"""Who signs in, what the server does in the background, cases that are recorded, and who is told of them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from gridgis.registry.migrations.guards import keep, keep_but

revision = "0008"
down_revision = "0007"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ROLES_WERE = "'submitter', 'reviewer', 'filer', 'administrator'"
ROLES_ARE = "'planner', 'submitter', 'reviewer', 'filer', 'dispatcher', 'worker', 'leader', 'administrator'"
REPORT = {
    "number": "text!", "network": "text!", "reported_at": "text!", "received_at": "text!", "updated_at": "text!",
    "actor": "text!", "item": "text!", "source": "text!", "lon": "float", "lat": "float", "accuracy_m": "float",
    "component_id": "text", "severity": "text", "grid_code": "text!", "microgrid_code": "text!", "zone_code": "text!",
    "method": "text!", "confidence": "float!", "chosen_by": "text!", "lead": "text!", "co": "text!", "answer": "text!",
    "state": "text!", "handed": "integer!", "idempotency": "blob", "event_seq": "key!", "sealed": "blob",
}  # fmt: skip
CHANGING = (
    "updated_at", "grid_code", "microgrid_code", "zone_code", "method", "confidence", "chosen_by", "lead", "co",
    "answer", "state", "handed", "sealed",
)  # fmt: skip
TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "text": sa.Text(),
    "float": sa.Float(),
    "integer": sa.Integer(),
    "blob": sa.LargeBinary(),
    "key": KEY,
}


def upgrade() -> None:
    """Make the tables; nobody signs in yet, and no case is recorded."""
    _roles()
    _accounts()
    _tasks()
    _reports()
    _webhooks()
    op.create_index(op.f("ix_edit_version_id_action"), "edit", ["version_id", "action"], unique=False)


def _roles() -> None:
    """More roles. SQLite alters no constraint: its own way is to write the text of the table anew."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_actor_role"), "actor")
        op.create_check_constraint(op.f("ck_actor_role"), "actor", f"role IN ({ROLES_ARE})")
        return
    op.execute("PRAGMA writable_schema = ON")
    text = sa.text("UPDATE sqlite_master SET sql = replace(sql, :were, :are) WHERE type = 'table' AND name = 'actor'")
    op.get_bind().execute(text, {"were": ROLES_WERE, "are": ROLES_ARE})
    op.execute("PRAGMA writable_schema = RESET")


def _table(name: str, columns: dict[str, str], *more: sa.schema.SchemaItem) -> None:
    """A table of columns whose types stand in a word each; an exclamation mark where none may be empty."""
    made = [sa.Column(key, TYPES[kind.rstrip("!")], nullable=not kind.endswith("!")) for key, kind in columns.items()]
    own = [] if "id" not in columns else [sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}"))]
    op.create_table(name, *made, *own, *more)


def _of_actor(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["actor"], ["actor.name"], name=op.f(f"fk_{table}_actor"))


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns), unique=False)


def _accounts() -> None:
    _table(
        "account",
        {
            "actor": "text!", "password": "text", "must_change": "integer!", "subject": "text",
            "changed_at": "text!", "failures": "integer!", "locked_until": "text",
        },
        _of_actor("account"),
        sa.PrimaryKeyConstraint("actor", name=op.f("pk_account")),
        sa.UniqueConstraint("subject", name=op.f("uq_account_subject")),
    )  # fmt: skip
    _table(
        "session",
        {"digest": "blob!", "actor": "text!", "created_at": "text!", "seen_at": "text!"},
        _of_actor("session"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
    )
    _index("session", "actor")
    _table(
        "api_token",
        {
            "id": "key!", "digest": "blob!", "actor": "text!", "label": "text!",
            "created_at": "text!", "expires_at": "text!", "ended_at": "text",
        },
        _of_actor("api_token"),
        sa.UniqueConstraint("digest", name=op.f("uq_api_token_digest")),
    )  # fmt: skip
    _index("api_token", "actor")


def _tasks() -> None:
    states = "state IN ('waiting', 'running', 'done', 'failed', 'cancelled')"
    _table(
        "task",
        {
            "id": "key!", "kind": "text!", "asked": "text!", "actor": "text!", "area": "text!", "state": "text!",
            "share": "float!", "said": "text!", "result": "text", "tries": "integer!", "cancel": "integer!",
            "created_at": "text!", "started_at": "text", "heard_at": "text", "ended_at": "text",
        },
        _of_actor("task"),
        sa.CheckConstraint(states, name=op.f("ck_task_state")),
    )  # fmt: skip
    _index("task", "state")
    _index("task", "actor")


def _reports() -> None:
    states = "state IN ('awaiting', 'open', 'closed', 'refused')"
    _table(
        "report",
        {"id": "key!", **REPORT},
        _of_actor("report"),
        sa.CheckConstraint(states, name=op.f("ck_report_state")),
        sa.UniqueConstraint("number", name=op.f("uq_report_number")),
        sa.UniqueConstraint("idempotency", name=op.f("uq_report_idempotency")),
    )
    for columns in (("grid_code", "reported_at"), ("state", "id"), ("updated_at",)):
        _index("report", *columns)
    keep_but("report", changing=CHANGING, columns=("id", *REPORT))
    _table(
        "report_change",
        {"report_id": "key!", "event_seq": "key!"},
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_report_change_report_id")),
        sa.PrimaryKeyConstraint("report_id", "event_seq", name=op.f("pk_report_change")),
    )
    keep("report_change")


def _webhooks() -> None:
    _table(
        "webhook",
        {
            "id": "key!", "url": "text!", "area": "text!", "secret": "blob!", "actor": "text!",
            "created_at": "text!", "ended_at": "text",
        },
        _of_actor("webhook"),
    )  # fmt: skip
    _table(
        "delivery",
        {
            "id": "key!", "webhook_id": "key!", "body": "text!", "created_at": "text!", "tries": "integer!",
            "next_at": "text", "done_at": "text", "said": "text!",
        },
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], name=op.f("fk_delivery_webhook_id")),
    )  # fmt: skip
    _index("delivery", "next_at")
