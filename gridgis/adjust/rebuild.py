"""A draft made again from its atoms, after their labels or their land changed.

Invariant: rows of zones, grids, micro-grids and borders that have none of the changed atoms stay as they are, to the
last bit; the others are what a division would say of the same atoms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.adjust.changes import Changes, changes
from gridgis.adjust.draft import Draft
from gridgis.adjust.rows import Rows, grid_rows, micro_rows, zone_rows
from gridgis.adjust.table import among, changed, column_of, columns_of, put_at, put_in
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
    zones : rows of all zones, where some are new; those that have no atom left are given up
    named : names of grids, by their code
    """
    old, names = draft.division, dict(named or {})
    zones = old.zones if zones is None else zones
    if not atoms["atom_id"].is_monotonic_increasing:
        atoms = atoms.sort_values("atom_id", kind="stable", ignore_index=True)
    change = changes(old.atoms, atoms)
    keys = ("grid_code", "microgrid_code", "zone_code")
    there = dict(zip(keys, map(set, columns_of(atoms, *keys)), strict=True))
    grids = _again(
        old.grids,
        "grid_code",
        change.of("grid_code") | names.keys(),
        there["grid_code"],
        lambda codes: grid_rows(draft, atoms, codes, zones, named=names),
    )
    micros = _again(
        old.microgrids,
        "microgrid_code",
        change.of("microgrid_code"),
        there["microgrid_code"],
        lambda codes: micro_rows(draft, atoms, codes),
    )
    zones = _zones(zones, atoms, change, there["zone_code"])
    made = replace(old, atoms=atoms, grids=grids, microgrids=micros, zones=zones)
    return replace(draft, division=_with_borders(old, made, change))


def _again(
    frame: gpd.GeoDataFrame, key: str, codes: set[str], there: set[str], make: Callable[[list[str]], Rows]
) -> gpd.GeoDataFrame:
    """A layer with the rows of some codes made again, where they still have an atom."""
    if not codes:
        return frame
    return put_in(frame, ~among(column_of(frame, key), codes), *make(sorted(codes & there)), key=key)


def _zones(zones: gpd.GeoDataFrame, atoms: gpd.GeoDataFrame, change: Changes, there: set[str]) -> gpd.GeoDataFrame:
    """Zones with the rows of those made again whose grids changed; their land only where that of their atoms did."""
    moved, land = change.moved("zone_code"), set(change.land)
    made = _again(zones, "zone_code", moved - land, there, lambda codes: zone_rows(zones, atoms, codes, land=False))
    made = _again(made, "zone_code", moved & land, there, lambda codes: zone_rows(zones, atoms, codes, land=True))
    return _again(made, "zone_code", land - moved, there, lambda codes: _bent(zones, atoms, codes))


def _bent(zones: gpd.GeoDataFrame, atoms: gpd.GeoDataFrame, codes: list[str]) -> Rows:
    """Rows of zones that got vertices alone: what was proved of them still holds."""
    rows = zone_rows(zones, atoms, codes, land=True)
    stood = zones[among(zones["zone_code"].array, codes)]
    return rows._replace(columns={**rows.columns, "proof": stood["proof"].array, "gap": stood["gap"].array})


def _with_borders(old: Division, made: Division, change: Changes) -> Division:
    """The borders of grids that changed told again, and what share of them lies on a street."""
    dirty = change.of("grid_code")
    if not dirty or not len(old.borders):
        return made
    around = _around(old.grids, made.grids, dirty)
    fresh = layer(_under(old, set(column_of(around, "zone_code"))), around, of=dirty)
    columns = {name: fresh[name].array for name in old.borders.columns if name != "geometry"}
    borders = _put_in(old.borders, ~_beside(old.borders, dirty), Rows(columns, as_array(fresh.geometry)))
    again = set(column_of(around, "grid_code")) if change.zone else dirty
    return replace(made, borders=borders, grids=_on_road(made.grids, borders, again))


def _under(old: Division, zones: set[str]) -> gpd.GeoDataFrame:
    """What lies under the borders in some zones: lines, and where a zone has none what its borders tell."""
    told = old.lines[among(column_of(old.lines, "zone_code"), zones)]
    bare = zones.difference(column_of(told, "zone_code"))
    if bare.isdisjoint(column_of(old.grids, "zone_code")):
        return told
    own = labels(old.borders, old.grids)
    return gpd.GeoDataFrame(pd.concat([own[among(column_of(own, "zone_code"), bare)], told]), crs=old.lines.crs)


def _around(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, dirty: set[str]) -> gpd.GeoDataFrame:
    """Grids that changed, and all that may border on them."""
    land = [as_array(frame.geometry)[among(column_of(frame, "grid_code"), dirty)] for frame in (old, new)]
    near = shapely.STRtree(as_array(new.geometry)).query(np.concatenate(land))[1]
    return new.iloc[np.unique(near)]


def _put_in(borders: gpd.GeoDataFrame, stays: Bools, rows: Rows) -> gpd.GeoDataFrame:
    """Stretches in the place of others, in the order of their words; those of one border as they come."""
    words = ("first_code", "second_code", "border_class", "name")
    kept, new = [one[stays] for one in columns_of(borders, *words)], [rows.columns[word] for word in words]
    said = [
        tuple(value if isinstance(value, str) else "" for value in line)
        for table in (kept, new)
        for line in zip(*table, strict=True)
    ]
    return put_at(borders, stays, rows.columns, rows.shape, sorted(range(len(said)), key=said.__getitem__))


def _beside(borders: gpd.GeoDataFrame, codes: set[str]) -> Bools:
    first, second = columns_of(borders, "first_code", "second_code")
    return among(first, codes) | among(second, codes)


def _on_road(grids: gpd.GeoDataFrame, borders: gpd.GeoDataFrame, codes: set[str]) -> gpd.GeoDataFrame:
    """Share of the border towards grids of the same zone that lies on a centre line, of some grids."""
    codes_there, zones, shares = columns_of(grids, "grid_code", "zone_code", "border_on_road")
    zone = dict(zip(codes_there, zones, strict=True))
    total: dict[str, float] = defaultdict(float)
    road: dict[str, float] = defaultdict(float)
    columns = columns_of(borders, "first_code", "second_code", "border_class", "length_m")
    for first, second, border_class, length in zip(*columns, strict=True):
        if first in zone and second in zone and zone[first] == zone[second]:
            for code in codes.intersection((first, second)):
                total[code] += length
                road[code] += length * (border_class not in OFF_LINE)
    share = [
        share if code not in codes else road[code] / total[code] if total[code] > 0 else np.nan
        for code, share in zip(codes_there, shares, strict=True)
    ]  # fmt: skip
    return changed(grids, border_on_road=np.array(share, dtype=float))
