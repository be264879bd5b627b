"""Which polygon of a coverage is home to a thing that lies on several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.geometry.components import sums
from gridgis.geometry.noding import Floats, Geometries, Ints, first_hit

STARVED = 0.4
"""A polygon that would lose more than this share of its land to things at home elsewhere comes first as their home."""


@dataclass(frozen=True)
class Homes:
    """How things lie on the polygons of a tiling.

    Attributes
    ----------
    home : polygon where each thing is at home, -1 for none
    beyond : how much of each thing lies in other polygons, in square units
    starving : how many other polygons it takes more than :data:`STARVED` of
    """

    home: Ints
    beyond: Floats
    starving: Ints


def homes(things: Geometries, polygons: Geometries) -> Homes:
    """Where things are at home: in the polygon with the largest share of each, but none is starved where that helps.

    A polygon that would starve if a thing had its home elsewhere comes first as its home, the one that would lose
    the largest share of its land before others. Ties go to the larger share of the thing, then to the lower number.

    Parameters
    ----------
    things : array of any geometry; only those with an area have a home
    polygons : array of Polygon and MultiPolygon that do not overlap
    """
    n = len(things)
    rows = np.flatnonzero(shapely.get_dimensions(things) == 2)
    thing, polygon, area = _shares(things[rows], polygons)
    thing = rows[thing]
    whole = shapely.area(polygons)
    most = _first(thing, polygon, (area,), n)
    here = most[thing] == polygon
    lost = sums(polygon, np.where(here, 0.0, area), len(polygons))
    loss = (lost[polygon] + np.where(here, area, 0.0)) / whole[polygon]
    hunger = np.where(loss > STARVED, loss, 0.0)
    home = _first(thing, polygon, (hunger, area), n)
    away = home[thing] != polygon
    starving = away & (area > STARVED * whole[polygon])
    return Homes(home, sums(thing[away], area[away], n), np.bincount(thing[starving], minlength=n).astype(np.int64))


def holder(things: Geometries, polygons: Geometries, klass: Ints, home: Ints) -> Ints:
    """Index of the polygon that holds each thing, -1 where none does.

    Of the polygons of its home it is the one with the largest share of the thing; where none of them meets it, of
    those of the class with the largest share. Ties go to the lower number. A point goes to the first polygon that
    covers it.

    Parameters
    ----------
    things : array of Polygon or Point
    polygons : array of Polygon
    klass, home : class of each polygon (its zone, say), and the class where each thing is at home, -1 for none
    """
    out = np.full(len(things), -1, dtype=np.int64)
    if not len(things) or not len(polygons):
        return out
    areal = shapely.get_dimensions(things) == 2
    out[~areal] = first_hit(things[~areal], polygons)
    rows = np.flatnonzero(areal)
    thing, polygon, share = _shares(things[rows], polygons)
    thing = rows[thing]
    pairs, inverse = np.unique(np.column_stack([thing, klass[polygon]]), axis=0, return_inverse=True)
    total = sums(inverse.reshape(-1), share, len(pairs))
    held = _first(pairs[:, 0], pairs[:, 1], ((pairs[:, 1] == home[pairs[:, 0]]).astype(float), total), len(things))
    mine = klass[polygon] == held[thing]
    at = _first(thing[mine], polygon[mine], (share[mine],), len(things))
    out[rows] = at[rows]
    return out


def _shares(things: Geometries, polygons: Geometries) -> tuple[Ints, Ints, Floats]:
    """Pairs of things and polygons that meet, and the area that they share; that of a thing in one alone is not cut."""
    thing, polygon = shapely.STRtree(polygons).query(things, predicate="intersects")
    area = shapely.area(things)[thing]
    many = np.bincount(thing, minlength=len(things))[thing] > 1
    area[many] = shapely.area(shapely.intersection(things[thing[many]], polygons[polygon[many]]))
    return thing, polygon, np.round(area, 3)  # halves are halves, wherever the rings begin


def _first(thing: Ints, value: Ints, rank: tuple[Floats, ...], n: int) -> Ints:
    """The value of the highest `rank` for each of `n` things, ties to the lower value; -1 for none."""
    order = np.lexsort((value, *(-r for r in reversed(rank)), thing))
    head, at = np.unique(thing[order], return_index=True)
    out = np.full(n, -1, dtype=np.int64)
    out[head] = value[order][at]
    return out
