"""The cases of a pyramid, one by one, for what is counted by another shape than a lattice: by grid, by day, by item.

Invariant: each case stands once, on its day, with its item and source, within half the unit of positions (some 0.6 m
for a bandwidth of 300 m) of the place that it was given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridgis.heat.pyramid.columns import Columns, of_segments
from gridgis.heat.pyramid.form import SIDE
from gridgis.heat.pyramid.query import Pyramid


@dataclass(frozen=True)
class Cases:
    """The cases of a pyramid, an array each, in an order that is the same each time.

    Attributes
    ----------
    x, y : float64 array
        Metres of the pyramid's plane.
    day : int32 array
        Days since 1970.
    item, source : uint16 array
        Ids: places in the pyramid's `items` and `sources`.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    day: NDArray[np.int32]
    item: NDArray[np.uint16]
    source: NDArray[np.uint16]


def cases_of(pyramid: Pyramid) -> Cases:
    """Take the cases out of a pyramid; weights are left out, for counts by grid count each case once."""
    found = of_segments(pyramid.segments)
    frame = pyramid.frame
    return Cases(
        x=frame.left + (found.east.astype(np.float64) * SIDE + found.x) * frame.unit_m,
        y=frame.bottom + (found.north.astype(np.float64) * SIDE + found.y) * frame.unit_m,
        day=_days(found),
        item=found.item,
        source=found.source,
    )


def _days(found: Columns) -> NDArray[np.int32]:
    """Days since 1970 of months and days in them; the first day of each month is looked up."""
    low = int(found.month.min()) if len(found.month) else 0
    high = int(found.month.max()) if len(found.month) else 0
    first = np.arange(low, high + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int32)
    return np.asarray(first[found.month - low] + found.day, dtype=np.int32)
