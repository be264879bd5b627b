"""Who answers chunks of cases: the offices of their times, and what changed hands since."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused
from gridgis.geometry.noding import Geometries
from gridgis.jobs.declared import division_or_store
from gridgis.jobs.offices import OfficesByTime, OneOffice, Sources
from gridgis.jobs.registry import moment_of

ASKED = ("grids", "microgrids", "borders")
"""Layers of a division that cases are held against."""


class Clerk:
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

    @property
    def searches(self) -> bool:
        """Whether it looks for addresses."""
        return self.offices.sample.gazetteer is not None

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
        was = _grids_by_time(self.then, chunk, systems)
        here = now["grid_code"].astype(object).fillna("").to_numpy(dtype=object)
        moved = (was != here) & (was != "")
        told = now["warnings"].to_numpy(dtype=object).copy()
        for k in np.flatnonzero(moved):
            told[k] = "; ".join(filter(None, (told[k], f"was of grid {was[k]} when it was reported")))
        return now.assign(warnings=told), int(moved.sum())


def clerk_of(
    division: str | Path | None,
    store: str | None,
    sources: Sources,
    *,
    network: str,
    at: str | None,
    rebase: bool,
    timezone: str,
) -> Clerk:
    """Who answers: one division, what is in force at a time, or what is in force at the time of each case."""
    from gridgis.layers import read_division
    from gridgis.registry.store import utc_now

    division_or_store(division, store)
    if store is None:
        if rebase:
            raise InputRefused([Fault("resolve", "--rebase", "needs a store", "Name one with --store")])
        assert division is not None
        return Clerk(OneOffice(sources.office(read_division(division, layers=ASKED), timezone=timezone)), None)
    moment = utc_now() if at is None else moment_of("at", at)
    by_time = OfficesByTime(store, network, sources, timezone=timezone, now=moment)
    if at is None and not rebase:
        return Clerk(by_time, None)
    fixed = OneOffice(by_time.sample)
    return Clerk(fixed, by_time if rebase else None)


def _by_time(
    offices: OneOffice | OfficesByTime, chunk: pd.DataFrame, systems: Mapping[str | None, str]
) -> pd.DataFrame:
    """The results of a chunk, each case by the office of its time."""
    from gridgis.resolve import resolved, unanswered

    done = []
    for rows, office in offices.at(_times(chunk)):
        part = chunk if len(rows) == len(chunk) else chunk.iloc[rows]
        done.append(unanswered(part) if office is None else resolved(office, part, systems=systems))
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


def _times(chunk: pd.DataFrame) -> NDArray[np.datetime64]:
    return chunk["reported_at"].dt.tz_localize(None).to_numpy()
