"""A mutual shift of two layers: recognised by how well they fall into place when it is undone.

Borders of zones run along streets, and streets run between buildings, beside their walls and not
through them. Both say how well two layers agree; the agreement is computed for every translation of
up to 720 m at once, and a translation that stands out alone is a suspected shift: coordinates in
GCJ-02 lie some 300-700 m off, coordinates on an older datum 5-150 m.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridgis.errors import Notice

Floats = NDArray[np.float64]
By = Literal["borders", "buildings"]

CELL_M = 5.0
REACH_M = 720.0
"""Longest shift that is looked for: GCJ-02 moves a point by up to 700 m."""

WINDOW_M = 5000.0
"""A shift shows in any part of a city; this much of it around the middle is looked at."""

NEAR_M = 25.0
"""A street runs within this distance of the buildings beside it."""

LARGEST_M2 = 20_000.0
"""A larger outline is an estate, not a building, and may hold streets."""

FEWEST_POINTS = 400
"""2 km of lines; fewer agree by chance."""

CLEAR_SIGMA = 6.0
"""The best shift agrees better than others by this many times their spread."""

CLEAR_GAIN = 0.35
"""Undoing the shift adds at least this share of the agreement at its best."""

RIVAL_M, RIVAL_SHARE = 60.0, 0.75
"""No shift further than this from the best agrees more than this share as well (regular blocks do)."""


@dataclass(frozen=True)
class Raster:
    """Cells of `CELL_M` from a south-western corner, rows northwards."""

    west: float
    south: float
    rows: int
    columns: int

    def cells(self, xy: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of points inside; points outside are left out."""
        column = np.floor((xy[:, 0] - self.west) / CELL_M).astype(np.int64)
        row = np.floor((xy[:, 1] - self.south) / CELL_M).astype(np.int64)
        inside = (row >= 0) & (row < self.rows) & (column >= 0) & (column < self.columns)
        return row[inside], column[inside]

    def counted(self, xy: Floats) -> NDArray[np.float32]:
        """How many points lie in each cell."""
        row, column = self.cells(xy)
        flat = np.bincount(row * self.columns + column, minlength=self.rows * self.columns)
        return flat.reshape(self.rows, self.columns).astype(np.float32)


def suspected_shift(
    streets: gpd.GeoDataFrame,
    reference: gpd.GeoDataFrame,
    *,
    by: By = "borders",
    tolerance_m: float = 15.0,
) -> tuple[float, float, float] | None:
    """Find the shift of the streets against another layer where there clearly is one.

    Parameters
    ----------
    streets, reference : GeoDataFrame
        In one metric CRS.
    by : {"borders", "buildings"}
        Whether the outlines of `reference` run along streets (zones) or its areas lie beside them.
    tolerance_m : float
        A shorter shift is not told.

    Returns
    -------
    tuple of float or None
        How far the streets lie to the east and to the north of where `reference` has them, metres
        (moving them back by as much undoes it), and the gain: the share of the agreement at its
        best that is missing now, 0..1.
    """
    geometry = reference.geometry.to_numpy()
    raster = _raster(geometry)
    lines = _samples(streets.geometry.to_numpy(), raster)
    if by == "borders":
        sign, points = 1.0, _core(_samples(shapely.boundary(geometry), raster), raster)
        surface = _along(raster.counted(lines))
    else:
        sign, points = -1.0, _core(lines, raster)
        surface = _beside(_filled(geometry[shapely.area(geometry) <= LARGEST_M2], raster))
    if min(len(points), len(lines)) < FEWEST_POINTS or not surface.any():
        return None
    found = _standing_out(_agreement(raster.counted(points), surface), tolerance_m=tolerance_m)
    return None if found is None else (sign * found[0], sign * found[1], found[2])


def shift_notices(frames: Mapping[str, pd.DataFrame], *, tolerance_m: float) -> list[Notice]:
    """Tell suspected shifts of the streets against zones and buildings, with size and direction."""
    streets = frames.get("streets")
    notices = []
    pairs: tuple[tuple[str, By], ...] = (("zones", "borders"), ("buildings", "buildings"))
    for role, by in pairs:
        other = frames.get(role)
        if streets is None or other is None or not len(streets) or not len(other):
            continue
        shift = suspected_shift(streets, other, by=by, tolerance_m=tolerance_m)
        if shift is not None:
            notices.append(Notice("streets", _told(shift, role)))
    return notices


def _told(shift: tuple[float, float, float], role: str) -> str:
    east, north, gain = shift
    winds = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
    wind = winds[round(np.degrees(np.arctan2(east, north)) / 45) % 8]
    return (
        f"suspected shift: streets lie {np.hypot(east, north):.0f} m to the {wind} of the {role} "
        f"(east {east:+.0f} m, north {north:+.0f} m; {gain:.0%} of their agreement is lost); "
        "one of the layers seems to be in another coordinate system"
    )


def _raster(geometry: NDArray[np.object_]) -> Raster:
    """Lay a raster over the middle of a layer, with room for the longest shift around it."""
    west, south, east, north = shapely.bounds(geometry).T
    x, y = np.median((west + east) / 2), np.median((south + north) / 2)
    half = WINDOW_M / 2
    left, right = max(np.min(west), x - half) - REACH_M, min(np.max(east), x + half) + REACH_M
    bottom, top = max(np.min(south), y - half) - REACH_M, min(np.max(north), y + half) + REACH_M
    return Raster(left, bottom, int((top - bottom) / CELL_M) + 1, int((right - left) / CELL_M) + 1)


def _samples(lines: NDArray[np.object_], raster: Raster) -> Floats:
    """Points every 5 m on the lines that reach the raster."""
    east, north = raster.west + raster.columns * CELL_M, raster.south + raster.rows * CELL_M
    near = shapely.clip_by_rect(lines, raster.west, raster.south, east, north)
    return shapely.get_coordinates(shapely.segmentize(near, CELL_M))


def _core(xy: Floats, raster: Raster) -> Floats:
    """Points that stay inside the raster under every shift looked for."""
    east = raster.west + raster.columns * CELL_M - REACH_M
    north = raster.south + raster.rows * CELL_M - REACH_M
    inside = (xy >= (raster.west + REACH_M, raster.south + REACH_M)) & (xy <= (east, north))
    return xy[inside.all(axis=1)]


def _along(lines: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 on a line, falling off over some 10 m."""
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(np.minimum(lines, 1), sigma=8.0 / CELL_M)
    return np.minimum(blurred * 4, 1).astype(np.float32)


def _filled(geometry: NDArray[np.object_], raster: Raster) -> NDArray[np.bool_]:
    """Cells whose centre lies in a building."""
    shapely.prepare(geometry)
    bounds = (shapely.bounds(geometry) - np.tile([raster.west, raster.south], 2)) / CELL_M - 0.5
    start = np.maximum(np.ceil(bounds[:, :2]).astype(np.int64), 0)
    stop = np.minimum(np.floor(bounds[:, 2:]).astype(np.int64) + 1, (raster.columns, raster.rows))
    wide, high = np.maximum(stop - start, 0).T
    owner = np.repeat(np.arange(len(geometry)), wide * high)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(wide * high) - wide * high, wide * high)
    column, row = start[owner, 0] + step % wide[owner], start[owner, 1] + step // wide[owner]
    x, y = raster.west + (column + 0.5) * CELL_M, raster.south + (row + 0.5) * CELL_M
    inside = shapely.contains_xy(geometry[owner], x, y)
    out = np.zeros((raster.rows, raster.columns), dtype=bool)
    out[row[inside], column[inside]] = True
    return out


def _beside(buildings: NDArray[np.bool_]) -> NDArray[np.float32]:
    """-1 inside a building, 1 beside one, 0 far from all."""
    from scipy.ndimage import distance_transform_edt

    if not buildings.any():
        return np.zeros(buildings.shape, dtype=np.float32)
    near = distance_transform_edt(~buildings) * CELL_M <= NEAR_M
    return (near.astype(np.float32) - 2 * buildings).astype(np.float32)


def _agreement(points: NDArray[np.float32], surface: NDArray[np.float32]) -> Floats:
    """Mean of `surface` under the points for each shift of theirs, rows and columns from -reach to reach."""
    from scipy.fft import irfft2, next_fast_len, rfft2

    shape = [next_fast_len(n) for n in surface.shape]
    product = rfft2(surface, shape) * np.conj(rfft2(points, shape))
    total = irfft2(product, shape) / max(float(points.sum()), 1.0)
    span = np.arange(-round(REACH_M / CELL_M), round(REACH_M / CELL_M) + 1)
    return np.asarray(total[np.ix_(span, span)], dtype=np.float64)


def _standing_out(agreement: Floats, *, tolerance_m: float) -> tuple[float, float, float] | None:
    """East, north and gain of the best shift where it is long, clear and without a rival."""
    span = (np.arange(agreement.shape[0]) - agreement.shape[0] // 2) * CELL_M
    north, east = np.meshgrid(span, span, indexing="ij")
    level = float(np.median(agreement))
    spread = 1.4826 * float(np.median(np.abs(agreement - level)))
    above = agreement - level
    at = np.unravel_index(int(np.argmax(above)), above.shape)
    best = float(above[at])
    now = float(above[np.hypot(east, north) <= CELL_M].max())
    away = np.hypot(east - east[at], north - north[at]) > RIVAL_M
    gain = 1 - now / best if best > 0 else 0.0
    rival = float(above[away].max())
    if best < CLEAR_SIGMA * spread or gain < CLEAR_GAIN or rival > RIVAL_SHARE * best:
        return None
    right, up = _summit(above, (int(at[0]), int(at[1])))
    shift = float(east[at]) + right, float(north[at]) + up
    return (*shift, min(gain, 1.0)) if np.hypot(*shift) > tolerance_m else None


def _summit(above: Floats, at: tuple[int, int]) -> tuple[float, float]:
    """Offset in metres of the top of the peak from its highest cell: the middle of its upper third."""
    near = 3
    patch = np.pad(above, near)[at[0] : at[0] + 2 * near + 1, at[1] : at[1] + 2 * near + 1]
    weight = np.maximum(patch - above[at] * 2 / 3, 0)
    step = np.arange(-near, near + 1) * CELL_M
    return float((weight.sum(axis=0) * step).sum() / weight.sum()), float(
        (weight.sum(axis=1) * step).sum() / weight.sum()
    )
