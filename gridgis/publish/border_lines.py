"""Borders as a map draws them: each once, by its level and by what lies under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.crs import unit_m
from gridgis.geometry.borders import Edges, shared_edges
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints
from gridgis.schema import OFF_STREET, Division

LEVELS = ("microgrid", "grid", "zone")
"""From the finest to the coarsest; the later covers the earlier."""


@dataclass(frozen=True)
class Stroke:
    """How borders of one group of classes are drawn.

    Attributes
    ----------
    width : as a multiple of an ordinary street's
    dash : lengths of dash and space as multiples of the width; none is a whole line
    """

    name: str
    colour: str
    width: float = 1.0
    dash: tuple[float, ...] = ()

    def style(self, unit_pt: float) -> dict[str, Any]:
        """The stroke as matplotlib takes it, where an ordinary street's is so many points wide."""
        dashes: dict[str, Any] = {"linestyles": (0, self.dash)} if self.dash else {"capstyle": "round"}
        return {"colors": self.colour, "linewidths": self.width * unit_pt, **dashes}


STROKES: tuple[Stroke, ...] = (
    Stroke("plain", "#4a473f"),
    Stroke("edge", "#7d5a1f", 1.0, (5, 1.5, 1, 1.5)),
    Stroke("lane", "#4a473f", 0.9, (1.2, 1.6)),
    Stroke("street", "#4a473f"),
    Stroke("main", "#5d3a94", 1.9),
    Stroke("rail", "#1d7a4c", 1.5, (4, 2.2)),
    Stroke("river", "#2467b3", 1.9),
    Stroke("off_street", "#d2501a", 1.3, (2.4, 1.8)),
)
"""In the order in which they are drawn. `plain` is a border of which nobody says what lies under it; what follows no
street stands out, and the dashes say the same without colour."""

_GROUPS = {
    "street": ("tertiary", "unclassified", "residential", "living_street", "road", "busway"),
    "main": ("motorway", "trunk", "primary", "secondary"),
    "lane": ("service", "pedestrian", "footway", "cycleway", "bridleway", "path", "track", "steps"),
    "edge": ("wall", "compound"),
    "rail": ("rail",),
    "river": ("river",),
    "off_street": (OFF_STREET,),
    "plain": ("",),
}
_GROUP_OF = {name: group for group, names in _GROUPS.items() for name in names}

SPLIT_SHARE = 1e-3
"""An edge is not cut nearer to its ends than this share of it."""


def drawn_borders(division: Division, *, tolerance_m: float = 5.0) -> gpd.GeoDataFrame:
    """Every line of a division once, as LineString, with its `level`, the name of its `stroke` and its `zone_code`.

    Invariant: each border is drawn by exactly one level, the coarsest that it parts: those between two zones, and
    those without a neighbour, as a `zone`'s. Borders of micro-grids inside a grid are `plain`, and so are those of
    zones along no street: they are legal lines, and nobody's to choose. A line inside a zone lies in no other one; what
    parts zones has no code.

    Parameters
    ----------
    division : Division
        In any CRS.
    tolerance_m : float
        How much lighter than the layer `borders` its grids may have been made, as for
        :func:`gridgis.publish.light.in_metres`.
    """
    bare = division.zones[~division.zones["zone_code"].isin(division.grids["zone_code"])]
    grids, inside = _edges(division.grids, "zone_code")
    micros, micros_inside = _edges(division.microgrids, "grid_code")
    rings, _ = _edges(bare, "zone_code")
    zone, micro_zone = (frame["zone_code"].to_numpy(dtype=object) for frame in (division.grids, division.microgrids))
    grids, inside, stroke = _strokes(division, grids, inside, reach_m=2 * max(tolerance_m, 1.0))
    stroke[~inside & (stroke == "off_street")] = "plain"
    parts = [
        *(_sewn(grids, inside & (stroke == one.name), "grid", one.name, zone) for one in STROKES),
        *(_sewn(grids, ~inside & (stroke == one.name), "zone", one.name) for one in STROKES),
        _sewn(rings, rings.count > 0, "zone", "plain"),
        _sewn(micros, micros_inside, "microgrid", "plain", micro_zone),
    ]
    return pd.concat(parts, ignore_index=True).set_crs(division.grids.crs)


def stroke_of(border_class: pd.Series) -> pd.Series:
    """Name of the stroke of each class of border; a class of street that is not told of is a street."""
    known = border_class.fillna("")
    return known.map(_GROUP_OF).fillna("street")


def _edges(frame: gpd.GeoDataFrame, parent: str) -> tuple[Edges, Bools]:
    """Edges of a coverage, and whether the same parent lies on both sides."""
    edges = shared_edges(frame.geometry.to_numpy())
    parents = pd.factorize(frame[parent])[0]
    both = (edges.left >= 0) & (edges.right >= 0)
    same = np.zeros(len(both), dtype=bool)
    same[both] = parents[edges.left[both]] == parents[edges.right[both]]
    return edges, same


def _strokes(division: Division, edges: Edges, inside: Bools, *, reach_m: float) -> tuple[Edges, Bools, Geometries]:
    """Edges of the grids, whether they lie inside a zone, and their stroke: that of the nearest stretch.

    Only stretches between the same two grids count. An edge along several of them is cut where one ends: to make
    borders lighter takes the vertices off there.
    """
    told = division.borders
    if not len(told) or not len(edges.a):
        return edges, inside, np.full(len(edges.a), "plain", dtype=object)
    reach = reach_m / unit_m(told.crs)
    pair_of_edge, pair_of_stretch = _pairs(division, edges)
    lines = told.geometry.to_numpy()
    parent, a, b = _cut(edges, pair_of_edge, lines, pair_of_stretch, reach)
    middle = shapely.points((a + b) / 2)
    out = np.full(len(a), "plain", dtype=object)
    edge, stretch = shapely.STRtree(lines).query(middle, predicate="dwithin", distance=reach)
    same = pair_of_edge[parent[edge]] == pair_of_stretch[stretch]
    edge, stretch = edge[same], stretch[same]
    order = np.lexsort((stretch, shapely.distance(middle[edge], lines[stretch])))[::-1]  # the nearest is written last
    out[edge[order]] = stroke_of(told["border_class"]).to_numpy(dtype=object)[stretch[order]]
    sides = (getattr(edges, name)[parent] for name in ("left", "right", "n_left", "n_right"))
    return Edges(a, b, *sides), inside[parent], out


def _cut(edges: Edges, pair: Ints, lines: Geometries, pair_of_line: Ints, reach: float) -> tuple[Ints, Floats, Floats]:
    """Edges cut where a stretch between the same grids ends beside them: row of the edge, ends of each piece."""
    ends = shapely.get_point(lines[:, None], [0, -1]).ravel()
    pair_of_end = np.repeat(pair_of_line, 2)
    several = np.bincount(pair_of_line, minlength=int(pair.max()) + 1)[pair] > 1
    rows = np.flatnonzero(several)
    whole = shapely.linestrings(np.stack([edges.a[rows], edges.b[rows]], axis=1))
    row, end = shapely.STRtree(ends).query(whole, predicate="dwithin", distance=reach)
    mine = pair[rows[row]] == pair_of_end[end]
    row, end = row[mine], end[mine]
    share = shapely.line_locate_point(whole[row], ends[end], normalized=True)
    within = (share > SPLIT_SHARE) & (share < 1 - SPLIT_SHARE)
    parent = np.concatenate([np.arange(len(edges.a)), rows[row[within]]])
    start = np.concatenate([np.zeros(len(edges.a)), share[within]])
    order = np.unique(np.column_stack([parent, np.round(start, 9)]), axis=0)
    parent, start = order[:, 0].astype(np.int64), order[:, 1]
    last = np.append(parent[1:] != parent[:-1], True)
    stop = np.where(last, 1.0, np.append(start[1:], 1.0))
    step = (edges.b - edges.a)[parent]
    a, b = edges.a[parent] + start[:, None] * step, edges.a[parent] + stop[:, None] * step
    return parent, np.where(start[:, None] > 0, a, edges.a[parent]), np.where(last[:, None], edges.b[parent], b)


def _pairs(division: Division, edges: Edges) -> tuple[Ints, Ints]:
    """One number for each two grids, of the edges and of the stretches."""
    code = np.append(division.grids["grid_code"].to_numpy(dtype=object), "")
    sides = np.column_stack([code[edges.left], code[edges.right]]).astype(str)
    told = division.borders[["first_code", "second_code"]].fillna("").to_numpy(dtype=str)
    every = np.sort(np.concatenate([sides, told]), axis=1)
    number = np.unique(every, axis=0, return_inverse=True)[1].reshape(-1)
    return number[: len(sides)], number[len(sides) :]


def _sewn(edges: Edges, chosen: Bools, level: str, stroke: str, zone_of: Geometries | None = None) -> gpd.GeoDataFrame:
    """Edges sewn into as few lines as there are stretches between nodes, in each zone where the zones are told."""
    lines = edges.lines(chosen)
    code = np.full(len(lines), "", dtype=object) if zone_of is None else zone_of[edges.left[chosen]]
    names, group = np.unique(code.astype(str), return_inverse=True)
    order = np.argsort(group, kind="stable")
    whole = shapely.multilinestrings(lines[order], indices=group[order]) if len(lines) else lines
    merged, of = shapely.get_parts(shapely.line_merge(whole), return_index=True)
    words = {"level": np.full(len(merged), level, dtype=object), "stroke": np.full(len(merged), stroke, dtype=object)}
    words["zone_code"] = names.astype(object)[of]
    return gpd.GeoDataFrame(words, geometry=merged)
