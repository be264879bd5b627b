"""Which atoms an edit changed: in their labels or their land, or in vertices that a neighbour gave them alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gridgis.adjust.table import Column, columns_of
from gridgis.crs import unit_m
from gridgis.geometry.noding import Ints, as_array
from gridgis.geometry.stitch import BENT_M, alike

LABELS = ("atom_id", "zone_code", "grid_code", "microgrid_code")


@dataclass(frozen=True)
class Changes:
    """Atoms that are others than before, on either side.

    Attributes
    ----------
    old, new : mapping
        :data:`LABELS` of all atoms before and after.
    was, now : int array
        Rows of each that did not stay to the last bit.
    moved_was, moved_now : int array
        Those of them that differ in more than vertices on their border.
    land : set of str
        Codes of zones an atom of which came, went, or got a vertex.
    zone : bool
        Whether an atom that is on both sides changed its zone.
    """

    old: Mapping[str, Column]
    new: Mapping[str, Column]
    was: Ints
    now: Ints
    moved_was: Ints
    moved_now: Ints
    land: frozenset[str]
    zone: bool

    def of(self, column: str) -> set[str]:
        """Codes above atoms that changed in any way."""
        return {*self.old[column][self.was], *self.new[column][self.now]}

    def moved(self, column: str) -> set[str]:
        """Codes above atoms that changed in more than vertices."""
        return {*self.old[column][self.moved_was], *self.new[column][self.moved_now]}


def changes(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> Changes:
    """What changed between the atoms of two drafts.

    Parameters
    ----------
    old, new : columns as in :data:`gridgis.schema.DIVISION_LAYERS`
    """
    before, after = (dict(zip(LABELS, columns_of(frame, *LABELS), strict=True)) for frame in (old, new))
    row = {name: k for k, name in enumerate(before["atom_id"])}
    at = np.array([row.get(name, -1) for name in after["atom_id"]], dtype=np.int64)
    two = np.flatnonzero(at >= 0)
    one = at[two]
    same_zone, *same = (np.asarray(before[name][one] == after[name][two], dtype=bool) for name in LABELS[1:])
    labelled = same_zone & same[0] & same[1]
    number = [frame["households"].to_numpy(dtype=float, na_value=-1.0) for frame in (old, new)]
    labelled &= number[0][one] == number[1][two]
    shape_was, shape_now = as_array(old.geometry)[one], as_array(new.geometry)[two]
    identical = shapely.equals_identical(shape_was, shape_now)
    bent = labelled & ~identical
    bent[bent] = alike(shape_was[bent], shape_now[bent], within=BENT_M / unit_m(new.crs))
    stays, still = labelled & identical, same_zone & identical
    gone, came = np.setdiff1d(np.arange(len(old)), one), np.flatnonzero(at < 0)
    zones = before["zone_code"], after["zone_code"]
    land = {*zones[0][gone], *zones[1][came], *zones[0][one[~still]], *zones[1][two[~still]]}
    return Changes(
        before, after,
        was=np.sort(np.concatenate([gone, one[~stays]])), now=np.sort(np.concatenate([came, two[~stays]])),
        moved_was=np.sort(np.concatenate([gone, one[~stays & ~bent]])),
        moved_now=np.sort(np.concatenate([came, two[~stays & ~bent]])),
        land=frozenset(land), zone=not same_zone.all(),
    )  # fmt: skip
