"""Which zones of a version an edit is about, found without loading them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.codes import ZONE_DIGITS
from gridgis.registry import tables
from gridgis.registry.parts import AT_ONCE
from gridgis.registry.versions import Version

Bounds = tuple[float, float, float, float]


def zones_under(connection: Connection, version: Version, *, bounds: Bounds) -> list[str]:
    """Zones whose box meets another one, in the order of their codes.

    Parameters
    ----------
    bounds : west, south, east, north in the CRS of the store
    """
    west, south, east, north = bounds
    part = tables.part.c
    meets = sa.and_(part.west <= east, part.east >= west, part.south <= north, part.north >= south)
    return _zones(connection, version, meets)


def zones_beside(connection: Connection, version: Version, *, zone_code: str) -> list[str]:
    """A zone, where it is there, and those whose box meets its own."""
    part, zone = tables.part.c, tables.version_zone.c
    box = sa.select(*(part[side] for side in tables.BOX)).join(zone.part_id.table, zone.part_id == part.id)
    own = connection.execute(box.where(zone.version_id == version.id, zone.zone_code == zone_code)).first()
    return zones_under(connection, version, bounds=tuple(own)) if own is not None else []


def zones_of_atoms(connection: Connection, version: Version, *, atoms: Collection[str]) -> list[str]:
    """Zones in which some atoms lie, in the order of their codes; of an atom that is nowhere none is told."""
    atom, zone, found = tables.atom.c, tables.version_zone.c, set()
    names = sorted(set(atoms))
    asked = (
        sa.select(zone.zone_code).join(tables.atom, atom.part_id == zone.part_id).where(zone.version_id == version.id)
    )
    for k in range(0, len(names), AT_ONCE):
        found |= set(connection.scalars(asked.where(atom.atom_id.in_(names[k : k + AT_ONCE]))))
    return sorted(found)


def zone_codes(connection: Connection, version: Version) -> frozenset[str]:
    """Codes of all zones of a version, and of those in which a code was ever confirmed: none is free for a new one."""
    zone, code = tables.version_zone.c, tables.code.c
    there = connection.scalars(sa.select(zone.zone_code).where(zone.version_id == version.id))
    own = sa.and_(code.network == version.network, code.code.startswith(version.district, autoescape=True))
    ever = connection.scalars(sa.select(sa.func.substr(code.code, 1, ZONE_DIGITS)).where(own).distinct())
    return frozenset({*there, *ever})


def extent(connection: Connection, version: Version) -> Bounds | None:
    """West, south, east and north of all zones of a version."""
    part, zone, least, most = tables.part.c, tables.version_zone.c, sa.func.min, sa.func.max
    sides = (least(part.west), least(part.south), most(part.east), most(part.north))
    found = connection.execute(
        sa.select(*sides).join(tables.version_zone, zone.part_id == part.id).where(zone.version_id == version.id)
    ).one()
    return None if None in found else (found[0], found[1], found[2], found[3])


def _zones(connection: Connection, version: Version, where: Any) -> list[str]:
    part, zone = tables.part, tables.version_zone
    asked = sa.select(zone.c.zone_code).join(part, part.c.id == zone.c.part_id)
    return list(connection.scalars(asked.where(zone.c.version_id == version.id, where).order_by(zone.c.zone_code)))
