"""Periods: days, weeks, the city's own months and years, each with a number, a name and a first day.

Invariant: every day lies in exactly one period; the periods of a calendar follow each other without a gap, and their
numbers are whole and follow each other too.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused, refuse

By = Literal["day", "week", "month", "year"]
Whole = NDArray[np.int64]
Days = NDArray[Any]

NAMES: dict[By, str] = {
    "day": r"\d{4}-\d\d-\d\d",
    "week": r"(\d{4})-W(\d\d)",
    "month": r"\d{4}-\d\d",
    "year": r"\d{4}",
}
WHOLE_DAY = re.compile(r"\d{4}\D\d{1,2}\D\d{1,2}|\d{8}")
MONDAY = 3
"""Days from a Monday to the first day of 1970."""


def _faults_of(by: object, start: object) -> list[Fault]:
    faults = []
    if by not in get_args(By):
        cure = f"Choose one of {', '.join(get_args(By))}"
        faults.append(Fault("calendar", "by", f"there are no periods by {by!r}", cure))
    if isinstance(start, bool) or not isinstance(start, int) or not 1 <= start <= 28:
        cure = "Choose a day that every month has, 1 to 28"
        faults.append(Fault("calendar", "month_start", f"no month begins on day {start!r}", cure))
    return faults


@dataclass(frozen=True)
class Calendar:
    """How days are put together.

    Parameters
    ----------
    by : str
        "day", "week" (from Monday, numbered as in ISO 8601), "month" or "year".
    month_start : int
        The first day of the city's month, 1 to 28. With 26 a month runs from the 26th of the month before to the
        25th and is named by the month in which it ends; with 1 it is the month of the calendar. A year is twelve
        such months, so with 26 the year 2024 begins on 2023-12-26.

    Raises
    ------
    InputRefused
        Where one of the two is something else.
    """

    by: By = "month"
    month_start: int = 1

    def __post_init__(self) -> None:
        refuse(_faults_of(self.by, self.month_start))

    def number(self, days: Any) -> Whole:
        """The numbers of the periods in which days lie, in the order of the days."""
        day = np.asarray(days, dtype="datetime64[D]")
        if self.by == "day":
            return day.astype(np.int64)
        if self.by == "week":
            return (day.astype(np.int64) + MONDAY) // 7
        month = day.astype("datetime64[M]")
        of_month = (day - month.astype("datetime64[D]")).astype(np.int64) + 1
        number = month.astype(np.int64) + (of_month >= self.month_start if self.month_start > 1 else 0)
        return number // 12 if self.by == "year" else number

    def start(self, numbers: Any) -> Days:
        """The first days of periods."""
        number = np.asarray(numbers, dtype=np.int64)
        if self.by == "day":
            return number.astype("datetime64[D]")
        if self.by == "week":
            return (number * 7 - MONDAY).astype("datetime64[D]")
        month = number * 12 if self.by == "year" else number
        before: Days = (month - (self.month_start > 1)).astype("datetime64[M]").astype("datetime64[D]")
        return before + np.timedelta64(self.month_start - 1, "D")

    def name(self, number: int) -> str:
        """The name of a period: 2024-03-05, 2024-W09, 2024-03 or 2024."""
        if self.by == "week":
            year, week, _ = self._first(number).isocalendar()
            return f"{year}-W{week:02d}"
        unit = {"day": "D", "month": "M", "year": "Y"}[self.by]
        return str(np.datetime_as_string(np.int64(number).astype(f"datetime64[{unit}]")))

    def numbered(self, name: str) -> int:
        """The number of the period of a name.

        Raises
        ------
        InputRefused
            Where no period of this calendar is called so.
        """
        found = re.fullmatch(NAMES[self.by], name) if isinstance(name, str) else None
        try:
            if found and self.by == "week":
                return int(self.number(datetime.date.fromisocalendar(int(found[1]), int(found[2]), 1)))
            if found:
                return int(np.datetime64(name).astype(np.int64))
        except ValueError:
            pass
        raise InputRefused([_unnamed(self, name)])

    def _first(self, number: int) -> datetime.date:
        return datetime.date.fromisoformat(str(self.start(number)))

    def year_before(self, number: int) -> int | None:
        """The same period of the year before; None where there is none: 29 February, a 53rd week."""
        if self.by == "year":
            return number - 1
        if self.by == "month":
            return number - 12
        day = self._first(number)
        try:
            year, week, _ = day.isocalendar()
            by_week = self.by == "week"
            before = datetime.date.fromisocalendar(year - 1, week, 1) if by_week else day.replace(year=day.year - 1)
        except ValueError:
            return None
        return int(self.number(before))


MONTHS, WEEKS = Calendar("month"), Calendar("week")


def periods(window: tuple[Any, Any], *, calendar: Calendar = MONTHS) -> pd.DataFrame:
    """The periods that a window touches, from the earliest.

    A period that the window cuts is marked, not `complete`: nothing here compares it as if it were whole. Tables leave
    its changes out, the cube leaves it out, and comparisons of two periods reckon by day.

    Parameters
    ----------
    window : pair of days
        The first and the last day, both within.
    calendar : Calendar
        How days are put together.

    Returns
    -------
    frame
        `period` (the name), `number`, `start` and `end` (the whole period, its last day within), `first` and `last`
        (what of it lies in the window), `days` (of that part), `complete`.

    Raises
    ------
    InputRefused
        Where an end of the window is no day, or it ends before it begins.
    """
    first, last = days_of(window)
    number = np.arange(int(calendar.number(first)), int(calendar.number(last)) + 1)
    start, end = calendar.start(number), calendar.start(number + 1) - np.timedelta64(1, "D")
    inner, outer = np.maximum(start, first), np.minimum(end, last)
    return pd.DataFrame(
        {
            "period": [calendar.name(int(k)) for k in number],
            "number": number,
            "start": start.astype("datetime64[s]"),
            "end": end.astype("datetime64[s]"),
            "first": inner.astype("datetime64[s]"),
            "last": outer.astype("datetime64[s]"),
            "days": (outer - inner).astype(np.int64) + 1,
            "complete": (inner == start) & (outer == end),
        }
    )


def days_of(window: tuple[Any, Any], *, name: str = "window") -> tuple[np.datetime64, np.datetime64]:
    """The first and the last day of a window, in that order.

    Raises
    ------
    InputRefused
        Where one is no day, or the last comes before the first.
    """
    ends = [_day(end) for end in window]
    faults = [
        Fault(name, which, f"{given!r} is no day", "Write it as 2024-03-05")
        for which, given, day in zip(("first day", "last day"), window, ends, strict=True)
        if day is None
    ]
    refuse(faults)
    first, last = np.asarray(ends, dtype="datetime64[D]")
    if last < first:
        raise InputRefused([Fault(name, "", f"it ends on {last}, before it begins on {first}", "Swap the two days")])
    return first, last


def _day(value: Any) -> datetime.date | None:
    if isinstance(value, (int, float)) or (isinstance(value, str) and not WHOLE_DAY.match(value.strip())):
        return None  # 2026-06 is a month, and would be taken for its first day
    day = pd.to_datetime(value, errors="coerce")
    return None if day is pd.NaT else day.date()


def _unnamed(calendar: Calendar, name: object) -> Fault:
    like = calendar.name(int(calendar.number("2024-03-05")))
    return Fault("period", "", f"there is no {calendar.by} {name!r}", f"Write it like {like}")
