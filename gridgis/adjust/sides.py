"""The land of some grids, or micro-grids, parted by a drawn line into sides that hang together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gridgis.adjust.cutting import Reach
from gridgis.adjust.draft import Draft
from gridgis.adjust.drawn import Shape, faulty
from gridgis.adjust.give import LEVELS, unknown
from gridgis.adjust.pieces import Divided, divided
from gridgis.adjust.plane import Plane
from gridgis.errors import Fault, Notice, refuse
from gridgis.geometry.borders import adjacency
from gridgis.geometry.components import components, relabel, sums
from gridgis.geometry.noding import GRID_M, Floats, Geometries, Ints, as_array

STRAIGHT_ON = 1.5
"""An end is prolonged straight on where that takes no more than this many times what a line may snap."""

BEYOND_M = 1.0
"""So far over the border a prolonged end reaches: that it meets it is not left to the last bit."""


@dataclass(frozen=True)
class Sides:
    """Atoms of a draft, some of them on the sides of a line.

    Attributes
    ----------
    atoms : all atoms, those that were cut in pieces
    at : those on the land that was parted
    side : of each of them, 0, 1, ...; -1 on parts of the land that the line does not cross
    households, area_m2 : of each side; households that are not known count nothing
    beside_m2 : area of the parts that the line does not cross
    notices : what the planner should know
    """

    atoms: gpd.GeoDataFrame
    at: Ints
    side: Ints
    households: Floats
    area_m2: Floats
    beside_m2: float
    notices: tuple[Notice, ...]

    @property
    def mostly_beside(self) -> bool:
        """Whether the parts of the land that the line does not cross have more households, then land, than any side."""
        rows = self.at[self.side < 0]
        households = self.atoms["households"].to_numpy(dtype=float, na_value=0.0)[rows].sum()
        first = self.order()[0]
        return bool((households, self.beside_m2) > (self.households[first], self.area_m2[first]))

    def order(self) -> Ints:
        """Sides with the one first that has most households, then most land, then lies furthest west."""
        shape = as_array(self.atoms.geometry)[self.at]
        west = np.full(len(self.area_m2), np.inf)
        np.minimum.at(west, self.side[self.side >= 0], shapely.bounds(shape)[self.side >= 0, 0])
        return np.lexsort((west, -np.round(self.area_m2, 3), -self.households))


def parted_land(
    draft: Draft,
    column: str,
    codes: Sequence[str],
    line: shapely.Geometry,
    *,
    buildings: gpd.GeoDataFrame | None,
    known_faults: Iterable[Fault] = (),
) -> Sides:
    """The sides of a line on the land of grids or micro-grids, or of one atom.

    Parameters
    ----------
    column : that the codes stand in; they are there
    line : in the CRS of the draft, looked at by :func:`looked_at`
    known_faults : to be told with those that are found here

    Raises
    ------
    InputRefused
        With every reason why the line cannot part the land: it misses it, ends in it, would cut buildings, or would
        cut off nothing.
    """
    frame = draft.division.atoms
    rows = np.flatnonzero(frame[column].isin(list(codes)))
    own = as_array(frame.geometry)[rows]
    plane = Plane.of(frame)
    land = shapely.coverage_union_all(plane.metres(own))
    drawn = shapely.remove_repeated_points(plane.metres(as_array([line]))[0])
    word = f"{_word(column)} {', '.join(codes)}"
    missed = _misses(drawn, land, plane, word)
    refuse([*known_faults, *missed] if missed else [])
    reach = Reach.of(draft.profile)
    longer, faults = prolonged(drawn, land, plane, word, reach_m=reach.draw_m)
    found = divided(draft, rows, _around(longer, land, reach), plane=plane, buildings=buildings)
    faults = [*known_faults, *faults, *found.faults]
    sides = _gathered(found, plane)
    if not faults and not len(sides.area_m2):
        faults.append(_nothing(longer, land, plane, word, reach))
    refuse(faults)
    return sides


def _word(column: str) -> str:
    return LEVELS[column][1] if column in LEVELS else "atom"


def locked(draft: Draft, codes: Sequence[str]) -> list[Fault]:
    """Grids among some that are locked."""
    held = sorted(set(codes) & draft.locks.grids)
    return [Fault("grids", code, "is locked", f"Unlock it: gridgis adjust unlock VERSION {code}") for code in held]


def looked_at(draft: Draft, codes: Sequence[str], drawing: shapely.Geometry, *, shape: Shape = "line") -> list[Fault]:
    """Grids that are locked among those of some codes, for what is found later to be told with it.

    Raises
    ------
    InputRefused
        Where nothing can be cut: a code is not there, or the drawing is none; together with the locks.
    """
    digits = draft.profile.codes.zone_digits + draft.profile.codes.sequence_digits
    locks = locked(draft, [code[:digits] for code in codes])
    worse = [*unknown(draft, codes), *look_at(draft, drawing, shape=shape)]
    refuse([*locks, *worse] if worse else [])
    return locks


def look_at(draft: Draft, drawing: shapely.Geometry, *, shape: Shape) -> list[Fault]:
    """What is wrong with a drawing, wherever in the draft it is to cut."""
    west, south, east, north = draft.division.atoms.total_bounds
    return faulty(drawing, shape=shape, land=(west, south, east, north), crs=draft.division.atoms.crs)


# ---------------------------------------------------------------- the line on the land
def _misses(line: shapely.LineString, land: shapely.Geometry, plane: Plane, word: str) -> list[Fault]:
    away = float(shapely.distance(line, land))
    if away == 0:
        return []
    at = plane.place(shapely.get_coordinates(shapely.shortest_line(line, land))[0])
    return [Fault("line", at, f"misses {word} by {away:.0f} m", "Draw it across, from border to border")]


def prolonged(
    line: shapely.LineString, land: shapely.Geometry, plane: Plane, word: str, *, reach_m: float
) -> tuple[shapely.LineString, list[Fault]]:
    """The line with ends that stop short of the border of the land drawn on to it; a fault for each that is too far.

    Parameters
    ----------
    line, land : metres
    word : what the land is called
    """
    if line.is_closed:
        return line, []
    xy, faults = shapely.get_coordinates(line), []
    border = shapely.boundary(land)
    for end, before in ((0, 1), (-1, -2)):
        point = shapely.Point(xy[end])
        away = float(shapely.distance(point, border))
        if away == 0 or not shapely.contains_properly(land, point):
            continue
        if away > reach_m:
            problem = f"ends {away:.0f} m inside {word}"
            faults.append(Fault("line", plane.place(xy[end]), problem, f"Draw it on by {away:.0f} m, to the border"))
        more = _straight_on(xy[end], xy[before], border, STRAIGHT_ON * reach_m)
        if more is None:
            more = _over(xy[end], shapely.get_coordinates(shapely.shortest_line(point, border))[-1])
        xy = np.vstack([more, xy]) if end == 0 else np.vstack([xy, more])
    return shapely.LineString(xy), faults


def _straight_on(end: Floats, before: Floats, border: shapely.Geometry, most_m: float) -> Floats | None:
    """Where a line that goes straight on meets the border, and a little further; None where that is too far."""
    along = (end - before) / np.hypot(*(end - before))
    met = shapely.get_coordinates(shapely.intersection(shapely.LineString([end, end + most_m * along]), border))
    if not len(met):
        return None
    return _over(end, met[np.argmin(np.hypot(*(met - end).T))])


def _over(end: Floats, met: Floats) -> Floats:
    away = met - end
    return np.asarray(met + BEYOND_M * away / np.hypot(*away))


def _around(line: shapely.LineString, land: shapely.Geometry, reach: Reach) -> Geometries:
    """What of a line lies on the land or near it."""
    west, south, east, north = land.bounds
    far = 4 * reach.draw_m
    near = shapely.get_parts(shapely.clip_by_rect(line, west - far, south - far, east + far, north + far))
    return as_array(near[shapely.get_dimensions(near) == 1])


def _nothing(line: shapely.LineString, land: shapely.Geometry, plane: Plane, word: str, reach: Reach) -> Fault:
    """Why a line parts nothing."""
    at = plane.place(shapely.intersection(line, land))
    apart = shapely.difference(land, shapely.buffer(line, GRID_M))
    if shapely.get_num_geometries(apart) <= shapely.get_num_geometries(land):
        return Fault("line", at, f"touches {word} and parts nothing of it", "Draw it across, from border to border")
    problem = (
        f"runs along the border of {word}: what lies between is nowhere wider than {reach.draw_m:g} m along a centre "
        f"line, or {reach.sliver_m:g} m elsewhere, and goes to the other side"
    )
    return Fault("line", at, problem, "Draw it where the border is to be")


# ---------------------------------------------------------------- sides that hang together
def _gathered(found: Divided, plane: Plane) -> Sides:
    """Sides of which each hangs together: what is cut off from the largest part of its side goes to a neighbour."""
    at = np.flatnonzero(found.side >= 0)
    shape = plane.metres(as_array(found.atoms.geometry)[at])
    pairs, length = adjacency(shape)
    households = found.atoms["households"].to_numpy(dtype=float, na_value=0.0)[at]
    area = shapely.area(shape)
    side = together(found.side[at], pairs, length, households, area)
    part = components(len(at), pairs)
    many = np.array([len(np.unique(side[part == p])) > 1 for p in range(int(part.max(initial=-1)) + 1)], dtype=bool)
    side = np.where(many[part], side, -1)
    side[side >= 0] = relabel(side[side >= 0])
    n = int(side.max(initial=-1)) + 1
    on = side >= 0
    held, land = (sums(side[on], value[on], n) for value in (households, area))
    return Sides(found.atoms, at, side, held, land, float(area[~on].sum()), found.notices)


def together(side: Ints, pairs: Ints, length: Floats, households: Floats, area: Floats) -> Ints:
    """Sides of atoms after each part of a side but the largest went to the neighbour with the longest common border.

    The largest is that with most households, then with most land. A part without a neighbour stays.
    """
    out = side.copy()
    i, j = pairs.T if len(pairs) else np.zeros((2, 0), dtype=np.int64)
    piece = components(len(side), pairs[side[i] == side[j]])
    n = int(piece.max(initial=-1)) + 1
    of = side[np.unique(piece, return_index=True)[1]]
    order = np.lexsort((np.arange(n), -sums(piece, area, n), -sums(piece, households, n)))
    main = order[np.unique(of[order], return_index=True)[1]]
    for p in (p for p in order[::-1] if p not in main):
        beside = (piece[i] == p) != (piece[j] == p)
        other = np.where(piece[i] == p, out[j], out[i])[beside]
        if len(other):
            out[piece == p] = np.argmax(np.bincount(other, weights=length[beside]))
    return out
