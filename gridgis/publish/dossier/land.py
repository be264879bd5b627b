"""What the maps of a dossier are drawn of: land and lines in one plane in metres, and tints that part neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.geometry.borders import adjacency
from gridgis.geometry.noding import Geometries, Ints, as_array
from gridgis.publish.border_lines import drawn_borders, stroke_of
from gridgis.publish.light import in_metres
from gridgis.schema import Division

TINTS = ("#e3edf0", "#f3ead6", "#e6efdd", "#f1e3e3", "#e4e4f1", "#f4f1e1")
"""Of communities, and of grids on the map of one: light, so that lines and letters are read on them. On a sheet
without colour, borders part them."""
OWN_TINTS = {"dedicated": "#d9c9de", "street": "#d8d4c8"}
"""Of zones that are cut out of communities."""


GROUND = ("lane", "street", "main", "rail", "river")
"""Strokes of what can be seen on the ground; the other ones are edges of property, or of nothing."""


@dataclass(frozen=True)
class Land:
    """A division in metres, ready to be drawn.

    Attributes
    ----------
    zones, grids, microgrids : GeoDataFrame
        Zones and grids with a `tint`; neighbours have different ones.
    lines : GeoDataFrame
        Every border once, as :func:`gridgis.publish.border_lines.drawn_borders` gives it.
    names : GeoDataFrame
        `name` and lines of named streets, rivers and rails under borders, each as long as it runs.
    streets : GeoDataFrame
        `zone_code`, `stroke`, `name` and lines of all that lies under the borders of atoms, streets inside grids among
        them; without a row where the division does not tell.
    crs : of the division; the plane is that, or one in metres
    """

    zones: gpd.GeoDataFrame
    grids: gpd.GeoDataFrame
    microgrids: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    names: gpd.GeoDataFrame
    streets: gpd.GeoDataFrame
    crs: CRS

    @classmethod
    def of(cls, division: Division, *, tolerance_m: float = 0.0) -> Land:
        """Make it of a division in any CRS, simplified as one coverage by a tolerance."""
        metric = in_metres(division, tolerance_m=tolerance_m)
        zones = metric.zones.assign(tint=parted(metric.zones))
        own = zones["kind"].map(OWN_TINTS)
        zones["tint"] = own.where(own.notna(), zones["tint"])
        grids = metric.grids.assign(tint=parted(metric.grids))
        lines = drawn_borders(metric, tolerance_m=tolerance_m).reset_index(drop=True)
        streets = _streets(division.lines, CRS(metric.zones.crs))
        return cls(zones, grids, metric.microgrids, lines, named(metric.borders), streets, CRS(metric.zones.crs))

    def near(self, frame: gpd.GeoDataFrame, bounds: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
        """Rows whose geometry meets a box, in their order."""
        return frame.iloc[np.sort(frame.sindex.query(shapely.box(*bounds), predicate="intersects"))]


def parted(frame: gpd.GeoDataFrame, *, tints: Sequence[str] = TINTS) -> list[str]:
    """A tint for each shape of a coverage, the first that no neighbour before it has.

    The shapes with fewest neighbours come last (Matula and Beck 1983), so that six tints part all that are of one
    piece; where several pieces leave none, the tint is that of fewest neighbours.
    """
    pairs, _ = adjacency(as_array(frame.geometry))
    beside: list[set[int]] = [set() for _ in range(len(frame))]
    for i, j in pairs.tolist():
        beside[i].add(j)
        beside[j].add(i)
    out: dict[int, int] = {}
    for k in _smallest_last(beside):
        taken = [out[other] for other in beside[k] if other in out]
        out[k] = min(range(len(tints)), key=lambda tint: (taken.count(tint), tint))
    return [tints[out[k]] for k in range(len(frame))]


def _smallest_last(beside: Sequence[set[int]]) -> list[int]:
    """Nodes of a graph, each after those that have more neighbours among what is left; of two alike the first one."""
    left = [len(others) for others in beside]
    heap = [(number, k) for k, number in enumerate(left)]
    heapify(heap)
    order: list[int] = []
    gone: set[int] = set()
    while heap:
        number, k = heappop(heap)
        if k in gone or number != left[k]:
            continue
        gone.add(k)
        order.append(k)
        for other in sorted(beside[k] - gone):
            left[other] -= 1
            heappush(heap, (left[other], other))
    return order[::-1]


def clipped(lines: gpd.GeoDataFrame, shape: Any, *, beyond: float) -> gpd.GeoDataFrame:
    """Lines as far as they lie in a shape or on its border."""
    near = lines.iloc[np.sort(lines.sindex.query(shape, predicate="dwithin", distance=beyond))]
    return near.set_geometry(
        gpd.GeoSeries(
            shapely.intersection(as_array(near.geometry), shape.buffer(beyond)), index=near.index, crs=lines.crs
        )
    )


def named(borders: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Lines that have a name, sewn by it, in the order of the names, the longest first."""
    told = borders[borders["name"].fillna("") != ""]
    if not len(told):
        return gpd.GeoDataFrame({"name": pd.Series(dtype=object)}, geometry=[], crs=borders.crs)
    names, group = np.unique(told["name"].to_numpy(dtype=str), return_inverse=True)
    parts, owner = _sewn(as_array(told.geometry), group.astype(np.int64))
    order = np.lexsort((-shapely.length(parts), owner))
    table = {"name": names[owner[order]].astype(object)}
    return gpd.GeoDataFrame(table, geometry=parts[order], crs=borders.crs)


def _streets(lines: gpd.GeoDataFrame, crs: CRS) -> gpd.GeoDataFrame:
    """Lines of the ground among those that lie under atoms, in a plane."""
    streets = lines.assign(stroke=stroke_of(lines["border_class"]))
    streets = streets[streets["stroke"].isin(GROUND)]
    return streets[["zone_code", "stroke", "name", "geometry"]].to_crs(crs).reset_index(drop=True)


def _sewn(lines: Geometries, group: Ints) -> tuple[Geometries, Ints]:
    order = np.argsort(group, kind="stable")
    parts, of = shapely.get_parts(lines[order], return_index=True)
    merged = shapely.line_merge(shapely.multilinestrings(parts, indices=group[order][of]))
    return shapely.get_parts(merged, return_index=True)
