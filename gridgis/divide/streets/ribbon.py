"""Which faces between streets are road: medians, junctions of such roads, traffic islands."""

from __future__ import annotations

from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.divide.streets.plan import Plan
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints

REACH = {"trunk": 1.0, "primary": 1.0, "secondary": 0.75, "tertiary": 0.5}
"""Classes whose carriageways are merged: share of `dual_m` within which. Smaller ones lie nearer together."""

NEVER = "motorway"
"""A face beside one is never road: ramps would be torn off."""

ONE_ROAD_SHARE = 0.7
"""Share of a face's outline that must be of one class, and of the named part of one name, to be one road."""

AROUND_SHARE, BESIDE_SHARE = 0.9, 0.45
"""A face becomes road where carriageways and road are its outline by the first share, road by the second."""

ISLAND_M2 = 300.0
"""A traffic island between motor roads is no larger."""

MOTOR = frozenset({*REACH, "unclassified", "residential", "living_street", "road", "busway"})

ROUNDS = 3


def road_faces(
    plan: Plan, lines: gpd.GeoDataFrame, *, buildings: Geometries, barriers: Geometries, dual_m: float
) -> Bools:
    """Which faces of the plan are road.

    Invariant: a road face holds no building, borders no motorway and no barrier runs along in it;
    no point in it is further than half of `dual_m` from a line.
    """
    blank = np.zeros(len(plan.faces), dtype=bool)
    if not len(plan.faces):
        return blank
    road_class = lines["road_class"].to_numpy(dtype=object)[plan.line]
    free = ~_bounded_by(plan, road_class == NEVER)
    near = np.flatnonzero(free & (shapely.area(plan.faces) / shapely.length(plan.faces) <= dual_m / 2))
    near = near[~_built(plan.faces[near], buildings) & ~_barred(plan.faces[near], barriers)]
    half_width_m = np.full(len(plan.faces), np.inf)
    half_width_m[near] = _half_width(plan.faces[near], dual_m / 2)
    carriageway = np.isin(road_class, list(REACH))
    between = _along(plan, carriageway) >= AROUND_SHARE * shapely.length(plan.faces)
    strip = between & (half_width_m <= dual_m / 4)
    median = _medians(plan, lines, half_width_m, dual_m)
    road = ((median | strip) & _one_name(plan, lines)) | _islands(plan, road_class, half_width_m)
    return _grown(plan, road, carriageway, half_width_m)


def _medians(plan: Plan, lines: gpd.GeoDataFrame, half_width_m: Floats, dual_m: float) -> Bools:
    """Faces between two carriageways of one class."""
    reach = np.zeros(len(plan.faces))
    outline = shapely.length(plan.faces)
    road_class = lines["road_class"].to_numpy(dtype=object)[plan.line]
    for name, share in REACH.items():
        mostly = _along(plan, road_class == name) >= ONE_ROAD_SHARE * outline
        reach[mostly] = share * dual_m / 2
    return half_width_m <= reach


def _islands(plan: Plan, road_class: np.ndarray, half_width_m: Floats) -> Bools:
    """Small faces between motor roads only."""
    small = np.isfinite(half_width_m) & (shapely.area(plan.faces) <= ISLAND_M2)
    return cast(Bools, small & ~_bounded_by(plan, ~np.isin(road_class, list(MOTOR))))


def _grown(plan: Plan, road: Bools, carriageway: Bools, half_width_m: Floats) -> Bools:
    """Narrow faces that road surrounds, or that carriageways and road surround together, added."""
    outline = shapely.length(plan.faces)
    for _ in range(ROUNDS):
        border = beside(plan, road) > 0
        around = _along(plan, border | carriageway) >= AROUND_SHARE * outline
        more = ~road & around & np.isfinite(half_width_m) & (_along(plan, border) >= BESIDE_SHARE * outline)
        if not more.any():
            break
        road = road | more
    return road


def beside(plan: Plan, which: Bools) -> Ints:
    """Count the sides of each edge, 0 to 2, on which a face asked for lies."""
    return np.asarray(np.append(which, False)[plan.sides].sum(axis=1), dtype=np.int64)  # -1 is the one appended


def _along(plan: Plan, which: Bools) -> Floats:
    """Length of the outline of each face on the edges asked for."""
    weight = np.where(which, plan.length_m, 0.0)
    return np.bincount(plan.face_of, weight[plan.edge_of], minlength=len(plan.faces)).astype(float)


def _bounded_by(plan: Plan, which: Bools) -> Bools:
    """Faces with at least one of the edges asked for."""
    return np.bincount(plan.face_of, which[plan.edge_of], minlength=len(plan.faces)) > 0


def _one_name(plan: Plan, lines: gpd.GeoDataFrame) -> Bools:
    """Whether the named part of each outline bears one name; true where nothing is named."""
    code = pd.factorize(lines["name"])[0][plan.line][plan.edge_of]
    table = pd.DataFrame({"face": plan.face_of, "name": code, "length": plan.length_m[plan.edge_of]})
    by = table[table["name"] >= 0].groupby(["face", "name"])["length"].sum().groupby(level=0)
    out = np.ones(len(plan.faces), dtype=bool)
    share = by.max() / by.sum()
    out[share.index.to_numpy()] = share.to_numpy() >= ONE_ROAD_SHARE
    return out


def _half_width(faces: Geometries, limit_m: float) -> Floats:
    """Radius of the largest circle in each face; infinite above the limit."""
    out = np.full(len(faces), np.inf)
    narrow = shapely.is_empty(shapely.buffer(faces, -limit_m, quad_segs=2))
    out[narrow] = shapely.length(shapely.maximum_inscribed_circle(faces[narrow], tolerance=0.5))
    return out


def _built(faces: Geometries, buildings: Geometries) -> Bools:
    """Whether a building reaches into a face by more than a metre."""
    out = np.zeros(len(faces), dtype=bool)
    if len(faces) and len(buildings):
        inner = shapely.buffer(faces, -1.0, quad_segs=2)
        out[shapely.STRtree(buildings).query(inner, predicate="intersects")[0]] = True
    return out


def _barred(faces: Geometries, barriers: Geometries) -> Bools:
    """Whether a barrier runs along in a face: one that only crosses it is shorter than half its length."""
    along = np.zeros(len(faces))
    if len(faces) and len(barriers):
        face, barrier = shapely.STRtree(barriers).query(faces, predicate="intersects")
        np.add.at(along, face, shapely.length(shapely.intersection(faces[face], barriers[barrier])))
    return cast(Bools, along > 0.25 * shapely.length(faces))
