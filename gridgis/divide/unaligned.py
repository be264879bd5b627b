"""Zone borders that might lie on a centre line and do not: what alignment had to leave."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.divide.arrangement import Lines
from gridgis.divide.land import Land
from gridgis.geometry.components import sums
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints
from gridgis.profile import Profile

PARALLEL_DEGREES = 20.0
"""A border at a larger angle to a line crosses it and does not follow it."""

LEAST_M = 10.0
"""Shorter stretches between two zones are not worth a finding."""

CLAUSE = "XL 10: the border is as a rule the road's centre line"


def unaligned(land: Land, zones: gpd.GeoDataFrame, lines: Lines, *, profile: Profile) -> gpd.GeoDataFrame:
    """One finding for each pair of zones with border beside a centre line and not on it.

    Returns
    -------
    GeoDataFrame with the columns of the layer `offenders`, in the CRS of `zones`.
    """
    reach = profile.tolerances.align_m.value
    i, j, ends = _zone_borders(land)
    beside = _beside(ends, lines, reach_m=reach)
    i, j, ends = i[beside], j[beside], ends[beside]
    pairs, inverse = np.unique(np.column_stack([i, j]), axis=0, return_inverse=True)
    length = sums(inverse, np.hypot(*(ends[:, 1] - ends[:, 0]).T), len(pairs))
    code = zones["zone_code"].to_numpy(dtype=object)
    rows, shapes = [], []
    for k in np.flatnonzero(length >= LEAST_M):
        a, b = pairs[k]
        detail = f"{length[k]:.0f} m of border with {code[b]} lie within {reach:g} m of a centre line and not on it"
        rows.append(("zone_border_off_line", "finding", code[a], detail, CLAUSE))
        shapes.append(shapely.line_merge(shapely.multilinestrings(shapely.linestrings(ends[inverse == k]))))
    table = pd.DataFrame(rows, columns=["rule", "severity", "code", "detail", "clause"])
    return gpd.GeoDataFrame(table, geometry=np.array(shapes, dtype=object), crs=zones.crs)


def _zone_borders(land: Land) -> tuple[Ints, Ints, Floats]:
    """Both zones and the ends of every border between two zones that follows no line."""
    b = land.borders
    inner = (b.second >= 0) & ~b.on_line
    i, j = land.zone[b.first[inner]], land.zone[b.second[inner]]
    apart = i != j
    ends = np.stack([b.a[inner], b.b[inner]], axis=1)[apart]
    return np.minimum(i, j)[apart], np.maximum(i, j)[apart], ends


def _beside(ends: Floats, lines: Lines, *, reach_m: float) -> Bools:
    """Whether each border segment runs along a centre line within reach."""
    out = np.zeros(len(ends), dtype=bool)
    centre = _segments(lines.geometry[lines.on_line])
    if not len(centre) or not len(ends):
        return out
    middle = shapely.points(ends.mean(axis=1))
    row, hit = shapely.STRtree(shapely.linestrings(centre)).query(middle, predicate="dwithin", distance=reach_m)
    u, v = ends[row, 1] - ends[row, 0], centre[hit, 1] - centre[hit, 0]
    along = np.abs((u * v).sum(axis=1)) >= np.cos(np.radians(PARALLEL_DEGREES)) * np.hypot(*u.T) * np.hypot(*v.T)
    out[row[along]] = True
    return out


def _segments(lines: Geometries) -> Floats:
    xy, line = shapely.get_coordinates(lines, return_index=True)
    same = line[1:] == line[:-1]
    return np.stack([xy[:-1][same], xy[1:][same]], axis=1)
