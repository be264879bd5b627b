"""Edits of drafts against what the events tell, and where parts lie against their shapes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import shapely
from sqlalchemy.engine import Connection

from gridgis.registry import tables
from gridgis.registry.audit_review import Key, Said, unlike
from gridgis.registry.digests import edit_digest
from gridgis.registry.events import AT_ONCE, as_it_stands

EDITED = "version.edited"
KINDS = frozenset({EDITED, "version.submitted"})
"""Events that tell of an edit: a version that is handed in may get other codes."""


def of_an_edit(kind: str, body: Mapping[str, Any]) -> bool:
    """Whether an event tells of an edit."""
    return kind in KINDS and "edits" in body


def edits(connection: Connection, said: Mapping[int, Said], altered: Collection[int]) -> Iterator[str]:
    """Edits that are not as the events say.

    Parameters
    ----------
    said : what events tell, by number
    altered : numbers of events that were altered: of what they told nothing is held against anything
    """
    told: dict[Any, Key] = {
        seq: (one.subject, one.body.get("number"), one.actor, one.at, one.body["edits"])
        for seq, one in said.items()
        if of_an_edit(one.kind, one.body)
    }
    yield from unlike("edit", told, _rows(connection), altered)


def boxes(connection: Connection) -> Iterator[str]:
    """Parts that lie elsewhere than their shape does."""
    part, shape = tables.part, tables.shape
    asked = as_it_stands(part.c.id, *(part.c[side] for side in tables.BOX), shape.c.wkb)
    joined = asked.select_from(part.join(shape, shape.c.id == part.c.shape_id))
    for row in connection.execute(joined.execution_options(yield_per=AT_ONCE)):
        if tuple(row[1:-1]) != _box(row.wkb):
            yield f"part {row.id} is told to lie elsewhere than it does"


def _box(wkb: object) -> tuple[float, ...] | None:
    """West, south, east and north of a shape; None where it is none: that is told of the shape."""
    if not isinstance(wkb, bytes):
        return None
    found = shapely.from_wkb(wkb, on_invalid="ignore")
    return None if found is None else tuple(map(float, found.bounds))


def _rows(connection: Connection) -> dict[Any, Key]:
    """Edits with the digest of what they say, by the number of their event; such of which two have one as none has."""
    zones = _zones(connection)
    out: dict[Any, Key] = {}
    for one in connection.execute(as_it_stands(*tables.edit.c)):
        row = one._asdict()
        key = (row["version_id"], row["number"])
        told = (str(key[0]), key[1], row["actor"], row["at"], edit_digest(row, zones.pop(key, [])))
        out[row["event_seq"]] = told if row["event_seq"] not in out else ()
    return out | {f"of edit {number} of version {version}": () for version, number in zones}


def _zones(connection: Connection) -> dict[Key, list[dict[str, Any]]]:
    """The zones of each edit with the digests of their parts, as they are told; of parts that are not their number."""
    part = tables.part.c
    digest = {row.id: row.digest for row in connection.execute(as_it_stands(part.id, part.digest))}
    out: dict[Key, list[dict[str, Any]]] = {}
    for row in connection.execute(as_it_stands(*tables.edit_zone.c)):
        sides = {"before": row.before_part, "after": row.after_part}
        told = {side: digest.get(number, number) for side, number in sides.items()}
        zone = {"zone_code": row.zone_code, **told}
        out.setdefault((row.version_id, row.number), []).append(zone)
    return out
