"""Who is told of what happens: addresses, and the messages that are to be sent to them.

Invariant: a message is written in the transaction of what it tells of, so that it is sent where that was kept, and only
then. It is sent at least once; its number is the same each time. The key by which messages are signed is encrypted with
one that is kept outside the store, and told once.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry.actors import allowed
from gridgis.registry.events import record
from gridgis.registry.sealing import Seal
from gridgis.registry.store import as_utc, following
from gridgis.registry.tables import delivery, webhook

WAITS = tuple(datetime.timedelta(seconds=s) for s in (10, 60, 300, 1_800, 7_200, 21_600, 43_200))
"""How long is waited after each try that failed: 20.6 hours in all, after which a message counts as failed."""
LEASE = datetime.timedelta(seconds=60)
"""For so long nobody else sends what one has taken to send."""
PORTS = {"http": 80, "https": 443}
LONGEST = 500
SAID_MOST = 200


@dataclass(frozen=True)
class Webhook:
    """An address that is told, without its key; see :data:`gridgis.registry.tables.webhook`."""

    id: int
    url: str
    area: str
    actor: str
    created_at: str
    ended_at: str | None


@dataclass(frozen=True)
class Delivery:
    """A message, and what became of it: `state` is "sent", "waiting" or "failed"."""

    id: int
    webhook_id: int
    url: str
    body: str
    created_at: str
    tries: int
    next_at: str | None
    done_at: str | None
    said: str

    @property
    def state(self) -> str:
        """What became of it."""
        return "sent" if self.done_at else "waiting" if self.next_at else "failed"


@dataclass(frozen=True)
class Due:
    """A message that is to be sent now, and the key by which it is signed."""

    id: int
    url: str
    body: str
    secret: bytes


def tell_webhooks(
    connection: Connection, kind: str, body: Mapping[str, Any], area: str, *, at: str | None = None
) -> int:
    """Let all who are to be told of a place know what happened there; give how many that are.

    Call it in the transaction of what it tells of. Nothing personal may stand in `body`: it leaves the house.

    Parameters
    ----------
    kind : what was done, as its event says, such as "version.approved"
    body : what there is to tell, as values of JSON
    area : code of where, of a district or longer
    """
    asked = sa.select(webhook.c.id, webhook.c.area).where(webhook.c.ended_at.is_(None)).order_by(webhook.c.id)
    mine = [row.id for row in connection.execute(asked) if area.startswith(row.area)]
    if not mine:
        return 0
    moment = at or as_utc(datetime.datetime.now(datetime.UTC))
    told = {"kind": kind, "at": moment, "area": area, "data": dict(body)}
    text = json.dumps(told, ensure_ascii=False, sort_keys=True)
    first = following(connection, delivery)
    row = {"body": text, "created_at": moment, "tries": 0, "next_at": moment, "said": ""}
    connection.execute(sa.insert(delivery), [{"id": first + k, "webhook_id": one, **row} for k, one in enumerate(mine)])
    return len(mine)


def signature(secret: bytes, body: str, *, at: int) -> str:
    """What a message is signed with: HMAC-SHA256 of the time (seconds since 1970), a point, and the body."""
    return hmac.new(secret, f"{at}.{body}".encode(), hashlib.sha256).hexdigest()


# ---------------------------------------------------------------- addresses
def refuse_host(url: str, hosts: Collection[str]) -> None:
    """Refuse an address whose host may not be asked.

    Parameters
    ----------
    hosts : that may be, each `host` (at the usual port) or `host:port`

    Raises
    ------
    InputRefused
    """
    cure = f"Give one of these hosts: {', '.join(hosts)}" if hosts else "Let the server's settings name webhook_hosts"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputRefused([Fault("webhook", url[:60], "is no address", "Write https://host/path")]) from None
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url and len(url) <= LONGEST
    if not plain or parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise InputRefused([Fault("webhook", url[:60], "is no plain address of HTTP", "Write https://host/path")])
    usual = port is None or port == PORTS[parts.scheme]
    names = {f"{parts.hostname}:{port}"} | ({parts.hostname} if usual else set())
    if not names & {one.casefold() for one in hosts}:
        raise InputRefused([Fault("webhook", url[:60], "is at a host that may not be asked", cure)])


def add(
    connection: Connection, url: str, *, area: str, hosts: Collection[str], seal: Seal, by: str, at: str
) -> tuple[int, str]:
    """Let an address be told of what happens in an area; give its number, and the key, which is told this once.

    Raises
    ------
    InputRefused
        As :func:`refuse_host`; where who does it is no administrator of the area.
    """
    refuse_host(url, hosts)
    if not (area.isascii() and (area.isdecimal() or not area) and len(area) <= 12):
        raise InputRefused([Fault("webhook", url, f"area {area!r} is no beginning of a code", "Give up to 12 digits")])
    allowed(connection, by, "administrator", area=area)
    number, secret = following(connection, webhook), "gg_hook_" + secrets.token_urlsafe(32)
    sealed = seal.sealed(_whose(number), {"secret": secret})
    row = {"id": number, "url": url, "area": area, "secret": sealed, "actor": by, "created_at": at}
    connection.execute(sa.insert(webhook), row)
    record(connection, at=at, actor=by, kind="webhook.added", subject=str(number), body={"url": url, "area": area})
    return number, secret


def webhooks(connection: Connection, *, area: str) -> list[Webhook]:
    """Addresses that are told of what happens in an area or in part of it, the oldest first."""
    columns = [column for column in webhook.c if column.name != "secret"]
    asked = sa.select(*columns).where(webhook.c.area.startswith(area, autoescape=True)).order_by(webhook.c.id)
    return [Webhook(**row._asdict()) for row in connection.execute(asked)]


def end(connection: Connection, number: int, *, area: str, by: str, at: str) -> None:
    """Let an address that is told of an area, or of part of it, be told no more; what waits is not sent.

    Raises
    ------
    InputRefused
        In the same words whether there is none, or elsewhere; where who does it is no administrator of its area.
    """
    mine = next((one for one in webhooks(connection, area=area) if one.id == number), None)
    if mine is None or mine.ended_at is not None:
        raise InputRefused([Fault("webhook", str(number), "is none that is told", "Look at the list of yours")])
    allowed(connection, by, "administrator", area=mine.area)
    connection.execute(sa.update(webhook).where(webhook.c.id == number).values(ended_at=at))
    waits = sa.and_(delivery.c.webhook_id == number, delivery.c.next_at.is_not(None))
    connection.execute(sa.update(delivery).where(waits).values(next_at=None, said="the address is told no more"))
    record(connection, at=at, actor=by, kind="webhook.ended", subject=str(number), body={})


# ---------------------------------------------------------------- messages
def deliveries(connection: Connection, *, area: str, limit: int) -> list[Delivery]:
    """Messages to the addresses of an area, the newest first."""
    columns = [delivery.c[name] for name in ("id", "webhook_id", "body", "created_at", "tries", "next_at", "done_at")]
    asked = sa.select(*columns, delivery.c.said, webhook.c.url).join(webhook, webhook.c.id == delivery.c.webhook_id)
    asked = asked.where(webhook.c.area.startswith(area, autoescape=True)).order_by(delivery.c.id.desc()).limit(limit)
    return [Delivery(**row._asdict()) for row in connection.execute(asked)]


def is_due(connection: Connection, *, at: datetime.datetime) -> bool:
    """Whether there is something to send."""
    return connection.scalar(sa.select(delivery.c.id).where(delivery.c.next_at <= as_utc(at)).limit(1)) is not None


def take_due(connection: Connection, *, seal: Seal, at: datetime.datetime, limit: int) -> list[Due]:
    """Take what is to be sent now, the longest due first; nobody else takes it for :data:`LEASE`."""
    asked = (
        sa.select(delivery.c.id, webhook.c.id.label("webhook_id"), webhook.c.url, delivery.c.body, webhook.c.secret)
        .join(webhook, webhook.c.id == delivery.c.webhook_id)
        .where(delivery.c.next_at <= as_utc(at))
        .order_by(delivery.c.next_at, delivery.c.id)
        .limit(limit)
    )
    rows = connection.execute(asked).all()
    if rows:
        mine = delivery.c.id.in_([row.id for row in rows])
        connection.execute(sa.update(delivery).where(mine).values(next_at=as_utc(at + LEASE)))
    found = []
    for row in rows:
        try:
            secret = seal.opened(_whose(row.webhook_id), bytes(row.secret))["secret"].encode()
        except InputRefused:
            not_sent(connection, row.id, "the key of the server is another: add the address anew", at=at, again=False)
        else:
            found.append(Due(row.id, row.url, row.body, secret))
    return found


def sent(connection: Connection, number: int, *, at: datetime.datetime) -> None:
    """Write down that a message arrived."""
    values = {"tries": delivery.c.tries + 1, "next_at": None, "done_at": as_utc(at), "said": ""}
    connection.execute(sa.update(delivery).where(delivery.c.id == number).values(**values))


def not_sent(connection: Connection, number: int, said: str, *, at: datetime.datetime, again: bool = True) -> None:
    """Write down that a message did not arrive, and when it is tried again, if ever."""
    tries, waits = connection.execute(
        sa.select(delivery.c.tries, delivery.c.next_at).where(delivery.c.id == number)
    ).one()
    after = as_utc(at + WAITS[tries]) if again and waits is not None and tries < len(WAITS) else None
    values = {"tries": tries + 1, "next_at": after, "said": said[:SAID_MOST]}
    connection.execute(sa.update(delivery).where(delivery.c.id == number).values(**values))


def _whose(number: int) -> str:
    return f"webhook {number}"
