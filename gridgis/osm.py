"""Layers of the contract from an OpenStreetMap extract (`.osm.pbf` or `.osm`).

GDAL's OSM driver reads, through pyogrio: it comes with what reads every other layer, gives frames
without a loop in Python, and keeps buildings whose relation the edge of the extract has cut.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from gridgis.crs import area_m2, metric_crs, perimeter_m
from gridgis.durable import put_in_place
from gridgis.errors import Fault, InputRefused

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
"""What the licence asks every map of these layers to show."""

CRS = pyproj.CRS.from_epsg(4326)
MARGIN_M = 50.0
"""Streets and barriers are kept this far outside the zones: the border of a zone may be put on them."""

SPLINTER_M2 = 1.0
"""A smaller polygon is what mending a crossed outline leaves over, no building."""

WATER_M2 = 5000.0
"""A smaller pond is no border."""

VIADUCT_M = 100.0
"""Rails on a longer bridge are no border: one walks through below."""

NOT_A_STREET = (
    *("proposed", "planned", "construction", "abandoned", "disused", "razed", "demolished", "no"),
    *(
        "platform",
        "elevator",
        "corridor",
        "bus_stop",
        "rest_area",
        "services",
        "raceway",
        "emergency_bay",
        "via_ferrata",
    ),
)
RIVERS = ("river", "canal")
RAILS = ("rail", "light_rail", "subway")
SIDE_TRACKS = ("yard", "siding", "crossover")
WALLS = ("wall", "city_wall", "fence")
NOT_AN_ENTRANCE = ("no", "emergency", "exit", "garage", "service")
USES = ("amenity", "shop", "office", "craft", "tourism", "leisure")
"""Keys that say what a building is for where `building` itself says only yes."""

TAGS: dict[str, tuple[str, ...]] = {
    "points": ("entrance",),
    "lines": (
        *("name", "highway", "layer", "bridge", "tunnel", "width", "oneway", "junction", "area", "indoor"),
        *("waterway", "railway", "service", "barrier"),
    ),
    "multipolygons": (
        *("name", "building", "building:levels", "location", "layer", "landuse", "natural", "waterway", "barrier"),
        *("addr:street", "addr:place", "addr:housenumber", *USES),
    ),
}
"""Tags read from each layer of the driver; a colon becomes an underscore in the column."""

KEPT: dict[str, tuple[str, ...]] = {
    "points": ("entrance",),
    "lines": ("highway", "waterway", "railway", "barrier"),
    "multipolygons": ("building", "landuse", "natural", "waterway", "barrier"),
}
"""Only features with one of these tags are read."""

AREAS = "building,landuse,natural=water,waterway=riverbank"
"""Closed ways with these tags are polygons; all others are lines."""

Progress = Callable[[str], None]


def import_osm(
    path: str | os.PathLike[str], *, within: gpd.GeoDataFrame | None = None, progress: Progress | None = None
) -> dict[str, gpd.GeoDataFrame]:
    """Read `streets`, `buildings`, `barriers` and `compounds` of the contract from an extract, EPSG:4326.

    Geometries are LineString or Polygon, valid and not empty, rows in the order of the file (the
    polygons of a relation stand beside one another and share its id). Show :data:`ATTRIBUTION`
    where they are shown.

    Parameters
    ----------
    path : path of a `.osm.pbf`, `.pbf` or `.osm` file
    within : GeoDataFrame, optional
        Zones in any CRS: only what intersects them is kept, streets and barriers also within
        :data:`MARGIN_M` of them.
    progress : callable, optional
        Called with the name of each step.

    Raises
    ------
    InputRefused
        For a file that is no OpenStreetMap extract, a broken one, or one that holds nothing (on
        the zones); for zones without a CRS.
    """
    window = _Window.of(within)
    told = progress or (lambda _: None)
    with _config() as config:
        read = {}
        for layer in TAGS:
            told(f"read {layer}")
            read[layer] = _read(Path(path), layer, config=config, bbox=window.bbox)
    told("make layers")
    lines, areas = _lines(read["lines"]), _polygons(read["multipolygons"])
    layers = {
        "streets": window.near(_streets(lines)),
        "buildings": window.on(_buildings(areas, read["points"])),
        "barriers": window.near(_barriers(lines, areas)),
        "compounds": window.on(_compounds(areas)),
    }
    if all(frame.empty for frame in layers.values()):
        where = "" if within is None else " on the zones"
        raise InputRefused([Fault("osm", str(path), f"no street or building{where}", "Give the extract of this place")])
    return layers


def write_layers(layers: dict[str, gpd.GeoDataFrame], path: str | os.PathLike[str]) -> None:
    """Write all layers to one GeoPackage; the file is there whole or, after a failure, as it was before.

    Raises
    ------
    InputRefused
        Where it cannot be written.
    """
    target = Path(path)
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as folder:
            beside = Path(folder) / "layers.gpkg"
            for name, frame in layers.items():
                kinds = frame.geom_type.unique()
                kind = kinds[0] if len(kinds) == 1 else "Unknown"
                frame.to_file(beside, layer=name, driver="GPKG", engine="pyogrio", geometry_type=kind)
            put_in_place(beside, target)
    except _failures() as error:
        cure = "Name a file in a folder that exists, with room to write"
        raise InputRefused([Fault("layers", str(path), f"cannot be written: {_said(error)}", cure)]) from None


# ---------------------------------------------------------------- layers


def _streets(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Lines of streets and paths; areas, indoor ways and what is not built are left out, tunnels are marked."""
    built = lines["highway"].notna() & ~lines["highway"].isin(NOT_A_STREET)
    way = lines[built & (lines["area"] != "yes") & (lines["indoor"] != "yes")]
    return _frame(
        way,
        road_class=way["highway"],
        name=way["name"],
        layer=_number(way["layer"]).round().astype("Int64"),
        bridge=_says(way["bridge"]),
        tunnel=_says(way["tunnel"], "building_passage"),
        width_m=_number(way["width"]),
        oneway=_says(way["oneway"]) | way["junction"].isin(["roundabout", "circular"]),
    )


def _buildings(areas: gpd.GeoDataFrame, points: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Outlines of buildings above the ground."""
    below = (areas["location"] == "underground") | (_number(areas["layer"]) < 0)
    house = areas[areas["building"].notna() & (areas["building"] != "no") & ~below]
    return _frame(
        house,
        building_id=_id(house),
        levels=_number(house["building_levels"]),
        use=_use(house),
        address=_address(house),
        entrances=_entrances(house, points),
        households=pd.Series(pd.NA, index=house.index, dtype="Int64"),
    )


def _barriers(lines: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Rivers and rails on the ground, walls, and water of some size."""
    rivers = lines[lines["waterway"].isin(RIVERS) & ~_says(lines["tunnel"])]
    walls = lines[lines["barrier"].isin(WALLS)]
    rings = areas[areas["barrier"].isin(WALLS)]
    rings = rings.set_geometry(rings.boundary).explode()
    found = [(rivers, "river"), (_water(areas), "river"), (_rails(lines), "rail"), (walls, "wall"), (rings, "wall")]
    frames = [_frame(rows, kind=pd.Series(kind, rows.index, dtype=str), name=rows["name"]) for rows, kind in found]
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=CRS)


def _water(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    wet = areas[(areas["natural"] == "water") | (areas["waterway"] == "riverbank")]
    return wet[area_m2(wet.geometry, CRS) >= WATER_M2]


def _rails(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    tracks = lines[lines["railway"].isin(RAILS) & ~lines["service"].isin(SIDE_TRACKS)]
    below = _says(tracks["tunnel"]) | (_number(tracks["layer"]) < 0)
    above = _says(tracks["bridge"]) & (perimeter_m(tracks.geometry, CRS) > VIADUCT_M)
    return tracks[~below & ~above]


def _compounds(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Residential areas that have a name."""
    named = areas[(areas["landuse"] == "residential") & areas["name"].notna()]
    return _frame(named, compound_id=_id(named), name=named["name"])


def _frame(rows: gpd.GeoDataFrame, **columns: pd.Series) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=rows.geometry, crs=CRS).reset_index(drop=True)


# ---------------------------------------------------------------- tags


def _id(areas: gpd.GeoDataFrame) -> pd.Series:
    """Key of the way or relation, as `w123` or `r123`: the two count apart in OpenStreetMap."""
    return ("w" + areas["osm_way_id"]).fillna("r" + areas["osm_id"]).astype(str)


def _number(tag: pd.Series) -> pd.Series:
    """First number that a tag says (`3.5 m`, `4;5`), nan for none."""
    digits = tag.astype("string").str.extract(r"^\s*(-?\d+(?:[.,]\d+)?)", expand=False)
    return pd.to_numeric(digits.str.replace(",", ".")).astype(float)


def _says(tag: pd.Series, *but: str) -> pd.Series:
    """Whether a tag is there and says anything else than no."""
    return tag.notna() & ~tag.isin(["no", "false", "0", *but])


def _use(house: gpd.GeoDataFrame) -> pd.Series:
    """Take what `building` says, or for a mere yes the first of :data:`USES`, as `amenity=school`."""
    use = house["building"].where(house["building"] != "yes")
    for key in USES:
        use = use.fillna((f"{key}=" + house[key]).where(house[key] != "no"))
    return use


def _address(house: gpd.GeoDataFrame) -> pd.Series:
    street = house["addr_street"].fillna(house["addr_place"])
    return street + " " + house["addr_housenumber"]


def _entrances(house: gpd.GeoDataFrame, points: gpd.GeoDataFrame) -> pd.Series:
    """Count the doors that are nodes of the outline, empty where none is mapped."""
    doors = points[points["entrance"].notna() & ~points["entrance"].isin(NOT_AN_ENTRANCE)]
    outline = shapely.boundary(house.geometry.to_numpy())
    _, met = shapely.STRtree(outline).query(doors.geometry.to_numpy(), predicate="intersects")
    number = pd.Series(np.bincount(met, minlength=len(house)), index=house.index, dtype="Int64")
    return number.where(number > 0)


# ---------------------------------------------------------------- reading


def _lines(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame[shapely.length(frame.geometry.to_numpy()) > 0].reset_index(drop=True)


def _polygons(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Single valid polygons; splinters are left out (a ring that the edge of the extract cut to two nodes)."""
    shape = frame.geometry.to_numpy().copy()
    bad = ~shapely.is_valid(shape)
    shape[bad] = shapely.make_valid(shape[bad], method="structure", keep_collapsed=False)
    parts, row = shapely.get_parts(shape, return_index=True)
    keep = area_m2(parts, CRS) >= SPLINTER_M2
    rows = frame.drop(columns="geometry").iloc[row[keep]].reset_index(drop=True)
    return gpd.GeoDataFrame(rows, geometry=parts[keep], crs=CRS)


@dataclass(frozen=True)
class _Window:
    """Where features are kept: on the zones, or near them; everywhere where there are none."""

    zones: Any = None
    vicinity: Any = None

    @classmethod
    def of(cls, within: gpd.GeoDataFrame | None) -> _Window:
        if within is None:
            return cls()
        if within.crs is None:
            raise InputRefused([Fault("zones", "", "no CRS", "Declare it with --crs-of zones=EPSG:n")])
        local = within.geometry.to_crs(metric_crs(within.crs, tuple(within.total_bounds)))
        zones = gpd.GeoSeries([local.union_all()], crs=local.crs)
        return cls(*(area.to_crs(CRS).iloc[0] for area in (zones, zones.buffer(MARGIN_M))))

    @property
    def bbox(self) -> tuple[float, ...] | None:
        return None if self.vicinity is None else tuple(shapely.bounds(self.vicinity))

    def on(self, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        return _meeting(frame, self.zones)

    def near(self, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        return _meeting(frame, self.vicinity)


def _meeting(frame: gpd.GeoDataFrame, area: Any) -> gpd.GeoDataFrame:
    if area is None:
        return frame
    shapely.prepare(area)
    return frame[shapely.intersects(area, frame.geometry.to_numpy())].reset_index(drop=True)


@contextmanager
def _config() -> Iterator[Path]:
    """File that tells the driver which tags become columns."""
    layers = {**TAGS, "multilinestrings": (), "other_relations": ()}
    blocks = [f"[{layer}]\nosm_id=yes\nattributes={','.join(tags)}\nother_tags=no\n" for layer, tags in layers.items()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "osmconf.ini"
        path.write_text(
            f"closed_ways_are_polygons={AREAS}\nattribute_name_laundering=yes\n" + "".join(blocks), encoding="utf-8"
        )
        yield path


def _read(path: Path, layer: str, *, config: Path, bbox: tuple[float, ...] | None) -> gpd.GeoDataFrame:
    import pyogrio

    cure = "Give an OpenStreetMap extract (.osm.pbf or .osm), downloaded whole"
    if not path.is_file():
        raise InputRefused([Fault("osm", str(path), "no such file", cure)])
    told = [tag.replace(":", "_") for tag in TAGS[layer]]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # relations that the edge of the extract cuts
            where = " OR ".join(f'"{tag}" IS NOT NULL' for tag in KEPT[layer])
            frame = pyogrio.read_dataframe(
                path, layer=layer, bbox=bbox, where=where, on_invalid="ignore", CONFIG_FILE=str(config)
            )
    except _failures() as error:
        raise InputRefused([Fault("osm", str(path), f"not a readable extract: {_said(error)}", cure)]) from None
    missing = {*told} - {*frame.columns}
    if missing:
        raise InputRefused([Fault("osm", str(path), "not an OpenStreetMap extract", cure)])
    return frame


def _failures() -> tuple[type[Exception], ...]:
    from pyogrio import errors

    return OSError, errors.DataSourceError, errors.DataLayerError, errors.FeatureError, errors.GeometryError


def _said(error: Exception) -> str:
    """First sentence of a message: what follows is advice on the driver."""
    return str(error).partition(";")[0].rstrip(".")
