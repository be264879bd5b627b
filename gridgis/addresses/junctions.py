"""Where streets of different names meet.

Invariant: a pair is told once for each place where it meets; the order of the streets makes no difference.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

MEET_M = 15.0
"""Lines that come as near as this meet: dual carriageways, lines that end before the other street."""

SAME_M = 60.0
"""Meetings of one pair nearer than this are one junction."""


def junctions(place: NDArray[np.int64], lines: NDArray[np.object_]) -> pd.DataFrame:
    """All junctions: `one` < `two` (places), x, y in metres.

    Parameters
    ----------
    place : which place each line belongs to
    """
    i, j = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=MEET_M)
    apart = place[i] < place[j]
    i, j = i[apart], j[apart]
    near = shapely.line_interpolate_point(shapely.shortest_line(lines[i], lines[j]), 0.5, normalized=True)
    table = pd.DataFrame({"one": place[i], "two": place[j], "x": shapely.get_x(near), "y": shapely.get_y(near)})
    table = table.sort_values(["one", "two", "x", "y"], ignore_index=True)
    rows = [row for _, group in table.groupby(["one", "two"], sort=True) for row in _merged(group)]
    return pd.DataFrame(rows, columns=["one", "two", "x", "y"])


def _merged(group: pd.DataFrame) -> list[tuple[int, int, float, float]]:
    """Points of one pair, those near each other made their middle."""
    clusters: list[list[NDArray[np.float64]]] = []
    for point in group[["x", "y"]].to_numpy():
        home = next((c for c in clusters if np.hypot(*(np.mean(c, axis=0) - point)) < SAME_M), None)
        if home is None:
            clusters.append([point])
        else:
            home.append(point)
    one, two = int(group["one"].iloc[0]), int(group["two"].iloc[0])
    middles = [np.mean(cluster, axis=0) for cluster in clusters]
    return [(one, two, float(x), float(y)) for x, y in middles]
