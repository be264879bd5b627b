"""What a person should know of how cases were placed, in words: nothing is decided in silence.

Invariant: a case without a grid has a problem; one that was given a grid by something else than its point, while it
has a point or something stands where a point should be, has a warning.
"""

from __future__ import annotations

import numpy as np

from gridgis.coordinates import beyond, swapped, system
from gridgis.crs import other_prefix
from gridgis.geometry.noding import Floats, Geometries
from gridgis.locate.locate import ADDRESS, DEFAULT, OUTSIDE, UNLOCATED
from gridgis.resolve.handed import PASTED
from gridgis.resolve.office import Office
from gridgis.resolve.place import Placed, apart_m

NO_COORDINATES = "coordinates are missing"
"""What is told of a case that has none; with an address that is nothing odd."""
NO_PLACE = "the coordinates are no place in this CRS"


def problems(office: Office, given: Geometries, placed_: Placed) -> Geometries:
    """Why cases have no grid; `given` tells what was wrong with their coordinates."""
    found, out = placed_.found, np.full(len(given), "", dtype=object)
    lost = found.method == UNLOCATED
    out[lost] = np.where(given[lost] == "", NO_PLACE, given[lost])
    if len(placed_.by_address):
        for k, reason in zip(placed_.by_address, placed_.told(placed_.by_address)["reason"], strict=True):
            if lost[k]:
                out[k] = f"address not found: {reason}"
    limit = office.profile.locating.nearest_m.value
    for k in np.flatnonzero(found.method == OUTSIDE):
        far = f"{found.distance_m[k]:.0f} m away" if np.isfinite(found.distance_m[k]) else "far away"
        out[k] = f"in no grid: the nearest is {far}, beyond {limit:g} m"
    return out


def of_addresses(placed_: Placed) -> Geometries:
    """That an address that answers is ambiguous, and between what; that an address is a place of a map, and which."""
    out = np.full(len(placed_.x), "", dtype=object)
    if len(placed_.by_address):
        told = placed_.told(placed_.by_address)
        out[placed_.by_address] = np.where(told["ambiguous"], told["reason"], "")
    if not len(placed_.looked_up):
        return out
    on_map = (placed_.addresses["kind"] == PASTED).to_numpy(dtype=bool)
    for k, where in zip(placed_.looked_up[on_map], placed_.addresses["address"][on_map], strict=True):
        out[k] = f"its address is a place on a map: {where}"
    return out


def of_points(
    office: Office, given: Geometries, placed_: Placed, point: tuple[Floats, Floats], crs: Geometries
) -> Geometries:
    """What was wrong with points in whose place something else answers, or which lie outside.

    Parameters
    ----------
    given : object array, shape (n,)
        What was wrong with the coordinates as they stood, empty for nothing.
    point : pair of float array, shape (n,)
        The coordinates as they stood, not a number where they could not be used.
    crs : object array, shape (n,)
        The system of each.
    """
    out = np.full(len(given), "", dtype=object)
    for k in placed_.by_address:
        out[k] = "" if given[k] == NO_COORDINATES else given[k]
        if not given[k] and np.isfinite(point[0][k]) and not np.isfinite(placed_.point[0][k]):
            out[k] = NO_PLACE
    _tell_instead(office, placed_, out)
    _tell_mistakes(office, placed_, point, crs, out)
    return out


def _tell_instead(office: Office, placed_: Placed, out: Geometries) -> None:
    """How far a point lies from what answers in its place."""
    if not len(placed_.looked_up):
        return
    found, (x, y) = placed_.found, placed_.point
    there = np.isfinite(x) & np.isfinite(y)
    rows = np.flatnonzero((found.method == ADDRESS) & there & ~((placed_.x == x) & (placed_.y == y)))
    metres = apart_m(office, (x[rows], y[rows]), (placed_.x[rows], placed_.y[rows]))
    for k, far in zip(rows, metres, strict=True):
        why = DEFAULT if found.piled[k] else "its point lies in no grid"
        _add(out, int(k), f"{why}, {_far(far)} from its address, which answers")
    for k, reason in zip(placed_.looked_up, placed_.addresses["reason"], strict=True):
        if found.piled[k] and found.confidence[k] == 0:
            _add(out, int(k), f"address not found: {reason}")


def _tell_mistakes(
    office: Office, placed_: Placed, point: tuple[Floats, Floats], crs: Geometries, out: Geometries
) -> None:
    """What may have happened to points that lie far outside."""
    (x, y), method = placed_.point, placed_.found.method
    astray = (method == OUTSIDE) | (method == ADDRESS)
    rows = np.flatnonzero(astray | ~(np.isfinite(x) & np.isfinite(y)))
    if not len(rows):
        return
    rows = rows[np.isfinite(point[0][rows]) & np.isfinite(point[1][rows])]
    for name in sorted(set(crs[rows])):
        mine = rows[crs[rows] == name]
        here, bounds = (point[0][mine], point[1][mine]), office.bounds_in(name)
        for k in mine[swapped(*here, bounds)]:
            _add(out, int(k), f"{_axes(name)} seem to be exchanged")
        for k in mine[beyond(*here, bounds)]:
            _add_prefix(out, int(k), name, (float(point[0][k]), float(point[1][k])))


def _axes(name: str) -> str:
    return "longitude and latitude" if system(name).is_geographic else "x (east) and y (north)"


def _add_prefix(out: Geometries, k: int, name: str, point: tuple[float, float]) -> None:
    """That an easting has a zone number which its CRS has not, or the other way round; also with exchanged axes."""
    crs = system(name)
    if not crs.is_projected:
        return
    told = other_prefix(crs, *point)
    turned = None if told is not None else other_prefix(crs, *point[::-1])
    for what, found in (("", told), ("x (east) and y (north) seem to be exchanged, and ", turned)):
        if found is not None:
            odd, cure = found
            _add(out, k, f"{what}{odd.replace('begin', 'begins').replace('have', 'has')}: try --case-crs {cure}")


def _far(metres: float) -> str:
    return f"{metres / 1000:,.0f} km" if metres >= 10_000 else f"{metres:.0f} m"


def _add(out: Geometries, k: int, text: str) -> None:
    out[k] = f"{out[k]}; {text}" if out[k] else text
