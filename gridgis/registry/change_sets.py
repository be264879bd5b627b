"""Change sets: zones of one version put into another, which carries its other zones along.

Invariant: the zones of a change set come as they were handed in and the others as they stood, but for vertices:
each side of a common border gets those that only the other has. A change set that moves its border with a zone that
it does not hold fits nowhere, and is a conflict.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from sqlalchemy.engine import Connection

from gridgis.crs import unit_m
from gridgis.geometry.borders import adjacency
from gridgis.geometry.noding import as_array
from gridgis.geometry.stitch import BENT_M, Stitches, alike, missing_vertices, stitched
from gridgis.registry.parts import Parts, load_parts, store_parts, stored_parts
from gridgis.registry.store import Conflict, store_crs
from gridgis.schema import KEYS, MEASURES

KEPT = 0.999
"""A border is where it was when this share of its length still has both sides."""

SLIVER_M2 = 1.0
"""Zones that share less land than this do not lie on each other."""


def changed(connection: Connection, before: Parts, after: Parts, *, layers: Sequence[str] = tuple(KEYS)) -> set[str]:
    """Zones that are in one of two versions only, or differ in more than vertices on their border.

    Parameters
    ----------
    layers : in which differences count
    """
    differ = {zone for zone in before.keys() | after.keys() if before.get(zone) != after.get(zone)}
    both = differ & before.keys() & after.keys()
    if not both:
        return differ
    crs = str(store_crs(connection))
    one, two = (
        load_parts(connection, [parts[zone] for zone in both], layers=layers, crs=crs) for parts in (before, after)
    )
    unlike: set[str] = set().union(*(_unlike(one[name], two[name], KEYS[name]) for name in layers))
    return differ - (both - unlike)


def put_into(connection: Connection, base: Parts, own: Parts, zones: Collection[str]) -> dict[str, int]:
    """The parts of a version in which some zones are as a change set has them and the others as in `base`.

    Raises
    ------
    Conflict
        As :func:`fitted`, which takes the same.
    """
    fit = fitted(connection, base, own, zones)
    if fit.stitches is None:
        return fit.parts
    stitches = fit.stitches
    found = stored_parts(connection, [fit.parts[zone] for zone in fit.grown], crs=str(store_crs(connection)))
    return fit.parts | store_parts(connection, {name: _stitched(one, stitches) for name, one in found.items()})


class Fit(NamedTuple):
    """Parts of a version, the zones of it that get vertices of their neighbours, and these; None where none do."""

    parts: dict[str, int]
    grown: Sequence[str]
    stitches: Stitches | None


def fitted(connection: Connection, base: Parts, own: Parts, zones: Collection[str]) -> Fit:
    """See how a change set fits between the other zones of `base`; nothing is stored.

    Parameters
    ----------
    own : parts of the change set
    zones : that the change set is of; those of them without a part are given up

    Raises
    ------
    Conflict
        Where a border between a zone of the change set and another one was moved.
    """
    others = {zone: part for zone, part in base.items() if zone not in zones}
    merged = dict(sorted({**others, **own}.items()))
    if not others or not own:
        return Fit(merged, (), None)
    crs = str(store_crs(connection))
    was, frame = (
        load_parts(connection, parts.values(), layers=["zones"], crs=crs)["zones"] for parts in (base, merged)
    )
    stitches = missing_vertices(as_array(frame.geometry), within=BENT_M / unit_m(frame.crs))
    now = _stitched(frame, stitches)
    _refuse_torn(was, now, own.keys())
    grown = ~shapely.equals_identical(as_array(now.geometry), as_array(frame.geometry))
    return Fit(merged, frame["zone_code"][grown].tolist(), stitches)


def _unlike(one: gpd.GeoDataFrame, two: gpd.GeoDataFrame, key: str) -> set[str]:
    """Zones whose rows of one layer are not the same in both frames, vertices and measures apart."""
    told = [column for column in one.columns if column not in {*MEASURES, "proof", "geometry"}]
    left, right = (frame[told].astype(object).assign(shape=as_array(frame.geometry)) for frame in (one, two))
    both = left.merge(right, left_on=key, right_on=key, how="outer", suffixes=("", ".then"), indicator=True)
    same = (both["_merge"] == "both").to_numpy(copy=True)
    for column in set(told) - {key}:
        here, there = both[column], both[f"{column}.then"]
        same &= np.asarray((here == there) | (here.isna() & there.isna()))
    within = BENT_M / unit_m(one.crs)
    same[same] = alike(both["shape"].to_numpy()[same], both["shape.then"].to_numpy()[same], within=within)
    zones = [both[column][~same].dropna() for column in ("zone_code", "zone_code.then") if column in both]
    return set(pd.concat(zones))


def _stitched(frame: gpd.GeoDataFrame, stitches: Stitches) -> gpd.GeoDataFrame:
    return frame.set_geometry(gpd.GeoSeries(stitched(as_array(frame.geometry), stitches), crs=frame.crs))


def _refuse_torn(was: gpd.GeoDataFrame, now: gpd.GeoDataFrame, own: Collection[str]) -> None:
    """Refuse where a zone lost a stretch of its border with the change set, or a zone of that lies on it."""
    before, after = _with_others(was, own), _with_others(now, own)
    torn = [zone for zone, length in before.items() if after.get(zone, 0.0) < KEPT * length]
    told = [f"the border of {zone} with the zones that changed" for zone in torn]
    told += [f"the border of {one} with {other}" for one, other in _overlapping(now, own)]
    if told:
        raise Conflict(f"{'; '.join(told)} was moved on one side alone. Hand in both zones, or draft them again")


def _with_others(zones: gpd.GeoDataFrame, own: Collection[str]) -> dict[str, float]:
    """Length of the border of each other zone with those of the change set."""
    pairs, length = adjacency(as_array(zones.geometry))
    mine = zones["zone_code"].isin(list(own)).to_numpy()
    apart = mine[pairs[:, 0]] != mine[pairs[:, 1]]
    other = np.where(mine[pairs[apart, 0]], pairs[apart, 1], pairs[apart, 0])
    codes = zones["zone_code"].to_numpy(dtype=object)[other]
    return pd.Series(length[apart]).groupby(codes).sum().to_dict()


def _overlapping(zones: gpd.GeoDataFrame, own: Collection[str]) -> list[tuple[str, str]]:
    """Pairs of a zone of the change set and another one that it lies on."""
    shape, code = as_array(zones.geometry), zones["zone_code"].to_numpy(dtype=object)
    mine = np.flatnonzero(zones["zone_code"].isin(list(own)))
    i, j = shapely.STRtree(shape).query(shape[mine], predicate="intersects")
    i = mine[i]
    i, j = i[~np.isin(j, mine)], j[~np.isin(j, mine)]
    area = shapely.area(shapely.intersection(shape[i], shape[j])) * unit_m(zones.crs) ** 2
    return [(code[a], code[b]) for a, b in zip(i[area > SLIVER_M2], j[area > SLIVER_M2], strict=True)]
