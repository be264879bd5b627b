"""Whether pieces fill a whole, and where they do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.geometry.borders import Keys, boundary_keys, sum_by
from gridgis.geometry.coverage import NOISE_M2, overlaps, polygonal
from gridgis.geometry.noding import Geometries, Ints, as_array


@dataclass(frozen=True)
class Tiling:
    """How children fail to fill their parents; all empty where they tile them.

    Attributes
    ----------
    doubtful : int array
        Parents whose boundary is not the sum of their children's; they may still be filled, with
        other vertices.
    outside : list of (child, land of it outside its parent)
    doubled : list of (child, child, land in both)
    missing : list of (parent, land of it in no child)
    """

    doubtful: Ints
    outside: list[tuple[int, shapely.Geometry]]
    doubled: list[tuple[int, int, shapely.Geometry]]
    missing: list[tuple[int, shapely.Geometry]]


def untiled(child_keys: Keys, parent_of: Ints, parent_keys: Keys) -> Ints:
    """Parents with children whose boundaries do not add up to the parent's.

    Parameters
    ----------
    child_keys, parent_keys : array of uint64
        What :func:`gridgis.geometry.borders.boundary_keys` gave.
    parent_of : int array
        Index of the parent of each child, -1 where it has none.
    """
    total = sum_by(child_keys, parent_of, len(parent_keys))
    has_child = np.bincount(parent_of[parent_of >= 0], minlength=len(parent_keys)) > 0
    return np.flatnonzero(has_child & (total != parent_keys))


def tiling(
    children: Geometries,
    parent_of: Ints,
    parents: Geometries,
    *,
    keys: tuple[Keys, Keys] | None = None,
    noise: float = NOISE_M2,
) -> Tiling:
    """How children fail to fill their parents; parents without a child are passed over.

    Children that lie in their parent, do not overlap and have its area fill it: only where the
    areas differ is the missing land cut out.

    Parameters
    ----------
    children, parents : array of Polygon and MultiPolygon
    parent_of : int array
        Index of the parent of each child, -1 where it has none.
    keys : pair of arrays of uint64, optional
        What :func:`gridgis.geometry.borders.boundary_keys` gave for children and parents.
    noise : float
        Land up to this area is none.
    """
    child_keys, parent_keys = keys or (boundary_keys(children), boundary_keys(parents))
    doubtful = untiled(child_keys, parent_of, parent_keys)
    if not len(doubtful):
        return Tiling(doubtful, [], [], [])
    rows = np.flatnonzero(np.isin(parent_of, doubtful))
    mine, of = children[rows], parent_of[rows]
    beyond = polygonal(shapely.difference(mine, parents[of]))
    excess = shapely.area(beyond)
    i, j, common = overlaps(mine, noise=noise)
    same = of[i] == of[j]
    i, j, common = i[same], j[same], common[same]
    filled = np.bincount(of, weights=shapely.area(mine) - excess, minlength=len(parents))
    filled -= np.bincount(of[i], weights=shapely.area(common), minlength=len(parents))
    short = doubtful[np.abs(shapely.area(parents[doubtful]) - filled[doubtful]) > noise]
    left = [(p, _left_over(parents[p], mine[of == p])) for p in short]
    return Tiling(
        doubtful,
        [(rows[k], beyond[k]) for k in np.flatnonzero(excess > noise)],
        [(rows[a], rows[b], place) for a, b, place in zip(i, j, common, strict=True)],
        [(p, place) for p, place in left if place.area > noise],
    )


def _left_over(parent: shapely.Geometry, children: Geometries) -> shapely.Geometry:
    return polygonal(as_array([shapely.difference(parent, shapely.union_all(children))]))[0]
