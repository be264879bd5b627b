"""Sums of values drawn at random from all grids: the reference of every permutation test by grid.

Invariant: what a grid is told does not depend on the number of threads, and only by chance on other grids.

The permutation test of a local sum over `k` grids has one null distribution for each `k`: sums of `k` values drawn
without replacement. esda draws 999 of them for each grid, so that p is a multiple of 0.001, far too coarse to correct
for 30,000 tests. Here all grids share one pool of draws: a draw of many values is, by its first `k`, a draw for every
`k` at once. A few million draws cost less than 999 for each of 30,000 grids, and p goes down to one in millions.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit

from gridgis.geometry.noding import Floats, Ints

BLOCKS = 32
"""Parts of the pool, each with random numbers of its own; threads share out whole parts."""
SAME = 1e-9
"""Sums that differ by less than this times the largest value are equal."""


class Tails(NamedTuple):
    """Of the draws for each grid, how many there are, and how many reach its sum from above and from below."""

    draws: Ints
    at_least: Ints
    at_most: Ints


class _Rulers(NamedTuple):
    """Sorted limits for each size, and a table of cells that leads to them without a search."""

    first: Ints
    limit: Floats
    low: Floats
    per_cell: Floats
    cell: Ints
    begin: Ints


def tails(values: Floats, sums: Floats, sizes: Ints, *, draws: int, seed: int, without_self: bool) -> Tails:
    """How many sums of values drawn without replacement are at least, and at most, the sum of each grid.

    Parameters
    ----------
    values : float array, shape (n,)
        Finite.
    sums : float array, shape (n,)
    sizes : int array, shape (n,)
        Over how many grids each sum goes; 0 has no draw.
    draws : int
        Of the pool.
    without_self : bool
        Whether the draws for a grid leave out those that hold the grid itself (conditional randomisation).
    """
    n, most = len(values), int(sizes.max(initial=0))
    room = SAME * float(np.abs(values).max(initial=0.0))
    up, down = sums - room, sums + room
    rulers = _rulers(up, down, sizes, most)
    share = np.diff(np.linspace(0, draws, BLOCKS + 1).astype(np.int64))
    seeds = np.random.default_rng(seed).integers(0, 2**63, BLOCKS, dtype=np.int64).astype(np.uint64)

    def part(k: int) -> tuple[Ints, Ints]:
        seen, mine = np.zeros(len(rulers.limit) + most + 1, dtype=np.int64), np.zeros((3, n), dtype=np.int64)
        _draw(values, sizes, up, down, rulers, share[k], seeds[k], without_self, seen, mine)
        return seen, mine

    with ThreadPoolExecutor(min(os.cpu_count() or 1, BLOCKS)) as pool:
        parts = list(pool.map(part, range(BLOCKS)))
    return _tails(sum(seen for seen, _ in parts), sum(mine for _, mine in parts), rulers, up, down, sizes, draws)


def _rulers(up: Floats, down: Floats, sizes: Ints, most: int) -> _Rulers:
    limits, cells, begin, first = [], [], np.zeros(most + 2, dtype=np.int64), np.zeros(most + 2, dtype=np.int64)
    low, per_cell = np.zeros(most + 1), np.zeros(most + 1)
    for k in range(most + 1):
        mine = sizes == k
        limit = np.unique(np.concatenate([up[mine], down[mine]])) if k and mine.any() else np.zeros(0)
        count = 2 * len(limit)
        if len(limit):
            low[k], span = limit[0], limit[-1] - limit[0]
            per_cell[k] = (count - 1) / span if span > 0 else 0.0
            place = ((limit - low[k]) * per_cell[k]).astype(np.int64)
            cells.append(np.searchsorted(place, np.arange(count)))
        limits.append(limit)
        first[k + 1], begin[k + 1] = first[k] + len(limit), begin[k] + count
    none = np.zeros(0, dtype=np.int64)
    return _Rulers(first, np.concatenate(limits), low, per_cell, np.concatenate([none, *cells]), begin)


def _tails(seen: Ints, mine: Ints, rulers: _Rulers, up: Floats, down: Floats, sizes: Ints, draws: int) -> Tails:
    """Counts by limit as counts by grid, less the draws that hold the grid itself."""
    at_least, at_most = np.zeros(len(sizes), dtype=np.int64), np.zeros(len(sizes), dtype=np.int64)
    for k in np.unique(sizes[sizes > 0]):
        here, limit = sizes == k, rulers.limit[rulers.first[k] : rulers.first[k + 1]]
        above = np.cumsum(seen[rulers.first[k] + k : rulers.first[k + 1] + k + 1][::-1])[::-1]
        at_least[here] = above[1 + np.searchsorted(limit, up[here])]
        at_most[here] = draws - above[1 + np.searchsorted(limit, down[here])]
    some = np.where(sizes > 0, draws, 0)
    return Tails(some - mine[0], at_least - mine[1], at_most - mine[2])


@njit(cache=True, nogil=True, error_model="numpy")
def _draw(
    values: Floats,
    sizes: Ints,
    up: Floats,
    down: Floats,
    rulers: _Rulers,
    draws: int,
    seed: np.uint64,
    without_self: bool,
    seen: Ints,
    mine: Ints,
) -> None:
    """Count sums between limits; `seen` has for each size a place more than limits, those below all of them."""
    n, most = len(values), len(rulers.first) - 2
    first, limit, low, per_cell = rulers.first, rulers.limit, rulers.low, rulers.per_cell
    cell, begin = rulers.cell, rulers.begin
    order = np.arange(n).astype(np.int32)
    partial = np.zeros(most + 1)
    state = seed
    for _ in range(draws):
        total = 0.0
        for t in range(most):
            # the next random number: SplitMix64 (Steele, Lea and Flood 2014), without bias below n - t (Lemire 2019)
            left = np.uint64(n - t)
            while True:
                state = state + np.uint64(0x9E3779B97F4A7C15)
                z = state
                z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                z = (z ^ (z >> np.uint64(31))) >> np.uint64(32)
                wide = z * left
                rest = wide & np.uint64(0xFFFFFFFF)
                if rest >= left or rest >= (np.uint64(0x100000000) - left) % left:
                    break
            at = t + np.int64(wide >> np.uint64(32))
            chosen = order[at]
            order[at] = order[t]
            order[t] = chosen
            total += values[chosen]
            size = t + 1
            partial[size] = total
            start, end = first[size], first[size + 1]
            if start == end:
                continue
            k = start
            if total >= low[size]:
                place = (total - low[size]) * per_cell[size]
                last = begin[size + 1] - begin[size] - 1
                k += cell[begin[size] + (last if place >= last else np.int64(place))]
                while k < end and limit[k] <= total:
                    k += 1
            seen[k + size] += 1
        if without_self:
            for t in range(most):
                i = order[t]
                if sizes[i] > t:
                    total = partial[sizes[i]]
                    mine[0, i] += 1
                    mine[1, i] += total >= up[i]
                    mine[2, i] += total < down[i]
