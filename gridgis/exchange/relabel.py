"""A division made again of its atoms, after a table that tells the grid of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import metric_crs, transform
from gridgis.exchange import assemble, coding, content, table, under
from gridgis.exchange.imported import Imported, outcome
from gridgis.exchange.judged import judged
from gridgis.exchange.work import Declared, Work
from gridgis.geometry.borders import adjacency
from gridgis.geometry.components import components, sums
from gridgis.geometry.noding import Geometries, Ints, as_array, inner_points
from gridgis.layers.shapes import bounds_of
from gridgis.schema import Division


def relabelled(
    base: Division,
    source: str,
    said: Declared,
    *,
    buildings: gpd.GeoDataFrame | None,
    info: Mapping[str, Any],
    work: Work,
) -> Imported:
    """The division with its atoms in the grids that a table tells.

    Atoms, zones and the lines under them stay to the last bit.

    Parameters
    ----------
    base : whose atoms are given to grids
    source : the table, `FILE` or `FILE:SHEET`
    buildings : for a table of buildings; in any CRS
    """
    told = table.read_table(source, said, work.profile.codes, work.log)
    if told is None or work.refused:
        return outcome(None, work.log)
    work.within("repair")
    own = CRS.from_user_input(base.atoms.crs)
    near = None if buildings is None else buildings.to_crs(own)
    metric = metric_crs(own, bounds_of(as_array(base.atoms.geometry)))
    metres = transform(as_array(base.atoms.geometry), own, metric)
    label = table.told_atoms(told, base.atoms, near, work.log)
    grid = table.completed(label, base.atoms, metres, work.log)
    _refuse_strangers(grid, base, work)
    if work.refused:
        return outcome(None, work.log)
    work.within("assemble")
    sum_of = content.of_table(str(base.info.get("inputs_sha256")), told)
    made = _made(base, grid, metres, {**info, "inputs_sha256": sum_of}, work)
    if made is None or work.refused:
        return outcome(None, work.log)
    return outcome(judged(made, work, buildings=buildings), work.log)


def _refuse_strangers(grid: Geometries, base: Division, work: Work) -> None:
    """Add a fault for each atom whose grid is of another zone, and for each grid whose number its kind has not."""
    zone, layout = base.atoms["zone_code"].to_numpy(dtype=object), work.profile.codes
    kind = dict(zip(base.zones["zone_code"], base.zones["kind"], strict=True))
    for own, code, of in zip(base.atoms["atom_id"], grid, zone, strict=True):
        if code[: layout.zone_digits] != of:
            problem = f"lies in zone {of}, and the table gives it to grid {code}"
            work.log.fault("atoms", own, problem, "Give it a grid of its zone: no grid crosses one")
    for code in sorted(set(grid)):
        low, high = layout.sequence[kind.get(code[: layout.zone_digits], "community")]
        if not low <= int(code[layout.zone_digits :]) <= high:
            problem = f"its number is outside {low} to {high}, those of its kind"
            work.log.fault("table", code, problem, "Give it another number")


def _made(base: Division, grid: Geometries, metres: Geometries, info: dict[str, Any], work: Work) -> Division | None:
    names, grid_of_atom = np.unique(grid.astype(str), return_inverse=True)
    zone_code = base.zones["zone_code"].to_numpy(dtype=object)
    layout = work.profile.codes
    zone_of_grid = pd.Index(zone_code).get_indexer([name[: layout.zone_digits] for name in names])
    micro_of_atom, micro_code = _micros(base, names.astype(object), grid_of_atom, metres, work)
    if work.refused:
        return None
    grid_of_micro = grid_of_atom[np.unique(micro_of_atom, return_index=True)[1]]
    atoms = as_array(base.atoms.geometry)
    empty = np.full(max(len(names), len(micro_code)), shapely.Polygon(), dtype=object)
    micro = assemble.dissolved_up(atoms, micro_of_atom, empty[: len(micro_code)])
    shape = {
        "atoms": atoms,
        "microgrids": micro,
        "grids": assemble.dissolved_up(micro, grid_of_micro, empty[: len(names)]),
    }
    shape["zones"] = assemble.dissolved_up(shape["grids"], zone_of_grid, as_array(base.zones.geometry))
    land = assemble.Land(
        _plain(base.zones, ("zone_code", "name", "kind")),
        _grid_table(base, names.astype(object), zone_of_grid, work),
        pd.DataFrame({"microgrid_code": micro_code, "households": None, "flags": None}, dtype=object),
        pd.DataFrame(
            {name: base.atoms[name].to_numpy(dtype=object) for name in ("atom_id", "households")}, dtype=object
        ),
        {"grids": zone_of_grid, "microgrids": grid_of_micro, "atoms": micro_of_atom},
        shape,
    )
    made = assemble.division(land, crs=CRS.from_user_input(base.atoms.crs), info={**info, "metrics": {}})
    return under.as_known(made, base)


def _plain(frame: gpd.GeoDataFrame, columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({name: frame[name].to_numpy(dtype=object) for name in columns}, dtype=object)


def _grid_table(base: Division, names: Geometries, zone: Ints, work: Work) -> pd.DataFrame:
    known = dict(zip(base.grids["grid_code"], base.grids["name"], strict=True))
    source = dict(zip(base.grids["zone_code"], base.grids["households_from"], strict=True))
    called, digits = base.zones["name"].to_numpy(dtype=object)[zone], work.profile.codes.sequence_digits
    rule = work.profile.naming.grid_name
    return pd.DataFrame(
        {
            "grid_code": names,
            "name": [known.get(code) or rule(of, code, digits=digits) for code, of in zip(names, called, strict=True)],
            "households": None,
            "households_from": [source.get(code) for code in base.zones["zone_code"].to_numpy(dtype=object)[zone]],
            "border_on_road": np.nan,
            "flags": None,
        },
        dtype=object,
    )


def _micros(base: Division, names: Geometries, grid: Ints, metres: Geometries, work: Work) -> tuple[Ints, Geometries]:
    """Micro-grid of each atom and the code of each: what of an old one hangs together within one grid."""
    old, was = np.unique(base.atoms["microgrid_code"].to_numpy(dtype=object).astype(str), return_inverse=True)
    pairs, _ = adjacency(metres)
    same = (grid[pairs[:, 0]] == grid[pairs[:, 1]]) & (was[pairs[:, 0]] == was[pairs[:, 1]])
    micro = components(len(metres), pairs[same])
    first = np.unique(micro, return_index=True)[1]
    area = sums(micro, shapely.area(metres))
    came = was[first]
    order = np.lexsort((-area, came))
    largest = np.zeros(len(first), dtype=bool)
    largest[order[np.unique(came[order], return_index=True)[1]]] = True
    text = np.array([*(old[k] if most else None for k, most in zip(came, largest, strict=True)), None], dtype=object)[
        :-1
    ]
    parent = names[grid[first]]
    digits = work.profile.codes.micro_digits
    xy = shapely.get_coordinates(inner_points(metres[first]))
    room = [(1, 10**digits - 1)] * len(first)
    places = coding.Places(parent, parent, room, xy, coding.bands_m(area, grid[first]))
    spelled = coding.Spelled(text, np.full(len(first), "", dtype=object))
    called = np.array([*(f"of {name}" for name in old[came]), ""], dtype=object)[:-1]
    code = coding.coded("microgrids", spelled, places, digits=digits, names=called, log=work.log)
    return micro, code
