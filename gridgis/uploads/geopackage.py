"""GeoPackages read by SQLite alone, and one layer copied out to a fresh file: GDAL never opens what was sent.

What a database can do beyond holding rows is left behind: views that multiply rows, views that call themselves,
triggers, virtual tables, columns that are calculated. A reader that may only SELECT counts its steps.
Source: OGC 12-128r18 (GeoPackage 1.3.1); SQLite, "Defense Against The Dark Arts".
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from gridgis.uploads.limits import MIB, Limits
from gridgis.uploads.names import refuse_definition, refuse_name, refused, shown
from gridgis.uploads.wkb import Tally, without_head

KNOWN_TRIGGERS = re.compile(
    r"rtree_.*_(insert|delete|update[1-7])|trigger_(insert|delete)_feature_count_.*|gpkg_[a-z_]+"
)
"""Triggers that GDAL writes into every GeoPackage. They are left behind like all others and never run."""

SHADOW = ("rtree_", "gpkg_", "sqlite_")
DECLARED = re.compile(r"[A-Za-z][A-Za-z ]{0,30}(\([0-9, ]{1,12}\))?")
OPEN_ONLY = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ})
PRAGMAS = frozenset({"quick_check", "table_xinfo", "cell_size_check", "trusted_schema", "query_only", "mmap_size"})
FUNCTIONS = frozenset({"count"})
STEP = 1000
SAVE = "Export the layer anew as a GeoPackage that holds nothing else"
UNDEFINED = "undefined"


def copied(path: Path, target: Path, *, role: str, layer: str | None, limits: Limits) -> str:
    """Copy one layer into a fresh GeoPackage; give its name.

    Parameters
    ----------
    layer : the one to be copied; without it the one of the name of the role, or the only one

    Raises
    ------
    InputRefused
        Where the file is damaged, holds views, triggers or virtual tables of its own, or too much.
    """
    with _opened(path, limits) as source:
        _refuse_schema(source)
        if source.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise refused("is damaged", "Fetch it again, or export it anew")
        name = _chosen(source, role=role, layer=layer)
        columns = _columns(source, name, limits)
        with closing(sqlite3.connect(target, isolation_level=None)) as fresh:
            _copy(source, fresh, name, columns, limits)
    return name


def layer_names(path: Path, *, limits: Limits) -> list[str]:
    """Names of the layers with features in a GeoPackage.

    Raises
    ------
    InputRefused
        As :func:`copied`.
    """
    with _opened(path, limits) as source:
        _refuse_schema(source)
        return _featured(source)


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[sqlite3.Connection]:
    """A connection that may only look, and not for ever."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += STEP
        return int(steps > limits.steps)

    try:
        with closing(sqlite3.connect(f"file:{path.name}?mode=ro&immutable=1", uri=True)) as source:
            for name, most in _bounds(limits).items():
                source.setlimit(getattr(sqlite3, f"SQLITE_LIMIT_{name}"), most)
            source.set_progress_handler(count, STEP)
            for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "query_only=ON", "mmap_size=0"):
                source.execute(f"PRAGMA {pragma}")
            source.set_authorizer(_allowed)
            yield source
    except sqlite3.Error as error:
        if "interrupted" in str(error):
            raise refused("asks for more work than a file of its size may", SAVE) from None
        if "decode" in str(error):
            raise refused("holds text that is not UTF-8", SAVE) from None
        raise refused("is damaged, or does what no GeoPackage needs", SAVE) from None


def _bounds(limits: Limits) -> dict[str, int]:
    return {
        "LENGTH": limits.file_bytes, "SQL_LENGTH": MIB // 4, "COLUMN": 1000, "EXPR_DEPTH": 50,
        "COMPOUND_SELECT": 2, "VDBE_OP": 25_000, "FUNCTION_ARG": 8, "ATTACHED": 0, "LIKE_PATTERN_LENGTH": 100,
        "VARIABLE_NUMBER": 100, "TRIGGER_DEPTH": 1, "WORKER_THREADS": 0,
    }  # fmt: skip


def _allowed(action: int, first: str | None, second: str | None, _: str | None, __: str | None) -> int:
    fine = (
        action in OPEN_ONLY
        or (action == sqlite3.SQLITE_PRAGMA and first in PRAGMAS)
        or (action == sqlite3.SQLITE_FUNCTION and second in FUNCTIONS)
    )
    return sqlite3.SQLITE_OK if fine else sqlite3.SQLITE_DENY


def _refuse_schema(source: sqlite3.Connection) -> None:
    for kind, name, sql in source.execute("SELECT type, name, sql FROM sqlite_master"):
        if kind == "view":
            raise refused(f"holds a view, {shown(str(name))}", SAVE)
        if kind == "trigger" and not KNOWN_TRIGGERS.fullmatch(str(name)):
            raise refused(f"holds a trigger, {shown(str(name))}", SAVE)
        virtual = kind == "table" and re.match(r"\s*create\s+virtual", str(sql), re.IGNORECASE)
        if virtual and not re.search(
            r'^\s*create\s+virtual\s+table\s+"?rtree_[^(]*\busing\s+rtree\s*\(', str(sql), re.I
        ):
            raise refused(f"holds a virtual table, {shown(str(name))}", SAVE)


def _featured(source: sqlite3.Connection) -> list[str]:
    rows = source.execute("SELECT table_name FROM gpkg_contents WHERE data_type = 'features' LIMIT 1000")
    return [str(name) for (name,) in rows]


def _chosen(source: sqlite3.Connection, *, role: str, layer: str | None) -> str:
    names = _featured(source)
    wanted = layer if layer is not None else role if role in names else names[0] if len(names) == 1 else None
    if wanted is None or wanted not in names:
        told = ", ".join(shown(name) for name in names[:30]) or "none"
        raise refused(f"holds {len(names)} layers", f"Name the right one; there are: {told}")
    refuse_name("the layer", wanted)
    if wanted.lower().startswith(SHADOW):
        raise refused(f"the layer {shown(wanted)} is none of features", SAVE)
    return wanted


def _columns(source: sqlite3.Connection, name: str, limits: Limits) -> list[tuple[str, str, bool]]:
    """Name, declared type and whether it is the key, of each column."""
    out = []
    for _, column, declared, _, _, key, hidden in source.execute(f"PRAGMA table_xinfo({_quoted(name)})"):
        if hidden:
            raise refused(f"column {shown(column)} is calculated", "Store its values, and export it anew")
        refuse_name("the column", column)
        if not DECLARED.fullmatch(declared or "TEXT"):
            raise refused(f"column {shown(column)} is of type {shown(declared)!r}", SAVE)
        out.append((column, declared or "TEXT", bool(key)))
    if not out or sum(key for *_, key in out) > 1 or len(out) > limits.columns:
        raise refused(f"the layer {shown(name)} has no or too many columns, or a key of several", SAVE)
    return out


def _copy(
    source: sqlite3.Connection,
    fresh: sqlite3.Connection,
    name: str,
    columns: Sequence[tuple[str, str, bool]],
    limits: Limits,
) -> None:
    sql = "SELECT column_name, geometry_type_name, srs_id, z, m FROM gpkg_geometry_columns WHERE table_name = ?"
    described = source.execute(sql, (name,)).fetchall()
    if len(described) != 1 or described[0][0] not in [column for column, *_ in columns]:
        raise refused(f"the layer {shown(name)} has no column of geometry", SAVE)
    geometry, kind, srs, z, m = described[0]
    if not (isinstance(srs, int) and re.fullmatch("[A-Za-z]{4,20}", str(kind))):
        raise refused(f"the geometry of {shown(name)} is not described", SAVE)
    _make(fresh, name, columns, (geometry, kind, srs, int(z or 0) % 3, int(m or 0) % 3), _reference(source, srs))
    at = [column for column, *_ in columns].index(geometry)
    listed = ", ".join(_quoted(column) for column, *_ in columns)
    rows = source.execute(f"SELECT {listed} FROM {_quoted(name)} NOT INDEXED")
    marks = ", ".join("?" * len(columns))
    fresh.execute("BEGIN")
    fresh.executemany(f"INSERT INTO {_quoted(name)} VALUES ({marks})", _rows(rows, at, srs, limits))
    fresh.execute("COMMIT")


def _rows(rows: Iterator[Any], at: int, srs: int, limits: Limits) -> Iterator[list[Any]]:
    tally = Tally(limits)
    for number, row in enumerate(rows, start=1):
        if number > limits.rows or number * len(row) > limits.cells:
            raise refused(f"has more than {limits.rows} rows or {limits.cells} cells", "Send it in parts")
        out = [None if isinstance(value, bytes) else value for value in row]
        out[at] = _geometry(row[at], srs, tally)
        yield out


def _geometry(blob: Any, srs: int, tally: Tally) -> bytes | None:
    """A geometry under a head of our own; None where there is none."""
    if blob is None:
        return None
    if not isinstance(blob, bytes):
        raise refused("a geometry is none", "Open the layer, repair its geometry, and save it anew")
    wkb = without_head(blob)
    tally.count(wkb)
    empty = 0x10 & blob[3]
    return b"GP\0" + bytes([1 | empty]) + srs.to_bytes(4, "little", signed=True) + wkb


def _reference(source: sqlite3.Connection, srs: int) -> tuple[Any, ...]:
    sql = (
        "SELECT srs_name, srs_id, organization, organization_coordsys_id, definition "
        "FROM gpkg_spatial_ref_sys WHERE srs_id = ?"
    )
    found = source.execute(sql, (srs,)).fetchone()
    if found is None:
        raise refused("its CRS is not described in it", "Export it anew with its CRS")
    definition = str(found[4])
    if definition != UNDEFINED:
        refuse_definition(definition)
    return (str(found[0]), srs, str(found[2]), int(found[3]), definition)


def _make(
    fresh: sqlite3.Connection,
    name: str,
    columns: Sequence[tuple[str, str, bool]],
    geometry: tuple[Any, ...],
    reference: tuple[Any, ...],
) -> None:
    """Make an empty GeoPackage with one layer."""
    for statement in SKELETON:
        fresh.execute(statement)
    fresh.execute("INSERT OR REPLACE INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, NULL)", reference)
    key = [" PRIMARY KEY NOT NULL" if primary and kind.upper() == "INTEGER" else "" for _, kind, primary in columns]
    made = ", ".join(f"{_quoted(column)} {kind}{end}" for (column, kind, _), end in zip(columns, key, strict=True))
    fresh.execute(f"CREATE TABLE {_quoted(name)} ({made})")
    srs = geometry[2]
    fresh.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES (?, 'features', ?, ?)",
        (name, name, srs),
    )
    fresh.execute("INSERT INTO gpkg_geometry_columns VALUES (?, ?, ?, ?, ?, ?)", (name, *geometry))


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


SKELETON = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA application_id = 1196444487",
    "PRAGMA user_version = 10300",
    "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,"
    " organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT)",
    "INSERT INTO gpkg_spatial_ref_sys VALUES ('Undefined Cartesian', -1, 'NONE', -1, 'undefined', NULL),"
    " ('Undefined geographic', 0, 'NONE', 0, 'undefined', NULL)",
    "CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,"
    " description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),"
    " min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER)",
    "CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,"
    " geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,"
    " PRIMARY KEY (table_name, column_name))",
)
"""The tables that a GeoPackage has at the least."""
