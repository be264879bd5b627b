"""Zones drawn by hand over the blocks: near the streets, seldom on them, with the slips of a hand.

Blocks are gathered into communities round seeds, band by band between main street and rail; the borders
between them are then drawn anew, arc by arc, each arc once, so that neighbours still share it. Last come
the digitising faults: lenses of at most 2 m that two zones share or neither has.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

from demo_town.plan import CRS, Plan, world
from demo_town.shapes import GRID_M, Geometries

DISTRICT = "990101"
"""Placeholder: no county of GB/T 2260 begins with 99."""

STREET_TOWNSHIP, TOWN_TOWNSHIP = DISTRICT + "001", DISTRICT + "100"


@dataclass(frozen=True)
class Seat:
    """Where a zone begins to grow: its code, name, plan point."""

    code: str
    name: str
    at: tuple[float, float]


COMMUNITIES = [
    Seat(STREET_TOWNSHIP + "001", "渡口社区", (1050, 1380)), Seat(STREET_TOWNSHIP + "002", "鼓楼社区", (1850, 1280)),
    Seat(STREET_TOWNSHIP + "003", "盐仓社区", (2760, 1400)), Seat(STREET_TOWNSHIP + "004", "江畔社区", (3750, 1330)),
    Seat(STREET_TOWNSHIP + "005", "槐树社区", (1050, 1900)), Seat(STREET_TOWNSHIP + "006", "文庙社区", (1850, 1900)),
    Seat(STREET_TOWNSHIP + "007", "钟楼社区", (2700, 1850)), Seat(STREET_TOWNSHIP + "008", "东门社区", (3650, 1750)),
    Seat(STREET_TOWNSHIP + "009", "学府社区", (1150, 2700)), Seat(STREET_TOWNSHIP + "010", "书院社区", (2000, 2450)),
    Seat(STREET_TOWNSHIP + "011", "工人社区", (2750, 2450)), Seat(TOWN_TOWNSHIP + "001", "站前社区", (2250, 3550)),
    Seat(TOWN_TOWNSHIP + "002", "朝阳社区", (2850, 3550)), Seat(TOWN_TOWNSHIP + "003", "铁北社区", (3600, 3150)),
]  # fmt: skip
VILLAGES = [
    Seat(TOWN_TOWNSHIP + "201", "南洲村", (2300, 300)), Seat(TOWN_TOWNSHIP + "202", "柳西村", (400, 2300)),
    Seat(TOWN_TOWNSHIP + "203", "杏坪村", (4900, 2800)),
]  # fmt: skip
DEDICATED = {
    "hospital": (STREET_TOWNSHIP + "901", "兴江区人民医院", 1450),
    "campus": (STREET_TOWNSHIP + "902", "江东师范学院", 2100),
    "market": (STREET_TOWNSHIP + "903", "东门批发市场", 780),
    "industry": (TOWN_TOWNSHIP + "901", "柳林工业园", 3600),
}
"""Code, name and workers of the dedicated zone that covers all blocks of a use."""

DETACHED_TO = TOWN_TOWNSHIP + "001"
"""Community that the estate beyond the eastern ring road belongs to."""

CORRIDOR = (STREET_TOWNSHIP + "801", "中山路商业街", "中山路", 13.0)
"""Code, name, street and half the width of the street zone."""


def make_zones(
    plan: Plan,
    streets: gpd.GeoDataFrame,
    blocks: gpd.GeoDataFrame,
    homes: NDArray[np.int64],
    houses: Geometries,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:
    """All zones: `zone_code`, `name`, `kind`, `host_zone_code`, `workers`, geometry.

    Parameters
    ----------
    homes : ndarray of int
        Households of each block.
    houses : ndarray of Polygon
        Buildings, which most borders go round.
    """  # fmt: skip
    hosts = gather(plan, streets, blocks, homes)
    parts = np.array(
        [DEDICATED[use][0] if use in DEDICATED else host for use, host in zip(blocks["use"], hosts, strict=True)]
    )
    faces = _redrawn(plan, blocks.geometry.to_numpy(), parts, houses, rng)
    host_of = {part: host for part, host in zip(parts, hosts, strict=True) if part != host}
    rows = [_community(seat, "community", faces, host_of) for seat in COMMUNITIES]
    rows += [_community(seat, "village", faces, host_of) for seat in VILLAGES]
    rows += [
        (code, name, "dedicated", host_of[code], workers, faces[code]) for code, name, workers in DEDICATED.values()
    ]
    rows.append(_corridor(streets, rows))
    columns = ["zone_code", "name", "kind", "host_zone_code", "workers", "geometry"]
    zones = gpd.GeoDataFrame(rows, columns=columns, crs=CRS).sort_values("zone_code", ignore_index=True)
    return zones.set_geometry(_slips(zones, rng)).astype({"workers": "Int64"})


def gather(
    plan: Plan, streets: gpd.GeoDataFrame, blocks: gpd.GeoDataFrame, homes: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Code of the community or village of each block."""
    shared = _neighbours(blocks.geometry.to_numpy(), _bars(plan, streets))
    middles = shapely.get_coordinates(shapely.point_on_surface(blocks.geometry.to_numpy()))
    code = np.full(len(blocks), "", dtype=object)
    promenade = (blocks["style"] == "whole") & (blocks["use"] == "park")
    urban = ~(blocks["style"].isin(["fields", "water"]) | promenade).to_numpy()
    code[(blocks["use"] == "estate").to_numpy()] = DETACHED_TO
    code[(blocks["use"] == "industry").to_numpy()] = VILLAGES[2].code
    code = _fields(plan, blocks, middles, code)
    code = _grown(code, urban, homes, shared, middles, blocks.geometry.to_numpy())
    return _rest(code, shared)


def _bars(plan: Plan, streets: gpd.GeoDataFrame) -> Any:
    """What no community reaches across: the street zone's street, the avenue, rail and river."""
    main = streets.loc[streets["name"].isin([CORRIDOR[2], "人民路", "人民大桥"])].geometry
    return shapely.union_all([*main, plan.rail, plan.river_line]).buffer(1.0)


def _neighbours(geometry: Geometries, bars: Any) -> dict[int, dict[int, float]]:
    """Length of border of every two blocks, bars left out."""
    one, two = shapely.STRtree(geometry).query(geometry, predicate="touches")
    border = shapely.intersection(shapely.boundary(geometry[one]), shapely.boundary(geometry[two]))
    length = shapely.length(shapely.difference(border, bars))
    found: dict[int, dict[int, float]] = {i: {} for i in range(len(geometry))}
    for i, j, metres in zip(one.tolist(), two.tolist(), length.tolist(), strict=True):
        if metres > 8:
            found[i][j] = metres
    return found


def _fields(
    plan: Plan, blocks: gpd.GeoDataFrame, middles: NDArray[np.float64], code: NDArray[np.object_]
) -> NDArray[np.object_]:
    """Large open land goes to the village on its side of the river and of the northern road."""
    open_land = ((blocks["style"] == "fields") & (blocks.area > 30_000) & (code == "")).to_numpy()
    west = world([(2560, 4200)])[0][0]
    bank = shapely.get_coordinates(plan.river_line)
    south = middles[:, 1] < np.interp(middles[:, 0], bank[:, 0], bank[:, 1])
    village = np.where(south, VILLAGES[0].code, np.where(middles[:, 0] < west, VILLAGES[1].code, VILLAGES[2].code))
    return np.where(open_land, village, code)


def _grown(
    code: NDArray[np.object_],
    urban: NDArray[np.bool_],
    homes: NDArray[np.int64],
    shared: dict[int, dict[int, float]],
    middles: NDArray[np.float64],
    geometry: Geometries,
) -> NDArray[np.object_]:
    """Communities grown from their seats: the one with fewest households takes the nearest block beside it."""
    code = code.copy()
    seats = world([seat.at for seat in COMMUNITIES])
    size = np.zeros(len(COMMUNITIES))
    frontier: list[set[int]] = []
    for k, (seat, at) in enumerate(zip(COMMUNITIES, seats, strict=True)):
        first = int(np.flatnonzero(shapely.intersects(geometry, shapely.Point(at)))[0])
        code[first], size[k] = seat.code, homes[first]
        frontier.append(set(shared[first]))
    while True:
        free = [sorted(i for i in around if urban[i] and code[i] == "") for around in frontier]
        if not any(free):
            return code
        k = min((k for k in range(len(free)) if free[k]), key=lambda k: (size[k], k))
        away = [np.hypot(*(middles[i] - seats[k])) for i in free[k]]
        taken = free[k][int(np.argmin(away))]
        code[taken] = COMMUNITIES[k].code
        size[k] += homes[taken] + 25
        frontier[k] |= set(shared[taken])


def _rest(code: NDArray[np.object_], shared: dict[int, dict[int, float]]) -> NDArray[np.object_]:
    """What is left (river, triangles at ramps) joins the zone it has most border with, longest border first."""
    code = code.copy()
    while (code == "").any():
        options = [
            (-metres, i, str(code[j]))
            for i in np.flatnonzero(code == "")
            for j, metres in shared[int(i)].items()
            if code[j] != ""
        ]
        _, i, joined = min(options)
        code[i] = joined
    return code


def _redrawn(
    plan: Plan, geometry: Geometries, parts: NDArray[Any], houses: Geometries, rng: np.random.Generator
) -> dict[str, Any]:
    """Land of each part with its borders drawn anew; together they still tile the district."""
    exact = {part: shapely.union_all(geometry[parts == part], grid_size=GRID_M) for part in sorted(set(parts))}
    merged = shapely.line_merge(shapely.union_all([shapely.boundary(p) for p in exact.values()], grid_size=GRID_M))
    arcs = shapely.get_parts(merged)
    arcs = arcs[np.lexsort(shapely.bounds(arcs).T)]
    fixed = shapely.union_all([shapely.boundary(plan.outline), plan.river_line]).buffer(1)
    still = shapely.contains(fixed, shapely.line_interpolate_point(arcs, 0.5, normalized=True))
    tree = shapely.STRtree(houses)
    through = set(rng.choice(np.flatnonzero(~still & (shapely.length(arcs) > 220)), size=3, replace=False).tolist())
    drawn = [
        arc if still[i] else _drawn_arc(arc, fixed, tree, rng, bow=rng.choice([-26.0, 26.0]) if i in through else 0.0)
        for i, arc in enumerate(arcs)
    ]
    cells = shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.union_all(drawn, grid_size=GRID_M))))
    names = list(exact)
    share = shapely.area(shapely.intersection(cells[:, None], np.array(list(exact.values()), dtype=object)[None, :]))
    owner = share.argmax(axis=1)
    return {name: shapely.union_all(cells[owner == k], grid_size=GRID_M) for k, name in enumerate(names)}


def _drawn_arc(arc: Any, fixed: Any, houses: shapely.STRtree, rng: np.random.Generator, *, bow: float) -> Any:
    """One border as a hand draws it: 2 to 8 m off the street, one in seven on it, three right through the blocks.

    The ends move with the waves of the place, so that arcs that meet still meet.
    """
    steps = max(2, round(arc.length / rng.uniform(25, 45)))
    at = np.linspace(0, 1, steps + 1)
    xy = shapely.get_coordinates(shapely.line_interpolate_point(arc, at, normalized=True))
    wave = _waves(xy) * ~shapely.intersects(fixed, shapely.points(xy))[:, None]
    inner = 0.0 if rng.random() < 1 / 7 and not bow else 1.0
    if inner == 0.0:
        return _bent(shapely.segmentize(arc, 8.0), fixed, inner)
    across = np.gradient(xy, axis=0)[:, ::-1] * [-1, 1] / np.hypot(*np.gradient(xy, axis=0).T)[:, None]
    swing = bow * np.sin(np.pi * at)[:, None] ** 0.6 * across
    line = _line(xy + wave + swing)
    careful = not bow and rng.random() < 0.85
    if careful and len(houses.query(line, predicate="intersects")):
        return _bent(shapely.segmentize(arc, 8.0), fixed, 0.35)
    return line


def _bent(line: Any, fixed: Any, inner: float) -> Any:
    """`line` moved by the waves: wholly at its ends, by the factor `inner` beyond 25 m from them."""
    xy = shapely.get_coordinates(line)
    along = np.r_[0.0, np.hypot(*np.diff(xy, axis=0).T).cumsum()]
    near = np.clip(1 - np.minimum(along, along[-1] - along) / 25, 0, 1)[:, None]
    loose = ~shapely.intersects(fixed, shapely.points(xy))[:, None]
    bent = _line(xy + _waves(xy) * loose * (inner + (1 - inner) * near))
    return shapely.simplify(bent, 0.05)


def _line(xy: NDArray[np.float64]) -> Any:
    return shapely.LineString(np.round(xy, 2))


def _waves(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Displacement of 2 to 7 m that turns slowly from place to place."""
    x, y = xy.T
    turn = 2.2 * np.sin(x / 170 + 0.3) + 2.6 * np.sin(y / 150 + 1.1) + (x + y) / 500
    size = 4.5 + 2.5 * np.sin(x / 210 + y / 160)
    return np.asarray(np.column_stack([np.cos(turn), np.sin(turn)]) * size[:, None])


def _community(seat: Seat, kind: str, faces: dict[str, Any], host_of: dict[str, str]) -> tuple[Any, ...]:
    """A community or village with the dedicated zones that lie on it."""
    land = shapely.union_all([faces[seat.code], *(faces[part] for part, host in host_of.items() if host == seat.code)])
    return (seat.code, seat.name, kind, None, None, land)


def _corridor(streets: gpd.GeoDataFrame, rows: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The street zone: a strip along its street, from 40 m within the first ring road, 2.5 km long."""
    code, name, street, half = CORRIDOR
    line = shapely.line_merge(shapely.union_all(streets.loc[streets["name"] == street].geometry.to_numpy()))
    start = 40.0 if line.coords[0][0] < line.coords[-1][0] else line.length - 2540.0
    strip = substring(line, start, start + 2500.0).buffer(half, cap_style="flat", join_style="mitre")
    host = max(rows[: len(COMMUNITIES)], key=lambda row: shapely.intersection(row[-1], strip).area)
    return (code, name, "street", host[0], 860, shapely.simplify(strip, 0.4))


def _slips(zones: gpd.GeoDataFrame, rng: np.random.Generator) -> Geometries:
    """Geometry of the zones with lenses along some borders that both neighbours claim or neither."""
    geometry = zones.geometry.to_numpy().copy()
    ground = np.flatnonzero(zones["kind"].isin(["community", "village"]))
    pairs = [(i, j) for i in ground for j in ground if i < j]
    for i, j in pairs:
        border = shapely.line_merge(shapely.intersection(shapely.boundary(geometry[i]), shapely.boundary(geometry[j])))
        line = max(shapely.get_parts(border), key=lambda part: part.length, default=None)
        if line is None or line.length < 120 or shapely.get_dimensions(line) != 1 or rng.random() < 0.45:
            continue
        lens = _lens(substring(line, 40, 40 + rng.uniform(30, 70)), rng.uniform(0.6, 1.8))
        change = shapely.union if rng.random() < 0.5 else shapely.difference
        geometry[i] = shapely.set_precision(change(geometry[i], lens), 0.001)
    return np.array([_tidy(g) for g in geometry], dtype=object)


def _lens(line: Any, width: float) -> Any:
    """A sliver on the chord of `line`, at most `width` metres to both sides."""
    xy = shapely.get_coordinates(shapely.segmentize(line, 10.0))
    swell = np.sin(np.linspace(0, np.pi, len(xy)))
    return shapely.union_all(
        [
            shapely.LineString(pair).buffer(width / 2 * s, 2)
            for pair, s in zip(pairwise(xy), swell[1:], strict=False)
            if s > 0
        ]
    )


def _tidy(geometry: Any) -> Any:
    """Polygonal parts of more than 5 m2; a polygon where there is one part."""
    parts = shapely.get_parts(geometry)
    parts = parts[(shapely.get_dimensions(parts) == 2) & (shapely.area(parts) > 5)]
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
