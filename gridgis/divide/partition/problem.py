"""What is to be divided, and its reduction to the graph that the searches work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gridgis.profile import Weights

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Refuse = Callable[[Ints], bool]
"""Whether atoms, or nodes (ascending), may not be one grid, for reasons that costs do not tell; a pure function."""
SHARED, GAIN = 0, 1
"""Columns of `Graph.pair`."""

LOCKED = 1e12
"""Gain of a pair on a locked border: no division saves as much."""


@dataclass(frozen=True)
class Problem:
    """The atoms of one zone, their contacts, and what a grid should be; every array in atom order.

    Invariant: pairs are `(i, j)` with `i < j`, sorted, unique, and no pair stands both in `edges`
    and in `touches`.

    Attributes
    ----------
    size : float64[n]
        Households of each atom (or persons, workers, m2, m of centre line), not negative.
    area_m2, perimeter_m : float64[n]
        Area (positive) and length of the whole border of each atom.
    edges : int64[m, 2]
        Contiguous pairs: their common border is long enough for contact.
    shared_m, cut_cost, keep_cost : float64[m]
        Length of the whole common border; cost when the pair is separated; cost when it is together.
    touches : int64[t, 2]
        Pairs whose common border is too short for contact: they count for perimeter and cost only.
    touch_shared_m, touch_cut_cost, touch_keep_cost : float64[t]
        The same for `touches`.
    low, high : float
        Range of the size of a grid; the target is its middle.
    weights : Weights
    must_link : int64[k, 2]
        Pairs that stay in one grid; linked atoms count as contiguous.
    cut : int64[c, 2]
        Locked borders: the pair is no contact, whatever `edges` says, and no grid holds both, unless links do.
    frozen : int64[n]
        -1, or the id of a grid that comes out unchanged. A link from a frozen atom to another is void.
    earlier : int64[n]
        -1, or the grid the atom belonged to before.
    """

    size: Floats
    area_m2: Floats
    perimeter_m: Floats
    edges: Ints
    shared_m: Floats
    cut_cost: Floats
    keep_cost: Floats
    touches: Ints
    touch_shared_m: Floats
    touch_cut_cost: Floats
    touch_keep_cost: Floats
    low: float
    high: float
    weights: Weights
    must_link: Ints
    cut: Ints
    frozen: Ints
    earlier: Ints

    @property
    def atoms(self) -> int:
        """Number of atoms."""
        return len(self.size)


class Graph(NamedTuple):
    """A reduced problem as arrays: nodes, and both directions of every pair in rows of `start`.

    The row of node u is `start[u]:start[u + 1]`, its contacts `start[u]:reach[u]` of it, the pairs
    that only touch the rest; `to` is the other node, `pair` float64[pairs, 2] the border shared and
    the gain: what keeping the pair together costs less what separating it costs. `was_*` lists, in
    rows of `was_start`, how much of each earlier grid a node holds.
    """

    size: Floats
    area: Floats
    perimeter: Floats
    start: Ints
    reach: Ints
    to: Ints
    pair: Floats
    was_start: Ints
    was: Ints
    was_size: Floats
    earlier_size: Floats


class Rule(NamedTuple):
    """Range and weights as plain numbers."""

    low: float
    high: float
    target: float
    out_of_range: float
    off_target: float
    compactness: float
    moved: float


def rule_of(problem: Problem) -> Rule:
    """The range and weights of `problem`."""
    weights = problem.weights
    return Rule(
        float(problem.low),
        float(problem.high),
        (problem.low + problem.high) / 2.0,
        float(weights.out_of_range),
        float(weights.off_target),
        float(weights.compactness),
        float(weights.moved_household),
    )


def check(problem: Problem) -> None:
    """Raise ValueError where the arrays of `problem` contradict one another or the invariant."""
    n = problem.atoms
    rows = {
        "area_m2": (problem.area_m2, n), "perimeter_m": (problem.perimeter_m, n),
        "frozen": (problem.frozen, n), "earlier": (problem.earlier, n),
        "shared_m": (problem.shared_m, len(problem.edges)), "cut_cost": (problem.cut_cost, len(problem.edges)),
        "keep_cost": (problem.keep_cost, len(problem.edges)),
        "touch_shared_m": (problem.touch_shared_m, len(problem.touches)),
        "touch_cut_cost": (problem.touch_cut_cost, len(problem.touches)),
        "touch_keep_cost": (problem.touch_keep_cost, len(problem.touches)),
    }  # fmt: skip
    wrong = [name for name, (array, length) in rows.items() if len(array) != length]
    if wrong:
        raise ValueError(f"arrays of the wrong length: {', '.join(wrong)}")
    if not (0 <= problem.low <= problem.high and problem.high > 0):
        raise ValueError(f"the range {problem.low:g} to {problem.high:g} is not one")
    if n and not (np.isfinite(problem.size).all() and problem.size.min() >= 0 and problem.area_m2.min() > 0):
        raise ValueError("sizes must be finite and not negative, areas positive")
    for name in ("edges", "touches", "must_link", "cut"):
        pairs = getattr(problem, name)
        if len(pairs) and not (pairs.min() >= 0 and pairs.max() < n and (pairs[:, 0] < pairs[:, 1]).all()):
            raise ValueError(f"{name} must be pairs (i, j) of atoms with i < j")


def induced(problem: Problem, atoms: Ints, *, low: float, high: float) -> Problem:
    """The problem on `atoms` alone (ascending), with the range given and without locks.

    It divides a grid into micro-grids: pairs to atoms outside fall away, as they cost the same
    whatever the division inside is.
    """
    place = np.full(problem.atoms, -1, np.int64)
    place[atoms] = np.arange(len(atoms))
    inside = (place[problem.edges] >= 0).all(axis=1)
    touching = (place[problem.touches] >= 0).all(axis=1)
    linked = (place[problem.must_link] >= 0).all(axis=1)
    cut = (place[problem.cut] >= 0).all(axis=1)
    return replace(
        problem,
        size=problem.size[atoms],
        area_m2=problem.area_m2[atoms],
        perimeter_m=problem.perimeter_m[atoms],
        edges=place[problem.edges[inside]],
        shared_m=problem.shared_m[inside],
        cut_cost=problem.cut_cost[inside],
        keep_cost=problem.keep_cost[inside],
        touches=place[problem.touches[touching]],
        touch_shared_m=problem.touch_shared_m[touching],
        touch_cut_cost=problem.touch_cut_cost[touching],
        touch_keep_cost=problem.touch_keep_cost[touching],
        low=low,
        high=high,
        must_link=place[problem.must_link[linked]],
        cut=place[problem.cut[cut]],
        frozen=np.full(len(atoms), -1, np.int64),
        earlier=np.full(len(atoms), -1, np.int64),
    )
