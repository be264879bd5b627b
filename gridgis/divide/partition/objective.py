"""The objective: a sum over grids, so that a set partition minimises the very same function.

J = sum over grids of [out_of_range * dev(H) + off_target * ((H - T) / T)^2
+ compactness * (P^2 / (4 pi A) - 1) + moved] + cost of separated pairs + cost of kept pairs.

`moved` of a grid that holds x of the H_e households of an earlier grid e is
`moved_household * min(x, H_e - x) / 2`. Summed over grids that is the number of households outside
the majority successor of e, exactly, wherever one grid holds at least half of e; where none does
it is half of e.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gridgis.divide.partition.problem import GAIN, SHARED, Floats, Graph, Ints, Problem, Rule, rule_of


@njit(cache=True)
def deviation(size: float, rule: Rule) -> float:
    """How far `size` lies outside the range."""
    return max(size - rule.high, rule.low - size, 0.0)


@njit(cache=True)
def cost_of(size: float, area: float, perimeter: float, inner: float, moved: float, rule: Rule) -> float:
    """Cost of one grid; `inner` is the gain summed over the pairs inside it."""
    off = (size - rule.target) / rule.target
    shape = perimeter * perimeter / (4.0 * math.pi * area) - 1.0
    dev = max(size - rule.high, rule.low - size, 0.0)
    return rule.out_of_range * dev + rule.off_target * off * off + rule.compactness * shape + inner + moved


@njit(cache=True)
def moved_of(held: float, whole: float, rule: Rule) -> float:
    """Cost of a grid holding `held` of the `whole` size of an earlier grid."""
    return 0.5 * rule.moved * min(held, whole - held)


def objective(problem: Problem, label: Ints) -> float:
    """J of the division `label` (int64[n], any ids) of `problem`."""
    rule = rule_of(problem)
    grid = np.unique(label, return_inverse=True)[1].reshape(-1)
    size, area, perimeter = (np.bincount(grid, x) for x in (problem.size, problem.area_m2, problem.perimeter_m))
    pairs = np.concatenate([problem.edges, problem.touches])
    together = grid[pairs[:, 0]] == grid[pairs[:, 1]]
    shared = np.concatenate([problem.shared_m, problem.touch_shared_m])[together]
    perimeter = perimeter - 2.0 * np.bincount(grid[pairs[together, 0]], shared, minlength=len(size))
    cost = np.where(
        together,
        np.concatenate([problem.keep_cost, problem.touch_keep_cost]),
        np.concatenate([problem.cut_cost, problem.touch_cut_cost]),
    )
    dev = np.maximum(np.maximum(size - rule.high, rule.low - size), 0.0)
    off = ((size - rule.target) / rule.target) ** 2
    shape = perimeter**2 / (4.0 * np.pi * area) - 1.0
    grids = rule.out_of_range * dev + rule.off_target * off + rule.compactness * shape
    return float(grids.sum() + cost.sum() + rule.moved * _moved(problem, grid))


def _moved(problem: Problem, grid: Ints) -> float:
    known = problem.earlier >= 0
    if not known.any():
        return 0.0
    earlier = np.unique(problem.earlier[known], return_inverse=True)[1].reshape(-1)
    size = problem.size[known]
    whole = np.bincount(earlier, size)
    pair, at = np.unique(earlier * problem.atoms + grid[known], return_inverse=True)
    held = np.bincount(at.reshape(-1), size)
    return float(np.minimum(held, whole[pair // problem.atoms] - held).sum() / 2.0)


@njit(cache=True)
def costs_of_grids(graph: Graph, label: Ints, grids: int, rule: Rule) -> Floats:
    """Cost of each grid 0..grids-1 of `label`, float64[grids]; pairs between grids cost nothing here."""
    size, area, perimeter, inner, moved = np.zeros((5, grids))
    held = np.zeros((grids, len(graph.earlier_size)))
    for u in range(len(label)):
        g = label[u]
        size[g] += graph.size[u]
        area[g] += graph.area[u]
        perimeter[g] += graph.perimeter[u]
        for at in range(graph.start[u], graph.start[u + 1]):
            if label[graph.to[at]] == g:
                perimeter[g] -= graph.pair[at, SHARED]
                inner[g] += 0.5 * graph.pair[at, GAIN]
        for at in range(graph.was_start[u], graph.was_start[u + 1]):
            held[g, graph.was[at]] += graph.was_size[at]
    cost = np.empty(grids)
    for g in range(grids):
        for e in range(held.shape[1]):
            moved[g] += moved_of(held[g, e], graph.earlier_size[e], rule)
        cost[g] = cost_of(size[g], area[g], perimeter[g], inner[g], moved[g], rule)
    return cost
