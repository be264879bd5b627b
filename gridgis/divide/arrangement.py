"""The arrangement of all lines that can be a border, and the faces between them.

Invariant: faces tile the land inside the outermost lines; every piece of border between two
faces knows what it costs to cut along it and what it costs to keep it inside a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gridgis.geometry.borders import Edges, shared_edges
from gridgis.geometry.noding import GRID_M, Bools, Floats, Geometries, Ints, as_array
from gridgis.profile import Line, Profile

ON_LINE_M = 0.03
"""A border this near a line lies on it: noding moves a line by less."""


SHORT_M = 0.5
"""Of a shorter edge the ends are looked at too."""


@dataclass(frozen=True)
class Lines:
    """Lines that may be borders: cost a metre to cut along, to keep inside, width on the ground.

    `kind` is the class of a street (without `_link`), `river`, `rail`, `wall` or `compound`; `name` may be None.
    `on_line` tells centre lines (streets, rivers, rails) from edges of compounds and walls.
    """

    geometry: Geometries
    kind: Geometries
    name: Geometries
    cut_cost: Floats
    keep_cost: Floats
    width_m: Floats
    on_line: Bools

    def where(self, rows: Bools) -> Lines:
        """Some of the lines."""
        return Lines(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def joined(self, *others: Lines) -> Lines:
        """These lines followed by `others`."""
        every = (self, *others)
        return Lines(*(np.concatenate([getattr(lines, name) for lines in every]) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Borders:
    """Pieces of border between faces: one row for each segment that two faces share.

    `a` and `b` are the ends; `first < second` index faces; `second` is -1 on the outside; `line` is the row of
    the line under it, -1 for none.
    """

    a: Floats
    b: Floats
    first: Ints
    second: Ints
    length_m: Floats
    cut_cost: Floats
    keep_cost: Floats
    width_m: Floats
    on_line: Bools
    line: Ints

    def where(self, rows: Bools) -> Borders:
        """Some of the borders."""
        return Borders(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def line_table(geometry: Geometries, kind: str, row: Line, *, on_line: bool) -> Lines:
    """Lines of one kind, without a name."""
    n = len(geometry)
    words = (np.full(n, kind, dtype=object), np.full(n, None, dtype=object))
    numbers = (np.full(n, value) for value in (row.cut_cost, row.keep_cost, row.width_m, on_line))
    return Lines(geometry, *words, *numbers)


def street_lines(streets: gpd.GeoDataFrame, profile: Profile) -> Lines:
    """Centre lines of streets with the costs of their class; classes that are never a border are left out."""
    base = streets["road_class"].astype(str).str.removesuffix("_link")
    rows = [profile.roads.get(name) for name in base]
    keep = np.array([row is not None and row.border for row in rows], dtype=bool)
    known = [row for row in rows if row is not None and row.border]
    given = streets["width_m"].to_numpy(dtype=float, na_value=np.nan)[keep]
    default = np.array([row.width_m for row in known], dtype=float)
    return Lines(
        as_array(streets.geometry)[keep],
        base.to_numpy(dtype=object)[keep],
        streets["name"].to_numpy(dtype=object)[keep],
        np.array([row.cut_cost for row in known], dtype=float),
        np.array([row.keep_cost for row in known], dtype=float),
        np.where(given > 0, given, default),
        np.ones(len(known), dtype=bool),
    )


def barrier_lines(barriers: gpd.GeoDataFrame | None, profile: Profile) -> Lines:
    """Lines of rivers, rails and walls; of areas their outline."""
    out = no_lines()
    if barriers is None:
        return out
    kinds = barriers["kind"].to_numpy(dtype=object)
    for kind, row in profile.barriers.items():
        mine = as_array(barriers.geometry)[kinds == kind]
        area = np.isin(shapely.get_type_id(mine), (3, 6))
        lines = np.where(area, shapely.boundary(mine), mine)
        out = out.joined(line_table(shapely.get_parts(lines), kind, row, on_line=kind != "wall"))
    return out


def compound_lines(compounds: gpd.GeoDataFrame | None, profile: Profile) -> Lines:
    """Edges of residential compounds and villager groups."""
    if compounds is None:
        return no_lines()
    row = Line(cut_cost=profile.off_street.compound_cut_cost, keep_cost=0.0, width_m=0.0)
    return line_table(shapely.get_parts(shapely.boundary(as_array(compounds.geometry))), "compound", row, on_line=False)


def no_lines() -> Lines:
    """An empty table."""
    none, nothing = np.zeros(0), np.zeros(0, dtype=object)
    return Lines(nothing, nothing, nothing, none, none, none, np.zeros(0, dtype=bool))


def borders(polygons: Geometries, lines: Lines, profile: Profile) -> Borders:
    """Shared border of every pair of polygons, with what the lines under it cost.

    Where several lines lie under a border the cheapest to cut counts; where none does, it is off street.
    """
    edges = shared_edges(polygons)
    first, second = sides(edges)
    off = profile.off_street.cut_cost
    n = len(first)
    cut, keep, width = np.full(n, off), np.zeros(n), np.zeros(n)
    on, under = np.zeros(n, dtype=bool), np.full(n, -1, dtype=np.int64)
    if len(lines.geometry) and n:
        middle = shapely.points((edges.a + edges.b) / 2)
        row, line = shapely.STRtree(lines.geometry).query(middle, predicate="dwithin", distance=ON_LINE_M)
        along = _along(edges, row, lines.geometry[line])
        row, line = row[along], line[along]
        order = np.lexsort((line, lines.cut_cost[line]))[::-1]  # the cheapest is written last
        row, line = row[order], line[order]
        cut[row], keep[row], width[row] = lines.cut_cost[line], lines.keep_cost[line], lines.width_m[line]
        on[row], under[row] = lines.on_line[line], line
    length = np.hypot(*(edges.b - edges.a).T)
    return Borders(edges.a, edges.b, first, second, length, cut, keep, width, on, under)


def _along(edges: Edges, row: Ints, line: Geometries) -> Bools:
    """Whether edges whose middle is on a line run along it: a short one may cross its end instead."""
    out = np.hypot(*(edges.b[row] - edges.a[row]).T) > SHORT_M
    short = np.flatnonzero(~out)
    ends = (shapely.points(xy[row[short]]) for xy in (edges.a, edges.b))
    out[short] = np.all([shapely.dwithin(end, line[short], 1.5 * GRID_M) for end in ends], axis=0)
    return out


def sides(edges: Edges) -> tuple[Ints, Ints]:
    """The two polygons of each edge, the lower first; the second is -1 on the outside."""
    inner = (edges.left >= 0) & (edges.right >= 0)
    second = np.where(inner, np.maximum(edges.left, edges.right), -1)
    return np.where(inner, np.minimum(edges.left, edges.right), edges.owner), second
