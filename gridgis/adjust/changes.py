"""Which atoms an edit changed: in their labels or their land, or in vertices that a neighbour gave them alone."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.crs import unit_m
from gridgis.geometry.noding import Bools, as_array
from gridgis.geometry.stitch import BENT_M, alike


@dataclass(frozen=True)
class Changes:
    """Atoms that are others than before, on either side.

    Attributes
    ----------
    was, now : GeoDataFrame
        Atoms before and after, without those that stayed to the last bit.
    moved_was, moved_now : bool array
        Of each, whether it differs in more than vertices on its border.
    """

    was: gpd.GeoDataFrame
    now: gpd.GeoDataFrame
    moved_was: Bools
    moved_now: Bools

    def of(self, column: str) -> set[str]:
        """Codes above atoms that changed in any way."""
        return {*self.was[column], *self.now[column]}

    def moved(self, column: str) -> set[str]:
        """Codes above atoms that changed in more than vertices."""
        return {*self.was[column][self.moved_was], *self.now[column][self.moved_now]}


def changes(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> Changes:
    """What changed between the atoms of two drafts.

    Parameters
    ----------
    old, new : columns as in :data:`gridgis.schema.DIVISION_LAYERS`
    """
    at = pd.Index(old["atom_id"]).get_indexer(new["atom_id"])
    both = np.flatnonzero(at >= 0)
    alike_labels = _equal_labels(old.iloc[at[both]], new.iloc[both])
    shape_was, shape_now = as_array(old.geometry)[at[both]], as_array(new.geometry)[both]
    identical = shapely.equals_identical(shape_was, shape_now)
    bent = alike_labels & ~identical
    bent[bent] = alike(shape_was[bent], shape_now[bent], within=BENT_M / unit_m(new.crs))
    was, now = np.ones(len(old), dtype=bool), np.ones(len(new), dtype=bool)
    stays = both[alike_labels & identical]
    was[at[stays]], now[stays] = False, False
    moved_was, moved_now = was.copy(), now.copy()
    moved_was[at[both[bent]]], moved_now[both[bent]] = False, False
    return Changes(old[was], new[now], moved_was[was], moved_now[now])


def _equal_labels(one: gpd.GeoDataFrame, two: gpd.GeoDataFrame) -> Bools:
    out = np.ones(len(one), dtype=bool)
    for column in ("grid_code", "microgrid_code", "zone_code"):
        out &= one[column].to_numpy(dtype=object) == two[column].to_numpy(dtype=object)
    was, now = (frame["households"].to_numpy(dtype=float, na_value=-1.0) for frame in (one, two))
    return np.asarray(out & (was == now), dtype=bool)
