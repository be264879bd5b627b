"""Geometry light enough for a page: simplified as one coverage, in degrees of six decimals, as GeoJSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis.crs import metric_crs
from gridgis.schema import Division

WEB_CRS = "EPSG:4326"
DECIMALS = 6
"""Of a degree: 0.1 m, below what a screen can show."""

Geometries = npt.NDArray[np.object_]


LAND = ("zones", "grids", "microgrids")
DRAWN = (*LAND, "borders", "offenders")


def light_division(division: Division, *, tolerance_m: float | None = None) -> Division:
    """Give the division in longitude and latitude, with fewer vertices, and still without a gap.

    Invariant: grids that met meet, with the same vertices; rows and columns are those of `division`,
    but for rows without land.

    Parameters
    ----------
    division : Division
        In any CRS.
    tolerance_m : float, optional
        As for :func:`in_metres`. Without it 1 m, and 5 m above 5,000 grids.
    """
    if tolerance_m is None:
        tolerance_m = 1.0 if len(division.grids) <= 5_000 else 5.0
    metric = in_metres(division, tolerance_m=tolerance_m)
    return replace(division, **{name: _lonlat(getattr(metric, name)) for name in DRAWN})


def in_metres(division: Division, *, tolerance_m: float = 0.0) -> Division:
    """Give the division in a CRS in metres, its own where it is one, simplified as one coverage.

    Parameters
    ----------
    division : Division
        In any CRS. Rows of zones, grids and micro-grids without land are left out.
    tolerance_m : float
        Square root of the area of the triangle, in metres, that a vertex may add and still be left
        out (`shapely.coverage_simplify`; Visvalingam and Whyatt 1993). Borders and offenders stay as they are.
    """
    crs = metric_crs(division.zones.crs, tuple(division.zones.total_bounds))
    frames = {name: _with_land(getattr(division, name), name).to_crs(crs) for name in DRAWN}
    simple = {name: _simple(frames[name], tolerance_m=tolerance_m) for name in LAND}
    return replace(division, **{**frames, **simple})


def _with_land(frame: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    """Rows of which something can be drawn: polygons, and whatever a border or an offender is."""
    kept = name not in LAND or frame.geom_type.isin(["Polygon", "MultiPolygon"]) & ~frame.is_empty
    return frame if np.all(kept) else frame[kept]


def _simple(frame: gpd.GeoDataFrame, *, tolerance_m: float) -> gpd.GeoDataFrame:
    if frame.empty or not tolerance_m:
        return frame
    return _with_shapes(frame, shapely.coverage_simplify(frame.geometry.to_numpy(), tolerance_m))


def _lonlat(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    frame = frame.to_crs(WEB_CRS)
    flat = shapely.force_2d(frame.geometry.to_numpy())
    return _with_shapes(frame, shapely.transform(flat, lambda xy: np.round(xy, DECIMALS)))


def _with_shapes(frame: gpd.GeoDataFrame, shapes: Geometries) -> gpd.GeoDataFrame:
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))


def label_points(zones: gpd.GeoDataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Find where the name of each zone has most room, as :func:`roomiest`."""
    return roomiest(zones.geometry.to_numpy())


def roomiest(shapes: Geometries) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Find where a name has most room: the centre of the largest circle inside each shape, and its radius.

    Parameters
    ----------
    shapes : array of Polygon or MultiPolygon
        In any CRS; both are in its unit. A hundredth of the square root of the area is near enough.
    """
    spokes = shapely.maximum_inscribed_circle(shapes, np.sqrt(shapely.area(shapes)) / 100)
    return shapely.get_coordinates(spokes).reshape(-1, 2, 2)[:, 0], shapely.length(spokes)


def geojson(geometry: Geometries, properties: list[dict[str, Any]], *, decimals: int = DECIMALS) -> str:
    """Write a FeatureCollection as text; the properties as they are.

    Parameters
    ----------
    geometry : array of Geometry, in longitude and latitude
        None stands for a feature without a place.
    properties : list of dict, one for each geometry
        Of :func:`rows_of`, what is not known (NaN, NA, None) is left out.
    decimals : int
        To which the coordinates are rounded.
    """
    return collection(feature_texts(geometry, properties, decimals=decimals))


def collection(features: Iterable[str]) -> str:
    """A FeatureCollection of features that are texts."""
    return f'{{"type":"FeatureCollection","features":[{",".join(features)}]}}'


def feature_texts(geometry: Geometries, properties: list[dict[str, Any]], *, decimals: int = DECIMALS) -> Iterator[str]:
    """The features that :func:`geojson` writes, each as text, for an answer that holds more than one layer."""
    # GEOS writes some rounded numbers with all their 17 digits: 30.586449000000002
    tail = re.compile(rf"\.\d{{{decimals + 1},}}")

    def shorter(found: re.Match[str]) -> str:
        """Round the decimals of a number; they never round to a whole one, as whole numbers are written short."""
        return f"{float(found[0]):.{decimals}f}"[1:]

    shapes = (tail.sub(shorter, text or "null") for text in shapely.to_geojson(geometry))
    for number, (shape, row) in enumerate(zip(shapes, properties, strict=True), 1):
        yield f'{{"type":"Feature","id":{number},"properties":{_json(row)},"geometry":{shape}}}'


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give rows as plain dicts, numbers as Python's own, whole numbers whole, unknown values left out."""
    plain = frame.astype(object)
    known = plain.notna().to_numpy()
    return [
        {name: _plain(value) for name, value, there in zip(plain.columns, row, is_known, strict=True) if there}
        for row, is_known in zip(plain.itertuples(index=False), known, strict=True)
    ]


def _plain(value: Any) -> Any:
    number = value.item() if isinstance(value, np.generic) else value
    if isinstance(number, float) and number.is_integer() and abs(number) < 2**53:
        return int(number)
    return number


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
