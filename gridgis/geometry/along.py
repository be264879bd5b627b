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

    Invariant: the middle of the edge is near a part of the line and not beyond its end; of a short edge both ends are
    near that part too, for it may cross the line instead.

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
    parts, row = shapely.get_parts(lines, return_index=True)
    start, end, part = edges_of(parts)
    close = np.flatnonzero(_in_reach(start, end, np.concatenate([a, b]), max(within, ends_within)))
    tree = shapely.STRtree(shapely.linestrings(np.stack([start[close], end[close]], axis=1)))
    middle = (a + b) / 2
    edge, piece = tree.query(shapely.points(middle), predicate="dwithin", distance=within)
    apart = shapely.distance(shapely.points(middle[edge]), tree.geometries[piece])
    piece = close[piece]
    beside = ~_beyond(middle[edge], start, end, part, shapely.is_closed(parts), piece)
    is_short = np.hypot(*(b - a).T) < short
    for xy in (a, b):
        ends = np.flatnonzero(is_short)
        at, near = tree.query(shapely.points(xy[ends]), predicate="dwithin", distance=ends_within)
        pairs = ends[at] * len(parts) + part[close[near]]
        beside &= ~is_short[edge] | np.isin(edge * len(parts) + part[piece], pairs)
    edge, line, apart = edge[beside], row[part[piece[beside]]], apart[beside]
    order = np.lexsort((-line, np.rint(apart * (STEPS / within)), edge))
    return edge[order], line[order]


def _in_reach(start: Floats, end: Floats, xy: Floats, within: float) -> Bools:
    """Edges in the rectangle round some points: a few edges are not held against the lines of a whole city."""
    if not len(xy):
        return np.zeros(len(start), dtype=bool)
    low, high = xy.min(axis=0) - within, xy.max(axis=0) + within
    return np.asarray(((np.maximum(start, end) >= low) & (np.minimum(start, end) <= high)).all(axis=1))


def _beyond(xy: Floats, start: Floats, end: Floats, part: Ints, closed: Bools, piece: Ints) -> Bools:
    """Whether points lie beyond the end of the part whose piece is near them."""
    changes = np.append(True, part[1:] != part[:-1])
    first, last = changes[: len(part)], np.append(changes[1:], True)[: len(part)]
    along = end[piece] - start[piece]
    share = ((xy - start[piece]) * along).sum(axis=1)
    before, after = share <= 0, share >= (along * along).sum(axis=1)
    return np.asarray(((before & first[piece]) | (after & last[piece])) & ~closed[part[piece]])
