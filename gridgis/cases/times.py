"""Times of reports: ISO 8601 and the ways of Chinese spreadsheets, in UTC."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gridgis.cases.numbers import Bools, bools, text_of

Moments = NDArray[np.datetime64]

UTC_US = pa.timestamp("us", "UTC")
LOCAL_US = pa.timestamp("us")
ZONED = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*(Z|[+-]\d{2}:?(\d{2})?)$"
BARE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?$"
OTHERS = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T\s]*(上午|下午)?\s*(\d{1,2})[:时点](\d{1,2})(?:分?|[:分](\d{1,2})(?:\.\d+)?秒?))?"
)
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:()[T ]?(\d{2})(\d{2})(\d{2})?)?")


def read_times(column: Any, *, timezone: str) -> tuple[Moments, Bools]:
    """Times of a column in UTC (microseconds), NaT where there is none; which cells hold something else.

    Parameters
    ----------
    column : arrow array
        Times, or text: ISO 8601 with or without offset, `2026/3/1 8:05`, `2026年3月1日 8时5分`, `20260301080500`.
    timezone : str
        Of times that carry no offset; a day alone begins at its midnight.
    """
    if pa.types.is_timestamp(column.type):
        moments = column if column.type.tz else _local(column, timezone)
        return _moments(pc.cast(moments, UTC_US, safe=False)), np.zeros(len(column), dtype=bool)
    if pa.types.is_date(column.type):
        return read_times(pc.cast(column, LOCAL_US), timezone=timezone)
    cells = text_of(column)
    try:
        return _moments(pc.cast(cells, UTC_US)), np.zeros(len(cells), dtype=bool)
    except pa.ArrowInvalid:
        return _mixed(pc.utf8_trim_whitespace(cells), timezone=timezone)


def _mixed(cells: Any, *, timezone: str) -> tuple[Moments, Bools]:
    """Times of which some have no offset or are written otherwise."""
    given = bools(pc.fill_null(pc.not_equal(cells, ""), False))
    out = np.full(len(cells), "NaT", dtype="M8[us]")
    for pattern, kind in ((ZONED, UTC_US), (BARE, LOCAL_US)):
        rows = bools(pc.fill_null(pc.match_substring_regex(cells, pattern), False))
        if rows.any():
            out[rows] = _iso(cells.filter(pa.array(rows)), kind, timezone=timezone)
    left = np.flatnonzero(given & np.isnat(out))
    if len(left):
        out[left] = _otherwise(cells.take(pa.array(left)), timezone=timezone)
    return out, given & np.isnat(out)


def _iso(cells: Any, kind: Any, *, timezone: str) -> Moments:
    try:
        moments = pc.cast(cells, kind)
    except pa.ArrowInvalid:
        texts = cells.to_pandas()
        read = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce").dt.as_unit("us")
        moments = pa.array(read.dt.tz_localize(None).to_numpy(), LOCAL_US)
        moments = moments if kind == LOCAL_US else pc.cast(moments, UTC_US)
    return _moments(moments if kind == UTC_US else _local(moments, timezone))


def _otherwise(cells: Any, *, timezone: str) -> Moments:
    texts, place = np.unique(np.array(cells.to_pylist(), dtype=object), return_inverse=True)
    return _moments(_local(pa.array([_spelled(text) for text in texts], LOCAL_US), timezone))[place.ravel()]


def _spelled(text: str) -> datetime | None:
    plain = unicodedata.normalize("NFKC", text).strip()
    found = OTHERS.fullmatch(plain) or COMPACT.fullmatch(plain)
    if found is None:
        return None
    year, month, day, half, hour, minute, *second = found.groups()
    try:
        hours = int(hour or 0) + (12 if half == "下午" and int(hour) < 12 else 0)
        return datetime(int(year), int(month), int(day), hours, int(minute or 0), int(second[0] or 0))
    except ValueError:
        return None


def _local(column: Any, timezone: str) -> Any:
    """Local times in UTC; of the hour that comes twice its second turn, of one that is left out the next there is."""
    local = pd.DatetimeIndex(_moments(pc.cast(column, LOCAL_US, safe=False)))
    standard = np.zeros(len(local), dtype=bool)
    zoned = local.tz_localize(timezone, ambiguous=standard, nonexistent="shift_forward")
    return pa.array(zoned.tz_convert("UTC").tz_localize(None).as_unit("us").to_numpy(), LOCAL_US)


def _moments(column: Any) -> Moments:
    return np.asarray(column.to_numpy(zero_copy_only=False)).astype("M8[us]")
