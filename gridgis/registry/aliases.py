"""Corrections of addresses that somebody chose: the newest for a text holds, and none is lost but by law."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import pandas as pd
import rfc8785
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry import tables
from gridgis.registry.actors import allowed
from gridgis.registry.entries import ERASED, Change, carry_out
from gridgis.registry.events import record, salted
from gridgis.registry.store import following

COLUMNS = ("text_key", "text", "address", "x", "y", "actor", "at")
PERSONAL = COLUMNS[:5]
"""What can be erased: a caller's words, and the place that he meant."""


def remember(
    connection: Connection, text_key: str, *, text: str, address: str, x: float, y: float, actor: str, at: str
) -> int:
    """Remember where a text is meant to be.

    Parameters
    ----------
    text_key : the text as it is looked up
    text : as it was written
    address : that was chosen
    x, y : of the place, in the CRS of the store

    Raises
    ------
    InputRefused
        Where the text is empty, the place is no place, or the actor may not act.
    """
    allowed(connection, actor, None, area="")
    if not text_key.strip() or not abs(x) + abs(y) < float("inf"):
        raise InputRefused([Fault("alias", text, "has no text or no place", "Choose one of the candidates")])
    number = following(connection, tables.alias)
    values = dict(zip(COLUMNS, (text_key, text, address, float(x), float(y), actor, at), strict=True))
    salt = secrets.token_bytes(16)
    row = {"id": number, **values, "salt": salt, "digest": alias_digest(values, salt)}
    change = Change(added={"alias": [row]})
    carry_out(connection, change, kind="alias.made", subject=str(number), actor=actor, at=at)
    return number


def forget(connection: Connection, text_key: str, *, actor: str, at: str) -> int:
    """Erase by law all that was ever remembered of a text, its words and its place; the chain of events holds.

    Returns
    -------
    int
        How many corrections were erased.

    Raises
    ------
    InputRefused
        Where nothing is remembered, an older version remembered it for good, or the actor is no administrator of
        everything.
    """
    allowed(connection, actor, "administrator", area="")
    c = tables.alias.c
    found = connection.execute(sa.select(c.id, c.digest).where(c.text_key == text_key, c.text_key != "")).all()
    if not found:
        cure = "Write it as it was written when it was chosen"
        raise InputRefused([Fault("alias", "", "nothing is remembered of this text", cure)])
    if any(row.digest is None for row in found):
        problem = "was remembered by an older version, whose events tell of the text itself"
        raise InputRefused([Fault("alias", "", problem, "Draw up a new store without it")])
    numbers = sorted(int(row.id) for row in found)
    connection.execute(sa.update(tables.alias).where(c.id.in_(numbers)).values(ERASED["alias"]))
    record(connection, at=at, actor=actor, kind="alias.erased", subject=str(numbers[0]), body={"alias": numbers})
    return len(numbers)


def key_of(connection: Connection, seq: int) -> str | None:
    """The text that an event remembered, as it is looked up; None where it remembered none."""
    asked = sa.select(tables.alias.c.text_key).where(tables.alias.c.event_seq == seq)
    found: str | None = connection.scalar(asked)
    return found


def alias_digest(row: Mapping[str, Any], salt: bytes) -> bytes:
    """The salted digest of what can be erased of a correction."""
    return bytes.fromhex(salted(salt, rfc8785.dumps({name: row[name] for name in PERSONAL}).decode()))


def aliases(connection: Connection) -> pd.DataFrame:
    """What holds of each text: :data:`COLUMNS`, by `text_key`."""
    newest = sa.select(sa.func.max(tables.alias.c.id)).where(tables.alias.c.text_key != "")
    newest = newest.group_by(tables.alias.c.text_key)
    asked = sa.select(*(tables.alias.c[name] for name in COLUMNS)).where(tables.alias.c.id.in_(newest))
    rows = connection.execute(asked.order_by(tables.alias.c.text_key)).all()
    return pd.DataFrame(rows, columns=list(COLUMNS))
