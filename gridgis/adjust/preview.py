"""What an edit does to the grids that it touches, before it is applied: numbers of before and after side by side."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.adjust.draft import Draft, Edit
from gridgis.adjust.rebuild import OFF_LINE
from gridgis.adjust.table import among, column_of, columns_of
from gridgis.geometry.noding import as_array
from gridgis.profile import Profile, Range

ROW = ("grid_code", "name", "kind", "households", "area_m2", "perimeter_m", "border_on_road")
"""What is taken of a grid as it stands."""

MEASURED = (
    "households", "in_range", "area_m2", "parts", "compactness", "street_m", "border_on_road",
    "microgrids", "microgrids_out",
)  # fmt: skip
"""What is told of each grid, before and after."""


@dataclass(frozen=True)
class Preview:
    """What an edit does.

    Attributes
    ----------
    grids : DataFrame
        A row for each grid that the edit touches, in the order of the codes: `grid_code`, `name`, `range` (as text),
        and each of :data:`MEASURED` with `_before` and `_after`, empty where the grid is not there then:
        `in_range` is True, False or empty where nothing is asked; `compactness` is that of Polsby and Popper, 1 for a
        circle; `street_m` the length of border on centre lines of streets, rivers and rails; `microgrids_out` the
        number of micro-grids out of range.
    new_atoms : DataFrame
        `atom_id`, `grid_code` and `households` of the atoms that the edit makes, pieces of those that it cuts.
    moved_atoms : ids of those whose grid has another code than before, in their order
    moved_households : those of them
    notices : in words
    """

    grids: pd.DataFrame
    new_atoms: pd.DataFrame
    moved_atoms: tuple[str, ...]
    moved_households: int
    notices: tuple[str, ...]


def preview(edit: Edit) -> Preview:
    """The numbers of an edit; it is :func:`gridgis.adjust.accept.accepted` that refuses what may not be."""
    before, after = (_told(draft, frozenset(edit.touched)) for draft in (edit.before, edit.after))
    columns: dict[str, list[Any]] = {"grid_code": list(edit.touched)}
    for column in ("name", "range"):
        columns[column] = [(after.get(code) or before[code])[column] for code in edit.touched]
    for column in MEASURED:
        for side, word in ((before, "before"), (after, "after")):
            columns[f"{column}_{word}"] = [side[code][column] if code in side else None for code in edit.touched]
    table = pd.DataFrame({name: _typed(name, values) for name, values in columns.items()})
    atoms, households = _moved(edit)
    return Preview(table, _new_atoms(edit), atoms, households, tuple(str(notice) for notice in edit.notices))


def in_range(kind: str, households: object, area_m2: float, profile: Profile) -> tuple[Range | None, bool | None]:
    """The range that holds for a grid and whether it is in it; None where none is asked of it.

    As the rule `out_of_range` judges: a grid without residents is a finding of its own.
    """
    rules = profile.rules[kind]  # type: ignore[index]
    if rules.households is not None:
        known = not pd.isna(households) and float(households) > 0  # type: ignore[arg-type]
        return (rules.households, _within(float(households), rules.households)) if known else (rules.households, None)  # type: ignore[arg-type]
    if rules.area_m2 is not None and rules.length_m is None:
        return rules.area_m2, _within(area_m2, rules.area_m2)
    return None, None


def range_text(allowed: Range | None) -> str:
    """A range in words, empty where there is none."""
    return f"{allowed.min:g}-{allowed.max:g} {allowed.unit}" if allowed else ""


def _within(size: float, allowed: Range) -> bool:
    return allowed.min <= size <= allowed.max


def _typed(name: str, values: list[Any]) -> Any:
    """A column of the table: whole numbers may be empty, measures are real, the rest is as it is."""
    column = name.rpartition("_")[0]
    if column in ("households", "parts", "microgrids", "microgrids_out"):
        return pd.array([pd.NA if value is None else int(value) for value in values], dtype="Int64")
    if column in ("area_m2", "compactness", "street_m", "border_on_road"):
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    return np.array(values, dtype=object)


def _told(draft: Draft, codes: frozenset[str]) -> dict[str, dict[str, Any]]:
    """What is told of each grid that is there, by its code."""
    grids = draft.division.grids
    rows = np.flatnonzero(among(column_of(grids, "grid_code"), codes))
    values = {name: column[rows] for name, column in zip(ROW, columns_of(grids, *ROW), strict=True)}
    parts = shapely.get_num_geometries(as_array(grids.geometry)[rows])
    street, micros = _street_m(draft.division.borders, codes), _micros(draft, codes)
    out = {}
    for k, code in enumerate(values["grid_code"]):
        row = {name: column[k] for name, column in values.items()}
        allowed, inside = in_range(row["kind"], row["households"], row["area_m2"], draft.profile)
        out[code] = {
            **row,
            "households": None if pd.isna(row["households"]) else row["households"],
            "range": range_text(allowed),
            "in_range": inside,
            "parts": parts[k],
            "compactness": 4 * np.pi * row["area_m2"] / row["perimeter_m"] ** 2,
            "street_m": street.get(code, 0.0),
            **micros.get(code, {"microgrids": 0, "microgrids_out": 0}),
        }
    return out


def _street_m(borders: gpd.GeoDataFrame, codes: frozenset[str]) -> dict[str, float]:
    """Length of border on centre lines of some grids."""
    out: dict[str, float] = defaultdict(float)
    columns = columns_of(borders, "first_code", "second_code", "border_class", "length_m")
    for first, second, border_class, length in zip(*columns, strict=True):
        if border_class not in OFF_LINE:
            for code in codes.intersection((first, second)):
                out[code] += length
    return out


def _micros(draft: Draft, codes: frozenset[str]) -> dict[str, dict[str, int]]:
    """How many micro-grids some grids have, and how many of them are out of range."""
    division = draft.division
    kind = dict(zip(*columns_of(division.grids, "grid_code", "kind"), strict=True))
    lived_in = lived_in_atoms(division.atoms[among(column_of(division.atoms, "grid_code"), codes)])
    found = defaultdict(list)
    columns = columns_of(division.microgrids, "grid_code", "microgrid_code", "households")
    for grid, code, households in zip(*columns, strict=True):
        if grid in codes:
            found[grid].append((code, 0 if pd.isna(households) else households))
    out = {}
    for grid, micros in found.items():
        allowed, alone = draft.profile.rules[kind[grid]].micro_households, len(micros) == 1
        wrong = [
            size > 0 and allowed is not None and micro_out(size, allowed, lived_in=lived_in[code], alone=alone)
            for code, size in micros
        ]
        out[grid] = {"microgrids": len(micros), "microgrids_out": sum(wrong)}
    return out


def lived_in_atoms(atoms: gpd.GeoDataFrame) -> Counter[str]:
    """How many atoms with households each micro-grid has."""
    of, number = (atoms[name].array for name in ("microgrid_code", "households"))
    return Counter(code for code, n in zip(of, number, strict=True) if not pd.isna(n) and n > 0)


def micro_out(households: int, allowed: Range, *, lived_in: int, alone: bool) -> bool:
    """Whether a micro-grid is out of range, as the rule `micro_out_of_range` judges.

    One that a single inhabited atom puts above the range is let through, and one that is alone in its grid may be
    below.
    """
    return (households > allowed.max and lived_in != 1) or (households < allowed.min and not alone)


def _new_atoms(edit: Edit) -> pd.DataFrame:
    was, now = edit.before.division.atoms, edit.after.division.atoms
    new = np.flatnonzero(~among(now["atom_id"].array, set(was["atom_id"].array)))
    columns = ("atom_id", "grid_code", "households")
    return pd.DataFrame({name: now[name].array[new] for name in columns})


def _moved(edit: Edit) -> tuple[tuple[str, ...], int]:
    """Atoms whose grid has another code, a piece of an atom with it, and their households."""
    was, now = edit.before.division.atoms, edit.after.division.atoms
    before = dict(zip(*columns_of(was, "atom_id", "grid_code"), strict=True))
    moved, total = [], 0
    for atom, grid, households in zip(*columns_of(now, "atom_id", "grid_code", "households"), strict=True):
        home = before.get(atom) or before.get(atom.rpartition(".")[0])
        if home != grid:
            moved.append(atom)
            total += 0 if pd.isna(households) else int(households)
    return tuple(moved), total
