"""Frames of a division from atoms with labels: dissolve, number, measure, flag."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.codes import grid_codes, micro_codes
from gridgis.crs import area_m2, perimeter_m, transform
from gridgis.divide.arrangement import Lines
from gridgis.divide.atoms import Atoms, dissolved
from gridgis.divide.border_lines import atom_lines, border_lines
from gridgis.divide.graph import ZoneGraph
from gridgis.divide.grids import ZoneGrids
from gridgis.divide.households import Counted
from gridgis.divide.moves import Moves
from gridgis.geometry.components import sums
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints
from gridgis.profile import Profile


@dataclass(frozen=True)
class Labelled:
    """Atoms of all zones with their grid and micro-grid, numbered over all zones.

    Attributes
    ----------
    households : of each atom, nan where they are not known
    tower : atoms with a building above the largest micro-grid
    entrances : of the towers of each atom, 0 where they are not told
    """

    atoms: Atoms
    grid: Ints
    micro: Ints
    households: Floats
    tower: Bools
    entrances: Floats


@dataclass(frozen=True)
class Frames:
    """The layers of a division but for the offenders."""

    zones: gpd.GeoDataFrame
    grids: gpd.GeoDataFrame
    microgrids: gpd.GeoDataFrame
    atoms: gpd.GeoDataFrame
    borders: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    moves: gpd.GeoDataFrame


def labelled(
    atoms: Atoms,
    graphs: list[ZoneGraph],
    done: list[ZoneGrids],
    households: Floats,
    tower: Bools,
    entrances: Floats,
) -> Labelled:
    """Labels of the zones put together."""
    grid = np.zeros(len(atoms.zone), dtype=np.int64)
    micro = np.zeros(len(atoms.zone), dtype=np.int64)
    grids = micros = 0
    for graph, result in zip(graphs, done, strict=True):
        grid[graph.atom], micro[graph.atom] = grids + result.grid, micros + result.micro
        grids += int(result.grid.max(initial=-1)) + 1
        micros += int(result.micro.max(initial=-1)) + 1
    return Labelled(atoms, grid, micro, households, tower, entrances)


def frames(
    zones: gpd.GeoDataFrame,
    land: Labelled,
    done: list[ZoneGrids],
    counted: Counted,
    moved: Moves,
    lines: Lines,
    *,
    crs: CRS,
    profile: Profile,
) -> Frames:
    """All frames in the CRS of the output; equal vertices stay equal."""
    metric = zones.crs
    atoms = _transformed(land.atoms.geometry, metric, crs)
    zone_of_grid = _first(land.grid, land.atoms.zone)
    grid_of_micro = _first(land.micro, land.grid)
    grid_shape, micro_shape = dissolved(atoms, land.grid), dissolved(atoms, land.micro)
    flat_grid, flat_micro = dissolved(land.atoms.geometry, land.grid), dissolved(land.atoms.geometry, land.micro)
    code = _grid_codes(zones, flat_grid, zone_of_grid, profile=profile)
    micro_code = _micro_codes(code, flat_micro, grid_of_micro, profile=profile)
    zone_code = zones["zone_code"].to_numpy(dtype=object)
    grids = gpd.GeoDataFrame(
        {
            "grid_code": code,
            "zone_code": zone_code[zone_of_grid],
            "kind": zones["kind"].to_numpy(dtype=object)[zone_of_grid],
            "name": _names(zones["name"].to_numpy(dtype=object)[zone_of_grid], code, profile=profile),
            "households": _whole(land.households, land.grid),
            "households_from": counted.source[zone_of_grid],
            "area_m2": area_m2(grid_shape, crs),
            "perimeter_m": perimeter_m(grid_shape, crs),
            "border_on_road": _on_road(land),
            "flags": _grid_flags(land, grid_shape),
        },
        geometry=grid_shape,
        crs=crs,
    )
    micros = gpd.GeoDataFrame(
        {
            "microgrid_code": micro_code,
            "grid_code": code[grid_of_micro],
            "zone_code": zone_code[zone_of_grid[grid_of_micro]],
            "households": _whole(land.households, land.micro),
            "area_m2": area_m2(micro_shape, crs),
            "flags": _micro_flags(land, micro_shape),
        },
        geometry=micro_shape,
        crs=crs,
    )
    pieces = gpd.GeoDataFrame(
        {
            "grid_code": code[land.grid],
            "microgrid_code": micro_code[land.micro],
            "zone_code": zone_code[land.atoms.zone],
            "households": pd.array(land.households, dtype="Int64"),
        },
        geometry=atoms,
        crs=crs,
    )
    return Frames(
        _zones(zones, land, atoms, done, crs=crs),
        grids.sort_values("grid_code", kind="stable", ignore_index=True),
        micros.sort_values("microgrid_code", kind="stable", ignore_index=True),
        _with_ids(pieces),
        border_lines(land.atoms.borders, land.grid, code, lines, metric=metric, crs=crs),
        atom_lines(land.atoms.borders, land.atoms.zone, zone_code, lines, metric=metric, crs=crs),
        _moves(zone_code, moved, metric, crs),
    )


def _zones(
    zones: gpd.GeoDataFrame, land: Labelled, atoms: Geometries, done: list[ZoneGrids], *, crs: CRS
) -> gpd.GeoDataFrame:
    shape = dissolved(atoms, land.atoms.zone)
    out = gpd.GeoDataFrame(
        {
            "zone_code": zones["zone_code"].to_numpy(dtype=object),
            "name": zones["name"].to_numpy(dtype=object),
            "kind": zones["kind"].to_numpy(dtype=object),
            "households": _whole(land.households, land.atoms.zone),
            "area_m2": area_m2(shape, crs),
            "flags": [",".join(result.reasons) for result in done],
            "proof": [result.proof for result in done],
            "gap": [result.gap for result in done],
        },
        geometry=shape,
        crs=crs,
    )
    return out.sort_values("zone_code", kind="stable", ignore_index=True)


def _with_ids(pieces: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Atoms in the order of their micro-grid, each with an id that starts with its code."""
    centre = shapely.get_coordinates(shapely.centroid(pieces.geometry.values))
    order = np.lexsort((-centre[:, 1], centre[:, 0], pieces["microgrid_code"].to_numpy(dtype=str)))
    out = pieces.iloc[order].reset_index(drop=True)
    number = out.groupby("microgrid_code").cumcount() + 1
    ids = [f"{code}-{k}" for code, k in zip(out["microgrid_code"], number, strict=True)]
    out.insert(0, "atom_id", ids)
    return out


def _grid_codes(zones: gpd.GeoDataFrame, shape: Geometries, zone: Ints, *, profile: Profile) -> Geometries:
    centre = shapely.get_coordinates(shapely.point_on_surface(shape))
    area = shapely.area(shape)
    out = np.empty(len(shape), dtype=object)
    for k, (code, kind) in enumerate(zip(zones["zone_code"], zones["kind"], strict=True)):
        mine = np.flatnonzero(zone == k)
        band = float(np.sqrt(area[mine].mean())) if len(mine) else 1.0
        out[mine] = grid_codes(code, kind, *centre[mine].T, band_m=band, layout=profile.codes)
    return out


def _micro_codes(code: Geometries, shape: Geometries, grid: Ints, *, profile: Profile) -> Geometries:
    centre = shapely.get_coordinates(shapely.point_on_surface(shape))
    area = shapely.area(shape)
    order = np.argsort(grid, kind="stable")
    start = np.searchsorted(grid[order], np.arange(len(code) + 1))
    out = np.empty(len(shape), dtype=object)
    for k, parent in enumerate(code):
        mine = order[start[k] : start[k + 1]]
        band = float(np.sqrt(area[mine].mean()))
        out[mine] = micro_codes(parent, *centre[mine].T, band_m=band, layout=profile.codes)
    return out


def _first(label: Ints, value: Ints) -> Ints:
    """The value of the first member of each class."""
    return value[np.unique(label, return_index=True)[1]]


def _names(zone_name: Geometries, code: Geometries, *, profile: Profile) -> list[str]:
    named, digits = profile.naming.grid_name, profile.codes.sequence_digits
    return [named(name, c, digits=digits) for name, c in zip(zone_name, code, strict=True)]


def _whole(values: Floats, label: Ints) -> pd.arrays.IntegerArray:
    """Sums by class as nullable integers; empty where a member is not known."""
    return pd.array(np.round(sums(label, values)), dtype="Int64")


def _on_road(land: Labelled) -> Floats:
    """Share of the border of each grid towards grids of its zone that lies on a line; nan where it has none."""
    b, zone = land.atoms.borders, land.atoms.zone
    inner = b.second >= 0
    i, j = b.first[inner], b.second[inner]
    apart = (land.grid[i] != land.grid[j]) & (zone[i] == zone[j])
    n = int(land.grid.max(initial=-1)) + 1
    length, on = b.length_m[inner][apart], b.on_line[inner][apart]
    total, road = np.zeros(n), np.zeros(n)
    for side in (land.grid[i][apart], land.grid[j][apart]):
        total += sums(side, length, n)
        road += sums(side, length * on, n)
    return np.where(total > 0, road / np.maximum(total, 1e-9), np.nan)


def _grid_flags(land: Labelled, shape: Geometries) -> list[str]:
    households = sums(land.grid, land.households)
    parts = shapely.get_num_geometries(shape)
    return [
        ",".join(flag for flag, on in (("detached", p > 1), ("no_residents", h == 0)) if on)
        for p, h in zip(parts, households, strict=True)
    ]


def _micro_flags(land: Labelled, shape: Geometries) -> list[str]:
    tower = sums(land.micro, land.tower.astype(float)) > 0
    entrances = sums(land.micro, land.entrances)
    parts = shapely.get_num_geometries(shape)
    return [
        ",".join(flag for flag, on in (("detached", p > 1), ("tower", t), (f"entrances:{e:.0f}", e > 0)) if on)
        for p, t, e in zip(parts, tower, entrances, strict=True)
    ]


def _moves(zone_code: Geometries, moved: Moves, metric: CRS, crs: CRS) -> gpd.GeoDataFrame:
    shape = _transformed(moved.geometry, metric, crs)
    return gpd.GeoDataFrame(
        {"from_zone": zone_code[moved.source], "to_zone": zone_code[moved.target], "area_m2": area_m2(shape, crs)},
        geometry=shape,
        crs=crs,
    )


def _transformed(shape: Geometries, metric: CRS, crs: CRS) -> Geometries:
    return shape if metric == crs else np.asarray(transform(shape, metric, crs), dtype=object)
