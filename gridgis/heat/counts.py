"""Cases counted by grid, beside what they can be divided by: households, land, streets and days.

Invariant: one row a grid, in the order of the grids; the cases counted and those told to lie in no grid, in an unknown
one or on no day add up to those given in the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.crs import metric_crs, parsed, transform
from gridgis.errors import Fault, Notice, refuse
from gridgis.geometry.noding import Bools, Floats, as_array
from gridgis.locate.layer import Layer

BESIDE_M = 5.0
"""A street belongs half to the grid this far to its left, half to that to its right."""
STEP_M = 10.0
"""It is looked at in pieces no longer than this."""


@dataclass(frozen=True)
class Counted:
    """Cases by grid in a window of days.

    Attributes
    ----------
    frame : DataFrame
        `grid_code`, `zone_code`, `name`, `cases` (the sum of their weights), and the exposures `households`,
        `area_km2` and, where streets are known, `street_km`; all numbers are float64, NaN where not known.
    days : int
        Of the window, both ends within.
    case_weight : float
        What one case counts: 1, or the mean weight of cases weighted by itself.
    notices : tuple of Notice
        What was left out, and how much of it.
    """

    frame: pd.DataFrame
    days: int
    case_weight: float
    notices: tuple[Notice, ...]


def count_cases(
    cases: pd.DataFrame,
    grids: gpd.GeoDataFrame,
    *,
    window: tuple[Any, Any],
    streets: gpd.GeoDataFrame | None = None,
) -> Counted:
    """Count the cases of a window by grid.

    Parameters
    ----------
    cases : DataFrame
        `grid_code`, `day`, and `weight` where cases weigh differently; see :mod:`gridgis.heat`.
    grids : GeoDataFrame
        `grid_code`, `zone_code`, `name`, `households`, `area_m2`; `street_m` where the length of streets is known.
    window : first and last day, both within
    streets : GeoDataFrame of LineString, optional
        Centre lines, from which lengths are taken where there is no column `street_m`; any CRS.

    Raises
    ------
    InputRefused
        Where a column is missing, a grid_code stands twice, a weight or measure is negative, or the window is none.
    """
    refuse([*_lacking(cases, grids), *_window_faults(window)])
    refuse([*_grid_faults(grids), *_case_faults(cases)])
    first, last = (pd.Timestamp(end).normalize() for end in window)
    day = cases["day"]
    inside = ((day >= first) & (day <= last)).to_numpy()
    given = cases["grid_code"][inside]
    row = pd.Index(grids["grid_code"]).get_indexer(pd.Index(given))
    weight = _weights(cases)[inside]
    total = np.bincount(row[row >= 0], weights=weight[row >= 0], minlength=len(grids)).astype(np.float64)
    missing = given.isna().to_numpy()
    frame = grids[["grid_code", "zone_code", "name"]].reset_index(drop=True)
    frame = frame.assign(cases=total, **_exposures(grids, streets))
    used = weight[row >= 0]
    return Counted(
        pd.DataFrame(frame),
        (last - first).days + 1,
        float((used**2).sum() / used.sum()) if used.sum() > 0 else 1.0,
        tuple(_notices(frame, missing, row, int(day.isna().sum()), len(given))),
    )


def street_km(grids: gpd.GeoDataFrame, streets: gpd.GeoDataFrame) -> Floats:
    """Length of street in and along each grid, in kilometres.

    Invariant: lengths add up to that of the streets, less what lies outside: a street along the border of two grids is
    half of either, whether it is drawn on the border or a little beside it.

    Parameters
    ----------
    grids : GeoDataFrame of Polygon and MultiPolygon
    streets : GeoDataFrame of LineString and MultiLineString, in any CRS
    """
    crs = parsed(grids.crs)
    plane = metric_crs(crs, tuple(grids.total_bounds))
    lines = transform(as_array(streets.geometry), parsed(streets.crs), plane)
    layer = Layer(np.arange(len(grids)).astype(object), transform(as_array(grids.geometry), crs, plane), plane)
    xy, line = shapely.get_coordinates(shapely.segmentize(shapely.get_parts(lines), STEP_M), return_index=True)
    here = line[1:] == line[:-1]
    step = (xy[1:] - xy[:-1])[here]
    middle, length = ((xy[1:] + xy[:-1]) / 2)[here], np.hypot(*step.T)
    some = length > 0
    aside = step[some][:, ::-1] * (-BESIDE_M, BESIDE_M) / length[some, None]
    out = np.zeros(len(grids))
    for side in (aside, -aside):
        x, y = (middle[some] + side).T
        grid = layer.covering(np.ascontiguousarray(x), np.ascontiguousarray(y)).polygon
        out += np.bincount(grid[grid >= 0], weights=length[some][grid >= 0] / 2000, minlength=len(grids))
    return out


def _exposures(grids: gpd.GeoDataFrame, streets: gpd.GeoDataFrame | None) -> dict[str, Floats]:
    out = {"households": _numbers(grids["households"]), "area_km2": _numbers(grids["area_m2"]) / 1e6}
    if "street_m" in grids:
        out["street_km"] = _numbers(grids["street_m"]) / 1e3
    elif streets is not None:
        out["street_km"] = street_km(grids, streets)
    return out


def _numbers(column: pd.Series) -> Floats:
    return np.asarray(pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan))


def _weights(cases: pd.DataFrame) -> Floats:
    return _numbers(cases["weight"]) if "weight" in cases else np.ones(len(cases))


def _notices(frame: pd.DataFrame, missing: Bools, row: Any, no_day: int, given: int) -> Iterator[Notice]:
    told = (
        ("cases", "cases lie in no grid and are not counted", int(missing.sum())),
        ("cases", "cases lie in grids that are not given and are not counted", int(((row < 0) & ~missing).sum())),
        ("cases", "cases have no day and are not counted", no_day),
        ("cases", "no case lies in the window", int(given == 0)),
        ("grids", "grids without a household, or with an unknown number", int((~(frame["households"] > 0)).sum())),
    )
    yield from (Notice(layer, message, count) for layer, message, count in told if count)


def _lacking(cases: pd.DataFrame, grids: pd.DataFrame) -> Iterator[Fault]:
    for layer, frame, needed in (
        ("cases", cases, ("grid_code", "day")),
        ("grids", grids, ("grid_code", "zone_code", "name", "households", "area_m2")),
    ):
        for column in needed:
            if column not in frame:
                yield Fault(layer, "", f"there is no column {column}", "Resolve cases, and take grids of a division")


def _window_faults(window: tuple[Any, Any]) -> Iterator[Fault]:
    first, last = (pd.to_datetime(end, errors="coerce") for end in window)
    if pd.isna(first) or pd.isna(last):
        yield Fault("window", "", f"{window[0]} to {window[1]} are no days", "Write days as 2026-10-26")
    elif last < first:
        yield Fault("window", "", f"it ends on {last.date()}, before it begins on {first.date()}", "Swap the two days")


def _grid_faults(grids: pd.DataFrame) -> Iterator[Fault]:
    if not len(grids):
        yield Fault("grids", "", "there is no grid", "Give the grids in force")
    code = grids["grid_code"]
    for row in np.flatnonzero(code.duplicated().to_numpy()):
        yield Fault("grids", str(code.iloc[row]), "its grid_code stands above already", "Give each grid once")
    for column in ("households", "area_m2", *(["street_m"] if "street_m" in grids else [])):
        for row in np.flatnonzero(_numbers(grids[column]) < 0):
            yield Fault("grids", str(code.iloc[row]), f"{column} is negative", "Mend it, or leave it empty")


def _case_faults(cases: pd.DataFrame) -> Iterator[Fault]:
    if not pd.api.types.is_datetime64_dtype(cases["day"]):
        yield Fault("cases", "", f"day is {cases['day'].dtype}", "Give local dates as datetime64 without a zone")
    bad = ~(np.isfinite(_weights(cases)) & (_weights(cases) >= 0))
    if bad.any():
        cure = "Give each case a weight of 0 or more, or none at all"
        yield Fault("cases", f"row {int(bad.argmax())} first", f"{int(bad.sum())} have no weight, or a negative", cure)
