"""Cases of a file brought to the grids that are in force now, as the room for heat takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from gridgis.errors import Notice
from gridgis.jobs.declared import degrees, division_or_store, known_systems, system_of
from gridgis.jobs.division import Progress
from gridgis.jobs.offices import OfficesByTime, Sources
from gridgis.jobs.registry import moment_of
from gridgis.schema import GENERAL, Division

if TYPE_CHECKING:
    from gridgis.cases import CaseFile
    from gridgis.resolve import Office

LAYERS = ("zones", "grids", "microgrids")
"""Of a division, what is needed to give cases to grids and to name the places."""
NO_TIME = "no time"
"""Why a case is in no window."""


@dataclass(frozen=True)
class Gathered:
    """The cases of a file in the grids in force, and those that count.

    Attributes
    ----------
    cases : DataFrame
        `case_id`, `grid_code` (missing where in no grid), `day` (local), `item`, `source`, `x`, `y` (metres in
        `plane`), `weight` where the file has weights, `aside` (why a case does not count; empty where it does), `pile`
        (the row of its pile, -1 for none).
    piles : DataFrame
        `reason`, `cases`, `x`, `y` in the CRS of the division, whether they are set aside or not.
    division : Division
        In force: zones and grids.
    plane : the CRS of `x` and `y`
    timezone : of the days
    notices : what is odd about the file as a whole
    """

    cases: pd.DataFrame
    piles: pd.DataFrame
    division: Division
    plane: str
    timezone: str
    notices: tuple[str, ...]

    @cached_property
    def grids(self) -> gpd.GeoDataFrame:
        """The grids, in the order of their codes."""
        return self.division.grids.sort_values("grid_code", kind="stable").reset_index(drop=True)

    @cached_property
    def dated(self) -> pd.DataFrame:
        """The cases that have a day, piles included."""
        return self.cases[self.cases["day"].notna()]

    @cached_property
    def counted(self) -> pd.DataFrame:
        """The cases that count."""
        return self.cases[self.cases["aside"] == ""]

    def piles_among(self, cases: pd.DataFrame) -> pd.DataFrame:
        """The piles, with how many of some cases are in each; those with none are left out."""
        number = np.bincount(cases["pile"][cases["pile"] >= 0], minlength=len(self.piles))
        return self.piles.assign(cases=number)[number > 0].reset_index(drop=True)


def gather(
    cases: str | Path,
    *,
    division: str | Path | None = None,
    store: str | None = None,
    network: str = GENERAL,
    at: str | None = None,
    gazetteer: str | None = None,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    crs_of: Mapping[str, str] | None = None,
    case_crs: str | None = None,
    crs_of_source: Mapping[str, str] | None = None,
    timezone: str = "Asia/Shanghai",
    encoding: str | None = None,
    keep_piles: bool = False,
    chunk_rows: int = 250_000,
    progress: Progress | None = None,
) -> Gathered:
    """Read cases, give each to the grid in force (at `at`, now by default) and find the piles.

    Invariant: every case is there, in the order of the file; each is in the grid of today that covers its place,
    whatever grid it was of when it was reported, so that a change of borders is no trend.

    Parameters
    ----------
    keep_piles : bool
        Piles are told of, and counted all the same.
    """
    from gridgis.cases import open_cases

    division_or_store(division, store)
    known_systems(case_crs, *(crs_of_source or {}).values())
    whole = _division(division, store, network, at, timezone)
    sources = Sources(gazetteer=gazetteer, rename=rename or {}, crs_of=crs_of or {})
    office = sources.office(whole, timezone=timezone)
    open_file = partial(open_cases, rename=(rename or {}).get("cases", {}), encoding=encoding, timezone=timezone)
    with open_file(cases, chunk_rows=chunk_rows, geographic=degrees(case_crs)) as file:
        systems: dict[str | None, str] = {None: system_of(file, case_crs)}
        systems.update(crs_of_source or {})
        parts = list(_parts(file, office, systems, timezone, progress))
        notices = tuple(str(notice) for notice in file.notices)
    found = pd.concat(parts, ignore_index=True) if parts else _part(_no_case(), office, systems, timezone)
    return _judged(found, whole, office, systems, timezone, notices, keep_piles=keep_piles)


def _division(division: str | Path | None, store: str | None, network: str, at: str | None, timezone: str) -> Division:
    from gridgis.layers import read_division
    from gridgis.registry.store import utc_now

    if division is not None:
        return read_division(division, layers=LAYERS)
    moment = utc_now() if at is None else moment_of("at", at)
    offices = OfficesByTime(str(store), network, Sources(), timezone=timezone, now=moment)
    return offices.division_at(moment)


def _parts(
    file: CaseFile, office: Office, systems: Mapping[str | None, str], timezone: str, progress: Progress | None
) -> Iterator[pd.DataFrame]:
    for chunk in file.chunks():
        yield _part(chunk, office, systems, timezone)
        if progress is not None:
            progress("cases", min(file.bytes_read / max(file.size, 1), 1.0))


def _part(chunk: pd.DataFrame, office: Office, systems: Mapping[str | None, str], timezone: str) -> pd.DataFrame:
    """Of a chunk what is counted by."""
    from gridgis.resolve import spots

    found = spots(office, chunk, systems=systems)
    days = chunk["reported_at"].dt.tz_convert(timezone).dt.tz_localize(None).dt.normalize()
    return pd.DataFrame(
        {
            "case_id": chunk["case_id"],
            "grid_code": found["grid_code"].astype("str"),
            "day": days.astype("datetime64[s]"),
            "item": chunk["item"],
            "source": chunk["source"],
            **{name: found[name] for name in ("x", "y")},
            "given_x": chunk["x"],
            "given_y": chunk["y"],
            "weight": chunk["weight"],
            "caller": chunk["caller"],
        }
    )


def _no_case() -> pd.DataFrame:
    """A chunk without a row."""
    import pyarrow as pa

    from gridgis.cases.chunk import chunk_of
    from gridgis.cases.identity import Seen

    empty = pa.table({"case_id": pa.array([], pa.string())})
    return chunk_of(empty, geographic=True, timezone="UTC", now=np.datetime64("now"), seen=Seen())


def _judged(
    found: pd.DataFrame,
    division: Division,
    office: Office,
    systems: Mapping[str | None, str],
    timezone: str,
    notices: tuple[str, ...],
    *,
    keep_piles: bool,
) -> Gathered:
    """With what does not count set aside, and places in metres."""
    from gridgis.coordinates import system, to_crs
    from gridgis.crs import canonical
    from gridgis.heat.piles import set_aside

    aside = set_aside(found, geographic=system(systems[None]).is_geographic)
    reason = np.where(found["day"].isna(), NO_TIME, "" if keep_piles else aside.reason).astype(object)
    plane = canonical(office.places.metric)
    here = found["x"].to_numpy(dtype=np.float64), found["y"].to_numpy(dtype=np.float64)
    x, y = to_crs(*here, source=office.system, target=plane)
    kept = found[["case_id", "grid_code", "day", "item", "source"]].assign(x=x, y=y, aside=reason, pile=aside.pile)
    given = found["weight"].notna()
    if given.any():
        kept = kept.assign(weight=found["weight"].fillna(1.0))
    told = [
        Notice("cases", "without a time: in no window", int((reason == NO_TIME).sum())),
        Notice("cases", "without a weight that can be used: they count as 1", int(given.any() and (~given).sum())),
        Notice("cases", "weights count in the density alone", int(given.any())),
        Notice("cases", "most coordinates are rounded, so that hot places are only roughly known", int(aside.coarse)),
    ]
    return Gathered(
        cases=kept,
        piles=aside.piles,
        division=division,
        plane=plane,
        timezone=timezone,
        notices=(*notices, *(str(notice) for notice in told if notice.count)),
    )
