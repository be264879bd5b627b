"""Grids with the attributes of unit grids of city management (Beijing DB11/T 2157-2023)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from gridgis.errors import refuse
from gridgis.exchange import geojson, lists, shapefile
from gridgis.exchange.placed import placed_together
from gridgis.schema import Division

DB11 = {
    "GRIDCODE": "网格标识码",
    "GRIDNAME": "网格名称",
    "STARTDATE": "初始日期",
    "ENDDATE": "终止日期",
    "AREA": "面积",
    "PERIMETER": "周长",
    "LANDUSE": "用地类别",
    "LEVEL": "管理等级",
    "DUTYBODY": "责任主体",
    "NOTE": "备注",
}
"""Attributes of a unit grid: name in a Shapefile, and header in a table."""


LAYER = "unit_grids"


def unit_grids(division: Division, *, begins: Mapping[str, str] | None = None) -> gpd.GeoDataFrame:
    """Grids with the attributes of unit grids after DB11.

    Our reading of Beijing DB11/T 2157-2023, cl. 5 and 6, of which we know the text in parts: code of 15 digits, date
    of beginning (when the code came into force) and of ending (empty while it is in force) as YYYYMMDD, area in m2.
    The perimeter in m, name and note are ours. Class of land use, level of management and responsible body are
    attributes there as well: no division knows them, and their columns stand empty to be filled in.

    Parameters
    ----------
    begins : when each code came into force, ISO 8601; where it is not known the date is empty
    """
    grids, since = division.grids, begins or {}
    table = pd.DataFrame(
        {
            "GRIDCODE": grids["grid_code"],
            "GRIDNAME": grids["name"],
            "STARTDATE": [_day(since.get(code)) for code in grids["grid_code"]],
            "ENDDATE": "",
            "AREA": grids["area_m2"].astype(float).round(2),
            "PERIMETER": grids["perimeter_m"].astype(float).round(2),
            "LANDUSE": "",
            "LEVEL": "",
            "DUTYBODY": "",
            "NOTE": grids["flags"],
        }
    )
    for column in ("GRIDCODE", "GRIDNAME", "STARTDATE", "ENDDATE", "LANDUSE", "LEVEL", "DUTYBODY", "NOTE"):
        table[column] = table[column].astype(object).where(table[column].notna() & (table[column] != ""), None)
    return gpd.GeoDataFrame(table, geometry=grids.geometry.to_numpy(), crs=grids.crs)


def write(
    units: gpd.GeoDataFrame, path: Path, *, encoding: str = "utf-8", decimals: int | None = None, made_at: str = ""
) -> tuple[Path, ...]:
    """Write unit grids as GeoPackage, Shapefile, GeoJSON or CSV, by the ending of `path`.

    Parameters
    ----------
    encoding : of a Shapefile or CSV
    decimals : of degrees in GeoJSON
    made_at : when the division was made, for the date in a .dbf

    Raises
    ------
    InputRefused
        With everything that the format cannot hold.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return lists.write_csv({"grids": table(units)}, path, encoding=encoding)
    if suffix in (".shp", ".zip"):
        refuse(shapefile.unwritable(LAYER, units, encoding))
        return shapefile.write_layers({"grids": units}, path, encoding=encoding, date=shapefile.day_of(made_at))
    with placed_together(path) as folder:
        if suffix == ".geojson":
            geojson.write_layer(LAYER, units, folder / path.name, geojson.DECIMALS if decimals is None else decimals)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pyogrio.write_dataframe(units, folder / path.name, layer=LAYER, driver="GPKG")
    return (path,)


def table(units: gpd.GeoDataFrame) -> pd.DataFrame:
    """Unit grids as a table with Chinese headers."""
    return pd.DataFrame(units.drop(columns="geometry")).rename(columns=DB11)


def _day(moment: str | None) -> str:
    """The day of a time as YYYYMMDD."""
    return "" if not moment else moment[:10].replace("-", "")
