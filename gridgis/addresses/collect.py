"""From layers to what a gazetteer holds: named things, house numbers, ranges along streets.

Invariant: rows without a name, an address or a place are left out and counted; the order of rows of the input decides
nothing but which of two equal entries comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridgis.addresses.heads import headed, kind_of, without_zone
from gridgis.addresses.numbers import BLOCK, Number, spanned
from gridgis.addresses.text import normal

NAMED = {
    "streets": "street",
    "compounds": "compound",
    "places": "place",
    "addresses": "place",
    "buildings": "building",
    "zones": "zone",
}
"""Sources whose `name` is that of the thing itself, and its kind; in the order in which numbers hang on them."""

KINDS = tuple(dict.fromkeys(NAMED.values()))
RANGES = {"left": ("l_from", "l_to"), "right": ("r_from", "r_to")}
LARGEST = 99_999


@dataclass(frozen=True)
class Collected:
    """Rows ready for the side file.

    Attributes
    ----------
    named : key, text, kind, geometry (metric), alias (a further key of the same thing, or empty)
    houses : head, key, unit, n, x, y, kind, text
    stretches : key, side, n_from, n_to, geometry: numbers along one side of a line, in drawing direction
    left_out : source to number of rows of no use
    """

    named: gpd.GeoDataFrame
    houses: pd.DataFrame
    stretches: gpd.GeoDataFrame
    left_out: Mapping[str, int]


def collect(sources: Mapping[str, gpd.GeoDataFrame]) -> Collected:
    """Take what is of use from frames that are in one metric CRS."""
    named = [_named(name, sources[name]) for name in NAMED if name in sources]
    things = pd.concat(named, ignore_index=True) if named else _no_names()
    known = frozenset(things["key"][things["kind"] != "zone"]) | frozenset(_aliases(things))
    houses = [_houses(sources[name], sources.get("compounds"), known) for name in sorted(sources)]
    lone = [rows for _, rows in houses if len(rows)]
    things = pd.concat([things, *lone], ignore_index=True) if lone else things
    things = things.assign(alias=_with_shorter(things))
    left_out = {name: _unused(frame) for name, frame in sources.items()}
    stretches = _stretches(sources["streets"]) if "streets" in sources else _no_stretches()
    return Collected(things, pd.concat([rows for rows, _ in houses], ignore_index=True), stretches, left_out)


def text_of(frame: pd.DataFrame, column: str) -> NDArray[np.object_]:
    """A column as text, "" where there is none."""
    if column not in frame:
        return np.full(len(frame), "", dtype=object)
    values = frame[column].to_numpy(dtype=object)
    return np.array([*("" if pd.isna(v) else " ".join(str(v).split()) for v in values), ""], dtype=object)[:-1]


def _placed(frame: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    geometry = np.asarray(frame.geometry.values, dtype=object)
    return ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))


def _unused(frame: gpd.GeoDataFrame) -> int:
    wanted = (text_of(frame, "name") != "") | (text_of(frame, "address") != "")
    return int((~(wanted & _placed(frame))).sum())


def _no_names() -> gpd.GeoDataFrame:
    empty = {name: np.zeros(0, dtype=object) for name in ("key", "text", "kind", "alias")}
    return gpd.GeoDataFrame(empty, geometry=[])


def _named(source: str, frame: gpd.GeoDataFrame) -> pd.DataFrame:
    text = text_of(frame, "name")
    alias = [_alias(*pair) for pair in zip(text_of(frame, "alias"), text_of(frame, "aliases"), strict=True)]
    table = pd.DataFrame({"key": [normal(t) for t in text], "text": text, "kind": NAMED[source], "alias": alias})
    table["geometry"] = np.asarray(frame.geometry.values, dtype=object)
    return table[(table["key"] != "").to_numpy() & _placed(frame)]


def _alias(one: str, several: str) -> str:
    """Further names in the one form, separated by line feeds."""
    names = (normal(name) for name in [one, *several.replace("；", ";").split(";")])
    return "\n".join(dict.fromkeys(name for name in names if name))


def _aliases(things: pd.DataFrame) -> Iterator[str]:
    for text in things["alias"]:
        yield from filter(None, text.split("\n"))


def _with_shorter(things: pd.DataFrame) -> list[str]:
    """Aliases, and the name without the community or district it begins with: 南洲村洲尾一组 is 洲尾一组 as well."""
    zones = frozenset(things["key"][things["kind"] == "zone"])
    out = []
    for key, kind, alias in zip(things["key"], things["kind"], things["alias"], strict=True):
        shorter = without_zone(key, zones) if kind != "street" else key
        out.append(alias if shorter == key or len(shorter) < SHORTEST else f"{alias}\n{shorter}".strip("\n"))
    return out


SHORTEST = 3
"""Signs that must be left of a name for it to count without what it begins with."""

HOUSE_COLUMNS = ("head", "key", "unit", "n", "x", "y", "kind", "text")


def _houses(
    frame: gpd.GeoDataFrame, compounds: gpd.GeoDataFrame | None, known: frozenset[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """House numbers of a layer with `address`, and those addresses that are names without a number."""
    kept = np.flatnonzero((text_of(frame, "address") != "") & _placed(frame))
    text = text_of(frame, "address")[kept]
    point = shapely.point_on_surface(np.asarray(frame.geometry.values, dtype=object)[kept])
    owner = _owners(frame, compounds)[kept]
    rows, lone = [], []
    for address, x, y, compound, at in zip(text, shapely.get_x(point), shapely.get_y(point), owner, point, strict=True):
        key = normal(address)
        found = headed(key, known)
        for one in found:
            shown = address if one.head else f"{compound}{address}"
            rows += _rows(one.head or normal(compound), one.number, x, y, shown)
        if not found and key and key not in known:
            lone.append((key, address, "place", "", at))
    named = pd.DataFrame(lone, columns=["key", "text", "kind", "alias", "geometry"])
    return pd.DataFrame([row for row in rows if row[0]], columns=list(HOUSE_COLUMNS)), named


def _rows(head: str, number: Number, x: float, y: float, text: str) -> list[tuple[object, ...]]:
    """One row for the number as it stands, and one for each number that a range such as 12-14 covers."""
    first = number.parts[0]
    kind = "building" if first.unit == BLOCK else "house_number"
    rows: list[tuple[object, ...]] = [(head, number.key, first.unit, first.n, x, y, kind, text)]
    if first.to is not None:
        rows += [(head, f"{n}{first.unit}", first.unit, n, x, y, kind, text) for n in spanned(first)]
    return rows


def _owners(frame: gpd.GeoDataFrame, compounds: gpd.GeoDataFrame | None) -> NDArray[np.object_]:
    """The name of the compound that each row names by its id; an address 3栋 hangs on it."""
    ids = text_of(frame, "compound_id")
    if compounds is None:
        return np.full(len(frame), "", dtype=object)
    names = dict(zip(text_of(compounds, "compound_id"), text_of(compounds, "name"), strict=True))
    return np.array([*(names.get(i, "") for i in ids), ""], dtype=object)[:-1]


def _no_stretches() -> gpd.GeoDataFrame:
    empty = {name: np.zeros(0, dtype=object) for name in ("key", "side", "n_from", "n_to")}
    return gpd.GeoDataFrame(empty, geometry=[])


def _stretches(streets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    out = [_no_stretches()]
    key = np.array([*(normal(name) for name in text_of(streets, "name")), ""], dtype=object)[:-1]
    for side, columns in RANGES.items():
        if not set(columns) <= set(streets.columns):
            continue
        low, high = (pd.to_numeric(streets[column], errors="coerce").to_numpy(dtype=float) for column in columns)
        low, high = np.where(low > 0, low, high), np.where(high > 0, high, low)
        kept = (key != "") & _placed(streets) & (low > 0) & (high > 0) & (np.maximum(low, high) <= LARGEST)
        table = {"key": key[kept], "side": side, "n_from": low[kept].astype(int), "n_to": high[kept].astype(int)}
        out.append(gpd.GeoDataFrame(table, geometry=np.asarray(streets.geometry.values, dtype=object)[kept]))
    return pd.concat(out, ignore_index=True) if len(out) > 1 else out[0]


__all__ = ["KINDS", "Collected", "collect", "kind_of"]
