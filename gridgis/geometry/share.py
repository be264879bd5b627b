"""Which polygon of a coverage holds most of a thing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.geometry.components import sums
from gridgis.geometry.noding import Floats, Geometries, Ints, first_hit

HALF = 0.5
"""A polygon of which a thing covers more than this share is lost to its class where the thing goes elsewhere."""


STARVED = 0.4
"""A class is home to all that lies on it where things at home elsewhere would take more than this share of its land."""


@dataclass(frozen=True)
class Astride:
    """How things lie on the polygons of a tiling.

    Attributes
    ----------
    beyond : of each thing, how much lies in other polygons than its home, in square units
    swallowed : polygons other than its home of which the thing covers more than half
    """

    beyond: Floats
    swallowed: Ints


def holder(things: Geometries, polygons: Geometries, klass: Ints) -> Ints:
    """Index of the polygon that holds each thing, -1 where none does.

    The home of a thing comes first: the class of polygons (their zone, say) with the largest share of it, but one
    of which it covers more than half, or that things together would take most of, before others. Then the polygon
    of that class with the largest share; ties to the lower number. A point goes to the first polygon that covers
    it.

    Parameters
    ----------
    things : array of Polygon or Point
    polygons : array of Polygon
    klass : class of each polygon
    """
    out = np.full(len(things), -1, dtype=np.int64)
    if not len(things) or not len(polygons):
        return out
    areal = shapely.get_dimensions(things) == 2
    out[~areal] = first_hit(things[~areal], polygons)
    rows = np.flatnonzero(areal)
    thing, polygon, share = _shares(things[rows], polygons)
    whole = sums(klass, shapely.area(polygons))
    home, _, _ = _homes(thing, klass[polygon], share, whole, len(rows))
    mine = klass[polygon] == home[thing]
    out[rows] = _largest(thing[mine], polygon[mine], share[mine], n=len(rows))
    return out


def astride(things: Geometries, polygons: Geometries) -> Astride:
    """How much of each thing lies beyond its home, and what it swallows.

    Parameters
    ----------
    things, polygons : array of Polygon and MultiPolygon; polygons do not overlap
    """
    thing, polygon, area = _shares(things, polygons)
    home, pairs, total = _homes(thing, polygon, area, shapely.area(polygons), len(things))
    away = pairs[:, 1] != home[pairs[:, 0]]
    lost = away & (total > HALF * shapely.area(polygons)[pairs[:, 1]])
    n = len(things)
    return Astride(sums(pairs[away, 0], total[away], n), np.bincount(pairs[lost, 0], minlength=n).astype(np.int64))


def _shares(things: Geometries, polygons: Geometries) -> tuple[Ints, Ints, Floats]:
    """Pairs of things and polygons that meet, and the area that they share; that of a thing in one alone is not cut."""
    thing, polygon = shapely.STRtree(polygons).query(things, predicate="intersects")
    area = shapely.area(things)[thing]
    many = np.bincount(thing, minlength=len(things))[thing] > 1
    area[many] = shapely.area(shapely.intersection(things[thing[many]], polygons[polygon[many]]))
    return thing, polygon, area


def _homes(thing: Ints, klass: Ints, area: Floats, whole: Floats, n: int) -> tuple[Ints, Ints, Floats]:
    """The class where each of `n` things is at home (-1 for none); pairs of thing and class, and what they share."""
    pairs, inverse = np.unique(np.column_stack([thing, klass]), axis=0, return_inverse=True)
    total = sums(inverse.reshape(-1), area, len(pairs))
    first = 2 * (total > HALF * whole[pairs[:, 1]])
    home = _first_home(pairs, total, first, n)
    lost = sums(pairs[:, 1], np.where(home[pairs[:, 0]] == pairs[:, 1], 0.0, total), len(whole))
    starved = (lost > STARVED * whole)[pairs[:, 1]]
    return _first_home(pairs, total, first + starved, n) if starved.any() else home, pairs, total


def _first_home(pairs: Ints, total: Floats, rank: Ints, n: int) -> Ints:
    """The class of each of `n` things with the largest share of it, among those of the highest `rank`."""
    order = np.lexsort((pairs[:, 1], -total, -rank, pairs[:, 0]))
    head, at = np.unique(pairs[order, 0], return_index=True)
    home = np.full(n, -1, dtype=np.int64)
    home[head] = pairs[order, 1][at]
    return home


def _largest(thing: Ints, value: Ints, share: np.ndarray, n: int | None = None) -> Ints:
    """For each thing the value with the largest sum of shares; ties to the lower value; -1 for none."""
    out = np.full(int(thing.max(initial=-1)) + 1 if n is None else n, -1, dtype=np.int64)
    pairs, inverse = np.unique(np.column_stack([thing, value]), axis=0, return_inverse=True)
    total = np.bincount(inverse, share, len(pairs))
    order = np.lexsort((pairs[:, 1], -total, pairs[:, 0]))
    head, first = np.unique(pairs[order, 0], return_index=True)
    out[head] = pairs[order, 1][first]
    return out
