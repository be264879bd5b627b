"""Rows of one zone as plain values: read from a part, changed, and stored as another part.

Invariant: a part that is stored here is the one that :func:`gridgis.registry.parts.store_parts` would store, with the
same digest; of rows that did not change nothing is hashed, and no shape is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.geometry.noding import Geometries, as_array
from gridgis.registry import tables
from gridgis.registry.parts import AT_ONCE, LAYERS, ZONE, box_of, content_sha256, insert_all, known, shapes
from gridgis.registry.store import following
from gridgis.schema import COUNTS, KEYS, MEASURES, Division

Key = str | tuple[str, str]
"""What names a row of a layer in its zone."""

COLUMNS = {"zones": ZONE, **{name: columns for name, (_, columns) in LAYERS.items()}}
"""Columns of the rows of each layer, in the order of their values."""


class Row(NamedTuple):
    """One row of a layer.

    Attributes
    ----------
    values : as a database holds them, in the order of :data:`COLUMNS`
    digest : SHA-256 of the WKB of its shape
    shape_id : of the shape in the store; None where it may not be there
    wkb : of the shape, where it is at hand
    """

    values: tuple[Any, ...]
    digest: bytes
    shape_id: int | None = None
    wkb: bytes | None = None

    def same(self, other: Row | None) -> bool:
        """Whether another row says the same of the same shape."""
        return other is not None and self.values == other.values and self.digest == other.digest

    def of(self, layer: str, column: str) -> Any:
        """The value in a column."""
        return self.values[COLUMNS[layer].index(column)]

    def put(self, layer: str, **values: Any) -> Row:
        """The row with other values in some columns."""
        columns = COLUMNS[layer]
        return self._replace(values=tuple(values.get(c, v) for c, v in zip(columns, self.values, strict=True)))


ZoneRows = Mapping[str, Mapping[Key, Row]]
"""All rows of a zone by layer and key; that of the zone itself is the one of the layer `zones`."""


def zone_row(rows: ZoneRows) -> Row:
    """The row of the zone itself."""
    return next(iter(rows["zones"].values()))


def row_of(values: tuple[Any, ...], wkb: bytes) -> Row:
    """A row with a shape that may be new."""
    return Row(values, hashlib.sha256(wkb).digest(), None, wkb)


# ---------------------------------------------------------------- from parts
def rows_of_part(connection: Connection, part: int) -> dict[str, dict[Key, Row]]:
    """All rows of a part."""
    out: dict[str, dict[Key, Row]] = {}
    for name, asked in _OF_A_PART.items():
        found = connection.execute(asked, {"part": part}).all()
        rows = [Row(tuple(one[:-2]), bytes(one[-1]), one[-2]) for one in found]
        out[name] = {key_of(name, row.values): row for row in rows}
    return out


def _of_a_part(name: str) -> sa.Select[Any]:
    """The question for the rows of a layer of one part: values, number of the shape, its digest."""
    table = tables.part if name == "zones" else LAYERS[name][0]
    shape, holder = tables.shape, table.c.id if name == "zones" else table.c.part_id
    asked = sa.select(*(table.c[column] for column in COLUMNS[name]), table.c.shape_id, shape.c.digest)
    return asked.select_from(table.join(shape, shape.c.id == table.c.shape_id)).where(holder == sa.bindparam("part"))


_OF_A_PART = {name: _of_a_part(name) for name in COLUMNS}
"""Made once: to put a question together takes as long as to ask it."""


def with_shapes(connection: Connection, rows: ZoneRows) -> dict[str, dict[Key, Row]]:
    """The same rows, each with the WKB of its shape."""
    lacking = sorted({row.shape_id or 0 for layer in rows.values() for row in layer.values() if row.wkb is None})
    shape = tables.shape.c
    found: dict[int | None, bytes] = {}
    for k in range(0, len(lacking), AT_ONCE):
        asked = sa.select(shape.id, shape.wkb).where(shape.id.in_(lacking[k : k + AT_ONCE]))
        found |= {number: bytes(wkb) for number, wkb in connection.execute(asked)}
    return {
        name: {key: row if row.wkb is not None else row._replace(wkb=found[row.shape_id]) for key, row in layer.items()}
        for name, layer in rows.items()
    }


def shapes_of(rows: Iterable[Row]) -> Geometries:
    """Shapes of rows that have their WKB."""
    return np.asarray(shapely.from_wkb(np.array([row.wkb for row in rows], dtype=object)), dtype=object)


def key_of(name: str, values: tuple[Any, ...]) -> Key:
    """What names a row with some values in its zone."""
    return (values[0], values[1]) if name not in KEYS else values[0]


# ---------------------------------------------------------------- from frames
def frame_of(division: Division, name: str) -> gpd.GeoDataFrame:
    """The frame that the rows of a layer come from: of `borders` the lines under them."""
    found: gpd.GeoDataFrame = getattr(division, "lines" if name == "borders" else name)
    return found


def values_of(frame: gpd.GeoDataFrame, name: str) -> list[tuple[Any, ...]]:
    """Rows of a layer as they stand in its frame; :func:`plain` makes them those of a database."""
    columns = (frame[column].array.to_numpy(dtype=object, na_value=None) for column in COLUMNS[name])
    return list(zip(*(values.tolist() for values in columns), strict=True))


def plain(name: str, values: Iterable[Any]) -> tuple[Any, ...]:
    """A row with values as a database gives them back: no zero below zero, nothing as None."""
    return tuple(kind(value) for kind, value in zip(_KINDS[name], values, strict=True))


def _number(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _measure(value: Any) -> float | None:
    return None if pd.isna(value) else float(value) + 0.0


def _text(value: Any) -> Any:
    return value if isinstance(value, str) or not pd.isna(value) else None


def _text_or_empty(value: Any) -> Any:
    return value if isinstance(value, str) or not pd.isna(value) else ""


def _kind(name: str, column: str) -> Callable[[Any], Any]:
    if column in COUNTS or column in MEASURES:
        return _number if column in COUNTS else _measure
    return _text_or_empty if column == "flags" or name == "borders" else _text


_KINDS = {name: [_kind(name, column) for column in columns] for name, columns in COLUMNS.items()}
"""What makes a value of each column one of a database."""


def rows_of_frame(frame: gpd.GeoDataFrame, name: str, zone: str) -> dict[Key, Row]:
    """Rows of one zone in a frame, each with the WKB of its shape."""
    mine = frame[frame["zone_code"] == zone]
    rows = [
        row_of(plain(name, one), wkb)
        for one, wkb in zip(values_of(mine, name), wkb_of(as_array(mine.geometry)), strict=True)
    ]
    return {key_of(name, row.values): row for row in rows}


def wkb_of(shapes: Geometries) -> list[bytes]:
    """WKB as it is stored."""
    return list(shapely.to_wkb(shapes, byte_order=1, output_dimension=2, include_srid=False))


# ---------------------------------------------------------------- to parts
class Stands(NamedTuple):
    """A part that is in the store, and all its rows."""

    part: int
    rows: ZoneRows


def store_rows(connection: Connection, rows: ZoneRows, *, like: Stands | None = None) -> int:
    """Store the rows of a zone as a part, where there is none of the same content; give its number.

    Parameters
    ----------
    like : a part that has most of these very rows, which the database then copies
    """
    digest = content_sha256(list(_content(rows)))
    there = known(connection, tables.part, [digest])
    if there:
        return there[digest]
    new = {name: _not_in(layer, {} if like is None else like.rows[name]) for name, layer in rows.items()}
    wanted = {row.digest: row.wkb for layer in new.values() for row in layer if row.shape_id is None}
    shape_id = shapes(connection, {key: wkb for key, wkb in wanted.items() if wkb is not None})
    part, zone = following(connection, tables.part), zone_row(rows)
    whole = (part, digest, *zone.values, zone.shape_id or shape_id[zone.digest], *_box(connection, zone))
    insert_all(connection, tables.part, ("id", "digest", *ZONE, "shape_id", *tables.BOX), iter([whole]))
    for name, (table, columns) in LAYERS.items():
        mine = new[name]
        if like is not None and len(mine) < len(rows[name]):
            gone = [key for key, row in like.rows[name].items() if rows[name].get(key) is not row]
            _copy(connection, name, like.part, part, gone)
        told = ((part, *row.values, row.shape_id or shape_id[row.digest]) for row in mine)
        insert_all(connection, table, ("part_id", *columns, "shape_id"), told)
    return part


def _not_in(layer: Mapping[Key, Row], like: Mapping[Key, Row]) -> list[Row]:
    """Rows that are no rows of another part; all of them where these are many, or named by more than one column."""
    new = [row for key, row in layer.items() if like.get(key) is not row]
    gone = len(like) - (len(layer) - len(new))
    return list(layer.values()) if gone > AT_ONCE or any(isinstance(key, tuple) for key in layer) else new


def _copy(connection: Connection, name: str, base: int, part: int, gone: list[Key]) -> None:
    """Copy the rows of a layer from one part to another, some of them left out."""
    connection.execute(_COPIED[name], {"base": base, "part": part, "gone": gone})


def _copied(name: str) -> sa.Insert:
    table, columns = LAYERS[name]
    rows = sa.select(sa.bindparam("part", type_=table.c.part_id.type), *(table.c[c] for c in (*columns, "shape_id")))
    kept = table.c[columns[0]].not_in(sa.bindparam("gone", expanding=True))
    return sa.insert(table).from_select(
        ["part_id", *columns, "shape_id"], rows.where(table.c.part_id == sa.bindparam("base"), kept)
    )


_COPIED = {name: _copied(name) for name in LAYERS if name in KEYS}


def _content(rows: ZoneRows) -> Iterator[list[Any]]:
    """What the digest of a part is made of, in its order."""
    zone = zone_row(rows)
    yield [*zone.values, zone.digest.hex()]
    for name in LAYERS:
        layer = rows[name]
        for key in sorted(layer):
            row = layer[key]
            yield [name, *row.values, row.digest.hex()]


def _box(connection: Connection, zone: Row) -> tuple[float, ...]:
    wkb = zone.wkb
    if wkb is None:
        wkb = bytes(connection.scalar(_WKB, {"shape": zone.shape_id}) or b"")
    return box_of(wkb)


_WKB = sa.select(tables.shape.c.wkb).where(tables.shape.c.id == sa.bindparam("shape"))
