"""Micro-grids of the grids of one zone: anew, or from those that stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gridgis.divide.partition.problem import Problem, induced
from gridgis.divide.partition.solve import solve
from gridgis.geometry.components import components, relabel, sums
from gridgis.geometry.noding import Bools, Floats, Ints


def micro_grids(
    base: Problem,
    grid: Ints,
    households: Floats,
    low: float,
    high: float,
    *,
    earlier: Ints | None = None,
    rng: np.random.Generator,
    effort: int,
) -> Ints:
    """Micro-grids inside each grid, by households, numbered from 0; a grid without households is one.

    Parameters
    ----------
    base : the atoms of the zone
    grid : of each atom; -1 for atoms that are left out
    low, high : range of a micro-grid
    earlier : micro-grid that each atom belonged to before, -1 for none
    """
    micro = np.zeros(len(grid), dtype=np.int64)
    stays = None if earlier is None else _may_stay(earlier, grid, base, households, low, high)
    following = 0
    for g in np.unique(grid[grid >= 0]):
        mine = np.flatnonzero(grid == g)
        label = np.zeros(len(mine), dtype=np.int64)
        if households[mine].sum() > 0:
            inner = _problem(base, mine, households, low, high)
            if earlier is None or stays is None:
                label = solve(inner, rng=rng, effort=effort).label
            else:
                label = _from(earlier[mine], stays[mine], inner, rng=rng, effort=effort)
        micro[mine] = following + label
        following += int(label.max(initial=0)) + 1
    return micro


def _may_stay(micro: Ints, grid: Ints, base: Problem, households: Floats, low: float, high: float) -> Bools:
    """Whether the micro-grid of each atom hangs together, lies whole in one grid, and is in range or a tower alone.

    Parameters
    ----------
    micro : of each atom, -1 for none
    """
    known = micro >= 0
    out = np.zeros(len(micro), dtype=bool)
    if not known.any():
        return out
    pairs = np.concatenate([base.edges, base.touches])
    together = (micro[pairs[:, 0]] == micro[pairs[:, 1]]) & (grid[pairs[:, 0]] == grid[pairs[:, 1]])
    piece = components(len(micro), pairs[together])[known]
    label = relabel(micro[known])
    size, peopled = sums(label, households[known]), sums(label, (households[known] > 0).astype(float))
    first = piece[np.unique(label, return_index=True)[1]]
    torn = sums(label, (piece != first[label]).astype(float)) > 0
    fits = (size >= low) & ((size <= high) | (peopled == 1))
    out[known] = (fits & ~torn)[label]
    return out


def _from(earlier: Ints, stays: Bools, inner: Problem, *, rng: np.random.Generator, effort: int) -> Ints:
    """Micro-grids of one grid: those that may stay do; where that leaves others out of range, all are free.

    Fewest households out of range count first, then that what stands stays.
    """
    kept = replace(inner, earlier=earlier, frozen=np.where(stays, earlier, -1))
    label = relabel(earlier) if stays.all() else solve(kept, rng=rng, effort=effort).label
    if stays.all() or not stays.any() or _out_of_range(label, inner) == 0:
        return label
    free = solve(replace(inner, earlier=earlier), rng=rng, effort=effort).label
    return free if _out_of_range(free, inner) < _out_of_range(label, inner) else label


def _out_of_range(label: Ints, inner: Problem) -> float:
    size = sums(label, inner.size)
    return float(np.maximum(0, size - inner.high).sum() + np.maximum(0, inner.low - size).sum())


def _problem(base: Problem, mine: Ints, households: Floats, low: float, high: float) -> Problem:
    inner = induced(base, mine, low=low, high=high)
    none = np.zeros((0, 2), dtype=np.int64)
    return replace(inner, size=households[mine], must_link=none, cut=none)
