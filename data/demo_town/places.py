"""Places people name: gates of compounds, schools, the hospital, markets, the station, parks, offices, bridges."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from demo_town.plan import CRS, world

SIDES = "东南西北"
HAND_PLACED = [
    ("兴江火车站", "车站", (2760, 3090)), ("兴江长途汽车站", "车站", (2250, 3480)), ("望江公园", "公园", (1900, 1090)),
    ("滨江广场", "广场", (3200, 1185)), ("钟楼广场", "广场", (2060, 1700)), ("中心商场", "商场", (2700, 1700)),
    ("洲头渡口", "码头", (3350, 980)),
    ("望江街道办事处", "机关", (2420, 1790)), ("柳林镇人民政府", "机关", (2560, 3520)),
    ("兴江区人民政府", "机关", (3430, 1840)),
    ("兴江区图书馆", "文化", (1650, 2330)), ("兴江区体育馆", "文化", (3600, 2480)),
]  # fmt: skip
"""Name, kind, plan point."""

KINDS = {"school": ("学校", ("小学", "中学", "幼儿园")), "retail": ("市场", ("菜市场", "农贸市场"))}
Row = tuple[str, str, object]


def make_places(layers: dict[str, gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Layer `place_id`, `name`, `kind`, geometry; no name comes twice."""
    rows = [
        *_hand_placed(), *_schools(layers), *_markets(layers), *_institutions(layers), *_compounds(layers),
        *_villages(layers), *_bus_stops(layers["streets"]),
    ]  # fmt: skip
    frame = gpd.GeoDataFrame(rows, columns=["name", "kind", "geometry"], crs=CRS)
    frame = frame[~frame["name"].duplicated()].reset_index(drop=True)
    frame.insert(0, "place_id", [f"P{k + 1:04d}" for k in range(len(frame))])
    return frame.set_geometry(shapely.points(np.round(shapely.get_coordinates(frame.geometry.to_numpy()), 2)))


def gates(layers: dict[str, gpd.GeoDataFrame]) -> list[tuple[str, str, object]]:
    """Compound, side and point of each gate: where a lane leaves the compound, and two by-gates near a street."""
    streets = layers["streets"]
    lanes = shapely.union_all(streets.loc[streets["road_class"] == "service"].geometry.to_numpy())
    public = shapely.union_all(streets.loc[streets["name"].notna()].geometry.to_numpy())
    estates = layers["compounds"].loc[~layers["compounds"]["name"].str.endswith("组")]
    found = []
    for name, land in zip(estates["name"], estates.geometry, strict=True):
        taken: dict[str, object] = {}
        for point in shapely.get_parts(shapely.intersection(land.exterior, lanes)):
            taken.setdefault(_side(land, shapely.centroid(point)), shapely.centroid(point))
        for point in _near_a_street(land, public):
            if len(taken) < 3:
                taken.setdefault(_side(land, point), point)
        found += [(name, side, point) for side, point in taken.items()]
    return found


def _near_a_street(land: shapely.Polygon, public: object) -> list[shapely.Point]:
    """The middles of the long walls, the one nearest to a street first."""
    ring = shapely.get_coordinates(shapely.simplify(land.exterior, 6.0))
    length = np.hypot(*np.diff(ring, axis=0).T)
    middles = shapely.points((ring[:-1] + ring[1:])[length > 40] / 2)
    away = shapely.distance(middles, public)
    return [middles[i] for i in np.argsort(away, kind="stable") if away[i] < 30]


def _side(land: shapely.Polygon, point: shapely.Point) -> str:
    dx, dy = point.x - land.centroid.x, point.y - land.centroid.y
    return SIDES[int(np.round(np.degrees(np.arctan2(-dy, dx)) / 90)) % 4]


def _hand_placed() -> list[Row]:
    return [(name, kind, shapely.Point(world([at])[0])) for name, kind, at in HAND_PLACED]


def _schools(layers: dict[str, gpd.GeoDataFrame]) -> Iterator[Row]:
    """A school for each street that has school buildings: primary, middle school, kindergarten in turn."""
    yield from _named_by_street(layers["buildings"].query("use == 'school'"), *KINDS["school"])


def _markets(layers: dict[str, gpd.GeoDataFrame]) -> Iterator[Row]:
    """The largest low shops of a few streets are markets."""
    shops = layers["buildings"].query("use == 'retail' and levels <= 3")
    shops = shops[(shops.area > 450).to_numpy()]
    yield from _named_by_street(shops, *KINDS["retail"])


def _named_by_street(buildings: gpd.GeoDataFrame, kind: str, endings: tuple[str, ...]) -> Iterator[Row]:
    street = buildings["address"].str.extract(r"^(\D+?)\d", expand=False)
    ending = {name: endings[k % len(endings)] for name, k in zip(sorted(set(street.dropna())), count(), strict=False)}
    for name, group in buildings.groupby(street, sort=True):
        first = group.geometry.iloc[int(np.argmax(group.area.to_numpy()))]
        yield f"{name}{ending[name]}", kind, shapely.point_on_surface(first)


def _institutions(layers: dict[str, gpd.GeoDataFrame]) -> Iterator[Row]:
    """Dedicated zones, the seats of communities, and the hospital's two gates."""
    zones = layers["zones"]
    for zone in zones.query("kind == 'dedicated'").itertuples():
        yield zone.name, "单位", shapely.point_on_surface(zone.geometry)
    for zone in zones.query("kind == 'community'").itertuples():
        yield f"{zone.name}居委会", "机关", _seat(zone.geometry, layers["buildings"])


def _seat(land: object, buildings: gpd.GeoDataFrame) -> object:
    """The office of a community: the building without residents nearest to its middle."""
    shops = buildings.loc[buildings["use"].isin(["retail", "service", "office"])].geometry.to_numpy()
    middle = shapely.point_on_surface(max(shapely.get_parts(land), key=shapely.area))
    return shapely.point_on_surface(shops[int(np.argmin(shapely.distance(shops, middle)))])


def _compounds(layers: dict[str, gpd.GeoDataFrame]) -> Iterator[Row]:
    estates = layers["compounds"].loc[~layers["compounds"]["name"].str.endswith("组")]
    for name, land in zip(estates["name"], estates.geometry, strict=True):
        yield name, "小区", shapely.point_on_surface(land)
    for name, side, point in gates(layers):
        yield f"{name}{side}门", "小区出入口", point


def _villages(layers: dict[str, gpd.GeoDataFrame]) -> Iterator[Row]:
    groups = layers["compounds"].loc[layers["compounds"]["name"].str.endswith("组")]
    for name, land in zip(groups["name"], groups.geometry, strict=True):
        yield name, "村民小组", shapely.point_on_surface(land)


def _bus_stops(streets: gpd.GeoDataFrame) -> Iterator[Row]:
    """A stop where two of the main streets meet, named after both."""
    for (one, two), point in crossings(streets, ("primary", "secondary")).items():
        if len(point) == 1:
            yield f"{one}{two}公交站", "公交站", point[0]


def crossings(
    streets: gpd.GeoDataFrame, classes: tuple[str, ...] | None = None, *, apart_m: float = 70.0
) -> dict[tuple[str, str], list[shapely.Point]]:
    """Where two named streets meet: pairs of names in order of text, the points of their junctions.

    Points of one pair that lie within `apart_m` (the carriageways of a main road) are one junction.
    """
    named = streets[streets["name"].notna() & (streets["layer"] == 0) & ~streets["road_class"].str.endswith("_link")]
    named = named if classes is None else named[named["road_class"].isin(classes)]
    lines = named.dissolve("name", sort=True).geometry
    shapes, names = lines.to_numpy(), lines.index.to_numpy()
    one, two = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=0.5)
    found = {}
    for i, j in sorted((i, j) for i, j in zip(one.tolist(), two.tolist(), strict=True) if i < j):
        meet = shapely.intersection(shapely.buffer(shapes[i], 0.5), shapely.buffer(shapes[j], 0.5))
        points = shapely.centroid(shapely.get_parts(meet))
        found[names[i], names[j]] = _gathered(points, apart_m)
    return found


def _gathered(points: NDArray[np.object_], apart_m: float) -> list[shapely.Point]:
    """The middle of each bunch of points."""
    bunches = shapely.get_parts(shapely.union_all(shapely.buffer(points, apart_m / 2)))
    inside = shapely.contains(bunches[:, None], points[None, :])
    return [shapely.centroid(shapely.multipoints(points[row])) for row in inside]
