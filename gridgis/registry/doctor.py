"""How a store is: versions of what carries it, whether it is whole, how much room it has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.registry.audit import verify
from gridgis.registry.roles import may_alter_events
from gridgis.registry.schema import revision
from gridgis.registry.store import Store

WAL_MENDED = (3, 51, 3)
"""First SQLite in which two connections that write and checkpoint at once cannot damage a file in WAL mode."""
LEAST_FREE = 3
"""A store should have room for as many copies of itself."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `good` is None where there is nothing to judge."""

    what: str
    told: str
    good: bool | None = None


def examine(store: Store) -> list[Finding]:
    """Look at a store, changing nothing."""
    with store.read() as connection:
        found = [Finding("tables", str(revision(connection)), good=True)]
        found += _postgresql(connection) if store.is_postgresql else _sqlite(connection, Path(store.url))
        judged = verify(connection)
        found += [Finding("integrity", fault, good=False) for fault in judged.faults]
        told = f"file and rows, held against {judged.events} events: {len(judged.faults)} faults"
        found.append(Finding("integrity", told, good=not judged.faults))
    return found


def _sqlite(connection: Connection, path: Path) -> Iterator[Finding]:
    version = str(connection.scalar(sa.text("SELECT sqlite_version()")))
    journal = str(connection.scalar(sa.text("PRAGMA journal_mode")))
    guarded = journal != "wal" or tuple(map(int, version.split("."))) >= WAL_MENDED
    note = "" if guarded else ": before 3.51.3 write-ahead logging can damage the file"
    yield Finding("SQLite", f"{version}, journal {journal}{note}", good=guarded)
    pages, size = (int(connection.scalar(sa.text(f"PRAGMA page_{name}")) or 0) for name in ("count", "size"))
    free = shutil.disk_usage(path.absolute().parent).free
    told = f"{pages * size / 2**20:.1f} MB, {free / 2**20:.0f} MB free beside it"
    yield Finding("space", told, good=free >= LEAST_FREE * pages * size)


def _postgresql(connection: Connection) -> Iterator[Finding]:
    if may_alter_events(connection):
        yield Finding("role", "owns the tables: for daily work take one that does not (gridgis grant)")
    yield Finding("PostgreSQL", str(connection.scalar(sa.text("SHOW server_version"))))
    yield Finding("PostGIS", str(connection.scalar(sa.text("SELECT postgis_lib_version()"))))
    synced = [str(connection.scalar(sa.text(f"SHOW {name}"))) for name in ("fsync", "synchronous_commit")]
    told = f"fsync {synced[0]}, synchronous_commit {synced[1]} (for what gridgis writes never off)"
    yield Finding("sync", told, good=synced[0] == "on")
    size = int(connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0)
    yield Finding("space", f"{size / 2**20:.1f} MB")
