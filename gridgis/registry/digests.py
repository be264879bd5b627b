"""Digests of rows, by which events tell what they do not spell out.

Invariant: a digest depends on every value of every row and on nothing else: not on the order in which a database
gives rows, not on columns that came later and are empty.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.registry import tables

MOVING = frozenset({"state", "effective_from", "parent_id", "note"})
"""What changes in the row of a version: the events spell it out, but for the note, which may be erased."""


def rows_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 over rows, in whatever order they come."""
    lines = sorted(
        json.dumps({name: value for name, value in row.items() if value is not None}, sort_keys=True, default=repr)
        for row in rows
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def version_digest(row: Mapping[str, Any]) -> str:
    """Digest of what never changes in the row of a version."""
    return rows_digest([{name: value for name, value in row.items() if name not in MOVING}])


def draft_digests(connection: Connection, version_id: int) -> dict[str, str]:
    """What the drafting of a version tells of its row and of that of the store."""
    row = connection.execute(sa.select(tables.version).where(tables.version.c.id == version_id)).one()
    return {"row": version_digest(row._asdict()), **store_digest(connection)}


def approval_digests(connection: Connection, version_id: int) -> dict[str, str]:
    """What the approval of a version tells of the codes and the lineage that it added."""
    return {
        table.name: rows_digest(
            row._asdict() for row in connection.execute(sa.select(table).where(table.c.version_id == version_id))
        )
        for table in (tables.code, tables.lineage)
    }


def store_digest(connection: Connection) -> dict[str, str]:
    """What events tell of the row of the store."""
    return {"store": rows_digest(row._asdict() for row in connection.execute(sa.select(tables.store)))}


def edit_digest(row: Mapping[str, Any], zones: Iterable[Mapping[str, Any]]) -> str:
    """What an event tells of the row of an edit and of the zones that it changed.

    Parameters
    ----------
    row : of the edit; the number of its event is left out
    zones : `zone_code`, and the digests of its parts `before` and `after`
    """
    own = {name: value for name, value in row.items() if name != "event_seq"}
    return rows_digest([own, *zones])
