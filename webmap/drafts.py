"""Drafts as JSON: which there are, the zones of one as they are edited, edits, undo and redo, the log.

Invariant: who edits has the role and the area; what others did meanwhile to the same grids is told, with whose it is,
and nothing is overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from apiflask import APIBlueprint
from flask import Response, jsonify, request

from gridgis import jobs
from gridgis.errors import Fault, GridgisError, InputRefused
from webmap.access import SIGNED_IN, allow, inside, person, store
from webmap.answer import Answer, send
from webmap.edit_forms import DraftIn, EditIn, RedivideIn
from webmap.editing import at_places, made
from webmap.language import faults_told, refusal, wanted
from webmap.planner import EDIT_NUMBER
from webmap.versions import in_force, readable, visible

if TYPE_CHECKING:
    from gridgis.adjust.draft import Draft
    from gridgis.registry.edit_log import Entry
    from gridgis.registry.versions import Version

DRAWS = ("planner", "submitter")
"""Roles that make drafts and edit them."""

api = APIBlueprint("drafts", __name__, url_prefix="/api/drafts", tag="drafts")


@api.get("")
@allow(SIGNED_IN)
def versions() -> Response:
    """List the versions in one's area, the newest first, with what one may do to each."""
    standing = {one.id for one in in_force()}
    rows = [_row(one, stands=one.id in standing) for one in visible()]
    return jsonify({"versions": rows, "may_draft": person().role in DRAWS})


@api.post("")
@allow(*DRAWS)
@api.input(DraftIn)
def begin(json_data: DraftIn) -> tuple[Response, int]:
    """Make a draft of what is in force."""
    found = readable(json_data.of)
    if found.id not in {one.id for one in in_force()}:
        cure = "Name one that is in force, or edit a draft that is there"
        raise InputRefused([Fault("version", found.name, f"is {found.state} and not in force", cure)])
    division = jobs.version(store(), found.id)
    new = jobs.draft(store(), division, author=person().name, network=found.network, note=json_data.note)
    return jsonify(_row(new, stands=False)), 201


@api.get("/<version>/zones/<zone>")
@allow(SIGNED_IN)
def zone(version: str, zone: str) -> Response:
    """Give everything of a zone of a draft: atoms, grids, micro-grids, borders, centre lines, locks."""
    from webmap.zone_content import zone_content

    return _of_zone(version, zone, zone_content)


@api.get("/<version>/zones/<zone>/findings")
@allow(SIGNED_IN)
def zone_findings(version: str, zone: str) -> Response:
    """Give what the rules find in a zone of a draft."""
    from webmap.zone_content import zone_findings as findings

    return _of_zone(version, zone, lambda draft: findings(draft, language=wanted(request)))


@api.post("/<version>/edits")
@allow(*DRAWS)
@api.input(EditIn)
def edit(version: str, json_data: EditIn) -> Response | tuple[Response, int]:
    """Edit a draft, or say what would come of it: numbers before and after, and what is to be drawn anew.

    That a dry run is refused is an answer to it, under `refused`, and no error.
    """
    from webmap.zone_content import edit_content

    found, asked = readable(version), json_data.root
    for code in _codes(asked.arguments.model_dump()):
        inside(code)
    try:
        with at_places(store()):
            done = made(found.id, asked.action, asked.arguments, seen=asked.seen, dry_run=asked.dry_run)
    except InputRefused as error:
        if not asked.dry_run:
            raise
        return jsonify({"number": None, "refused": faults_told(error)})
    except GridgisError as error:
        return _conflict(error, found.id, since=asked.seen)
    return _text(edit_content(done, language=wanted(request)))


@api.post("/<version>/redivide")
@allow(*DRAWS)
@api.input(RedivideIn)
def redivide(version: str, json_data: RedivideIn) -> Response | tuple[Response, int]:
    """Have zones or grids of a draft divided anew in the background; gives the number of the task.

    What is refused of what is asked is refused at once; the task ends in an edit of yours, or in none where no better
    division was met.
    """
    from gridgis.jobs.adjust import refuse_redivision

    found = readable(version)
    for code in json_data.codes:
        inside(code)
    asked = json_data.model_dump()
    refuse_redivision(
        store(), found.id, json_data.codes, microgrids=json_data.microgrids, by=person().name, seen=json_data.seen
    )
    task = jobs.ask_task(store(), "redivide", {"version": found.id, **asked}, by=person().name, area=found.district)
    return jsonify({"task": task}), 202


@api.post("/<version>/undo")
@allow(*DRAWS)
def undo(version: str) -> Response | tuple[Response, int]:
    """Take back one's own last edit."""
    return _turned(readable(version), jobs.undo)


@api.post("/<version>/redo")
@allow(*DRAWS)
def redo(version: str) -> Response | tuple[Response, int]:
    """Make again what one took back last."""
    return _turned(readable(version), jobs.redo)


@api.get("/<version>/log")
@allow(SIGNED_IN)
def log(version: str) -> Response:
    """List the edits of a version, the oldest first, with whose each is and whether it is in effect."""
    found = readable(version)
    entries = jobs.edit_log(store(), found.id)
    text = json.dumps({"edits": [_told(one) for one in entries]}, ensure_ascii=False)
    return send(Answer.of(text))


def _row(one: Version, *, stands: bool) -> dict[str, Any]:
    mine = person()
    names = ("id", "district", "network", "number", "state", "author", "note", "created_at", "effective_from")
    told = {name: getattr(one, name) for name in names}
    may_edit = one.is_open and mine.role in DRAWS
    return {**told, "name": one.name, "in_force": stands, "may_edit": may_edit}


def _of_zone(version: str, zone: str, content: Callable[[Draft], str]) -> Response:
    """An answer about a zone, with the number of the last edit that is surely in it."""
    found = readable(version)
    if not zone.isascii() or not zone.isdecimal():
        raise InputRefused([Fault("zones", zone[:20], "is no code", "Name the twelve digits of a zone")])
    last = jobs.last_edit(store(), found.id)
    response = send(Answer.of(content(jobs.open_draft(store(), found.id, [zone]))))
    response.headers[EDIT_NUMBER] = str(last)
    return response


def _turned(found: Version, turn: Callable[..., Entry]) -> Response | tuple[Response, int]:
    """Undo or redo, and what is to be drawn anew."""
    from webmap.zone_content import changed_content, turned_content

    try:
        entry = turn(store(), found.id, by=person().name)
    except GridgisError as error:
        return _conflict(error, found.id, since=None)
    zones = sorted({code[:12] for code in entry.codes})
    try:
        changed = changed_content(jobs.open_draft(store(), found.id, zones), entry.codes)
    except InputRefused:
        changed = None  # a zone came or went with it: all is to be read anew
    return _text(turned_content(_told(entry), changed))


def _text(text: str) -> Response:
    return Response(text, mimetype="application/json")


def _conflict(error: GridgisError, version: int, *, since: int | None) -> tuple[Response, int]:
    """Tell a conflict with the edits of others that were not seen; what is no conflict is raised again."""
    if type(error).__name__ != "Conflict":
        raise error
    others = [
        _told(one)
        for one in jobs.edit_log(store(), version)
        if one.actor != person().name and (since is None or one.number > since)
    ]
    body = {"code": "conflict", "message": refusal(error), "details": others[-20:]}
    return jsonify({"error": body}), 409


def _told(one: Entry) -> dict[str, Any]:
    """A row of the log; lines that were drawn are left out."""
    asked = {name: value for name, value in one.asked.items() if name not in ("line", "polygon", "crs")}
    return {**asdict(one), "asked": asked, "codes": list(one.codes), "mine": one.actor == person().name}


def _codes(value: object) -> Iterable[str]:
    """Every code that an edit names, wherever it stands in it."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            if name not in ("atoms", "atom", "name", "kind", "line", "area"):
                yield from _codes(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _codes(one)
    elif isinstance(value, str):
        yield value
