"""Rows of one zone as plain values: read from a part, changed, and stored as another part.

Invariant: a part that is stored here is the one that :func:`gridgis.registry.parts.store_parts` would store, with the
same digest; of rows that did not change nothing is hashed, and no shape is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
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
    return {name: {_key(name, row.values): row for row in _read(connection, name, part)} for name in COLUMNS}


def _read(connection: Connection, name: str, part: int) -> Iterator[Row]:
    table = tables.part if name == "zones" else LAYERS[name][0]
    shape, holder = tables.shape, table.c.id if name == "zones" else table.c.part_id
    columns = COLUMNS[name]
    asked = sa.select(*(table.c[column] for column in columns), table.c.shape_id, shape.c.digest)
    joined = asked.select_from(table.join(shape, shape.c.id == table.c.shape_id)).where(holder == part)
    for *values, shape_id, digest in connection.execute(joined):
        yield Row(tuple(values), bytes(digest), shape_id)


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


def _key(name: str, values: tuple[Any, ...]) -> Key:
    return (values[0], values[1]) if name not in KEYS else values[0]


# ---------------------------------------------------------------- from frames
class Told(NamedTuple):
    """A row of a frame: its values, and its shape as it is."""

    values: tuple[Any, ...]
    shape: shapely.Geometry


def told(division: Division, name: str) -> dict[tuple[str, Key], Told]:
    """Rows of a layer by zone and key, values as a database gives them back; of `borders` the lines under them."""
    frame: gpd.GeoDataFrame = getattr(division, "lines" if name == "borders" else name)
    columns = [_plain(frame[column], column, none=_none(name, column)) for column in COLUMNS[name]]
    rows = zip(frame["zone_code"].tolist(), zip(*columns, strict=True), as_array(frame.geometry), strict=True)
    return {(zone, _key(name, values)): Told(values, shape) for zone, values, shape in rows}


def wkb_of(shape: Iterable[shapely.Geometry]) -> list[bytes]:
    """WKB as it is stored."""
    array = np.array([*shape, None], dtype=object)[:-1]
    return list(shapely.to_wkb(array, byte_order=1, output_dimension=2, include_srid=False))


def _none(name: str, column: str) -> str | None:
    """What stands for nothing in a column."""
    return "" if column == "flags" or name == "borders" else None


def _plain(values: pd.Series, name: str, *, none: str | None) -> list[Any]:
    """Values of a column as a database gives them back: no zero below zero."""
    found = zip(values.tolist(), values.isna().tolist(), strict=True)
    if name in COUNTS or name in MEASURES:
        kind = int if name in COUNTS else float
        return [none if lacks else kind(value) + 0 for value, lacks in found]
    return [none if lacks else value for value, lacks in found]


# ---------------------------------------------------------------- to parts
def store_rows(connection: Connection, rows: ZoneRows) -> int:
    """Store the rows of a zone as a part, where there is none of the same content; give its number."""
    digest = content_sha256(list(_content(rows)))
    there = known(connection, tables.part, [digest])
    if there:
        return there[digest]
    wanted = {row.digest: row.wkb for layer in rows.values() for row in layer.values() if row.shape_id is None}
    shape_id = shapes(connection, {key: wkb for key, wkb in wanted.items() if wkb is not None})
    part = following(connection, tables.part)
    zone = zone_row(rows)
    box = _box(connection, zone)
    number = zone.shape_id or shape_id[zone.digest]
    insert_all(
        connection,
        tables.part,
        ("id", "digest", *ZONE, "shape_id", *tables.BOX),
        iter([(part, digest, *zone.values, number, *box)]),
    )
    for name, (table, columns) in LAYERS.items():
        told = ((part, *row.values, row.shape_id or shape_id[row.digest]) for row in rows[name].values())
        insert_all(connection, table, ("part_id", *columns, "shape_id"), told)
    return part


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
        shape = tables.shape.c
        wkb = bytes(connection.scalar(sa.select(shape.wkb).where(shape.id == zone.shape_id)) or b"")
    return box_of(wkb)
