"""Cases that were recorded: who reported what where, who answers for it, and what became of it.

Invariant: a case begins as awaiting verification; what it was told as never changes, and every step after that is an
event. What callers said and left of themselves stands nowhere in plain: the table has it sealed, the chain a digest of
what was sealed. The same idempotency key gives the same case again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry.actors import Actor, allowed, known
from gridgis.registry.digests import rows_digest
from gridgis.registry.events import record as tell
from gridgis.registry.roles import CHANGING
from gridgis.registry.sealing import Seal
from gridgis.registry.store import Conflict
from gridgis.registry.tables import report, report_change
from gridgis.registry.webhooks import tell_webhooks

RECORDS = ("dispatcher", "worker", "administrator")
"""Who may record cases of his area, settle them, and read what callers said."""
HANDS = ("dispatcher", "administrator")
"""Who may hand them on."""
PRIVATE = ("description", "address", "caller", "phone")
"""What is sealed of a case."""
LONGEST = {"description": 4_000, "address": 400, "caller": 100, "phone": 40, "reason": 1_000, "party": 200}
"""Characters of the longest text of each kind."""
PUSHED_BACK_ONCE = "XL 12"
"""Clause: a department may push a case back once."""

MOVING = tuple(name for name in CHANGING["report"] if name != "sealed")
"""Columns that change in the life of a case."""
FIXED = tuple(column.name for column in report.c if column.name not in (*CHANGING["report"], "event_seq"))
"""Columns that never do."""


@dataclass(frozen=True)
class Case:
    """What is recorded of a case; texts are empty and numbers None where nothing is known.

    Attributes
    ----------
    reported_at : as :func:`gridgis.registry.store.as_utc` gives it
    lon, lat : in degrees (WGS84)
    answer : what else was answered, JSON without anything that is personal
    """

    network: str
    reported_at: str
    item: str = ""
    source: str = ""
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None
    component_id: str | None = None
    severity: str | None = None
    grid_code: str = ""
    microgrid_code: str = ""
    zone_code: str = ""
    method: str = ""
    confidence: float = 0.0
    chosen_by: str = ""
    lead: str = ""
    co: str = ""
    answer: str = "{}"


@dataclass(frozen=True)
class Report(Case):
    """A case that was recorded; see :data:`gridgis.registry.tables.report`.

    Attributes
    ----------
    handed : how often a department pushed it back
    has_private : whether what a caller said is kept
    """

    id: int = 0
    number: str = ""
    received_at: str = ""
    updated_at: str = ""
    actor: str = ""
    state: str = ""
    handed: int = 0
    event_seq: int = 0
    has_private: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {**asdict(self), "answer": json.loads(self.answer)}


def record(
    connection: Connection,
    case: Case,
    *,
    actor: str,
    at: str,
    day: str,
    private: Mapping[str, str] | None = None,
    seal: Seal | None = None,
    key: str | None = None,
) -> Report:
    """Record a case, awaiting verification; the one that was recorded with the same key where there is one.

    Parameters
    ----------
    day : of the number, in the time of the city, such as 20261126; numbers never go back
    private : of :data:`PRIVATE`, what a caller said and left of himself
    seal : by which it is encrypted
    key : idempotency key, by which a caller may send the same case again

    Raises
    ------
    InputRefused
        Where the actor may not record cases there; where there is something private and no key to encrypt it.
    Conflict
        Where another case was recorded with the same idempotency key by somebody else.
    """
    said = {name: text for name, text in (private or {}).items() if text}
    _refuse_texts(said)
    digest = None if key is None else hashlib.sha256(f"{actor}\n{key}".encode()).digest()
    if digest is not None and (found := connection.execute(_BY_KEY, {"digest": digest}).first()) is not None:
        return _report(found)
    who = known(connection, actor)
    allowed(connection, actor, RECORDS, area=case.grid_code or who.area, who=who)
    if said and seal is None:
        cure = "Name the key of the server with people_key, or record the case without what the caller said"
        raise InputRefused([Fault("case", ", ".join(said), "is private and there is no key to encrypt it", cure)])
    last = connection.execute(_LAST).first()
    number = _number(day, last.number if last else "")
    row = {
        **asdict(case),
        "id": last.id + 1 if last else 1,
        "number": number,
        "received_at": at,
        "updated_at": at,
        "actor": actor,
        "state": "awaiting",
        "handed": 0,
        "idempotency": digest,
        "sealed": seal.sealed(_whose(number), said) if said and seal else None,
    }
    body = {
        "report": row["id"],
        "item": case.item,
        "grid": case.grid_code,
        "state": "awaiting",
        "row": fixed_digest(row),
        "now": moving_digest(row),
        **({"sealed": hashlib.sha256(row["sealed"]).hexdigest()} if row["sealed"] else {}),
    }
    row["event_seq"] = tell(connection, at=at, actor=actor, kind="case.reported", subject=number, body=body).seq
    connection.execute(sa.insert(report), row)
    return Report(**{name: row[name] for name in _PLAIN}, has_private=bool(said))


# ---------------------------------------------------------------- what becomes of a case
def verify(connection: Connection, number: str, *, actor: str, at: str, seen: str | None = None) -> Report:
    """A case was found on the spot: it is open.

    Parameters
    ----------
    seen : `updated_at` of the case as the actor saw it; None takes it as it is

    Raises
    ------
    InputRefused
        Where there is no such case in the area of the actor, or his role does not let him.
    Conflict
        Where it is no longer awaiting verification, or was changed since the actor saw it.
    """
    one = _mine(connection, number, actor, RECORDS, states=("awaiting",), seen=seen)
    return _change(connection, one, {"state": "open"}, kind="case.verified", actor=actor, at=at)


def refuse(connection: Connection, number: str, *, reason: str, actor: str, at: str, seen: str | None = None) -> Report:
    """A case was found to be none, which needs a reason; see :func:`verify`."""
    _refuse_reason(reason)
    one = _mine(connection, number, actor, RECORDS, states=("awaiting",), seen=seen)
    return _change(connection, one, {"state": "refused"}, kind="case.refused", actor=actor, at=at, reason=reason)


def close(
    connection: Connection, number: str, *, reason: str = "", actor: str, at: str, seen: str | None = None
) -> Report:
    """A case was settled; `reason` is how. See :func:`verify`."""
    _refuse_texts({"reason": reason})
    one = _mine(connection, number, actor, RECORDS, states=("open",), seen=seen)
    return _change(connection, one, {"state": "closed"}, kind="case.closed", actor=actor, at=at, reason=reason)


def hand(
    connection: Connection,
    number: str,
    *,
    reason: str,
    lead: str,
    co: str | None = None,
    place: Mapping[str, str] | None = None,
    pushed_back: bool = False,
    actor: str,
    at: str,
    seen: str | None = None,
) -> Report:
    """Hand a case on to another who leads, with a reason; see :func:`verify`.

    Parameters
    ----------
    co : who is responsible beside; those who were where None
    place : `grid_code`, `microgrid_code` and `zone_code` where it goes to another grid
    pushed_back : whether the department that led pushes it back, which it may once (XL 12)

    Raises
    ------
    Conflict
        Where it was pushed back before; and as of :func:`verify`.
    """
    _refuse_reason(reason)
    _refuse_texts({"party": f"{lead}{co or ''}"})
    if not lead.strip():
        raise InputRefused([Fault("case", number, "is handed to nobody", "Name who leads from now on")])
    one = _mine(connection, number, actor, HANDS, states=("awaiting", "open"), seen=seen)
    if place is not None:
        allowed(connection, actor, HANDS, area=place["grid_code"])
    if pushed_back and one.handed:
        cure = "Designate who leads, and hand it there"
        raise Conflict(f"Case {number} was pushed back before, which is allowed once ({PUSHED_BACK_ONCE}). {cure}.")
    change: dict[str, Any] = {"lead": lead, **({} if co is None else {"co": co}), **_placed(place)}
    if all(getattr(one, name) == value for name, value in change.items()):
        raise InputRefused([Fault("case", number, "is with them already", "Name another party or another grid")])
    told = {"before": _parties(one), "after": _parties(one, change), "pushed_back": pushed_back}
    change["handed"] = one.handed + int(pushed_back)
    made = _change(connection, one, change, kind="case.handed", actor=actor, at=at, reason=reason, told=told)
    said = {"case": number, "grid": made.grid_code, "state": made.state, **told}
    tell_webhooks(connection, "case.handed", said, made.grid_code, at=at)
    return made


def choose(
    connection: Connection,
    number: str,
    *,
    place: Mapping[str, str],
    lead: str,
    co: str,
    actor: str,
    at: str,
    seen: str | None = None,
) -> Report:
    """A person chose the grid of a case, one of those that it may belong to; see :func:`verify`.

    Raises
    ------
    InputRefused
        Where the grid is none of them.
    """
    one = _mine(connection, number, actor, RECORDS, states=("awaiting", "open"), seen=seen, other=place["grid_code"])
    options = [option["grid_code"] for option in json.loads(one.answer).get("options", ())]
    if place["grid_code"] not in options:
        cure = f"Choose one of {', '.join(options)}" if options else "Hand it to that grid, with a reason"
        raise InputRefused([Fault("case", number, f"may not belong to grid {place['grid_code']}", cure)])
    change = {**_placed(place), "lead": lead, "co": co, "chosen_by": actor}
    told = {"before": _parties(one), "after": _parties(one, change)}
    return _change(connection, one, change, kind="case.chosen", actor=actor, at=at, told=told)


def erase_private(connection: Connection, number: str, *, actor: str, at: str) -> None:
    """Erase by law what a caller said and left; the case and the chain of events stay.

    Raises
    ------
    InputRefused
        Where there is nothing to be erased, or the actor is no administrator of everything.
    """
    allowed(connection, actor, "administrator", area="")
    gone = sa.update(report).where(report.c.number == number, report.c.sealed.is_not(None)).values(sealed=None)
    if connection.execute(gone).rowcount != 1:
        raise InputRefused([Fault("case", number, "has nothing to be erased", "See the number of the case")])
    tell(connection, at=at, actor=actor, kind="case.erased", subject=number, body={})


# ---------------------------------------------------------------- reading
def get(connection: Connection, number: str) -> Report:
    """One case, whoever asks.

    Raises
    ------
    InputRefused
        Where there is none.
    """
    row = connection.execute(_SELECT.where(report.c.number == number)).first()
    if row is None:
        raise InputRefused([Fault("case", number, "is not known", "Look at the list of cases")])
    return _report(row)


@dataclass(frozen=True)
class Found:
    """A page of cases, the newest first, and whether there are older ones."""

    cases: tuple[Report, ...]
    more: bool


def find(
    connection: Connection,
    *,
    area: str = "",
    own: str | None = None,
    network: str | None = None,
    states: Sequence[str] = (),
    bbox: tuple[float, float, float, float] | None = None,
    updated_after: str | None = None,
    numbers: Sequence[str] | None = None,
    items: Sequence[str] | None = None,
    grid_code: str = "",
    reported: tuple[str, str] | None = None,
    page: int = 1,
    size: int = 50,
) -> Found:
    """Cases, the newest first.

    Parameters
    ----------
    area : beginning of the codes of their grids
    own : an actor whose cases without a grid are among them
    bbox : west, south, east, north in degrees
    updated_after : as it is stored
    numbers, items : of which they are, none where there are none; any where None
    grid_code : of the grid that they lie in
    reported : first and last time of their report, as it is stored
    page : from 1
    """
    c, asked = report.c, _SELECT.order_by(report.c.id.desc())
    if area:
        inside: sa.ColumnElement[bool] = c.grid_code.startswith(area, autoescape=True)
        asked = asked.where(sa.or_(inside, sa.and_(c.grid_code == "", c.actor == own)) if own else inside)
    if network is not None:
        asked = asked.where(c.network == network)
    if states:
        asked = asked.where(c.state.in_(list(states)))
    if bbox is not None:
        asked = asked.where(c.lon.between(bbox[0], bbox[2]), c.lat.between(bbox[1], bbox[3]))
    if updated_after is not None:
        asked = asked.where(c.updated_at > updated_after)
    if numbers is not None:
        asked = asked.where(c.number.in_(list(numbers)))
    if items is not None:
        asked = asked.where(c.item.in_(list(items)))
    if grid_code:
        asked = asked.where(c.grid_code == grid_code)
    if reported is not None:
        asked = asked.where(c.reported_at.between(*reported))
    rows = connection.execute(asked.limit(size + 1).offset((page - 1) * size)).all()
    return Found(tuple(_report(row) for row in rows[:size]), len(rows) > size)


def around(
    connection: Connection,
    *,
    grids: Sequence[str],
    bbox: tuple[float, float, float, float],
    item: str,
    since: str,
    network: str,
) -> list[Report]:
    """Cases of an item in some grids and in a box of degrees that were reported since, the newest first.

    Those that were refused are none.
    """
    c = report.c
    asked = _SELECT.where(c.grid_code.in_(list(grids)), c.reported_at >= since, c.item == item, c.network == network)
    asked = asked.where(c.lon.between(bbox[0], bbox[2]), c.lat.between(bbox[1], bbox[3]), c.state != "refused")
    return [_report(row) for row in connection.execute(asked.order_by(c.id.desc()).limit(50))]


def read_private(connection: Connection, number: str, *, seal: Seal, actor: str, at: str) -> dict[str, str]:
    """What a caller said and left of himself; who asked, of which case and when, is an event.

    Raises
    ------
    InputRefused
        Where there is no such case in the area of the actor, his role does not let him, or the key is another.
    """
    _mine(connection, number, actor, RECORDS)
    sealed = connection.scalar(sa.select(report.c.sealed).where(report.c.number == number))
    found = {} if sealed is None else seal.opened(_whose(number), bytes(sealed))
    tell(connection, at=at, actor=actor, kind="case.read", subject=number, body={"fields": sorted(found)})
    return found


# ---------------------------------------------------------------- digests
def fixed_digest(row: Mapping[str, Any]) -> str:
    """What the first event of a case tells of what never changes in its row."""
    told = {name: row[name] for name in FIXED}
    return rows_digest([{**told, "idempotency": _hex(told["idempotency"])}])


def moving_digest(row: Mapping[str, Any]) -> str:
    """What each event of a case tells of how it stood afterwards."""
    return rows_digest([{name: row[name] for name in MOVING}])


def _hex(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


# ---------------------------------------------------------------- the parts of it
_PLAIN = tuple(one.name for one in fields(Report) if one.name != "has_private")
_SELECT = sa.select(*(report.c[name] for name in _PLAIN), report.c.sealed.is_not(None).label("has_private"))
_BY_KEY = _SELECT.where(report.c.idempotency == sa.bindparam("digest"))
_LAST = sa.select(report.c.id, report.c.number).order_by(report.c.id.desc()).limit(1)
"""Questions that are asked often stand ready."""


def _report(row: Any) -> Report:
    return Report(**{**row._asdict(), "has_private": bool(row.has_private)})


def _whose(number: str) -> str:
    return f"case {number}"


def _number(day: str, last: str) -> str:
    """The number that follows the last one; where the clock went back it goes on with the day of that."""
    day_of_last, _, counted = last.partition("-")
    return f"{day_of_last}-{int(counted) + 1:06}" if last and day_of_last >= day else f"{day}-000001"


def _mine(
    connection: Connection,
    number: str,
    actor: str,
    roles: tuple[str, ...],
    *,
    states: tuple[str, ...] = (),
    seen: str | None = None,
    other: str = "",
) -> Report:
    """A case that an actor may act on, in one of some states; one without a grid by that which it is to have."""
    row = get(connection, number)
    who: Actor = known(connection, actor)
    mine = row.actor == actor and not row.grid_code
    allowed(connection, actor, roles, area=row.grid_code or other or (who.area if mine else ""), who=who)
    if states and row.state not in states:
        raise Conflict(f"Case {number} is {row.state}: this is done while it is {' or '.join(states)}.")
    if seen is not None and row.updated_at != seen:
        raise Conflict(f"Case {number} was changed at {row.updated_at}. Look at it again.")
    return row


def _change(
    connection: Connection,
    one: Report,
    change: Mapping[str, Any],
    *,
    kind: str,
    actor: str,
    at: str,
    reason: str = "",
    told: Mapping[str, Any] | None = None,
) -> Report:
    """Change the row of a case and tell of it."""
    new = {**asdict(one), **change, "updated_at": max(at, one.updated_at)}
    body = {"grid": new["grid_code"], "state": new["state"], **(told or {}), "now": moving_digest(new)}
    made = tell(connection, at=at, actor=actor, kind=kind, subject=one.number, body=body, private={"reason": reason})
    connection.execute(sa.insert(report_change), {"report_id": one.id, "event_seq": made.seq})
    values = {name: new[name] for name in (*change, "updated_at")}
    connection.execute(sa.update(report).where(report.c.id == one.id).values(values))
    return Report(**new)


def _placed(place: Mapping[str, str] | None) -> dict[str, str]:
    names = ("grid_code", "microgrid_code", "zone_code")
    return {} if place is None else {name: place[name] for name in names}


def _parties(one: Report, change: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Where a case is and who leads: departments and posts, no persons."""
    return {name: str((change or {}).get(name, getattr(one, name))) for name in ("grid_code", "lead", "co")}


def _refuse_reason(reason: str) -> None:
    if not reason.strip():
        raise InputRefused([Fault("case", "reason", "is empty", "Say why")])
    _refuse_texts({"reason": reason})


def _refuse_texts(texts: Mapping[str, str]) -> None:
    faults = [
        Fault("case", name, f"has {len(text)} characters", f"Take at most {LONGEST[name]}")
        for name, text in texts.items()
        if len(text) > LONGEST[name]
    ]
    if faults:
        raise InputRefused(faults)
