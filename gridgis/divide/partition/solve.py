"""The division of one zone: each connected part solved by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridgis.divide.partition.objective import objective
from gridgis.divide.partition.problem import Ints, Problem, check
from gridgis.divide.partition.reduce import parts, reduce


@dataclass(frozen=True)
class Solution:
    label: Ints
    objective: float
    proof: str
    gap: float
    reasons: tuple[str, ...]
    culprit: Ints


def solve(problem: Problem, *, rng: np.random.Generator, effort: int = 1) -> Solution:
    """Thin first version: regions grown greedily."""
    check(problem)
    graph, node = reduce(problem)
    label = np.full(len(graph.size), -1, np.int64)
    k = 0
    for seed in range(len(label)):
        if label[seed] >= 0:
            continue
        total, queue = 0.0, [seed]
        while queue:
            u = queue.pop(0)
            if label[u] >= 0 or (total and total + graph.size[u] > problem.high):
                continue
            label[u] = k
            total += graph.size[u]
            row = slice(graph.start[u], graph.start[u + 1])
            queue += [int(v) for v in graph.to[row][graph.contact[row]] if label[v] < 0]
        k += 1
    raw = np.where(node >= 0, label[np.maximum(node, 0)] if len(label) else 0, k + problem.frozen)
    _, first, inverse = np.unique(raw, return_index=True, return_inverse=True)
    out = np.argsort(np.argsort(first))[inverse.reshape(-1)]
    reasons = ("detached",) if len(label) and parts(graph).max() > 0 else ()
    return Solution(out, objective(problem, out), "none", float("nan"), reasons, np.zeros(0, np.int64))
