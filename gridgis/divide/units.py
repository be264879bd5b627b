"""Units: what may never be cut. A building, buildings that overlap, or a single point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.geometry.components import components, sums
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints

DEPTH_M = 0.12
"""Buildings that still meet after each lost this much overlap; those that touch do not."""


@dataclass(frozen=True)
class Units:
    """Things that stay whole, each with what it counts (households or workers).

    Attributes
    ----------
    geometry : Polygon, MultiPolygon (buildings that overlap), Point or LineString
    weight : households or workers of the unit
    part : unit of each building
    """

    geometry: Geometries
    weight: Floats
    part: Ints

    @property
    def areal(self) -> Bools:
        """Whether a unit is a building and not a point."""
        return np.asarray(shapely.get_dimensions(self.geometry) == 2)


def units(buildings: Geometries, building_weight: Floats, loose: Geometries, loose_weight: Floats) -> Units:
    """Buildings, those that overlap taken together, followed by loose things that count something.

    Parameters
    ----------
    loose : array of Point (households outside buildings) and LineString (sections of a street corridor)
    """
    part = components(len(buildings), _overlapping(buildings))
    n = int(part.max(initial=-1)) + 1
    shape = np.empty(n, dtype=object)
    alone = np.bincount(part, minlength=n) == 1
    shape[part[alone[part]]] = buildings[alone[part]]
    for k in np.flatnonzero(~alone):
        shape[k] = shapely.union_all(buildings[part == k])
    counted = loose_weight > 0
    weight = np.concatenate([sums(part, building_weight, n), loose_weight[counted]])
    return Units(np.concatenate([shape, loose[counted]]), weight, part)


def _overlapping(buildings: Geometries) -> Ints:
    """Pairs of buildings that overlap by more than a wall."""
    if not len(buildings):
        return np.zeros((0, 2), dtype=np.int64)
    i, j = shapely.STRtree(buildings).query(buildings, predicate="intersects")
    i, j = i[i < j], j[i < j]
    inner = np.full(len(buildings), None, dtype=object)
    need = np.unique(np.concatenate([i, j]))
    inner[need] = shapely.buffer(buildings[need], -DEPTH_M)
    deep = shapely.intersects(inner[i], inner[j])
    return np.column_stack([i[deep], j[deep]])
