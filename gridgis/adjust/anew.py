"""One zone divided anew from the grids that stand: what a process needs for it, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gridgis.adjust.draft import Draft, Locks
from gridgis.adjust.graph import Ground
from gridgis.divide.graph import ZoneGraph, problem
from gridgis.divide.grids import Standing, best_grids
from gridgis.divide.measures import Measure
from gridgis.divide.micros import micro_grids
from gridgis.divide.partition.problem import Problem
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints
from gridgis.profile import Profile


@dataclass(frozen=True)
class Task:
    """What one process needs to divide a zone anew.

    Attributes
    ----------
    free : atoms of the grids that may change
    locked : pairs of atoms on locked borders
    again : atoms whose micro-grids are made again whatever becomes of their grid
    """

    graph: ZoneGraph
    measure: Measure
    households: Floats
    standing: Standing
    free: Bools
    locked: Ints
    again: Bools
    seed: tuple[int, int]
    effort: int
    profile: Profile


@dataclass(frozen=True)
class Done:
    """Grid and micro-grid of each atom, and why the zone is out of range, where it is."""

    grid: Ints
    micro: Ints
    reasons: tuple[str, ...]


def task_of(
    draft: Draft, ground: Ground, free: frozenset[str], again: frozenset[str], *, seed: int, effort: int
) -> Task:
    """The task of one zone.

    Parameters
    ----------
    free : codes of the grids that may change
    again : of those whose micro-grids are made again in any case
    """
    code = ground.grids[ground.standing.grid]
    return Task(
        ground.graph,
        ground.measure,
        ground.households,
        ground.standing,
        np.isin(code.astype(str), sorted(free)),
        _locked_pairs(ground.graph.pairs, code, draft.locks),
        np.isin(code.astype(str), sorted(again)),
        (seed, int(ground.zone_code)),
        effort,
        draft.profile,
    )


def _locked_pairs(pairs: Ints, code: Geometries, locks: Locks) -> Ints:
    """Pairs of neighbouring atoms on the two sides of a locked border."""
    one, two = code[pairs[:, 0]], code[pairs[:, 1]]
    held = [(min(a, b), max(a, b)) in locks.borders for a, b in zip(one, two, strict=True)]
    return pairs[np.array(held, dtype=bool)]


def divided(task: Task) -> Done:
    """One zone divided anew."""
    rng = np.random.default_rng(task.seed)
    was = task.standing
    base = problem(task.graph, low=task.measure.low, high=task.measure.high, profile=task.profile, earlier=was.grid)
    base = replace(base, frozen=np.where(task.free, -1, was.grid), cut=task.locked)
    if not task.free.any():
        return Done(was.grid, _micros(task, base, was.grid, task.again, rng), ())
    found = best_grids(task.graph, base, rng=rng, effort=task.effort, profile=task.profile)
    changed = ~same_parts(was.grid, found.label)
    return Done(found.label, _micros(task, base, found.label, changed | task.again, rng), found.reasons)


def same_parts(was: Ints, now: Ints) -> Bools:
    """Whether the part of each atom has the atoms that it had."""
    pair = np.unique(np.column_stack([was, now]), axis=0, return_inverse=True)[1].reshape(-1)
    count = np.bincount(pair)[pair]
    return np.asarray((count == np.bincount(was)[was]) & (count == np.bincount(now)[now]), dtype=bool)


def _micros(task: Task, base: Problem, grid: Ints, again: Bools, rng: np.random.Generator) -> Ints:
    """Micro-grid of each atom: made again where `again`, the others stay."""
    was, measure = task.standing, task.measure
    out = was.micro.copy()
    if not again.any():
        return out
    following = int(was.micro.max()) + 1
    if not np.isfinite(measure.micro_high):
        out[again] = following + grid[again]
        return out
    label = np.where(again, grid, -1)
    made = micro_grids(
        base,
        label,
        np.nan_to_num(task.households),
        measure.micro_low,
        measure.micro_high,
        earlier=was.micro,
        rng=rng,
        effort=task.effort,
    )
    out[again] = following + made[again]
    return out
