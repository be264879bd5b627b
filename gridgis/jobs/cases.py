"""Jobs about cases: resolve one, or a whole file of them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gridgis.errors import Fault, InputRefused
from gridgis.jobs.at_once import answered
from gridgis.jobs.division import Progress
from gridgis.jobs.offices import OfficesByTime, OneOffice, Sources
from gridgis.jobs.registry import moment_of
from gridgis.schema import GENERAL

if TYPE_CHECKING:
    import shapely

    from gridgis.cases import CaseFile
    from gridgis.resolve import Affected, Resolution

DEGREES = "EPSG:4326"


@dataclass
class Tally:
    """What became of the cases of a file.

    Attributes
    ----------
    cases : how many there were
    methods : how many went each way
    unsure : how many a person should choose a grid for
    moved : how many are in another grid than at their time
    notices : what is odd about the file as a whole
    """

    cases: int = 0
    methods: dict[str, int] = field(default_factory=dict)
    unsure: int = 0
    moved: int = 0
    notices: list[str] = field(default_factory=list)

    def add(self, result: pd.DataFrame, *, unsure: float) -> None:
        """Count a chunk."""
        self.cases += len(result)
        for method, count in result["method"].value_counts().items():
            if count:
                self.methods[str(method)] = self.methods.get(str(method), 0) + int(count)
        self.unsure += int((result["confidence"] < unsure).sum())


def resolve_file(
    cases: str | Path,
    output: str | Path | None,
    *,
    division: str | Path | None = None,
    store: str | None = None,
    network: str = GENERAL,
    at: str | None = None,
    rebase: bool = False,
    sources: Sources | None = None,
    case_crs: str | None = None,
    crs_of_source: Mapping[str, str] | None = None,
    timezone: str = "Asia/Shanghai",
    encoding: str | None = None,
    chunk_rows: int = 250_000,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Tally:
    """Resolve a file of cases, chunk by chunk, and write a result of one row for each in the same order.

    Parameters
    ----------
    output : CSV, XLSX, GeoPackage or (Geo)Parquet by its ending; None counts and writes nothing
    division, store : one of them
    at : with a store, the time whose version answers; that of each case by default
    rebase : with a store, answer by the version at `at`, now by default, and tell what changed hands since
    case_crs : "EPSG:n", "gcj02" or "bd09"; that of the file, else WGS84
    crs_of_source : the same for cases of one source, such as {"app": "gcj02"}
    jobs : processes; the result is the same for any number

    Raises
    ------
    InputRefused
        Where a file is not what it should be; a row that is not never stops the work.
    """
    from gridgis.cases import open_cases, result_writer
    from gridgis.crs import canonical
    from gridgis.layers import refuse_target

    given = sources or Sources()
    if output is not None:
        beside = given.parties, given.gazetteer, given.streets, given.components
        refuse_target(output, inputs=[str(cases), division, store, *beside])
    _known_systems(case_crs, *(crs_of_source or {}).values())
    clerk = _clerk(division, store, given, network=network, at=at, rebase=rebase, timezone=timezone)
    open_file = partial(open_cases, rename=given.rename.get("cases", {}), encoding=encoding, timezone=timezone)
    with open_file(cases, chunk_rows=chunk_rows, geographic=_degrees(case_crs)) as file:
        tally = Tally(notices=[str(notice) for notice in file.notices])
        systems: dict[str | None, str] = {None: case_crs or (DEGREES if file.crs is None else canonical(file.crs))}
        systems.update(crs_of_source or {})
        if output is None:
            _run(file, clerk, systems, tally, lambda _: None, progress, jobs=jobs)
        else:
            with result_writer(output, crs=clerk.crs) as writer:
                _run(file, clerk, systems, tally, writer.add, progress, jobs=jobs)
    return tally


def resolve(
    *,
    division: str | Path | None = None,
    store: str | None = None,
    network: str = GENERAL,
    at: str | None = None,
    sources: Sources | None = None,
    case_crs: str = DEGREES,
    timezone: str = "Asia/Shanghai",
    **case: object,
) -> Resolution:
    """Resolve one case; `case` as :func:`gridgis.resolve.resolution` takes it.

    Parameters
    ----------
    at : when it was reported, now by default; with a store, the version in force then answers
    """
    from gridgis.resolve import resolution

    _known_systems(case_crs)
    clerk = _clerk(division, store, sources or Sources(), network=network, at=at, rebase=False, timezone=timezone)
    moment = datetime.datetime.fromisoformat(moment_of("at", at)) if at else datetime.datetime.now(datetime.UTC)
    return resolution(clerk.offices.sample, crs=case_crs, at=moment, **case)  # type: ignore[arg-type]


def affected_area(
    *,
    area: str | None = None,
    point: tuple[float, float] | None = None,
    radius_m: float | None = None,
    division: str | Path | None = None,
    store: str | None = None,
    network: str = GENERAL,
    at: str | None = None,
    parties: str | None = None,
    case_crs: str = DEGREES,
    timezone: str = "Asia/Shanghai",
    output: str | Path | None = None,
) -> Affected:
    """What lies in an area: grids, micro-grids, households, and the people to be called.

    Parameters
    ----------
    area : `FILE` or `FILE:LAYER` of polygons, taken together
    point, radius_m : in place of it, in `case_crs`
    parties : people and posts
    output : GeoPackage of the layers grids and microgrids; none where None
    """
    from gridgis.duties import Desk, read_duties
    from gridgis.layers import read_division, refuse_target
    from gridgis.registry.store import utc_now
    from gridgis.resolve import affected

    if output is not None:
        refuse_target(output, inputs=[area, division, store, parties])
        if Path(output).suffix.lower() != ".gpkg":
            raise InputRefused([Fault("output", str(output), "is no GeoPackage", "Name a file in .gpkg with -o")])
    moment = utc_now() if at is None else moment_of("at", at)
    if (division is None) == (store is None):
        raise _one_of("a division or a store", "--division or --store")
    if division is not None:
        whole = read_division(division)
    else:
        whole = OfficesByTime(str(store), network, Sources(), timezone=timezone, now=moment).division_at(moment)
    shape = _shape(area, point, radius_m, whole.grids.crs, case_crs)
    desk = None if parties is None else Desk(read_duties(parties, timezone=timezone))
    found = affected(whole, shape, desk=desk, at=datetime.datetime.fromisoformat(moment))
    if output is not None:
        _write_affected(found, Path(output))
    return found


def _shape(
    area: str | None, point: tuple[float, float] | None, radius_m: float | None, crs: object, case_crs: str
) -> shapely.Geometry:
    """The area, in the CRS of the division."""
    from gridgis.coordinates import to_crs
    from gridgis.crs import canonical, parsed
    from gridgis.layers import read_layer
    from gridgis.resolve import circle

    if (area is None) == (point is None) or (point is None) != (radius_m is None):
        raise _one_of("an area, or a point with a radius", "--area, or --lon, --lat and --radius")
    if area is not None:
        return read_layer("area", area).to_crs(crs).union_all()
    assert point is not None
    assert radius_m is not None
    x, y = to_crs(np.array([point[0]]), np.array([point[1]]), source=case_crs, target=canonical(parsed(crs)))
    return circle(float(x[0]), float(y[0]), radius_m, crs=crs)


def _one_of(what: str, options: str) -> InputRefused:
    return InputRefused([Fault("command", "", f"needs {what}", f"Give {options}")])


def _write_affected(found: Affected, output: Path) -> None:
    from gridgis.publish.whole import written_whole

    with written_whole(output) as draft:
        for name in ("grids", "microgrids"):
            getattr(found, name).to_file(draft, layer=name, driver="GPKG", engine="pyogrio")


class _Clerk:
    """Answers chunks of cases by the offices of their times, and tells what changed hands since."""

    def __init__(self, offices: OneOffice | OfficesByTime, then: OfficesByTime | None) -> None:
        self.offices, self.then = offices, then

    @property
    def crs(self) -> object:
        """CRS of the results."""
        return self.offices.sample.crs

    @property
    def unsure(self) -> float:
        """The confidence below which a person chooses."""
        return self.offices.sample.profile.locating.confidence.value

    def warm(self) -> None:
        """Make ready what all chunks need, before processes share it."""
        self.offices.sample.places.warm()

    def shifted(self, chunk: pd.DataFrame, result: pd.DataFrame) -> list[str]:
        """Sources whose points as a whole lie off the streets."""
        from gridgis.coordinates import shift

        office = self.offices.sample
        if office.streets is None:
            return []
        told = []
        pointed = chunk["x"].notna()
        for source, rows in result[pointed].groupby(chunk["source"][pointed].fillna(""), sort=True):
            xy = office.streets.in_metres(rows["x"].to_numpy(), rows["y"].to_numpy(), crs=office.crs)
            found = shift(xy, office.streets.metric_frame, tolerance_m=office.profile.tolerances.shift_m.value)
            if found is not None:
                told.append(f"source {source}: {found}" if source else str(found))
        return told

    def answered(self, chunk: pd.DataFrame, systems: Mapping[str | None, str]) -> tuple[pd.DataFrame, int]:
        """The results of a chunk, and how many of its cases changed hands."""
        now = _by_time(self.offices, chunk, systems)
        if self.then is None:
            return now, 0
        was = _by_time(self.then, chunk, systems)["grid_code"].astype(object).fillna("").to_numpy(dtype=object)
        here = now["grid_code"].astype(object).fillna("").to_numpy(dtype=object)
        moved = (was != here) & (was != "")
        told = now["warnings"].to_numpy(dtype=object).copy()
        for k in np.flatnonzero(moved):
            told[k] = "; ".join(filter(None, (told[k], f"was of grid {was[k]} when it was reported")))
        return now.assign(warnings=told), int(moved.sum())


def _clerk(
    division: str | Path | None,
    store: str | None,
    sources: Sources,
    *,
    network: str,
    at: str | None,
    rebase: bool,
    timezone: str,
) -> _Clerk:
    from gridgis.layers import read_division
    from gridgis.registry.store import utc_now

    if (division is None) == (store is None):
        raise _one_of("a division or a store", "--division or --store")
    if store is None:
        if rebase:
            raise InputRefused([Fault("resolve", "--rebase", "needs a store", "Name one with --store")])
        assert division is not None
        return _Clerk(OneOffice(sources.office(read_division(division), timezone=timezone)), None)
    moment = utc_now() if at is None else moment_of("at", at)
    by_time = OfficesByTime(store, network, sources, timezone=timezone, now=moment)
    if at is None and not rebase:
        return _Clerk(by_time, None)
    fixed = OneOffice(by_time.sample)
    return _Clerk(fixed, by_time if rebase else None)


def find_duplicates(
    cases: str | Path,
    output: str | Path,
    *,
    within_m: float | None = None,
    within_hours: float | None = None,
    case_crs: str | None = None,
    rename: Mapping[str, str] | None = None,
    timezone: str = "Asia/Shanghai",
    encoding: str | None = None,
) -> int:
    """Write the cases that probably repeat an earlier one, with the reason; give how many there are.

    Parameters
    ----------
    output : CSV
    within_m, within_hours : of the default profile where None
    case_crs : "EPSG:n", "gcj02" or "bd09"; that of the file, else WGS84
    """
    from gridgis.cases import duplicates, open_cases
    from gridgis.coordinates import system, to_crs
    from gridgis.crs import canonical, metric_crs
    from gridgis.layers import refuse_target
    from gridgis.profile import load_profile
    from gridgis.publish.whole import written_whole

    refuse_target(output, inputs=[str(cases)])
    _known_systems(case_crs)
    wanted = ["case_id", "x", "y", "reported_at", "item"]
    with open_cases(cases, rename=rename, encoding=encoding, timezone=timezone, geographic=_degrees(case_crs)) as file:
        crs = case_crs or (DEGREES if file.crs is None else canonical(file.crs))
        whole = pd.concat([chunk[wanted] for chunk in file.chunks()] or [pd.DataFrame(columns=wanted)])
    rules = load_profile().cases
    known = whole[np.isfinite(whole["x"].to_numpy(float)) & np.isfinite(whole["y"].to_numpy(float))]
    bounds = tuple(float(value) for value in (known["x"].min(), known["y"].min(), known["x"].max(), known["y"].max()))
    if len(known):
        here = known["x"].to_numpy(dtype=np.float64), known["y"].to_numpy(dtype=np.float64)
        x, y = to_crs(*here, source=crs, target=canonical(metric_crs(system(crs), bounds)))  # type: ignore[arg-type]
        known = known.assign(x=x, y=y)
    found = duplicates(
        known.reset_index(drop=True),
        within_m=rules.duplicate_m.value if within_m is None else within_m,
        within_hours=rules.duplicate_hours.value if within_hours is None else within_hours,
    )
    with written_whole(output) as draft:
        found.round({"distance_m": 1, "hours_between": 2}).to_csv(draft, index=False)
    return len(found)


def _by_time(
    offices: OneOffice | OfficesByTime, chunk: pd.DataFrame, systems: Mapping[str | None, str]
) -> pd.DataFrame:
    """The results of a chunk, each case by the office of its time."""
    from gridgis.resolve import resolved, unanswered

    times = chunk["reported_at"].dt.tz_localize(None).to_numpy()
    done = []
    for rows, office in offices.at(times):
        part = chunk if len(rows) == len(chunk) else chunk.iloc[rows]
        done.append(unanswered(part) if office is None else resolved(office, part, systems=systems))
    if len(done) == 1:
        return done[0]
    return pd.concat(done).loc[chunk.index]


def _run(
    file: CaseFile,
    clerk: _Clerk,
    systems: Mapping[str | None, str],
    tally: Tally,
    write: Callable[[pd.DataFrame], None],
    progress: Progress | None,
    *,
    jobs: int,
) -> None:
    from gridgis.cases.piles import Piles

    piles = Piles()
    for number, (chunk, result, moved) in enumerate(answered(file.chunks(), clerk, systems, jobs=jobs)):
        piles.add(chunk["x"].to_numpy(dtype=np.float64), chunk["y"].to_numpy(dtype=np.float64))
        write(result)
        if number == 0:
            tally.notices += clerk.shifted(chunk, result)
        tally.add(result, unsure=clerk.unsure)
        tally.moved += moved
        if progress is not None:
            progress("resolve", min(file.bytes_read / max(file.size, 1), 1.0))
    tally.notices += map(str, piles.found())


def _degrees(case_crs: str | None) -> bool | None:
    """Whether coordinates are degrees; None where the file tells it."""
    from gridgis.coordinates import system

    return None if case_crs is None else system(case_crs).is_geographic


def _known_systems(*systems: str | None) -> None:
    """Refuse a name that stands for no system of coordinates."""
    from gridgis.coordinates import system

    for name in systems:
        if name is not None:
            system(name)
