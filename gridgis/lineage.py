"""Codes for life: which grid of a new division goes on with which code, and what passes from grid to grid.

Invariant: a grid keeps its code where more than a stated share (half, or what the profile asks for) of its
households, of its area where it has none, lies in one grid of the new division that stands in the same zone; a
new number is one that was never used. Source: contract, Codes; a retired code is not used again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.errors import Fault, refuse
from gridgis.geometry.noding import as_array, first_hit, inner_points
from gridgis.profile import CodeLayout, Kind

KEPT_SHARE = 0.5
"""A grid keeps its code where more than this share of it stays together."""


def passed_on(old_atoms: gpd.GeoDataFrame, new_grids: gpd.GeoDataFrame) -> pd.DataFrame:
    """What each old grid passed on to each new one: a row for each pair that shares land.

    Atoms are whole: one that a new border cuts counts where its inner point lies.

    Parameters
    ----------
    old_atoms : `grid_code`, `households`; polygons
    new_grids : `grid_code`; polygons in the same CRS

    Returns
    -------
    DataFrame
        `old_code`, `new_code` (empty where the land lies in no new grid), `households` (empty where they are not
        known) and `area` (in the unit of the CRS, squared), in the order of the codes.
    """
    at = first_hit(inner_points(as_array(old_atoms.geometry)), as_array(new_grids.geometry))
    table = pd.DataFrame(
        {
            "old_code": old_atoms["grid_code"].to_numpy(dtype=object),
            "new_code": np.append(new_grids["grid_code"].to_numpy(dtype=object), "")[at],
            "households": pd.array(old_atoms["households"], dtype="Int64"),
            "area": shapely.area(as_array(old_atoms.geometry)),
        }
    )
    by = table.groupby(["old_code", "new_code"], sort=True, as_index=False)
    return by.agg({"households": lambda values: values.sum(min_count=1), "area": "sum"}).astype({"households": "Int64"})


def kept_codes(passed: pd.DataFrame, *, layout: CodeLayout, share: float = KEPT_SHARE) -> dict[str, str]:
    """The old code that each new grid goes on with, by the code it has now; those without one are left out.

    Where several old grids have most of themselves in one new grid, it goes on with the one that brings most
    households, then most area, then the smallest code. Grids of another zone go on with none.

    Parameters
    ----------
    passed : as :func:`passed_on` gives it
    """
    table = passed.assign(households=passed["households"].astype("Float64").fillna(0.0).astype(float))
    whole = table.groupby("old_code")[["households", "area"]].transform("sum")
    peopled = whole["households"] > 0
    part = np.where(
        peopled, table["households"] / whole["households"].where(peopled, 1.0), table["area"] / whole["area"]
    )
    digits = layout.sequence_digits
    same_zone = table["old_code"].str[:-digits] == table["new_code"].str[:-digits]
    heirs = table[(part > share) & same_zone & (table["new_code"] != "")]
    order = heirs.sort_values(["households", "area", "old_code"], ascending=[False, False, True], kind="stable")
    first = order.drop_duplicates("new_code")
    return dict(zip(first["new_code"], first["old_code"], strict=True))


def renumbered(
    codes: Collection[str],
    kept: Mapping[str, str],
    *,
    kinds: Mapping[str, Kind],
    spent: Collection[str],
    layout: CodeLayout,
) -> dict[str, str]:
    """The code of each grid: the kept one, else the next number of its zone and kind that was never used.

    Parameters
    ----------
    codes : of the new grids as they are numbered now
    kinds : kind of each of them
    spent : every code that was ever confirmed

    Raises
    ------
    InputRefused
        Where a zone has no number left.
    """
    out = dict(kept)
    taken: dict[str, int] = {}
    for code in (*spent, *kept.values()):
        low, high = _range(code, kinds, layout)
        number = int(code[-layout.sequence_digits :])
        if low <= number <= high:
            key = f"{code[: -layout.sequence_digits]} {low}"
            taken[key] = max(taken.get(key, low - 1), number)
    faults = []
    for code in sorted(set(codes) - kept.keys()):
        zone = code[: -layout.sequence_digits]
        low, high = layout.sequence[kinds[code]]
        number = taken.get(f"{zone} {low}", low - 1) + 1
        taken[f"{zone} {low}"] = number
        if number > high:
            cure = "Make the zone two, or widen the numbers of its kind in the profile"
            faults.append(Fault("grids", f"zone_code {zone}", f"no number of {low} to {high} is left", cure))
        out[code] = f"{zone}{number:0{layout.sequence_digits}d}"
    refuse(dict.fromkeys(faults))
    return out


def _range(code: str, kinds: Mapping[str, Kind], layout: CodeLayout) -> tuple[int, int]:
    """The numbers among which a code counts: those of its kind, or the range that holds its number."""
    if code in kinds:
        return layout.sequence[kinds[code]]
    number = int(code[-layout.sequence_digits :])
    return next((span for span in layout.sequence.values() if span[0] <= number <= span[1]), (number, number))
