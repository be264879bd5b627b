"""The proven optimum of a connected graph, by every connected set that can stand in it.

What is proved. Let J* be a division's cost and B a bound for everything but the deviations, D the
deviations that no division escapes: those of towers (nodes above `high`), and those that the total
forces upon any number of grids. A division with deviations of D + e or more costs at least
B + out_of_range * (D + e). All sets that stand in a division with smaller deviations are
enumerated for a slack e, the best division of them is found, and where its cost is no more than
that bound, it is the best of all divisions. Otherwise the cost found names the slack that is enough.
B takes the terms of shape, target and moves as not negative, which they are for real polygons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridgis.divide.partition.branch import branch, prices
from gridgis.divide.partition.cover import Columns, Cover, columns_of, cover, relax
from gridgis.divide.partition.problem import GAIN, LOCKED, Floats, Graph, Ints, Refuse, Rule
from gridgis.divide.partition.subsets import WORD, Masks, connected_sets, neighbour_masks, shortfall

VISITS = 300_000
"""Connected sets visited before enumeration is given up, for each unit of effort."""
STEPS = 400_000
"""Steps of branch and bound before the linear programme is asked."""
PRICED_STEPS = 20_000_000
"""Steps of branch and bound by the prices of the linear programme before the integer programme is asked."""
FIRST_SLACK = 0.03
"""Slack to begin with, times the target."""
MOST_ROUNDS = 12
MOST_REFUSED = 40
"""Times a best choice is sought again after sets of it were refused."""
REFUSED_STEPS = 2_000_000
"""Steps of branch and bound each of these times."""
MOST = 3_000
"""Sets that the integer programme takes at most."""


@dataclass(frozen=True)
class Exact:
    """The best division of a graph, its cost (pairs apart cost nothing), and a bound below it."""

    label: Ints
    cost: float
    bound: float
    in_range_possible: bool | None
    """False where the sets prove that no division is in range; None where nothing is proved."""
    uncovered: Ints
    """Nodes that no set in range can hold, where that is the proof."""


def exact(graph: Graph, rule: Rule, *, refuse: Refuse | None = None, effort: int = 1) -> Exact | None:
    """The optimum of a connected `graph`, or None where it is too large to enumerate.

    Parameters
    ----------
    refuse : Refuse, optional
        Tells sets of nodes that should not be a grid: of divisions that are no farther out of range than the
        optimum, one with fewest of them. The bound stays that of the optimum.
    """
    n = len(graph.size)
    if not 0 < n <= WORD or rule.out_of_range <= 0:
        return None
    near = neighbour_masks(graph)
    floor, forced = _unavoidable(graph, rule)
    slack = FIRST_SLACK * rule.target
    for _ in range(MOST_ROUNDS):
        slack = max(slack, 1e-9 * rule.high)
        masks, costs, complete = connected_sets(graph, near, rule, slack + forced, VISITS * effort)
        if not complete:
            return None
        masks, costs = masks[costs < LOCKED / 2], costs[costs < LOCKED / 2]
        found = best_cover(masks, costs, n, effort=effort)
        needed = (found.cost - floor) / rule.out_of_range - forced
        if not len(found.chosen):
            slack = 2.0 * slack + 0.05 * rule.target
        elif needed <= slack + 1e-9:
            chosen = found if refuse is None else _with_fewest_refused(graph, rule, masks, costs, found, refuse)
            return _answer(graph, rule, masks, chosen)
        else:
            slack = needed
    return None


def _unavoidable(graph: Graph, rule: Rule) -> tuple[float, float]:
    """What every division costs apart from deviations, and the deviation it has beyond its towers.

    The first counts the deviations of the towers too, so that sets may be measured with towers
    clipped to `high`.
    """
    tower = graph.size > rule.high
    over = (graph.size[tower] - rule.target) / rule.target
    excess = graph.size[tower] - rule.high
    floor = (
        rule.out_of_range * excess.sum()
        + rule.off_target * float(over @ over)
        + 0.5 * float(np.minimum(graph.pair[:, GAIN], 0.0).sum())
    )
    return floor, float(shortfall(float(np.minimum(graph.size, rule.high).sum()), rule))


def _with_fewest_refused(graph: Graph, rule: Rule, masks: Masks, costs: Floats, free: Cover, refuse: Refuse) -> Cover:
    """The choice with fewest sets that are refused among those no farther out of range than the best choice `free`.

    Only sets that stand in a best choice are asked about. One that is refused costs more from then on, and the best
    choice is sought again, until nothing new is refused; what is returned is the best that was met.
    """
    n = len(graph.size)
    asked: dict[int, bool] = {}

    def refused(chosen: Ints) -> list[int]:
        for j in chosen.tolist():
            if j not in asked:
                asked[j] = refuse(np.flatnonzero(_bits(masks[j], n)))
        return [j for j in chosen.tolist() if asked[j]]

    def rank(chosen: Ints) -> tuple[float, int, float]:
        size = _bits(masks[chosen], n) @ graph.size
        out = np.maximum(0.0, np.maximum(size - rule.high, rule.low - size)).sum()
        return round(float(out), 6), len(refused(chosen)), float(costs[chosen].sum())

    best = free.chosen
    if not refused(best):
        return free
    columns = Columns(*columns_of(masks), costs)
    price = relax(columns, n, known=best).price
    charged, again = costs.copy(), best
    for _ in range(MOST_REFUSED):
        fresh = [j for j in refused(again) if charged[j] == costs[j]]
        if not fresh:
            break
        charged[fresh] += rule.out_of_range
        again, _, _ = branch(masks, charged, price, np.inf, REFUSED_STEPS)
        if not len(again):
            break
        best = min(best, again, key=rank)
    return Cover(best, float(costs[best].sum()), free.bound)


def _bits(masks: Masks | np.uint64, n: int) -> Ints:
    """Whether each of `n` nodes is in each set, 0 or 1, the nodes along the last axis."""
    return ((np.asarray(masks)[..., None] >> np.arange(n, dtype=np.uint64)) & np.uint64(1)).astype(np.int64)


def best_cover(masks: Masks, costs: Floats, n: int, *, effort: int = 1) -> Cover:
    """The cheapest choice of disjoint sets that cover all nodes; none where it proves there is none.

    Branch and bound with quick prices first, then with those of the linear programme, then the
    integer programme.
    """
    start, nodes = columns_of(masks)
    chosen, cost, proved = branch(masks, costs, prices(start, nodes, costs, n), np.inf, STEPS * effort)
    if proved:
        return Cover(chosen, cost, cost)
    columns = Columns(start, nodes, costs)
    relaxed = relax(columns, n, known=chosen)
    if relaxed.is_dual_of(columns):
        better, cost, proved = branch(masks, costs, relaxed.price, cost, PRICED_STEPS * effort)
        chosen = better if len(better) else chosen
        if proved:
            return Cover(chosen, cost, cost)
    return cover(columns, n, known=chosen, relaxed=relaxed, most=MOST, effort=effort)


def _answer(graph: Graph, rule: Rule, masks: Masks, found: Cover) -> Exact:
    n = len(graph.size)
    bits = _bits(masks[found.chosen], n)
    label = np.argmax(bits, axis=0)
    sums = bits @ graph.size
    if np.all((sums >= rule.low) & (sums <= rule.high)):
        return Exact(label, found.cost, found.bound, True, np.zeros(0, np.int64))
    possible, uncovered = _in_range(graph, rule, masks, n)
    return Exact(label, found.cost, found.bound, possible, uncovered)


def _in_range(graph: Graph, rule: Rule, masks: Masks, n: int) -> tuple[bool | None, Ints]:
    """Whether sets in range alone cover the graph, and the nodes that none of them holds."""
    bits = _bits(masks, n)
    sums = bits @ graph.size
    keep = (sums >= rule.low) & (sums <= rule.high)
    bare = np.flatnonzero(~bits[keep].any(axis=0))
    if len(bare):
        return False, bare
    flat = np.zeros(int(keep.sum()))
    chosen, _, proved = branch(masks[keep], flat, np.zeros(n), 1.0, STEPS)
    return (len(chosen) > 0 if proved or len(chosen) else None), bare
