"""Footprints that are no buildings: the surface of streets, or a park or pond on two zones, drawn as one polygon."""

from __future__ import annotations

import numpy as np
import shapely

from gridgis.divide.arrangement import Lines
from gridgis.geometry.noding import Bools, Geometries
from gridgis.geometry.share import beyond_first

LARGE_M2 = 100_000.0
"""Only larger footprints are doubted."""

LENGTHWISE = 0.25
"""Centre lines inside a street surface are longer than this share of its outline; of a building they are not."""


def not_buildings(buildings: Geometries, streets: Lines, zones: Geometries, *, most_m2: float) -> Bools:
    """Large footprints along which streets run, or of which a second zone holds more than `most_m2`.

    No border could pass where they may not be cut, and no zone would be what it was.
    """
    out = np.zeros(len(buildings), dtype=bool)
    large = np.flatnonzero(shapely.area(buildings) > LARGE_M2)
    if not len(large):
        return out
    tree = shapely.STRtree(streets.geometry)
    for k in large:
        near = streets.geometry[tree.query(buildings[k], predicate="intersects")]
        inside = shapely.length(shapely.intersection(near, buildings[k])).sum()
        out[k] = inside > LENGTHWISE * buildings[k].length
    out[large] |= beyond_first(buildings[large], zones) > most_m2
    return out
