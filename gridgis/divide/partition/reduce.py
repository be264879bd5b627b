"""From a problem to graphs: frozen grids taken out, linked atoms contracted, parts set apart."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridgis.divide.partition.problem import LOCKED, Bools, Floats, Graph, Ints, Problem


def reduce(problem: Problem) -> tuple[Graph, Ints]:
    """The graph of what is free in `problem`, and the node of each atom (-1: frozen).

    Nodes are numbered by their first atom. Costs that no division can change (inside a node,
    along a frozen grid) are left out.
    """
    node = _nodes(problem)
    nodes = int(node.max()) + 1 if len(node) else 0
    free = node >= 0
    where = node[free]
    size, area, perimeter = (
        np.bincount(where, x[free], minlength=nodes).astype(np.float64)
        for x in (problem.size, problem.area_m2, problem.perimeter_m)
    )
    pairs, contact, shared, gain = _pairs(problem)
    ends = node[pairs]
    inside = (ends[:, 0] == ends[:, 1]) & (ends[:, 0] >= 0)
    if inside.any():
        perimeter = perimeter - 2.0 * np.bincount(ends[inside, 0], shared[inside], minlength=nodes)
    between = (ends[:, 0] != ends[:, 1]) & (ends >= 0).all(axis=1)
    rows = _rows(ends[between], contact[between], shared[between], gain[between], nodes)
    return Graph(size, area, perimeter, *rows, *_earlier(problem, node, nodes)), node


def _nodes(problem: Problem) -> Ints:
    free = problem.frozen < 0
    if free.all() and not len(problem.must_link):
        return np.arange(problem.atoms)
    links = problem.must_link[free[problem.must_link].all(axis=1)]
    root = _roots(problem.atoms, np.ascontiguousarray(links))
    node = np.full(problem.atoms, -1, np.int64)
    node[free] = np.unique(root[free], return_inverse=True)[1].reshape(-1)
    return node


@njit(cache=True)
def _roots(n: int, links: Ints) -> Ints:
    """The smallest atom linked with each atom."""
    root = np.arange(n)
    changed = True
    while changed:
        changed = False
        for k in range(len(links)):
            a, b = root[links[k, 0]], root[links[k, 1]]
            if a != b:
                root[links[k, 0]] = root[links[k, 1]] = min(a, b)
                changed = True
    return root


def _pairs(problem: Problem) -> tuple[Ints, Bools, Floats, Floats]:
    contact = np.zeros(len(problem.edges) + len(problem.touches), np.bool_)
    contact[: len(problem.edges)] = True
    pairs = np.concatenate([problem.edges, problem.touches])
    locked = np.zeros(len(pairs), np.bool_)
    if len(problem.cut):
        n = problem.atoms
        locked = np.isin(pairs[:, 0] * n + pairs[:, 1], problem.cut[:, 0] * n + problem.cut[:, 1])
        contact &= ~locked
    shared = np.concatenate([problem.shared_m, problem.touch_shared_m])
    gain = np.concatenate([problem.keep_cost - problem.cut_cost, problem.touch_keep_cost - problem.touch_cut_cost])
    return pairs, contact, shared, np.where(locked, LOCKED, gain)


def _rows(ends: Ints, contact: Bools, shared: Floats, gain: Floats, nodes: int) -> tuple[Ints, Ints, Ints, Floats]:
    """Both directions of every pair in rows by node, parallel pairs made one, contacts first."""
    key = np.concatenate([ends[:, 0] * nodes + ends[:, 1], ends[:, 1] * nodes + ends[:, 0]])
    order = np.argsort(key, kind="stable")
    key = key[order]
    contact = np.concatenate([contact, contact])[order]
    pair = np.stack([np.concatenate([shared, shared]), np.concatenate([gain, gain])], axis=1)[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    if len(first) < len(key):
        contact = np.logical_or.reduceat(contact, first)
        pair = np.add.reduceat(pair, first, axis=0)
        key = key[first]
    node = key // max(nodes, 1)
    order = np.argsort(2 * node + ~contact, kind="stable")
    start = np.searchsorted(node, np.arange(nodes + 1)).astype(np.int64)
    reach = start[:-1] + np.bincount(node[contact], minlength=nodes)
    return start, reach, (key % max(nodes, 1))[order], pair[order]


def _earlier(problem: Problem, node: Ints, nodes: int) -> tuple[Ints, Ints, Floats, Floats]:
    known = problem.earlier >= 0
    if problem.weights.moved_household <= 0 or not known.any():
        empty = np.zeros(0)
        return np.zeros(nodes + 1, np.int64), np.zeros(0, np.int64), empty, empty
    grid = np.full(problem.atoms, -1, np.int64)
    grid[known] = np.unique(problem.earlier[known], return_inverse=True)[1].reshape(-1)
    whole = np.bincount(grid[known], problem.size[known]).astype(np.float64)
    use = known & (node >= 0)
    key, at = np.unique(node[use] * len(whole) + grid[use], return_inverse=True)
    held = np.bincount(at.reshape(-1), problem.size[use], minlength=len(key)).astype(np.float64)
    start = np.searchsorted(key, np.arange(nodes + 1) * len(whole)).astype(np.int64)
    return start, key % len(whole), held, whole


def parts(graph: Graph) -> Ints:
    """The connected part of each node, numbered by its first node, int64[n]."""
    return _connected(graph, np.zeros(len(graph.size), np.int64))


def earlier_grids(graph: Graph) -> Ints:
    """The earlier grid that each node holds most of, int64[n], each connected part by its own number."""
    grid = np.full(len(graph.size), -1, np.int64)
    holder = np.repeat(np.arange(len(graph.size)), np.diff(graph.was_start))
    order = np.argsort(graph.was_size, kind="stable")
    grid[holder[order]] = graph.was[order]
    return _connected(graph, grid)


@njit(cache=True)
def _connected(graph: Graph, label: Ints) -> Ints:
    """The connected part of equal `label` of each node, numbered by its first node."""
    start, reach, to = graph.start, graph.reach, graph.to
    n = len(label)
    part = np.full(n, -1)
    stack = np.empty(n, np.int64)
    count = 0
    for seed in range(n):
        if part[seed] >= 0:
            continue
        part[seed] = count
        stack[0] = seed
        top = 1
        while top > 0:
            top -= 1
            u = stack[top]
            for at in range(start[u], reach[u]):
                v = to[at]
                if part[v] < 0 and label[v] == label[u]:
                    part[v] = count
                    stack[top] = v
                    top += 1
        count += 1
    return part


def within(graph: Graph, nodes: Ints) -> Graph:
    """The graph on `nodes` (ascending) alone; `earlier_size` stays that of the whole."""
    place = np.full(len(graph.size), -1, np.int64)
    place[nodes] = np.arange(len(nodes))
    source = np.repeat(np.arange(len(graph.size)), np.diff(graph.start))
    keep = (place[source] >= 0) & (place[graph.to] >= 0)
    start = np.searchsorted(place[source[keep]], np.arange(len(nodes) + 1))
    near = keep & (np.arange(len(graph.to)) < graph.reach[source])
    holder = np.repeat(np.arange(len(graph.size)), np.diff(graph.was_start))
    held = place[holder] >= 0
    was_start = np.searchsorted(place[holder[held]], np.arange(len(nodes) + 1))
    return Graph(
        graph.size[nodes],
        graph.area[nodes],
        graph.perimeter[nodes],
        start,
        start[:-1] + np.bincount(place[source[near]], minlength=len(nodes)),
        place[graph.to[keep]],
        graph.pair[keep],
        was_start,
        graph.was[held],
        graph.was_size[held],
        graph.earlier_size,
    )
