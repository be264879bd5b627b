"""A division while it is searched: labels, members and sums of each grid, and the grids met.

Everything here is an array in a named tuple, so that the compiled searches can change it in place;
none of it leaves this package.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from gridgis.divide.partition.objective import cost_of, moved_of
from gridgis.divide.partition.problem import GAIN, SHARED, Bools, Floats, Graph, Ints, Rule

Words = npt.NDArray[np.uint64]
SIZE, AREA, PERIMETER, INNER, MOVED = range(5)


class State(NamedTuple):
    """Grids in slots; a slot without members is free.

    Attributes
    ----------
    label : int64[n]
    after, before : int64[n]
    head, tally : int64[slots]
        Members of each grid as a doubly linked list (-1 ends it), and their number.
    sums : float64[slots, 5]
    held : float64[slots, earlier grids]
    cost : float64[slots]
        By the rule in use.
    word : uint64[n]
    sign : uint64[slots]
        Exclusive or of the members' words: tells grids from one another.
    fresh : bool[slots]
        Changed since the grid was last kept.
    changed : int64[8]
        The grids that are being carved.
    mark, queue : int64[n]
        Scratch.
    """

    label: Ints
    after: Ints
    before: Ints
    head: Ints
    tally: Ints
    sums: Floats
    held: Floats
    cost: Floats
    word: Words
    sign: Words
    fresh: Bools
    changed: Ints
    mark: Ints
    queue: Ints


class Pool(NamedTuple):
    """Distinct grids met: a hash table of signs, and rows of `nodes` by `start` with their costs.

    `used` int64[2] counts rows and nodes.
    """

    table: Words
    start: Ints
    nodes: Ints
    cost: Floats
    used: Ints


@njit(cache=True)
def draw(seed: Words) -> np.uint64:
    """The next 64 random bits (splitmix64; Steele, Lea, Flood 2014); `seed` uint64[1] moves on."""
    seed[0] += np.uint64(0x9E3779B97F4A7C15)
    x = seed[0]
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True)
def uniform(seed: Words) -> float:
    """A random number in [0, 1)."""
    return float(draw(seed) >> np.uint64(11)) * 2.0**-53


@njit(cache=True)
def pick(seed: Words, n: int) -> int:
    """A random whole number in 0..n-1."""
    return int(uniform(seed) * n)


@njit(cache=True)
def new_state(graph: Graph, slots: int, seed: Words) -> State:
    """A state without grids."""
    n = len(graph.size)
    word = np.empty(n, np.uint64)
    for u in range(n):
        word[u] = draw(seed)
    return State(
        np.full(n, -1),
        np.full(n, -1),
        np.full(n, -1),
        np.full(slots, -1),
        np.zeros(slots, np.int64),
        np.zeros((slots, 5)),
        np.zeros((slots, len(graph.earlier_size))),
        np.zeros(slots),
        word,
        np.zeros(slots, np.uint64),
        np.zeros(slots, np.bool_),
        np.full(8, -1),
        np.full(n, -1),
        np.zeros(n, np.int64),
    )


@njit(cache=True)
def set_labels(graph: Graph, state: State, label: Ints, rule: Rule) -> None:
    """Make `state` the division `label` (slots), all sums anew."""
    state.head[:] = -1
    state.tally[:] = 0
    state.sign[:] = 0
    state.sums[:] = 0.0
    state.held[:] = 0.0
    state.label[:] = label
    for u in range(len(label)):
        enter(state, u, label[u])
    weigh_all(graph, state, rule)


@njit(cache=True)
def weigh_all(graph: Graph, state: State, rule: Rule) -> None:
    """All sums and costs anew from the labels, free of rounding that moves have left."""
    state.sums[:] = 0.0
    state.held[:] = 0.0
    for u in range(len(state.label)):
        add_sums(graph, state, u, state.label[u])
    for g in range(len(state.head)):
        weigh_grid(graph, state, g, rule)


@njit(cache=True)
def add_sums(graph: Graph, state: State, u: int, g: int) -> None:
    """Add node `u` to the sums of grid `g`, each pair inside by its lower node."""
    sums = state.sums[g]
    sums[SIZE] += graph.size[u]
    sums[AREA] += graph.area[u]
    sums[PERIMETER] += graph.perimeter[u]
    for at in range(graph.start[u], graph.start[u + 1]):
        v = graph.to[at]
        if v > u and state.label[v] == g:
            sums[PERIMETER] -= 2.0 * graph.pair[at, SHARED]
            sums[INNER] += graph.pair[at, GAIN]
    for at in range(graph.was_start[u], graph.was_start[u + 1]):
        state.held[g, graph.was[at]] += graph.was_size[at]


@njit(cache=True)
def weigh_grid(graph: Graph, state: State, g: int, rule: Rule) -> None:
    """Cost of grid `g` from its sums; nothing where it has no members."""
    sums = state.sums[g]
    sums[MOVED] = 0.0
    for e in range(len(graph.earlier_size)):
        sums[MOVED] += moved_of(state.held[g, e], graph.earlier_size[e], rule)
    state.cost[g] = 0.0
    if state.tally[g] > 0:
        state.cost[g] = cost_of(sums[SIZE], sums[AREA], sums[PERIMETER], sums[INNER], sums[MOVED], rule)


@njit(cache=True)
def enter(state: State, u: int, g: int) -> None:
    """Make node `u`, which is in no grid, a member of `g` (sums are not touched)."""
    first = state.head[g]
    state.after[u] = first
    state.before[u] = -1
    if first >= 0:
        state.before[first] = u
    state.head[g] = u
    state.label[u] = g
    state.tally[g] += 1
    state.sign[g] ^= state.word[u]
    state.fresh[g] = True


@njit(cache=True)
def relink(state: State, u: int, h: int) -> None:
    """Make node `u` a member of grid `h` (sums are not touched)."""
    label, after, before, head = state.label, state.after, state.before, state.head
    g, last, next_ = label[u], before[u], after[u]
    if last >= 0:
        after[last] = next_
    else:
        head[g] = next_
    if next_ >= 0:
        before[next_] = last
    first = head[h]
    after[u], before[u], head[h] = first, -1, u
    if first >= 0:
        before[first] = u
    label[u] = h
    state.tally[g] -= 1
    state.tally[h] += 1
    state.sign[g] ^= state.word[u]
    state.sign[h] ^= state.word[u]
    state.fresh[g] = state.fresh[h] = True


@njit(cache=True)
def new_pool(rows: int, nodes: int) -> Pool:
    """A pool with room for that many grids and members."""
    size = 16
    while size < 2 * rows:
        size *= 2
    return Pool(
        np.zeros(size, np.uint64),
        np.zeros(rows + 1, np.int64),
        np.empty(nodes, np.int64),
        np.empty(rows),
        np.zeros(2, np.int64),
    )


@njit(cache=True)
def keep(pool: Pool, state: State, g: int, cost: float) -> None:
    """Put grid `g` into the pool where it is new and there is room."""
    rows, filled = pool.used[0], pool.used[1]
    if rows + 1 >= len(pool.start) or filled + state.tally[g] > len(pool.nodes):
        return
    sign = state.sign[g] | np.uint64(1)
    at = int((sign * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & (len(pool.table) - 1)
    while pool.table[at] != np.uint64(0):
        if pool.table[at] == sign:
            return
        at = (at + 1) & (len(pool.table) - 1)
    pool.table[at] = sign
    u = state.head[g]
    while u >= 0:
        pool.nodes[filled] = u
        filled += 1
        u = state.after[u]
    pool.cost[rows] = cost
    pool.start[rows + 1] = filled
    pool.used[0] = rows + 1
    pool.used[1] = filled
