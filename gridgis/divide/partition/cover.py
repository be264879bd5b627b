"""Set partition over given grids: linear programme, reduced costs, then integer programme.

The columns are candidate grids. The linear programme is solved over few of them and priced over
all; its dual prices bound every division made of the columns, and a column whose reduced cost
closes the distance between that bound and the best division known can be in no better one.
All limits count steps, never seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from gridgis.divide.partition.problem import Floats, Ints

SLACK = 1e-6
ROUNDS = 60
"""Rounds of pricing before the linear programme is given up as a bound."""
AT_ONCE = 20_000
"""Columns up to which the linear programme takes all of them."""
EXACT = 1e-9
"""A reduced cost above this share of the highest price is not negative."""
NODE_LIMIT = 2_000
NARROW = 2
"""Columns a node, by reduced cost, among which a first division is sought."""
MOST_COLUMNS = 20_000
"""Columns beyond which the integer programme keeps only those of least reduced cost."""


@dataclass(frozen=True)
class Columns:
    """Candidate grids: rows of `nodes` (int64) by `start`, and the cost of each."""

    start: Ints
    nodes: Ints
    cost: Floats

    def take(self, index: Ints) -> Columns:
        """The columns at `index`, in that order."""
        lengths = np.diff(self.start)[index]
        start = np.concatenate([[0], np.cumsum(lengths)])
        at = np.repeat(self.start[index] - start[:-1], lengths) + np.arange(start[-1])
        return Columns(start, self.nodes[at], self.cost[index])

    def of(self, index: int) -> Ints:
        """The nodes of one column."""
        return self.nodes[self.start[index] : self.start[index + 1]]

    def __len__(self) -> int:
        return len(self.cost)


@dataclass(frozen=True)
class Cover:
    """A choice of columns (ascending; empty: none found), its cost, and a bound for every choice."""

    chosen: Ints
    cost: float
    bound: float

    @property
    def proved(self) -> bool:
        """Whether no choice of the columns is cheaper."""
        return self.cost - self.bound <= 1e-6 * max(1.0, abs(self.cost))


class Relaxed(NamedTuple):
    """The linear programme solved: dual price of each node, columns in use, how much each is, the bound they prove."""

    price: Floats
    active: Ints
    share: Floats
    bound: float

    def is_dual_of(self, columns: Columns) -> bool:
        """Whether no column costs less than its prices: pricing may have ended before."""
        spare = reduced_costs(columns.start, columns.nodes, columns.cost, self.price)
        return bool(spare.min(initial=0.0) >= -SLACK)


def cover(
    columns: Columns,
    nodes: int,
    *,
    known: Ints,
    relaxed: Relaxed | None = None,
    most: int = MOST_COLUMNS,
    gap: float = 1e-9,
    effort: int = 1,
) -> Cover:
    """The cheapest choice of columns that holds each of `nodes` nodes exactly once.

    Parameters
    ----------
    known : int64[k]
        Columns of a division that is known already; may be empty.
    relaxed : Relaxed, optional
        What :func:`relax` gave for the columns.
    most : int
        Columns the integer programme may take, those of least reduced cost; more prove more.
    gap : float
        Share of the cost that the integer programme may leave.
    """
    ceiling = float(columns.cost[known].sum()) if len(known) else np.inf
    price, active, share, bound = relaxed or relax(columns, nodes, known=known)
    if bound > _huge(columns) / 2:
        return Cover(known[:0], np.inf, np.inf)
    whole = share > 1.0 - SLACK
    if np.all(whole | (share < SLACK)):
        chosen = np.sort(active[whole])
        return _better(Cover(chosen, float(columns.cost[chosen].sum()), bound), known, ceiling)
    spare = reduced_costs(columns.start, columns.nodes, columns.cost, price)
    narrow = np.union1d(known, np.argsort(spare, kind="stable")[: NARROW * nodes])
    found = _better(_integer(columns, narrow, nodes, NODE_LIMIT * effort, gap), known, ceiling)
    keep = np.flatnonzero(spare <= found.cost - bound + SLACK)
    if np.isin(keep, narrow).all():
        return Cover(found.chosen, found.cost, max(bound, min(found.bound, found.cost)))
    complete = len(keep) <= most
    if not complete:
        keep = np.sort(np.argsort(spare, kind="stable")[:most])
    wide = _integer(columns, np.union1d(keep, found.chosen), nodes, NODE_LIMIT * effort, gap)
    return _better(
        Cover(wide.chosen, wide.cost, max(bound, wide.bound) if complete else bound), found.chosen, found.cost
    )


def _better(found: Cover, known: Ints, ceiling: float) -> Cover:
    if len(found.chosen) and found.cost < ceiling - 1e-7:
        return found
    return Cover(np.sort(known), ceiling, min(found.bound, ceiling))


def _huge(columns: Columns) -> float:
    """A price for leaving a node uncovered that no division of the columns reaches."""
    return 10.0 * (1.0 + float(np.abs(columns.cost).max(initial=0.0))) * 1e3


def relax(columns: Columns, nodes: int, *, known: Ints) -> Relaxed:
    """The linear programme over `columns`.

    Few columns are taken at once; of many, those that the prices call for, round by round.
    """
    huge = None if len(known) else _huge(columns)
    if len(columns) <= AT_ONCE:
        active = np.arange(len(columns))
        share, price, bound = _linear(columns, nodes, huge)
        return Relaxed(price, active, share, bound)
    price = _first_prices(columns, nodes, known)
    active, share, bound, width = known.copy(), np.zeros(len(known)), -np.inf, min(8 * nodes, len(columns) - 1)
    spare = reduced_costs(columns.start, columns.nodes, columns.cost, price)
    spare[active] = np.inf
    for _ in range(ROUNDS):
        worst = float(np.partition(spare, width)[width])
        active = np.concatenate([active, np.flatnonzero((spare <= worst) & (spare < np.inf))])
        share, price, bound = _linear(columns.take(active), nodes, huge)
        spare = reduced_costs(columns.start, columns.nodes, columns.cost, price)
        spare[active] = np.inf
        if spare.min() >= -EXACT * max(1.0, float(np.abs(price).max())):
            break
    return Relaxed(price, active, share, bound + nodes * min(float(spare.min()), 0.0))


def _first_prices(columns: Columns, nodes: int, known: Ints) -> Floats:
    """The cost of each known grid shared out over its nodes, or the least share of any column."""
    lengths = np.maximum(np.diff(columns.start), 1)
    price = np.full(nodes, np.inf)
    index = known if len(known) else np.arange(len(columns))
    chosen = columns.take(index)
    np.minimum.at(price, chosen.nodes, np.repeat(chosen.cost / lengths[index], lengths[index]))
    price[np.isinf(price)] = 0.0
    return price


@njit(cache=True)
def reduced_costs(start: Ints, nodes: Ints, cost: Floats, price: Floats) -> Floats:
    """What each column costs above the prices of its nodes, float64[columns]."""
    out = cost.copy()
    for j in range(len(cost)):
        for at in range(start[j], start[j + 1]):
            out[j] -= price[nodes[at]]
    return out


def _linear(columns: Columns, nodes: int, huge: float | None) -> tuple[Floats, Floats, float]:
    """Use of each column, dual price of each node, value; uncovered nodes cost `huge` each, None: there are none."""
    from scipy.optimize import linprog
    from scipy.sparse import csc_array, eye_array, hstack

    matrix = csc_array((np.ones(len(columns.nodes)), columns.nodes, columns.start), shape=(nodes, len(columns)))
    cost = columns.cost
    if huge is not None:
        matrix = hstack([matrix, eye_array(nodes)], format="csc")
        cost = np.concatenate([cost, np.full(nodes, huge)])
    options = {"presolve": False}  # there is nothing to take out of such programmes: it only costs time
    result = linprog(cost, A_eq=matrix, b_eq=np.ones(nodes), bounds=(0, None), method="highs-ds", options=options)
    if result.x is None:
        raise RuntimeError(f"the linear programme of {len(columns)} grids failed: {result.message}")
    return result.x[: len(columns)], result.eqlin.marginals, float(result.fun)


def _integer(columns: Columns, keep: Ints, nodes: int, limit: int, gap: float) -> Cover:
    """The cheapest choice of the columns `keep` that branch and cut finds within `limit` nodes."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csc_array

    some = columns.take(keep)
    matrix = csc_array((np.ones(len(some.nodes)), some.nodes, some.start), shape=(nodes, len(some)))
    result = milp(
        some.cost,
        integrality=np.ones(len(some)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, 1, 1),
        options={"node_limit": limit, "mip_rel_gap": gap},
    )
    if result.x is None:
        infeasible = result.status == 2
        return Cover(keep[:0], np.inf, np.inf if infeasible else -np.inf)
    chosen = keep[result.x > 0.5]
    return Cover(chosen, float(columns.cost[chosen].sum()), float(result.mip_dual_bound))


@njit(cache=True)
def columns_of(masks: np.ndarray) -> tuple[Ints, Ints]:
    """Starts and nodes of sets given as uint64 masks."""
    start = np.zeros(len(masks) + 1, np.int64)
    for j in range(len(masks)):
        rest, count = masks[j], 0
        while rest != np.uint64(0):
            rest &= rest - np.uint64(1)
            count += 1
        start[j + 1] = start[j] + count
    nodes = np.empty(start[-1], np.int64)
    for j in range(len(masks)):
        rest, u = masks[j], 0
        for at in range(start[j], start[j + 1]):
            while rest & np.uint64(1) == np.uint64(0):
                rest >>= np.uint64(1)
                u += 1
            nodes[at] = u
            rest >>= np.uint64(1)
            u += 1
    return start, nodes
