"""Jobs on the second factor: set it up, show it at sign-in, give it up.

`key` is the file of the key by which secrets are encrypted; see :func:`have_accounts_key`.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gridgis.errors import Denied
from gridgis.jobs.accounts import refuse_locked
from gridgis.jobs.registry import reading, writing

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from gridgis.registry.sealing import Seal


def have_accounts_key(path: str | Path) -> None:
    """Make the key of a server, for its eyes alone, where there is none: it encrypts what accounts sign in by.

    Who loses it lets everybody set up his second factor anew, and gives webhooks new secrets.
    """
    from gridgis.registry.sealing import have_key

    have_key(Path(path))


def begin_second_factor(store: str, name: str, *, key: str | Path) -> None:
    """Give an actor the secret of a second factor; it is asked for once he has shown that he has it."""
    from gridgis.registry import second_factor

    with writing(store) as connection:
        second_factor.begin(connection, name, seal=_seal(connection, key))


def second_factor_begun(store: str, name: str, *, key: str | Path) -> tuple[str, str] | None:
    """The secret of a second factor that is not asked for yet, as text and as the address in a QR code; else None."""
    from gridgis.registry import second_factor

    with reading(store) as connection:
        secret = second_factor.begun(connection, name, seal=_seal(connection, key))
    if secret is None:
        return None
    return second_factor.as_text(secret), second_factor.address_of(secret, name, issuer="gridgis")


def confirm_second_factor(store: str, name: str, code: str, *, key: str | Path) -> tuple[list[str], str]:
    """Let the second factor be asked for from now on; every session ends, and another begins.

    Returns
    -------
    codes : list of str
        For recovery, told this once.
    secret : str
        Of the session.

    Raises
    ------
    Denied
        Where the code is wrong.
    """
    from gridgis.registry import accounts, second_factor

    now = datetime.datetime.now(datetime.UTC)
    with writing(store) as connection:
        codes = second_factor.confirm(connection, name, _plain(code), seal=_seal(connection, key), at=now)
        if codes is None:
            raise Denied("The code is wrong. Look at the clock of your telephone, and take the next one.")
        accounts.end_sessions(connection, name)
        return codes, accounts.begin_session(connection, name, at=_utc(now))


def waits_for_code(store: str, secret: str) -> bool:
    """Whether who holds this gave his password a moment ago and has still to give a code."""
    from gridgis.registry import accounts

    with reading(store) as connection:
        return accounts.half_signed_in(connection, secret, at=datetime.datetime.now(datetime.UTC)) is not None


def give_code(store: str, secret: str, code: str, *, key: str | Path) -> str:
    """Sign in who gave his password a moment ago, by a code of his telephone or for recovery; give what he is to hold.

    Raises
    ------
    Denied
        Where the code is wrong or was given before, too many were, or the password was given too long ago.
    """
    from gridgis.registry import accounts, second_factor

    now = datetime.datetime.now(datetime.UTC)
    with writing(store) as connection:
        one = accounts.half_signed_in(connection, secret, at=now)
        if one is None:
            raise Denied("That took too long. Sign in again.")
        refuse_locked(one, at=now)
        if second_factor.take(connection, one, code.strip(), seal=_seal(connection, key), at=now):
            accounts.end_session(connection, secret)
            return accounts.begin_session(connection, one.actor, at=_utc(now))
        accounts.failed(connection, one.actor, at=now)
    raise Denied("The code is wrong, or was given before.")


def give_up_second_factor(store: str, name: str, code: str, *, key: str | Path) -> None:
    """Give up one's second factor, by a code of it.

    Raises
    ------
    Denied
        Where the code is wrong.
    """
    from gridgis.registry import accounts, second_factor

    now = datetime.datetime.now(datetime.UTC)
    with writing(store) as connection:
        one = accounts.account_of(connection, name)
        refuse_locked(one, at=now)
        asked = one is not None and one.totp_since is not None
        right = (
            one is None
            or not asked
            or second_factor.take(connection, one, code.strip(), seal=_seal(connection, key), at=now)
        )
        if right:
            second_factor.give_up(connection, name, by=name, at=_utc(now))
        else:
            accounts.failed(connection, name, at=now)
    if not right:
        raise Denied("The code is wrong, or was given before.")


def drop_second_factor(store: str, name: str, *, by: str) -> None:
    """Take the second factor from an account whose owner lost it; only an administrator of his area may."""
    from gridgis.registry import second_factor
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        second_factor.give_up(connection, name, by=by, at=utc_now())


def recovery_codes_left(store: str, name: str) -> int:
    """How many recovery codes somebody has left."""
    from gridgis.registry import accounts, second_factor

    with reading(store) as connection:
        one = accounts.account_of(connection, name)
    return 0 if one is None else second_factor.recovery_left(one)


def _plain(code: str) -> str:
    return code.replace(" ", "")


def _utc(moment: datetime.datetime) -> str:
    from gridgis.registry.store import as_utc

    return as_utc(moment)


def _seal(connection: Connection, key: str | Path) -> Seal:
    from gridgis.registry.sealing import load_key
    from gridgis.registry.store import store_id

    return load_key(Path(key), store=store_id(connection))
