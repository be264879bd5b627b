"""Reviews against what the events tell: submissions, steps, comments, sealed files, and what people wrote."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from gridgis.registry import tables
from gridgis.registry.digests import rows_digest
from gridgis.registry.events import as_it_stands, salted

DECIDED = {"version.reviewed", "version.approved", "version.filed", "version.returned"}
"""Events that tell of a step."""

OTHERS = {"version.submitted", "version.commented", "version.answered", "remark.erased"}
OPENED = ("version_id", "round", "number", "name", "kind", "role", "area_digits")
SALTED = "salted_sha256"

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Said:
    """What one event tells."""

    kind: str
    subject: str
    actor: str
    at: str
    body: dict[str, Any]


def of_a_review(kind: str, body: Mapping[str, Any]) -> bool:
    """Whether an event tells of a review, or of what somebody wrote."""
    return kind in DECIDED or kind in OTHERS or any(SALTED in _dict(value) for value in body.values())


def reviews(connection: Connection, said: Mapping[int, Said], altered: Collection[int]) -> Iterator[str]:
    """Rows of reviews that are not as the events say.

    Parameters
    ----------
    said : what events tell, by number
    altered : numbers of events that were altered: of what they told nothing is held against anything
    """
    yield from unlike("submission", _submissions(said), _rows_of_submissions(connection), altered)
    yield from unlike("step", _decisions(said), _rows_of_steps(connection), altered)
    asked, answered = _rows_of_comments(connection)
    yield from unlike("comment", _of_kind(said, "version.commented"), asked, altered)
    yield from unlike("answer", _of_kind(said, "version.answered"), answered, altered)
    yield from _remarks(connection, said, altered)
    yield from _attachments(connection, said, altered)


def unlike(what: str, told: Mapping[Any, Key], found: Mapping[Any, Key], altered: Collection[int]) -> Iterator[str]:
    """Rows by the number of their event, against the events."""
    for seq in sorted({*told, *found} - set(altered), key=str):
        if told.get(seq) != found.get(seq):
            yield f"the {what} that event {seq} tells of is not as it says"


# ---------------------------------------------------------------- what the events tell
def _submissions(said: Mapping[int, Said]) -> dict[Any, Key]:
    return {
        seq: (one.subject, one.body.get("round"), one.actor, one.at, one.body.get("handed_in"))
        for seq, one in said.items()
        if one.kind == "version.submitted"
    }


def _decisions(said: Mapping[int, Said]) -> dict[Any, Key]:
    return {
        seq: (
            one.subject, one.body.get("round"), one.body.get("step"), one.body.get("decided"), one.actor, one.at,
            one.body.get("document"), one.body.get("attachment"),
        )
        for seq, one in said.items()
        if one.kind in DECIDED
    }  # fmt: skip


def _of_kind(said: Mapping[int, Said], kind: str) -> dict[Any, Key]:
    return {
        seq: (one.subject, one.body.get("comment"), one.body.get("code"), one.body.get("other_code"))
        for seq, one in said.items()
        if one.kind == kind
    }


# ---------------------------------------------------------------- what the tables hold
def _rows_of_submissions(connection: Connection) -> dict[Any, Key]:
    rows: dict[Key, list[dict[str, Any]]] = {}
    for table in (tables.submission_zone, tables.finding, tables.step):
        columns = [column for column in table.c if table is not tables.step or column.name in OPENED]
        for row in connection.execute(as_it_stands(*columns)):
            rows.setdefault((row.version_id, row.round), []).append(row._asdict())
    handed = {
        row.event_seq: (
            str(row.version_id), row.round, row.actor, row.at, rows_digest(rows.pop((row.version_id, row.round), []))
        )
        for row in connection.execute(as_it_stands(*tables.submission.c))
    }  # fmt: skip
    return handed | {f"of round {number} of version {version}": () for version, number in rows}


def _rows_of_steps(connection: Connection) -> dict[Any, Key]:
    """Steps that were taken; one that is open has nothing of a decision."""
    out: dict[Any, Key] = {}
    for row in connection.execute(as_it_stands(*tables.step.c)):
        done = (row.event_seq, row.actor, row.at, row.document, row.attachment)
        if row.state == "open" and done == (None,) * len(done):
            continue
        sealed = row.attachment.hex() if isinstance(row.attachment, bytes) else row.attachment
        out[row.event_seq] = (
            str(row.version_id), row.round, row.number, row.state, row.actor, row.at, row.document, sealed
        )  # fmt: skip
    return out


def _rows_of_comments(connection: Connection) -> tuple[dict[Any, Key], dict[Any, Key]]:
    """Comments, and those that are answered, each by the number of its event."""
    rows = connection.execute(as_it_stands(*tables.comment.c)).all()
    return (
        {row.asked_seq: (str(row.version_id), row.id, row.code, row.other_code) for row in rows},
        {row.answered_seq: (str(row.version_id), row.id, None, None) for row in rows if row.answered_seq is not None},
    )


def _remarks(connection: Connection, said: Mapping[int, Said], altered: Collection[int]) -> Iterator[str]:
    """Texts that are not those of which the chain has the digest, and notes that are not those of the events."""
    told = {
        (seq, field): _dict(value)[SALTED]
        for seq, one in said.items()
        for field, value in one.body.items()
        if SALTED in _dict(value)
    }
    erased = Counter((one.subject, str(one.body.get("field"))) for one in said.values() if one.kind == "remark.erased")
    found, texts = {}, {}
    for row in connection.execute(as_it_stands(*tables.remark.c)):
        key = (row.event_seq, row.field)
        texts[key] = row.text
        whole = isinstance(row.text, str) and isinstance(row.salt, bytes)
        gone = row.text is None and row.salt == b"" and (bool(altered) or (str(row.event_seq), row.field) in erased)
        found[key] = salted(row.salt, row.text) if whole else told.get(key, "") if gone else ""
    for seq, field in sorted({*told, *found}, key=repr):
        if seq not in altered and told.get((seq, field)) != found.get((seq, field)):
            yield f"the {field} of event {seq} is not what was written"
    for (seq, field), times in sorted(erased.items()):
        if times > 1 or (not altered and seq not in {str(number) for number, name in told if name == field}):
            yield f"the {field} of event {seq} is told to have been erased, and could not be"
    yield from _notes(connection, said, texts, altered)


def _notes(
    connection: Connection, said: Mapping[int, Said], texts: Mapping[Key, str | None], altered: Collection[int]
) -> Iterator[str]:
    drafted = {one.subject: seq for seq, one in said.items() if one.kind == "version.drafted"}
    for row in connection.execute(as_it_stands(tables.version.c.id, tables.version.c.note)):
        seq = drafted.get(str(row.id))
        if seq is None and altered:
            continue
        if row.note != ((texts.get((seq, "note")) or "") if seq is not None else ""):
            yield f"the note of version {row.id} is not what was written"


def _attachments(connection: Connection, said: Mapping[int, Said], altered: Collection[int]) -> Iterator[str]:
    told = {one.body["attachment"]: one.body.get("file") for one in said.values() if "attachment" in one.body}
    there = set()
    for row in connection.execute(as_it_stands(*tables.attachment.c)):
        key = row.digest.hex() if isinstance(row.digest, bytes) else repr(row.digest)
        there.add(key)
        if not isinstance(row.bytes, bytes) or hashlib.sha256(row.bytes).hexdigest() != key:
            yield f"file {key} was altered"
        elif key not in told and not altered:
            yield f"file {key} belongs to nothing"
        elif key in told and row.name != told[key]:
            yield f"file {key} has another name than it was attached with"
    yield from (f"file {key} is not there" for key in sorted(told.keys() - there))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
