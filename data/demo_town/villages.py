"""Villages of the outskirts: hamlets of farmhouses in loose rows, lanes between them, villager groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.affinity import rotate, translate

from demo_town.layouts import Building
from demo_town.plan import world
from demo_town.shapes import Geometries

HAMLETS = [
    ("南洲村", "洲头", (3420, 620), 100, True),
    ("南洲村", "洲尾", (1620, 480), 105, True),
    ("南洲村", "沙湾", (830, 560), 90, True),
    ("南洲村", "芦岸", (4480, 330), 75, True),
    ("柳西村", "柳西", (560, 2800), 125, True),
    ("柳西村", "晒坝", (430, 1820), 85, True),
    ("柳西村", "北河", (1790, 3990), 95, True),
    ("杏坪村", "杏坪", (4300, 3250), 120, True),
    ("杏坪村", "坡上", (4030, 3930), 80, True),
    ("杏坪村", "堤东", (4800, 1290), 90, True),
    ("杏坪村", "岗背", (5060, 3020), 70, False),
]  # fmt: skip
"""Village, hamlet, plan point, houses, whether streets lead there."""


@dataclass(frozen=True)
class Hamlet:
    """Houses and sheds of one hamlet, its lanes as (class, line), its villager groups."""

    village: str
    name: str
    buildings: list[Building]
    lanes: list[tuple[str, Any]]
    groups: list[Any]


def make_hamlets(roads: Geometries, barred: Any, seed: int) -> list[Hamlet]:
    """All hamlets; nothing stands in `barred` (pavements, rail, river)."""
    return [
        _hamlet(
            village,
            name,
            world([at])[0],
            count,
            roads if streets else None,
            barred,
            np.random.default_rng([seed, 3, i]),
        )
        for i, (village, name, at, count, streets) in enumerate(HAMLETS)
    ]


def _hamlet(
    village: str, name: str, at: Any, count: int, roads: Geometries | None, barred: Any, rng: np.random.Generator
) -> Hamlet:
    angle, middle = rng.uniform(-25, 25), shapely.Point(at)
    rows = int(rng.integers(5, 9))
    width = 1.15 * count / rows * 17
    lanes = [] if roads is None else _lanes(middle, angle, width, roads, rng)
    street = shapely.union_all([line.buffer(5.5) for _, line in lanes]) if lanes else shapely.Point()
    drawn = [rotate(house, angle, middle) for house in _houses(at, rows, width, rng)]
    houses = _apart(np.array(drawn, dtype=object), shapely.union(barred, street))[:count]
    groups = [_largest(shapely.difference(group, barred)) for group in _groups(houses, middle, angle)]
    sheds = [
        translate(rotate(shapely.box(0, 0, 4, 5.5), angle, (0, 0)), p.x, p.y) for p in shapely.centroid(houses[::4])
    ]
    sheds = [translate(shed, 8.5 * np.sin(np.radians(angle)), -11.5 * np.cos(np.radians(angle))) for shed in sheds]
    free = _apart(np.r_[houses, np.array(sheds, dtype=object)], shapely.union(barred, street))
    return Hamlet(village, name, [_farmhouse(house, rng) for house in free], lanes, groups)


def _farmhouse(shape: Any, rng: np.random.Generator) -> Building:
    if shape.area < 40:
        return Building(shape, "shed", 1, 1, 0)
    return Building(shape, "house", int(rng.integers(1, 4)), 1, int(rng.choice([1, 1, 1, 2])))


def _houses(at: Any, rows: int, width: float, rng: np.random.Generator) -> list[Any]:
    """Farmhouses in `rows` wavering rows, the middle rows longer than the outer ones."""
    found = []
    for i in range(rows):
        reach = width / 2 * (1.05 - 0.09 * abs(i - rows // 2)) * rng.uniform(0.8, 1.15)
        x, base = -reach + rng.uniform(0, 12), (i - rows / 2 + 0.5) * 21.5
        while x < reach:
            w, d = rng.uniform(9, 13), rng.uniform(8, 11)
            y = base + 5 * np.sin(x / 37 + i) + rng.normal(0, 0.9)
            box = rotate(shapely.box(x, y, x + w, y + d), rng.normal(0, 4))
            found.append(translate(box, at[0], at[1]))
            x += w + rng.choice([2.5, 4.0, 6.0, 13.0], p=[0.4, 0.3, 0.2, 0.1])
    return found


def _lanes(
    middle: Any, angle: float, width: float, roads: Geometries, rng: np.random.Generator
) -> list[tuple[str, Any]]:
    """A main lane through the hamlet and on to the nearest road, two side lanes that end in the fields."""
    x, half = middle.x, width / 2
    t = np.linspace(-half * 1.02, half * 1.02, 14)
    main = shapely.LineString(np.column_stack([x + t, middle.y + 5 * np.sin(t / 37 + 3) - 7]))
    side = [
        shapely.LineString(
            [(x + s * half / 2, middle.y - 7), (x + s * half / 2 + 4, middle.y + s * rng.uniform(45, 65))]
        )
        for s in (-1, 1)
    ]
    main, *side = (rotate(line, angle, middle) for line in (main, *side))
    road = roads[int(np.argmin(shapely.distance(roads, main)))]
    if shapely.intersects(road, main):
        return [("unclassified", main), *(("track", line) for line in side)]
    ends = shapely.points(shapely.get_coordinates(main)[[0, -1]])
    near = ends[int(np.argmin(shapely.distance(ends, road)))]
    link = shapely.shortest_line(near, road)
    return [("unclassified", shapely.line_merge(shapely.union(main, link))), *(("track", line) for line in side)]


def _apart(shapes: Geometries, barred: Any) -> Geometries:
    """`shapes` without those in `barred` and without the later one of two that stand within 0.6 m."""
    shapes = shapes[~shapely.intersects(shapes, barred)]
    one, two = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=0.6)
    later = np.unique(one[two < one])
    return np.delete(shapes, later)


def _groups(houses: Geometries, middle: Any, angle: float) -> list[Any]:
    """Villager groups: some forty houses each, from west to east along the hamlet."""
    local = shapely.get_x(shapely.centroid([rotate(house, -angle, middle) for house in houses]))
    order = np.argsort(local, kind="stable")
    hulls: list[Any] = []
    for part in np.array_split(order, max(1, round(len(houses) / 40))):
        hull = shapely.convex_hull(shapely.union_all(houses[part])).buffer(6, 2)
        hulls.append(shapely.difference(hull, shapely.union_all(hulls)))
    return [_largest(hull) for hull in hulls]


def _largest(land: Any) -> Any:
    return max(shapely.get_parts(land), key=lambda part: float(part.area))
