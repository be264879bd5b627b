"""The part of a division that a sheet shows: what lies in a frame around one piece of land."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.errors import Fault, InputRefused
from gridgis.layers.columns import base_class
from gridgis.publish.border_lines import stroke_of
from gridgis.publish.dossier.land import GROUND, Land
from gridgis.publish.sheets.about import short
from gridgis.schema import Division

REACH = 3.0
"""Lengths of the land, in each direction from its middle, within which all is kept: more than any frame shows."""
AROUND = 0.2
"""Share of its length that is shown around a piece of land."""


def row_of(frame: gpd.GeoDataFrame, key: str, code: str, cure: str) -> pd.Series:
    """The row of a code.

    Raises
    ------
    InputRefused
        Where there is none.
    """
    rows = frame[frame[key] == code]
    if not len(rows):
        word = {"grid_code": "grid", "zone_code": "zone"}[key]
        raise InputRefused([Fault("division", code, f"there is no {word} of this code", cure)])
    return rows.iloc[0]


def near(division: Division, shape: Any) -> Division:
    """A division without the land that lies further from a shape than any sheet of it shows."""
    west, south, east, north = shape.bounds
    reach = REACH * max(east - west, north - south)
    box = shapely.box((west + east) / 2 - reach, (south + north) / 2 - reach, (west + east) / 2 + reach,
                      (south + north) / 2 + reach)  # fmt: skip
    grids = _plain_names(_met(division.grids, box))
    codes = set(grids["grid_code"])
    micros = division.microgrids[division.microgrids["grid_code"].isin(codes)]
    borders = division.borders
    beside = borders["first_code"].isin(codes) | borders["second_code"].isin(codes)
    return replace(
        division,
        zones=_plain_names(_met(division.zones, box)),
        grids=grids,
        microgrids=micros,
        borders=_plain_names(borders[beside]),
        lines=_plain_names(_met(division.lines, box)),
    )


def land_of(division: Division, streets: gpd.GeoDataFrame | None) -> Land:
    """What a sheet is drawn of; streets that are given come in place of those that the division knows.

    Parameters
    ----------
    streets : GeoDataFrame
        LineString; `road_class`, `name`; in any CRS.
    """
    land = Land.of(division)
    if streets is None:
        return land
    metric = streets.to_crs(land.crs)
    box = land.grids.total_bounds
    metric = metric.iloc[np.sort(metric.sindex.query(shapely.box(*box), predicate="intersects"))]
    given = gpd.GeoDataFrame(
        {
            "zone_code": "",
            "stroke": stroke_of(base_class(metric["road_class"])),
            "name": [short(name) for name in metric["name"]],
        },
        geometry=metric.geometry,
        crs=metric.crs,
    )
    water = land.streets[land.streets["stroke"].isin(["rail", "river"])]
    both = pd.concat([given[given["stroke"].isin(GROUND)], water], ignore_index=True)
    return replace(land, streets=gpd.GeoDataFrame(both, crs=land.crs))


def shown(shape: Any) -> tuple[float, float, float, float]:
    """The bounds that a sheet shows of a piece of land, in metres: with some of what lies around it."""
    west, south, east, north = shape.bounds
    room = AROUND * max(east - west, north - south)
    return west - room, south - room, east + room, north + room


def names_of(land: Land) -> Iterator[str]:
    """Every name that a map of the land may show."""
    for frame in (land.zones, land.grids, land.names, land.streets):
        yield from frame["name"].dropna().astype(str)


def _met(frame: gpd.GeoDataFrame, box: Any) -> gpd.GeoDataFrame:
    """Rows that meet a box, in their order."""
    return frame.iloc[np.sort(frame.sindex.query(box, predicate="intersects"))]


def _plain_names(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The same rows, their names as they are printed."""
    return frame.assign(name=pd.Series([short(name) for name in frame["name"]], index=frame.index, dtype=object))
