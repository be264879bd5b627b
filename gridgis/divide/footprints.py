"""Footprints that are no buildings: the surface of streets, drawn as one polygon through a town."""

from __future__ import annotations

import numpy as np
import shapely

from gridgis.divide.arrangement import Lines
from gridgis.geometry.noding import Bools, Geometries

LARGE_M2 = 100_000.0
"""Only larger footprints are doubted."""

LENGTHWISE = 0.25
"""Centre lines inside a street surface are longer than this share of its outline; of a building they are not."""


def street_surfaces(buildings: Geometries, lines: Lines) -> Bools:
    """Large footprints along which streets run: no border could pass where they may not be cut."""
    out = np.zeros(len(buildings), dtype=bool)
    large = np.flatnonzero(shapely.area(buildings) > LARGE_M2)
    centre = lines.geometry[lines.on_line]
    if not len(large) or not len(centre):
        return out
    tree = shapely.STRtree(centre)
    for k in large:
        near = centre[tree.query(buildings[k], predicate="intersects")]
        inside = shapely.length(shapely.intersection(near, buildings[k])).sum()
        out[k] = inside > LENGTHWISE * buildings[k].length
    return out
