"""People, duties and corrections of addresses against what the events tell."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.registry import tables
from gridgis.registry.aliases import PERSONAL, alias_digest
from gridgis.registry.audit_review import Said
from gridgis.registry.entries import ERASED, STORED, Row, numbers_digest, told
from gridgis.registry.events import as_it_stands
from gridgis.registry.people import PUBLIC, person_digest

BRINGING = frozenset({"people.imported", "duties.imported", "post.ended", "alias.made"})
"""Events that tell of rows of people and duties."""
ERASING = frozenset({"person.erased", "alias.erased"})
KINDS = BRINGING | ERASING

KEPT = (*STORED.values(), tables.person_private, tables.alias)


def people(connection: Connection, said: Mapping[int, Said], altered: Collection[int]) -> Iterator[str]:
    """Rows of people and duties that are not as the events say.

    Parameters
    ----------
    said : what events tell, by number
    altered : numbers of events that were altered: of what they told nothing is held against anything
    """
    for table in KEPT:
        rows = [row._asdict() for row in connection.execute(as_it_stands(*table.c))]
        yield from _brought(table, rows, said, altered)
        if table.name in ERASED:
            yield from _whole(table, rows, said, altered)


def _brought(table: sa.Table, rows: list[Row], said: Mapping[int, Said], altered: Collection[int]) -> Iterator[str]:
    """Rows that came or ended otherwise than the events tell."""
    ways: tuple[tuple[str, str, Callable[[list[Row]], str]], ...] = (
        ("event_seq", "rows", lambda mine: told(table.name, mine)),
        ("ended_seq", "ended", lambda mine: numbers_digest([row["id"] for row in mine])),
    )
    for column, part, digest in ways:
        found = _grouped(rows, column)
        due = {seq: _part(one, part).get(table.name) for seq, one in said.items() if one.kind in BRINGING}
        for seq in sorted({*found, *(seq for seq, text in due.items() if text)} - set(altered), key=str):
            if due.get(seq) != (digest(found[seq]) if seq in found else None):
                yield f"the {part} of {table.name} that event {seq} tells of are not as it says"


def _grouped(rows: list[Row], column: str) -> dict[Any, list[Row]]:
    out: dict[Any, list[Row]] = {}
    for row in rows:
        if row.get(column) is not None:
            out.setdefault(row[column], []).append(row)
    return out


def _whole(table: sa.Table, rows: list[Row], said: Mapping[int, Said], altered: Collection[int]) -> Iterator[str]:
    """Rows of which something is not what their digest tells, or was erased without an event."""
    numbers = {seq: one.body.get(table.name) for seq, one in said.items() if one.kind in ERASING}
    erased = {number for found in numbers.values() if isinstance(found, list) for number in found}
    there = set()
    for row in rows:
        there.add(row["id"])
        gone = _is_erased(table, row)
        told_of = row["id"] in erased
        if gone != told_of if not altered else told_of and not gone:
            yield f"row {row['id']} of {table.name} was erased, or not erased, against what the events say"
        elif not gone and row["digest"] is not None and _digest(table, row) != row["digest"]:
            yield f"row {row['id']} of {table.name} was altered"
    yield from (
        f"row {number} of {table.name}, which was erased, is not there" for number in sorted(erased - there, key=str)
    )


def _is_erased(table: sa.Table, row: Row) -> bool:
    """Whether nothing is left of what may be erased."""
    return all(row[name] == empty for name, empty in ERASED[table.name].items())


def _digest(table: sa.Table, row: Row) -> bytes | None:
    """The digest that a row should have; None where it holds what it cannot."""
    if table is tables.person_private:
        return hashlib.sha256(row["sealed"]).digest() if isinstance(row["sealed"], bytes) else None
    if table is tables.alias:
        kinds = dict.fromkeys(PERSONAL, str) | {"x": float, "y": float, "salt": bytes}
        fits = all(isinstance(row[name], kind) for name, kind in kinds.items())
        return alias_digest(row, row["salt"]) if fits else None
    whole = isinstance(row["salt"], bytes) and all(isinstance(row[name], str | None) for name in PUBLIC)
    return person_digest(row, row["salt"]) if whole else None


def _part(one: Said, name: str) -> dict[str, Any]:
    found = one.body.get(name)
    return found if isinstance(found, dict) else {}
