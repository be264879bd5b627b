"""Faces into which a line parts polygons of a coverage; no vertex that was there moves.

Noding on a grid would round the vertices of all polygons that the line meets, and tear them from their neighbours.
Here the crossings are found in floating point, and only what is new is put on the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import cKDTree

from gridgis.geometry.borders import Keys, edge_keys, point_keys, shared_edges
from gridgis.geometry.coverage import NOISE_M2
from gridgis.geometry.noding import GRID_M, Bools, Floats, Geometries, Ints, first_hit, inner_points

NEAR_M = 0.5
"""How near a hand-drawn line is taken to touch."""

ON_M = 1e-4
"""Beyond the noise of floats, and far below a centimetre."""


@dataclass(frozen=True)
class Faces:
    """Faces of some polygons and a line.

    Attributes
    ----------
    polygons : array of Polygon
    owner : row of the polygon in which each face lies
    drawn : keys of the edges that lie on the line, in order
    """

    polygons: Geometries
    owner: Ints
    drawn: Keys


def parted(polygons: Geometries, line: shapely.Geometry, *, near_m: float = NEAR_M) -> Faces:
    """The faces of polygons that a line parts.

    Invariant: the faces tile the polygons, share their vertices exactly, and have every vertex of these. New vertices
    are multiples of :data:`gridgis.geometry.noding.GRID_M`; an edge bends by no more than that where it gets one.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon, metres
        A coverage; only those that the line meets are of use.
    line : LineString or MultiLineString
    near_m : a line that passes a vertex this near goes through it; a vertex of it this near an edge lies on it
    """
    edges = shared_edges(polygons)
    for near, grid in ((near_m, GRID_M), (0.0, GRID_M), (0.0, 0.0)):
        found = _attempt(polygons, line, edges.a, edges.b, near_m=near, grid_m=grid)
        if _tiles(found, polygons):
            break
    return found


def _attempt(
    polygons: Geometries, line: shapely.Geometry, a: Floats, b: Floats, *, near_m: float, grid_m: float
) -> Faces:
    segments = shapely.linestrings(np.stack([a, b], axis=1))
    drawn, edge, put = _fitted(line, a, b, segments, near_m=near_m, grid_m=grid_m)
    met = np.zeros(len(a), dtype=bool)
    met[shapely.STRtree(segments).query(drawn, predicate="intersects")[1]] = True
    met[edge] = True
    bent = _with_points(a, b, edge, put)
    start, end = _noded(np.concatenate([bent[met], drawn]))
    on_line = _on(start, end, drawn)
    known = np.concatenate([a, b])
    start, end = (_placed(xy, known, a, b, segments, near_m=near_m, grid_m=grid_m) for xy in (start, end))
    real = (start != end).any(axis=1)
    rest_a, rest_b = a[~met], b[~met]
    every = np.stack([np.concatenate([start[real], rest_a]), np.concatenate([end[real], rest_b])], axis=1)
    _, first = np.unique(edge_keys(every[:, 0], every[:, 1]), return_index=True)
    found = shapely.get_parts(shapely.polygonize(shapely.linestrings(every[np.sort(first)])))
    owner = first_hit(inner_points(found), polygons)
    keys = np.unique(edge_keys(start[real & on_line], end[real & on_line]))
    return Faces(found[owner >= 0], owner[owner >= 0], keys)


def _tiles(found: Faces, polygons: Geometries) -> bool:
    """Whether faces are valid and fill each polygon, but for what its edges bend, and none of its vertices is lost."""
    if not (shapely.is_valid(found.polygons).all() and shapely.coverage_is_valid(found.polygons)):
        return False
    area = np.bincount(found.owner, weights=shapely.area(found.polygons), minlength=len(polygons))
    slack = NOISE_M2 + GRID_M * shapely.length(polygons)
    known, now = (point_keys(shapely.get_coordinates(shapes)) for shapes in (polygons, found.polygons))
    return bool((np.abs(area - shapely.area(polygons)) <= slack).all() and np.isin(known, now).all())


def _fitted(
    line: shapely.Geometry, a: Floats, b: Floats, segments: Geometries, *, near_m: float, grid_m: float
) -> tuple[Geometries, Ints, Floats]:
    """The line through the vertices that it passes; the edges that one of its vertices touches, and where."""
    parts = shapely.get_parts(line)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    xy = _rounded(xy, grid_m)
    edge, put = np.zeros(0, dtype=np.int64), np.zeros((0, 2))
    if near_m > 0:
        corners = np.unique(np.concatenate([a, b]), axis=0)
        xy, far = _to_vertices(xy, corners, near_m)
        xy, edge, put = _to_edges(xy, far, a, b, segments, near_m=near_m, grid_m=grid_m)
        xy, part = _through(xy, part, corners, near_m)
    keep = np.concatenate([[True], (xy[1:] != xy[:-1]).any(axis=1) | (part[1:] != part[:-1])])
    xy, part = xy[keep], part[keep]
    enough = np.bincount(part)[part] > 1
    part = np.unique(part[enough], return_inverse=True)[1]
    return np.asarray(shapely.linestrings(xy[enough], indices=part), dtype=object), edge, put


def _rounded(xy: Floats, grid_m: float) -> Floats:
    """Coordinates on the grid, as noding rounds them."""
    scale = 1 / grid_m if grid_m > 0 else 0
    return np.round(xy * round(scale)) / round(scale) if scale else xy


def _to_vertices(xy: Floats, corners: Floats, near_m: float) -> tuple[Floats, Bools]:
    """Points moved to the vertex that they are near to, and which are near to none."""
    away, at = cKDTree(corners).query(xy, distance_upper_bound=near_m)
    far = ~np.isfinite(away)
    return np.where(far[:, None], xy, corners[np.minimum(at, len(corners) - 1)]), far


def _to_edges(
    xy: Floats, far: Bools, a: Floats, b: Floats, segments: Geometries, *, near_m: float, grid_m: float
) -> tuple[Floats, Ints, Floats]:
    """Points moved onto the edge that they are near to, and where edges get a vertex so."""
    rows = np.flatnonzero(far)
    tree = shapely.STRtree(segments)
    point, edge = tree.query(shapely.points(xy[rows]), predicate="dwithin", distance=near_m)
    if not len(point):
        return xy, edge, np.zeros((0, 2))
    foot = _foot(xy[rows[point]], a[edge], b[edge])
    away = np.hypot(*(foot - xy[rows[point]]).T)
    first = np.unique(point[np.lexsort((edge, away, point))], return_index=True)[1]
    chosen = np.lexsort((edge, away, point))[first]
    out = xy.copy()
    out[rows[point[chosen]]] = _rounded(foot[chosen], grid_m)
    return out, edge[chosen], out[rows[point[chosen]]]


def _foot(xy: Floats, a: Floats, b: Floats) -> Floats:
    """The nearest point of each edge."""
    along = ((xy - a) * (b - a)).sum(axis=1) / np.maximum(((b - a) ** 2).sum(axis=1), 1e-30)
    return a + np.clip(along, 0, 1)[:, None] * (b - a)


def _through(xy: Floats, part: Ints, corners: Floats, near_m: float) -> tuple[Floats, Ints]:
    """Lines with the vertices of polygons that they pass put in."""
    row = np.flatnonzero(part[1:] == part[:-1])
    start, end = xy[row], xy[row + 1]
    tree = shapely.STRtree(shapely.linestrings(np.stack([start, end], axis=1)))
    corner, leg = tree.query(shapely.points(corners), predicate="dwithin", distance=near_m)
    length = ((end - start) ** 2).sum(axis=1)
    along = ((corners[corner] - start[leg]) * (end - start)[leg]).sum(axis=1) / np.maximum(length[leg], 1e-30)
    inside = (along > 0) & (along < 1)
    inside &= (corners[corner] != start[leg]).any(axis=1) & (corners[corner] != end[leg]).any(axis=1)
    corner, leg, along = corner[inside], leg[inside], along[inside]
    order = np.lexsort((along, leg))
    at = row[leg[order]] + 1
    return np.insert(xy, at, corners[corner[order]], axis=0), np.insert(part, at, part[at])


def _with_points(a: Floats, b: Floats, edge: Ints, put: Floats) -> Geometries:
    """Edges as lines, with the vertices that they get."""
    along = ((put - a[edge]) * (b - a)[edge]).sum(axis=1) / ((b - a)[edge] ** 2).sum(axis=1)
    n = len(a)
    of = np.concatenate([np.arange(n), edge, np.arange(n)])
    at = np.concatenate([np.full(n, -np.inf), along, np.full(n, np.inf)])
    order = np.lexsort((at, of))
    xy, of = np.concatenate([a, put, b])[order], of[order]
    keep = np.concatenate([[True], (xy[1:] != xy[:-1]).any(axis=1) | (of[1:] != of[:-1])])
    return np.asarray(shapely.linestrings(xy[keep], indices=of[keep]), dtype=object)


def _noded(lines: Geometries) -> tuple[Floats, Floats]:
    """Ends of the segments of lines cut at each other's crossings."""
    parts = shapely.get_parts(shapely.union_all(lines))
    xy, part = shapely.get_coordinates(parts, return_index=True)
    same = part[1:] == part[:-1]
    return xy[:-1][same], xy[1:][same]


def _on(start: Floats, end: Floats, lines: Geometries) -> Bools:
    """Whether segments lie on lines with which they were noded."""
    out = np.zeros(len(start), dtype=bool)
    middle = shapely.points((start + end) / 2)
    out[shapely.STRtree(lines).query(middle, predicate="dwithin", distance=ON_M)[0]] = True
    return out


def _placed(
    xy: Floats, known: Floats, a: Floats, b: Floats, segments: Geometries, *, near_m: float, grid_m: float
) -> Floats:
    """New points at the end of their edge where it is near, else on the grid; known ones as they are."""
    out = xy.copy()
    new = np.flatnonzero(~np.isin(point_keys(xy), point_keys(known)))
    out[new] = _rounded(xy[new], grid_m)
    point, edge = shapely.STRtree(segments).query(shapely.points(xy[new]), predicate="dwithin", distance=ON_M)
    ends = np.stack([a[edge], b[edge]])
    away = np.hypot(*np.moveaxis(ends - xy[new[point]], 2, 0))
    nearest = np.argmin(away, axis=0)
    rows = np.arange(len(point))
    close = away[nearest, rows] < max(near_m, ON_M)
    order = np.lexsort((-edge[close], -away[nearest, rows][close]))  # the nearest is written last
    out[new[point[close]][order]] = ends[nearest, rows][close][order]
    return out
