"""Grids and micro-grids of one zone: the finest blocks that keep it in range, no necks, towers apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import shapely

from gridgis.divide.graph import ZoneGraph, as_they_stand, contacts, linked, problem, with_links
from gridgis.divide.micros import micro_grids
from gridgis.divide.partition import objective
from gridgis.divide.partition.problem import Problem, Refuse
from gridgis.divide.partition.solve import Solution, solve
from gridgis.geometry.components import components, relabel, sums
from gridgis.geometry.coverage import necks
from gridgis.geometry.noding import Floats, Ints
from gridgis.profile import Profile

WHOLE = ((1.0, 1.0), (0.8, 1.0), (0.6, 1.0), (0.4, 1.0), (0.2, 1.0), (0.0, 1.0), (0.0, 0.0))
"""Shares of the largest grid up to which a block, and a compound, stays whole; tried until the zone is in range."""


@dataclass(frozen=True)
class Standing:
    """Grid and micro-grid that each atom of a zone belonged to before, -1 for none.

    Invariant: labels from 0; a micro-grid is a part of one grid.
    """

    grid: Ints
    micro: Ints


@dataclass(frozen=True)
class ZoneGrids:
    """Grid and micro-grid of each atom of a zone, and what is known of the quality.

    Attributes
    ----------
    grid, micro : labels from 0; micro-grids are numbered over the whole zone and never cross a grid
    """

    grid: Ints
    micro: Ints
    proof: str
    gap: float
    reasons: tuple[str, ...]
    culprit: Ints


def divide_zone(
    graph: ZoneGraph,
    *,
    low: float,
    high: float,
    micro_low: float,
    micro_high: float,
    households: Floats,
    seed: int,
    effort: int,
    profile: Profile,
    earlier: Standing | None = None,
) -> ZoneGrids:
    """Divide one zone.

    What `proof` and `gap` say holds among divisions that keep whole the blocks and compounds of the first
    entry of :data:`WHOLE` that puts the zone in range.

    Parameters
    ----------
    households : of each atom, by which micro-grids are made
    earlier : what each atom belonged to before: as few households as can be leave it
    """
    rng = np.random.default_rng(seed)
    base = problem(graph, low=low, high=high, profile=profile, earlier=None if earlier is None else earlier.grid)
    solution = best_grids(graph, base, rng=rng, effort=effort, profile=profile)
    micro = relabel(solution.label)
    if np.isfinite(micro_high):
        stood = None if earlier is None else earlier.micro
        micro = micro_grids(
            base, solution.label, households, micro_low, micro_high, earlier=stood, rng=rng, effort=effort
        )
    return ZoneGrids(solution.label, micro, solution.proof, solution.gap, solution.reasons, solution.culprit)


def best_grids(graph: ZoneGraph, base: Problem, *, rng: np.random.Generator, effort: int, profile: Profile) -> Solution:
    """The division with the coarsest blocks that is in range; else the one nearest to it.

    The grids that stand (`base.earlier`) are given back where no division is better that was met.

    Parameters
    ----------
    base : the atoms of `graph`, as :func:`gridgis.divide.graph.problem` makes it, and what of it is locked
    """
    necked = _necks(graph, width_m=profile.tolerances.neck_m.value)
    best: tuple[float, Solution] | None = None
    for links in _links(graph, base, profile=profile):
        solution = solve(with_links(base, links), rng=rng, refuse=necked, effort=effort)
        out = out_of_range(solution.label, base)
        if best is None or out < best[0]:
            best = (out, solution)
        if out == 0 or "count_infeasible" in solution.reasons or "no_residents" in solution.reasons:
            break
    assert best is not None
    return _or_as_it_stands(best[1], base, necked)


def _links(graph: ZoneGraph, base: Problem, *, profile: Profile) -> Iterator[Ints]:
    """Atoms that stay together, one set of links after the other until the zone is in range.

    Blocks that standing grids divide may stay divided, at first. Where that leaves the zone out of range they are
    whole again: a graph of fewer nodes is searched better.
    """
    contact = contacts(graph, profile=profile, earlier=base.earlier)
    stands = bool((base.earlier >= 0).any())
    tried: list[Ints] = []
    for divided in (True, False) if stands else (False,):
        for block, compound in WHOLE:
            links = linked(graph, whole=block * base.high, whole_compound=compound * base.high, contact=contact)
            if divided:
                links = as_they_stand(links, graph, base.earlier, contact=contact)
            if not any(np.array_equal(links, before) for before in tried):
                tried.append(links)
                yield links


def _or_as_it_stands(found: Solution, base: Problem, refuse: Refuse) -> Solution:
    """The division found, or the grids that stand where they are as good."""
    free = base.frozen < 0
    if not free.any() or (base.earlier[free] < 0).any() or not _is_whole(base.earlier, base):
        return found
    grids = int(base.earlier.max()) + 1
    stands = relabel(np.where(free, base.earlier, grids + base.frozen))
    rank, least = (_rank(label, base, refuse) for label in (stands, found.label))
    close = 1e-9 * max(1.0, abs(least[2]))
    if rank[:2] > least[:2] or (rank[:2] == least[:2] and rank[2] > least[2] + close):
        return found
    return replace(found, label=stands, objective=rank[2])


def _is_whole(label: Ints, base: Problem) -> bool:
    """Whether every grid hangs together, whole parts of the zone apart that are joined to it."""
    pairs = np.concatenate([base.edges, base.touches])
    part = components(base.atoms, pairs)
    piece = components(base.atoms, pairs[label[pairs[:, 0]] == label[pairs[:, 1]]])
    first = np.unique(piece, return_index=True)[1]
    torn = np.bincount(piece) < np.bincount(part)[part[first]]
    return bool((np.bincount(label[first][torn]) <= 1).all())


def _rank(label: Ints, base: Problem, refuse: Refuse) -> tuple[float, int, float]:
    """What of a division comes first: households out of range, grids that are refused, the objective."""
    free = np.flatnonzero(base.frozen < 0)
    refused = sum(refuse(free[label[free] == g]) for g in np.unique(label[free]))
    return round(out_of_range(label, base), 6), refused, objective(base, label)


def out_of_range(label: Ints, base: Problem) -> float:
    """Sum over grids that are not frozen of what is outside the range."""
    free = base.frozen < 0
    size = sums(relabel(label[free]), base.size[free])
    return float(np.maximum(0, size - base.high).sum() + np.maximum(0, base.low - size).sum())


def _necks(graph: ZoneGraph, *, width_m: float) -> Refuse:
    """Whether atoms would be a grid with a neck, as :func:`gridgis.geometry.coverage.necks` tells it."""

    @cache
    def necked(atoms: bytes) -> bool:
        shape = shapely.coverage_union_all(graph.geometry[np.frombuffer(atoms, dtype=np.int64)])
        return len(necks(np.array([shape], dtype=object), width_m=width_m)[0]) > 0

    return lambda atoms: necked(atoms.astype(np.int64).tobytes())
