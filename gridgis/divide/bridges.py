"""Buildings that stand on both sides of a strip of nobody's land: what lies between their parts is land, too.

Without it the parts could not hang together, and a border would run through the building.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.divide.land import Land
from gridgis.divide.units import Units
from gridgis.geometry.noding import Bools, Geometries, Ints


@dataclass(frozen=True)
class Bridges:
    """Rows of the units that stand astride, and of each the place between its parts, less what is not under it."""

    unit: Ints
    span: Geometries


def bridges(units: Units, crossed: Ints, land: Land) -> Bridges:
    """Those of the buildings `crossed` that the land holds in two parts or more."""
    shape = units.geometry[crossed]
    building, face = shapely.STRtree(land.faces).query(shape, predicate="intersects")
    inside = shapely.intersection(shape[building], land.faces[face])
    lost = shapely.area(shape) - np.bincount(building, shapely.area(inside), len(shape))
    rows, spans = [], []
    for k in np.flatnonzero(lost > 0.01 * shapely.area(shape)):
        on_land = shapely.union_all(inside[building == k])
        if shapely.get_num_geometries(on_land) > 1:
            rows.append(crossed[k])
            spans.append(shapely.intersection(shapely.convex_hull(on_land), shape[k]))
    return Bridges(np.array(rows, dtype=np.int64), np.array([*spans, None], dtype=object)[:-1])


def bridged(
    home: Ints,
    under: Ints,
    polygons: Geometries,
    points: Geometries,
    unit_face: Ints,
    found: Bridges,
    *,
    reach_m: float,
) -> Ints:
    """The face of the land of each polygon, -1 for those outside, after strips under buildings became land.

    What a building encloses and is narrower than `reach_m` is closed as other gaps are.

    Parameters
    ----------
    home, under : face of the land and crossed building in which each polygon lies, -1 for none
    points : a point inside each polygon
    unit_face : face of the land that holds most of each unit
    """
    out = home.copy()
    for unit, span in zip(found.unit, found.span, strict=True):
        off = np.flatnonzero((under == unit) & (home < 0))
        off = off[shapely.intersects(points[off], span)]
        out[off] = unit_face[unit]
    for hole, face in _enclosed(polygons, out, np.flatnonzero((home < 0) & (out >= 0)), reach_m=reach_m):
        out[(out < 0) & shapely.intersects(points, hole)] = face
    return out


def _enclosed(
    polygons: Geometries, home: Ints, bridge: Ints, *, reach_m: float
) -> Iterator[tuple[shapely.Geometry, int]]:
    """Narrow holes of the land beside bridges, and the face that each bridge belongs to."""
    if not len(bridge):
        return
    land = shapely.get_parts(shapely.coverage_union_all(polygons[home >= 0]))
    inner = shapely.get_parts(shapely.difference(shapely.polygons(shapely.get_exterior_ring(land)), land))
    inner = inner[_narrow(inner, reach_m)]
    for k, b in zip(*shapely.STRtree(polygons[bridge]).query(inner, predicate="intersects"), strict=True):
        yield inner[k], int(home[bridge[b]])


def _narrow(polygons: Geometries, reach_m: float) -> Bools:
    return np.asarray(shapely.is_empty(shapely.buffer(polygons, -reach_m / 2)))
