"""Edges of polygons and who owns them: shared borders, contiguity, and a sum that tells tilings.

Everything here rests on one thing: walked with its land on the left, each polygon bounds its land
by directed edges, and where two polygons meet in a coverage these run against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.geometry.noding import Bools, Floats, Geometries, Ints

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Edges:
    """Undirected edges of polygons, each once, in the order in which they are first met.

    `a` is before `b` by x, then by y. In a coverage every edge has at most one polygon on each
    side; `left` and `right` are those with the smallest index where there are several.

    Attributes
    ----------
    a, b : float array, shape (n, 2)
        The ends.
    left, right : int array, shape (n,)
        Index of the polygon to the left and right of a -> b, -1 where there is none.
    n_left, n_right : int array, shape (n,)
        How many polygons lie along the edge on each side.
    """

    a: Floats
    b: Floats
    left: Ints
    right: Ints
    n_left: Ints
    n_right: Ints

    @property
    def count(self) -> Ints:
        """How many polygons have the edge: 1 or 2 in a coverage."""
        return self.n_left + self.n_right

    @cached_property
    def unmatched(self) -> Bools:
        """Whether the edge bounds the land of all polygons together, or is a defect of theirs."""
        return self.n_left != self.n_right

    @property
    def owner(self) -> Ints:
        """The first polygon of each edge."""
        return np.where(self.left >= 0, self.left, self.right)

    def lines(self, chosen: Bools | Ints) -> Geometries:
        """Draw the chosen edges as LineStrings."""
        return shapely.linestrings(np.stack([self.a[chosen], self.b[chosen]], axis=1))


class DirectedEdges(NamedTuple):
    """Edges that have their polygon on the left; owners come in order.

    Attributes
    ----------
    owner : int array, shape (n,)
        Index of the polygon.
    start, end : float array, shape (n, 2)
    """

    owner: Ints
    start: Floats
    end: Floats


def directed_edges(polygons: Geometries) -> DirectedEdges:
    """Every edge of every ring with its polygon on the left.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon
        Edges without length are left out.
    """
    parts, part_owner = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    inner = np.concatenate([[False], ring_part[1:] == ring_part[:-1]]) if len(rings) else np.zeros(0, dtype=bool)
    reverse = shapely.is_ccw(rings) == inner
    xy = xy + 0.0  # one zero: -0.0 and 0.0 are the same place
    use = (ring[1:] == ring[:-1]) & (xy[1:] != xy[:-1]).any(axis=1)
    start, end, ring = xy[:-1][use], xy[1:][use], ring[:-1][use]
    turn = reverse[ring][:, None]
    return DirectedEdges(part_owner[ring_part[ring]], np.where(turn, end, start), np.where(turn, start, end))


def shared_edges(polygons: Geometries, *, directed: DirectedEdges | None = None) -> Edges:
    """Undirected edges of polygons with the polygon on either side.

    Two edges are one where their ends are equal to the last bit. They are told apart by keys of
    64 bits: for ten million edges the chance that two of them are mixed up is below 1e-5.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon
    directed : DirectedEdges, optional
        What :func:`directed_edges` gave for them.
    """
    owner, start, end = directed or directed_edges(polygons)
    forward = _forward(start, end)
    group, first = _group(edge_keys(start, end))
    a, b = (np.where(forward[first, None], *ends) for ends in ((start[first], end[first]), (end[first], start[first])))
    left, n_left = _side(group[forward], owner[forward], len(first))
    right, n_right = _side(group[~forward], owner[~forward], len(first))
    return Edges(a, b, left, right, n_left, n_right)


def sewn(a: Floats, b: Floats, group: Ints) -> tuple[Geometries, Ints]:
    """Edges of the same group sewn into lines, in the order of the groups, and the group of each line.

    Parameters
    ----------
    a, b : float array, shape (n, 2)
        The ends.
    group : int array, shape (n,)
        From 0, none left out.
    """
    if not len(group):
        return np.zeros(0, dtype=object), np.zeros(0, dtype=np.int64)
    order = np.argsort(group, kind="stable")
    ends = shapely.linestrings(np.stack([a[order], b[order]], axis=1))
    lines, number = shapely.get_parts(
        shapely.line_merge(shapely.multilinestrings(ends, indices=group[order])), return_index=True
    )
    return lines, number


def adjacency(polygons: Geometries) -> tuple[Ints, Floats]:
    """Pairs of polygons with a common border, i < j in order, and its length.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon, in metres
        A coverage: neighbours share their vertices.

    Returns
    -------
    pairs : int array, shape (m, 2)
    length_m : float array, shape (m,)
    """
    edges = shared_edges(polygons)
    both = (edges.left >= 0) & (edges.right >= 0) & (edges.left != edges.right)
    sides = np.sort(np.column_stack([edges.left[both], edges.right[both]]), axis=1)
    key, inverse = np.unique(sides[:, 0] * len(polygons) + sides[:, 1], return_inverse=True)
    length = np.hypot(*(edges.b[both] - edges.a[both]).T)
    pairs = np.column_stack(np.divmod(key, max(len(polygons), 1)))
    return pairs.astype(np.int64), np.bincount(inverse, weights=length, minlength=len(key)).astype(np.float64)


def boundary_keys(polygons: Geometries, *, directed: DirectedEdges | None = None) -> Keys:
    """Give each polygon a key of its boundary that adds up as land does.

    Where polygons tile a parent with the same vertices, edges between them run both ways and
    cancel: the keys of the children add up to that of the parent, modulo 2**64. Where they do not
    tile it, or with other vertices, equal sums have a chance of 1 in 2**64.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon
    directed : DirectedEdges, optional
        What :func:`directed_edges` gave for them.

    References
    ----------
    Zobrist (1970), A New Hashing Method with Application for Game Playing: sums of random keys;
    here over the chain of directed edges, whose sum over a tiling is the boundary of the whole.
    """
    owner, start, end = directed or directed_edges(polygons)
    forward = _forward(start, end)
    key = edge_keys(start, end)
    return sum_by(np.where(forward, key, np.uint64(0) - key), owner, len(polygons))


def sum_by(keys: Keys, owner: Ints, n: int) -> Keys:
    """Add up `keys` modulo 2**64 by owner 0..n-1; keys of an owner outside are left out."""
    order = np.argsort(owner, kind="stable")
    total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(keys[order], dtype=np.uint64)])
    at = np.searchsorted(owner[order], np.arange(n + 1))
    return total[at[1:]] - total[at[:-1]]


def _forward(start: Floats, end: Floats) -> Bools:
    """Whether an edge runs from west to east, due south-north ones to the north."""
    return (start[:, 0] < end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] < end[:, 1]))


def edge_keys(start: Floats, end: Floats) -> Keys:
    """Give each edge a key of 64 bits that is the same for both directions."""
    forward = _forward(start, end)
    here, there = point_keys(start), point_keys(end)
    low, high = np.where(forward, here, there), np.where(forward, there, here)
    return _mix(low + _mix(high))


def point_keys(xy: Floats) -> Keys:
    """Give each point a key of 64 bits; -0.0 and 0.0 are told apart."""
    bits = np.ascontiguousarray(xy).view(np.uint64)
    return _mix(bits[:, 0] + _mix(bits[:, 1]))


def _mix(key: Keys) -> Keys:
    """Spread the bits of keys: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    key = key + np.uint64(0x9E3779B97F4A7C15)
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))


def _group(keys: Keys) -> tuple[Ints, Ints]:
    """Give equal keys one number, from 0 in the order of the first of them; index of that first."""
    order = np.argsort(keys)
    new = np.concatenate([[True], keys[order][1:] != keys[order][:-1]])[: len(keys)]
    first = np.minimum.reduceat(order, np.flatnonzero(new)) if len(keys) else order
    by_first = np.argsort(first)
    rank = np.empty(len(first), dtype=np.int64)
    rank[by_first] = np.arange(len(first))
    group = np.empty(len(keys), dtype=np.int64)
    group[order] = rank[np.cumsum(new) - 1]
    return group, first[by_first]


def _side(group: Ints, owner: Ints, n: int) -> tuple[Ints, Ints]:
    """First owner on one side of each of `n` edges, -1 where there is none, and their number."""
    first = np.full(n, -1, dtype=np.int64)
    first[group[::-1]] = owner[::-1]  # owners come in order: the first is written last
    return first, np.bincount(group, minlength=n)
