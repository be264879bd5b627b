"""Edits of drafts: kept one by one, taken back and made again without end.

Invariant: a version holds what its edits in effect make of its first parts. Two people who edit different grids never
are in each other's way; of two who edit the same grid the second is told what the first did. A zone in which no edit
is in effect any more has its first part again, to the last bit.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.adjust.draft import Draft, Edit, Locks
from gridgis.adjust.held_borders import held_borders
from gridgis.errors import Fault, InputRefused, refuse
from gridgis.profile import CodeLayout, Profile, profile_from_toml
from gridgis.registry import tables
from gridgis.registry.actors import DRAWS, allowed, allowed_in_some
from gridgis.registry.edit_codes import change_under, free_codes, new_codes, reserved, rows_under
from gridgis.registry.edit_log import (
    FOLLOWED,
    LOCK,
    NUMBER,
    OWN,
    REDO,
    UNDO,
    UNLOCK,
    Entry,
    codes_asked,
    last_number,
    locked,
    refuse_turned,
    turns,
)
from gridgis.registry.edit_log import log as entries
from gridgis.registry.edit_past import Past, past
from gridgis.registry.edit_store import Stored, Told, kept, stored_edit
from gridgis.registry.numbering import changes_carried_on, spent_in
from gridgis.registry.parts import STORED, parts_of
from gridgis.registry.versions import OPEN, Version, get, ground, load, profile_toml
from gridgis.registry.zone_changes import Made, changed_rows, frame_changes, part_changes, put_rows, rows_of_frames
from gridgis.registry.zone_rows import ZoneRows, rows_of_part

LOCKING = frozenset({LOCK, UNLOCK})


def opened(connection: Connection, version: Version, zones: Collection[str]) -> Draft:
    """Zones of a version, as they are edited.

    Parameters
    ----------
    zones : their whole codes

    Raises
    ------
    InputRefused
        With every code that is no zone of the version; where the version is in no state to be edited.
    """
    version = _editable(connection, version)
    there = parts_of(connection, version.id, zones=zones)
    problem, cure = f"is no zone of version {version.name}", f"See its zones: gridgis adjust show {version.id}"
    refuse(Fault("zones", zone, problem, cure) for zone in sorted({*zones} - there.keys()))
    if not there:
        raise InputRefused([Fault("zones", "", "none is named", cure)])
    spent = spent_in(connection, version.network, there) | reserved(connection, version.id, there)
    return replace(seen(connection, version, there), spent=frozenset(spent))


def seen(
    connection: Connection, version: Version, zones: Collection[str] | None, *, layers: Sequence[str] = STORED
) -> Draft:
    """Zones of a version in whatever state, all by default, as they are looked at: no code is told as spent."""
    division = load(connection, version, layers=layers, zones=zones)
    held = locked(connection, version.id)
    return Draft(
        division, _profile(division.info["profile_toml"]), Locks(frozenset(held.grids), frozenset(held.borders))
    )


def refuse_actor(connection: Connection, version: Version, zones: Collection[str], *, actor: str, every: bool) -> None:
    """Refuse who has no right over zones before an edit of them is worked out; what it touched is judged once more.

    Parameters
    ----------
    every : the right over all of them is asked, else over one: which the edit touches is not known yet
    """
    if every:
        allowed(connection, actor, DRAWS, area=ground(version, zones))
    else:
        allowed_in_some(connection, actor, DRAWS, areas=zones)


def applied(
    connection: Connection,
    version: Version,
    edit: Edit,
    *,
    action: str,
    asked: Mapping[str, Any],
    actor: str,
    at: str,
    seen: int | None = None,
) -> int:
    """Keep an edit of a draft; give its number.

    What others did meanwhile to other grids of the same zones stays: the version then holds more than `edit.after`.
    Where the code of a grid that the edit makes was taken meanwhile, the grid gets the next free one.

    Parameters
    ----------
    edit : of a draft that was opened when edit number `seen` was the last; by default as the version is now
    action : in one word what was done, such as the name of the function
    asked : what it was asked for, as JSON has it; of `lock` and `unlock` the codes under `grids` and `borders`
    at : as :func:`gridgis.registry.store.as_utc` gives it

    Raises
    ------
    InputRefused
        Where the version cannot be edited, the actor may not, or nothing changes.
    Conflict
        With every touched grid that others changed since, or that is locked: what was done, by whom and when.
    """
    version = _editable(connection, version)
    changes = frame_changes(edit.before.division, edit.after.division)
    touched = codes_asked(asked) if action in LOCKING else {*edit.touched}
    _refuse_action(action, nothing=not touched or (not changes and action not in LOCKING))
    allowed(connection, actor, DRAWS, area=_ground(version, touched, edit.before.profile.codes))
    last = last_number(connection, version.id)
    seen = last if seen is None else max(0, min(seen, last))
    cure = f"See: gridgis adjust log {version.id}; where the edit still holds, make it with --seen {last}"
    refuse_turned(turns(connection, version.id, since=seen), touched - new_codes(edit), cure=cure)
    stood = _rows(connection, version, changes)
    codes = free_codes(connection, version.id, edit, stood)
    touched = {codes.get(code, code) for code in touched}
    made = {
        zone: changed_rows(
            zone,
            stood.get(zone),
            change_under(change, codes),
            touched,
            found=partial(rows_of_frames, edit.before.division, zone),
            made=lambda zone=zone: rows_under(rows_of_frames(edit.after.division, zone), codes),  # type: ignore[misc]
        )
        for zone, change in changes.items()
    }
    asked = {**asked, **_followed(edit, codes)} if action not in LOCKING else asked
    told = Told(action, asked, actor, at, seen, None, tuple(sorted(touched)))
    return kept(connection, version, told, stood, made)


def _followed(edit: Edit, codes: Mapping[str, str]) -> dict[str, Any]:
    """What the log is told of locked borders that an edit leaves between other grids."""
    if edit.before.locks.borders == edit.after.locks.borders:
        return {}
    led = [
        (list(was), sorted(sorted(codes.get(code, code) for code in pair) for pair in now))
        for was, now in held_borders(edit.before, edit.after).items()
        if now != {was}
    ]
    return {FOLLOWED: led}


def log(connection: Connection, version: Version) -> list[Entry]:
    """All edits of a version in their order, number 1 first."""
    return entries(connection, version.id)


def undone(connection: Connection, version: Version, *, actor: str, at: str) -> int:
    """Take back the last edit of an actor that is in effect; give the number of the row that tells of it.

    Raises
    ------
    InputRefused
        Where the version cannot be edited, the actor may not, or has nothing to take back.
    Conflict
        With every grid of the edit that others changed since, or that is locked: what was done, by whom and when.
    """
    return _turned(connection, version, UNDO, actor=actor, at=at)


def redone(connection: Connection, version: Version, *, actor: str, at: str) -> int:
    """Make again the edit that an actor took back last; give the number of the row that tells of it.

    Raises
    ------
    InputRefused, Conflict
        As :func:`undone`.
    """
    return _turned(connection, version, REDO, actor=actor, at=at)


def numbered(connection: Connection, version: Version, *, actor: str, at: str) -> Stored | None:
    """Let the codes in zones that edits changed go on from the version before, as all codes that are handed in do.

    It is an edit like others but for its event, which the caller records; None where all codes stay.
    """
    if version.parent_id is None:
        return None
    zones = past(connection, version.id).steps.keys()
    base, held = (parts_of(connection, number, zones=zones) for number in (version.parent_id, version.id))
    differ = {zone: part for zone, part in held.items() if part != base.get(zone)}
    if not differ:
        return None
    layout = _profile(profile_toml(connection, version)).codes
    changes, codes = changes_carried_on(connection, differ, base, network=version.network, layout=layout)
    if not changes:
        return None
    digits = layout.zone_digits + layout.sequence_digits
    touched = {code[:digits] for pair in codes.items() for code in pair}
    stood = _rows(connection, version, changes)
    made = {zone: put for zone, change in changes.items() if (put := put_rows(stood[zone], change))}
    last = last_number(connection, version.id)
    told = Told(NUMBER, {"codes": codes}, actor, at, last, None, tuple(sorted(touched)))
    return stored_edit(connection, version, told, stood, made, sew=False)


# ---------------------------------------------------------------- back and forth
def _turned(connection: Connection, version: Version, action: str, *, actor: str, at: str) -> int:
    version = _editable(connection, version)
    known = past(connection, version.id)
    own = (known.history.done if action == UNDO else known.history.undone).get(actor)
    if not own:
        problem, cure = f"holds nothing of {actor} to {action}", f"See what was done: gridgis adjust log {version.id}"
        raise InputRefused([Fault("version", version.name, problem, cure)])
    target, row = own[-1], known.history.turned[own[-1]]
    what, codes = _told(connection, version, target)
    layout = _profile(profile_toml(connection, version)).codes
    allowed(connection, actor, DRAWS, area=_ground(version, codes, layout))
    if what not in LOCKING:
        others = (turn for turn in turns(connection, version.id, since=row) if turn.target != target)
        refuse_turned(others, codes, cure=f"Let that be undone before the {action} of {what}")
    on = known.history.on ^ {target}
    zones = known.zones_of(target) | known.left_over(on)
    stood = _rows(connection, version, zones)
    made = {zone: _led_back(connection, known, zone, stood.get(zone), row, on, codes) for zone in sorted(zones)}
    undoes = target if action == UNDO else row
    told = Told(action, {}, actor, at, last_number(connection, version.id), undoes, codes)
    return kept(connection, version, told, stood, made, sew=bool(on))


def _led_back(
    connection: Connection,
    known: Past,
    zone: str,
    stands: ZoneRows | None,
    row: int,
    on: Collection[int],
    codes: Collection[str],
) -> Made:
    """A zone as it was when just these edits were in effect; if they never were, without what a row of the log did."""
    was, part = known.stood(zone, on)
    if was:
        return Made(stands if part == known.last(zone) else _rows_or_none(connection, part))
    step = known.steps[zone].get(row)
    if step is None:
        return Made(stands)
    now, then = (_rows_or_none(connection, one) for one in (step.after, step.before))
    change = part_changes(now, then)
    return changed_rows(zone, stands, change, codes, found=lambda: now or {}, made=lambda: then or {})


def _told(connection: Connection, version: Version, number: int) -> tuple[str, tuple[str, ...]]:
    """What an edit did, and the grids that it touched."""
    e = tables.edit.c
    asked = sa.select(e.action, e.codes).where(e.version_id == version.id, e.number == number)
    action, codes = connection.execute(asked).one()
    return action, tuple(json.loads(codes))


# ---------------------------------------------------------------- what all need
def _editable(connection: Connection, version: Version) -> Version:
    """The version as it is now; refused where it cannot be edited."""
    found = get(connection, version.id)
    if found.state not in OPEN:
        cure = "Only one that is draft or returned can be edited: draft it again with gridgis draft"
        raise InputRefused([Fault("version", found.name, f"is {found.state}", cure)])
    return found


def _refuse_action(action: str, *, nothing: bool) -> None:
    if action in OWN:
        raise InputRefused([Fault("edit", action, "is kept by the register itself", "Name the edit that was made")])
    if nothing:
        raise InputRefused([Fault("edit", action, "changes nothing", "Leave it out")])


def _ground(version: Version, grids: Iterable[str], layout: CodeLayout) -> str:
    """What the codes of the zones of grids begin with; neighbours that get vertices alone ask for no right."""
    return ground(version, {code[: layout.zone_digits] for code in grids})


def _rows(connection: Connection, version: Version, zones: Iterable[str]) -> dict[str, ZoneRows]:
    """Rows of the zones of a version, of those that it has."""
    parts = parts_of(connection, version.id, zones=[*zones])
    return {zone: rows_of_part(connection, part) for zone, part in parts.items()}


def _rows_or_none(connection: Connection, part: int | None) -> ZoneRows | None:
    return None if part is None else rows_of_part(connection, part)


@lru_cache(maxsize=8)
def _profile(text: str) -> Profile:
    return profile_from_toml(text)
