"""What lies under borders: under each stretch of border of a grid, and under those of the atoms of a zone."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from gridgis.divide.arrangement import Borders, Lines
from gridgis.geometry.noding import Geometries, Ints
from gridgis.schema import OFF_STREET
from gridgis.stretches import bundles, said_or_none, stretches


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
    words = {
        "first_code": np.where(swap, second, first),
        "second_code": np.where(swap, first, second),
        "border_class": _said(lines.kind, borders.line[apart], OFF_STREET),
        "name": _said(lines.name, borders.line[apart], ""),
    }
    return stretches(words, borders.a[apart], borders.b[apart], drawn_in=metric, crs=crs)


def atom_lines(
    borders: Borders, zone: Ints, code: Geometries, lines: Lines, *, metric: CRS, crs: CRS
) -> gpd.GeoDataFrame:
    """What lies under the borders of the atoms of each zone, a MultiLineString for each class and name.

    Invariant: every border of an atom that follows a line is there, with its vertices; one of two zones in both.

    Parameters
    ----------
    borders : between atoms, in `metric`
    zone : of each atom
    code : of each zone
    lines : those that `borders` tells of
    crs : of the result
    """
    every = np.arange(len(lines.kind))
    said = pd.DataFrame({"border_class": _said(lines.kind, every, ""), "name": _said(lines.name, every, "")})
    kinds, kind = said.drop_duplicates().sort_values([*said]), said.groupby([*said]).ngroup().to_numpy()
    rank = np.argsort(np.argsort(code.astype(str)))
    at = np.flatnonzero(borders.line >= 0)
    first, second = zone[borders.first[at]], zone[borders.second[at]]
    both = (borders.second[at] >= 0) & (second != first)
    at, side = np.concatenate([at, at[both]]), np.concatenate([first, second[both]])
    number, word = np.unique(rank[side] * len(kinds) + kind[borders.line[at]], return_inverse=True)
    of_zone, of_kind = np.divmod(number, max(len(kinds), 1))
    words = pd.DataFrame(
        {
            "zone_code": np.sort(code.astype(str))[of_zone].astype(object),
            "border_class": kinds["border_class"].to_numpy(dtype=object)[of_kind],
            "name": said_or_none(kinds["name"].to_numpy(dtype=object)[of_kind]),
        }
    )
    return bundles(words, word, borders.a[at], borders.b[at], drawn_in=metric, crs=crs)


def _said(word: Geometries, line: Ints, nothing: str) -> Geometries:
    """What the line under each border says, `nothing` where there is no line or it says nothing."""
    known = np.append([nothing if pd.isna(value) else str(value) for value in word], nothing)
    return known.astype(object)[line]
