"""The whole picture of one question: density, rates, significance, trends and piles, made into one report.

Invariant: the same cases, grids, options and seed give the same report; each number in it is that of the function that
is named for it, asked with the same window, items and sources.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused, Notice, refuse
from gridgis.heat.contiguity import Contiguity, contiguity
from gridgis.heat.counts import Counted, count_cases
from gridgis.heat.cube import Cube, by_period, cube
from gridgis.heat.frame import chosen, places
from gridgis.heat.periods import MONTHS, Calendar, days_of, periods
from gridgis.heat.rates import DAYS, Scheme, classes, exposure_of, rates
from gridgis.heat.report import Report
from gridgis.heat.significance import hot_spots
from gridgis.heat.surface import Surface
from gridgis.heat.trends import LEAST_PERIODS, NOT_ENOUGH, space_time, trends

UNITS = {"households": "1,000 households", "area": "km²", "streets": "km of street"}
"""What a rate is of, by the name of the exposure."""
CLASSES = 5
LIMITS = (
    "one grid alone among quiet neighbours is told by no verdict: look at the density and the tables too",
    "single periods are judged by z, not below the chance of cases that come alone; the window by permutations",
)
"""What every reader of verdicts has to know."""
MOST_PERIODS = 400
"""A year by day; each period has a surface of its own."""

Floats = NDArray[np.float64]
Draw = Callable[[tuple[Any, Any]], Surface]


@dataclass(frozen=True)
class Question:
    """What a report is about.

    Parameters
    ----------
    window : first and last day, both within
    items, sources : only these; all where there are none
    calendar : the periods that are compared
    per : "area", "households" or "streets"
        What rates are of, and what is held constant in testing. Every grid has land; a market or a station has no
        household, and with them would have no answer.
    fdr : of what is told hot or cold, the share that may be so by chance
    permutations : for each grid
    scheme : how rates are put into classes
    """

    window: tuple[Any, Any]
    items: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    calendar: Calendar = MONTHS
    per: str = "area"
    fdr: float = 0.05
    permutations: int = 999
    scheme: Scheme = "quantiles"

    @property
    def asked(self) -> dict[str, Any]:
        """Window, item and source as the functions of this room take them."""
        return {"window": self.window, "item": self.items or None, "source": self.sources or None}


def overview(
    cases: pd.DataFrame,
    grids: gpd.GeoDataFrame,
    question: Question,
    *,
    draw: Draw,
    rng: np.random.Generator,
    piles: pd.DataFrame,
    aside: int = 0,
    streets: gpd.GeoDataFrame | None = None,
    notices: Sequence[str] = (),
) -> Report:
    """Answer a question about the cases that count.

    Parameters
    ----------
    cases : DataFrame
        As told in :mod:`gridgis.heat`, without those that were set aside. Every case counts as one: weights count in
        the density alone.
    grids : GeoDataFrame
        In force, in the order of their codes.
    draw : callable
        Gives the density of the cases asked for in a window: first and last day, both within.
    piles : DataFrame
        What was set aside, for the report; `aside` is how many of them are in the window.
    """
    first, last = days_of(question.window)
    mine = chosen(cases, **question.asked).drop(columns="weight", errors="ignore")
    found = statistics(mine, grids, question, near=contiguity(grids), rng=rng, streets=streets)
    told = found.periods
    frame = grids[["grid_code", "zone_code", "name", "households", "area_m2", "geometry"]].reset_index(drop=True)
    return Report(
        begin=first,
        end=last + np.timedelta64(1, "D"),
        items=question.items,
        sources=question.sources,
        cases=len(mine) + aside,
        in_no_grid=int(mine["grid_code"].isna().sum()),
        grids=gpd.GeoDataFrame(pd.concat([frame, found.grids], axis=1), geometry="geometry", crs=grids.crs),
        class_limits=found.class_limits,
        periods=pd.DataFrame(
            {
                "period": told["period"],
                "begin": told["first"],
                "end": told["last"] + pd.Timedelta(days=1),
                "whole": told["complete"],
            }
        ),
        counts=by_period(mine, places(mine, grids), question.calendar, told, grids=len(grids)).astype(np.int64),
        verdicts=found.verdicts,
        surface=draw((first, last)),
        surfaces=tuple(draw(span) for span in zip(told["first"], told["last"], strict=True)),
        piles=piles,
        false_share=question.fdr,
        notices=tuple(dict.fromkeys([*notices, *_of_places(mine), *found.notices, *LIMITS])),
    )


@dataclass(frozen=True)
class Statistics:
    """What is told of each grid, without any surface.

    Attributes
    ----------
    grids : DataFrame
        The columns of :class:`gridgis.heat.report.Report` from `cases` on, a row a grid in the order of the grids.
    class_limits, verdicts : as in the report
    periods : DataFrame
        Of :func:`gridgis.heat.periods.periods`.
    notices : what a reader has to know, in words
    """

    grids: pd.DataFrame
    class_limits: tuple[float, ...]
    periods: pd.DataFrame
    verdicts: NDArray[np.int8]
    notices: tuple[str, ...]


def statistics(
    cases: pd.DataFrame,
    grids: gpd.GeoDataFrame,
    question: Question,
    *,
    near: Contiguity,
    rng: np.random.Generator,
    streets: gpd.GeoDataFrame | None = None,
) -> Statistics:
    """Count, rate, test and follow the cases of a question by grid.

    Parameters
    ----------
    cases : DataFrame
        Those of the question's window, items and sources.
    near : of the same grids; it may be kept from one question to the next
    """
    told = periods(question.window, calendar=question.calendar)
    refuse(_too_many(told, question))
    counted = count_cases(cases, grids, window=question.window, streets=streets)
    measure = counted.frame[exposure_of(counted, question.per).column].to_numpy(dtype=np.float64)
    over_time, verdicts, trend_notices = _over_time(cases, grids, question, near, told, measure)
    by_grid, limits, rate_notices = _by_grid(counted, near, question, rng)
    return Statistics(pd.concat([by_grid, over_time], axis=1), limits, told, verdicts, (*rate_notices, *trend_notices))


def _too_many(told: pd.DataFrame, question: Question) -> list[Fault]:
    if len(told) <= MOST_PERIODS:
        return []
    first, last = days_of(question.window)
    problem = f"from {first} to {last} there are {len(told)} {question.calendar.by}s, more than {MOST_PERIODS}"
    cure = "Make it shorter, or count by longer periods; a day that nobody asked for is perhaps a slip of a case"
    return [Fault("window", "", problem, cure)]


def _of_places(cases: pd.DataFrame) -> list[str]:
    nowhere = int((cases["grid_code"].isna() & cases["x"].isna()).sum()) if "x" in cases else 0
    told = Notice("cases", "without coordinates, in no grid: a gazetteer finds addresses", nowhere)
    return [str(told)] if nowhere else []


def _by_grid(
    counted: Counted, near: Contiguity, question: Question, rng: np.random.Generator
) -> tuple[pd.DataFrame, tuple[float, ...], list[str]]:
    """Rates, classes and verdicts, a row a grid."""
    exposure = exposure_of(counted, question.per)
    rated = rates(counted, per=question.per, smoothing="global")
    enough = rated["enough"].to_numpy(dtype=bool)
    put = classes(rated[exposure.rate].to_numpy(), scheme=question.scheme, count=CLASSES, enough=enough)
    spots = hot_spots(counted, near, rng=rng, per=question.per, permutations=question.permutations, fdr=question.fdr)
    table = pd.DataFrame(
        {
            "cases": rated["cases"].round().astype("Int64"),
            "rate": rated[exposure.rate],
            "rate_unit": f"cases per {UNITS[question.per]} per {DAYS} days",
            "smoothed": rated[f"smoothed_{exposure.rate}"],
            "class": pd.array(put.of, dtype="Int64"),
            "expected": rated["expected"],
            "enough": rated["enough"],
            **{name: spots.frame[name] for name in ("z", "p", "q", "verdict", "carried_by")},
        }
    )
    table.loc[table["class"] < 0, "class"] = pd.NA
    found = dict.fromkeys((*counted.notices, *near.notices, *spots.notices))
    told = [notice for notice in found if question.per == "households" or "household" not in notice.message]
    return table, put.upper, [str(notice) for notice in told]


def _over_time(
    cases: pd.DataFrame,
    grids: gpd.GeoDataFrame,
    question: Question,
    near: Contiguity,
    told: pd.DataFrame,
    exposure: Floats,
) -> tuple[pd.DataFrame, NDArray[np.int8], list[str]]:
    """The pattern of each grid, and what it is in each period; periods that the window cuts are told nothing of."""
    states = np.zeros((len(grids), len(told)), dtype=np.int8)
    nothing = np.full(len(grids), np.nan)
    unknown = pd.DataFrame({"trend": NOT_ENOUGH, "trend_p": nothing, "pattern": NOT_ENOUGH, "slope": nothing})
    whole = int(told["complete"].sum())
    if whole < LEAST_PERIODS:
        return unknown, states, [str(Notice("periods", f"too few for a trend, which needs {LEAST_PERIODS}", whole))]
    try:
        counted: Cube = cube(cases, grids, window=question.window, calendar=question.calendar)
    except InputRefused as refused:  # there is no case in them
        return unknown, states, [str(refused)]
    options: dict[str, Any] = {"rate": question.fdr, "exposure": exposure}
    bins = space_time(counted, near.matrix, **options)
    states[:, told["complete"].to_numpy()] = bins.states
    found = trends(counted, near.matrix, bins=bins, **options)
    slope = found["slope"] * counted.periods["days"].mean()
    return found[["trend", "trend_p"]].assign(pattern=found["category"], slope=slope), states, []
