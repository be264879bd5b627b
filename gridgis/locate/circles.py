"""How much of the circle of error around a point lies in each polygon of a coverage.

Invariant: the shares of a circle, with that outside of all polygons, add up to one. Areas come from the border alone
(Green's theorem): stretches of edges inside the circle, and the arcs between the places where edges cross it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridgis.geometry.noding import Bools, Floats, Ints
from gridgis.locate.raster import Int32s, Raster


class Shares(NamedTuple):
    """Polygons within reach of points, a row each, in the order of the points, then by share, then by index.

    Attributes
    ----------
    point, polygon : int array, shape (n,)
        The polygon is -1 for the land outside of all.
    share : float array, shape (n,)
        Of the circle, 0..1.
    distance_m : float array, shape (n,)
        From the point to the polygon, 0 in it.
    edge : int array, shape (number of points,)
        The nearest edge of each point, that of the smallest index where several are; -1 where none is in its circle.
    """

    point: Ints
    polygon: Ints
    share: Floats
    distance_m: Floats
    edge: Int32s


NOTHING = Shares(
    point=np.zeros(0, dtype=np.int64),
    polygon=np.zeros(0, dtype=np.int64),
    share=np.zeros(0),
    distance_m=np.zeros(0),
    edge=np.zeros(0, dtype=np.int32),
)
"""Of no point."""


class Stretches(NamedTuple):
    """Stretches of edges inside circles, in metres around the point of each, on a straight way from `begin` to `end`.

    Attributes
    ----------
    point : int array, shape (n,)
    left, right : int array, shape (n,)
        The polygons beside the edge.
    begin, end : float array, shape (n, 2)
    comes_in, goes_out : bool array, shape (n,)
        Whether the edge crosses the circle there.
    distance_m : float array, shape (n,)
    edge : int array, shape (n,)
    """

    point: Ints
    left: Ints
    right: Ints
    begin: Floats
    end: Floats
    comes_in: Bools
    goes_out: Bools
    distance_m: Floats
    edge: Int32s


def shares(
    cells: Raster, x: Floats, y: Floats, *, own: Int32s, rim: Int32s, radius_m: Floats, scale: tuple[Floats, Floats]
) -> Shares:
    """Shares of circles; only circles that an edge meets are told of.

    Parameters
    ----------
    cells : of the coverage
    x, y : float array, shape (n,)
        In the CRS of the coverage.
    own, rim : int array, shape (n,)
        The polygon at the point, and at the place `radius_m` to the east of it.
    radius_m : float array, shape (n,)
    scale : pair of float array, shape (n,)
        Metres in a unit of x and of y at the point.
    """
    point, record = _beside(cells, x, y, radius_m / scale[0], radius_m / scale[1])
    if not len(point):
        return NOTHING._replace(edge=np.full(len(x), -1, dtype=np.int32))
    met = _stretches(cells, x, y, point, record, radius_m, scale)
    pair, owner, polygon = _pairs(met)
    area = _swept(met, pair, len(owner)) + _arcs(met, pair, owner, polygon, rim, radius_m)
    distance = np.full(len(owner), np.inf)
    for side in pair:
        np.minimum.at(distance, side, met.distance_m)
    distance[polygon == own[owner]] = 0.0
    share = np.clip(area / (np.pi * radius_m[owner] ** 2), 0.0, 1.0)
    return in_order(owner, polygon, share, distance, _nearest(met, len(x)))


def in_order(point: Ints, polygon: Ints, share: Floats, distance_m: Floats, edge: Int32s) -> Shares:
    """Rows in the order in which :class:`Shares` has them."""
    order = np.lexsort((polygon, -share, point))
    return Shares(point[order], polygon[order], share[order], distance_m[order], edge)


def _stretches(
    cells: Raster, x: Floats, y: Floats, point: Ints, record: Int32s, radius_m: Floats, scale: tuple[Floats, Floats]
) -> Stretches:
    """The stretches of the edges beside points that are within their circles."""
    unit = np.column_stack(scale)[point]
    here = np.column_stack([x, y])[point]
    a, b = (cells.ends[record, :2] - here) * unit, (cells.ends[record, 2:] - here) * unit
    way = b - a
    square = np.maximum((way**2).sum(axis=1), 1e-300)
    middle = -(a * way).sum(axis=1) / square
    off = (a[:, 0] * way[:, 1] - a[:, 1] * way[:, 0]) ** 2 / square
    reach = np.sqrt(np.maximum(radius_m[point] ** 2 - off, 0.0) / square)
    begin, end = np.maximum(middle - reach, 0.0), np.minimum(middle + reach, 1.0)
    foot = a + way * np.clip(middle, 0.0, 1.0)[:, None]
    k = np.flatnonzero(begin < end)
    left, right = cells.sides[record[k]].T.astype(np.int64)
    return Stretches(
        point[k],
        left,
        right,
        (a + way * begin[:, None])[k],
        (a + way * end[:, None])[k],
        begin[k] > 0,
        end[k] < 1,
        np.hypot(*foot[k].T),
        cells.edge[record[k]],
    )


def _pairs(met: Stretches) -> tuple[tuple[Ints, Ints], Ints, Ints]:
    """The pair of a point and a polygon on the left and on the right of each stretch; point and polygon of each."""
    width = max(int(max(met.left.max(initial=-1), met.right.max(initial=-1))) + 2, 1)
    key = np.concatenate([met.point, met.point]) * width + np.concatenate([met.left, met.right]) + 1
    found, inverse = np.unique(key, return_inverse=True)
    left, right = np.split(inverse, 2)
    return (left, right), found // width, found % width - 1


def _swept(met: Stretches, pair: tuple[Ints, Ints], n: int) -> Floats:
    """What the stretches add to the area of each pair: land to the left of an edge is walked around with it."""
    swept = (met.begin[:, 0] * met.end[:, 1] - met.begin[:, 1] * met.end[:, 0]) / 2
    return np.asarray(np.bincount(pair[0], swept, n) - np.bincount(pair[1], swept, n), dtype=np.float64)


def _arcs(met: Stretches, pair: tuple[Ints, Ints], owner: Ints, polygon: Ints, rim: Int32s, radius_m: Floats) -> Floats:
    """What the arcs of the circles add: each belongs to what lies behind the crossing before it.

    Counterclockwise on the circle, the right side of an edge follows where it comes in, the left where it goes out.
    A circle that no edge crosses is the land at its rim; where that is no side of an edge in it, all of its land is
    in the circle.
    """
    angle = np.concatenate(
        [
            np.arctan2(met.begin[met.comes_in, 1], met.begin[met.comes_in, 0]),
            np.arctan2(met.end[met.goes_out, 1], met.end[met.goes_out, 0]),
        ]
    )
    behind = np.concatenate([pair[1][met.comes_in], pair[0][met.goes_out]])
    order = np.lexsort((angle, owner[behind]))
    angle, behind = angle[order], behind[order]
    circle = owner[behind]
    last = np.concatenate([circle[1:] != circle[:-1], [True]])[: len(circle)]
    start = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])[: int(last.sum())]
    following = np.concatenate([angle[1:], [0.0]])[: len(angle)]
    following[last] = angle[start] + 2 * np.pi
    area = np.bincount(behind, radius_m[circle] ** 2 * (following - angle) / 2, len(owner)).astype(np.float64)
    uncrossed = ~np.isin(owner, circle) & (polygon == rim[owner])
    area[uncrossed] += np.pi * radius_m[owner[uncrossed]] ** 2
    return area


def _nearest(met: Stretches, n: int) -> Int32s:
    """The nearest edge of each point."""
    order = np.lexsort((met.edge, met.distance_m, met.point))[::-1]
    edge = np.full(n, -1, dtype=np.int32)
    edge[met.point[order]] = met.edge[order]
    return edge


@njit(cache=True, error_model="numpy")
def _beside(cells: Raster, x: Floats, y: Floats, across: Floats, up: Floats) -> tuple[Ints, Int32s]:
    """Points and records of edges whose box meets the box of the circle, each edge once a point."""
    cell, first, edge, ends = cells.cell, cells.first, cells.edge, cells.ends
    point, record = np.empty(len(x) + 16, dtype=np.int64), np.empty(len(x) + 16, dtype=np.int32)
    n = 0
    for p in range(len(x)):
        begin = n
        low_x, high_x, low_y, high_y = x[p] - across[p], x[p] + across[p], y[p] - up[p], y[p] + up[p]
        west, east = _reached(low_x, high_x, cells.west, cells.width, cells.columns)
        south, north = _reached(low_y, high_y, cells.south, cells.height, cells.rows)
        for row in range(south, north):
            for value in cell[row * cells.columns + west : row * cells.columns + east]:
                if value >= -1:
                    continue
                for k in range(first[-2 - value], first[-1 - value]):
                    if max(ends[k, 0], ends[k, 2]) < low_x or min(ends[k, 0], ends[k, 2]) > high_x:
                        continue
                    if max(ends[k, 1], ends[k, 3]) < low_y or min(ends[k, 1], ends[k, 3]) > high_y:
                        continue
                    if _is_new(edge, record, begin, n, k):
                        if n == len(point):
                            point, record = _doubled(point), _doubled(record)
                        point[n], record[n] = p, k
                        n += 1
    return point[:n], record[:n]


@njit(cache=True)
def _reached(low: float, high: float, origin: float, size: float, n: int) -> tuple[int, int]:
    """Columns or rows from one that a stretch begins in to the one behind that in which it ends; none beyond all."""
    if not (high >= origin and low <= origin + n * size):
        return 0, 0
    return max(0, int((low - origin) / size)), min(n, int((high - origin) / size) + 1)


@njit(cache=True)
def _is_new(edge: Int32s, record: Int32s, begin: int, n: int, k: int) -> bool:
    """Whether an edge is not yet among the records of a point: an edge has one in every cell that it meets."""
    for other in range(begin, n):  # noqa: SIM110
        if edge[record[other]] == edge[k]:
            return False
    return True


@njit(cache=True)
def _doubled(values: np.ndarray) -> np.ndarray:
    out = np.empty(2 * len(values), dtype=values.dtype)
    for k in range(len(values)):  # a slice would take seconds to compile
        out[k] = values[k]
    return out
