"""What an administrator looks at: who may act in his area, what was done there, and who saw whose data.

Invariant: nothing is given of what lies outside his area. An event lies in it that was done by somebody whose right
lies in it, or to such a one, to a version of a district in it, to a case in it, or to a person with a post in it. What
is read is the chain of events; nothing of it is private.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.registry.events import Event
from gridgis.registry.tables import account, actor, event, post, report, session, version

READING = (".read", ".exported")
"""How the kinds of events end by which somebody saw private data."""


@dataclass(frozen=True)
class User:
    """Somebody who may act, or might, and how he signs in.

    Attributes
    ----------
    signs_in : "password", "provider", "both", or "" where he cannot
    given_password : whether he has still to change one that was given to him
    since : when his right began
    second_factor_since : since when he is asked for a code
    seen_at : when he was last heard of, of those who are signed in
    """

    name: str
    role: str
    area: str
    since: str
    ended_at: str | None
    signs_in: str
    given_password: bool
    second_factor_since: str | None
    locked_until: str | None
    seen_at: str | None


def users(connection: Connection, *, area: str, name: str | None = None) -> list[User]:
    """All whose right lies in an area, those who may act first, by their names; or the one of a name."""
    seen = sa.select(sa.func.max(session.c.seen_at)).where(session.c.actor == actor.c.name, session.c.half.is_(None))
    own = [account.c[one] for one in ("password", "subject", "must_change", "totp_since", "locked_until")]
    asked = sa.select(actor, *own, seen.scalar_subquery().label("seen_at"))
    asked = asked.join(account, account.c.actor == actor.c.name, isouter=True).where(_begins(actor.c.area, area))
    if name is not None:
        asked = asked.where(actor.c.name == name)
    found = [_user(row) for row in connection.execute(asked)]
    return sorted(found, key=lambda one: (one.ended_at is not None, one.name))


def _user(row: sa.Row[tuple[object, ...]]) -> User:
    ways = {(True, True): "both", (True, False): "password", (False, True): "provider"}
    return User(
        name=row.name,
        role=row.role,
        area=row.area,
        since=row.created_at,
        ended_at=row.ended_at,
        signs_in=ways.get((row.password is not None, row.subject is not None), ""),
        given_password=bool(row.must_change),
        second_factor_since=row.totp_since,
        locked_until=row.locked_until,
        seen_at=row.seen_at,
    )


@dataclass(frozen=True)
class Sought:
    """Which events are looked for: all that fit everything that is said.

    Attributes
    ----------
    kind : or how kinds begin, such as "version."
    since, until : as :func:`gridgis.registry.store.as_utc` gives them; `until` is no more in it
    before : only events of smaller numbers, to go on from a page
    """

    kind: str = ""
    subject: str = ""
    actor: str = ""
    since: str | None = None
    until: str | None = None
    before: int | None = None


def sought(connection: Connection, what: Sought, *, area: str, limit: int) -> list[Event]:
    """Events of an area, the newest first."""
    asked = sa.select(event).where(*_conditions(what), _inside(area)).order_by(event.c.seq.desc()).limit(limit)
    return [Event(**row._asdict()) for row in connection.execute(asked)]


def kinds(connection: Connection, *, area: str) -> list[str]:
    """Kinds of the events of an area."""
    return sorted(connection.scalars(sa.select(event.c.kind).where(_inside(area)).distinct()))


def readings(connection: Connection, what: Sought, *, area: str, limit: int | None) -> list[Event]:
    """Who saw whose data in an area: events of reading what is private, the newest first."""
    reading = sa.or_(*(event.c.kind.like(f"%{end}") for end in READING))
    asked = sa.select(event).where(reading, *_conditions(what), _inside(area))
    rows = connection.execute(asked.order_by(event.c.seq.desc()).limit(limit))
    return [Event(**row._asdict()) for row in rows]


def roles_of(connection: Connection, names: Collection[str]) -> dict[str, str]:
    """The roles of some actors."""
    rows = connection.execute(sa.select(actor.c.name, actor.c.role).where(actor.c.name.in_(sorted(names))))
    return {row.name: row.role for row in rows}


def _conditions(what: Sought) -> list[sa.ColumnElement[bool]]:
    e, found = event.c, []
    if what.kind:
        whole = not what.kind.endswith(".")
        found.append(e.kind == what.kind if whole else e.kind.startswith(what.kind, autoescape=True))
    if what.subject:
        found.append(e.subject == what.subject)
    if what.actor:
        found.append(e.actor == what.actor)
    if what.since is not None:
        found.append(e.at >= what.since)
    if what.until is not None:
        found.append(e.at < what.until)
    if what.before is not None:
        found.append(e.seq < what.before)
    return found


def _inside(area: str) -> sa.ColumnElement[bool]:
    """Whether an event lies in an area."""
    if not area:
        return sa.true()
    e = event.c
    mine = sa.select(actor.c.name).where(_begins(actor.c.area, area))
    subjects = {
        ("actor.", "account."): mine,
        ("version.",): sa.select(sa.cast(version.c.id, sa.Text)).where(_begins(version.c.district, area)),
        ("case.",): sa.select(report.c.number).where(_begins(report.c.grid_code, area)),
        ("person.",): sa.select(post.c.person_id).where(_begins(post.c.area_code, area)),
    }
    return sa.or_(
        e.actor.in_(mine),
        *(
            sa.and_(sa.or_(*(e.kind.startswith(one) for one in beginnings)), e.subject.in_(asked))
            for beginnings, asked in subjects.items()
        ),
    )


def _begins(column: sa.ColumnElement[str], area: str) -> sa.ColumnElement[bool]:
    return column.startswith(area, autoescape=True)
