"""Findings: what is allowed but should be looked at. Sizes, shape, borders, numbers that disagree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
import shapely

from gridgis import crs as coordinates
from gridgis.geometry.coverage import necks
from gridgis.geometry.noding import Bools, Floats, Ints
from gridgis.profile import Range
from gridgis.rules.rule import Offender, Rule
from gridgis.rules.subject import Layer, Subject, among
from gridgis.schema import PARENT

ON_STREET = 0.5
"""A grid less of whose border inside the zone follows a street, river or rail is looked at."""

OFF_SHARE = 0.005
"""A measured column may be off by this share: programs measure in other projections."""

SMALL_M2 = 100.0
"""A grid below this area is hardly meant."""

REASONS = {
    "count_infeasible": "no number of grids puts every one in range",
    "atoms_infeasible": "its buildings or compounds allow no division in range",
    "no_residents": "it has no households",
    "detached": "it has detached parts",
}
"""Words for the reason codes of zones."""


def sizes_out_of_range(subject: Subject) -> Iterator[Offender]:
    """Grids whose households, or area where nothing is counted, are out of the range of their kind.

    What goes by its area is judged where no household is known at all.
    """
    grids = subject.layers["grids"]
    households, area = grids.number("households"), grids.number("area_m2")
    for kind, rules in subject.profile.rules.items():
        of_kind = grids.text("kind") == kind
        counted = of_kind & np.isfinite(households)
        if rules.households is not None:
            yield from _out(
                grids, np.flatnonzero(counted & (households > 0)), households, rules.households, "households"
            )
        elif rules.area_m2 is not None and rules.length_m is None and not _has_workers(subject):
            yield from _out(grids, np.flatnonzero(of_kind), area, rules.area_m2, "m2")


def _has_workers(subject: Subject) -> bool:
    """Whether workers may be known: then its grids go by them, not by area."""
    zones = subject.given_zones
    return zones is not None and "workers" in zones.columns and bool(zones["workers"].notna().any())


def _out(layer: Layer, rows: Ints, size: Floats, allowed: Range, unit: str) -> Iterator[Offender]:
    for k in rows[(size[rows] < allowed.min) | (size[rows] > allowed.max)]:
        detail = f"{size[k]:.0f} {unit}, the range is {allowed.min:g}-{allowed.max:g}"
        yield Offender(layer.code[k], detail, layer.shape[k], allowed.clause)


def micro_sizes_out_of_range(subject: Subject) -> Iterator[Offender]:
    """Micro-grids out of range; one that a single inhabited atom puts above it is let through."""
    micro, of = subject.layers["microgrids"], subject.index_of_parent("microgrids")
    households = micro.number("households")
    kind = np.where(of >= 0, subject.layers["grids"].text("kind")[of], "")
    alone = np.bincount(of[of >= 0], minlength=len(subject.layers["grids"]))[of] == 1
    tower = _inhabited_atoms(subject, micro) == 1
    for name, rules in subject.profile.rules.items():
        if rules.micro_households is not None:
            above = households > rules.micro_households.max
            rows = np.flatnonzero((kind == name) & ~(above & tower) & (households > 0) & ~(alone & ~above))
            yield from _out(micro, rows, households, rules.micro_households, "households")


def _inhabited_atoms(subject: Subject, micro: Layer) -> Ints:
    atoms = subject.layers.get("atoms")
    if atoms is None:
        return np.zeros(len(micro), dtype=np.int64)
    lived_in = pd.Series(atoms.parent[atoms.number("households") > 0]).value_counts()
    return np.asarray(lived_in.reindex(micro.code, fill_value=0).to_numpy(dtype=np.int64))


def without_residents(subject: Subject) -> Iterator[Offender]:
    """Grids of communities and villages in which nobody lives, though households are counted."""
    grids = subject.layers["grids"]
    empty = (grids.number("households") == 0) & among(grids.text("kind"), ("community", "village"))
    for k in np.flatnonzero(empty):
        yield Offender(grids.code[k], "no household lives in the grid", grids.shape[k])


def necked(subject: Subject) -> Iterator[Offender]:
    """Grids held together by a waist."""
    grids, limit = subject.layers["grids"], subject.profile.tolerances.neck_m
    row, line = necks(subject.metric_shapes["grids"], width_m=limit.value)
    for k, place in zip(row, subject.from_metres(line), strict=True):
        yield Offender(
            grids.code[k], f"a waist narrower than {limit.value:g} m holds the grid together", place, limit.clause
        )


def tiny(subject: Subject) -> Iterator[Offender]:
    """Grids too small to be meant."""
    grids = subject.layers["grids"]
    area = shapely.area(subject.metric_shapes["grids"])
    for k in np.flatnonzero(area < SMALL_M2):
        yield Offender(grids.code[k], f"{area[k]:.1f} m2 in all", grids.shape[k])


def off_street(subject: Subject) -> Iterator[Offender]:
    """Grids whose border inside the zone mostly follows no street, river or rail."""
    grids = subject.layers["grids"]
    share = grids.number("border_on_road")
    for k in np.flatnonzero(share < ON_STREET):
        detail = f"{share[k]:.0%} of the border inside the zone follows a street, river or rail"
        yield Offender(grids.code[k], detail, grids.shape[k], subject.profile.road_clause)


def flagged_zones(subject: Subject) -> Iterator[Offender]:
    """Zones that the division itself says cannot be wholly in range, or have something odd."""
    zones = subject.layers["zones"]
    for k, flags in enumerate(zones.text("flags")):
        for flag in filter(None, flags.split(",")):
            yield Offender(zones.code[k], f"{flag}: {REASONS.get(flag, 'flagged by the division')}", zones.shape[k])


def wrong_areas(subject: Subject) -> Iterator[Offender]:
    """Rows whose column `area_m2` is not their area."""
    for layer in (subject.layers[name] for name in ("zones", "grids", "microgrids") if subject.has(f"{name}.area_m2")):
        yield from _off(subject, layer, "area_m2", "m2")


def wrong_perimeters(subject: Subject) -> Iterator[Offender]:
    """Rows whose column `perimeter_m` is not their perimeter."""
    yield from _off(subject, subject.layers["grids"], "perimeter_m", "m")


def _off(subject: Subject, layer: Layer, column: str, unit: str) -> Iterator[Offender]:
    """Rows off by more than :data:`OFF_SHARE`; only rows that look off are measured on the ellipsoid."""
    plane, exact = {
        "area_m2": (shapely.area, coordinates.area_m2),
        "perimeter_m": (shapely.length, coordinates.perimeter_m),
    }[column]
    claimed = layer.number(column)
    rows = np.flatnonzero(_differs(claimed, plane(subject.metric_shapes[layer.name]), OFF_SHARE / 2))
    true = exact(layer.shape[rows], subject.crs)
    for k, value in zip(rows, true, strict=True):
        if _differs(claimed[k], value, OFF_SHARE):
            detail = f"{layer.name}: {column} says {claimed[k]:.1f} {unit}, the geometry has {value:.1f}"
            yield Offender(layer.code[k], detail, layer.shape[k])


def _differs(claimed: Floats, true: Floats, share: float) -> Bools:
    return np.asarray(~(np.abs(claimed - true) <= share * true), dtype=bool)


def unequal_sums(subject: Subject) -> Iterator[Offender]:
    """Zones, grids and micro-grids whose households are not those of their grids, micro-grids and atoms."""
    for name, above in PARENT.items():
        if not (subject.has(f"{name}.households") and subject.has(f"{above}.households")):
            continue
        parents, of = subject.layers[above], subject.index_of_parent(name)
        known = (of >= 0) & np.isfinite(subject.layers[name].number("households"))
        total = np.bincount(of[known], weights=subject.layers[name].number("households")[known], minlength=len(parents))
        counted = np.bincount(of[known], minlength=len(parents)) > 0
        claimed = parents.number("households")
        for k in np.flatnonzero(counted & np.isfinite(claimed) & (np.abs(claimed - total) > 0.5)):
            detail = f"{above}: {claimed[k]:.0f} households, its {name} have {total[k]:.0f}"
            yield Offender(parents.code[k], detail, parents.shape[k])


def land_drawn_as_buildings(subject: Subject) -> Iterator[Offender]:
    """Footprints on two zones with more than a strip that may change zone, or that cover most of both."""
    most = subject.profile.tolerances.align_area_m2.value
    rows = np.flatnonzero(subject.land_drawn_as_building)
    places = subject.from_metres(subject.building_shapes[rows])
    for k, place in zip(rows, places, strict=True):
        detail = f"{subject.homes.beyond[k]:.0f} m2 beyond its zone, a building has at most {most:.0f}"
        if subject.homes.starving[k]:
            detail = "takes much of two zones or more"
        yield Offender(subject.building_names[k], f"{detail}: taken as land", place)


def _needs(layer: str, columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{layer}.{column}" for column in columns)


SIZE = "CX 6, CX 7: a number of households, sizes are left to a local rule"
STATED = "DB11 unit grids, cl. 5 and 6: attributes"

RULES = (
    Rule("out_of_range", "finding", SIZE, sizes_out_of_range, _needs("grids", ("kind",))),
    Rule(
        "micro_out_of_range",
        "finding",
        SIZE,
        micro_sizes_out_of_range,
        (*_needs("microgrids", ("households",)), "grids.kind"),
    ),
    Rule(
        "no_residents",
        "finding",
        "CX 6: a number of households",
        without_residents,
        _needs("grids", ("kind", "households")),
    ),
    Rule("neck", "finding", "SH 2: suitable size, clear border", necked, ("grids",)),
    Rule("tiny", "finding", "SH 2: suitable size", tiny, ("grids",)),
    Rule(
        "border_off_street", "finding", "XL 10: as a rule the road's centre line", off_street, ("grids.border_on_road",)
    ),
    Rule(
        "land_drawn_as_building",
        "finding",
        "borders of zones are legal lines",
        land_drawn_as_buildings,
        ("given_zones", "buildings"),
    ),
    Rule("zone_flagged", "finding", SIZE, flagged_zones, ("zones.flags",)),
    Rule("area_off", "finding", STATED, wrong_areas, ("grids",)),
    Rule("perimeter_off", "finding", STATED, wrong_perimeters, ("grids.perimeter_m",)),
    Rule("households_off", "finding", STATED, unequal_sums, ("grids.households",)),
)
"""Findings, in the order in which they are judged."""
