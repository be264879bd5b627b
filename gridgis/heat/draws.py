"""Sums of values drawn at random in place of a grid's neighbourhood: the reference of every permutation test by grid.

Invariant: what a grid is told depends on the seed and its row, neither on the number of threads nor on which other
grids are asked about.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from gridgis.geometry.noding import Bools, Floats, Ints

SAME = 1e-9
"""Sums that differ by less than this times the largest value are equal."""
SHARE = 256
"""Grids that a thread takes at a time."""


class Tails(NamedTuple):
    """For each grid how many draws there were, and how many reach its sum from above and from below."""

    draws: Ints
    at_least: Ints
    at_most: Ints


class Urns(NamedTuple):
    """Values in the order of their class: what stands in for a grid is drawn from those of its class.

    Attributes
    ----------
    value : float array, shape (n,)
    place : int array, shape (n,)
        Where the value of each grid lies, -1 where it is in no urn.
    first, size : int array, shape (n,)
        The class of each grid: its first place, and how many values it has.
    """

    value: Floats
    place: Ints
    first: Ints
    size: Ints

    @classmethod
    def of(cls, values: Floats, classes: Ints, inside: Bools) -> Urns:
        """Urns of the values that are `inside`; `classes` from 0."""
        some = np.flatnonzero(inside)
        order = some[np.argsort(classes[some], kind="stable")]
        place = np.full(len(values), -1, dtype=np.int64)
        place[order] = np.arange(len(order))
        count = np.bincount(classes[some], minlength=int(classes.max(initial=-1)) + 1)
        return cls(values[order], place, (np.cumsum(count) - count)[classes], count[classes])


class Windows(NamedTuple):
    """The grids over which each sum goes, those of one class together.

    Attributes
    ----------
    begin : int array, shape (n + 1,)
        Where the members of each grid start.
    member : int array
    sum : float array, shape (n,)
    """

    begin: Ints
    member: Ints
    sum: Floats

    @classmethod
    def of(cls, matrix: Any, values: Floats, urns: Urns) -> Windows:
        """Windows of a matrix of ones and zeros."""
        row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        order = np.lexsort((matrix.indices, urns.first[matrix.indices], row))
        return cls(matrix.indptr.astype(np.int64), matrix.indices[order].astype(np.int64), matrix @ values)


def tails(urns: Urns, windows: Windows, asked: Ints, *, draws: int, seed: int, without_self: bool) -> Tails:
    """How many sums of values drawn without replacement are at least, and at most, the sum of each grid asked about.

    Parameters
    ----------
    asked : int array, shape (m,)
        Rows; the answer has one for each.
    draws : int
        For each grid.
    seed : int
        Draws with another seed are independent.
    without_self : bool
        Whether the value of the grid itself is not in its urn (conditional randomisation).

    Notes
    -----
    Where an urn holds fewer values than a window needs there is nothing to compare with: all draws reach the sum.
    """
    found = np.zeros((2, len(asked)), dtype=np.int64)
    start = np.random.default_rng(seed).integers(0, 2**63, dtype=np.int64).astype(np.uint64)
    room = SAME * float(np.abs(urns.value).max(initial=0.0))

    def part(k: int) -> None:
        mine = slice(k, k + SHARE)
        _draw(urns, urns.value.copy(), windows, asked[mine], draws, start, without_self, room, found[:, mine])

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(part, range(0, len(asked), SHARE)))
    return Tails(np.full(len(asked), draws, dtype=np.int64), found[0], found[1])


@njit(cache=True, nogil=True, error_model="numpy")
def _draw(
    urns: Urns,
    value: Floats,
    windows: Windows,
    asked: Ints,
    draws: int,
    seed: np.uint64,
    without_self: bool,
    room: float,
    found: Ints,
) -> None:
    """Count the draws for each grid; `value` is shuffled in part, and put back after each draw."""
    most = 0
    for i in asked:
        most = max(most, windows.begin[i + 1] - windows.begin[i])
    first, left, at = np.zeros(most, np.int64), np.zeros(most, np.uint64), np.zeros(most, np.int64)
    for m in range(len(asked)):
        i = asked[m]
        members = windows.begin[i + 1] - windows.begin[i]
        mine, last = urns.place[i], urns.first[i] + urns.size[i] - 1
        held = without_self and mine >= 0
        if held:
            value[mine], value[last] = value[last], value[mine]
        taken, short = 0, False
        for t in range(members):
            j = windows.member[windows.begin[i] + t]
            taken = taken + 1 if t and urns.first[j] == first[t - 1] - taken else 0
            first[t] = urns.first[j] + taken
            have = urns.size[j] - taken - (held and urns.first[j] == urns.first[i])
            short = short or have < 1
            left[t] = np.uint64(max(have, 1))
        up, down = windows.sum[i] - room, windows.sum[i] + room
        state = seed + np.uint64(i) * np.uint64(0xD1342543DE82EF95)
        state = (state ^ (state >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        state = state ^ (state >> np.uint64(32))
        above, below = 0, 0
        for _ in range(0 if short else draws):
            total = 0.0
            for t in range(members):
                state, step = _below(state, left[t])
                p = first[t] + step
                drawn = value[p]
                value[p] = value[first[t]]
                value[first[t]] = drawn
                at[t] = p
                total += drawn
            for t in range(members - 1, -1, -1):
                drawn = value[first[t]]
                value[first[t]] = value[at[t]]
                value[at[t]] = drawn
            above += total >= up
            below += total <= down
        if held:
            value[mine], value[last] = value[last], value[mine]
        found[0, m], found[1, m] = (draws, draws) if short else (above, below)


@njit(cache=True, inline="always")
def _below(state: np.uint64, left: np.uint64) -> tuple[np.uint64, np.int64]:
    """The next state, and a random number from 0 to below `left`.

    SplitMix64 (Steele, Lea and Flood 2014), brought below the limit without bias (Lemire 2019).
    """
    while True:
        state = state + np.uint64(0x9E3779B97F4A7C15)
        z = state
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        wide = ((z ^ (z >> np.uint64(31))) >> np.uint64(32)) * left
        rest = wide & np.uint64(0xFFFFFFFF)
        if rest >= left or rest >= (np.uint64(0x100000000) - left) % left:
            return state, np.int64(wide >> np.uint64(32))
