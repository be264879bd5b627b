"""Tiles of the web map: where their pixels lie in the plane of the cases.

Invariant: the place of a pixel's centre is that of the projection, within a millimetre (above zoom 7; exactly below).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridgis.crs import transformer
from gridgis.errors import Fault, refuse

Floats = NDArray[np.float64]

PIXELS = 256
WEB = "EPSG:3857"
HALF_M = math.pi * 6378137.0
"""Half the girth of the earth in the metres of the web map."""

DEEPEST = 24
NODES = 9
"""Places along a side that are projected; the others are interpolated from them by a polynomial."""

SMOOTH_FROM = 8
"""Zoom from which a tile is small enough for that: at most 160 km."""


class Tile(NamedTuple):
    """A tile of the web map, y running south."""

    z: int
    x: int
    y: int


def tile_bounds(tile: Tile) -> tuple[float, float, float, float]:
    """West, south, east, north of a tile in metres of the web map."""
    side = 2 * HALF_M / 2**tile.z
    west, north = tile.x * side - HALF_M, HALF_M - tile.y * side
    return west, north - side, west + side, north


def checked_tile(z: int, x: int, y: int) -> Tile:
    """The tile of these numbers.

    Raises
    ------
    InputRefused
        Where the web map has no such tile.
    """
    there = 0 <= z <= DEEPEST and 0 <= x < 2**z and 0 <= y < 2**z
    cure = f"Ask for a zoom of 0 to {DEEPEST}, x and y below 2 to the power of it"
    refuse([] if there else [Fault("heat", f"tile {z}/{x}/{y}", "is none of the web map", cure)])
    return Tile(z, x, y)


def pixel_centres(tile: Tile, crs: str) -> tuple[Floats, Floats]:
    """Where the centres of the pixels lie, two arrays of shape (256, 256), the first row in the north.

    Not finite where the plane has no such place.
    """
    west, south, east, north = tile_bounds(tile)
    if tile.z < SMOOTH_FROM:
        part = (np.arange(PIXELS) + 0.5) / PIXELS
        return _projected(west + part * (east - west), north - part * (north - south), crs)
    nodes, weights = _interpolation()
    x, y = _projected(west + nodes * (east - west), north - nodes * (north - south), crs)
    return _spread(x, weights), _spread(y, weights)


@njit(cache=True, nogil=True)
def _spread(known: Floats, weights: Floats) -> Floats:
    """`weights @ known @ weights.T`: written out, for a library of matrices would wake all its threads for it."""
    pixels, nodes = weights.shape
    out, line = np.zeros((pixels, pixels)), np.empty(pixels)
    for k in range(nodes):
        line[:] = 0.0
        for m in range(nodes):
            for column in range(pixels):
                line[column] += known[k, m] * weights.T[m, column]
        for row in range(pixels):
            for column in range(pixels):
                out[row, column] += weights[row, k] * line[column]
    return out


def _projected(east: Floats, north: Floats, crs: str) -> tuple[Floats, Floats]:
    across, down = np.meshgrid(east, north)
    x, y = transformer(WEB, crs).transform(across.ravel(), down.ravel())
    return x.reshape(across.shape), y.reshape(across.shape)


@lru_cache(maxsize=1)
def _interpolation() -> tuple[Floats, Floats]:
    """Chebyshev nodes from 0 to 1, and the weights of each for the centres of 256 pixels (barycentric form)."""
    k = np.arange(NODES)
    nodes = (1 - np.cos((2 * k + 1) * np.pi / (2 * NODES))) / 2
    bary = (-1.0) ** k * np.sin((2 * k + 1) * np.pi / (2 * NODES))
    terms = bary / ((np.arange(PIXELS)[:, None] + 0.5) / PIXELS - nodes)
    return nodes, terms / terms.sum(axis=1, keepdims=True)
