"""The review page: what is handed in, what it changes, and the decision on it."""

from __future__ import annotations

import datetime
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field
from werkzeug.utils import secure_filename

from gridgis import jobs
from gridgis.errors import Fault, InputRefused
from webmap.access import allow, person, settings, store
from webmap.frame import page
from webmap.reviewed import changes_of, detail, lines
from webmap.versions import readable, visible

READS = ("planner", "submitter", "reviewer", "filer", "leader", "administrator")
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
    return page("review_sheet.html", version=found, detail=detail(found), changes=changes_of(found))


# ---------------------------------------------------------------- what is there
@pages.get("/api/reviews")
@allow(*READS)
def queue() -> dict[str, Any]:
    """List what is handed in, the oldest first, then drafts and what was decided, the newest first."""
    every = visible()
    waiting = [one for one in reversed(every) if one.state == "submitted"]
    rest = [one for one in every if one.state != "submitted"]
    return {"reviews": lines([*waiting, *rest])}


@pages.get("/api/reviews/<int:version>")
@allow(*READS)
def get_review(version: int) -> dict[str, Any]:
    """Tell what a version changes, its steps, findings, comments, and what you may do."""
    found = readable(version)
    return {**detail(found), "changes": changes_of(found).rows}


@pages.get("/api/reviews/<int:version>/changes")
@allow(*READS)
def get_changes(version: int) -> Response:
    """Give the land that changes hands as GeoJSON."""
    return Response(changes_of(readable(version)).shapes, mimetype="application/geo+json")


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
    return detail(readable(version))


@pages.post("/api/reviews/<int:version>/approve")
@allow("reviewer")
def approve(version: int) -> dict[str, Any]:
    """Approve what is handed in: a form with `effective_from`, `document`, and a sealed file as `attachment`.

    A time without an offset is one of the city.
    """
    readable(version)
    with _attached() as path:
        jobs.approve(
            store(),
            version,
            actor=person().name,
            effective_from=_begins(),
            document=request.form.get("document", ""),
            attachment=path,
        )
    return detail(readable(version))


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
            effective_from=_begins(),
            attachment=path,
        )
    return detail(readable(version))


@pages.post("/api/reviews/<int:version>/return")
@allow("reviewer")
@pages.input(Return)
def give_back(version: int, json_data: Return) -> dict[str, Any]:
    """Return what is handed in with a reason."""
    readable(version)
    jobs.give_back(store(), version, actor=person().name, reason=json_data.reason)
    return detail(readable(version))


@pages.post("/api/reviews/<int:version>/withdraw")
@allow("submitter")
def withdraw(version: int) -> dict[str, Any]:
    """Take back what is not approved."""
    readable(version)
    jobs.withdraw(store(), version, actor=person().name)
    return detail(readable(version))


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
    return detail(readable(version))


@pages.post("/api/reviews/<int:version>/comments/<int:number>/answer")
@allow(*READS)
@pages.input(Answer)
def answer(version: int, number: int, json_data: Answer) -> dict[str, Any]:
    """Answer a comment."""
    readable(version)
    jobs.answer(store(), version, number, json_data.text, actor=person().name)
    return detail(readable(version))


@pages.post("/api/reviews/<int:version>/dossier")
@allow(*READS)
@pages.input(Asked)
def make_dossier(version: int, json_data: Asked) -> dict[str, int]:
    """Have the papers made that are handed in; give the number of the background work."""
    found = readable(version)
    asked = {"version": version, "language": json_data.language}
    return {"task": jobs.ask_task(store(), "dossier", asked, by=person().name, area=found.district)}


def _begins() -> str | None:
    """From when a version is to be in force, as the form has it: a time without an offset is one of the city."""
    text = request.form.get("effective_from")
    if not text:
        return None
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if found.tzinfo else found.replace(tzinfo=ZoneInfo(settings().timezone)).isoformat()


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
