"""GeoJSON before GDAL sees it: read as JSON, with what GDAL would fetch, guess or take twice refused.

Source: RFC 7946; the member `crs` of the GeoJSON of 2008, by which GDAL asks a server.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from gridgis.errors import Notice
from gridgis.uploads.limits import Limits
from gridgis.uploads.names import CODE, refuse_name, refused

TYPES = frozenset(
    {
        "FeatureCollection", "Feature", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString",
        "MultiPolygon", "GeometryCollection",
    }
)  # fmt: skip
STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
OBJECTS = 8
"""In a feature, at the most: itself, its geometry, its properties, and objects in these."""

SAVE = "Export it anew as GeoJSON (RFC 7946)"


def prepare(path: Path, *, limits: Limits) -> list[Notice]:
    """Look through a GeoJSON, which is written anew in UTF-8 where it is in GBK; give what is to be told.

    Raises
    ------
    InputRefused
        Where it is no JSON, too deep or too large, names anything twice, or has its CRS elsewhere.
    """
    data = path.read_bytes()
    text, notices = _decoded(data)
    if notices:
        path.write_bytes(text.encode())
    _refuse_many(text, limits)
    top = _parsed(text)
    _refuse_deep(text, limits)
    if not isinstance(top, dict) or top.get("type") not in TYPES:
        raise refused("is JSON but no GeoJSON", SAVE)
    features = top.get("features", [])
    if not isinstance(features, list) or len(features) > limits.rows:
        raise refused(f"has no list of at most {limits.rows} features", "Send it in parts")
    _refuse_columns(features, limits)
    if isinstance(top.get("name"), str):
        refuse_name("the layer", top["name"])
    return notices


def _decoded(data: bytes) -> tuple[str, list[Notice]]:
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("gb18030"), [Notice("", "text is in GBK")]
    except UnicodeDecodeError:
        raise refused("text is neither UTF-8 nor GBK", "Save it in UTF-8") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=_no_number, parse_float=_number)
    except RecursionError:
        raise refused("has brackets within brackets without end", SAVE) from None
    except ValueError as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise refused(f"is no JSON{place}", "Fetch it again: it is damaged or was cut off") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise refused("names a member of an object twice", SAVE)
    if isinstance(out.get("crs"), dict):
        _refuse_crs(out["crs"])
    return out


def _refuse_crs(crs: dict[str, Any]) -> None:
    """Raise for a CRS that is not a plain name; GDAL fetches one that is a link."""
    properties = crs.get("properties")
    name = properties.get("name") if isinstance(properties, dict) else None
    known = crs.get("type") == "name" and isinstance(name, str) and CODE.fullmatch(name)
    if not known or "href" in crs or (isinstance(properties, dict) and "href" in properties):
        cure = "Write its CRS as a name such as urn:ogc:def:crs:EPSG::4490, or leave it out for longitude and latitude"
        raise refused("its CRS is no name but a link or a definition", cure)


def _no_number(name: str) -> None:
    raise refused(f"holds {name}, which is no number of JSON", "Leave features without a place out")


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise refused("holds a number that is not finite", "Correct the coordinates, or leave the feature out")
    return number


def _refuse_many(text: str, limits: Limits) -> None:
    """Raise for more positions, and more objects, than a layer may have, before room is made for them."""
    if text.count("[") > limits.vertices + limits.shapes:
        raise refused(f"has more than {limits.vertices} points", "Send it in parts, or simplify it before you send it")
    if text.count("{") > OBJECTS * limits.rows:
        raise refused(f"has more than {limits.rows} features", "Send it in parts")


def _refuse_deep(text: str, limits: Limits) -> None:
    """Raise for depth beyond the limit."""
    import numpy as np

    plain = STRING.sub("", text).encode("ascii", "replace")
    brackets = plain.translate(None, delete=bytes(code for code in range(256) if chr(code) not in "[]{}"))
    codes = np.frombuffer(brackets, dtype=np.uint8)
    opens = (codes == ord("[")) | (codes == ord("{"))
    if len(codes) and int(np.cumsum(np.where(opens, 1, -1), dtype=np.int64).max()) > limits.depth:
        raise refused(f"has more than {limits.depth} brackets within brackets", SAVE)


def _refuse_columns(features: list[Any], limits: Limits) -> None:
    names: set[str] = set()
    for feature in features:
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if isinstance(properties, dict):
            names.update(properties)
        if len(names) > limits.columns:
            raise refused(f"has more than {limits.columns} columns", "Leave columns out that are of no use")
