"""The layer of borders: what lies under each stretch of border of a grid."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from gridgis.divide.arrangement import Borders, Lines
from gridgis.geometry.noding import Geometries, Ints
from gridgis.schema import OFF_STREET
from gridgis.stretches import stretches


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
    return stretches(words, borders.a[apart], borders.b[apart], drawn_in=metric, crs=crs)


def _said(word: Geometries, line: Ints, nothing: str) -> Geometries:
    """What the line under each border says, `nothing` where there is no line or it says nothing."""
    known = np.append([nothing if pd.isna(value) else str(value) for value in word], nothing)
    return known.astype(object)[line]
