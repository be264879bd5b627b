"""What lies under borders, kept by zone, and the layer of borders made of it.

Invariant: a border between two grids is drawn once, with the words that its zone keeps for it; where two zones keep
different words for their common border, those of the zone that was divided last hold.
"""

from __future__ import annotations

from collections.abc import Collection

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import unit_m
from gridgis.geometry.along import edges_of, lines_along
from gridgis.geometry.borders import Keys, edge_keys, shared_edges
from gridgis.geometry.noding import GRID_M, Bools, Floats, Geometries, Ints, as_array
from gridgis.schema import OFF_STREET
from gridgis.stretches import bundles, said_or_none, stretches

UNDER = ["zone_code", "border_class", "name"]
"""What is told of all lines of a row."""

ON_LINE_M = 0.03
"""An edge whose middle is this near a line lies on it, as where zones are divided (`gridgis.divide.arrangement`)."""

SHORT_M = 0.5
"""Of a shorter edge the ends are looked at too."""


def labels(borders: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The lines under the borders of the grids of each zone: a MultiLineString for each class and name.

    Returns
    -------
    GeoDataFrame
        :data:`UNDER` (the name empty for none), in this order.
    """
    zone_of = pd.Series(grids["zone_code"].to_numpy(dtype=object), index=grids["grid_code"])
    sides = [borders[side].map(zone_of) for side in ("first_code", "second_code")]
    told = pd.DataFrame(
        {
            "zone_code": pd.concat(sides),
            "border_class": pd.concat([borders["border_class"]] * 2),
            "name": pd.concat([borders["name"]] * 2).fillna(""),
            "row": np.tile(np.arange(len(borders)), 2),
        }
    )
    told = told.dropna(subset=["zone_code"]).drop_duplicates().sort_values([*UNDER, "row"])
    group = told.groupby(UNDER).ngroup().to_numpy()
    lines = as_array(borders.geometry)[told["row"].to_numpy()]
    shape = shapely.multilinestrings(lines, indices=group) if len(lines) else lines
    words = told[UNDER].drop_duplicates(ignore_index=True)
    return gpd.GeoDataFrame(words, geometry=np.asarray(shape, dtype=object), crs=borders.crs)


def all_labels(borders: gpd.GeoDataFrame, lines: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """What :func:`layer` needs to give the borders of a division again, whatever grids its atoms come to.

    Invariant: of a zone the lines stand as they are, beside them what only the borders tell. Where the two differ on
    an edge the borders hold. A division without lines has what :func:`labels` gives.

    Parameters
    ----------
    lines : the layer `lines` of a division; what is no line of a zone of the grids is left out

    Returns
    -------
    GeoDataFrame
        As of :func:`labels`, each edge of a zone once.
    """
    own, lines = labels(borders, grids), _sound(lines, grids)
    if not len(lines):
        return own
    every = _joined(lines, own).sort_values(UNDER, ignore_index=True)
    return gpd.GeoDataFrame(every, crs=borders.crs)


def lines_of(told: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The layer `lines` of a division of which labels are kept."""
    rows = told[told["border_class"] != OFF_STREET].sort_values(UNDER, ignore_index=True)
    return rows.assign(name=said_or_none(rows["name"].to_numpy(dtype=object)))


def layer(told: gpd.GeoDataFrame, grids: gpd.GeoDataFrame, *, of: Collection[str] | None = None) -> gpd.GeoDataFrame:
    """The layer of borders of grids.

    What is told of an edge is what the last row says that has it. An edge that no row has, since it is new or has a
    vertex that the lines have not, is told of by the nearest line along it, of those equally near by the last; where
    there is none it is off street. In and around zones without a row such edges are left out.

    Parameters
    ----------
    told : as :func:`labels` and :func:`all_labels` give it, the zone that was divided last at the end
    grids : a coverage
    of : codes of the grids whose borders are given; by default of all
    """
    edges = shared_edges(as_array(grids.geometry))
    code = np.append(grids["grid_code"].to_numpy(dtype=object), "")
    asked = np.array([of is None or one in of for one in code], dtype=bool)
    apart = np.flatnonzero((edges.left != edges.right) & (asked[edges.left] | asked[edges.right]))
    a, b, left, right = edges.a[apart], edges.b[apart], edges.left[apart], edges.right[apart]
    row = _under(told, a, b)
    told_of = set(told["zone_code"].to_numpy(dtype=object))
    zone = np.array([*(one in told_of for one in grids["zone_code"].to_numpy(dtype=object)), False], dtype=bool)
    known = (row >= 0) | zone[left] | zone[right]
    first, second, row = code[left[known]], code[right[known]], row[known]
    swap = (first == "") | ((second != "") & (second < first))
    words = {
        "first_code": np.where(swap, second, first),
        "second_code": np.where(swap, first, second),
        "border_class": np.append(told["border_class"].to_numpy(dtype=object), OFF_STREET)[row],
        "name": np.append(told["name"].fillna("").to_numpy(dtype=object), "")[row],
    }
    crs = CRS.from_user_input(grids.crs)
    return stretches(words, a[known], b[known], drawn_in=crs, crs=crs)


def _under(told: gpd.GeoDataFrame, a: Floats, b: Floats) -> Ints:
    """The row that tells of each edge, -1 for none."""
    lines = as_array(told.geometry)
    start, end, row = edges_of(lines)
    out = _last(edge_keys(start, end), row, edge_keys(a, b))
    asked = np.flatnonzero(out < 0)
    streets = np.flatnonzero(told["border_class"].to_numpy(dtype=object) != OFF_STREET)
    if len(asked) and len(streets):
        edge, line = _along(a[asked], b[asked], lines[streets], told.crs)
        edge, first = np.unique(edge, return_index=True)
        out[asked[edge]] = streets[line[first]]
    return out


def _along(a: Floats, b: Floats, lines: Geometries, crs: object) -> tuple[Ints, Ints]:
    unit = unit_m(crs)
    return lines_along(a, b, lines, within=ON_LINE_M / unit, short=SHORT_M / unit, ends_within=1.5 * GRID_M / unit)


def _last(keys: Keys, row: Ints, wanted: Keys) -> Ints:
    """The last row that has each of the wanted keys, which differ; -1 for none."""
    order = np.argsort(wanted)
    among = wanted[order]
    at = np.minimum(np.searchsorted(among, keys), max(len(among) - 1, 0))
    has = among[at] == keys if len(among) else np.zeros(len(keys), dtype=bool)
    found = np.full(len(wanted), -1, dtype=np.int64)
    found[at[has]] = row[has]  # rows come in order: the last is written last
    out = np.empty(len(wanted), dtype=np.int64)
    out[order] = found
    return out


# ---------------------------------------------------------------- lines and borders of the same zones
def _sound(lines: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Rows that tell of lines in a zone of the grids, names as :func:`labels` has them."""
    shape = as_array(lines.geometry)
    xy, row = shapely.get_coordinates(shape, return_index=True)
    drawn = np.isin(shapely.get_type_id(shape), (1, 5)) & ~shapely.is_empty(shape)
    drawn[row[~np.isfinite(xy).all(axis=1)]] = False
    word = lines["border_class"]
    kept = drawn & lines["zone_code"].isin(grids["zone_code"]) & word.notna() & ~word.isin(["", OFF_STREET])
    rows = lines[kept]
    told = pd.DataFrame({name: rows[name].fillna("").astype(str).astype(object) for name in UNDER})
    return gpd.GeoDataFrame(told, geometry=_several(as_array(rows.geometry)), crs=lines.crs)


def _several(lines: Geometries) -> Geometries:
    """Lines as MultiLineStrings."""
    parts, row = shapely.get_parts(lines, return_index=True)
    return np.asarray(shapely.multilinestrings(parts, indices=row), dtype=object) if len(parts) else lines


def _joined(lines: gpd.GeoDataFrame, own: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Lines and what borders tell beside them, a row for each word.

    Invariant: lines of which no edge comes or goes stay bit for bit; all else follows from the edges alone, however
    they were sewn before, so that the same borders are always told of in the same bytes.
    """
    every = gpd.GeoDataFrame(pd.concat([lines, own], ignore_index=True), crs=lines.crs)
    a, b, row = edges_of(as_array(every.geometry))
    words = every[UNDER].drop_duplicates().sort_values(UNDER, ignore_index=True)
    word = every.groupby(UNDER).ngroup().to_numpy()
    kept = _kept(every, len(lines), word, a, b, row)
    there, total = (np.bincount(some, minlength=len(every)) for some in (row[kept], row))
    tellers = np.bincount(word[there > 0], minlength=len(words))
    whole = (there == total) & (tellers[word] == 1) & (np.arange(len(every)) < len(lines))
    rest, crs = np.flatnonzero(kept & ~whole[row]), CRS.from_user_input(every.crs)
    low, high = _west_to_east(a[rest], b[rest])
    order = np.lexsort((*high.T[::-1], *low.T[::-1]))
    made = bundles(words, word[row[rest[order]]], low[order], high[order], drawn_in=crs, crs=crs)
    return pd.concat([every[whole], made])


def _west_to_east(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Both ends of each edge, the western one first, due south-north ones from the south."""
    forward = (a[:, 0] < b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] <= b[:, 1]))
    return np.where(forward[:, None], a, b), np.where(forward[:, None], b, a)


def _kept(every: gpd.GeoDataFrame, count: int, word: Ints, a: Floats, b: Floats, row: Ints) -> Bools:
    """Which edges of lines (the first `count` rows) and of borders are told of."""
    zone = every.groupby("zone_code").ngroup().to_numpy()
    key = edge_keys(a, b) + zone[row].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # other ones in each zone
    line, border = (_distinct(key, np.flatnonzero(mine)) for mine in (row < count, row >= count))
    under = _last(key[line], line, key[border])
    same = (under >= 0) & (word[row[under]] == word[row[border]])
    out = np.zeros(len(key), dtype=bool)
    out[line] = True
    out[under[(under >= 0) & ~same]] = False
    out[border[~same]] = True
    street = (every["border_class"] != OFF_STREET).to_numpy()[row[border]]
    asked = border[(under < 0) & street]
    if len(asked):
        # Where an edit put a vertex on a street, the line without it tells of both halves.
        edge, found = _along(a[asked], b[asked], as_array(every.geometry)[:count], every.crs)
        home = zone[found] == zone[row[asked[edge]]]
        edge, first = np.unique(edge[home], return_index=True)
        told = word[found[home][first]] == word[row[asked[edge]]]
        out[asked[edge[told]]] = False
    return out


def _distinct(key: Keys, chosen: Ints) -> Ints:
    """The last of the chosen edges with each key."""
    return np.sort(chosen[::-1][np.unique(key[chosen[::-1]], return_index=True)[1]])
