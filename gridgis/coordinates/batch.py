"""What is wrong with coordinates as a whole: a batch that lies off the streets, rows with longitude for latitude."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from gridgis.coordinates.systems import SHIFTED, to_crs
from gridgis.crs import canonical
from gridgis.geometry.agreement import Raster, wind

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CELL_M = 10.0
REACH_M = 1_600.0
"""Longest shift that is looked for: BD-09 lies up to 1.4 km from WGS84."""

WINDOW_M = 16_000.0
SAMPLE = 20_000
"""Points that are looked at, chosen by chance where there are more."""

FEWEST = 200
"""Of a smaller batch nothing is said: few points agree with some streets by chance."""

SPREAD_M = 12.0
"""Cases lie beside streets, some 5-20 m from their centre lines."""

KNOWN = 0.5
"""A shift that a known system has needs no clear lead over all others: the points agree with the streets at most this
well as they are, of how well they do in that system."""

NEARLY = 0.9
"""A system explains a shift where undoing it agrees at least this share as well as the best shift of all."""


@dataclass(frozen=True)
class Shift:
    """A batch of points lies off where the streets have it.

    Attributes
    ----------
    east_m, north_m : how far the points lie to the east and north of their places
    gain : share of the agreement at its best that is missing, 0..1
    looks_like : `gcj02` or `bd09` where the points agree when they are taken as that; else ""
    """

    east_m: float
    north_m: float
    gain: float
    looks_like: str = ""

    @property
    def size_m(self) -> float:
        """Length of the shift."""
        return float(np.hypot(self.east_m, self.north_m))

    def __str__(self) -> str:
        cure = (
            f"they look like {self.looks_like}: try --case-crs {self.looks_like}"
            if self.looks_like
            else ("they seem to be in another system of coordinates")
        )
        return (
            f"suspected shift: the cases lie {self.size_m:.0f} m to the {wind(self.east_m, self.north_m)} of the "
            f"streets (east {self.east_m:+.0f} m, north {self.north_m:+.0f} m); {cure}"
        )


def shift(
    xy: Floats, streets: gpd.GeoDataFrame, *, tolerance_m: float, rng: np.random.Generator | None = None
) -> Shift | None:
    """Find the shift of a batch of points against the streets where there clearly is one.

    How well the points lie beside the streets is computed for every translation of up to 1.6 km; one that stands out
    alone is a suspected shift, and so is that of a known system where the points agree best by it.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        In the CRS of `streets`; rows that are not finite do not count.
    streets : GeoDataFrame of lines
        In a metric CRS.
    tolerance_m : float
        A shorter shift is not told.
    rng : chooses the points that are looked at where there are very many; by a fixed seed where None
    """
    points = _some(xy[np.isfinite(xy).all(axis=1)], rng or np.random.default_rng(0))
    lines = streets.geometry.to_numpy()
    if len(points) < FEWEST or not len(lines):
        return None
    raster = Raster.around(np.tile(points, 2), window_m=WINDOW_M, cell_m=CELL_M, reach_m=REACH_M)
    points = raster.core(points)
    surface = raster.along(raster.counted(raster.samples(lines)), spread_m=SPREAD_M)
    if len(points) < FEWEST or not surface.any():
        return None
    agreement = raster.agreement(raster.counted(points), surface)
    level = float(np.median(agreement))
    best = float(agreement.max()) - level
    here = _mean(raster, surface, points) - level
    looks = {name: _mean(raster, surface, taken_as(points, name, streets.crs)) - level for name in SHIFTED}
    likeliest = max(looks, key=lambda name: looks[name])
    fits = looks[likeliest] > NEARLY * best
    found = raster.standing_out(agreement, tolerance_m=tolerance_m)
    if found is not None:
        return Shift(-found[0], -found[1], found[2], likeliest if fits else "")
    if fits and here < KNOWN * looks[likeliest]:
        east, north = (points - taken_as(points, likeliest, streets.crs)).mean(axis=0)
        return Shift(float(east), float(north), 1 - max(here, 0.0) / looks[likeliest], likeliest)
    return None


def taken_as(xy: Floats, name: str, crs: CRS) -> Floats:
    """Where points lie whose coordinates were taken for WGS84 but are in the system `name`; in `crs` both times."""
    spelled = canonical(CRS.from_user_input(crs))
    lon, lat = to_crs(xy[:, 0], xy[:, 1], source=spelled, target="EPSG:4326")
    return np.column_stack(to_crs(lon, lat, source=name, target=spelled))


def swapped(x: Floats, y: Floats, bounds: tuple[float, float, float, float]) -> Bools:
    """Which rows have longitude and latitude exchanged: far outside as they are, near when they are exchanged.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        In the CRS of the cases; nan is never exchanged.
    bounds : tuple of float
        West, south, east, north of the division in that CRS; its surroundings reach as far again on each side.
    """
    return beyond(x, y, bounds) & ~beyond(y, x, bounds) & np.isfinite(x) & np.isfinite(y)


def beyond(x: Floats, y: Floats, bounds: tuple[float, float, float, float]) -> Bools:
    """Which rows lie far outside of bounds, or nowhere: not even in the surroundings, as far again on each side."""
    west, south, east, north = bounds
    wide, high = east - west, north - south
    return ~((x >= west - wide) & (x <= east + wide) & (y >= south - high) & (y <= north + high))


def _some(points: Floats, rng: np.random.Generator) -> Floats:
    if len(points) <= SAMPLE:
        return points
    return points[np.sort(rng.choice(len(points), size=SAMPLE, replace=False))]


def _mean(raster: Raster, surface: NDArray[np.float32], xy: Floats) -> float:
    row, column = raster.cells(xy[np.isfinite(xy).all(axis=1)])
    return float(surface[row, column].sum() / max(len(xy), 1))
