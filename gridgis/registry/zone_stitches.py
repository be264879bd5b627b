"""Vertices that an edit put on one side of a border put on the other as well, in the zone and in its neighbours.

Invariant: where two zones, or rows of two edits in one, have a common border, both have all vertices of it afterwards;
nothing else is moved. Zones whose outer border is as it was ask nothing of the store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import shapely
import sqlalchemy as sa
from pyproj import CRS
from sqlalchemy.engine import Connection

from gridgis.crs import area_m2, unit_m
from gridgis.geometry.noding import Geometries
from gridgis.geometry.stitch import BENT_M, Stitches, missing_vertices, stitched
from gridgis.registry import tables
from gridgis.registry.zone_changes import SUMS, Made, land_of
from gridgis.registry.zone_rows import (
    Key,
    Row,
    ZoneRows,
    row_of,
    rows_of_part,
    shapes_of,
    with_shapes,
    wkb_of,
    zone_row,
)
from gridgis.schema import KEYS

Zones = dict[str, ZoneRows | None]
"""Rows of zones by code; None where there is no such zone."""


def sewn(
    connection: Connection, version_id: int, stood: Mapping[str, ZoneRows | None], made: Mapping[str, Made], *, crs: str
) -> tuple[Zones, Zones]:
    """Zones as they were made, and those around them, with the vertices that one side of a border has.

    Parameters
    ----------
    stood : rows of the zones before
    crs : of the store

    Returns
    -------
    before, after : dict
        Rows of the zones, and of the neighbours that got vertices.
    """
    before, after = dict(stood), {zone: one.rows for zone, one in made.items()}
    bent = [zone for zone, one in made.items() if one.loose or _bent(stood.get(zone), one.rows)]
    if not any(after[zone] is not None for zone in bent):
        return before, after
    loose = {zone for zone, one in made.items() if one.loose}
    for zone in loose:
        after[zone] = _with_shapes(connection, after[zone])
    outer = {zone: _outer(connection, rows, within=zone in loose) for zone, rows in after.items() if rows is not None}
    within = BENT_M / unit_m(CRS.from_user_input(crs))
    around = _neighbours(connection, version_id, [outer[zone] for zone in bent if zone in outer], after, within)
    for zone, (_, shape) in around.items():
        outer[zone] = shape
    whole = np.repeat([zone in bent for zone in outer], [len(polygons) for polygons in outer.values()])
    stitches = missing_vertices(np.concatenate(list(outer.values())), within=within, of=whole)
    for zone in sorted(loose | _lacking(outer, stitches)):
        if zone not in after:
            before[zone] = after[zone] = rows_of_part(connection, around[zone][0])
        after[zone] = _measured(_stitched(_with_shapes(connection, after[zone]), stitches), crs)
    return before, after


def _bent(before: ZoneRows | None, after: ZoneRows | None) -> bool:
    """Whether the outer border of a zone is another one."""
    return before is None or after is None or zone_row(before).digest != zone_row(after).digest


def _with_shapes(connection: Connection, rows: ZoneRows | None) -> ZoneRows:
    """All rows of land with their WKB, but for that of a zone whose land is to be made again."""
    assert rows is not None
    land = {name: rows[name] for name in KEYS if name != "zones" or zone_row(rows).digest}
    return {**rows, **with_shapes(connection, land)}


def _outer(connection: Connection, rows: ZoneRows, *, within: bool) -> Geometries:
    """The polygons whose edges are looked at: of a zone, or of all its atoms where they are of two edits."""
    layer = rows["atoms"] if within else with_shapes(connection, {"zones": rows["zones"]})["zones"]
    return shapes_of(layer.values())


def _neighbours(
    connection: Connection, version_id: int, shapes: Iterable[Geometries], but: Collection[str], within: float
) -> dict[str, tuple[int, Geometries]]:
    """Other zones of a version whose box meets that of some shapes: part and polygon of each."""
    zone, part, shape = tables.version_zone.c, tables.part.c, tables.shape.c
    asked = sa.select(zone.zone_code, zone.part_id, shape.wkb).select_from(
        tables.version_zone.join(tables.part, part.id == zone.part_id).join(tables.shape, shape.id == part.shape_id)
    )
    out: dict[str, tuple[int, Geometries]] = {}
    for polygons in shapes:
        west, south, east, north = shapely.total_bounds(polygons).tolist()
        meets = sa.and_(
            part.west <= east + within,
            part.east >= west - within,
            part.south <= north + within,
            part.north >= south - within,
        )
        for code, number, wkb in connection.execute(asked.where(zone.version_id == version_id, meets)):
            if code not in but:
                out[code] = (number, shapely.from_wkb(np.array([bytes(wkb)], dtype=object)))
    return dict(sorted(out.items()))


def _lacking(outer: Mapping[str, Geometries], stitches: Stitches) -> set[str]:
    """Zones that have an edge into which a vertex is to be put."""
    if not len(stitches.edge):
        return set()
    shapes = np.concatenate(list(outer.values()))
    grown = ~shapely.equals_identical(stitched(shapes, stitches), shapes)
    owner = np.repeat(np.arange(len(outer)), [len(polygons) for polygons in outer.values()])
    codes = list(outer)
    return {codes[k] for k in owner[grown]}


def _stitched(rows: ZoneRows, stitches: Stitches) -> ZoneRows:
    """Rows with the vertices put into the land that lacks them; lines need none."""
    if not len(stitches.edge):
        return rows
    out: dict[str, Mapping[Key, Row]] = dict(rows)
    for name in KEYS:
        layer = {key: row for key, row in rows[name].items() if row.wkb is not None}
        was = shapes_of(layer.values())
        now = stitched(was, stitches) if len(was) else was
        grown = np.flatnonzero(~shapely.equals_identical(now, was))
        keys = list(layer)
        new = {keys[k]: row_of(layer[keys[k]].values, wkb) for k, wkb in zip(grown, wkb_of(now[grown]), strict=True)}
        out[name] = {**rows[name], **new}
    return out


def _measured(rows: ZoneRows, crs: str) -> ZoneRows:
    """Rows of a zone with its land and sums made again of its grids, where they are not told."""
    zone = zone_row(rows)
    if zone.digest:
        return rows
    land = land_of(rows)
    number = [row.of("grids", "households") for row in rows["grids"].values()]
    households = None if None in number else sum(number)
    area = float(area_m2([land], CRS.from_user_input(crs))[0])
    told = dict(zip(SUMS, (households, area), strict=True))
    made = row_of(zone.put("zones", **told).values, wkb_of(np.array([land], dtype=object))[0])
    return {**rows, "zones": dict.fromkeys(rows["zones"], made)}
