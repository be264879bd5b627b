"""A reader of vector tiles (Mapbox Vector Tile 2.1) of our own: what a map would see in them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
from pmtiles.reader import MemorySource, all_tiles

LAYER, NAME, FEATURE, KEY, VALUE = 3, 1, 2, 3, 4


@dataclass(frozen=True)
class Feature:
    """One feature: its properties, and its shape in units of the tile, y downwards."""

    properties: dict[str, Any]
    shape: Any


def tiles_of(path: Path) -> dict[tuple[int, int, int], bytes]:
    """Every tile of a file, by its zoom, column and row."""
    return {at: gzip.decompress(body) for at, body in all_tiles(MemorySource(path.read_bytes()))}


def layers(tile: bytes) -> dict[str, list[Feature]]:
    """The features of each layer."""
    out: dict[str, list[Feature]] = {}
    for field, body in _fields(tile):
        if field == LAYER:
            name, found = _layer(body)
            assert name not in out, f"{name} stands in the tile twice"
            out[name] = found
    return out


def codes(tile: bytes, layer: str) -> set[str]:
    """Codes of what lies in a tile, and not only in the room around it."""
    box = shapely.box(0, 0, 4096, 4096)
    return {
        one.properties["code"]
        for one in layers(tile).get(layer, [])
        if shapely.area(shapely.intersection(shapely.make_valid(one.shape), box)) > 16
    }


def _layer(body: bytes) -> tuple[str, list[Feature]]:
    fields = list(_fields(body))
    name = next(value.decode() for field, value in fields if field == NAME)
    keys = [value.decode() for field, value in fields if field == KEY]
    values = [_value(value) for field, value in fields if field == VALUE]
    return name, [_feature(value, keys, values) for field, value in fields if field == FEATURE]


def _feature(body: bytes, keys: list[str], values: list[Any]) -> Feature:
    told = dict(_fields(body))
    tags = list(_varints(told.get(2, b"")))
    return Feature(
        {keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2], strict=True)},
        _shape(told[3], list(_varints(told[4]))),
    )


def _value(body: bytes) -> Any:
    [(field, value)] = _fields(body)
    return value.decode() if field == 1 else value


def _shape(kind: int, commands: list[int]) -> Any:
    paths: list[list[tuple[int, int]]] = []
    x = y = at = 0
    while at < len(commands):
        command, count = commands[at] & 7, commands[at] >> 3
        at += 1
        for _ in range(count if command != 7 else 0):
            x, y = x + _signed(commands[at]), y + _signed(commands[at + 1])
            at += 2
            if command == 1:
                paths.append([])
            paths[-1].append((x, y))
    if kind == 1:
        return shapely.MultiPoint([one for path in paths for one in path])
    if kind == 2:
        return shapely.MultiLineString(paths)
    rings = [shapely.make_valid(shapely.Polygon(path)) for path in paths if len(path) > 2]
    shape = shapely.Polygon()
    for ring in rings:  # rings of holes lie in those around them
        shape = shapely.symmetric_difference(shape, ring)
    return shape


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def _varints(body: bytes) -> Iterator[int]:
    at = 0
    while at < len(body):
        value, at = _varint(body, at)
        yield value


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _fields(body: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(body):
        key, at = _varint(body, at)
        if key & 7 == 0:
            value, at = _varint(body, at)
            yield key >> 3, value
        else:
            length, at = _varint(body, at) if key & 7 == 2 else (8 if key & 7 == 1 else 4, at)
            yield key >> 3, body[at : at + length]
            at += length
