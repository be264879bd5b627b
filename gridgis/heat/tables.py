"""Plain tables: cases by township, community, grid and item, with their share and how they have changed.

Invariant: the rows add up to the total, before and after. Cases that lie in no grid are a row of their own wherever the
table is by place, and are counted under their item where it is by item alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.heat.frame import chosen, places
from gridgis.heat.periods import MONTHS, Calendar, days_of

Key = Literal["county", "township", "community", "grid", "item"]
LETTERS: dict[str, int] = {"county": 6, "township": 9, "community": 12}
"""Digits of a community's code that name what it lies in."""
COLUMNS: dict[str, str] = {
    "county": "county_code",
    "township": "township_code",
    "community": "community_code",
    "grid": "grid_code",
    "item": "item",
}
PART, NO_GRID, TOTAL = "part", "no_grid", "total"

SMALL_BASE = 20
"""A per cent of fewer cases than this says little: one standard deviation of a count of 20 is 22 %."""
TOP = 10

NO_BASE, SMALL, CUT, OUTSIDE, NEVER = "no_base", "small_base", "cut_by_window", "outside_window", "no_such_period"
"""Notes on a base: no case in it; few; not whole in the window; not in it at all; 29 February or a 53rd week."""


def table(
    cases: pd.DataFrame,
    grids: pd.DataFrame,
    *,
    by: Sequence[Key] = ("township",),
    period: str,
    window: tuple[Any, Any],
    calendar: Calendar = MONTHS,
    item: str | None = None,
    source: str | None = None,
    small_base: int = SMALL_BASE,
) -> pd.DataFrame:
    """Count the cases of one period, a row each place or item, beside the period before and the year before.

    Every case counts as one, whatever its weight. Places without a case are rows too, unless the table is also by item.

    Parameters
    ----------
    cases, grids : frames
        As told in :mod:`gridgis.heat`; of the cases `grid_code`, `day`, and `item` and `source` where asked for.
    by : sequence of text
        Any of "county", "township", "community", "grid" and "item".
    period : str
        The name of a period of `calendar`, such as 2024-03.
    window : pair of days
        The first and last day that the cases cover. A period that is not whole within is counted as far as it goes,
        and changes from it or to it are left out.
    calendar : Calendar
        How days are put together.
    item, source : str, optional
        Only these; the share is of what is left.
    small_base : int
        Changes from fewer cases are noted.

    Returns
    -------
    frame
        `period`, `complete`, the codes and `item` asked for, `name` (of a grid), `row` ("part", "no_grid", "total"),
        `cases`, `no_grid` (how many of them lie in no grid), `share_pct`, `rank` (among the parts; equal numbers share
        the better rank), `before`, `change`, `change_pct`, `note`, the same of the year before with `year_` in
        front, `households`, `per_1000_households`. A per cent is missing where its base is 0, and a change where its
        base is not whole in the window; `note` says why. Households are missing where one grid's are not known, the
        rate also where there are none. Parts by code and item, then those in no grid, then the total.

    Raises
    ------
    InputRefused
        Where the period is unknown or outside the window, or the input is at fault.
    """
    keys = _keys(by)
    spans = _Spans(calendar, window, calendar.numbered(period))
    of_it = chosen(cases, item=item, source=source)
    keyed = _keyed(of_it, grids, keys)
    counts = [keyed[spans.holds(of_it, number)] for number in (spans.number, spans.before, spans.year_before)]
    parts = _parts(counts, grids, keys)
    rows = pd.concat([parts, _total(parts, keys)], ignore_index=True)
    told = _told(rows, _households(grids, rows, keys), spans, keys, small_base=small_base)
    return _with_names(told, grids)


def top(rows: pd.DataFrame, *, number: int = TOP, column: str = "cases") -> pd.DataFrame:
    """The parts of a table with the highest numbers, and those that equal the last of them.

    Highest first, equal ones in the order of the table: by code, then by item. A part without a number comes nowhere.

    Parameters
    ----------
    rows : frame
        From :func:`table`.
    number : int
        How many; ties with the last are given too, so that no order of codes decides who is named.
    column : str
        Such as "cases", "change" or "per_1000_households".
    """
    if column not in rows:
        numbers = [name for name in rows.columns if pd.api.types.is_numeric_dtype(rows[name])]
        raise InputRefused([Fault("table", "", f"there is no column {column!r}", f"Choose of {', '.join(numbers)}")])
    parts = rows[(rows["row"] == PART) & rows[column].notna()]
    order = parts.sort_values(column, ascending=False, kind="stable")
    if len(order) <= number:
        return order.reset_index(drop=True)
    return order[order[column] >= order[column].iloc[number - 1]].reset_index(drop=True)


class _Spans:
    """The period of a table and the two that it is compared with, within the window."""

    def __init__(self, calendar: Calendar, window: tuple[Any, Any], number: int) -> None:
        self.calendar, self.number = calendar, number
        self.before, self.year_before = number - 1, calendar.year_before(number)
        self.first, self.last = days_of(window)
        if self.note(number) == OUTSIDE:
            problem = f"{calendar.name(number)} lies outside the days that the cases cover, {self.first} to {self.last}"
            raise InputRefused([Fault("period", "", problem, "Choose a period within, or widen the window")])

    def note(self, number: int | None) -> str:
        """Why a period is not whole in the window; nothing where it is."""
        if number is None:
            return NEVER
        start, end = self.calendar.start(number), self.calendar.start(number + 1) - np.timedelta64(1, "D")
        if end < self.first or start > self.last:
            return OUTSIDE
        return "" if start >= self.first and end <= self.last else CUT

    def holds(self, cases: pd.DataFrame, number: int | None) -> NDArray[np.bool_]:
        """Which cases lie in a period, and in the window."""
        day = cases["day"].to_numpy().astype("datetime64[D]")
        if number is None:
            return np.zeros(len(day), dtype=bool)
        inside = (day >= self.first) & (day <= self.last)
        return inside & (day >= self.calendar.start(number)) & (day < self.calendar.start(number + 1))


def _keys(by: Sequence[Key]) -> list[str]:
    given = [by] if isinstance(by, str) else list(by)
    wrong = [key for key in given if key not in get_args(Key)]
    cure = f"Choose of {', '.join(get_args(Key))}"
    faults = [Fault("table", "by", f"there is no table by {key!r}", cure) for key in wrong]
    if not given:
        faults.append(Fault("table", "by", "it is by nothing", cure))
    refuse(faults)
    return [COLUMNS[key] for key in get_args(Key) if key in given]


def _keyed(cases: pd.DataFrame, grids: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The codes of each case's place and its item, missing where it has none."""
    row = places(cases, grids)
    if "item" in keys and "item" not in cases:
        raise InputRefused([Fault("cases", "", "there is no column item", "Give each case its item")])
    named = _place_columns(grids)
    columns = {key: _taken(named[key].to_numpy(dtype=object), row) for key in keys if key != "item"}
    if "item" in keys:
        columns["item"] = cases["item"].to_numpy(dtype=object, na_value=None)
    return pd.DataFrame({**columns, "_no_grid": row < 0}, index=range(len(cases)), dtype=object)


def _taken(codes: NDArray[Any], row: NDArray[np.int64]) -> NDArray[Any]:
    return np.append(codes, np.array([None], dtype=object))[row]


def _place_columns(grids: pd.DataFrame) -> pd.DataFrame:
    zone = grids["zone_code"]
    return pd.DataFrame(
        {**{COLUMNS[key]: zone.str[:letters] for key, letters in LETTERS.items()}, "grid_code": grids["grid_code"]}
    )


def _parts(counts: list[pd.DataFrame], grids: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Cases by key in the three periods, the places in their order and those in no grid after them."""
    place_keys = [key for key in keys if key != "item"]
    counted = [frame.groupby(keys, dropna=False).size() for frame in counts]
    apart = counts[0].loc[counts[0]["_no_grid"].astype(bool)].groupby(keys, dropna=False).size()
    names = ("cases", "before", "year_before", "no_grid")
    rows = pd.concat(
        [each.rename(name).reset_index() for each, name in zip((*counted, apart), names, strict=True)],
    )
    every = [rows]
    if place_keys == keys:
        every.append(_place_columns(grids)[keys].drop_duplicates())
        every.append(pd.DataFrame([[None] * len(keys)], columns=keys, dtype=object))
    out = pd.concat(every).groupby(keys, dropna=False, sort=False)[list(names)].sum().reset_index()
    out["row"] = np.where(out[place_keys].isna().all(axis=1), NO_GRID, PART) if place_keys else PART
    out[list(names)] = out[list(names)].astype(np.int64)
    return out.sort_values(["row", *keys], key=_last_first, na_position="last", kind="stable", ignore_index=True)


def _last_first(column: pd.Series) -> pd.Series:
    return column.map({PART: 0, NO_GRID: 1, TOTAL: 2}) if column.name == "row" else column


def _total(parts: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    sums = parts[["cases", "before", "year_before", "no_grid"]].sum()
    return pd.DataFrame([{**dict.fromkeys(keys), "row": TOTAL, **sums}]).astype(dict.fromkeys(keys, object))


def _households(grids: pd.DataFrame, rows: pd.DataFrame, keys: list[str]) -> NDArray[np.float64]:
    """The households of each row's place; of all grids where it is none, of no place for those in no grid."""
    homes = grids["households"].to_numpy(np.float64, na_value=np.nan) if "households" in grids else np.nan
    place_keys = [key for key in keys if key != "item"]
    known = pd.Series(homes, index=grids.index, dtype=np.float64)
    out = np.full(len(rows), known.sum(skipna=False))
    if place_keys:
        named = _place_columns(grids)[place_keys].assign(_homes=known)
        sums = named.groupby(place_keys, as_index=False)["_homes"].agg(lambda each: each.sum(skipna=False))
        part = rows["row"] == PART
        out[~(rows["row"] == TOTAL)] = np.nan
        out[part] = rows.loc[part, place_keys].merge(sums, how="left", on=place_keys)["_homes"].to_numpy()
    return out


def _told(
    rows: pd.DataFrame, households: NDArray[np.float64], spans: _Spans, keys: list[str], *, small_base: int
) -> pd.DataFrame:
    cases = rows["cases"].to_numpy()
    own, all_cases = spans.note(spans.number), int(cases[-1])
    first: dict[str, Any] = {"period": spans.calendar.name(spans.number), "complete": not own}
    names = {key: rows[key].where(rows[key].notna(), None) for key in keys}
    share = 100 * cases / all_cases if all_cases else np.full(len(rows), np.nan)
    rank = rows["cases"].where(rows["row"] == PART).rank(method="min", ascending=False).astype("Int64")
    rate = np.divide(1000 * cases, households, out=np.full(len(rows), np.nan), where=households > 0)
    return pd.DataFrame(
        {
            **first,
            **names,
            "row": rows["row"],
            "cases": cases,
            "no_grid": rows["no_grid"],
            "share_pct": share,
            "rank": rank,
            **_changes(cases, rows["before"], own or spans.note(spans.before), small_base, ""),
            **_changes(cases, rows["year_before"], own or spans.note(spans.year_before), small_base, "year_"),
            "households": households,
            "per_1000_households": rate,
        }
    )


def _with_names(told: pd.DataFrame, grids: pd.DataFrame) -> pd.DataFrame:
    if "grid_code" not in told or "name" not in grids:
        return told
    names = told["grid_code"].map(grids.set_index("grid_code")["name"])
    at = told.columns.get_loc("grid_code") + 1
    return pd.concat([told.iloc[:, :at], names.rename("name"), told.iloc[:, at:]], axis=1)


def _changes(cases: NDArray[Any], base: pd.Series, why_not: str, small_base: int, prefix: str) -> dict[str, Any]:
    """A base with the change from it, in cases and per cent, and what is to be said of it."""
    count = pd.array(base, dtype="Int64")
    names = [f"{prefix}{name}" for name in ("before", "change", "change_pct", "note")]
    if why_not:
        nothing = pd.array([pd.NA] * len(base), dtype="Int64")
        return dict(zip(names, (nothing, nothing, np.full(len(base), np.nan), why_not), strict=True))
    change, number = cases - base.to_numpy(), base.to_numpy()
    per_cent = np.divide(100 * change, number, out=np.full(len(base), np.nan), where=number > 0)
    note = np.where(number == 0, NO_BASE, np.where(number < small_base, SMALL, ""))
    return dict(zip(names, (count, pd.array(change, dtype="Int64"), per_cent, note), strict=True))
