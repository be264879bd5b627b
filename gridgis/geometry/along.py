"""Which lines run under edges, where they need not have the same vertices."""

from __future__ import annotations

import numpy as np
import shapely

from gridgis.geometry.noding import Bools, Floats, Geometries, Ints

STEPS = 30
"""Distances are told apart in this many steps of the largest: what differs by the noise of arithmetic is equal."""


def edges_of(lines: Geometries) -> tuple[Floats, Floats, Ints]:
    """Both ends of every edge of lines, in their order, and the line of each.

    Parameters
    ----------
    lines : array of LineString and MultiLineString
    """
    parts, row = shapely.get_parts(lines, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    same = part[1:] == part[:-1]
    return xy[:-1][same], xy[1:][same], row[part[1:][same]]


def lines_along(
    a: Floats, b: Floats, lines: Geometries, *, within: float, short: float, ends_within: float
) -> tuple[Ints, Ints]:
    """Pairs of an edge and a line that runs along it.

    Invariant: the middle of the edge is near the line, of a short edge both ends too: it may cross the line instead.

    Parameters
    ----------
    a, b : float array, shape (n, 2)
        The ends of the edges.
    lines : array of LineString and MultiLineString
    within : how near, in units of the coordinates
    short : length of edges of which the ends are looked at too
    ends_within : how near these are

    Returns
    -------
    edge, line : int array
        Each edge's lines from the nearest to the farthest, of those equally near the last first.
    """
    start, end, row = edges_of(lines)
    close = _in_reach(start, end, np.concatenate([a, b]), max(within, ends_within))
    start, end, row = start[close], end[close], row[close]
    ends = np.flatnonzero(np.hypot(*(b - a).T) < short)
    edge = np.concatenate([np.arange(len(a)), ends, ends])
    point = shapely.points(np.concatenate([(a + b) / 2, a[ends], b[ends]]))
    piece = shapely.linestrings(np.stack([start, end], axis=1)) if len(start) else np.zeros(0, dtype=object)
    reach = np.where(np.arange(len(point)) < len(a), within, ends_within)
    at, near = shapely.STRtree(piece).query(point, predicate="dwithin", distance=reach)
    far = np.rint(shapely.distance(point[at], piece[near]) * (STEPS / within)).astype(np.int64)
    # Of each point and line the nearest piece, then of each edge and line what its points tell, the middle first.
    order = np.lexsort((far, row[near], at))
    at, line, far = at[order], row[near][order], far[order]
    first = _changes(at, line)
    at, line, far = at[first], line[first], far[first]
    order = np.lexsort((at, line, edge[at]))
    at, line, far = at[order], line[order], far[order]
    first = _changes(edge[at], line)
    found = np.diff(np.append(np.flatnonzero(first), len(at)))
    asked = np.ones(len(a), dtype=np.int64)
    asked[ends] = 3
    at, line, far = at[first], line[first], far[first]
    whole = found == asked[edge[at]]
    edge, line, far = edge[at][whole], line[whole], far[whole]
    order = np.lexsort((-line, far, edge))
    return edge[order], line[order]


def _in_reach(start: Floats, end: Floats, xy: Floats, within: float) -> Bools:
    """Edges in the rectangle round some points: a few edges are not held against the lines of a whole city."""
    if not len(xy):
        return np.zeros(len(start), dtype=bool)
    low, high = xy.min(axis=0) - within, xy.max(axis=0) + within
    return ((np.maximum(start, end) >= low) & (np.minimum(start, end) <= high)).all(axis=1)


def _changes(one: Ints, two: Ints) -> Bools:
    """Rows that differ from the one before."""
    out = np.ones(len(one), dtype=bool)
    out[1:] = (one[1:] != one[:-1]) | (two[1:] != two[:-1])
    return out
