"""Simulated annealing of a division: nodes flip across borders, grids are merged and carved anew.

The weight of the range rises while the temperature falls, so that a division may pass through
states out of range while it is hot. All lengths are counted in steps.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gridgis.divide.partition.objective import cost_of, deviation, moved_of
from gridgis.divide.partition.problem import GAIN, SHARED, Floats, Graph, Ints, Rule
from gridgis.divide.partition.recarve import recarve
from gridgis.divide.partition.state import (
    AREA,
    INNER,
    MOVED,
    PERIMETER,
    SIZE,
    Pool,
    State,
    Words,
    keep,
    new_state,
    pick,
    relink,
    set_labels,
    uniform,
    weigh_all,
)
from gridgis.divide.partition.tree import carve, new_tree

STAGES = 40
FLIPS = 200
"""Flips tried after each carving."""


@njit(cache=True)
def carved(graph: Graph, rule: Rule, grids: int, seed: Words) -> Ints:
    """A first division of a connected graph into (at most) that many grids, int64[n]."""
    part = np.zeros(len(graph.size), np.int64)
    tree = new_tree(graph)
    carve(graph, rule, tree, np.arange(len(part)), part, min(grids, len(part)), 0.0, seed)
    return part


@njit(cache=True)
def anneal(
    graph: Graph, rule: Rule, label: Ints, slots: int, hot: float, cold: float, steps: int, pool: Pool, seed: Words
) -> tuple[Ints, float]:
    """The best division met from `label` on while cooling from `hot` to `cold`, and its cost.

    `slots` is the largest number of grids at a time. Grids in range that are met in the colder half
    go into `pool`.
    """
    state, tree = new_state(graph, slots, seed), new_tree(graph)
    set_labels(graph, state, label, rule)
    best, least = label.copy(), state.cost.sum()
    for stage in range(STAGES):
        share = stage / (STAGES - 1)
        heat = hot * (cold / hot) ** share
        soft = _softened(rule, share)
        weigh_all(graph, state, soft)
        now = state.cost.sum()
        for _ in range(max(steps // (STAGES * FLIPS), 1)):
            now += recarve(graph, soft, state, tree, heat, seed)
            now += flips(graph, soft, state, heat, FLIPS, seed)
            if 2 * stage >= STAGES:
                _remember(state, pool, rule)
                if now < least - 1e-9:
                    true = now + (rule.out_of_range - soft.out_of_range) * _deviations(state, rule)
                    if true < least - 1e-9:
                        least = true
                        best[:] = state.label
    return best, least


@njit(cache=True)
def _softened(rule: Rule, share: float) -> Rule:
    """The rule with the weight of the range grown from a fraction to the whole at 0.6 of the way."""
    weight = rule.out_of_range * 0.002 ** max(1.0 - share / 0.6, 0.0)
    return Rule(rule.low, rule.high, rule.target, weight, rule.off_target, rule.compactness, rule.moved)


@njit(cache=True)
def _deviations(state: State, rule: Rule) -> float:
    total = 0.0
    for g in range(len(state.head)):
        if state.tally[g] > 0:
            total += deviation(state.sums[g, SIZE], rule)
    return total


@njit(cache=True)
def _remember(state: State, pool: Pool, rule: Rule) -> None:
    """Keep the grids in range that have changed since the last time."""
    fresh, sums = state.fresh, state.sums
    for g in range(len(fresh)):
        if fresh[g]:
            fresh[g] = False
            if rule.low <= sums[g, SIZE] <= rule.high and state.tally[g] > 0:
                keep(pool, state, g, state.cost[g])


@njit(cache=True)
def flips(graph: Graph, rule: Rule, state: State, heat: float, steps: int, seed: Words) -> float:
    """Try that many random moves of a node across a border; what the cost has changed by.

    Arrays are taken out of the tuples once: a tuple costs more to hand on than a move to reckon.
    """
    start, reach, to, pair = graph.start, graph.reach, graph.to, graph.pair
    size, area, perimeter = graph.size, graph.area, graph.perimeter
    label, tally, sums, cost = state.label, state.tally, state.sums, state.cost
    mark, queue, earlier = state.mark, state.queue, len(graph.earlier_size) > 0
    total = 0.0
    for _ in range(steps):
        u = pick(seed, len(label))
        if reach[u] == start[u]:
            continue
        g, h = label[u], label[to[start[u] + pick(seed, reach[u] - start[u])]]
        if g == h:
            continue
        shared_g, gain_g, shared_h, gain_h = _ties(start, to, pair, label, u, g, h)
        moved_g, moved_h = _moved(graph, rule, state, u, g, h) if earlier else (0.0, 0.0)
        new_g = 0.0
        if tally[g] > 1:
            new_g = cost_of(
                sums[g, SIZE] - size[u],
                sums[g, AREA] - area[u],
                sums[g, PERIMETER] - perimeter[u] + 2.0 * shared_g,
                sums[g, INNER] - gain_g,
                sums[g, MOVED] + moved_g,
                rule,
            )
        new_h = cost_of(
            sums[h, SIZE] + size[u],
            sums[h, AREA] + area[u],
            sums[h, PERIMETER] + perimeter[u] - 2.0 * shared_h,
            sums[h, INNER] + gain_h,
            sums[h, MOVED] + moved_h,
            rule,
        )
        change = new_g + new_h - cost[g] - cost[h]
        if change > 0.0 and uniform(seed) >= math.exp(-change / heat):
            continue
        if not _stays_whole(start, reach, to, label, mark, queue, u):
            continue
        total += change
        cost[g], cost[h] = new_g, new_h
        _shift(sums, g, -1.0, size[u], area[u], perimeter[u] - 2.0 * shared_g, gain_g, moved_g)
        _shift(sums, h, 1.0, size[u], area[u], perimeter[u] - 2.0 * shared_h, gain_h, moved_h)
        relink(state, u, h)
        if earlier:
            _hold(graph, state, u, g, h)
    return total


@njit(cache=True)
def _ties(
    start: Ints, to: Ints, pair: Floats, label: Ints, u: int, g: int, h: int
) -> tuple[float, float, float, float]:
    """Border and gain that node `u` shares with grid `g`, then with grid `h`."""
    shared_g, gain_g, shared_h, gain_h = 0.0, 0.0, 0.0, 0.0
    for at in range(start[u], start[u + 1]):
        grid = label[to[at]]
        if grid == g:
            shared_g += pair[at, SHARED]
            gain_g += pair[at, GAIN]
        elif grid == h:
            shared_h += pair[at, SHARED]
            gain_h += pair[at, GAIN]
    return shared_g, gain_g, shared_h, gain_h


@njit(cache=True)
def _shift(
    sums: Floats, g: int, sign: float, size: float, area: float, perimeter: float, gain: float, moved: float
) -> None:
    sums[g, SIZE] += sign * size
    sums[g, AREA] += sign * area
    sums[g, PERIMETER] += sign * perimeter
    sums[g, INNER] += sign * gain
    sums[g, MOVED] += moved


@njit(cache=True)
def _moved(graph: Graph, rule: Rule, state: State, u: int, g: int, h: int) -> tuple[float, float]:
    """Change of the cost of households moved, of `g` that node `u` leaves and of `h` that it joins."""
    left, joined = 0.0, 0.0
    for at in range(graph.was_start[u], graph.was_start[u + 1]):
        e, part = graph.was[at], graph.was_size[at]
        whole = graph.earlier_size[e]
        left += moved_of(state.held[g, e] - part, whole, rule) - moved_of(state.held[g, e], whole, rule)
        joined += moved_of(state.held[h, e] + part, whole, rule) - moved_of(state.held[h, e], whole, rule)
    return left, joined


@njit(cache=True)
def _hold(graph: Graph, state: State, u: int, g: int, h: int) -> None:
    for at in range(graph.was_start[u], graph.was_start[u + 1]):
        state.held[g, graph.was[at]] -= graph.was_size[at]
        state.held[h, graph.was[at]] += graph.was_size[at]


@njit(cache=True)
def _stays_whole(start: Ints, reach: Ints, to: Ints, label: Ints, mark: Ints, queue: Ints, u: int) -> bool:
    """Whether the grid of `u` stays connected without it; `mark` is -1 everywhere, before and after."""
    g, ends = label[u], 0
    for at in range(start[u], reach[u]):
        v = to[at]
        if label[v] == g:
            ends += 1
            mark[v] = -2
            queue[0] = v
    found = ends
    if ends > 1:
        found = 1
        mark[u] = mark[queue[0]] = u
        head, tail = 0, 1
        while head < tail and found < ends:
            a = queue[head]
            head += 1
            for at in range(start[a], reach[a]):
                b = to[at]
                if label[b] == g and mark[b] != u:
                    found += mark[b] == -2
                    mark[b] = u
                    queue[tail] = b
                    tail += 1
        for i in range(tail):
            mark[queue[i]] = -1
        mark[u] = -1
    for at in range(start[u], reach[u]):
        mark[to[at]] = -1
    return found == ends
