"""Zone borders put on centre lines, where the rules let them move.

Zone borders are legal lines. A strip of land between a border and the centre line beside it changes
zone only between communities or villages of one township, only where it holds no building and no
household, is narrow, and is below the profile's area. Everything else stays where it was drawn.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.divide.arrangement import Borders, Lines
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, width_m
from gridgis.profile import Profile

STEP_M = 4.0
"""Distance between the places along a border where its distance to a line is measured."""

GAIN_M = 1.0
"""A strip moves only where it shortens the border off the lines by more than this."""


@dataclass(frozen=True)
class Terrain:
    """What alignment must know of each face.

    Attributes
    ----------
    zone : index of the zone of each face, -1 outside every zone.
    occupied : holds a building or a household.
    """

    faces: Geometries
    zone: Ints
    occupied: Bools
    borders: Borders


def rungs(zone_borders: Geometries, lines: Lines, *, profile: Profile) -> Geometries:
    """Short lines from a zone border to the centre line beside it: where it comes near, at each next one, at its end.

    They close the strips between border and centre line, so that a strip is a face that can change zone, and
    no face of two strips with the corner between them.

    Parameters
    ----------
    zone_borders : array of LineString, metres
    """
    centre = lines.geometry[lines.on_line]
    if not len(centre) or not len(zone_borders):
        return np.zeros(0, dtype=object)
    points, line = _along(zone_borders)
    reach = profile.tolerances.align_m.value
    tree = shapely.STRtree(centre)
    (row, hit), distance = tree.query_nearest(points, max_distance=reach, return_distance=True, all_matches=False)
    nearest = np.full(len(points), -1, dtype=np.int64)
    nearest[row] = hit
    near = np.zeros(len(points), dtype=bool)
    near[row] = distance > 0.05
    same = line[1:] == line[:-1]
    leaving = np.flatnonzero(same & near[:-1] & (nearest[1:] < 0))
    coming = np.flatnonzero(same & near[1:] & (nearest[:-1] < 0)) + 1
    turning = np.flatnonzero(same & near[:-1] & near[1:] & (nearest[:-1] != nearest[1:]))
    at = np.unique(np.concatenate([leaving, coming, turning, turning + 1]))
    foot = shapely.shortest_line(points[at], centre[nearest[at]])
    return prolonged(foot, 0.05)


def aligned(terrain: Terrain, lines: Lines, township: Ints, movable_zone: Bools, *, profile: Profile) -> Ints:
    """The zone of each face after narrow strips have gone to the other side of their zone border.

    A strip moves where that shortens the zone border that lies off the centre lines; strips are taken by
    what they gain, largest first, ties by the order of the faces. Strips that hang on their zone by it go along;
    where anything else does, it stays.

    Parameters
    ----------
    township : class of each zone; land moves only within one
    movable_zone : whether the borders of a zone may move at all
    """
    free = _strips(terrain, lines, movable_zone, profile=profile)
    neighbours = _neighbours(terrain.borders, len(terrain.faces))
    zone, area = terrain.zone.copy(), shapely.area(terrain.faces)
    queue: list[tuple[float, int, int]] = []

    def offer(face: int) -> None:
        gain, target = _best(face, zone, neighbours[face], township, movable_zone)
        if free[face] and gain > GAIN_M:
            heapq.heappush(queue, (-gain, face, target))

    for start in np.flatnonzero(free):
        offer(int(start))
    budget = 20 * int(free.sum())
    while queue and budget:
        budget -= 1
        loss, face, target = heapq.heappop(queue)
        if _best(face, zone, neighbours[face], township, movable_zone) != (-loss, target):
            offer(face)
            continue
        group = [face, *_torn_off(face, zone, neighbours, area)]
        if not free[group].all():
            continue
        zone[group] = target
        for other in {other for member in group for other, _ in neighbours[member]}:
            offer(other)
    return zone


def _torn_off(face: int, zone: Ints, neighbours: list[list[tuple[int, float]]], area: Floats) -> list[int]:
    """Faces that hang on the rest of their zone by this face alone: all pieces but the largest."""
    here, pieces = zone[face], []
    left = [other for other, _ in neighbours[face] if zone[other] == here]
    while left:
        reached, edge = {left[0]}, [left[0]]
        while edge:
            for other, _ in neighbours[edge.pop()]:
                if zone[other] == here and other != face and other not in reached:
                    reached.add(other)
                    edge.append(other)
        pieces.append(sorted(reached))
        left = [other for other in left if other not in reached]
    pieces.sort(key=lambda piece: (-area[piece].sum(), piece))
    return [other for piece in pieces[1:] for other in piece]


def _strips(terrain: Terrain, lines: Lines, movable_zone: Bools, *, profile: Profile) -> Bools:
    """Faces that may move: narrow, empty, small enough, and nowhere far from a centre line."""
    reach = profile.tolerances.align_m.value
    free = (terrain.zone >= 0) & ~terrain.occupied
    free &= movable_zone[terrain.zone]
    free &= (width_m(terrain.faces) <= reach) & (shapely.area(terrain.faces) <= profile.tolerances.align_area_m2.value)
    rows = np.flatnonzero(free)
    free[rows] = _reach(terrain.faces[rows], lines) <= reach + 1.0
    rows = np.flatnonzero(free)
    free[rows] = 2 * shapely.length(shapely.maximum_inscribed_circle(terrain.faces[rows], 0.5)) <= reach
    return free


def _reach(polygons: Geometries, lines: Lines) -> Floats:
    """Largest distance of a vertex of each polygon from the nearest centre line."""
    out = np.zeros(len(polygons))
    centre = lines.geometry[lines.on_line]
    if not len(centre):
        return out + np.inf
    xy, owner = shapely.get_coordinates(polygons, return_index=True)
    (row, _), distance = shapely.STRtree(centre).query_nearest(
        shapely.points(xy), return_distance=True, all_matches=False
    )
    np.maximum.at(out, owner[row], distance)
    return out


def _neighbours(borders: Borders, n: int) -> list[list[tuple[int, float]]]:
    """For each face its neighbours with the length of their common border off the centre lines."""
    out: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    two = borders.second >= 0
    pair = np.column_stack([borders.first[two], borders.second[two]])
    pairs, inverse = np.unique(pair, axis=0, return_inverse=True)
    off = np.bincount(inverse, weights=np.where(borders.on_line[two], 0.0, borders.length_m[two]), minlength=len(pairs))
    for (i, j), length in zip(pairs.tolist(), off.tolist(), strict=True):
        out[i].append((j, length))
        out[j].append((i, length))
    return out


def _best(
    face: int, zone: Ints, neighbours: list[tuple[int, float]], township: Ints, movable_zone: Bools
) -> tuple[float, int]:
    """What a face gains by its best move, and the zone it goes to; ties to the lower zone."""
    here = int(zone[face])
    off: dict[int, float] = {}
    for other, length in neighbours:
        z = int(zone[other])
        off[z] = off.get(z, 0.0) + length
    allowed = [z for z in off if z >= 0 and z != here and _may(here, z, township, movable_zone)]
    if not allowed:
        return 0.0, here
    target = min(allowed, key=lambda z: (-off[z], z))
    return off[target] - off.get(here, 0.0), target


def _may(here: int, there: int, township: Ints, movable_zone: Bools) -> bool:
    return bool(township[here] == township[there] and movable_zone[there])


def _along(lines: Geometries) -> tuple[Geometries, Ints]:
    """Points every :data:`STEP_M` along lines, with the line of each."""
    length = shapely.length(lines)
    n = np.maximum(1, np.ceil(length / STEP_M)).astype(np.int64) + 1
    line = np.repeat(np.arange(len(lines)), n)
    k = np.arange(len(line)) - np.repeat(np.cumsum(n) - n, n)
    return shapely.line_interpolate_point(lines[line], k / (n[line] - 1), normalized=True), line


def prolonged(lines: Geometries, by_m: float) -> Geometries:
    """Straight lines made longer at both ends, so that they cross what they were drawn to."""
    ends = shapely.get_coordinates(lines).reshape(-1, 2, 2)
    d = ends[:, 1] - ends[:, 0]
    length = np.hypot(*d.T)
    keep = length > 1e-6
    ends, unit = ends[keep], d[keep] / length[keep, None]
    return shapely.linestrings(np.stack([ends[:, 0] - by_m * unit, ends[:, 1] + by_m * unit], axis=1))
