"""Divisions as other tools draw them: small, clockwise, with names; written, damaged and held against plain rules."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import hard_rules
import numpy as np
import shapely
from lattices import Lattice, divided

from gridgis.schema import KEYS, Division

CRS = "EPSG:4547"
NAMES = {"zones": "渡口社区", "grids": "渡口社区网格"}


def town(**options) -> Division:
    """A division without a fault, in a CRS of China, shells clockwise as the program has them; 2 zones of 4 grids."""
    made = divided(Lattice(**{"zones": (2, 1), "crs": CRS, **options}), seed=3)
    frames = {}
    for name in KEYS:
        frame = getattr(made, name).sort_values(KEYS[name], ignore_index=True)
        shape = shapely.orient_polygons(frame.geometry.values, exterior_cw=True)
        frames[name] = frame.set_geometry(gpd.GeoSeries(shape, index=frame.index, crs=frame.crs))
        if name in NAMES:
            frames[name]["name"] = [f"{NAMES[name]}{k}" for k in range(len(frame))]
    return replace(made, **frames)


def with_shape(frame: gpd.GeoDataFrame, row: int, shape) -> gpd.GeoDataFrame:
    """A layer with another polygon in one row."""
    geometry = np.array(frame.geometry.values, dtype=object)
    geometry[row] = shape
    return frame.set_geometry(gpd.GeoSeries(geometry, index=frame.index, crs=frame.crs))


def with_value(frame: gpd.GeoDataFrame, row: int, column: str, value) -> gpd.GeoDataFrame:
    """A layer with another value in one row."""
    values = frame[column].astype(object).tolist()
    values[row] = value
    return frame.assign(**{column: values})


def broken(division: Division) -> list[str]:
    """What is wrong with the land and the codes of a division, told by plain shapely."""
    metric = hard_rules._in_metres(division)
    return [
        *hard_rules._form(division),
        *hard_rules._codes(division),
        *hard_rules._coverage(metric),
        *hard_rules._nesting(metric),
        *hard_rules._areas(division),
    ]


def same_land(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> np.ndarray:
    """Which rows have the same bytes of geometry."""
    return np.asarray(
        shapely.to_wkb(np.asarray(one.geometry.values)) == shapely.to_wkb(np.asarray(other.geometry.values))
    )
