"""Give atoms to another grid or micro-grid; merge grids or micro-grids."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from gridgis.adjust.accept import accepted
from gridgis.adjust.draft import Draft, Edit, absent
from gridgis.adjust.micros import regrouped
from gridgis.adjust.rebuild import rebuilt
from gridgis.adjust.table import among, changed, column_of, columns_of
from gridgis.errors import Fault, InputRefused, Notice, refuse
from gridgis.geometry.noding import Bools

LEVELS = {"grid_code": ("grids", "grid"), "microgrid_code": ("microgrids", "micro-grid")}


def give(draft: Draft, atoms: Collection[str], *, to: str) -> Edit:
    """Give atoms to another grid of their zone, or to a micro-grid.

    Given to a grid, a micro-grid that comes whole goes on there under a new number; other atoms join the micro-grid
    of that grid with which they have the longest border.

    Parameters
    ----------
    atoms : ids
    to : code of the grid, or of the micro-grid

    Raises
    ------
    InputRefused
        With every atom that is not there, of another zone, or of a grid that is locked; where a grid would be in
        several parts, or nothing would change.
    """
    frame = draft.division.atoms
    name, of_grid, micro = columns_of(frame, "atom_id", "grid_code", "microgrid_code")
    refuse([*unknown(draft, [to]), *_unknown_atoms(frame, atoms)])
    mine = among(name, atoms)
    refuse(_elsewhere(draft, mine, to))
    grid = to[: draft.profile.codes.zone_digits + draft.profile.codes.sequence_digits]
    sources = {*of_grid[mine], grid}
    labels = {"grid_code": np.where(mine, grid, of_grid)}
    if level_of(draft, to) == "microgrid_code":
        labels["microgrid_code"] = np.where(mine, to, micro)
    after = rebuilt(draft, regrouped(draft, frame, sources, **labels))
    return accepted(draft, after, notices=_given_up(draft, after, sources))


def merge(draft: Draft, codes: Sequence[str]) -> Edit:
    """Make grids of one zone, or micro-grids of one grid, one.

    It goes on with the code that brings most households, then most land, then the smallest code.

    Raises
    ------
    InputRefused
        With every code that is not there; where they are of several zones or grids, fewer than two, locked, or do not
        hang together.
    """
    refuse(unknown(draft, codes))
    column, *others = sorted({str(level_of(draft, code)) for code in codes} or {""})
    if others or len(set(codes)) < 2:
        cure = "Name two grids or more, or two micro-grids or more"
        raise InputRefused([Fault("draft", "", "is told to merge less than two of one level", cure)])
    layer, word = LEVELS[column]
    frame = getattr(draft.division, layer)
    rows = frame[frame[column].isin(list(codes))]
    above = "zone_code" if column == "grid_code" else "grid_code"
    if rows[above].nunique() > 1:
        problem = f"are of {rows[above].nunique()} {'zones' if above == 'zone_code' else 'grids'}"
        cure = f"Merge only {word}s of one; give atoms over before"
        raise InputRefused([Fault(layer, ", ".join(sorted(codes)), problem, cure)])
    kept = str(leading(rows, column))
    atoms = draft.division.atoms
    label = column_of(atoms, column)
    mine = among(label, codes)
    made = changed(atoms, **{column: np.where(mine, kept, label)})
    touched = set(made["grid_code"].array[mine])
    return accepted(draft, rebuilt(draft, regrouped(draft, made, touched)))


def leading(rows: gpd.GeoDataFrame, column: str) -> str:
    """The code of the row with most households, then most land, then the smallest code."""
    number = rows["households"].fillna(0).to_numpy(dtype=float)
    order = np.lexsort((rows[column].to_numpy(dtype=str), -rows["area_m2"].to_numpy(dtype=float), -number))
    return str(rows[column].iloc[order[0]])


def level_of(draft: Draft, code: str) -> str | None:
    """The column that a code stands in, by its length; None where it is no code of a grid or micro-grid."""
    layout = draft.profile.codes
    grid = layout.zone_digits + layout.sequence_digits
    return {grid: "grid_code", grid + layout.micro_digits: "microgrid_code"}.get(len(code))


def unknown(draft: Draft, codes: Iterable[str]) -> list[Fault]:
    """Codes that are none of a grid or micro-grid, or of one that is not there."""
    layout = draft.profile.codes
    grid = layout.zone_digits + layout.sequence_digits
    form = f"Write {grid} digits for a grid, {grid + layout.micro_digits} for a micro-grid"
    known = {column: set(column_of(getattr(draft.division, layer), column)) for column, (layer, _) in LEVELS.items()}
    out = []
    for code in codes:
        column = level_of(draft, code)
        if column is None:
            out.append(Fault("draft", code, "is no code of a grid or micro-grid", form))
        elif code not in known[column]:
            layer, word = LEVELS[column]
            out.append(absent(layer, code, word=word))
    return out


def _unknown_atoms(frame: pd.DataFrame, atoms: Collection[str]) -> list[Fault]:
    known = set(column_of(frame, "atom_id"))
    if not len(atoms):
        return [Fault("atoms", "", "none is named", "Name their ids")]
    return [absent("atoms", one, word="atom") for one in sorted(atoms) if one not in known]


def _elsewhere(draft: Draft, rows: Bools, to: str) -> list[Fault]:
    zone = to[: draft.profile.codes.zone_digits]
    homes = zip(*(one[rows] for one in columns_of(draft.division.atoms, "atom_id", "zone_code")), strict=True)
    cure = "A grid never crosses a zone: give it to a grid of its own zone"
    return [
        Fault("atoms", atom, f"lies in zone {home}, {to} in {zone}", cure) for atom, home in homes if home != zone
    ]  # fmt: skip


def _given_up(before: Draft, after: Draft, sources: Collection[str]) -> list[Notice]:
    was, left = (set(column_of(draft.division.grids, "grid_code")) for draft in (before, after))
    gone = sorted(set(sources) & was - left)
    return [Notice("grids", f"{code} has no atom left and is given up") for code in gone]
