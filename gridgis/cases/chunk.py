"""From the cells of a file to a chunk of cases: typed, in order, each row with what is wrong with it.

Invariant: a chunk has a row for each row of the table, whatever stands in it; no row stops the reading.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridgis.cases.columns import TEXTS
from gridgis.cases.guard import unguarded
from gridgis.cases.identity import Seen
from gridgis.cases.numbers import Bools, Objects, bools, position_problems, read_numbers, text_of
from gridgis.cases.points import read_points
from gridgis.cases.times import Moments, read_times

NOTE = "note"
"""Column of a table in which a reader says what is odd about a row."""

KEY = secrets.token_bytes(32)
"""Of this run alone, so that the number of a caller tells nothing afterwards."""

TEXT = pd.StringDtype("pyarrow", na_value=np.nan)
MIDNIGHTS_AHEAD = np.timedelta64(5, "m")
"""Clocks differ by so much; only a later report comes from the future."""


def chunk_of(table: Any, *, geographic: bool, timezone: str, now: np.datetime64, seen: Seen) -> pd.DataFrame:
    """A chunk of cases of a table whose columns have the names of :data:`gridgis.cases.columns.COLUMNS`.

    Parameters
    ----------
    table : pyarrow.Table
    geographic : whether the coordinates are degrees, which have limits
    timezone : of times without an offset
    now : datetime64, UTC
        Later reports are warned of.
    seen : the identities of the chunks before; those of this one are added

    Returns
    -------
    DataFrame
        `case_id`, `x`, `y`, `reported_at` (UTC), `item`, `source`, `address`, `description`, `component_id`,
        `severity`, `function`, `accuracy_m`, `weight` (nan where there is none), `caller`, `problem`, `warnings`. A
        caller is a number, 0 where nobody is named: it tells the cases of one from those of another, and not who it is.
    """
    warnings = Warnings(table.num_rows)
    if NOTE in table.column_names:
        warnings.say(_whole(table, NOTE))
    texts = {name: _text(table, name, warnings) for name in ("case_id", *TEXTS)}
    x, y, problem = _position(table, geographic=geographic, warnings=warnings)
    moments = _times(table, timezone=timezone, now=now, warnings=warnings)
    accuracy = _at_least_0(table, "accuracy_m", "distance", warnings)
    weight = _at_least_0(table, "weight", "weight", warnings)
    _identity(texts["case_id"], seen, warnings)
    return pd.DataFrame(
        {
            "case_id": _series(texts.pop("case_id")),
            "x": x,
            "y": y,
            "reported_at": pd.DatetimeIndex(moments).tz_localize("UTC"),
            **{name: _series(column) for name, column in texts.items()},
            "accuracy_m": accuracy,
            "weight": weight,
            "caller": _callers(table),
            "problem": _series(_nothing(table.num_rows) if problem is None else pa.array(problem, pa.large_string())),
            "warnings": _series(warnings.column()),
        },
        copy=False,
    )


def places_of(table: Any, *, geographic: bool) -> tuple[Any, Any]:
    """Coordinates x and y of a table as its chunk has them."""
    x, y, _ = _position(table, geographic=geographic, warnings=Warnings(table.num_rows))
    return x, y


class Warnings:
    """What is odd about each row of a table, in the order in which it is found."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._said: Objects | None = None

    def rows(self, mask: Bools, text: str | Callable[[int], str]) -> None:
        """Say the same, or what `text` gives for a row, of all rows of `mask`."""
        for k in np.flatnonzero(mask):
            self._add(int(k), text if isinstance(text, str) else text(int(k)))

    def say(self, notes: Any) -> None:
        """Take over notes, null where there is none."""
        if notes.null_count < len(notes):
            for k in np.flatnonzero(bools(notes.is_valid())):
                self._add(int(k), notes[int(k)].as_py())

    def column(self) -> Any:
        """All of it as a column of text, "" where there is nothing."""
        return _nothing(self._rows) if self._said is None else pa.array(self._said, pa.large_string())

    def _add(self, row: int, text: str) -> None:
        if self._said is None:
            self._said = np.full(self._rows, "", dtype=object)
        self._said[row] = f"{self._said[row]}; {text}" if self._said[row] else text


def _text(table: Any, name: str, warnings: Warnings) -> Any:
    """A column of text without blanks around it (the identity as it stands), null where it is empty."""
    if name not in table.column_names:
        return pa.nulls(table.num_rows, pa.large_string())
    cells = unguarded(text_of(_whole(table, name)))
    trimmed = pc.utf8_trim_whitespace(cells)
    empty = pc.equal(trimmed, "")
    cells = cells if name == "case_id" else trimmed
    if pc.any(empty).as_py():
        cells = pc.if_else(empty, None, cells)
    formula = pc.fill_null(pc.starts_with(cells, "="), False)
    if pc.any(formula).as_py():
        warnings.rows(bools(formula), f"{name} looks like a formula and was taken as text")
    return cells


def _position(table: Any, *, geographic: bool, warnings: Warnings) -> tuple[Any, Any, Objects | None]:
    names = set(table.column_names)
    if "geometry" in names:
        x, y, odd = read_points(_whole(table, "geometry"))
    elif {"x", "y"} <= names:
        x, y, odd = _whole(table, "x"), _whole(table, "y"), None
    else:
        nowhere = np.full(table.num_rows, np.nan)
        return nowhere, nowhere.copy(), np.full(table.num_rows, "coordinates are missing", dtype=object)
    east, north, problem = position_problems(x, y, geographic=geographic)
    if odd is not None:
        problem = np.where(odd == "", "" if problem is None else problem, odd).astype(object)
        east, north = np.where(odd == "", east, np.nan), np.where(odd == "", north, np.nan)
    zero = (east == 0) & (north == 0)
    if zero.any():
        warnings.rows(zero, "coordinates are 0, 0: most likely they were not measured")
    return east, north, problem


def _times(table: Any, *, timezone: str, now: np.datetime64, warnings: Warnings) -> Moments:
    if "reported_at" not in table.column_names:
        return np.full(table.num_rows, "NaT", dtype="M8[us]")
    moments, unread = read_times(_whole(table, "reported_at"), timezone=timezone)
    if unread.any():
        warnings.rows(unread, "reported_at is no time")
    ahead = moments > now + MIDNIGHTS_AHEAD
    if ahead.any():
        warnings.rows(ahead, "reported_at lies in the future")
    return moments


def _at_least_0(table: Any, name: str, kind: str, warnings: Warnings) -> Any:
    """Numbers of a column, nan where there is none that can be used."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    values, _, unread = read_numbers(_whole(table, name))
    usable = np.isfinite(values) & (values >= 0)
    wrong = unread | (~usable & ~np.isnan(values))
    if wrong.any():
        warnings.rows(wrong, f"{name} is no {kind}")
    return np.where(usable, values, np.nan)


def _callers(table: Any) -> Any:
    """A number for each caller: names and telephone numbers go no further than here."""
    if "caller" not in table.column_names:
        return np.zeros(table.num_rows, dtype=np.uint64)
    cells = pc.utf8_trim_whitespace(text_of(_whole(table, "caller")))
    distinct = pc.dictionary_encode(pc.if_else(pc.equal(cells, ""), None, cells))
    digests = [blake2b(text.encode(), digest_size=8, key=KEY).digest() for text in distinct.dictionary.to_pylist()]
    numbers = np.array([*(int.from_bytes(one) for one in digests), 0], dtype=np.uint64)
    return numbers[pc.fill_null(distinct.indices, -1).to_numpy(zero_copy_only=False)]


def _identity(case_id: Any, seen: Seen, warnings: Warnings) -> None:
    if case_id.null_count:
        warnings.rows(bools(case_id.is_null()), "case_id is missing")
    again = seen.again(case_id)
    if again.any():
        warnings.rows(again, "case_id occurs before")


def _whole(table: Any, name: str) -> Any:
    return table[name].combine_chunks()


def _series(column: Any) -> Any:
    return pd.array(column, dtype=TEXT)


def _nothing(rows: int) -> Any:
    return pa.repeat(pa.scalar("", pa.large_string()), rows)
