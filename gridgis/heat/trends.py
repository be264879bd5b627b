"""Trends on the space-time cube: Mann-Kendall for all grids at once, and the categories of hot and cold spots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused
from gridgis.heat.cube import Cube
from gridgis.heat.discoveries import discoveries
from gridgis.heat.getis_ord import Numbers, Population, by_lot, by_poisson, gi_star, two_sided, with_itself

States = NDArray[np.int8]
Marks = NDArray[np.bool_]

NOT_ENOUGH = "not enough data"
NO_PATTERN = "no pattern"
KINDS = ("new", "consecutive", "intensifying", "persistent", "diminishing", "sporadic", "oscillating", "historical")
CATEGORIES = (*(f"{kind} {side}" for side in ("hot", "cold") for kind in KINDS), NO_PATTERN, NOT_ENOUGH)

Over = Literal["cube", "period"]
Chance = Literal["floored", "lot", "normal"]
OVER: tuple[Over, ...] = get_args(Over)
CHANCES: tuple[Chance, ...] = get_args(Chance)

LEAST_PERIODS = 10
"""With fewer the published tool gives no answer: nine tenths of them would be all of them."""
LEAST_CASES = 10
"""Fewer, seen or to be expected about a grid over all periods, say nothing of a trend."""


@dataclass(frozen=True)
class SpaceTime:
    """Gi* of the bins of a cube: `z` and `p` of shape (grids, periods), `states` 1 hot, -1 cold, 0 neither.

    `p` is NaN where nothing is tested: in a period without a case, of a grid without exposure.
    """

    z: Numbers
    p: Numbers
    states: States


def mann_kendall(values: NDArray[Any], *, slope: bool = True) -> pd.DataFrame:
    """Test each row for a trend by Mann and Kendall, ties allowed for.

    S is the number of pairs that rise less those that fall; its variance without a trend is
    (n (n-1) (2n+5) - sum of t (t-1) (2t+5)) / 18 over groups of t equal values; z = (S -+ 1) / sqrt(variance). Sources:
    Mann 1945, Kendall 1975, Sen 1968. The same numbers as `pymannkendall.original_test`.

    The test takes the values for independent of each other; where each leans on the one before, as z of neighbourhoods
    in time do, it finds too many trends.

    Parameters
    ----------
    values : array of shape (rows, n)
        Finite, n of 2 or more.
    slope : bool
        Reckon Sen's slope too, which takes most of the time.

    Returns
    -------
    frame
        `s`, `var_s`, `z`, `p`, `tau` (S over all pairs) and `slope` (the middle of the slopes of all pairs, by
        period), a row each.

    Raises
    ------
    InputRefused
        Where there are fewer than two periods, or a value is not finite.
    """
    from gridgis.heat.pairs import risen

    x = np.asarray(values, dtype=np.float64)
    n = _periods_of(x)
    s = risen(np.ascontiguousarray(x))
    var_s = (n * (n - 1) * (2 * n + 5) - _ties(x)) / 18
    z = np.where(s == 0, 0.0, (s - np.sign(s)) / np.sqrt(np.where(var_s > 0, var_s, 1.0)))
    columns = {"s": s, "var_s": var_s, "z": z, "p": two_sided(z), "tau": s / (0.5 * n * (n - 1))}
    return pd.DataFrame({**columns, "slope": sen_slope(x)} if slope else columns)


def sen_slope(values: NDArray[Any]) -> Numbers:
    """The middle of the slopes between all pairs of each row, by period. Source: Sen 1968.

    Parameters
    ----------
    values : array of shape (rows, n)
        Finite, n of 2 or more.
    """
    from gridgis.heat.pairs import middle_slopes

    x = np.asarray(values, dtype=np.float64)
    _periods_of(x)
    return np.asarray(middle_slopes(np.ascontiguousarray(x)))


def space_time(
    cube: Cube,
    weights: Any,
    *,
    rate: float = 0.05,
    over: Over = "cube",
    chance: Chance = "floored",
    time_step: int = 0,
    population: Population = "step",
    exposure: NDArray[Any] | None = None,
) -> SpaceTime:
    """Gi* of each bin of a cube, hot or cold where it holds at a rate of false discoveries.

    Periods are compared as if they were equally long, so that a month of 31 days is no hotter.

    Parameters
    ----------
    cube : Cube
        Cases by grid and period.
    weights : sparse matrix of shape (grids, grids)
        Contiguity of zeros and ones, in the order of the grids.
    rate : float
        At most this share of the bins that are called hot or cold are so by chance, on average.
    over : "cube" or "period"
        All bins are one family of tests, as in the published tool, or those of each period.
    chance : "floored", "lot" or "normal"
        p from z as in the published tool, but none smaller than that of the Poisson distribution; by
        :func:`gridgis.heat.getis_ord.by_lot`, which keeps the rate whatever cases are like, but finds little in a city
        of few grids; or from z alone, which is far too small where cases are rare. Measured on 625 grids of the same
        risk and 20 periods, at a rate of 5 %, in how many of 40 runs anything at all was called, and what share of all
        bins:

        ===========================  ==============  ===========  ==============
        cases around a grid          normal          lot          floored
        ===========================  ==============  ===========  ==============
        0.2, Poisson                 40, 1.4 %       0            0
        1, Poisson                   40, 0.3 %       0            0
        5, Poisson                   28, 0.02 %      0            1, 0.0002 %
        18, Poisson                  8, 0.002 %      2, 0.0004 %  1, 0.0002 %
        18, three times as variable  38, 0.1 %       0            38, 0.1 %
        ===========================  ==============  ===========  ==============
    time_step, population
        As in `gi_star`; the published tool takes one step and all of the cube. With all of it, real cities in which
        a few bins hold most cases have no hot bin by lot.
    exposure : array of shape (grids,), optional
        Land or households, in proportion to which cases would come: without it big grids are hot for their size. A
        grid that has none, or of which it is not known, takes no part. By lot, counts are dealt out all the same.

    Returns
    -------
    SpaceTime
        z, p and states.

    Raises
    ------
    InputRefused
        Where weights do not fit, or a choice is unknown.
    """
    family = _chosen(over, "over", OVER)
    expected = _expected(cube.even, exposure, population)
    known = np.isfinite(expected) & (expected > 0)
    beyond = np.where(known, (cube.even - expected) / np.sqrt(np.where(known, expected, 1.0)), 0.0)
    z = gi_star(cube.even if exposure is None else beyond, weights, time_step=time_step, population=population)
    if _chosen(chance, "chance", CHANCES) == "lot":
        p = by_lot(cube.even, weights, time_step=time_step, population=population)
    else:
        p = two_sided(z)
    if chance == "floored":
        p = np.maximum(p, by_poisson(cube.even, weights, np.where(known, expected, np.nan), time_step=time_step))
    p = np.where(known, p, np.nan)
    found = discoveries(p, rate=rate, axis=None if family == "cube" else 0)
    return SpaceTime(z, p, np.where(found, np.sign(z), 0).astype(np.int8))


def _expected(even: Numbers, exposure: NDArray[Any] | None, population: Population) -> Numbers:
    """Cases of each bin, were they spread as the exposure is, or evenly, over the period or over the cube."""
    measure = np.ones(len(even)) if exposure is None else np.asarray(exposure, dtype=np.float64)
    part = np.where(measure > 0, measure, np.nan)
    known = even[np.isfinite(part)].sum(axis=0)
    total = known if population == "step" else np.full_like(known, known.mean() if known.size else 0.0)
    return np.asarray(np.outer(part / np.nansum(part), total), dtype=np.float64)


def categories(states: States, trend: NDArray[Any]) -> NDArray[Any]:
    """Name the pattern of each grid, from its bins and the trend of their z alone.

    The definitions are those of Esri, "How Emerging Hot Spot Analysis works" (ArcGIS Pro, tool reference, space-time
    pattern mining; https://pro.arcgis.com/en/pro-app/latest/tool-reference/space-time-pattern-mining/learnmoreemerging.htm),
    in words of our own, for hot; cold with the sides changed:

    - new: hot in the last period and never before;
    - consecutive: the last two or more periods are hot without a break, none before them is, and fewer than nine
      tenths of all are;
    - intensifying: nine tenths or more are hot, the last too, and z rises significantly;
    - diminishing: the same, and z falls significantly;
    - persistent: nine tenths or more are hot, and z neither rises nor falls significantly;
    - sporadic: hot in the last period, with breaks before it; fewer than nine tenths hot, none ever cold;
    - oscillating: hot in the last period, cold in some earlier one; fewer than nine tenths hot;
    - historical: nine tenths or more are hot, but not the last.

    Where two definitions hold, the first of this list does, all hot ones before the cold: new and consecutive before
    oscillating where it was cold earlier. One choice is ours: what was nearly always hot and is not in the last period
    is historical even where no trend shows, not persistent, whose definition leaves the last period open. For cold
    spots a rising intensity is a falling z.

    Parameters
    ----------
    states : array of shape (grids, periods)
        1 hot, -1 cold, 0 neither, significantly.
    trend : array of shape (grids,)
        1 where z rises over the periods significantly, -1 where it falls, 0 else.

    Returns
    -------
    array of text
        Such as "new hot", "historical cold"; "no pattern" else.
    """
    hot, cold = states == 1, states == -1
    patterns = {f"{kind} hot": mark for kind, mark in _patterns(hot, cold, np.asarray(trend)).items()}
    patterns |= {f"{kind} cold": mark for kind, mark in _patterns(cold, hot, -np.asarray(trend)).items()}
    return np.select(list(patterns.values()), [np.array(name, dtype=object) for name in patterns], NO_PATTERN)


def _patterns(hot: Marks, cold: Marks, trend: NDArray[Any]) -> dict[str, Marks]:
    n = hot.shape[1]
    number, last = hot.sum(axis=1), hot[:, -1]
    mostly = number * 10 >= n * 9
    run = np.where(hot.all(axis=1), n, np.argmin(hot[:, ::-1], axis=1))
    unbroken = last & (run == number)
    ever_cold = cold.any(axis=1)
    return {
        "new": unbroken & (number == 1),
        "consecutive": unbroken & (number > 1) & ~mostly,
        "intensifying": mostly & last & (trend > 0),
        "persistent": mostly & last & (trend == 0),
        "diminishing": mostly & last & (trend < 0),
        "sporadic": last & ~unbroken & ~mostly & ~ever_cold,
        "oscillating": last & ~mostly & ever_cold,
        "historical": mostly & ~last,
    }


def trends(
    cube: Cube,
    weights: Any,
    *,
    rate: float = 0.05,
    trend_p: float = 0.05,
    over: Over = "cube",
    chance: Chance = "floored",
    time_step: int = 0,
    population: Population = "step",
    exposure: NDArray[Any] | None = None,
    bins: SpaceTime | None = None,
    least_cases: float = LEAST_CASES,
    least_periods: int = LEAST_PERIODS,
    slope: bool = True,
) -> pd.DataFrame:
    """Tell for each grid whether it is a hot or a cold spot, of which kind, and where it is going.

    Gi* by period, then Mann-Kendall on its z and on the counts, then :func:`categories`. As in the published tool the
    trends of single grids are not corrected for their number. Three defaults are not the tool's: no p from z is
    smaller than that of cases that come alone (see there); no step in time, for with one step Mann-Kendall
    finds a trend of z in 16 % of grids at 5 % where there is nothing but chance, without in 5 %; and the population of
    each period, not of the whole cube, so that hot means hotter than elsewhere then. A rise everywhere is told by the
    trend of the counts.

    Parameters
    ----------
    cube : Cube
        Cases by grid and period; those of earlier divisions re-based.
    weights, rate, over, chance, time_step, population, exposure
        As in :func:`space_time`.
    bins : SpaceTime, optional
        What :func:`space_time` gave for them; reckoned here otherwise.
    trend_p : float
        A trend is called so below this chance.
    least_cases : float
        A grid about which fewer cases lie, and fewer would be expected at the mean of all grids, over all periods and
        among its neighbours too, is "not enough data".
    least_periods : int
        Fewer periods are refused.
    slope : bool
        Reckon Sen's slopes.

    Returns
    -------
    frame
        In the order of the grids: `grid_code`, `category`, `cases`, `cases_around` (with the neighbours),
        `hot_periods`, `cold_periods`, `last_z`, `z_trend` (z of Mann-Kendall on z), `z_trend_p`, `z_tau`, `z_slope`,
        `trend` of the cases ("rising", "falling", "none", "not enough data"), `trend_z`, `trend_p`, `tau`, `slope`
        (cases a day, by period).

    Raises
    ------
    InputRefused
        Where there are too few periods, or weights do not fit.
    """
    _long_enough(cube, max(least_periods, 2))
    options: dict[str, Any] = {"time_step": time_step, "population": population, "exposure": exposure}
    bins = bins or space_time(cube, weights, rate=rate, over=over, chance=chance, **options)
    of_z, of_cases = mann_kendall(bins.z, slope=slope), mann_kendall(cube.per_day, slope=slope)
    around, expected = _around(cube, weights)
    enough = np.maximum(around, expected) >= least_cases
    if exposure is not None:
        enough &= np.asarray(exposure, dtype=np.float64) > 0
    cases = cube.counts.sum(axis=1)
    return pd.DataFrame(
        {
            "grid_code": cube.grid_codes,
            "category": np.where(enough, categories(bins.states, _direction(of_z, trend_p)), NOT_ENOUGH),
            "cases": cases,
            "cases_around": around,
            "hot_periods": (bins.states == 1).sum(axis=1),
            "cold_periods": (bins.states == -1).sum(axis=1),
            "last_z": bins.z[:, -1],
            **_named(of_z, {"z": "z_trend", "p": "z_trend_p", "tau": "z_tau", "slope": "z_slope"}),
            "trend": np.where(cases >= least_cases, _words(_direction(of_cases, trend_p)), NOT_ENOUGH),
            **_named(of_cases, {"z": "trend_z", "p": "trend_p", "tau": "tau", "slope": "slope"}),
        }
    )


def _direction(test: pd.DataFrame, trend_p: float) -> NDArray[Any]:
    return np.where(test["p"] < trend_p, np.sign(test["z"]), 0).astype(np.int8)


def _words(direction: NDArray[Any]) -> NDArray[Any]:
    return np.array(["falling", "none", "rising"], dtype=object)[direction + 1]


def _named(test: pd.DataFrame, names: dict[str, str]) -> dict[str, NDArray[Any]]:
    return {name: test[column].to_numpy() for column, name in names.items() if column in test}


def _around(cube: Cube, weights: Any) -> tuple[NDArray[Any], Numbers]:
    """Cases of each grid with its neighbours, and as many as the mean of all grids would give."""
    around = with_itself(weights)
    total = cube.counts.sum(axis=1, dtype=np.float64)
    seen = around @ total
    whole = cube.counts.dtype.kind != "f"
    return np.rint(seen).astype(np.int64) if whole else seen, total.mean() * np.asarray(around.sum(axis=1)).ravel()


def _chosen(given: str, name: str, known: tuple[str, ...]) -> str:
    if given not in known:
        raise InputRefused([Fault(name, "", f"there is no {given!r}", f"Choose of {', '.join(known)}")])
    return given


def _periods_of(x: Numbers) -> int:
    if x.ndim != 2 or x.shape[1] < 2:
        problem = f"values of shape {x.shape} show no trend"
        raise InputRefused([Fault("values", "", problem, "Give a row a series, of two periods or more")])
    if not np.isfinite(x).all():
        raise InputRefused([Fault("values", "", "not every value is finite", "Leave such rows out")])
    return int(x.shape[1])


def _long_enough(cube: Cube, least: int) -> None:
    have = len(cube.periods)
    if have < least:
        problem = f"{have} whole period{'s' if have > 1 else ''} {'show' if have > 1 else 'shows'} no trend"
        cure = f"Widen the window or count by shorter periods: {least} are needed"
        raise InputRefused([Fault("cube", "", problem, cure)])


def _ties(x: Numbers) -> Numbers:
    """The sum of t (t-1) (2t+5) over the groups of t equal values of each row."""
    ranked = np.sort(x, axis=1)
    fresh = np.ones(x.shape, dtype=bool)
    fresh[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    starts = np.flatnonzero(fresh)
    t = np.diff(np.append(starts, x.size)).astype(np.float64)
    sums: Numbers = np.bincount(starts // x.shape[1], t * (t - 1) * (2 * t + 5), len(x)).astype(np.float64)
    return sums
