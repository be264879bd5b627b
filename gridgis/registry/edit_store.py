"""An edit put into a store: parts of the zones that it changed, its rows, and the event that tells of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import rfc8785
import shapely
import sqlalchemy as sa
from pyproj import CRS
from sqlalchemy.engine import Connection

from gridgis.crs import unit_m
from gridgis.geometry.borders import shared_edges
from gridgis.geometry.stitch import BENT_M
from gridgis.registry import tables
from gridgis.registry.digests import edit_digest
from gridgis.registry.edit_log import NUMBER, UNDO, Border, Entry, last_number, locked_by
from gridgis.registry.parts import parts_of
from gridgis.registry.store import Conflict, store_crs
from gridgis.registry.versions import Version, content_digest, recorded
from gridgis.registry.zone_changes import Made
from gridgis.registry.zone_rows import Key, Row, Stands, ZoneRows, shapes_of, store_rows, with_shapes
from gridgis.registry.zone_stitches import Zones, sewn


class Told(NamedTuple):
    """What the row of an edit says; see :class:`gridgis.registry.edit_log.Entry`."""

    action: str
    asked: Mapping[str, Any]
    actor: str
    at: str
    seen: int
    undoes: int | None
    codes: tuple[str, ...]


class Stored(NamedTuple):
    """An edit whose parts are in the store: its rows, and their digest by which an event tells of them."""

    row: dict[str, Any]
    zones: list[dict[str, Any]]
    digest: str

    @property
    def number(self) -> int:
        """Of the edit in its version."""
        return int(self.row["number"])

    @property
    def codes(self) -> dict[str, str]:
        """Codes that grids and micro-grids got by it, by those that they had."""
        return dict(json.loads(self.row["asked"]).get("codes", {}))

    @property
    def body(self) -> dict[str, Any]:
        """What an event tells of it."""
        return {"number": self.number, "edits": self.digest}


def kept(
    connection: Connection,
    version: Version,
    told: Told,
    stood: Mapping[str, ZoneRows],
    made: Mapping[str, Made],
    *,
    sew: bool = True,
) -> int:
    """Keep an edit with the event that tells of it; give its number.

    Parameters
    ----------
    stood : rows of zones before
    made : what the edit made of them
    sew : put vertices into neighbours that lack them

    Raises
    ------
    Conflict
        With every grid or border that is locked.
    """
    stored = stored_edit(connection, version, told, stood, made, sew=sew)
    body = {
        "before": version.state,
        "action": told.action,
        "undoes": told.undoes,
        "codes": list(told.codes),
        "content": content_digest(connection, version.id),
        **stored.body,
    }
    seq = recorded(connection, version, "edited", actor=told.actor, at=told.at, body=body)
    written(connection, stored, seq)
    return stored.number


def stored_edit(
    connection: Connection,
    version: Version,
    told: Told,
    stood: Mapping[str, ZoneRows],
    made: Mapping[str, Made],
    *,
    sew: bool = True,
) -> Stored:
    """Let a version hold what an edit makes of it; what it takes is as for :func:`kept`."""
    crs = str(store_crs(connection))
    before: Zones = dict(stood)
    after: Zones = {zone: one.rows for zone, one in made.items()}
    if sew:
        before, after = sewn(connection, version.id, stood, made, crs=crs)
    if after and told.action != NUMBER:
        refuse_locked(connection, version, told, before, after, crs=crs)
    was = parts_of(connection, version.id, zones=after)
    now = {
        zone: None if rows is None else _part(connection, rows, before.get(zone), was.get(zone))
        for zone, rows in after.items()
    }
    changed = sorted(zone for zone in now if now[zone] != was.get(zone))
    _hold(connection, version.id, {zone: now[zone] for zone in changed})
    row = {
        "version_id": version.id,
        "number": last_number(connection, version.id) + 1,
        "actor": told.actor,
        "at": told.at,
        "action": told.action,
        "asked": rfc8785.dumps(dict(told.asked)).decode(),
        "seen": told.seen,
        "undoes": told.undoes,
        "codes": json.dumps(told.codes),
    }
    zones = [{"zone_code": zone, "before_part": was.get(zone), "after_part": now[zone]} for zone in changed]
    return Stored(row, zones, edit_digest(row, _with_digests(connection, zones)))


def written(connection: Connection, stored: Stored, event_seq: int) -> None:
    """Write the rows of an edit of which an event tells."""
    connection.execute(sa.insert(tables.edit), {**stored.row, "event_seq": event_seq})
    if stored.zones:
        key = {name: stored.row[name] for name in ("version_id", "number")}
        connection.execute(sa.insert(tables.edit_zone), [{**key, **zone} for zone in stored.zones])


def _part(connection: Connection, rows: ZoneRows, before: ZoneRows | None, part: int | None) -> int:
    if part is None or before is None:
        return store_rows(connection, rows)
    return part if rows is before else store_rows(connection, rows, like=Stands(part, before))


def _hold(connection: Connection, version_id: int, parts: Mapping[str, int | None]) -> None:
    if parts:
        connection.execute(_LET_GO, {"version": version_id, "zones": list(parts)})
    rows = [{"version_id": version_id, "zone_code": code, "part_id": part} for code, part in parts.items() if part]
    if rows:
        connection.execute(sa.insert(tables.version_zone), rows)


_LET_GO = sa.delete(tables.version_zone).where(
    tables.version_zone.c.version_id == sa.bindparam("version"),
    tables.version_zone.c.zone_code.in_(sa.bindparam("zones", expanding=True)),
)


def _with_digests(connection: Connection, zones: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of zones with the digests of their parts, which say more than numbers."""
    rows = list(zones)
    numbers = {number for row in rows for number in (row["before_part"], row["after_part"]) if number is not None}
    found = connection.execute(_DIGESTS, {"parts": list(numbers)})
    digest = {number: bytes(one) for number, one in found}
    return [
        {"zone_code": row["zone_code"], **{side: digest.get(row[f"{side}_part"]) for side in ("before", "after")}}
        for row in rows
    ]


_DIGESTS = sa.select(tables.part.c.id, tables.part.c.digest).where(
    tables.part.c.id.in_(sa.bindparam("parts", expanding=True))
)


# ---------------------------------------------------------------- locks
def refuse_locked(
    connection: Connection, version: Version, told: Told, before: Zones, after: Zones, *, crs: str
) -> None:
    """Refuse to change what is locked.

    A border is judged by its land, which may come to lie between other grids that are locked afterwards. What is taken
    back found the locks that are older than it: those need no more than what was border before.

    Raises
    ------
    Conflict
        With every touched grid that is locked, and every locked border that is none any more in all its length: by
        whom it was locked.
    """
    row = Entry(last_number(connection, version.id) + 1, **told._asdict(), in_effect=True)
    held, then = locked_by(connection, version.id, row)
    touched = {*told.codes}
    faults = {code: _told_locked(f"grid {code}", held.grids[code]) for code in sorted(touched & held.grids.keys())}
    found = told.undoes if told.action == UNDO and told.undoes else 0
    sides = [(pair, by, then, before, after) for pair, by in held.borders.items() if by.number > found]
    sides += [(pair, by, held, after, before) for pair, by in then.borders.items() if by.number < found]
    for pair, by, others, here, there in sorted(sides, key=lambda side: side[0]):
        near = sorted({pair, *(one for one in others.borders if touched.union(pair).intersection(one))})
        if touched.intersection(pair) and _moves(connection, version, pair, near, here, there, crs=crs):
            faults["-".join(pair)] = _told_locked(f"the border of {' and '.join(pair)}", by)
    if faults:
        cure = f"Let it be unlocked first: gridgis adjust unlock {version.id} {' '.join(faults)}"
        raise Conflict(f"{'; '.join(faults.values())}. {cure}")


def _told_locked(what: str, by: Entry) -> str:
    return f"{what} is locked by {by.actor} since {by.at} (edit {by.number})"


def _moves(
    connection: Connection,
    version: Version,
    pair: Border,
    then: Iterable[Border],
    before: Zones,
    after: Zones,
    *,
    crs: str,
) -> bool:
    """Whether a part of the common border of two grids is none of the borders `then`."""
    was = _common(connection, version, pair, before.keys(), before)
    near = BENT_M / unit_m(CRS.from_user_input(crs))
    if was.is_empty:
        return False
    now = shapely.union_all([_common(connection, version, one, before.keys(), after) for one in then])
    return not shapely.difference(was, shapely.buffer(now, near)).is_empty


def _common(
    connection: Connection, version: Version, pair: Border, changed: Collection[str], zones: Zones
) -> shapely.Geometry:
    """The common border of two grids, empty where they have none; of zones that do not change as they stand."""
    there: dict[Key, Row] = {
        code: rows["grids"][code] for rows in zones.values() if rows for code in pair if code in rows["grids"]
    }
    grid, zone = tables.grid, tables.version_zone
    asked = sa.select(grid.c.grid_code, grid.c.shape_id).join(zone, zone.c.part_id == grid.c.part_id)
    asked = asked.where(zone.c.version_id == version.id, grid.c.grid_code.in_(pair), zone.c.zone_code.not_in(changed))
    there |= {str(code): Row((), b"", number) for code, number in connection.execute(asked)}
    if len(there) < 2:
        return shapely.MultiLineString()
    edges = shared_edges(shapes_of(with_shapes(connection, {"grids": there})["grids"].values()))
    return shapely.line_merge(shapely.multilinestrings(edges.lines((edges.left >= 0) & (edges.right >= 0))))
