"""Carve a drawn polygon out of the grids under it, as a dedicated zone or a street corridor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.adjust.accept import accepted
from gridgis.adjust.cutting import Reach
from gridgis.adjust.draft import Draft, Edit
from gridgis.adjust.micros import regrouped
from gridgis.adjust.numbers import new_grid_codes
from gridgis.adjust.pieces import Divided, divided
from gridgis.adjust.plane import Plane
from gridgis.adjust.rebuild import rebuilt
from gridgis.adjust.remnants import Remnants, remnants
from gridgis.adjust.sides import locked, look_at
from gridgis.adjust.table import among, changed
from gridgis.adjust.zone_lines import with_lines_of
from gridgis.codes import reading_order
from gridgis.crs import area_m2
from gridgis.errors import Fault, Notice, refuse
from gridgis.geometry.borders import adjacency
from gridgis.geometry.components import components, sums
from gridgis.geometry.coverage import NOISE_M2
from gridgis.geometry.noding import Bools, Geometries, Ints, as_array, rings
from gridgis.layers.zone_codes import OWN_RANGE, next_free
from gridgis.schema import KINDS_FROM_THE_TOP, layer_of

DISTRICT_DIGITS = 6
"""Digits of the county, with which the codes of a district begin. Source: contract, Codes."""

Carved = Literal["dedicated", "street"]


def carve(
    draft: Draft,
    polygon: shapely.Polygon,
    *,
    kind: Carved,
    name: str,
    zone_code: str | None = None,
    host: str | None = None,
    buildings: gpd.GeoDataFrame | None = None,
) -> Edit:
    """Cut a polygon out of all grids under it and make it a zone of one grid, or of one for each of its parts.

    Its outline snaps and bends as the line of a split does, but that of a corridor does not snap to the centre lines
    along which it runs. What it cuts off from the largest part of a grid goes to
    the neighbour in the zone with the longest common border; where there is none it is a grid of its own, and where
    it is narrower than `sliver_m` of the profile it goes into the new zone. Land of an upper layer, as a dedicated
    zone is to a corridor, is left to it.

    Parameters
    ----------
    polygon : in the CRS of the draft
    kind, name : of the zone
    zone_code : its official code; by default the next free one in the township of the host (801-899 of streets,
        901-999 of dedicated zones)
    host : code of the community or village in which it lies; by default that with most of its land
    buildings : in any CRS; without them the outline may run through some

    Raises
    ------
    InputRefused
        With every reason that there is: a polygon that crosses itself, lies outside the open zones, covers all of
        one, cuts a building, or hits a locked grid or a zone of the same layer; a code that is taken.
    """
    faults = [*_unusable(draft, kind, name, zone_code, host), *look_at(draft, polygon, shape="polygon")]
    refuse(faults)
    task = _Task.of(draft, polygon, kind)
    faults = [*_outside(task), *_same_layer(task)]
    refuse([*faults, _too_small(task)] if not len(task.rows) else [])
    found = divided(
        draft,
        task.rows,
        rings(as_array([task.shape])),
        plane=task.plane,
        buildings=buildings,
        inside=True,
        to_streets=kind != "street",
    )
    inside = found.side == 1
    if not inside.any():
        refuse([*faults, *found.faults, _too_small(task)])
    rest = remnants(draft, found.atoms, inside, plane=task.plane, sliver_m=task.reach.sliver_m)
    faults += [*found.faults, *_hit(draft, found.atoms, rest), *_whole_zones(found.atoms, rest)]
    refuse(faults)
    found = replace(found, notices=(*found.notices, *_left_to_others(task)))
    return _zone_made(draft, found, rest, kind, name, zone_code, host)


@dataclass(frozen=True)
class _Task:
    """What is carved out of what.

    Attributes
    ----------
    rows : atoms under the polygon that lie in lower layers
    equal, upper : atoms under it of its own layer, and of those above
    shape : the polygon, metres
    """

    draft: Draft
    plane: Plane
    reach: Reach
    rows: Ints
    equal: Ints
    upper: Ints
    shape: shapely.Polygon

    @classmethod
    def of(cls, draft: Draft, polygon: shapely.Polygon, kind: str) -> _Task:
        atoms, zones = draft.division.atoms, draft.division.zones
        plane, reach = Plane.of(atoms), Reach.of(draft.profile)
        (shape,) = plane.metres(as_array([polygon]))
        (near,) = plane.outward(as_array([shapely.buffer(shape, reach.draw_m)]))
        under = np.sort(shapely.STRtree(as_array(atoms.geometry)).query(near, predicate="intersects"))
        layers = layer_of(zones["kind"].to_numpy(dtype=object))
        layer = dict(zip(zones["zone_code"].array, layers, strict=True))
        own = int(layer_of(np.array([kind], dtype=object))[0])
        of = np.array([layer[code] for code in atoms["zone_code"].array[under]], dtype=np.int64)
        return cls(draft, plane, reach, under[of > own], under[of == own], under[of < own], shape)


# ---------------------------------------------------------------- what cannot be
def _unusable(draft: Draft, kind: str, name: str, zone_code: str | None, host: str | None) -> Iterator[Fault]:
    digits, zones = draft.profile.codes.zone_digits, draft.division.zones
    if kind not in OWN_RANGE:
        yield Fault("zones", "", f"{kind!r} is no kind that is carved out", "Write dedicated or street")
    if not name.strip() or not name.isprintable():
        yield Fault("zones", "", f"{name!r} is no name", "Give the zone the name that it is to be published by")
    if zone_code is not None and not (len(zone_code) == digits and zone_code.isascii() and zone_code.isdigit()):
        yield Fault("zones", zone_code, f"is no code of {digits} digits", "Write its official code, or leave it out")
    elif zone_code is not None and zone_code[:DISTRICT_DIGITS] not in {
        code[:DISTRICT_DIGITS] for code in zones["zone_code"]
    }:
        cure = "A version is of one district: begin with its six digits, or leave it out"
        yield Fault("zones", zone_code, "is a code of another district", cure)
    elif zone_code in _taken(draft):
        yield Fault("zones", str(zone_code), "is the code of a zone that is or was", "Write another, or leave it out")
    hosts = zones["zone_code"][zones["kind"].isin(KINDS_FROM_THE_TOP[-1])]
    if host is not None and host not in set(hosts):
        yield Fault("zones", host, "is no community or village under the drawing", "Name one that is, or leave it out")


def _taken(draft: Draft) -> set[str]:
    digits = draft.profile.codes.zone_digits
    return {*draft.division.zones["zone_code"], *(code[:digits] for code in draft.spent)}


def _outside(task: _Task) -> Iterator[Fault]:
    """Land of the polygon further from the zones of the draft than a line snaps."""
    atoms = as_array(task.draft.division.atoms.geometry)
    under = task.plane.metres(atoms[np.concatenate([task.rows, task.equal, task.upper])])
    beyond = shapely.difference(task.shape, shapely.buffer(shapely.union_all(under), task.reach.draw_m))
    if beyond.area > NOISE_M2:
        at = task.plane.place(beyond)
        problem = f"{beyond.area:.0f} m2 of it lie outside the zones of the draft"
        yield Fault("polygon", at, problem, "Draw it on their land")


def _left_to_others(task: _Task) -> Iterator[Notice]:
    """Land under the polygon that upper layers keep."""
    atoms = task.draft.division.atoms
    area = shapely.area(shapely.intersection(task.plane.metres(as_array(atoms.geometry)[task.upper]), task.shape))
    codes, at = np.unique(atoms["zone_code"].to_numpy(dtype=object)[task.upper].astype(str), return_inverse=True)
    for code, m2 in zip(codes, sums(at, area, len(codes)), strict=True):
        if m2 > NOISE_M2:
            yield Notice("polygon", f"{m2:.0f} m2 of it are left to zone {code} of an upper layer")


def _same_layer(task: _Task) -> Iterator[Fault]:
    """Zones of the same layer into which the polygon reaches by more than a strip."""
    atoms = task.draft.division.atoms
    land = task.plane.metres(as_array(atoms.geometry)[task.equal])
    common = shapely.intersection(land, task.shape)
    deep = ~shapely.is_empty(shapely.buffer(common, -task.reach.draw_m / 2))
    codes = atoms["zone_code"].to_numpy(dtype=object)[task.equal]
    for code in sorted(set(codes[deep])):
        place = common[deep & (codes == code)][0]
        at = task.plane.place(place)
        yield Fault("polygon", at, f"lies on zone {code} of the same layer", "Give that back before, or draw round it")


def _too_small(task: _Task) -> Fault:
    at = task.plane.place(task.shape)
    problem = (
        f"cuts nothing out: it lies on land of an upper layer, or is nowhere wider than {task.reach.draw_m:g} m along "
        f"a centre line, or {task.reach.sliver_m:g} m elsewhere"
    )
    return Fault("polygon", at, problem, "Draw the land that the zone is to have")


def _hit(draft: Draft, atoms: gpd.GeoDataFrame, rest: Remnants) -> list[Fault]:
    return locked(draft, list(atoms["grid_code"].array[rest.taken]))


def _whole_zones(atoms: gpd.GeoDataFrame, rest: Remnants) -> Iterator[Fault]:
    """Zones of which nothing would be left."""
    code = atoms["zone_code"].to_numpy(dtype=object)
    for zone in sorted(set(code[rest.taken]) - set(code[~rest.taken])):
        cure = "Leave a part of it, or give its land to another zone by a change of the zones"
        yield Fault("zones", zone, "would lose all its land: the polygon covers the whole zone", cure)


# ---------------------------------------------------------------- the new zone
def _zone_made(
    draft: Draft, found: Divided, rest: Remnants, kind: Carved, name: str, zone_code: str | None, host: str | None
) -> Edit:
    atoms, taken = found.atoms, rest.taken
    zone = atoms["zone_code"].to_numpy(dtype=object)
    code = zone_code or _next_code(draft, kind, host or _host(draft, atoms, taken))
    grids = _grids(draft, atoms, taken, code, kind)
    grid, micro = (atoms[c].to_numpy(dtype=object, copy=True) for c in ("grid_code", "microgrid_code"))
    losing = set(grid[taken])
    grid[~taken] = _with_new_grids(draft, rest, zone)[~taken]
    grid[taken] = grids
    micro[taken] = [f"{one}{1:0{draft.profile.codes.micro_digits}d}" for one in grids]
    zone = np.where(taken, code, zone)
    made = changed(atoms, zone_code=zone, grid_code=grid, microgrid_code=micro)
    before = atoms["grid_code"].to_numpy(dtype=object)
    made = regrouped(draft, made, set(grid[~taken & (among(before, losing) | (grid != before))]))
    land = as_array(atoms.geometry)[taken]
    sources = set(atoms["zone_code"].array[taken])
    lined = replace(draft, division=with_lines_of(draft.division, land, home=code, sources=sources))
    after = rebuilt(lined, made, zones=_zones(draft, code, name, kind, land))
    notices = [
        *found.notices,
        *rest.notices(grid),
        *_given_up(losing, grid),
        Notice("zones", f"{code} {name}: a {kind} zone"),
    ]
    return accepted(draft, after, notices=notices)


def _host(draft: Draft, atoms: gpd.GeoDataFrame, taken: Bools) -> str:
    """The community or village with most of the land, ties to the smaller code."""
    zones = draft.division.zones
    lowest = set(zones["zone_code"][zones["kind"].isin(KINDS_FROM_THE_TOP[-1])])
    code = atoms["zone_code"].to_numpy(dtype=object)[taken]
    names, at = np.unique(code.astype(str), return_inverse=True)
    area = sums(at, shapely.area(as_array(atoms.geometry)[taken]), len(names))
    area = np.where(among(names, lowest), area, -1.0)
    return str(names[int(np.argmax(area))])


def _next_code(draft: Draft, kind: Carved, host: str) -> str:
    township = host[:-3]
    free = next_free(township, OWN_RANGE[kind], _taken(draft))
    span = f"{OWN_RANGE[kind].start}-{OWN_RANGE[kind].stop - 1}"
    cure = "Write its official code"
    refuse([] if free else [Fault("zones", township, f"no number of {span} is left for a {kind} zone", cure)])
    return str(free)


def _grids(draft: Draft, atoms: gpd.GeoDataFrame, taken: Bools, zone: str, kind: Carved) -> Geometries:
    """Code of the grid of each atom of the new zone: one for each part, from west to east, then north to south."""
    land = as_array(atoms.geometry)[taken]
    part = components(len(land), adjacency(land)[0])
    n = int(part.max()) + 1
    area = sums(part, shapely.area(land), n)
    x, y = (
        sums(part, value * shapely.area(land), n) / area for value in shapely.get_coordinates(shapely.centroid(land)).T
    )
    layout = draft.profile.codes
    low, high = layout.sequence[kind]
    cure = "Draw fewer parts"
    refuse([Fault("polygon", "", f"{n} parts need more numbers than {low}-{high}", cure)] if n > high - low + 1 else [])
    number = np.empty(n, dtype=np.int64)
    number[reading_order(x, y, band_m=float(np.sqrt(area.mean())))] = low + np.arange(n)
    return np.array([f"{zone}{k:0{layout.sequence_digits}d}" for k in number], dtype=object)[part]


def _with_new_grids(draft: Draft, rest: Remnants, zone: Geometries) -> Geometries:
    """Grid of each atom, remnants without a neighbour under new codes."""
    out = rest.grid.copy()
    for code in sorted({str(zone[rows[0]]) for rows in rest.alone}):
        mine = [rows for rows in rest.alone if zone[rows[0]] == code]
        for rows, made in zip(mine, new_grid_codes(draft, code, len(mine)), strict=True):
            out[rows] = made
    return out


def _zones(draft: Draft, code: str, name: str, kind: Carved, land: Geometries) -> gpd.GeoDataFrame:
    zones = draft.division.zones
    shape = shapely.union_all(land)
    row = {"zone_code": code, "name": name, "kind": kind, "households": pd.NA, "flags": "", "proof": "none"}
    row |= {"area_m2": float(area_m2(as_array([shape]), zones.crs)[0]), "gap": np.nan}
    new = gpd.GeoDataFrame(
        pd.DataFrame([row]).astype(zones.drop(columns="geometry").dtypes), geometry=[shape], crs=zones.crs
    )
    both = pd.concat([zones, new[zones.columns]], ignore_index=True)
    return gpd.GeoDataFrame(both.sort_values("zone_code", kind="stable", ignore_index=True), crs=zones.crs)


def _given_up(losing: set[str], grid: Geometries) -> list[Notice]:
    return [Notice("grids", f"{code} lies wholly in it and is given up") for code in sorted(losing - set(grid))]
