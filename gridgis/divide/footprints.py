"""Footprints that are no buildings: the surface of streets, a park or pond on two zones, drawn as one polygon."""

from __future__ import annotations

import numpy as np
import shapely

from gridgis.divide.arrangement import Lines
from gridgis.geometry.noding import Bools, Geometries
from gridgis.geometry.share import homes

LARGE_M2 = 100_000.0
"""Only of larger footprints it is asked whether streets run in them."""

LENGTHWISE = 0.25
"""Centre lines inside a street surface are longer than this share of its outline; of a building they are not."""


def not_buildings(buildings: Geometries, streets: Lines, zones: Geometries, *, most_m2: float) -> Bools:
    """Footprints that are land.

    Large ones along which streets run, or of which more than `most_m2` lies beyond their zone; and those that would
    starve a zone that is not their home. No border could pass where they may not be cut, and no zone would be what
    it was.

    Parameters
    ----------
    zones : the ground of each zone; they do not overlap
    """
    large = shapely.area(buildings) > LARGE_M2
    lying = homes(buildings, zones)
    out = (lying.starving > 0) | (large & (lying.beyond > most_m2))
    tree = shapely.STRtree(streets.geometry)
    for k in np.flatnonzero(large & ~out):
        near = streets.geometry[tree.query(buildings[k], predicate="intersects")]
        inside = shapely.length(shapely.intersection(near, buildings[k])).sum()
        out[k] = inside > LENGTHWISE * buildings[k].length
    return out
