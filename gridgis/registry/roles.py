"""Rights of PostgreSQL roles: one works on a store and cannot alter what only grows, one reads what is in force.

Invariant: a role that is given these rights owns nothing; it adds rows, and changes no column but those that change in
the life of a version. Who made the store keeps the rights of its owner, and is for upgrades alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry import tables
from gridgis.registry.migrations.views import NAMES as VIEWS

CHANGING = {
    "store": ("crs",),
    "actor": ("ended_at",),
    "version": ("state", "effective_from", "parent_id", "note"),
    "step": ("state", "event_seq", "actor", "at", "document", "attachment"),
    "comment": ("answered_seq",),
    "remark": ("salt", "text"),
    "person": ("ended_seq", "name", "public_phone", "public_hours", "photo", "salt"),
    "person_private": ("ended_seq", "sealed"),
    "alias": ("text_key", "text", "address", "x", "y", "salt"),
    "account": (
        "password",
        "must_change",
        "subject",
        "changed_at",
        "failures",
        "locked_until",
        "totp",
        "totp_since",
        "totp_step",
        "recovery",
    ),
    "session": ("seen_at",),
    "api_token": ("ended_at",),
    "task": ("state", "share", "said", "result", "tries", "cancel", "started_at", "heard_at", "ended_at"),
    "report": (
        "updated_at",
        "grid_code",
        "microgrid_code",
        "zone_code",
        "method",
        "confidence",
        "chosen_by",
        "lead",
        "co",
        "answer",
        "state",
        "handed",
        "sealed",
    ),
    "webhook": ("ended_at",),
    "delivery": ("tries", "next_at", "done_at", "said"),
    **dict.fromkeys(("post", "unit", "item", "duty_rule", "designate"), ("ended_seq",)),
}
"""Columns that change; of all other tables rows are only added."""


def grant(connection: Connection, role: str, *, read_only: bool = False) -> None:
    """Give a role of PostgreSQL, which is there already, the rights to work on a store.

    Parameters
    ----------
    read_only : only to read the views of what is in force, as for QGIS

    Raises
    ------
    InputRefused
        Where the store is a file, there is no such role, or it owns the tables.
    """
    _refuse_role(connection, role)
    name = connection.dialect.identifier_preparer.quote(role)
    for statement in _reading(name) if read_only else _working(name):
        connection.execute(sa.text(statement))


def may_alter_events(connection: Connection) -> bool:
    """Whether who is connected to a PostgreSQL store could alter its events."""
    asked = "SELECT pg_has_role(tableowner, 'MEMBER') FROM pg_tables WHERE tablename = 'event'"
    return bool(connection.scalar(sa.text(asked)))


def _reading(name: str) -> list[str]:
    return [f"GRANT SELECT ON {', '.join(VIEWS)} TO {name}"]


def _working(name: str) -> list[str]:
    every = ", ".join(table.name for table in tables.metadata.sorted_tables)
    return [
        *_reading(name),
        f"GRANT SELECT ON alembic_version TO {name}",
        f"GRANT SELECT, INSERT ON {every} TO {name}",
        *(f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO {name}" for table, columns in CHANGING.items()),
        f"GRANT DELETE ON version_zone, session TO {name}",
    ]


def _refuse_role(connection: Connection, role: str) -> None:
    if connection.dialect.name != "postgresql":
        raise InputRefused([Fault("store", "", "is a file: it has no roles", "Guard it by the rights of its folder")])
    asked = sa.text("SELECT pg_has_role(oid, (SELECT tableowner FROM pg_tables WHERE tablename = 'event'), 'MEMBER')")
    owns = connection.scalar(sa.text(f"{asked} FROM pg_roles WHERE rolname = :role"), {"role": role})
    if owns is None:
        raise InputRefused([Fault("role", role, "is not there", "Make it with: CREATE ROLE … LOGIN")])
    if owns:
        raise InputRefused([Fault("role", role, "owns the tables of the store", "Name one that owns nothing")])
