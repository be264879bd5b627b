"""Surfaces read at the pixels of another plane, and as pictures of few colours."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridgis.crs import transformer
from gridgis.heat.surface import Surface

WEB_MERCATOR = "EPSG:3857"
SIDE = 17
"""Points along each side of a surface whose place says how far it reaches in the other plane."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Raster:
    """Pixels of a rectangle of a plane; `bounds` are west, south, east, north in its metres."""

    bounds: tuple[float, float, float, float]
    rows: int
    columns: int
    crs: str = WEB_MERCATOR

    def centres(self) -> tuple[Floats, Floats]:
        """Give x and y of the centre of each pixel, the first row in the north."""
        west, south, east, north = self.bounds
        x = west + (np.arange(self.columns) + 0.5) * (east - west) / self.columns
        y = north - (np.arange(self.rows) + 0.5) * (north - south) / self.rows
        across, down = np.meshgrid(x, y)
        return across, down

    def corners(self) -> list[list[float]]:
        """Give south-west and north-east as latitude and longitude."""
        west, south, east, north = self.bounds
        lon, lat = transformer(self.crs, "EPSG:4326").transform([west, east], [south, north])
        return [[float(lat[0]), float(lon[0])], [float(lat[1]), float(lon[1])]]


def raster_over(surface: Surface, *, pixels: int, crs: str = WEB_MERCATOR, finest: float = 0.5) -> Raster:
    """Lay a raster of at most about `pixels` over a surface, none of them finer than `finest` of its cells."""
    rows, columns = surface.values.shape
    right, bottom = surface.left + columns * surface.cell_m, surface.top - rows * surface.cell_m
    along, down = np.linspace(surface.left, right, SIDE), np.linspace(bottom, surface.top, SIDE)
    x = np.concatenate([along, along, np.full(SIDE, surface.left), np.full(SIDE, right)])
    y = np.concatenate([np.full(SIDE, bottom), np.full(SIDE, surface.top), down, down])
    x, y = transformer(surface.crs, crs).transform(x, y)
    west, south, east, north = (float(value) for value in (x.min(), y.min(), x.max(), y.max()))
    side = max(finest * (east - west) / columns, math.sqrt((east - west) * (north - south) / max(pixels, 1)))
    return Raster(
        (west, south, east, north), max(1, round((north - south) / side)), max(1, round((east - west) / side)), crs
    )


def sampled(surfaces: Sequence[Surface], raster: Raster) -> Iterator[Floats]:
    """Read surfaces of one lattice at the centre of each pixel, linear between the centres of their cells.

    Invariant: the number at a place is that of the surface at this place, whatever the size of the pixels. NaN where
    the nearest cell has no answer, and outside the surface; where a neighbour has none, the others speak for it.

    Yields
    ------
    array of shape (rows, columns) of `raster`, for each surface
    """
    first = surfaces[0]
    x, y = transformer(raster.crs, first.crs).transform(*raster.centres())
    column, row = (x - first.left) / first.cell_m - 0.5, (first.top - y) / first.cell_m - 0.5
    for surface in surfaces:
        yield _bilinear(surface.values, row, column)


def _bilinear(values: NDArray[np.float32], row: Floats, column: Floats) -> Floats:
    """Read an array at places between its cells, as sums and weights of the cells that have an answer."""
    rows, columns = values.shape
    there = np.isfinite(values)
    known = np.where(there, values, np.float32(0))
    k, m = np.floor(row + 0.5).astype(int), np.floor(column + 0.5).astype(int)
    inside = (k >= 0) & (k < rows) & (m >= 0) & (m < columns)
    inside &= there[np.clip(k, 0, rows - 1), np.clip(m, 0, columns - 1)]
    above, left = np.floor(row).astype(int), np.floor(column).astype(int)
    down, right = row - above, column - left
    sums, weights = np.zeros(row.shape), np.zeros(row.shape)
    for below, part in ((0, 1 - down), (1, down)):
        i = np.clip(above + below, 0, rows - 1)
        for beside, share in ((0, 1 - right), (1, right)):
            j = np.clip(left + beside, 0, columns - 1)
            sums += part * share * known[i, j]
            weights += part * share * there[i, j]
    return np.where(inside, sums / np.where(weights > 0, weights, 1.0), np.nan)


def palette_png(classes: NDArray[np.uint8], colours: Sequence[str]) -> bytes:
    """Write classes as a PNG of few colours; class 0 is clear, class k has the colour k - 1."""
    from PIL import Image

    image = Image.fromarray(classes, mode="P")
    image.putpalette([0, 0, 0, *(int(colour[i : i + 2], 16) for colour in colours for i in (1, 3, 5))])
    bits = 1 if len(colours) < 2 else 2 if len(colours) < 4 else 4
    stream = io.BytesIO()
    image.save(stream, format="PNG", transparency=0, bits=bits, optimize=True)
    return stream.getvalue()


def data_uri(png: bytes) -> str:
    """Write a PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
