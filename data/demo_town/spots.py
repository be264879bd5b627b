"""Where matters happen: pools of points along streets and lanes, at shops, homes, schools, works, at components."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from demo_town.components import beside
from demo_town.plan import world

MIDDLES = ((2300, 1560, 900.0), (2700, 1750, 600.0), (2450, 3400, 500.0), (3850, 2150, 350.0))
"""Where the town is busiest: plan point, reach in metres."""

BUSY = {"primary": 2.0, "secondary": 2.0, "tertiary": 1.2, "residential": 1.0, "living_street": 1.0}
STEP_M = 5.0


@dataclass(frozen=True)
class Pool:
    """Points of one kind of place, n x 2 metres, their weights, and a component's number where they are components."""

    xy: NDArray[np.float64]
    weight: NDArray[np.float64]
    component: NDArray[np.object_] | None = None


def make_pools(layers: dict[str, gpd.GeoDataFrame], components: gpd.GeoDataFrame) -> dict[str, Pool]:
    """A pool for each kind of place that `case_items` names."""
    streets, buildings = layers["streets"], layers["buildings"]
    named = streets[streets["name"].notna() & ~streets["tunnel"]]
    small = streets[streets["road_class"].isin(["residential", "living_street", "footway", "track"])]
    use = buildings["use"]
    floors = (buildings.area * buildings["levels"]).to_numpy()
    pools = {
        "street": _along(named[named["road_class"].isin(BUSY)]),
        "lane": _along(small),
        "tunnel": _along(streets[streets["tunnel"] | streets["bridge"]]),
        "shop": _fronts(buildings[use == "retail"], named, floors[use == "retail"] ** 0.5),
        "home": _fronts(
            buildings[use.isin(["residential", "house"])], None, floors[use.isin(["residential", "house"])]
        ),
        "tower": _fronts(buildings[use == "apartments"], None, floors[use == "apartments"]),
        "school": _fronts(buildings[use == "school"], named, floors[use == "school"] ** 0.5),
        "works": _fronts(buildings[use.isin(["warehouse", "industrial"])], named, None),
        "park": _fronts(buildings[(use == "service") & (buildings.area > 60)], None, None),
        "river": _banks(layers),
    }
    for kind, group in components.groupby("kind", sort=True):
        xy = shapely.get_coordinates(group.geometry.to_numpy())
        pools[kind] = Pool(xy, _busy(xy), group["component_id"].to_numpy(dtype=object))
    return pools


def _busy(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much goes on at a place: more towards the middles, more in some corners than in others."""
    found = np.full(len(xy), 0.3)
    for x, y, reach in MIDDLES:
        away = np.hypot(*(xy - world([(x, y)])[0]).T)
        found += np.exp(-((away / reach) ** 2))
    uneven = np.sin(xy[:, 0] / 130 + 0.7) * np.sin(xy[:, 1] / 110 + 2.0)
    return np.asarray(found * np.exp(0.5 * uneven))


def _along(streets: gpd.GeoDataFrame) -> Pool:
    """Points every few metres, at the kerbs."""
    lines, width = streets.geometry.to_numpy(), streets["width_m"].to_numpy()
    reach = np.r_[0.0, shapely.length(lines).cumsum()]
    at = np.arange(STEP_M / 2, reach[-1], STEP_M)
    piece = np.searchsorted(reach, at, side="right") - 1
    side = np.where(np.arange(len(at)) % 2 == 0, 1.0, -1.0)
    xy = shapely.get_coordinates(beside(lines[piece], at - reach[piece], side * width[piece] / 2))
    busy = streets["road_class"].map(BUSY).fillna(0.8).to_numpy()
    return Pool(xy, _busy(xy) * busy[piece])


def _fronts(buildings: gpd.GeoDataFrame, named: gpd.GeoDataFrame | None, weight: NDArray[np.float64] | None) -> Pool:
    """A metre and a half before each building, on the side of the nearest street; its inside where none is given."""
    shapes = buildings.geometry.to_numpy()
    points = shapely.point_on_surface(shapes)
    if named is not None:
        lines = named.geometry.to_numpy()
        nearest = shapely.STRtree(lines).query_nearest(shapes, all_matches=False)[1]
        ways = shapely.shortest_line(shapes, lines[nearest])
        points = shapely.line_interpolate_point(ways, np.minimum(1.5, shapely.length(ways)))
    xy = shapely.get_coordinates(points)
    return Pool(xy, _busy(xy) if weight is None else _busy(xy) ** 0.5 * weight)


def _banks(layers: dict[str, gpd.GeoDataFrame]) -> Pool:
    """Points along the water's edge, a little inland."""
    barriers = layers["barriers"]
    river = shapely.union_all(barriers.loc[barriers["kind"] == "river"].geometry.to_numpy()).buffer(1.0)
    land = shapely.union_all(layers["zones"].geometry.to_numpy()).buffer(-5)
    line = shapely.intersection(shapely.boundary(river), land)
    parts = shapely.get_parts(line)
    longest = parts[int(np.argmax(shapely.length(parts)))]
    at = np.arange(0, longest.length, STEP_M)
    xy = shapely.get_coordinates(shapely.line_interpolate_point(longest, at))
    return Pool(xy, _busy(xy))
