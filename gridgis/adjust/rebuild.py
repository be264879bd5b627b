"""A draft made again from its atoms, after their labels or their land changed.

Invariant: rows of zones, grids, micro-grids and borders that have none of the changed atoms stay as they are, to the
last bit; the others are what a division would say of the same atoms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.adjust.changes import Changes, changes
from gridgis.adjust.draft import Draft
from gridgis.adjust.rows import grid_rows, micro_rows, zone_rows
from gridgis.border_labels import labels, layer
from gridgis.geometry.noding import Bools, as_array
from gridgis.schema import OFF_STREET, Division

OFF_LINE = frozenset({OFF_STREET, "wall", "compound"})
"""Classes of borders on which no centre line lies."""


def rebuilt(
    draft: Draft,
    atoms: gpd.GeoDataFrame,
    *,
    zones: gpd.GeoDataFrame | None = None,
    named: Mapping[str, str] | None = None,
) -> Draft:
    """The draft with other atoms.

    Parameters
    ----------
    atoms : all atoms with their new labels, columns as in :data:`gridgis.schema.DIVISION_LAYERS`; a coverage of the
        same land. Atoms that changed in vertices alone change no label above them.
    zones : rows of all zones, where some are new or given up; those that stay, as they are
    named : names of grids, by their code
    """
    old = draft.division
    zones = old.zones if zones is None else zones
    atoms = atoms.sort_values("atom_id", kind="stable", ignore_index=True)
    change = changes(old.atoms, atoms)
    names = dict(named or {})
    grids = _layer(
        old.grids,
        "grid_code",
        change.of("grid_code") | names.keys(),
        lambda codes: grid_rows(draft, atoms, codes, zones, named=names),
        atoms,
    )
    micros = _layer(
        old.microgrids,
        "microgrid_code",
        change.of("microgrid_code"),
        lambda codes: micro_rows(draft, atoms, codes),
        atoms,
    )
    made = replace(old, atoms=atoms, grids=grids, microgrids=micros, zones=_zones(zones, atoms, change))
    return replace(draft, division=_with_borders(old, made, change))


def _layer(
    frame: gpd.GeoDataFrame,
    key: str,
    codes: set[str],
    make: Callable[[list[str]], gpd.GeoDataFrame],
    atoms: gpd.GeoDataFrame,
) -> gpd.GeoDataFrame:
    """A layer with the rows of some codes made again, where they still have an atom."""
    if not codes:
        return frame
    left = sorted(codes & set(atoms[key]))
    kept = frame[~frame[key].isin(codes)]
    return _sorted(kept, make(left), key) if left else kept.reset_index(drop=True)


def _sorted(kept: gpd.GeoDataFrame, made: gpd.GeoDataFrame, key: str) -> gpd.GeoDataFrame:
    every = pd.concat([kept, made[kept.columns]], ignore_index=True) if len(kept) else made
    return gpd.GeoDataFrame(every.sort_values(key, kind="stable", ignore_index=True), crs=made.crs)


def _zones(zones: gpd.GeoDataFrame, atoms: gpd.GeoDataFrame, change: Changes) -> gpd.GeoDataFrame:
    """Zones with the rows of those made again whose grids changed; their land only where their atoms did."""
    there = set(atoms["zone_code"])
    moved = change.moved("zone_code") & there
    if moved:
        zones = _sorted(
            zones[~zones["zone_code"].isin(moved)], zone_rows(zones, atoms, sorted(moved), land=False), "zone_code"
        )
    land = _other_land(change) & there
    if land:
        made = zone_rows(zones, atoms, sorted(land), land=True)
        bent = zones.set_index("zone_code").loc[sorted(land)]
        stays = ~made["zone_code"].isin(moved)
        for column in ("proof", "gap"):
            made[column] = made[column].where(~stays.to_numpy(), bent[column].to_numpy())
        zones = _sorted(zones[~zones["zone_code"].isin(land)], made, "zone_code")
    return zones[zones["zone_code"].isin(there)].reset_index(drop=True)


def _other_land(change: Changes) -> set[str]:
    """Zones whose border may have changed: an atom came or went, or got a vertex."""
    both = change.was.merge(change.now, on="atom_id", how="outer", suffixes=("", "_now"))
    same = (both["zone_code"] == both["zone_code_now"]).to_numpy(copy=True)
    land = (both[column].to_numpy(dtype=object)[same] for column in ("geometry", "geometry_now"))
    same[same] = shapely.equals_identical(*land)
    return {code for side in ("zone_code", "zone_code_now") for code in both[side][~same].dropna()}


def _with_borders(old: Division, made: Division, change: Changes) -> Division:
    """The borders of grids that changed told again, and what share of them lies on a street."""
    dirty = change.of("grid_code")
    if not dirty or not len(old.borders):
        return made
    grids, borders = made.grids, old.borders
    mine = as_array(grids.geometry)[grids["grid_code"].isin(dirty)]
    gone = as_array(old.grids.geometry)[old.grids["grid_code"].isin(dirty)]
    near = np.unique(shapely.STRtree(as_array(grids.geometry)).query(np.concatenate([mine, gone]))[1])
    around = grids.iloc[near]
    told = labels(borders, old.grids)
    told = told[told["zone_code"].isin(set(around["zone_code"]))]
    fresh = layer(told, around)
    kept = borders[~_beside(borders, dirty)]
    every = pd.concat([kept, fresh[_beside(fresh, dirty)][borders.columns]], ignore_index=True)
    order = ["first_code", "second_code", "border_class", "name"]
    every = every.sort_values(order, kind="stable", ignore_index=True, key=lambda column: column.fillna(""))
    borders = gpd.GeoDataFrame(every, geometry=as_array(every["geometry"]), crs=old.borders.crs)
    zone_moved = set(change.was["zone_code"]) != set(change.now["zone_code"]) or _changed_zone(change)
    again = set(around["grid_code"]) if zone_moved else dirty
    return replace(made, borders=borders, grids=_on_road(grids, borders, again))


def _changed_zone(change: Changes) -> bool:
    both = change.was.merge(change.now, on="atom_id", suffixes=("", "_now"))
    return bool((both["zone_code"] != both["zone_code_now"]).any())


def _beside(borders: gpd.GeoDataFrame, codes: set[str]) -> Bools:
    return np.asarray(borders["first_code"].isin(codes) | borders["second_code"].isin(codes))


def _on_road(grids: gpd.GeoDataFrame, borders: gpd.GeoDataFrame, codes: set[str]) -> gpd.GeoDataFrame:
    """Share of the border towards grids of the same zone that lies on a centre line, of some grids."""
    zone = pd.Series(grids["zone_code"].to_numpy(dtype=object), index=grids["grid_code"])
    one, two = borders["first_code"].map(zone), borders["second_code"].map(zone)
    inner = borders[(one == two).to_numpy() & _beside(borders, codes)]
    length = np.concatenate([inner["length_m"].to_numpy()] * 2)
    on = np.tile(~inner["border_class"].isin(OFF_LINE).to_numpy(), 2)
    code = np.concatenate([inner["first_code"], inner["second_code"]])
    total = pd.Series(length).groupby(code).sum()
    road = pd.Series(length * on).groupby(code).sum()
    share = (road / total).reindex(grids["grid_code"]).to_numpy()
    asked = grids["grid_code"].isin(codes).to_numpy()
    return grids.assign(border_on_road=np.where(asked, share, grids["border_on_road"].to_numpy(dtype=float)))
