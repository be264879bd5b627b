"""The land: faces between all lines, the zone of each, and the street blocks and pieces they form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import shapely

from gridgis.divide.align import Terrain, aligned, prolonged, rungs
from gridgis.divide.arrangement import Borders, Lines, borders, no_lines
from gridgis.divide.blocks import absorbed, joined
from gridgis.divide.zones import zone_of
from gridgis.geometry.components import components, sums
from gridgis.geometry.coverage import cracks
from gridgis.geometry.noding import (
    GRID_M,
    Bools,
    Floats,
    Geometries,
    Ints,
    as_array,
    faces,
    first_hit,
    inner_points,
    node,
    rings,
    width_m,
)
from gridgis.profile import Profile

BESIDE_M = 60.0
"""Lines further than this from every zone are left out."""

THIN_M = 12.0
"""A piece without households of a smaller mean width joins a neighbour."""

LIGHT = 0.05
"""A thin or small piece with more than this share of the largest grid stays."""


@dataclass(frozen=True)
class Land:
    """Faces of the arrangement of all lines.

    Attributes
    ----------
    drawn, zone : zone of each face as it was drawn, and after alignment
    block : street block of each face: what lies between centre lines
    piece : part of a block between edges of compounds and walls
    """

    faces: Geometries
    drawn: Ints
    zone: Ints
    borders: Borders
    block: Ints
    piece: Ints


def lay_out(
    zones: gpd.GeoDataFrame, lines: Lines, *, occupied: Geometries, movable: Bools, align: bool, profile: Profile
) -> Land:
    """Faces with their zones; borders of zones put on centre lines where they may be.

    Parameters
    ----------
    occupied : points inside buildings and at households; a strip that holds one never changes zone
    movable : zones whose borders may move
    """
    drawn_borders = np.concatenate([rings(np.array([g], dtype=object)) for g in zones.geometry])
    rung = rungs(_movable_borders(zones, movable), lines, profile=profile) if align else drawn_borders[:0]
    whole = shapely.union_all(as_array(zones.geometry))
    crack = cracks(whole)
    polygons = faces(node(np.concatenate([drawn_borders, rung, _mouths(crack, whole), lines.geometry])))
    drawn = _filled(polygons, zone_of(inner_points(polygons), zones), crack, profile=profile)
    polygons, drawn = polygons[drawn >= 0], drawn[drawn >= 0]
    between = borders(polygons, lines, profile)
    settled = without_slips(polygons, drawn, between, profile=profile)
    terrain = Terrain(polygons, settled, _holds(polygons, occupied), between)
    township = np.unique(zones["zone_code"].str[:9], return_inverse=True)[1].astype(np.int64)
    zone = aligned(terrain, lines, township, movable & align, profile=profile)
    none = np.zeros(len(polygons), dtype=np.int64)
    return Land(polygons, drawn, zone, between, none, none)


def without_slips(polygons: Geometries, zone: Ints, between: Borders, *, profile: Profile) -> Ints:
    """Zones of faces after parts of a zone that are mere slips of the pen went to their neighbour.

    Where a dedicated zone or a corridor was drawn beside the border of a community and not on it, a strip
    of the community remains behind it. A wider remnant is a detached part, and stays.
    """
    part = joined(len(zone), between, across=np.ones(len(between.first), dtype=bool), same=zone)
    i, j = part[between.first], np.where(between.second >= 0, part[between.second], -1)
    apart = i != j
    n = int(part.max(initial=-1)) + 1
    perimeter = sums(i[apart], between.length_m[apart], n) + sums(
        j[apart & (j >= 0)], between.length_m[apart & (j >= 0)], n
    )
    width = profile.tolerances.sliver_m.value
    thin = 2 * sums(part, shapely.area(polygons), n) < width * perimeter
    out = zone.copy()
    two = between.second >= 0
    for p in np.flatnonzero(thin):
        beside = apart & two & ((i == p) | (j == p))
        if beside.any() and shapely.buffer(shapely.union_all(polygons[part == p]), -width / 2).is_empty:
            other = np.where(i[beside] == p, zone[between.second[beside]], zone[between.first[beside]])
            out[part == p] = int(np.argmax(sums(other, between.length_m[beside])))
    return out


def with_blocks(land: Land, *, corridor: Bools, load: Floats, profile: Profile) -> Land:
    """The land with its street blocks and pieces.

    Parameters
    ----------
    corridor : zones that are street corridors: no line inside them parts a block
    load : what each face holds as a share of the largest grid of its zone
    """
    n, b = len(land.faces), land.borders
    inside = corridor[land.zone[b.first]]
    block = joined(n, b, across=~b.on_line | inside, same=land.zone)
    piece = joined(n, b, across=(b.cut_cost >= profile.off_street.cut_cost) | inside, same=land.zone)
    options = {"polygons": land.faces, "weight": load, "light": LIGHT, "thin_m": THIN_M}
    block = absorbed(block, b, within=land.zone, **options)  # type: ignore[arg-type]
    piece = absorbed(_finer(piece, block), b, within=block, **options)  # type: ignore[arg-type]
    return replace(land, block=block, piece=piece)


def _finer(piece: Ints, block: Ints) -> Ints:
    """Pieces that never cross a block."""
    return np.unique(np.column_stack([block, piece]), axis=0, return_inverse=True)[1].astype(np.int64)


def _movable_borders(zones: gpd.GeoDataFrame, movable: Bools) -> Geometries:
    """Borders of the zones that may move, each stretch once."""
    boundaries = shapely.boundary(as_array(zones.geometry)[movable])
    if not len(boundaries):
        return boundaries
    return shapely.get_parts(shapely.line_merge(shapely.union_all(boundaries)))


def _holds(polygons: Geometries, points: Geometries) -> Bools:
    """Whether each polygon covers one of the points."""
    out = np.zeros(len(polygons), dtype=bool)
    if len(points):
        out[shapely.STRtree(polygons).query(points, predicate="intersects")[1]] = True
    return out


def _mouths(crack: Geometries, land: shapely.Geometry) -> Geometries:
    """Lines over the open ends of cracks between zones, which make a face of each."""
    across = shapely.difference(shapely.boundary(crack), shapely.buffer(shapely.boundary(land), 2 * GRID_M))
    parts = shapely.get_parts(shapely.line_merge(across))
    parts = parts[~shapely.is_empty(parts)]
    ends = np.stack([shapely.get_coordinates(shapely.get_point(parts, k)) for k in (0, -1)], axis=1)
    return prolonged(shapely.linestrings(ends), 5 * GRID_M)


def _filled(polygons: Geometries, zone: Ints, crack: Geometries, *, profile: Profile) -> Ints:
    """Narrow gaps between zones given to the neighbour with the longest border.

    A gap is closed where zones surround it, or where it is a crack; land without a zone that is wider stays
    without one.
    """
    reach = profile.tolerances.gap_width_m.value
    every = borders(polygons, no_lines(), profile)
    two = every.second >= 0
    i, j = every.first[two], every.second[two]
    empty = zone < 0
    both = empty[i] & empty[j]
    gap = components(len(polygons), np.column_stack([i[both], j[both]]))
    open_ = np.zeros(int(gap.max(initial=-1)) + 1, dtype=bool)
    open_[gap[every.first[~two]]] = True
    closed = empty & (~open_[gap] | (first_hit(inner_points(polygons), crack) >= 0))
    if not closed.any():
        return zone
    out = zone.copy()
    members = np.flatnonzero(closed)
    for g in np.unique(gap[members]):
        mine = members[gap[members] == g]
        if (
            width_m(polygons[mine]).max() < reach
            and shapely.buffer(shapely.union_all(polygons[mine]), -reach / 2).is_empty
        ):
            out[mine] = _longest(mine, i, j, every.length_m[two], zone)
    return out


def _longest(mine: Ints, i: Ints, j: Ints, length: Floats, zone: Ints) -> int:
    beside = np.concatenate([zone[j[np.isin(i, mine)]], zone[i[np.isin(j, mine)]]])
    metres = np.concatenate([length[np.isin(i, mine)], length[np.isin(j, mine)]])
    real = beside >= 0
    return int(np.argmax(sums(beside[real], metres[real]))) if real.any() else -1
