"""A raster of cells over a coverage: most cells lie in one polygon, the others have the edges that touch them.

Invariant: every edge that meets a cell, or comes within a hair of it, is in the record of the cell; the middle of no
such cell lies on an edge. So the polygon at any point of a cell is the one at its middle, changed by the edges that
are crossed on the way from there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from gridgis.geometry.borders import Edges
from gridgis.geometry.noding import Floats
from gridgis.locate.exact import side

Int32s = npt.NDArray[np.int32]

CELLS_AN_EDGE = 8.0
"""Cells of a raster for each edge: more take more memory and leave fewer points to be compared with edges."""
MOST_CELLS = 1 << 25
"""128 MB: a raster has no more cells, however large the coverage is."""
HAIR = 1e-6
"""Part of a cell by which records reach over its sides: far more than rounding moves a point."""
SHIFTS = 8
"""How often a raster is moved on until no middle lies on an edge."""


class Raster(NamedTuple):
    """Cells over a coverage.

    Attributes
    ----------
    west, south, width, height : float
        The corner of the raster and the size of a cell.
    columns, rows : int
    cell : int array, shape (rows * columns,)
        The polygon in which the cell lies, -1 for none; -2 - k where record k has its edges.
    middle : int array, shape (records,)
        The polygon at the middle of the cell, -1 for none.
    first : int array, shape (records + 1,)
        Where the edges of each record begin.
    ends : float array, shape (n, 4)
        Ends of the edges, so that the middle of the cell lies to the left of a -> b or on their line.
    sides : int array, shape (n, 2)
        The polygons on the side of the middle and on the other side, -1 for none.
    edge : int array, shape (n,)
        Which edge of the coverage it is.
    """

    west: float
    south: float
    width: float
    height: float
    columns: int
    rows: int
    cell: Int32s
    middle: Int32s
    first: Int32s
    ends: Floats
    sides: Int32s
    edge: Int32s


def raster(edges: Edges, *, cells: float | None = None) -> Raster:
    """Lay a raster over the edges of a valid coverage.

    Parameters
    ----------
    edges : as :func:`gridgis.geometry.borders.shared_edges` gives them
    cells : about how many cells there are to be; by the number of edges otherwise
    """
    a, b = np.ascontiguousarray(edges.a), np.ascontiguousarray(edges.b)
    left, right = edges.left.astype(np.int32), edges.right.astype(np.int32)
    wanted = min(cells or max(1024.0, CELLS_AN_EDGE * len(a)), MOST_CELLS)
    for shift in range(SHIFTS):
        frame = _frame(a, b, wanted, shift)
        first, edge = _touched(a, b, *frame)
        middle, clear = _middles(a, b, left, right, first, edge, *frame)
        if clear:
            return _packed(a, b, left, right, first, edge, middle, frame)
    raise AssertionError("an edge runs through the middle of a cell wherever the raster is laid")


Frame = tuple[float, float, float, float, int, int]


def _frame(a: Floats, b: Floats, cells: float, shift: int) -> Frame:
    """West, south, width and height of a cell, columns and rows: square cells that reach well beyond the edges."""
    low, high = np.minimum(a.min(axis=0), b.min(axis=0)), np.maximum(a.max(axis=0), b.max(axis=0))
    extent = np.maximum(high - low, 1e-9 * np.maximum(np.abs(low), 1.0))
    size = math.sqrt(float(extent[0] * extent[1]) / cells)
    size = max(size, float(extent.max()) / (MOST_CELLS / 4), 1e-12 * float(np.abs(high).max()))
    columns, rows = (int(n) + 3 for n in extent / size)
    part = 1.0 + (shift + 1) / (SHIFTS + math.sqrt(2.0))  # no round number, so that round coordinates meet no middle
    west, south = low - size * part / 2
    return float(west), float(south), size, size, columns, rows


@njit(cache=True)
def _touched(
    a: Floats, b: Floats, west: float, south: float, width: float, height: float, columns: int, rows: int
) -> tuple[Int32s, Int32s]:
    """Edges of each cell: where those of a cell begin, and the edges."""
    count = np.zeros(columns * rows + 1, dtype=np.int64)
    edge = np.zeros(0, dtype=np.int32)
    for writing in (False, True):
        for e in range(len(a)):
            low, high = (a[e], b[e]) if a[e, 1] <= b[e, 1] else (b[e], a[e])
            bottom = max(0, math.floor((low[1] - south) / height - HAIR))
            top = min(rows - 1, math.floor((high[1] - south) / height + HAIR))
            for row in range(bottom, top + 1):
                # The part of the edge between the lines under and over the row, a hair longer.
                x0, x1 = low[0], high[0]
                if top > bottom:
                    slope = (high[0] - low[0]) / (high[1] - low[1])
                    under = max(low[1], south + (row - HAIR) * height)
                    over = min(high[1], south + (row + 1 + HAIR) * height)
                    x0, x1 = low[0] + slope * (under - low[1]), low[0] + slope * (over - low[1])
                begin = max(0, math.floor((min(x0, x1) - west) / width - HAIR))
                end = min(columns - 1, math.floor((max(x0, x1) - west) / width + HAIR))
                for cell in range(row * columns + begin, row * columns + end + 1):
                    if writing:
                        count[cell] -= 1
                        edge[count[cell]] = e
                    else:
                        count[cell + 1] += 1
        if not writing:
            count = np.cumsum(count)
            edge = np.empty(count[-1], dtype=np.int32)
            total = count[-1]
            for cell in range(len(count) - 1):  # each cell is filled from its end; a slice takes seconds to compile
                count[cell] = count[cell + 1]
    first = np.empty(columns * rows + 1, dtype=np.int32)
    for cell in range(len(count) - 1):
        first[cell] = count[cell]
    first[-1] = total
    return first, edge


@njit(cache=True)
def _middles(
    a: Floats,
    b: Floats,
    left: Int32s,
    right: Int32s,
    first: Int32s,
    edge: Int32s,
    west: float,
    south: float,
    width: float,
    height: float,
    columns: int,
    rows: int,
) -> tuple[Int32s, bool]:
    """The polygon at the middle of each cell, and whether no edge runs through a middle.

    Along the line through the middles of a row each edge that crosses it changes the polygon from there on.
    """
    out = np.zeros((rows, columns), dtype=np.int32)
    for row in range(rows):
        y = south + (row + 0.5) * height
        for column in range(columns):
            for k in range(first[row * columns + column], first[row * columns + column + 1]):
                e = edge[k]
                if (a[e, 1] <= y) == (b[e, 1] <= y):
                    continue
                at = a[e, 0] + (b[e, 0] - a[e, 0]) * ((y - a[e, 1]) / (b[e, 1] - a[e, 1]))
                if column != min(columns - 1, max(0, math.floor((at - west) / width))):
                    continue  # each crossing counts in one cell
                beyond = _beyond(a[e], b[e], west + (column - 0.5) * width, width, y)
                if beyond < 0:
                    return out.ravel(), False
                beyond += column - 1
                if beyond < columns:
                    out[row, max(0, beyond)] ^= left[e] ^ right[e]
        value = np.int32(-1)
        for column in range(columns):
            value ^= out[row, column]
            out[row, column] = value
    return out.ravel(), True


@njit(cache=True)
def _beyond(a: Floats, b: Floats, x: float, width: float, y: float) -> int:
    """Which of three middles, from `x` on, is the first to the east of an edge, 3 for none; -1 where one is on it."""
    toward = 1 if a[1] < b[1] else -1
    found = 0
    for k in range(3):
        turn = side(a[0], a[1], b[0], b[1], x + k * width, y) * toward
        if turn == 0:
            return -1
        if turn > 0:
            found = k + 1
    return found


def _packed(
    a: Floats, b: Floats, left: Int32s, right: Int32s, first: Int32s, edge: Int32s, middle: Int32s, frame: Frame
) -> Raster:
    """Records for the cells that have edges."""
    number = np.diff(first)
    mixed = np.flatnonzero(number)
    cell = middle.copy()
    cell[mixed] = -2 - np.arange(len(mixed), dtype=np.int32)
    ends, sides = _records(a, b, left, right, first, edge, *frame)
    begins = np.concatenate([[0], np.cumsum(number[mixed])]).astype(np.int32)
    return Raster(*frame, cell, middle[mixed], begins, ends, sides, edge)


@njit(cache=True)
def _records(
    a: Floats,
    b: Floats,
    left: Int32s,
    right: Int32s,
    first: Int32s,
    edge: Int32s,
    west: float,
    south: float,
    width: float,
    height: float,
    columns: int,
    rows: int,
) -> tuple[Floats, Int32s]:
    """Ends and sides of the edges of each cell, each turned so that the middle of its cell lies to its left."""
    ends, sides = np.empty((len(edge), 4), dtype=np.float64), np.empty((len(edge), 2), dtype=np.int32)
    for cell in range(columns * rows):
        x, y = west + (cell % columns + 0.5) * width, south + (cell // columns + 0.5) * height
        for k in range(first[cell], first[cell + 1]):
            e = edge[k]
            turned = side(a[e, 0], a[e, 1], b[e, 0], b[e, 1], x, y) < 0
            begin, end = (b[e], a[e]) if turned else (a[e], b[e])
            ends[k, 0], ends[k, 1], ends[k, 2], ends[k, 3] = begin[0], begin[1], end[0], end[1]
            sides[k, 0], sides[k, 1] = (right[e], left[e]) if turned else (left[e], right[e])
    return ends, sides
