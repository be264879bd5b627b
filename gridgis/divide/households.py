"""Households and workers of each zone, put on its buildings and points.

A zone is counted by exactly one source, the best it has, so nothing is counted twice; whatever the
source, the whole numbers on its buildings and points add up to its total.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from gridgis.divide.apportion import apportion, largest_remainder
from gridgis.divide.columns import Bools, Floats, Ints, Texts, keys, known, numbers, whole
from gridgis.divide.floor_space import building_of_points, compound_ids, dwelling_area, floor_area, residential
from gridgis.errors import Notice
from gridgis.profile import Profile

__all__ = ["SOURCES", "Counted", "apportion", "count", "count_workers", "declared_households", "largest_remainder"]

SOURCES = ("address", "building", "floor_area", "area", "none")
"""Sources of households, best first, as `households_from` names them."""

TABLE_KEYS = ("building_id", "compound_id", "address")
"""Columns by which a table without geometry is joined, in the order in which they are tried."""

PARTIAL = 0.5
"""Points or buildings that hold less than this share of the households a zone itself declares are partial."""

TABLE = "household table"
SHOWN = 5
"""So many of the things it counts a notice names."""


@dataclass(frozen=True)
class Counted:
    """Whole numbers of households (or workers) on buildings and points, zone by zone.

    Invariant: over the buildings and points of a zone whose source is address, building or
    floor_area, `building` and `point` add up to `total`; elsewhere they are 0.

    Attributes
    ----------
    source : (zones,) text
        One of :data:`SOURCES`.
    total : (zones,) float
        Whole number of the zone by its source; nan where that is none.
    building : (buildings,) int64
    point : (points,) int64
        What stays on a point because it lies in no building.
    point_building : (points,) int64
        Row of the building of a zone whose interior holds the point, -1 for none.
    notices : tuple of Notice
    """

    source: Texts
    total: Floats
    building: Ints
    point: Ints
    point_building: Ints
    notices: tuple[Notice, ...]


def count(
    zones: gpd.GeoDataFrame,
    *,
    zone_of_building: Ints,
    zone_of_point: Ints,
    buildings: gpd.GeoDataFrame | None = None,
    compounds: gpd.GeoDataFrame | None = None,
    points: gpd.GeoDataFrame | None = None,
    table: pd.DataFrame | None = None,
    profile: Profile,
) -> Counted:
    """Households of each zone by its best source, as :data:`SOURCES` orders them.

    A source counts in a zone where it holds at least one household and, where the zone declares
    its own (`households`, else `persons`), at least the share :data:`PARTIAL` of them. A point in
    the interior of a building goes with it, also into the building's zone; where the building has
    none, the point counts by itself. Rows of the table replace `households` of the buildings they
    match and add up with one another.

    Parameters
    ----------
    zones, buildings, compounds, points : GeoDataFrame
        Columns of the contract, one metric CRS, rows numbered from 0.
    zone_of_building, zone_of_point : (buildings,), (points,) int64
        Row of the zone, -1 for none.
    table : DataFrame
        `households` and at least one of :data:`TABLE_KEYS`.
    """
    declared = declared_households(zones, profile=profile)
    units = _Units.of(buildings, zone_of_building, points, zone_of_point)
    at_points = units.at_points(known(points, "households"))
    at_buildings, table_notices = _at_buildings(units, buildings, compounds, points, table)
    counted = units.put(declared, at_points, at_buildings, dwelling_area(buildings))
    return Counted(*counted, (*table_notices, *_notices(zones, units, at_points, at_buildings, counted[0])))


def count_workers(
    zones: gpd.GeoDataFrame, *, zone_of_building: Ints, buildings: gpd.GeoDataFrame | None = None
) -> Counted:
    """Workers of each zone (`zones.workers`) over the floor area of its buildings without dwellings.

    A zone with none of those uses all its buildings; one without buildings has the source `area`.
    """
    floor = floor_area(buildings)
    work = np.where(residential(buildings), 0.0, floor)
    units = _Units.of(buildings, zone_of_building, None, np.empty(0, np.int64))
    has_work = np.append(units.sums(work, len(zones)), 0)[zone_of_building] > 0
    nothing = np.zeros(len(floor))
    counted = units.put(whole(numbers(zones, "workers")), nothing, nothing, np.where(has_work, work, floor))
    return Counted(*counted, ())


def declared_households(zones: gpd.GeoDataFrame, *, profile: Profile) -> Floats:
    """Whole households that each zone declares: `households`, else `persons` by the profile's size; nan for neither."""
    persons = numbers(zones, "persons") / profile.households.persons_per_household.value
    households = numbers(zones, "households")
    return whole(np.where(np.isnan(households), persons, households))


# ---------------------------------------------------------------- buildings and points as one row of units


@dataclass(frozen=True)
class _Units:
    """Buildings, then points, each with its zone: what households are put on."""

    buildings: int
    zone: Ints
    point_building: Ints

    @classmethod
    def of(
        cls,
        buildings: gpd.GeoDataFrame | None,
        zone_of_building: Ints,
        points: gpd.GeoDataFrame | None,
        zone_of_point: Ints,
    ) -> _Units:
        held = building_of_points(points, buildings)
        theirs = np.append(zone_of_building, -1)[held]
        inside, zone = np.where(theirs >= 0, held, -1), np.where(theirs >= 0, theirs, zone_of_point)
        return cls(len(zone_of_building), np.concatenate([zone_of_building, zone]).astype(np.int64), inside)

    def at_points(self, households: Floats) -> Floats:
        """Numbers of points, on the building that holds the point where there is one."""
        unit = np.where(self.point_building >= 0, self.point_building, self.buildings + np.arange(len(households)))
        return np.bincount(unit, households, len(self.zone)).astype(float)

    def sums(self, values: Floats, zones: int) -> Floats:
        """Sum of `values` (of the units, or of the buildings alone) in each zone."""
        zone = self.zone[: len(values)]
        return np.bincount(zone[zone >= 0], values[zone >= 0], zones).astype(float)

    def put(
        self, declared: Floats, at_points: Floats, at_buildings: Floats, floor: Floats
    ) -> tuple[Texts, Floats, Ints, Ints, Ints]:
        """Fields of :class:`Counted`: the source of each zone, its total, and the numbers put on the units."""
        zones = len(declared)
        spread = np.append(floor, np.zeros(len(self.zone) - len(floor)))
        totals = [whole(self.sums(at_points, zones)), whole(self.sums(at_buildings, zones)), declared, declared]
        floor_sum = self.sums(spread, zones)
        enough = [
            _enough(totals[0], declared),
            _enough(totals[1], declared),
            (declared >= 1) & (floor_sum > 0),
            declared >= 1,
        ]
        rank = np.select(enough, range(4), 4)
        total = np.select(enough, totals, np.nan)
        by = np.append(rank, 4)[self.zone]
        weights = np.select([by == 0, by == 1, by == 2], [at_points, at_buildings, spread], 0.0)
        put = apportion(weights, np.where(rank < 3, total, 0), self.zone)
        source = np.array(SOURCES, dtype=object)[rank]
        return source, total, put[: self.buildings], put[self.buildings :], self.point_building


def _enough(found: Floats, declared: Floats) -> Bools:
    return (found >= 1) & ~(found < PARTIAL * declared)


# ---------------------------------------------------------------- table


def _at_buildings(
    units: _Units,
    buildings: gpd.GeoDataFrame | None,
    compounds: gpd.GeoDataFrame | None,
    points: gpd.GeoDataFrame | None,
    table: pd.DataFrame | None,
) -> tuple[Floats, list[Notice]]:
    """Households of the units by `buildings.households` and the table, and what the table missed."""
    own = np.append(known(buildings, "households"), np.zeros(len(units.point_building)))
    if table is None:
        return own, []
    households, pending = known(table, "households"), np.ones(len(table), bool)
    joined, matched = np.zeros(len(own)), np.zeros(len(own), bool)
    notices: list[Notice] = []
    for column, places, weight, unit in _joins(units, buildings, compounds, points):
        asked = keys(table, column)
        rows = pending & (asked != "") & pd.Index(asked).isin(places)
        found, hit = _join(asked[rows], households[rows], places, weight)
        joined += np.bincount(unit, found, len(own))
        matched[unit[hit]] = True
        pending = pending & ~rows
        notices += _matched(column, asked[rows], len(table))
    return np.where(matched, joined, own), [*notices, *_missed(table, households, pending)]


def _joins(
    units: _Units,
    buildings: gpd.GeoDataFrame | None,
    compounds: gpd.GeoDataFrame | None,
    points: gpd.GeoDataFrame | None,
) -> Iterable[tuple[str, Texts, Floats, Ints]]:
    """Places to join a table to, in order: its column, the keys of the places, their weights, their units."""
    if buildings is not None:
        floor, unit = dwelling_area(buildings), np.arange(len(buildings))
        yield "building_id", keys(buildings, "building_id"), floor, unit
        yield "compound_id", compound_ids(buildings, compounds), floor, unit
        yield "address", keys(buildings, "address"), floor, unit
    if points is not None:
        inside, own = units.point_building, units.buildings + np.arange(len(points))
        yield "address", keys(points, "address"), np.ones(len(points)), np.where(inside >= 0, inside, own)


def _join(asked: Texts, households: Floats, places: Texts, weight: Floats) -> tuple[Floats, Bools]:
    """Households of the rows with a key, spread over the places with that key; and the places met."""
    of, names = pd.factorize(asked)
    at = pd.Index(names).get_indexer(places)
    totals = np.bincount(of, households, len(names)).astype(float)
    return apportion(weight, whole(totals), at).astype(float), at >= 0


# ---------------------------------------------------------------- notices


def _matched(column: str, joined: Texts, rows: int) -> Iterable[Notice]:
    if len(joined):
        yield Notice(TABLE, f"rows joined by {column}, {len(joined) / rows:.1%} of {rows}", len(joined))
    if again := len(joined) - len(pd.unique(joined)):
        yield Notice(TABLE, f"rows repeat the {column} of another; their households are added up", again)


def _missed(table: pd.DataFrame, households: Floats, missed: Bools) -> Iterable[Notice]:
    """Rows joined to nothing, shown by their keys alone: other columns of a table may be personal."""
    if not missed.any():
        return
    asked = [keys(table, column) for column in TABLE_KEYS]
    first = np.flatnonzero(missed)[:SHOWN]
    shown = ", ".join(next((str(key[row]) for key in asked if key[row]), f"row {row + 1}") for row in first)
    lost = f"{households[missed].sum():.0f} households are left out"
    yield Notice(TABLE, f"rows match no building, compound or address; {lost}; the first: {shown}", int(missed.sum()))


def _notices(
    zones: gpd.GeoDataFrame, units: _Units, at_points: Floats, at_buildings: Floats, source: Texts
) -> Iterable[Notice]:
    loose = int((at_points[units.buildings :] > 0).sum())
    if units.buildings and loose:
        yield Notice("households", "points lie in no building and stay points", loose)
    if (lost := whole(at_points[units.zone < 0].sum())) > 0:
        yield Notice("households", "households lie outside every zone and are left out", int(lost))
    for layer, values, better in (("households", at_points, 1), ("buildings", at_buildings, 2)):
        found = units.sums(values, len(zones))
        partial = (found >= 1) & ~np.isin(source, SOURCES[:better])
        if partial.any():
            shown = ", ".join(zones["zone_code"].astype(str)[partial][:SHOWN])
            what = f"zones hold less than {PARTIAL:.0%} of the households they declare, and go by a later source"
            yield Notice(layer, f"{what}; the first: {shown}", int(partial.sum()))
