"""The second factor of an account: codes of six digits that a telephone makes from a secret and the time.

Invariant: a code is taken once, and none of an earlier step of time after it; a recovery code is taken once. The secret
is encrypted with a key that is kept outside the store, of recovery codes there are digests alone. A second factor is
asked for from when its owner has shown that he has it. Source: RFC 4226 5.3, RFC 6238.
"""

from __future__ import annotations

import base64
import datetime
import hmac
import json
import secrets
import struct

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry.accounts import Account, account_of, digest
from gridgis.registry.actors import actors, allowed
from gridgis.registry.events import record
from gridgis.registry.sealing import Seal
from gridgis.registry.store import as_utc
from gridgis.registry.tables import account

STEP_S, DIGITS = 30, 6
SLACK = 1
"""Steps that the clock of a telephone may go wrong, to either side."""
SECRET_BYTES = 20
RECOVERY, RECOVERY_BYTES = 10, 10
"""How many recovery codes there are, and of how much chance: 80 bits each, too many to be tried out."""


def code_at(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """The code of a step of time. Source: RFC 4226 5.3 (HOTP), RFC 6238 4.2 (TOTP, SHA-1)."""
    told = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    at = told[-1] & 15
    number = int.from_bytes(told[at : at + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(secret: bytes, code: str, *, at: datetime.datetime, after: int | None = None) -> int | None:
    """The step of time whose code this is, where it lies near `at` and later than `after`; else None."""
    now = int(at.timestamp()) // STEP_S
    steps = [step for step in range(now - SLACK, now + SLACK + 1) if after is None or step > after]
    right = [step for step in steps if hmac.compare_digest(code_at(secret, step).encode(), code.encode())]
    return right[0] if right else None


def address_of(secret: bytes, name: str, *, issuer: str) -> str:
    """The address by which an application on a telephone takes the secret: what a QR code shows."""
    from urllib.parse import quote, urlencode

    told = {"secret": as_text(secret), "issuer": issuer, "digits": DIGITS, "period": STEP_S}
    return f"otpauth://totp/{quote(f'{issuer}:{name}')}?{urlencode(told, quote_via=quote)}"


def as_text(secret: bytes) -> str:
    """A secret as it is typed where no QR code can be read."""
    return base64.b32encode(secret).decode().rstrip("=")


# ---------------------------------------------------------------- to have one
def begin(connection: Connection, name: str, *, seal: Seal) -> bytes:
    """Give an actor the secret of a second factor that is not asked for yet.

    Raises
    ------
    InputRefused
        Where he has one that is asked for.
    """
    one = _account(connection, name)
    if one.totp_since is not None:
        raise InputRefused([Fault("second factor", name, "is there already", "Give it up first")])
    secret = secrets.token_bytes(SECRET_BYTES)
    _set(connection, name, totp=seal.sealed(_whose(name), {"totp": secret.hex()}), totp_step=None, recovery=None)
    return secret


def begun(connection: Connection, name: str, *, seal: Seal) -> bytes | None:
    """The secret of a second factor that is not asked for yet; None where there is none."""
    one = account_of(connection, name)
    return None if one is None or one.totp is None or one.totp_since is not None else _secret(one, seal)


def confirm(connection: Connection, name: str, code: str, *, seal: Seal, at: datetime.datetime) -> list[str] | None:
    """Let a second factor be asked for from now on, where the code is right; give its recovery codes, told this once.

    None where the code is wrong.
    """
    secret = begun(connection, name, seal=seal)
    if secret is None:
        raise InputRefused([Fault("second factor", name, "is not begun", "Begin to set it up")])
    step = step_of(secret, code, at=at)
    if step is None:
        return None
    codes = [_recovery_code() for _ in range(RECOVERY)]
    kept = json.dumps([digest(one).hex() for one in codes])
    _set(connection, name, totp_since=as_utc(at), totp_step=step, recovery=kept)
    record(connection, at=as_utc(at), actor=name, kind="account.second_factor", subject=name, body={"has": True})
    return codes


def give_up(connection: Connection, name: str, *, by: str, at: str) -> None:
    """Take the second factor from an account: by himself, or by an administrator of his area.

    Raises
    ------
    InputRefused
        Where there is none, or who does it may not.
    """
    there = next((one for one in actors(connection) if one.name == name), None)
    if there is None:
        raise InputRefused([Fault("actor", name, "is not known in this store", "See: gridgis actor list")])
    if by != name:
        allowed(connection, by, "administrator", area=there.area)
    if _account(connection, name).totp is None:
        raise InputRefused([Fault("second factor", name, "is not there", "There is nothing to give up")])
    _set(connection, name, totp=None, totp_since=None, totp_step=None, recovery=None)
    record(connection, at=at, actor=by, kind="account.second_factor", subject=name, body={"has": False})


# ---------------------------------------------------------------- to show it
def take(connection: Connection, one: Account, code: str, *, seal: Seal, at: datetime.datetime) -> bool:
    """Whether a code is right, of the telephone or for recovery; it is not from then on."""
    typed = code.replace(" ", "").replace("-", "")
    if len(typed) == DIGITS and one.totp is not None:
        step = step_of(_secret(one, seal), typed, at=at, after=one.totp_step)
        if step is not None:
            _set(connection, one.actor, totp_step=step)
        return step is not None
    left = json.loads(one.recovery or "[]")
    mine = digest(_grouped(typed.lower())).hex()
    if mine not in left:
        return False
    _set(connection, one.actor, recovery=json.dumps([other for other in left if other != mine]))
    body = {"left": len(left) - 1}
    record(connection, at=as_utc(at), actor=one.actor, kind="account.recovery", subject=one.actor, body=body)
    return True


def recovery_left(one: Account) -> int:
    """How many recovery codes are left."""
    return len(json.loads(one.recovery or "[]"))


def _recovery_code() -> str:
    return _grouped(base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower())


def _grouped(text: str) -> str:
    """A recovery code in groups of four, as it is read aloud."""
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _secret(one: Account, seal: Seal) -> bytes:
    assert one.totp is not None
    return bytes.fromhex(seal.opened(_whose(one.actor), bytes(one.totp))["totp"])


def _whose(name: str) -> str:
    """Under what a secret is sealed: of whom it is."""
    return f"account {name}"


def _account(connection: Connection, name: str) -> Account:
    one = account_of(connection, name)
    if one is None:
        raise InputRefused([Fault("account", name, "is not there", "Let an administrator give a password")])
    return one


def _set(connection: Connection, name: str, **values: object) -> None:
    connection.execute(sa.update(account).where(account.c.actor == name).values(**values))
