"""Rows of people and duties: each comes with one event and stands until another event puts one in its place.

Invariant: no row is changed or deleted, but for the number of the event that ended it; so what was known at any event
can be told. The event has a digest of the rows that it brought and of the numbers of those that it ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.duties.columns import TABLES, conformed
from gridgis.registry import tables
from gridgis.registry.digests import rows_digest
from gridgis.registry.events import Event, record
from gridgis.registry.store import following

STORED = {
    "people": tables.person,
    "posts": tables.post,
    "units": tables.unit,
    "items": tables.item,
    "rules": tables.duty_rule,
    "designate": tables.designate,
}
"""Where the tables of the contract are kept."""

KEYS = {
    "people": ("person_id",),
    "posts": ("post_code", "valid_from"),
    "units": ("unit_code",),
    "items": ("item", "valid_from"),
    "rules": ("rule_id", "valid_from"),
    "designate": ("area_code",),
}
"""What names a row: a later one of the same name takes its place."""

OWN = frozenset({"id", "event_seq", "ended_seq", "salt", "digest"})
"""Columns that a store has beside those of the contract."""

ERASED: dict[str, dict[str, Any]] = {
    "person": {**dict.fromkeys(("name", "public_phone", "public_hours", "photo")), "salt": b""},
    "person_private": {"sealed": None},
    "alias": {"text_key": "", "text": "", "address": "", "x": 0.0, "y": 0.0, "salt": b""},
}
"""Columns that may be erased, and what then stands there: a digest of them is in the row, and that in the chain."""

UNTOLD = frozenset({"event_seq", "ended_seq"})
"""Columns that the digest of rows leaves out: the event itself tells them."""

Row = dict[str, Any]


@dataclass
class Change:
    """What an event adds and ends, by table of the store; `names` are the keys, by table of the contract."""

    added: dict[str, list[Row]] = field(default_factory=dict)
    ended: dict[str, list[int]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(self.added.values()) or any(self.ended.values())


def standing(connection: Connection, name: str) -> tuple[pd.DataFrame, list[int]]:
    """The rows of a table of the contract that stand, with the number of each."""
    table = STORED[name]
    asked = sa.select(table).where(table.c.ended_seq.is_(None)).order_by(table.c.id)
    found = pd.DataFrame(connection.execute(asked).mappings().all(), columns=[column.name for column in table.c])
    return conformed(name, found), [int(number) for number in found["id"]]


def changes(connection: Connection, name: str, frame: pd.DataFrame, change: Change) -> None:
    """Note in a change what is to be added and ended so that the rows of a frame stand."""
    stood, numbers = standing(connection, name)
    table, columns = STORED[name], [key for key, column in TABLES[name].items() if not column.private]
    before = {_name(name, row): (row, number) for row, number in zip(_rows(stood[columns]), numbers, strict=True)}
    number = following(connection, table)
    for row in _rows(frame[columns]):
        old = before.get(_name(name, row))
        if old is not None and old[0] == row:
            continue
        if old is not None:
            change.ended.setdefault(table.name, []).append(old[1])
        change.added.setdefault(table.name, []).append({"id": number, **row})
        change.names.setdefault(name, []).append(" ".join(text for text in _name(name, row) if text))
        number += 1


def carry_out(
    connection: Connection, change: Change, *, kind: str, subject: str, actor: str, at: str, **more: Any
) -> Event:
    """Record a change and make it, in the transaction of the connection."""
    body = {
        "changed": {name: sorted(names) for name, names in change.names.items()},
        "rows": {table: told(table, rows) for table, rows in change.added.items()},
        "ended": {table: numbers_digest(numbers) for table, numbers in change.ended.items()},
        **more,
    }
    made = record(connection, at=at, actor=actor, kind=kind, subject=subject, body=body)
    for name, numbers in change.ended.items():
        table = tables.metadata.tables[name]
        ended = sa.update(table).where(table.c.id == sa.bindparam("number")).values(ended_seq=made.seq)
        connection.execute(ended, [{"number": number} for number in numbers])
    for name, rows in change.added.items():
        connection.execute(sa.insert(tables.metadata.tables[name]), [{**row, "event_seq": made.seq} for row in rows])
    return made


def told(table: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The digest by which an event tells of the rows that it brought, whatever was erased of them since."""
    return rows_digest(
        {name: plain(value) for name, value in row.items() if name not in _left_out(table, row)} for row in rows
    )


def _left_out(table: str, row: Mapping[str, Any]) -> frozenset[str]:
    """Columns of which an event does not tell: those that the digest of the row stands for, where it has one."""
    if table in ERASED and row.get("digest") is None:
        return UNTOLD | {"digest"}
    return UNTOLD | ERASED.get(table, {}).keys()


def numbers_digest(numbers: Sequence[int]) -> str:
    """The digest by which an event tells of the rows that it ended."""
    return rows_digest({"id": number} for number in numbers)


def plain(value: Any) -> Any:
    """A value as a digest takes it: bytes by their digits."""
    return bytes(value).hex() if isinstance(value, bytes | bytearray | memoryview) else value


def beginning(codes: Iterable[str]) -> str:
    """What all codes begin with; nothing where there are none."""
    found = [*codes] or [""]
    first, last = min(found), max(found)
    return first[: next((at for at, sign in enumerate(first) if sign != last[at]), len(first))]


def _rows(frame: pd.DataFrame) -> list[Row]:
    """Rows as the database holds them: what is empty is None, what is true 1."""
    return [{name: _stored(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _stored(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124


def _name(name: str, row: Row) -> tuple[str, ...]:
    return tuple(row[key] or "" for key in KEYS[name])
