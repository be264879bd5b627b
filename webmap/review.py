"""The review page: what is handed in, what it changes, and the decision on it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apiflask import APIBlueprint
from flask import Response, current_app, request
from pydantic import BaseModel, Field
from werkzeug.utils import secure_filename

from gridgis import jobs
from gridgis.errors import Fault, InputRefused
from webmap.access import allow, person, settings, store
from webmap.changes import Changes, Comparisons
from webmap.frame import page
from webmap.judged import OPEN, findings, to_explain
from webmap.versions import in_force, readable, visible

if TYPE_CHECKING:
    from gridgis.jobs import Person
    from gridgis.registry.review import Step
    from gridgis.registry.versions import Version

READS = ("planner", "submitter", "reviewer", "filer", "leader", "administrator")
DECISIONS = {"review": ["approve", "return"], "filing": ["file"]}
"""What may be done at a step, by its kind: a filing holds no review up."""
ATTACHED_MOST = 20 << 20
"""Bytes of a sealed file, with the form around it."""

pages = APIBlueprint("review", __name__, tag="Review")


class Submission(BaseModel):
    """Why findings are to stand, by the name of their rule; under an empty name those of any other rule."""

    reasons: dict[str, str] = Field(default_factory=dict)


class Return(BaseModel):
    """Why a version is returned."""

    reason: str = Field(min_length=1, max_length=2000)


class CommentIn(BaseModel):
    """What is said of a place: a zone, a grid, a micro-grid, or the border between two grids."""

    text: str = Field(min_length=1, max_length=2000)
    code: str = Field(pattern="^[0-9]{12,20}$")
    other_code: str | None = Field(default=None, pattern="^[0-9]{12,20}$")


class Answer(BaseModel):
    """What is answered to a comment."""

    text: str = Field(min_length=1, max_length=2000)


class Asked(BaseModel):
    """In which language papers are made."""

    language: str = Field(default="zh", pattern="^(zh|en)$")


# ---------------------------------------------------------------- pages
@pages.get("/review")
@allow(*READS)
@pages.doc(hide=True)
def index() -> str:
    """Show the queue, and the version that is picked."""
    return page("review.html")


@pages.get("/review/<int:version>/sheet")
@allow(*READS)
@pages.doc(hide=True)
def sheet(version: int) -> str:
    """Show the review of a version as a sheet to print."""
    found = readable(version)
    return page("review_sheet.html", version=found, detail=_detail(found), changes=_changes(found))


# ---------------------------------------------------------------- what is there
@pages.get("/api/reviews")
@allow(*READS)
def queue() -> dict[str, Any]:
    """List what is handed in, the oldest first, then drafts and what was decided, the newest first."""
    every = visible()
    waiting = [one for one in reversed(every) if one.state == "submitted"]
    rest = [one for one in every if one.state != "submitted"]
    return {"reviews": [_line(one) for one in (*waiting, *rest)]}


@pages.get("/api/reviews/<int:version>")
@allow(*READS)
def get_review(version: int) -> dict[str, Any]:
    """Tell what a version changes, its steps, findings, comments, and what you may do."""
    found = readable(version)
    return {**_detail(found), "changes": _changes(found).rows}


@pages.get("/api/reviews/<int:version>/changes")
@allow(*READS)
def get_changes(version: int) -> Response:
    """Give the land that changes hands as GeoJSON."""
    return Response(_changes(readable(version)).shapes, mimetype="application/geo+json")


@pages.get("/api/reviews/<int:version>/seams")
@allow(*READS)
def get_seams(version: int) -> dict[str, Any]:
    """Tell how a version meets its neighbours."""
    from gridgis.publish.light import WEB_CRS, rows_of

    readable(version)
    found = jobs.seams(store(), version)
    faults = found.faults
    boxes = faults.to_crs(WEB_CRS).bounds.round(6).to_numpy().tolist() if len(faults) else []
    rows = rows_of(faults.drop(columns="geometry"))
    compared = [{"name": one.name, "state": one.state} for one in found.compared]
    return {"faults": [{**r, "bounds": b} for r, b in zip(rows, boxes, strict=True)], "compared": compared}


# ---------------------------------------------------------------- decisions
@pages.post("/api/reviews/<int:version>/submit")
@allow("submitter")
@pages.input(Submission)
def submit(version: int, json_data: Submission) -> dict[str, Any]:
    """Hand a draft in."""
    readable(version)
    jobs.submit(store(), version, actor=person().name, reasons=json_data.reasons)
    return _detail(readable(version))


@pages.post("/api/reviews/<int:version>/approve")
@allow("reviewer")
def approve(version: int) -> dict[str, Any]:
    """Approve what is handed in: a form with `effective_from`, `document`, and a sealed file as `attachment`."""
    readable(version)
    with _attached() as path:
        jobs.approve(
            store(),
            version,
            actor=person().name,
            effective_from=request.form.get("effective_from") or None,
            document=request.form.get("document", ""),
            attachment=path,
        )
    return _detail(readable(version))


@pages.post("/api/reviews/<int:version>/file")
@allow("filer")
def take_on_file(version: int) -> dict[str, Any]:
    """Take note of what is handed in: a form with `receipt`, `effective_from`, and a sealed file as `attachment`."""
    readable(version)
    with _attached() as path:
        jobs.take_on_file(
            store(),
            version,
            actor=person().name,
            receipt=request.form.get("receipt", ""),
            effective_from=request.form.get("effective_from") or None,
            attachment=path,
        )
    return _detail(readable(version))


@pages.post("/api/reviews/<int:version>/return")
@allow("reviewer")
@pages.input(Return)
def give_back(version: int, json_data: Return) -> dict[str, Any]:
    """Return what is handed in with a reason."""
    readable(version)
    jobs.give_back(store(), version, actor=person().name, reason=json_data.reason)
    return _detail(readable(version))


@pages.post("/api/reviews/<int:version>/withdraw")
@allow("submitter")
def withdraw(version: int) -> dict[str, Any]:
    """Take back what is not approved."""
    readable(version)
    jobs.withdraw(store(), version, actor=person().name)
    return _detail(readable(version))


@pages.post("/api/reviews/<int:version>/comments")
@allow(*READS)
@pages.input(CommentIn)
def comment(version: int, json_data: CommentIn) -> dict[str, Any]:
    """Pin a comment to a place."""
    readable(version)
    jobs.comment(
        store(),
        version,
        json_data.text,
        code=json_data.code,
        other_code=json_data.other_code,
        actor=person().name,
    )
    return _detail(readable(version))


@pages.post("/api/reviews/<int:version>/comments/<int:number>/answer")
@allow(*READS)
@pages.input(Answer)
def answer(version: int, number: int, json_data: Answer) -> dict[str, Any]:
    """Answer a comment."""
    readable(version)
    jobs.answer(store(), version, number, json_data.text, actor=person().name)
    return _detail(readable(version))


@pages.post("/api/reviews/<int:version>/dossier")
@allow(*READS)
@pages.input(Asked)
def make_dossier(version: int, json_data: Asked) -> dict[str, int]:
    """Have the papers made that are handed in; give the number of the background work."""
    found = readable(version)
    asked = {"version": version, "language": json_data.language}
    return {"task": jobs.ask_task(store(), "dossier", asked, by=person().name, area=found.district)}


# ---------------------------------------------------------------- in words of JSON
def _line(one: Version) -> dict[str, Any]:
    """A version in the queue: what it is, and in numbers what it changes where somebody is to decide on it."""
    told = {name: getattr(one, name) for name in ("id", "name", "state", "author", "note", "created_at")}
    told["effective_from"] = one.effective_from
    if one.state == "submitted":
        found = _changes(one)
        told |= {"counts": found.counts, "moved_households": found.moved_households}
    return told


def _detail(one: Version) -> dict[str, Any]:
    told = _line(one)
    found = _changes(one)
    steps = jobs.steps(store(), one.id)
    asked = jobs.comments(store(), one.id)
    found_by_rules = findings(one)
    return {
        **told,
        "against": found.against,
        "counts": found.counts,
        "moved_households": found.moved_households,
        "steps": [_step(step) for step in steps],
        "findings": found_by_rules,
        "to_explain": to_explain(found_by_rules) if one.state in OPEN else [],
        "comments": [{name: getattr(c, name) for name in c.__dataclass_fields__} for c in asked],
        "may": _may(person(), one, steps),
    }


def _step(step: Step) -> dict[str, Any]:
    told = {name: getattr(step, name) for name in ("name", "kind", "role", "state", "actor", "at", "document")}
    return told | {"attachment": step.attachment.hex() if step.attachment else None}


def _may(who: Person, one: Version, steps: list[Step]) -> list[str]:
    """What somebody may do, by what the next step asks; the store has the last word."""
    found = []
    if one.state in OPEN and who.role == "submitter":
        found += ["submit", "withdraw"]
    if one.state == "submitted":
        for kind, verbs in DECISIONS.items():
            step = next((step for step in steps if step.state == "open" and step.kind == kind), None)
            if step and step.role == who.role and len(who.area) <= step.area_digits:
                found += verbs
        if who.role == "submitter":
            found.append("withdraw")
    return [*found, "comment"]


def _changes(one: Version) -> Changes:
    """What a version changes of the one in force; of one that was in force itself, of its parent."""
    comparisons: Comparisons = current_app.extensions["comparisons"]
    stands = next((other for other in in_force() if other.district == one.district), None)
    if one.state == "approved":
        stands = jobs.find_version(store(), one.parent_id) if one.parent_id else None
    return comparisons.of(one, stands if stands and stands.id != one.id else None)


@contextmanager
def _attached() -> Iterator[Path | None]:
    """The sealed file of a form, under a name of ours that says its kind, while it is needed."""
    request.max_content_length = ATTACHED_MOST
    sent = request.files.get("attachment")
    if sent is None or not sent.filename:
        yield None
        return
    suffix = Path(secure_filename(sent.filename) or "file").suffix.lower()
    if suffix not in (".pdf", ".png", ".jpg", ".jpeg", ".ofd", ".p7m"):
        cure = "Attach a PDF, OFD, PNG or JPEG"
        raise InputRefused([Fault("attachment", "", f"is a {suffix or 'file without an ending'}", cure)])
    uploads = settings().folder / "uploads"
    uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=uploads))
    try:
        path = folder / f"decision{suffix}"
        sent.save(path)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)
