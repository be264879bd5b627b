"""Rows of zones, grids and micro-grids made again from their atoms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.adjust.draft import Draft
from gridgis.adjust.table import column_of, columns_of
from gridgis.crs import area_m2, perimeter_m
from gridgis.divide.atoms import whole
from gridgis.geometry.noding import Geometries, Ints, as_array


class Rows(NamedTuple):
    """Rows of a layer: the values of each column, and their shapes."""

    columns: Mapping[str, Any]
    shape: Geometries


def grid_rows(
    draft: Draft, atoms: gpd.GeoDataFrame, codes: Sequence[str], zones: gpd.GeoDataFrame, *, named: Mapping[str, str]
) -> Rows:
    """Rows of some grids, `border_on_road` empty.

    Parameters
    ----------
    atoms : all of them, with their labels
    codes : of the grids that are made again, in order
    zones : with the row of each zone of these grids
    named : names of grids by their code; others keep theirs, new ones go by the rule of the profile
    """
    crs, members = CRS.from_user_input(atoms.crs), _members(atoms, "grid_code", codes)
    shape = _dissolved(atoms, members)
    zone_code = _of_first(atoms, "zone_code", members)
    zone = _by(zones, "zone_code", ("name", "kind"))
    stood = _by(draft.division.grids, "grid_code", ("name", "households_from", "flags"))
    households = _sums(atoms, members)
    columns = {
        "grid_code": list(codes),
        "zone_code": zone_code,
        "kind": [zone[z]["kind"] for z in zone_code],
        "name": [_name(draft, code, zone[z]["name"], stood, named) for code, z in zip(codes, zone_code, strict=True)],
        "households": households,
        "households_from": _sources(draft.division.grids, stood, codes, zone_code),
        "area_m2": area_m2(shape, crs),
        "perimeter_m": perimeter_m(shape, crs),
        "border_on_road": [np.nan] * len(codes),
        "flags": [
            with_flag("no_residents", h == 0, with_flag("detached", n > 1, stood.get(code, {}).get("flags")))
            for code, n, h in zip(codes, shapely.get_num_geometries(shape), households, strict=True)
        ],
    }
    return Rows(columns, shape)


def micro_rows(draft: Draft, atoms: gpd.GeoDataFrame, codes: Sequence[str]) -> Rows:
    """Rows of some micro-grids."""
    members = _members(atoms, "microgrid_code", codes)
    shape = _dissolved(atoms, members)
    tower = _towers(draft, atoms, set(codes))
    columns = {
        "microgrid_code": list(codes),
        "grid_code": _of_first(atoms, "grid_code", members),
        "zone_code": _of_first(atoms, "zone_code", members),
        "households": _sums(atoms, members),
        "area_m2": area_m2(shape, CRS.from_user_input(atoms.crs)),
        "flags": [
            with_flag("detached", n > 1, ",".join(tower.get(code, ())))
            for code, n in zip(codes, shapely.get_num_geometries(shape), strict=True)
        ],
    }
    return Rows(columns, shape)


def zone_rows(zones: gpd.GeoDataFrame, atoms: gpd.GeoDataFrame, codes: Sequence[str], *, land: bool) -> Rows:
    """Rows of some zones of which grids changed: what was proved of them holds no longer.

    Parameters
    ----------
    land : whether their land changed too
    """
    row = {code: k for k, code in enumerate(column_of(zones, "zone_code"))}
    at = np.array([row[code] for code in codes], dtype=np.int64)
    members = _members(atoms, "zone_code", codes)
    columns = {name: zones[name].to_numpy(dtype=object)[at] for name in zones.columns if name != "geometry"}
    columns |= {"households": _sums(atoms, members), "proof": ["none"] * len(at), "gap": [np.nan] * len(at)}
    shape = as_array(zones.geometry)[at]
    if land:
        shape = _dissolved(atoms, members)
        parts = shapely.get_num_geometries(shape)
        columns["area_m2"] = area_m2(shape, CRS.from_user_input(atoms.crs))
        columns["flags"] = [with_flag("detached", n > 1, text) for n, text in zip(parts, columns["flags"], strict=True)]
    return Rows(columns, shape)


def _members(atoms: gpd.GeoDataFrame, column: str, codes: Sequence[str]) -> list[Ints]:
    """Rows of the atoms of each code."""
    found: dict[str, list[int]] = {code: [] for code in codes}
    for k, code in enumerate(column_of(atoms, column)):
        if code in found:
            found[code].append(k)
    return [np.array(found[code], dtype=np.int64) for code in codes]


def _dissolved(atoms: gpd.GeoDataFrame, members: list[Ints]) -> Geometries:
    land, out = as_array(atoms.geometry), np.empty(len(members), dtype=object)
    for k, rows in enumerate(members):
        out[k] = land[rows[0]] if len(rows) == 1 else whole(shapely.coverage_union_all(land[rows]))
    return out


def _of_first(atoms: gpd.GeoDataFrame, column: str, members: list[Ints]) -> list[Any]:
    values = column_of(atoms, column)
    return [values[rows[0]] for rows in members]


def _sums(atoms: gpd.GeoDataFrame, members: list[Ints]) -> list[Any]:
    """Sums of households; empty where one is not known."""
    number = atoms["households"].to_numpy(dtype=float, na_value=np.nan)
    total = [number[rows].sum() for rows in members]
    return [pd.NA if np.isnan(one) else round(one) for one in total]


def _by(frame: gpd.GeoDataFrame, key: str, columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Some columns of each row, by its code."""
    lines = zip(*columns_of(frame, key, *columns), strict=True)
    return {code: dict(zip(columns, row, strict=True)) for code, *row in lines}


def _name(draft: Draft, code: str, zone: object, stood: Mapping[str, dict[str, Any]], named: Mapping[str, str]) -> Any:
    if code in named:
        return named[code]
    if code in stood:
        return stood[code]["name"]
    return draft.profile.naming.grid_name(zone, code, digits=draft.profile.codes.sequence_digits)


def _sources(
    grids: gpd.GeoDataFrame, stood: Mapping[str, dict[str, Any]], codes: Sequence[str], zones: Sequence[str]
) -> list[Any]:
    """Where the households come from: as the grid said, else a grid of its zone, else the first that says."""
    of_zone: dict[str, Any] = {}
    for zone, told in zip(*columns_of(grids, "zone_code", "households_from"), strict=True):
        if isinstance(told, str):
            of_zone.setdefault(zone, told)
    first = next(iter(of_zone.values()), None)
    return [
        stood.get(code, {}).get("households_from") or of_zone.get(zone, first)
        for code, zone in zip(codes, zones, strict=True)
    ]


def _towers(draft: Draft, atoms: gpd.GeoDataFrame, codes: set[str]) -> dict[str, tuple[str, ...]]:
    """Flags of towers of some micro-grids: they stay where most households of their micro-grid went."""
    old = draft.division.microgrids
    flagged = {
        code: flags
        for code, flags in zip(*columns_of(old, "microgrid_code", "flags"), strict=True)
        if isinstance(flags, str) and "tower" in flags
    }
    if not flagged:
        return {}
    before = dict(zip(*columns_of(draft.division.atoms, "atom_id", "microgrid_code"), strict=True))
    went: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    number = atoms["households"].to_numpy(dtype=float, na_value=0.0)
    for atom, code, held in zip(*columns_of(atoms, "atom_id", "microgrid_code"), number, strict=True):
        came = before.get(atom) or before.get(atom.rpartition(".")[0])
        if came is not None and came in flagged:
            went[came][code] += held
    out: dict[str, list[str]] = defaultdict(list)
    for came, shares in sorted(went.items()):
        best = min(shares, key=lambda code: (-shares[code], code))
        if best in codes:
            out[best] += [flag for flag in flagged[came].split(",") if flag.startswith(("tower", "entrances"))]
    return {code: _merged(flags) for code, flags in out.items()}


def _merged(flags: Sequence[str]) -> tuple[str, ...]:
    """One flag of a tower, and the entrances of all."""
    entrances = sum(int(flag.partition(":")[2]) for flag in flags if flag.startswith("entrances:"))
    return ("tower", *([f"entrances:{entrances}"] if entrances else []))


def with_flag(flag: str, on: object, text: object) -> str:
    """Flags with one set or taken off."""
    others = [one for one in (text if isinstance(text, str) else "").split(",") if one and one != flag]
    return ",".join([flag, *others] if on is not pd.NA and on else others)
