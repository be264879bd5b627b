"""Every connected set of nodes that may be a grid, for graphs of at most 64 nodes.

A set of nodes is a uint64, node u its bit u. Sets grow from their lowest node; each node that was
tried is shut out for the sets that follow, so that every connected set is met exactly once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from gridgis.divide.partition.objective import cost_of, moved_of
from gridgis.divide.partition.problem import GAIN, SHARED, Floats, Graph, Rule

Masks = npt.NDArray[np.uint64]
WORD = 64
ONE = np.uint64(1)
NONE = np.uint64(0)


@njit(cache=True)
def neighbour_masks(graph: Graph) -> Masks:
    """The contacts of each node as a set, uint64[n]."""
    n = len(graph.size)
    near = np.zeros(n, np.uint64)
    for u in range(n):
        for at in range(graph.start[u], graph.reach[u]):
            near[u] |= ONE << np.uint64(graph.to[at])
    return near


@njit(cache=True)
def lowest(mask: np.uint64) -> int:
    """The lowest node of a set that is not empty."""
    u = 0
    if mask & np.uint64(0xFFFFFFFF) == NONE:
        mask >>= np.uint64(32)
        u += 32
    if mask & np.uint64(0xFFFF) == NONE:
        mask >>= np.uint64(16)
        u += 16
    if mask & np.uint64(0xFF) == NONE:
        mask >>= np.uint64(8)
        u += 8
    while mask & ONE == NONE:
        mask >>= ONE
        u += 1
    return u


@njit(cache=True)
def spread(seed: np.uint64, allowed: np.uint64, near: Masks) -> np.uint64:
    """The part of `allowed` that is connected with `seed` (a subset of it)."""
    out = seed
    edge = seed
    while edge != NONE:
        u = lowest(edge)
        edge &= ~(ONE << np.uint64(u))
        new = near[u] & allowed & ~out
        out |= new
        edge |= new
    return out


@njit(cache=True)
def weigh(mask: np.uint64, size: Floats) -> float:
    """Sum of `size` over a set."""
    total = 0.0
    while mask != NONE:
        u = lowest(mask)
        mask &= ~(ONE << np.uint64(u))
        total += size[u]
    return total


@njit(cache=True)
def shortfall(total: float, rule: Rule) -> float:
    """The least sum of deviations with which `total` can be shared by one grid or more."""
    k = np.floor(total / rule.high)
    above = total - k * rule.high if k >= 1.0 else np.inf
    return min(above, max((k + 1.0) * rule.low - total, 0.0))


@njit(cache=True)
def rest_within(rest: np.uint64, budget: float, near: Masks, size: Floats, rule: Rule) -> bool:
    """Whether the parts of `rest` can be divided with deviations of at most `budget`, by their sums."""
    while rest != NONE:
        part = spread(rest & (~rest + ONE), rest, near)
        rest &= ~part
        budget -= shortfall(weigh(part, size), rule)
        if budget < 0.0:
            return False
    return True


@njit(cache=True)
def connected_sets(graph: Graph, near: Masks, rule: Rule, slack: float, limit: int) -> tuple[Masks, Floats, bool]:
    """Every set that can stand in a division whose deviations beyond those of towers are <= `slack`.

    A tower is a node larger than `high`; what it exceeds `high` by is counted once and for all.
    Left out are sets whose rest cannot be divided within what they leave of `slack`, even by sums
    alone. Returned are the sets, their costs, and whether fewer than `limit` sets were visited:
    otherwise the list is not complete.
    """
    n = len(graph.size)
    clipped = np.minimum(graph.size, rule.high)
    everything = ~NONE if n == WORD else (ONE << np.uint64(n)) - ONE
    masks, costs = np.empty(1024, np.uint64), np.empty(1024)
    count, visits = 0, 0
    taken, open_, shut = np.zeros((3, n + 1), np.uint64)
    sums = np.zeros((n + 1, 6))  # clipped size, size, area, perimeter, inner, moved
    node = np.zeros(n + 1, np.int64)
    held = np.zeros(len(graph.earlier_size))
    for root in range(n):
        depth = 0
        open_[0] = ONE << np.uint64(root)
        shut[0] = (ONE << np.uint64(root)) - ONE
        while depth >= 0:
            if open_[depth] == NONE:
                if depth > 0:
                    _hold(graph, node[depth], -1.0, held)
                depth -= 1
                continue
            u = lowest(open_[depth])
            bit = ONE << np.uint64(u)
            open_[depth] &= ~bit
            before = shut[depth]
            shut[depth] |= bit
            if depth == 0:
                open_[0] = NONE
            if sums[depth, 0] + clipped[u] > rule.high + slack:
                continue
            visits += 1
            if visits > limit:
                return masks[:count], costs[:count], False
            _join(graph, rule, u, taken[depth], sums[depth], clipped, held, sums[depth + 1])
            mask = taken[depth] | bit
            depth += 1
            node[depth] = u
            taken[depth] = mask
            shut[depth] = before
            open_[depth] = (open_[depth - 1] | near[u]) & ~mask & ~before
            total = sums[depth, 0]
            left = slack - max(total - rule.high, rule.low - total, 0.0)
            if left >= 0.0 and rest_within(everything & ~mask, left, near, clipped, rule):
                if count == len(masks):
                    masks, costs = _doubled(masks), _doubled(costs)
                masks[count] = mask
                row = sums[depth]
                costs[count] = cost_of(row[1], row[2], row[3], row[4], row[5], rule)
                count += 1
    return masks[:count], costs[:count], True


@njit(cache=True)
def _join(
    graph: Graph, rule: Rule, u: int, taken: np.uint64, sums: Floats, clipped: Floats, held: Floats, out: Floats
) -> None:
    """Write into `out` the sums of a set that node `u` joins, and what it then holds into `held`."""
    out[0] = sums[0] + clipped[u]
    out[1] = sums[1] + graph.size[u]
    out[2] = sums[2] + graph.area[u]
    out[3] = sums[3] + graph.perimeter[u]
    out[4] = sums[4]
    for at in range(graph.start[u], graph.start[u + 1]):
        if taken >> np.uint64(graph.to[at]) & ONE != NONE:
            out[3] -= 2.0 * graph.pair[at, SHARED]
            out[4] += graph.pair[at, GAIN]
    _hold(graph, u, 1.0, held)
    out[5] = 0.0
    for e in range(len(held)):
        if held[e] > 0.0:
            out[5] += moved_of(held[e], graph.earlier_size[e], rule)


@njit(cache=True)
def _hold(graph: Graph, u: int, sign: float, held: Floats) -> None:
    for at in range(graph.was_start[u], graph.was_start[u + 1]):
        held[graph.was[at]] += sign * graph.was_size[at]


@njit(cache=True)
def _doubled(array):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    out = np.empty(2 * len(array), array.dtype)
    out[: len(array)] = array
    return out


@njit(cache=True)
def set_in_range(root: int, size: Floats, near: Masks, low: float, high: float, limit: int) -> np.uint64:
    """A connected set with node `root` and a size in the range; empty where none is.

    All nodes where the search did not end within `limit` visits, which proves nothing.
    """
    n = len(size)
    taken, open_, shut = np.zeros((3, n + 1), np.uint64)
    total = np.zeros(n + 1)
    taken[0] = ONE << np.uint64(root)
    open_[0] = near[root]
    shut[0] = taken[0]
    total[0] = size[root]
    if low <= total[0] <= high:
        return taken[0]
    depth, visits = 0, 0
    while depth >= 0:
        if open_[depth] == NONE:
            depth -= 1
            continue
        u = lowest(open_[depth])
        bit = ONE << np.uint64(u)
        open_[depth] &= ~bit
        before = shut[depth]
        shut[depth] |= bit
        if total[depth] + size[u] > high:
            continue
        visits += 1
        if visits > limit:
            return ~NONE
        depth += 1
        taken[depth] = taken[depth - 1] | bit
        total[depth] = total[depth - 1] + size[u]
        shut[depth] = before
        open_[depth] = (open_[depth - 1] | near[u]) & ~taken[depth] & ~before
        if total[depth] >= low:
            return taken[depth]
    return NONE
