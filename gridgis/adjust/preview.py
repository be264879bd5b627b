"""What an edit does to the grids that it touches, before it is applied: numbers of before and after side by side."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.adjust.draft import Draft, Edit
from gridgis.adjust.rebuild import OFF_LINE
from gridgis.geometry.noding import as_array
from gridgis.profile import Profile, Range
from gridgis.schema import Division

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
    moved_households : those whose grid has another code than before
    notices : in words
    """

    grids: pd.DataFrame
    moved_households: int
    notices: tuple[str, ...]


def preview(edit: Edit) -> Preview:
    """The numbers of an edit; it is :func:`gridgis.adjust.accept.accepted` that refuses what may not be."""
    sides = [_told(draft, edit.touched) for draft in (edit.before, edit.after)]
    table = pd.DataFrame({"grid_code": list(edit.touched)})
    after = sides[1].combine_first(sides[0])
    for column in ("name", "range"):
        table[column] = after[column].reindex(edit.touched).to_numpy(dtype=object)
    for column in MEASURED:
        for side, word in zip(sides, ("before", "after"), strict=True):
            table[f"{column}_{word}"] = side[column].reindex(edit.touched).to_numpy()
    return Preview(table, _moved(edit), tuple(str(notice) for notice in edit.notices))


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


def _within(size: float, allowed: Range) -> bool:
    return allowed.min <= size <= allowed.max


def _told(draft: Draft, codes: tuple[str, ...]) -> pd.DataFrame:
    division = draft.division
    rows = division.grids[division.grids["grid_code"].isin(codes)]
    found = [
        in_range(row.kind, row.households, row.area_m2, draft.profile)
        for row in rows[["kind", "households", "area_m2"]].itertuples()
    ]
    micros = _micros(division, set(rows["grid_code"]), draft.profile)
    perimeter = rows["perimeter_m"].to_numpy(dtype=float)
    return pd.DataFrame(
        {
            "name": rows["name"].to_numpy(dtype=object),
            "range": [f"{allowed.min:g}-{allowed.max:g} {allowed.unit}" if allowed else "" for allowed, _ in found],
            "households": rows["households"].astype("Int64").array,
            "in_range": np.array([inside for _, inside in found], dtype=object),
            "area_m2": rows["area_m2"].to_numpy(dtype=float),
            "parts": pd.array(shapely.get_num_geometries(as_array(rows.geometry)), dtype="Int64"),
            "compactness": 4 * np.pi * rows["area_m2"].to_numpy(dtype=float) / perimeter**2,
            "street_m": _street_m(division.borders).reindex(rows["grid_code"]).fillna(0.0).to_numpy(),
            "border_on_road": rows["border_on_road"].to_numpy(dtype=float),
            "microgrids": micros["count"].reindex(rows["grid_code"]).array,
            "microgrids_out": micros["out"].reindex(rows["grid_code"]).array,
        },
        index=pd.Index(rows["grid_code"]),
    )


def _street_m(borders: gpd.GeoDataFrame) -> pd.Series:
    """Length of border on centre lines of each grid."""
    on = borders[~borders["border_class"].isin(OFF_LINE)]
    sides = pd.concat([on["first_code"], on["second_code"]])
    length = np.tile(on["length_m"].to_numpy(dtype=float), 2)
    return pd.Series(length).groupby(sides.to_numpy(dtype=object)).sum()


def _micros(division: Division, codes: set[str], profile: Profile) -> pd.DataFrame:
    """How many micro-grids each grid has, and how many of them are out of range.

    As the rule `micro_out_of_range` judges: one that a single inhabited atom puts above the range is let through, and
    one that is alone in its grid may be below.
    """
    micros = division.microgrids[division.microgrids["grid_code"].isin(codes)]
    kind = micros["grid_code"].map(division.grids.set_index("grid_code")["kind"])
    households = micros["households"].to_numpy(dtype=float, na_value=0.0)
    atoms = division.atoms[division.atoms["grid_code"].isin(codes)]
    lived_in = atoms[atoms["households"].fillna(0).to_numpy() > 0].groupby("microgrid_code").size()
    tower = lived_in.reindex(micros["microgrid_code"]).to_numpy() == 1
    alone = micros.groupby("grid_code")["grid_code"].transform("size").to_numpy() == 1
    ranges = [profile.rules[one].micro_households for one in kind]
    low = np.array([np.nan if one is None else one.min for one in ranges], dtype=float)
    high = np.array([np.nan if one is None else one.max for one in ranges], dtype=float)
    out = ((households > high) & ~tower) | ((households < low) & ~alone)
    table = pd.DataFrame({"code": micros["grid_code"].to_numpy(dtype=object), "out": out & (households > 0)})
    by = table.groupby("code")["out"]
    return pd.DataFrame({"count": by.size().astype("Int64"), "out": by.sum().astype("Int64")})


def _moved(edit: Edit) -> int:
    """Households whose grid has another code, counted by atoms; a piece of an atom counts with it."""
    before = edit.before.division.atoms.set_index("atom_id")["grid_code"]
    atoms = edit.after.division.atoms
    own = before.reindex(atoms["atom_id"]).to_numpy(dtype=object)
    cut = pd.isna(own)
    if cut.any():
        whole = atoms["atom_id"][cut].str.rsplit(".", n=1).str[0]
        own[cut] = before.reindex(whole).to_numpy(dtype=object)
    apart = own != atoms["grid_code"].to_numpy(dtype=object)
    return int(atoms["households"][apart].fillna(0).sum())
