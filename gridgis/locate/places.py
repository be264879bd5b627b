"""Grids and micro-grids of a division, ready for points to be looked up in them.

Invariant: a point has one grid and one micro-grid, that of the smallest code among the grids that cover it, and among
the micro-grids of that grid. What is asked about a point alone and among millions has the same answer.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from gridgis.crs import horizontal, metric_crs, parsed, scale_m, transform
from gridgis.geometry.borders import sum_by
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints
from gridgis.locate.borders import BorderNames
from gridgis.locate.circles import Shares, in_order, shares
from gridgis.locate.layer import Layer, parents
from gridgis.locate.raster import Int32s
from gridgis.schema import Division

WIDE = 200
"""Circles of a radius of more cells are compared with whole polygons."""
POINT_M = 0.001
"""Radius of the circle of a point that is exact: it tells in which parts the grids meet there."""
SAME_M = 1e-6
"""Distances that differ by less are the same."""
DISC = shapely.Point(0, 0).buffer(1, quad_segs=64)


class Homes(NamedTuple):
    """Grid and micro-grid of each point, -1 for none, and whether several grids cover it."""

    grid: Int32s
    microgrid: Int32s
    tied: Bools


@dataclass(frozen=True)
class Places:
    """The grids and the micro-grids of a division, each a layer."""

    grids: Layer
    microgrids: Layer
    border_lines: gpd.GeoDataFrame | None = None

    @classmethod
    def of(cls, division: Division) -> Places:
        """The places of a division."""
        layers = Layer.of(division.grids, "grid_code"), Layer.of(division.microgrids, "microgrid_code")
        return cls(*layers, division.borders if len(division.borders) else None)

    @cached_property
    def borders(self) -> BorderNames | None:
        """What lies under the edges of the grids, where the division tells it."""
        return None if self.border_lines is None else BorderNames.of(self.border_lines, self.grids.edges)

    @cached_property
    def parent(self) -> Int32s:
        """The grid of each micro-grid."""
        return parents(self.microgrids.codes, self.grids.codes)

    @cached_property
    def nested(self) -> bool:
        """Whether micro-grids tile their grids with the same vertices: then one look-up finds both."""
        mine = self.parent >= 0
        whole = sum_by(self.microgrids.boundaries[mine], self.parent[mine].astype(np.int64), len(self.grids.codes))
        return bool(mine.all()) and bool((whole == self.grids.boundaries).all())

    @cached_property
    def metric(self) -> CRS:
        """The CRS in which distances are taken."""
        return metric_crs(self.crs, tuple(shapely.total_bounds(self.grids.polygons)))

    @cached_property
    def metric_grids(self) -> Layer:
        """The grids in metres."""
        return self._in_metres_all(self.grids)

    @cached_property
    def metric_microgrids(self) -> Layer:
        """The micro-grids in metres."""
        return self._in_metres_all(self.microgrids)

    @cached_property
    def by_grid(self) -> tuple[Ints, Int32s]:
        """The micro-grids in the order of their grids, then of their codes, and the grid of each."""
        order = np.argsort(self.parent, kind="stable")
        return order, self.parent[order]

    def warm(self) -> None:
        """Make what many points need, before threads share it; the layers side by side."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Layer.warm, (self.grids, self.microgrids)))
        self.nested, self.borders  # noqa: B018

    def homes(self, x: Floats, y: Floats) -> Homes:
        """Grid and micro-grid of each point.

        Parameters
        ----------
        x, y : float array, shape (n,)
            In the CRS of the division; a point with a coordinate that is not finite has none.
        """
        found = self.microgrids.covering(x, y)
        if self.nested:
            grid = np.where(found.polygon >= 0, self.parent[found.polygon], np.int32(-1)).astype(np.int32)
            return Homes(grid, found.polygon, self._tied(x, y, np.flatnonzero(found.on_edge)))
        grids = self.grids.covering(x, y)
        micro = np.where((found.polygon >= 0) & (grids.polygon >= 0), found.polygon, np.int32(-1))
        strange = np.flatnonzero((grids.polygon >= 0) & ((micro < 0) | (self.parent[micro] != grids.polygon)))
        micro[strange] = self.microgrid_in(x[strange], y[strange], grids.polygon[strange])
        return Homes(grids.polygon, micro.astype(np.int32), self._tied(x, y, np.flatnonzero(grids.on_edge)))

    def microgrid_in(self, x: Floats, y: Floats, grid: Int32s) -> Int32s:
        """The micro-grid of a given grid that covers each point; where none does, the nearest of the grid."""
        out = np.full(len(x), -1, dtype=np.int32)
        point, micro = self.microgrids.all_covering(x, y)
        mine = self.parent[micro] == grid[point]
        point, micro = point[mine], micro[mine]
        out[point[::-1]] = micro[::-1]
        lost = np.flatnonzero(out < 0)
        out[lost] = self.nearest_microgrid(x[lost], y[lost], grid[lost])
        return out

    def near(self, x: Floats, y: Floats, grid: Int32s, *, radius_m: Floats) -> Shares:
        """Grids within reach of points that have their border within reach; see :func:`circles.shares`."""
        radius = np.maximum(radius_m, POINT_M)
        scale = scale_m(self.crs, y)
        known = np.isfinite(x) & np.isfinite(y)
        if not self.grids.is_coverage:
            return self._near_by_shape(x, y, grid, np.flatnonzero(known), radius, scale)
        cells = self.grids.raster
        wide = radius > WIDE * np.minimum(cells.width * scale[0], cells.height * scale[1])
        some = np.flatnonzero(known & ~wide)
        rim = self.grids.covering(x[some] + radius[some] / scale[0][some], y[some]).polygon
        found = shares(
            cells,
            x[some],
            y[some],
            own=grid[some],
            rim=rim,
            radius_m=radius[some],
            scale=(scale[0][some], scale[1][some]),
        )
        if len(some) == len(x):
            return found
        return _both(
            found._replace(point=some[found.point]),
            some,
            self._near_by_shape(x, y, grid, np.flatnonzero(known & wide), radius, scale),
        )

    def distances(self, x: Floats, y: Floats) -> tuple[Int32s, Floats]:
        """The nearest grid of each point, that of the smallest code where several are, and the distance in metres."""
        here = self._in_metres(x, y)
        grid, distance = np.full(len(x), -1, dtype=np.int32), np.full(len(x), np.inf)
        known = np.flatnonzero(np.isfinite(shapely.get_x(here)) & np.isfinite(shapely.get_y(here)))
        if not len(known):
            return grid, distance
        (point, polygon), gap = self.metric_grids.tree.query_nearest(here[known], return_distance=True)
        order = np.lexsort((-polygon, -point))
        grid[known[point[order]]], distance[known[point[order]]] = polygon[order], gap[order]
        return grid, distance

    def apart_m(self, x: Floats, y: Floats, grid: Int32s) -> Floats:
        """Metres from each point to a given grid, 0 in it."""
        return np.asarray(shapely.distance(self._in_metres(x, y), self.metric_grids.polygons[grid]), dtype=np.float64)

    def nearest_microgrid(self, x: Floats, y: Floats, grid: Int32s) -> Int32s:
        """The nearest micro-grid of a given grid, that of the smallest code where several are; -1 where it has none."""
        point, micro, gap = self._within(x, y, grid)
        out = np.full(len(x), -1, dtype=np.int32)
        least = np.full(len(x), np.inf)
        np.minimum.at(least, point, gap)
        near = gap <= least[point] + SAME_M
        out[point[near][::-1]] = micro[near][::-1]
        return out

    def _within(self, x: Floats, y: Floats, grid: Int32s) -> tuple[Ints, Ints, Floats]:
        """Pairs of a point and a micro-grid of its grid, in the order of both, and how far they are apart."""
        known = np.flatnonzero(grid >= 0)
        order, parent = self.by_grid
        start, end = (np.searchsorted(parent, grid[known], side=side) for side in ("left", "right"))
        point = np.repeat(known, end - start)
        turn = np.arange(len(point)) - np.repeat(np.cumsum(end - start) - (end - start), end - start)
        micro = order[np.repeat(start, end - start) + turn]
        gap = shapely.distance(self._in_metres(x, y)[point], self.metric_microgrids.polygons[micro])
        return point, micro, gap

    @cached_property
    def crs(self) -> CRS:
        """The CRS of the division."""
        return horizontal(parsed(self.grids.crs))

    def _in_metres(self, x: Floats, y: Floats) -> Geometries:
        return transform(shapely.points(x, y), self.crs, self.metric)

    def _in_metres_all(self, layer: Layer) -> Layer:
        return Layer(layer.codes, transform(layer.polygons, self.crs, self.metric), self.metric)

    def _tied(self, x: Floats, y: Floats, some: Ints) -> Bools:
        """Whether two grids cover a point; only points on an edge can be."""
        out = np.zeros(len(x), dtype=np.bool_)
        if not len(some):
            return out
        point, _ = self.grids.all_covering(x[some], y[some])
        out[some] = np.bincount(point, minlength=len(some)) > 1
        return out

    def _near_by_shape(
        self, x: Floats, y: Floats, grid: Int32s, some: Ints, radius: Floats, scale: tuple[Floats, Floats]
    ) -> Shares:
        """The same by overlay with a circle of many corners, in a plane around each point."""
        point, polygon = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        share, distance = np.zeros(0), np.zeros(0)
        for k in some:
            at, part, gap = self._parts(x[k], y[k], scale[0][k] / radius[k], scale[1][k] / radius[k])
            if (part > 1 - SAME_M).any() or not len(at):
                continue
            rest = max(0.0, 1 - float(part.sum()))
            if rest > SAME_M:
                at, part, gap = np.append(at, -1), np.append(part, rest), np.append(gap, float(grid[k] >= 0))
            point = np.append(point, np.full(len(at), k))
            polygon, share, distance = (
                np.append(polygon, at),
                np.append(share, part),
                np.append(distance, gap * radius[k]),
            )
        return in_order(point, polygon, share, distance, np.full(len(x), -1, dtype=np.int32))

    def _parts(self, x: float, y: float, across: float, up: float) -> tuple[Ints, Floats, Floats]:
        """Grids in the circle around a point, the part of it in each, and their distance in radii."""
        at = np.sort(self.grids.tree.query(shapely.box(x - 1 / across, y - 1 / up, x + 1 / across, y + 1 / up)))
        moved = shapely.transform(self.grids.polygons[at], lambda xy: (xy - (x, y)) * (across, up))
        gap = shapely.distance(shapely.Point(0, 0), moved)
        part = shapely.area(shapely.intersection(moved, DISC)) / DISC.area
        return at[gap < 1], part[gap < 1], gap[gap < 1]


def _both(one: Shares, rows: Ints, other: Shares) -> Shares:
    """Two sets of points in one; `rows` are the points of the first."""
    edge = other.edge.copy()
    edge[rows] = one.edge
    point, polygon = np.concatenate([one.point, other.point]), np.concatenate([one.polygon, other.polygon])
    share, distance = np.concatenate([one.share, other.share]), np.concatenate([one.distance_m, other.distance_m])
    return in_order(point, polygon, share, distance, edge)
