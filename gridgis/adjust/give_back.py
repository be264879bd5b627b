"""Give the land of a dedicated zone or a street corridor back to the grids around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import shapely

from gridgis.adjust.accept import accepted
from gridgis.adjust.draft import Draft, Edit, absent
from gridgis.adjust.micros import regrouped
from gridgis.adjust.plane import Plane
from gridgis.adjust.rebuild import rebuilt
from gridgis.adjust.sides import locked
from gridgis.adjust.table import among, changed
from gridgis.adjust.zone_lines import with_lines_of, without_zone
from gridgis.errors import Fault, Notice, refuse
from gridgis.geometry.borders import adjacency
from gridgis.geometry.components import components
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, as_array
from gridgis.schema import layer_of


def give_back(draft: Draft, zone_code: str, *, to: str | None = None) -> Edit:
    """Give up a dedicated zone or a street corridor: its atoms go to the neighbouring grids.

    They go atom by atom to the grid of the zone that takes them with which they have the longest common border, those
    at the border first, then those behind them.

    Parameters
    ----------
    zone_code : of the zone that is given up
    to : code of the zone, or of the one grid, that takes them; by default each part goes to the neighbour of a lower
        layer with the longest common border, a community or village as a rule

    Raises
    ------
    InputRefused
        Where there is no such zone, it is a community or village, it or the grid that takes it is locked, or no
        neighbour that could take it is in the draft.
    """
    refuse([*_unusable(draft, zone_code, to)])
    task = _Task.of(draft, zone_code)
    grid = task.home(to)
    left = task.rows[[code == "" for code in grid[task.rows]]]
    refuse(_left_over(task, left, to))
    atoms = draft.division.atoms
    digits = draft.profile.codes.zone_digits
    zone = np.array([code[:digits] for code in grid], dtype=object)
    number, unknown = _counted(task, grid)
    made = changed(atoms, zone_code=zone, grid_code=grid, households=number)
    taking = sorted(set(grid[task.rows]))
    made = regrouped(draft, made, taking)
    division = draft.division
    for home in sorted(set(zone[task.rows])):
        land = as_array(atoms.geometry)[task.rows[zone[task.rows] == home]]
        division = with_lines_of(division, land, home=home, sources=[zone_code])
    lined = replace(draft, division=without_zone(division, zone_code))
    return accepted(draft, rebuilt(lined, made), notices=[*_told(task, grid), *unknown])


def _counted(task: _Task, grid: Geometries) -> tuple[pd.arrays.IntegerArray, list[Notice]]:
    """Households of all atoms: those that come to a grid whose households are known, and have none told, count as 0."""
    atoms = task.draft.division.atoms
    number = atoms["households"].array.copy()
    stood = atoms["grid_code"].to_numpy(dtype=object)
    known = set(stood[~atoms["households"].isna().to_numpy()])
    silent = [int(k) for k in task.rows if pd.isna(number[k]) and grid[k] in known]
    number[silent] = 0
    told = "households are not known in the zone that is given up: they count as none in the grids that take its land"
    return pd.array(number, dtype="Int64"), [Notice("atoms", told, len(silent))] if silent else []


def _unusable(draft: Draft, zone_code: str, to: str | None) -> Iterator[Fault]:
    zones, grids = draft.division.zones, draft.division.grids
    kind = dict(zip(zones["zone_code"].array, zones["kind"].array, strict=True))
    if zone_code not in kind:
        yield absent("zones", zone_code, word="zone")
    elif _layer(kind[zone_code]) >= _layer("community"):
        cure = "Only dedicated zones and street corridors are given back"
        yield Fault("zones", zone_code, f"is a {kind[zone_code]}, not carved out of others", cure)
    yield from locked(draft, list(grids["grid_code"][grids["zone_code"] == zone_code]))
    if to is None:
        return
    home = to[: draft.profile.codes.zone_digits]
    if home not in kind or (to != home and to not in set(grids["grid_code"])):
        yield absent("zones", to, word="zone or grid beside it")
    elif zone_code in kind and _layer(kind[home]) <= _layer(kind[zone_code]):
        yield Fault(
            "zones", to, f"is a {kind[home]}: it does not lie under {zone_code}", "Name a zone of a lower layer"
        )
    if to != home:
        yield from locked(draft, [to])


def _layer(kind: str) -> int:
    return int(layer_of(np.array([kind], dtype=object))[0])


@dataclass(frozen=True)
class _Task:
    """What is given back.

    Attributes
    ----------
    rows : its atoms
    lower : codes of zones of lower layers
    pairs, length : atoms with a common border, and its length
    """

    draft: Draft
    plane: Plane
    rows: Ints
    lower: frozenset[str]
    pairs: Ints
    length: Floats

    @classmethod
    def of(cls, draft: Draft, zone_code: str) -> _Task:
        atoms, zones = draft.division.atoms, draft.division.zones
        kind = dict(zip(zones["zone_code"].array, zones["kind"].array, strict=True))
        lower = frozenset(code for code in kind if _layer(kind[code]) > _layer(kind[zone_code]))
        rows = np.flatnonzero(among(atoms["zone_code"].array, {zone_code}))
        land = as_array(atoms.geometry)
        near = np.unique(shapely.STRtree(land).query(land[rows], predicate="intersects")[1])
        plane = Plane.of(atoms)
        pairs, length = adjacency(plane.metres(land[near]))
        return cls(draft, plane, rows, lower, near[pairs], length)

    def home(self, to: str | None) -> Geometries:
        """The grid that each atom has or goes to; empty text where there is none for it."""
        atoms = self.draft.division.atoms
        grid, zone = (atoms[name].to_numpy(dtype=object, copy=True) for name in ("grid_code", "zone_code"))
        grid[self.rows] = ""
        if to is not None and to in set(grid):
            grid[self.rows] = to
            return grid
        free = ~among(grid, self.draft.locks.grids | {""})
        if to is not None:
            return self._spread(grid, free & (zone == to))
        for part in self._parts():
            grid = self._spread(grid, free & (zone == self._neighbour(part, zone, free)), rows=part)
        return grid

    def _parts(self) -> list[Ints]:
        """Rows of each part of the zone."""
        inside = np.isin(self.pairs, self.rows).all(axis=1)
        part = components(len(self.rows), np.searchsorted(self.rows, self.pairs[inside]))
        return [self.rows[part == k] for k in range(int(part.max()) + 1)]

    def _neighbour(self, part: Ints, zone: Geometries, free: Bools) -> str:
        """The zone of a lower layer with the longest border with some atoms, ties to the smaller code; "" for none."""
        inner = np.isin(self.pairs, part)
        beside = inner[:, 0] != inner[:, 1]
        other = np.where(inner[:, 0], self.pairs[:, 1], self.pairs[:, 0])[beside]
        use = free[other] & among(zone[other], self.lower)
        if not use.any():
            return ""
        names, at = np.unique(zone[other][use].astype(str), return_inverse=True)
        return str(names[int(np.argmax(np.bincount(at, weights=self.length[beside][use])))])

    def _spread(self, grid: Geometries, takes: Bools, *, rows: Ints | None = None) -> Geometries:
        """Grids of atoms after those without one joined, row by row inwards, the grid they have most border with."""
        out, takes = grid.copy(), takes.copy()
        waiting = set((self.rows if rows is None else rows).tolist())
        i, j = np.concatenate([self.pairs, self.pairs[:, ::-1]]).T
        length = np.tile(self.length, 2)
        while waiting:
            use = np.isin(i, sorted(waiting)) & takes[j]
            if not use.any():
                break
            for row in np.unique(i[use]):
                mine = use & (i == row)
                names, at = np.unique(out[j[mine]].astype(str), return_inverse=True)
                out[row] = str(names[int(np.argmax(np.bincount(at, weights=length[mine])))])
                waiting.discard(int(row))
            takes[np.unique(i[use])] = True
        return out


def _left_over(task: _Task, left: Ints, to: str | None) -> list[Fault]:
    if not len(left):
        return []
    land = task.plane.metres(as_array(task.draft.division.atoms.geometry)[left])
    at = task.plane.place(shapely.union_all(land))
    taker = f"no grid of {to}" if to is not None else "no grid of a lower layer"
    problem = f"{shapely.area(land).sum():.0f} m2 of it have {taker} beside them that is not locked"
    cure = "Unlock the neighbours: gridgis adjust unlock VERSION CODE; or name what takes it with --to"
    return [Fault("zones", at, problem, cure)]


def _told(task: _Task, grid: Geometries) -> list[Notice]:
    codes, count = np.unique(grid[task.rows].astype(str), return_counts=True)
    return [
        Notice("grids", f"{code} takes atoms of the zone that is given up", int(n))
        for code, n in zip(codes, count, strict=True)
    ]
