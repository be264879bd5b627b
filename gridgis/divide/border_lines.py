"""The layer of borders: what lies under each stretch of border of a grid."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import perimeter_m, transform
from gridgis.divide.arrangement import Borders, Lines
from gridgis.geometry.noding import Geometries, Ints
from gridgis.schema import OFF_STREET


def border_lines(
    borders: Borders, grid: Ints, code: Geometries, lines: Lines, *, metric: CRS, crs: CRS
) -> gpd.GeoDataFrame:
    """Every border of a grid once, a row for each stretch along one street.

    Invariant: the stretches of a grid make up its boundary, with its vertices.

    Parameters
    ----------
    borders : between atoms, in `metric`
    grid : of each atom
    code : of each grid
    lines : those that `borders` tells of
    crs : of the result
    """
    i, j = grid[borders.first], np.where(borders.second >= 0, grid[np.maximum(borders.second, 0)], -1)
    apart = i != j
    first, second = code[i[apart]], np.where(j >= 0, code[np.maximum(j, 0)], "")[apart]
    swap = (second != "") & (second < first)
    words = pd.DataFrame(
        {
            "first_code": np.where(swap, second, first),
            "second_code": np.where(swap, first, second),
            "border_class": _said(lines.kind, borders.line[apart], OFF_STREET),
            "name": _said(lines.name, borders.line[apart], ""),
        }
    )
    stretch, owner = _sewn(borders.where(apart), words)
    shape = transform(stretch, metric, crs)
    table = words.iloc[owner].reset_index(drop=True).astype(object)
    table = table.where(table != "", None).assign(length_m=perimeter_m(shape, crs))
    return gpd.GeoDataFrame(table, geometry=shape, crs=crs)


def _said(word: Geometries, line: Ints, nothing: str) -> Geometries:
    """What the line under each border says, `nothing` where there is no line or it says nothing."""
    known = np.append([nothing if pd.isna(value) else str(value) for value in word], nothing)
    return known.astype(object)[line]


def _sewn(borders: Borders, words: pd.DataFrame) -> tuple[Geometries, Ints]:
    """Borders of the same words sewn into lines, in the order of the words, and a row of each line."""
    if words.empty:
        return np.zeros(0, dtype=object), np.zeros(0, dtype=np.int64)
    group = words.groupby(list(words.columns), sort=True).ngroup().to_numpy()
    order = np.argsort(group, kind="stable")
    ends = shapely.linestrings(np.stack([borders.a[order], borders.b[order]], axis=1))
    sewn = shapely.line_merge(shapely.multilinestrings(ends, indices=group[order]))
    lines, number = shapely.get_parts(sewn, return_index=True)
    return lines, order[np.unique(group[order], return_index=True)[1]][number]
