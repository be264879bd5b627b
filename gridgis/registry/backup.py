"""Copies of a store, made while it is at work, and read back before anybody relies on them.

A copy is a store as well, with the same id and the same events: one SQLite file, whatever it is a copy of; restoring
makes a store of either kind of it. Rows go over by the database driver: no file of a store is ever opened otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import GridgisError
from gridgis.registry import tables
from gridgis.registry.store import Store, create_store, store_crs

AT_ONCE = 5_000


def copied(source: Store, url: str) -> Store:
    """Make a store at `url` that holds what `source` holds at one moment, and see that it does.

    Raises
    ------
    InputRefused
        Where there is something at `url`, or it cannot be written.
    GridgisError
        Where what was read back is not what was written; the copy is not to be used.
    """
    with source.read() as connection:
        before = content(connection)
        made = create_store(url, crs=store_crs(connection), fill=lambda target: _fill(connection, target))
    with made.read() as connection:
        after = content(connection)
    wrong = sorted(name for name in before if before[name] != after[name])
    if wrong:
        made.close()
        raise GridgisError(f"{url}: the copy is not what was copied, in {', '.join(wrong)}. Do not use it")
    return made


def sealed_by(connection: Connection) -> tuple[str, ...]:
    """The keys without which some of what a store holds cannot be read; no copy of a store holds them.

    Returns
    -------
    tuple of str
        Of "people" (private fields of people and of those who reported cases) and "accounts" (second factors, and
        secrets of webhooks), those by which something is sealed.
    """
    t = tables
    sealed = {
        "people": (t.person_private.c.sealed.is_not(None), t.report.c.sealed.is_not(None)),
        "accounts": (t.account.c.totp.is_not(None), t.webhook.c.id.is_not(None)),
    }
    return tuple(
        name
        for name, rules in sealed.items()
        if any(connection.scalar(sa.select(sa.literal(1)).where(rule).limit(1)) for rule in rules)
    )


def content(connection: Connection) -> dict[str, tuple[int, str]]:
    """Number of rows of each table and a digest of all of them, in the order of their keys."""
    out = {}
    for table in tables.metadata.sorted_tables:
        told, count = hashlib.sha256(), 0
        for row in _rows(connection, table):
            told.update(repr([bytes(value) if isinstance(value, memoryview) else value for value in row]).encode())
            count += 1
        out[table.name] = (count, told.hexdigest())
    return out


def _fill(source: Connection, target: Connection) -> None:
    """Copy all rows; a version may go on from one with a higher number, so parents come when all are there."""
    parents: dict[int, int | None] = {}
    for table in tables.metadata.sorted_tables:
        rows = (row._asdict() for row in _rows(source, table))
        while batch := list(islice(rows, AT_ONCE)):
            if table is tables.version:
                parents |= {row["id"]: row["parent_id"] for row in batch}
                batch = [{**row, "parent_id": None} for row in batch]
            target.execute(sa.insert(table), batch)
    v = tables.version
    for number, parent in parents.items():
        target.execute(sa.update(v).where(v.c.id == number).values(parent_id=parent))


def _rows(connection: Connection, table: sa.Table) -> Iterator[sa.Row]:  # type: ignore[type-arg]
    asked = sa.select(table).order_by(*table.primary_key.columns)
    yield from connection.execute(asked.execution_options(yield_per=AT_ONCE))
