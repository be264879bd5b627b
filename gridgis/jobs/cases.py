"""Jobs about cases: resolve one, or a whole file of them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gridgis.errors import Fault, InputRefused
from gridgis.geometry.noding import Floats
from gridgis.jobs.at_once import answered
from gridgis.jobs.clerk import Clerk, clerk_of
from gridgis.jobs.declared import DEGREES, degrees, known_systems, system_of
from gridgis.jobs.division import Progress
from gridgis.jobs.offices import Sources
from gridgis.jobs.registry import moment_of
from gridgis.jobs.sampled import Sampled
from gridgis.schema import GENERAL

if TYPE_CHECKING:
    from gridgis.cases import CaseFile
    from gridgis.cases.piles import Pile
    from gridgis.resolve import Resolution


CHUNK_ROWS, SLOW_ROWS = 250_000, 10_000
"""Cases that are answered at a time; fewer where each may cost milliseconds, so that processes share them."""

TOLD_SOURCES = 10
HELD_ROWS = 250_000
"""A file of fewer cases is held as a whole, and not read a second time."""
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
    keep_piles: bool = False,
    compare: bool = True,
    chunk_rows: int | None = None,
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
    keep_piles : points at which far too many cases lie are points all the same; else they are none
    compare : whether the address of a point that is sure is looked up too (some milliseconds each), and the grid it is
        in told of where that is another
    chunk_rows : 250,000, with a gazetteer 10,000; the result is the same for any number
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
    if at is not None and store is None:
        cure = "Leave it out, or name a store with --store"
        raise InputRefused([Fault("resolve", "--at", "a division in a file is of one time", cure)])
    clerk = clerk_of(division, store, given, network=network, at=at, rebase=rebase, timezone=timezone, compare=compare)
    rows = chunk_rows or (CHUNK_ROWS if given.gazetteer is None else SLOW_ROWS)
    open_file = partial(open_cases, rename=given.rename.get("cases", {}), encoding=encoding, timezone=timezone)
    with open_file(cases, chunk_rows=rows, geographic=degrees(case_crs)) as file:
        tally = Tally(notices=[*map(str, file.notices), *clerk.notices])
        systems: dict[str | None, str] = {None: system_of(file, case_crs)}
        systems.update(crs_of_source or {})
        if output is None:
            _run(file, clerk, systems, tally, lambda _: None, progress, jobs=jobs, keep_piles=keep_piles)
        else:
            with result_writer(output, crs=clerk.crs) as writer:
                _run(file, clerk, systems, tally, writer.add, progress, jobs=jobs, keep_piles=keep_piles)
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
    found = resolution(clerk.offices.sample, crs=case_crs, at=moment, **case)  # type: ignore[arg-type]
    return replace(found, warnings=(*found.warnings, *clerk.notices))


def _run(
    file: CaseFile,
    clerk: Clerk,
    systems: Mapping[str | None, str],
    tally: Tally,
    write: Callable[[pd.DataFrame], None],
    progress: Progress | None,
    *,
    jobs: int,
    keep_piles: bool,
) -> None:
    held = list(file.chunks()) if file.rows <= HELD_ROWS else None
    piles = _piles(file, held, progress) if held is None or held else []
    chunks: Iterable[pd.DataFrame] = file.chunks() if held is None else held
    if not keep_piles:
        chunks = _with_piles(chunks, piles)
    moves = _Moves(file, progress, held=held is not None)
    points, absent = Sampled(), _Absent(systems)
    every = answered(moves.through(chunks), clerk, systems, jobs=jobs, whole=file.rows > LONG_ROWS, told=moves.told)
    for chunk, result, moved in every:
        write(result)
        absent.add(chunk)
        if clerk.has_streets:
            points.add(chunk)
        tally.add(result, unsure=clerk.unsure)
        tally.moved += moved
    moves.end()
    tally.notices += [*absent.told(), *clerk.shifted(points, systems), *map(str, piles)]


class _Absent:
    """Sources whose system was declared, and which no case is of."""

    def __init__(self, systems: Mapping[str | None, str]) -> None:
        self.systems = systems
        self._left = {name for name in systems if name is not None}
        self._there: set[str] = set()

    def add(self, chunk: pd.DataFrame) -> None:
        """Look at the sources of the next cases."""
        if self._left:
            names = set(chunk["source"].dropna().unique())
            self._left -= names
            self._there |= set(sorted(names)[:TOLD_SOURCES])

    def told(self) -> list[str]:
        """A notice for each."""
        there = ", ".join(sorted(self._there)[:TOLD_SOURCES]) or "none"
        return [
            f"no case is of source {name}, which is said to be in {self.systems[name]}; the sources are: {there}"
            for name in sorted(self._left)
        ]


def _piles(file: CaseFile, chunks: list[pd.DataFrame] | None, progress: Progress | None) -> list[Pile]:
    """Points at which far too many cases of a file lie, by a first reading of its coordinates alone.

    They are known before the first case is answered, so that no answer depends on the size of the chunks, nor on
    whether a case comes before the pile has grown.

    Parameters
    ----------
    chunks : the whole file, where it is held
    """
    from gridgis.cases.piles import Piles

    piles = Piles()
    for x, y in file.places() if chunks is None else _places(chunks):
        piles.add(x, y)
        if progress is not None and chunks is None:
            progress("piles", min(file.bytes_read / max(file.size, 1), 1.0))
    return piles.found()


def _places(chunks: list[pd.DataFrame]) -> Iterator[tuple[Floats, Floats]]:
    """Coordinates of a file that is held; as many at a time as from one that is not."""
    from gridgis.cases.file import PLACE_ROWS

    x, y = (np.concatenate([chunk[name].to_numpy(dtype=np.float64) for chunk in chunks]) for name in ("x", "y"))
    for start in range(0, len(x), PLACE_ROWS):
        yield x[start : start + PLACE_ROWS], y[start : start + PLACE_ROWS]


def _with_piles(chunks: Iterable[pd.DataFrame], piles: list[Pile]) -> Iterator[pd.DataFrame]:
    from gridgis.cases.piles import pile_of

    for chunk in chunks:
        at = pile_of(piles, chunk["x"].to_numpy(dtype=np.float64), chunk["y"].to_numpy(dtype=np.float64))
        yield chunk.assign(piled=at >= 0)


class _Moves:
    """What moves a bar: each chunk by the part of the file that it was read from, as its pieces are answered."""

    def __init__(self, file: CaseFile, progress: Progress | None, *, held: bool) -> None:
        self._file, self._progress, self._held = file, progress, held
        self._reach = [0.0]

    def through(self, chunks: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """The same chunks; what is read ahead of them does not count as answered."""
        rows = 0
        for chunk in chunks:
            rows += len(chunk)
            read = 1.0 if self._held else self._file.bytes_read / max(self._file.size, 1)
            self._reach.append(max(self._reach[-1], min(read, rows / max(self._file.rows, 1), 1.0)))
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
