"""Vector tiles of a division and of the streets around it: frames in, one PMTiles file out.

Invariant: of a deep zoom every tile holds each row that lies in it, whichever program wrote it; the same frames give
the same bytes. Nothing of people and no households are in any tile: tiles are for everybody.
"""

from __future__ import annotations

import gzip
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.errors import Fault, InputRefused
from gridgis.geometry.noding import Floats
from gridgis.layers.columns import base_class
from gridgis.publish.border_lines import drawn_borders, stroke_of
from gridgis.publish.light import WEB_CRS, label_points, light_division
from gridgis.publish.whole import written_whole
from gridgis.schema import Division


@dataclass(frozen=True)
class Depth:
    """Zooms that share one geometry, and how far it is simplified."""

    zooms: range
    tolerance_m: float


DEPTHS = (Depth(range(6, 11), 20.0), Depth(range(11, 14), 4.0), Depth(range(14, 16), 0.5))
"""From afar there are zones alone, near by micro-grids too. The last zoom is magnified by who draws it: its unit is
0.3 m."""

UNITS, ROOM = 4096, 80
"""Of a tile across, and how far around it is drawn, so that lines do not end at its edge."""
ROADS = ("main", "street", "lane")
"""Groups of streets, from the widest; from afar only the first is drawn."""


@dataclass(frozen=True)
class Part:
    """One layer at some zooms; `frame` is in longitude and latitude, its columns are what a tile tells."""

    layer: str
    frame: gpd.GeoDataFrame
    zooms: range


Writer = Callable[[Part, Path], None]
"""Writes a part as a PMTiles file of gzipped vector tiles."""


def division_tiles(division: Division, path: str | Path, *, writer: Writer | None = None) -> None:
    """Write the tiles of a division.

    Layers: `zones`, `grids` and `microgrids` with `code`, `name` and `zone` (as far as each has them), `borders` with
    `level` and `stroke`, and `names`, points in the middle of zones.

    Parameters
    ----------
    division : Division
        In any CRS.
    path : the file, replaced in one go
    writer : :func:`by_freestiler` where that is installed, else :func:`by_gdal`

    Raises
    ------
    InputRefused
        Where there is no land, or the file cannot be written.
    """
    _archive(_division_parts(division), path, writer)


def base_tiles(
    path: str | Path,
    *,
    streets: gpd.GeoDataFrame | None = None,
    buildings: gpd.GeoDataFrame | None = None,
    water: gpd.GeoDataFrame | None = None,
    writer: Writer | None = None,
) -> None:
    """Write the tiles of what lies under a division.

    Layers: `streets` with `group` (of :data:`ROADS`) and `name`; `buildings`; `water`; `rails`.

    Parameters
    ----------
    streets : `road_class`, `name`
    buildings : polygons
    water : barriers: `kind`, of which river and rail are drawn
    """
    _archive(_base_parts(streets, buildings, water), path, writer)


def _division_parts(division: Division) -> Iterator[Part]:
    if division.zones.empty:
        return
    for number, depth in enumerate(DEPTHS):
        light = light_division(division, tolerance_m=depth.tolerance_m)
        lines = drawn_borders(light, tolerance_m=depth.tolerance_m).drop(columns="zone_code")
        yield Part("zones", _told(light.zones, code="zone_code", name="name"), depth.zooms)
        yield Part("borders", lines[lines["level"].isin(("zone", "grid", "microgrid")[: number + 1])], depth.zooms)
        if number >= 1:
            yield Part("grids", _told(light.grids, code="grid_code", name="name", zone="zone_code"), depth.zooms)
            yield Part("names", _middles(light.zones), depth.zooms)
        if number == len(DEPTHS) - 1:
            micros = _told(light.microgrids, code="microgrid_code", grid="grid_code", zone="zone_code")
            yield Part("microgrids", micros, depth.zooms)


def _base_parts(
    streets: gpd.GeoDataFrame | None, buildings: gpd.GeoDataFrame | None, water: gpd.GeoDataFrame | None
) -> Iterator[Part]:
    if streets is not None:
        group = stroke_of(base_class(streets["road_class"]))
        roads = _told(streets.assign(group=group), group="group", name="name")
        roads = roads[roads["group"].isin(ROADS)]
        for number, depth in enumerate(DEPTHS):
            yield Part("streets", roads[roads["group"].isin(ROADS[: number + 1])], depth.zooms)
    if water is not None:
        for layer, kind in (("water", "river"), ("rails", "rail")):
            yield Part(layer, _told(water[water["kind"] == kind]), range(DEPTHS[0].zooms[0], DEPTHS[-1].zooms[-1] + 1))
    if buildings is not None:
        yield Part("buildings", _told(buildings), DEPTHS[-1].zooms)


def _told(frame: gpd.GeoDataFrame, **columns: str) -> gpd.GeoDataFrame:
    """The columns of a frame that a tile tells, by their names there."""
    values = {told: frame[name].fillna("") for told, name in columns.items() if name in frame}
    shapes = shapely.force_2d(frame.to_crs(WEB_CRS).geometry.to_numpy())
    return gpd.GeoDataFrame(values, geometry=shapes, index=frame.index, crs=WEB_CRS)


def _middles(zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Where the name of each zone has most room."""
    named = zones[zones["name"].fillna("") != ""]
    points = shapely.points(label_points(named)[0]) if len(named) else np.empty(0, dtype=object)
    return gpd.GeoDataFrame({"code": named["zone_code"], "name": named["name"]}, geometry=points, crs=WEB_CRS)


# ---------------------------------------------------------------- one file
def _archive(parts: Iterable[Part], path: str | Path, writer: Writer | None) -> None:
    """Write each part by itself, and join their tiles: the layers of a tile may stand in any number of pieces.

    A part is let go before the next one is made: those of a city of 60,000 grids have gigabytes together.
    """
    write = _writer() if writer is None else writer
    tiles: defaultdict[int, list[bytes]] = defaultdict(list)
    boxes: list[Floats] = []
    layers: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="gridgis-tiles-") as folder:
        file = Path(folder) / "part.pmtiles"
        for part in parts:
            if part.frame.empty:
                continue
            write(part, file)
            for tile, body in _tiles_of(file):
                tiles[tile].append(body)
            file.unlink()
            boxes.append(part.frame.total_bounds)
            _tell_layer(layers, part)
    if not boxes:
        raise InputRefused([Fault("tiles", str(path), "there is nothing to draw", "Give a division with land")])
    every = np.array(boxes)
    west, south, east, north = (float(edge) for edge in (*every[:, :2].min(axis=0), *every[:, 2:].max(axis=0)))
    _write(tiles, path, bounds=(west, south, east, north), layers=list(layers.values()))


def _tiles_of(file: Path) -> Iterator[tuple[int, bytes]]:
    from pmtiles.reader import MemorySource, all_tiles
    from pmtiles.tile import zxy_to_tileid

    for at, body in all_tiles(MemorySource(file.read_bytes())):  # type: ignore[no-untyped-call]
        yield zxy_to_tileid(*at), gzip.decompress(body)


def _write(
    tiles: Mapping[int, list[bytes]],
    path: str | Path,
    *,
    bounds: tuple[float, float, float, float],
    layers: list[dict[str, Any]],
) -> None:
    from pmtiles.tile import Compression, TileType
    from pmtiles.writer import Writer as Archive

    west, south, east, north = (round(value * 10**7) for value in bounds)
    header = {
        "version": 3, "tile_type": TileType.MVT, "tile_compression": Compression.GZIP,
        "min_lon_e7": west, "min_lat_e7": south, "max_lon_e7": east, "max_lat_e7": north,
        "center_zoom": DEPTHS[1].zooms[0], "center_lon_e7": (west + east) // 2, "center_lat_e7": (south + north) // 2,
    }  # fmt: skip
    with written_whole(path) as draft, draft.open("wb") as target:
        archive: Any = Archive(target)  # type: ignore[no-untyped-call]
        for tile in sorted(tiles):
            archive.write_tile(tile, gzip.compress(b"".join(tiles[tile]), mtime=0))
        archive.finalize(header, {"name": "gridgis", "format": "pbf", "vector_layers": layers})


def _tell_layer(layers: dict[str, dict[str, Any]], part: Part) -> None:
    """Put what stands in the metadata of a layer to what the parts before told."""
    fields = {str(name): "String" for name in part.frame.columns if name != part.frame.geometry.name}
    told = layers.setdefault(part.layer, {"id": part.layer, "fields": fields, "minzoom": part.zooms[0]})
    told["maxzoom"] = part.zooms[-1]


# ---------------------------------------------------------------- the two programs that write
def by_freestiler(part: Part, path: Path) -> None:
    """Write a part by freestiler."""
    from freestiler import freestile

    freestile(
        pd.DataFrame.reset_index(part.frame, drop=True),
        path,
        layer_name=part.layer,
        min_zoom=part.zooms[0],
        max_zoom=part.zooms[-1],
        generate_ids=False,
        quiet=True,
    )


def by_gdal(part: Part, path: Path) -> None:
    """Write a part by GDAL's own driver: slower, and always there."""
    import pyogrio

    options = {
        "MINZOOM": part.zooms[0], "MAXZOOM": part.zooms[-1], "EXTENT": UNITS, "BUFFER": ROOM,
        "MAX_SIZE": 1 << 30, "MAX_FEATURES": 1 << 30,
    }  # fmt: skip
    pyogrio.write_dataframe(
        part.frame, path, driver="PMTiles", layer=part.layer, dataset_options={k: str(v) for k, v in options.items()}
    )


def _writer() -> Writer:
    from importlib.util import find_spec

    return by_freestiler if find_spec("freestiler") else by_gdal
