"""Which rows of one name are one place: a street of many lines is one, two streets of one name are two.

Invariant: rows of one name are one place exactly where they hang together in cells of a kilometre.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

Ints = NDArray[np.int64]

CELL_M = 1000.0
_HALF = 1 << 19
"""Cells run from -_HALF to _HALF: half a million kilometres either way."""


def cells(geometry: NDArray[np.object_]) -> tuple[Ints, Ints]:
    """Cells that the vertices of geometries lie in, lines and outlines densified: index of the geometry, cell."""
    dense = shapely.segmentize(geometry, CELL_M / 2)
    xy, index = shapely.get_coordinates(dense, return_index=True)
    return index.astype(np.int64), cell_of(xy)


def cell_of(xy: NDArray[np.float64]) -> Ints:
    """The number of the cell that each point lies in."""
    at = np.floor(xy / CELL_M).astype(np.int64) + _HALF
    return at[:, 0] * (2 * _HALF) + at[:, 1]


def together(name: Ints, cell: Ints) -> Ints:
    """Number the places: pairs of name and cell that hang together, also over corners, have the same number."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = pd.DataFrame({"name": name, "cell": cell})
    nodes = pairs.drop_duplicates().sort_values(["name", "cell"], ignore_index=True)
    nodes["node"] = np.arange(len(nodes))
    one, two = [], []
    for step in (1, 2 * _HALF, 2 * _HALF + 1, 2 * _HALF - 1):
        beside = nodes.assign(cell=nodes["cell"] + step).merge(nodes, on=["name", "cell"])
        one.append(beside["node_x"].to_numpy())
        two.append(beside["node_y"].to_numpy())
    i, j = np.concatenate(one), np.concatenate(two)
    _, label = connected_components(coo_matrix((np.ones(len(i)), (i, j)), shape=(len(nodes), len(nodes))), False)
    nodes["label"] = label
    return pairs.merge(nodes, on=["name", "cell"], how="left")["label"].to_numpy(dtype=np.int64)
