"""A town drawn by hand: square blocks of 100 m, two communities, streets where it says; exact answers by eye.

y 300  +----+----+----+----+
       | a3 | b3 | c3 | d3 |      a, b: grid 001 of community 1, a micro-grid for each row
y 200  +====+====+====+====+      c:    grid 002 of community 1
       | a2 | b2 | c2 | d2 |      d:    grid 001 of community 2
y 100  +====+====+====+====+
       | a1 | b1 | c1 | d1 |      streets: x 100 (Elm), x 200 (Oak), x 300 (Ash), y 100 and y 200
y 0    +----+----+----+----+      the outer border is no street
     x 0   100  200  300  400
"""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from gridgis.adjust.draft import Draft
from gridgis.adjust.rebuild import rebuilt
from gridgis.border_labels import layer
from gridgis.crs import transform
from gridgis.geometry.noding import as_array
from gridgis.profile import load_profile
from gridgis.schema import COUNTS, MEASURES, Division, empty_layer

CRS = "EPSG:4547"
X, Y = 500_000.0, 3_380_000.0
ONE, TWO = "420102001001", "420102001002"
G1, G2, G3 = f"{ONE}001", f"{ONE}002", f"{TWO}001"
GRID = {"a": G1, "b": G1, "c": G2, "d": G3}
STREETS = {
    "Elm": ((100, 0), (100, 300)),
    "Oak": ((200, 0), (200, 300)),
    "Ash": ((300, 0), (300, 300)),
    "First": ((0, 100), (400, 100)),
    "Second": ((0, 200), (400, 200)),
}
INFO = {"profile": "default", "profile_toml": "", "inputs_sha256": "", "version": "", "created_at": "", "metrics": {}}


def at(*xy: tuple[float, float]) -> np.ndarray:
    """Coordinates of the drawing on the map."""
    return np.array(xy, dtype=float) + np.array([X, Y])


def line(*xy: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString(at(*xy))


def polygon(*xy: tuple[float, float]) -> shapely.Polygon:
    return shapely.Polygon(at(*xy))


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(X + west, Y + south, X + east, Y + north)


def houses(*boxes: tuple[float, float, float, float], **columns) -> gpd.GeoDataFrame:
    """Buildings, h1, h2, ... in their order."""
    names = [f"h{k}" for k in range(1, len(boxes) + 1)]
    return gpd.GeoDataFrame({"building_id": names, **columns}, geometry=[box(*b) for b in boxes], crs=CRS)


def _atoms(households: int) -> gpd.GeoDataFrame:
    rows = []
    for k, letter in enumerate("abcd"):
        for j in range(3):
            grid = GRID[letter]
            micro = f"{grid}{j + 1:02d}" if grid != G3 else f"{grid}01"
            rows.append((f"{letter}{j + 1}", grid, micro, grid[:12], households, _block(k, j)))
    table = pd.DataFrame(
        rows, columns=["atom_id", "grid_code", "microgrid_code", "zone_code", "households", "geometry"]
    )
    table["households"] = table["households"].astype("Int64")
    return gpd.GeoDataFrame(table, geometry="geometry", crs=CRS)


def _block(column: int, row: int) -> shapely.Polygon:
    return box(100 * column, 100 * row, 100 * column + 100, 100 * row + 100)


def draft(*, households: int = 60, crs: str = CRS) -> Draft:
    """The town as a draft; every block has so many households."""
    atoms = _atoms(households)
    zones = gpd.GeoDataFrame(
        {
            "zone_code": [ONE, TWO],
            "name": ["Elm", "Ash"],
            "kind": "community",
            "households": pd.array([pd.NA, pd.NA], dtype="Int64"),
            "area_m2": np.nan,
            "flags": "",
            "proof": "none",
            "gap": np.nan,
        },
        geometry=[box(0, 0, 300, 300), box(300, 0, 400, 300)],
        crs=CRS,
    )
    told = [
        (zone, "residential", name, shapely.MultiLineString([at(*xy)]))
        for zone in (ONE, TWO)
        for name, xy in STREETS.items()
    ]
    lines = gpd.GeoDataFrame(pd.DataFrame(told, columns=["zone_code", "border_class", "name", "geometry"]), crs=CRS)
    lines = lines[~((lines["zone_code"] == TWO) & lines["name"].isin(["Elm", "Oak"]))].reset_index(drop=True)
    lines = lines.sort_values(["zone_code", "border_class", "name"], ignore_index=True)
    frames = {"atoms": atoms, "zones": zones, "lines": lines}
    if crs != CRS:
        frames = {name: _moved(frame, crs) for name, frame in frames.items()}
    empty = {"atoms": empty_layer("atoms", frames["atoms"].crs), "zones": frames["zones"], "lines": frames["lines"]}
    bare = Draft(Division.with_layers(empty, info=INFO, crs=frames["atoms"].crs), load_profile())
    made = rebuilt(bare, frames["atoms"], zones=frames["zones"]).division
    made = replace(made, grids=_typed(made.grids), microgrids=_typed(made.microgrids))
    grids = made.grids.assign(households_from="building")
    made = Division.with_layers(
        {
            **{name: getattr(made, name) for name in ("zones", "microgrids", "atoms", "lines")},
            "grids": grids,
            "borders": layer(made.lines.assign(name=made.lines["name"].fillna("")), grids),
        },
        info=INFO,
        crs=frames["atoms"].crs,
    )
    return Draft(made, load_profile())


def _typed(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    types = {name: "Int64" if name in COUNTS else float for name in frame if name in COUNTS | MEASURES}
    return frame.astype(types)


def _moved(frame: gpd.GeoDataFrame, crs: str) -> gpd.GeoDataFrame:
    moved = transform(as_array(frame.geometry), pyproj.CRS(CRS), pyproj.CRS(crs))
    return frame.set_geometry(gpd.GeoSeries(moved, crs=crs))
