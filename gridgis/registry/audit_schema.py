"""Whether tables, indices, triggers and views are as the migrations make them: the triggers keep what only grows.

PostgreSQL writes the texts of views down in its own way, which differs by release: what its planner makes of a view is
held against what it makes of the text that the migrations made it of.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.registry import tables
from gridgis.registry.migrations.guards import BODY
from gridgis.registry.migrations.views import queries
from gridgis.registry.roles import CHANGING
from gridgis.registry.schema import migrate

FUNCTION = sa.text("SELECT prosrc FROM pg_proc WHERE oid = to_regprocedure('never_changed()')")
GUARDED = sa.text(
    "SELECT c.relname, ARRAY(SELECT a.attname::text FROM unnest(t.tgattr::int2[]) AS kept(number) "
    "JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = kept.number) AS columns "
    "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
    "WHERE c.relnamespace = current_schema()::regnamespace AND t.tgname = 'never_changed' "
    "AND t.tgenabled IN ('O', 'A') AND t.tgfoid = to_regprocedure('never_changed()') "
    "AND t.tgtype = 58 AND t.tgqual IS NULL"
)
"""Tables with the trigger as it is made: before each UPDATE (16), DELETE (8) and TRUNCATE (32), on no condition; and
the columns of which an UPDATE is meant, none where it is any."""
SRID = sa.text(
    "SELECT postgis_typmod_srid(atttypmod) FROM pg_attribute WHERE attrelid = 'shape'::regclass AND attname = 'geom'"
)

Made = dict[tuple[str, str], tuple[str, str]]
"""Table and text of each thing that SQLite keeps, by its kind and name."""


def altered(connection: Connection) -> Iterator[str]:
    """What is not as the migrations make it."""
    if connection.dialect.name == "sqlite":
        made, found = _made(), _schema(connection)
        for kind, name in sorted(made.keys() | found.keys(), key=repr):
            if made.get((kind, name)) != found.get((kind, name)):
                yield f"{kind} {name} is not as this program makes it"
        return
    yield from _guards(connection)
    yield from _views(connection)


def _guards(connection: Connection) -> Iterator[str]:
    if connection.scalar(FUNCTION) != BODY:
        yield "function never_changed is not as this program makes it"
    guarded = {table for (kind, _), (table, _) in _made().items() if kind == "trigger"}
    found = {row.relname for row in connection.execute(GUARDED) if set(row.columns) == _kept(row.relname)}
    for table in sorted(guarded - found):
        yield f"no trigger keeps the rows of {table} from being changed"


def _kept(table: str) -> set[str]:
    """Columns that never change, of a table of which some do."""
    changing = CHANGING.get(table, ())
    return {column.name for column in tables.metadata.tables[table].c} - {*changing} if changing else set()


def _views(connection: Connection) -> Iterator[str]:
    for view, query in queries(int(connection.scalar(SRID) or 0)).items():
        there = connection.scalar(sa.text("SELECT to_regclass(:view) IS NOT NULL"), {"view": view})
        if not there or _planned(connection, view) != _planned(connection, f"({query}) AS {view}"):
            yield f"view {view} is not as this program makes it"


def _planned(connection: Connection, source: str) -> tuple[list[str], list[str]]:
    """The names that something gives, and what the planner makes of it."""
    asked = f"SELECT * FROM {source}"
    names = connection.execute(sa.text(f"{asked} LIMIT 0")).keys()
    return list(names), list(connection.scalars(sa.text(f"EXPLAIN (VERBOSE, COSTS OFF) {asked}")))


@cache
def _made() -> Made:
    """What the migrations make in SQLite."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        migrate(connection, crs=None)
        return _schema(connection)


def _schema(connection: Connection) -> Made:
    asked = sa.text("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL OR type = 'index'")
    return {(row.type, row.name): (row.tbl_name, row.sql or "") for row in connection.execute(asked)}
