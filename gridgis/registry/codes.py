"""The life of a code: confirmed once, in force while versions carry it, retired and never used again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry import tables
from gridgis.registry.numbering import NUMBERED
from gridgis.registry.versions import DISTRICT_DIGITS


@dataclass(frozen=True)
class Passage:
    """What one grid passed on to another; households are None where they are not known."""

    code: str
    at: str
    households: int | None
    area_m2: float


@dataclass(frozen=True)
class Life:
    """All that is known of a code.

    Attributes
    ----------
    begins, ends : from when it is in force (None: never, the version that confirmed it was revoked), and from when it
        no longer is (None: it still is)
    came_from, went_to : other grids from which it took land, and which took land of it
    """

    code: str
    network: str
    begins: str | None
    ends: str | None
    came_from: tuple[Passage, ...]
    went_to: tuple[Passage, ...]


def life(connection: Connection, code: str, *, network: str) -> Life:
    """Tell the life of a code.

    Raises
    ------
    InputRefused
        Where the code was never confirmed in the network.
    """
    t = tables.code.c
    version_id = connection.scalar(sa.select(t.version_id).where(t.network == network, t.code == code))
    if version_id is None:
        cure = "Look at the network, and whether the version with it is approved"
        raise InputRefused([Fault("code", code, f"was never confirmed in network {network}", cure)])
    v = tables.version
    begins = connection.scalar(sa.select(v.c.effective_from).where(v.c.id == version_id))
    of, to = tables.lineage.c.old_code, tables.lineage.c.new_code
    return Life(
        code,
        network,
        begins,
        _ends(connection, code, network=network),
        _passages(connection, to == code, of, code, network=network),
        _passages(connection, of == code, to, code, network=network),
    )


def confirmed(connection: Connection, district: str, *, network: str) -> dict[str, str | None]:
    """Every code of a district that was ever confirmed, with the time from which it is in force (None as in a life)."""
    c, v = tables.code.c, tables.version
    asked = sa.select(c.code, v.c.effective_from).join(v, v.c.id == c.version_id).where(c.network == network)
    found = connection.execute(asked.where(c.code.startswith(district, autoescape=True)))
    return {row.code: row.effective_from for row in found}


def beginnings(connection: Connection, codes: Collection[str], *, network: str) -> dict[str, str]:
    """When each of some codes came into force; those that never did are left out."""
    wanted = set(codes)
    out: dict[str, str] = {}
    for district in sorted({code[:DISTRICT_DIGITS] for code in codes}):
        found = confirmed(connection, district, network=network).items()
        out |= {code: begins for code, begins in found if begins is not None and code in wanted}
    return out


def _ends(connection: Connection, code: str, *, network: str) -> str | None:
    """When the first version came into force that has the code no longer."""
    v, zone = tables.version, tables.version_zone
    carriers = [sa.select(table.c.part_id).where(table.c[key] == code) for table, key in NUMBERED.values()]
    has = sa.select(zone.c.version_id).where(zone.c.part_id.in_(sa.union_all(*carriers)))
    mine = sa.and_(v.c.network == network, v.c.district == code[:DISTRICT_DIGITS], v.c.state == "approved")
    last = connection.scalar(sa.select(sa.func.max(v.c.effective_from)).where(mine, v.c.id.in_(has)))
    if last is None:
        return None
    return connection.scalar(sa.select(sa.func.min(v.c.effective_from)).where(mine, v.c.effective_from > last))


def _passages(
    connection: Connection, condition: sa.ColumnElement[bool], other: sa.Column[str], code: str, *, network: str
) -> tuple[Passage, ...]:
    line, v = tables.lineage, tables.version
    asked = (
        sa.select(other, v.c.effective_from, line.c.households, line.c.area_m2)
        .join(v, v.c.id == line.c.version_id)
        .where(condition, other != code, v.c.network == network, v.c.state == "approved")
        .order_by(v.c.effective_from, other)
    )
    return tuple(Passage(*row) for row in connection.execute(asked))
