"""Which polygon of a coverage each of many points lies in.

Invariant: the answer is the polygon with the smallest index among those that cover the point, exactly: the same as
that of shapely's predicate on the same coordinates. It depends neither on other points nor on their order.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import get_num_threads, njit

from gridgis.geometry.noding import Bools, Floats
from gridgis.locate.exact import side
from gridgis.locate.raster import Int32s, Raster

NONE = np.int32(2**31 - 1)
MANY = 20_000
"""Points for each core that shares the work, at least: a thread takes as long to begin as some thousand points."""


class Found(NamedTuple):
    """What covers each point: the smallest index, -1 for none, and whether the point lies on an edge."""

    polygon: Int32s
    on_edge: Bools


def covering(points: Raster, x: Floats, y: Floats) -> Found:
    """The polygon that covers each point.

    Parameters
    ----------
    x, y : float array, shape (n,)
        In the CRS of the coverage; a point with a coordinate that is not finite lies in none.
    """
    polygon, on_edge = np.empty(len(x), dtype=np.int32), np.empty(len(x), dtype=np.bool_)
    parts = min(get_num_threads(), 1 + len(x) // MANY)
    cuts = [len(x) * k // parts for k in range(parts + 1)]
    if parts == 1:
        _cover(points, x, y, polygon, on_edge)
        return Found(polygon, on_edge)
    with ThreadPoolExecutor(parts) as pool:
        for done in [
            pool.submit(_cover, points, x[i:j], y[i:j], polygon[i:j], on_edge[i:j]) for i, j in pairwise(cuts)
        ]:
            done.result()
    return Found(polygon, on_edge)


@njit(cache=True, error_model="numpy", nogil=True)
def _cover(points: Raster, x: Floats, y: Floats, polygon: Int32s, on_edge: Bools) -> None:
    cell, middle, first, ends, sides = points.cell, points.middle, points.first, points.ends, points.sides
    west, south, width, height = points.west, points.south, points.width, points.height
    columns, rows = points.columns, points.rows
    per_width, per_height = 1.0 / width, 1.0 / height
    for n in range(len(x)):
        across, up = (x[n] - west) * per_width, (y[n] - south) * per_height
        on_edge[n] = False
        if not (0 <= across < columns and 0 <= up < rows):
            polygon[n] = -1
            continue
        column, row = int(across), int(up)
        value = cell[row * columns + column]
        if value < -1:
            record = -2 - value
            value = middle[record]
            mx, my = west + (column + 0.5) * width, south + (row + 0.5) * height
            for k in range(first[record], first[record + 1]):
                turn = side(ends[k, 0], ends[k, 1], ends[k, 2], ends[k, 3], x[n], y[n])
                if turn > 0:
                    continue
                if turn == 0:
                    if _beside(ends[k, 0], ends[k, 1], ends[k, 2], ends[k, 3], x[n], y[n]):
                        value = _smallest(ends, sides, first[record], first[record + 1], x[n], y[n])
                        on_edge[n] = True
                        break
                    continue
                if (side(mx, my, x[n], y[n], ends[k, 0], ends[k, 1]) >= 0) != (
                    side(mx, my, x[n], y[n], ends[k, 2], ends[k, 3]) >= 0
                ):
                    value ^= sides[k, 0] ^ sides[k, 1]
        polygon[n] = value


@njit(cache=True, inline="always")
def _beside(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> bool:
    """Whether a point lies in the box around an edge."""
    return min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by)


@njit(cache=True)
def _smallest(ends: Floats, sides: Int32s, begin: int, end: int, x: float, y: float) -> np.int32:
    """The smallest polygon that an edge through a point bounds."""
    found = NONE
    for k in range(begin, end):
        ax, ay, bx, by = ends[k, 0], ends[k, 1], ends[k, 2], ends[k, 3]
        if _beside(ax, ay, bx, by, x, y) and side(ax, ay, bx, by, x, y) == 0:
            if 0 <= sides[k, 0] < found:
                found = sides[k, 0]
            if 0 <= sides[k, 1] < found:
                found = sides[k, 1]
    return found
