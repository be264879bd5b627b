"""What lies under the borders of grids, kept by zone, and the layer of borders made of it.

Invariant: a border between two grids is drawn once, with the words that its zone keeps for it; where two zones keep
different words for their common border, those of the zone that was divided last hold.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.geometry.borders import Keys, edge_keys, shared_edges
from gridgis.geometry.noding import Geometries, Ints, as_array
from gridgis.stretches import stretches


def labels(borders: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The lines under the borders of each zone: a MultiLineString for each class and name.

    Returns
    -------
    GeoDataFrame
        `zone_code`, `border_class`, `name` (empty for none), in this order.
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
    told = told.dropna(subset=["zone_code"]).drop_duplicates().sort_values(["zone_code", "border_class", "name", "row"])
    group = told.groupby(["zone_code", "border_class", "name"]).ngroup().to_numpy()
    lines = as_array(borders.geometry)[told["row"].to_numpy()]
    shape = shapely.multilinestrings(lines, indices=group) if len(lines) else lines
    words = told[["zone_code", "border_class", "name"]].drop_duplicates(ignore_index=True)
    return gpd.GeoDataFrame(words, geometry=np.asarray(shape, dtype=object), crs=borders.crs)


def layer(told: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The layer of borders of grids; stretches of which nothing is told are left out.

    Parameters
    ----------
    told : as :func:`labels` gives it, the zone that was divided last at the end
    grids : a coverage
    """
    key, word = _edges(as_array(told.geometry))
    edges = shared_edges(as_array(grids.geometry))
    at = np.searchsorted(key, edge_keys(edges.a, edges.b))
    known = (edges.left != edges.right) & (np.append(key, np.uint64(0))[at] == edge_keys(edges.a, edges.b))
    codes = np.append(grids["grid_code"].to_numpy(dtype=object), "")
    first, second = codes[edges.left[known]], codes[edges.right[known]]
    swap = (first == "") | ((second != "") & (second < first))
    said = told.iloc[word[at[known]]]
    words = pd.DataFrame(
        {
            "first_code": np.where(swap, second, first),
            "second_code": np.where(swap, first, second),
            "border_class": said["border_class"].to_numpy(dtype=object),
            "name": said["name"].to_numpy(dtype=object),
        }
    )
    crs = CRS.from_user_input(grids.crs)
    return stretches(words, edges.a[known], edges.b[known], drawn_in=crs, crs=crs)


def _edges(lines: Geometries) -> tuple[Keys, Ints]:
    """Keys of the edges of lines, in order, and the last line that has each."""
    parts, row = shapely.get_parts(lines, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    same = part[1:] == part[:-1]
    key, row = edge_keys(xy[:-1][same], xy[1:][same]), row[part[1:][same]]
    order = np.lexsort((-row, key))
    key, first = np.unique(key[order], return_index=True)
    return key, row[order][first]
