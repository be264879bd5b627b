"""Jobs on accounts: let somebody sign in, sign in and out, change a password, keys of programs."""

from __future__ import annotations

import datetime
import secrets
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from gridgis.errors import Denied, Fault, InputRefused
from gridgis.jobs.registry import reading, writing

if TYPE_CHECKING:
    from argon2 import PasswordHasher

    from gridgis.registry.accounts import Account, Token
    from gridgis.registry.actors import Actor

SHORTEST, KINDS_OF_CHARACTERS = 10, 3
"""A password has at least so many characters, of at least so many kinds: small, great, digits, others."""
LETTERS = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Of one-time passwords: none that are taken for one another."""


@dataclass(frozen=True)
class Person:
    """Who asks: an actor, whether he must change his password before anything else, has a second factor."""

    name: str
    role: str
    area: str
    must_change: bool = False
    has_factor: bool = False

    def reaches(self, code: str) -> bool:
        """Whether a code lies in his area."""
        return code.startswith(self.area)


def add_user(store: str, name: str, *, role: str, area: str = "", by: str) -> str:
    """Make somebody an actor who may sign in; give his one-time password, which is told this once.

    Raises
    ------
    InputRefused
        As :func:`gridgis.jobs.add_actor`.
    """
    from gridgis.registry import accounts, actors
    from gridgis.registry.store import utc_now

    password = one_time_password()
    hashed = _hasher().hash(password)
    with writing(store) as connection:
        now = utc_now()
        actors.allowed(connection, by, "administrator", area=area)
        actors.add_actor(connection, name, role=role, area=area, by=by, at=now)
        accounts.set_password(connection, name, hashed=hashed, must_change=True, by=by, at=now)
    return password


def reset_password(store: str, name: str, *, by: str) -> str:
    """Give an actor a new one-time password, which is told this once; only an administrator of his area may."""
    from gridgis.registry import accounts
    from gridgis.registry.store import utc_now

    password = one_time_password()
    hashed = _hasher().hash(password)
    with writing(store) as connection:
        accounts.set_password(connection, name, hashed=hashed, must_change=True, by=by, at=utc_now())
    return password


def bind_user(store: str, name: str, subject: str, *, by: str) -> None:
    """Let an actor sign in as whom an OpenID provider knows by a subject."""
    from gridgis.registry import accounts
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        accounts.bind_subject(connection, name, subject, by=by, at=utc_now())


def first_administrator(store: str) -> tuple[str, str] | None:
    """A one-time password for the administrator of everything, where nobody can sign in yet; else None."""
    from gridgis.registry import accounts, actors
    from gridgis.registry.store import utc_now

    with reading(store) as connection:
        if accounts.accounts(connection):
            return None
    password = one_time_password()
    hashed = _hasher().hash(password)
    with writing(store) as connection:
        if accounts.accounts(connection):
            return None
        chiefs = [one for one in actors.actors(connection) if (one.role, one.area) == ("administrator", "")]
        name = next(one.name for one in chiefs if one.ended_at is None)
        accounts.set_password(connection, name, hashed=hashed, must_change=True, by=name, at=utc_now())
    return name, password


def sign_in(store: str, name: str, password: str) -> str:
    """Sign somebody in; give what his browser is to hold.

    Where he has a second factor he is not signed in by that yet: :func:`gridgis.jobs.give_code`.

    Raises
    ------
    Denied
        In the same words whether the name or the password is wrong; also while too many failures lock the account.
    """
    from gridgis.registry import accounts
    from gridgis.registry.store import utc_now

    one = _proven(store, name, password)
    with writing(store) as connection:
        half = one.totp_since is not None
        return accounts.begin_session(connection, one.actor, at=utc_now(), half=half)


def _proven(store: str, name: str, password: str) -> Account:
    """The account of who knows its password; a failure is counted."""
    from argon2.exceptions import InvalidHashError, VerificationError

    from gridgis.registry import accounts

    now = datetime.datetime.now(datetime.UTC)
    with reading(store) as connection:
        one = accounts.account_of(connection, name)
    refuse_locked(one, at=now)
    try:
        _hasher().verify((one and one.password) or _nobody(), password)
        right = one is not None and one.password is not None
    except (VerificationError, InvalidHashError):
        right = False
    if right and one is not None:
        return one
    if one is not None:
        with writing(store) as connection:
            accounts.failed(connection, one.actor, at=now)
    raise Denied("The name or the password is wrong.")


def refuse_locked(one: Account | None, *, at: datetime.datetime) -> None:
    """Refuse every try while too many failures lock an account.

    Raises
    ------
    Denied
    """
    from gridgis.registry import accounts

    if one is not None and accounts.is_locked(one, at=at):
        minutes = int(accounts.LOCKED.total_seconds() // 60)
        raise Denied(f"Too many failures. Wait up to {minutes} minutes, or let an administrator give a new password.")


def signed_in(store: str, secret: str) -> Person | None:
    """Who holds the secret of a session, where it has not run out."""
    from gridgis.registry import accounts

    now = datetime.datetime.now(datetime.UTC)
    with reading(store) as connection:
        found = accounts.session_of(connection, secret, at=now)
    if found is None:
        return None
    if found.to_be_seen:
        with writing(store) as connection:
            accounts.seen(connection, secret, at=now)
    return _person(found.actor, must_change=found.must_change, has_factor=found.has_factor)


def sign_in_subject(store: str, subject: str) -> str:
    """Sign in whom an OpenID provider knows by a subject; give what his browser is to hold."""
    from gridgis.registry import accounts
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        one = accounts.actor_of_subject(connection, subject)
        if one is None:
            raise Denied("Nobody here is known by this sign-in. Let an administrator bind it: gridgis user bind")
        mine = accounts.account_of(connection, one.name)
        refuse_locked(mine, at=datetime.datetime.now(datetime.UTC))
        half = mine is not None and mine.totp_since is not None
        return accounts.begin_session(connection, one.name, at=utc_now(), half=half)


def sign_out(store: str, secret: str) -> None:
    """End a session."""
    from gridgis.registry import accounts

    with writing(store) as connection:
        accounts.end_session(connection, secret)


def change_password(store: str, name: str, old: str, new: str) -> str:
    """Take a new password; every session ends, and another begins whose secret is given.

    Raises
    ------
    Denied
        Where the old one is wrong.
    InputRefused
        With every rule that the new one breaks.
    """
    from gridgis.registry import accounts
    from gridgis.registry.store import utc_now

    refuse_weak(new, name=name, old=old)
    _proven(store, name, old)
    hashed = _hasher().hash(new)
    with writing(store) as connection:
        now = utc_now()
        accounts.set_password(connection, name, hashed=hashed, must_change=False, by=name, at=now)
        return accounts.begin_session(connection, name, at=now)


def make_token(store: str, name: str, *, label: str, days: int = 365) -> str:
    """Give an actor a key for a program, which is told this once."""
    from gridgis.registry import accounts

    with writing(store) as connection:
        return accounts.make_token(connection, name, label=label, days=days, at=datetime.datetime.now(datetime.UTC))


def tokens(store: str, name: str) -> list[Token]:
    """The keys of an actor, without what they are made of."""
    from gridgis.registry import accounts

    with reading(store) as connection:
        return accounts.tokens(connection, name)


def end_token(store: str, number: int, *, by: str) -> None:
    """Let a key hold no more."""
    from gridgis.registry import accounts
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        accounts.end_token(connection, number, by=by, at=utc_now())


def holder(store: str, secret: str) -> Person | None:
    """Whose key this is, where it holds."""
    from gridgis.registry import accounts

    with reading(store) as connection:
        one = accounts.token_of(connection, secret, at=datetime.datetime.now(datetime.UTC))
    return None if one is None else _person(one)


def one_time_password() -> str:
    """A password that nobody guesses, and that can be read aloud."""
    while True:
        made = "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(4))
        if not _weak(made, name="", old=""):
            return made


def refuse_weak(password: str, *, name: str, old: str = "") -> None:
    """Refuse a password with every rule that it breaks.

    Raises
    ------
    InputRefused
    """
    if faults := [Fault("password", "", problem, cure) for problem, cure in _weak(password, name=name, old=old)]:
        raise InputRefused(faults)


def _weak(password: str, *, name: str, old: str) -> list[tuple[str, str]]:
    kinds = sum(
        any(map(test, password)) for test in (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    )
    found = []
    if len(password) < SHORTEST:
        found.append((f"has {len(password)} characters", f"Take at least {SHORTEST}"))
    if len(password) > 200:
        found.append(("has more than 200 characters", "Take a shorter one"))
    if kinds < KINDS_OF_CHARACTERS:
        cure = f"Mix {KINDS_OF_CHARACTERS} of: small letters, great letters, digits, other signs"
        found.append((f"has {kinds} kinds of characters", cure))
    if len(set(password)) < SHORTEST // 2:
        found.append(("repeats few characters", "Take more different ones"))
    if name and name.casefold() in password.casefold():
        found.append(("has the name in it", "Take another"))
    if old and password == old:
        found.append(("is the old one", "Take another"))
    return found


def _person(one: Actor, *, must_change: bool = False, has_factor: bool = False) -> Person:
    return Person(one.name, one.role, one.area, must_change, has_factor)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    """The hash that is tried where there is no account, so that it takes as long as where there is one."""
    return _hasher().hash(secrets.token_urlsafe(16))
