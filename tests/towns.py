"""Random towns as the files of planners hold them: warped blocks, borders beside the streets, dirt.

A town comes from a seed and a set of traits; `plans` draws both for hypothesis. Everything is
drawn in EPSG:4547 and then put into a CRS of its own for each layer.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import shapely.affinity
from hypothesis import strategies as st

CRS = "EPSG:4547"
WEST, SOUTH = 520_000.0, 3_380_000.0

TRAITS = (
    "missing_streets", "dead_ends", "dual", "tunnel", "footways", "unknown_class", "no_streets", "dense_streets",
    "beside", "through_blocks", "slivers", "gaps", "overlaps", "multipart", "lake", "few_vertices",
    "dedicated", "corridor", "villages", "townships",
    "rows", "towers", "tiny", "dirt", "straddling", "courtyards", "giant", "duplicates",
    "stacked", "points_on_borders", "outside", "three_d", "no_residents",
    "compounds", "river", "river_line", "rail", "wall",
)  # fmt: skip
SOURCES = ("points", "buildings", "floor_area", "area", "persons", "table", "none")
PLACES = ("EPSG:4547", "EPSG:4326", "EPSG:32649", "EPSG:4490", "EPSG:4526", "EPSG:3857")
LAYERS = ("zones", "streets", "buildings", "barriers", "compounds", "households")


@dataclass(frozen=True)
class Plan:
    """What a town is made from; the same plan gives the same town."""

    seed: int = 0
    columns: int = 3
    rows: int = 3
    zones: int = 2
    source: str = "buildings"
    traits: frozenset[str] = frozenset()
    crs: tuple[str, ...] = (CRS,) * len(LAYERS)

    def has(self, *traits: str) -> bool:
        """Whether the town has one of the traits."""
        return not self.traits.isdisjoint(traits)


@dataclass(frozen=True)
class Town:
    """Layers of a town by their name, as :func:`gridgis.jobs.divide` takes them."""

    plan: Plan
    frames: dict[str, pd.DataFrame] = field(repr=False)

    def shuffled(self, seed: int) -> Town:
        """The same town with the rows of every layer in another order."""
        return Town(self.plan, {name: frame.sample(frac=1, random_state=seed) for name, frame in self.frames.items()})

    def write(self, folder) -> dict[str, str]:
        """Write every layer to a file of its own; what `divide_files` takes as sources."""
        sources = {}
        for name, frame in self.frames.items():
            path = folder / (f"{name}.csv" if name == "household_table" else f"{name}.gpkg")
            frame.to_csv(path, index=False) if name == "household_table" else frame.to_file(path, layer=name)
            sources[name] = str(path)
        return sources


@st.composite
def plans(draw, *, largest: int = 4) -> Plan:
    """Plans of up to `largest` times `largest` blocks; they shrink to one plain block."""
    size = st.integers(1, largest)
    return Plan(
        seed=draw(st.integers(0, 10_000)),
        columns=draw(size),
        rows=draw(size),
        zones=draw(st.integers(1, 5)),
        source=draw(st.sampled_from(SOURCES)),
        traits=frozenset(draw(st.sets(st.sampled_from(TRAITS), max_size=12))),
        crs=tuple(draw(st.sampled_from(PLACES)) for _ in LAYERS) if draw(st.booleans()) else (CRS,) * len(LAYERS),
    )


def build(plan: Plan) -> Town:
    """Draw the town of a plan."""
    rng = np.random.default_rng(plan.seed)
    net = _net(plan, rng)
    zones = _zones(plan, net, rng)
    streets = _streets(plan, net, rng)
    buildings = _buildings(plan, net, zones, rng)
    frames: dict[str, pd.DataFrame] = {"zones": zones, "buildings": buildings}
    if not plan.has("no_streets"):
        frames["streets"] = streets
    frames |= _barriers(plan, net, rng)
    if plan.has("compounds"):
        frames["compounds"] = _compounds(net, rng)
    frames = _with_households(plan, frames, rng)
    return Town(plan, {name: _placed(plan, name, frame) for name, frame in frames.items()})


def _placed(plan: Plan, name: str, frame: pd.DataFrame) -> pd.DataFrame:
    if name not in LAYERS:
        return frame
    out = frame.set_crs(CRS).to_crs(plan.crs[LAYERS.index(name)])
    return out.set_geometry(shapely.force_3d(out.geometry.values, 21.5)) if plan.has("three_d") else out


# ---------------------------------------------------------------- streets and blocks
@dataclass(frozen=True)
class _Net:
    """Lines of a warped lattice, of every edge, and the blocks between them."""

    across: dict[tuple[int, int], shapely.LineString]
    up: dict[tuple[int, int], shapely.LineString]
    blocks: dict[tuple[int, int], shapely.Polygon]

    @property
    def extent(self) -> shapely.Polygon:
        return shapely.union_all(list(self.blocks.values()))


def _net(plan: Plan, rng: np.random.Generator) -> _Net:
    x = np.concatenate([[0], np.cumsum(rng.uniform(70, 190, plan.columns))])
    y = np.concatenate([[0], np.cumsum(rng.uniform(60, 150, plan.rows))])
    xy = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    xy = xy + rng.uniform(-9, 9, xy.shape)
    bend = 22 * np.sin(xy[..., ::-1] / rng.uniform(150, 400, 2) + rng.uniform(0, 6, 2))
    turn = rng.uniform(-0.6, 0.6)
    xy = (xy + bend) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + (WEST, SOUTH)
    steps = {"across": (1, 0), "up": (0, 1)}
    edges = {
        name: {
            (i, j): _bent(xy[i, j], xy[i + di, j + dj], rng)
            for i in range(plan.columns + 1 - di)
            for j in range(plan.rows + 1 - dj)
        }
        for name, (di, dj) in steps.items()
    }
    blocks = {
        (i, j): shapely.get_parts(
            shapely.polygonize([
                edges["across"][i, j], edges["across"][i, j + 1], edges["up"][i, j], edges["up"][i + 1, j],
            ])
        )[0]
        for i in range(plan.columns)
        for j in range(plan.rows)
    }  # fmt: skip
    return _Net(edges["across"], edges["up"], blocks)


def _bent(a, b, rng: np.random.Generator) -> shapely.LineString:
    middle = (a + b) / 2 + rng.normal(0, 4, 2)
    return shapely.LineString([a, middle, b])


def _streets(plan: Plan, net: _Net, rng: np.random.Generator) -> gpd.GeoDataFrame:
    rows: list[tuple[str, shapely.LineString, str | None]] = []
    for edges, axis in ((net.across, 1), (net.up, 0)):
        for key, line in edges.items():
            rows += _street(plan, line, main=key[axis] % 3 == 1, rng=rng)
    if plan.has("dense_streets"):
        rows += [("service", lane, None) for block in net.blocks.values() for lane in _lanes(block, rng)]
    if plan.has("tunnel"):
        rows.append(("primary", _crossing(net, rng), "yes"))
    if plan.has("duplicates"):
        rows += rows[:3]
    kinds, lines, tunnel = zip(*rows, strict=True) if rows else ((), (), ())
    return gpd.GeoDataFrame({"road_class": kinds, "tunnel": tunnel}, geometry=list(lines))


def _street(plan: Plan, line: shapely.LineString, *, main: bool, rng: np.random.Generator):
    minor = ("residential", "unclassified", "living_street", "service")
    kind = "primary" if main else str(rng.choice(minor))
    if plan.has("unknown_class") and rng.random() < 0.2:
        kind = "raceway"
    if plan.has("missing_streets") and not main and rng.random() < 0.25:
        return
    if plan.has("footways") and rng.random() < 0.4:
        yield "footway", shapely.offset_curve(line, 6), None
    if plan.has("dead_ends") and not main and rng.random() < 0.3:
        line = shapely.line_merge(shapely.difference(line, shapely.Point(line.coords[-1]).buffer(rng.uniform(3, 45))))
    if plan.has("dual") and main:
        yield from ((kind, shapely.offset_curve(line, side), None) for side in (-7, 7))
    elif isinstance(line, shapely.LineString) and line.length > 1:
        yield kind, line, None


def _lanes(block: shapely.Polygon, rng: np.random.Generator) -> list[shapely.LineString]:
    """A lane into the block, and now and then one through it."""
    west, south, east, north = block.bounds
    line = shapely.LineString([(rng.uniform(west, east), south), (rng.uniform(west, east), north)])
    inside = max(shapely.get_parts(shapely.intersection(line, block)), key=lambda part: part.length)
    if inside.length < 30:
        return []
    return [inside if rng.random() < 0.4 else shapely.LineString([inside.coords[0], inside.centroid.coords[0]])]


def _crossing(net: _Net, rng: np.random.Generator) -> shapely.LineString:
    """A slightly bent line from one side of the town to the other, in any direction."""
    west, south, east, north = net.extent.bounds
    if rng.random() < 0.5:
        return _bent(
            np.array([west - 60, rng.uniform(south, north)]), np.array([east + 60, rng.uniform(south, north)]), rng
        )
    return _bent(np.array([rng.uniform(west, east), south - 60]), np.array([rng.uniform(west, east), north + 60]), rng)


# ---------------------------------------------------------------- zones
def _zones(plan: Plan, net: _Net, rng: np.random.Generator) -> gpd.GeoDataFrame:
    owner = _grown(plan, net, rng)
    shapes = [shapely.union_all([net.blocks[b] for b in net.blocks if owner[b] == k]) for k in range(plan.zones)]
    shapes = _off_the_streets(plan, [shape for shape in shapes if not shape.is_empty], rng)
    shapes = [_dirty(plan, shape, rng) for shape in shapes]
    village = [plan.has("villages") and rng.random() < 0.5 for _ in shapes]
    rows = [
        (
            _code(plan, k, 201 if v else 1),
            f"第{k + 1}{'村委会' if v else '社区'}",
            "village" if v else "community",
            shape,
        )
        for k, (shape, v) in enumerate(zip(shapes, village, strict=True))
    ]
    rows += _on_top(plan, net, rng)
    frame = pd.DataFrame(rows, columns=["zone_code", "name", "kind", "geometry"])
    order = rng.permutation(len(frame))
    return gpd.GeoDataFrame(frame.iloc[order].reset_index(drop=True))


def _code(plan: Plan, k: int, first: int) -> str:
    return f"420102{1 + (k % 2 if plan.has('townships') else 0):03d}{first + k:03d}"


def _grown(plan: Plan, net: _Net, rng: np.random.Generator) -> dict[tuple[int, int], int]:
    """Zone of each block: seeds that grow; a lake has none (-1); a part far off where there is room."""
    blocks = list(net.blocks)
    seeds = rng.permutation(len(blocks))[: plan.zones]
    owner = {blocks[s]: k for k, s in enumerate(seeds)}
    queue = deque(owner)
    while queue:
        i, j = queue.popleft()
        for step in ((i + 1, j), (i, j + 1), (i - 1, j), (i, j - 1)):
            if step in net.blocks and step not in owner:
                owner[step] = owner[i, j]
                queue.append(step)
    if plan.has("multipart") and len(blocks) > 4:
        owner[blocks[0]] = owner[blocks[-1]]
    inner = [b for b in blocks if 0 < b[0] < plan.columns - 1 and 0 < b[1] < plan.rows - 1]
    if plan.has("lake") and inner:
        owner[inner[int(rng.integers(len(inner)))]] = -1
    return owner


def _off_the_streets(plan: Plan, shapes: list, rng: np.random.Generator) -> list:
    """All borders moved together by a smooth field: beside the streets, or through the blocks."""
    far = 45.0 if plan.has("through_blocks") else 11.0 if plan.has("beside") else 0.0
    phase, wave = rng.uniform(0, 6, 2), rng.uniform(60, 250, 2)
    if not plan.has("few_vertices"):
        shapes = [shapely.segmentize(shape, 25.0) for shape in shapes]
    return [shapely.transform(shape, lambda xy: xy + far * np.sin(xy[:, ::-1] / wave + phase)) for shape in shapes]


def _dirty(plan: Plan, shape, rng: np.random.Generator):
    """One zone's outline as another hand drew it: within the tolerances of cleaning."""
    out = shape
    if plan.has("slivers"):
        phase = rng.uniform(0, 6, 2)
        out = shapely.transform(out, lambda xy: xy + 0.6 * np.sin(37 * (xy - (WEST, SOUTH)) + phase))
    if plan.has("gaps") and rng.random() < 0.5:
        out = shapely.buffer(out, -2.5, join_style="mitre")
    if plan.has("overlaps") and rng.random() < 0.5:
        out = shapely.buffer(out, 4.0, join_style="mitre")
    return out if out.is_valid and not out.is_empty else shape


def _on_top(plan: Plan, net: _Net, rng: np.random.Generator):
    west, south, east, north = net.extent.bounds
    if plan.has("dedicated"):
        first = shapely.Polygon()
        for k in range(int(rng.integers(1, 3))):
            x, y = rng.uniform(west, east), rng.uniform(south, north)
            yard = shapely.box(x, y, x + rng.uniform(40, 160), y + rng.uniform(40, 140))
            yard = shapely.affinity.rotate(yard, float(rng.uniform(0, 90)))
            if not yard.intersects(first):
                first = yard
                yield f"420102001{901 + k}", f"产业园{k}", "dedicated", yard
    if plan.has("corridor"):
        line = shapely.line_merge(shapely.union_all([e for key, e in net.across.items() if key[1] == plan.rows // 2]))
        yield "420102001801", "步行街", "street", shapely.buffer(line, 15, cap_style="flat")


# ---------------------------------------------------------------- buildings
def _buildings(plan: Plan, net: _Net, zones: gpd.GeoDataFrame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    shapes: list = []
    for block in net.blocks.values():
        if plan.has("no_residents") and rng.random() < 0.4:
            continue
        room = shapely.buffer(block, -7)
        shapes += [b for b in _standing(plan, block, rng) if room.contains(b)]
    if plan.has("straddling"):
        shapes += _astride(zones, rng)
    if plan.has("giant"):
        shapes.append(shapely.envelope(shapely.buffer(next(iter(net.blocks.values())), -3)))
    if plan.has("duplicates"):
        shapes += shapes[:3]
    if not shapes:
        shapes = [shapely.buffer(next(iter(net.blocks.values())).centroid, 6, quad_segs=1)]
    tower = rng.random(len(shapes)) < (0.06 if plan.has("towers") else 0)
    households = np.where(tower, rng.integers(60, 900, len(shapes)), rng.poisson(18, len(shapes)))
    return gpd.GeoDataFrame(
        {
            "building_id": [f"b{k}" for k in range(len(shapes))],
            "households": households,
            "levels": np.where(tower, 30, rng.integers(1, 8, len(shapes))),
            "address": [f"中山路{k}号" for k in range(len(shapes))],
        },
        geometry=shapes,
    )


def _standing(plan: Plan, block: shapely.Polygon, rng: np.random.Generator):
    west, south, east, north = block.bounds
    for _ in range(int(rng.integers(3, 9))):
        at = rng.uniform((west, south), (east, north))
        angle = float(rng.uniform(0, 90))
        if plan.has("rows") and rng.random() < 0.5:
            yield from _terrace(at, angle, rng)
        else:
            yield _house(at, angle, *rng.uniform(8, 32, 2))
        if plan.has("tiny"):
            yield _house(at + rng.uniform(-20, 20, 2), angle, *rng.uniform(0.3, 2.0, 2))
        if plan.has("dirt"):
            yield _house(at + rng.uniform(0.1, 3.0, 2), angle + 1, *rng.uniform(8, 20, 2))
        if plan.has("courtyards"):
            yield _house(at, angle, 40, 36).difference(_house(at, angle, 24, 20))


def _house(at, angle: float, width: float, depth: float) -> shapely.Polygon:
    box = shapely.box(at[0] - width / 2, at[1] - depth / 2, at[0] + width / 2, at[1] + depth / 2)
    return shapely.affinity.rotate(box, angle)


def _terrace(at, angle: float, rng: np.random.Generator) -> list[shapely.Polygon]:
    """Houses that share their walls, vertex by vertex."""
    x = at[0] + np.concatenate([[0], np.cumsum(rng.uniform(5, 12, int(rng.integers(2, 7))))])
    houses = [shapely.box(a, at[1], b, at[1] + 11) for a, b in pairwise(x)]
    return [shapely.affinity.rotate(house, angle, origin=tuple(at)) for house in houses]


def _astride(zones: gpd.GeoDataFrame, rng: np.random.Generator) -> list[shapely.Polygon]:
    """Buildings over the borders of zones, a slab over a street, one half outside of everything."""
    borders = shapely.union_all(shapely.boundary(zones.geometry.values))
    spots = shapely.line_interpolate_point(borders, rng.uniform(0, borders.length, 6))
    at = shapely.get_coordinates(spots)
    return [_house(p, float(rng.uniform(0, 90)), *rng.uniform(10, 60, 2)) for p in at]


# ---------------------------------------------------------------- other layers
def _barriers(plan: Plan, net: _Net, rng: np.random.Generator) -> dict[str, gpd.GeoDataFrame]:
    rows = []
    if plan.has("river"):
        rows.append(("river", shapely.buffer(_crossing(net, rng), float(rng.uniform(6, 25)))))
    if plan.has("river_line"):
        rows.append(("river", _crossing(net, rng)))
    if plan.has("rail"):
        line = _crossing(net, rng)
        rows += [("rail", shapely.offset_curve(line, side)) for side in (0.0, 4.5)]
    if plan.has("wall"):
        block = list(net.blocks.values())[int(rng.integers(len(net.blocks)))]
        rows.append(("wall", shapely.boundary(shapely.buffer(block, -12, join_style="mitre"))))
    if not rows:
        return {}
    kinds, shapes = zip(*rows, strict=True)
    return {"barriers": gpd.GeoDataFrame({"kind": kinds}, geometry=list(shapes))}


def _compounds(net: _Net, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Yards inside blocks, and one that reaches over a street into two."""
    shapes = [shapely.buffer(block, -5) for block in net.blocks.values() if rng.random() < 0.6]
    shapes += [shapely.buffer(next(iter(net.blocks.values())), 20)]
    ids = [f"c{k}" for k in range(len(shapes))]
    return gpd.GeoDataFrame({"compound_id": ids, "name": [f"小区{k}" for k in ids]}, geometry=shapes)


def _with_households(plan: Plan, frames: dict, rng: np.random.Generator) -> dict:
    """Households said in one way: points, buildings, a table, totals of zones, persons, or not at all."""
    buildings, zones = frames["buildings"], frames["zones"]
    total = rng.integers(0, 1500, len(zones))
    out = dict(frames)
    if plan.source != "buildings":
        out["buildings"] = buildings.drop(columns="households")
    if plan.source == "points":
        out["households"] = _points(plan, frames, rng)
    if plan.source in ("floor_area", "area"):
        out["zones"] = zones.assign(households=total)
    if plan.source == "persons":
        out["zones"] = zones.assign(persons=total * 3, workers=total)
    if plan.source == "table":
        keep = rng.random(len(buildings)) < 0.8
        table = buildings.loc[keep, ["building_id", "households"]]
        lost = pd.DataFrame({"building_id": ["nowhere"], "households": [7]})
        out["household_table"] = pd.concat([pd.DataFrame(table), lost], ignore_index=True)
    if plan.source == "area":
        del out["buildings"]
    return out


def _points(plan: Plan, frames: dict, rng: np.random.Generator) -> gpd.GeoDataFrame:
    buildings, zones = frames["buildings"], frames["zones"]
    at = list(shapely.point_on_surface(buildings.geometry.values))
    households = list(buildings["households"])
    if plan.has("stacked"):
        at += [at[0]] * 5
        households += [30] * 5
    if plan.has("points_on_borders"):
        corners = shapely.points(shapely.get_coordinates(zones.geometry.values))
        at += list(corners[rng.integers(len(corners), size=6)])
        households += [40] * 6
    if plan.has("outside"):
        at.append(shapely.Point(WEST - 3000, SOUTH))
        households.append(11)
    return gpd.GeoDataFrame({"households": households}, geometry=at)
