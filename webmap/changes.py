"""What a version changes of another one: rows for a list, shapes for a map, a line for the queue."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gridgis import jobs
from gridgis.kept import Kept
from webmap.answer import NOTHING

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
    borders : GeoJSON of the borders that one of the two has alone: `side` is "old" or "new"
    counts : grids by kind of change
    moved_households : those whose grid has another code than before
    """

    against: int | None
    rows: list[dict[str, Any]]
    shapes: str
    borders: str
    counts: dict[str, int]
    moved_households: int


class Comparisons:
    """Comparisons of versions, those asked for last: a version that is handed in does not change."""

    def __init__(self, store: str) -> None:
        self.store = store
        self._kept: Kept[Changes] = Kept(KEPT)
        self._numbers: Kept[dict[str, Any]] = Kept(KEPT)

    def of(self, version: Version, against: Version | None) -> Changes:
        """What a version changes of another one."""
        key = (self._as_it_is(against) if against else None, self._as_it_is(version))
        return self._kept.get(key, lambda: _made(self.store, version, against))

    def numbers(self, version: Version) -> dict[str, Any]:
        """A version in numbers, as :class:`gridgis.publish.measured.Measured` has them."""
        return self._numbers.get(self._as_it_is(version), lambda: asdict(jobs.measure_plan(self.store, version.id)))

    def _as_it_is(self, version: Version) -> tuple[int, int]:
        """A key of what a version holds now."""
        return version.id, 0 if version.state == "approved" else jobs.last_edit(self.store, version.id)


def _made(store: str, version: Version, against: Version | None) -> Changes:
    if against is None:
        return Changes(None, [], NOTHING, NOTHING, {}, 0)
    from gridgis.difference import moved_households

    compared = jobs.compare_plans(store, against.id, version.id)
    found = compared.grids
    stays = (found["change"] == "border_moved") & (found["old_code"] == found["new_code"])
    told = found[(found["change"] != "unchanged") & ~stays].reset_index(drop=True)
    rows, shapes = _told(told)
    counts = Counter(told.drop_duplicates(["change", "old_code", "new_code"])["change"])
    return Changes(against.id, rows, shapes, _lines(compared.borders), dict(counts), moved_households(found))


def _lines(borders: gpd.GeoDataFrame) -> str:
    from gridgis.publish.light import WEB_CRS, geojson, rows_of

    return geojson(borders.to_crs(WEB_CRS).geometry.to_numpy(), rows_of(borders[["side"]]))


def _told(rows: gpd.GeoDataFrame) -> tuple[list[dict[str, Any]], str]:
    from gridgis.publish.light import WEB_CRS, geojson, rows_of

    degrees = rows.to_crs(WEB_CRS)
    plain = rows_of(rows[["change", "old_code", "new_code", "households", "area_m2"]].round({"area_m2": 0}))
    shapes = geojson(degrees.geometry.to_numpy(), plain)
    boxes = degrees.bounds.round(6).to_numpy().tolist()
    return [{**row, "bounds": box} for row, box in zip(plain, boxes, strict=True)], shapes
