"""A new division in the place of the one in force: its codes go on, and what moved is told."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from gridgis.adjust.draft import Draft
from gridgis.adjust.moved import moved_from
from gridgis.divide.earlier import Earlier, stood_in
from gridgis.geometry.noding import Geometries, as_array
from gridgis.lineage import carried_on
from gridgis.profile import Profile
from gridgis.schema import Division


def going_on(division: Division, earlier: Earlier, *, profile: Profile) -> tuple[Division, dict[str, Any]]:
    """The division with the codes that go on, and what is told of it.

    By what each grid in force passed on where its atoms are known, else by the new atoms in it.

    Returns
    -------
    Division
    dict
        `summary`: `households_moved` to a grid with another code, and `households_moved_share` of those who had a grid
        before; `moved`: the rows of :func:`gridgis.adjust.moved.moved_from`; `earlier_sha256`.
    """
    division = carried_on(division, _atoms(division, earlier), spent=earlier.codes, layout=profile.codes).division
    grid, _ = _before(division.atoms, earlier)
    found = moved_from(Draft(division, profile), pd.Series(grid, index=division.atoms.index))
    whole = int(division.atoms["households"][grid != ""].fillna(0).sum())
    moved = int(found["households"].fillna(0).sum())
    summary = {"households_moved": moved, "households_moved_share": round(moved / whole, 4) if whole else 0.0}
    rows = found.astype(object).where(found.notna(), None).to_dict("records")
    return division, {"summary": summary, "moved": rows, "earlier_sha256": earlier.sha256}


def _atoms(division: Division, earlier: Earlier) -> gpd.GeoDataFrame:
    """Atoms with the codes in force, in the CRS of the division."""
    if len(earlier.atoms):
        return earlier.atoms.to_crs(division.atoms.crs)
    grid, micro = _before(division.atoms, earlier)
    return division.atoms.assign(grid_code=grid, microgrid_code=micro)[grid != ""]


def _before(atoms: gpd.GeoDataFrame, earlier: Earlier) -> tuple[Geometries, Geometries]:
    zone = atoms["zone_code"].to_numpy(dtype=object)
    return stood_in(earlier, as_array(atoms.geometry), zone, crs=CRS.from_user_input(atoms.crs))
