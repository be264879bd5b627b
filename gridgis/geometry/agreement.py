"""How well points fall on a surface for each translation of them, all translations computed at once.

A translation that stands out alone is a suspected shift of two layers against one another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CLEAR_SIGMA = 6.0
"""The best shift agrees better than others by this many times their spread."""

CLEAR_GAIN = 0.35
"""Undoing the shift adds at least this share of the agreement at its best."""

RIVAL_M, RIVAL_SHARE = 60.0, 0.75
"""No shift further than this from the best agrees more than this share as well (regular blocks do)."""

SPREAD_M = 8.0
"""How far a line is felt beside it."""


@dataclass(frozen=True)
class Raster:
    """Cells of `cell_m` from a south-western corner, rows northwards; shifts of up to `reach_m` are looked for."""

    west: float
    south: float
    rows: int
    columns: int
    cell_m: float
    reach_m: float

    @classmethod
    def around(cls, bounds: Floats, *, window_m: float, cell_m: float, reach_m: float) -> Raster:
        """Lay a raster over the middle of boxes, with room for the longest shift around it.

        Parameters
        ----------
        bounds : ndarray, shape (n, 4)
            West, south, east, north.
        window_m : no more than this of them is covered
        """
        west, south, east, north = bounds.T
        x, y = np.median((west + east) / 2), np.median((south + north) / 2)
        half = window_m / 2
        left, right = max(np.min(west), x - half) - reach_m, min(np.max(east), x + half) + reach_m
        bottom, top = max(np.min(south), y - half) - reach_m, min(np.max(north), y + half) + reach_m
        return cls(left, bottom, int((top - bottom) / cell_m) + 1, int((right - left) / cell_m) + 1, cell_m, reach_m)

    def cells(self, xy: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of points inside; points outside are left out."""
        column = np.floor((xy[:, 0] - self.west) / self.cell_m).astype(np.int64)
        row = np.floor((xy[:, 1] - self.south) / self.cell_m).astype(np.int64)
        inside = (row >= 0) & (row < self.rows) & (column >= 0) & (column < self.columns)
        return row[inside], column[inside]

    def counted(self, xy: Floats) -> NDArray[np.float32]:
        """How many points lie in each cell."""
        row, column = self.cells(xy)
        flat = np.bincount(row * self.columns + column, minlength=self.rows * self.columns)
        return flat.reshape(self.rows, self.columns).astype(np.float32)

    def samples(self, lines: NDArray[np.object_]) -> Floats:
        """Points, one a cell, on the lines that reach the raster."""
        east, north = self.west + self.columns * self.cell_m, self.south + self.rows * self.cell_m
        near = shapely.clip_by_rect(lines, self.west, self.south, east, north)
        return shapely.get_coordinates(shapely.segmentize(near, self.cell_m))

    def core(self, xy: Floats) -> Floats:
        """Points that stay inside the raster under every shift looked for."""
        east = self.west + self.columns * self.cell_m - self.reach_m
        north = self.south + self.rows * self.cell_m - self.reach_m
        inside = (xy >= (self.west + self.reach_m, self.south + self.reach_m)) & (xy <= (east, north))
        return xy[inside.all(axis=1)]

    def along(self, lines: NDArray[np.float32], *, spread_m: float = SPREAD_M) -> NDArray[np.float32]:
        """1 on a line, falling off over somewhat more than `spread_m`."""
        from scipy.ndimage import gaussian_filter

        sigma = spread_m / self.cell_m
        blurred = gaussian_filter(np.minimum(lines, 1), sigma=sigma)
        return np.minimum(blurred * (2.5 * sigma), 1).astype(np.float32)

    def agreement(self, points: NDArray[np.float32], surface: NDArray[np.float32]) -> Floats:
        """Mean of `surface` under the points for each shift of theirs, rows and columns from -reach to reach."""
        from scipy.fft import irfft2, next_fast_len, rfft2

        shape = [next_fast_len(n) for n in surface.shape]
        product = rfft2(surface, shape) * np.conj(rfft2(points, shape))
        total = irfft2(product, shape) / max(float(points.sum()), 1.0)
        span = np.arange(-round(self.reach_m / self.cell_m), round(self.reach_m / self.cell_m) + 1)
        return np.asarray(total[np.ix_(span, span)], dtype=np.float64)

    def standing_out(self, agreement: Floats, *, tolerance_m: float) -> tuple[float, float, float] | None:
        """East, north and gain of the best shift where it is longer than the tolerance, clear and without a rival."""
        span = (np.arange(agreement.shape[0]) - agreement.shape[0] // 2) * self.cell_m
        north, east = np.meshgrid(span, span, indexing="ij")
        level = float(np.median(agreement))
        spread = 1.4826 * float(np.median(np.abs(agreement - level)))
        above = agreement - level
        at = np.unravel_index(int(np.argmax(above)), above.shape)
        best = float(above[at])
        now = float(above[np.hypot(east, north) <= self.cell_m].max())
        away = np.hypot(east - east[at], north - north[at]) > RIVAL_M
        gain = 1 - now / best if best > 0 else 0.0
        rival = float(above[away].max())
        if best < CLEAR_SIGMA * spread or gain < CLEAR_GAIN or rival > RIVAL_SHARE * best:
            return None
        right, up = self._summit(above, (int(at[0]), int(at[1])))
        shift = float(east[at]) + right, float(north[at]) + up
        return (*shift, min(gain, 1.0)) if np.hypot(*shift) > tolerance_m else None

    def _summit(self, above: Floats, at: tuple[int, int]) -> tuple[float, float]:
        """Offset in metres of the top of the peak from its highest cell: the middle of its upper third."""
        near = 3
        patch = np.pad(above, near)[at[0] : at[0] + 2 * near + 1, at[1] : at[1] + 2 * near + 1]
        weight = np.maximum(patch - above[at] * 2 / 3, 0)
        step = np.arange(-near, near + 1) * self.cell_m
        east = float((weight.sum(axis=0) * step).sum() / weight.sum())
        return east, float((weight.sum(axis=1) * step).sum() / weight.sum())


def wind(east: float, north: float) -> str:
    """Name the direction of a shift."""
    winds = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
    return winds[round(float(np.degrees(np.arctan2(east, north))) / 45) % 8]
