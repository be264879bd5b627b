"""Nodes that prove a graph cannot be in range: no connected set around them is."""

from __future__ import annotations

import heapq

import numpy as np

from gridgis.divide.partition.problem import Graph, Ints, Rule
from gridgis.divide.partition.reduce import within
from gridgis.divide.partition.subsets import NONE, WORD, neighbour_masks, set_in_range

VISITS = 20_000


def hemmed(graph: Graph, rule: Rule, nodes: Ints) -> Ints:
    """Those of `nodes` for which every connected set with them is out of range, int64[...].

    Each is proved by enumeration of the sets around it that do not exceed the range; a node around
    which there are too many is left out.
    """
    proved = [u for u in nodes if _is_hemmed(graph, rule, int(u))]
    return np.array(proved, np.int64)


def _is_hemmed(graph: Graph, rule: Rule, u: int) -> bool:
    around = _within_reach(graph, rule, u)
    if not 0 < len(around) <= WORD:
        return len(around) == 0
    small = within(graph, around)
    here = int(np.searchsorted(around, u))
    answer = set_in_range(here, small.size, neighbour_masks(small), rule.low, rule.high, VISITS)
    return bool(answer == NONE)


def _within_reach(graph: Graph, rule: Rule, u: int) -> Ints:
    """Nodes that lie on some path from `u` whose sizes add up to at most `high`, ascending."""
    far = {u: float(graph.size[u])}
    heap = [(far[u], u)] if far[u] <= rule.high else []
    done: set[int] = set()
    while heap and len(done) <= WORD:
        total, a = heapq.heappop(heap)
        if a in done:
            continue
        done.add(a)
        for b in graph.to[graph.start[a] : graph.reach[a]].tolist():
            reached = total + float(graph.size[b])
            if reached <= rule.high and reached < far.get(b, np.inf):
                far[b] = reached
                heapq.heappush(heap, (reached, b))
    return np.array(sorted(done), np.int64)
