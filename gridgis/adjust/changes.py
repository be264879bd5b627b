"""Which atoms an edit changed: in their labels or their land, or in vertices that a neighbour gave them alone."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gridgis.adjust.table import columns_of
from gridgis.crs import unit_m
from gridgis.geometry.noding import Ints, as_array
from gridgis.geometry.stitch import BENT_M, alike


@dataclass(frozen=True)
class Changes:
    """Atoms that are others than before, on either side.

    Attributes
    ----------
    old, new : GeoDataFrame
        All atoms before and after.
    was, now : int array
        Rows of each that did not stay to the last bit.
    moved_was, moved_now : int array
        Those of them that differ in more than vertices on their border.
    land : set of str
        Codes of zones an atom of which came, went, or got a vertex.
    zone : bool
        Whether an atom that is on both sides changed its zone.
    """

    old: gpd.GeoDataFrame
    new: gpd.GeoDataFrame
    was: Ints
    now: Ints
    moved_was: Ints
    moved_now: Ints
    land: frozenset[str]
    zone: bool

    def of(self, column: str) -> set[str]:
        """Codes above atoms that changed in any way."""
        return {*self._codes(self.old, column, self.was), *self._codes(self.new, column, self.now)}

    def moved(self, column: str) -> set[str]:
        """Codes above atoms that changed in more than vertices."""
        return {*self._codes(self.old, column, self.moved_was), *self._codes(self.new, column, self.moved_now)}

    @staticmethod
    def _codes(frame: gpd.GeoDataFrame, column: str, rows: Ints) -> set[str]:
        return set(frame[column].to_numpy(dtype=object)[rows])


def changes(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> Changes:
    """What changed between the atoms of two drafts.

    Parameters
    ----------
    old, new : columns as in :data:`gridgis.schema.DIVISION_LAYERS`
    """
    labels = ("atom_id", "zone_code", "grid_code", "microgrid_code")
    (was, *above), (now, *above_now) = (columns_of(frame, *labels) for frame in (old, new))
    row = {name: k for k, name in enumerate(was)}
    at = np.array([row.get(name, -1) for name in now], dtype=np.int64)
    two = np.flatnonzero(at >= 0)
    one = at[two]
    same_zone, *same = (np.asarray(a[one] == b[two], dtype=bool) for a, b in zip(above, above_now, strict=True))
    labelled = same_zone & same[0] & same[1]
    number = [frame["households"].to_numpy(dtype=float, na_value=-1.0) for frame in (old, new)]
    labelled &= number[0][one] == number[1][two]
    shape_was, shape_now = as_array(old.geometry)[one], as_array(new.geometry)[two]
    identical = shapely.equals_identical(shape_was, shape_now)
    bent = labelled & ~identical
    bent[bent] = alike(shape_was[bent], shape_now[bent], within=BENT_M / unit_m(new.crs))
    stays, still = labelled & identical, same_zone & identical
    gone, came = np.setdiff1d(np.arange(len(old)), one), np.flatnonzero(at < 0)
    zones = above[0], above_now[0]
    land = {*zones[0][gone], *zones[1][came], *zones[0][one[~still]], *zones[1][two[~still]]}
    return Changes(
        old, new,
        was=np.sort(np.concatenate([gone, one[~stays]])), now=np.sort(np.concatenate([came, two[~stays]])),
        moved_was=np.sort(np.concatenate([gone, one[~stays & ~bent]])),
        moved_now=np.sort(np.concatenate([came, two[~stays & ~bent]])),
        land=frozenset(land), zone=not same_zone.all(),
    )  # fmt: skip
