"""Who answers chunks of cases: the offices of their times, and what changed hands since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused
from gridgis.geometry.noding import Bools, Floats, Geometries
from gridgis.jobs.declared import division_or_store
from gridgis.jobs.offices import OfficesByTime, OneOffice, Sources
from gridgis.jobs.registry import moment_of

ASKED = ("grids", "microgrids", "borders")
"""Layers of a division that cases are held against."""


class Clerk:
    """Answers chunks of cases by the offices of their times, and tells what changed hands since."""

    def __init__(self, offices: OneOffice | OfficesByTime, then: OfficesByTime | None, *, compare: bool = True) -> None:
        self.offices, self.then, self.compare = offices, then, compare

    @property
    def crs(self) -> object:
        """CRS of the results."""
        return self.offices.sample.crs

    @property
    def unsure(self) -> float:
        """The confidence below which a person chooses."""
        return self.offices.sample.profile.locating.confidence.value

    @property
    def notices(self) -> tuple[str, ...]:
        """What is odd about what answers."""
        return self.offices.sample.notices

    @property
    def searches(self) -> bool:
        """Whether it looks for addresses."""
        return self.offices.sample.gazetteer is not None

    def warm(self) -> None:
        """Make ready what all chunks need, before processes share it."""
        self.offices.sample.places.warm()

    @property
    def asks_time(self) -> bool:
        """Whether an answer depends on when a case was reported: by versions, or by who was in post."""
        return isinstance(self.offices, OfficesByTime) or self.offices.sample.desk is not None

    @property
    def has_streets(self) -> bool:
        """Whether points can be held against streets."""
        return self.offices.sample.streets is not None

    def shifted(self, sources: Iterable[tuple[str, Floats]], systems: Mapping[str | None, str]) -> list[str]:
        """Sources whose points as a whole lie off the streets; coordinates as the file has them."""
        from gridgis.coordinates import shift, to_crs

        office = self.offices.sample
        if office.streets is None:
            return []
        told = []
        for source, given in sources:
            declared = systems.get(source or None, systems[None])
            here = to_crs(given[:, 0], given[:, 1], source=declared, target=office.system)
            xy = office.streets.in_metres(*here, crs=office.crs)
            found = shift(xy, office.streets.metric_frame, tolerance_m=office.profile.tolerances.shift_m.value)
            if found is not None:
                told.append(f"source {source}: {found}" if source else str(found))
        return told

    def answered(self, chunk: pd.DataFrame, systems: Mapping[str | None, str]) -> tuple[pd.DataFrame, int]:
        """The results of a chunk, and how many of its cases changed hands."""
        now = _by_time(self.offices, chunk, systems, compare=self.compare)
        if self.asks_time and chunk["reported_at"].isna().any():
            now = _with(now, chunk["reported_at"].isna().to_numpy(dtype=bool), "without a time: answered as of now")
        if self.then is None:
            return now, 0
        was = _grids_by_time(self.then, chunk, systems)
        here = now["grid_code"].astype(object).fillna("").to_numpy(dtype=object)
        moved = (was != here) & (was != "")
        said = np.array([f"was of grid {code} when it was reported" for code in was], dtype=object)
        return _with(now, moved, said), int(moved.sum())


def clerk_of(
    division: str | Path | None,
    store: str | None,
    sources: Sources,
    *,
    network: str,
    at: str | None,
    rebase: bool,
    timezone: str,
    compare: bool = True,
) -> Clerk:
    """Who answers: one division, what is in force at a time, or what is in force at the time of each case.

    Parameters
    ----------
    compare : whether addresses of points that are sure are looked up too
    """
    from gridgis.layers import read_division
    from gridgis.registry.store import utc_now

    division_or_store(division, store)
    if store is None:
        if rebase:
            raise InputRefused([Fault("resolve", "--rebase", "needs a store", "Name one with --store")])
        assert division is not None
        return Clerk(
            OneOffice(sources.office(read_division(division, layers=ASKED), timezone=timezone)), None, compare=compare
        )
    moment = utc_now() if at is None else moment_of("at", at)
    by_time = OfficesByTime(store, network, sources, timezone=timezone, now=moment)
    if at is None and not rebase:
        return Clerk(by_time, None, compare=compare)
    fixed = OneOffice(by_time.sample)
    return Clerk(fixed, by_time if rebase else None, compare=compare)


def _by_time(
    offices: OneOffice | OfficesByTime, chunk: pd.DataFrame, systems: Mapping[str | None, str], *, compare: bool
) -> pd.DataFrame:
    """The results of a chunk, each case by the office of its time."""
    from gridgis.resolve import resolved, unanswered

    done = []
    for rows, office in offices.at(_times(chunk)):
        part = chunk if len(rows) == len(chunk) else chunk.iloc[rows]
        done.append(unanswered(part) if office is None else resolved(office, part, systems=systems, compare=compare))
    if len(done) == 1:
        return done[0]
    return pd.concat(done).loc[chunk.index]


def _grids_by_time(offices: OfficesByTime, chunk: pd.DataFrame, systems: Mapping[str | None, str]) -> Geometries:
    """The code of the grid of each case at its time, empty where it had none."""
    from gridgis.resolve import spots

    out = np.full(len(chunk), "", dtype=object)
    for rows, office in offices.at(_times(chunk)):
        if office is not None:
            code = spots(office, chunk.iloc[rows], systems=systems)["grid_code"].astype(object)
            out[rows] = code.fillna("").to_numpy(dtype=object)
    return out


def _with(result: pd.DataFrame, rows: Bools, text: str | Geometries) -> pd.DataFrame:
    """Results with a warning more in some rows."""
    told = result["warnings"].to_numpy(dtype=object).copy()
    for k in np.flatnonzero(rows):
        told[k] = "; ".join(filter(None, (told[k], text if isinstance(text, str) else text[k])))
    return result.assign(warnings=told)


def _times(chunk: pd.DataFrame) -> NDArray[np.datetime64]:
    return chunk["reported_at"].dt.tz_localize(None).to_numpy()
