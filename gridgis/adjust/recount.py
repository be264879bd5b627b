"""Other numbers of households on the atoms of a draft; micro-grids, grids and zones follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd

from gridgis.adjust.changes import changes
from gridgis.adjust.draft import Draft, Edit, absent
from gridgis.adjust.rows import with_flag
from gridgis.errors import Fault, refuse
from gridgis.schema import KEYS

ABOVE = ("microgrids", "grids", "zones")
"""Layers that atoms make up."""


def recounted(draft: Draft, households: pd.Series) -> Edit:
    """The draft with other numbers of households on its atoms; micro-grids, grids and zones follow.

    A lock keeps land, not numbers: grids that are locked are counted too.

    Parameters
    ----------
    households : whole numbers by `atom_id`; atoms that it does not name keep theirs

    Raises
    ------
    InputRefused
        With every atom that is not there or named twice, and every number that is none.
    """
    after = counted(draft, households)
    touched = changes(draft.division.atoms, after.division.atoms).moved("grid_code")
    return Edit(draft, after, tuple(sorted(touched)))


def counted(draft: Draft, households: pd.Series) -> Draft:
    """The draft with the numbers, without the edit around it; raises as :func:`recounted` does."""
    division = draft.division
    refuse(_wrong_numbers(division.atoms, households))
    was = division.atoms["households"].astype("Int64")
    number = division.atoms["atom_id"].map(households).astype("Int64").fillna(was)
    if number.equals(was):
        return draft
    atoms = division.atoms.assign(households=number)
    micros, grids, zones = (_summed(getattr(division, name), atoms, KEYS[name]) for name in ABOVE)
    flags = [
        with_flag("no_residents", n == 0, told) for n, told in zip(grids["households"], grids["flags"], strict=True)
    ]
    other = (zones["households"] != division.zones["households"]).fillna(True).to_numpy(dtype=bool)
    zones = zones.assign(proof=zones["proof"].mask(other, "none"), gap=zones["gap"].mask(other))
    made = {"atoms": atoms, "microgrids": micros, "grids": grids.assign(flags=flags), "zones": zones}
    return replace(draft, division=replace(division, **made))


def _summed(frame: gpd.GeoDataFrame, atoms: gpd.GeoDataFrame, key: str) -> gpd.GeoDataFrame:
    """The rows with the sums of their atoms, empty where one is not known."""
    by = atoms.groupby(key)["households"]
    total = by.sum().mask(by.count() < by.size())
    return frame.assign(households=frame[key].map(total).astype("Int64"))


def _wrong_numbers(atoms: gpd.GeoDataFrame, households: pd.Series) -> Iterator[Fault]:
    known = set(atoms["atom_id"])
    for name in sorted({str(name) for name in households.index[households.index.duplicated()]}):
        yield Fault("households", name, "is named twice", "Give each atom one number")
    number = pd.to_numeric(households, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    for name, value, whole in zip(households.index, households, number, strict=True):
        if name not in known:
            yield absent("households", str(name), word="atom")
        elif not (whole >= 0 and whole % 1 == 0):
            yield Fault("households", str(name), f"{value} is no whole number from 0", "Correct it, or leave it out")
