"""A good division of a graph of any size: annealed from several starts, the grids met put together."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from gridgis.divide.partition.anneal import anneal, carved
from gridgis.divide.partition.cover import Columns, cover
from gridgis.divide.partition.objective import costs_of_grids
from gridgis.divide.partition.problem import GAIN, LOCKED, Graph, Ints, Refuse, Rule
from gridgis.divide.partition.reduce import earlier_grids
from gridgis.divide.partition.state import Pool, new_pool

STARTS = 8
STEPS = 500
"""Steps of annealing for each node and start."""
LEAST_STEPS = 40_000
HOT, WARM, COLD = 1.4, 0.7, 0.35
"""Temperatures of the first step, of the first step from an earlier division, and of the last: times
the mean gain of a pair and a twentieth of the weight of compactness."""
ROWS, MEMBERS = 60, 20
"""Room of the pool: grids for each node, members for each grid."""
MOST_REFUSED = 16
"""Times the grids met are put together again after some were refused."""
WINDOW = 300
"""Nodes among which the grids met are put together at once."""
MOST, GAP = 4, 3e-4
"""Grids for each node, and share of the cost left, when the grids met are put together."""


def search(graph: Graph, rule: Rule, *, seed: int, refuse: Refuse | None = None, effort: int = 1) -> tuple[Ints, float]:
    """Labels of a division of a connected `graph`, and its cost without that of pairs apart.

    Where the graph knows earlier grids, they are the start of two of the annealings. A grid that is refused costs
    as much as a household out of range more.
    """
    n = len(graph.size)
    state = np.array([seed], np.uint64)
    gains = np.abs(graph.pair[:, GAIN])
    gains = gains[gains < LOCKED / 2]
    scale = float(gains.sum()) / max(len(gains), 1) + 0.05 * rule.compactness
    grids = _counts(float(np.minimum(graph.size, rule.high).sum()), rule, n)
    starts = [(carved(graph, rule, grids[i % len(grids)], state), HOT) for i in range(STARTS)]
    if len(graph.was):
        before = earlier_grids(graph)
        starts[:2] = [(before, COLD), (before, WARM)]
    slots = max(grids[-1] + 4, *(int(label.max()) + 3 for label, _ in starts))
    steps = max(STEPS * n, LEAST_STEPS) * effort
    pool = new_pool(ROWS * n * effort, ROWS * n * MEMBERS * effort)
    found = [anneal(graph, rule, label, slots, hot * scale, COLD * scale, steps, pool, state) for label, hot in starts]
    return _combined(graph, rule, pool, found, refuse=refuse, effort=effort)


def _counts(total: float, rule: Rule, n: int) -> list[int]:
    """Numbers of grids to start with, ascending: the fewest that can be in range, and some more."""
    fewest = np.ceil(total / rule.high)
    between = (fewest + total / rule.target) / 2.0
    return sorted({int(np.clip(round(k), 1, n)) for k in (fewest, between)})


def _combined(
    graph: Graph, rule: Rule, pool: Pool, found: list[tuple[Ints, float]], *, refuse: Refuse | None, effort: int
) -> tuple[Ints, float]:
    """The best choice among the grids of `pool` and of the divisions `found`, window by window."""
    best = min(range(len(found)), key=lambda i: found[i][1])
    columns, chosen = _columns(graph, rule, pool, [label for label, _ in found], best)

    @cache
    def refused(column: int) -> bool:
        return refuse is not None and refuse(np.sort(columns.of(column)))

    done = np.zeros(len(chosen), bool)
    while not done.all():
        core, nodes = _window(graph, chosen, int(np.argmin(done)))
        chosen[nodes] = _chosen_in(columns, chosen, nodes, rule, refuse=refused, effort=effort)
        done[core] = True
    taken = np.unique(chosen)
    cost = float(columns.cost[taken].sum()) + rule.out_of_range * sum(refused(int(j)) for j in taken)
    return np.unique(chosen, return_inverse=True)[1].reshape(-1), cost


def _window(graph: Graph, chosen: Ints, centre: int) -> tuple[Ints, Ints]:
    """Nodes of the grids around that of `centre`: of the nearer half of them, and of all of them.

    Grids are taken in the order in which they are reached, as long as there is room for them whole.
    """
    label = np.unique(chosen, return_inverse=True)[1].reshape(-1)
    room = np.bincount(label)
    taken, nodes, at = [int(label[centre])], int(room[label[centre]]), 0
    while at < len(taken):
        for u in np.flatnonzero(label == taken[at]):
            for g in label[graph.to[graph.start[u] : graph.reach[u]]].tolist():
                if g not in taken and nodes + room[g] <= WINDOW:
                    taken.append(g)
                    nodes += int(room[g])
        at += 1
    near = taken if len(taken) == len(room) else taken[: (len(taken) + 1) // 2]
    return np.flatnonzero(np.isin(label, near)), np.flatnonzero(np.isin(label, taken))


def _chosen_in(
    columns: Columns, chosen: Ints, nodes: Ints, rule: Rule, *, refuse: Callable[[int], bool], effort: int
) -> Ints:
    """The column of each of `nodes` after the best choice of those that lie in them whole.

    A column of it that is refused costs more from then on, and the best choice is sought again, until nothing new
    is refused; the best that was met counts, by its cost with that of all refused.
    """
    place = np.full(len(chosen), -1, np.int64)
    place[nodes] = np.arange(len(nodes))
    inside = np.flatnonzero(np.logical_and.reduceat(place[columns.nodes] >= 0, columns.start[:-1]))
    some = columns.take(inside)
    some = Columns(some.start, place[some.nodes], some.cost.copy())
    best = picked = np.searchsorted(inside, np.unique(chosen[nodes]))
    for _ in range(MOST_REFUSED):
        choice = cover(some, len(nodes), known=best, most=MOST * len(nodes), gap=GAP, effort=effort)
        picked = choice.chosen
        fresh = [j for j in picked.tolist() if some.cost[j] == columns.cost[inside[j]] and refuse(int(inside[j]))]
        some.cost[fresh] += rule.out_of_range
        best = min(picked, best, key=lambda one: float(some.cost[one].sum()))
        if not fresh:
            break
    grids = some.take(best)
    out = np.empty(len(nodes), np.int64)
    out[grids.nodes] = np.repeat(inside[best], np.diff(grids.start))
    return out


def _columns(graph: Graph, rule: Rule, pool: Pool, labels: list[Ints], best: int) -> tuple[Columns, Ints]:
    """The pool and all grids of `labels` as columns, and for each node the one that `labels[best]` has it in.

    Of columns with the same nodes the first is kept; those over a locked border are left out, if `best` has none.
    """
    rows, filled = int(pool.used[0]), int(pool.used[1])
    lengths, nodes, cost = [np.diff(pool.start[: rows + 1])], [pool.nodes[:filled]], [pool.cost[:rows]]
    chosen = np.zeros(0, np.int64)
    for i, label in enumerate(labels):
        grid = np.unique(label, return_inverse=True)[1].reshape(-1)
        count = np.bincount(grid)
        if i == best:
            chosen = sum(map(len, cost)) + grid
        lengths.append(count)
        nodes.append(np.argsort(grid, kind="stable"))
        cost.append(costs_of_grids(graph, grid, len(count), rule))
    start = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    every = Columns(start, np.concatenate(nodes), np.concatenate(cost))
    first: dict[bytes, int] = {}
    same = np.array([first.setdefault(np.sort(every.of(j)).tobytes(), len(first)) for j in range(len(every))])
    first_of, column = np.unique(same, return_index=True)[1], same[chosen]
    may = every.cost[first_of] < LOCKED / 2
    may[column] = True
    return every.take(first_of[may]), (np.cumsum(may) - 1)[column]
