"""What a planner drew: a line or a polygon as WKT, GeoJSON or in a file, looked at before anything is cut with it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from gridgis.adjust.plane import worded
from gridgis.crs import Bounds, metric_crs, misdeclared, name_of, parsed, transform
from gridgis.errors import Fault, InputRefused, refuse
from gridgis.geometry.noding import as_array
from gridgis.layers.findings import Findings
from gridgis.layers.source import read_source, split_source

Shape = Literal["line", "polygon"]

LARGEST = 10_000
"""Vertices of a drawing: no hand draws more."""

BYTES = 4_000_000
"""Of a text: what so many vertices take, many times."""

FAR_M = 2_000.0
"""A drawing further off the land than this is in another CRS, or of another place."""

WKT = re.compile(r"\s*(POINT|LINE|POLYGON|MULTI|GEOMETRY|CIRCULAR|COMPOUND|CURVE)", re.IGNORECASE)
TYPES = {"line": ("LineString", "LinearRing"), "polygon": ("Polygon",)}
CURES = {"line": "Draw one line of two points or more", "polygon": "Draw one polygon"}
EXAMPLES = {
    "line": "LINESTRING (534100 3382200, 534300 3382200)",
    "polygon": "POLYGON ((534100 3382200, 534300 3382200, 534300 3382400, 534100 3382200))",
}
TEXTS = (".json", ".geojson", ".wkt", ".txt")


def drawn(
    given: str | os.PathLike[str] | shapely.Geometry,
    *,
    crs: Any,
    drawn_crs: Any = None,
    shape: Shape = "line",
    files: bool = True,
) -> shapely.Geometry:
    """Read a drawing; :func:`faulty` looks at it.

    Parameters
    ----------
    given : WKT, text of GeoJSON, or FILE or FILE:LAYER, of which the first feature counts
    crs : of the result
    drawn_crs : of the drawing; by default what its file says, else `crs`
    files : whether it may name a file; never for what comes over a network

    Raises
    ------
    InputRefused
        Where it cannot be read.
    """
    found, said = (given, None) if isinstance(given, shapely.Geometry) else _read(os.fspath(given), shape, files=files)
    target = CRS.from_user_input(crs)
    source = _crs(drawn_crs if drawn_crs is not None else said, shape) or target
    return as_array(transform(as_array([_single(found)]), source, target))[0]


def _crs(given: Any, shape: Shape) -> CRS | None:
    if given is None:
        return None
    try:
        return parsed(given)
    except ValueError as error:
        raise InputRefused([Fault(shape, "", str(error), "Declare it with --line-crs EPSG:n")]) from None


def _read(text: str, shape: Shape, *, files: bool) -> tuple[shapely.Geometry, Any]:
    """The geometry of a text or file, and the CRS that it says."""
    if text.lstrip().startswith("{"):
        return _from_geojson(text, shape)
    if WKT.match(text):
        return _from_wkt(text, shape), None
    path, layer = split_source(text) if files else (text, None)
    if not files or not os.path.exists(path):
        problem = f"{_short(text)!r} is neither WKT nor GeoJSON{' nor a file' if files else ''}"
        cure = f"Write for example {EXAMPLES[shape]}{', or name a file that is there' if files else ''}"
        raise InputRefused([Fault(shape, "", problem, cure)])
    if layer is None and Path(path).suffix.lower() in TEXTS and os.path.isfile(path):
        return _from_text_file(path, shape)
    return _from_layer(text, shape)


def _from_text_file(path: str, shape: Shape) -> tuple[shapely.Geometry, Any]:
    if os.path.getsize(path) > BYTES:
        raise InputRefused([_too_long(shape, path)])
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise InputRefused([Fault(shape, path, "cannot be read as text in UTF-8", CURES[shape])]) from None
    return _from_geojson(text, shape) if text.lstrip().startswith("{") else (_from_wkt(text, shape), None)


def _from_layer(text: str, shape: Shape) -> tuple[shapely.Geometry, Any]:
    findings = Findings()
    raw = read_source(shape, text, rename={}, findings=findings)
    refuse(findings.faults)
    frame = None if raw is None else raw.frame
    if not isinstance(frame, gpd.GeoDataFrame) or not len(frame):
        raise InputRefused([Fault(shape, text, "holds no feature", CURES[shape])])
    return frame.geometry.iloc[0], frame.crs


def _from_wkt(text: str, shape: Shape) -> shapely.Geometry:
    if len(text) > BYTES:
        raise InputRefused([_too_long(shape, "")])
    try:
        return shapely.from_wkt(text.strip())
    except shapely.errors.ShapelyError:
        cure = f"Write for example {EXAMPLES[shape]}"
        raise InputRefused([Fault(shape, "", f"{_short(text)!r} is no WKT", cure)]) from None


def _from_geojson(text: str, shape: Shape) -> tuple[shapely.Geometry, Any]:
    if len(text) > BYTES:
        raise InputRefused([_too_long(shape, "")])
    try:
        data = json.loads(text)
        said = data["crs"]["properties"]["name"] if data.get("crs") is not None else None
        data = data["features"][0] if data["type"] == "FeatureCollection" else data
        data = data["geometry"] if data["type"] == "Feature" else data
        found = None if data is None else shapely.from_geojson(json.dumps(data))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, shapely.errors.ShapelyError):
        cure = "Write a geometry or a feature of GeoJSON"
        raise InputRefused([Fault(shape, "", f"{_short(text)!r} is no GeoJSON", cure)]) from None
    return found, said


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _too_long(shape: Shape, row: str) -> Fault:
    return Fault(shape, row, f"is a text of more than {BYTES // 1_000_000} MB", f"{CURES[shape]}, not a whole map")


def _single(found: shapely.Geometry | None) -> shapely.Geometry:
    """The part of a collection of one; lines that follow each other as one line."""
    if found is None:
        return shapely.Point()
    if shapely.get_type_id(found) == 5:
        found = shapely.line_merge(found)
    return shapely.get_geometry(found, 0) if shapely.get_num_geometries(found) == 1 else found


def faulty(given: shapely.Geometry, *, shape: Shape, land: Bounds, crs: Any) -> list[Fault]:
    """What is wrong with a drawing, each with its place and cure; nothing where it can be cut with.

    Parameters
    ----------
    given : in `crs`
    land : west, south, east, north of what is to be cut
    """
    form = list(_form(given, shape))
    return form or [*_self_crossing(given, shape), *_far(given, shape, land, CRS.from_user_input(crs))]


def _form(given: shapely.Geometry, shape: Shape) -> Iterator[Fault]:
    if given is None or shapely.is_empty(given):
        yield Fault(shape, "", "is empty", CURES[shape])
    elif given.geom_type not in TYPES[shape]:
        yield Fault(shape, "", f"is a {given.geom_type}, not a {TYPES[shape][0]}", CURES[shape])
    elif not np.isfinite(shapely.get_coordinates(given)).all():
        yield Fault(shape, "", "has coordinates that are no numbers", "Draw it anew")
    elif shapely.get_num_coordinates(given) > LARGEST:
        n = shapely.get_num_coordinates(given)
        yield Fault(shape, "", f"has {n:,} vertices, more than {LARGEST:,}", "Simplify it")
    elif shapely.length(given) == 0:
        yield Fault(shape, "", "has no length", CURES[shape])


def _self_crossing(given: shapely.Geometry, shape: Shape) -> Iterator[Fault]:
    line = shapely.boundary(given) if shape == "polygon" else given
    if shapely.is_simple(line) and (shape == "line" or shapely.is_valid(given)):
        return
    for x, y in crossings(given)[:3]:
        yield Fault(shape, f"at {worded(x, y)}", "crosses or touches itself", "Draw it without a loop")


def crossings(given: shapely.Geometry) -> list[tuple[float, float]]:
    """Places where a line or an outline crosses, touches or follows itself, in order."""
    rings = shapely.get_rings(given) if shapely.get_dimensions(given) == 2 else np.array([given], dtype=object)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    row = np.flatnonzero((ring[1:] == ring[:-1]) & (xy[1:] != xy[:-1]).any(axis=1))
    legs = shapely.linestrings(np.stack([xy[row], xy[row + 1]], axis=1))
    i, j = shapely.STRtree(legs).query(legs, predicate="intersects")
    i, j = i[i < j], j[i < j]
    common = shapely.intersection(legs[i], legs[j])
    at = shapely.get_coordinates(shapely.point_on_surface(common))
    joint = ((xy[row[i] + 1] == at).all(axis=1) & (row[j] == row[i] + 1)) | _closing(xy, ring, row, i, j, at)
    joint &= shapely.get_dimensions(common) == 0
    found = sorted({(float(x), float(y)) for x, y in at[~joint]})
    return found or [(float(x), float(y)) for x, y in shapely.get_coordinates(shapely.point_on_surface(given))]


def _closing(xy: Any, ring: Any, row: Any, i: Any, j: Any, at: Any) -> Any:
    """Whether two legs meet where a ring closes, or with nothing but dots between."""
    first, last = np.searchsorted(ring, ring[row[i]]), np.searchsorted(ring, ring[row[i]], side="right") - 1
    closes = (xy[first] == xy[last]).all(axis=1) & (row[i] == first) & (xy[first] == at).all(axis=1)
    ends = (xy[row[j] + 1] == xy[last]).all(axis=1)
    dots = (j == i + 1) & (xy[row[i] + 1] == at).all(axis=1) & (xy[row[i] + 1] == xy[row[j]]).all(axis=1)
    return (closes & ends) | dots


def _far(given: shapely.Geometry, shape: Shape, land: Bounds, crs: CRS) -> Iterator[Fault]:
    """A drawing that lies nowhere near the land: most likely in another CRS, or with its axes exchanged."""
    here = shapely.box(*land)
    metric = metric_crs(crs, land)
    away = float(shapely.distance(here, given))
    if away == 0 or _metres(here, given, crs, metric) <= FAR_M:
        return
    x, y = shapely.get_coordinates(given)[0]
    at = f"at {worded(x, y)}"
    swapped = shapely.transform(given, lambda xy: xy[:, ::-1])
    degrees = "declare them with --line-crs EPSG:4326 (or EPSG:4490)"
    if shapely.intersects(here, swapped):
        yield Fault(shape, at, "its axes are exchanged", "Write x (east, longitude) before y (north, latitude)")
    elif _in_degrees(given, here, crs):
        yield Fault(shape, at, "its coordinates are degrees", degrees.capitalize())
    elif _in_degrees(swapped, here, crs):
        yield Fault(
            shape,
            at,
            "its coordinates are degrees, and its axes are exchanged",
            f"Write longitude before latitude, and {degrees}",
        )
    elif (odd := misdeclared(shape, crs, given.bounds)) is not None:
        yield Fault(shape, at, odd.problem, odd.cure.replace(f"--crs-of {shape}=", "--line-crs "))
    else:
        problem = f"lies far from the land of the draft, which begins at {worded(land[0], land[1])} in {name_of(crs)}"
        yield Fault(shape, at, problem, "Draw it on this land, or declare its --line-crs")


def _metres(one: shapely.Geometry, other: shapely.Geometry, crs: CRS, metric: CRS) -> float:
    a, b = transform(as_array([one, other]), crs, metric)
    away = float(shapely.distance(a, b)) if np.isfinite(shapely.bounds(b)).all() else np.inf
    return away if np.isfinite(away) else np.inf


def _in_degrees(given: shapely.Geometry, here: shapely.Geometry, crs: CRS) -> bool:
    """Whether it lies on the land where its coordinates are longitude and latitude."""
    if not crs.is_projected or np.abs(shapely.get_coordinates(given)).max() > 360:
        return False
    (moved,) = transform(as_array([given]), CRS.from_epsg(4326), crs)
    return bool(np.isfinite(shapely.bounds(moved)).all() and shapely.dwithin(here, moved, FAR_M))
