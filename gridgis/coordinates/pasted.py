"""A place pasted from a map: a link, a `geo:` address or plain coordinates, read without asking anybody.

Links that carry no coordinates (short ones, names of places) give nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, unquote, urlsplit

Place = tuple[float, float, str]
Bounds = tuple[float, float, float, float]

WGS, GCJ, BD = "EPSG:4326", "gcj02", "bd09"
CHINA = (70.0, 15.0, 140.0, 55.0)
"""Where a pair of numbers is looked for when nothing else says where it lies."""

NUMBER = r"[-+]?\d{1,3}(?:\.\d+)?"
PAIR = re.compile(rf"\s*({NUMBER})\s*[,;\s]\s*({NUMBER})\s*")
LABELLED = re.compile(
    rf"(?:经度|东经|(?<![a-z])(?:longitude|lng|lon))\D{{0,3}}?({NUMBER})\D*?(?:纬度|北纬|latitude|lat)\D{{0,3}}?({NUMBER})",
    re.IGNORECASE,
)
LABELLED_BACK = re.compile(
    rf"(?:纬度|北纬|(?<![a-z])(?:latitude|lat))\D{{0,3}}?({NUMBER})\D*?(?:经度|东经|longitude|lng|lon)\D{{0,3}}?({NUMBER})",
    re.IGNORECASE,
)
ANGLE = re.compile(
    r"([NSEW北南东西])?[纬经]?\s*(\d{1,3})\s*[°度]\s*(?:(\d{1,2}(?:\.\d+)?)\s*['′分]\s*)?(?:(\d{1,2}(?:\.\d+)?)\s*(?:[\"″秒]|''|′′)\s*)?"
    r"([NSEW北南东西])?",
    re.IGNORECASE,
)
SOUTH_WEST = frozenset("SW南西")
EAST_WEST = frozenset("EW东西")
Query = Mapping[str, str]


def pasted(text: str, *, bounds: Bounds | None = None) -> Place | None:
    """Read a place out of what somebody pasted.

    Parameters
    ----------
    text : a link of Amap, Baidu, Tencent, Google, OpenStreetMap or Apple, a `geo:` address, degrees with or without
        minutes and seconds, or two numbers
    bounds : west, south, east, north in degrees of where the place is expected; decides the order of two bare
        numbers where their size does not

    Returns
    -------
    tuple or None
        Longitude, latitude and their system (`EPSG:4326`, `gcj02` or `bd09`); None where the text carries none.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if len(plain) > 4000:
        return None
    found = _address(plain) or _link(plain) or _angles(plain) or _labelled(plain) or _pair(plain, bounds)
    return found if found is not None and abs(found[0]) <= 180 and abs(found[1]) <= 90 else None


def _address(text: str) -> Place | None:
    """`geo:lat,lon[,height][;crs=...]` of RFC 5870; only WGS84 is registered."""
    found = re.match(rf"geo:({NUMBER}),({NUMBER})(?:,[-+.\d]+)?((?:;[^?]*)?)", text, re.IGNORECASE)
    if found is None:
        return None
    crs = re.search(r";crs=([^;]+)", found[3], re.IGNORECASE)
    return _latlon(found[1], found[2], WGS) if crs is None or crs[1].lower() == "wgs84" else None


def _link(text: str) -> Place | None:
    address = re.search(r"[a-z][a-z0-9+.-]*://\S+", text, re.IGNORECASE)
    if address is None:
        return None
    try:
        parts = urlsplit(address[0])
        host = (parts.hostname or "").lower()
        query = {key.lower(): values[0] for key, values in parse_qs(parts.query).items()}
    except ValueError:
        return None
    for ends, read in READERS:
        if any(host == end or host.endswith("." + end) or parts.scheme.lower() == end for end in ends):
            return read(f"{unquote(parts.path)}#{parts.fragment}", query)
    return None


def _amap(_path: str, query: Query) -> Place | None:
    system = WGS if query.get("coordinate", "").lower() == "wgs84" else GCJ
    for key in ("position", "center", "to", "dest"):
        place = _lonlat(query.get(key, ""), system)
        if place is not None:
            return place
    p = query.get("p", "").split(",")
    if len(p) >= 3:
        return _latlon(p[1], p[2], system)
    return _latlon(query.get("q", ",").split(",")[0], (query.get("q", "") + ",,").split(",")[1], system) or _latlon(
        query.get("lat", query.get("dlat", "")), query.get("lon", query.get("dlon", "")), system
    )


def _baidu(_path: str, query: Query) -> Place | None:
    kinds = {"gcj02": GCJ, "wgs84": WGS, "bd09ll": BD, "bd09": BD, "": BD}
    system = kinds.get(query.get("coord_type", query.get("coordtype", "")).lower())
    if system is None:
        return None
    for key in ("location", "latlng", "center", "destination"):
        found = re.search(rf"({NUMBER}),({NUMBER})", query.get(key, ""))
        if found is not None:
            return _latlon(found[1], found[2], system)
    return None


def _tencent(_path: str, query: Query) -> Place | None:
    for key in ("marker", "coord", "center", "tocoord", "pointx"):
        found = re.search(rf"(?:coord:)?({NUMBER}),({NUMBER})", query.get(key, ""))
        if found is not None:
            return _latlon(found[1], found[2], GCJ)
    return _latlon(query.get("pointy", ""), query.get("pointx", ""), GCJ)


def _google(path: str, query: Query) -> Place | None:
    """Of a place its own coordinates, before those of the middle of the map."""
    found = re.search(rf"!3d({NUMBER})!4d({NUMBER})", path)
    if found is None:
        asked = (query.get(key, "") for key in ("q", "query", "ll", "destination", "center"))
        found = next((match for match in (PAIR.fullmatch(text.removeprefix("loc:")) for text in asked) if match), None)
    found = found or re.search(rf"@({NUMBER}),({NUMBER})", path) or re.search(rf"/({NUMBER}),\+?({NUMBER})", path)
    return None if found is None else _latlon(found[1], found[2], WGS)


def _openstreetmap(path: str, query: Query) -> Place | None:
    marked = _latlon(query.get("mlat", query.get("lat", "")), query.get("mlon", query.get("lon", "")), WGS)
    found = re.search(rf"map=[\d.]+/({NUMBER})/({NUMBER})", path)
    return marked or (None if found is None else _latlon(found[1], found[2], WGS))


def _apple(_path: str, query: Query) -> Place | None:
    for key in ("coordinate", "ll", "q", "daddr", "center", "sll"):
        found = PAIR.fullmatch(query.get(key, ""))
        if found is not None:
            return _latlon(found[1], found[2], WGS)
    return None


READERS: tuple[tuple[tuple[str, ...], Callable[[str, Query], Place | None]], ...] = (
    (("amap.com", "gaode.com", "iosamap", "androidamap", "amapuri"), _amap),
    (("map.baidu.com", "baidumap", "bdapp"), _baidu),
    (("map.qq.com", "qqmap"), _tencent),
    (("google.com", "google.cn", "google.com.hk", "comgooglemaps"), _google),
    (("openstreetmap.org", "osm.org"), _openstreetmap),
    (("maps.apple.com", "maps"), _apple),
)
"""Ends of hosts, or schemes, of the maps whose links are known."""


def _angles(text: str) -> Place | None:
    """Degrees, minutes and seconds; the letter of the direction before or after, else latitude first."""
    found = list(ANGLE.finditer(text))
    if len(found) != 2:
        return None
    values, sides = [], []
    for match in found:
        before, degrees, minutes, seconds, after = match.groups()
        if float(minutes or 0) >= 60 or float(seconds or 0) >= 60:
            return None
        side = (before or after or "").upper()
        value = float(degrees) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
        values.append(-value if side in SOUTH_WEST and side else value)
        sides.append(side)
    if (sides[0] in EAST_WEST) == (sides[1] in EAST_WEST) and any(sides):
        return None
    first_is_lon = sides[0] in EAST_WEST if any(sides) else values[0] > 90
    return (values[0], values[1], WGS) if first_is_lon else (values[1], values[0], WGS)


def _labelled(text: str) -> Place | None:
    found = LABELLED.search(text)
    if found is not None:
        return _latlon(found[2], found[1], WGS)
    found = LABELLED_BACK.search(text)
    return None if found is None else _latlon(found[1], found[2], WGS)


def _pair(text: str, bounds: Bounds | None) -> Place | None:
    """Two bare numbers: in the order in which they lie where they are expected, else in China; never a guess."""
    found = PAIR.fullmatch(text.strip("()[]"))
    if found is None:
        return None
    first, second = float(found[1]), float(found[2])
    for west, south, east, north in (bounds, CHINA) if bounds is not None else (CHINA,):
        as_given = west <= first <= east and south <= second <= north
        exchanged = west <= second <= east and south <= first <= north
        if as_given != exchanged:
            return (first, second, WGS) if as_given else (second, first, WGS)
    if abs(first) > 90 >= abs(second):
        return first, second, WGS
    return (second, first, WGS) if abs(second) > 90 >= abs(first) else None


def _lonlat(text: str, system: str) -> Place | None:
    found = PAIR.match(text)
    return None if found is None else _latlon(found[2], found[1], system)


def _latlon(lat: str, lon: str, system: str) -> Place | None:
    if not (re.fullmatch(NUMBER, lat.strip()) and re.fullmatch(NUMBER, lon.strip())):
        return None
    return float(lon), float(lat), system
