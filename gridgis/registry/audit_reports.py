"""Recorded cases against what the events tell."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from gridgis.registry import tables
from gridgis.registry.audit_review import Said
from gridgis.registry.events import AT_ONCE, as_it_stands
from gridgis.registry.reports import fixed_digest, moving_digest

REPORTED, ERASED = "case.reported", "case.erased"
CHANGING = frozenset({"case.verified", "case.refused", "case.handed", "case.chosen", "case.closed"})
"""Events after which a case stands otherwise."""
KINDS = CHANGING | {REPORTED, ERASED}


@dataclass
class _Told:
    """What the events tell of one case."""

    first: int = 0
    row: object = None
    now: object = None
    sealed: object = None
    changes: set[Any] = field(default_factory=set)


def reports(connection: Connection, said: Mapping[int, Said], altered: Collection[int]) -> Iterator[str]:
    """Cases that are not as the events say, and such of which none tells.

    Parameters
    ----------
    said : what events tell, by number
    altered : numbers of events that were altered: of what they told nothing is held against anything
    """
    told = _told(said)
    changes = _changes(connection)
    for one in connection.execute(as_it_stands(*tables.report.c).execution_options(yield_per=AT_ONCE)):
        row = one._asdict()
        mine = told.pop(row["number"], None)
        if mine is None:
            if row["event_seq"] not in altered:
                yield f"case {row['number']} is there without an event"
            continue
        yield from _differences(row, mine, changes.pop(row["id"], set()), set(altered))
    yield from (f"case {number}, which event {one.first} tells of, is not there" for number, one in told.items())
    yield from (f"changes are there of case row {number}, which is not" for number in sorted(changes, key=str))


def _told(said: Mapping[int, Said]) -> dict[Any, _Told]:
    """The last that events tell of each case, by number."""
    out: dict[Any, _Told] = {}
    for seq, one in sorted(said.items()):
        if one.kind not in KINDS:
            continue
        mine = out.setdefault(one.subject, _Told(first=seq))
        if one.kind == REPORTED:
            mine.row, mine.sealed = one.body.get("row"), one.body.get("sealed")
        if one.kind == ERASED:
            mine.sealed = None
        else:
            mine.now = one.body.get("now")
        if one.kind in CHANGING:
            mine.changes.add(seq)
    return out


def _changes(connection: Connection) -> dict[Any, set[Any]]:
    out: dict[Any, set[Any]] = {}
    for row in connection.execute(as_it_stands(*tables.report_change.c)):
        out.setdefault(row.report_id, set()).add(row.event_seq)
    return out


def _differences(row: dict[str, Any], mine: _Told, changes: set[Any], altered: set[int]) -> Iterator[str]:
    what = f"case {row['number']}"
    if mine.row is not None and fixed_digest(row) != mine.row:
        yield f"{what} is not as it was recorded"
    if changes - altered != mine.changes:
        yield f"the changes of {what} are not as the events say"
    if altered:
        return  # any of them may have told of this case
    if row["event_seq"] != mine.first:
        yield f"{what} is told to come with event {row['event_seq']}, which is not the one"
    if moving_digest(row) != mine.now:
        yield f"{what} does not stand as the last event of it says"
    sealed = hashlib.sha256(row["sealed"]).hexdigest() if isinstance(row["sealed"], bytes) else row["sealed"]
    if sealed != mine.sealed:
        yield f"what is kept of the caller of {what} was altered, or erased without an event"
