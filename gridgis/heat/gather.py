"""The kernel summed over the nodes of a lattice around each of many places.

Invariant: the value at a place depends on the place and the counts around it alone, not on the other places, so a
place has the same density in every tile and at every zoom. Counts and sums are float32 here, densities of single
cases of a million keep four digits.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridgis.heat.cores import shared
from gridgis.heat.kernels import GAUSSIAN, QUARTIC, REACH, STEPS, Kernel
from gridgis.heat.lanes import quartic16, rows24

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

PARTS = 64
"""Places within a cell for which the Gaussian is known; between them it is interpolated (1e-5 of the peak)."""

F = np.float32

MANY = 16_384
"""Places that are worth a core."""

NODES = 24
"""Nodes within reach of the Gaussian along an axis; a number here, for compiled code is kept by what this file says."""

assert 2 * REACH[GAUSSIAN] * STEPS[GAUSSIAN] == NODES
assert 2 * REACH[QUARTIC] * STEPS[QUARTIC] == 16


def gather(kernel: Kernel, counts: Singles, x: Floats, y: Floats, corner: tuple[float, float], scale: float) -> Singles:
    """Density at places, 0 where the nodes around a place do not all lie in `counts`.

    Parameters
    ----------
    counts : float32 array, shape (rows, columns)
        At the nodes of a lattice of `kernel.step_m`.
    x, y : float array, shape (n,)
        Places in metres.
    corner : tuple of float
        Where counts[0, 0] is, in metres.
    scale : float
        What a case per square metre is in the unit of the answer.
    """
    out = np.empty(len(x), dtype=np.float32)
    flat, (rows, columns) = np.ascontiguousarray(counts).reshape(-1), counts.shape
    known, per, (west, south) = _profiles(), 1 / kernel.step_m, corner

    def some(part: slice) -> None:
        if kernel.name == GAUSSIAN:
            _gaussian(flat, rows, columns, x[part], y[part], west, south, per, known, F(scale * kernel.peak), out[part])
        else:
            _quartic(flat, rows, columns, x[part], y[part], west, south, per, F(scale * kernel.peak), out[part])

    shared(some, len(x), least=MANY)
    return out


@njit(cache=True, error_model="numpy", nogil=True)
def _quartic(
    counts: Singles,
    rows: int,
    columns: int,
    x: Floats,
    y: Floats,
    west: float,
    south: float,
    per: float,
    scale: np.float32,
    out: Singles,
) -> None:
    for n in range(len(x)):
        u, v = (x[n] - west) * per, (y[n] - south) * per
        column, row = math.floor(u) - 7, math.floor(v) - 7
        if row < 0 or column < 0 or row + 16 > rows or column + 16 > columns:
            out[n] = F(0)
        else:
            total = quartic16(counts, row * columns + column, columns, F(u - column), F(v - row))
            out[n] = max(F(0), total * scale)


@njit(cache=True, error_model="numpy", nogil=True)
def _gaussian(
    counts: Singles,
    rows: int,
    columns: int,
    x: Floats,
    y: Floats,
    west: float,
    south: float,
    per: float,
    known: Singles,
    scale: np.float32,
    out: Singles,
) -> None:
    across, up = np.empty(NODES, dtype=np.float32), np.empty(NODES, dtype=np.float32)
    for n in range(len(x)):
        u, v = (x[n] - west) * per, (y[n] - south) * per
        column, row = math.floor(u), math.floor(v)
        east, north = (u - column) * PARTS, (v - row) * PARTS
        column, row = column - (NODES // 2 - 1), row - (NODES // 2 - 1)
        if row < 0 or column < 0 or row + NODES > rows or column + NODES > columns:
            out[n] = F(0)
            continue
        i, j = min(int(north), PARTS - 1), min(int(east), PARTS - 1)
        for k in range(NODES):
            across[k] = known[j, k] + (known[j + 1, k] - known[j, k]) * F(east - j)
            up[k] = known[i, k] + (known[i + 1, k] - known[i, k]) * F(north - i)
        total = rows24(counts, row * columns + column, columns, across, up, NODES)
        out[n] = max(F(0), total * scale)


@lru_cache(maxsize=1)
def _profiles() -> Singles:
    """The Gaussian, 1 at its middle, at each node along an axis, for each part of a cell in which the place may lie."""
    place = NODES // 2 - 1 + np.arange(PARTS + 1)[:, None] / PARTS
    off = np.abs(place - np.arange(NODES)) / STEPS[GAUSSIAN]
    return np.where(off < REACH[GAUSSIAN], np.exp(-(off**2) / 2), 0.0).astype(np.float32)
