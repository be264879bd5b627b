"""Coordinates of cases in other systems than that of the division."""

from __future__ import annotations

import numpy as np
from pyproj import CRS, Transformer

from gridgis.geometry.noding import Floats


def to_crs(x: Floats, y: Floats, *, source: object, target: object) -> tuple[Floats, Floats]:
    """Transform coordinates; where both are the same they stay as they are, to the last bit."""
    one, other = CRS.from_user_input(source), CRS.from_user_input(target)
    if one.equals(other, ignore_axis_order=True):
        return x, y
    east, north = Transformer.from_crs(one, other, always_xy=True).transform(x, y)
    return np.asarray(east, dtype=np.float64), np.asarray(north, dtype=np.float64)
