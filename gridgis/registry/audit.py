"""Whether a store can be believed: its chain of events, and the tables against what the events tell.

A chain that holds says that nothing was altered inside it. That its end was not cut off, nor all of it written anew,
takes a checkpoint that was kept elsewhere: :mod:`gridgis.registry.checkpoint`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.registry import tables
from gridgis.registry.events import Event, broken_links, events
from gridgis.registry.store import store_id
from gridgis.registry.versions import content_digest

STATES = {f"version.{state}": state for state in tables.STATES if state != "draft"} | {"version.drafted": "draft"}


@dataclass(frozen=True)
class Verdict:
    """What was found: the number of events, every fault in words, and whether a checkpoint was at hand."""

    events: int
    faults: tuple[str, ...]
    witnessed: bool = False


def verify(connection: Connection) -> Verdict:
    """Judge the chain, then every version by the last event about it."""
    told = list(events(connection))
    return Verdict(
        len(told),
        (*broken_links(told, store_id(connection)), *_unlike(connection, told), *_unwritten(connection, told)),
    )


def _unlike(connection: Connection, told: list[Event]) -> Iterator[str]:
    """Versions that are not as the last event about them says, and such of which none tells."""
    last = {int(one.subject): one for one in told if one.kind in STATES}
    v = tables.version.c
    rows = {row.id: row for row in connection.execute(sa.select(v.id, v.state, v.effective_from).order_by(v.id))}
    for number in sorted(last.keys() | rows.keys()):
        row = rows.get(number)
        if row is None:
            yield f"version {number}, which event {last[number].seq} tells of, is not there"
        elif number not in last:
            yield f"version {number} is there without an event"
        else:
            yield from _differences(connection, number, row.state, row.effective_from, last[number])


def _differences(
    connection: Connection, number: int, state: str, effective_from: str | None, one: Event
) -> Iterator[str]:
    body = json.loads(one.body)
    if state != STATES[one.kind]:
        yield f"version {number} is {state}, event {one.seq} says {STATES[one.kind]}"
    if effective_from != body.get("effective_from"):
        yield f"version {number} is in force from {effective_from}, event {one.seq} says {body.get('effective_from')}"
    if content_digest(connection, number) != body["content"]:
        yield f"version {number} holds other zones than event {one.seq} says"


def _unwritten(connection: Connection, told: list[Event]) -> Iterator[str]:
    """Actors that no event tells of, and such with other rights than it says."""
    rights = {one.subject: json.loads(one.body) for one in told if one.kind == "actor.added"}
    for row in connection.execute(sa.select(tables.actor).order_by(tables.actor.c.name)):
        if rights.get(row.name) != {"role": row.role, "area": row.area}:
            yield f"actor {row.name} is {row.role} of {row.area or 'everywhere'}, which no event says"
