"""The job about cases that repeat one another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gridgis.geometry.noding import Bools, Floats, Geometries
from gridgis.jobs.declared import DEGREES, degrees, known_systems, system_of
from gridgis.jobs.offices import Sources

if TYPE_CHECKING:
    from gridgis.cases import CaseFile

WANTED = ["case_id", "x", "y", "reported_at", "item", "source", "address"]


def find_duplicates(
    cases: str | Path,
    output: str | Path,
    *,
    within_m: float | None = None,
    within_hours: float | None = None,
    sources: Sources | None = None,
    case_crs: str | None = None,
    crs_of_source: Mapping[str, str] | None = None,
    timezone: str = "Asia/Shanghai",
    encoding: str | None = None,
) -> int:
    """Write the cases that probably repeat an earlier one, with the reason; give how many there are.

    Parameters
    ----------
    output : CSV
    within_m, within_hours : of the default profile where None
    sources : `parties`, by whose catalogue an item counts under any of its names; `gazetteer`, for cases that have an
        address and no point, and for the streets of addresses; `streets`, for those of points
    case_crs : "EPSG:n", "gcj02" or "bd09"; that of the file, else WGS84
    crs_of_source : the same for cases of one source, such as {"app": "gcj02"}
    """
    from gridgis.cases import duplicates, open_cases
    from gridgis.cases.guard import guarded_frame
    from gridgis.layers import refuse_target
    from gridgis.profile import load_profile
    from gridgis.publish.whole import written_whole

    given = sources or Sources()
    refuse_target(output, inputs=[str(cases), given.parties, given.gazetteer, given.streets])
    known_systems(case_crs, *(crs_of_source or {}).values())
    rename = given.rename.get("cases", {})
    with open_cases(cases, rename=rename, encoding=encoding, timezone=timezone, geographic=degrees(case_crs)) as file:
        systems: dict[str | None, str] = {None: system_of(file, case_crs)}
        systems.update(crs_of_source or {})
        whole = _whole(file)
    rules = load_profile().cases
    found = duplicates(
        _prepared(whole, systems, given, timezone),
        within_m=rules.duplicate_m.value if within_m is None else within_m,
        within_hours=rules.duplicate_hours.value if within_hours is None else within_hours,
        street_m=rules.duplicate_street_m.value if within_m is None else max(within_m, rules.duplicate_street_m.value),
    )
    with written_whole(output) as draft:
        guarded_frame(found.round({"distance_m": 1, "hours_between": 2})).to_csv(draft, index=False)
    return len(found)


def _whole(file: CaseFile) -> pd.DataFrame:
    """All cases of a file; what lies on a pile lies nowhere, as its place is that of a form."""
    from gridgis.cases.piles import Piles

    piles, parts = Piles(), []
    for chunk in file.chunks():
        piles.add(chunk["x"].to_numpy(dtype=np.float64), chunk["y"].to_numpy(dtype=np.float64))
        parts.append(chunk[WANTED])
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in WANTED}).astype({"x": float, "y": float})
    whole = pd.concat(parts, ignore_index=True)
    for pile in piles.found():
        there = (whole["x"] == pile.x) & (whole["y"] == pile.y)
        whole.loc[there, ["x", "y"]] = np.nan
    return whole


def _prepared(whole: pd.DataFrame, systems: Mapping[str | None, str], given: Sources, timezone: str) -> pd.DataFrame:
    """Cases in metres, with their streets, items by their codes, as far as it can be told."""
    lon, lat = _in_degrees(whole, systems)
    by_address, street = np.zeros(len(whole), dtype=bool), np.full(len(whole), None, dtype=object)
    if given.gazetteer is not None:
        lon, lat, by_address, street = _addressed(whole, lon, lat, given.gazetteer)
    placed = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    kept = whole.iloc[placed].reset_index(drop=True)
    lon, lat, by_address, street = (values[placed] for values in (lon, lat, by_address, street))
    if given.streets is not None and len(kept):
        street = np.where(pd.notna(street), street, _beside(lon, lat, given))
    x, y = _in_metres(lon, lat)
    kept = kept.assign(x=x, y=y, by_address=by_address, street=street)
    return kept if given.parties is None else kept.assign(item=_coded(kept["item"], given.parties, timezone))


def _in_degrees(whole: pd.DataFrame, systems: Mapping[str | None, str]) -> tuple[Floats, Floats]:
    """Longitude and latitude of all cases, each in the system that its source reports in."""
    from gridgis.coordinates import to_crs

    x, y = whole["x"].to_numpy(dtype=np.float64), whole["y"].to_numpy(dtype=np.float64)
    lon, lat = (np.array(values) for values in to_crs(x, y, source=systems[None], target=DEGREES))
    for source, crs in systems.items():
        if source is not None:
            rows = np.flatnonzero((whole["source"] == source).fillna(False).to_numpy(dtype=bool))
            lon[rows], lat[rows] = to_crs(x[rows], y[rows], source=crs, target=DEGREES)
    return lon, lat


def _addressed(
    whole: pd.DataFrame, lon: Floats, lat: Floats, gazetteer: str
) -> tuple[Floats, Floats, Bools, Geometries]:
    """With the places of those that have an address alone, whether it is by the address, and the street of each.

    An address that is ambiguous says nothing.
    """
    from gridgis.addresses import Gazetteer
    from gridgis.coordinates import to_crs
    from gridgis.crs import canonical

    opened = Gazetteer.open(gazetteer)
    rows = np.flatnonzero(whole["address"].notna().to_numpy(dtype=bool))
    found = opened.find_many(whole["address"].iloc[rows])
    sure = ~found["ambiguous"].to_numpy(dtype=bool) & found["x"].notna().to_numpy(dtype=bool)
    here = (found[name].to_numpy(dtype=np.float64) for name in ("x", "y"))
    east, north = to_crs(*here, source=canonical(opened.crs), target=DEGREES)
    street, by_address = np.full(len(whole), None, dtype=object), np.zeros(len(whole), dtype=bool)
    named = found["street"].to_numpy(dtype=object)
    street[rows[sure]] = np.where(pd.isna(named[sure]) | (named[sure] == ""), None, named[sure])
    use = sure & ~(np.isfinite(lon[rows]) & np.isfinite(lat[rows]))
    by_address[rows[use]] = True
    lon, lat = lon.copy(), lat.copy()
    lon[rows[use]], lat[rows[use]] = east[use], north[use]
    return lon, lat, by_address, street


def _beside(lon: Floats, lat: Floats, given: Sources) -> Geometries:
    """The name of the nearest street of each point, None where none is near."""
    from gridgis.layers import read_layer
    from gridgis.profile import load_profile
    from gridgis.resolve.streets import Streets

    lines = read_layer("streets", str(given.streets), rename=given.rename, crs_of=given.crs_of)
    within = load_profile().locating.street_m.value
    names: Geometries = Streets(lines).beside(lon, lat, crs=DEGREES, within_m=within)["street"].to_numpy(dtype=object)
    return names


def _in_metres(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """In the plane of where most cases are: a few at 0, 0 or with exchanged coordinates do not stretch the rest."""
    from gridgis.coordinates import system, to_crs
    from gridgis.crs import canonical, metric_crs

    if not len(lon):
        return lon, lat
    bounds = (float(np.median(lon)), float(np.median(lat))) * 2
    return to_crs(lon, lat, source=DEGREES, target=canonical(metric_crs(system(DEGREES), bounds)))


def _coded(item: pd.Series, parties: str, timezone: str) -> pd.Series:
    """Each item by its code where the catalogue knows it by any name, else as it is."""
    from gridgis.duties import read_duties
    from gridgis.duties.conditions import folded
    from gridgis.duties.rules import item_names

    names = item_names(read_duties(parties, timezone=timezone).items)
    return item.map(lambda text: names.get(folded(text), text), na_action="ignore")
