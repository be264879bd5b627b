"""What rules look at: each condition tells which of some rules accept a value.

Invariant: a rule that names nothing accepts everything, also what is not known; one that names something accepts
nothing that is not known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gridgis.duties.columns import Section

Flags = NDArray[np.bool_]
DAY_MINUTES = 24 * 60
SAME_M = 0.01
"""Ways along a street that differ by no more are equally long."""
_SHIFT = re.compile(r"(\d{1,2}):(\d{2})\s*[-–—~至]\s*(\d{1,2}):(\d{2})")


class Condition(Protocol):
    """One thing that some rules look at.

    Attributes
    ----------
    free : of each rule, whether it does not look at this
    """

    free: Flags

    def accepts(self, value: Any) -> Flags:
        """Which rules accept a value; None is one that is not known."""

    def overlaps(self, number: int) -> Flags:
        """Which rules accept something that the rule of this number accepts too."""

    def covers(self, number: int) -> Flags:
        """Which rules accept all that the rule of this number accepts."""


@lru_cache(maxsize=1 << 16)
def folded(text: str) -> str:
    """A name as it is compared: full-width as half-width, without case and blanks."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


class Named:
    """Rules that name values, each one or several.

    Parameters
    ----------
    named : of each rule the values; none where it does not look
    keys : the values of the rules that a value of a case counts as, such as all beginnings of a code
    """

    def __init__(
        self, named: Sequence[Sequence[Hashable]], *, keys: Callable[[Any], Iterable[Hashable]] = lambda value: (value,)
    ) -> None:
        self.named, self.keys = named, keys
        self.free = np.array([not values for values in named], dtype=bool)
        where: dict[Hashable, list[int]] = {}
        for number, values in enumerate(named):
            for value in values:
                where.setdefault(value, []).append(number)
        self.where = {value: np.array(numbers) for value, numbers in where.items()}

    def accepts(self, value: Any) -> Flags:
        """Which rules accept a value."""
        out = self.free
        for key in () if value is None else self.keys(value):
            found = self.where.get(key)
            if found is not None:
                out = out.copy() if out is self.free else out
                out[found] = True
        return out

    def overlaps(self, number: int) -> Flags:
        """Which rules accept something that the rule of this number accepts too."""
        if self.free[number]:
            return np.ones(len(self.free), dtype=bool)
        return np.logical_or.reduce([self.accepts(value) for value in self.named[number]])

    def covers(self, number: int) -> Flags:
        """Which rules accept all that the rule of this number accepts."""
        if self.free[number]:
            return self.free
        return np.logical_and.reduce([self.accepts(value) for value in self.named[number]])


class Sections:
    """Rules that name a section of a street by the cross streets at its ends, folded as names are compared.

    A place lies in it where the way from one to the other leads past it: the shortest, where a cross street is met
    several times or the street is a ring. How one section lies to another of other ends is not known without streets:
    :meth:`overlaps` and :meth:`covers` take them for apart.
    """

    def __init__(self, ends: Sequence[tuple[str, str] | None]) -> None:
        self.ends = [None if pair is None else tuple(sorted(pair)) for pair in ends]
        self.free = np.array([pair is None for pair in ends], dtype=bool)
        self.where: dict[str, dict[tuple[str, ...], list[int]]] = {}
        for number, pair in enumerate(self.ends):
            if pair is not None:
                self.where.setdefault(pair[0], {}).setdefault(pair, []).append(number)

    def accepts(self, value: Section | None) -> Flags:
        """Which rules accept a place."""
        out: Flags = self.free.copy()
        met: dict[str, list[float]] = {}
        for name, at_m in () if value is None else value.crossings:
            met.setdefault(folded(name), []).append(at_m)
        for name in met.keys() & self.where.keys():
            for (first, last), numbers in self.where[name].items():
                out[numbers] = _leads_past(met[first], met.get(last, []))
        return out

    def overlaps(self, number: int) -> Flags:
        """Which rules name the section that the rule of this number names, or none."""
        if self.free[number]:
            return np.ones(len(self.free), dtype=bool)
        return self.free | np.array([pair == self.ends[number] for pair in self.ends], dtype=bool)

    def covers(self, number: int) -> Flags:
        """Which rules accept all places that the rule of this number accepts."""
        return self.free if self.free[number] else self.overlaps(number)


def _leads_past(first: Sequence[float], last: Sequence[float]) -> bool:
    """Whether a shortest way from one of some places to one of others leads past the middle."""
    ways = [(abs(one - other), min(one, other) < 0 < max(one, other)) for one in first for other in last]
    ways = [(length, past) for length, past in ways if length > 0]
    shortest = min((length for length, _ in ways), default=0.0)
    return any(past for length, past in ways if length <= shortest + SAME_M)


class Between:
    """Rules that ask for a number from `low` up to, and without, `high`; infinite where they do not."""

    def __init__(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        self.low, self.high = low, high
        self.free = np.isinf(low) & np.isinf(high)
        self.bounds = np.unique(np.concatenate((low, high)))

    def accepts(self, value: float | None) -> Flags:
        """Which rules accept a number."""
        if value is None or np.isnan(value):
            return self.free
        found: Flags = (self.low <= value) & (value < self.high)
        return found

    def overlaps(self, number: int) -> Flags:
        """Which rules accept a number that the rule of this number accepts too."""
        found: Flags = (self.low < self.high[number]) & (self.low[number] < self.high)
        return found

    def covers(self, number: int) -> Flags:
        """Which rules accept all numbers that the rule of this number accepts."""
        found: Flags = (self.low <= self.low[number]) & (self.high >= self.high[number])
        return found


class Minutes:
    """Rules that ask for a time of the day, which may go past midnight."""

    def __init__(self, shifts: Sequence[str | None]) -> None:
        self.free = np.array([text is None for text in shifts], dtype=bool)
        self.on = np.ones((len(shifts), DAY_MINUTES), dtype=bool)
        for number in np.flatnonzero(~self.free).tolist():
            self.on[number] = minutes_of(shifts[number])

    def accepts(self, value: int | None) -> Flags:
        """Which rules accept a minute of the day."""
        return self.free if value is None else self.on[:, value]

    def overlaps(self, number: int) -> Flags:
        """Which rules accept a minute that the rule of this number accepts too."""
        found: Flags = (self.on & self.on[number]).any(axis=1)
        return found

    def covers(self, number: int) -> Flags:
        """Which rules accept all minutes that the rule of this number accepts."""
        found: Flags = ~(self.on[number] & ~self.on).any(axis=1)
        return found


def minutes_of(text: str | None) -> Flags:
    """Which minutes of the day a shift such as 19:00-07:00 has; all where there is none.

    Raises
    ------
    ValueError
        Where it is no shift.
    """
    if text is None:
        return np.ones(DAY_MINUTES, dtype=bool)
    found = _SHIFT.fullmatch(unicodedata.normalize("NFKC", text).strip())
    hour, minute, last_hour, last_minute = map(int, found.groups()) if found else (99, 0, 0, 0)
    begin, end = 60 * hour + minute, 60 * last_hour + last_minute
    if max(minute, last_minute) > 59 or max(begin, end) > DAY_MINUTES or begin == end:
        raise ValueError(f"{text!r} is no shift")
    clock = np.arange(DAY_MINUTES)
    in_it: Flags = (clock >= begin) & (clock < end) if begin < end else (clock >= begin) | (clock < end)
    return in_it
