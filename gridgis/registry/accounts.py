"""How actors sign in: accounts, sessions and keys of programs.

Invariant: of a password there is an argon2 hash alone, of a session and of a key a SHA-256; who reads the store can
act as nobody. Times are text in UTC, as everywhere in a store.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry.actors import Actor, allowed
from gridgis.registry.events import record
from gridgis.registry.store import as_utc, following
from gridgis.registry.tables import account, actor, api_token, session

MOST_FAILURES = 5
"""Failures in a row after which nobody may try for :data:`LOCKED`."""
LOCKED = datetime.timedelta(minutes=15)
IDLE, LONGEST = datetime.timedelta(hours=2), datetime.timedelta(hours=12)
"""A session ends when nothing was asked for so long, and after so long at the most."""
HALF = datetime.timedelta(minutes=5)
"""How long one who gave his password may take to give a code."""
HEARD = datetime.timedelta(minutes=1)
"""That somebody is still there is written down no more often."""


@dataclass(frozen=True)
class Account:
    """How an actor signs in; see :data:`gridgis.registry.tables.account`."""

    actor: str
    password: str | None
    must_change: int
    subject: str | None
    changed_at: str
    failures: int
    locked_until: str | None
    totp: bytes | None
    totp_since: str | None
    totp_step: int | None
    recovery: str | None


@dataclass(frozen=True)
class Token:
    """A key of a program, without what it is made of."""

    id: int
    actor: str
    label: str
    created_at: str
    expires_at: str
    ended_at: str | None


def accounts(connection: Connection) -> list[Account]:
    """All accounts, by the names of their actors."""
    rows = connection.execute(sa.select(account).order_by(account.c.actor))
    return [Account(**row._asdict()) for row in rows]


def account_of(connection: Connection, name: str) -> Account | None:
    """The account of an actor who may act; None where there is none."""
    asked = sa.select(account).join(actor, actor.c.name == account.c.actor)
    row = connection.execute(asked.where(account.c.actor == name, actor.c.ended_at.is_(None))).first()
    return Account(**row._asdict()) if row else None


def set_password(connection: Connection, name: str, *, hashed: str, must_change: bool, by: str, at: str) -> None:
    """Let an actor sign in by a password; whoever is signed in under his name is so no more.

    Parameters
    ----------
    hashed : argon2 hash
    must_change : whether the password was given to him, and must be changed before anything else

    Raises
    ------
    InputRefused
        Where there is no such actor, or who does it is neither himself nor an administrator of his area.
    """
    there = connection.execute(sa.select(actor).where(actor.c.name == name)).first()
    if there is None:
        cure = "Make it known with: gridgis user add"
        raise InputRefused([Fault("actor", name, "is not known in this store", cure)])
    if by != name:
        allowed(connection, by, "administrator", area=there.area)
    row = {"password": hashed, "must_change": int(must_change), "changed_at": at, "failures": 0, "locked_until": None}
    _put(connection, name, row)
    end_sessions(connection, name)
    record(connection, at=at, actor=by, kind="account.password", subject=name, body={"must_change": must_change})


def bind_subject(connection: Connection, name: str, subject: str, *, by: str, at: str) -> None:
    """Let an actor sign in as whom an OpenID provider knows by a subject."""
    there = connection.execute(sa.select(actor).where(actor.c.name == name)).first()
    if there is None:
        cure = "Make it known with: gridgis user add"
        raise InputRefused([Fault("actor", name, "is not known in this store", cure)])
    allowed(connection, by, "administrator", area=there.area)
    taken = connection.scalar(sa.select(account.c.actor).where(account.c.subject == subject, account.c.actor != name))
    if taken is not None or not subject.strip():
        problem = "is empty" if taken is None else "is bound to somebody already"
        raise InputRefused([Fault("subject", subject[:60], problem, "Give the one by which the provider knows him")])
    _put(connection, name, {"subject": subject, "changed_at": at})
    record(connection, at=at, actor=by, kind="account.subject", subject=name, body={})


def actor_of_subject(connection: Connection, subject: str) -> Actor | None:
    """Whom an OpenID provider knows by a subject, where he may act."""
    asked = sa.select(actor).join(account, actor.c.name == account.c.actor)
    row = connection.execute(asked.where(account.c.subject == subject, actor.c.ended_at.is_(None))).first()
    return Actor(**row._asdict()) if row else None


def _put(connection: Connection, name: str, values: dict[str, object]) -> None:
    stands = connection.scalar(sa.select(account.c.actor).where(account.c.actor == name))
    if stands is None:
        empty = {"must_change": 0, "failures": 0}
        connection.execute(sa.insert(account), {"actor": name, **empty, **values})
    else:
        connection.execute(sa.update(account).where(account.c.actor == name).values(**values))


# ---------------------------------------------------------------- failures
def failed(connection: Connection, name: str, *, at: datetime.datetime) -> None:
    """Count a failure; too many in a row lock the account for a while, which is an event."""
    row = connection.execute(sa.select(account).where(account.c.actor == name)).one()
    many = row.failures + 1 >= MOST_FAILURES
    until = as_utc(at + LOCKED) if many else row.locked_until
    values = {"failures": 0 if many else row.failures + 1, "locked_until": until}
    connection.execute(sa.update(account).where(account.c.actor == name).values(**values))
    if many:
        body = {"failures": MOST_FAILURES, "until": until}
        record(connection, at=as_utc(at), actor=name, kind="account.locked", subject=name, body=body)


def is_locked(one: Account, *, at: datetime.datetime) -> bool:
    """Whether nobody may try an account now."""
    return one.locked_until is not None and one.locked_until > as_utc(at)


# ---------------------------------------------------------------- sessions
def begin_session(connection: Connection, name: str, *, at: str, half: bool = False) -> str:
    """Sign an actor in; give what his browser is to hold.

    Parameters
    ----------
    half : he has still to give a code of his second factor: he is not signed in, and failures stay counted
    """
    secret = secrets.token_urlsafe(32)
    row = {"digest": digest(secret), "actor": name, "created_at": at, "seen_at": at, "half": int(half) or None}
    connection.execute(sa.insert(session), row)
    if not half:
        connection.execute(sa.update(account).where(account.c.actor == name).values(failures=0, locked_until=None))
    return secret


@dataclass(frozen=True)
class Signed:
    """Who is signed in, and what there is to do about it."""

    actor: Actor
    must_change: bool
    has_factor: bool
    to_be_seen: bool


def session_of(connection: Connection, secret: str, *, at: datetime.datetime) -> Signed | None:
    """Who is signed in, whether he must change his password, and whether it is time to say he was seen."""
    row = connection.execute(_BY_SESSION, {"digest": digest(secret)}).mappings().first()
    if row is None or row["ended_at"] is not None:
        return None
    if row["seen_at"] < as_utc(at - IDLE) or row["begun_at"] < as_utc(at - LONGEST):
        return None
    one = Actor(**{column.name: row[column.name] for column in actor.c})
    return Signed(one, bool(row["must_change"]), row["totp_since"] is not None, row["seen_at"] < as_utc(at - HEARD))


_BY_SESSION = (
    sa.select(
        actor,
        session.c.created_at.label("begun_at"),
        session.c.seen_at,
        account.c.must_change,
        account.c.totp_since,
    )
    .join(session, session.c.actor == actor.c.name)
    .join(account, account.c.actor == actor.c.name)
    .where(session.c.digest == sa.bindparam("digest"), session.c.half.is_(None))
)
"""What is asked at each request stands ready: to put it together takes longer than to ask it."""


def half_signed_in(connection: Connection, secret: str, *, at: datetime.datetime) -> Account | None:
    """The account of who gave his password a moment ago and has still to give a code."""
    name = connection.scalar(
        sa.select(session.c.actor).where(
            session.c.digest == digest(secret), session.c.half == 1, session.c.created_at >= as_utc(at - HALF)
        )
    )
    return None if name is None else account_of(connection, name)


def seen(connection: Connection, secret: str, *, at: datetime.datetime) -> None:
    """Write down that who is signed in is still there; sessions that ran out are cleared away."""
    connection.execute(sa.update(session).where(session.c.digest == digest(secret)).values(seen_at=as_utc(at)))
    old = sa.or_(session.c.seen_at < as_utc(at - IDLE), session.c.created_at < as_utc(at - LONGEST))
    connection.execute(sa.delete(session).where(old))


def end_session(connection: Connection, secret: str) -> None:
    """Sign out."""
    connection.execute(sa.delete(session).where(session.c.digest == digest(secret)))


def end_sessions(connection: Connection, name: str) -> None:
    """Sign an actor out everywhere."""
    connection.execute(sa.delete(session).where(session.c.actor == name))


# ---------------------------------------------------------------- keys of programs
def make_token(connection: Connection, name: str, *, label: str, days: int, at: datetime.datetime) -> str:
    """Give an actor a key for a program; it is told this once.

    Raises
    ------
    InputRefused
        Where there is no such actor, or he may act no more.
    """
    allowed(connection, name, None, area=_area(connection, name))
    secret = "gg_" + secrets.token_urlsafe(32)
    row = {
        "id": following(connection, api_token),
        "digest": digest(secret),
        "actor": name,
        "label": label,
        "created_at": as_utc(at),
        "expires_at": as_utc(at + datetime.timedelta(days=days)),
    }
    connection.execute(sa.insert(api_token), row)
    record(connection, at=as_utc(at), actor=name, kind="token.made", subject=str(row["id"]), body={"days": days})
    return secret


def token_of(connection: Connection, secret: str, *, at: datetime.datetime) -> Actor | None:
    """Whose key this is, where it holds."""
    row = connection.execute(_BY_TOKEN, {"digest": digest(secret), "at": as_utc(at)}).first()
    return Actor(**row._asdict()) if row else None


_BY_TOKEN = (
    sa.select(actor)
    .join(api_token, api_token.c.actor == actor.c.name)
    .where(
        api_token.c.digest == sa.bindparam("digest"),
        api_token.c.ended_at.is_(None),
        api_token.c.expires_at > sa.bindparam("at"),
        actor.c.ended_at.is_(None),
    )
)


def tokens(connection: Connection, name: str) -> list[Token]:
    """The keys of an actor, the oldest first."""
    columns = [column for column in api_token.c if column.name != "digest"]
    rows = connection.execute(sa.select(*columns).where(api_token.c.actor == name).order_by(api_token.c.id))
    return [Token(**row._asdict()) for row in rows]


def end_token(connection: Connection, number: int, *, by: str, at: str) -> None:
    """Let a key hold no more; only whose it is may."""
    mine = sa.and_(api_token.c.id == number, api_token.c.actor == by, api_token.c.ended_at.is_(None))
    if connection.execute(sa.update(api_token).where(mine).values(ended_at=at)).rowcount != 1:
        raise InputRefused([Fault("token", str(number), "is none of yours that holds", "Look at the list of yours")])
    record(connection, at=at, actor=by, kind="token.ended", subject=str(number), body={})


def _area(connection: Connection, name: str) -> str:
    return str(connection.scalar(sa.select(actor.c.area).where(actor.c.name == name)) or "")


def digest(secret: str) -> bytes:
    """What a store keeps of a secret that was made at random."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
