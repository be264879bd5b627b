"""Shapes back in the CRS in which they were drawn: vertices that stayed are the very ones of the file."""

from __future__ import annotations

import numpy as np
import shapely
from pyproj import CRS

from gridgis.crs import converted
from gridgis.geometry.borders import point_keys
from gridgis.geometry.noding import Floats, Geometries

Drawn = list[tuple[Geometries, Geometries]]
"""Layers as they were drawn, and the same in metres."""


class Originals:
    """What was drawn, in its CRS and in metres, vertex by vertex.

    Parameters
    ----------
    pairs : of layers as they were drawn, and the same in metres; vertices in the same order
    crs, metric : of the two
    """

    def __init__(self, pairs: Drawn, *, crs: CRS, metric: CRS) -> None:
        self.crs, self.metric = crs, metric
        if crs == metric:
            return
        drawn = np.concatenate([shapely.get_coordinates(one) for one, _ in pairs])
        metres = np.concatenate([shapely.get_coordinates(two) for _, two in pairs])
        key = point_keys(metres + 0.0)
        self._key, first = np.unique(key, return_index=True)
        self._xy = drawn[first]
        self._same = {id(two): one for ones, twos in pairs for one, two in zip(ones, twos, strict=True)}
        self._held = [twos for _, twos in pairs]  # so that no other object takes one of these identities

    def back(self, metres: Geometries) -> Geometries:
        """Shapes in the CRS in which they were drawn; those that did not change are the ones of the file."""
        if self.crs == self.metric:
            return metres
        out = np.array([*(self._same.get(id(shape)) for shape in metres), None], dtype=object)[:-1]
        new = np.flatnonzero(shapely.is_missing(out))
        if len(new):
            out[new] = shapely.transform(metres[new], self._vertices)
        return out

    def _vertices(self, xy: Floats) -> Floats:
        key = point_keys(xy + 0.0)
        at = np.minimum(np.searchsorted(self._key, key), len(self._key) - 1)
        known = self._key[at] == key
        out = np.empty_like(xy)
        out[known] = self._xy[at[known]]
        out[~known] = converted(xy[~known], self.metric, self.crs)
        return out
