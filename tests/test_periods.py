"""Periods: days, weeks, the city's own months and years."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridgis.errors import InputRefused
from gridgis.heat.periods import Calendar, days_of, periods

DAYS = st.dates(datetime.date(1950, 1, 1), datetime.date(2090, 12, 31))
CALENDARS = st.builds(Calendar, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 28))


@given(CALENDARS, DAYS)
def test_every_day_lies_in_one_period_and_they_follow_each_other(calendar, day):
    number = int(calendar.number(day))
    start, after = calendar.start(number), calendar.start(number + 1)
    assert start <= np.datetime64(day) < after
    assert calendar.number(start) == number
    assert calendar.number(after - np.timedelta64(1, "D")) == number
    assert calendar.numbered(calendar.name(number)) == number


@given(DAYS)
def test_weeks_are_those_of_iso(day):
    year, week, _ = day.isocalendar()
    weeks = Calendar("week")
    assert weeks.name(int(weeks.number(day))) == f"{year}-W{week:02d}"
    assert weeks.start(weeks.number(day)).item().weekday() == 0


@given(st.integers(2, 28), DAYS)
def test_a_month_of_the_city_is_named_by_the_month_in_which_it_ends(first, day):
    months = Calendar("month", first)
    number = int(months.number(day))
    end = (months.start(number + 1) - np.timedelta64(1, "D")).item()
    assert months.name(number) == f"{end:%Y-%m}"
    assert end.day == first - 1
    assert months.start(number).item().day == first


def test_the_month_from_the_26th_to_the_25th():
    told = periods(("2023-12-26", "2024-03-25"), calendar=Calendar("month", 26))
    assert told["period"].tolist() == ["2024-01", "2024-02", "2024-03"]
    assert told["start"].dt.strftime("%m-%d").tolist() == ["12-26", "01-26", "02-26"]
    assert told["end"].dt.strftime("%m-%d").tolist() == ["01-25", "02-25", "03-25"]
    assert told["days"].tolist() == [31, 31, 29]
    assert told["complete"].all()
    year = periods(("2024-06-01", "2024-06-02"), calendar=Calendar("year", 26)).iloc[0]
    assert (str(year["start"].date()), str(year["end"].date())) == ("2023-12-26", "2024-12-25")


def test_what_the_window_cuts_is_marked():
    told = periods(("2024-01-10", "2024-03-30"))
    assert told["complete"].tolist() == [False, True, False]
    assert told["days"].tolist() == [22, 29, 30]
    assert told["first"].dt.day.tolist() == [10, 1, 1]
    assert told["last"].dt.day.tolist() == [31, 29, 30]
    assert periods(("2024-01-10", "2024-01-10"))["complete"].tolist() == [False]
    assert periods(("2024-01-10", "2024-01-10"), calendar=Calendar("day"))["complete"].tolist() == [True]


@pytest.mark.parametrize(
    ("by", "name", "year_before"),
    [
        ("day", "2024-03-05", "2023-03-05"),
        ("day", "2024-02-29", None),
        ("week", "2021-W01", "2020-W01"),
        ("week", "2020-W53", None),
        ("month", "2024-03", "2023-03"),
        ("year", "2024", "2023"),
    ],
)
def test_the_same_period_of_the_year_before(by, name, year_before):
    calendar = Calendar(by, 26)
    found = calendar.year_before(calendar.numbered(name))
    assert (None if found is None else calendar.name(found)) == year_before


@pytest.mark.parametrize("start", [0, 29, 1.5, "26", True])
def test_a_month_begins_on_a_day_that_all_months_have(start):
    with pytest.raises(InputRefused, match="1 to 28"):
        Calendar("month", start)


def test_both_faults_of_a_calendar_are_told():
    with pytest.raises(InputRefused) as told:
        Calendar("fortnight", 31)
    assert len(told.value.faults) == 2


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("month", "2024-13"),
        ("month", "March"),
        ("week", "2021-W53"),
        ("day", "2023-02-29"),
        ("year", "24"),
        ("year", None),
    ],
)
def test_no_period_of_such_a_name(by, name):
    with pytest.raises(InputRefused, match="Write it like"):
        Calendar(by).numbered(name)


@pytest.mark.parametrize(
    ("window", "word"),
    [
        (("2024-02-01", "2024-01-31"), "before it begins"),
        (("tomorrow-ish", "2024-01-31"), "no day"),
        ((pd.NaT, 7), "(?s)first day.*last day"),
    ],
)
def test_a_window_that_is_none(window, word):
    with pytest.raises(InputRefused, match=word):
        days_of(window)


def test_days_are_taken_in_many_forms():
    told = days_of((datetime.date(2024, 1, 2), pd.Timestamp("2024-01-03 23:59", tz="Asia/Shanghai")))
    assert [str(day) for day in told] == ["2024-01-02", "2024-01-03"]
