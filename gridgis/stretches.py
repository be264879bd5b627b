"""The layer of borders: every border of a grid once, a row for each stretch along one street."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from gridgis.crs import perimeter_m, transform
from gridgis.geometry.borders import sewn
from gridgis.geometry.noding import Floats

WORDS = ["first_code", "second_code", "border_class", "name"]
"""What all edges of a stretch share."""


def stretches(words: pd.DataFrame, a: Floats, b: Floats, *, drawn_in: CRS, crs: CRS) -> gpd.GeoDataFrame:
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
    every = words.drop_duplicates().sort_values(WORDS)
    lines, group = sewn(a, b, words.groupby(WORDS).ngroup().to_numpy())
    shape = transform(lines, drawn_in, crs)
    table = every.iloc[group].reset_index(drop=True).astype(object)
    table = table.where(table != "", None).assign(length_m=perimeter_m(shape, crs))
    return gpd.GeoDataFrame(table, geometry=shape, crs=crs)
