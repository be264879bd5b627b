"""Coordinates: the working CRS, area and length on the ellipsoid, and declarations that cannot be true.

Everything between reading and writing happens in one projected CRS in metres, chosen here once.
Coordinates always run x (east) before y (north), whatever axis order a CRS is defined with.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Geod, Proj, Transformer

from gridgis.errors import Fault

Bounds = tuple[float, float, float, float]

SCALE_TOLERANCE = 0.005
"""A projection whose scale is off by more than this is not metric (Web Mercator away from the equator)."""

INHABITED = (-60.0, 80.0)
"""Latitudes between which people live: beyond them latitude and longitude were most likely exchanged."""

REACH_DEG = 6.0
"""How far beyond its area of use a projected CRS is still taken in earnest, degrees."""

DEGREES = 5.0
"""Projected coordinates of at most 360 that span less than this are degrees, not metres."""

GAUSS_KRUGER = {
    "China 2000": {3: (4513, 4534), 6: (4491, 4502)},
    "Xian 1980": {3: (2349, 2370), 6: (2327, 2338)},
    "Beijing 1954": {3: (2401, 2422), 6: (21413, 21453)},
}
"""Datum and width of zone to the EPSG codes of the first zone, with and without prefixed eastings."""

FIRST_ZONE = {3: 25, 6: 13}
ZONES = {3: range(25, 46), 6: range(13, 24)}


DEGREE_M = 111_320.0
"""Metres in a degree of latitude."""


def metric_crs(crs: CRS, bounds: Bounds) -> CRS:
    """Choose the projected CRS in metres in which all work on a layer is done.

    The layer's own CRS where it is projected in metres and true to scale there; else, in mainland
    China, the CGCS2000 3-degree zone without prefix (EPSG:4534-4554); else the zone of UTM.

    Parameters
    ----------
    crs : CRS
        CRS of the layer; a vertical part is left out.
    bounds : tuple of float
        West, south, east, north of the layer in `crs`.
    """
    flat = horizontal(crs)
    lon, lat = _centre(flat, bounds)
    if is_metric(flat, lon, lat):
        return flat
    chinese = CRS.from_epsg(4534 + round(lon / 3) - 25) if 73.5 < lon < 136.0 else None
    if chinese is not None and _within(chinese, lon, lat):
        return chinese
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + int((lon + 180) % 360 // 6) + 1)


def is_metric(crs: CRS, lon: float, lat: float) -> bool:
    """Whether `crs` is projected in metres and its metres are metres on the ground at a place."""
    if not crs.is_projected or any(axis.unit_conversion_factor != 1.0 for axis in crs.axis_info[:2]):
        return False
    try:
        factors = Proj(crs).get_factors(lon, lat)
    except RuntimeError:
        return False
    scales = np.array([factors.meridional_scale, factors.parallel_scale])
    return bool(np.all(np.abs(scales - 1) < SCALE_TOLERANCE))


@lru_cache(maxsize=64)
def horizontal(crs: CRS) -> CRS:
    """Take the horizontal part of a CRS: without height, without a bound transformation."""
    if crs.is_bound and crs.source_crs is not None:
        return horizontal(crs.source_crs)
    return crs.to_2d()


def parsed(given: object) -> CRS:
    """The horizontal CRS that `given` names.

    Raises
    ------
    ValueError
        Saying what is wrong, where it names none or none that lies on the earth.
    """
    try:
        found = CRS.from_user_input(given)
    except RuntimeError:
        raise ValueError(f"{given} is no CRS") from None
    if not is_usable(found):
        raise ValueError(f"{name_of(found)} is no place on the earth")
    return horizontal(found)


def is_usable(crs: CRS) -> bool:
    """Whether coordinates in `crs` can be put on the earth (a local or engineering CRS cannot)."""
    flat = horizontal(crs)
    return (flat.is_projected or flat.is_geographic) and flat.ellipsoid is not None


def transform(geometry: Any, source: CRS, target: CRS) -> NDArray[np.object_]:
    """Geometries from one CRS in another, 2D; equal vertices become equal vertices.

    Parameters
    ----------
    geometry : array_like of shapely geometries
        In `source`, x before y.
    source, target : CRS
        The array is returned as it is (2D) where both are the same.
    """
    array = flattened(geometry)
    way = _way(source, target)
    return array if way is None else shapely.transform(array, way)


def converted(xy: NDArray[np.float64], source: CRS, target: CRS) -> NDArray[np.float64]:
    """Coordinates, shape (n, 2), from one CRS in another; not finite where there are none."""
    way = _way(source, target)
    return xy if way is None else way(xy)


def flattened(geometry: Any) -> NDArray[np.object_]:
    """Take heights and measures off an array of geometries; the same ones where there are none."""
    array = np.asarray(geometry, dtype=object)
    if shapely.has_z(array).any() or shapely.has_m(array).any():
        return np.asarray(shapely.force_2d(array), dtype=object)
    return array


def area_m2(geometry: Any, crs: CRS) -> NDArray[np.float64]:
    """Area of polygons on the ellipsoid of `crs`, m2; holes taken off, other geometries 0.

    Each polygon is seen in a Lambert azimuthal equal-area projection around itself, whose lines
    are geodesics to within 1e-6 of the area for polygons of up to 100 km with vertices every few
    kilometres.

    Parameters
    ----------
    geometry : array_like of shapely geometries, shape (n,)
        In `crs`.

    References
    ----------
    Snyder (1987), Map Projections: A Working Manual, eq. 3-11 to 3-13, 24-2 to 24-4.
    """
    array = flattened(geometry)
    flat = shapely.transform(array, _converter(crs, _geographic(crs)))
    xy, owner = shapely.get_coordinates(flat, return_index=True)
    if not len(xy):
        return np.zeros(len(array))
    plane = _equal_area(np.radians(xy), owner, len(array), horizontal(crs))
    return np.asarray(shapely.area(shapely.set_coordinates(flat.copy(), plane)))


def perimeter_m(geometry: Any, crs: CRS) -> NDArray[np.float64]:
    """Length of lines, or of all rings of polygons, along geodesics of the ellipsoid of `crs`, m.

    References
    ----------
    Karney (2013), Algorithms for geodesics, as in `pyproj.Geod.inv`.
    """
    array = np.asarray(geometry, dtype=object)
    lonlat = transform(array, horizontal(crs), _geographic(crs))
    owner, start, end = _segments(lonlat)
    length = _geod(*_ellipsoid(horizontal(crs))).inv(*start.T, *end.T)[2] if len(owner) else np.zeros(0)
    return np.asarray(np.bincount(owner, weights=length, minlength=len(array)), dtype=np.float64)


@lru_cache(maxsize=64)
def _geod(a: float, b: float) -> Geod:
    return Geod(a=a, b=b)


def unit_m(crs: object) -> float:
    """Metres in one unit of the coordinates, near enough for a tolerance; without a CRS they are metres."""
    known = None if crs is None else CRS.from_user_input(crs)
    if known is None or not known.axis_info:
        return 1.0
    return DEGREE_M if known.is_geographic else float(known.axis_info[0].unit_conversion_factor)


def scale_m(crs: CRS, y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Metres in a unit of x and of y: of a projected CRS its unit, of degrees what they are at a latitude.

    Parameters
    ----------
    crs : without height, as :func:`horizontal` gives it
    y : float array
        Where; only of degrees does it matter.

    References
    ----------
    Snyder (1987), Map Projections, eq. 4-18 and 4-20: radii of curvature of the ellipsoid.
    """
    if crs.is_projected:
        unit = np.full(len(y), unit_m(crs))
        return unit, unit
    a, b = _ellipsoid(crs)
    square = 1 - (b / a) ** 2
    latitude = np.radians(y)
    bent = 1 - square * np.sin(latitude) ** 2
    east, north = a * np.cos(latitude) / np.sqrt(bent), a * (1 - square) / bent**1.5
    return np.radians(east), np.radians(north)


def misdeclared(layer: str, crs: CRS, bounds: Bounds) -> Fault | None:
    """Find the fault of a layer whose coordinates cannot be what its CRS says, or None.

    Told apart are eastings with and without zone prefix (EPSG:4513-4533 and 4534-4554 and their
    like on older Chinese datums), exchanged axes, and coordinates outside the area of the CRS.

    Parameters
    ----------
    layer : str
        The layer's name, for the message.
    bounds : tuple of float
        West, south, east, north as they stand in the file.
    """
    flat = horizontal(crs)
    if not np.all(np.isfinite(bounds)):
        return Fault(layer, "", "coordinates are not finite", "Export the layer anew with its coordinates")
    return _wrong_prefix(layer, flat, bounds) or _wrong_place(layer, flat, bounds)


def other_prefix(crs: CRS, x: float, y: float) -> tuple[str, str] | None:
    """What an easting that carries a zone prefix which its CRS has not (or the other way round) says, and the cure.

    Returns
    -------
    tuple or None
        What is odd, and the CRS in which the point is meant, such as `EPSG:4526`.
    """
    fault = _wrong_prefix("", horizontal(crs), (x, y, x, y))
    return None if fault is None else (fault.problem.replace("eastings", "its easting"), fault.cure.rsplit("=", 1)[1])


def _wrong_prefix(layer: str, crs: CRS, bounds: Bounds) -> Fault | None:
    """Find eastings that carry a zone prefix that the CRS has not, or the other way round."""
    easting, northing = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    declared = _gauss_kruger(crs)
    if declared is None or not 1e6 < northing < 6.5e6:
        return None
    codes, width, zone, prefixed = declared
    found = int(easting // 1e6)
    if found == (zone if prefixed else 0):
        return None
    actual = next((w for w, zones in ZONES.items() if found in zones), None)
    if found and actual is None:
        return None
    epsg = codes[actual][0] + found - FIRST_ZONE[actual] if actual else codes[width][1] + zone - FIRST_ZONE[width]
    what = f"begin with the zone number {found}" if actual else "have no zone number"
    problem = f"eastings {what} ({easting:.0f}), which {name_of(crs)} does not say"
    return Fault(layer, "", problem, f"Declare it with --crs-of {layer}=EPSG:{epsg}")


def _gauss_kruger(crs: CRS) -> tuple[dict[int, tuple[int, int]], int, int, bool] | None:
    """EPSG codes of the datum, width and number of the zone, whether eastings are prefixed."""
    codes = GAUSS_KRUGER.get(_datum(crs))
    operation = crs.coordinate_operation
    if codes is None or operation is None:
        return None
    value = {p.name: float(p.value) for p in operation.params if isinstance(p.value, int | float)}
    easting, lon = value.get("False easting"), value.get("Longitude of natural origin")
    if easting is None or lon is None or easting % 1e6 != 500_000:
        return None
    prefix = int(easting // 1e6)
    width = 3 if prefix in ZONES[3] or (not prefix and not _six_degree(crs)) else 6
    return codes, width, round(lon / 3) if width == 3 else round((lon + 3) / 6), prefix > 0


def _six_degree(crs: CRS) -> bool:
    """Whether a zone without prefix is one of 6 degrees; unmarked ones count as 3 degrees."""
    epsg = crs.to_epsg() or 0
    return any(first <= epsg < first + 11 for first in (4502, 2338, 21453))


def _datum(crs: CRS) -> str:
    """Find the key of :data:`GAUSS_KRUGER`, also where a file spells the datum in its own way."""
    base = crs.geodetic_crs
    spelled = f"{crs.name} {base.name if base else ''} {base.datum.name if base and base.datum else ''}".lower()
    known = {"china 2000": "China 2000", "china_2000": "China 2000", "cgcs": "China 2000"}
    known |= {"xian": "Xian 1980", "beijing": "Beijing 1954"}
    return next((name for word, name in known.items() if word in spelled), "")


def _wrong_place(layer: str, crs: CRS, bounds: Bounds) -> Fault | None:
    """Find coordinates that lie outside the earth or far outside the area of the CRS."""
    if _plausible(crs, bounds):
        return None
    west, south, east, north = bounds
    if _plausible(crs, (south, west, north, east)):
        problem = f"axes are exchanged: x {west:.6g} to {east:.6g}, y {south:.6g} to {north:.6g} in {name_of(crs)}"
        return Fault(layer, "", problem, "Write x (east, longitude) before y (north, latitude)")
    problem = f"coordinates x {west:.6g} to {east:.6g}, y {south:.6g} to {north:.6g} lie outside {name_of(crs)}"
    return Fault(layer, "", problem, f"Declare the right CRS with --crs-of {layer}=EPSG:n")


def _plausible(crs: CRS, bounds: Bounds) -> bool:
    """Whether bounds lie where people live and not far outside the area of use of `crs`."""
    west, south, east, north = bounds
    if crs.is_geographic and not (-180.5 <= west <= east <= 360.5 and -90 <= south <= north <= 90):
        return False
    if crs.is_projected and max(map(abs, bounds)) <= 360 and max(east - west, north - south) < DEGREES:
        return False
    lon, lat = _converter(crs, _geographic(crs))(np.array([[west, south], [east, north]])).T
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return False
    inhabited = INHABITED[0] <= lat.min() and lat.max() <= INHABITED[1]
    return bool(inhabited) and all(_within(crs, x, y, reach=REACH_DEG) for x, y in zip(lon, lat, strict=True))


def _within(crs: CRS, lon: float, lat: float, *, reach: float = 0.0) -> bool:
    area = crs.area_of_use
    if area is None:
        return True
    east = area.east if area.east >= area.west else area.east + 360
    around = (lon - area.west + reach) % 360 - reach + area.west if lon < area.west - reach else lon
    return area.west - reach <= around <= east + reach and area.south - reach <= lat <= area.north + reach


def name_of(crs: CRS) -> str:
    """Name a CRS as people do: authority and code where it has one, else its name."""
    authority = crs.to_authority()
    return ":".join(authority) if authority else crs.name


def canonical(crs: CRS) -> str:
    """Spell a CRS the same way wherever it was read: authority and code where it has one, else WKT."""
    authority = crs.to_authority()
    return ":".join(authority) if authority else crs.to_wkt()


def _centre(crs: CRS, bounds: Bounds) -> tuple[float, float]:
    middle = np.array([[(bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2]])
    lon, lat = _converter(crs, _geographic(crs))(middle)[0]
    return float((lon + 180) % 360 - 180), float(lat)


@lru_cache(maxsize=64)
def _geographic(crs: CRS) -> CRS:
    """Longitude and latitude on the same datum: no shift on the way."""
    base = horizontal(crs).geodetic_crs
    return CRS.from_epsg(4326) if base is None else base.to_2d()


@lru_cache(maxsize=64)
def _ellipsoid(crs: CRS) -> tuple[float, float]:
    shape = crs.ellipsoid
    return (6378137.0, 6356752.314245179) if shape is None else (shape.semi_major_metre, shape.semi_minor_metre)


Way = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_WAYS: dict[tuple[int, int], tuple[CRS, CRS, Way | None]] = {}
"""Ways between CRS objects that were gone before, found by which objects they are: to compare what two CRS say takes
longer than to bring a point from one into the other."""
WAYS_KEPT = 64


def _way(source: CRS, target: CRS) -> Way | None:
    """What brings coordinates from one CRS into another; None where both are the same."""
    key = id(source), id(target)
    kept = _WAYS.get(key)
    if kept is None:  # those that are kept are alive, so that no other object has their number
        if len(_WAYS) >= WAYS_KEPT:
            _WAYS.clear()
        kept = _WAYS[key] = source, target, None if source == target else _converter(source, target)
    return kept[2]


def _converter(source: CRS, target: CRS) -> Way:
    if source == target:
        return lambda xy: xy
    there = transformer(source.to_wkt(), target.to_wkt())
    return lambda xy: np.column_stack(there.transform(xy[:, 0], xy[:, 1])) if len(xy) else xy


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Transformer:
    """What brings x and y from one CRS, by name or WKT, into another; made once, for it takes a part of a second."""
    return Transformer.from_crs(CRS.from_user_input(source), CRS.from_user_input(target), always_xy=True)


def _equal_area(lonlat: NDArray[np.float64], owner: NDArray[np.int64], n: int, crs: CRS) -> NDArray[np.float64]:
    """Radians in an authalic azimuthal projection, each owner's vertices around their first one."""
    a, b = _ellipsoid(crs)
    e = np.sqrt(1 - (b / a) ** 2)
    pole = _authalic(np.array([1.0]), e)[0]
    lon, sine = lonlat[:, 0], _authalic(np.sin(lonlat[:, 1]), e) / pole
    first = np.searchsorted(owner, np.arange(n)).clip(max=len(owner) - 1)
    sin0 = sine[first][owner]
    cosine, cos0 = np.sqrt(1 - sine**2), np.sqrt(1 - sin0**2)
    east = lon - lon[first][owner]
    cos_c = sin0 * sine + cos0 * cosine * np.cos(east)
    scale = a * np.sqrt(pole / 2) * np.sqrt(2 / (1 + cos_c))
    return np.column_stack([scale * cosine * np.sin(east), scale * (cos0 * sine - sin0 * cosine * np.cos(east))])


def _authalic(sine: NDArray[np.float64], e: float) -> NDArray[np.float64]:
    """Snyder's q (eq. 3-12) of the sine of a latitude; on a sphere twice the sine."""
    if e == 0:
        return 2 * sine
    return np.asarray((1 - e * e) * (sine / (1 - (e * sine) ** 2) + np.arctanh(e * sine) / e))


def _segments(geometry: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Owner, start and end of every segment of every line or ring."""
    parts, part_owner = shapely.get_parts(geometry, return_index=True)
    areal = shapely.get_dimensions(parts) == 2
    rings, ring_owner = shapely.get_rings(parts[areal], return_index=True)
    lines = np.concatenate([rings, parts[shapely.get_dimensions(parts) == 1]])
    of_line = np.concatenate([part_owner[areal][ring_owner], part_owner[shapely.get_dimensions(parts) == 1]])
    xy, line = shapely.get_coordinates(lines, return_index=True)
    same = line[1:] == line[:-1]
    return of_line[line[:-1][same]], xy[:-1][same], xy[1:][same]
