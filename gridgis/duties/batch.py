"""Who answers for many cases: each distinct combination of what the rules look at is answered once.

Invariant: what a row gets is what :meth:`gridgis.duties.answer.Desk.answer` says of it alone, whatever the other rows.

Rows are taken item by item. Of what the rules of an item look at, values that they treat alike count as one (all
grids of a township, where no rule goes deeper; all widths between two limits), so that few combinations are left.
Who is in post, where a rule names a role, and who designates, where none matches, is found by area and by the times at
which posts change hands, whatever the item.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.duties.answer import (
    DISTRICT_DIGITS,
    EPOCH,
    MICROSECOND,
    Designated,
    Desk,
    Ruling,
    held,
    roles_in,
    vacant,
)
from gridgis.duties.columns import Case, Duties, Place
from gridgis.duties.conditions import Between, Condition

ANSWERS = ("lead", "co", "rule", "warnings")
TEXTS = (
    "item", "severity", "grid_code", "microgrid_code", "street", "street_from", "street_to", "bridge", "road_class",
    "component_id", "owner", "function", "candidates", "section",
)  # fmt: skip
"""Columns that are looked at, text but for the last; each may be missing."""
LOOKED_AT = {
    "function": ("function",),
    "area": ("grid_code", "microgrid_code"),
    "street": ("street",),
    "section": ("section", "street_from", "street_to"),
    "bridge": ("bridge",),
    "road_class": ("road_class",),
    "owner": ("owner", "component_id"),
    "severity": ("severity",),
}
"""Columns of text of which each condition is a matter."""

Ints = NDArray[np.integer[Any]]
_BEYOND_DISTRICT = rf"([^ ,]{{{DISTRICT_DIGITS}}})[^ ,]*"
DENSE = 1 << 20
"""Kinds that may be numbered with gaps before they are numbered anew."""


def answers(frame: pd.DataFrame, duties: Duties | Desk) -> pd.DataFrame:
    """Who answers for each of many cases.

    Parameters
    ----------
    frame : `item`, `severity`, `reported_at` (with an offset), `grid_code`, `microgrid_code`, `street`, `road_class`,
        `width_m`, `component_id`, `owner`; also `bridge`, `function`, `street_from`, `street_to`, `section` (as in
        :class:`gridgis.duties.Place`), and `candidates` (codes joined by commas). Columns that are missing count as
        empty.
    duties : a desk where there are several batches

    Returns
    -------
    DataFrame
        `lead`, `co`, `rule` and `warnings` (joined by "; ") as `str`, empty where there is nothing to say, on the
        index of the frame.
    """
    desk = duties if isinstance(duties, Desk) else Desk(duties)
    cases = _Cases(frame, desk)
    kinds = np.zeros(len(frame), dtype=np.int64)
    rulings: list[Ruling] = []
    for rows in cases.by_item():
        found, mine = _Kinds(cases, rows).ruled()
        kinds[rows] = mine + len(rulings)
        rulings += found
    told = _Told(cases, rulings, kinds)
    columns = (told.names("lead"), told.names("co"), told.rules(), told.warnings())
    made = (pd.Series(texts, dtype="str").take(codes).array for codes, texts in columns)
    return pd.DataFrame(dict(zip(ANSWERS, made, strict=True)), index=frame.index)


class _Text(NamedTuple):
    """A column by its distinct values: -1 where a row has none."""

    codes: Ints
    values: list[str]


class _Cases:
    """The columns of the cases, each factorised once and only when something looks at it."""

    def __init__(self, frame: pd.DataFrame, desk: Desk) -> None:
        self.frame, self.desk = frame, desk
        self._texts: dict[str, _Text] = {}
        self._beginnings: dict[int, tuple[Ints, list[str]]] = {}
        self.width = self._numbers("width_m")
        self.moment = self._moments()
        self._minute: NDArray[np.float64] | None = None

    def text(self, name: str) -> _Text:
        """A column of text."""
        if name not in self._texts:
            self._texts[name] = (
                _factorised(self.frame[name]) if name in self.frame else _Text(_none(len(self.frame)), [])
            )
        return self._texts[name]

    @cached_property
    def area(self) -> _Text:
        """The micro-grid of each row, else its grid."""
        grids, micro = self.text("grid_code"), self.text("microgrid_code")
        if not micro.values:
            return grids
        distinct, values = pd.factorize(np.array([*micro.values, *grids.values], dtype=object))
        of_micro, of_grid = (np.append(one, -1) for one in np.split(distinct, [len(micro.values)]))
        return _Text(np.where(micro.codes < 0, of_grid[grids.codes], of_micro[micro.codes]), list(values))

    def beginnings(self, digits: int) -> tuple[Ints, list[str]]:
        """The first digits of areas: of each area which they are, and what they are; the last area is none."""
        if digits not in self._beginnings:
            kinds, values = pd.factorize(np.array([name[:digits] for name in self.area.values], dtype=object))
            self._beginnings[digits] = (np.append(kinds, -1), list(values))
        return self._beginnings[digits]

    @property
    def minute(self) -> NDArray[np.float64]:
        """The minute of the day, by the clocks of the place; nan where no time is known."""
        if self._minute is None:
            zone = self.desk.duties.timezone
            local = pd.to_datetime(pd.Series(self.moment), unit="us", utc=True).dt.tz_convert(zone).dt
            self._minute = (60 * local.hour + local.minute).to_numpy(dtype=np.float64)
        return self._minute

    def by_item(self) -> Iterator[Ints]:
        """Rows of each item."""
        codes = self.text("item").codes
        few = len(self.text("item").values) < np.iinfo(np.int16).max
        order = np.argsort(codes.astype(np.int16 if few else np.int32), kind="stable")
        bounds = np.flatnonzero(np.diff(codes[order])) + 1
        yield from (rows for rows in np.split(order, bounds) if len(rows))

    def case(self, row: int) -> tuple[Case, Place]:
        """One row as a case and its place."""
        got = {name: self._value(name, row) for name in TEXTS}
        moment = self.moment[row]
        time = None if np.isnan(moment) else EPOCH + int(moment) * MICROSECOND
        asked = {name: got.pop(name) for name in ("item", "severity", "component_id", "owner", "function")}
        candidates = tuple((got.pop("candidates") or "").replace(",", " ").split())
        width = self.width[row]
        return Case(reported_at=time, **asked), Place(
            width_m=None if np.isnan(width) else float(width), candidates=candidates, **got
        )

    def _value(self, name: str, row: int) -> Any:
        codes, values = self.text(name)
        return None if codes[row] < 0 else values[codes[row]]

    def _numbers(self, name: str) -> NDArray[np.float64]:
        if name not in self.frame:
            return np.full(len(self.frame), np.nan)
        return self.frame[name].to_numpy(dtype=np.float64, na_value=np.nan)

    def _moments(self) -> NDArray[np.float64]:
        """Microseconds since 1970; nan where there is no time, and none is the desk's."""
        at = self.desk.at
        empty = np.nan if at is None else float((at - EPOCH) // MICROSECOND)
        if "reported_at" not in self.frame:
            return np.full(len(self.frame), empty)
        times = self.frame["reported_at"].astype("datetime64[us, UTC]")
        numbers = times.to_numpy(dtype="datetime64[us]").astype(np.int64)
        return np.where(numbers == np.iinfo(np.int64).min, empty, numbers.astype(np.float64))


class _Kinds:
    """The rows of one item, by the kinds that the rules treat alike."""

    def __init__(self, cases: _Cases, rows: Ints) -> None:
        self.cases, self.rows, self.desk = cases, rows, cases.desk
        codes, values = cases.text("item")
        item = None if codes[rows[0]] < 0 else values[codes[rows[0]]]
        self.code, self.entries = self.desk.entries(item)

    def ruled(self) -> tuple[list[Ruling], Ints]:
        """Rulings, and which of them each row gets."""
        kinds: Ints = np.zeros(len(self.rows), dtype=np.int64)
        for more in self._looked_at():
            kinds = _joined(kinds, more)
        first, kinds = _first(kinds)
        return [self.desk.ruling(*self.cases.case(row)) for row in self.rows[first].tolist()], kinds

    def _looked_at(self) -> Iterator[Ints]:
        """What tells the rows apart for the catalogue and for the rules, one after another."""
        moment, texts = self.cases.moment[self.rows], self.cases
        bounds = np.unique([time for one in self.entries for time in (one.begin, one.end)])
        yield _interval(bounds, moment)
        for kind in sorted({one.kind for one in self.entries}) or (None,):
            shelf = self.desk.book.shelf(self.code, kind)
            for name, condition in shelf.conditions.items():
                yield self._values(name, condition, moment)
        if "candidates" in texts.frame:
            yield self._districts()

    def _values(self, name: str, condition: Condition, moment: NDArray[np.float64]) -> Ints:
        """Which values the rules of a condition treat alike."""
        if isinstance(condition, Between):
            numbers = self.cases.width[self.rows] if name == "width" else moment
            return _interval(condition.bounds, numbers)
        if name == "shift":
            minutes = np.nan_to_num(self.cases.minute[self.rows], nan=-1).astype(np.int64)
            kind_of = [_accepted(condition, minute) for minute in (None, *range(24 * 60))]
            return pd.factorize(pd.Series(kind_of, dtype=object))[0][minutes + 1]
        codes, values = self._area(condition) if name == "area" else self._text(name)
        there, kinds = _present(codes, len(values))
        accepted = [_accepted(condition, values[number] if number >= 0 else None) for number in there.tolist()]
        return pd.factorize(pd.Series(accepted, dtype=object))[0][kinds]

    def _text(self, name: str) -> tuple[Ints, list[Any]]:
        """Values of a condition, by row; -1 where it is not known."""
        if name == "owner":
            return self._owner()
        if name == "section":
            return self._section()
        codes, values = self.cases.text(LOOKED_AT[name][0])
        mine = codes[self.rows]
        return (np.where(mine < 0, len(values), mine), [*values, ""]) if name == "function" else (mine, values)

    def _area(self, condition: Condition) -> tuple[Ints, list[str]]:
        """Beginnings of codes, as deep as the rules of the item go."""
        deepest = max((len(str(area)) for area in getattr(condition, "where", ())), default=0)
        kinds, values = self.cases.beginnings(deepest)
        return kinds[self.cases.area.codes[self.rows]], values

    def _owner(self) -> tuple[Ints, list[str]]:
        """The owner that is told, else that of the component."""
        told, components = self.cases.text("owner"), self.cases.text("component_id")
        found = [self.desk.owners.get(one) for one in components.values]
        names, values = pd.factorize(pd.Series([*told.values, *found], dtype=object))
        own, part = told.codes[self.rows], components.codes[self.rows]
        of_told, of_part = (np.append(one, -1) for one in np.split(names, [len(told.values)]))
        return np.where(own >= 0, of_told[own], of_part[part]), list(values)

    def _section(self) -> tuple[Ints, list[Any]]:
        """The section, else both cross streets where both are known."""
        told, begin, end = (self.cases.text(name) for name in LOOKED_AT["section"])
        here, one, two = (column.codes[self.rows] for column in (told, begin, end))
        kinds, pairs = pd.factorize(np.where((one < 0) | (two < 0), -1, one * len(end.values) + two))
        ends = (divmod(pair, len(end.values)) if pair >= 0 else None for pair in pairs.tolist())
        between = (
            Place(street_from=begin.values[pair[0]], street_to=end.values[pair[1]]) if pair else Place()
            for pair in ends
        )
        values = [*told.values, *(place.among for place in between)]
        return np.where(here >= 0, here, len(told.values) + kinds), values

    def _districts(self) -> Ints:
        """Whether several districts may be meant."""
        codes, values = self.cases.text("candidates")
        grids, names = self.cases.text("grid_code")
        # A pattern cuts the codes first: thousands of texts become a few.
        cut, texts = pd.factorize(pd.Series(values, dtype="str").str.replace(_BEYOND_DISTRICT, r"\1", regex=True))
        meant = [sorted(set(text.replace(",", " ").split())) for text in texts]
        kinds = pd.factorize(pd.Series([",".join(one) for one in meant], dtype=object))[0][cut]
        own, _ = pd.factorize(pd.Series([name[:DISTRICT_DIGITS] for name in names], dtype=object))
        of_case, of_grid = np.append(kinds, -1), np.append(own, -1)
        return _joined(of_case[codes[self.rows]] + 1, of_grid[grids[self.rows]] + 1)


class _Told:
    """What the rows are told, of the rulings and of who is in post or designates where it hangs on that."""

    def __init__(self, cases: _Cases, rulings: list[Ruling], kinds: Ints) -> None:
        self.cases, self.desk, self.rulings, self.kinds = cases, cases.desk, rulings, kinds
        self._holders: dict[str, tuple[Ints, list[str]]] = {}

    def rules(self) -> tuple[Ints, list[str]]:
        """Rules that decided, as texts and which of them each row gets."""
        return self.kinds, [one.rule for one in self.rulings]

    def names(self, column: str) -> tuple[Ints, list[str]]:
        """Departments or posts that lead, or help."""
        of_kind, raw = pd.factorize(np.array([getattr(one, column) for one in self.rulings], dtype=object))
        codes, texts = of_kind[self.kinds], list(raw)
        for number, names in enumerate(raw):
            roles = roles_in(names)
            if roles:
                rows = np.flatnonzero(codes == number)
                first, mine = _first(self._held(rows, roles))
                codes[rows] = mine + len(texts)
                texts += [held(names, self._holders_of(row, roles)) for row in rows[first].tolist()]
        return codes, texts

    def warnings(self) -> tuple[Ints, list[str]]:
        """All that there is to say."""
        kinds = self.kinds
        for role in sorted({role for one in self.rulings for role in one.roles}):
            asks = np.array([role in one.roles for one in self.rulings], dtype=bool)[self.kinds]
            codes, texts = self._holder(role)
            empty = np.array([not text for text in texts], dtype=bool)[codes]
            kinds = _joined(kinds, (asks & empty).astype(np.int64))
        unruled = np.array([not one.rule for one in self.rulings], dtype=bool)[self.kinds]
        if unruled.any():
            kinds = _joined(kinds, np.where(unruled, 1 + self._designated[0], 0))
        first, kinds = _first(kinds)
        return kinds, ["; ".join(self._warnings(row)) for row in first.tolist()]

    def _warnings(self, row: int) -> tuple[str, ...]:
        ruling = self.rulings[self.kinds[row]]
        designated = Designated()
        if not ruling.rule:
            codes, found = self._designated
            designated = found[codes[row]]
        empty = vacant(ruling.roles, self._holders_of(row, ruling.roles))
        return ruling.warnings(vacant=empty, designated=designated)

    def _holders_of(self, row: int, roles: Iterable[str]) -> dict[str, str]:
        return {role: texts[codes[row]] for role in roles for codes, texts in [self._holder(role)]}

    def _held(self, rows: Ints, roles: Iterable[str]) -> Ints:
        """Which posts some rows get for some roles."""
        kinds: Ints = np.zeros(len(rows), dtype=np.int64)
        for role in roles:
            kinds = _joined(kinds, self._holder(role)[0][rows])
        return kinds

    def _holder(self, role: str) -> tuple[Ints, list[str]]:
        """Who holds a role: codes of posts, and which of them each row gets."""
        if role not in self._holders:
            first, hands = self._hands
            area, names = self._served
            moment = self.cases.moment
            found = [
                self.desk.posts.holder(role, names[area[row]] if area[row] >= 0 else None, moment[row])
                for row in first.tolist()
            ]
            kinds, texts = pd.factorize(np.array(found, dtype=object))
            self._holders[role] = (kinds[hands], list(texts))
        return self._holders[role]

    @cached_property
    def _served(self) -> tuple[Ints, list[str]]:
        """Areas as deep as there are posts: of each row which it is, and what they are."""
        of_area, values = self.cases.beginnings(max(self.desk.posts.lengths, default=0))
        return of_area[self.cases.area.codes], values

    @cached_property
    def _hands(self) -> tuple[Ints, Ints]:
        """Rows alike in area and in who is in post there at the time: the first of each, and which each row is."""
        codes, values = self._served
        there, kinds = _present(codes, len(values))
        changes = [self.desk.posts.changes(values[number] if number >= 0 else None) for number in there.tolist()]
        times = np.array([time for turns in changes for time in turns], dtype=np.float64)
        every = np.unique(times)
        steps = len(every) + 2
        marks = np.repeat(np.arange(len(changes)), [len(one) for one in changes]) * steps
        marks += np.searchsorted(every, times) + 1
        moment = self.cases.moment
        known = np.searchsorted(every, np.nan_to_num(moment), side="right")
        turn = np.searchsorted(marks, kinds * steps + known, side="right")
        return _first(_joined(kinds, np.where(np.isnan(moment), 0, turn + 1)))

    @cached_property
    def _designated(self) -> tuple[Ints, list[Designated]]:
        """Who designates, and which of them each row gets."""
        of_area, values = self.cases.beginnings(max(self.desk.designated.lengths, default=0))
        found = [self.desk.designated.at(value) for value in (*values, None)]
        kinds, distinct = pd.factorize(pd.Series(found, dtype=object))
        return kinds[of_area][self.cases.area.codes], list(distinct)


def _factorised(column: pd.Series) -> _Text:
    """Distinct values of a column of text; those that are empty count as none."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, values = column.cat.codes.to_numpy().astype(np.int32), list(column.cat.categories)
    else:
        found, uniques = pd.factorize(column)
        codes, values = found.astype(np.int32), list(uniques)
    empty = [number for number, value in enumerate(values) if value == ""]
    return _Text(np.where(codes == empty[0], -1, codes) if empty else codes, values)


def _none(rows: int) -> Ints:
    return np.full(rows, -1)


def _present(codes: Ints, size: int) -> tuple[Ints, Ints]:
    """Codes from -1 that there are, in order, and which of them each row has."""
    there = np.flatnonzero(np.bincount(codes + 1, minlength=size + 1))
    place = np.zeros(size + 1, dtype=np.int64)
    place[there] = np.arange(len(there))
    return there - 1, place[codes + 1]


def _interval(bounds: NDArray[np.float64], numbers: NDArray[np.float64]) -> Ints:
    """Between which bounds numbers lie; one that is not known lies nowhere."""
    return np.where(np.isnan(numbers), -1, np.searchsorted(bounds, numbers, side="right")) + 1


def _accepted(condition: Condition, value: Any) -> bytes:
    """Which rules accept a value, as something to compare."""
    return condition.accepts(value).tobytes()


def _first(kinds: Ints) -> tuple[Ints, Ints]:
    """The first row of each kind, and which of them each row is."""
    size = int(kinds.max(initial=0)) + 1
    numbers = _present(kinds, size)[1] if size <= len(kinds) + DENSE else pd.factorize(kinds)[0]
    first = np.empty(int(numbers.max(initial=-1)) + 1, dtype=np.int64)
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]
    return first, numbers


def _joined(one: Ints, two: Ints) -> Ints:
    """Kinds of rows by two things together."""
    sizes = [int(kinds.max(initial=0)) + 1 for kinds in (one, two)]
    if min(sizes) == 1:
        return one if sizes[1] == 1 else two
    both = one * np.int64(sizes[1]) + two
    return both if sizes[0] * sizes[1] < DENSE else pd.factorize(both)[0]
