"""The street layer as a surveyor draws it: two carriageways, bridges, underpasses, lanes, footways, dead ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from demo_town.plan import CRS, Plan
from demo_town.shapes import GRID_M, Geometries, collapse_short, node_lines

UNDER_RAIL = ("工人路", "建设路")
OVER_RAIL = ("人民路", "东环路")
PAVED = ("中山路", "建设路", "学府路", "站前路", "沿江路", "工人路")
"""Streets with a footway drawn on both sides."""

COLUMNS = ["road_class", "name", "layer", "bridge", "tunnel", "width_m", "geometry"]
_CROSSES = ("primary", "secondary", "tertiary")


def draw_streets(
    plan: Plan, centre: gpd.GeoDataFrame, lanes: Iterable[tuple[str, Any]], rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Street layer with the contract's columns.

    Parameters
    ----------
    centre : GeoDataFrame
        Noded centre lines of `make_streets`.
    lanes : pairs of road class and line
        Lanes in compounds, alleys, village lanes.
    """
    ground = _levels(_shortened(centre, plan, rng), plan)
    dual = ground["dual_m"] > 0
    ways = _carriageways(ground[dual])
    strips = shapely.union_all([strip for _, strip in ways])
    single = ground[~dual].copy()
    single["geometry"] = _meet(single, strips)
    both = pd.concat([frame for frame, _ in ways])
    foot = _footways(centre)
    small = gpd.GeoDataFrame(
        [(kind, None, line) for kind, line in lanes], columns=["road_class", "name", "geometry"], crs=CRS
    )
    small["geometry"] = shapely.difference(small.geometry.to_numpy(), strips)
    small["width_m"] = small["road_class"].map({"service": 5.0, "footway": 2.5, "unclassified": 5.0, "track": 3.5})
    every = pd.concat([both, single, small, foot], ignore_index=True).explode(ignore_index=True)
    every = every[shapely.get_dimensions(every.geometry) == 1].reset_index(drop=True)
    return _finished(every)


def _finished(every: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Nodes where lines meet on the ground; what runs above or below is left whole."""
    every = every.assign(
        layer=every["layer"].fillna(0).astype(int), bridge=every["bridge"].eq(True), tunnel=every["tunnel"].eq(True)
    )
    level = every["layer"] == 0
    noded = pd.concat([node_lines(every[level].reset_index(drop=True)), every[~level]], ignore_index=True)
    noded = collapse_short(noded, shortest_m=1.0)
    xy = shapely.bounds(noded.geometry.to_numpy()).round(2)
    order = np.lexsort(
        [*xy.T, noded["name"].fillna("").to_numpy().astype(str), noded["road_class"].to_numpy().astype(str)]
    )
    return noded.iloc[order].reset_index(drop=True)[COLUMNS]


def _shortened(centre: gpd.GeoDataFrame, plan: Plan, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Streets that would run onto the rail or the bank stop 12 m before; some lanes stop 5-20 m short of the next."""
    ends = shapely.points(np.stack([_xy(centre, 0), _xy(centre, -1)]))
    coords = np.round(shapely.get_coordinates(ends.ravel()), 2)
    _, node, count = np.unique(coords, axis=0, return_inverse=True, return_counts=True)
    degree = count[node.ravel()].reshape(2, -1)
    loose = (degree == 1) & ~shapely.intersects(ends, shapely.boundary(plan.outline).buffer(1))
    minor = centre["road_class"].isin(["residential", "living_street"]).to_numpy() & (centre.length > 70).to_numpy()
    early = minor & (degree[1] == 3) & (rng.random(len(centre)) < 0.06)
    back = np.where(loose, 12.0, 0.0)
    back[1] = np.where(early, rng.uniform(5, 20, size=len(centre)), back[1])
    return centre.set_geometry(_cut_back(centre.geometry.to_numpy(), *back))


def _xy(lines: gpd.GeoDataFrame, index: int) -> NDArray[np.float64]:
    return np.asarray(shapely.get_coordinates(shapely.get_point(lines.geometry.to_numpy(), index)))


def _cut_back(lines: Geometries, start: NDArray[np.float64], end: NDArray[np.float64]) -> Geometries:
    first = shapely.buffer(shapely.get_point(lines, 0), start)
    last = shapely.buffer(shapely.get_point(lines, -1), end)
    return np.asarray(shapely.difference(shapely.difference(lines, first), last))


def _levels(lines: gpd.GeoDataFrame, plan: Plan) -> gpd.GeoDataFrame:
    """`layer`, `bridge` and `tunnel`: under and over the rail, and over the river with the road beside it."""
    near = plan.rail.buffer(38)
    cut = lines["name"].isin([*UNDER_RAIL, *OVER_RAIL]) & lines.intersects(near)
    inside = lines[cut].set_geometry(shapely.intersection(lines[cut].geometry.to_numpy(), near))
    outside = lines[cut].set_geometry(shapely.difference(lines[cut].geometry.to_numpy(), near))
    bridge = lines["name"] == "人民大桥"
    span = lines[bridge].iloc[:1].set_geometry([shapely.line_merge(shapely.union_all(lines[bridge].geometry))])
    raised = pd.concat([inside[inside["name"].isin(OVER_RAIL)], span])
    sunk = inside[inside["name"].isin(UNDER_RAIL)]
    parts = [
        lines[~cut & ~bridge].assign(layer=0, bridge=False, tunnel=False),
        outside.assign(layer=0, bridge=False, tunnel=False),
        raised.assign(layer=1, bridge=True, tunnel=False),
        sunk.assign(layer=-1, bridge=False, tunnel=True),
    ]
    return pd.concat(parts, ignore_index=True).explode(ignore_index=True)


def _carriageways(dual: gpd.GeoDataFrame) -> list[tuple[gpd.GeoDataFrame, Any]]:
    """Two lines for each road and level, joined where the road narrows to one, and the strip between them."""
    found = []
    for name, road in dual.groupby("name", sort=True):
        whole = shapely.line_merge(shapely.union_all(road.geometry.to_numpy()))
        half = float(road["dual_m"].iloc[0])
        sides = [shapely.set_precision(shapely.offset_curve(whole, d, quad_segs=4), GRID_M) for d in (half, -half)]
        strip = shapely.Polygon([*sides[0].coords, *sides[1].coords[::-1]])
        ends = [shapely.LineString([side.coords[i], whole.coords[i]]) for side in sides for i in (0, -1)]
        pieces = [*sides, *ends] if name != "兴江大道" else sides
        found.append((_as_road(pieces, road, half), strip.buffer(0)))
    return found


def _as_road(pieces: list[Any], road: gpd.GeoDataFrame, half: float) -> gpd.GeoDataFrame:
    """`pieces` with the columns of `road`; the level of each stretch is that of the centre line beside it."""
    first = road.iloc[0]
    raised = road[road["bridge"]]
    deck = (
        shapely.union_all(raised.geometry.to_numpy()).buffer(half + 1, cap_style="flat")
        if len(raised)
        else shapely.Point()
    )
    lines = np.array(pieces, dtype=object)
    parts = [(shapely.difference(lines, deck), 0), (shapely.intersection(lines, deck), 1)]
    frames = [
        gpd.GeoDataFrame(
            {"road_class": first["road_class"], "name": first["name"], "width_m": first["width_m"] / 2 - 2,
             "layer": level, "bridge": level == 1, "tunnel": False},
            geometry=shapely.get_parts(line), index=range(len(shapely.get_parts(line))), crs=CRS,
        )
        for line, level in parts
    ]  # fmt: skip
    both = pd.concat(frames, ignore_index=True)
    return both[~both.geometry.is_empty]


def _meet(single: gpd.GeoDataFrame, strips: Any) -> Geometries:
    """Lines that end between carriageways: main ones go on to the far one, small ones stop at the near one."""
    lines = single.geometry.to_numpy().copy()
    crosses = single["road_class"].isin(_CROSSES).to_numpy()
    lines[~crosses] = shapely.difference(lines[~crosses], strips)
    inner = strips.buffer(-3)
    edge = shapely.boundary(strips)
    for end in (0, -1):
        points = shapely.get_point(lines, end)
        for i in np.flatnonzero(crosses & shapely.intersects(inner, points)):
            lines[i] = _prolonged(lines[i], end, edge)
    return np.asarray(lines)


def _prolonged(line: Any, end: int, edge: Any) -> Any:
    """`line` prolonged from its `end` in its own direction to the edge of the strip."""
    xy = shapely.get_coordinates(line)[:: 1 if end == -1 else -1]
    step = xy[-1] - xy[-2]
    ray = shapely.LineString([xy[-1], xy[-1] + step / np.hypot(*step) * 60])
    hits = shapely.get_parts(shapely.intersection(ray, edge))
    if not len(hits):
        return line
    far = hits[int(np.argmin(shapely.distance(hits, shapely.Point(xy[-1]))))]
    through = shapely.LineString([*xy, shapely.get_coordinates(far)[0]])
    return through if end == -1 else shapely.reverse(through)


def _footways(centre: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Footways along some streets, broken at every crossing, joined to nothing: the noise that real layers have."""
    rows = []
    for name in PAVED:
        road = centre[centre["name"] == name]
        whole = max(
            shapely.get_parts(shapely.line_merge(shapely.union_all(road.geometry.to_numpy()))), key=lambda g: g.length
        )
        near = centre[(centre["name"] != name) & centre.intersects(whole.buffer(20))]
        crossing = shapely.union_all(shapely.buffer(near.geometry.to_numpy(), near["width_m"].to_numpy() / 2 + 1))
        away = float(road["width_m"].iloc[0]) / 2 - 1.5
        sides = [shapely.difference(shapely.offset_curve(whole, d), crossing) for d in (away, -away)]
        rows += [("footway", None, 2.0, part) for side in sides for part in shapely.get_parts(side) if part.length > 25]
    return gpd.GeoDataFrame(rows, columns=["road_class", "name", "width_m", "geometry"], crs=CRS)
