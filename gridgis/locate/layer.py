"""One layer of polygons to look points up in.

Invariant: rows stand in the order of their codes, so that the smallest index is the smallest code; many points at
once and one alone get the same answer, on a valid coverage and on polygons that overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from gridgis.geometry.borders import Edges, Keys, boundary_keys, directed_edges, shared_edges
from gridgis.geometry.noding import Floats, Geometries, Ints, as_array
from gridgis.locate.kernel import Found, covering
from gridgis.locate.raster import Int32s, Raster, raster

MANY = 2_000
"""Points from which on a raster is worth its making."""


@dataclass(frozen=True)
class Layer:
    """Polygons in the order of their codes.

    Attributes
    ----------
    codes : array of text, shape (n,)
    polygons : array of Polygon and MultiPolygon, shape (n,)
    crs : of the polygons
    """

    codes: Geometries
    polygons: Geometries
    crs: Any

    @classmethod
    def of(cls, frame: gpd.GeoDataFrame, key: str) -> Layer:
        """The layer of a frame with codes in the column `key`."""
        ordered = frame.sort_values(key, kind="stable")
        return cls(ordered[key].to_numpy(dtype=object), as_array(ordered.geometry), frame.crs)

    @property
    def edges(self) -> Edges:
        """The edges of all polygons, each once."""
        return self._borders[0]

    @property
    def boundaries(self) -> Keys:
        """The key of the boundary of each polygon, see :func:`gridgis.geometry.borders.boundary_keys`."""
        return self._borders[1]

    @cached_property
    def _borders(self) -> tuple[Edges, Keys]:
        """Edges and keys, of one walk along all borders."""
        directed = directed_edges(self.polygons)
        edges = shared_edges(self.polygons, directed=directed)
        return edges, boundary_keys(self.polygons, directed=directed)

    @cached_property
    def is_coverage(self) -> bool:
        """Whether the polygons neither overlap nor meet with other vertices; only then the raster is exact."""
        edges = self.edges
        once = not ((edges.n_left > 1) | (edges.n_right > 1)).any()
        return once and bool(shapely.coverage_is_valid(self.polygons))

    @cached_property
    def raster(self) -> Raster:
        """The cells over the polygons."""
        return raster(self.edges)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The index for single points, and for polygons that are no coverage."""
        return shapely.STRtree(self.polygons)

    def warm(self) -> None:
        """Make what many points need."""
        if self.is_coverage:
            self.raster  # noqa: B018

    def covering(self, x: Floats, y: Floats) -> Found:
        """The polygon with the smallest code that covers each point.

        Parameters
        ----------
        x, y : float array, shape (n,)
            In the CRS of the layer; a point with a coordinate that is not finite lies in none.
        """
        made = "raster" in self.__dict__
        if (made or len(x) >= MANY) and self.is_coverage:
            return covering(self.raster, x, y)
        return self._by_tree(x, y)

    def all_covering(self, x: Floats, y: Floats) -> tuple[Ints, Ints]:
        """Every pair of a point and a polygon that covers it, in the order of the points, then of the codes."""
        finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        k, polygon = self.tree.query(shapely.points(x[finite], y[finite]), predicate="intersects")
        order = np.lexsort((polygon, k))
        return finite[k[order]], polygon[order]

    def _by_tree(self, x: Floats, y: Floats) -> Found:
        point, polygon = self.all_covering(x, y)
        found, on_edge = np.full(len(x), -1, dtype=np.int32), np.zeros(len(x), dtype=np.bool_)
        first = np.concatenate([[True], point[1:] != point[:-1]])[: len(point)]
        found[point[first]] = polygon[first]
        here = shapely.points(x[point], y[point])
        inside = shapely.contains_properly(self.polygons[polygon], here)
        on_edge[point[~inside]] = True
        return Found(found, on_edge)


def parents(codes: Geometries, of: Geometries) -> Int32s:
    """The row of the parent of each code: the one with which it begins; -1 where there is none.

    Parameters
    ----------
    codes : array of text
    of : array of text, in order
        Codes of the parents, none the beginning of another.
    """
    at = np.searchsorted(of.astype(str), codes.astype(str), side="right") - 1
    mine = [0 <= k < len(of) and code.startswith(of[k]) for k, code in zip(at, codes, strict=True)]
    return np.where(mine, at, -1).astype(np.int32)
