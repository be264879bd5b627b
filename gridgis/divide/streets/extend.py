"""Dead ends that almost reach a line are prolonged to it, so that blocks close."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.divide.streets.plan import with_vertices
from gridgis.geometry.noding import GRID_M, Bools, Floats, Geometries, Ints, as_array


def extend_dead_ends(
    lines: gpd.GeoDataFrame, *, targets: Geometries, buildings: Geometries, reach_m: float, snap_m: float
) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Noded lines, followed by the straight pieces that join dead ends to the next line.

    Invariant: a piece ends on a line or target and meets no building. It goes to the nearest place
    within `snap_m`, whatever its direction; else straight on, by at most `reach_m`, to the first
    line that it meets. It has the columns of its line.

    Parameters
    ----------
    lines : GeoDataFrame of LineString, noded, metres
    targets : array of LineString
        Barriers and borders of zones.
    buildings : array of Polygon
    reach_m, snap_m : float
    """
    shapes = as_array(lines.geometry)
    owner, end, ahead = dead_ends(shapes)
    others = np.concatenate([shapes, targets])
    hit = _nearest(owner, end, others, snap_m)
    open_ = np.flatnonzero(np.isnan(hit[:, 0]))
    hit[open_] = _first_ahead(owner[open_], end[open_], ahead[open_] * reach_m, others)
    met = np.isfinite(hit).all(axis=1) & (np.hypot(*(hit - end).T) >= GRID_M)
    pieces = shapely.linestrings(np.stack([end[met], hit[met]], axis=1)) if met.any() else np.zeros(0, dtype=object)
    free = ~_meets(pieces, buildings)
    rows = lines.iloc[owner[met][free]].assign(geometry=pieces[free])
    tied = lines.assign(geometry=with_vertices(shapes, shapely.get_point(pieces[free], -1)))
    both = pd.concat([tied, rows], ignore_index=True) if len(rows) else lines
    return both, {"dead ends extended": int(free.sum())}


def dead_ends(lines: Geometries) -> tuple[Ints, Floats, Floats]:
    """Find ends where no other end lies: line, point (n, 2), unit direction out of the line (n, 2)."""
    if not len(lines):
        return np.zeros(0, dtype=np.int64), np.zeros((0, 2)), np.zeros((0, 2))
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    last = np.r_[first[1:], len(xy)] - 1
    end = np.concatenate([xy[first], xy[last]])
    before = np.concatenate([xy[first + 1], xy[last - 1]])
    line = np.concatenate([owner[first], owner[last]])
    _, node, count = np.unique(np.rint(end / GRID_M).astype(np.int64), axis=0, return_inverse=True, return_counts=True)
    alone = count[node.ravel()] == 1
    step = end[alone] - before[alone]
    return line[alone], end[alone], step / np.maximum(np.hypot(*step.T), 1e-12)[:, None]


def _first_ahead(owner: Ints, end: Floats, step: Floats, lines: Geometries) -> Floats:
    """Find the point nearest to each end where its ray meets a line other than its own; nan where there is none."""
    if not len(end):
        return np.full(end.shape, np.nan)
    rays = shapely.linestrings(np.stack([end, end + step], axis=1))
    ray, line = shapely.STRtree(lines).query(rays, predicate="intersects")
    other = line != owner[ray]
    ray, line = ray[other], line[other]
    return _shortest(end, ray, shapely.intersection(rays[ray], lines[line]))


def _nearest(owner: Ints, end: Floats, lines: Geometries, within_m: float) -> Floats:
    """Find the point nearest to each end on a line other than its own; nan where none is near."""
    if not len(end):
        return np.full(end.shape, np.nan)
    row, line = shapely.STRtree(lines).query(shapely.points(end), predicate="dwithin", distance=within_m)
    other = line != owner[row]
    return _shortest(end, row[other], lines[line[other]])


def _shortest(end: Floats, row: Ints, shapes: Geometries) -> Floats:
    """Take for each end the nearest point of its shapes, on the grid; nan where it has none."""
    out = np.full(end.shape, np.nan)
    way = shapely.shortest_line(shapely.points(end[row]), shapes)
    order = np.lexsort((np.arange(len(row)), shapely.length(way), row))
    row, first = np.unique(row[order], return_index=True)
    out[row] = np.round(shapely.get_coordinates(shapely.get_point(way[order][first], -1)), 2)
    return out


def _meets(pieces: Geometries, solids: Geometries) -> Bools:
    """Whether each piece touches a solid."""
    out = np.zeros(len(pieces), dtype=bool)
    if len(pieces) and len(solids):
        out[shapely.STRtree(solids).query(pieces, predicate="intersects")[0]] = True
    return out
