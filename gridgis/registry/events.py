"""The chain of events: every change, who made it, and a digest that depends on all before it.

Invariant: events are numbered from 1 without a gap; the digest of each covers the store's id, its number, time,
actor, kind, subject, body, and the digest before it, as RFC 8785 JSON. So an event cannot be altered, left out or
put in without changing every digest after it. What a chain alone cannot tell (a tail cut off, all digests computed
anew, an old copy put back) takes a checkpoint kept elsewhere: :mod:`gridgis.registry.checkpoint`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.registry.store import store_id
from gridgis.registry.tables import event, remark

FIRST = bytes(32)
"""What stands before the first event."""


@dataclass(frozen=True)
class Event:
    """One event as it is stored; `body` is RFC 8785 JSON."""

    seq: int
    at: str
    actor: str
    kind: str
    subject: str
    body: str
    previous: bytes
    digest: bytes

    def computed(self, store: str) -> bytes:
        """The digest that the event should have."""
        told: dict[str, Any] = {
            "store": store,
            "seq": self.seq,
            "at": self.at,
            "actor": self.actor,
            "kind": self.kind,
            "subject": self.subject,
            "body": self.body,
            "previous": self.previous.hex(),
        }
        return hashlib.sha256(rfc8785.dumps(told)).digest()


def record(
    connection: Connection,
    *,
    at: str,
    actor: str,
    kind: str,
    subject: str,
    body: Mapping[str, Any],
    private: Mapping[str, str] | None = None,
) -> Event:
    """Add an event to the chain, in the transaction of what it tells of.

    Parameters
    ----------
    at : as :func:`gridgis.registry.store.as_utc` gives it
    kind : what was done, such as "version.approved"
    subject : to what, such as the number of a version
    body : what more there is to tell, before and after
    private : what people wrote, by field. It is kept apart, and the body has a salted digest of each: a text can be
        erased and the chain still holds, and nobody can try out what it said.
    """
    texts = {field: (secrets.token_bytes(16), text) for field, text in (private or {}).items() if text}
    body = {**body, **{field: {"salted_sha256": salted(*both)} for field, both in texts.items()}}
    size, previous = chain_end(connection)
    seq = size + 1
    text = rfc8785.dumps(dict(body)).decode("utf-8")
    bare = Event(seq, at, actor, kind, subject, text, previous, b"")
    made = Event(seq, at, actor, kind, subject, text, previous, bare.computed(store_id(connection)))
    connection.execute(sa.insert(event).values(vars(made)))
    rows = [{"event_seq": seq, "field": field, "salt": salt, "text": text} for field, (salt, text) in texts.items()]
    if rows:
        connection.execute(sa.insert(remark), rows)
    return made


def salted(salt: bytes, text: str) -> str:
    """The digest that stands in an event for a text."""
    return hashlib.sha256(salt + text.encode()).hexdigest()


def remarks(connection: Connection, seqs: Collection[int]) -> dict[tuple[int, str], str | None]:
    """What people wrote in some events, by number and field; None where it was erased."""
    out: dict[tuple[int, str], str | None] = {}
    for seq in seqs:
        for row in connection.execute(sa.select(remark.c.field, remark.c.text).where(remark.c.event_seq == seq)):
            out[seq, row.field] = row.text
    return out


def chain_end(connection: Connection) -> tuple[int, bytes]:
    """The number of events and the digest of the last; that before the first where there is none."""
    last = connection.execute(sa.select(event.c.seq, event.c.digest).order_by(event.c.seq.desc()).limit(1)).first()
    return (last.seq, bytes(last.digest)) if last else (0, FIRST)


def events(connection: Connection) -> Iterator[Event]:
    """All events, in their order."""
    for row in connection.execute(sa.select(event).order_by(event.c.seq)):
        values = row._asdict()
        yield Event(**{**values, "previous": bytes(values["previous"]), "digest": bytes(values["digest"])})


def faults(connection: Connection) -> Iterator[str]:
    """Where the chain of a store is broken."""
    return broken_links(events(connection), store_id(connection))


def broken_links(told: Iterable[Event], store: str) -> Iterator[str]:
    """Numbers that are missing, digests that do not fit. One broken link is told once."""
    seq, previous = 0, FIRST
    for one in told:
        if one.seq != seq + 1:
            yield f"events {seq + 1} to {one.seq - 1} are missing"
        elif one.previous != previous:
            yield f"event {one.seq} does not follow event {seq}"
        if one.digest != one.computed(store):
            yield f"event {one.seq} was altered"
        seq, previous = one.seq, one.digest
