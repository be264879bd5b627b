"""Rows of grids and micro-grids made again from their atoms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.adjust.draft import Draft
from gridgis.crs import area_m2, perimeter_m
from gridgis.divide.atoms import whole
from gridgis.geometry.noding import Geometries, as_array

DERIVED = frozenset({"detached", "no_residents", "tower"})
"""Flags that follow from the atoms; `entrances:n` does so too."""


def grid_rows(
    draft: Draft, atoms: gpd.GeoDataFrame, codes: Sequence[str], zones: gpd.GeoDataFrame, *, named: Mapping[str, str]
) -> gpd.GeoDataFrame:
    """Rows of some grids, border_on_road empty.

    Parameters
    ----------
    atoms : all of them, with their labels
    codes : of the grids that are made again, in order
    zones : with the row of each zone of these grids
    named : names of grids that have none yet; others go by zone and number
    """
    crs = CRS.from_user_input(atoms.crs)
    old = draft.division.grids.set_index("grid_code")
    of = pd.Index(codes).get_indexer(atoms["grid_code"])
    shape = _dissolved(as_array(atoms.geometry), of, len(codes))
    first = _first(of, len(codes))
    zone_code = atoms["zone_code"].to_numpy(dtype=object)[first]
    zone = zones.set_index("zone_code").loc[zone_code]
    stood = old.reindex(codes)
    households = _sums(atoms["households"], of, len(codes))
    origin = draft.division.grids.drop_duplicates("zone_code").set_index("zone_code")["households_from"]
    by_rule, digits = draft.profile.naming.grid_name, draft.profile.codes.sequence_digits
    by_default = [
        named.get(code) or by_rule(name, code, digits=digits) for code, name in zip(codes, zone["name"], strict=True)
    ]
    known = [code in old.index and code not in named for code in codes]
    return gpd.GeoDataFrame(
        {
            "grid_code": list(codes),
            "zone_code": zone_code,
            "kind": zone["kind"].to_numpy(dtype=object),
            "name": np.where(known, stood["name"].to_numpy(dtype=object), np.array(by_default, dtype=object)),
            "households": households,
            "households_from": _source(stood["households_from"], origin.reindex(zone_code), origin),
            "area_m2": area_m2(shape, crs),
            "perimeter_m": perimeter_m(shape, crs),
            "border_on_road": np.full(len(codes), np.nan),
            "flags": _grid_flags(stood["flags"], shape, households),
        },
        geometry=shape,
        crs=atoms.crs,
    )


def micro_rows(draft: Draft, atoms: gpd.GeoDataFrame, codes: Sequence[str]) -> gpd.GeoDataFrame:
    """Rows of some micro-grids."""
    crs = CRS.from_user_input(atoms.crs)
    of = pd.Index(codes).get_indexer(atoms["microgrid_code"])
    shape = _dissolved(as_array(atoms.geometry), of, len(codes))
    first = _first(of, len(codes))
    return gpd.GeoDataFrame(
        {
            "microgrid_code": list(codes),
            "grid_code": atoms["grid_code"].to_numpy(dtype=object)[first],
            "zone_code": atoms["zone_code"].to_numpy(dtype=object)[first],
            "households": _sums(atoms["households"], of, len(codes)),
            "area_m2": area_m2(shape, crs),
            "flags": _micro_flags(draft, atoms, of, shape),
        },
        geometry=shape,
        crs=atoms.crs,
    )


def zone_rows(
    zones: gpd.GeoDataFrame, atoms: gpd.GeoDataFrame, codes: Sequence[str], *, land: bool
) -> gpd.GeoDataFrame:
    """Rows of some zones whose grids changed: what was proved of them holds no longer.

    Parameters
    ----------
    land : whether their land changed too
    """
    rows = zones.set_index("zone_code", drop=False).loc[list(codes)].reset_index(drop=True)
    of = pd.Index(codes).get_indexer(atoms["zone_code"])
    rows = rows.assign(households=_sums(atoms["households"], of, len(codes)), proof="none", gap=np.nan)
    if not land:
        return rows
    shape = _dissolved(as_array(atoms.geometry), of, len(codes))
    parts = shapely.get_num_geometries(shape)
    flags = [_with("detached", n > 1, text) for n, text in zip(parts, rows["flags"], strict=True)]
    rows = rows.assign(area_m2=area_m2(shape, CRS.from_user_input(atoms.crs)), flags=flags)
    return rows.set_geometry(gpd.GeoSeries(shape, crs=atoms.crs))


def _dissolved(atoms: Geometries, of: np.ndarray, count: int) -> Geometries:
    out = np.empty(count, dtype=object)
    for k in range(count):
        mine = atoms[of == k]
        out[k] = mine[0] if len(mine) == 1 else whole(shapely.coverage_union_all(mine))
    return out


def _first(of: np.ndarray, count: int) -> np.ndarray:
    """Row of the first atom of each."""
    out = np.full(count, -1)
    rows = np.flatnonzero(of >= 0)[::-1]
    out[of[rows]] = rows
    return out


def _sums(values: pd.Series, of: np.ndarray, count: int) -> pd.arrays.IntegerArray:
    """Sums as nullable whole numbers; empty where one is not known."""
    number = values.to_numpy(dtype=float, na_value=np.nan)
    total = np.bincount(of[of >= 0], weights=number[of >= 0], minlength=count)
    return pd.array(np.round(total), dtype="Int64")


def _source(stood: pd.Series, of_zone: pd.Series, every: pd.Series) -> np.ndarray:
    """Where the households come from: as the grid said, else its zone, else the first zone that says."""
    other = next((value for value in every if isinstance(value, str)), None)
    told = [one if isinstance(one, str) else two for one, two in zip(stood, of_zone, strict=True)]
    return np.array([one if isinstance(one, str) else other for one in told], dtype=object)


def _grid_flags(stood: pd.Series, shape: Geometries, households: pd.arrays.IntegerArray) -> list[str]:
    empty = np.asarray(pd.Series(households).fillna(-1) == 0)
    parts = shapely.get_num_geometries(shape)
    out = []
    for text, n, none in zip(stood, parts, empty, strict=True):
        out.append(_with("no_residents", bool(none), _with("detached", n > 1, text)))
    return out


def _micro_flags(draft: Draft, atoms: gpd.GeoDataFrame, of: np.ndarray, shape: Geometries) -> list[str]:
    """A tower stays where most households of its micro-grid went, with its entrances."""
    tower = _towers(draft, atoms, of)
    return [
        ",".join(flag for flag in ("detached" if n > 1 else "", *tower.get(k, ())) if flag)
        for k, n in enumerate(shapely.get_num_geometries(shape))
    ]


def _towers(draft: Draft, atoms: gpd.GeoDataFrame, of: np.ndarray) -> dict[int, tuple[str, ...]]:
    old = draft.division.microgrids
    flagged = old[old["flags"].fillna("").str.contains("tower")]
    out: dict[int, tuple[str, ...]] = {}
    if not len(flagged):
        return out
    before = draft.division.atoms.set_index("atom_id")["microgrid_code"]
    came = before.reindex(atoms["atom_id"].str.split(".", n=1).str[0]).to_numpy(dtype=object)
    weight = atoms["households"].to_numpy(dtype=float, na_value=0.0)
    for code, text in zip(flagged["microgrid_code"], flagged["flags"], strict=True):
        mine = came == code
        if not (mine & (of >= 0)).any():
            continue
        at = atoms["microgrid_code"][mine].to_numpy(dtype=object)
        names, where = np.unique(at.astype(str), return_inverse=True)
        best = names[int(np.argmax(np.bincount(where, weights=weight[mine])))]
        k = of[mine][at == best][0]
        if k >= 0:
            out[int(k)] = (*out.get(int(k), ()), *(f for f in text.split(",") if f.startswith(("tower", "entrances"))))
    return {k: _merged(flags) for k, flags in out.items()}


def _merged(flags: tuple[str, ...]) -> tuple[str, ...]:
    """One flag of a tower, and the entrances of all."""
    entrances = sum(int(flag.partition(":")[2]) for flag in flags if flag.startswith("entrances:"))
    return ("tower", *([f"entrances:{entrances}"] if entrances else []))


def _with(flag: str, on: bool, text: object) -> str:
    """Flags with one set or taken off."""
    others = [one for one in (text if isinstance(text, str) else "").split(",") if one and one != flag]
    return ",".join([flag, *others] if on else others)
