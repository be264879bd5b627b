"""What an edit changed in the rows of zones, and the same change made to zones that others changed meanwhile.

Invariant: where the rows that an edit changed are as it found them, they become what it made of them, to the last bit;
else the rows of the grids that it touched do, and each row of others stays. What touches both lacks vertices then, and
is *loose*: :mod:`gridgis.registry.zone_stitches` mends that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import geopandas as gpd
import shapely

from gridgis.geometry.noding import Geometries, as_array
from gridgis.registry.store import Conflict
from gridgis.registry.zone_rows import (
    COLUMNS,
    Key,
    Row,
    ZoneRows,
    frame_of,
    key_of,
    plain,
    row_of,
    rows_of_frame,
    values_of,
    wkb_of,
    zone_row,
)
from gridgis.schema import MEASURES, Division

Change = Mapping[str, Mapping[Key, tuple[Row | None, Row | None]]]
"""Rows of one zone by layer and key, before and after; None where there was, or is, no such row."""

_Place = tuple[str, Key]
_Placed = dict[_Place, Row]
_Growing = dict[str, dict[Key, tuple[Row | None, Row | None]]]

OF_GRIDS = ("grids", "microgrids", "atoms")
"""Layers of which each row is of one grid."""

SUMS = ("households", "area_m2")

AGAIN = "see gridgis adjust log VERSION, then edit again"
"""What is done where others were faster."""


class Made(NamedTuple):
    """Rows of a zone after a change, None where it is gone; loose where they come from two edits."""

    rows: ZoneRows | None
    loose: bool = False


# ---------------------------------------------------------------- what changed
def frame_changes(before: Division, after: Division) -> Mapping[str, Change]:
    """What differs between two divisions, by zone."""
    out: dict[str, _Growing] = {}
    for name in COLUMNS:
        was, now = (frame_of(division, name) for division in (before, after))
        if was is now:
            continue
        one, two = _differing(was, now, name)
        for place in dict.fromkeys((*one, *two)):
            old, new = one.get(place), two.get(place)
            if old is None or not old.same(new):
                zone, key = place
                out.setdefault(zone, {}).setdefault(name, {})[key] = (old, new)
    return out


def _differing(was: gpd.GeoDataFrame, now: gpd.GeoDataFrame, name: str) -> tuple[_Placed, _Placed]:
    """Rows of two frames that may differ, by zone and key."""
    rows = [values_of(frame, name) for frame in (was, now)]
    zones = [frame["zone_code"].array.tolist() for frame in (was, now)]
    shapes = [as_array(frame.geometry) for frame in (was, now)]
    at = {(zone, key_of(name, values)): k for k, (zone, values) in enumerate(zip(zones[0], rows[0], strict=True))}
    one, two = [], []
    for k, (zone, values) in enumerate(zip(zones[1], rows[1], strict=True)):
        there = at.pop((zone, key_of(name, values)), None)
        if there is None:
            two.append(k)
        elif shapes[0][there] is not shapes[1][k] or rows[0][there] != values:
            one.append(there)
            two.append(k)
    one.extend(at.values())
    left, right = (_rows(name, zones[k], rows[k], shapes[k], chosen) for k, chosen in enumerate((one, two)))
    return left, right


def _rows(name: str, zones: list[str], rows: list[tuple[Any, ...]], shapes: Geometries, chosen: list[int]) -> _Placed:
    wkb = wkb_of(shapes[chosen]) if chosen else []
    made = [(zones[k], row_of(plain(name, rows[k]), text)) for k, text in zip(chosen, wkb, strict=True)]
    return {(zone, key_of(name, row.values)): row for zone, row in made}


def rows_of_frames(division: Division, zone: str) -> ZoneRows:
    """All rows of a zone in frames."""
    return {name: rows_of_frame(frame_of(division, name), name, zone) for name in COLUMNS}


def part_changes(before: ZoneRows | None, after: ZoneRows | None) -> Change:
    """What differs between two parts of a zone."""
    out: _Growing = {}
    for name in COLUMNS:
        was, now = (({} if rows is None else rows[name]) for rows in (before, after))
        for key in dict.fromkeys((*was, *now)):
            old, new = was.get(key), now.get(key)
            if old is None or not old.same(new):
                out.setdefault(name, {})[key] = (old, new)
    return out


# ---------------------------------------------------------------- the same change made
def changed_rows(
    zone: str,
    stands: ZoneRows | None,
    change: Change,
    touched: Collection[str],
    *,
    found: Callable[[], ZoneRows],
    made: Callable[[], ZoneRows],
) -> Made:
    """The rows of a zone as it stands with a change made to them.

    Parameters
    ----------
    zone : its code
    touched : grids that the edit touched
    found, made : give all rows of the zone as the edit found them, and as it made them

    Raises
    ------
    Conflict
        Where a grid that the edit touched is not as it found it.
    """
    if _fits(stands, change):
        put = put_rows(stands, change)
        if put is not None:
            return put
    if stands is None:
        raise Conflict(f"zone {zone} is not there any more: {AGAIN}")
    if any(old is None for old, _ in change.get("zones", {}).values()):
        raise Conflict(f"zone {zone} was made by somebody else meanwhile: {AGAIN}")
    return _merged(zone, stands, change, touched, found(), made())


def _fits(stands: ZoneRows | None, change: Change) -> bool:
    """Whether the rows that were changed stand as they were, that of the zone apart."""
    for name, rows in change.items():
        there: Mapping[Key, Row] = {} if stands is None else stands[name]
        if any(
            (key in there) != (old is not None) or (old is not None and name != "zones" and not old.same(there[key]))
            for key, (old, _) in rows.items()
        ):
            return False
    return True


def put_rows(stands: ZoneRows | None, change: Change) -> Made | None:
    """Rows with a change that fits; None where the row of the zone does not follow from both."""
    rows: dict[str, Mapping[Key, Row]] = {}
    for name in COLUMNS:
        there: Mapping[Key, Row] = {} if stands is None else stands[name]
        mine = change.get(name, {})
        kept = {key: row for key, row in there.items() if key not in mine} if mine else there
        rows[name] = {**kept, **{key: new for key, (_, new) in mine.items() if new is not None}}
    for old, new in change.get("zones", {}).values():
        if new is None:
            left = any(rows[name] for name in OF_GRIDS)
            return None if left else Made(None)
        if old is None:
            return Made(rows)
        assert stands is not None
        zone = _zone_of_both(zone_row(stands), old, new)
        if zone is None:
            return None
        rows["zones"] = dict.fromkeys(rows["zones"], zone)
    return Made(rows)


def _zone_of_both(stands: Row, old: Row, new: Row) -> Row | None:
    """The row of a zone that two edits changed; None where its land or sums are to be made again."""
    by_column = zip(COLUMNS["zones"], stands.values, old.values, new.values, strict=True)
    values = []
    for column, here, was, now in by_column:
        if here != was != now and column in SUMS:
            return None
        values.append(here if now == was else now)
    if old.digest not in (new.digest, stands.digest):
        return None
    shape = stands if old.digest == new.digest else new
    return shape._replace(values=tuple(values))


def _merged(
    zone: str,
    stands: ZoneRows,
    change: Change,
    touched: Collection[str],
    found: ZoneRows,
    made: ZoneRows,
) -> Made:
    """Rows of which those of touched grids are as they were made, and the others as they stand."""
    rows: dict[str, Mapping[Key, Row]] = dict(stands)
    for name in OF_GRIDS:
        mine = _of_grids(made, name, touched)
        _refuse_other(name, _of_grids(stands, name, touched), _of_grids(found, name, touched))
        others = {key: row for key, row in stands[name].items() if row.of(name, "grid_code") not in touched}
        for key, (old, new) in change.get(name, {}).items():
            # Measures follow from the borders; vertices come by stitching, into all layers alike.
            if key in others and old is not None and new is not None and old.digest == new.digest:
                others[key] = new if others[key].same(old) else others[key]
        twice = sorted(map(str, others.keys() & mine.keys()))
        if twice:
            raise Conflict(f"{twice[0]} is in {zone} already, made by somebody else meanwhile: {AGAIN}")
        rows[name] = {**others, **mine}
    rows["borders"] = _lines(stands["borders"], change.get("borders", {}))
    if not rows["grids"]:
        return Made(None)
    if "zones" in change:
        (old, new), there = next(iter(change["zones"].values())), zone_row(stands)
        assert old is not None
        one = None if new is None else _zone_of_both(there, old, new)
        rows["zones"] = {zone: one if one is not None else _of_grids_alone(there, old, new)}
    return Made(rows, loose=True)


def _lines(stand: Mapping[Key, Row], change: Mapping[Key, tuple[Row | None, Row | None]]) -> dict[Key, Row]:
    """Lines under borders, those changed that stand as they were."""
    mine = {key: new for key, (old, new) in change.items() if old is None or old.same(stand.get(key))}
    return {key: row for key, row in {**stand, **mine}.items() if row is not None}


def _of_grids_alone(stands: Row, old: Row, new: Row | None) -> Row:
    """The row of a zone without sums and land, which follow from its grids."""
    values = {
        column: None if column in SUMS else here if new is None or now == was else now
        for column, here, was, now in zip(COLUMNS["zones"], stands.values, old.values, (new or old).values, strict=True)
    }
    return Row(tuple(values.values()), b"")


def _of_grids(rows: ZoneRows, name: str, touched: Collection[str]) -> dict[Key, Row]:
    return {key: row for key, row in rows[name].items() if row.of(name, "grid_code") in touched}


def _refuse_other(name: str, stand: Mapping[Key, Row], found: Mapping[Key, Row]) -> None:
    """Refuse grids whose rows say something else than the edit found, vertices and measures apart."""
    kept = [k for k, column in enumerate(COLUMNS[name]) if column not in MEASURES]
    for key in sorted({*stand, *found}, key=str):
        one, two = stand.get(key), found.get(key)
        if one is None or two is None or any(one.values[k] != two.values[k] for k in kept):
            grid = (one or two or next(iter(found.values()))).of(name, "grid_code")
            raise Conflict(f"grid {grid} is not as the edit found it: {AGAIN}")


def land_of(rows: ZoneRows) -> shapely.Geometry:
    """The union of the grids of a zone, all with their WKB."""
    from gridgis.divide.atoms import whole

    return whole(shapely.coverage_union_all([shapely.from_wkb(row.wkb) for row in rows["grids"].values()]))
