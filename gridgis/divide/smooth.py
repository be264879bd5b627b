"""Off-street borders made smooth by moving vertices that neighbours share.

Invariant: the coverage stays one. A vertex moves in all atoms that have it, no atom turns over or crosses
itself, no border comes to lie in a building, no building and no household point changes its atom; borders on
streets, on zones and on compounds stay where they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from scipy.sparse import csr_array

from gridgis.divide.atoms import Atoms
from gridgis.divide.units import Units
from gridgis.geometry.noding import GRID_M, Bools, Floats, Geometries, Ints, inner_points
from gridgis.profile import Profile

STEPS = 12
"""Rounds in which each vertex goes half way to the middle of its neighbours on the border."""

HALVINGS = 3
"""A move that breaks something is halved this often before it is given up."""

CLEAR_M = 0.05
"""A border keeps this distance from a building when it moves."""

LEAST_AREA = 0.4
"""An atom that would lose more of its area than the rest keeps its vertices."""


def smoothed(atoms: Atoms, grid: Ints, micro: Ints, units: Units, *, profile: Profile) -> Atoms:
    """The atoms with smooth borders between grids, and between micro-grids, where no line is followed.

    Each border vertex goes step by step to the middle of its neighbours on a border of the same rank
    (Laplacian smoothing); what would break the invariant goes back.
    """
    xy, atom = shapely.get_coordinates(atoms.geometry, return_index=True)
    b = atoms.borders
    every, inverse = np.unique(np.concatenate([xy, b.a, b.b]), axis=0, return_inverse=True)
    vertex, a, c = np.split(inverse, [len(xy), len(xy) + len(b.a)])
    rank, fixed = _ranks(atoms, grid, micro, profile=profile)
    pull, free = _pull(len(every), a, c, rank, fixed)
    free &= ~_at_building(every, free, units)
    if not free.any():
        return atoms
    goal = every.copy()
    for _ in range(STEPS):
        goal[free] = (goal + (pull @ goal - goal) / 2)[free]
    goal = np.round(goal / GRID_M) * GRID_M
    place = _settled(every, goal, free, atoms, vertex, atom, np.column_stack([a, c]), units)
    geometry = shapely.set_coordinates(atoms.geometry.copy(), place[vertex])
    length = np.hypot(*(place[c] - place[a]).T)
    return replace(atoms, geometry=geometry, borders=replace(b, a=place[a], b=place[c], length_m=length))


def _ranks(atoms: Atoms, grid: Ints, micro: Ints, *, profile: Profile) -> tuple[Ints, Bools]:
    """Rank of each border (2 between grids, 1 between micro-grids, 0 inside) and whether it stays."""
    b = atoms.borders
    i, j = b.first, np.maximum(b.second, 0)
    rank = np.where(grid[i] != grid[j], 2, np.where(micro[i] != micro[j], 1, 0))
    fixed = (b.second < 0) | (atoms.zone[i] != atoms.zone[j]) | (b.cut_cost < profile.off_street.cut_cost)
    return np.where(b.second < 0, 2, rank), fixed


def _pull(n: int, a: Ints, c: Ints, rank: Ints, fixed: Bools) -> tuple[csr_array, Bools]:
    """Matrix that takes each vertex to the middle of its neighbours of its rank, and which vertices are free."""
    top = np.zeros(n, dtype=np.int64)
    np.maximum.at(top, a, rank)
    np.maximum.at(top, c, rank)
    held = np.zeros(n, dtype=bool)
    held[a[fixed]] = held[c[fixed]] = True
    source, target = np.concatenate([a, c]), np.concatenate([c, a])
    use = np.concatenate([rank, rank]) == top[source]
    source, target = source[use], target[use]
    degree = np.bincount(source, minlength=n)
    matrix = csr_array((1.0 / degree[source], (source, target)), shape=(n, n))
    return matrix, ~held & (top > 0) & (degree >= 2)


def _at_building(xy: Floats, free: Bools, units: Units) -> Bools:
    """Vertices on or beside the wall of a building: the border bends round it there."""
    out = np.zeros(len(xy), dtype=bool)
    rows = np.flatnonzero(free)
    walls = units.geometry[units.areal]
    if len(walls):
        hit = shapely.STRtree(walls).query(shapely.points(xy[rows]), predicate="dwithin", distance=CLEAR_M)[0]
        out[rows[hit]] = True
    return out


def _settled(
    here: Floats,
    goal: Floats,
    free: Bools,
    atoms: Atoms,
    vertex: Ints,
    atom: Ints,
    border: Ints,
    units: Units,
) -> Floats:
    """Places of the vertices after those whose move breaks something went back, half way at first."""
    tries = np.zeros(len(here), dtype=np.int64)
    moved = free & (goal != here).any(axis=1)
    area = shapely.area(atoms.geometry)
    walls = shapely.STRtree(units.geometry[units.areal])
    inside = inner_points(units.geometry)
    while moved.any():
        place = np.where(moved[:, None], goal, here)
        bad = np.zeros(len(here), dtype=bool)
        touched = np.unique(atom[moved[vertex]])
        broken = _broken(atoms.geometry, touched, place[vertex], atom, area)
        lost = _losing(touched, place[vertex], atom, atoms, inside)
        bad[vertex[np.isin(atom, np.concatenate([broken, lost]))]] = True
        rows = np.flatnonzero(moved[border].any(axis=1))
        lines = shapely.linestrings(place[border[rows]])
        hit = np.unique(walls.query(lines, predicate="dwithin", distance=CLEAR_M)[0])
        bad[border[rows[hit]].ravel()] = True
        bad &= moved
        if not bad.any():
            return place
        tries[bad] += 1
        goal = np.where(bad[:, None], np.round((here + goal) / 2 / GRID_M) * GRID_M, goal)
        moved &= ~(bad & (tries > HALVINGS)) & (goal != here).any(axis=1)
    return here


def _broken(geometry: Geometries, touched: Ints, xy: Floats, atom: Ints, area: Floats) -> Ints:
    """Atoms that would cross themselves, turn over or nearly vanish."""
    shape = _moved(geometry, touched, xy, atom)
    ok = shapely.is_valid(shape) & (shapely.area(shape) >= LEAST_AREA * area[touched])
    ok &= shapely.is_ccw(shapely.get_exterior_ring(shape)) == shapely.is_ccw(
        shapely.get_exterior_ring(geometry[touched])
    )
    return touched[~ok]


def _losing(touched: Ints, xy: Floats, atom: Ints, atoms: Atoms, inside: Geometries) -> Ints:
    """Atoms that a building or a household point of theirs would leave: a border may also leap over it."""
    loose = np.flatnonzero(np.isin(atoms.unit_atom, touched))
    if not len(loose):
        return loose
    shape = _moved(atoms.geometry, touched, xy, atom)
    at = np.searchsorted(touched, atoms.unit_atom[loose])
    return touched[np.unique(at[~shapely.intersects(shape[at], inside[loose])])]


def _moved(geometry: Geometries, touched: Ints, xy: Floats, atom: Ints) -> Geometries:
    rows = np.isin(atom, touched)
    return np.asarray(shapely.set_coordinates(geometry[touched].copy(), xy[rows]), dtype=object)
