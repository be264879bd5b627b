"""Which polygon of a coverage holds most of a thing."""

from __future__ import annotations

import numpy as np
import shapely

from gridgis.geometry.noding import Floats, Geometries, Ints, first_hit


def holder(things: Geometries, polygons: Geometries, klass: Ints) -> Ints:
    """Index of the polygon that holds each thing, -1 where none does.

    The class of polygons (their zone, say) with the largest share of a thing comes first, then the
    polygon of that class with the largest share; ties to the lower number. A point goes to the first
    polygon that covers it.

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
    thing, polygon = shapely.STRtree(polygons).query(things[rows], predicate="intersects")
    thing = rows[thing]
    share = np.ones(len(thing))
    many = np.bincount(thing, minlength=len(things))[thing] > 1
    share[many] = shapely.area(shapely.intersection(things[thing[many]], polygons[polygon[many]]))
    best = _largest(thing, klass[polygon], share)
    mine = klass[polygon] == best[thing]
    top = _largest(thing[mine], polygon[mine], share[mine], n=len(things))
    out[rows] = top[rows]
    return out


def beyond_first(things: Geometries, polygons: Geometries) -> Floats:
    """How much of each thing lies in polygons other than the one that holds most of it, in square units.

    Parameters
    ----------
    things, polygons : array of Polygon and MultiPolygon; polygons do not overlap
    """
    thing, polygon = shapely.STRtree(polygons).query(things, predicate="intersects")
    many = np.bincount(thing, minlength=len(things))[thing] > 1
    thing, polygon = thing[many], polygon[many]
    area = shapely.area(shapely.intersection(things[thing], polygons[polygon]))
    most = np.zeros(len(things))
    np.maximum.at(most, thing, area)
    return np.bincount(thing, area, len(things)) - most


def _largest(thing: Ints, value: Ints, share: np.ndarray, n: int | None = None) -> Ints:
    """For each thing the value with the largest sum of shares; ties to the lower value; -1 for none."""
    out = np.full(int(thing.max(initial=-1)) + 1 if n is None else n, -1, dtype=np.int64)
    pairs, inverse = np.unique(np.column_stack([thing, value]), axis=0, return_inverse=True)
    total = np.bincount(inverse, share, len(pairs))
    order = np.lexsort((pairs[:, 1], -total, pairs[:, 0]))
    head, first = np.unique(pairs[order, 0], return_index=True)
    out[head] = pairs[order, 1][first]
    return out
