"""Coordinate systems by the names and with the order of axes that the standard has.

Invariant: coordinates stand in the order of the axes of their system: longitude first in CRS84, latitude first in
EPSG:4490, northing first in the planes of CGCS2000.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridgis.crs import horizontal, transform

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CGCS2000 = f"{EPSG}4490"
DEGREE_DECIMALS, METRE_DECIMALS = 9, 4
"""Of coordinates: 0.1 mm both."""
STEPS = 16
"""Parts of each side of a box that is brought into another system."""

Geometries = NDArray[np.object_]


@dataclass(frozen=True)
class System:
    """A system by its address; `swapped` where its first axis points north."""

    uri: str
    crs: CRS
    swapped: bool

    @property
    def decimals(self) -> int:
        """To which coordinates are rounded."""
        return DEGREE_DECIMALS if self.crs.is_geographic else METRE_DECIMALS

    def out(self, shapes: Geometries, source: CRS) -> Geometries:
        """Shapes as they are told in this system; the rings of areas run as RFC 7946 wants them."""
        here = shapely.orient_polygons(transform(shapes, source, self.crs))
        turned = shapely.transform(here, lambda xy: np.round(xy[:, ::-1] if self.swapped else xy, self.decimals))
        return np.asarray(turned, dtype=object)

    def area(self, box: tuple[float, float, float, float], target: CRS) -> Any:
        """A box in this system, as it lies in another one.

        Parameters
        ----------
        box : smallest first and second coordinate, largest first and second; of CRS84 the west may be the larger
        """
        a, b, c, d = box
        west, south, east, north = (b, a, d, c) if self.swapped else (a, b, c, d)
        parts = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        edge = 10.0**-self.decimals  # what is told is rounded: a box made of it meets what it was made of
        boxes = [shapely.box(left - edge, south - edge, right + edge, north + edge) for left, right in parts]
        step = max(east - west, north - south, edge) / STEPS if west <= east else 10.0
        found = transform(np.array([shapely.segmentize(one, step) for one in boxes]), self.crs, target)
        return shapely.union_all([shapely.make_valid(one) for one in found])


def systems(stored: CRS) -> dict[str, System]:
    """The systems that are handed out, by their addresses: CRS84, CGCS2000, that of the store where it has a code."""
    out = {CRS84: System(CRS84, CRS.from_epsg(4326), swapped=False)}
    for uri in (CGCS2000, uri_of(stored)):
        if uri:
            crs = CRS.from_epsg(int(uri.rpartition("/")[2]))
            out[uri] = System(uri, crs, swapped=crs.axis_info[0].direction == "north")
    return out


def uri_of(crs: CRS) -> str:
    """The address of a system; empty where it has no code."""
    authority = horizontal(crs).to_authority("EPSG")
    return f"{EPSG}{authority[1]}" if authority else ""
