"""The contract of the input layers: which columns each has, of which type, with which geometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.layers.findings import Findings

Type = Literal["code", "text", "flag", "count", "number"]
Objects = NDArray[np.object_]

POINT, LINE, AREA = frozenset({0, 4}), frozenset({1, 2, 5}), frozenset({3, 6})
"""Type numbers of shapely that a layer may hold."""

LARGEST_COUNT = 1e9
"""No place on earth has more households, persons or workers than this."""

UNTRUE = frozenset({"no", "false", "f", "n", "0", "none", "否"})
TRUE = frozenset({"yes", "true", "t", "y", "1", "是"})


@dataclass(frozen=True)
class Column:
    """A column of an input layer: its type, whether it must be there, other names it is known by."""

    type: Type
    required: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layer:
    """An input layer: its columns in order, its types of geometry, what they are called."""

    columns: Mapping[str, Column]
    shapes: frozenset[int] = frozenset()
    shape_name: str = ""
    parts: bool = True
    """Whether a row may keep several parts; if not, each part becomes a row."""


LAYERS: dict[str, Layer] = {
    "zones": Layer(
        {
            "zone_code": Column("code", required=True),
            "name": Column("text", required=True),
            "kind": Column("text"),
            "host_zone_code": Column("code"),
            "households": Column("count"),
            "persons": Column("count"),
            "workers": Column("count"),
        },
        AREA,
        "Polygon or MultiPolygon",
    ),
    "corridors": Layer(
        {
            "zone_code": Column("code", required=True),
            "name": Column("text"),
            "host_zone_code": Column("code"),
            "workers": Column("count"),
            "width_m": Column("number", required=True),
        },
        LINE,
        "LineString",
        parts=False,
    ),
    "streets": Layer(
        {
            "road_class": Column("text", required=True, aliases=("highway",)),
            "name": Column("text"),
            "layer": Column("number"),
            "bridge": Column("flag"),
            "tunnel": Column("flag"),
            "width_m": Column("number"),
        },
        LINE,
        "LineString",
        parts=False,
    ),
    "buildings": Layer(
        {
            "building_id": Column("text"),
            "households": Column("count"),
            "levels": Column("number"),
            "use": Column("text"),
            "entrances": Column("number"),
            "compound_id": Column("text"),
            "address": Column("text"),
        },
        AREA,
        "Polygon",
    ),
    "barriers": Layer({"kind": Column("text", required=True)}, LINE | AREA, "LineString or Polygon", parts=False),
    "compounds": Layer(
        {"compound_id": Column("text", required=True), "name": Column("text", required=True)}, AREA, "Polygon"
    ),
    "households": Layer(
        {"households": Column("count", required=True), "address": Column("text")}, POINT, "Point", parts=False
    ),
    "household_table": Layer(
        {
            "households": Column("count", required=True),
            "building_id": Column("text"),
            "compound_id": Column("text"),
            "address": Column("text"),
        }
    ),
}
"""Input layers of a division in the order in which they are checked and told of."""

BESIDE: dict[str, Layer] = {
    "components": Layer(
        {
            "component_id": Column("text", required=True),
            "kind": Column("text", required=True),
            "owner": Column("text"),
            "name": Column("text"),
        },
        POINT | LINE | AREA,
        "Point, LineString or Polygon",
    ),
    "area": Layer({}, AREA, "Polygon or MultiPolygon"),
}
"""Layers that are no part of a division: a city's assets, and an area that is asked about."""

EVERY = {**LAYERS, **BESIDE}

TABLE_KEYS = ("building_id", "compound_id", "address")


def wanted(role: str, rename: Mapping[str, str]) -> frozenset[str]:
    """Names of all columns of a file that are of use; no other is read.

    Of a layer that belongs to no division (points of interest, a table of addresses) those of `rename` alone.
    """
    columns = EVERY[role].columns if role in EVERY else {}
    aliases = {alias for column in columns.values() for alias in column.aliases}
    return frozenset(columns) | aliases | frozenset(rename.values())


def renamed(
    role: str, frame: pd.DataFrame, *, rename: Mapping[str, str], available: tuple[str, ...], findings: Findings
) -> pd.DataFrame:
    """Take the columns of the contract that `frame` has, under the contract's names.

    Parameters
    ----------
    rename : mapping
        Contract's column to the column of the file, as `--map` gives it.
    available : tuple of str
        All columns of the file, for the message.
    """
    columns = EVERY[role].columns
    taken = {}
    for name, column in columns.items():
        given = next((n for n in (rename.get(name), name, *column.aliases) if n is not None and n in frame), None)
        if given is not None:
            taken[name] = frame[given] if isinstance(frame[given], pd.Series) else frame[given].iloc[:, 0]
    for name, source in rename.items():
        asked = f"--map {role}.{name}={source}"
        if name not in columns:
            findings.fault(role, "", f"{asked}: {role} has no column {name}", f"There are: {listed(columns)}")
        elif source not in frame:
            findings.fault(role, "", f"{asked}: the file has no column {source}", f"There are: {listed(available)}")
    return pd.DataFrame(taken, index=frame.index, columns=list(taken))


def missing(role: str, frame: pd.DataFrame, *, available: tuple[str, ...], findings: Findings) -> None:
    """Add a fault for each required column that is not there, and list those that are."""
    for name, column in EVERY[role].columns.items():
        if column.required and name not in frame:
            cure = f"Name it with --map {role}.{name}=COLUMN; the columns are: {listed(available)}"
            findings.fault(role, "", f"column {name} is missing", cure)
    if role == "household_table" and not frame.columns.intersection(TABLE_KEYS).size:
        cure = f"Name one with --map {role}.address=COLUMN; the columns are: {listed(available)}"
        findings.fault(role, "", f"none of {', '.join(TABLE_KEYS)} is there", cure)


def typed(role: str, frame: pd.DataFrame, *, rows: Objects, findings: Findings) -> pd.DataFrame:
    """All columns of the contract in their order and type; those that `frame` lacks are empty.

    Codes and text are `object` with None where empty, counts `Int64`, numbers `float64`.
    """
    out = {}
    for name, column in EVERY[role].columns.items():
        values = frame[name] if name in frame else pd.Series([None] * len(frame), dtype=object)
        out[name] = _convert(role, name, column.type, values.reset_index(drop=True), rows=rows, findings=findings)
    return pd.DataFrame(out, index=range(len(frame)))  # a layer without columns has rows all the same


def _convert(role: str, name: str, kind: Type, values: pd.Series, *, rows: Objects, findings: Findings) -> Any:
    if kind in ("text", "code"):
        if kind == "code" and pd.api.types.is_numeric_dtype(values) and values.notna().any():
            findings.notice(role, f"{name} is stored as numbers and was taken as text", int(values.notna().sum()))
        return pd.Series(as_text(values), dtype=object)
    if kind == "flag":
        return pd.Series([_flag(text) for text in as_text(values)], dtype=object)
    numbers, bad = as_numbers(values)
    if kind == "number":
        findings.notice(role, f"{name} is no number and was left empty", int(bad.sum()))
        return pd.Series(np.where(np.isfinite(numbers), numbers, np.nan))
    return _counts(role, name, numbers, bad, rows=rows, findings=findings)


def _counts(
    role: str, name: str, numbers: NDArray[np.float64], bad: NDArray[np.bool_], *, rows: Objects, findings: Findings
) -> pd.Series:
    impossible = np.abs(numbers) > LARGEST_COUNT
    findings.rows(role, rows[bad], f"{name} is not a number", "Write a whole number, or nothing where it is unknown")
    findings.rows(
        role, rows[numbers < 0], f"{name} is negative", "Write a whole number, or nothing where it is unknown"
    )
    findings.rows(role, rows[impossible & (numbers > 0)], f"{name} is not a possible number", "Write a whole number")
    usable = np.where(bad | (numbers < 0) | impossible, np.nan, numbers)
    whole = np.round(usable)
    findings.notice(role, f"{name} is not whole and was rounded", int((np.abs(whole - usable) > 1e-9).sum()))
    return pd.Series(whole).astype("Int64")


def as_text(values: pd.Series) -> Objects:
    """Text without blanks around it, None where there is none; whole numbers without a point."""
    given = values.to_numpy(dtype=object)
    texts = [v.strip() or None if type(v) is str and v.isprintable() else _text(v) for v in given]
    return np.array([*texts, None], dtype=object)[:-1]


def as_numbers(values: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Numbers with nan where there are none, and which values are there but are no finite number."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_complex_dtype(values):
        numbers = values.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        bad = np.isinf(numbers)
    else:
        text = as_text(values)
        numbers = pd.to_numeric(pd.Series(text, dtype=object), errors="coerce").to_numpy(
            dtype=np.float64, na_value=np.nan
        )
        bad = np.array([t is not None for t in text], dtype=bool) & ~np.isfinite(numbers)
    return np.where(bad, np.nan, numbers), bad


def base_class(road_class: pd.Series) -> pd.Series:
    """Look up the class whose costs apply to each road class: `primary_link` counts as `primary`.

    Parameters
    ----------
    road_class : Series of text
        OpenStreetMap values of `highway`; None stays None.
    """
    return road_class.map(lambda text: text.removesuffix("_link") if isinstance(text, str) else None).astype(object)


def listed(names: Any) -> str:
    """Names in a row, the first thirty of them."""
    texts = [str(name) for name in names if str(name) not in ("geometry", "")]
    more = f" and {len(texts) - 30} more" if len(texts) > 30 else ""
    return (", ".join(texts[:30]) or "none") + more


def _text(value: Any) -> str | None:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return None
        value = int(value) if float(value).is_integer() else value
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.encode("utf-8", "replace").decode().replace("\0", "").strip() or None


def _flag(text: str | None) -> str | None:
    """`yes` for any way of saying so, None for no, other values (`viaduct`) as they are."""
    if text is None or text.lower() in UNTRUE:
        return None
    return "yes" if text.lower() in TRUE else text.lower()
