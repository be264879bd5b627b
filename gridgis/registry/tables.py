"""The tables of a store: one description for SQLite and for PostgreSQL with PostGIS.

Invariant: nothing that was submitted is ever changed. What a zone looked like is a *part* (its row, its grids,
micro-grids, atoms and what lies under their borders), stored once under the digest of its content; a version names a
part for each zone of its district. Events, edits of drafts, spent codes and lineage only grow.

Times are text in UTC, ISO 8601 with offset, so that they compare as they read. Geometry is WKB in the CRS of the
store; in PostgreSQL a generated PostGIS column with a spatial index stands beside it, for those who read with QGIS.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from gridgis.duties.columns import TABLES

STATES = ("draft", "submitted", "returned", "approved", "withdrawn")
"""What a version can be; "in force" and "retired" follow from the date and are stored nowhere."""

ROLES = ("planner", "submitter", "reviewer", "filer", "dispatcher", "worker", "leader", "administrator")
"""Planners draw; submitters draw and hand in; reviewers approve; filers put on file; dispatchers record cases;
workers settle those of their area; leaders read; administrators let others act."""

TASK_STATES = ("waiting", "running", "done", "failed", "cancelled")

REPORT_STATES = ("awaiting", "open", "closed", "refused")
"""Of a case: awaiting verification on the spot, verified and open, settled, found to be none."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BOX = ("west", "south", "east", "north")
"""Columns of the box around a zone, in the CRS of the store."""

Key = BigInteger().with_variant(Integer(), "sqlite")
"""Whole-number key, given by the one writer that there is at a time; in SQLite an INTEGER key is the row itself."""


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})", name=column)


store = Table(
    "store",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("store_id", Text, nullable=False),
    Column("crs", Text),
    Column("created_at", Text, nullable=False),
    CheckConstraint("id = 1", name="single"),
)
"""One row: which store this is, and the CRS of its geometry."""

actor = Table(
    "actor",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("area", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("ended_at", Text),
    _one_of("role", ROLES),
)
"""Who may act, until `ended_at`; `area` is the prefix of the codes that the right covers, empty for the whole city."""

shape = Table(
    "shape",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("wkb", LargeBinary, nullable=False),
)
"""Every geometry once, under the SHA-256 of its WKB."""

part = Table(
    "part",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("zone_code", Text, nullable=False),
    Column("name", Text),
    Column("kind", Text, nullable=False),
    Column("households", BigInteger),
    Column("area_m2", Float),
    Column("flags", Text, nullable=False),
    Column("proof", Text),
    Column("gap", Float),
    Column("shape_id", Key, ForeignKey("shape.id"), nullable=False),
    *(Column(side, Float) for side in BOX),
    Index(None, "zone_code"),
)
"""What a zone looked like; its box, by which neighbours are found, follows from its shape and is in no digest."""

grid = Table(
    "grid",
    metadata,
    Column("part_id", Key, ForeignKey("part.id"), primary_key=True),
    Column("grid_code", Text, primary_key=True),
    Column("name", Text),
    Column("households", BigInteger),
    Column("households_from", Text),
    Column("area_m2", Float),
    Column("perimeter_m", Float),
    Column("border_on_road", Float),
    Column("flags", Text, nullable=False),
    Column("shape_id", Key, ForeignKey("shape.id"), nullable=False),
    Index(None, "grid_code"),
)

microgrid = Table(
    "microgrid",
    metadata,
    Column("part_id", Key, primary_key=True),
    Column("microgrid_code", Text, primary_key=True),
    Column("grid_code", Text, nullable=False),
    Column("households", BigInteger),
    Column("area_m2", Float),
    Column("flags", Text, nullable=False),
    Column("shape_id", Key, ForeignKey("shape.id"), nullable=False),
    ForeignKeyConstraint(["part_id", "grid_code"], ["grid.part_id", "grid.grid_code"]),
)

atom = Table(
    "atom",
    metadata,
    Column("part_id", Key, primary_key=True),
    Column("atom_id", Text, primary_key=True),
    Column("grid_code", Text, nullable=False),
    Column("microgrid_code", Text, nullable=False),
    Column("households", BigInteger),
    Column("shape_id", Key, ForeignKey("shape.id"), nullable=False),
    ForeignKeyConstraint(["part_id", "grid_code"], ["grid.part_id", "grid.grid_code"]),
)

border = Table(
    "border",
    metadata,
    Column("part_id", Key, ForeignKey("part.id"), primary_key=True),
    Column("border_class", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("shape_id", Key, ForeignKey("shape.id"), nullable=False),
)
"""What lies under the borders of the atoms and grids of a part: all lines of one class and name (empty for none)."""

version = Table(
    "version",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("district", Text, nullable=False),
    Column("network", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("parent_id", Key, ForeignKey("version.id")),
    Column("state", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("profile_toml", Text, nullable=False),
    Column("inputs_sha256", Text, nullable=False),
    Column("software", Text, nullable=False),
    Column("metrics", Text, nullable=False),
    Column("author", Text, ForeignKey("actor.name"), nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("effective_from", Text),
    UniqueConstraint("district", "network", "number"),
    UniqueConstraint("district", "network", "effective_from"),
    _one_of("state", STATES),
    CheckConstraint("(state = 'approved') = (effective_from IS NOT NULL)", name="effective"),
)

version_zone = Table(
    "version_zone",
    metadata,
    Column("version_id", Key, ForeignKey("version.id"), primary_key=True),
    Column("zone_code", Text, primary_key=True),
    Column("part_id", Key, ForeignKey("part.id"), nullable=False),
    Index(None, "part_id"),
)

code = Table(
    "code",
    metadata,
    Column("network", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("version_id", Key, ForeignKey("version.id"), nullable=False),
)
"""Codes that were confirmed, with the version that did: spent once and for all."""

lineage = Table(
    "lineage",
    metadata,
    Column("version_id", Key, ForeignKey("version.id"), primary_key=True),
    Column("old_code", Text, primary_key=True),
    Column("new_code", Text, primary_key=True),
    Column("households", BigInteger),
    Column("area_m2", Float, nullable=False),
    Index(None, "old_code"),
    Index(None, "new_code"),
)
"""What each grid in force passed on to each grid of the version that followed."""

event = Table(
    "event",
    metadata,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    CheckConstraint("seq > 0", name="seq"),
)
"""Every change: who, when, what, before and after; chained by digest."""

remark = Table(
    "remark",
    metadata,
    Column("event_seq", Key, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("text", Text),
)
"""What people wrote. The chain holds a salted digest of it alone, so that it can be erased by law: it has no text
then, and an empty salt."""

edit = Table(
    "edit",
    metadata,
    Column("version_id", Key, ForeignKey("version.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("event_seq", Key, nullable=False),
    Column("actor", Text, ForeignKey("actor.name"), nullable=False),
    Column("at", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("asked", Text, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("undoes", Integer),
    Column("codes", Text, nullable=False),
    ForeignKeyConstraint(["version_id", "undoes"], ["edit.version_id", "edit.number"]),
    Index(None, "version_id", "action"),
    CheckConstraint("number > 0 AND seen < number AND (undoes IS NULL OR undoes < number)", name="order"),
)
"""Every edit of a draft, numbered from 1 in its version: who did what when, what was asked (RFC 8785 JSON), the last
edit that he had seen, the edit that it takes back, and the codes of the grids that it touched (JSON, in order)."""

edit_zone = Table(
    "edit_zone",
    metadata,
    Column("version_id", Key, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("zone_code", Text, primary_key=True),
    Column("before_part", Key, ForeignKey("part.id")),
    Column("after_part", Key, ForeignKey("part.id")),
    ForeignKeyConstraint(["version_id", "number"], ["edit.version_id", "edit.number"]),
)
"""The part of each zone that an edit changed, before and after; none where there was no such zone."""

submission = Table(
    "submission",
    metadata,
    Column("version_id", Key, ForeignKey("version.id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("event_seq", Key, nullable=False),
    Column("actor", Text, ForeignKey("actor.name"), nullable=False),
    Column("at", Text, nullable=False),
)
"""Each time that a version was handed in."""

submission_zone = Table(
    "submission_zone",
    metadata,
    Column("version_id", Key, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("zone_code", Text, primary_key=True),
    Column("part_id", Key, ForeignKey("part.id"), nullable=False),
    ForeignKeyConstraint(["version_id", "round"], ["submission.version_id", "submission.round"]),
    Index(None, "part_id"),
)
"""What was handed in, whatever came of it when other versions were approved before."""

finding = Table(
    "finding",
    metadata,
    Column("version_id", Key, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("reason", Text, nullable=False),
    ForeignKeyConstraint(["version_id", "round"], ["submission.version_id", "submission.round"]),
)
"""Findings that a version was handed in with, and why they are to stand."""

attachment = Table(
    "attachment",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("name", Text, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)
"""Sealed files, each once, under the SHA-256 of its bytes."""

step = Table(
    "step",
    metadata,
    Column("version_id", Key, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("area_digits", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("event_seq", Key),
    Column("actor", Text, ForeignKey("actor.name")),
    Column("at", Text),
    Column("document", Text),
    Column("attachment", LargeBinary, ForeignKey("attachment.digest")),
    ForeignKeyConstraint(["version_id", "round"], ["submission.version_id", "submission.round"]),
    _one_of("state", ("open", "approved", "returned", "filed")),
    _one_of("kind", ("review", "filing")),
)
"""The steps of each review, as the profile of the version has them, and who took them."""

comment = Table(
    "comment",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("version_id", Key, ForeignKey("version.id"), nullable=False),
    Column("code", Text, nullable=False),
    Column("other_code", Text),
    Column("asked_seq", Key, nullable=False),
    Column("answered_seq", Key),
    Index(None, "version_id"),
)
"""Comments pinned to a grid, a micro-grid, a zone, or the border between two grids; who said what is an event."""


def _entries(name: str, contract: str) -> Table:
    """Rows of a table of people and duties: each came with one event, and stands until another takes its place.

    Which event brought it, and which ended it, stand beside what the contract has; a row is never changed otherwise.
    """
    types = {"number": Float, "flag": Integer}
    own = {key: one for key, one in TABLES[contract].items() if not one.private}
    return Table(
        name,
        metadata,
        Column("id", Key, primary_key=True, autoincrement=False),
        Column("event_seq", Key, nullable=False),
        Column("ended_seq", Key),
        *(Column(key, types.get(one.type, Text)(), nullable=True) for key, one in own.items()),
        Index(None, "event_seq"),
    )


person = _entries("person", "people")
"""What the public may know of people. The chain has a salted digest of it, so that it can be erased by law: there is
no text then but the number of the person, and an empty salt."""
person.append_column(Column("salt", LargeBinary, nullable=False))
person.append_column(Column("digest", LargeBinary, nullable=False))

person_private = Table(
    "person_private",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("event_seq", Key, nullable=False),
    Column("ended_seq", Key),
    Column("person_id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("sealed", LargeBinary),
    Index(None, "event_seq"),
)
"""What only some may know of people, encrypted with a key that is kept elsewhere; `sealed` is NULL where erased."""

post = _entries("post", "posts")
unit = _entries("unit", "units")
item = _entries("item", "items")
duty_rule = _entries("duty_rule", "rules")
designate = _entries("designate", "designate")

alias = Table(
    "alias",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("event_seq", Key, nullable=False),
    Column("text_key", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("x", Float, nullable=False),
    Column("y", Float, nullable=False),
    Column("actor", Text, ForeignKey("actor.name"), nullable=False),
    Column("at", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("digest", LargeBinary),
    Index(None, "text_key"),
)
"""Corrections of addresses that are remembered; the newest for a text holds. What a caller wrote, and where he was
found, can be erased by law: the chain has a salted digest of it. Those of older versions have none and stay whole."""


# ---------------------------------------------------------------- those who sign in, and what the server does for them
account = Table(
    "account",
    metadata,
    Column("actor", Text, ForeignKey("actor.name"), primary_key=True),
    Column("password", Text),
    Column("must_change", Integer, nullable=False),
    Column("subject", Text, unique=True),
    Column("changed_at", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Text),
    Column("totp", LargeBinary),
    Column("totp_since", Text),
    Column("totp_step", Integer),
    Column("recovery", Text),
)
"""How an actor signs in: the argon2 hash of a password, which he must change where it was given to him, or the subject
by which an OpenID provider knows him; failures in a row, and until when nobody may try. The second factor: what makes
its codes (`totp`, encrypted with a key kept elsewhere), since when it is asked for (NULL while he has not shown that he
has it), the step of time of the last code, and the digests of the recovery codes that are left (JSON)."""

session = Table(
    "session",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("actor", Text, ForeignKey("actor.name"), nullable=False),
    Column("created_at", Text, nullable=False),
    Column("seen_at", Text, nullable=False),
    Column("half", Integer),
    Index(None, "actor"),
)
"""Who is signed in, under the SHA-256 of what his browser holds; `half` is 1 where he has still to give a code."""

api_token = Table(
    "api_token",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("actor", Text, ForeignKey("actor.name"), nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("ended_at", Text),
    Index(None, "actor"),
)
"""Keys of programs, which act as an actor; of each there is a SHA-256 alone."""

task = Table(
    "task",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("asked", Text, nullable=False),
    Column("actor", Text, ForeignKey("actor.name"), nullable=False),
    Column("area", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("share", Float, nullable=False),
    Column("said", Text, nullable=False),
    Column("result", Text),
    Column("tries", Integer, nullable=False),
    Column("cancel", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("started_at", Text),
    Column("heard_at", Text),
    Column("ended_at", Text),
    Index(None, "state"),
    Index(None, "actor"),
    _one_of("state", TASK_STATES),
)
"""Long work: what is asked (JSON), how far it is (0..1), what it says, and when its worker was last heard of."""

report = Table(
    "report",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("number", Text, nullable=False, unique=True),
    Column("network", Text, nullable=False),
    Column("reported_at", Text, nullable=False),
    Column("received_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Column("actor", Text, ForeignKey("actor.name"), nullable=False),
    Column("item", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("lon", Float),
    Column("lat", Float),
    Column("accuracy_m", Float),
    Column("component_id", Text),
    Column("severity", Text),
    Column("grid_code", Text, nullable=False),
    Column("microgrid_code", Text, nullable=False),
    Column("zone_code", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("chosen_by", Text, nullable=False),
    Column("lead", Text, nullable=False),
    Column("co", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("handed", Integer, nullable=False),
    Column("idempotency", LargeBinary, unique=True),
    Column("event_seq", Key, nullable=False),
    Column("sealed", LargeBinary),
    Index(None, "grid_code", "reported_at"),
    Index(None, "state", "id"),
    Index(None, "updated_at"),
    _one_of("state", REPORT_STATES),
)
"""Cases that were recorded: where they lie, in whose grid, who answers for them (`answer`: all of it, JSON), and what
became of them. `sealed` is what callers said and left, encrypted with a key kept elsewhere; NULL where erased."""

report_change = Table(
    "report_change",
    metadata,
    Column("report_id", Key, ForeignKey("report.id"), primary_key=True),
    Column("event_seq", Key, primary_key=True),
)
"""The events that tell what became of a case, in their order."""

webhook = Table(
    "webhook",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("url", Text, nullable=False),
    Column("area", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("actor", Text, ForeignKey("actor.name"), nullable=False),
    Column("created_at", Text, nullable=False),
    Column("ended_at", Text),
)
"""Who is told of approvals and of cases that change hands, with the key by which the message is signed."""

delivery = Table(
    "delivery",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("webhook_id", Key, ForeignKey("webhook.id"), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Text),
    Column("done_at", Text),
    Column("said", Text, nullable=False),
    Index(None, "next_at"),
)
"""Messages that are to be sent, or were."""
