"""What a version changes of the one that is in force: rows for a list, shapes for a map, a line for the queue."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridgis import jobs
from gridgis.kept import Kept

if TYPE_CHECKING:
    import geopandas as gpd

    from gridgis.registry.versions import Version

KEPT = 32
"""Comparisons that are kept."""


@dataclass(frozen=True)
class Changes:
    """What a version changes.

    Attributes
    ----------
    against : the version that it is held against; None where it is the first of its district
    rows : of each change but `unchanged`, with the box that it lies in; of a border that moved the land that changes
        hands, not what stays
    shapes : GeoJSON of the same rows, whose number is the `id` of the feature
    counts : grids by kind of change
    moved_households : those whose grid has another code than before
    """

    against: int | None
    rows: list[dict[str, Any]]
    shapes: str
    counts: dict[str, int]
    moved_households: int


class Comparisons:
    """Comparisons of versions, those asked for last: a version that is handed in does not change."""

    def __init__(self, store: str) -> None:
        self.store = store
        self._kept: Kept[Changes] = Kept(KEPT)

    def of(self, version: Version, against: Version | None) -> Changes:
        """What a version changes of another one."""
        edits = 0 if version.state == "approved" else jobs.last_edit(self.store, version.id)
        key = (against.id if against else None, version.id, edits)
        return self._kept.get(key, lambda: _made(self.store, version, against))


def _made(store: str, version: Version, against: Version | None) -> Changes:
    if against is None:
        return Changes(None, [], json.dumps({"type": "FeatureCollection", "features": []}), {}, 0)
    from gridgis.difference import moved_households

    found = jobs.difference(store, against.id, version.id)
    stays = (found["change"] == "border_moved") & (found["old_code"] == found["new_code"])
    told = found[(found["change"] != "unchanged") & ~stays].reset_index(drop=True)
    rows, shapes = _told(told)
    counts = Counter(told.drop_duplicates(["change", "old_code", "new_code"])["change"])
    return Changes(against.id, rows, shapes, dict(counts), moved_households(found))


def _told(rows: gpd.GeoDataFrame) -> tuple[list[dict[str, Any]], str]:
    from gridgis.publish.light import WEB_CRS, geojson, rows_of

    degrees = rows.to_crs(WEB_CRS)
    plain = rows_of(rows[["change", "old_code", "new_code", "households", "area_m2"]].round({"area_m2": 0}))
    shapes = geojson(degrees.geometry.to_numpy(), plain)
    boxes = degrees.bounds.round(6).to_numpy().tolist()
    return [{**row, "bounds": box} for row, box in zip(plain, boxes, strict=True)], shapes
