"""Whether an edit may stand: no lock, no hard rule broken. What it touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from gridgis.adjust.changes import changes
from gridgis.adjust.draft import Draft, Edit
from gridgis.adjust.plane import worded
from gridgis.adjust.table import among, column_of, columns_of
from gridgis.crs import area_m2, unit_m
from gridgis.errors import Fault, Notice, refuse
from gridgis.geometry.borders import shared_edges
from gridgis.geometry.noding import Geometries, as_array
from gridgis.geometry.stitch import BENT_M

WHOLE = 0.999
"""A part is a whole part of its zone where it holds more than this share of it."""


def accepted(before: Draft, after: Draft, *, notices: Iterable[Notice] = ()) -> Edit:
    """The edit that leads from one draft to the other.

    Raises
    ------
    InputRefused
        With every grid that is locked, or would be in several parts, and every locked border that would move; where
        nothing would change.
    """
    touched, looked_at = _touched(before, after)
    faults = [*_locked(before, touched), *_moved_borders(before, after, touched), *_parts(before, after, looked_at)]
    if not touched and before.locks == after.locks:
        faults.append(Fault("draft", "", "nothing would change", "Look at what it is now: it is so already"))
    refuse(faults)
    return Edit(before, after, tuple(sorted(touched)), tuple(notices))


def place(shape: shapely.Geometry) -> str:
    """A point on a shape, in words: in the CRS of the draft."""
    x, y = shapely.get_coordinates(shapely.point_on_surface(shape))[0]
    return worded(float(x), float(y))


def _touched(before: Draft, after: Draft) -> tuple[set[str], set[str]]:
    """Grids that the edit touched; and with them all grids of zones whose land changed, which may allow less now."""
    one, two = before.division, after.division
    out: set[str] = set()
    around: set[str] = set()
    if one.atoms is not two.atoms:
        change = changes(one.atoms, two.atoms)
        out = change.moved("grid_code")
        code, zone = columns_of(two.grids, "grid_code", "zone_code")
        around = set(code[among(zone, change.land)])
    if one.grids is not two.grids:
        was, now = (dict(zip(*columns_of(d.grids, "grid_code", "name"), strict=True)) for d in (one, two))
        out |= {code for code, name in now.items() if code in was and name != was[code]}
    return out, out | around


def _locked(before: Draft, touched: set[str]) -> Iterator[Fault]:
    for code in sorted(touched & before.locks.grids):
        yield Fault("grids", code, "is locked", f"Unlock it: gridgis adjust unlock VERSION {code}")


def _moved_borders(before: Draft, after: Draft, touched: set[str]) -> Iterator[Fault]:
    for pair in sorted(before.locks.borders):
        if not touched.intersection(pair):
            continue
        was, now = (_between(draft.division.grids, pair) for draft in (before, after))
        near = BENT_M / unit_m(before.division.grids.crs)
        # A distance between vertices would not see what is taken out of the middle of an edge.
        apart = shapely.difference(was, now.buffer(near)), shapely.difference(now, was.buffer(near))
        if was.is_empty or shapely.is_empty(apart).all():
            continue
        where = place(shapely.union_all(apart))
        cure = f"Unlock it: gridgis adjust unlock VERSION {'-'.join(pair)}"
        yield Fault("borders", " and ".join(pair), f"is locked and would move at {where}", cure)


def _between(grids: gpd.GeoDataFrame, pair: tuple[str, str]) -> shapely.Geometry:
    """The common border of two grids, empty where they have none."""
    shapes = as_array(grids.geometry)[grids["grid_code"].isin(pair)]
    if len(shapes) < 2:
        return shapely.MultiLineString()
    edges = shared_edges(shapes)
    return shapely.line_merge(shapely.multilinestrings(edges.lines((edges.left >= 0) & (edges.right >= 0))))


def _parts(before: Draft, after: Draft, touched: set[str]) -> Iterator[Fault]:
    """Grids and micro-grids of several parts, those apart that were so before, or whose zone has as many."""
    for name, key in (("grids", "grid_code"), ("microgrids", "microgrid_code")):
        was = {code: len(loose) for code, _, loose in _several(before, name, key, touched)}
        for code, count, loose in _several(after, name, key, touched):
            if len(loose) > was.get(code, 0) or count:
                area = area_m2(loose, CRS.from_user_input(after.division.grids.crs))
                told = ", ".join(f"{a:.0f} m2 at {place(p)}" for a, p in zip(area, loose, strict=True))
                cure = "Give what joins the parts as well, or give up the smaller part"
                yield Fault(name, code, f"would be in {len(loose) + 1} parts: {told}", cure)


def _several(draft: Draft, name: str, key: str, touched: set[str]) -> Iterator[tuple[str, bool, Geometries]]:
    """Rows of several parts: the code, whether they are more than the zone has, and those that are loose."""
    frame, zones = getattr(draft.division, name), draft.division.zones
    shapes = as_array(frame.geometry)
    several = shapely.get_num_geometries(shapes) > 1
    if not several.any():
        return
    grid, code, of_zone = columns_of(frame, "grid_code", key, "zone_code")
    zone = dict(zip(column_of(zones, "zone_code"), as_array(zones.geometry), strict=True))
    for k in np.flatnonzero(among(grid, touched) & several):
        land = zone[of_zone[k]]
        loose = _loose(shapes[k], land)
        more = shapely.get_num_geometries(shapes[k]) > shapely.get_num_geometries(land)
        if len(loose):
            yield code[k], bool(more), loose


def _loose(shape: shapely.Geometry, zone: shapely.Geometry) -> Geometries:
    """Parts of a grid that are not whole parts of its zone, but the largest of them: one may share its part."""
    parts = shapely.get_parts(shape)
    whole = shapely.get_parts(zone)
    share = np.zeros(len(parts))
    if len(whole) > 1:
        i, j = shapely.STRtree(whole).query(parts, predicate="intersects")
        np.maximum.at(share, i, shapely.area(shapely.intersection(parts[i], whole[j])) / shapely.area(whole[j]))
    rest = parts[share < WHOLE]
    return np.asarray(rest[np.argsort(-shapely.area(rest), kind="stable")[1:]], dtype=object)
