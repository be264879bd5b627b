"""Parts: what a zone looked like, stored once under the digest of its content.

Invariant: a part is read back as it was written, geometry to the last bit; the same content is never stored twice,
nor is the same geometry, in whatever part it stands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, islice, pairwise
from operator import itemgetter
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.border_labels import all_labels, layer, lines_of
from gridgis.geometry.noding import Geometries, as_array
from gridgis.registry import tables
from gridgis.registry.store import following, store_crs
from gridgis.schema import COUNTS, DIVISION_LAYERS, MEASURES

Parts = Mapping[str, int]
"""The part of each zone, by its code."""

SORTED_BY = {"borders": ("part_id", "border_class", "name")}
"""Layers that are not in the order of one code: of borders the zone that was stored last comes last."""

AT_ONCE = 500
"""Values that a question to the database lists at most."""

ZONE = ("zone_code", "name", "kind", "households", "area_m2", "flags", "proof", "gap")
LAYERS: dict[str, tuple[sa.Table, tuple[str, ...]]] = {
    "grids": (
        tables.grid,
        ("grid_code", "name", "households", "households_from", "area_m2", "perimeter_m", "border_on_road", "flags"),
    ),
    "microgrids": (tables.microgrid, ("microgrid_code", "grid_code", "households", "area_m2", "flags")),
    "atoms": (tables.atom, ("atom_id", "grid_code", "microgrid_code", "households")),
    "borders": (tables.border, ("border_class", "name")),
}
"""Layers of a part with their table and the columns stored in it; what all rows of a zone share stands in `part`.

Of borders the lines under them are stored, with those under the borders of atoms: :mod:`gridgis.border_labels`.
"""

IN_TABLES = ("zones", *LAYERS)
"""All layers of a part as they are stored."""

STORED = (*IN_TABLES, "lines")
"""All layers that come back from a store."""


@dataclass(frozen=True)
class Rows:
    """Rows of one layer as plain values, with the WKB of each and its digest, and the zone of each."""

    values: list[list[Any]]
    zone: list[str]
    wkb: Sequence[bytes]
    digest: list[bytes]


def save_parts(connection: Connection, frames: dict[str, gpd.GeoDataFrame]) -> dict[str, int]:
    """Store what is new of a division; give the part of each zone.

    Parameters
    ----------
    frames : those of :data:`STORED`, columns as in :data:`gridgis.schema.DIVISION_LAYERS`, in the CRS of the store
    """
    told = all_labels(frames["borders"], frames["lines"], frames["grids"])
    return store_parts(connection, {**frames, "borders": told})


def store_parts(connection: Connection, frames: dict[str, gpd.GeoDataFrame]) -> dict[str, int]:
    """Store what is new, as :func:`save_parts` does, of borders what :func:`all_labels` gives."""
    zones = _rows(frames["zones"], ZONE)
    layers = {name: _rows(frames[name], columns) for name, (_, columns) in LAYERS.items()}
    digest = _digests(zones, layers)
    there = known(connection, tables.part, list(digest.values()))
    fresh = [code for code in digest if digest[code] not in there]
    first = following(connection, tables.part)
    made = {code: number for number, code in enumerate(fresh, first)}
    _insert(connection, zones, layers, made, digest)
    return {code: made.get(code, there.get(digest[code], 0)) for code in digest}


def only_named(connection: Connection, make: Callable[[], Parts]) -> dict[str, int]:
    """The parts that `make` gives; others that it stored on the way to them are not left behind."""
    first = following(connection, tables.part)
    attempt = connection.begin_nested()
    found = dict(make())
    fresh = {zone: part for zone, part in found.items() if part >= first}
    if len(set(fresh.values())) == following(connection, tables.part) - first:
        attempt.commit()
        return found
    frames = stored_parts(connection, fresh.values(), crs=str(store_crs(connection)))
    attempt.rollback()
    return found | store_parts(connection, frames)


def parts_of(connection: Connection, version_id: int, *, zones: Collection[str] | None = None) -> dict[str, int]:
    """The part of each zone of a version, or of some, in the order of the zones."""
    wanted = None if zones is None else set(zones)
    if wanted is not None and len(wanted) <= AT_ONCE:
        rows = connection.execute(_SOME_ZONES, {"version_id": version_id, "zones": list(wanted)})
        return {row.zone_code: row.part_id for row in rows}
    rows = connection.execute(_ZONES, {"version_id": version_id})
    return {row.zone_code: row.part_id for row in rows if wanted is None or row.zone_code in wanted}


_ZONES = (
    sa.select(tables.version_zone.c.zone_code, tables.version_zone.c.part_id)
    .where(tables.version_zone.c.version_id == sa.bindparam("version_id"))
    .order_by(tables.version_zone.c.zone_code)
)
_SOME_ZONES = _ZONES.where(tables.version_zone.c.zone_code.in_(sa.bindparam("zones", expanding=True)))


def load_parts(
    connection: Connection, parts: Collection[int], *, layers: Sequence[str], crs: str
) -> dict[str, gpd.GeoDataFrame]:
    """Layers of parts, rows in the order of their code, columns as in :data:`DIVISION_LAYERS`."""
    needed = {"borders" if name == "lines" else name for name in layers} | ({"grids"} if "borders" in layers else set())
    found = stored_parts(connection, parts, layers=[name for name in IN_TABLES if name in needed], crs=crs)
    if "lines" in layers:
        found["lines"] = lines_of(found["borders"])
    if "borders" in layers:
        found["borders"] = layer(found["borders"], found["grids"])
    return {name: found[name] for name in layers}


def stored_parts(
    connection: Connection, parts: Collection[int], *, layers: Sequence[str] = IN_TABLES, crs: str
) -> dict[str, gpd.GeoDataFrame]:
    """Layers of parts as :func:`load_parts` gives them, of borders what :func:`store_parts` takes."""
    return {name: _loaded(connection, sorted(parts), name, crs=crs) for name in layers}


def _rows(frame: gpd.GeoDataFrame, columns: tuple[str, ...]) -> Rows:
    ordered = frame.sort_values(list(columns[: 2 if "border_class" in columns else 1]), kind="stable")
    table = pd.DataFrame({column: ordered[column] for column in columns}).astype(object)
    table = table.where(table.notna(), None)
    if "flags" in table:
        table["flags"] = table["flags"].fillna("")
    for name in table.columns.intersection([*COUNTS, *MEASURES]):
        # As a database gives it back, of which the digest is: SQLite knows no zero below zero.
        kind = int if name in COUNTS else float
        values = [None if value is None else kind(value) + 0 for value in table[name]]
        table[name] = pd.Series(values, index=table.index, dtype=object)
    wkb = shapely.to_wkb(as_array(ordered.geometry), byte_order=1, output_dimension=2, include_srid=False)
    return Rows(
        table.to_numpy(dtype=object).tolist(),
        ordered["zone_code"].tolist(),
        wkb,
        [hashlib.sha256(one).digest() for one in wkb],
    )


def _digests(zones: Rows, layers: dict[str, Rows]) -> dict[str, bytes]:
    """The digest of the content of each zone, in the order of the zones."""
    content: dict[str, list[Any]] = {
        code: [[*row, shape.hex()]] for code, row, shape in zip(zones.zone, zones.values, zones.digest, strict=True)
    }
    for name, rows in layers.items():
        for code, row, shape in zip(rows.zone, rows.values, rows.digest, strict=True):
            content[code].append([name, *row, shape.hex()])
    return {code: content_sha256(told) for code, told in content.items()}


def content_sha256(told: list[list[Any]]) -> bytes:
    """The digest of a part: of the row of its zone, then of the rows of its layers, each with that of its shape."""
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _insert(
    connection: Connection, zones: Rows, layers: dict[str, Rows], made: dict[str, int], digest: dict[str, bytes]
) -> None:
    if not made:
        return
    chosen = [zones, *layers.values()]
    wanted = {
        shape: wkb
        for rows in chosen
        for code, shape, wkb in zip(rows.zone, rows.digest, rows.wkb, strict=True)
        if code in made
    }
    shape_id = shapes(connection, wanted)
    insert_all(
        connection,
        tables.part,
        ("id", "digest", *ZONE, "shape_id", *tables.BOX),
        (
            (made[code], digest[code], *row, shape_id[shape], *box_of(wkb))
            for code, row, shape, wkb in zip(zones.zone, zones.values, zones.digest, zones.wkb, strict=True)
            if code in made
        ),
    )
    for name, (table, columns) in LAYERS.items():
        rows = layers[name]
        insert_all(
            connection,
            table,
            ("part_id", *columns, "shape_id"),
            (
                (made[code], *row, shape_id[shape])
                for code, row, shape in zip(rows.zone, rows.values, rows.digest, strict=True)
                if code in made
            ),
        )


def box_of(wkb: bytes) -> tuple[float, float, float, float]:
    """West, south, east and north of a shape, as they stand in a part."""
    return tuple(map(float, shapely.from_wkb(wkb).bounds))  # type: ignore[return-value]


def shapes(connection: Connection, wanted: dict[bytes, bytes]) -> dict[bytes, int]:
    """The row of each shape, those that are not there yet stored."""
    found = known(connection, tables.shape, list(wanted))
    fresh = [digest for digest in wanted if digest not in found]
    made = {digest: number for number, digest in enumerate(fresh, following(connection, tables.shape))}
    insert_all(connection, tables.shape, ("id", "digest", "wkb"), ((made[d], d, wanted[d]) for d in fresh))
    return {**found, **made}


def known(connection: Connection, table: sa.Table, digests: list[bytes]) -> dict[bytes, int]:
    """Rows of a table that have one of the digests."""
    out: dict[bytes, int] = {}
    for k in range(0, len(digests), AT_ONCE):
        found = connection.execute(_by_digest(table), {"digests": digests[k : k + AT_ONCE]})
        out |= {bytes(row.digest): row.id for row in found}
    return out


@cache
def _by_digest(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table.c.digest, table.c.id).where(table.c.digest.in_(sa.bindparam("digests", expanding=True)))


def insert_all(
    connection: Connection, table: sa.Table, columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]
) -> None:
    """Insert rows some thousands at a time, as the database takes them fastest: SQLite rows, PostgreSQL columns."""
    into = f"INSERT INTO {table.name} ({', '.join(columns)})"
    kinds = [table.c[column].type.compile(connection.dialect) for column in columns]
    while batch := list(islice(rows, 10 * AT_ONCE)):
        if connection.dialect.name == "postgresql":
            lists = ", ".join(f"%b::{kind}[]" for kind in kinds)
            connection.exec_driver_sql(
                f"{into} SELECT * FROM unnest({lists})", tuple(map(list, zip(*batch, strict=True)))
            )
        else:
            connection.exec_driver_sql(f"{into} VALUES ({', '.join('?' * len(columns))})", batch)


def _loaded(connection: Connection, parts: list[int], name: str, *, crs: str) -> gpd.GeoDataFrame:
    """Rows of one layer in the order of their code, those of borders in that of their parts."""
    part, shape = tables.part, tables.shape
    holder, columns = LAYERS.get(name, (part, ZONE))
    joined, own = part.join(shape, shape.c.id == part.c.shape_id), [part.c[column] for column in ZONE]
    if name != "zones":
        joined = part.join(holder, holder.c.part_id == part.c.id).join(shape, shape.c.id == holder.c.shape_id)
        own = [part.c.zone_code, part.c.kind, *(holder.c[column] for column in columns)]
    asked = sa.select(*own, shape.c.wkb, part.c.id.label("part_id")).select_from(joined)
    names = list(asked.selected_columns.keys())
    found: list[Any] = []
    for k in range(0, len(parts), AT_ONCE):
        found += _rows_of(connection, asked.where(part.c.id.in_(parts[k : k + AT_ONCE])))
    rows = sorted(found, key=itemgetter(*map(names.index, SORTED_BY.get(name, columns[:1]))))
    values = dict(zip(names, list(zip(*rows, strict=True)) or [()] * len(names), strict=True))
    kept = ["zone_code", *columns] if name == "borders" else DIVISION_LAYERS[name]
    return gpd.GeoDataFrame(
        {column: _typed(column, values[column]) for column in kept}, geometry=_geometry(values["wkb"]), crs=crs
    )


def _rows_of(connection: Connection, asked: sa.Select[Any]) -> Iterable[Any]:
    """The rows asked for, as the database gives them fastest: SQLite rows, PostgreSQL columns.

    A column comes as one text of JSON, which keeps each number to the last bit; the shapes as one run of bytes.
    """
    if connection.dialect.name != "postgresql":
        return connection.execute(asked)
    rows = asked.subquery()
    plain = [sa.cast(sa.func.json_agg(column), sa.Text) for column in rows.c if column.name != "wkb"]
    sizes = sa.cast(sa.func.json_agg(sa.func.length(rows.c.wkb)), sa.Text)
    run = sa.func.string_agg(rows.c.wkb, sa.cast(b"", sa.LargeBinary))
    *texts, lengths, shapes = connection.execute(sa.select(*plain, sizes, run)).one()
    if lengths is None:
        return []
    ends = list(accumulate(json.loads(lengths), initial=0))
    columns = list(map(json.loads, texts))
    columns.insert(list(rows.c.keys()).index("wkb"), [shapes[a:b] for a, b in pairwise(ends)])
    return zip(*columns, strict=True)


def _geometry(wkb: Sequence[bytes]) -> Geometries:
    return np.asarray(shapely.from_wkb(np.array(wkb, dtype=object)), dtype=object)


def _typed(name: str, values: Sequence[Any]) -> pd.Series:
    """Whole numbers as Int64, measures as float, text as text, as a division has them."""
    if name in COUNTS:
        return pd.array(values, dtype="Int64")
    return pd.Series(values).astype(float if name in MEASURES else object)
