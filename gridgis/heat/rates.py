"""Rates by grid, smoothed and in classes, and where there is too little to speak of a rate.

Invariant: a grid without a household, land or street has no rate of it, neither 0 nor endless; a rate that rests on
too little is told as "not enough data" and has no class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.geometry.noding import Bools, Floats, Ints
from gridgis.heat.contiguity import Contiguity
from gridgis.heat.counts import Counted

DAYS = 30
"""Rates are those of this many days."""


@dataclass(frozen=True)
class Exposure:
    """What cases are divided by: the column, how much of it makes a rate of 1, the column of rates, its words."""

    column: str
    unit: float
    rate: str
    nothing: str


EXPOSURES = {
    "households": Exposure("households", 1000.0, "per_1000_households_30_days", "no households"),
    "area": Exposure("area_km2", 1.0, "per_km2_30_days", "no land"),
    "streets": Exposure("street_km", 1.0, "per_street_km_30_days", "no streets"),
}
"""By the name that options give."""

Smoothing = Literal["global", "spatial"]
Scheme = Literal["quantiles", "fisher_jenks", "fixed"]
NO_CLASS = -1


def rates(
    counted: Counted,
    *,
    per: str = "households",
    smoothing: Smoothing | None = None,
    neighbours: Contiguity | None = None,
    min_expected: float = 1.0,
    min_exposure: float = 0.0,
) -> pd.DataFrame:
    """Rates of cases by grid in 30 days.

    Parameters
    ----------
    counted : Counted
    per : a name of :data:`EXPOSURES`
        Which rate is smoothed and judged; the others are given as they are.
    smoothing : "global", "spatial" or None
        Empirical Bayes towards the rate of all grids, or of the neighbourhood; the latter needs `neighbours`.
    min_expected : float
        A grid has not enough data where fewer cases than this would be expected in it at the rate of all grids. With
        1, no case at all is what chance gives most often (in 37 windows of 100), and two are a double rate.
    min_exposure : float
        A grid has not enough data where there is less than this of households, km² or km.

    Returns
    -------
    DataFrame
        One row a grid, in the order of the grids: `grid_code`, `zone_code`, `name`, `cases`, `cases_30_days`, each
        rate of :data:`EXPOSURES` whose measure is known, `smoothed_` and its name where smoothing is asked for,
        `expected` (cases, in the window), `enough`, and `reason`, a text where there is not enough.
    """
    exposure = exposure_of(counted, per)
    refuse(_rate_faults(counted, smoothing, neighbours))
    frame, scale = counted.frame, DAYS / counted.days
    out = frame[["grid_code", "zone_code", "name", "cases"]].assign(cases_30_days=frame["cases"] * scale)
    for each in EXPOSURES.values():
        if each.column in frame:
            out[each.rate] = _divided(frame["cases"].to_numpy(), known(frame[each.column])) * each.unit * scale
    cases, b = frame["cases"].to_numpy(), known(frame[exposure.column])
    if smoothing == "global":
        out[f"smoothed_{exposure.rate}"] = smoothed(cases, b) * exposure.unit * scale
    elif neighbours is not None and smoothing == "spatial":
        out[f"smoothed_{exposure.rate}"] = smoothed_by_neighbours(cases, b, neighbours) * exposure.unit * scale
    expected = b * overall(cases, b)
    reason = _reason(b, expected, exposure, min_expected, min_exposure)
    return out.assign(expected=expected, enough=reason == "", reason=reason)


def exposure_of(counted: Counted, per: str) -> Exposure:
    """The exposure of a name; refused where it is unknown or was not counted."""
    if per not in EXPOSURES:
        raise InputRefused([Fault("options", "per", f"{per!r} is no exposure", f"Choose of {', '.join(EXPOSURES)}")])
    if EXPOSURES[per].column not in counted.frame:
        problem = f"the grids have no {EXPOSURES[per].column}"
        raise InputRefused([Fault("grids", "", problem, "Give streets, or a column street_m, when counting")])
    return EXPOSURES[per]


def known(column: pd.Series) -> Floats:
    """An exposure, NaN where there is none of it."""
    values = column.to_numpy(dtype=np.float64)
    return np.where(values > 0, values, np.nan)


def overall(cases: Floats, exposure: Floats) -> float:
    """The rate of all grids that have an exposure; 0 where none has."""
    have = np.isfinite(exposure)
    total = float(exposure[have].sum())
    return float(cases[have].sum()) / total if total > 0 else 0.0


def smoothed(cases: Floats, exposure: Floats) -> Floats:
    """Rates drawn towards that of all grids, the more the smaller the exposure; NaN where there is none.

    As esda's `Empirical_Bayes`, but for data that vary less than chance alone would make them: then its estimate of
    the variance between grids is negative and rates go beyond the mean; here it is 0, and all are the mean.

    References
    ----------
    Marshall (1991), Mapping disease and mortality rates using empirical Bayes estimators, eq. 6-8.
    """
    mean, between = _moments(cases, exposure)
    share = _divided(np.full(len(cases), between), between + mean / exposure)
    return np.where(np.isfinite(exposure), mean + np.nan_to_num(share) * (cases / exposure - mean), np.nan)


def smoothed_by_neighbours(cases: Floats, exposure: Floats, neighbours: Contiguity) -> Floats:
    """Rates drawn towards that of the grid and its neighbours; as esda's `Spatial_Empirical_Bayes`.

    References
    ----------
    Marshall (1991), section 4; neighbours without an exposure are none.
    """
    have = np.isfinite(exposure)
    b, e = np.where(have, exposure, 0.0), np.where(have, cases, 0.0)
    pairs = neighbours.matrix.tocoo()
    use = have[pairs.row] & have[pairs.col]
    every = np.flatnonzero(have)
    row, column = np.concatenate([pairs.row[use], every]), np.concatenate([pairs.col[use], every])
    near = _sum(row, b[column], len(b))
    mean = _divided(_sum(row, e[column], len(b)), near)
    rate = _divided(e, b)
    around = _divided(_sum(row, (rate[column] - mean[row]) ** 2 * b[column], len(b)), near)
    number = np.bincount(row, minlength=len(b))
    between = np.maximum(around - _divided(mean * number, near), 0.0)
    share = _divided(between, between + _divided(mean, b))
    return np.where(have, mean + np.nan_to_num(share) * (rate - mean), np.nan)


def standardised(cases: Floats, exposure: Floats, *, among: Bools | None = None) -> Floats:
    """Rates less that of all grids, by their own standard deviation under one risk; as esda's `assuncao_rate`.

    Small exposures make rates scatter; of these numbers each has mean 0 and variance 1 where the risk is the same
    everywhere but for noise between grids. NaN where there is no exposure, 0 everywhere where there is no case.

    Parameters
    ----------
    cases, exposure : float array, shape (n,)
    among : bool array, optional
        The grids from which rate and variance are taken; all by default.

    References
    ----------
    Assunção and Reis (1999), A new proposal to adjust Moran's I for population density, eq. 5-7. Where the estimated
    variance between grids is negative, esda sets it right for single grids, here it is 0.
    """
    mean, between = _moments(cases, exposure if among is None else np.where(among, exposure, np.nan))
    spread = np.sqrt(between + mean / exposure)
    out = _divided(cases / exposure - mean, spread)
    return np.where(np.isfinite(exposure), np.nan_to_num(out), np.nan)


@dataclass(frozen=True)
class Classes:
    """Classes of values for a map.

    Attributes
    ----------
    upper : tuple of float
        The upper bound of each class, within it, ascending.
    of : int array, shape (n,)
        Class of each value, -1 for those that are NaN or not enough.
    """

    upper: tuple[float, ...]
    of: Ints


def classes(
    values: Floats,
    *,
    scheme: Scheme = "quantiles",
    count: int = 5,
    bounds: tuple[float, ...] = (),
    enough: Bools | None = None,
) -> Classes:
    """Put values in classes by mapclassify.

    Parameters
    ----------
    values : float array, shape (n,)
    scheme : "quantiles", "fisher_jenks" or "fixed"
        Fisher-Jenks takes time by the square of distinct values: a second for 10,000.
    count : int
        How many classes; fewer where there are fewer distinct values.
    bounds : ascending upper bounds of a fixed scale
        A last class is added where a value goes beyond them.
    enough : bool array, optional
        Values that may have a class.
    """
    refuse(_class_faults(scheme, count, bounds))
    use = np.isfinite(values) if enough is None else np.isfinite(values) & enough
    of = np.full(len(values), NO_CLASS, dtype=np.int64)
    if not use.any():
        return Classes(tuple(float(b) for b in bounds), of)
    upper = _upper(values[use], scheme, count, bounds)
    of[use] = np.searchsorted(upper, values[use], side="left")
    return Classes(tuple(float(b) for b in upper), of)


def _upper(values: Floats, scheme: Scheme, count: int, bounds: tuple[float, ...]) -> Floats:
    distinct = np.unique(values)
    if scheme != "fixed" and len(distinct) <= count:
        return distinct
    if scheme == "fixed":
        return np.asarray(bounds if values.max() <= bounds[-1] else (*bounds, values.max()), dtype=np.float64)
    if scheme == "quantiles":
        return np.unique(np.quantile(values, np.arange(1, count + 1) / count))
    import mapclassify  # takes seconds, and the others need no library

    return np.unique(np.asarray(mapclassify.FisherJenks(values, k=count).bins, dtype=np.float64))


def _class_faults(scheme: str, count: int, bounds: tuple[float, ...]) -> Iterator[Fault]:
    if scheme not in ("quantiles", "fisher_jenks", "fixed"):
        yield Fault("options", "scheme", f"{scheme!r} is no scheme", "Choose quantiles, fisher_jenks or fixed")
    if count < 1:
        yield Fault("options", "count", f"{count} classes", "Ask for one or more")
    if scheme == "fixed" and (not bounds or (np.diff(bounds) <= 0).any()):
        yield Fault("options", "bounds", "a fixed scale needs ascending bounds", "Give such as (1, 2, 5, 10)")


def _rate_faults(counted: Counted, smoothing: str | None, neighbours: Contiguity | None) -> Iterator[Fault]:
    if smoothing not in (None, "global", "spatial"):
        yield Fault("options", "smoothing", f"{smoothing!r} is no smoothing", "Choose global or spatial, or none")
    if smoothing == "spatial" and neighbours is None:
        yield Fault("options", "smoothing", "spatial smoothing needs neighbours", "Give the contiguity of the grids")
    if neighbours is not None and neighbours.matrix.shape[0] != len(counted.frame):
        problem = f"{neighbours.matrix.shape[0]} grids have neighbours, {len(counted.frame)} are counted"
        yield Fault("options", "neighbours", problem, "Take both from the same frame of grids")


def _reason(b: Floats, expected: Floats, exposure: Exposure, min_expected: float, min_exposure: float) -> Any:
    nothing = ~np.isfinite(b)
    out = np.full(len(b), "", dtype=object)
    out[~nothing & (expected < min_expected)] = f"fewer than {min_expected:g} cases expected"
    out[~nothing & (b < min_exposure)] = f"{exposure.column} below {min_exposure:g}"
    out[nothing] = exposure.nothing
    return out


def _moments(cases: Floats, exposure: Floats) -> tuple[float, float]:
    """The rate of all grids, and the variance between grids beyond chance, never negative."""
    have = np.isfinite(exposure)
    if not have.any():
        return 0.0, 0.0
    e, b = cases[have], exposure[have]
    mean = overall(cases, exposure)
    around = float((b * (e / b - mean) ** 2).sum() / b.sum())
    return mean, max(around - mean / float(b.mean()), 0.0)


def _divided(top: Floats, bottom: Floats) -> Floats:
    """The quotient; NaN where divided by nothing."""
    out = np.full(np.broadcast(top, bottom).shape, np.nan)
    np.divide(top, bottom, out=out, where=np.asarray(bottom) > 0)
    return out


def _sum(row: Ints, values: Floats, n: int) -> Floats:
    return np.bincount(row, weights=values, minlength=n).astype(np.float64)
