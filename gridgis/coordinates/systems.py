"""Systems of coordinates: WGS84, CGCS2000 and every CRS, and the shifted ones of Chinese maps.

GCJ-02 and BD-09 are what maps in mainland China show instead of WGS84. Their formula is published and smooth; what the
services themselves do differs from it by some 0.5 m, which no inverse can take back. Outside mainland China nothing
is shifted, and nothing is here: such points stay as they are (:func:`in_mainland` tells which).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridgis.crs import converted, parsed
from gridgis.errors import Fault, InputRefused

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Pair = tuple[Floats, Floats]

SHIFTED = ("gcj02", "bd09")
"""Systems that are no CRS, by the names that the command line knows."""

WGS84 = CRS.from_epsg(4326)

KRASOVSKY_A, KRASOVSKY_E2 = 6378245.0, 0.00669342162296594323
"""The ellipsoid on which the formula of GCJ-02 turns metres into degrees."""

BD_LON, BD_LAT = 0.0065, 0.0060
STEPS = 8
"""Of the inverse; each brings it some hundred times nearer, so that nothing is left to gain."""

# fmt: off
MAINLAND = (
    (108.05, 21.50), (107.95, 20.50), (108.30, 18.00), (109.50, 17.90), (111.50, 19.00), (111.50, 20.80),
    (113.30, 21.60), (114.60, 22.05), (116.50, 22.60), (117.60, 23.30), (118.55, 24.20), (119.50, 24.90),
    (120.30, 26.00), (121.30, 27.30), (122.60, 29.50), (123.00, 30.80), (122.30, 32.00), (121.20, 33.50),
    (120.20, 34.80), (121.00, 35.60), (122.90, 36.60), (123.00, 37.60), (122.00, 38.60), (123.00, 39.30),
    (124.15, 39.75), (124.35, 40.04), (124.42, 40.13), (125.00, 40.50), (125.80, 40.88), (126.19, 41.10),
    (126.30, 41.20), (126.60, 41.62), (126.95, 41.77), (128.05, 41.40), (128.20, 41.41), (128.25, 42.00),
    (129.00, 42.10), (129.75, 42.43), (129.90, 42.95), (130.20, 42.88), (130.60, 42.42), (130.70, 42.45),
    (130.55, 42.80), (131.20, 43.15), (131.30, 44.05), (131.25, 44.45), (131.00, 44.85), (132.90, 45.03),
    (133.10, 45.60), (134.00, 47.00), (134.70, 48.30), (134.35, 48.40), (133.00, 48.10), (132.50, 47.75),
    (131.00, 47.70), (130.60, 48.85), (127.75, 49.75), (127.52, 50.24), (127.30, 50.40), (126.90, 51.30),
    (125.90, 52.80), (123.60, 53.55), (121.30, 53.30), (119.90, 52.60), (120.70, 52.00), (119.10, 50.30),
    (117.80, 49.52), (116.70, 49.85), (115.60, 47.90), (117.40, 47.70), (118.50, 47.98), (119.85, 46.70),
    (116.60, 46.30), (115.70, 45.45), (113.60, 44.75), (111.90, 45.05), (111.40, 44.30), (111.95, 43.70),
    (110.40, 42.70), (107.50, 42.42), (105.00, 41.60), (101.80, 42.50), (100.00, 42.65), (96.40, 42.75),
    (95.35, 44.28), (93.50, 44.95), (90.90, 45.25), (90.95, 46.90), (90.05, 47.85), (88.00, 48.60),
    (87.40, 49.10), (85.80, 48.40), (85.60, 47.15), (83.00, 47.20), (82.30, 45.50), (80.10, 45.05),
    (80.38, 44.20), (80.80, 43.15), (80.20, 42.05), (78.20, 41.10), (76.90, 41.00), (75.90, 40.40),
    (74.80, 40.40), (73.90, 39.80), (73.65, 39.40), (73.90, 38.50), (74.90, 38.40), (74.90, 37.25),
    (76.00, 35.90), (77.80, 35.50), (78.30, 34.60), (78.90, 33.40), (78.70, 32.60), (78.60, 31.30),
    (79.20, 31.00), (81.10, 30.15), (82.20, 30.10), (84.20, 28.90), (86.00, 27.95), (88.10, 27.90),
    (88.90, 27.35), (89.50, 28.15), (91.60, 27.85), (94.20, 29.00), (96.00, 29.20), (97.30, 28.30),
    (98.20, 27.60), (98.65, 27.50), (98.70, 25.90), (97.60, 24.80), (97.53, 23.95), (97.90, 23.99),
    (98.85, 23.20), (99.50, 22.95), (99.20, 22.10), (100.20, 21.45), (101.20, 21.20), (101.75, 21.15),
    (101.80, 22.40), (102.50, 22.75), (103.95, 22.505), (104.80, 22.85), (105.35, 23.35), (106.60, 22.90),
    (106.55, 22.15), (106.75, 21.97), (107.30, 21.60), (107.95, 21.53),
)
"""Mainland China roughly: 20 km and more at lonely borders, nearer at the towns that lie on them; degrees WGS84."""

APART = (
    ((113.82, 22.13), (114.45, 22.13), (114.45, 22.552), (114.25, 22.552), (114.228, 22.547), (114.155, 22.553),
     (114.13, 22.5375), (114.113, 22.5305), (114.068, 22.5155), (114.00, 22.50), (113.86, 22.40)),
    ((113.53, 22.10), (113.63, 22.10), (113.63, 22.2155), (113.53, 22.2155)),
    ((118.22, 24.36), (118.52, 24.36), (118.52, 24.525), (118.22, 24.525)),
    ((119.90, 26.05), (120.55, 26.05), (120.55, 26.28), (119.90, 26.28)),
)
"""Hong Kong, Macao, Kinmen and Matsu, which have maps in WGS84."""
# fmt: on


def in_mainland(lon: Floats, lat: Floats) -> Bools:
    """Which points lie in mainland China, where GCJ-02 and BD-09 are shifted; degrees, by a coarse outline."""
    return np.asarray(shapely.contains_xy(_mainland(), lon, lat), dtype=bool)


def to_crs(x: Floats, y: Floats, *, source: str, target: str) -> Pair:
    """Coordinates in another system; nan where there is none.

    Invariant: back and forth between WGS84 and GCJ-02 or BD-09 returns within a micrometre.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        East before north: longitude before latitude.
    source, target : str
        `EPSG:n` (or any name of a CRS), `gcj02` or `bd09`. Points outside mainland China are the same in WGS84,
        `gcj02` and `bd09`.

    Raises
    ------
    InputRefused
        Where one of them is no such system.

    Notes
    -----
    The services that hand out GCJ-02 and BD-09 add some 0.5 m of their own: the true error of what comes back.
    """
    if source == target:
        return x, y
    lon, lat = _wgs84(x, y, source)
    if target == "gcj02":
        return _there(_gcj02, lon, lat)
    if target == "bd09":
        return _there(_bd09_of_wgs84, lon, lat)
    return _projected(lon, lat, WGS84, system(target))


@lru_cache(maxsize=64)
def system(name: str) -> CRS:
    """The CRS that a name stands for; of a shifted system that of the points it is made of, WGS84.

    Raises
    ------
    InputRefused
        Where it stands for none.
    """
    if name in SHIFTED:
        return WGS84
    try:
        return parsed(name)
    except ValueError:
        cure = f"Name EPSG:n, {' or '.join(SHIFTED)}"
        raise InputRefused([Fault("coordinates", name, "is no system of coordinates", cure)]) from None


def _wgs84(x: Floats, y: Floats, source: str) -> Pair:
    if source == "gcj02":
        return _there(lambda lon, lat: _undone(_gcj02, lon, lat), x, y)
    if source == "bd09":
        return _there(lambda lon, lat: _undone(_gcj02, *_undone(_bd09, lon, lat)), x, y)
    return _projected(x, y, system(source), WGS84)


def _projected(x: Floats, y: Floats, source: CRS, target: CRS) -> Pair:
    out = converted(np.column_stack([x, y]).astype(np.float64), source, target)
    out = np.where(np.isfinite(out).all(axis=1, keepdims=True), out, np.nan)
    return out[:, 0], out[:, 1]


def _there(shift: Callable[[Floats, Floats], Pair], lon: Floats, lat: Floats) -> Pair:
    """Shift what lies in mainland China; the rest stays."""
    here = in_mainland(lon, lat)
    east, north = np.array(lon, dtype=np.float64), np.array(lat, dtype=np.float64)
    east[here], north[here] = shift(east[here], north[here])
    return east, north


def _undone(forward: Callable[[Floats, Floats], Pair], x: Floats, y: Floats) -> Pair:
    """Invert a small shift by fixed-point steps."""
    lon, lat = x.copy(), y.copy()
    for _ in range(STEPS):
        east, north = forward(lon, lat)
        lon, lat = lon - (east - x), lat - (north - y)
    return lon, lat


def _gcj02(lon: Floats, lat: Floats) -> Pair:
    """GCJ-02 of points in WGS84: polynomials and sines of the distance from 105 E 35 N give the shift in metres."""
    x, y = lon - 105.0, lat - 35.0
    both = _waves(x, (6, 20), (2, 20))
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x))
    east += (both + _waves(x, (1, 20), (1 / 3, 40), (1 / 12, 150), (1 / 30, 300))) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x))
    north += (both + _waves(y, (1, 20), (1 / 3, 40), (1 / 12, 160), (1 / 30, 320))) * 2 / 3
    flattened = 1 - KRASOVSKY_E2 * np.sin(np.radians(lat)) ** 2
    meridian = KRASOVSKY_A * (1 - KRASOVSKY_E2) / flattened**1.5
    parallel = KRASOVSKY_A / np.sqrt(flattened) * np.cos(np.radians(lat))
    return lon + np.degrees(east / parallel), lat + np.degrees(north / meridian)


def _waves(value: Floats, *terms: tuple[float, float]) -> Floats:
    return sum((height * np.sin(value * turns * np.pi) for turns, height in terms), np.zeros_like(value))


def _bd09(lon: Floats, lat: Floats) -> Pair:
    """BD-09 of points in GCJ-02: a ripple in radius and angle around 0 E 0 N, and a step to the north-east."""
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(np.radians(lat * 3000))
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(np.radians(lon * 3000))
    return radius * np.cos(angle) + BD_LON, radius * np.sin(angle) + BD_LAT


def _bd09_of_wgs84(lon: Floats, lat: Floats) -> Pair:
    return _bd09(*_gcj02(lon, lat))


@cache
def _mainland() -> shapely.Polygon:
    outline = shapely.difference(shapely.Polygon(MAINLAND), shapely.union_all([shapely.Polygon(p) for p in APART]))
    shapely.prepare(outline)
    return outline
