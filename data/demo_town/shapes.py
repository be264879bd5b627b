"""Small geometry that every part of the demo district shares: noding, frames turned to a block, rows."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Geometries = NDArray[np.object_]
GRID_M = 0.01
"""Coordinates are whole centimetres."""


def node_lines(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Cut `lines` wherever they meet; every piece carries the columns of the line it comes from."""
    sources = shapely.set_precision(lines.geometry.to_numpy(), GRID_M)
    pieces = shapely.get_parts(shapely.union_all(sources, grid_size=GRID_M))
    pieces = pieces[np.lexsort(shapely.bounds(pieces).T)]
    middles = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    piece, source = shapely.STRtree(sources).query_nearest(middles)
    first = np.unique(piece, return_index=True)[1]
    return lines.iloc[source[first]].set_geometry(pieces).reset_index(drop=True)


def trim_dangles(lines: gpd.GeoDataFrame, *, longest_m: float, keep: Any) -> gpd.GeoDataFrame:
    """Noded `lines` without the pieces up to `longest_m` that end in nothing; ends within `keep` may stay."""
    ends = np.stack([shapely.get_point(lines.geometry, 0), shapely.get_point(lines.geometry, -1)])
    xy = np.round(shapely.get_coordinates(ends.ravel()), 2)
    _, node, degree = np.unique(xy, axis=0, return_inverse=True, return_counts=True)
    loose = (degree[node.ravel()] == 1).reshape(2, -1) & ~shapely.intersects(ends, keep)
    return lines[~(loose.any(axis=0) & (lines.length <= longest_m))].reset_index(drop=True)


def collapse_short(lines: gpd.GeoDataFrame, *, shortest_m: float) -> gpd.GeoDataFrame:
    """Noded `lines` without those under `shortest_m`; the junctions at their ends become one."""
    geometry = lines.geometry.to_numpy()
    xy, line = shapely.get_coordinates(geometry, return_index=True)
    first = np.searchsorted(line, np.arange(len(geometry)))
    last = np.searchsorted(line, np.arange(len(geometry)), side="right") - 1
    nodes, node = np.unique(xy[np.r_[first, last]], axis=0, return_inverse=True)
    start, end = node.ravel().reshape(2, -1)
    short = shapely.length(geometry) < shortest_m
    links = coo_array((np.ones(short.sum()), (start[short], end[short])), shape=(len(nodes), len(nodes)))
    _, group = connected_components(links, directed=False)
    _, chosen = np.unique(group, return_index=True)
    xy[first], xy[last] = nodes[chosen[group[start]]], nodes[chosen[group[end]]]
    moved = lines.set_geometry(shapely.set_coordinates(geometry.copy(), xy))[~short]
    twice = moved.geometry.normalize().to_wkb().duplicated()
    return moved[~twice].reset_index(drop=True)


def faces(lines: Geometries, *, smallest_m2: float = 1.0) -> Geometries:
    """All faces between noded `lines`, from south-west to north-east."""
    found = shapely.get_parts(shapely.polygonize(lines))
    found = found[shapely.area(found) > smallest_m2]
    return np.asarray(found[np.lexsort(shapely.bounds(found).T)])


def main_part(polygon: Any) -> Any:
    """The largest part of a polygon or multipolygon, without holes smaller than a house."""
    parts = shapely.get_parts(polygon)
    parts = parts[shapely.get_dimensions(parts) == 2]
    if not len(parts):
        return shapely.Polygon()
    best = parts[np.argmax(shapely.area(parts))]
    holes = [ring for ring in best.interiors if shapely.Polygon(ring).area > 60]
    return shapely.Polygon(best.exterior, holes)


def lie(polygon: Any) -> float:
    """Angle in degrees (-45..45) by which the longer walls of `polygon` are turned from east."""
    box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(polygon))
    sides = np.diff(box[:3], axis=0)
    dx, dy = sides[np.argmax(np.hypot(*sides.T))]
    return float((np.degrees(np.arctan2(dy, dx)) + 45) % 90 - 45)


def spans(polygon: Any, low: float, high: float) -> list[tuple[float, float]]:
    """Where a band from `low` to `high` (y) lies in `polygon` over its whole depth: intervals of x."""
    xmin, _, xmax, _ = polygon.bounds
    levels = np.linspace(low, high, 3)
    lines = [shapely.LineString([(xmin - 1, y), (xmax + 1, y)]) for y in levels]
    cuts = shapely.intersection(np.array(lines, dtype=object), polygon)
    free = [_intervals(cut) for cut in cuts]
    return _common(_common(free[0], free[1]), free[2])


def _intervals(cut: Any) -> list[tuple[float, float]]:
    parts = shapely.get_parts(cut)
    parts = parts[shapely.get_dimensions(parts) == 1]
    return sorted((float(a), float(b)) for a, _, b, _ in shapely.bounds(parts))


def _common(one: list[tuple[float, float]], two: list[tuple[float, float]]) -> list[tuple[float, float]]:
    both = [(max(a, c), min(b, d)) for a, b in one for c, d in two]
    return [(a, b) for a, b in both if b > a]
