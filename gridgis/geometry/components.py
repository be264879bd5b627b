"""Connected components, with labels in the order of their first member."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridgis.geometry.noding import Floats, Ints


def components(n: int, pairs: Ints) -> Ints:
    """Label of the component of each of `n` nodes joined by `pairs` (k, 2).

    Labels run from 0 in the order of the first node of each component.
    """
    if not len(pairs):
        return np.arange(n, dtype=np.int64)
    ones = np.ones(len(pairs), dtype=np.int8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    return relabel(label.astype(np.int64))


def relabel(label: Ints) -> Ints:
    """The same classes, numbered from 0 in the order of their first member."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse]


def sums(label: Ints, values: Floats, n: int | None = None) -> Floats:
    """Sum of `values` by label 0..n-1."""
    return np.asarray(np.bincount(label, values, 0 if n is None else n), dtype=np.float64)
