"""Streets as one centre line each, fit to be borders.

Classes that are never a border and tunnels go, foot and service lines beside a street go,
two carriageways become their centre line, dead ends reach the next line where it is near.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gridgis.divide.streets.dual import merge_carriageways
from gridgis.divide.streets.extend import extend_dead_ends
from gridgis.divide.streets.plan import plan_of
from gridgis.divide.streets.select import COLUMNS, select
from gridgis.geometry.noding import as_array
from gridgis.profile import Profile

__all__ = ["Cleaned", "clean"]


@dataclass(frozen=True)
class Cleaned:
    """Centre lines and what was done to come to them.

    Attributes
    ----------
    lines : GeoDataFrame
        `road_class` (a class of the profile, `_link` removed), `name`, `width_m` (nan where not
        known), `layer` (nan where not known), LineString in metres; noded, from west to east.
    counts : dict
        How many lines were dropped, merged and extended, by reason.
    """

    lines: gpd.GeoDataFrame
    counts: dict[str, int]


def clean(
    streets: gpd.GeoDataFrame,
    *,
    buildings: gpd.GeoDataFrame | None,
    barriers: gpd.GeoDataFrame | None,
    zones: gpd.GeoDataFrame | None,
    profile: Profile,
) -> Cleaned:
    """Centre lines that can be borders of grids.

    Invariant: every line lies on a line of `streets`, on the centre line between two carriageways
    of one road, or prolongs a dead end; no carriageways with a building between them are merged.
    The answer depends on the lines, not on the order of the rows.

    Parameters
    ----------
    streets : GeoDataFrame
        Layer `streets` of the contract; only `road_class` and the geometry must be there.
    buildings, barriers, zones : GeoDataFrame or None
        In the CRS of `streets`, metres. Dead ends are also extended to barriers and to the outlines of zones.
    profile : Profile
        Classes in `roads`; `snap_m`, `parallel_m`, `dual_m` and `extend_m` of its tolerances.
    """
    lines, dropped = select(streets, profile=profile)
    solid, fences = _shapes(buildings), _outlines(barriers)
    targets = np.concatenate([fences, _outlines(zones)])
    snap_m, reach_m = profile.tolerances.snap_m.value, profile.tolerances.extend_m.value
    longer, extended = extend_dead_ends(_noded(lines), targets=targets, buildings=solid, reach_m=reach_m, snap_m=snap_m)
    merged, duals = merge_carriageways(longer, buildings=solid, barriers=fences, profile=profile)
    return Cleaned(_in_order(_noded(merged)), {**dropped, **extended, **duals})


def _shapes(frame: gpd.GeoDataFrame | None) -> np.ndarray:
    """Geometries of a frame that are there at all."""
    shapes = as_array([] if frame is None else frame.geometry)
    return shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]


def _outlines(frame: gpd.GeoDataFrame | None) -> np.ndarray:
    """Lines as they are, areas as their outline."""
    shapes = _shapes(frame)
    area = np.isin(shapely.get_type_id(shapes), (3, 6))
    return shapely.get_parts(np.where(area, shapely.boundary(shapes), shapes))


def _noded(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Lines cut at each other, each piece with the columns of the best line under it."""
    plan = plan_of(as_array(lines.geometry))
    return lines.iloc[plan.line].assign(geometry=plan.edges).reset_index(drop=True)


def _in_order(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Rows from west to east, then south to north; each line drawn from its normal end."""
    shapes = shapely.normalize(as_array(lines.geometry))
    bounds = shapely.bounds(shapes)
    order = np.lexsort((shapely.length(shapes), *bounds.T[::-1]))
    return lines.assign(geometry=shapes).iloc[order].reset_index(drop=True)[[*COLUMNS, "geometry"]]
