"""A plan in numbers: how many grids, how they stand in the range, of what shape they are, what they follow."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.geometry.noding import as_array
from gridgis.profile import Profile
from gridgis.publish.standing import STEPS, profile_of, standing
from gridgis.schema import Division


@dataclass(frozen=True)
class Measured:
    """A plan in numbers; None where there is nothing of which it could be told.

    Attributes
    ----------
    in_range, below, above : grids whose households are in the range of their kind, or out of it
    households_in_range : those who live in grids in range
    one_part : grids that are of one part
    compactness : mean over grids of 4 pi A / P^2 (Polsby and Popper 1991), 1 for a circle
    border_on_road : share of the grids' borders on streets, rivers or rails, weighted by their length
    largest, smallest : households of the grids with most and fewest, of those in which somebody lives; with their code
    """

    grids: int
    microgrids: int
    households: int
    in_range: int
    below: int
    above: int
    households_in_range: int
    one_part: int
    compactness: float | None
    border_on_road: float | None
    largest: int | None
    largest_code: str | None
    smallest: int | None
    smallest_code: str | None


def measured(division: Division, *, profile: Profile | None = None) -> Measured:
    """Tell a plan in numbers.

    Parameters
    ----------
    division : its grids and micro-grids are looked at alone
    profile : whose ranges hold; that of the division by default
    """
    grids = division.grids
    band = standing(grids, profile=profile or profile_of(division))["band"]
    households = grids["households"].astype("Int64").fillna(0).astype(int)
    inside = band.isin(STEPS)
    lived_in = pd.Series(households.to_numpy(), index=grids["grid_code"])[lambda number: number > 0].sort_index()
    most, least = (lived_in.idxmax(), lived_in.idxmin()) if len(lived_in) else (None, None)
    return Measured(
        grids=len(grids),
        microgrids=len(division.microgrids),
        households=int(households.sum()),
        in_range=int(inside.sum()),
        below=int((band == "below").sum()),
        above=int((band == "above").sum()),
        households_in_range=int(households[inside].sum()),
        one_part=int((shapely.get_num_geometries(as_array(grids.geometry)) == 1).sum()),
        compactness=_compactness(grids),
        border_on_road=share_on_road(grids),
        largest=None if most is None else int(lived_in[most]),
        largest_code=most,
        smallest=None if least is None else int(lived_in[least]),
        smallest_code=least,
    )


def share_on_road(grids: pd.DataFrame) -> float | None:
    """Share of the grids' border that lies on a street, weighted by its length; None where not known."""
    share, length = grids["border_on_road"].astype(float), grids["perimeter_m"].astype(float)
    known = share.notna() & length.notna()
    return round(float(np.average(share[known], weights=length[known])), 4) if length[known].sum() > 0 else None


def _compactness(grids: gpd.GeoDataFrame) -> float | None:
    area, length = grids["area_m2"].to_numpy(dtype=float), grids["perimeter_m"].to_numpy(dtype=float)
    known = np.isfinite(area) & (length > 0)
    return round(float((4 * np.pi * area[known] / length[known] ** 2).mean()), 4) if known.any() else None
