"""Counts of cases at the nodes of a lattice, so that a smooth function is summed over nodes instead of cases.

Invariant: a case is shared out among the 4 x 4 nodes around it with the weights of cubic interpolation (Keys 1981,
a = -1/2), which add up to one. So the sum of a kernel over the nodes is the sum over the cases of the kernel as cubic
interpolation has it. The weights are whole multiples of 1/128: sums of counts are exact, whatever the order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridgis.heat.lanes import add4

Floats = NDArray[np.float64]

FRACTION = 64
"""Parts of a cell in which positions are told apart."""

SIDE = 1 << 17
"""Units of position in the side of a block."""

UNIT = 128
"""Weights along an axis are multiples of 1/128, counts at nodes of 1/16384."""

WEIGHT_UNIT = 1024
"""Weights of cases are kept in 1/1024."""


def shares() -> Floats:
    """The weights of four nodes along an axis for each part of a cell, shape (FRACTION, 4)."""
    exact = np.array([keys(part / FRACTION) for part in range(FRACTION)]) * UNIT
    whole = np.round(exact)
    for row, wanted in zip(whole, exact, strict=True):
        while (off := UNIT - row.sum()) != 0:  # what rounding lost goes to the weight that rounding moved most
            row[np.argmax((wanted - row) * np.sign(off))] += np.sign(off)
    return whole / UNIT


@njit(cache=True)
def keys(part: float) -> tuple[float, float, float, float]:
    """Weights of cubic convolution at the nodes -1, 0, 1, 2 for a place between 0 and 1."""
    a, b, c = part, part * part, part * part * part
    return (2 * b - a - c) / 2, (3 * c - 5 * b + 2) / 2, (a + 4 * b - 3 * c) / 2, (c - b) / 2


@njit(cache=True, error_model="numpy", nogil=True)
def add(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    day: NDArray[np.uint8],
    weight: NDArray[np.uint32],
    runs: NDArray[np.int64],
    west: int,
    right: int,
    east: int,
    north: int,
    ratio: float,
    table: Floats,
    out: Floats,
    first_row: int,
    first_column: int,
) -> None:
    """Add runs of cases to a lattice.

    Parameters
    ----------
    x, y, day : half the positions in their block, days in their month, as a segment holds them
    weight : in 1/1024, or of length 0 where each case counts 1
    runs : int array, shape (k, 5)
        Start, stop, first and last day of the month, and 1 to add or -1 to take away.
    west, right : cases with an x outside of these are left out
    east, north : where the block begins, in the unit of positions
    ratio : that unit in steps of the lattice
    table : as :func:`shares` gives it, flat
    out : float array, shape (rows, columns), changed in place
        Cases whose nodes do not all lie in it are left out.
    first_row, first_column : the node that is out[0, 0]
    """
    rows, columns = out.shape
    flat = out.reshape(rows * columns)
    weighted = len(weight) > 0
    fine = ratio * FRACTION  # 1 for the lattice that is kept: positions are parts of its cells already
    kept = fine == 1
    for k in range(len(runs)):
        low, high = runs[k, 2], runs[k, 3]
        sign = float(runs[k, 4])
        for n in range(runs[k, 0], runs[k, 1]):
            bits = np.int64(day[n])
            if not low <= bits & 31 <= high:
                continue
            across, up = np.int64(x[n]) << 1 | bits >> 5 & 1, np.int64(y[n]) << 1 | bits >> 6
            if not west <= across <= right:
                continue
            across, up = across + east, up + north
            if not kept:
                across = np.int64(np.floor(across * fine + 0.5))
                up = np.int64(np.floor(up * fine + 0.5))
            column, row = (across >> 6) - 1 - first_column, (up >> 6) - 1 - first_row
            if row < 0 or column < 0 or row + 4 > rows or column + 4 > columns:
                continue
            times = sign * weight[n] / WEIGHT_UNIT if weighted else sign
            add4(flat, row * columns + column, columns, times, table, (across & 63) * 4, (up & 63) * 4)


@njit(cache=True, error_model="numpy", nogil=True)
def add_scaled(out: Floats, values: NDArray[Any], scale: float) -> None:
    """Add values of the same shape, times a scale, in place."""
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            out[i, j] += values[i, j] * scale


@njit(cache=True, nogil=True)
def total(day: NDArray[np.uint8], weight: NDArray[np.uint32], runs: NDArray[np.int64]) -> float:
    """Number of cases of runs, or the sum of their weights."""
    whole = 0
    for k in range(len(runs)):
        low, high, sign = runs[k, 2], runs[k, 3], runs[k, 4]
        if low == 0 and high >= 30 and len(weight) == 0:
            whole += sign * WEIGHT_UNIT * (runs[k, 1] - runs[k, 0])
            continue
        for n in range(runs[k, 0], runs[k, 1]):
            if low <= day[n] & 31 <= high:
                whole += sign * (np.int64(weight[n]) if len(weight) else WEIGHT_UNIT)
    return whole / WEIGHT_UNIT


@njit(cache=True, error_model="numpy", nogil=True)
def moments(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    day: NDArray[np.uint8],
    weight: NDArray[np.uint32],
    runs: NDArray[np.int64],
    east: int,
    north: int,
    out: Floats,
) -> None:
    """Add up weight, weight times x, y, x² and y² of runs of one block, in place."""
    for k in range(len(runs)):
        for n in range(runs[k, 0], runs[k, 1]):
            if runs[k, 2] <= day[n] & 31 <= runs[k, 3]:
                times = weight[n] / WEIGHT_UNIT if len(weight) else 1.0
                u, v = 2.0 * x[n] + east - SIDE / 2, 2.0 * y[n] + north - SIDE / 2
                out[0] += times
                out[1] += times * u
                out[2] += times * v
                out[3] += times * u * u
                out[4] += times * v * v


@njit(cache=True, nogil=True)
def picked(day: NDArray[np.uint8], runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which cases runs hold."""
    out = np.empty((runs[:, 1] - runs[:, 0]).sum(), dtype=np.int64)
    found = 0
    for k in range(len(runs)):
        for n in range(runs[k, 0], runs[k, 1]):
            if runs[k, 2] <= day[n] & 31 <= runs[k, 3]:
                out[found] = n
                found += 1
    return out[:found]


@njit(cache=True, error_model="numpy", nogil=True)
def narrowed(y: NDArray[np.uint16], runs: NDArray[np.int64], south: int, north: int) -> NDArray[np.int64]:
    """The parts of runs, each within a slice and so sorted by y, that lie from half position `south` to `north`."""
    out = runs.copy()
    for k in range(len(runs)):
        for side, bound in ((0, south), (1, north + 1)):
            low, high = runs[k, 0], runs[k, 1]
            while low < high:
                middle = (low + high) // 2
                if y[middle] < bound:
                    low = middle + 1
                else:
                    high = middle
            out[k, side] = low
    return out


@njit(cache=True, error_model="numpy", nogil=True)
def coarser(fine: Floats, first_row: int, first_column: int, ratio: float) -> tuple[Floats, int, int]:
    """The counts of a lattice shared out among the nodes of a wider one, by the same weights, not rounded.

    Parameters
    ----------
    fine : float array, shape (rows, columns)
    first_row, first_column : the node that is fine[0, 0]
    ratio : step of the fine lattice in steps of the wider one, at most 1

    Returns
    -------
    counts, first_row, first_column
    """
    rows, columns = fine.shape
    top, left = int(np.floor(first_row * ratio)) - 1, int(np.floor(first_column * ratio)) - 1
    height = int(np.floor((first_row + rows - 1) * ratio)) + 3 - top
    width = int(np.floor((first_column + columns - 1) * ratio)) + 3 - left
    out = np.zeros((height, width))
    line = np.empty(width)
    for i in range(rows):
        line[:] = 0.0
        for j in range(columns):
            if fine[i, j] != 0:
                place = (first_column + j) * ratio
                node = int(np.floor(place))
                a, b, c, d = keys(place - node)
                at = node - 1 - left
                line[at] += a * fine[i, j]
                line[at + 1] += b * fine[i, j]
                line[at + 2] += c * fine[i, j]
                line[at + 3] += d * fine[i, j]
        place = (first_row + i) * ratio
        node = int(np.floor(place))
        part = keys(place - node)
        for k in range(4):
            for j in range(width):
                out[node - 1 - top + k, j] += part[k] * line[j]
    return out, top, left
