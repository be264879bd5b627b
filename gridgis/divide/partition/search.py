"""A good division of a graph of any size: annealed from several starts, the grids met put together."""

from __future__ import annotations

import numpy as np

from gridgis.divide.partition.anneal import anneal, carved
from gridgis.divide.partition.cover import Columns, cover
from gridgis.divide.partition.objective import costs_of_grids
from gridgis.divide.partition.problem import GAIN, Graph, Ints, Rule
from gridgis.divide.partition.state import Pool, new_pool

STARTS = 8
STEPS = 500
"""Steps of annealing for each node and start."""
LEAST_STEPS = 20_000
HOT, COLD = 1.4, 0.35
"""Temperatures at first and last, times the mean gain of a pair and a twentieth of the compactness."""
AGAIN, WARMS, WARM = 1, 2, 0.7
MOST = 4
GAP=3e-4
ROWS = 60
"""Room of the pool for each node: grids."""
MEMBERS = 20


def search(graph: Graph, rule: Rule, *, seed: int, effort: int = 1, earlier: Ints | None = None) -> tuple[Ints, float]:
    """Labels of a division of a connected `graph`, and its cost without that of pairs apart.

    Parameters
    ----------
    earlier : int64[n], optional
        Labels of connected grids to start from as well.
    """
    n = len(graph.size)
    state = np.array([seed], np.uint64)
    scale = float(np.abs(graph.pair[:, GAIN]).mean()) + 0.05 * rule.compactness
    total = float(np.minimum(graph.size, rule.high).sum())
    grids = _counts(total, rule, n)
    slots = min(n, grids[-1] + 4) + 1
    pool = new_pool(ROWS * n * effort, ROWS * n * MEMBERS * effort)
    steps = max(STEPS * n, LEAST_STEPS) * effort
    starts = [carved(graph, rule, grids[i % len(grids)], state) for i in range(STARTS)]
    hot = [HOT * scale] * STARTS
    if earlier is not None:
        starts.append(earlier)
        hot.append(COLD * scale)
        slots = max(slots, int(earlier.max()) + 3)
    found = [
        anneal(graph, rule, label, slots, heat, COLD * scale, steps, pool, state)
        for label, heat in zip(starts, hot, strict=True)
    ]
    best = _combined(graph, rule, pool, found, effort=effort)
    for _ in range(AGAIN):
        found = [
            best, *(anneal(graph, rule, best[0], slots, WARM * scale, COLD * scale, steps, pool, state) for _ in range(WARMS))
        ]
        best = _combined(graph, rule, pool, found, effort=effort)
    return best


def _counts(total: float, rule: Rule, n: int) -> list[int]:
    """Numbers of grids to start with, ascending: the fewest that can be in range, and some more."""
    fewest = np.ceil(total / rule.high)
    between = (fewest + total / rule.target) / 2.0
    return sorted({int(np.clip(round(k), 1, n)) for k in (fewest, between)})


def _combined(
    graph: Graph, rule: Rule, pool: Pool, found: list[tuple[Ints, float]], *, effort: int
) -> tuple[Ints, float]:
    """The best choice among the grids of `pool` and of the divisions `found`."""
    n = len(graph.size)
    best = min(range(len(found)), key=lambda i: found[i][1])
    columns, known = _columns(graph, rule, pool, [label for label, _ in found], best)
    choice = cover(columns, n, known=known, most=MOST * n, gap=GAP, effort=effort)
    chosen = columns.take(choice.chosen)
    label = np.empty(n, np.int64)
    label[chosen.nodes] = np.repeat(np.arange(len(chosen)), np.diff(chosen.start))
    return label, choice.cost


def _columns(graph: Graph, rule: Rule, pool: Pool, labels: list[Ints], best: int) -> tuple[Columns, Ints]:
    """The pool and all grids of `labels` as columns, and which of them are those of `labels[best]`."""
    rows, filled = int(pool.used[0]), int(pool.used[1])
    lengths, nodes, cost = [np.diff(pool.start[: rows + 1])], [pool.nodes[:filled]], [pool.cost[:rows]]
    known = np.zeros(0, np.int64)
    for i, label in enumerate(labels):
        grid = np.unique(label, return_inverse=True)[1].reshape(-1)
        count = np.bincount(grid)
        if i == best:
            known = sum(map(len, cost)) + np.arange(len(count))
        lengths.append(count)
        nodes.append(np.argsort(grid, kind="stable"))
        cost.append(costs_of_grids(graph, grid, len(count), rule))
    start = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    return Columns(start, np.concatenate(nodes), np.concatenate(cost)), known
