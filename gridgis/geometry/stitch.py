"""Stitching: vertices that one side of a border has and the other lacks, put into both.

Where one side of a border was divided anew, its junctions lie on edges of the other side. Both are one border again
when every vertex of either stands in both. Nothing is moved: an edge bends by no more than the tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.geometry.borders import Edges, Keys, edge_keys, point_keys, shared_edges
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints

BENT_M = 0.1
"""An edge bends by no more than this where a vertex of its neighbour is put into it."""


@dataclass(frozen=True)
class Stitches:
    """Vertices to be put into edges.

    Attributes
    ----------
    edge : uint64 array, shape (n,)
        Key of the edge of each vertex, in order; those of one edge follow each other from its start.
    start : float array, shape (n, 2)
        The end of the edge from which they are counted.
    xy : float array, shape (n, 2)
    """

    edge: Keys
    start: Floats
    xy: Floats


def missing_vertices(polygons: Geometries, *, within: float, of: Bools | None = None) -> Stitches:
    """The vertices that polygons lack along their common borders.

    None goes into a polygon that has it elsewhere, or into two of its edges: its ring would touch itself there.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon
    within : how far from an edge a vertex of another polygon lies at most to be one of it, in units of the coordinates
    of : bool array, shape (n,)
        The polygons around which all others are there, all by default. Between two of the rest nothing is put: what
        looks like the rim of the land may be a border with one that is not there.
    """
    edges = shared_edges(polygons)
    loose = np.flatnonzero(edges.unmatched)
    a, b, owner = edges.a[loose], edges.b[loose], edges.owner[loose]
    points, at = np.unique(np.concatenate([a, b]), axis=0, return_inverse=True)
    known = np.concatenate([np.column_stack([np.concatenate([owner, owner]), at]), _of_matched(edges, points)])
    point, edge = _near(points, a, b, within)
    along = ((points[point] - a[edge]) * (b[edge] - a[edge])).sum(axis=1) / ((b[edge] - a[edge]) ** 2).sum(axis=1)
    inside = np.flatnonzero((along > 0) & (along < 1) & ~_among(owner[edge], point, known, len(points)))
    if of is not None:
        inside = inside[of[owner[edge[inside]]] | np.isin(point[inside], known[of[known[:, 0]], 1])]
    off = np.hypot(*(a[edge] + along[:, None] * (b - a)[edge] - points[point]).T)
    inside = inside[np.lexsort((edge[inside], off[inside]))]
    once = inside[np.unique(owner[edge[inside]] * len(points) + point[inside], return_index=True)[1]]
    point, edge, along = point[once], edge[once], along[once]
    key = edge_keys(a, b)
    order = np.lexsort((along, key[edge]))
    return Stitches(key[edge][order], a[edge][order], points[point][order])


def _of_matched(edges: Edges, points: Floats) -> Ints:
    """Polygons with those of some points that they have on borders which are whole, shape (n, 2)."""
    whole = np.flatnonzero(~edges.unmatched)
    names = point_keys(points)
    order = np.argsort(names)
    out = [np.zeros((0, 2), dtype=np.int64)]
    for ends in (edges.a[whole], edges.b[whole]) if len(points) else ():
        keys = point_keys(ends)
        at = order[np.minimum(np.searchsorted(names, keys, sorter=order), len(names) - 1)]
        met = names[at] == keys
        out += [np.column_stack([side[whole][met], at[met]]) for side in (edges.left, edges.right)]
    return np.concatenate(out)


def stitched(shapes: Geometries, stitches: Stitches) -> Geometries:
    """Polygons or lines with the vertices put into those of their edges that lack them.

    Where a polygon is so narrow that a vertex comes into both of its sides, it ends there: what is left beyond it has
    no land, and is the common border of those on either side.

    Parameters
    ----------
    shapes : array of Polygon and MultiPolygon, or of LineString and MultiLineString
    """
    out = shapes.copy()
    rows = _touched(shapes, stitches)
    if not len(rows):
        return out
    kind, xy, offsets = shapely.to_ragged_array(shapes[rows])
    after, new = _insertions(xy, offsets[0], stitches)
    grown = np.insert(xy, after + 1, new, axis=0)
    moved = offsets[0] + np.searchsorted(after, offsets[0] - 1)
    if (shapely.get_dimensions(shapes[rows]) == 2).all():
        grown, moved = _without_spikes(grown, moved)
    several = shapely.from_ragged_array(kind, grown, (moved, *offsets[1:]))
    single = np.isin(shapely.get_type_id(shapes[rows]), (1, 3)) & np.isin(shapely.get_type_id(several), (5, 6))
    out[rows] = np.where(single, shapely.get_geometry(several, 0), several)
    return out


def _without_spikes(xy: Floats, start: Ints) -> tuple[Floats, Ints]:
    """Rings without the ways there and back: of each its tip, and the second time of the vertex before it.

    Parameters
    ----------
    start : where each ring begins, and the end of the last
    """
    while True:
        inner = np.ones(len(xy), dtype=bool)
        inner[start[:-1]] = inner[start[1:] - 1] = False
        tip = np.flatnonzero(inner[1:-1] & (xy[:-2] == xy[2:]).all(axis=1)) + 1
        tip = tip[np.diff(tip, prepend=-2) > 1]  # of two that follow each other the second one waits for its turn
        ends = start[1:] - 1
        begun = (xy[np.minimum(start[:-1] + 1, ends)] == xy[ends - 1]).all(axis=1) & (ends - start[:-1] > 3)
        if not len(tip) and begun.any():  # a tip where a ring begins: it begins with the vertex beside instead
            kept = np.ones(len(xy), dtype=bool)
            kept[start[:-1][begun]] = kept[ends[begun]] = False
            xy, start = xy[kept], np.concatenate([[0], np.cumsum(kept)])[start]
            continue
        if not len(tip):
            return xy, start
        kept = np.ones(len(xy), dtype=bool)
        kept[tip] = kept[tip + 1] = False
        kept[start[1:] - 1] = True  # a ring stays closed
        kept[tip[np.isin(tip + 1, start[1:] - 1)] - 1] = False
        xy, start = xy[kept], np.concatenate([[0], np.cumsum(kept)])[start]


def alike(one: Geometries, two: Geometries, *, within: float) -> Bools:
    """Whether each pair of polygons is one but for vertices on its edges.

    Parameters
    ----------
    within : how far apart their borders are at most, in units of the coordinates
    """
    out = np.asarray(shapely.equals_exact(one, two))
    far = np.abs(shapely.bounds(one) - shapely.bounds(two)).max(axis=1, initial=0.0)
    asked = ~out & (far <= within)
    here, there = one[asked], two[asked]
    near = shapely.hausdorff_distance(shapely.boundary(here), shapely.boundary(there)) <= within
    # That distance is taken at vertices alone: the same ones in another order are another land.
    apart = shapely.area(shapely.symmetric_difference(here[near], there[near]))
    near[near] = apart <= within * shapely.length(here[near])
    out[asked] = near
    return out


def _near(points: Floats, a: Floats, b: Floats, within: float) -> tuple[Ints, Ints]:
    tree = shapely.STRtree(shapely.linestrings(np.stack([a, b], axis=1)))
    point, edge = tree.query(shapely.points(points), predicate="dwithin", distance=within)
    return point, edge


def _among(owner: Ints, point: Ints, known: Ints, n: int) -> Bools:
    """Whether polygons have a point already."""
    return np.isin(owner * n + point, known[:, 0] * n + known[:, 1])


def _touched(shapes: Geometries, stitches: Stitches) -> Ints:
    """Shapes that have an edge to be stitched, or may."""
    starts = np.unique(stitches.start, axis=0)
    found = shapely.STRtree(shapes).query(shapely.points(starts), predicate="intersects")[1]
    return np.unique(found)


def _insertions(xy: Floats, start: Ints, stitches: Stitches) -> tuple[Ints, Floats]:
    """After which vertex to put which, in order; `start` is where each ring or line begins."""
    last = np.zeros(len(xy), dtype=bool)
    last[start[1:] - 1] = True
    row = np.flatnonzero(~last)
    key = edge_keys(xy[row], xy[row + 1])
    names, first, count = np.unique(stitches.edge, return_index=True, return_counts=True)
    at = np.minimum(np.searchsorted(names, key), len(names) - 1)
    has = names[at] == key
    row, at = row[has], at[has]
    number = count[at]
    after = np.repeat(row, number)
    step = np.arange(len(after)) - np.repeat(np.cumsum(number) - number, number)
    forward = np.repeat((xy[row] == stitches.start[first[at]]).all(axis=1), number)
    pick = np.repeat(first[at], number) + np.where(forward, step, np.repeat(number, number) - 1 - step)
    return after, stitches.xy[pick]
