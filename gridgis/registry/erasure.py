"""Erasure by law: what somebody wrote goes, the chain of events that tells of it holds."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry.events import record
from gridgis.registry.tables import event, remark, version


def erase(connection: Connection, seq: int, field: str, *, actor: str, at: str) -> None:
    """Erase what somebody wrote, with the salt by which it could be guessed; that is an event, and the chain holds.

    Raises
    ------
    InputRefused
        Where there is no such text, or it was erased.
    """
    mine = sa.and_(remark.c.event_seq == seq, remark.c.field == field)
    if connection.scalar(sa.select(remark.c.text).where(mine)) is None:
        problem = f"has no {field} that could be erased"
        raise InputRefused([Fault("event", str(seq), problem, "Name the event and the field that hold the text")])
    connection.execute(sa.update(remark).where(mine).values(text=None, salt=b""))
    if field == "note":
        drafted = connection.scalar(sa.select(event.c.subject).where(event.c.seq == seq))
        connection.execute(sa.update(version).where(version.c.id == int(str(drafted))).values(note=""))
    record(connection, at=at, actor=actor, kind="remark.erased", subject=str(seq), body={"field": field})
