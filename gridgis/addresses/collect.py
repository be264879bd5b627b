"""From layers to what a gazetteer holds: named things, house numbers, ranges along streets.

Invariant: rows without a name, an address or a place are left out and counted; the order of rows of the input decides
nothing but which of two equal entries comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridgis.addresses.areas import SHORTEST, guessed, learnt, without_areas
from gridgis.addresses.heads import headed, is_address, kind_of
from gridgis.addresses.numbers import BLOCK, Number, spanned
from gridgis.addresses.short import short_forms
from gridgis.addresses.text import normal
from gridgis.errors import Notice

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
    left_out : rows of no use, by source and reason
    areas : keys of the areas that names and addresses begin with
    """

    named: gpd.GeoDataFrame
    houses: pd.DataFrame
    stretches: gpd.GeoDataFrame
    left_out: tuple[Notice, ...]
    areas: frozenset[str]


def collect(sources: Mapping[str, gpd.GeoDataFrame]) -> Collected:
    """Take what is of use from frames that are in one metric CRS."""
    named = [_named(name, sources[name]) for name in NAMED if name in sources]
    things = pd.concat(named, ignore_index=True) if named else _no_names()
    zone = things["kind"] == "zone"
    own = frozenset(things["key"][~zone])
    told = pd.concat([_told(sources[name]) for name in sorted(sources)], ignore_index=True)
    areas = learnt(told["key"], frozenset(things["key"][zone]), own)
    known = own | frozenset(_aliases(things))
    houses = [_houses(sources[name], sources.get("compounds"), known, areas) for name in sorted(sources)]
    rows = [things, _areas(told, areas - frozenset(things["key"])), *(lone for _, lone in houses)]
    things = pd.concat([part for part in rows if len(part)] or [things], ignore_index=True)
    things = things.assign(alias=_with_shorter(things, known, areas))
    left_out = tuple(notice for name, frame in sources.items() for notice in _unused(name, frame))
    stretches = _stretches(sources["streets"]) if "streets" in sources else _no_stretches()
    return Collected(things, pd.concat([rows for rows, _ in houses], ignore_index=True), stretches, left_out, areas)


def _told(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """Every address of a layer in the one form, with its point."""
    text = text_of(frame, "address")
    kept = np.flatnonzero((text != "") & _placed(frame))
    point = shapely.point_on_surface(np.asarray(frame.geometry.values, dtype=object)[kept])
    return pd.DataFrame({"key": [normal(one) for one in text[kept]], "point": point})


def _areas(told: pd.DataFrame, areas: AbstractSet[str]) -> pd.DataFrame:
    """A row for each area that no layer draws: what its addresses lie in is its shape."""
    points: dict[str, list[object]] = {area: [] for area in sorted(areas)}
    for key, point in zip(told["key"], told["point"], strict=True):
        for area in guessed(key)[0]:
            if area in points:
                points[area].append(point)
    shown = {area: shapely.convex_hull(shapely.multipoints(own)) for area, own in points.items() if own}
    table = pd.DataFrame({"key": list(shown), "text": list(shown), "kind": "zone", "alias": ""})
    return table.assign(geometry=np.array([*shown.values(), None], dtype=object)[:-1])


def text_of(frame: pd.DataFrame, column: str) -> NDArray[np.object_]:
    """A column as text, "" where there is none."""
    if column not in frame:
        return np.full(len(frame), "", dtype=object)
    values = frame[column].to_numpy(dtype=object)
    return np.array([*("" if pd.isna(v) else " ".join(str(v).split()) for v in values), ""], dtype=object)[:-1]


def _placed(frame: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    geometry = np.asarray(frame.geometry.values, dtype=object)
    return ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))


def _unused(source: str, frame: gpd.GeoDataFrame) -> Iterator[Notice]:
    """Rows of which nothing can be found, and why."""
    wanted = (text_of(frame, "name") != "") | (text_of(frame, "address") != "")
    for rows, why in ((~wanted, "have neither a name nor an address"), (wanted & ~_placed(frame), "have no place")):
        if rows.any():
            yield Notice(source, f"rows {why}, and were left out", int(rows.sum()))


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
    return "\n".join(_further(one, several))


def _further(one: str, several: str) -> list[str]:
    """The texts of `alias` and `aliases` in the one form."""
    names = (normal(name) for name in [one, *several.replace("；", ";").split(";")])
    return list(dict.fromkeys(name for name in names if name))


def _aliases(things: pd.DataFrame) -> Iterator[str]:
    for text in things["alias"]:
        yield from filter(None, text.split("\n"))


def _with_shorter(things: pd.DataFrame, known: AbstractSet[str], areas: AbstractSet[str]) -> list[str]:
    """Aliases that are no addresses, the name without the areas it begins with (洲尾一组), its short forms."""
    out = []
    for key, kind, alias in zip(things["key"], things["kind"], things["alias"], strict=True):
        further = [name for name in alias.split("\n") if not is_address(name, known, areas)]
        further += [] if kind == "street" else _shorter(key, areas)
        out.append("\n".join(dict.fromkeys(name for name in further if name and name != key)))
    return out


def _shorter(key: str, areas: AbstractSet[str]) -> list[str]:
    bare = without_areas(key, areas)
    if bare == key and not key.isascii():
        bare = without_areas(key, frozenset(guessed(key)[0]))
    return [bare if len(bare) >= SHORTEST else "", *short_forms(key, areas)]


HOUSE_COLUMNS = ("head", "key", "unit", "n", "x", "y", "kind", "text")


def _houses(
    frame: gpd.GeoDataFrame, compounds: gpd.GeoDataFrame | None, known: frozenset[str], areas: AbstractSet[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """House numbers of a layer with `address` or aliases, and those addresses that are names without a number."""
    columns = {name: text_of(frame, name) for name in ("address", "name", "alias", "aliases")}
    told = columns["address"] + columns["alias"] + columns["aliases"]
    kept = np.flatnonzero((told != "") & _placed(frame))
    point = shapely.point_on_surface(np.asarray(frame.geometry.values, dtype=object)[kept])
    owner = _owners(frame, compounds)[kept]
    rows, lone = [], []
    for address, name, alias, aliases, yard, at in zip(
        *(column[kept] for column in columns.values()), owner, point, strict=True
    ):
        key, further = normal(address), _further(alias, aliases)
        found, bare = headed(key, known, areas), without_areas(key, areas)
        for one in found:
            rows += _rows(one.head or normal(yard), one.number, at, address if one.head else f"{yard}{address}")
        for text in further:
            if is_address(text, known, areas):
                held = (one for one in headed(text, known, areas) if one.head)
                rows += [row for one in held for row in _rows(one.head, one.number, at, address or name)]
        if not found and key and key not in known and bare != normal(name):
            lone.append((bare, address, "place", "" if name else "\n".join(further), at))
    named = pd.DataFrame(lone, columns=["key", "text", "kind", "alias", "geometry"])
    return pd.DataFrame([row for row in rows if row[0]], columns=list(HOUSE_COLUMNS)), named


def _rows(head: str, number: Number, at: shapely.Point, text: str) -> list[tuple[object, ...]]:
    """One row for the number as it stands, and one for each number that a range such as 12-14 covers."""
    first = number.parts[0]
    kind = "building" if first.unit == BLOCK else "house_number"
    rows: list[tuple[object, ...]] = [(head, number.key, first.unit, first.n, at.x, at.y, kind, text)]
    if first.to is not None:
        rows += [(head, f"{n}{first.unit}", first.unit, n, at.x, at.y, kind, text) for n in spanned(first)]
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
