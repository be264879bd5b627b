"""Jobs about cases: resolve one, or a whole file of them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gridgis.jobs.at_once import answered
from gridgis.jobs.clerk import Clerk, clerk_of
from gridgis.jobs.declared import DEGREES, degrees, known_systems, system_of
from gridgis.jobs.division import Progress
from gridgis.jobs.offices import Sources
from gridgis.jobs.registry import moment_of
from gridgis.schema import GENERAL

if TYPE_CHECKING:
    from gridgis.cases import CaseFile
    from gridgis.resolve import Resolution


LONG_ROWS = 5_000_000
"""Files of more cases are read in so many chunks that there is no need to see one move."""


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
    from gridgis.layers import refuse_target

    given = sources or Sources()
    if output is not None:
        beside = given.parties, given.gazetteer, given.streets, given.components
        refuse_target(output, inputs=[str(cases), division, store, *beside])
    known_systems(case_crs, *(crs_of_source or {}).values())
    clerk = clerk_of(division, store, given, network=network, at=at, rebase=rebase, timezone=timezone)
    open_file = partial(open_cases, rename=given.rename.get("cases", {}), encoding=encoding, timezone=timezone)
    with open_file(cases, chunk_rows=chunk_rows, geographic=degrees(case_crs)) as file:
        tally = Tally(notices=[str(notice) for notice in file.notices])
        systems: dict[str | None, str] = {None: system_of(file, case_crs)}
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

    known_systems(case_crs)
    clerk = clerk_of(division, store, sources or Sources(), network=network, at=at, rebase=False, timezone=timezone)
    moment = datetime.datetime.fromisoformat(moment_of("at", at)) if at else datetime.datetime.now(datetime.UTC)
    return resolution(clerk.offices.sample, crs=case_crs, at=moment, **case)  # type: ignore[arg-type]


def _run(
    file: CaseFile,
    clerk: Clerk,
    systems: Mapping[str | None, str],
    tally: Tally,
    write: Callable[[pd.DataFrame], None],
    progress: Progress | None,
    *,
    jobs: int,
) -> None:
    from gridgis.cases.piles import Piles

    piles, moves = Piles(), _Moves(file, progress)
    every = answered(moves.chunks(), clerk, systems, jobs=jobs, whole=file.rows > LONG_ROWS, told=moves.told)
    for number, (chunk, result, moved) in enumerate(every):
        piles.add(chunk["x"].to_numpy(dtype=np.float64), chunk["y"].to_numpy(dtype=np.float64))
        write(result)
        if number == 0:
            tally.notices += clerk.shifted(chunk, result)
        tally.add(result, unsure=clerk.unsure)
        tally.moved += moved
    moves.end()
    tally.notices += map(str, piles.found())


class _Moves:
    """What moves a bar: each chunk by the part of the file that it was read from, as its pieces are answered."""

    def __init__(self, file: CaseFile, progress: Progress | None) -> None:
        self._file, self._progress = file, progress
        self._reach = [0.0]

    def chunks(self) -> Iterator[pd.DataFrame]:
        """The chunks of the file; what is read ahead of them does not count as answered."""
        rows = 0
        for chunk in self._file.chunks():
            rows += len(chunk)
            held = self._file.bytes_read / max(self._file.size, 1), rows / max(self._file.rows, 1)
            self._reach.append(max(self._reach[-1], min(*held, 1.0)))
            yield chunk

    def told(self, chunk: int, share: float) -> None:
        """A share of a chunk has been answered."""
        if self._progress is not None:
            before, after = self._reach[chunk : chunk + 2]
            self._progress("resolve", before + (after - before) * share)

    def end(self) -> None:
        """All has been answered."""
        if self._progress is not None:
            self._progress("resolve", 1.0)
