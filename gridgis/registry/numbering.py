"""Codes in the register: those of a draft go on from the version before, approval spends them for ever.

Invariant: a code that was confirmed stands in `code`, once in its network, and is given to nothing else. Codes of a
draft are provisional: what was spent meanwhile is replaced where it is approved.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd
import sqlalchemy as sa
from pyproj import CRS
from sqlalchemy.engine import Connection

from gridgis import lineage
from gridgis.crs import area_m2
from gridgis.geometry.noding import as_array
from gridgis.lineage import micro_recoded, numbered, passed_on, recoded
from gridgis.profile import CodeLayout
from gridgis.registry import tables
from gridgis.registry.parts import STORED, Parts, load_parts, save_parts
from gridgis.registry.store import store_crs
from gridgis.registry.zone_changes import Change, frame_changes
from gridgis.schema import KEYS, Division

NUMBERED = {"grids": (tables.grid, "grid_code"), "microgrids": (tables.microgrid, "microgrid_code")}
"""Layers that are numbered, from the top down, with their table and the column of their codes."""


def carried_on(
    connection: Connection, division: Division, before: Collection[int], *, network: str, layout: CodeLayout
) -> Division:
    """A division with the codes that go on from the parts `before` it."""
    return _carried_on(connection, division, before, network=network, layout=layout).division


def changes_carried_on(
    connection: Connection, parts: Parts, before: Parts, *, network: str, layout: CodeLayout
) -> tuple[Mapping[str, Change], dict[str, str]]:
    """What changes in the rows of parts whose codes go on from those `before` them.

    Returns
    -------
    changes : mapping
        By zone, those apart in which all codes stay.
    codes : dict
        The new code of each grid and micro-grid, by the one that it has.
    """
    crs = str(store_crs(connection))
    division = Division.with_layers(load_parts(connection, parts.values(), layers=[*KEYS], crs=crs), info={}, crs=crs)
    made, codes = _carried_on(connection, division, before.values(), network=network, layout=layout)
    return frame_changes(division, made), codes


def _carried_on(
    connection: Connection, division: Division, before: Collection[int], *, network: str, layout: CodeLayout
) -> lineage.Carried:
    old = load_parts(connection, before, layers=["atoms"], crs=str(store_crs(connection)))["atoms"]
    spent = spent_in(connection, network, division.zones["zone_code"])
    return lineage.carried_on(division, old, spent=spent, layout=layout)


def with_unspent(
    connection: Connection, parts: Parts, before: Parts, *, network: str, layout: CodeLayout
) -> dict[str, int]:
    """Parts, those with new codes that were spent meanwhile with others in their place.

    Parameters
    ----------
    before : parts of the version that goes before, whose codes go on
    """
    spent, out = spent_in(connection, network, parts), dict(parts)
    for name in NUMBERED:
        clash = _fresh(connection, name, out, before) & spent
        if clash:
            out |= _replaced(connection, out, name, clash, spent, layout)
    return out


def spend(connection: Connection, parts: Parts, before: Parts, *, version_id: int, network: str) -> None:
    """Spend the codes that are new in parts, for ever."""
    for name in NUMBERED:
        fresh = sorted(_fresh(connection, name, parts, before))
        if fresh:
            rows = [{"network": network, "code": code, "version_id": version_id} for code in fresh]
            connection.execute(sa.insert(tables.code), rows)


def pass_on(connection: Connection, before: Parts, parts: Parts, *, version_id: int) -> None:
    """Write down what each grid and micro-grid of the parts before passed on to those that take their place."""
    crs = str(store_crs(connection))
    old = load_parts(connection, before.values(), layers=["atoms"], crs=crs)["atoms"]
    new = load_parts(connection, parts.values(), layers=list(NUMBERED), crs=crs)
    area = area_m2(as_array(old.geometry), CRS.from_user_input(crs))
    rows = [
        {
            "version_id": version_id,
            "old_code": row.old_code,
            "new_code": row.new_code,
            "households": None if pd.isna(row.households) else int(row.households),
            "area_m2": float(row.area),
        }
        for name, (_, key) in NUMBERED.items()
        for row in passed_on(old, new[name], key=key, area=area).itertuples()
    ]
    if rows:
        connection.execute(sa.insert(tables.lineage), rows)


def spent_in(connection: Connection, network: str, zones: Collection[str]) -> set[str]:
    """Codes ever confirmed in some zones: those that begin with the code of one."""
    code, out = tables.code.c, set()
    for zone in zones:
        asked = sa.select(code.code).where(code.network == network, code.code >= zone, code.code < f"{zone}:")
        out |= set(connection.scalars(asked))
    return out


def _fresh(connection: Connection, name: str, parts: Parts, before: Parts) -> set[str]:
    return _codes(connection, name, parts.values()) - _codes(connection, name, before.values())


def _codes(connection: Connection, name: str, parts: Collection[int]) -> set[str]:
    table, key = NUMBERED[name]
    out: set[str] = set()
    for part in parts:
        out |= set(connection.scalars(sa.select(table.c[key]).where(table.c.part_id == part)))
    return out


def _replaced(
    connection: Connection, parts: Parts, name: str, clash: set[str], spent: Collection[str], layout: CodeLayout
) -> dict[str, int]:
    """Parts with other codes in the place of those that clash."""
    hit = [part for zone, part in parts.items() if any(code.startswith(zone) for code in clash)]
    crs = str(store_crs(connection))
    division = Division.with_layers(load_parts(connection, hit, layers=STORED, crs=crs), info={}, crs=crs)
    codes = getattr(division, name)[NUMBERED[name][1]]
    kept = {code: code for code in codes if code not in clash}
    new = numbered(division, name, kept, spent=spent, layout=layout)
    division = recoded(division, new) if name == "grids" else micro_recoded(division, new)
    return save_parts(connection, {layer: getattr(division, layer) for layer in STORED})
