"""Regions carved into connected parts along random spanning trees (the idea of ReCom)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from gridgis.divide.partition.objective import cost_of
from gridgis.divide.partition.problem import GAIN, SHARED, Floats, Graph, Ints, Rule
from gridgis.divide.partition.state import Words, pick, uniform


class Tree(NamedTuple):
    """Scratch for one spanning tree; rows by the place at which a node joined it.

    `place` int64[n], -1 outside the region; `node`, `parent` int64[n]; `sums` float64[n, 7]: size,
    area, perimeter, shared and gain of the pairs inside, shared and gain of all pairs in the region,
    each of a node's whole subtree; `edge_from`, `edge_at` int64[pairs]: the frontier;
    `region`, `part` int64[n]: for whoever carves.
    """

    place: Ints
    node: Ints
    parent: Ints
    sums: Floats
    edge_from: Ints
    edge_at: Ints
    region: Ints
    part: Ints


@njit(cache=True)
def new_tree(graph: Graph) -> Tree:
    """Scratch for any region of `graph`."""
    n, pairs = len(graph.size), len(graph.to)
    return Tree(
        np.full(n, -1),
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty((n, 7)),
        np.empty(pairs, np.int64),
        np.empty(pairs, np.int64),
        np.empty(n, np.int64),
        np.full(n, -1),
    )


@njit(cache=True)
def carve(graph: Graph, rule: Rule, tree: Tree, region: Ints, part: Ints, parts: int, heat: float, seed: Words) -> bool:
    """Divide the connected nodes `region` into connected parts 0..parts-1, written into `part`.

    `part` is int64[n], and negative outside the region. Each part is cut off a spanning tree of what
    is left, by cost with noise of the temperature `heat`. False where the region has too few nodes.
    """
    part[region] = 0
    for last in range(parts - 1, 0, -1):
        m = grow(graph, tree, region, part, seed)
        if m <= last:
            _forget(tree, m)
            return False
        add_up(graph, tree, m)
        root, inner = choose_cut(rule, tree, m, last, heat, seed)
        mark_subtree(tree, m, root)
        for i in range(m):
            if (tree.sums[i, 0] > 0.0) == inner:
                part[tree.node[i]] = last
        _forget(tree, m)
    return True


@njit(cache=True)
def _forget(tree: Tree, m: int) -> None:
    for i in range(m):
        tree.place[tree.node[i]] = -1


@njit(cache=True)
def grow(graph: Graph, tree: Tree, region: Ints, part: Ints, seed: Words) -> int:
    """A random spanning tree of the nodes of `region` with `part` 0; their number.

    The tree grows by frontier pairs drawn at random, of two the one that costs more to separate.
    """
    start, reach, to, pair = graph.start, graph.reach, graph.to, graph.pair
    node, above, place, edge_from, edge_at = tree.node, tree.parent, tree.place, tree.edge_from, tree.edge_at
    total = 0
    for u in region:
        if part[u] == 0:
            node[total] = u
            total += 1
    root = node[pick(seed, total)]
    m, edges = 0, 0
    u, parent = root, -1
    while True:
        node[m] = u
        above[m] = parent
        place[u] = m
        for at in range(start[u], reach[u]):
            v = to[at]
            if part[v] == 0 and place[v] < 0:
                edge_from[edges] = m
                edge_at[edges] = at
                edges += 1
        m += 1
        while True:
            if edges == 0:
                return m
            k = pick(seed, edges)
            other = pick(seed, edges)
            if pair[edge_at[other], GAIN] < pair[edge_at[k], GAIN]:
                k = other
            at, parent = edge_at[k], edge_from[k]
            edges -= 1
            edge_at[k] = edge_at[edges]
            edge_from[k] = edge_from[edges]
            u = to[at]
            if place[u] < 0:
                break


@njit(cache=True)
def add_up(graph: Graph, tree: Tree, m: int) -> None:
    """Sums of every subtree; a pair lies inside the subtrees that hold its nearest common ancestor."""
    start, to, pair = graph.start, graph.to, graph.pair
    sums, parent, place, node = tree.sums, tree.parent, tree.place, tree.node
    for i in range(m):
        u = node[i]
        sums[i, 0] = graph.size[u]
        sums[i, 1] = graph.area[u]
        sums[i, 2] = graph.perimeter[u]
        sums[i, 3:] = 0.0
    for i in range(m):
        u = node[i]
        for at in range(start[u], start[u + 1]):
            a, b = i, place[to[at]]
            if b < 0:
                continue
            sums[i, 5] += pair[at, SHARED]
            sums[i, 6] += pair[at, GAIN]
            if b < a:
                while a != b:
                    if a > b:
                        a = parent[a]
                    else:
                        b = parent[b]
                sums[a, 3] += pair[at, SHARED]
                sums[a, 4] += pair[at, GAIN]
    for i in range(m - 1, 0, -1):
        for k in range(7):
            sums[parent[i], k] += sums[i, k]


@njit(cache=True)
def choose_cut(rule: Rule, tree: Tree, m: int, last: int, heat: float, seed: Words) -> tuple[int, bool]:
    """Where to cut off one part when `last` are to remain: root of a subtree, and whether it is the part."""
    sums = tree.sums
    whole = sums[0]
    best, root, inner = np.inf, 1, True
    for i in range(1, m):
        sub = sums[i]
        crossing = sub[5] - 2.0 * sub[3]
        gain = sub[6] - 2.0 * sub[4]
        rest_perimeter = whole[2] - sub[2] - 2.0 * (whole[3] - sub[3] - crossing)
        perimeter = sub[2] - 2.0 * sub[3]
        rest_inner = whole[4] - sub[4] - gain
        for side in range(2 if last > 1 else 1):
            if side == 0:
                cost = cost_of(sub[0], sub[1], perimeter, sub[4], 0.0, rule)
                cost += _cost_of_many(whole[0] - sub[0], whole[1] - sub[1], rest_perimeter, rest_inner, last, rule)
            else:
                cost = cost_of(whole[0] - sub[0], whole[1] - sub[1], rest_perimeter, rest_inner, 0.0, rule)
                cost += _cost_of_many(sub[0], sub[1], perimeter, sub[4], last, rule)
            if heat > 0.0:
                cost += heat * math.log(-math.log(uniform(seed) + 1e-300) + 1e-300)
            if cost < best:
                best, root, inner = cost, i, side == 0
    return root, inner


@njit(cache=True)
def _cost_of_many(size: float, area: float, perimeter: float, inner: float, grids: int, rule: Rule) -> float:
    """Cost of a region that is still to be divided into that many grids, by its sums."""
    each = size / grids
    cost = cost_of(each, area, perimeter, inner, 0.0, rule)
    off = (each - rule.target) / rule.target
    dev = max(each - rule.high, rule.low - each, 0.0)
    return cost + (grids - 1) * (rule.off_target * off * off + rule.out_of_range * dev)


@njit(cache=True)
def mark_subtree(tree: Tree, m: int, root: int) -> None:
    """Write 1 into the first sum of the nodes in the subtree of `root`, and 0 elsewhere."""
    sums = tree.sums
    sums[0, 0] = 0.0
    for i in range(1, m):
        sums[i, 0] = 1.0 if i == root else sums[tree.parent[i], 0]
