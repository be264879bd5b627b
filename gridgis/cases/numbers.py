"""Coordinates and other numbers out of cells: what is one beyond doubt is taken, all else is told of."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Objects = NDArray[np.object_]

NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
LIMITS = {"longitude": 180.0, "latitude": 90.0}
SHOWN = 30
"""Letters of a cell that are shown in a message."""


def read_numbers(column: Any) -> tuple[Floats, Bools, Bools]:
    """Numbers of a column, nan where there is none.

    A cell of text counts where it is a plain decimal number, also in full-width digits; `114,3` and `114.3E` are none.

    Returns
    -------
    values, blank, unread : ndarray, shape (n,)
        `blank` where the cell is empty, `unread` where something else than a number stands in it.
    """
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if _is_number(column.type):
        return floats(column), bools(column.is_null()), np.zeros(len(column), dtype=bool)
    if not _is_text(column.type):
        return np.full(len(column), np.nan), bools(column.is_null()), bools(column.is_valid())
    try:
        return floats(column), bools(column.is_null()), np.zeros(len(column), dtype=bool)
    except pa.ArrowInvalid:
        return _row_by_row(column)


def text_of(column: Any) -> Any:
    """The cells of a column as text, numbers as they are usually written; null stays null."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if pa.types.is_floating(column.type):
        whole = pc.equal(pc.floor(column), column)
        small = pc.less(pc.abs(column), 1e15)
        plain = pc.if_else(pc.and_(whole, small), column, None).cast(pa.int64(), safe=False).cast(pa.large_string())
        return pc.coalesce(plain, pc.cast(column, pa.large_string()))
    if not _is_text(column.type) and not _is_plain(column.type):
        return pa.array([_spelled(v) for v in column.to_pylist()], pa.large_string())
    return pc.cast(column, pa.large_string())


def position_problems(x: Any, y: Any, *, geographic: bool) -> tuple[Floats, Floats, Objects | None]:
    """Coordinates of two columns with nan where they cannot be used, and why (None where all can)."""
    names = ("longitude", "latitude") if geographic else ("x", "y")
    read = [read_numbers(column) for column in (x, y)]
    values = [numbers for numbers, _, _ in read]
    problem = np.full(len(values[0]), "", dtype=object)
    absent = read[0][1] & read[1][1]
    problem[absent] = "coordinates are missing"
    exchanged = _exchanged(*values) if geographic else np.zeros(len(problem), dtype=bool)
    for name, column, (numbers, blank, unread) in zip(names, (x, y), read, strict=True):
        cells = text_of(column) if unread.any() else column
        _tell(problem, unread, lambda k, n=name, c=cells: f"{n} {_short(c[k].as_py())!r} is no number")
        _tell(problem, ~np.isfinite(numbers) & ~blank & ~unread, lambda _, n=name: f"{n} is not finite")
        if geographic:
            out = np.abs(numbers) > LIMITS[name]
            _tell(problem, out & exchanged, lambda k, v=values: _told_exchanged(v[0][k], v[1][k]))
            _tell(problem, out, lambda k, n=name, v=numbers: f"{n} {v[k]:.12g} is out of range")
    for name, (_, blank, _) in zip(names, read, strict=True):
        _tell(problem, blank, lambda _, n=name: f"{n} is missing")
    bad = problem != ""
    if not bad.any():
        return values[0], values[1], None
    return np.where(bad, np.nan, values[0]), np.where(bad, np.nan, values[1]), problem


def _exchanged(lon: Floats, lat: Floats) -> Bools:
    """Which would be in range the other way round, and only so."""
    return np.asarray((np.abs(lat) > LIMITS["latitude"]) & (np.abs(lat) <= LIMITS["longitude"]) & (np.abs(lon) <= 90))


def _told_exchanged(lon: float, lat: float) -> str:
    return f"latitude {lat:.12g} is out of range: longitude and latitude ({lon:.12g}) seem to be exchanged"


def _tell(problem: Objects, rows: Bools, text: Any) -> None:
    """Say what is wrong in rows of which nothing has been said yet."""
    for k in np.flatnonzero(rows & (problem == "") if rows.any() else rows):
        problem[k] = text(int(k))


def _row_by_row(column: Any) -> tuple[Floats, Bools, Bools]:
    cells = pc.utf8_trim_whitespace(pc.cast(column, pa.large_string()))
    blank = pc.fill_null(pc.equal(cells, ""), True)
    plain = pc.fill_null(pc.match_substring_regex(cells, NUMBER), False)
    values = floats(pc.if_else(plain, pc.utf8_ltrim(cells, "+"), None))
    unread = ~bools(blank) & ~bools(plain)
    for k in np.flatnonzero(unread):
        values[k], unread[k] = _unusual(cells[int(k)].as_py())
    return values, bools(blank), unread


def _unusual(text: str) -> tuple[float, bool]:
    """Number in full-width digits, or the words for what is not finite; whether it is none of these."""
    plain = unicodedata.normalize("NFKC", text)
    known = plain.lower().lstrip("+-") in ("nan", "inf", "infinity")
    if not known and not _decimal(plain):
        return np.nan, True
    return float(plain), False


def _decimal(text: str) -> bool:
    return bool(pc.match_substring_regex(pa.scalar(text), NUMBER).as_py())


def floats(column: Any) -> Floats:
    """An Arrow array as numbers, nan for null."""
    numbers = pc.cast(column, pa.float64())
    filled = pc.fill_null(numbers, float("nan")) if numbers.null_count else numbers
    return np.array(filled.to_numpy(zero_copy_only=False), dtype=np.float64)


def bools(column: Any) -> Bools:
    """An Arrow array of truths as one of numpy; there is no null in it."""
    return np.array(column.to_numpy(zero_copy_only=False), dtype=bool)


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_plain(kind: Any) -> bool:
    """Types that Arrow writes out as people do."""
    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind))


def _spelled(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _short(text: str | None) -> str:
    plain = "".join(c if c.isprintable() else " " for c in text or "").strip()
    return plain if len(plain) <= SHOWN else plain[: SHOWN - 1] + "…"
