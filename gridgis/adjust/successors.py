"""Codes of the grids and micro-grids into which the atoms of a zone were divided anew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import shapely

from gridgis.adjust.draft import Draft
from gridgis.adjust.graph import Ground
from gridgis.adjust.numbers import new_grid_codes, new_micro_codes
from gridgis.codes import reading_order
from gridgis.divide.atoms import dissolved
from gridgis.geometry.components import relabel
from gridgis.geometry.noding import Floats, Geometries, Ints
from gridgis.lineage import kept_codes


def codes_of(draft: Draft, ground: Ground, grid: Ints, micro: Ints) -> tuple[Geometries, Geometries]:
    """Code of the grid and of the micro-grid of each atom of a zone.

    A grid goes on with the code of which it has more than half (:func:`gridgis.lineage.kept_codes`); others get the
    next numbers that were never given, from west to east, then north to south. Of micro-grids in each grid likewise.

    Parameters
    ----------
    grid, micro : labels of each atom; micro-grids cross no grid
    """
    layout, was = draft.profile.codes, ground.standing
    codes = _codes(
        ground,
        grid,
        ground.grids[was.grid],
        ground.zone_code,
        digits=layout.sequence_digits,
        new=lambda count: new_grid_codes(draft, ground.zone_code, count),
    )
    old = ground.micros[was.micro]
    micros = np.empty(len(grid), dtype=object)
    for code in sorted(set(codes)):
        mine = np.flatnonzero(codes == code)
        micros[mine] = _codes(
            ground,
            micro[mine],
            old[mine],
            code,
            digits=layout.micro_digits,
            new=lambda count, code=code: new_micro_codes(draft, code, count),  # type: ignore[misc]
            rows=mine,
            whole=old,
        )
    return codes, micros


def _codes(
    ground: Ground,
    label: Ints,
    old: Geometries,
    parent: str,
    *,
    digits: int,
    new: Callable[[int], list[str]],
    rows: Ints | None = None,
    whole: Geometries | None = None,
) -> Geometries:
    """The code of each of some atoms of `parent`.

    Parameters
    ----------
    label, old : new part and old code of each of them
    rows : of these atoms among all of the zone, all by default
    whole : old code of every atom of the zone
    """
    rows = np.arange(len(label)) if rows is None else rows
    label = relabel(label)
    passed = _passed(ground, rows, label, old, old if whole is None else whole, f"{parent}{{:0{digits}d}}")
    kept = kept_codes(passed, digits=digits)
    names = [f"{parent}{k:0{digits}d}" for k in range(int(label.max(initial=-1)) + 1)]
    out = np.array([kept.get(name) for name in names], dtype=object)
    fresh = np.flatnonzero([name not in kept for name in names])
    if len(fresh):
        out[fresh[_order(ground.graph.geometry[rows], label, fresh)]] = new(len(fresh))
    return out[label]


def _passed(ground: Ground, rows: Ints, label: Ints, old: Geometries, whole: Geometries, name: str) -> pd.DataFrame:
    """What each old code passes on to each new part; all that lies in no part of these is passed to none."""
    area, households = shapely.area(ground.graph.geometry), ground.households
    into = np.full(len(area), "", dtype=object)
    into[rows] = [name.format(k) for k in label]
    use = np.isin(whole.astype(str), old.astype(str))
    table = pd.DataFrame(
        {
            "old_code": whole[use],
            "new_code": into[use],
            "households": pd.array(_whole(households[use]), dtype="Int64"),
            "area": area[use],
        }
    )
    by = table.groupby(["old_code", "new_code"], sort=True)
    return pd.concat([by["households"].sum(min_count=1), by["area"].sum()], axis=1).reset_index()


def _whole(values: Floats) -> list[int | None]:
    return [None if np.isnan(value) else round(value) for value in values]


def _order(shape: Geometries, label: Ints, fresh: Ints) -> Ints:
    """The order in which new parts are numbered."""
    mine = np.isin(label, fresh)
    land = dissolved(shape[mine], relabel_in(label[mine], fresh))
    xy = shapely.get_coordinates(shapely.point_on_surface(land))
    return reading_order(*xy.T, band_m=float(np.sqrt(shapely.area(land).mean())))


def relabel_in(label: Ints, order: Ints) -> Ints:
    """Labels as their place in `order` (ascending)."""
    return np.searchsorted(order, label).astype(np.int64)
