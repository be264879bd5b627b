"""A division as GeoJSON: WGS 84, coordinates of a stated number of decimals.

Invariant: vertices that are equal in the division are equal in the file, so that neighbours still share them; every
polygon is valid at the stated precision, or nothing is written. `town.geojson` holds the grids, `town_zones.geojson`,
`town_microgrids.geojson` and `town_atoms.geojson` the other layers. Source: RFC 7946.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyproj import CRS

from gridgis.crs import transform
from gridgis.errors import Fault, refuse
from gridgis.exchange.placed import file_of, placed_together
from gridgis.geometry.noding import Geometries
from gridgis.layers.division import stored_column
from gridgis.schema import DIVISION_LAYERS, KEYS, Division

DECIMALS = 9
"""Of a degree: a tenth of a millimetre, a hundredth of the grid on which divisions lie."""

MOST_DECIMALS = 15
WGS84 = CRS.from_epsg(4326)


def write(
    division: Division,
    path: str | os.PathLike[str],
    *,
    decimals: int = DECIMALS,
    layers: Sequence[str] = tuple(KEYS),
) -> tuple[Path, ...]:
    """Write layers of land of a division as GeoJSON, put in place when all of them are whole.

    Parameters
    ----------
    division : Division
        In any CRS.
    path : file of the grids
    decimals : of coordinates in degrees; seven are a centimetre
    layers : of `zones`, `grids`, `microgrids`, `atoms`

    Returns
    -------
    tuple of Path
        Every file that was written.

    Raises
    ------
    InputRefused
        With every polygon that is none at the stated precision, and where the files cannot be written.
    """
    with placed_together(path) as folder:
        for name in layers:
            write_layer(name, stored(name, getattr(division, name)), folder / file_of(path, name).name, decimals)
    return tuple(file_of(path, name) for name in layers)


def rounded(frame: gpd.GeoDataFrame, decimals: int) -> gpd.GeoDataFrame:
    """A layer in WGS 84 with coordinates of some decimals; equal vertices stay equal."""
    degrees = transform(frame.geometry.to_numpy(), CRS.from_user_input(frame.crs), WGS84)
    shape = shapely.transform(degrees, lambda xy: np.round(xy, decimals))
    return frame.set_geometry(gpd.GeoSeries(shape, index=frame.index, crs=WGS84))


def stored(name: str, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """A layer with the columns of the contract; codes are text, missing values null."""
    table = pd.DataFrame({column: stored_column(column, frame[column]) for column in DIVISION_LAYERS[name]})
    return gpd.GeoDataFrame(table, geometry=frame.geometry.to_numpy(), crs=frame.crs)


def _spoiled(name: str, frame: gpd.GeoDataFrame, decimals: int) -> Iterable[Fault]:
    """Rows that are no valid polygon any more; the first column names them."""
    shape: Geometries = np.asarray(frame.geometry.to_numpy(), dtype=object)
    for k in np.flatnonzero(~shapely.is_valid(shape)):
        problem = f"is no valid polygon at {decimals} decimals of a degree"
        yield Fault(name, str(frame.iloc[k, 0]), problem, "Write more decimals, or a GeoPackage")


def write_layer(name: str, frame: gpd.GeoDataFrame, path: Path, decimals: int) -> None:
    """Write one layer and count its rows.

    Raises
    ------
    InputRefused
        With every polygon that is none at the stated precision.
    """
    flat = rounded(frame, decimals)
    refuse(_spoiled(name, flat, decimals))
    options = {
        "RFC7946": "YES",
        "COORDINATE_PRECISION": str(decimals),
        "DESCRIPTION": f"{name} of a division; WGS 84, {decimals} decimals of a degree",
        "WRITE_NAME": "NO",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.write_dataframe(flat, path, driver="GeoJSON", layer_options=options)
    found = pyogrio.read_info(path, force_feature_count=True)["features"]
    if found != len(frame):
        raise OSError(f"{path.name} holds {found} of {len(frame)} rows")
