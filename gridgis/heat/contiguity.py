"""Which grids touch: contiguity from the coverage itself, by the vertices and edges that neighbours share.

Invariant: the matrix is symmetric with an empty diagonal; where every grid belongs to one valid coverage it is that of
libpysal's `Queen` or `Rook`. Where districts were divided apart, neighbours lie along each other with other vertices;
those are found by distance, along the open edges alone, and told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.crs import unit_m
from gridgis.errors import Notice
from gridgis.geometry.borders import edge_keys, point_keys
from gridgis.geometry.coverage import TOUCH_M, mismatched_edges
from gridgis.geometry.noding import Floats, Geometries, Ints, as_array

Kind = Literal["queen", "rook"]
Matrix = Any
"""A `scipy.sparse.csr_array`."""


@dataclass(frozen=True)
class Contiguity:
    """Neighbours of grids, in the order of the frame that they were read from.

    Attributes
    ----------
    matrix : csr_array of shape (n, n), float64
        1 where two grids touch, columns of a row in order, nothing on the diagonal.
    apart : int array, shape (m, 2)
        Pairs i < j among them that touch without a vertex (queen) or an edge (rook) in common.
    """

    matrix: Matrix
    apart: Ints

    @property
    def neighbours(self) -> Ints:
        """How many grids each touches."""
        return np.diff(self.matrix.indptr).astype(np.int64)

    @property
    def islands(self) -> Ints:
        """Rows that touch none."""
        return np.flatnonzero(self.neighbours == 0)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a reader of results should know."""
        told = (
            ("pairs of grids that touch without common vertices: divisions that were drawn apart", len(self.apart)),
            ("grids without a neighbour", len(self.islands)),
        )
        return tuple(Notice("grids", message, count) for message, count in told if count)


def contiguity(grids: gpd.GeoDataFrame, *, kind: Kind = "queen", touch_m: float = TOUCH_M) -> Contiguity:
    """Neighbours of grids: those with a point in common (queen), or a border (rook).

    Parameters
    ----------
    grids : GeoDataFrame of Polygon and MultiPolygon
        A coverage, or several that lie along each other; any CRS.
    kind : "queen" or "rook"
    touch_m : float
        Open edges, which only one grid has, touch where they are no further apart than this; a border so found is
        longer than twice this. 0 leaves out what shares no vertices.

    References
    ----------
    Anselin (1988), Spatial Econometrics: contiguity by analogy with the moves of chessmen.
    """
    polygons, n = as_array(grids.geometry), len(grids)
    start, end, owner = _edges(polygons)
    edge, edges = _numbered(edge_keys(start, end))
    touching = edge if kind == "rook" else _numbered(point_keys(start))[0]
    matrix = _sharing(owner, touching, n)
    open_ = np.flatnonzero(np.bincount(edge, minlength=edges)[edge] == 1)
    near = np.zeros((0, 2), dtype=np.int64)
    if touch_m > 0 and len(open_):
        near = _near(polygons, owner[open_], (start[open_], end[open_]), kind, touch_m / unit_m(grids.crs))
    apart = near[~_known(matrix, near)]
    return Contiguity(_joined(matrix, apart), apart)


def from_pairs(n: int, pairs: Ints | Sequence[tuple[int, int]]) -> Contiguity:
    """Contiguity of `n` grids given by pairs of rows, each once or twice."""
    every = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    none = np.zeros((0, 2), dtype=np.int64)
    return Contiguity(_joined(_matrix(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), n), every), none)


def _edges(polygons: Geometries) -> tuple[Floats, Floats, Ints]:
    """Ends and polygon of every edge of every ring, as it is drawn; those without length are left out.

    Which side the land lies on does not matter here: that is what makes this quicker than `directed_edges`.
    """
    parts, part_owner = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    xy = xy + 0.0  # one zero: -0.0 and 0.0 are the same place
    use = np.flatnonzero((ring[1:] == ring[:-1]) & (xy[1:] != xy[:-1]).any(axis=1))
    return xy[use], xy[use + 1], part_owner[ring_part[ring[use]]]


def _numbered(keys: np.ndarray[Any, np.dtype[np.uint64]]) -> tuple[Ints, int]:
    """Equal keys as one number, from 0 in the order in which they are met, and how many there are."""
    number, every = pd.factorize(keys)
    return number.astype(np.int64), len(every)


def _sharing(owner: Ints, thing: Ints, n: int) -> Matrix:
    """Who has a thing in common with whom: the product of incidence with itself."""
    from scipy.sparse import csr_array

    shape = (n, int(thing.max(initial=-1)) + 1)
    has = csr_array((np.ones(len(owner), dtype=np.int32), thing, _starts(owner, n)), shape=shape)
    both = (has @ has.T).tocoo()
    other = both.row != both.col
    return _matrix(both.row[other], both.col[other], n)


def _starts(owner: Ints, n: int) -> Ints:
    return np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=n))])


def _matrix(row: Ints, column: Ints, n: int) -> Matrix:
    """Ones at places, however often they are named."""
    from scipy.sparse import coo_array

    out = coo_array((np.ones(len(row)), (row, column)), shape=(n, n)).tocsr()
    out.sum_duplicates()
    out.data[:] = 1.0
    return out


def _near(polygons: Geometries, owner: Ints, ends: tuple[Floats, Floats], kind: Kind, reach: float) -> Ints:
    """Pairs i < j of polygons whose open edges touch, or run along each other."""
    if kind == "rook":
        mine = np.unique(owner)
        first, second, _ = mismatched_edges(polygons[mine], tolerance=reach)
        return np.unique(np.column_stack([mine[first], mine[second]]), axis=0)
    lines = shapely.linestrings(np.stack(ends, axis=1))
    e, g = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=reach)
    pairs = np.column_stack([owner[e], owner[g]])
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)


def _known(matrix: Matrix, pairs: Ints) -> np.ndarray[Any, np.dtype[np.bool_]]:
    if not len(pairs):
        return np.zeros(0, dtype=bool)
    return np.asarray(matrix[pairs[:, 0], pairs[:, 1]]).ravel() > 0


def _joined(matrix: Matrix, pairs: Ints) -> Matrix:
    if not len(pairs):
        return matrix
    both, coo = np.concatenate([pairs, pairs[:, ::-1]]), matrix.tocoo()
    row, column = np.concatenate([coo.row, both[:, 0]]), np.concatenate([coo.col, both[:, 1]])
    return _matrix(row, column, matrix.shape[0])
