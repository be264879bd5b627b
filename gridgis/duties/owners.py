"""Whose asset a case is about: the nearest component of the item's kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

Objects = NDArray[np.object_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def owners(
    points: Objects,
    kinds: Sequence[str | None],
    components: gpd.GeoDataFrame,
    *,
    within_m: float,
    slack_m: float | Floats = 0.0,
) -> pd.DataFrame:
    """The nearest component of a kind to each point, the one with the smallest `component_id` where several are.

    Parameters
    ----------
    points : array of Point, None where unusable
        In the CRS of the components, which is one in metres.
    kinds : of the component to be found for each; None finds none
    components : `component_id`, `kind`, `owner`, geometry
    within_m : a component that is further away is not meant
    slack_m : one of another owner that is further away by no more may be meant too

    Returns
    -------
    DataFrame
        `component_id`, `owner` (None where there is none) and `distance_m`, a row for each point; in `other_id`,
        `other_owner` and `other_m` the nearest of another owner that may be meant too.
    """
    best, other = (_Found(np.full(len(points), -1), np.full(len(points), np.nan)) for _ in range(2))
    slack = np.broadcast_to(np.asarray(slack_m, dtype=np.float64), len(points))
    owner = components["owner"].astype(object).fillna("").to_numpy(dtype=object)
    wanted = pd.Series(list(kinds), dtype=object)
    for kind, asking in wanted.groupby(wanted).indices.items():
        own = np.flatnonzero(components["kind"].to_numpy(dtype=object) == kind)
        own = own[np.argsort(components["component_id"].to_numpy(dtype=object)[own].astype(str), kind="stable")]
        if len(own):
            shapes = components.geometry.to_numpy()[own]
            reach = np.full(len(asking), within_m)
            best.take(asking, own, *_within(points[asking], shapes, reach, nearest=True))
            sure = asking[best.row[asking] >= 0]
            reach = np.minimum(within_m, best.distance_m[sure] + slack[sure])
            at, near, far = _within(points[sure], shapes, reach, nearest=False)
            apart = owner[own[near]] != owner[best.row[sure[at]]]
            other.take(sure, own, at[apart], near[apart], far[apart])
    return pd.concat(
        [
            best.told(components, ("component_id", "owner", "distance_m")),
            other.told(components, ("other_id", "other_owner", "other_m")),
        ],
        axis=1,
    )


@dataclass(frozen=True)
class _Found:
    """Of each point the row of a component, -1 where there is none, and how far off it is."""

    row: Ints
    distance_m: Floats

    def take(self, asking: Ints, own: Ints, at: Ints, near: Ints, far: Floats) -> None:
        """Keep the nearest of what was found near some points, the first in order where several are."""
        order = np.lexsort((near, far, at))
        first, where = np.unique(at[order], return_index=True)
        self.row[asking[first]] = own[near[order][where]]
        self.distance_m[asking[first]] = far[order][where]

    def told(self, components: gpd.GeoDataFrame, names: tuple[str, str, str]) -> pd.DataFrame:
        """As columns of these names."""
        code, owner, distance = names
        found = components[["component_id", "owner"]].reset_index(drop=True).reindex(self.row)
        found = found.astype(object).where(found.notna(), None).reset_index(drop=True).set_axis([code, owner], axis=1)
        return found.assign(**{distance: self.distance_m})


def _within(points: Objects, shapes: Objects, reach_m: Floats, *, nearest: bool) -> tuple[Ints, Ints, Floats]:
    """Which shapes lie within reach of which points, and how far off; the nearest of each point alone, or all."""
    tree = shapely.STRtree(shapes)
    if nearest:
        limit = float(reach_m.max(initial=0))
        (at, near), far = tree.query_nearest(points, max_distance=limit, return_distance=True, all_matches=True)
        return at, near, far
    at, near = tree.query(points, predicate="dwithin", distance=reach_m)
    return at, near, shapely.distance(points[at], shapes[near])
