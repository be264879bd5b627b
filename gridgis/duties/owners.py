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


class Standing:
    """Components made ready to be looked for many times: an index of each kind, made when it is first asked for.

    Parameters
    ----------
    components : `component_id`, `kind`, `owner`, geometry in a CRS in metres
    """

    def __init__(self, components: gpd.GeoDataFrame) -> None:
        self.components = components
        plain = components[["component_id", "owner"]].astype(object)
        plain = plain.where(plain.notna(), None)
        self.columns = [np.array([*plain[name], None], dtype=object) for name in plain]  # the last is that of none
        self.owner = np.array([owner or "" for owner in self.columns[1]], dtype=object)
        self._kinds: dict[str, tuple[Ints, shapely.STRtree]] = {}

    def of(self, kind: str) -> tuple[Ints, shapely.STRtree]:
        """The rows of a kind in the order of their `component_id`, and the index of their shapes."""
        if kind not in self._kinds:
            own = np.flatnonzero(self.components["kind"].to_numpy(dtype=object) == kind)
            names = self.components["component_id"].to_numpy(dtype=object)[own].astype(str)
            own = own[np.argsort(names, kind="stable")]
            self._kinds[kind] = own, shapely.STRtree(self.components.geometry.to_numpy()[own])
        return self._kinds[kind]


def owners(
    points: Objects,
    kinds: Sequence[str | None],
    components: gpd.GeoDataFrame | Standing,
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
    components : `component_id`, `kind`, `owner`, geometry; made ready where there are several batches
    within_m : a component that is further away is not meant
    slack_m : one of another owner that is further away by no more may be meant too

    Returns
    -------
    DataFrame
        `component_id`, `owner` (None where there is none) and `distance_m`, a row for each point; in `other_id`,
        `other_owner` and `other_m` the nearest of another owner that may be meant too.
    """
    standing = components if isinstance(components, Standing) else Standing(components)
    best, other = (_Found(np.full(len(points), -1), np.full(len(points), np.nan)) for _ in range(2))
    slack = np.broadcast_to(np.asarray(slack_m, dtype=np.float64), len(points))
    wanted = pd.Series(list(kinds), dtype=object)
    for kind, asking in wanted.groupby(wanted).indices.items():
        own, tree = standing.of(kind)
        if len(own):
            (at, near), far = tree.query_nearest(points[asking], max_distance=within_m, return_distance=True)
            best.take(asking, own, at, near, far)
            sure = asking[best.row[asking] >= 0]
            reach = np.minimum(within_m, best.distance_m[sure] + slack[sure])
            at, near = tree.query(points[sure], predicate="dwithin", distance=reach)
            apart = standing.owner[own[near]] != standing.owner[best.row[sure[at]]]
            at, near = at[apart], near[apart]
            other.take(sure, own, at, near, shapely.distance(points[sure[at]], tree.geometries[near]))
    found = best.told(standing, ("component_id", "owner", "distance_m"))
    found |= other.told(standing, ("other_id", "other_owner", "other_m"))
    return pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in found.items()})


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

    def told(self, standing: Standing, names: tuple[str, str, str]) -> dict[str, Objects | Floats]:
        """As columns of these names."""
        values = (*(column[self.row] for column in standing.columns), self.distance_m)
        return dict(zip(names, values, strict=True))
