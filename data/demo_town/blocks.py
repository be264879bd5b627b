"""Superblocks cut into blocks by curved streets that end on one another: T-junctions, no two blocks alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from demo_town.names import street_names
from demo_town.plan import CRS, Plan, world
from demo_town.shapes import GRID_M, Geometries, faces, main_part, node_lines


@dataclass(frozen=True)
class Style:
    """How a superblock is cut and used: size of blocks, classes of its streets by rank, uses with their shares."""

    block_m2: float
    streets: tuple[tuple[str, float], ...]
    uses: dict[str, float]


_WIDE = (("tertiary", 14.0), ("residential", 10.0), ("residential", 8.0))
_FINE = (("residential", 9.0), ("residential", 7.0), ("living_street", 5.0))

STYLES = {
    "old": Style(11_000, _FINE, {"lanes": 0.84, "hall": 0.06, "school": 0.04, "park": 0.03, "slabs_open": 0.03}),
    "centre": Style(13_000, _FINE, {"lanes": 0.55, "mall": 0.16, "office": 0.14, "slabs_open": 0.2}),
    "slab": Style(
        34_000, _WIDE,
        {"slabs": 0.5, "slabs_open": 0.2, "school": 0.08, "park": 0.08, "office": 0.1, "lanes": 0.12},
    ),
    "tower": Style(44_000, _WIDE, {"towers": 0.62, "slabs": 0.1, "park": 0.1, "mall": 0.1, "school": 0.08}),
    "mixed": Style(
        36_000, _WIDE,
        {"slabs": 0.3, "towers": 0.13, "office": 0.2, "mall": 0.08, "park": 0.12, "school": 0.08, "slabs_open": 0.09,
         "lanes": 0.1},
    ),
    "depot": Style(38_000, _WIDE, {"works": 0.55, "slabs_open": 0.2, "park": 0.25}),
    "whole": Style(1e9, _WIDE, {"park": 1.0}),
}  # fmt: skip

SITES = [
    ((1100, 1400), "slab"), ((1900, 1250), "old"), ((2700, 1380), "old"), ((3600, 1330), "tower"),
    ((1100, 1850), "slab"), ((1650, 1850), "old"), ((2050, 1950), "old"),
    ((2000, 1600), "centre"), ((2700, 1800), "centre"),
    ((3600, 1750), "mixed"), ((1100, 2400), "mixed"), ((1900, 2350), "mixed"),
    ((2700, 2250), "slab"), ((3500, 2150), "mixed"),
    ((1200, 2950), "tower"), ((1900, 2780), "whole"), ((2750, 2680), "slab"),
    ((3600, 2620), "mixed"), ((2050, 3080), "depot"),
    ((2750, 2960), "depot"), ((3600, 3050), "slab"), ((2200, 3350), "mixed"),
    ((2850, 3200), "slab"), ((2200, 3650), "slab"),
    ((2800, 3680), "tower"), ((3350, 3500), "mixed"), ((4400, 1960), "whole"), ((4220, 1740), "whole"),
    ((1300, 1010), "whole"), ((3200, 1170), "whole"),
]  # fmt: skip
"""Plan points and the style of the superblock they lie in; the others are fields."""

PLACES = [
    ((1900, 2780), "campus"), ((4400, 1960), "industry"), ((4220, 1740), "estate"), ((1880, 2330), "hospital"),
    ((3850, 2150), "market"), ((2060, 1700), "square"), ((2700, 1700), "mall"),
]  # fmt: skip
"""Plan points and the use of the block they lie in, whatever the lot says."""


@dataclass(frozen=True)
class Cut:
    """One new street: its line and its rank (0 cuts a superblock, 1 its halves, and so on)."""

    line: Any
    rank: int


def make_streets(plan: Plan, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Main roads and the streets that cut the superblocks, noded: `name`, `road_class`, `width_m`, `dual_m`."""
    junctions = shapely.multipoints(np.unique(_ends(plan.lines.geometry.to_numpy()), axis=0))
    ends: list[Any] = []
    endings = {"old": "街巷里", "centre": "街巷"}
    used: set[str] = set(plan.lines["name"])
    rows = []
    for superblock, style in zip(plan.superblocks, styles_of(plan.superblocks), strict=True):
        if style not in STYLES:
            continue
        names = street_names(rng, endings=endings.get(style, "路街"))
        for cut in _cuts(superblock, STYLES[style], junctions, ends, rng):
            name = next(name for name in names if name not in used)
            used.add(name)
            kind, width = STYLES[style].streets[min(cut.rank, 2)]
            rows.append((name, kind, width, 0.0, cut.line))
    cuts = gpd.GeoDataFrame(rows, columns=["name", "road_class", "width_m", "dual_m", "geometry"], crs=CRS)
    every = pd.concat([plan.lines, cuts], ignore_index=True)
    ends = shapely.multipoints(_ends(every.geometry.to_numpy()))
    return node_lines(every.set_geometry(shapely.snap(every.geometry.to_numpy(), ends, 0.03)))


def make_blocks(plan: Plan, streets: gpd.GeoDataFrame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Faces between streets, rail, river and outline: `style`, `use` and `plot`, the land within the pavements."""
    edges = [*streets.geometry, *plan.edges()]
    geometry = faces(shapely.get_parts(shapely.union_all(edges, grid_size=GRID_M)), smallest_m2=20)
    middles = shapely.point_on_surface(geometry)
    style = _where(middles, plan.superblocks, styles_of(plan.superblocks))
    style = np.where(shapely.intersects(plan.river, middles), "water", style)
    use = np.array([_drawn(STYLES[s].uses, rng) if s in STYLES else s for s in style], dtype=object)
    for point, place in PLACES:
        use[shapely.intersects(geometry, shapely.Point(world([point])[0]))] = place
    use[(shapely.area(geometry) < 1500) & (style != "water")] = "park"
    frame = gpd.GeoDataFrame({"style": style, "use": use}, geometry=geometry, crs=CRS)
    return frame.assign(plot=_plots(plan, streets, geometry))


def styles_of(superblocks: Geometries) -> NDArray[np.object_]:
    """Style of each superblock; `fields` where the plan names none."""
    found = np.full(len(superblocks), "fields", dtype=object)
    for point, style in SITES:
        found[shapely.intersects(superblocks, shapely.Point(world([point])[0]))] = style
    return found


def _plots(plan: Plan, streets: gpd.GeoDataFrame, geometry: Geometries) -> Geometries:
    taken = shapely.union_all(
        [
            *shapely.buffer(streets.geometry.to_numpy(), streets["width_m"].to_numpy() / 2 + 3, quad_segs=4),
            plan.rail.buffer(11),
            shapely.boundary(plan.river).buffer(8),
        ]
    )
    plots = [main_part(rest) for rest in shapely.difference(geometry, taken)]
    return np.array([plot.buffer(-1.5, 2).buffer(1.5, 2) for plot in plots], dtype=object)


def _where(points: Geometries, polygons: Geometries, values: NDArray[np.object_]) -> NDArray[np.object_]:
    found = np.full(len(points), "fields", dtype=object)
    point, polygon = shapely.STRtree(polygons).query(points, predicate="intersects")
    found[point] = values[polygon]
    return found


def _drawn(shares: dict[str, float], rng: np.random.Generator) -> str:
    weights = np.array(list(shares.values()))
    return str(rng.choice(list(shares), p=weights / weights.sum()))


def _ends(lines: Geometries) -> NDArray[np.float64]:
    return np.asarray(shapely.get_coordinates(np.r_[shapely.get_point(lines, 0), shapely.get_point(lines, -1)]))


def _cuts(
    polygon: Any, style: Style, junctions: Any, ends: list[Any], rng: np.random.Generator, rank: int = 0
) -> Iterator[Cut]:
    """Halve `polygon` until its parts are small; a cut keeps away from main junctions and meets near ends of others.

    The ends of every cut made are added to `ends`.
    """
    limit = style.block_m2 * rng.uniform(0.95, 1.75)
    if polygon.area < limit:
        return
    for _ in range(10):
        line = _met(_cut(polygon, rng), ends)
        halves = _halves(polygon, line)
        away = shapely.distance(shapely.boundary(line), junctions) > 28
        if away and len(halves) == 2 and min(shapely.area(halves)) > 0.25 * polygon.area:
            yield Cut(line, rank)
            ends.extend(shapely.get_parts(shapely.boundary(line)))
            for half in halves:
                yield from _cuts(half, style, junctions, ends, rng, rank + 1)
            return


def _met(line: Any, ends: list[Any]) -> Any:
    """`line` with its ends moved to the ends of earlier cuts that lie within 28 m: crossings, not near misses."""
    xy = shapely.get_coordinates(line)
    along = np.linspace(0, 1, len(xy))[:, None]
    for i, weight in ((0, 1 - along), (-1, along)):
        away = shapely.distance(np.array(ends, dtype=object), shapely.Point(xy[i]))
        if len(away) and away.min() < 28:
            to = shapely.get_coordinates(ends[int(np.argmin(away))])[0]
            xy = xy + weight * (to - xy[i])
            xy[i] = to
    return shapely.set_precision(shapely.LineString(xy), GRID_M)


def _cut(polygon: Any, rng: np.random.Generator) -> Any:
    """A slightly bowed line across the longer side of `polygon`, its ends on the boundary."""
    corner = shapely.get_coordinates(shapely.minimum_rotated_rectangle(polygon))
    sides = np.diff(corner[:3], axis=0)
    along, across = sides if np.hypot(*sides[0]) >= np.hypot(*sides[1]) else sides[::-1]
    middle = corner[:4].mean(axis=0) + along * rng.uniform(-0.13, 0.13)
    slant = rng.normal(0, 0.09) * along / np.hypot(*along) * np.hypot(*across)
    bow = rng.normal(0, 0.035) * np.hypot(*across) * along / np.hypot(*along)
    t = np.linspace(-0.75, 0.75, 13)[:, None]
    line = shapely.LineString(middle + t * (across + slant) + bow * (1 - (2 * t) ** 2))
    parts = shapely.get_parts(shapely.intersection(line, polygon))
    longest = shapely.get_coordinates(parts[np.argmax(shapely.length(parts))])
    return shapely.segmentize(shapely.LineString(longest), 25.0)


def _halves(polygon: Any, line: Any) -> Geometries:
    """The parts of `polygon` on both sides of `line`, whose ends may lie half a centimetre off."""
    edge = shapely.snap(shapely.boundary(polygon), shapely.boundary(line), 0.03)
    found = shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.union_all([edge, line]))))
    return np.asarray(found[np.argsort(-shapely.area(found))])
