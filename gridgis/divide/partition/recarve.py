"""The large move of annealing: neighbouring grids merged and carved anew along a spanning tree."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gridgis.divide.partition.objective import cost_of, moved_of
from gridgis.divide.partition.problem import GAIN, SHARED, Graph, Ints, Rule
from gridgis.divide.partition.state import (
    AREA,
    INNER,
    PERIMETER,
    SIZE,
    State,
    Words,
    add_sums,
    pick,
    relink,
    uniform,
    weigh_grid,
)
from gridgis.divide.partition.tree import Tree, carve

THREES = 0.3
"""Share of the moves that take three grids instead of two."""
TRIES = 8


@njit(cache=True)
def recarve(graph: Graph, rule: Rule, state: State, tree: Tree, heat: float, seed: Words) -> float:
    """Perhaps carve two or three neighbouring grids into as many, one less or one more: change of cost."""
    merged = _choose(graph, state, seed)
    if merged == 0:
        return 0.0
    total, old, m = 0.0, 0.0, 0
    for i in range(merged):
        g = state.changed[i]
        total += state.sums[g, SIZE]
        old += state.cost[g]
        m = _list_members(state, tree.region, m, g)
    parts = _how_many(rule, total, merged, seed)
    if parts > merged and not _find_free(state, merged):
        return 0.0
    region, change = tree.region[:m], np.inf
    if carve(graph, rule, tree, region, tree.part, parts, heat, seed):
        change = _cost_of_parts(graph, rule, tree, region, parts) - old
    accepted = change <= 0.0 or uniform(seed) < math.exp(-change / heat)
    if accepted:
        _relabel(graph, rule, state, tree, region, max(parts, merged))
    tree.part[region] = -1
    return change if accepted else 0.0


@njit(cache=True)
def _choose(graph: Graph, state: State, seed: Words) -> int:
    """Write two neighbouring grids, sometimes a third, into `changed`; how many, 0 where none were found."""
    state.changed[0] = state.label[pick(seed, len(state.label))]
    found = 1
    wanted = 3 if uniform(seed) < THREES else 2
    for _ in range(TRIES * wanted):
        h = _beside(graph, state, state.changed[pick(seed, found)], seed)
        if h >= 0 and h != state.changed[0] and (found == 1 or h != state.changed[1]):
            state.changed[found] = h
            found += 1
            if found == wanted:
                break
    return found if found > 1 else 0


@njit(cache=True)
def _beside(graph: Graph, state: State, g: int, seed: Words) -> int:
    """The grid of a random contact of a random member of `g`; -1 where that has no contact."""
    u = state.head[g]
    for _ in range(pick(seed, state.tally[g])):
        u = state.after[u]
    first, end = graph.start[u], graph.reach[u]
    return state.label[graph.to[first + pick(seed, end - first)]] if end > first else -1


@njit(cache=True)
def _list_members(state: State, region: Ints, m: int, g: int) -> int:
    u = state.head[g]
    while u >= 0:
        region[m] = u
        m += 1
        u = state.after[u]
    return m


@njit(cache=True)
def _how_many(rule: Rule, total: float, merged: int, seed: Words) -> int:
    """As many parts as before, or one less or more where those could be in range."""
    fewer = (merged - 1) * rule.low <= total <= (merged - 1) * rule.high
    more = (merged + 1) * rule.low <= total <= (merged + 1) * rule.high
    same = merged * rule.low <= total <= merged * rule.high
    chance = uniform(seed)
    if fewer and (chance < 0.3 or not (same or more)):
        return merged - 1
    if more and (chance > 0.7 or not (same or fewer)):
        return merged + 1
    return merged


@njit(cache=True)
def _find_free(state: State, at: int) -> bool:
    """Write a slot without members into `changed[at]`."""
    for g in range(len(state.head)):
        if state.tally[g] == 0:
            state.changed[at] = g
            return True
    return False


@njit(cache=True)
def _cost_of_parts(graph: Graph, rule: Rule, tree: Tree, region: Ints, parts: int) -> float:
    """Cost of the parts 0..parts-1 of `region`."""
    start, to, pair, part = graph.start, graph.to, graph.pair, tree.part
    earlier = len(graph.earlier_size)
    sums, held = np.zeros((parts, 5)), np.zeros((parts, earlier))
    for u in region:
        k = part[u]
        sums[k, SIZE] += graph.size[u]
        sums[k, AREA] += graph.area[u]
        sums[k, PERIMETER] += graph.perimeter[u]
        for at in range(start[u], start[u + 1]):
            if part[to[at]] == k:
                sums[k, PERIMETER] -= pair[at, SHARED]
                sums[k, INNER] += 0.5 * pair[at, GAIN]
        for at in range(graph.was_start[u], graph.was_start[u + 1]):
            held[k, graph.was[at]] += graph.was_size[at]
    total = 0.0
    for k in range(parts):
        moved = 0.0
        for e in range(earlier):
            moved += moved_of(held[k, e], graph.earlier_size[e], rule)
        total += cost_of(sums[k, SIZE], sums[k, AREA], sums[k, PERIMETER], sums[k, INNER], moved, rule)
    return total


@njit(cache=True)
def _relabel(graph: Graph, rule: Rule, state: State, tree: Tree, region: Ints, grids: int) -> None:
    """Make the parts of `region` the grids `changed[:grids]`."""
    for u in region:
        relink(state, u, state.changed[tree.part[u]])
    for i in range(grids):
        state.sums[state.changed[i]] = 0.0
        state.held[state.changed[i]] = 0.0
    for u in region:
        add_sums(graph, state, u, state.label[u])
    for i in range(grids):
        weigh_grid(graph, state, state.changed[i], rule)
