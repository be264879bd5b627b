"""Which cases of a segment answer a question: whole slices, and days of those at both ends of a window.

Invariant: the sum over the runs of a question, taken with their signs and with the counts that they start from, is the
sum over the cases of the window, each once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridgis.heat.pyramid.form import Counts, Segment, Series

Ints = NDArray[np.int64]

ALL = -1
"""Every item, or every source."""

WHOLE = 255
"""No day of a month comes after it."""

LATTICE = 100_000
"""Cases that are added in the time in which counts of a lattice are."""


class Span(NamedTuple):
    """Days since 1970, `first` to before `stop`, to add (1) or to take away (-1)."""

    first: int
    stop: int
    sign: int


class Plan(NamedTuple):
    """Counts to begin with, each with its sign, and the days that are left."""

    counts: tuple[tuple[Counts, int], ...]
    spans: tuple[Span, ...]


def month_of(day: int) -> tuple[int, int]:
    """Month since 1970 and day of the month, from 0, of a day since 1970."""
    date = np.datetime64(day, "D")
    month = date.astype("datetime64[M]")
    return int(month.astype(np.int64)), int((date - month.astype("datetime64[D]")).astype(np.int64))


def first_day(month: int) -> int:
    """Day since 1970 on which a month begins."""
    return int(np.datetime64(month, "M").astype("datetime64[D]").astype(np.int64))


def direct(first: int, stop: int) -> Plan:
    """Count every day from `first` to before `stop`."""
    return Plan((), (Span(first, stop, 1),))


def plan(segment: Segment, item: int, source: int, first: int, stop: int) -> Plan:
    """How to count the days from `first` to before `stop` with the fewest cases looked at."""
    series = next((one for one in segment.series if (one.item, one.source) == (item, source)), None)
    if series is None:
        return direct(first, stop)
    begin, end = (_cases_before(segment, item, source, day) for day in (first, stop))
    low, high = (int(np.argmin(np.abs(series.before - n))) for n in (begin, end))
    work = abs(series.before[low] - begin) + abs(series.before[high] - end) + 2 * LATTICE
    if low == high or end - begin <= work:
        return direct(first, stop)
    spans = (*_between(series, high, stop, 1), *_between(series, low, first, -1))
    return Plan(((series.counts[high], 1), (series.counts[low], -1)), spans)


def _between(series: Series, at: int, day: int, sign: int) -> tuple[Span, ...]:
    """What is to be added to the counts of a series to have all cases before a day."""
    begin = first_day(int(series.months[at]))
    span = Span(begin, day, sign) if begin <= day else Span(day, begin, -sign)
    return (span,) if span.first < span.stop else ()


def _cases_before(segment: Segment, item: int, source: int, day: int) -> float:
    """About how many cases of an item and source there are before a day: months in full, the last one by its share."""
    month, date = month_of(day)
    there = _chosen(segment, item, source, slice(0, int(np.searchsorted(segment.month, month, "right"))))
    cases, months = np.diff(segment.start)[there], segment.month[there]
    return float(cases[months < month].sum() + cases[months == month].sum() * date / 31)


def _chosen(segment: Segment, item: int, source: int, part: slice, block: int = ALL) -> Ints:
    """Slices of a part of all, by what is asked."""
    chosen = np.ones(part.stop - part.start, dtype=np.bool_)
    for asked, values in ((item, segment.item), (source, segment.source), (block, segment.block)):
        if asked != ALL:
            chosen &= values[part] == asked
    return np.flatnonzero(chosen) + part.start


def runs(segment: Segment, item: int, source: int, spans: tuple[Span, ...], *, block: int = ALL) -> Ints:
    """Runs of cases, as :func:`gridgis.heat.binning.add` takes them; each lies in one slice or is all of some."""
    found = [_runs(segment, item, source, span, block) for span in spans]
    return np.concatenate(found) if found else np.empty((0, 5), dtype=np.int64)


def _runs(segment: Segment, item: int, source: int, span: Span, block: int) -> Ints:
    (begin, low), (end, high) = month_of(span.first), month_of(span.stop - 1)
    part = slice(*(int(np.searchsorted(segment.month, m, side)) for m, side in ((begin, "left"), (end, "right"))))  # type: ignore[call-overload]
    at = _chosen(segment, item, source, part, block)
    out = np.empty((len(at), 5), dtype=np.int64)
    out[:, 0], out[:, 1] = segment.start[at], segment.start[at + 1]
    out[:, 2] = np.where(segment.month[at] == begin, low, 0)
    out[:, 3] = np.where(segment.month[at] == end, high, WHOLE)
    out[:, 4] = span.sign
    return out


def joined(given: Ints) -> Ints:
    """Runs of which one begins where the other ends, as one."""
    if len(given) < 2:
        return given
    same = (given[1:, 0] == given[:-1, 1]) & (given[1:, 2:] == given[:-1, 2:]).all(axis=1)
    begin = np.flatnonzero(np.concatenate([[True], ~same]))
    out = given[begin]
    out[:, 1] = given[np.concatenate([begin[1:], [len(given)]]) - 1, 1]
    return out
