"""What is left of grids of which land was taken: each goes on in one part, the other parts find another place."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gridgis.adjust.draft import Draft
from gridgis.adjust.plane import Plane
from gridgis.errors import Notice
from gridgis.geometry.borders import adjacency
from gridgis.geometry.components import components, sums
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, as_array

FRESH = "new "
"""How the place of a grid begins that has no code yet."""


@dataclass(frozen=True)
class Remnants:
    """Atoms after land was taken from grids.

    Attributes
    ----------
    taken : of each atom, whether it is taken; slivers that were left over too
    grid : grid of each atom, remnants in that of the neighbour to which they go; those without one have a text that
        begins with :data:`FRESH`, the same for all that are to be one grid
    alone : atoms of each grid that is new
    slivers_m2 : land that was left over and is taken too
    told : of each remnant that goes to a neighbour its grid, that of the neighbour, and its area
    """

    taken: Bools
    grid: Geometries
    alone: tuple[Ints, ...]
    slivers_m2: float
    told: tuple[tuple[str, str, float], ...]

    def notices(self, grid: Geometries) -> list[Notice]:
        """What became of the remnants.

        Parameters
        ----------
        grid : of each atom, in the end
        """
        out = [Notice("grids", f"{area:.0f} m2 of {old} are cut off and go to {new}") for old, new, area in self.told]
        out += [Notice("grids", f"a part is cut off and is grid {grid[rows[0]]} now") for rows in self.alone]
        if self.slivers_m2 > 0:
            out.append(Notice("grids", f"{self.slivers_m2:.0f} m2 of slivers go into it as well"))
        return out


def remnants(draft: Draft, atoms: gpd.GeoDataFrame, taken: Bools, *, plane: Plane, sliver_m: float) -> Remnants:
    """What becomes of the grids from which some atoms are taken.

    Of each part of a grid what has most households, then most land, goes on as the grid. What was cut off from it
    goes to the grid of its zone with the longest common border that is not locked; where it is nowhere wider than
    `sliver_m`, it is taken as well.

    Parameters
    ----------
    atoms : all atoms of a draft
    taken : of each
    """
    grid = atoms["grid_code"].to_numpy(dtype=object)
    zone = atoms["zone_code"].to_numpy(dtype=object)
    near = np.flatnonzero(np.isin(zone.astype(str), sorted({str(z) for z in zone[taken]})))
    shape = plane.metres(as_array(atoms.geometry)[near])
    pairs, length = adjacency(shape)
    pairs = near[pairs]
    was = _parts(grid, pairs, len(grid))
    part = _parts(np.where(taken, "", grid), pairs, len(grid))
    cut_off = _cut_off(atoms, taken, was, part, near, shape)
    sliver = [rows for rows in cut_off if _narrow(shape[np.searchsorted(near, rows)], sliver_m)]
    gone = taken.copy()
    for rows in sliver:
        gone[rows] = True
    area = [float(shapely.area(shape[np.searchsorted(near, rows)]).sum()) for rows in cut_off]
    placed = _placed(draft, [rows for rows in cut_off if not gone[rows[0]]], grid, zone, gone, pairs, length)
    told = [(str(grid[rows[0]]), str(placed[rows[0]]), a) for rows, a in zip(cut_off, area, strict=True)]
    slivers = sum(a for rows, a in zip(cut_off, area, strict=True) if gone[rows[0]])
    moved = tuple(row for row in told if row[0] != row[1] and row[1] in set(grid))
    fresh = sorted({str(code) for code in placed if code.startswith(FRESH)})
    return Remnants(gone, placed, tuple(np.flatnonzero(placed == code) for code in fresh), slivers, moved)


def _placed(
    draft: Draft,
    cut_off: list[Ints],
    grid: Geometries,
    zone: Geometries,
    gone: Bools,
    pairs: Ints,
    length: Floats,
) -> Geometries:
    """Grid of each atom after parts that were cut off found one, the largest first.

    None goes to a part that has no place itself; where none has a neighbour with one, the largest is a grid of its own.
    """
    out, settled = grid.copy(), ~gone
    settled[[row for rows in cut_off for row in rows]] = False
    waiting, fresh = list(cut_off), 0
    while waiting:
        homes = [_neighbour(draft, rows, out, zone, settled, pairs, length) for rows in waiting]
        k = next((k for k, home in enumerate(homes) if home is not None), 0)
        rows = waiting.pop(k)
        fresh += homes[k] is None
        out[rows] = homes[k] or f"{FRESH}{fresh:06d}"
        settled[rows] = True
    return out


def _parts(label: Geometries, pairs: Ints, n: int) -> Ints:
    """Parts of equal labels that hang together."""
    i, j = pairs.T if len(pairs) else np.zeros((2, 0), dtype=np.int64)
    return components(n, pairs[label[i] == label[j]])


def _cut_off(atoms: gpd.GeoDataFrame, taken: Bools, was: Ints, part: Ints, near: Ints, shape: Geometries) -> list[Ints]:
    """Rows of the parts that were cut off, the largest first.

    Parameters
    ----------
    was, part : the part of its grid to which each atom belonged and belongs
    near, shape : the atoms that are looked at, in metres
    """
    households = atoms["households"].to_numpy(dtype=float, na_value=0.0)
    area = np.zeros(len(was))
    area[near] = shapely.area(shape)
    out = []
    for before in sorted({int(p) for p in was[taken]}):
        rows = np.flatnonzero((was == before) & ~taken)
        names, at = np.unique(part[rows], return_inverse=True)
        order = np.lexsort((names, -sums(at, area[rows], len(names)), -sums(at, households[rows], len(names))))
        out += [rows[at == k] for k in order[1:]]
    return sorted(out, key=lambda rows: (-area[rows].sum(), int(rows[0])))


def _narrow(shapes: Geometries, width_m: float) -> bool:
    return bool(shapely.is_empty(shapely.buffer(shapely.union_all(shapes), -width_m / 2, quad_segs=2)))


def _neighbour(
    draft: Draft, rows: Ints, grid: Geometries, zone: Geometries, settled: Bools, pairs: Ints, length: Floats
) -> str | None:
    """The grid of the zone with the longest border with some atoms; ties go to the smaller code."""
    mine = np.zeros(len(grid), dtype=bool)
    mine[rows] = True
    i, j = pairs.T
    beside = mine[i] != mine[j]
    other = np.where(mine[i], j, i)[beside]
    use = (zone[other] == zone[rows[0]]) & settled[other]
    use &= ~np.isin(grid[other].astype(str), sorted(draft.locks.grids))
    if not use.any():
        return None
    names, at = np.unique(grid[other][use].astype(str), return_inverse=True)
    return str(names[int(np.argmax(np.bincount(at, weights=length[beside][use])))])
