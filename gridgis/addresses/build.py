"""Build a gazetteer: from the layers of a city to the side file.

Invariant: the same layers give the same bytes; the file appears whole or not at all.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridgis.addresses.collect import KINDS, Collected, collect
from gridgis.addresses.heads import kind_of
from gridgis.addresses.junctions import junctions
from gridgis.addresses.names import tokens
from gridgis.addresses.places import cell_of, cells, together
from gridgis.addresses.side_file import COMMON, INDEXES, create
from gridgis.crs import metric_crs, parsed
from gridgis.durable import draft_beside, forget, put_in_place
from gridgis.errors import Fault, InputRefused, Notice, refuse

Progress = Callable[[str, float], None]
SOURCES = ("zones", "streets", "compounds", "buildings", "households", "parcels", "places", "addresses")
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}


@dataclass(frozen=True)
class Counts:
    """How much a gazetteer holds; `left_out` are rows without a name, an address or a place, `notices` says which."""

    places: int
    names: int
    house_numbers: int
    ranges: int
    junctions: int
    left_out: int
    notices: tuple[Notice, ...] = ()

    def as_dict(self) -> dict[str, int]:
        """The numbers by name."""
        return {name: number for name, number in asdict(self).items() if name != "notices"}


def build(
    sources: Mapping[str, gpd.GeoDataFrame],
    path: str | os.PathLike[str],
    *,
    crs: CRS | str | int,
    progress: Progress | None = None,
) -> Counts:
    """Build the side file of a gazetteer from what a city has.

    Parameters
    ----------
    sources : mapping of str to GeoDataFrame
        By name of :data:`SOURCES`, each with its own CRS. `name` of zones, streets, compounds, places, buildings and
        addresses is that of the thing; `address` of any layer gives house numbers; `alias` or `aliases` (separated
        by ;) are further names; `l_from`, `l_to`, `r_from`, `r_to` of streets are the house numbers left and right
        in drawing direction, falling ones too.
    crs : of the points that answers give: that of the division

    Raises
    ------
    InputRefused
        Where no source has a name or an address, a name of a source is unknown, or a layer has no CRS.
    """
    told = progress or (lambda _stage, _done: None)
    _check(sources)
    target = _target(crs)
    told("reading", 0.0)
    metric = _metric(sources, target)
    found = collect({name: frame.to_crs(metric) for name, frame in sources.items()})
    if not len(found.named) and not len(found.houses):
        refuse(
            [
                Fault(
                    "gazetteer", "", "no layer has a name or an address", "Name the column with --map LAYER.name=COLUMN"
                )
            ]
        )
    told("placing", 0.4)
    tables = _tables(found) | {"area": pd.DataFrame({"key": sorted(found.areas)}, dtype=object)}
    told("writing", 0.7)
    beside = draft_beside(path)
    try:
        names = str(tables["name"]["key"].nunique())
        _write(beside, tables, {"crs": target.to_wkt(), "metric": metric.to_wkt(), "names": names})
        put_in_place(beside, path)
    except (sqlite3.Error, OSError) as error:
        cure = "Make room, or name another place with -o"
        raise InputRefused([Fault("output", str(path), f"cannot be written: {error}", cure)]) from None
    finally:
        forget(beside)
    told("done", 1.0)
    return Counts(
        len(tables["place"]), len(tables["name"]), len(tables["house"]), len(tables["stretch"]),
        len(tables["junction"]), sum(notice.count for notice in found.left_out), found.left_out,
    )  # fmt: skip


def _check(sources: Mapping[str, gpd.GeoDataFrame]) -> None:
    faults = [
        Fault(name, "", "no such source of addresses", f"The sources are {', '.join(SOURCES)}")
        for name in sources
        if name not in SOURCES
    ]
    faults += [
        Fault(name, "", "no CRS is declared", f"Declare it with --crs-of {name}=EPSG:n")
        for name, frame in sources.items()
        if frame.crs is None
    ]
    if not sources:
        faults.append(Fault("gazetteer", "", "no layer is given", "Give streets, compounds, buildings or addresses"))
    refuse(faults)


def _target(crs: CRS | str | int) -> CRS:
    try:
        return parsed(crs)
    except ValueError as error:
        raise InputRefused([Fault("--crs", "", str(error), "Write for example --crs EPSG:4549")]) from None


def _metric(sources: Mapping[str, gpd.GeoDataFrame], target: CRS) -> CRS:
    """The CRS in which lengths are reckoned: the answer's own where it is in metres."""
    for frame in sources.values():
        if len(frame) and np.isfinite(frame.to_crs(target).total_bounds).all():
            return metric_crs(target, tuple(frame.to_crs(target).total_bounds))
    return target


Tables = dict[str, pd.DataFrame]


def _tables(found: Collected) -> Tables:
    """Rows of every table, in their order."""
    named, houses, stretches = found.named, found.houses, found.stretches
    _, number = np.unique(np.concatenate([named["key"], houses["head"], stretches["key"]]), return_inverse=True)
    n, h = len(named), len(houses)
    index, cell = cells(_geometry(named))
    xy = houses[["x", "y"]].to_numpy(dtype=float)
    far, far_cell = cells(_geometry(stretches))
    label = together(
        np.concatenate([number[index], number[n : n + h], number[n + h :][far]]),
        np.concatenate([cell, cell_of(xy), far_cell]),
    )
    first = np.full(n, -1)
    first[index[::-1]] = label[: len(index)][::-1]
    house_label = label[len(index) : len(index) + h]
    stretch_label = np.full(len(stretches), -1)
    stretch_label[far[::-1]] = label[len(index) + h :][::-1]
    lone = _heads(houses, house_label, set(first))
    rows = pd.concat([named.assign(label=first), lone], ignore_index=True)
    place, own = _places(rows)
    of_label = _owner(rows, own)
    return {
        "place": place,
        "name": _names(rows, own),
        "house": _house_rows(houses, of_label[house_label] if h else np.zeros(0, dtype=np.int64)),
        "stretch": _stretch_rows(stretches, of_label[stretch_label] if len(stretches) else np.zeros(0, dtype=np.int64)),
        "junction": _junctions(rows, own),
    }


def _geometry(frame: pd.DataFrame) -> NDArray[np.object_]:
    return np.asarray(frame["geometry"].to_numpy(), dtype=object)


def _heads(houses: pd.DataFrame, label: NDArray[np.int64], known: set[int]) -> pd.DataFrame:
    """A row for each place that only house numbers tell of: their points are its shape."""
    table = houses.assign(label=label)[~np.isin(label, list(known))]
    groups = table.groupby("label", sort=True)
    points = [shapely.multipoints(group[["x", "y"]].to_numpy(dtype=float)) for _, group in groups]
    head = groups["head"].first()
    text = [_shown(key, group) for (_, group), key in zip(groups, head, strict=True)]
    return pd.DataFrame(
        {"key": head.to_numpy(), "text": text, "kind": [kind_of(key) for key in head], "alias": "", "geometry": points,
         "label": head.index.to_numpy()}
    )  # fmt: skip


def _shown(key: str, group: pd.DataFrame) -> str:
    """How the name of a head was written, where its first address lets that be told; else its one form."""
    first = str(group["text"].iloc[0])
    at = first.lower().find(key)
    return first[at : at + len(key)] if at >= 0 else key


def _places(rows: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Places in the order of kind, name and position; which of them each row belongs to."""
    rank = rows["kind"].map(_RANK).to_numpy()
    group = pd.DataFrame({"rank": rank, "key": rows["key"], "label": rows["label"]})
    own = group.groupby(["rank", "key", "label"], sort=True).ngroup().to_numpy()
    order = np.argsort(own, kind="stable")
    begins = np.flatnonzero(np.diff(np.append(-1, own[order])))
    geometry, first = _geometry(rows)[order], rows.iloc[order[begins]]
    box = np.column_stack(
        [
            pick.reduceat(shapely.bounds(geometry)[:, i], begins)
            for i, pick in enumerate((np.minimum,) * 2 + (np.maximum,) * 2)
        ]
    )
    groups = np.split(geometry, begins[1:])
    shown = [_shown_at(kind, shapes) for kind, shapes in zip(first["kind"], groups, strict=True)]
    point = np.array([at for at, _ in shown], dtype=object)
    table = {"id": own[order[begins]], "kind": first["kind"].to_numpy(), "text": first["text"].to_numpy()}
    table |= {"x": shapely.get_x(point), "y": shapely.get_y(point)}
    table |= {name: box[:, i] for i, name in enumerate(("x0", "y0", "x1", "y1"))}
    return pd.DataFrame(table | {"lines": [lines for _, lines in shown]}), own


def _shown_at(kind: str, shapes: NDArray[np.object_]) -> tuple[shapely.Point, bytes | None]:
    """The point that stands for a place, and the lines of a street."""
    if len(shapes) == 1 and shapes[0].geom_type == "Point":
        return shapes[0], None
    if kind == "street" and shapely.length(shapes).any():
        parts = shapely.get_parts(shapes)
        lines = parts[(shapely.length(parts) > 0) & (shapely.get_type_id(parts) == 1)]
        middle = shapely.line_interpolate_point(_longest(lines), 0.5, normalized=True)
        return middle, shapely.to_wkb(shapely.multilinestrings(lines))
    whole = shapes[0] if len(shapes) == 1 else shapely.union_all(shapes)
    return _middle(whole) if whole.geom_type == "MultiPoint" else shapely.point_on_surface(whole), None


def _longest(lines: NDArray[np.object_]) -> shapely.LineString:
    return lines[int(np.argmax(shapely.length(lines)))]


def _middle(points: shapely.Geometry) -> shapely.Point:
    """The point of a set that lies nearest its centre: a street's middle house, not a place beside it."""
    xy = shapely.get_coordinates(points)
    return shapely.Point(xy[int(np.argmin(np.hypot(*(xy - xy.mean(axis=0)).T)))])


def _owner(rows: pd.DataFrame, own: NDArray[np.int64]) -> NDArray[np.int64]:
    """Label to the place that numbers of its name hang on: a street before a compound, a place, a zone."""
    best = pd.Series(own).groupby(rows["label"].to_numpy()).min()
    out = np.full(int(best.index.max()) + 1 if len(best) else 1, -1, dtype=np.int64)
    out[best.index.to_numpy()] = best.to_numpy()
    return out


def _names(rows: pd.DataFrame, own: NDArray[np.int64]) -> pd.DataFrame:
    """Pairs of key and place; aliases are names as well."""
    pairs = {(key, int(place)) for key, place in zip(rows["key"], own, strict=True)}
    for text, place in zip(rows["alias"], own, strict=True):
        pairs |= {(key, int(place)) for key in text.split("\n") if key}
    return pd.DataFrame(sorted(pairs), columns=["key", "place_id"])


def _house_rows(houses: pd.DataFrame, place: NDArray[np.int64]) -> pd.DataFrame:
    table = houses.assign(place_id=place).drop(columns="head")
    table = table.drop_duplicates(["place_id", "key", "x", "y"])
    table = table.sort_values(["place_id", "key", "text", "x", "y"], kind="stable", ignore_index=True)
    table["seq"] = table.groupby(["place_id", "key"]).cumcount()
    return table[["place_id", "key", "seq", "unit", "n", "x", "y", "kind", "text"]]


def _stretch_rows(stretches: gpd.GeoDataFrame, place: NDArray[np.int64]) -> pd.DataFrame:
    ends = stretches[["n_from", "n_to"]].to_numpy(dtype=np.int64).reshape(-1, 2)
    odd = ends % 2
    table = pd.DataFrame(
        {"place_id": place, "seq": np.arange(len(ends)), "side": stretches["side"].to_numpy(), "low": ends.min(axis=1),
         "high": ends.max(axis=1), "n_from": ends[:, 0], "n_to": ends[:, 1],
         "parity": [int(a) if a == b else None for a, b in odd], "line": list(shapely.to_wkb(_geometry(stretches)))}
    )  # fmt: skip
    return table.sort_values(["place_id", "seq"], ignore_index=True)


def _junctions(rows: pd.DataFrame, own: NDArray[np.int64]) -> pd.DataFrame:
    geometry = _geometry(rows)
    street = (rows["kind"] == "street").to_numpy() & (shapely.length(geometry) > 0)
    return junctions(own[street], geometry[street])


def _write(path: Path, tables: Tables, about: Mapping[str, str]) -> None:
    base = create(path)
    try:
        base.execute("BEGIN")
        base.executemany("INSERT INTO about VALUES (?, ?)", sorted(about.items()))
        _fill(base, "place", tables["place"])
        _fill(base, "house", tables["house"])
        _fill(base, "stretch", tables["stretch"])
        _fill(base, "area", tables["area"])
        crossing = tables["junction"].assign(seq=tables["junction"].groupby(["one", "two"]).cumcount())
        _fill(base, "junction", crossing[["one", "two", "seq", "x", "y"]])
        _write_names(base, tables["name"])
        base.execute("COMMIT")
        base.executescript(f"{INDEXES} INSERT INTO tokens (tokens) VALUES ('optimize'); VACUUM;")
    finally:
        base.close()


def _fill(base: sqlite3.Connection, table: str, rows: pd.DataFrame) -> None:
    marks = ", ".join("?" * rows.shape[1])
    columns = [rows[name].astype(object).where(rows[name].notna(), None).tolist() for name in rows]
    base.executemany(f"INSERT INTO {table} VALUES ({marks})", zip(*columns, strict=True))


def _write_names(base: sqlite3.Connection, pairs: pd.DataFrame) -> None:
    """Names, whose places they are, their tokens; `pairs` is in the order of the keys."""
    key, place = pairs["key"].to_numpy(), pairs["place_id"].tolist()
    begins = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else np.zeros(0, dtype=int)
    number = np.repeat(np.arange(1, len(begins) + 1), np.diff(np.append(begins, len(key))))
    size, names = np.diff(np.append(begins, len(key))).tolist(), key[begins].tolist()
    base.executemany("INSERT INTO name VALUES (?, ?, ?)", zip(range(1, len(names) + 1), names, size, strict=True))
    base.executemany("INSERT INTO called VALUES (?, ?)", zip(number.tolist(), place, strict=True))
    count: Counter[str] = Counter()
    for at, name in enumerate(names, 1):
        words = tokens(name)
        base.execute("INSERT INTO tokens (rowid, words) VALUES (?, ?)", (at, " ".join(words)))
        count.update(words)
    often = sorted((word, n) for word, n in count.items() if n > COMMON)
    base.executemany("INSERT INTO common VALUES (?, ?)", often)
