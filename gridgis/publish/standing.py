"""Where grids stand in the range of their kind, and the colour and hatching that say so."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from gridgis.errors import GridgisError
from gridgis.profile import Profile, Range, load_profile, profile_from_toml
from gridgis.publish.band import Band
from gridgis.schema import Division

STEPS = ("range1", "range2", "range3", "range4", "range5")
"""Fifths of the range, from its minimum to its maximum."""

_RAMP = ("#e9f3f2", "#cfe4e5", "#aed1d6", "#87b8c2", "#5f9bab")

BANDS: tuple[Band, ...] = (
    Band("below", "#f4dfb0", "#a86f1e", "rising"),
    *(Band(step, fill, "#2d5560") for step, fill in zip(STEPS, _RAMP, strict=True)),
    Band("above", "#e6a9b4", "#8c2f4c", "falling"),
    Band("empty", "#f3f2ee", "#b3b1a8", "dots"),
    Band("unranged", "#e3e1db", "#8d8b83"),
)
"""Classes in the order of the legend. The ramp is of one hue and falls in lightness only, so that it
reads the same to every kind of colour-blind eye; what is out of range is hatched as well."""

SAID_BY_HATCHING = ("out_of_range", "no_residents")
"""Rules whose offenders a map shows by the hatching of the grid."""

SAID_IN_NUMBERS = ("border_off_street", "micro_out_of_range")
"""Findings that may hold for every grid of a place without inner streets: the list and the popup tell them."""


def profile_of(division: Division, profile: Profile | str | None = None) -> Profile:
    """Take the profile asked for, else the one stored with the division, else the shipped default."""
    if profile is not None:
        return load_profile(profile)
    stored = str(division.info.get("profile_toml") or "")
    try:
        return profile_from_toml(stored) if stored.strip() else load_profile()
    except (GridgisError, ValueError):  # a division drawn elsewhere may carry any text
        return load_profile()


def household_ranges(grids: gpd.GeoDataFrame, *, profile: Profile) -> dict[str, Range]:
    """Find the ranges of households of the kinds that occur in `grids`, kinds without one left out."""
    kinds = set(grids["kind"].dropna())
    return {kind: rules.households for kind, rules in profile.rules.items() if kind in kinds and rules.households}


def standing(grids: gpd.GeoDataFrame, *, profile: Profile) -> pd.DataFrame:
    """Say where each grid stands in the range of households of its kind.

    Invariant: every grid is in exactly one band. A grid is `unranged` where its kind has no range of
    households or its households are not known, and `empty` where nobody lives: neither is out of range.

    Parameters
    ----------
    grids : GeoDataFrame
        Columns `kind` and `households`.
    profile : Profile
        Its `rules` hold the ranges.

    Returns
    -------
    DataFrame
        On the index of `grids`: `band` (a name of :data:`BANDS`), `min`, `target`, `max` (households, NaN
        where unranged) and `position` (0 at the minimum, 1 at the maximum).
    """
    ranges = household_ranges(grids, profile=profile)
    low = grids["kind"].map({kind: found.min for kind, found in ranges.items()}).astype(float)
    high = grids["kind"].map({kind: found.max for kind, found in ranges.items()}).astype(float)
    households = pd.to_numeric(grids["households"]).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    span = np.where(high > low, high - low, 1.0)
    position = np.where(high > low, (households - low) / span, (households > high) * 2.0 - (households < low))
    step = np.clip(np.nan_to_num(position * len(STEPS)), 0, len(STEPS) - 1).astype(int)
    band = np.select(
        [np.isnan(households) | low.isna().to_numpy(), households <= 0, households < low, households > high],
        ["unranged", "empty", "below", "above"],
        default=np.array(STEPS)[step],
    )
    return pd.DataFrame(
        {"band": band, "min": low, "target": (low + high) / 2, "max": high, "position": position}, index=grids.index
    )


def worth_a_sign(division: Division, bands: pd.Series) -> pd.Series:
    """Tell which offenders get a sign of their own on a map.

    All but the findings that a grid is out of range or without residents, which its hatching says already,
    and those of :data:`SAID_IN_NUMBERS`. Offenders without a place get none.

    Parameters
    ----------
    division : Division
    bands : Series
        Band of each grid, as :func:`standing` gives it.

    Returns
    -------
    Series of bool
        On the index of `division.offenders`.
    """
    offenders = division.offenders
    placed = ~(offenders.geometry.is_empty | offenders.geometry.isna())
    hatched = division.grids.loc[bands.isin(["below", "above", "empty"]), "grid_code"]
    said = offenders["rule"].isin(SAID_BY_HATCHING) & offenders["code"].isin(hatched)
    said |= offenders["rule"].isin(SAID_IN_NUMBERS)
    return placed & ((offenders["severity"] == "hard") | ~said)
