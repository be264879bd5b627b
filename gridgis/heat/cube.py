"""The space-time cube on the real grids: cases counted by grid and period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused
from gridgis.heat.frame import check_rebased, chosen, places
from gridgis.heat.periods import WEEKS, Calendar, periods


@dataclass(frozen=True)
class Cube:
    """Cases by grid and period.

    Parameters
    ----------
    counts : array of shape (grids, periods)
        int32; float32 where cases are weighted.
    grid_codes : array of text
        The codes of the rows, in the order of the grids.
    periods : frame
        The periods of the columns, as :func:`gridgis.heat.periods.periods` tells them; all complete.
    no_grid : int
        Cases of these periods that lie in no grid and are not in the cube.
    left_out : tuple of text
        Periods that the window cuts.
    """

    counts: NDArray[Any]
    grid_codes: NDArray[Any]
    periods: pd.DataFrame
    no_grid: int
    left_out: tuple[str, ...]

    @property
    def even(self) -> NDArray[np.float64]:
        """Cases as if all periods were of the mean length; the counts themselves where they are."""
        days = self.periods["days"].to_numpy()
        return self.counts * (days.mean() / days)

    @property
    def per_day(self) -> NDArray[np.float64]:
        """Cases a day, so that a long month is no trend."""
        return self.counts / self.periods["days"].to_numpy()


def cube(
    cases: pd.DataFrame,
    grids: pd.DataFrame,
    *,
    window: tuple[Any, Any],
    calendar: Calendar = WEEKS,
    item: str | None = None,
    source: str | None = None,
    weighted: bool = False,
    in_force_from: Any = None,
    rebased: bool = False,
) -> Cube:
    """Count cases by grid and period; the counts and those in no grid add up to the cases of the periods.

    Cases of earlier divisions come re-based to `grids` (see :func:`gridgis.heat.frame.places`). Periods that the
    window cuts at its ends are left out, for they cannot be compared as if whole.

    Parameters
    ----------
    cases, grids : frames
        As told in :mod:`gridgis.heat`; of the cases `grid_code` and `day`, and `weight` where weighted.
    window : pair of days
        First and last day, both within.
    calendar : Calendar
        The periods.
    item, source : str, optional
        Only these.
    weighted : bool
        Add up `weight` rather than count.
    in_force_from, rebased
        As in :func:`gridgis.heat.frame.check_rebased`.

    Raises
    ------
    InputRefused
        Where no period lies whole in the window, no case lies in them, or the input is at fault.
    """
    told = periods(window, calendar=calendar)
    whole = told[told["complete"]].reset_index(drop=True)
    if whole.empty:
        problem = f"no {calendar.by} lies whole in it"
        raise InputRefused([Fault("window", "", problem, "Make the window longer, or count by shorter periods")])
    counted = chosen(cases, window=(whole["start"].iloc[0], whole["end"].iloc[-1]), item=item, source=source)
    check_rebased(counted, grids, in_force_from=in_force_from, rebased=rebased)
    row = places(counted, grids)
    if not (row >= 0).any():
        raise InputRefused([_none(whole, len(counted))])
    return Cube(
        counts=by_period(counted, row, calendar, whole, grids=len(grids), weighted=weighted),
        grid_codes=grids["grid_code"].to_numpy(dtype=object),
        periods=whole,
        no_grid=int((row < 0).sum()),
        left_out=tuple(told.loc[~told["complete"], "period"]),
    )


def by_period(
    cases: pd.DataFrame,
    row: NDArray[Any],
    calendar: Calendar,
    whole: pd.DataFrame,
    *,
    grids: int,
    weighted: bool = False,
) -> NDArray[Any]:
    """Cases by grid and period, shape (grids, periods): int32, or float32 sums of weights.

    Parameters
    ----------
    row : int array
        The grid of each case, see :func:`gridgis.heat.frame.places`; -1 for none.
    whole : frame
        The periods, as :func:`gridgis.heat.periods.periods` tells them; every case lies in one.
    """
    column = calendar.number(cases["day"].to_numpy()) - int(whole["number"].iloc[0])
    inside = row >= 0
    cell = row[inside] * len(whole) + column[inside]
    weight = _weights(cases)[inside] if weighted else None
    counts = np.bincount(cell, weight, grids * len(whole)).reshape(grids, len(whole))
    return counts.astype(np.float32 if weighted else np.int32)


def _weights(cases: pd.DataFrame) -> NDArray[np.float64]:
    if "weight" not in cases:
        return np.ones(len(cases))
    weight = cases["weight"].to_numpy(dtype=np.float64)
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise InputRefused([Fault("cases", "weight", "not every weight is a number of 0 or more", "Mend the weights")])
    return weight


def _none(whole: pd.DataFrame, cases: int) -> Fault:
    first, last = whole["period"].iloc[0], whole["period"].iloc[-1]
    problem = (
        f"of {cases} cases from {first} to {last} none lies in a grid" if cases else f"none from {first} to {last}"
    )
    return Fault("cases", "", problem, "Widen the window, or ask for another item or source")
