"""Which streets can be a border at all."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.divide.columns import numbers
from gridgis.geometry.noding import GRID_M, Bools, Floats, Geometries, Ints, as_array
from gridgis.profile import Profile

COLUMNS = ("road_class", "name", "width_m", "layer")

NO = frozenset({"", "no", "0", "0.0", "false", "f", "nan", "none", "<na>"})
"""What a column of yes and no says for no."""

SOFT = frozenset({"service", "track", "footway", "path", "cycleway", "bridleway", "steps"})
"""Classes that often accompany a street and then say nothing that it does not say."""

BESIDE_SHARE, SAME_SHARE = 0.6, 0.9
"""Share of its length along which a line must have a better one beside it to be left out."""

SAMPLE_M = 5.0
PARALLEL_COSINE = np.cos(np.radians(25.0))


def select(streets: gpd.GeoDataFrame, *, profile: Profile) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Streets that can be a border, best class first, and how many were dropped by reason.

    Invariant: of two lines that say the same, the one of the better class stays; every line has
    a class of the profile, two or more points and a length.
    """
    counts: dict[str, int] = {}
    lines = _table(streets)

    def drop(lines: gpd.GeoDataFrame, gone: Bools, reason: str) -> gpd.GeoDataFrame:
        counts[reason] = int(gone.sum())
        return lines[~gone].reset_index(drop=True)

    roads = profile.roads
    lines = drop(
        lines,
        ~lines["road_class"].map(lambda name: name in roads and roads[name].border).to_numpy(bool),
        "never a border",
    )
    lines = drop(lines, lines.pop("tunnel").to_numpy(bool), "tunnels")
    lines = _parts(lines)
    lines = drop(lines, shapely.length(as_array(lines.geometry)) < GRID_M, "without length")
    lines = _best_first(lines, profile)
    cost = _cut_cost(lines, profile)
    lines = drop(
        lines, _doubled(lines, np.arange(len(lines)), profile.tolerances.snap_m.value, SAME_SHARE), "duplicates"
    )
    cost = _cut_cost(lines, profile)
    soft = lines["road_class"].isin(SOFT).to_numpy(bool)
    rank = np.unique(cost, return_inverse=True)[1]
    beside = _doubled(lines, rank, profile.tolerances.parallel_m.value, BESIDE_SHARE, among=soft)
    return drop(lines, beside, "beside a street"), counts


def _table(streets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Take the columns that count, those that are missing filled; `_link` taken off the class."""
    n = len(streets)
    base = streets["road_class"].astype("string").fillna("").str.strip().str.lower().str.removesuffix("_link")
    name = streets["name"] if "name" in streets else pd.Series([None] * n, index=streets.index)
    data = {
        "road_class": base.to_numpy(dtype=object),
        "name": pd.Series(name.astype(object).where(name.notna(), None).to_numpy(dtype=object), dtype=object),
        "width_m": numbers(streets, "width_m"),
        "layer": numbers(streets, "layer"),
        "tunnel": _says_yes(streets, "tunnel"),
    }
    return gpd.GeoDataFrame(data, geometry=as_array(streets.geometry), crs=streets.crs)


def _says_yes(frame: pd.DataFrame, column: str) -> Bools:
    if column not in frame:
        return np.zeros(len(frame), dtype=bool)
    text = frame[column].astype("string").fillna("").str.strip().str.lower()
    return ~text.isin(NO).to_numpy(bool)


def _parts(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Single lines in two dimensions; what is no line or has no finite coordinates is left out."""
    shapes = shapely.force_2d(as_array(lines.geometry))
    parts, row = shapely.get_parts(shapes, return_index=True)
    xy, owner = shapely.get_coordinates(parts, return_index=True)
    broken = np.bincount(owner[~np.isfinite(xy).all(axis=1)], minlength=len(parts)) > 0
    sound = np.isin(shapely.get_type_id(parts), (1, 2)) & ~shapely.is_empty(parts) & ~broken
    parts, row = parts[sound], row[sound]
    clean = shapely.remove_repeated_points(parts)
    return lines.iloc[row].reset_index(drop=True).assign(geometry=clean)


def _cut_cost(lines: gpd.GeoDataFrame, profile: Profile) -> Floats:
    return np.array([profile.roads[name].cut_cost for name in lines["road_class"]], dtype=float)


def _best_first(lines: gpd.GeoDataFrame, profile: Profile) -> gpd.GeoDataFrame:
    """By class, then place, so that the order of the input does not matter."""
    place = {name: k for k, name in enumerate(profile.roads)}
    rank = np.array([place[name] for name in lines["road_class"]], dtype=np.int64)
    shapes = shapely.normalize(as_array(lines.geometry))
    order = np.lexsort((shapely.length(shapes), *shapely.bounds(shapes).T, rank, _cut_cost(lines, profile)))
    return lines.assign(geometry=shapes).iloc[order].reset_index(drop=True)


def _doubled(
    lines: gpd.GeoDataFrame, rank: Ints, distance_m: float, share: float, *, among: Bools | None = None
) -> Bools:
    """Whether more than `share` of a line has one of lower rank beside it, nearly parallel."""
    shapes = as_array(lines.geometry)
    out = np.zeros(len(shapes), dtype=bool)
    asked = np.arange(len(shapes)) if among is None else np.flatnonzero(among)
    if not len(asked):
        return out
    point, direction, owner = _samples(shapes[asked])
    owner = asked[owner]
    segment, along, host = _segments(shapes)
    which, near = shapely.STRtree(segment).query(point, predicate="dwithin", distance=distance_m)
    parallel = np.abs((direction[which] * along[near]).sum(axis=1)) >= PARALLEL_COSINE
    better = rank[host[near]] < rank[owner[which]]
    hit = np.zeros(len(point), dtype=bool)
    hit[which[parallel & better]] = True
    samples = np.bincount(owner, minlength=len(shapes))
    hits = np.bincount(owner[hit], minlength=len(shapes))
    out[asked] = hits[asked] > share * samples[asked]
    return out


def _samples(lines: Geometries) -> tuple[Geometries, Floats, Ints]:
    """Points along lines, at most :data:`SAMPLE_M` apart, with the unit direction and the line of each."""
    length = shapely.length(lines)
    count = np.maximum(1, np.ceil(length / SAMPLE_M)).astype(np.int64)
    owner = np.repeat(np.arange(len(lines)), count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count) + 0.5
    half = 0.4
    ends = [
        shapely.line_interpolate_point(lines[owner], (place + d) / count[owner], normalized=True)
        for d in (-half, 0.0, half)
    ]
    return ends[1], _unit(shapely.get_coordinates(ends[2]) - shapely.get_coordinates(ends[0])), owner


def _segments(lines: Geometries) -> tuple[Geometries, Floats, Ints]:
    """Every straight piece of the lines with its unit direction and its line."""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    same = owner[1:] == owner[:-1]
    a, b = xy[:-1][same], xy[1:][same]
    return shapely.linestrings(np.stack([a, b], axis=1)), _unit(b - a), owner[:-1][same]


def _unit(vector: Floats) -> Floats:
    return vector / np.maximum(np.hypot(*vector.T), 1e-12)[:, None]
