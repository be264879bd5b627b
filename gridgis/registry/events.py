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
AT_ONCE = 5_000
"""Rows that are taken from the database at a time."""


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


@dataclass(frozen=True)
class Link:
    """An event in the chain: whether it was altered, and in words how it does not join on to the one before."""

    event: Event
    altered: bool
    unlinked: str


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
    connection.execute(sa.insert(event), vars(made))
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
    last = connection.execute(_LAST).first()
    return (last.seq, bytes(last.digest)) if last else (0, FIRST)


def kinds_since(connection: Connection, seq: int) -> tuple[int, frozenset[str]]:
    """The number of the last event, and the kinds of those after `seq`; a quick question that may be asked often."""
    last = connection.scalar(_SIZE) or 0
    if last <= seq:
        return last, frozenset()
    return last, frozenset(connection.scalars(sa.select(event.c.kind).where(event.c.seq > seq).distinct()))


_SIZE = sa.select(sa.func.max(event.c.seq))
_LAST = sa.select(event.c.seq, event.c.digest).order_by(event.c.seq.desc()).limit(1)


def events(connection: Connection, *, version: int | None = None) -> Iterator[Event]:
    """All events, or those of a version, in their order, as they stand: not even their types are taken for granted."""
    asked = as_it_stands(*event.c).order_by(event.c.seq)
    if version is not None:
        asked = asked.where(event.c.subject == str(version), event.c.kind.startswith("version."))
    for row in connection.execute(asked.execution_options(yield_per=AT_ONCE)):
        yield Event(**row._asdict())


def as_it_stands(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Ask for values as the database holds them: what was altered may be of another type than its column."""
    asked: list[sa.ColumnElement[Any]] = [
        sa.type_coerce(column, sa.types.NULLTYPE).label(str(column.key)) for column in columns
    ]
    return sa.select(*asked)


def faults(connection: Connection) -> Iterator[str]:
    """Where the chain of a store is broken."""
    return bracketed(judged(events(connection), store_id(connection)))


def judged(told: Iterable[Event], store: str) -> Iterator[Link]:
    """Judge each event by itself and by the one before it, so that one that is broken does not end the chain."""
    seq = 0
    ends: set[bytes | None] = {FIRST}
    for one in told:
        due = _due(one, store)
        altered = due is None or one.digest != due
        yield Link(one, altered, _unlinked(one, seq, ends, altered=altered))
        seq, ends = one.seq, {one.digest, due}


def bracketed(links: Iterable[Link]) -> Iterator[str]:
    """What is wrong with a chain; events that were altered one after another are told in one."""
    run: list[int] = []
    for link in links:
        if run and (link.unlinked or not link.altered):
            yield _altered(run)
            run = []
        if link.unlinked:
            yield link.unlinked
        if link.altered:
            run = [*run[:1], link.event.seq]
    if run:
        yield _altered(run)


def _due(one: Event, store: str) -> bytes | None:
    """The digest that an event should have; None where it holds what no event can."""
    try:
        return one.computed(store)
    except (AttributeError, ValueError):
        return None


def _unlinked(one: Event, seq: int, ends: set[bytes | None], *, altered: bool) -> str:
    if one.seq <= seq:
        return f"event {one.seq} stands where event {seq + 1} should"
    if one.seq > seq + 1:
        return f"events {seq + 1} to {one.seq - 1} are missing"
    return "" if altered or one.previous in ends else f"event {one.seq} does not follow event {seq}"


def _altered(run: list[int]) -> str:
    return f"event {run[0]} was altered" if len(run) == 1 else f"events {run[0]} to {run[-1]} were altered"
