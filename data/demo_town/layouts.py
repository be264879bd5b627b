"""What stands on a plot: rows of slabs, towers, old lane houses, halls; each in a frame turned to the plot.

Every layout takes the land of one block and gives a `Layout` in the same coordinates. No two of its
buildings overlap, and none leaves the plot by more than the pavement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from shapely.affinity import rotate

from demo_town.shapes import lie, spans

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Building:
    """One building: footprint, `use`, storeys, entrances, households."""

    shape: Any
    use: str
    levels: int
    entrances: int
    households: int


@dataclass(frozen=True)
class Layout:
    """Buildings of one plot, its lanes as (class, line), and the compound they form, if any."""

    buildings: list[Building] = field(default_factory=list)
    lanes: list[tuple[str, Any]] = field(default_factory=list)
    compound: Any = None


@dataclass(frozen=True)
class Rows:
    """Rows of boxes: depth and lengths of a building, distance of rows, gap in a row; metres."""

    depth: tuple[float, float]
    lengths: tuple[float, ...]
    pitch: float
    gap: tuple[float, float]


@dataclass(frozen=True)
class Big:
    """Large buildings without residents: their rows, `use`, storeys, share that is built."""

    rows: Rows
    use: str
    levels: tuple[int, int]
    share: float = 1.0


SLAB_ROWS = Rows((11.5, 13.0), (32, 46, 48, 60), 35.0, (8, 13))
TOWER_ROWS = Rows((17.0, 21.0), (24, 28, 34), 50.0, (21, 29))

BIG = {
    "office": Big(Rows((18, 26), (30, 42, 55), 48, (14, 24)), "office", (4, 14), 0.8),
    "mall": Big(Rows((38, 52), (50, 70), 75, (18, 26)), "retail", (3, 6), 0.9),
    "school": Big(Rows((12, 15), (42, 56), 38, (22, 40)), "school", (3, 5), 0.55),
    "hospital": Big(Rows((18, 24), (40, 58), 46, (16, 24)), "hospital", (3, 16), 0.85),
    "campus": Big(Rows((14, 20), (48, 66, 74), 52, (22, 38)), "university", (3, 8), 0.7),
    "market": Big(Rows((26, 32), (60, 90), 44, (12, 16)), "warehouse", (1, 2)),
    "industry": Big(Rows((32, 46), (60, 90, 110), 64, (18, 30)), "industrial", (1, 3), 0.85),
    "works": Big(Rows((18, 24), (35, 60), 38, (12, 20)), "warehouse", (1, 1), 0.6),
    "hall": Big(Rows((26, 34), (34, 44), 60, (14, 20)), "retail", (1, 3)),
    "park": Big(Rows((7, 9), (9, 12), 120, (90, 140)), "service", (1, 1), 0.5),
    "square": Big(Rows((8, 10), (12, 14), 140, (110, 150)), "service", (1, 1), 0.5),
}


def lay_out(use: str, block: Any, plot: Any, rng: np.random.Generator) -> Layout:
    """Buildings, lanes and compound of one block with the given use."""
    if plot.area < 250 or use in ("fields", "water"):
        return Layout()
    residential: dict[str, Callable[[], Layout]] = {
        "lanes": lambda: old_lanes(block, plot, rng),
        "slabs": lambda: estate(block, plot, rng, SLAB_ROWS, gated=True),
        "slabs_open": lambda: estate(block, plot, rng, SLAB_ROWS, gated=False),
        "towers": lambda: estate(block, plot, rng, TOWER_ROWS, gated=True),
        "estate": lambda: estate(block, plot.buffer(-6), rng, Rows((11, 12), (32, 46), 32, (8, 12)), gated=True),
    }
    return residential[use]() if use in residential else pavilions(plot, BIG[use], rng)


def estate(block: Any, plot: Any, rng: np.random.Generator, rows: Rows, *, gated: bool) -> Layout:
    """Rows of slabs or towers, shops along the street, one gate, lanes that end within the compound."""
    angle, about = lie(plot), plot.centroid
    shops = frontage(plot, rng)
    yard = shapely.difference(plot, shapely.union_all([s.buffer(5) for s in shops])) if shops else plot
    inside, outer = rotate(yard, -angle, about), rotate(block, -angle, about)
    xmin, _, xmax, _ = inside.bounds
    gate_x = xmin + (xmax - xmin) * rng.uniform(0.4, 0.6)
    boxes = _rows(inside, rows, rng, lane_x=gate_x)
    lanes = _estate_lanes(inside, outer, gate_x, boxes, from_south=bool(rng.random() < 0.5))
    lanes = [("service", rotate(line, angle, about)) for line in lanes]
    way = shapely.union_all([line.buffer(4) for _, line in lanes]) if lanes else shapely.Point()
    tall = rows is TOWER_ROWS
    storeys = int(rng.choice([11, 18, 26, 32]) if tall else rng.choice([4, 5, 6, 6, 7]))
    homes = [_home(rotate(shapely.box(*box), angle, about), storeys, tall, rng) for box in boxes]
    shops = [shop for shop in shops if not shapely.intersects(shop, way)]
    retail = [Building(shop, "retail", int(rng.integers(1, 4)), 1, 0) for shop in shops]
    sheds = [rotate(shed, angle, about) for shed in _sheds(inside, boxes, rng)]
    low = [Building(shed, "service", 1, 1, 0) for shed in sheds if not shapely.intersects(shed, way)]
    return Layout(homes + retail + low, lanes, _outline(plot, shops) if gated and homes else None)


def _home(shape: Any, storeys: int, tall: bool, rng: np.random.Generator) -> Building:
    """A slab with a stair every 15 m and two flats a landing, or a tower with three to six flats a floor."""
    if tall:
        levels = max(9, storeys + int(rng.integers(-3, 3)))
        entrances = 1 if shape.area < 560 else 2
        return Building(shape, "apartments", levels, entrances, levels * int(rng.integers(4, 7)))
    levels = max(3, storeys + int(rng.integers(-1, 2)))
    entrances = max(1, round(max(shape.minimum_rotated_rectangle.length / 2 - 12.5, 15) / 15.5))
    return Building(shape, "residential", levels, entrances, levels * entrances * 2 - int(rng.integers(0, 3)))


def _sheds(land: Any, boxes: list[Box], rng: np.random.Generator) -> list[Any]:
    """Bicycle sheds at the east end of some slabs; one in fifteen is drawn half a metre into the slab."""
    ends = [box for box in boxes if rng.random() < 0.3]
    gaps = [-0.6 if rng.random() < 1 / 15 else 1.2 for _ in ends]
    sheds = [
        shapely.box(x1 + gap, y0 + 1, x1 + gap + 4.5, y0 + 8) for (_, y0, x1, _), gap in zip(ends, gaps, strict=True)
    ]
    return [shed for shed in sheds if shapely.within(shed, land)]


def _outline(plot: Any, shops: list[Any]) -> Any:
    """The land of a compound: the plot without the shops on its street side."""
    rest = shapely.difference(plot, shapely.union_all([s.buffer(1.0, join_style="mitre") for s in shops]))
    parts = shapely.get_parts(rest.buffer(-2).buffer(2, join_style="mitre", mitre_limit=2))
    return shapely.simplify(parts[np.argmax(shapely.area(parts))], 0.3)


def _rows(land: Any, rows: Rows, rng: np.random.Generator, *, lane_x: float | None = None) -> list[Box]:
    _, ymin, _, ymax = land.bounds
    depth = rng.uniform(*rows.depth)
    boxes: list[Box] = []
    for y in np.arange(ymin + rng.uniform(1, 8), ymax - depth, rows.pitch):
        for start, end in spans(land, y, y + depth):
            for a, b in _beside(start, end, lane_x):
                boxes += [(x0, y, x1, y + depth) for x0, x1 in _filled(a, b, rows, rng)]
    return boxes


def _beside(start: float, end: float, lane_x: float | None) -> list[tuple[float, float]]:
    if lane_x is None or not start < lane_x < end:
        return [(start, end)]
    return [(start, lane_x - 6), (lane_x + 6, end)]


def _filled(start: float, end: float, rows: Rows, rng: np.random.Generator) -> list[tuple[float, float]]:
    """As many lengths as fit between `start` and `end`, what is left shared out before the first and between."""
    found, x = [], 0.0
    while True:
        fit = [length for length in rows.lengths if x + length <= end - start - 1]
        if not fit:
            break
        length = float(rng.choice(fit))
        found.append((x, x + length))
        x += length + rng.uniform(*rows.gap)
    if not found:
        return []
    shift = start + rng.uniform(0.2, 0.8) * (end - start - found[-1][1])
    return [(a + shift, b + shift) for a, b in found]


def _estate_lanes(inside: Any, outer: Any, gate_x: float, boxes: list[Box], *, from_south: bool) -> list[Any]:
    """One lane from the street through the gate, and one between every second pair of rows; dead ends."""
    ymin, ymax = inside.bounds[1], inside.bounds[3]
    column = shapely.intersection(shapely.LineString([(gate_x, ymin - 60), (gate_x, ymax + 60)]), outer)
    parts = shapely.get_parts(column)
    if not boxes or not len(parts):
        return []
    spine = parts[np.argmax(shapely.length(parts))]
    (_, low), (_, high) = sorted(spine.coords, key=lambda c: c[1])
    end = min(high - 14, ymax - 5) if from_south else max(low + 14, ymin + 5)
    start = low if from_south else high
    lanes = [shapely.LineString([(gate_x, start), (gate_x, end)])]
    tops = sorted({box[3] for box in boxes})
    for y in tops[:-1:2] or tops[:0]:
        if min(start, end) + 4 < y + 7 < max(start, end) - 4:
            across = [(a, b) for a, b in spans(inside, y + 6.5, y + 7.5) if a < gate_x < b]
            lanes += [shapely.LineString([(gate_x, y + 7), (a + 9, y + 7)]) for a, _ in across if gate_x - a > 40]
            lanes += [shapely.LineString([(gate_x, y + 7), (b - 9, y + 7)]) for _, b in across if b - gate_x > 40]
    return lanes


def frontage(plot: Any, rng: np.random.Generator) -> list[Any]:
    """Shops wall to wall along some street sides of `plot`, 9 to 12 m deep."""
    ring = shapely.get_coordinates(shapely.orient_polygons(shapely.simplify(plot, 2.0)).exterior)
    pavement = plot.buffer(2.2)
    found: list[Any] = []
    for (ax, ay), (bx, by) in pairwise(ring):
        length = float(np.hypot(bx - ax, by - ay))
        if length < 45 or rng.random() > 0.5:
            continue
        along = np.array([bx - ax, by - ay]) / length
        inward = np.array([-along[1], along[0]]) * rng.uniform(9, 12)
        row = _shop_row(np.array([ax, ay]), along, inward, length, rng)
        taken = shapely.union_all(found).buffer(3)
        found += [s for s in row if shapely.within(s, pavement) and not shapely.intersects(s, taken)]
    return found


def _shop_row(start: Any, along: Any, inward: Any, length: float, rng: np.random.Generator) -> list[Any]:
    widths = rng.uniform(5, 15, size=60).cumsum()
    marks = np.r_[0.0, widths[widths < length - 24 - 4]] + 12 + 0.5
    corners = [start + along * mark for mark in marks]
    return [shapely.Polygon([a, b, b + inward, a + inward]) for a, b in pairwise(corners)]


def old_lanes(block: Any, plot: Any, rng: np.random.Generator) -> Layout:
    """Old lane houses wall to wall, two rows back to back, an alley of 2-3 m, some yards left open."""
    angle, about = lie(plot), plot.centroid
    land, outer = rotate(plot, -angle, about), rotate(block, -angle, about)
    xmin, y, xmax, ymax = land.bounds
    houses: list[Any] = []
    alleys: list[Any] = []
    while y < ymax - 4:
        for depth in rng.uniform(8, 11.5, size=2):
            houses += _house_row(land, xmin, xmax, y, y + depth, rng)
            y += depth
        width = rng.uniform(2.2, 3.6)
        if y + width < ymax - 8 and rng.random() < 0.55:
            alleys += _alley(land, outer, y + width / 2, short=bool(rng.random() < 0.3))
        y += width
    edge = rotate(shapely.boundary(land), angle, about)
    buildings = [_house(rotate(house, angle, about), edge, rng) for house in houses]
    return Layout(buildings, [("footway", rotate(line, angle, about)) for line in alleys])


def _house_row(land: Any, xmin: float, xmax: float, low: float, high: float, rng: np.random.Generator) -> list[Any]:
    marks = xmin + np.r_[0, rng.uniform(5.0, 11.5, size=int((xmax - xmin) / 5) + 2).cumsum()]
    boxes = shapely.box(marks[:-1], low, marks[1:], high)
    open_yard = rng.random(len(boxes)) < 0.1
    cut = shapely.intersection(boxes[~open_yard], land)
    sound = (shapely.area(cut) > 28) & (shapely.get_type_id(cut) == 3)
    roomy = shapely.area(shapely.buffer(cut, -2.0)) > 4
    return list(cut[sound & roomy])


def _house(shape: Any, edge: Any, rng: np.random.Generator) -> Building:
    levels = int(rng.choice([1, 2, 2, 3]))
    if rng.random() < 0.4 and shape.distance(edge) < 0.5:
        return Building(shape, "retail", levels, 1, int(rng.integers(0, 2)) if levels > 1 else 0)
    return Building(shape, "house", levels, 1, max(1, round(shape.area * levels / 115 + rng.uniform(-0.4, 0.6))))


def _alley(land: Any, outer: Any, y: float, *, short: bool) -> list[Any]:
    """An alley from street to street, or one that stops 5-20 m before the far street."""
    xmin, _, xmax, _ = outer.bounds
    parts = shapely.get_parts(shapely.intersection(shapely.LineString([(xmin - 1, y), (xmax + 1, y)]), outer))
    if not len(parts):
        return []
    (a, _), (b, _) = parts[np.argmax(shapely.length(parts))].coords
    runs = [end - start for start, end in spans(land, y - 0.5, y + 0.5)]
    if b - a < 35 or not runs or max(runs) < 0.7 * (b - a):
        return []
    return [shapely.LineString([(a, y), (b - (5 + (b - a) % 13 if short else 0), y)])]


def pavilions(plot: Any, kind: Big, rng: np.random.Generator) -> Layout:
    """Large buildings in rows, some with a wing missing; no households."""
    angle, about = lie(plot), plot.centroid
    boxes = _rows(rotate(plot.buffer(-3), -angle, about), kind.rows, rng)
    shapes = [_notched(box, rng) for box in boxes if rng.random() < kind.share]
    storeys = rng.integers(kind.levels[0], kind.levels[1] + 1, size=len(shapes))
    return Layout(
        [Building(rotate(s, angle, about), kind.use, int(n), 1, 0) for s, n in zip(shapes, storeys, strict=True)]
    )


def _notched(box: Box, rng: np.random.Generator) -> Any:
    """The box, or an L of it."""
    x0, y0, x1, y1 = box
    if rng.random() < 0.6:
        return shapely.box(*box)
    x, y = x0 + (x1 - x0) * rng.uniform(0.3, 0.7), y0 + (y1 - y0) * rng.uniform(0.4, 0.7)
    return shapely.Polygon([(x0, y0), (x1, y0), (x1, y), (x, y), (x, y1), (x0, y1)])
