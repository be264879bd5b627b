"""Land that changed zone: what alignment, cleaning and buildings over a border moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.divide.atoms import Atoms, dissolved
from gridgis.divide.land import Land
from gridgis.geometry.noding import Geometries, Ints, width_m

NOISE_M2 = 0.05
"""Smaller pieces are arithmetic."""

NOISE_M = 0.02
"""So are narrower ones: coordinates are whole centimetres."""


@dataclass(frozen=True)
class Moves:
    """Land by the zone it was drawn in and the zone it is in now, one row a pair."""

    source: Ints
    target: Ints
    geometry: Geometries


def moves(land: Land, atoms: Atoms) -> Moves:
    """Every piece of land that is now in another zone than it was drawn in."""
    drawn, now = dissolved(land.faces, land.drawn), dissolved(atoms.geometry, atoms.zone)
    i, j = shapely.STRtree(drawn).query(now, predicate="intersects")
    i, j = i[i != j], j[i != j]
    common = shapely.intersection(now[i], drawn[j])
    parts, pair = shapely.get_parts(common, return_index=True)
    keep = (shapely.get_type_id(parts) == 3) & (shapely.area(parts) > NOISE_M2) & (width_m(parts) > NOISE_M)
    rows = np.unique(pair[keep])
    shapes = [shapely.multipolygons(parts[keep & (pair == row)]) for row in rows]
    order = np.lexsort((i[rows], j[rows]))
    return Moves(j[rows][order], i[rows][order], np.array(shapes, dtype=object)[order])
