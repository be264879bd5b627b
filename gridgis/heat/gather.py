"""The kernel summed over the nodes of a lattice around each of many places.

Invariant: the value at a place depends on the place and the counts around it alone, not on the other places, so a
place has the same density in every tile and at every zoom. Counts and sums are float32 here, densities of single
cases of a million keep four digits.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridgis.heat.kernels import GAUSSIAN, Kernel

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

PARTS = 64
"""Places within a cell for which the Gaussian is known; between them it is interpolated (1e-5 of the peak)."""

F = np.float32


def gather(kernel: Kernel, counts: Singles, u: Floats, v: Floats, scale: float) -> Singles:
    """Density at places, 0 where the reach around a place does not lie in `counts`.

    Parameters
    ----------
    counts : float32 array, shape (rows, columns)
        At the nodes of a lattice of `kernel.step_m`.
    u, v : float array, shape (n,)
        Columns and rows of the places, counted from counts[0, 0].
    scale : float
        What a case per square metre is in the unit of the answer.
    """
    out = np.empty(len(u), dtype=np.float32)
    flat, (rows, columns) = np.ascontiguousarray(counts).reshape(-1), counts.shape
    if kernel.name == GAUSSIAN:
        _gaussian(flat, rows, columns, u, v, _profiles(kernel.taps), F(scale * kernel.peak), out)
    else:
        _quartic(flat, rows, columns, u, v, kernel.taps, F(scale * kernel.peak), out)
    return out


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract", "nsz", "nnan"})
def _quartic(
    counts: Singles, rows: int, columns: int, u: Floats, v: Floats, taps: int, scale: np.float32, out: Singles
) -> None:
    per = F(4.0 / (taps * taps))
    for n in range(len(u)):
        column, row = math.floor(u[n]) - (taps // 2 - 1), math.floor(v[n]) - (taps // 2 - 1)
        if row < 0 or column < 0 or row + taps > rows or column + taps > columns:
            out[n] = F(0)
            continue
        across, up = F(u[n] - column), F(v[n] - row)
        total, begin = F(0), row * columns + column
        for i in range(taps):
            north = up - F(i)
            rest = F(1) - north * north * per
            line = counts[begin : begin + taps]
            for j in range(taps):
                east = across - F(j)
                part = max(F(0), rest - east * east * per)
                total += part * part * line[j]
            begin += columns
        out[n] = max(F(0), total * scale)


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract", "nsz", "nnan"})
def _gaussian(
    counts: Singles, rows: int, columns: int, u: Floats, v: Floats, known: Singles, scale: np.float32, out: Singles
) -> None:
    taps = known.shape[1]
    across, up = np.empty(taps, dtype=np.float32), np.empty(taps, dtype=np.float32)
    for n in range(len(u)):
        column, row = math.floor(u[n]), math.floor(v[n])
        x, y = (u[n] - column) * PARTS, (v[n] - row) * PARTS
        column, row = column - (taps // 2 - 1), row - (taps // 2 - 1)
        if row < 0 or column < 0 or row + taps > rows or column + taps > columns:
            out[n] = F(0)
            continue
        i, j = min(int(y), PARTS - 1), min(int(x), PARTS - 1)
        for k in range(taps):
            across[k] = known[j, k] + (known[j + 1, k] - known[j, k]) * F(x - j)
            up[k] = known[i, k] + (known[i + 1, k] - known[i, k]) * F(y - i)
        total, begin = F(0), row * columns + column
        for i in range(taps):
            line, part = counts[begin : begin + taps], F(0)
            for j in range(taps):
                part += across[j] * line[j]
            total += part * up[i]
            begin += columns
        out[n] = max(F(0), total * scale)


def _profiles(taps: int) -> Singles:
    """The Gaussian, 1 at its middle, at each node along an axis, for each part of a cell in which the place may lie."""
    from gridgis.heat.kernels import REACH, STEPS

    reach, steps = REACH[GAUSSIAN], STEPS[GAUSSIAN]
    place = taps // 2 - 1 + np.arange(PARTS + 1)[:, None] / PARTS
    off = np.abs(place - np.arange(taps)) / steps
    return np.where(off < reach, np.exp(-(off**2) / 2), 0.0).astype(np.float32)
