"""Review of versions: handed in, taken on file, returned or approved, step by step as the profile says.

Invariant: nobody decides on what is his own. A review decides and may return; a filing takes note and holds nothing
up. Whoever takes the last step brings the version into force. Comments are answered before. Source: CX 7, XL 10.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import geopandas as gpd
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.profile import Review, profile_from_toml
from gridgis.registry import tables
from gridgis.registry.actors import allowed, with_article
from gridgis.registry.attachments import attached
from gridgis.registry.change_sets import changed
from gridgis.registry.comments import unanswered
from gridgis.registry.digests import approval_digests, rows_digest
from gridgis.registry.edit_store import written
from gridgis.registry.edits import numbered
from gridgis.registry.parts import parts_of
from gridgis.registry.versions import (
    OPEN,
    Version,
    bring_up,
    changed_zones,
    get,
    ground,
    last_approved,
    moved,
    profile_toml,
    recorded,
    refuse_late,
    refuse_state,
)
from gridgis.registry.webhooks import tell_webhooks

DONE = {"review": "approved", "filing": "filed"}
"""What a step of each kind is once it is taken."""


@dataclass(frozen=True)
class Step:
    """A step of the last review of a version; see :data:`gridgis.registry.tables.step`."""

    round: int
    number: int
    name: str
    kind: str
    role: str
    area_digits: int
    state: str
    actor: str | None
    at: str | None
    document: str | None
    attachment: bytes | None


FIELDS = tuple(Step.__dataclass_fields__)


@dataclass(frozen=True)
class Decision:
    """What one who takes a step says.

    Attributes
    ----------
    actor, at : who and when
    document : number of the decision, or of the receipt
    attachment : digest of a sealed file that is in the store
    effective_from : at the last step from when the version is in force, UTC
    """

    actor: str
    at: str
    document: str = ""
    attachment: bytes | None = None
    effective_from: str | None = None


def submit(
    connection: Connection,
    version: Version,
    *,
    actor: str,
    at: str,
    findings: gpd.GeoDataFrame | None = None,
    reasons: Mapping[str, str] | None = None,
    zones: Collection[str] | None = None,
) -> Version:
    """Hand a draft, or a version that was returned, to review; codes in zones that were edited go on by it.

    Parameters
    ----------
    findings : `rule`, `code`, `detail` of those that it is handed in with
    reasons : why those of each rule are to stand; under an empty name why those of any other rule are
    zones : that it changed, where they are known

    Raises
    ------
    InputRefused
        As :func:`submittable`; where there is no reason for the findings of a rule, or one for a rule without any.
    Conflict
        As :func:`submittable`.
    """
    zones = submittable(connection, version, actor=actor, zones=zones)
    coded = numbered(connection, version, actor=actor, at=at)
    told = _with_reasons(findings, reasons or {}, codes=coded.codes if coded else {})
    s = tables.submission
    last = connection.scalar(sa.select(sa.func.max(s.c.round)).where(s.c.version_id == version.id))
    key = {"version_id": version.id, "round": 1 + (last or 0)}
    handed = [{**key, "zone_code": code, "part_id": part} for code, part in parts_of(connection, version.id).items()]
    said = [{**key, "number": k, **row} for k, row in enumerate(told, 1)]
    opened = [
        {**key, "number": k, **row.model_dump()} for k, row in enumerate(_steps_of(connection, version, zones), 1)
    ]
    body = {"round": key["round"], "findings": len(told), "handed_in": rows_digest([*handed, *said, *opened])}
    body |= coded.body if coded else {}
    made, seq = moved(connection, version, OPEN, "submitted", actor=actor, at=at, body=body)
    connection.execute(sa.insert(s).values(**key, event_seq=seq, actor=actor, at=at))
    connection.execute(sa.insert(tables.submission_zone), handed)
    if said:
        connection.execute(sa.insert(tables.finding), said)
    if coded:
        written(connection, coded, seq)
    connection.execute(sa.insert(tables.step), [{**row, "state": "open"} for row in opened])
    return made


def submittable(
    connection: Connection, version: Version, *, actor: str, zones: Collection[str] | None = None
) -> Collection[str]:
    """Raise where a version cannot be handed in as things stand; give the zones that it changed.

    Parameters
    ----------
    zones : those, where they are known

    Raises
    ------
    InputRefused
        Where it is in no state to be handed in, or the actor may not.
    Conflict
        Where a zone that it changed, or a border of one, was changed by a version approved since it was drafted: it
        could not be approved.
    """
    refuse_state(get(connection, version.id), OPEN, "submitted")
    zones = changed_zones(connection, version) if zones is None else zones
    allowed(connection, actor, "submitter", area=ground(version, zones))
    refuse_late(connection, version, zones)
    return zones


def steps(connection: Connection, version: Version) -> list[Step]:
    """The steps of the last review of a version, in their order."""
    s = tables.step.c
    last = sa.select(sa.func.max(s.round)).where(s.version_id == version.id).scalar_subquery()
    asked = sa.select(*(s[name] for name in FIELDS)).where(s.version_id == version.id, s.round == last)
    return [Step(**row._asdict()) for row in connection.execute(asked.order_by(s.number))]


def findings(connection: Connection, version: Version) -> list[dict[str, str]]:
    """What a version was last handed in with: `rule`, `code`, `detail`, and the `reason` why it is to stand."""
    f = tables.finding.c
    last = sa.select(sa.func.max(f.round)).where(f.version_id == version.id).scalar_subquery()
    asked = sa.select(f.rule, f.code, f.detail, f.reason).where(f.version_id == version.id, f.round == last)
    return [row._asdict() for row in connection.execute(asked.order_by(f.number))]


def approve(connection: Connection, version: Version, decision: Decision) -> Version:
    """Approve at the next review; at the last step the version is in force from a time, its codes spent for ever.

    Zones that it did not change come as they stand in the last version approved, be it a later one than it was
    drafted from.

    Raises
    ------
    InputRefused
        Where the actor may not, the version is his own, comments are not answered, or the time is missing or before
        that of the version before.
    Conflict
        Where a zone that it changed was changed by a version that was approved since it was drafted, or a border
        of one was moved.
    """
    return _taken(connection, version, _next(connection, version, "review"), decision)


def take_on_file(connection: Connection, version: Version, decision: Decision) -> Version:
    """Take note of a version, with the number of the receipt, before or after it is approved.

    It holds nothing up, but where it is the last step: by that the version comes into force.
    """
    if not decision.document.strip():
        raise InputRefused([Fault("version", version.name, "is taken on file without a receipt", "Give its number")])
    return _taken(connection, version, _next(connection, version, "filing"), decision)


def give_back(connection: Connection, version: Version, decision: Decision, *, reason: str) -> Version:
    """Return a version at the next review, with the reason."""
    step = _next(connection, version, "review")
    _entitled(connection, version, step, decision.actor, changed_zones(connection, version))
    if not reason.strip():
        raise InputRefused([Fault("version", version.name, "is returned without a reason", "Say why with --reason")])
    made, seq = moved(
        connection,
        version,
        ("submitted",),
        "returned",
        actor=decision.actor,
        at=decision.at,
        body=_told(connection, step, decision, "returned"),
        private={"reason": reason},
    )
    _mark(connection, version, step, "returned", decision, seq)
    return made


def withdraw(connection: Connection, version: Version, *, actor: str, at: str) -> Version:
    """Take a version back that is not approved: what is his own, or all that a submitter of its district may.

    Who divides with the township is the district: one who has a right over less takes back nothing of others.
    Source: CX 7.
    """
    own = actor in _owners(connection, version)
    area = ground(version, changed_zones(connection, version)) if own else version.district
    allowed(connection, actor, "submitter", area=area)
    return moved(connection, version, ("draft", "submitted", "returned"), "withdrawn", actor=actor, at=at, body={})[0]


def revoke(connection: Connection, version: Version, *, actor: str, at: str, reason: str) -> Version:
    """Take back the approval of a version that is not yet in force: it is withdrawn, and its codes stay spent.

    What was drafted on it is a conflict from then on, and is to be drafted again.

    Raises
    ------
    InputRefused
        Where it is not approved or in force already, another one is approved that follows it, no reason is given, or
        the actor could not have taken its last review (its last step where it had none).
    """
    refuse_state(get(connection, version.id), ("approved",), "revoked")
    every = steps(connection, version)
    if not every:
        raise InputRefused([Fault("version", version.name, "was approved without steps", "Draft what is to follow it")])
    step = [one for one in every if one.kind == "review"][-1:] or every[-1:]
    _entitled(connection, version, step[0], actor, changed_zones(connection, version))
    _refuse_revocation(connection, get(connection, version.id), at=at, reason=reason)
    body, private = {"effective_from": None}, {"reason": reason}
    made, _ = moved(
        connection, version, ("approved",), "withdrawn", what="revoked",
        actor=actor, at=at, body=body, private=private, effective_from=None,
    )  # fmt: skip
    return made


def _refuse_revocation(connection: Connection, version: Version, *, at: str, reason: str) -> None:
    last = last_approved(connection, version.district, network=version.network)
    if str(version.effective_from) <= at:
        problem = f"is in force since {version.effective_from}"
        raise InputRefused([Fault("version", version.name, problem, "Draft what is to follow it")])
    if last is not None and last.id != version.id:
        problem = f"is followed by {last.name}, approved from {last.effective_from}"
        raise InputRefused([Fault("version", version.name, problem, "Revoke that one first")])
    if not reason.strip():
        raise InputRefused([Fault("version", version.name, "is revoked without a reason", "Say why with --reason")])


def _taken(connection: Connection, version: Version, step: Step, decision: Decision) -> Version:
    """Take a step, the last one with all that follows from it."""
    zones = changed_zones(connection, version)
    _entitled(connection, version, step, decision.actor, zones)
    body = _told(connection, step, decision, DONE[step.kind])
    every = steps(connection, version)
    if step.number < len(every):
        if decision.effective_from is not None:
            problem = f"is not in force by step {step.number}, {step.name}: others follow"
            raise InputRefused([Fault("version", version.name, problem, "Leave the time to the last step")])
        what = "reviewed" if step.kind == "review" else "filed"
        seq = recorded(connection, version, what, actor=decision.actor, at=decision.at, body=body)
        made = get(connection, version.id)
    else:
        refuse(
            Fault("version", version.name, f"step {one.number}, {one.name}, is open", "Let it be decided first")
            for one in every[:-1]
            if one.kind == "review" and one.state == "open"
        )
        made, seq = _into_force(connection, version, decision, body, zones)
    _mark(connection, version, step, DONE[step.kind], decision, seq)
    return made


def _into_force(
    connection: Connection, version: Version, decision: Decision, body: Mapping[str, Any], zones: Sequence[str]
) -> tuple[Version, int]:
    last = last_approved(connection, version.district, network=version.network)
    begins = decision.effective_from
    if begins is None:
        raise InputRefused([Fault("version", version.name, "is in force from no time", "Say it with --from TIME")])
    if last is not None and begins <= str(last.effective_from):
        problem = f"would be in force from {begins}, not after {last.name} ({last.effective_from})"
        raise InputRefused([Fault("version", version.name, problem, "Name a later time")])
    refuse(
        Fault("comment", str(one.id), f"on {one.place} is not answered: {one.text or 'erased'}", "Answer it first")
        for one in unanswered(connection, version.id)
    )
    bring_up(connection, version, last, zones)
    told = {**body, "effective_from": begins, "parent": last.id if last else None, "zones": zones}
    told |= approval_digests(connection, version.id)
    actor, at = decision.actor, decision.at
    made, seq = moved(
        connection, version, ("submitted",), "approved", actor=actor, at=at, body=told, effective_from=begins
    )
    said = {"version": made.id, "name": made.name, "network": made.network, "effective_from": begins}
    said |= {"document": decision.document, "zones": list(zones), "event": seq}
    tell_webhooks(connection, "version.approved", said, version.district, at=at)
    return made, seq


def _next(connection: Connection, version: Version, kind: str) -> Step:
    """The next step of a kind that is open."""
    state = get(connection, version.id).state
    if state != "submitted" and (state, kind) != ("approved", "filing"):
        cure = "Only one that is submitted can be decided on"
        raise InputRefused([Fault("version", version.name, f"is {state}", cure)])
    found = next((one for one in steps(connection, version) if one.kind == kind and one.state == "open"), None)
    if found is None:
        cure = "See its steps with: gridgis steps"
        raise InputRefused([Fault("version", version.name, f"has no {kind} that is open", cure)])
    return found


def _entitled(connection: Connection, version: Version, step: Step, actor: str, zones: Collection[str]) -> None:
    """Raise where somebody may not take a step: by role or area, or since the version is his own."""
    area = allowed(connection, actor, step.role, area=ground(version, zones))
    if len(area) > step.area_digits:
        problem = f"may act in {area} alone, {step.name} is for a right over {step.area_digits} digits or fewer"
        raise InputRefused([Fault("actor", actor, problem, f"Let {with_article(step.role)} of a wider area do it")])
    if actor in _owners(connection, version):
        cure = f"Let another {step.role} decide"
        raise InputRefused([Fault("version", version.name, f"{actor} cannot decide on what is his own", cure)])


def _owners(connection: Connection, version: Version) -> set[str]:
    """Whose a version is: its author, and all who handed it in."""
    s = tables.submission.c
    return {version.author, *connection.scalars(sa.select(s.actor).where(s.version_id == version.id))}


def _told(connection: Connection, step: Step, decision: Decision, state: str) -> dict[str, Any]:
    """What the event of a decision tells of it."""
    told = {"round": step.round, "step": step.number, "decided": state, "document": decision.document}
    if decision.attachment is None:
        return told
    name, _ = attached(connection, decision.attachment)
    return {**told, "attachment": decision.attachment.hex(), "file": name}


def _mark(connection: Connection, version: Version, step: Step, state: str, decision: Decision, seq: int) -> None:
    s = tables.step
    mine = sa.and_(s.c.version_id == version.id, s.c.round == step.round, s.c.number == step.number)
    row = {"state": state, "event_seq": seq, "actor": decision.actor, "at": decision.at}
    row |= {"document": decision.document, "attachment": decision.attachment}
    connection.execute(sa.update(s).where(mine).values(row))


def _steps_of(connection: Connection, version: Version, zones: Collection[str]) -> Sequence[Any]:
    """The steps that the profile in force asks for: fewer where micro-grids alone changed.

    That of the version before, so that nobody chooses the review of what he hands in; of the first its own.
    """
    before = version if version.parent_id is None else get(connection, version.parent_id)
    review: Review = profile_from_toml(profile_toml(connection, before)).review
    if version.parent_id is None:
        return review.steps
    was, now = (parts_of(connection, number) for number in (version.parent_id, version.id))
    alone = zones and not changed(connection, was, now, layers=("zones", "grids"))
    return review.steps[: review.microgrids_end_at] if alone else review.steps


def _with_reasons(
    found: gpd.GeoDataFrame | None, reasons: Mapping[str, str], *, codes: Mapping[str, str]
) -> list[dict[str, str]]:
    """The findings, each with the reason of its rule; `codes` are those that others have meanwhile."""
    if found is None:
        found = pd.DataFrame(columns=["rule", "code", "detail"])
    counts = found.groupby("rule", sort=True)["code"].agg(["size", "first"])
    known = ", ".join(map(str, counts.index)) or "none"
    refuse(
        Fault("version", rule, "is no rule with findings here", f"Those that have some: {known}")
        for rule in sorted(reasons.keys() - {"", *map(str, counts.index)})
    )
    why = {str(rule): (reasons.get(str(rule)) or reasons.get("") or "").strip() for rule in counts.index}
    cure = "Say why they are to stand: --reason RULE=TEXT, or --reason TEXT for all"
    refuse(
        Fault("version", rule, f"{row['size']} findings without a reason, such as {row['first']}", cure)
        for rule, row in counts.iterrows()
        if not why[str(rule)]
    )
    now = partial(re.sub, r"\b\d+\b", lambda one: codes.get(one[0], one[0]))
    return [
        {
            "rule": row.rule,
            "code": now(str(row.code or "")),
            "detail": now(str(row.detail or "")),
            "reason": why[row.rule],
        }
        for row in found.itertuples()
    ]
