"""Zones cleaned as one coverage: what was repaired is told, what cannot be is refused with its place."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gridgis.errors import Fault, Notice, refuse
from gridgis.geometry.coverage import uncovered
from gridgis.geometry.noding import Geometries, Ints, as_array, first_hit, inner_points
from gridgis.profile import Profile
from gridgis.schema import KINDS_FROM_THE_TOP, layer_of


@dataclass(frozen=True)
class CleanZones:
    """Zones whose layers are coverages, one above the other, and what was repaired.

    Attributes
    ----------
    zones : GeoDataFrame
        In the order of their codes, geometry not yet cut by the layers above.
    """

    zones: gpd.GeoDataFrame
    notices: tuple[Notice, ...]


def clean(zones: gpd.GeoDataFrame, *, profile: Profile) -> CleanZones:
    """Close gaps and overlaps within the tolerance, layer by layer.

    Raises
    ------
    InputRefused
        Where two zones of one layer overlap in a piece wider than the tolerance, or one lies in another.
    """
    zones = zones.sort_values("zone_code", kind="stable", ignore_index=True)
    geometry = as_array(zones.geometry).copy()
    kind = zones["kind"].to_numpy(dtype=object)
    code = zones["zone_code"].to_numpy(dtype=object)
    faults: list[Fault] = []
    notices: list[Notice] = []
    for kinds in KINDS_FROM_THE_TOP:
        mine = np.flatnonzero(np.isin(kind, kinds))
        if not len(mine):
            continue
        found, told = _overlaps(geometry[mine], code[mine], profile=profile)
        faults += found
        notices += told
        if not found:
            geometry[mine] = _clean_layer(geometry[mine], profile=profile)
            faults += [_vanished(c) for c in code[mine][shapely.is_empty(geometry[mine])]]
    refuse(faults)
    return CleanZones(zones.set_geometry(gpd.GeoSeries(geometry, index=zones.index, crs=zones.crs)), tuple(notices))


def ground(zones: gpd.GeoDataFrame) -> Geometries:
    """The land of each zone that no zone of a layer above lies on."""
    return uncovered(as_array(zones.geometry), layer_of(zones["kind"].to_numpy(dtype=object)))


def zone_of(points: Geometries, zones: gpd.GeoDataFrame) -> Ints:
    """Index of the zone on top at each point, -1 where there is none."""
    out = np.full(len(points), -1, dtype=np.int64)
    kind = zones["kind"].to_numpy(dtype=object)
    for kinds in reversed(KINDS_FROM_THE_TOP):
        mine = np.flatnonzero(np.isin(kind, kinds))
        hit = first_hit(points, as_array(zones.geometry)[mine])
        out[hit >= 0] = mine[hit[hit >= 0]]
    return out


def _clean_layer(polygons: Geometries, *, profile: Profile) -> Geometries:
    t = profile.tolerances
    cleaned = shapely.coverage_clean(polygons, gap_width=t.gap_width_m.value, snapping_distance=t.snap_m.value)
    return np.asarray(cleaned, dtype=object)


def _overlaps(polygons: Geometries, code: Geometries, *, profile: Profile) -> tuple[list[Fault], list[Notice]]:
    """Overlaps of one layer: faults for the wide ones, a notice that counts the others."""
    i, j = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    i, j = i[i < j], j[i < j]
    common = shapely.intersection(polygons[i], polygons[j])
    area = shapely.area(common)
    i, j, common, area = i[area > 0], j[area > 0], common[area > 0], area[area > 0]
    wide = ~shapely.is_empty(shapely.buffer(common, -profile.tolerances.overlap_m.value / 2))
    smaller = np.minimum(shapely.area(polygons[i]), shapely.area(polygons[j]))
    wide |= area > 0.5 * smaller
    faults = [
        Fault("zones", f"zone_code {code[a]}", _overlap_text(code[b], size, shape), "Draw their common border once")
        for a, b, size, shape in zip(i[wide], j[wide], area[wide], common[wide], strict=True)
    ]
    narrow = int((~wide & (area > 1)).sum())
    notices = [Notice("zones", f"overlaps closed, {area[~wide].sum():.0f} m2 in all", narrow)] if narrow else []
    return faults, notices


def _overlap_text(other: str, area: float, shape: shapely.Geometry) -> str:
    x, y = shapely.get_coordinates(inner_points(np.array([shape], dtype=object)))[0]
    return f"overlaps {other} by {area:.0f} m2 at {x:.0f} {y:.0f}"


def _vanished(code: str) -> Fault:
    return Fault("zones", f"zone_code {code}", "nothing is left of it after cleaning", "Remove it or draw it larger")
