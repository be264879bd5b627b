"""Frames with some rows in the place of others, made column by column: an edit has no time for more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from gridgis.geometry.noding import Bools, Geometries, as_array


def among(values: Any, codes: Collection[str]) -> Bools:
    """Whether each value is one of the codes."""
    known = codes if isinstance(codes, (set, frozenset)) else set(codes)
    return np.array([value in known for value in values], dtype=bool)


def put_in(
    frame: gpd.GeoDataFrame, stays: Bools, rows: Mapping[str, Any], shape: Geometries, *, key: str
) -> gpd.GeoDataFrame:
    """The frame with rows in the place of those that do not stay, in the order of a column.

    Parameters
    ----------
    stays : of each row of the frame
    rows : the values of each column of the new rows
    shape : of each new row
    """
    names = np.concatenate([frame[key].to_numpy(dtype=object)[stays], np.asarray(rows[key], dtype=object)])
    order = np.array(sorted(range(len(names)), key=lambda k: names[k]), dtype=np.int64)
    columns = {name: _column(frame[name], stays, rows[name], order) for name in frame.columns if name != "geometry"}
    land = np.concatenate([as_array(frame.geometry)[stays], shape])[order]
    return framed(columns, gpd.array.from_shapely(land, crs=frame.crs))


def _column(column: pd.Series, stays: Bools, new: Any, order: npt.NDArray[np.int64]) -> Any:
    every = np.concatenate([column.to_numpy(dtype=object)[stays], np.asarray(new, dtype=object)])[order]
    return (
        pd.array(every, dtype=column.dtype)
        if isinstance(column.dtype, pd.api.extensions.ExtensionDtype)
        else every.astype(column.dtype)
    )


def changed(frame: gpd.GeoDataFrame, **columns: Any) -> gpd.GeoDataFrame:
    """The frame with other values in some columns; the rest is shared with it."""
    made = {name: columns.get(name, frame[name].array) for name in frame.columns if name != "geometry"}
    return framed(made, frame.geometry.array)


def framed(columns: Mapping[str, Any], land: Any) -> gpd.GeoDataFrame:
    """A frame of columns and an array of geometries, in less than half the time that geopandas takes from a dict."""
    return gpd.GeoDataFrame(pd.DataFrame({**columns, "geometry": land}), geometry="geometry")
