"""From lines to the faces between them.

Lines are noded on a grid of one centimetre, so that faces made of them share their vertices
exactly. Nothing is added to faces afterwards: a line that is to count must be in the arrangement.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

GRID_M = 0.01
"""Coordinates of an arrangement are multiples of this, in metres."""

SEGMENT_M = 200.0
"""No edge is longer: an edge straight in the working CRS stays straight in any other."""

Geometries = npt.NDArray[np.object_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def as_array(geometries: object) -> Geometries:
    """Geometries of a frame, a series or a list as an object array."""
    return np.asarray(geometries, dtype=object)


def rings(polygons: Geometries) -> Geometries:
    """Every ring of every polygon as a LineString."""
    parts = shapely.get_parts(polygons)
    return np.array([shapely.LineString(ring.coords) for ring in shapely.get_rings(parts)], dtype=object)


def node(lines: Geometries) -> Geometries:
    """Lines cut at each other's crossings and ends, on the grid of :data:`GRID_M`.

    Parameters
    ----------
    lines : array of LineString or MultiLineString, metres

    Returns
    -------
    array of LineString, no two of which cross; coincident stretches occur once.
    """
    lines = lines[shapely.length(lines) > 0]  # neither missing nor empty nor a point
    if not len(lines):
        return lines
    dense = shapely.segmentize(lines, SEGMENT_M)
    return shapely.get_parts(shapely.union_all(dense, grid_size=GRID_M))


def faces(edges: Geometries) -> Geometries:
    """Polygons between noded edges, from west to east, then south to north.

    Dangling edges make no face. Two faces share the vertices of their common border exactly.
    """
    found = shapely.get_parts(shapely.polygonize(list(edges)))
    if not len(found):
        return found
    bounds = shapely.bounds(found)
    return found[np.lexsort((shapely.area(found), bounds[:, 3], bounds[:, 2], bounds[:, 1], bounds[:, 0]))]


def inner_points(polygons: Geometries) -> Geometries:
    """A point well inside each polygon."""
    return shapely.point_on_surface(polygons)


def first_hit(points: Geometries, polygons: Geometries) -> Ints:
    """Index of the first polygon that covers each point, -1 where none does."""
    out = np.full(len(points), -1, dtype=np.int64)
    if len(polygons) and len(points):
        which, polygon = shapely.STRtree(polygons).query(points, predicate="intersects")
        order = np.lexsort((-polygon, which))
        out[which[order]] = polygon[order]
    return out


def width_m(polygons: Geometries) -> Floats:
    """Mean width of each polygon as that of a strip: twice the area over half the perimeter."""
    perimeter = np.maximum(shapely.length(polygons), 1e-9)
    return 2 * shapely.area(polygons) / perimeter
