"""The division of one zone: each connected part solved by itself, exactly where it can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gridgis.divide.partition.exact import exact
from gridgis.divide.partition.hemmed import hemmed
from gridgis.divide.partition.objective import costs_of_grids, objective
from gridgis.divide.partition.problem import GAIN, LOCKED, Graph, Ints, Problem, Refuse, Rule, check, rule_of
from gridgis.divide.partition.reduce import parts, reduce, within
from gridgis.divide.partition.search import search
from gridgis.divide.partition.subsets import shortfall

MORE_EFFORT = 3
"""How much harder a part is searched once more when it came out of range, or with a grid refused, without a proof."""
NO_NODES = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Solution:
    """A division and what is known of it.

    Attributes
    ----------
    label : int64[n]
        The grid of each atom, 0..k-1 in the order of the first atom.
    objective : float
        J of the division, by :func:`objective`.
    proof : str
        "optimal" (no division of each connected part is better), "bound" (none is better by more
        than `gap`) or "none".
    gap : float
        (J - bound) / bound where proof is "bound", 0.0 where "optimal", NaN where "none".
    reasons : tuple of str
        Why grids are out of range, where they are: "no_residents" (a part without size),
        "count_infeasible" (no number of grids shares the sum out), "atoms_infeasible" (an atom or
        enumeration proves it); and "detached" where the atoms are not connected.
    culprit : int64[...]
        Atoms that prove "atoms_infeasible": larger than the range, or in no set that is in range.
    """

    label: Ints
    objective: float
    proof: str
    gap: float
    reasons: tuple[str, ...]
    culprit: Ints


class Part(NamedTuple):
    """What was found for one connected part; `excess` is how far its cost may lie above the best."""

    label: Ints
    excess: float
    reasons: tuple[str, ...] = ()
    culprit: Ints = NO_NODES


def solve(problem: Problem, *, rng: np.random.Generator, refuse: Refuse | None = None, effort: int = 1) -> Solution:
    """Divide the atoms of `problem` into connected grids of least J.

    A part of at most 64 nodes whose possible grids can be enumerated is solved to the proven
    optimum; any other is annealed, and the grids met are put together by set partition. Limits
    count steps, so the answer depends on the problem, the seed and `effort` alone.

    Parameters
    ----------
    problem : Problem
    rng : numpy.random.Generator
        One number is drawn from it.
    refuse : Refuse, optional
        Tells atoms that should not be a grid: fewer of such grids come before a lower J, households out of range
        before both. What is proved is proved of all divisions.
    effort : int
        Multiplies all limits and numbers of steps.

    Raises
    ------
    ValueError
        Where the arrays of `problem` contradict one another.
    """
    check(problem)
    seed = int(rng.integers(2**62))
    graph, node = reduce(problem)
    rule = rule_of(problem)
    part = parts(graph)
    count = int(part.max(initial=-1)) + 1
    label, grids = np.empty(len(graph.size), np.int64), 0
    found = []
    for k in range(count):
        nodes = np.flatnonzero(part == k)
        mine = graph if count == 1 else within(graph, nodes)
        one = _solve_part(mine, rule, seed=seed + k, refuse=_of_nodes(refuse, node, nodes), effort=effort)
        label[nodes] = grids + one.label
        grids += int(one.label.max()) + 1
        found.append(one._replace(culprit=nodes[one.culprit]))
    return _solution(problem, node, label, grids, found)


def _of_nodes(refuse: Refuse | None, node: Ints, nodes: Ints) -> Refuse | None:
    """The same question of nodes of a part; `node` is that of each atom, `nodes` those of the part."""
    if refuse is None:
        return None
    return lambda mine: refuse(np.flatnonzero(np.isin(node, nodes[mine])))


def _solve_part(graph: Graph, rule: Rule, *, seed: int, refuse: Refuse | None, effort: int) -> Part:
    if not graph.size.any() and not (graph.pair[:, GAIN] > LOCKED / 2).any():
        return _without_size(graph, rule)
    best = exact(graph, rule, refuse=refuse, effort=effort)
    if best is not None:
        reasons, culprit = _reasons(graph, rule, best.label, best.in_range_possible, best.uncovered)
        return Part(best.label, max(best.cost - best.bound, 0.0), reasons, culprit)
    label, cost = search(graph, rule, seed=seed, refuse=refuse, effort=effort)
    reasons, culprit = _reasons(graph, rule, label, None, NO_NODES)
    if not reasons and not (_in_range(graph, rule, label).all() and _none_refused(label, refuse)):
        again, less = search(graph, rule, seed=seed + 1, refuse=refuse, effort=MORE_EFFORT * effort)
        label = again if less < cost else label
    return Part(label, np.inf, reasons, culprit)


def _none_refused(label: Ints, refuse: Refuse | None) -> bool:
    return refuse is None or not any(refuse(np.flatnonzero(label == g)) for g in range(int(label.max()) + 1))


def _without_size(graph: Graph, rule: Rule) -> Part:
    """One grid; two or more are at least twice as far out of range."""
    label = np.zeros(len(graph.size), np.int64)
    one = float(costs_of_grids(graph, label, 1, rule)[0])
    two = 2.0 * (rule.out_of_range * rule.low + rule.off_target) + 0.5 * float(
        np.minimum(graph.pair[:, GAIN], 0.0).sum()
    )
    return Part(label, 0.0 if len(label) == 1 or one <= two else np.inf, ("no_residents",))


def _in_range(graph: Graph, rule: Rule, label: Ints) -> np.ndarray:
    """Whether the grid of each node is in range, bool[n]."""
    size = np.bincount(label, graph.size)[label]
    return (size >= rule.low) & (size <= rule.high)


def _reasons(
    graph: Graph, rule: Rule, label: Ints, possible: bool | None, uncovered: Ints
) -> tuple[tuple[str, ...], Ints]:
    """Why a division is out of range, and the nodes that prove it; nothing where it is in range."""
    inside = _in_range(graph, rule, label)
    if inside.all():
        return (), NO_NODES
    if shortfall(float(graph.size.sum()), rule) > 0:
        return ("count_infeasible",), NO_NODES
    towers = np.flatnonzero(graph.size > rule.high)
    if len(towers):
        return ("atoms_infeasible",), towers
    culprit = hemmed(graph, rule, uncovered if len(uncovered) else np.flatnonzero(~inside))
    if possible is False:
        return ("atoms_infeasible",), culprit if len(culprit) else uncovered
    return (("atoms_infeasible",), culprit) if len(culprit) else ((), NO_NODES)


def _solution(problem: Problem, node: Ints, label: Ints, grids: int, found: list[Part]) -> Solution:
    free = node >= 0
    grid = np.empty(problem.atoms, np.int64)
    grid[free] = label[node[free]]
    grid[~free] = grids + problem.frozen[~free]
    _, first, inverse = np.unique(grid, return_index=True, return_inverse=True)
    grid = np.argsort(np.argsort(first))[inverse.reshape(-1)]
    value = objective(problem, grid) if problem.atoms else 0.0
    excess = sum(part.excess for part in found)
    proof, gap = _proof(value, excess)
    culprit = np.concatenate([NO_NODES, *(part.culprit for part in found)])
    reasons = _zone_reasons(problem, free, found)
    return Solution(grid, value, proof, gap, reasons, np.flatnonzero(np.isin(node, culprit) & free))


def _proof(value: float, excess: float) -> tuple[str, float]:
    if excess <= 1e-6 * max(1.0, abs(value)):
        return "optimal", 0.0
    if np.isfinite(excess) and value - excess > 0:
        return "bound", excess / (value - excess)
    return "none", float("nan")


def _zone_reasons(problem: Problem, free: np.ndarray, found: list[Part]) -> tuple[str, ...]:
    """The reasons of the parts together; a sum that only its parts make infeasible is "detached"."""
    reasons = {reason for part in found for reason in part.reasons}
    if len(found) > 1:
        reasons.add("detached")
        if shortfall(float(problem.size[free].sum()), rule_of(problem)) == 0:
            reasons.discard("count_infeasible")
    return tuple(sorted(reasons))
