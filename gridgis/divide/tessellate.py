"""Large blocks cut into small pieces, each around some buildings, by lines that lie midway between them.

The pieces of a block are cells of a Voronoi diagram of points on the outlines of its buildings, joined
until they hold about what an atom should hold. Only the lines between joined cells are made: the cells
themselves are faces of the one arrangement that is noded at the end.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import shapely
from numba import njit
from scipy.spatial import Voronoi, cKDTree

from gridgis.geometry.components import relabel, sums
from gridgis.geometry.noding import Floats, Geometries, Ints

SPACING_M = 5.0
"""Distance of points along outlines."""

INSET_M = 0.4
"""Outlines are drawn in by this much, so that buildings that touch have a line between them."""

SMOOTH_M = 1.5
"""Tolerance to which lines between pieces are simplified."""


@dataclass(frozen=True)
class Seeds:
    """Points of one block, each with the unit (building or point) that it stands for."""

    xy: Floats
    unit: Ints


def outline_seeds(polygons: Geometries) -> Seeds:
    """Points along the outlines of polygons, drawn in; points stand for themselves.

    Parameters
    ----------
    polygons : array of Polygon or Point, metres
    """
    dense = shapely.segmentize(polygons, SPACING_M)
    xy, unit = shapely.get_coordinates(dense, return_index=True)
    centre = shapely.get_coordinates(shapely.centroid(polygons))[unit]
    d = centre - xy
    far = np.hypot(*d.T)
    step = np.minimum(INSET_M, far / 2)
    moved = xy + d * (step / np.maximum(far, 1e-9))[:, None]
    moved, keep = np.unique(np.column_stack([unit, np.round(moved, 3)]), axis=0, return_index=True)
    return Seeds(moved[:, 1:], unit[keep].astype(np.int64))


def area_seeds(block: shapely.Geometry, n: int) -> Seeds:
    """Seeds of at most `n` compact pieces of similar area of a block without buildings.

    Points of a lattice are grouped around centres that start spread over the block and move to the
    middle of their group (Lloyd's algorithm).
    """
    xy = _lattice(block, n)
    n = min(n, len(xy))
    centres = _spread(xy, n)
    unit = np.zeros(len(xy), dtype=np.int64)
    for _ in range(12):
        unit = cKDTree(centres).query(xy)[1].astype(np.int64)
        count = np.bincount(unit, minlength=n)
        total = np.column_stack([sums(unit, xy[:, k], n) for k in (0, 1)])
        centres = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], centres)
    return Seeds(centres[np.unique(unit)], np.arange(len(np.unique(unit)), dtype=np.int64))


def _lattice(block: shapely.Geometry, n: int) -> Floats:
    """Points of a triangular lattice inside the block, about thirty for each of `n` pieces."""
    step = np.sqrt(block.area / (30 * n) * 2 / np.sqrt(3))
    x0, y0, x1, y1 = block.bounds
    rows = np.arange(y0 + step / 3, y1, step * np.sqrt(3) / 2)
    columns = np.arange(x0 + step / 3, x1, step)
    x = (columns[None, :] + np.where(np.arange(len(rows)) % 2, step / 2, 0.0)[:, None]).ravel()
    xy = np.column_stack([x, np.repeat(rows, len(columns))])
    inside = shapely.contains_xy(block, xy[:, 0], xy[:, 1]) if len(xy) else np.zeros(0, dtype=bool)
    if inside.any():
        return xy[inside]
    return shapely.get_coordinates(shapely.point_on_surface(block))


def _spread(xy: Floats, n: int) -> Floats:
    """`n` of the points, each as far as possible from those before it, the first the westernmost."""
    chosen = np.empty(n, dtype=np.int64)
    chosen[0] = np.lexsort((xy[:, 1], xy[:, 0]))[0]
    distance = np.hypot(*(xy - xy[chosen[0]]).T)
    for k in range(1, n):
        chosen[k] = int(np.argmax(distance))
        distance = np.minimum(distance, np.hypot(*(xy - xy[chosen[k]]).T))
    return xy[chosen]


def cells(seeds: Seeds) -> tuple[Ints, Floats]:
    """Ridges of the Voronoi diagram between seeds of different units.

    Returns
    -------
    pairs : (k, 2) units on both sides
    ridges : (k, 2, 2) ends, metres
    """
    low, high = seeds.xy.min(axis=0), seeds.xy.max(axis=0)
    origin, reach = (low + high) / 2, 4 * max(float((high - low).max()), 50.0)
    angle = np.arange(12) * (np.pi / 6)
    ring = reach * np.column_stack([np.cos(angle), np.sin(angle)])
    diagram = Voronoi(np.vstack([seeds.xy - origin, ring]), qhull_options="Qbb Qc Qz Q12")
    point = diagram.ridge_points
    ends = np.asarray(diagram.ridge_vertices)
    keep = (point < len(seeds.xy)).all(axis=1) & (ends >= 0).all(axis=1)
    pairs = seeds.unit[point[keep]]
    apart = pairs[:, 0] != pairs[:, 1]
    return np.sort(pairs[apart], axis=1), diagram.vertices[ends[keep][apart]] + origin


def groups(pairs: Ints, ridges: Floats, weight: Floats, kind: Ints, *, cap: float) -> Ints:
    """Units joined with neighbours until no two neighbours together hold `cap` or less.

    The lightest group joins first, with the neighbour of the same `kind` along the longest border;
    ties to the lower number.
    """
    if not len(pairs):
        return np.arange(len(weight), dtype=np.int64)
    length = np.minimum(np.hypot(*(ridges[:, 1] - ridges[:, 0]).T), 60.0)
    unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
    shared = sums(inverse, length, len(unique))
    source = np.concatenate([unique[:, 0], unique[:, 1]])
    target = np.concatenate([unique[:, 1], unique[:, 0]])
    order = np.lexsort((target, source))
    start = np.searchsorted(source[order], np.arange(len(weight) + 1))
    both = np.concatenate([shared, shared])[order]
    root = _join(start, target[order], both, weight.astype(np.float64), kind, float(cap))
    return relabel(np.asarray(root))


@njit(cache=True)
def _join(start: Ints, target: Ints, shared: Floats, weight: Floats, kind: Ints, cap: float) -> Ints:
    """Root of the group of each unit; a group is a linked list of its members."""
    n = len(weight)
    held = weight.copy()
    root = np.arange(n)
    following, last = np.full(n, -1), np.arange(n)
    border = np.zeros(n)
    heap = [(held[i], i) for i in range(n)]
    heapq.heapify(heap)
    while len(heap) > 0:
        load, light = heapq.heappop(heap)
        if root[light] != light or load != held[light]:
            continue
        _measure(light, 1.0, start, target, shared, following, root, border)
        best = _longest(light, start, target, following, root, border, held, kind, cap)
        _measure(light, 0.0, start, target, shared, following, root, border)
        if best < 0:
            continue
        member = light
        while member >= 0:
            root[member] = best
            member = following[member]
        following[last[best]] = light
        last[best] = last[light]
        held[best] += load
        heapq.heappush(heap, (held[best], best))
    return root


@njit(cache=True)
def _measure(
    group: int, on: float, start: Ints, target: Ints, shared: Floats, following: Ints, root: Ints, border: Floats
) -> None:
    """Add up the border of a group with each neighbour, or clear it where `on` is 0."""
    member = group
    while member >= 0:
        for e in range(start[member], start[member + 1]):
            other = root[target[e]]
            border[other] = (border[other] + shared[e]) * on
        member = following[member]


@njit(cache=True)
def _longest(
    group: int,
    start: Ints,
    target: Ints,
    following: Ints,
    root: Ints,
    border: Floats,
    held: Floats,
    kind: Ints,
    cap: float,
) -> int:
    """Neighbour along the longest border with room for a group, -1 where there is none."""
    best = -1
    member = group
    while member >= 0:
        for e in range(start[member], start[member + 1]):
            other = root[target[e]]
            room = held[group] == 0 or held[other] == 0 or held[group] + held[other] <= cap
            if other == group or kind[other] != kind[group] or not room:
                continue
            longer = best < 0 or border[other] > border[best]
            if longer or (border[other] == border[best] and other < best):
                best = other
        member = following[member]
    return best


def dividing_lines(pairs: Ints, ridges: Floats, group: Ints, block: shapely.Geometry) -> Geometries:
    """Lines between groups inside a block, simplified, drawn a little over its edge."""
    between = group[pairs[:, 0]] != group[pairs[:, 1]]
    if not between.any():
        return np.zeros(0, dtype=object)
    segments = ridges[between]
    segments = segments[np.abs(segments[:, 1] - segments[:, 0]).max(axis=1) > 1e-6]
    lines = shapely.multilinestrings(shapely.linestrings(segments)) if len(segments) else shapely.MultiLineString()
    chains = shapely.get_parts(shapely.line_merge(shapely.set_precision(lines, 1e-4)))
    smooth = shapely.simplify(chains, SMOOTH_M)
    reach = shapely.buffer(block, 0.05, quad_segs=1, join_style="mitre")
    inside = shapely.get_parts(shapely.intersection(smooth, reach))
    return inside[shapely.get_type_id(inside) == 1]
