"""Where a heat map has an answer: on land, or within the zones.

Invariant: a pixel has an answer where its centre lies inside the area, by the rule of even and odd on the area's edges
in the web map. It depends on the place alone, so masks of neighbouring tiles fit together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from gridgis.crs import transformer
from gridgis.errors import Fault, refuse
from gridgis.heat.tile import PIXELS, WEB, Tile, tile_bounds
from gridgis.kept import Kept, bytes_of

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

ROOM = 16 << 20
"""Bytes of masks of tiles that are kept: some 250 tiles."""


@dataclass(frozen=True)
class Mask:
    """An area with an answer inside.

    Attributes
    ----------
    land : array of polygons or None
        Whatever lies outside is masked; None: everything but `water` has an answer.
    water : array of polygons or None
        Whatever lies inside is masked.
    crs : str
        Of both.
    """

    land: NDArray[np.object_] | None
    water: NDArray[np.object_] | None
    crs: str
    _edges: list[Floats] = field(repr=False, compare=False)
    _kept: Kept[Bools] = field(repr=False, compare=False)

    @classmethod
    def of(cls, *, land: gpd.GeoDataFrame | None = None, water: gpd.GeoDataFrame | None = None) -> Mask:
        """Make a mask of layers of polygons, such as the zones and `natural=water`.

        Raises
        ------
        InputRefused
            Where a layer has no CRS, or no polygon.
        """
        layers = {name: layer for name, layer in (("land", land), ("water", water)) if layer is not None}
        refuse(fault for name, layer in layers.items() if (fault := _fault(name, layer)))
        united: dict[str, NDArray[np.object_]] = {
            name: _united(layer.to_crs(WEB).geometry.to_numpy()) for name, layer in layers.items()
        }
        edges = [_edges(united[name]) if name in united else np.empty((0, 4)) for name in ("land", "water")]
        return cls(united.get("land"), united.get("water"), WEB, edges, Kept(ROOM, bytes_of))

    def tile(self, tile: Tile) -> Bools:
        """Which pixels of a tile have an answer, shape (256, 256)."""
        return self._kept.get(tile, lambda: self._tile(tile))

    def _tile(self, tile: Tile) -> Bools:
        west, _, east, north = tile_bounds(tile)
        land, water = (_inside(edges, west, north, (east - west) / PIXELS, PIXELS) for edges in self._edges)
        return ~water if self.land is None else land & ~water

    def at(self, x: Floats, y: Floats, crs: str) -> Bools:
        """Which places of any plane have an answer."""
        east, north = transformer(crs, WEB).transform(x, y)
        inside = np.ones(np.shape(x), dtype=np.bool_)
        for shapes, wanted in ((self.land, True), (self.water, False)):
            if shapes is not None:
                for shape in shapes:
                    shapely.prepare(shape)
                found = np.zeros(np.shape(x), dtype=np.bool_)
                for shape in shapes:
                    found |= shapely.contains_xy(shape, east, north)
                inside &= found == wanted
        return inside


def _fault(name: str, layer: gpd.GeoDataFrame) -> Fault | None:
    if layer.crs is None:
        return Fault(name, "", "has no CRS", "Set it, such as EPSG:4326")
    if not (shapely.get_dimensions(layer.geometry.to_numpy()) == 2).any():
        return Fault(name, "", "has no polygon", "Give polygons of land or water")
    return None


def _united(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """The polygons as some that do not overlap: by the rule of even and odd an overlap would count as outside."""
    areas = shapes[shapely.get_dimensions(shapes) == 2]
    broken = ~shapely.is_valid(areas)
    areas[broken] = shapely.make_valid(areas[broken])
    return shapely.get_parts(shapely.union_all(areas))


def _edges(shapes: NDArray[np.object_]) -> Floats:
    rings = shapely.get_rings(shapes)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    return np.ascontiguousarray(np.hstack([xy[:-1][same], xy[1:][same]]))


@njit(cache=True, error_model="numpy", nogil=True)
def _inside(edges: Floats, west: float, north: float, side: float, pixels: int) -> Bools:
    """Pixels whose centre has an odd number of edges to its west."""
    out = np.zeros((pixels, pixels), dtype=np.bool_)
    for k in range(len(edges)):
        x0, y0, x1, y1 = edges[k]
        first = max(0, int(np.ceil((north - max(y0, y1)) / side - 0.5)))
        last = min(pixels - 1, int(np.floor((north - min(y0, y1)) / side - 0.5)) + 1)
        for row in range(first - 1 if first > 0 else 0, last + 1):
            y = north - (row + 0.5) * side
            if (y0 <= y) == (y1 <= y):
                continue
            x = x0 + (x1 - x0) * ((y - y0) / (y1 - y0))
            column = max(0.0, np.ceil((x - west) / side - 0.5))
            if column < pixels:
                out[row, int(column)] ^= True
    for row in range(pixels):
        for column in range(1, pixels):
            out[row, column] ^= out[row, column - 1]
    return out
