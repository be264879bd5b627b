"""Frames of a division from land that was drawn elsewhere, level by level from the atoms up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import area_m2, perimeter_m
from gridgis.exchange.cover import joined
from gridgis.geometry.borders import boundary_keys
from gridgis.geometry.noding import Floats, Geometries, Ints
from gridgis.geometry.tiling import untiled
from gridgis.schema import DIVISION_LAYERS, Division, empty_layer

SOURCES = ("address", "building", "floor_area", "area", "none")
"""Words of the contract for where households come from."""


@dataclass(frozen=True)
class Land:
    """A division as arrays: the row above each row, and what each row tells of itself.

    Attributes
    ----------
    zones : `zone_code`, `name`, `kind`
    grids : `grid_code`, `name`, `households`, `households_from`, `border_on_road`, `flags`
    microgrids : `microgrid_code`, `households`, `flags`
    atoms : `atom_id`, `households`
    of : row of the layer above of each grid, micro-grid and atom
    shape : polygons of each layer
    """

    zones: pd.DataFrame
    grids: pd.DataFrame
    microgrids: pd.DataFrame
    atoms: pd.DataFrame
    of: Mapping[str, Ints]
    shape: Mapping[str, Geometries]


def dissolved_up(leaf: Geometries, of: Ints, wholes: Geometries) -> Geometries:
    """Wholes made again of their pieces where these have other vertices; else as they are."""
    out = wholes.copy()
    doubtful = untiled(boundary_keys(leaf), of, boundary_keys(wholes))
    order = np.argsort(of, kind="stable")
    start, end = (np.searchsorted(of[order], doubtful, side=side) for side in ("left", "right"))
    for k, first, last in zip(doubtful, start, end, strict=True):
        out[k] = joined(leaf[order[first:last]])
    return out


def division(land: Land, *, crs: CRS, info: dict[str, Any]) -> Division:
    """All layers with the columns of the contract, rows in the order of their codes.

    Households are those of the atoms added up where they are known, else those that a layer has itself.
    """
    households = _households(land)
    zone_of_grid = land.of["grids"]
    zone_of_micro = zone_of_grid[land.of["microgrids"]]
    grid_of_atom = land.of["microgrids"][land.of["atoms"]]
    zone, grid = (land.zones["zone_code"].to_numpy(dtype=object), land.grids["grid_code"].to_numpy(dtype=object))
    micro = land.microgrids["microgrid_code"].to_numpy(dtype=object)
    tables = {
        "zones": {
            "zone_code": zone,
            "name": land.zones["name"].to_numpy(dtype=object),
            "kind": land.zones["kind"].to_numpy(dtype=object),
            "flags": _flags(None, land.shape["zones"], None),
            "proof": ["none"] * len(zone),
            "gap": [np.nan] * len(zone),
        },
        "grids": {
            "grid_code": grid,
            "zone_code": zone[zone_of_grid],
            "kind": land.zones["kind"].to_numpy(dtype=object)[zone_of_grid],
            "name": land.grids["name"].to_numpy(dtype=object),
            "households_from": _sources(land.grids["households_from"], households["grids"]),
            "perimeter_m": perimeter_m(land.shape["grids"], crs),
            "border_on_road": land.grids["border_on_road"].to_numpy(dtype=float),
            "flags": _flags(land.grids["flags"], land.shape["grids"], households["grids"]),
        },
        "microgrids": {
            "microgrid_code": micro,
            "grid_code": grid[land.of["microgrids"]],
            "zone_code": zone[zone_of_micro],
            "flags": _flags(land.microgrids["flags"], land.shape["microgrids"], None),
        },
        "atoms": {
            "atom_id": land.atoms["atom_id"].to_numpy(dtype=object),
            "grid_code": grid[grid_of_atom],
            "microgrid_code": micro[land.of["atoms"]],
            "zone_code": zone[zone_of_grid[grid_of_atom]],
        },
    }
    frames = {name: _frame(name, columns, households[name], land.shape[name], crs) for name, columns in tables.items()}
    others = {name: empty_layer(name, crs) for name in DIVISION_LAYERS if name not in frames}
    return Division(**frames, **others, info=info)


def _frame(name: str, columns: Mapping[str, Any], households: Floats, shape: Geometries, crs: CRS) -> gpd.GeoDataFrame:
    table = {
        **columns,
        "households": pd.array(pd.Series(households), dtype="Int64"),
        "area_m2": area_m2(shape, crs) if "area_m2" in DIVISION_LAYERS[name] else None,
    }
    ordered = pd.DataFrame({column: table[column] for column in DIVISION_LAYERS[name]})
    frame = gpd.GeoDataFrame(ordered, geometry=shape, crs=crs)
    return frame.sort_values(DIVISION_LAYERS[name][0], kind="stable", ignore_index=True)


def _households(land: Land) -> dict[str, Floats]:
    """Households of each layer, nan where they are not known: of the pieces where all are, else its own."""
    out = {"atoms": _number(land.atoms["households"])}
    for name, below in (("microgrids", "atoms"), ("grids", "microgrids"), ("zones", "grids")):
        frame = getattr(land, name)
        own = _number(frame["households"]) if "households" in frame else np.full(len(frame), np.nan)
        total = np.bincount(land.of[below], weights=out[below], minlength=len(frame))
        out[name] = np.where(np.isfinite(total), total, own)
    return out


def _number(values: pd.Series) -> Floats:
    return np.asarray(pd.array(values, dtype="Float64").to_numpy(dtype=float, na_value=np.nan))


def _sources(told: pd.Series, households: Floats) -> list[str | None]:
    return [
        "none" if np.isnan(h) else text if text in SOURCES else None for text, h in zip(told, households, strict=True)
    ]


def _flags(told: pd.Series | None, shape: Geometries, households: Floats | None) -> list[str]:
    """Flags that the source gives, those that the land tells set or taken off."""
    several = shapely.get_num_geometries(shape) > 1
    nobody = np.zeros(len(shape), dtype=bool) if households is None else households == 0
    given = [None] * len(shape) if told is None else list(told)
    out = []
    for text, parts, empty in zip(given, several, nobody, strict=True):
        kept = [
            f for f in (text if isinstance(text, str) else "").split(",") if f and f not in ("detached", "no_residents")
        ]
        out.append(",".join((["detached"] if parts else []) + (["no_residents"] if empty else []) + kept))
    return out
