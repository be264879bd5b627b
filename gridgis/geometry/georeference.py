"""A scan laid on the map by control points: the affine map that is nearest to them, and how far it is off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridgis.crs import converted, parsed
from gridgis.errors import Fault, InputRefused
from gridgis.geometry.noding import Floats

DEGREES, WEB = "EPSG:4326", "EPSG:3857"
FEWEST = 3
FLAT = 1e-3
"""Control points lie on one line where they are less broad than this share of their length."""


@dataclass(frozen=True)
class Laid:
    """Where a picture lies.

    Attributes
    ----------
    corners : longitude and latitude of its upper left, upper right, lower right and lower left corner
    off_m : metres by which each control point is off, in their order; all nought with three, which prove nothing
    rms_m : root of the mean square of these
    """

    corners: tuple[tuple[float, float], ...]
    off_m: tuple[float, ...]
    rms_m: float


def lay(pixels: Sequence[tuple[float, float]], places: Sequence[tuple[float, float]], *, size: tuple[int, int]) -> Laid:
    """Lay a picture on the map by least squares.

    The affine map goes from pixels to the plane of web maps, in which its corners are a parallelogram: so the picture
    is drawn as it is fitted. Metres are those on the ground at the middle of the control points, `cos(latitude)` of
    those in the plane (Snyder 1987, Map projections, p. 44).

    Parameters
    ----------
    pixels : column and row of each control point, from the upper left corner
    places : longitude and latitude of each
    size : width and height of the picture in pixels

    Raises
    ------
    InputRefused
        With fewer than three points, or all on one line.
    """
    at, lonlat = np.array(pixels, dtype=float).reshape(-1, 2), np.array(places, dtype=float).reshape(-1, 2)
    _refuse_few(at, "the picture")
    degrees, web = parsed(DEGREES), parsed(WEB)
    plane = converted(lonlat, degrees, web)
    _refuse_few(plane, "the map")
    middle = plane.mean(axis=0)
    given = np.column_stack([at, np.ones(len(at))])
    matrix, *_ = np.linalg.lstsq(given, plane - middle, rcond=None)
    ground = float(np.cos(np.radians(lonlat[:, 1].mean())))
    off = np.hypot(*((given @ matrix - (plane - middle)) * ground).T)
    width, height = size
    frame = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], dtype=float)
    corners = converted(frame @ matrix + middle, web, degrees).round(8).tolist()
    rms = float(np.sqrt((off**2).mean()))
    return Laid(tuple((lon, lat) for lon, lat in corners), tuple(off.round(3).tolist()), round(rms, 3))


def _refuse_few(points: Floats, where: str) -> None:
    """Raise where points do not fix an affine map."""
    cure = "Give three control points or more that are far from each other, and not in a row"
    if len(points) < FEWEST:
        raise InputRefused([Fault("points", "", f"are {len(points)}, three are the fewest", cure)])
    length, breadth = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[:2]
    if breadth <= FLAT * length:
        raise InputRefused([Fault("points", "", f"lie on one line in {where}", cure)])
