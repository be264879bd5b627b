"""The collections: layers of what is in force, as far as they lie in the area of who asks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from gridgis.jobs import Person
from gridgis.publish.light import WEB_CRS, rows_of
from gridgis.schema import Division
from webmap.ogc.systems import Geometries, System


@dataclass(frozen=True)
class Collection:
    """A layer: its code, what is told of its rows with the JSON type of each, and by what they may be asked for."""

    name: str
    code: str
    told: dict[str, str]
    filters: tuple[str, ...]

    def of(self, division: Division, person: Person) -> gpd.GeoDataFrame:
        """Its rows in the area of somebody, in the order of their codes."""
        frame = getattr(division, self.name)
        return frame if not person.area else frame[frame[self.code].str.startswith(person.area)]


COLLECTIONS = {
    one.name: one
    for one in (
        Collection(
            "zones",
            "zone_code",
            {"zone_code": "string", "name": "string", "kind": "string", "households": "integer", "area_m2": "number"},
            ("zone_code", "name", "kind"),
        ),
        Collection(
            "grids",
            "grid_code",
            {
                "grid_code": "string",
                "zone_code": "string",
                "name": "string",
                "kind": "string",
                "households": "integer",
                "area_m2": "number",
            },
            ("grid_code", "zone_code", "name", "kind"),
        ),
        Collection(
            "microgrids",
            "microgrid_code",
            {
                "microgrid_code": "string",
                "grid_code": "string",
                "zone_code": "string",
                "households": "integer",
                "area_m2": "number",
            },
            ("microgrid_code", "grid_code", "zone_code"),
        ),
    )
}


def chosen(frame: gpd.GeoDataFrame, *, area: Any | None, values: dict[str, str]) -> gpd.GeoDataFrame:
    """Rows that meet an area (in the CRS of the frame) and have the values asked for, in their order."""
    if area is not None:
        frame = frame.iloc[np.sort(frame.sindex.query(area, predicate="intersects"))]
    for name, value in values.items():
        frame = frame[(frame[name] == value).fillna(value=False).astype(bool)]
    return frame


def features(frame: gpd.GeoDataFrame, collection: Collection, system: System) -> list[str]:
    """Rows as GeoJSON features; of each all properties, null where one is not known."""
    shapes: Geometries = system.out(frame.geometry.to_numpy(), frame.crs)
    empty = dict.fromkeys(collection.told)
    rows = [{**empty, **row} for row in rows_of(frame[list(collection.told)])]
    return [
        f'{{"type":"Feature","id":{json.dumps(row[collection.code])},"geometry":{text},"properties":{_json(row)}}}'
        for row, text in zip(rows, shapely.to_geojson(shapes), strict=True)
    ]


def extent(frame: gpd.GeoDataFrame) -> list[float] | None:
    """West, south, east, north in degrees; None without a row."""
    if frame.empty:
        return None
    west, south, east, north = frame.total_bounds
    box = gpd.GeoSeries([shapely.box(west, south, east, north)], crs=frame.crs).to_crs(WEB_CRS)
    return [round(float(value), 7) for value in box.total_bounds]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
