"""By what each zone is divided: households, workers, metres of centre line or square metres, and in which range."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from gridgis.divide.households import Counted
from gridgis.geometry.noding import Bools, Floats, Geometries
from gridgis.profile import Profile, Range, Rules

LOOSE = 0.3
"""Where only a target area is known, a grid may be this much smaller or larger."""

ATOM_SHARE = 1 / 25
"""An atom holds about this share of the largest grid."""

MICRO_SHARE = 1 / 3
"""An atom holds about this share of the largest micro-grid."""


class Measure(NamedTuple):
    """What is counted in one zone, its total, and the range of a grid and of a micro-grid; see :class:`Measures`."""

    name: str
    total: float
    low: float
    high: float
    micro_low: float
    micro_high: float
    spread: bool


@dataclass(frozen=True)
class Measures:
    """One row a zone: what is counted and the range of a grid in it.

    Attributes
    ----------
    name : "households", "workers", "length_m" or "area_m2"
    low, high : range of a grid
    micro_low, micro_high : range of a micro-grid in households, nan where none are made
    spread : the number is known for the zone only and is spread over its land
    """

    name: Geometries
    total: Floats
    low: Floats
    high: Floats
    micro_low: Floats
    micro_high: Floats
    spread: Bools

    def spread_where(self, rows: Bools, among: Bools) -> Measures:
        """The measures with `spread` set to `rows` for the zones `among`."""
        return replace(self, spread=np.where(among, rows, self.spread))

    @property
    def atom_cap(self) -> Floats:
        """What an atom may hold where a block is cut."""
        return np.fmin(self.high * ATOM_SHARE, self.micro_high * MICRO_SHARE)


def measures(zones: gpd.GeoDataFrame, counted: Counted, centre_line_m: Floats, *, profile: Profile) -> Measures:
    """The measure of each zone: the first of the contract's order that its zone has numbers for."""
    area = shapely.area(np.asarray(zones.geometry, dtype=object))
    workers = zones["workers"].to_numpy(dtype=float, na_value=np.nan)
    known = np.where(counted.source == "none", np.nan, counted.total)
    rows = [
        measure_of(
            profile.rules[kind],
            households=known[k],
            spread=counted.source[k] == "area",
            workers=workers[k],
            length_m=centre_line_m[k],
            area_m2=area[k],
        )
        for k, kind in enumerate(zones["kind"])
    ]
    table = np.array([row[1:] for row in rows], dtype=float).reshape(-1, 6)
    name = np.array([row.name for row in rows], dtype=object)
    total, low, high, micro_low, micro_high, spread = table.T
    return Measures(name, total, low, high, micro_low, micro_high, spread > 0)


def measure_of(
    rules: Rules,
    *,
    households: float = np.nan,
    spread: bool = False,
    workers: float = np.nan,
    length_m: float = 0.0,
    area_m2: float,
) -> Measure:
    """The measure of one zone.

    Parameters
    ----------
    households, workers : nan where they are not known
    spread : households are known for the zone only
    length_m : of centre line
    """
    if rules.length_m is not None and length_m > 0:
        return _row("length_m", length_m, rules.length_m, None, False)
    if rules.households is not None and np.isfinite(households) and households > 0:
        return _row("households", households, rules.households, rules.micro_households, spread)
    if rules.workers is not None and np.isfinite(workers) and workers > 0:
        return _row("workers", workers, rules.workers, None, True)
    if rules.area_m2 is not None:
        return _row("area_m2", area_m2, rules.area_m2, None, True)
    target = rules.target_area_m2
    loose = Range(
        min=target.value * (1 - LOOSE), max=target.value * (1 + LOOSE), unit=target.unit, clause=target.clause
    )
    return _row("area_m2", area_m2, loose, None, True)


def _row(name: str, total: float, grid: Range, micro: Range | None, spread: bool) -> Measure:
    low, high = (micro.min, micro.max) if micro else (np.nan, np.nan)
    return Measure(name, total, grid.min, grid.max, low, high, spread)
