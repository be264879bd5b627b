"""The small city of tests with counted cases: a heap in one zone in the last months, some set aside, some nowhere."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from city import make_city

import webmap
from gridgis import jobs
from gridgis.heat.pyramid import Aside, append, build

ITEMS, SOURCES = ("S01", "S02", "S03"), ("热线", "patrol")
FIRST, DAYS = np.datetime64("2026-01-05"), 175
"""25 whole weeks."""
ASIDE = (
    Aside("default place", "2026-06-01", "S01", "热线", 40),
    Aside("default place", "2026-01-10", "S01", "热线", 7),
    Aside("no time", None, "S02", "patrol", 3),
)


def heat_city(folder: Path, *, number: int = 3_000) -> tuple[webmap.Settings, pd.DataFrame]:
    """What a server with counted cases is told, and the cases: those in grids, with their grid."""
    told = make_city(folder)
    division = jobs.version(told.store, 1)
    cases = made_cases(division.grids, number)
    build(folder / "cases.heat", cases, crs=division.grids.crs.to_string(), batch="first", aside=ASIDE)
    return replace(told, pyramid=str(folder / "cases.heat")), cases


def made_cases(grids, number: int, *, seed: int = 5) -> pd.DataFrame:
    """Points well inside grids: a third of those of the last ten weeks in the three grids of the first codes."""
    rng = np.random.default_rng(seed)
    grids = grids.sort_values("grid_code", ignore_index=True)
    inner = shapely.buffer(grids.geometry.to_numpy(), -3.0)
    day = FIRST + rng.integers(0, DAYS, number)
    hot = (rng.random(number) < 0.33) & (day >= FIRST + 105)
    row = np.where(hot, rng.integers(0, 3, number), rng.integers(0, len(grids), number))
    spots = [shapely.get_coordinates(shapely.point_on_surface(one))[0] for one in inner]
    xy = np.array(spots)[row] + rng.uniform(-2, 2, (number, 2))
    return pd.DataFrame({
        "x": xy[:, 0], "y": xy[:, 1], "day": day.astype("datetime64[s]"),
        "item": rng.choice(ITEMS, number, p=[0.6, 0.3, 0.1]), "source": rng.choice(SOURCES, number),
        "grid_code": grids["grid_code"].to_numpy(dtype=object)[row],
    })  # fmt: skip


def more_cases(told: webmap.Settings, cases: pd.DataFrame, batch: str) -> None:
    """Count more; the catalogue is told of a later time where the clock of the disk is coarse."""
    append(told.pyramid, cases, batch=batch)
    catalogue = Path(told.pyramid) / "catalogue.db"
    now = catalogue.stat().st_mtime_ns
    os.utime(catalogue, ns=(now, now + 1_000_000))
