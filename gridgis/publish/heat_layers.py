"""Hot spots as layers for other programs: a surface as GeoTIFF, grids as GeoJSON, tiles as one PMTiles file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.errors import Fault, InputRefused
from gridgis.heat.report import Report
from gridgis.heat.surface import Surface
from gridgis.publish.heat_piles import places
from gridgis.publish.heat_words import day
from gridgis.publish.light import WEB_CRS, geojson, rows_of
from gridgis.publish.whole import written_whole

DrawTile = Callable[[int, int, int], bytes | None]

GIS_DECIMALS = 7
"""Of a degree in files for other programs: a centimetre."""

BLOCK = 256
"""Side of the blocks of a GeoTIFF."""

MOST_LATITUDE = 85.0511287798066
"""Where the square of web maps ends."""

HIGHEST_ZOOM = 24


def write_geotiff(surface: Surface, path: str | Path, *, tags: Mapping[str, str] | None = None) -> None:
    """Write a surface as a GeoTIFF: one band of float32, NaN where there is no answer, compressed without loss.

    Invariant: read back, every cell has the number it had; the same surface gives the same bytes.

    Parameters
    ----------
    surface : Surface
        Its unit becomes the unit of the band.
    path : path
        The file, replaced in one go.
    tags : mapping of str to str, optional
        Told with the file, such as window, items and source.

    Raises
    ------
    InputRefused
        Where the surface has no cell, or the file cannot be written.
    """
    import rasterio

    rows, columns = surface.values.shape
    if not rows or not columns:
        raise InputRefused([Fault("surface", "", "it has no cell", "Take a window or an area with land")])
    cell_m = surface.cell_m
    profile = {
        "driver": "GTiff", "height": rows, "width": columns, "count": 1, "dtype": "float32", "nodata": math.nan,
        "crs": surface.crs, "transform": rasterio.Affine(cell_m, 0, surface.left, 0, -cell_m, surface.top),
        "compress": "deflate", "predictor": 3, "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK,
    }  # fmt: skip
    with written_whole(path) as draft, rasterio.open(draft, "w", **profile) as target:
        target.write(surface.values.astype(np.float32), 1)
        target.set_band_description(1, "density")
        target.units = (surface.unit,)
        target.update_tags(unit=surface.unit, **(tags or {}))


def write_grids(report: Report, path: str | Path, *, attribution: str = "") -> None:
    """Write the grids of a report as GeoJSON in longitude and latitude of 7 digits (RFC 7946), with every column.

    Invariant: every grid stands in it once, with all its columns, null where a number is not known, and its cases of
    each period in their order; the same report gives the same bytes. What is true of all grids (window, items, periods,
    piles, share that may be chance, notices) stands beside the features, where the standard lets other members stand.
    """
    more = [
        {"cases_by_period": counts, "verdict_by_period": states}
        for counts, states in zip(report.counts.tolist(), report.verdicts.tolist(), strict=True)
    ]
    text = grids_text(report.grids, _about(report, attribution), more=more)
    with written_whole(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def grids_text(
    grids: gpd.GeoDataFrame, about: Mapping[str, Any], *, more: Sequence[Mapping[str, Any]] | None = None
) -> str:
    """Write grids as GeoJSON in longitude and latitude of 7 digits, with every column, null where it is not known.

    Parameters
    ----------
    about : what is true of all grids, beside the features
    more : of each grid, after its columns
    """
    placed = grids.to_crs(WEB_CRS)
    flat = shapely.orient_polygons(shapely.force_2d(placed.geometry.to_numpy()))
    shapes = shapely.transform(flat, lambda xy: np.round(xy, GIS_DECIMALS))
    columns = [str(name) for name in placed.columns if name != placed.geometry.name]
    known = rows_of(_finite(placed[columns]))
    rows = [
        {**dict.fromkeys(columns), **row, **others}
        for row, others in zip(known, more or [{}] * len(known), strict=True)
    ]
    text = geojson(shapes, rows, decimals=GIS_DECIMALS)
    return f'{text[:-1]},"about":{json.dumps(about, ensure_ascii=False, allow_nan=False)}}}\n'


def _finite(frame: pd.DataFrame) -> pd.DataFrame:
    """JSON has no infinity: such a number is not known."""
    return pd.DataFrame(frame).replace([np.inf, -np.inf], np.nan)


def _about(report: Report, attribution: str) -> dict[str, Any]:
    periods = [
        {"period": str(row.period), "begin": str(day(row.begin)), "end": str(day(row.end)), "whole": bool(row.whole)}
        for row in report.periods.itertuples(index=False)
    ]
    return {
        "begin": str(day(report.begin)), "end": str(day(report.end)), "items": list(report.items),
        "sources": list(report.sources), "cases": report.cases, "in_no_grid": report.in_no_grid,
        "class_limits": list(report.class_limits), "periods": periods, "false_share": report.false_share,
        "piles": _piles(report), "notices": list(report.notices), "attribution": attribution,
    }  # fmt: skip


def _piles(report: Report) -> list[dict[str, Any]]:
    columns: tuple[Any, ...] = (places(report, decimals=GIS_DECIMALS), report.piles["cases"], report.piles["reason"])
    return [{"at": at, "cases": int(n), "reason": str(why)} for at, n, why in zip(*columns, strict=True)]


def write_pmtiles(
    path: str | Path,
    draw_tile: DrawTile,
    bounds: tuple[float, float, float, float],
    *,
    zooms: range,
    legend: Sequence[Mapping[str, Any]],
    unit: str = "cases per km² per 30 days",
    name: str = "density",
    attribution: str = "",
) -> None:
    """Write tiles of 256 pixels as one PMTiles file (version 3), in the order of their numbers.

    Invariant: it holds every tile of `zooms` over `bounds` that is drawn, and no other; the same tiles give the same
    bytes.

    Parameters
    ----------
    path : path
        The file, replaced in one go.
    draw_tile : callable (z, x, y) -> bytes or None
        A PNG, and None where there is nothing to see; x from the west, y from the north.
    bounds : west, south, east, north
        Longitude and latitude.
    zooms : range
        Without a step, such as `range(8, 14)`.
    legend : sequence of mappings
        Told in the metadata as it is, such as `{"from": 10, "colour": "#fed976"}`.
    unit, name, attribution : str
        Told in the metadata.

    Raises
    ------
    InputRefused
        Where bounds or zooms cannot be, where no tile has anything to see, or the file cannot be written.
    """
    from pmtiles.tile import Compression, TileType
    from pmtiles.writer import Writer

    _refuse_frame(bounds, zooms)
    west, south, east, north = (round(value * 10**7) for value in bounds)
    header = {
        "version": 3, "tile_type": TileType.PNG, "tile_compression": Compression.NONE,
        "min_lon_e7": west, "min_lat_e7": south, "max_lon_e7": east, "max_lat_e7": north,
        "center_zoom": zooms[0], "center_lon_e7": (west + east) // 2, "center_lat_e7": (south + north) // 2,
    }  # fmt: skip
    metadata = {
        "name": name, "type": "overlay", "format": "png", "attribution": attribution, "unit": unit,
        "legend": [dict(entry) for entry in legend],
    }  # fmt: skip
    with written_whole(path) as draft, draft.open("wb") as target:
        writer: Any = Writer(target)  # type: ignore[no-untyped-call]
        for number, z, x, y in _numbered(bounds, zooms):
            if tile := draw_tile(z, x, y):
                writer.write_tile(number, tile)
        if not writer.tile_entries:
            cure = "Take another window, item or area, or a finer class"
            raise InputRefused([Fault("tiles", "", "there is nothing to see in any of them", cure)])
        writer.finalize(header, metadata)


def _refuse_frame(bounds: tuple[float, float, float, float], zooms: range) -> None:
    """Refuse bounds and zooms that no tile can have, all faults together."""
    west, south, east, north = bounds
    faults = []
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        cure = "Give west, south, east, north in degrees, the smaller first"
        faults.append(Fault("tiles", "bounds", f"{bounds} is no land", cure))
    if not len(zooms) or zooms.step != 1 or zooms[0] < 0 or zooms[-1] > HIGHEST_ZOOM:
        faults.append(Fault("tiles", "zooms", f"{zooms} are none", f"Give a range within 0 to {HIGHEST_ZOOM}"))
    if faults:
        raise InputRefused(faults)


def _numbered(bounds: tuple[float, float, float, float], zooms: range) -> Iterator[tuple[int, int, int, int]]:
    """Number the tiles over bounds, ascending: the order in which the file holds them."""
    from pmtiles.tile import zxy_to_tileid

    for z in zooms:
        first_x, last_x, first_y, last_y = tile_range(bounds, z)
        places = [(x, y) for x in range(first_x, last_x + 1) for y in range(first_y, last_y + 1)]
        yield from sorted((zxy_to_tileid(z, x, y), z, x, y) for x, y in places)


def tile_range(bounds: tuple[float, float, float, float], z: int) -> tuple[int, int, int, int]:
    """Give first and last column, first and last row of the tiles of a zoom over bounds in degrees."""
    west, south, east, north = bounds
    count = 1 << z

    def column(lon: float) -> int:
        return min(max(math.floor((lon + 180) / 360 * count), 0), count - 1)

    def row(lat: float) -> int:
        sine = math.sin(math.radians(min(max(lat, -MOST_LATITUDE), MOST_LATITUDE)))
        return min(max(math.floor((0.5 - math.atanh(sine) / (2 * math.pi)) * count), 0), count - 1)

    return column(west), column(east), row(north), row(south)
