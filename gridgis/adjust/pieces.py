"""Atoms of a draft divided along a drawing: pieces with ids and households, and the vertices that neighbours get."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.adjust.cutting import Cut, Ground, Reach, SideOf, cut, largest_first
from gridgis.adjust.draft import Draft
from gridgis.adjust.ground import centre_lines, near_buildings, struck_building, wholes
from gridgis.adjust.plane import Plane
from gridgis.adjust.snapping import on_lines
from gridgis.adjust.spared import spared
from gridgis.crs import unit_m
from gridgis.divide.apportion import apportion
from gridgis.divide.columns import known
from gridgis.divide.floor_space import dwelling_area
from gridgis.errors import Fault, Notice
from gridgis.geometry.borders import point_keys
from gridgis.geometry.components import sums
from gridgis.geometry.frames import framed
from gridgis.geometry.noding import Floats, Geometries, Ints, as_array, first_hit, inner_points
from gridgis.geometry.stitch import Stitches, missing_vertices, stitched

STITCH_M = 0.02
"""A new vertex lies no further off the edge into which it comes: half a grid of noding, and what two CRS differ."""


@dataclass(frozen=True)
class Divided:
    """The atoms of a draft after some of them were divided.

    Attributes
    ----------
    atoms : all atoms; the pieces of one that was cut follow each other in its place, labelled as it was
    side : of each atom that was asked for, -1 of the others
    faults : buildings that it would cut
    notices : what the planner should know
    """

    atoms: gpd.GeoDataFrame
    side: Ints
    faults: tuple[Fault, ...]
    notices: tuple[Notice, ...]


def divided(
    draft: Draft,
    rows: Ints,
    lines: Geometries,
    *,
    plane: Plane,
    buildings: gpd.GeoDataFrame | None,
    inside: bool = False,
    to_streets: bool = True,
) -> Divided:
    """Divide atoms along lines.

    Parameters
    ----------
    rows : of the atoms of the draft that may be cut
    lines : in the metres of the plane, from border to border of these atoms, or round
    buildings : in any CRS; what has no `households` counts by its floor area
    inside : sides are the land in the polygon of which the lines are the rings (1), and outside (0); otherwise there
        is one for each part of the land that no line crosses
    to_streets : whether lines snap to centre lines
    """
    frame = draft.division.atoms
    own = as_array(frame.geometry)[rows]
    land = plane.metres(own)
    reach = Reach.of(draft.profile)
    drawing = shapely.multilinestrings(lines)
    near = land[np.sort(shapely.STRtree(land).query(drawing, predicate="dwithin", distance=reach.draw_m))]
    built = near_buildings(buildings, near, plane)
    streets = centre_lines(draft, drawing, plane, reach.draw_m) if to_streets else land[:0]
    ground = Ground(streets, wholes(built))
    lines = as_array([on_lines(line, near, ground, reach=reach) for line in lines])
    found = cut(land, shapely.multilinestrings(lines), ground, reach=reach, side_of=_within(lines) if inside else None)
    found, struck = spared(land, found, ground.buildings, reach=reach)
    found = largest_first(found)
    faults = [struck_building(plane, built, ground.buildings[s.row], s) for s in struck]
    atoms, of = _pieces(frame, rows, found, land, plane, built)
    side = np.full(len(atoms), -1, dtype=np.int64)
    side[of] = found.side
    told = () if buildings is not None else (Notice("buildings", "none were given: a cut may run through some"),)
    return Divided(atoms, side, tuple(faults), told if not found.whole.all() else ())


def _within(rings: Geometries) -> SideOf:
    """Whether points lie in the polygon with these rings, the outer one first."""
    shape = shapely.make_valid(shapely.Polygon(rings[0], rings[1:]))
    shapely.prepare(shape)
    return lambda points: np.asarray(shapely.intersects(shape, points), dtype=np.int64)


# ---------------------------------------------------------------- pieces
def _pieces(
    frame: gpd.GeoDataFrame, rows: Ints, found: Cut, land: Geometries, plane: Plane, built: gpd.GeoDataFrame | None
) -> tuple[gpd.GeoDataFrame, Ints]:
    """All atoms with the pieces in place of those that were cut, and where each polygon of the cut is among them."""
    if found.whole.all():
        return frame, rows
    count = np.ones(len(frame), dtype=np.int64)
    count[rows] = np.bincount(found.atom)
    origin = np.repeat(np.arange(len(frame)), count)
    there = np.flatnonzero(np.isin(origin, rows))
    cut_rows = np.flatnonzero(count > 1)
    at = there[~found.whole]
    own, flat = as_array(frame.geometry)[cut_rows], land[np.unique(found.atom[~found.whole])]
    shape = as_array(frame.geometry)[origin]
    shape[at] = plane.back(found.polygons[~found.whole], own=own, metric=flat)
    columns = {name: frame[name].array.take(origin) for name in frame.columns if name != "geometry"}
    columns["atom_id"][at] = _ids(set(frame["atom_id"].array), columns["atom_id"][at])
    columns["households"][at] = shared_households(frame["households"].iloc[cut_rows], found, built)
    land = gpd.array.from_shapely(_sewn(shape, at, own, frame.crs), crs=frame.crs)
    return framed(columns, land), there


def _ids(taken: set[str], names: Geometries) -> list[str]:
    """`ID.1`, `ID.2`, ... of the pieces of each atom, without those that are given already."""
    number: dict[str, int] = {}
    out = []
    for name in names:
        number[name] = number.get(name, 0) + 1
        while f"{name}.{number[name]}" in taken:
            number[name] += 1
        out.append(f"{name}.{number[name]}")
    return out


def _sewn(shape: Geometries, pieces: Ints, own: Geometries, crs: object) -> Geometries:
    """Atoms with the vertices that cuts put on their borders.

    Parameters
    ----------
    shape : of all atoms, pieces among them
    pieces : where those are
    own : atoms that were cut, as they were
    """
    xy = np.unique(shapely.get_coordinates(shape[pieces]), axis=0)
    xy = xy[~np.isin(point_keys(xy), point_keys(shapely.get_coordinates(own)))]
    within = STITCH_M / unit_m(crs)
    beside = shapely.STRtree(shape).query(shapely.points(xy), predicate="dwithin", distance=within)[1]
    group = np.union1d(beside, pieces)
    found = missing_vertices(shape[group], within=within)
    mine = np.isin(point_keys(found.xy), point_keys(xy))
    out = shape.copy()
    out[group] = stitched(shape[group], Stitches(found.edge[mine], found.start[mine], found.xy[mine]))
    return out


# ---------------------------------------------------------------- households
def shared_households(households: pd.Series, found: Cut, built: gpd.GeoDataFrame | None) -> pd.arrays.IntegerArray:
    """Households of atoms over their pieces: whole numbers that add up.

    By the households of the buildings on them where these are known, else by the floor area of dwellings, else by
    area.

    Parameters
    ----------
    households : of the atoms that were cut, in their order
    found : the cut
    built : buildings on them, in metres
    """
    pieces = found.polygons[~found.whole]
    atom = np.unique(found.atom[~found.whole], return_inverse=True)[1]
    total = households.to_numpy(dtype=float, na_value=np.nan)
    weight = _weights(pieces, atom, built)
    share = apportion(weight, total, atom).astype(float)
    share[np.isnan(total[atom])] = np.nan
    return pd.array(share, dtype="Int64")


def _weights(pieces: Geometries, atom: Ints, built: gpd.GeoDataFrame | None) -> Floats:
    out = shapely.area(pieces)
    if built is None or not len(built):
        return out
    at = first_hit(inner_points(as_array(built.geometry)), pieces)
    on = at >= 0
    for value in (dwelling_area(built), known(built, "households")):
        weight = sums(at[on], value[on], len(pieces))
        has = sums(atom, weight) > 0
        out = np.where(has[atom], weight, out)
    return out
