"""Whether a store can be believed: its file, its chain of events, and every row against what the events tell.

Invariant: everything is computed from what stands in the tables, no digest that is stored there is believed unless
one computed agrees; whatever stands there, it is told in words and the rest is judged. An event that was altered is
told once, and what it says is held against nothing.

A chain that holds says that nothing was altered inside it. That its end was not cut off, nor all of it written anew,
takes a checkpoint that was kept elsewhere: :mod:`gridgis.registry.checkpoint`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.registry import tables
from gridgis.registry.audit_edits import EDITED, boxes, edits, of_an_edit
from gridgis.registry.audit_people import KINDS as OF_PEOPLE
from gridgis.registry.audit_people import people
from gridgis.registry.audit_reports import KINDS as OF_CASES
from gridgis.registry.audit_reports import reports
from gridgis.registry.audit_review import Said, of_a_review, reviews
from gridgis.registry.audit_schema import altered
from gridgis.registry.checkpoint import Checkpoint, against
from gridgis.registry.digests import rows_digest, store_digest, version_digest
from gridgis.registry.events import AT_ONCE, Event, Link, as_it_stands, bracketed, events, judged
from gridgis.registry.parts import LAYERS, ZONE, content_sha256
from gridgis.registry.refusals import UNREADABLE, in_a_line
from gridgis.registry.store import store_id

STATES = {f"version.{state}": state for state in tables.STATES if state != "draft"}
STATES |= {"version.drafted": "draft", "version.revoked": "withdrawn"}
ENDED = {"actor.ended": "ended"}
OF_VERSIONS = {*STATES, EDITED}
KINDS = {*OF_VERSIONS, "actor.added", "actor.ended"}
NEW = "new"
"""What is told of for the first time has no state before."""
INTEGRITY_MOST = 20
"""Damages of a file that SQLite tells at most."""

Row = sa.Row[Any]


@dataclass(frozen=True)
class Verdict:
    """What was found: the number of events, every fault in words, and whether a checkpoint was at hand."""

    events: int
    faults: tuple[str, ...]
    witnessed: bool = False


def verify(connection: Connection) -> Verdict:
    """Judge what carries the store, then the chain, then every row by what the events tell."""
    told = _Told()
    checks = {
        "the database": _damages(connection),
        "the events": _chain(connection, told),
        "the store": _store(connection, told),
        "the actors": _actors(connection, told),
        "the versions": _versions(connection, told),
        "the codes": _confirmed(connection, told, tables.code),
        "the lineage": _confirmed(connection, told, tables.lineage),
        "the reviews": reviews(connection, told.said, told.altered),
        "the edits": edits(connection, told.said, told.altered),
        "the people and duties": people(connection, told.said, told.altered),
        "the cases": reports(connection, told.said, told.altered),
        "the shapes": _shapes(connection),
        "the parts": _parts(connection),
        "where the parts lie": boxes(connection),
        "the rows that belong to nothing": _strays(connection),
        "the tables": altered(connection),
    }
    with _any_text(connection):
        faults = [fault for what, found in checks.items() for fault in _in_words(connection, what, found)]
    return Verdict(told.size, tuple(faults))


def witnessed(connection: Connection, found: Verdict, kept: Checkpoint, *, public: Path) -> Verdict:
    """Add to a verdict what a checkpoint tells."""

    def told() -> Iterator[str]:
        yield from against(connection, kept, public=public)

    faults = _in_words(connection, "what the checkpoint tells of", told())
    return replace(found, faults=(*found.faults, *faults), witnessed=True)


def _in_words(connection: Connection, what: str, faults: Iterable[str]) -> Iterator[str]:
    """Faults, the last of them an error of the database if there is one, after which others can be looked for."""
    try:
        with connection.begin_nested():
            # What is no text is told by its bytes.
            yield from (fault.encode("utf-8", "backslashreplace").decode() for fault in faults)
    except UNREADABLE as error:
        yield f"{what} cannot be read: {in_a_line(error)}"


@contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
    """Let SQLite give text that is no UTF-8, as what it is: other text than was stored."""
    driver = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or driver is None:
        yield
        return
    strict, driver.text_factory = driver.text_factory, lambda text: text.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = strict


# ---------------------------------------------------------------- what carries the store
def _damages(connection: Connection) -> Iterator[str]:
    """What SQLite finds wrong in its file; PostgreSQL tells of damage where it reads it."""
    if connection.dialect.name != "sqlite":
        return
    for said in connection.scalars(sa.text(f"PRAGMA integrity_check({INTEGRITY_MOST})")):
        if said != "ok":
            yield f"the file is damaged: {said}"
    for table, count in sorted(_leading_nowhere(connection).items()):
        yield f"{count} rows of {table} lead nowhere"


def _leading_nowhere(connection: Connection) -> dict[str, int]:
    count: dict[str, int] = {}
    for row in connection.execute(sa.text("PRAGMA foreign_key_check")):
        count[row[0]] = count.get(row[0], 0) + 1
    return count


# ---------------------------------------------------------------- what the events tell
@dataclass
class _Told:
    """The last that events tell of everything; of what an altered event may have told there is nothing."""

    size: int = 0
    store: str | None = None
    actors: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: dict[int, Said] = field(default_factory=dict)
    altered: set[int] = field(default_factory=set)
    contradictions: list[str] = field(default_factory=list)

    def hear(self, link: Link) -> None:
        """Take in one event."""
        self.size += 1
        one = link.event
        subjects = self.versions if one.kind in OF_VERSIONS else self.actors if one.kind in KINDS else {}
        known = subjects.get(str(one.subject), {})
        if link.altered:
            self.store = None
            self.altered.add(one.seq)
            subjects[str(one.subject)] = {**known, "state": None, "spent": None}
            return
        body = _body(one)
        if of_a_review(one.kind, body) or of_an_edit(one.kind, body) or one.kind in OF_PEOPLE | OF_CASES:
            self.said[one.seq] = Said(one.kind, one.subject, one.actor, one.at, body)
        before = body.get("before", NEW)
        stays = before if one.kind == EDITED else "known"
        was, is_now = known.get("state", NEW), (STATES | ENDED).get(one.kind, stays)
        if one.kind in KINDS and was not in (None, before):
            self.contradictions.append(f"event {one.seq} tells of {one.subject} as {before}, it was {was}")
        self.store = body.get("store", self.store)
        moment = "ended_at" if one.kind == "actor.ended" else "at"
        told = {"effective_from": None, **body, "state": is_now, moment: one.at, "seq": one.seq}
        if one.kind == "version.approved":
            told["spent"] = True
        subjects[one.subject] = {**known, **told}


def _body(one: Event) -> dict[str, Any]:
    """The body of an event; nothing where it is none: whoever can write events can write such."""
    try:
        found = json.loads(one.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _chain(connection: Connection, told: _Told) -> Iterator[str]:
    yield from bracketed(_heard(judged(events(connection), store_id(connection)), told))
    yield from told.contradictions


def _heard(links: Iterable[Link], told: _Told) -> Iterator[Link]:
    for link in links:
        told.hear(link)
        yield link


# ---------------------------------------------------------------- rows against events
def _store(connection: Connection, told: _Told) -> Iterator[str]:
    if told.store is not None and store_digest(connection)["store"] != told.store:
        yield "the row of the store is not as the events say"


def _actors(connection: Connection, told: _Told) -> Iterator[str]:
    """Actors that no event tells of, such with other rights than it says, and such that are gone."""
    there = set()
    for row in connection.execute(as_it_stands(*tables.actor.c).order_by(tables.actor.c.name)):
        there.add(row.name)
        said = told.actors.get(row.name, {"state": NEW})
        rights = tuple(said.get(name) for name in ("role", "area", "at", "ended_at"))
        if said["state"] is not None and rights != (row.role, row.area, row.created_at, row.ended_at):
            until = f" until {row.ended_at}" if row.ended_at else ""
            yield f"actor {row.name} is {row.role} of {row.area or 'everywhere'}{until}, which no event says"
    yield from _gone("actor", told.actors, there)


def _versions(connection: Connection, told: _Told) -> Iterator[str]:
    """Versions that are not as the events about them say, and such of which none tells."""
    content, there = _contents(connection), set()
    for row in connection.execute(as_it_stands(*tables.version.c).order_by(tables.version.c.id)):
        there.add(str(row.id))
        said = told.versions.get(str(row.id))
        if said is None:
            yield f"version {row.id} is there without an event"
        else:
            yield from _differences(row, said, content.get(row.id, _content([])))
    yield from _gone("version", told.versions, there)


def _gone(what: str, told: dict[str, dict[str, Any]], there: set[str]) -> Iterator[str]:
    for name in sorted(told.keys() - there):
        if told[name]["state"] is not None:
            yield f"{what} {name}, which event {told[name]['seq']} tells of, is not there"


def _differences(row: Row, said: dict[str, Any], content: str) -> Iterator[str]:
    """A version against what events say of it."""
    if said["state"] is not None:
        by = f"event {said['seq']} says"
        if row.state != said["state"]:
            yield f"version {row.id} is {row.state}, {by} {said['state']}"
        if row.effective_from != said["effective_from"]:
            yield f"version {row.id} is in force from {row.effective_from}, {by} {said['effective_from']}"
        if content != said.get("content"):
            yield f"version {row.id} holds other zones than event {said['seq']} says"
        if row.parent_id != said.get("parent", row.parent_id):
            yield f"version {row.id} goes on from {row.parent_id}, {by} {said['parent']}"
    row_digest = version_digest(row._asdict())
    if row_digest != said.get("row", row_digest):
        yield f"the row of version {row.id} is not as it was drafted"


def _contents(connection: Connection) -> dict[Any, str]:
    """Of each version what :func:`gridgis.registry.versions.content_digest` gives."""
    zone, part = tables.version_zone, tables.part
    asked = as_it_stands(zone.c.version_id, zone.c.zone_code, part.c.digest)
    joined = asked.select_from(zone.outerjoin(part, part.c.id == zone.c.part_id))
    rows = _streamed(connection, joined.order_by(zone.c.version_id, zone.c.zone_code))
    return {number: _content(mine) for number, mine in groupby(rows, itemgetter(0))}


def _content(rows: Iterable[Row]) -> str:
    told = hashlib.sha256()
    for row in rows:
        told.update(f"{row.zone_code} {_hex(row.digest)}\n".encode("utf-8", "surrogateescape"))
    return told.hexdigest()


def _confirmed(connection: Connection, told: _Told, table: sa.Table) -> Iterator[str]:
    """Codes or lineage that are not as the approvals say."""
    rows = _streamed(connection, as_it_stands(*table.c).order_by(table.c.version_id))
    grouped = groupby(rows, lambda row: str(row.version_id))
    found = {number: rows_digest(row._asdict() for row in mine) for number, mine in grouped}
    none = rows_digest([])
    for number in sorted(found.keys() | told.versions.keys()):
        said, here = told.versions.get(number, {"state": NEW}), found.get(number, none)
        due = none if said.get("spent", False) is False else said.get(table.name, here)
        if said["state"] is not None and here != due:
            yield f"the rows of {table.name} of version {number} are not as the events say"


# ---------------------------------------------------------------- shapes and parts by themselves
class _Of(NamedTuple):
    """A row of a layer with the part that it is of."""

    part: tuple[bool, Any]
    layer: str
    row: Row


def _shapes(connection: Connection) -> Iterator[str]:
    for row in _streamed(connection, as_it_stands(*tables.shape.c)):
        if not isinstance(row.wkb, bytes) or hashlib.sha256(row.wkb).digest() != row.digest:
            yield f"shape {row.id} was altered"


def _parts(connection: Connection) -> Iterator[str]:
    """Parts of which rows are other ones than their digest tells; the rows of all layers come ordered by part."""
    streams = [_layer(connection, name) for name in ("zones", *LAYERS)]
    by_part = attrgetter("part")
    for (_, number), group in groupby(merge(*streams, key=by_part), by_part):
        rows = list(group)
        zone = rows[0].row
        if rows[0].layer != "zones":
            yield f"rows are there of part {number}, which is not"
        elif zone.digest != content_sha256(_told_of(rows)):
            yield f"part {number} (zone {zone.zone_code}) was altered"


def _layer(connection: Connection, name: str) -> Iterator[_Of]:
    """All rows of a layer, ordered by their part."""
    table, columns = LAYERS.get(name, (tables.part, ZONE))
    shape = tables.shape
    part_id = table.c.id if table is tables.part else table.c.part_id
    own = [part_id.label("of_part"), shape.c.digest.label("shape_digest"), *(table.c[column] for column in columns)]
    asked = as_it_stands(*own, *([table.c.digest] if table is tables.part else []))
    joined = asked.select_from(table.outerjoin(shape, shape.c.id == table.c.shape_id))
    for row in _streamed(connection, joined.order_by(part_id)):
        # What is no number comes after all numbers, in SQLite as here.
        number = isinstance(row.of_part, int)
        yield _Of((not number, row.of_part if number else repr(row.of_part)), name, row)


def _told_of(rows: list[_Of]) -> list[list[Any]]:
    """What the digest of a part is made of: the row of its zone, then those of each layer by their key."""
    out = []
    for name, group in groupby(rows, attrgetter("layer")):
        table, columns = LAYERS.get(name, (tables.part, ZONE))
        key = [column.name for column in table.primary_key if column.name in columns]
        mine = sorted((one.row for one in group), key=lambda row: [str(row._mapping[name]) for name in key])
        before = [] if table is tables.part else [name]
        out += [[*before, *(row._mapping[c] for c in columns), _hex(row.shape_digest)] for row in mine]
    return out


def _strays(connection: Connection) -> Iterator[str]:
    """Parts, shapes and zones that no version leads to: nothing ever leaves such behind."""
    layers = [table for table, _ in LAYERS.values()]
    belong = (
        (tables.shape.c.id, [table.c.shape_id for table in (tables.part, *layers)]),
        (
            tables.part.c.id,
            [
                *(table.c.part_id for table in (tables.version_zone, tables.submission_zone)),
                *(tables.edit_zone.c[side] for side in ("before_part", "after_part")),
            ],
        ),
        (tables.version_zone.c.version_id, [tables.version.c.id]),
    )
    for own, users in belong:
        for row in _streamed(connection, sa.except_(sa.select(own), *(sa.select(user) for user in users))):
            yield f"{own.table.name} {row[0]} belongs to nothing"


def _streamed(connection: Connection, asked: sa.Executable) -> Iterator[Row]:
    yield from connection.execute(asked, execution_options={"yield_per": AT_ONCE})


def _hex(digest: object) -> str:
    return digest.hex() if isinstance(digest, bytes) else repr(digest)
