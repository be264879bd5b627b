"""A mutual shift of two layers: recognised by how well they fall into place when it is undone.

Borders of zones run along streets, and streets run between buildings, beside their walls and not
through them. Both say how well two layers agree; the agreement is computed for every translation of
up to 720 m at once, and a translation that stands out alone is a suspected shift: coordinates in
GCJ-02 lie some 300-700 m off, coordinates on an older datum 5-150 m.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridgis.errors import Notice
from gridgis.geometry.agreement import Raster, wind

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
    raster = Raster.around(shapely.bounds(geometry), window_m=WINDOW_M, cell_m=CELL_M, reach_m=REACH_M)
    lines = raster.samples(streets.geometry.to_numpy())
    if by == "borders":
        sign, points = 1.0, raster.core(raster.samples(shapely.boundary(geometry)))
        surface = raster.along(raster.counted(lines))
    else:
        sign, points = -1.0, raster.core(lines)
        surface = _beside(_filled(geometry[shapely.area(geometry) <= LARGEST_M2], raster))
    if min(len(points), len(lines)) < FEWEST_POINTS or not surface.any():
        return None
    found = raster.standing_out(raster.agreement(raster.counted(points), surface), tolerance_m=tolerance_m)
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
    return (
        f"suspected shift: streets lie {np.hypot(east, north):.0f} m to the {wind(east, north)} of the {role} "
        f"(east {east:+.0f} m, north {north:+.0f} m; {gain:.0%} of their agreement is lost); "
        "one of the layers seems to be in another coordinate system"
    )


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
