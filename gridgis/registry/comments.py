"""Comments on a version, pinned to a place of it, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.geometry.noding import as_array
from gridgis.registry import tables
from gridgis.registry.actors import allowed
from gridgis.registry.events import remarks
from gridgis.registry.parts import load_parts, parts_of
from gridgis.registry.store import following, store_crs
from gridgis.registry.versions import Version, changed_zones, ground, recorded
from gridgis.schema import KEYS

PINNED = ("zones", "grids", "microgrids")
"""Layers that a comment may be pinned to."""


@dataclass(frozen=True)
class Comment:
    """What somebody said of a place, and what was answered; a text is None where it was erased.

    Attributes
    ----------
    code, other_code : the grid, micro-grid or zone, or the two grids of a border
    """

    id: int
    code: str
    other_code: str | None
    actor: str
    at: str
    text: str | None
    answered_by: str | None
    answered_at: str | None
    answer: str | None

    @property
    def place(self) -> str:
        """Where it is pinned, in words."""
        return self.code if self.other_code is None else f"the border of {self.code} and {self.other_code}"


def comment(
    connection: Connection, version: Version, text: str, *, code: str, other_code: str | None, actor: str, at: str
) -> Comment:
    """Pin a comment to a grid, a micro-grid, a zone, or the border between two grids.

    Raises
    ------
    InputRefused
        Where there is no such place in the version, nothing is said, the version is decided, or the actor unknown.
    """
    allowed(connection, actor, None, area=ground(version, changed_zones(connection, version)))
    _refuse_place(connection, version, code, other_code)
    _refuse_empty(text)
    if version.state in ("approved", "withdrawn"):
        raise InputRefused(
            [Fault("version", version.name, f"is {version.state}", "Comment on one that is not decided")]
        )
    number = following(connection, tables.comment)
    body = {"comment": number, "code": code, "other_code": other_code}
    seq = recorded(connection, version, "commented", actor=actor, at=at, body=body, private={"text": text})
    row = {"id": number, "version_id": version.id, "code": code, "other_code": other_code, "asked_seq": seq}
    connection.execute(sa.insert(tables.comment).values(row))
    return Comment(number, code, other_code, actor, at, text, None, None, None)


def answer(connection: Connection, version: Version, number: int, text: str, *, actor: str, at: str) -> None:
    """Answer a comment.

    Raises
    ------
    InputRefused
        Where there is no such comment on the version, it is answered, nothing is said, or the actor unknown.
    """
    allowed(connection, actor, None, area=ground(version, changed_zones(connection, version)))
    _refuse_empty(text)
    found = next((one for one in comments(connection, version.id) if one.id == number), None)
    if found is None or found.answered_by is not None:
        problem = f"is not there on version {version.name}" if found is None else "is answered already"
        raise InputRefused([Fault("comment", str(number), problem, "See: gridgis comments")])
    told = {"actor": actor, "at": at, "body": {"comment": number}, "private": {"text": text}}
    seq = recorded(connection, version, "answered", **told)  # type: ignore[arg-type]
    connection.execute(sa.update(tables.comment).where(tables.comment.c.id == number).values(answered_seq=seq))


def comments(connection: Connection, version_id: int) -> list[Comment]:
    """All comments on a version, in the order in which they were made."""
    c, asked, said = tables.comment.c, tables.event.alias("asked"), tables.event.alias("said")
    question = (
        sa.select(c.id, c.code, c.other_code, c.asked_seq, c.answered_seq, asked.c.actor, asked.c.at)
        .add_columns(said.c.actor.label("answered_by"), said.c.at.label("answered_at"))
        .join(asked, asked.c.seq == c.asked_seq)
        .outerjoin(said, said.c.seq == c.answered_seq)
        .where(c.version_id == version_id)
        .order_by(c.id)
    )
    rows = connection.execute(question).all()
    told = remarks(connection, [seq for row in rows for seq in (row.asked_seq, row.answered_seq) if seq is not None])
    return [
        Comment(
            row.id,
            row.code,
            row.other_code,
            row.actor,
            row.at,
            told.get((row.asked_seq, "text")),
            row.answered_by,
            row.answered_at,
            told.get((row.answered_seq, "text")),
        )
        for row in rows
    ]


def unanswered(connection: Connection, version_id: int) -> Sequence[Comment]:
    """Comments on a version that nobody has answered."""
    return [one for one in comments(connection, version_id) if one.answered_by is None]


def _refuse_empty(text: str) -> None:
    if not text.strip():
        raise InputRefused([Fault("comment", "", "says nothing", "Give a text")])


def _refuse_place(connection: Connection, version: Version, code: str, other_code: str | None) -> None:
    """Refuse a place that is not in the version: both codes of a border are of grids that have one."""
    parts = [part for zone, part in parts_of(connection, version.id).items() if _in(zone, code, other_code)]
    found = load_parts(connection, parts, layers=PINNED, crs=str(store_crs(connection)))
    if other_code is None:
        if not any(code in set(found[name][KEYS[name]]) for name in PINNED):
            raise InputRefused([Fault("comment", code, f"is no code of version {version.name}", "See it exported")])
        return
    grids = found["grids"].set_index("grid_code").geometry
    two = [one for one in {code: 0, other_code: 0} if one in grids.index]
    border = shapely.intersection(*as_array(grids[two])) if len(two) == 2 else shapely.Point()
    if shapely.length(border) == 0:
        problem = f"has no border with {other_code} in version {version.name}"
        raise InputRefused([Fault("comment", code, problem, "Name two grids that lie side by side")])


def _in(zone: str, *codes: str | None) -> bool:
    return any(code is not None and code.startswith(zone) for code in codes)
