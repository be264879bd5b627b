"""Atoms: the indivisible pieces of land of which grids and micro-grids are made.

Invariant: atoms tile the land of all zones, share their vertices exactly, lie in one zone each, are of
one part, and cut no building.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from scipy.spatial import cKDTree

from gridgis.divide.arrangement import Borders, Lines, borders, sides
from gridgis.divide.blocks import absorbed, joined
from gridgis.divide.bridges import bridged, bridges
from gridgis.divide.land import THIN_M, Land
from gridgis.divide.pieces import Cut
from gridgis.divide.units import Units
from gridgis.geometry.borders import shared_edges
from gridgis.geometry.components import sums
from gridgis.geometry.noding import Floats, Geometries, Ints, faces, first_hit, inner_points, node
from gridgis.profile import Profile

LIGHT_ATOM = 0.004
"""A thin or tiny atom that holds more than this share of the largest grid stays."""

REMNANT_M2 = 500.0
"""A smaller part of a zone without households that a building cuts off goes to the zone around it."""


@dataclass(frozen=True)
class Atoms:
    """Atoms of all zones with the borders between them.

    Attributes
    ----------
    geometry : array of Polygon
    zone : row of the zone of each atom
    block, piece : street block and piece of the land
    unit_atom : atom of each unit, -1 outside every zone
    """

    geometry: Geometries
    zone: Ints
    block: Ints
    piece: Ints
    borders: Borders
    unit_atom: Ints


def make_atoms(
    land: Land,
    cut: Cut,
    units: Units,
    unit_face: Ints,
    lines: Lines,
    load: Floats,
    ground_load: Floats,
    *,
    profile: Profile,
) -> Atoms:
    """Node once more with the dividing lines and the outlines of what they cross, and join faces to atoms.

    Parameters
    ----------
    unit_face : face of the land that holds most of each unit
    load : weight of each unit as a share of the largest grid of its zone
    ground_load : what is spread over the land of each zone, as such a share a square metre
    """
    kept = _kept_borders(land)
    crossed = _crossed(units, np.concatenate([kept, cut.lines]))
    astride = bridges(units, crossed, land)
    outline = shapely.boundary(np.concatenate([units.geometry[crossed], astride.span]))
    polygons = faces(node(np.concatenate([kept, cut.lines, outline])))
    points = inner_points(polygons)
    under, reach = _unit_of(points, units, crossed), profile.tolerances.gap_width_m.value
    home = bridged(first_hit(points, land.faces), under, polygons, points, unit_face, astride, reach_m=reach)
    polygons, points, home = polygons[home >= 0], points[home >= 0], home[home >= 0]
    zone, block, piece = (values[home] for values in (land.zone, land.block, land.piece))
    group = _nearest_group(points, piece, cut)
    inside = _unit_of(points, units, crossed)
    keys = _whole_units(np.column_stack([zone, block, piece, group]), inside, shapely.area(polygons), unit_face, land)
    unit_at = _faces_of_units(units, inside, polygons)
    held = ground_load[zone] * shapely.area(polygons)
    known = unit_at >= 0
    np.add.at(held, unit_at[known], load[known])
    return _joined(polygons, keys, _part_area(land)[home], held, unit_at, lines, profile=profile)


def _part_area(land: Land) -> Floats:
    """Area of the part of its zone to which each face of the land belongs."""
    every = np.ones(len(land.borders.first), dtype=bool)
    part = joined(len(land.faces), land.borders, across=every, same=land.zone)
    return sums(part, shapely.area(land.faces))[part]


def _kept_borders(land: Land) -> Geometries:
    """Edges of the land that part two pieces or are the outer border, as lines."""
    edges = shared_edges(land.faces)
    first, second = sides(edges)
    return edges.lines((second < 0) | (land.piece[first] != land.piece[second]))


def _crossed(units: Units, lines: Geometries) -> Ints:
    """Buildings that some line runs into."""
    areal = np.flatnonzero(units.areal)
    if not len(areal) or not len(lines):
        return areal[:0]
    _, unit = shapely.STRtree(units.geometry[areal]).query(lines, predicate="intersects")
    return areal[np.unique(unit)]


def _nearest_group(points: Geometries, piece: Ints, cut: Cut) -> Ints:
    """Group of the nearest seed of the same piece; 0 in pieces that are not cut."""
    out = np.zeros(len(points), dtype=np.int64)
    rows = np.flatnonzero(np.isin(piece, cut.piece))
    if len(rows):
        apart = 1e7  # metres: seeds of other pieces are never the nearest
        tree = cKDTree(np.column_stack([cut.xy, cut.piece * apart]))
        xy = shapely.get_coordinates(points[rows])
        out[rows] = cut.group[tree.query(np.column_stack([xy, piece[rows] * apart]))[1]]
    return out


def _unit_of(points: Geometries, units: Units, crossed: Ints) -> Ints:
    """The crossed building in which each point lies, -1 for none."""
    hit = first_hit(points, units.geometry[crossed])
    out = np.full(len(points), -1, dtype=np.int64)
    out[hit >= 0] = crossed[hit[hit >= 0]]
    return out


def _whole_units(keys: Ints, inside: Ints, area: Floats, unit_face: Ints, land: Land) -> Ints:
    """Keys of faces after every crossed building went whole to the side that holds most of it."""
    out = keys.copy()
    rows = np.flatnonzero(inside >= 0)
    if not len(rows):
        return out
    unit = inside[rows]
    at_home = unit_face[unit] >= 0
    own = keys[rows, 0] == np.where(at_home, land.zone[np.maximum(unit_face[unit], 0)], -1)
    table, inverse = np.unique(np.column_stack([unit, ~own, keys[rows]]), axis=0, return_inverse=True)
    total = sums(inverse, area[rows], len(table))
    order = np.lexsort((np.arange(len(table)), -total, table[:, 1], table[:, 0]))
    head, first = np.unique(table[order, 0], return_index=True)
    out[rows] = table[order][first][np.searchsorted(head, unit)][:, 2:]
    return out


def _faces_of_units(units: Units, inside: Ints, polygons: Geometries) -> Ints:
    """A face that holds each unit, -1 outside every zone."""
    at = first_hit(inner_points(units.geometry), polygons)
    rows = np.flatnonzero(inside >= 0)
    at[inside[rows][::-1]] = rows[::-1]
    return at


def _joined(
    polygons: Geometries,
    keys: Ints,
    before: Floats,
    held: Floats,
    unit_at: Ints,
    lines: Lines,
    *,
    profile: Profile,
) -> Atoms:
    """Faces of one key that hang together made one atom; slivers and enclaves taken in."""
    between = borders(polygons, lines, profile)
    key = np.unique(keys, axis=0, return_inverse=True)[1].astype(np.int64)
    label = joined(len(polygons), between, across=np.ones(len(between.first), dtype=bool), same=key)
    zone = _without_remnants(keys[:, 0], between, shapely.area(polygons), held, before)
    label = np.unique(np.column_stack([zone, label]), axis=0, return_inverse=True)[1].astype(np.int64)
    label = absorbed(label, between, polygons=polygons, weight=held, light=LIGHT_ATOM, thin_m=THIN_M / 3, within=zone)
    label = _west_to_east(label, polygons)
    first = np.unique(label, return_index=True)[1]
    geometry = dissolved(polygons, label)
    biggest = _representative(label, shapely.area(polygons))
    return Atoms(
        geometry,
        zone[first],
        keys[biggest, 1],
        keys[biggest, 2],
        _between_atoms(between, label),
        np.where(unit_at >= 0, label[np.maximum(unit_at, 0)], -1),
    )


def _without_remnants(zone: Ints, between: Borders, area: Floats, held: Floats, before: Floats) -> Ints:
    """Zones of faces after small empty parts that a building cut off went to the zone around them.

    Parameters
    ----------
    before : area of the part of its zone to which each face belonged before; one that is as small as
        that was drawn so, and stays
    """
    out = zone.copy()
    part = joined(len(zone), between, across=np.ones(len(between.first), dtype=bool), same=zone)
    n = int(part.max(initial=-1)) + 1
    size, load = sums(part, area, n), sums(part, held, n)
    whole = np.zeros(n)
    np.maximum.at(whole, part, before)
    small = (size < whole / 2) & (size < REMNANT_M2) & (load <= LIGHT_ATOM)
    two = between.second >= 0
    i, j, length = between.first[two], between.second[two], between.length_m[two]
    for p in np.flatnonzero(small):
        apart = (part[i] == p) != (part[j] == p)
        if apart.any():
            beside = np.where(part[i] == p, zone[j], zone[i])[apart]
            out[part == p] = int(np.argmax(sums(beside, length[apart])))
    return out


def _west_to_east(label: Ints, polygons: Geometries) -> Ints:
    """Labels in the order of the west edge, then the south edge of each class."""
    bounds = shapely.bounds(polygons)
    n = int(label.max(initial=-1)) + 1
    west, south = np.full(n, np.inf), np.full(n, np.inf)
    np.minimum.at(west, label, bounds[:, 0])
    np.minimum.at(south, label, bounds[:, 1])
    rank = np.empty(n, dtype=np.int64)
    rank[np.lexsort((np.arange(n), south, west))] = np.arange(n)
    return rank[label]


def _representative(label: Ints, area: Floats) -> Ints:
    """Row of the largest member of each class."""
    order = np.lexsort((np.arange(len(label)), -area, label))
    return order[np.unique(label[order], return_index=True)[1]]


def dissolved(polygons: Geometries, label: Ints) -> Geometries:
    """Union of the polygons of each class 0..n-1; vertices on its border stay."""
    order = np.argsort(label, kind="stable")
    start = np.searchsorted(label[order], np.arange(int(label.max(initial=-1)) + 2))
    out = np.empty(len(start) - 1, dtype=object)
    single = np.diff(start) == 1
    out[single] = polygons[order[start[:-1][single]]]
    for k in np.flatnonzero(~single):
        out[k] = whole(shapely.coverage_union_all(polygons[order[start[k] : start[k + 1]]]))
    return out


def whole(geometry: shapely.Geometry) -> shapely.Geometry:
    """A Polygon where the union has one part."""
    parts = shapely.get_parts(geometry)
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(list(parts))


def _between_atoms(between: Borders, label: Ints) -> Borders:
    """Borders of faces as borders of atoms, those inside an atom left out."""
    i = label[between.first]
    j = np.where(between.second >= 0, label[between.second], -1)
    keep = i != j
    low, high = np.minimum(i, j), np.maximum(i, j)
    sides = {"first": np.where(j < 0, i, low), "second": np.where(j < 0, -1, high)}
    return replace(between, **sides).where(keep)
