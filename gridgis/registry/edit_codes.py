"""Codes of grids that edits make: none is given twice while an edit that gave it is in effect, or can be again."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.adjust.draft import Draft, Edit
from gridgis.errors import Fault, InputRefused
from gridgis.lineage import free_numbers
from gridgis.registry import tables
from gridgis.registry.edit_log import history
from gridgis.registry.zone_changes import Change
from gridgis.registry.zone_rows import Key, Row, ZoneRows
from gridgis.schema import KEYS

Codes = Mapping[str, str]
"""The code that a grid gets in place of another."""


def reserved(connection: Connection, version_id: int, zones: Collection[str]) -> set[str]:
    """Codes of grids of zones that edits of a version touched which are in effect, or can be again."""
    e, z = tables.edit.c, tables.edit_zone.c
    mine = sa.select(z.number).where(z.version_id == version_id, z.zone_code.in_(zones))
    asked = sa.select(e.number, e.codes).where(e.version_id == version_id, e.undoes.is_(None), e.number.in_(mine))
    found = connection.execute(asked).all()
    dead = history(connection, version_id).dead if found else set()
    told = (code for number, codes in found if number not in dead for code in json.loads(codes))
    return {code for code in told if code.startswith(tuple(zones))}


def new_codes(edit: Edit) -> set[str]:
    """Codes of the grids that an edit makes."""
    return {*edit.after.division.grids["grid_code"]} - {*edit.before.division.grids["grid_code"]}


def free_codes(connection: Connection, version_id: int, edit: Edit, stood: Mapping[str, ZoneRows]) -> dict[str, str]:
    """The next free code of each grid that an edit makes, where its code was taken since the draft was opened.

    Raises
    ------
    InputRefused
        Where a zone has no number left.
    """
    new = new_codes(edit)
    if not new:
        return {}
    layout, draft = edit.before.profile.codes, edit.after
    zones = {code[: layout.zone_digits] for code in new}
    there = {str(code) for zone in zones & stood.keys() for code in stood[zone]["grids"]}
    taken = there | reserved(connection, version_id, zones)
    known = taken | {*edit.before.spent, *draft.division.grids["grid_code"]}
    out: dict[str, str] = {}
    for code in sorted(new & taken):
        out[code] = _next(draft, code, known)
        known.add(out[code])
    return out


def _next(draft: Draft, code: str, known: Collection[str]) -> str:
    layout, grids = draft.profile.codes, draft.division.grids
    zone = code[: layout.zone_digits]
    kind = grids["kind"].to_numpy(dtype=object)[grids["grid_code"] == code][0]
    length = layout.zone_digits + layout.sequence_digits
    taken = {int(one[layout.zone_digits :]) for one in known if len(one) == length and one.startswith(zone)}
    low, high = layout.sequence[kind]
    number = next(free_numbers(taken, low, high), None)
    if number is None:
        problem = f"no number of {low} to {high} is left for its grids"
        raise InputRefused([Fault("zones", zone, problem, "Widen the numbers in the profile, or merge before")])
    return f"{zone}{number:0{layout.sequence_digits}d}"


def change_under(change: Change, codes: Codes) -> Change:
    """A change whose new grids have other codes."""
    if not codes:
        return change
    out: dict[str, dict[Key, tuple[Row | None, Row | None]]] = {}
    for name, rows in change.items():
        mine = out.setdefault(name, {})
        for key, (old, new) in rows.items():
            row = None if new is None else _under(name, new, codes)
            if old is None and row is not None:
                mine[_key(name, key, row)] = (None, row)
            else:
                mine[key] = (old, row)
    return out


def rows_under(rows: ZoneRows, codes: Codes) -> ZoneRows:
    """Rows of a zone whose new grids have other codes."""
    if not codes:
        return rows
    return {
        name: {_key(name, key, row): row for key, row in ((k, _under(name, r, codes)) for k, r in layer.items())}
        for name, layer in rows.items()
    }


def _key(name: str, key: Key, row: Row) -> Key:
    return str(row.of(name, KEYS[name])) if name in KEYS else key


def _under(name: str, row: Row, codes: Codes) -> Row:
    """A row with the codes of its grid and micro-grid under another, and its name where it ends on the number."""
    if name not in ("grids", "microgrids", "atoms"):
        return row
    was = str(row.of(name, "grid_code"))
    now = codes.get(was)
    if now is None:
        return row
    put = {"grid_code": now}
    if name == "grids":
        text, number = row.of(name, "name"), len(was) - _same(was, now)
        if isinstance(text, str) and text.endswith(was[-number:]):
            put["name"] = text[:-number] + now[-number:]
    else:
        put["microgrid_code"] = now + str(row.of(name, "microgrid_code"))[len(now) :]
    return row.put(name, **put)


def _same(one: str, two: str) -> int:
    """How many signs two codes begin with alike."""
    return next((k for k, (a, b) in enumerate(zip(one, two, strict=True)) if a != b), len(one))
