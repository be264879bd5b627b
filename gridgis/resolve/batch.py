"""Chunks of cases to results.

Invariant: a row for each case, in their order; what a row says depends on its case alone. No case is dropped: one
without a grid has a `problem`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gridgis.cases import OUT_COLUMNS
from gridgis.coordinates import to_crs
from gridgis.duties import answers
from gridgis.duties.columns import FUNCTIONS, function_of
from gridgis.geometry.noding import Floats, Geometries
from gridgis.locate import METHODS, candidates, notes
from gridgis.locate.locate import OUTSIDE, UNLOCATED
from gridgis.resolve.assets import Meant, deciding, meant
from gridgis.resolve.office import Office
from gridgis.resolve.place import Asked, Placed, placed
from gridgis.resolve.remarks import NO_COORDINATES, of_addresses, of_points, problems


def resolved(
    office: Office, cases: pd.DataFrame, *, systems: Mapping[str | None, str], compare: bool = True
) -> pd.DataFrame:
    """Give each case its grid and those who answer for it.

    Parameters
    ----------
    office : of the division that is in force
    cases : a chunk as :func:`gridgis.cases.chunk.chunk_of` makes it; `piled` tells, where it is known, which points
        are most likely a default and no place
    systems : of the coordinates of each source: "EPSG:n", "gcj02" or "bd09"; under None that of all others
    compare : whether addresses of points that are sure are looked up too

    Returns
    -------
    DataFrame
        The columns :data:`gridgis.cases.OUT_COLUMNS`, and `x` and `y` in the CRS of the division.
    """
    return _table(office, cases, _placed(office, cases, systems, compare=compare), _system_of(cases, systems))


def spots(office: Office, cases: pd.DataFrame, *, systems: Mapping[str | None, str]) -> pd.DataFrame:
    """Where each case is, as :func:`resolved` finds it: `grid_code`, missing where it has none, and `x` and `y`.

    The place is in the CRS of the division, nan where there is none; the rows stand on the index of `cases`.
    """
    found = _placed(office, cases, systems, compare=False)
    code = pd.Categorical.from_codes(found.found.grid, office.places.grids.codes)
    return pd.DataFrame({"grid_code": code, "x": found.x, "y": found.y}, index=cases.index)


def _placed(office: Office, cases: pd.DataFrame, systems: Mapping[str | None, str], *, compare: bool) -> Placed:
    x, y = _in_the_division(office, cases, systems)
    accuracy_m = cases["accuracy_m"].to_numpy(dtype=np.float64)
    address, component_id, item = (cases[name].to_numpy(dtype=object) for name in ("address", "component_id", "item"))
    piled = cases["piled"].to_numpy(dtype=np.bool_) if "piled" in cases else None
    assets = deciding(office, component_id, item, x, y)
    return placed(office, Asked(x, y, accuracy_m, address, assets, piled), compare=compare)


def unanswered(cases: pd.DataFrame) -> pd.DataFrame:
    """Results of cases for which no division was in force; where there is an address, coordinates are no reason."""
    blank = pd.DataFrame("", index=cases.index, columns=list(OUT_COLUMNS), dtype=object)
    given, named = cases["problem"].to_numpy(dtype=object), cases["address"].notna().to_numpy(dtype=bool)
    lost = np.where(named, "", given).astype(object)
    beside = np.where(named & (given != NO_COORDINATES), given, "").astype(object)
    return blank.assign(
        case_id=cases["case_id"],
        method=np.where(lost == "", METHODS[OUTSIDE], METHODS[UNLOCATED]),
        distance_m=np.nan,
        on_border=False,
        confidence=np.nan,
        problem=np.where(lost == "", "no division was in force at its time", lost),
        warnings=_joined([cases["warnings"].to_numpy(dtype=object), beside]),
        x=np.nan,
        y=np.nan,
    )


def _in_the_division(office: Office, cases: pd.DataFrame, systems: Mapping[str | None, str]) -> tuple[Floats, Floats]:
    """The coordinates of cases in the CRS of the division."""
    given = cases["x"].to_numpy(dtype=np.float64), cases["y"].to_numpy(dtype=np.float64)
    x, y = (np.array(values) for values in to_crs(*given, source=systems[None], target=office.system))
    for source, system in systems.items():
        if source is not None:
            rows = np.flatnonzero((cases["source"] == source).fillna(False).to_numpy(dtype=bool))
            x[rows], y[rows] = to_crs(given[0][rows], given[1][rows], source=system, target=office.system)
    return x, y


def _system_of(cases: pd.DataFrame, systems: Mapping[str | None, str]) -> Geometries:
    """The system of the coordinates of each case."""
    out = np.full(len(cases), systems[None], dtype=object)
    for source, system in systems.items():
        if source is not None:
            out[(cases["source"] == source).fillna(False).to_numpy(dtype=bool)] = system
    return out


def _table(office: Office, cases: pd.DataFrame, placed_: Placed, crs: Geometries) -> pd.DataFrame:
    """The columns of a result; `crs` is the system of the coordinates of each case."""
    places, (zone, zones), found, x, y = office.places, office.zones, placed_.found, placed_.x, placed_.y
    table: dict[str, Any] = {
        "case_id": cases["case_id"].array,
        "grid_code": pd.Categorical.from_codes(found.grid, places.grids.codes),
        "microgrid_code": pd.Categorical.from_codes(found.microgrid, places.microgrids.codes),
        "zone_code": pd.Categorical.from_codes(np.where(found.grid >= 0, zone[found.grid], -1), zones),
        "method": pd.Categorical.from_codes(found.method, METHODS),
        "distance_m": np.round(found.distance_m, 3),
        "on_border": found.on_border,
        "candidates": candidates(found, places),
        "confidence": np.round(found.confidence, 4),
    }
    component_id, item = (cases[name].to_numpy(dtype=object) for name in ("component_id", "item"))
    assets = meant(office, component_id, item, x, y, cases["accuracy_m"].to_numpy(dtype=np.float64))
    function, unknown = _functions(cases)
    duties = _duties(office, cases.assign(function=function), table, assets, (x, y))
    point = cases["x"].to_numpy(dtype=np.float64), cases["y"].to_numpy(dtype=np.float64)
    given = cases["problem"].to_numpy(dtype=object)
    remarks = [cases["warnings"].to_numpy(dtype=object), unknown]
    remarks += [of_points(office, given, placed_, point, crs), of_addresses(placed_), assets.warnings]
    remarks += [notes(found, places, x, y, limits=office.profile.locating), duties["warnings"].to_numpy(dtype=object)]
    table |= {name: duties[name].array for name in ("lead", "co", "rule")}
    table["problem"] = problems(office, given, placed_)
    table["warnings"] = _joined(remarks)
    out = pd.DataFrame(table, index=cases.index, copy=False)[list(OUT_COLUMNS)]
    return out.assign(x=x, y=y)


def _duties(
    office: Office, cases: pd.DataFrame, table: dict[str, Any], assets: Meant, xy: tuple[Floats, Floats]
) -> pd.DataFrame:
    """Who answers for each case."""
    if office.desk is None:
        return pd.DataFrame("", index=cases.index, columns=["lead", "co", "rule", "warnings"], dtype="str")
    names = ("item", "severity", "function", "reported_at")
    asked = cases[list(names)].assign(**{name: table[name] for name in ("grid_code", "microgrid_code")})
    several = table["candidates"].copy()
    several[[" " not in text for text in several]] = None  # one alone is the grid itself
    asked["candidates"] = several
    beside = office.beside(*xy)
    asked = asked.assign(**{name: beside[name].array for name in beside})
    return answers(asked.assign(owner=assets.owner), office.desk)


def _functions(cases: pd.DataFrame) -> tuple[pd.Categorical, Geometries]:
    """The functions that cases ask for, and what is said of those that are none."""
    codes, texts = pd.factorize(cases["function"])
    found = [function_of(str(text)) for text in texts]
    says = [
        "" if word else f"function {text} is none of {', '.join(FUNCTIONS)}: it does not count"
        for text, word in zip(texts, found, strict=True)
    ]
    number = {word: k for k, word in enumerate(FUNCTIONS)}
    which = np.array([*(number.get(word or "", -1) for word in found), -1], dtype=np.int64)[codes]
    return pd.Categorical.from_codes(which, list(FUNCTIONS)), np.array([*says, ""], dtype=object)[codes]


def _joined(columns: list[Geometries]) -> Geometries:
    """Texts of a row in one, the empty ones left out."""
    out = columns[0].copy()
    for column in columns[1:]:
        for k in np.flatnonzero(column != ""):
            out[k] = f"{out[k]}; {column[k]}" if out[k] else column[k]
    return out
