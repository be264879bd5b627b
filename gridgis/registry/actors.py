"""Who may act, in which role and where."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry import tables
from gridgis.registry.digests import store_digest
from gridgis.registry.events import record

LONGEST = 100
"""Characters of the longest name of an actor."""

DRAWS = ("submitter", "planner")
"""Roles that may draft and edit."""


@dataclass(frozen=True)
class Actor:
    """Somebody who may act, or might until `ended_at`; see :data:`gridgis.registry.tables.actor`."""

    name: str
    role: str
    area: str
    created_at: str
    ended_at: str | None


def actors(connection: Connection) -> list[Actor]:
    """All who may act or ever might, by their names."""
    asked = sa.select(tables.actor).order_by(tables.actor.c.name)
    return sorted((Actor(**row._asdict()) for row in connection.execute(asked)), key=lambda one: one.name)


def add_actor(connection: Connection, name: str, *, role: str, area: str = "", by: str, at: str) -> None:
    """Let somebody act: `role` in the places whose codes begin with `area`, everywhere where it is empty.

    Raises
    ------
    InputRefused
        Where the name is taken, empty or too long, the role unknown, the area no beginning of a code.
    """
    faults = []
    if not name.strip():
        faults.append(Fault("actor", "", "has no name", "Give one"))
    if len(name) > LONGEST:
        faults.append(Fault("actor", f"{name[:20]}…", f"name of {len(name)} characters", f"Take at most {LONGEST}"))
    if role not in tables.ROLES:
        faults.append(Fault("actor", name, f"role {role!r} is none", f"Take one of {', '.join(tables.ROLES)}"))
    if not re.fullmatch(r"[0-9]{0,12}", area):
        faults.append(Fault("actor", name, f"area {area!r} is no beginning of a code", "Give up to 12 digits"))
    if not faults and connection.scalar(sa.select(tables.actor.c.name).where(tables.actor.c.name == name)):
        faults.append(Fault("actor", name, "is there already", "Take another name"))
    if faults:
        raise InputRefused(faults)
    row = {"name": name, "role": role, "area": area, "created_at": at}
    connection.execute(sa.insert(tables.actor).values(row))
    body = {"role": role, "area": area, **store_digest(connection)}
    record(connection, at=at, actor=by, kind="actor.added", subject=name, body=body)


def end_actor(connection: Connection, name: str, *, by: str, at: str) -> None:
    """Let somebody act no more; what he did stays, and his name is not given to another.

    Raises
    ------
    InputRefused
        Where there is no such actor, his right has ended, he is the last administrator of everything, or the one who
        does it is no administrator of his area.
    """
    one = known(connection, name)
    allowed(connection, by, "administrator", area=one.area)
    if one.ended_at is not None:
        raise InputRefused([Fault("actor", name, f"ended {one.ended_at}", "See: gridgis actor list")])
    chiefs = [chief for chief in actors(connection) if (chief.role, chief.area) == ("administrator", "")]
    if [chief.name for chief in chiefs if chief.ended_at is None] == [name]:
        problem = "is the last administrator of everything: nobody could let others act"
        raise InputRefused([Fault("actor", name, problem, "Add another one first")])
    connection.execute(sa.update(tables.actor).where(tables.actor.c.name == name).values(ended_at=at))
    record(connection, at=at, actor=by, kind="actor.ended", subject=name, body={"before": "known"})


def allowed(
    connection: Connection, name: str, role: str | tuple[str, ...] | None, *, area: str, who: Actor | None = None
) -> str:
    """Raise where somebody has not the role in a place; give the area of his right.

    Parameters
    ----------
    role : one of several where it is a tuple; any where None
    who : the actor, where :func:`known` has given him in this transaction
    """
    row = _acting(connection, name, role, who=who)
    if not area.startswith(row.area):
        place = area or "every district"
        problem = f"may act in {row.area}, not in {place}"
        cure = f"Let {with_article(_wanted(role))} of {place} do it"
        raise InputRefused([Fault("actor", name, problem, cure)])
    return row.area


def allowed_in_some(connection: Connection, name: str, role: str | tuple[str, ...], *, areas: Collection[str]) -> None:
    """Raise where somebody has not the role in any of some places."""
    row = _acting(connection, name, role)
    if not any(area.startswith(row.area) for area in areas):
        allowed(connection, name, role, area=min(areas, default=""))


def _acting(connection: Connection, name: str, role: str | tuple[str, ...] | None, who: Actor | None = None) -> Actor:
    """Somebody who may act in a role now, wherever that is."""
    row, wanted = known(connection, name) if who is None else who, _wanted(role)
    if row.ended_at is not None:
        cure = f"Let another {wanted} do it: gridgis actor list"
        raise InputRefused([Fault("actor", name, f"may not act since {row.ended_at}", cure)])
    if role is not None and row.role not in _roles(role):
        raise InputRefused([Fault("actor", name, f"is {row.role}, not {wanted}", f"Let {with_article(wanted)} do it")])
    return row


def _roles(role: str | tuple[str, ...]) -> tuple[str, ...]:
    return (role,) if isinstance(role, str) else role


def _wanted(role: str | tuple[str, ...] | None) -> str:
    """The role that is told where somebody has it not."""
    return _roles(role)[0] if role else "person"


def with_article(role: str) -> str:
    """A role with its article."""
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"


def known(connection: Connection, name: str) -> Actor:
    """An actor by name, also one who may act no more.

    Raises
    ------
    InputRefused
        Where there is none.
    """
    row = connection.execute(_BY_NAME, {"actor": name}).first()
    if row is None:
        cure = "Make it known with: gridgis actor add"
        raise InputRefused([Fault("actor", name, "is not known in this store", cure)])
    return Actor(**row._asdict())


_BY_NAME = sa.select(tables.actor).where(tables.actor.c.name == sa.bindparam("actor"))
