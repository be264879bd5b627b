"""What lies under the border beside a point, and on which side of it the point is."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gridgis.geometry.borders import Edges, edge_keys
from gridgis.geometry.noding import Floats, Geometries, Ints, as_array
from gridgis.locate.raster import Int32s
from gridgis.schema import OFF_STREET

COMPASS = np.array(["east", "northeast", "north", "northwest", "west", "southwest", "south", "southeast"], dtype=object)
ON_IT_M = 0.001
"""A point no further off a border is on it."""


@dataclass(frozen=True)
class BorderNames:
    """Name of what lies under each edge of the grids.

    Attributes
    ----------
    names : array of text
    of_edge : int array, shape (edges,)
        Which name; -1 where nothing is known.
    """

    names: Geometries
    of_edge: Int32s

    @classmethod
    def of(cls, borders: gpd.GeoDataFrame, edges: Edges) -> BorderNames:
        """Names of edges from the layer of borders, whose lines have the same vertices."""
        told = borders["name"].where(borders["name"].fillna("").ne(""), borders["border_class"].str.replace("_", " "))
        told = told.where(borders["border_class"] != OFF_STREET)
        code, names = told.factorize()
        xy, line = shapely.get_coordinates(as_array(borders.geometry), return_index=True)
        same = line[1:] == line[:-1]
        keys = edge_keys(xy[:-1][same], xy[1:][same])
        order = np.argsort(keys, kind="stable")
        wanted = edge_keys(edges.a, edges.b)
        at = np.searchsorted(keys[order], wanted).clip(max=max(len(keys) - 1, 0))
        known = keys[order][at] == wanted if len(keys) else np.zeros(len(wanted), dtype=np.bool_)
        name = code[line[:-1][same]][order][at] if len(keys) else np.zeros(len(wanted), dtype=np.int64)
        return cls(np.asarray(names, dtype=object), np.where(known, name, -1).astype(np.int32))

    def told(self, edges: Edges, edge: Ints, x: Floats, y: Floats, scale: tuple[Floats, Floats]) -> Geometries:
        """Where points lie to the border nearest to them, in words, such as "south of 中山路".

        Parameters
        ----------
        edge : int array, shape (n,)
            The nearest edge of each point.
        x, y : float array, shape (n,)
        scale : metres in a unit of x and of y
        """
        side = _sides(edges, edge, x, y, scale)
        name = self.of_edge[edge]
        known = np.where(name >= 0, self.names[name] if len(self.names) else "", "a border off the streets")
        return np.asarray(side + known, dtype=object)


def _sides(edges: Edges, edge: Ints, x: Floats, y: Floats, scale: tuple[Floats, Floats]) -> Geometries:
    """In which direction points lie from the line of an edge."""
    unit, here = np.column_stack(scale), np.column_stack([x, y])
    a, way = (edges.a[edge] - here) * unit, (edges.b[edge] - edges.a[edge]) * unit
    off = (a[:, 0] * way[:, 1] - a[:, 1] * way[:, 0]) / np.hypot(*way.T)
    angle = np.arctan2(way[:, 0], -way[:, 1])  # of the left side
    angle = np.where(off > 0, angle, angle + np.pi)
    octant = np.round(angle / (np.pi / 4)).astype(np.int64) % 8
    return np.where(np.abs(off) <= ON_IT_M, "on ", COMPASS[octant] + " of ")
