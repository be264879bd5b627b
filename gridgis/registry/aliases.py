"""Corrections of addresses that somebody chose: the newest for a text holds, and none is ever lost."""

from __future__ import annotations

import secrets

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry import tables
from gridgis.registry.actors import allowed
from gridgis.registry.entries import Change, carry_out
from gridgis.registry.store import following

COLUMNS = ("text_key", "text", "address", "x", "y", "actor", "at")


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
    change = Change(added={"alias": [{"id": number, **values, "salt": secrets.token_bytes(16)}]})
    carry_out(connection, change, kind="alias.made", subject=str(number), actor=actor, at=at)
    return number


def aliases(connection: Connection) -> pd.DataFrame:
    """What holds of each text: :data:`COLUMNS`, by `text_key`."""
    newest = sa.select(sa.func.max(tables.alias.c.id)).group_by(tables.alias.c.text_key)
    asked = sa.select(*(tables.alias.c[name] for name in COLUMNS)).where(tables.alias.c.id.in_(newest))
    rows = connection.execute(asked.order_by(tables.alias.c.text_key)).all()
    return pd.DataFrame(rows, columns=list(COLUMNS))
