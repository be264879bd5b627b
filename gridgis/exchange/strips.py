"""Strips of land that belong to nobody yet: cut where the borders beside them meet, and given to neighbours."""

from __future__ import annotations

import numpy as np
import shapely

from gridgis.geometry.borders import adjacency
from gridgis.geometry.components import sums
from gridgis.geometry.noding import Floats, Geometries, Ints, as_array

BESIDE_M = 0.02
"""A polygon no further than this from the middle of an edge lies along it."""

BEYOND_M = 0.001
"""A cut reaches this far over the edge in which it ends, so that it is cut through."""


def cut(strip: shapely.Geometry, beside: Geometries) -> Geometries:
    """Pieces of a strip, cut from each point where two polygons beside it meet to the other side.

    A strip between two rows of grids would else go to one grid as an arm along the others.

    Parameters
    ----------
    strip : Polygon, metres
    beside : polygons along its edge; what else lies there is the other side as well

    Returns
    -------
    array of Polygon that make up the strip.
    """
    rungs = [rung for ring in shapely.get_rings(strip) for rung in _rungs(shapely.get_coordinates(ring), beside)]
    if not rungs:
        return as_array([strip])
    lines = shapely.union_all([shapely.boundary(strip), *rungs])
    pieces = shapely.get_parts(shapely.polygonize([lines]))
    # a point on the surface of a piece this thin may lie on its edge: the land in common tells
    return pieces[2 * shapely.area(shapely.intersection(pieces, strip)) > shapely.area(pieces)]


def given(pieces: Geometries, label: Ints) -> Ints:
    """The label of each piece, -1 replaced by that of the neighbour with the longest common border.

    Pieces that only touch other pieces of nobody follow these; ties go to the smaller label. What touches nothing
    stays -1.

    Parameters
    ----------
    pieces : a coverage, metres
    """
    label = label.copy()
    if not (label < 0).any():
        return label
    pairs, length = adjacency(pieces)
    sides = np.concatenate([pairs, pairs[:, ::-1]])
    metres = np.concatenate([length, length])
    while (label < 0).any():
        open_ = (label[sides[:, 0]] < 0) & (label[sides[:, 1]] >= 0)
        if not open_.any():
            break
        _give(label, sides[open_, 0], label[sides[open_, 1]], metres[open_])
    return label


def _give(label: Ints, piece: Ints, to: Ints, metres: Floats) -> None:
    """Label each of some pieces by the class with which it has most border."""
    n = int(to.max()) + 1
    key, at = np.unique(piece * n + to, return_inverse=True)
    total = sums(at, metres)
    who, best = np.divmod(key, n)
    order = np.lexsort((best, -total, who))
    first = order[np.unique(who[order], return_index=True)[1]]
    label[who[first]] = best[first]


def _rungs(xy: Floats, beside: Geometries) -> list[shapely.Geometry]:
    """Lines across a strip from the points of one ring where two polygons meet."""
    middle = shapely.points((xy[:-1] + xy[1:]) / 2)
    edge, owner = shapely.STRtree(beside).query_nearest(middle, max_distance=BESIDE_M, all_matches=False)
    side = np.full(len(middle), -1, dtype=np.int64)
    side[edge] = owner
    edges = shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1))
    out = []
    for k in np.flatnonzero(side != np.roll(side, 1)):
        left, right = side[k - 1], side[k]
        other = edges[(side != left) & (side != right)]
        if min(left, right) < 0 or not len(other):
            continue
        line = shapely.shortest_line(shapely.Point(xy[k]), shapely.multilinestrings(other))
        if shapely.length(line) > 0:
            out.append(_prolonged(line))
    return out


def _prolonged(line: shapely.Geometry) -> shapely.Geometry:
    start, end = shapely.get_coordinates(line)
    return shapely.LineString([start, end + (end - start) * (BEYOND_M / np.hypot(*(end - start)))])
