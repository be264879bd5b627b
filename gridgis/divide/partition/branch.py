"""Set partition of at most 64 nodes by branch and bound: the exact way for small graphs.

A dual price for each node, such that no set costs less than the prices of its nodes add up to,
bounds every completion: what is not covered yet costs at least its prices. Sets are tried in the
order of what they cost above that, grouped by their lowest node, which is always the next to cover.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridgis.divide.partition.problem import Floats, Ints
from gridgis.divide.partition.subsets import NONE, ONE, WORD, Masks, lowest

ROUNDS = 12
TOLERANCE = 1e-7


@njit(cache=True)
def prices(start: Ints, nodes: Ints, cost: Floats, n: int) -> Floats:
    """Feasible dual prices of the nodes, float64[n], raised by a few subgradient steps.

    Sets are rows of `nodes` by `start`; the first prices are the least share of any set.
    """
    price = np.full(n, np.inf)
    for j in range(len(cost)):
        share = cost[j] / (start[j + 1] - start[j])
        for at in range(start[j], start[j + 1]):
            price[nodes[at]] = min(price[nodes[at]], share)
    price[np.isinf(price)] = 0.0
    price = _feasible(start, nodes, cost, price)
    best, step = price.copy(), 0.05
    for _ in range(ROUNDS):
        slope = np.ones(n)
        for j in range(len(cost)):
            if _above(start, nodes, cost, price, j) <= 1e-9:
                for at in range(start[j], start[j + 1]):
                    slope[nodes[at]] -= 1.0
        norm = (slope * slope).sum()
        if norm == 0.0:
            break
        price = _feasible(start, nodes, cost, price + slope * (step * np.abs(price).sum() / norm))
        if price.sum() > best.sum() + 1e-9:
            best = price.copy()
        else:
            step *= 0.7
    return best


@njit(cache=True)
def _above(start: Ints, nodes: Ints, cost: Floats, price: Floats, j: int) -> float:
    out = cost[j]
    for at in range(start[j], start[j + 1]):
        out -= price[nodes[at]]
    return out


@njit(cache=True)
def _feasible(start: Ints, nodes: Ints, cost: Floats, price: Floats) -> Floats:
    """`price` lowered where a set is overcharged, then raised node by node as far as all sets allow."""
    n = len(price)
    lower = np.zeros(n)
    for j in range(len(cost)):
        excess = -_above(start, nodes, cost, price, j) / (start[j + 1] - start[j])
        for at in range(start[j], start[j + 1]):
            lower[nodes[at]] = max(lower[nodes[at]], excess)
    out = price - lower
    slack = np.empty(len(cost))
    least = np.full(n, np.inf)
    for j in range(len(cost)):
        slack[j] = _above(start, nodes, cost, out, j)
        for at in range(start[j], start[j + 1]):
            least[nodes[at]] = min(least[nodes[at]], slack[j] / (start[j + 1] - start[j]))
    for u in range(n):
        if least[u] < np.inf:
            out[u] += least[u]
    return out


@njit(cache=True)
def branch(masks: Masks, cost: Floats, price: Floats, ceiling: float, limit: int) -> tuple[Ints, float, bool]:
    """The cheapest choice of disjoint sets that cover all nodes, as ascending indices, and its cost.

    `ceiling` is a cost that is reached already: only what is cheaper is sought. An empty choice
    says that there is none. The last value tells whether the search ended within `limit` steps and
    so proves its answer.
    """
    n = len(price)
    floor = price.sum()
    top = ceiling - floor - TOLERANCE
    above = np.empty(len(masks))
    for j in range(len(masks)):
        above[j] = cost[j]
        rest = masks[j]
        while rest != NONE:
            above[j] -= price[lowest(rest)]
            rest &= rest - ONE
    some = np.flatnonzero(above < top)
    order = some[np.argsort(above[some], kind="mergesort")]
    first, row = _grouped(masks, order, n)
    everything = ~NONE if n == WORD else (ONE << np.uint64(n)) - ONE
    chosen = np.full(n, -1)
    best = chosen[:0].copy()
    covered, paid, at = np.zeros(n + 1, np.uint64), np.zeros(n + 1), np.zeros(n + 1, np.int64)
    depth, steps = 0, 0
    while depth >= 0:
        end = first[lowest(~covered[depth]) + 1]
        if at[depth] >= end or paid[depth] + above[row[at[depth]]] >= top:
            depth -= 1
            continue
        j = row[at[depth]]
        at[depth] += 1
        steps += 1
        if steps > limit:
            return best, top + floor + TOLERANCE, False
        if masks[j] & covered[depth] != NONE:
            continue
        chosen[depth] = j
        covered[depth + 1] = covered[depth] | masks[j]
        paid[depth + 1] = paid[depth] + above[j]
        if covered[depth + 1] == everything:
            best, top = np.sort(chosen[: depth + 1]), paid[depth + 1] - TOLERANCE
            continue
        depth += 1
        at[depth] = first[lowest(~covered[depth])]
    return best, top + floor + TOLERANCE, True


@njit(cache=True)
def _grouped(masks: Masks, order: Ints, n: int) -> tuple[Ints, Ints]:
    """Sets by lowest node, in the order given within each: starts int64[n + 1] and rows."""
    first = np.zeros(n + 1, np.int64)
    for j in order:
        first[lowest(masks[j]) + 1] += 1
    first = np.cumsum(first)
    row = np.empty(len(order), np.int64)
    place = first.copy()
    for j in order:
        u = lowest(masks[j])
        row[place[u]] = j
        place[u] += 1
    return first, row
