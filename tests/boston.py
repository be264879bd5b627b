"""Boston's cases of 2015, with squares of 400 m for grids: the city has no grids of its own."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from real_places import SHARED

FOLDER = SHARED / "data" / "boston_cases"
CASES = FOLDER / "boston_311_2015.parquet"
PLANE = "EPSG:32619"
SIDE_M = 400.0


def squares() -> dict[str, gpd.GeoDataFrame]:
    """Squares whose middle lies in a neighbourhood, each of the first that holds it; no households are known."""
    zones = gpd.read_file(FOLDER / "boston_neighborhoods.gpkg", layer="zones").to_crs(PLANE).sort_values("zone_code")
    west, south, east, north = zones.total_bounds // SIDE_M
    at = np.stack(np.meshgrid(np.arange(west, east + 1), np.arange(north, south - 1, -1), indexing="ij"), -1)
    corner = at.reshape(-1, 2) * SIDE_M
    middle = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*(corner + SIDE_M / 2).T), crs=PLANE)
    zone = middle.sjoin(zones[["zone_code", "name", "geometry"]], predicate="within").groupby(level=0).first()
    boxes = shapely.box(*corner[zone.index].T, *(corner[zone.index] + SIDE_M).T)
    number = zone.groupby("zone_code").cumcount() + 1
    code = zone["zone_code"] + number.map("{:03d}".format)
    grids = gpd.GeoDataFrame(
        {
            "grid_code": code.to_numpy(),
            "zone_code": zone["zone_code"].to_numpy(),
            "kind": "community",
            "name": (zone["name"] + " " + number.map("{:03d}".format)).to_numpy(),
            "area_m2": SIDE_M**2,
        },
        geometry=boxes,
        crs=PLANE,
    )
    micro = grids.assign(microgrid_code=grids["grid_code"] + "01").drop(columns=["name", "kind"])
    return {"zones": zones, "grids": grids, "microgrids": micro}


def written(path: Path) -> Path:
    """The squares as the GeoPackage of a division."""
    for name, layer in squares().items():
        layer.to_file(path, layer=name, driver="GPKG")
    return path


def is_there() -> bool:
    """Whether the cases are here to be read."""
    return CASES.exists()


def months(cases: pd.DataFrame, item: str) -> pd.Series:
    """Cases of an item by month."""
    return cases.loc[cases["item"] == item, "day"].dt.month.value_counts()
