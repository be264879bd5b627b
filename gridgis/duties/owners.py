"""Whose asset a case is about: the nearest component of the item's kind."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray


def owners(
    points: NDArray[np.object_], kinds: Sequence[str | None], components: gpd.GeoDataFrame, *, within_m: float
) -> pd.DataFrame:
    """The nearest component of a kind to each point, the one with the smallest `component_id` where several are.

    Parameters
    ----------
    points : array of Point, None where unusable
        In the CRS of the components, which is one in metres.
    kinds : of the component to be found for each; None finds none
    components : `component_id`, `kind`, `owner`, geometry
    within_m : a component that is further away is not meant

    Returns
    -------
    DataFrame
        `component_id`, `owner` (None where there is none) and `distance_m`, a row for each point.
    """
    numbers = np.full(len(points), -1)
    distance_m = np.full(len(points), np.nan)
    wanted = pd.Series(list(kinds), dtype=object)
    for kind, asking in wanted.groupby(wanted).indices.items():
        own = np.flatnonzero(components["kind"].to_numpy(dtype=object) == kind)
        own = own[np.argsort(components["component_id"].to_numpy(dtype=object)[own].astype(str), kind="stable")]
        if len(own):
            _nearest(points, asking, components.geometry.to_numpy(), own, within_m, out=(numbers, distance_m))
    found = components[["component_id", "owner"]].reset_index(drop=True).reindex(numbers)
    found = found.astype(object).where(found.notna(), None).reset_index(drop=True)
    return found.assign(distance_m=distance_m)


def _nearest(
    points: NDArray[np.object_],
    asking: NDArray[np.int64],
    shapes: NDArray[np.object_],
    own: NDArray[np.int64],
    within_m: float,
    *,
    out: tuple[NDArray[np.int64], NDArray[np.float64]],
) -> None:
    numbers, distance_m = out
    (at, near), far = shapely.STRtree(shapes[own]).query_nearest(
        points[asking], max_distance=within_m, return_distance=True, all_matches=True
    )
    order = np.lexsort((near, far, at))
    first, where = np.unique(at[order], return_index=True)
    numbers[asking[first]] = own[near[order][where]]
    distance_m[asking[first]] = far[order][where]
