"""Buildings that a cut grazes: it bends round them along their outlines; what it would cut through is told.

Invariant: after this no building is in two pieces of one atom, or it is among those that are told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely

from gridgis.adjust.cutting import Cut, Ground, Reach, cut_edges, joined, snapped
from gridgis.adjust.faces import parted
from gridgis.geometry.borders import shared_edges
from gridgis.geometry.components import sums
from gridgis.geometry.coverage import CUT_M2, ERODE_M
from gridgis.geometry.noding import Floats, Geometries, Ints, first_hit, inner_points

GRAZED = 1 / 3
"""A line grazes a building of which no more than this share lies beyond it, or no more than a sliver's width."""

OUTLINE_M = 0.05
"""How near an outline is taken to touch a border: a building is not shaved for it."""


@dataclass(frozen=True)
class Struck:
    """A building through which a cut runs.

    Attributes
    ----------
    row : of the building
    beyond, depth_m : share of it beyond the cut, and how far it reaches there
    place : where the cut meets it
    """

    row: int
    beyond: float
    depth_m: float
    place: shapely.Geometry


def spared(atoms: Geometries, found: Cut, buildings: Geometries, *, reach: Reach) -> tuple[Cut, list[Struck]]:
    """The cut bent round the buildings that it grazes, and the buildings that it still runs through.

    Parameters
    ----------
    atoms : that were cut, metres
    buildings : those that overlap as one
    reach : what lies further beyond the cut than a line snaps is no graze
    """
    struck = _struck(found, buildings)
    if not len(struck):
        return found, []
    home, beyond = _homes(found, buildings[struck])
    depth = _depth(found, home, buildings[struck])
    grazed = (depth <= reach.sliver_m) | ((beyond <= GRAZED) & (depth <= reach.draw_m))
    bent = _bent(atoms, found, buildings[struck[grazed]], home[grazed], reach) if grazed.any() else found
    return bent, _told(bent, buildings)


def _told(found: Cut, buildings: Geometries) -> list[Struck]:
    """Buildings through which a cut runs, with how and where."""
    rows = _struck(found, buildings)
    home, beyond = _homes(found, buildings[rows])
    depth = _depth(found, home, buildings[rows])
    places = shapely.intersection(_line(found), buildings[rows])
    return [Struck(*row) for row in zip(rows.tolist(), beyond.tolist(), depth.tolist(), places, strict=True)]


def _line(found: Cut) -> shapely.Geometry:
    """The edges between pieces of one atom."""
    rows = np.flatnonzero(~found.whole)
    edges = shared_edges(found.polygons[rows])
    lines = edges.lines(cut_edges(edges, np.arange(len(rows)), found.atom[rows]))
    return shapely.union_all(lines)


def _struck(found: Cut, buildings: Geometries) -> Ints:
    """Buildings of which more than drawing accuracy lies in a second piece of one atom."""
    line = _line(found)
    near = np.sort(shapely.STRtree(buildings).query(line, predicate="intersects"))
    eroded = shapely.buffer(buildings[near], -ERODE_M, quad_segs=2)
    met = shapely.intersects(eroded, line)
    near, eroded = near[met], eroded[met]
    rows = np.flatnonzero(~found.whole)
    b, piece, area = _shares(eroded, found.polygons[rows])
    pairs, at = np.unique(np.column_stack([b, found.atom[rows[piece]]]), axis=0, return_inverse=True)
    most = np.zeros(len(pairs))
    np.maximum.at(most, at.reshape(-1), area)
    outside = sums(at.reshape(-1), area, len(pairs)) - most
    return near[np.unique(pairs[outside > CUT_M2, 0])]


def _shares(things: Geometries, polygons: Geometries) -> tuple[Ints, Ints, Floats]:
    thing, polygon = shapely.STRtree(polygons).query(things, predicate="intersects")
    return thing, polygon, shapely.area(shapely.intersection(things[thing], polygons[polygon]))


def _homes(found: Cut, buildings: Geometries) -> tuple[Ints, Floats]:
    """The side that holds most of each building, ties to the lower, and the share of it on others."""
    b, polygon, area = _shares(buildings, found.polygons)
    table = np.zeros((len(buildings), int(found.side.max(initial=0)) + 1))
    np.add.at(table, (b, found.side[polygon]), np.round(area, 3))
    total = np.maximum(table.sum(axis=1), 1e-9)
    return np.argmax(table, axis=1), 1 - table.max(axis=1, initial=0) / total


def _depth(found: Cut, home: Ints, buildings: Geometries) -> Floats:
    """How far each building reaches beyond the cut."""
    line, out = _line(found), np.zeros(len(buildings))
    b, polygon = shapely.STRtree(found.polygons).query(buildings, predicate="intersects")
    other = found.side[polygon] != home[b]
    beyond = shapely.intersection(buildings[b[other]], found.polygons[polygon[other]])
    xy, part = shapely.get_coordinates(beyond, return_index=True)
    np.maximum.at(out, b[other][part], shapely.distance(shapely.points(xy), line))
    return out


def _bent(atoms: Geometries, found: Cut, buildings: Geometries, home: Ints, reach: Reach) -> Cut:
    """The cut along the outlines of buildings, each whole on its side."""
    outline = shapely.union_all(shapely.boundary(buildings))
    rows = np.flatnonzero(~found.whole)
    met = np.sort(rows[shapely.STRtree(found.polygons[rows]).query(outline, predicate="intersects")])
    rest = np.setdiff1d(np.arange(len(found.atom)), met)
    faces = parted(found.polygons[met], outline, near_m=OUTLINE_M)
    polygons = np.concatenate([faces.polygons, found.polygons[rest]])
    origin = np.concatenate([met[faces.owner], rest])
    atom, side = found.atom[origin], found.side[origin]
    inside = first_hit(inner_points(faces.polygons), buildings)
    side[: len(inside)] = np.where(inside >= 0, home[np.maximum(inside, 0)], side[: len(inside)])
    edges = shared_edges(polygons)
    bare = Ground(np.zeros(0, dtype=object), np.zeros(0, dtype=object))
    side = snapped(polygons, atom, side, edges, atoms, bare, reach=replace(reach, draw_m=0.0))
    return joined(polygons, atom, side, edges, atoms)
