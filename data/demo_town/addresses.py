"""Address table: every building, entrance, lane, compound, villager group and place, with its point in degrees.

Invariant: the point of a building's address lies in the building, that of an entrance in it or at its door.
Canonical is `区 + 街道/镇 + 路 + 号` in streets, `+ 小区 + 栋 + 单元` in compounds, `+ 村 + 组 + 号` in villages;
`aliases` holds what people also say: the old number in a lane (弄) and the wording of the building layer.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from demo_town.numbers import zone_of
from demo_town.plan import CRS
from demo_town.zones import DISTRICT, STREET_TOWNSHIP

DISTRICT_NAME = "兴江区"
TOWNSHIPS = {STREET_TOWNSHIP: "望江街道", DISTRICT + "100": "柳林镇"}
COLUMNS = ["address", "name", "kind", "lon", "lat", "aliases", "zone_code"]
BEHIND_M = 20.0
"""A house further than this from its street, with an alley nearer, also has a number in the alley."""


def make_addresses(layers: dict[str, gpd.GeoDataFrame], places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The table with geometry in the district's CRS besides `lon`, `lat`; addresses are unique."""
    buildings, lanes = _buildings(layers)
    rows = pd.concat([buildings, lanes, _units(layers["buildings"], buildings), _named(places)], ignore_index=True)
    rows["zone_code"] = _zones(rows["geometry"], layers["zones"])
    inside = rows["zone_code"].str[:9].map(TOWNSHIPS)
    rows["address"] = DISTRICT_NAME + inside + rows["address"]
    rows["lon"], rows["lat"] = degrees(rows["geometry"].to_numpy())
    rows = rows[~rows["address"].duplicated()].sort_values("address", ignore_index=True)
    return gpd.GeoDataFrame(rows[[*COLUMNS, "geometry"]], crs=CRS)


def degrees(points: NDArray[np.object_]) -> NDArray[np.float64]:
    """Longitudes and latitudes (WGS84, taken as CGCS2000), seven decimals: a centimetre."""
    xy = shapely.get_coordinates(points)
    turned = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(xy[:, 0], xy[:, 1])
    return np.round(np.array(turned), 7)


def _zones(points: gpd.GeoSeries, zones: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Community or village of each point; the nearest one for a point in a lens that no zone has."""
    found = zone_of(points.buffer(0.01), zones)
    ground = zones[zones["kind"].isin(["community", "village"])]
    lost = np.flatnonzero(found == "")
    nearest = shapely.STRtree(ground.geometry.to_numpy()).query_nearest(points.to_numpy()[lost], all_matches=False)
    found[lost] = ground["zone_code"].to_numpy()[nearest[1]]
    return found


def _buildings(layers: dict[str, gpd.GeoDataFrame]) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Rows of the buildings, and of the lanes some of them lie on."""
    buildings = layers["buildings"]
    spots = shapely.set_precision(shapely.point_on_surface(buildings.geometry.to_numpy()), 0.01)
    kind, address = _kinds(buildings["address"])
    lane, lanes = _lanes(layers["streets"], buildings["address"], spots)
    old = np.where(address != buildings["address"], buildings["address"], None)
    rows = {"address": address, "name": None, "kind": kind, "aliases": np.where(pd.notna(lane), lane, old)}
    return gpd.GeoDataFrame(rows, geometry=spots, crs=CRS), lanes


def _kinds(addresses: pd.Series) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Kind of each building's address, and its canonical text: houses of villages have a 号, not a 栋."""
    village = addresses.str.contains("组")
    estate = addresses.str.endswith("栋") & ~village
    kind = np.select([village, estate], ["村宅", "楼栋"], "门牌")
    text = addresses.where(~village, addresses.str.replace("栋", "号", regex=False))
    return kind, text.to_numpy(dtype=object)


def _lanes(
    streets: gpd.GeoDataFrame, addresses: pd.Series, spots: NDArray[np.object_]
) -> tuple[NDArray[np.object_], gpd.GeoDataFrame]:
    """Number in a lane (文庙街12弄3号) of each house behind the front, and the lanes themselves.

    A lane is an alley; it bears the number of the first house of the street its houses belong to.
    """
    street = addresses.str.extract(r"^(\D+?)(\d+)号$")
    alleys = streets.loc[(streets["road_class"] == "footway") & (streets["width_m"] == 2.5)].geometry.to_numpy()
    front = shapely.union_all(streets.loc[streets["name"].notna()].geometry.to_numpy())
    away = shapely.distance(spots, front)
    alley, reach = shapely.STRtree(alleys).query_nearest(spots, return_distance=True, all_matches=False)
    frame = pd.DataFrame({"street": street[0], "number": pd.to_numeric(street[1]), "alley": alley[1], "away": away})
    frame = frame[frame["street"].notna() & (away > BEHIND_M) & (reach < 16.0)]
    frame = frame[frame.groupby(["street", "alley"])["number"].transform("size") >= 3]
    first = frame.groupby(["street", "alley"])["number"].min()
    found = np.full(len(addresses), None, dtype=object)
    rows = []
    for (name, k), group in frame.groupby(["street", "alley"], sort=True):
        lane = f"{name}{int(first[name, k])}弄"
        along = shapely.line_locate_point(alleys[k], spots[group.index])
        for turn, i in enumerate(group.index[np.lexsort([group.index, along])], start=1):
            found[i] = f"{lane}{turn}号"
        rows.append((lane, None, "里弄", None, shapely.line_interpolate_point(alleys[k], 0.5, normalized=True)))
    columns = ["address", "name", "kind", "aliases", "geometry"]
    return found, gpd.GeoDataFrame(rows, columns=columns, crs=CRS)


def _units(buildings: gpd.GeoDataFrame, rows: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """A row for each entrance of a house with flats, in the order of its longer side."""
    flats = np.flatnonzero(buildings["use"].isin(["residential", "apartments"]) & (buildings["entrances"] > 1))
    found = []
    for i in flats:
        shape, doors = buildings.geometry.iloc[i], int(buildings["entrances"].iloc[i])
        box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shape))
        _, long = sorted(np.diff(box[:3], axis=0), key=lambda side: float(np.hypot(*side)))
        long = long if (long[0], long[1]) > (0, 0) else -long
        middle = box[:4].mean(axis=0)
        for k in range(doors):
            at = shapely.Point(np.round(middle + long * ((k + 0.5) / doors - 0.5), 2))
            found.append((f"{rows['address'].iloc[i]}{k + 1}单元", None, "单元", None, at))
    columns = ["address", "name", "kind", "aliases", "geometry"]
    return gpd.GeoDataFrame(found, columns=columns, crs=CRS)


def _named(places: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Places, under their own name."""
    return gpd.GeoDataFrame(
        {"address": places["name"], "name": places["name"], "kind": places["kind"], "aliases": None},
        geometry=places.geometry.to_numpy(),
        crs=CRS,
    )
