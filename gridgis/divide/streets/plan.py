"""The plan of streets: noded edges, the line each comes from, and the faces between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely

from gridgis.geometry.noding import GRID_M, Floats, Geometries, Ints, faces, node

ON_LINE_M = 0.02
"""Noding moves a line by less."""


@dataclass(frozen=True)
class Plan:
    """Edges between nodes, faces between edges, and which edge bounds which face.

    `line` is the lowest index of the lines under an edge. `edge_of` and `face_of` are pairs: an edge
    bounds two faces, one, or none where it dangles.
    """

    edges: Geometries
    line: Ints
    faces: Geometries
    edge_of: Ints
    face_of: Ints

    @cached_property
    def length_m(self) -> Floats:
        """Length of each edge."""
        return np.asarray(shapely.length(self.edges), dtype=float)

    @cached_property
    def sides(self) -> Ints:
        """Both faces of each edge (n, 2), -1 where there is none."""
        out = np.full((len(self.edges), 2), -1, dtype=np.int64)
        order = np.argsort(self.edge_of, kind="stable")
        edge, face = self.edge_of[order], self.face_of[order]
        again = np.r_[False, edge[1:] == edge[:-1]]
        out[edge, again.astype(np.int64)] = face
        return out


def plan_of(lines: Geometries) -> Plan:
    """Node the lines and find the faces."""
    edges = node(lines)
    found = faces(edges)
    ring, face = shapely.get_rings(found, return_index=True)
    segment, owner = segment_keys(ring)
    own_segment, edge = segment_keys(edges)
    first = np.unique(edge, return_index=True)[1]
    known, place = np.unique(own_segment[first], return_index=True)
    at = np.minimum(np.searchsorted(known, segment), max(len(known) - 1, 0))
    hit = known[at] == segment if len(known) else np.zeros(0, dtype=bool)
    return Plan(edges, _line_under(edges, lines), found, place[at[hit]], face[owner[hit]])


def with_vertices(lines: Geometries, points: Geometries) -> Geometries:
    """Lines with a vertex at each point that lies on them, so that noding meets there for certain.

    A point rounded to the grid can miss the line it was on by half a cell.
    """
    line, point = shapely.STRtree(points).query(lines, predicate="dwithin", distance=ON_LINE_M)
    at = shapely.line_locate_point(lines[line], points[point])
    inside = (at > 0) & (at < shapely.length(lines[line]))
    line, point, at = line[inside], point[inside], at[inside]
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    every = np.concatenate([owner, line])
    place = np.concatenate([_measures(xy, owner), at])
    order = np.lexsort((place, every))
    both = np.concatenate([xy, shapely.get_coordinates(points[point])])
    return shapely.linestrings(both[order], indices=every[order]) if len(line) else lines


def _measures(xy: Floats, owner: Ints) -> Floats:
    """Distance of each vertex from the start of its line, along it."""
    step = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    along = np.cumsum(np.where(np.diff(owner, prepend=-1) != 0, 0.0, step))
    start = np.flatnonzero(np.diff(owner, prepend=-1) != 0)
    return along - np.repeat(along[start], np.diff(np.append(start, len(xy))))


def vertex_keys(xy: Floats) -> Ints:
    """One whole number for each place on the grid."""
    cell = np.rint(xy / GRID_M).astype(np.int64)
    return (cell[:, 0] << 32) + cell[:, 1]


def segment_keys(lines: Geometries) -> tuple[Ints, Ints]:
    """Keys of all straight pieces, the same in both directions, and the line of each."""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    same = owner[1:] == owner[:-1]
    key = vertex_keys(xy)
    return pair_keys(key[:-1][same], key[1:][same]), owner[:-1][same]


def pair_keys(a: Ints, b: Ints) -> Ints:
    """Keys of unordered pairs of keys, by multiplying modulo 2**64."""
    low, high = np.minimum(a, b).astype(np.uint64), np.maximum(a, b).astype(np.uint64)
    return (low * np.uint64(0x9E3779B97F4A7C15) ^ high * np.uint64(0xC2B2AE3D27D4EB4F)).view(np.int64)


def under(points: Geometries, lines: Geometries, value: Ints) -> Ints:
    """Lowest value of the lines on which each point lies, -1 where it lies on none."""
    none = np.iinfo(np.int64).max
    out = np.full(len(points), none, dtype=np.int64)
    if len(points) and len(lines):
        point, line = shapely.STRtree(lines).query(points, predicate="dwithin", distance=ON_LINE_M)
        np.minimum.at(out, point, value[line])
    return np.where(out == none, -1, out)


def _line_under(edges: Geometries, lines: Geometries) -> Ints:
    """Lowest index of the lines on which the middle of each edge lies."""
    middle = shapely.line_interpolate_point(edges, 0.5, normalized=True)
    out = under(middle, lines, np.arange(len(lines)))
    lost = out < 0
    if lost.any():
        out[lost] = shapely.STRtree(lines).nearest(middle[lost])
    return out
