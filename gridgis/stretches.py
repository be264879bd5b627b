"""Layers of borders made of edges: a row for each stretch along one street, or for each street."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import perimeter_m, transform
from gridgis.geometry.borders import sewn
from gridgis.geometry.frames import framed
from gridgis.geometry.noding import Floats, Geometries, Ints

WORDS = ["first_code", "second_code", "border_class", "name"]
"""What all edges of a stretch share."""

MOST = 2**62
"""Keys stay below this: they are numbers of 64 bits."""


def stretches(words: Mapping[str, Geometries], a: Floats, b: Floats, *, drawn_in: CRS, crs: CRS) -> gpd.GeoDataFrame:
    """The layer of borders of edges.

    Parameters
    ----------
    words : :data:`WORDS` of each edge, empty text where there is no grid or name; the smaller code comes first
    a, b : float array, shape (n, 2)
        The ends, in `drawn_in`.
    crs : of the result

    Returns
    -------
    GeoDataFrame
        Columns as in :data:`gridgis.schema.DIVISION_LAYERS`, in the order of the words.
    """
    first, word = groups([words[name] for name in WORDS])
    lines, group = sewn(a, b, word)
    shape = transform(lines, drawn_in, crs)
    table = {name: said_or_none(words[name][first[group]]).array for name in WORDS}
    return framed({**table, "length_m": perimeter_m(shape, crs)}, gpd.array.from_shapely(shape, crs=crs))


def said_or_none(text: Geometries) -> pd.Series:
    """Text with None where it is empty, as frames have it."""
    out = text.copy()
    out[text == ""] = None
    return pd.Series(out, dtype=object)


def groups(columns: list[Geometries]) -> tuple[Ints, Ints]:
    """The first row of each different row of some columns of text, in the order of the text, and which each row is.

    As a frame's `groupby` gives them, without what that costs where there are few rows.
    """
    key, most = np.zeros(len(columns[0]), dtype=np.int64), 1
    for column in columns:
        number, different = pd.factorize(column, sort=True)
        if most * (len(different) + 1) >= MOST:
            key, most = _numbered(key)[1], len(key)
        key, most = key * (len(different) + 1) + number, most * (len(different) + 1)
    return _numbered(key)


def _numbered(key: Ints) -> tuple[Ints, Ints]:
    """The first row of each number, in order, and the rank of the number of each row."""
    _, first, rank = np.unique(key, return_index=True, return_inverse=True)
    return first, rank.astype(np.int64)


def bundles(words: pd.DataFrame, word: Ints, a: Floats, b: Floats, *, drawn_in: CRS, crs: CRS) -> gpd.GeoDataFrame:
    """Edges as one MultiLineString for each row of `words` that has any, in their order.

    Parameters
    ----------
    word : int array, shape (n,)
        The row of `words` of each edge.
    a, b : float array, shape (n, 2)
        The ends, in `drawn_in`.
    crs : of the result
    """
    there, group = np.unique(word, return_inverse=True)
    lines, of = sewn(a, b, group.astype(np.int64))
    shape = transform(lines, drawn_in, crs)
    several = np.asarray(shapely.multilinestrings(shape, indices=of), dtype=object) if len(shape) else shape
    return gpd.GeoDataFrame(words.iloc[there].reset_index(drop=True), geometry=several, crs=crs)
