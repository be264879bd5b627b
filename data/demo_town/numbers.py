"""Households: who counts them where, and the address of every building."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from demo_town.plan import CRS
from demo_town.zones import COMMUNITIES, VILLAGES

_CODES = [seat.code for seat in COMMUNITIES]
SOURCE: dict[str, str] = {
    **dict.fromkeys(_CODES, "building"),
    _CODES[1]: "address", _CODES[3]: "address", _CODES[12]: "address",
    _CODES[2]: "table", _CODES[7]: "table", _CODES[8]: "table",
    _CODES[4]: "floor_area", _CODES[6]: "floor_area", _CODES[9]: "persons",
    VILLAGES[0].code: "floor_area", VILLAGES[1].code: "area", VILLAGES[2].code: "building",
}  # fmt: skip
"""Where the households of a zone are found: address points, the table, the building layer, or only its total.

`persons`: only the number of persons; `area`: only the total, and no buildings are drawn.
"""

TOLD = (_CODES[0], _CODES[1], _CODES[2], VILLAGES[2].code)
"""Zones that have a total although something finer is there; that of the third is a year old."""


def zone_of(shapes: gpd.GeoSeries, zones: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Code of the community or village that holds most of each building."""
    ground = zones[zones["kind"].isin(["community", "village"])]
    geometry, codes = ground.geometry.to_numpy(), ground["zone_code"].to_numpy()
    shapely.prepare(geometry)
    building, zone = shapely.STRtree(geometry).query(shapes.to_numpy())
    whole = shapely.contains(geometry[zone], shapes.to_numpy()[building])
    area = np.where(whole, np.inf, 0.0)
    area[~whole] = shapely.area(shapely.intersection(shapes.to_numpy()[building[~whole]], geometry[zone[~whole]]))
    held = area > 0
    building, zone, area = building[held], zone[held], area[held]
    order = np.lexsort([zone, -area, building])
    first = order[np.unique(building[order], return_index=True)[1]]
    found = np.full(len(shapes), "", dtype=object)
    found[building[first]] = codes[zone[first]]
    return found


def addresses(buildings: gpd.GeoDataFrame, centre: gpd.GeoDataFrame) -> list[str]:
    """One address for each building: number on the nearest street, odd on its left; block number in a compound."""
    named = centre[centre["name"].notna() & ~centre["road_class"].str.endswith("_link")]
    roads = named.dissolve("name", sort=True).geometry
    lines = shapely.line_merge(roads.to_numpy())
    door = shapely.centroid(buildings.geometry.to_numpy())
    nearest = shapely.STRtree(lines).query_nearest(door, all_matches=False)[1]
    along = shapely.line_locate_point(lines[nearest], door)
    left = _left_of(lines[nearest], door, along)
    inside = buildings["compound_name"].to_numpy()
    place = np.where(pd.isna(inside), roads.index.to_numpy()[nearest], inside)
    turn: dict[tuple[str, bool], int] = defaultdict(int)
    found = [""] * len(buildings)
    for i in np.lexsort([along, place.astype(str)]):
        home = not pd.isna(inside[i])
        side = not home and bool(left[i])
        turn[place[i], side] += 1
        count = turn[place[i], side]
        found[i] = f"{place[i]}{count}栋" if home else f"{place[i]}{2 * count - side}号"
    return found


def _left_of(lines: Any, points: Any, along: NDArray[np.float64]) -> NDArray[np.bool_]:
    a = shapely.get_coordinates(shapely.line_interpolate_point(lines, along - 1))
    b = shapely.get_coordinates(shapely.line_interpolate_point(lines, along + 1))
    p = shapely.get_coordinates(points)
    return np.asarray((b - a)[:, 0] * (p - a)[:, 1] - (b - a)[:, 1] * (p - a)[:, 0] > 0)


def address_points(buildings: gpd.GeoDataFrame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """A point for each entrance of the buildings counted by address; one in twelve stands before the door.

    The points of a building share its households without a rest.
    """
    counted = buildings[(buildings["source"] == "address") & (buildings["homes"] > 0)]
    rows = []
    for shape, homes, doors, address in zip(
        counted.geometry, counted["homes"], counted["entrances"], counted["address"], strict=True
    ):
        for k, (place, share) in enumerate(zip(_doors(shape, doors, rng), _shares(homes, doors), strict=True)):
            unit = f"{address}{k + 1}单元" if doors > 1 else address
            rows.append((share, unit, place))
    points = gpd.GeoDataFrame(rows, columns=["households", "address", "geometry"], crs=CRS)
    return points[points["households"] > 0].reset_index(drop=True)


def _doors(shape: Any, doors: int, rng: np.random.Generator) -> list[Any]:
    """Points along the middle of the longer side; the first one outside in some buildings."""
    box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shape))
    one, two = sorted((np.diff(box[:3], axis=0)), key=lambda side: float(np.hypot(*side)))
    start = box[:4].mean(axis=0) - two / 2
    points = [start + two * (k + 0.5) / doors for k in range(doors)]
    if rng.random() < 1 / 12:
        points[0] = points[0] + one * (0.5 + 1.2 / np.hypot(*one))
    inside = shapely.point_on_surface(shape)
    placed = [shapely.Point(np.round(point, 2)) for point in points]
    return [p if p.distance(shape) < 3 else inside for p in placed]


def _shares(total: int, parts: int) -> list[int]:
    return [total * (k + 1) // parts - total * k // parts for k in range(parts)]


def tables(buildings: gpd.GeoDataFrame) -> dict[str, pd.DataFrame]:
    """The household table by building, compound and address: the same households three times.

    The first sheet is the whole count; three of its rows name buildings that no longer stand. The others
    hold what their key can say.
    """
    counted = buildings[(buildings["source"] == "table") & (buildings["homes"] > 0)]
    whole = counted[["building_id", "homes"]].rename(columns={"homes": "households"})
    gone = pd.DataFrame({"building_id": ["B99001", "B99002", "B99003"], "households": [4, 12, 1]})
    within = counted[counted["compound_id"].notna()].groupby("compound_id", sort=True)["homes"].sum()
    by_address = counted[["address", "homes"]].rename(columns={"homes": "households"})
    return {
        "building": pd.concat([whole, gone], ignore_index=True),
        "compound": within.rename("households").reset_index(),
        "address": by_address.sort_values("address", ignore_index=True),
    }


def zone_totals(zones: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """`zones` with `households` and `persons` where the source of the zone is its total."""
    homes = buildings.groupby("zone_code")["homes"].sum()
    households = pd.array([pd.NA] * len(zones), dtype="Int64")
    persons = pd.array([pd.NA] * len(zones), dtype="Int64")
    for i, code in enumerate(zones["zone_code"]):
        source = SOURCE.get(code)
        if source in ("floor_area", "area") or code in TOLD:
            stale = 37 if code == TOLD[2] else 0
            households[i] = int(homes[code]) - stale
        if source == "persons":
            persons[i] = round(2.46 * int(homes[code]))
    return zones.assign(households=households, persons=persons)
