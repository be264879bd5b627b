"""Rules of land: grids are a coverage, fill their zones and no more, and their micro-grids and atoms fill them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely

from gridgis.geometry.coverage import (
    bordering,
    cracks,
    cut_buildings,
    gaps,
    mismatched_edges,
    overlaps,
    polygonal,
    several_parts,
)
from gridgis.geometry.noding import Bools, Geometries, Ints, as_array
from gridgis.rules.contract import TOPOLOGY
from gridgis.rules.rule import Offender, Rule
from gridgis.rules.subject import Layer, Subject
from gridgis.schema import PARENT

SEAMLESS = "MH 4: no crossing, seamless; no gap between street and compound, block and block"
NESTED = "XL 10: a grid never crosses a jurisdiction"
MICRO = "CX 7: micro-grids inside a grid"


def parts(subject: Subject) -> Iterator[Offender]:
    """Grids, micro-grids and atoms of several parts, flagged `detached` ones apart."""
    for name in PARENT:
        if name not in subject.layers:
            continue
        layer = subject.layers[name]
        allowed = _detached(subject, layer)
        for k in several_parts(layer.shape):
            n = shapely.get_num_geometries(layer.shape[k])
            if n > allowed[k]:
                areas = subject.area_m2(shapely.get_parts(layer.shape[k]))
                detail = f"{name}: {n} parts, all but the largest {areas.sum() - areas.max():.2f} m2 together"
                yield Offender(layer.code[k], detail, layer.shape[k])


def _detached(subject: Subject, layer: Layer) -> Ints:
    """How many parts each row may have: as many as its zone where it is flagged `detached`."""
    one = np.ones(len(layer), dtype=np.int64)
    if "zones" not in subject.layers:
        return one
    zones = subject.layers["zones"]
    of_zone = dict(zip(zones.code, shapely.get_num_geometries(zones.shape), strict=True))
    flagged = np.array(["detached" in flags.split(",") for flags in layer.text("flags")], dtype=bool)
    return np.where(flagged, [of_zone.get(zone, 1) for zone in layer.text("zone_code")], one)


def overlapping(subject: Subject) -> Iterator[Offender]:
    """Land that two grids claim."""
    grids = subject.layers["grids"]
    i, j, common = overlaps(grids.shape, between=subject.faces, noise=subject.noise)
    for a, b, place, size in zip(i, j, common, subject.sizes(common), strict=True):
        yield Offender(grids.named([a, b]), f"{size} in both grids", place)


def open_gaps(subject: Subject) -> Iterator[Offender]:
    """Land between several grids that none covers, enclosed by them or as a narrow strip."""
    yield from _uncovered(subject, alone=False)
    grids = subject.layers["grids"]
    strips = _strips(subject)
    place, beside = bordering(strips, grids.shape, tolerance=subject.touch)
    for k, size in enumerate(subject.sizes(strips)):
        owners = beside[place == k]
        if len(set(grids.parent[owners])) > 1:
            yield Offender(grids.named(owners), f"{size} in no grid, open at an end", strips[k])


def unwanted_holes(subject: Subject) -> Iterator[Offender]:
    """Land inside one grid that belongs to a zone, or is too narrow to be meant."""
    yield from _uncovered(subject, alone=True)


def _uncovered(subject: Subject, *, alone: bool) -> Iterator[Offender]:
    grids = subject.layers["grids"]
    found = gaps(grids.shape, between=subject.faces, noise=subject.noise)
    place, beside = bordering(found, grids.shape, tolerance=subject.touch)
    single = np.bincount(place, minlength=len(found)) < 2
    why = _why_unwanted(subject, found)
    size = subject.sizes(found)
    for k in np.flatnonzero((single == alone) & (why != "")):
        yield Offender(grids.named(beside[place == k]), f"{size[k]} in no grid: {why[k]}", found[k])


def _why_unwanted(subject: Subject, found: Geometries) -> Geometries:
    """Why each piece of uncovered land is an offence; empty where it may be land without a zone."""
    limit = subject.profile.tolerances.gap_width_m.value
    narrow = shapely.is_empty(shapely.buffer(subject.in_metres(found), -limit / 2))
    why = np.where(narrow, f"narrower than {limit:g} m, a gap that should be closed", "").astype(object)
    if subject.given is not None:
        why[_mostly_in(found, subject.given.shape)] = "it lies in the input zones"
    if "zones" in subject.layers:
        why[_mostly_in(found, subject.layers["zones"].shape)] = "it lies in a zone"
    return why


def _mostly_in(found: Geometries, land: Geometries) -> Bools:
    """Whether more than half of each piece lies in polygons of `land`."""
    k, z = shapely.STRtree(land).query(found, predicate="intersects")
    inside = np.bincount(k, weights=shapely.area(shapely.intersection(found[k], land[z])), minlength=len(found))
    return np.asarray(inside > shapely.area(found) / 2)


def _strips(subject: Subject) -> Geometries:
    land = subject.in_metres(as_array([subject.outline]))[0]
    return polygonal(subject.from_metres(cracks(land)))


def mismatched(subject: Subject) -> Iterator[Offender]:
    """Borders along which neighbours have different vertices without a gap or an overlap."""
    grids = subject.layers["grids"]
    i, j, lines = mismatched_edges(grids.shape, edges=subject.edges, tolerance=subject.touch)
    defects = subject.faces.polygons[subject.faces.times != 1]
    told = np.unique(shapely.STRtree(defects).query(lines, predicate="intersects")[0])
    for k in np.setdiff1d(np.arange(len(lines)), told):
        yield _mismatch(subject, grids, i[k], j[k], lines[k])
    for name in (name for name in ("microgrids", "atoms") if name in subject.tilings):
        yield from _mismatched_inside(subject, name)


def _mismatched_inside(subject: Subject, name: str) -> Iterator[Offender]:
    """Judge children of rows whose boundary is not the sum of theirs, and the neighbours of these."""
    layer, parents, found = subject.layers[name], subject.layers[PARENT[name]], subject.tilings[name]
    near = np.unique(shapely.STRtree(layer.shape).query(parents.shape[found.doubtful], predicate="intersects")[1])
    defects = as_array([place for *_, place in (*found.outside, *found.doubled, *found.missing)])
    tree = shapely.STRtree(defects)
    for i, j, line in zip(*mismatched_edges(layer.shape[near], tolerance=subject.touch), strict=True):
        if not len(tree.query(line, predicate="intersects")):
            yield _mismatch(subject, layer, near[i], near[j], line)


def _mismatch(subject: Subject, layer: Layer, i: int, j: int, line: shapely.Geometry) -> Offender:
    length = shapely.length(subject.in_metres(as_array([line])))[0]
    detail = f"{layer.name}: {length:.2f} m of border without common vertices"
    return Offender(layer.named([i, j]), detail, line)


def crossing(subject: Subject) -> Iterator[Offender]:
    """Land of a grid outside its zone."""
    grids, zones = subject.layers["grids"], subject.layers["zones"]
    tree = shapely.STRtree(zones.shape)
    for row, land, size in _sized(subject, subject.tilings["grids"].outside):
        own = grids.parent[row]
        others = sorted({zones.code[z] for z in tree.query(land, predicate="intersects")} - {own})
        where = f"in zone {', '.join(others)}" if others else "in no zone"
        yield Offender(grids.code[row], f"{size} outside zone {own}, {where}", land)


def unfilled_zones(subject: Subject) -> Iterator[Offender]:
    """Land of a zone in none of its grids."""
    zones = subject.layers["zones"]
    for row, land, size in _sized(subject, subject.tilings["grids"].missing):
        yield Offender(zones.code[row], f"{size} of the zone in none of its grids", land)


def unfilled_grids(subject: Subject) -> Iterator[Offender]:
    """Grids that their micro-grids do not fill, or that these leave or overlap in."""
    yield from _untiled(subject, "microgrids")


def unfilled_microgrids(subject: Subject) -> Iterator[Offender]:
    """Micro-grids that their atoms do not fill, or that these leave or overlap in."""
    yield from _untiled(subject, "atoms")


def _untiled(subject: Subject, name: str) -> Iterator[Offender]:
    children, parents, found = subject.layers[name], subject.layers[PARENT[name]], subject.tilings[name]
    for row, land, size in _sized(subject, found.outside):
        yield Offender(children.code[row], f"{name}: {size} outside {children.parent[row]}", land)
    for rows, land, size in _sized(subject, [((i, j), land) for i, j, land in found.doubled]):
        yield Offender(children.named(rows), f"{name}: {size} in both", land)
    for row, land, size in _sized(subject, found.missing):
        yield Offender(parents.code[row], f"{size} in none of its {name}", land)


def _sized(subject: Subject, found: list[tuple[Any, shapely.Geometry]]) -> Iterator[tuple[Any, shapely.Geometry, str]]:
    """Rows and their land, with its size in words."""
    places = as_array([land for _, land in found])
    for (row, land), size in zip(found, subject.sizes(places), strict=True):
        yield row, land, size


def buildings_cut(subject: Subject) -> Iterator[Offender]:
    """Find buildings through which a border of grids or micro-grids runs.

    Where micro-grids fill their grids, a border of grids is one of micro-grids as well, and only
    buildings that these cut are looked at again. Land drawn as a building is a finding of its own.
    """
    rows = np.flatnonzero(~subject.land_drawn_as_building)
    for name in ("microgrids", "grids"):
        if name in subject.layers:
            cut, main, outside = cut_buildings(subject.building_shapes[rows], subject.metric_shapes[name])
            codes, cut = subject.layers[name].code[main], rows[cut]
            places = subject.from_metres(subject.building_shapes[cut])
            for k, code, area, place in zip(cut, codes, outside, places, strict=True):
                yield Offender(
                    subject.building_names[k], f"{name}: {area:.2f} m2 of the building outside {code}", place
                )
            filled = "microgrids" in subject.tilings and not len(subject.tilings["microgrids"].doubtful)
            rows = cut if filled and not _orphans(subject) else rows


def _orphans(subject: Subject) -> bool:
    """Whether some grid has no micro-grid."""
    of = subject.index_of_parent("microgrids")
    return len(np.unique(of[of >= 0])) < len(subject.layers["grids"])


GRIDS_IN_ZONES = ("zones", "grids")

RULES = (
    Rule("several_parts", "hard", "SH 2: a grid is an area of clear border", parts),
    Rule("overlap", "hard", SEAMLESS, overlapping, ("grids",)),
    Rule("gap", "hard", SEAMLESS, open_gaps, ("grids",)),
    Rule("hole", "hard", SEAMLESS, unwanted_holes, ("grids",)),
    Rule("mismatched_edge", "hard", TOPOLOGY, mismatched, ("grids",)),
    Rule("zone_crossed", "hard", NESTED, crossing, GRIDS_IN_ZONES),
    Rule("zone_not_filled", "hard", SEAMLESS, unfilled_zones, GRIDS_IN_ZONES),
    Rule("grid_not_filled", "hard", MICRO, unfilled_grids, ("grids", "microgrids")),
    Rule("microgrid_not_filled", "hard", MICRO, unfilled_microgrids, ("microgrids", "atoms")),
    Rule(
        "building_cut",
        "hard",
        "SH 2: clear border; no border runs through a building",
        buildings_cut,
        ("grids", "buildings"),
    ),
)
"""Rules of land, in the order in which they are judged."""
