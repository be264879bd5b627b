"""Scans behind the planner's map: sent as a picture, laid on the map by control points, kept by district.

Invariant: a scan is of one district, and seen and changed only inside it; what is kept was drawn anew by a reader.
"""

from __future__ import annotations

import datetime
import re
import secrets
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field

from gridgis import jobs
from gridgis.errors import Fault, InputRefused
from gridgis.uploads import Limits
from webmap import about, uploaded
from webmap.access import allow, inside, person, settings
from webmap.answer import Answer
from webmap.answer import send as sent
from webmap.described import takes
from webmap.desk import as_json

SEES = ("planner", "submitter", "reviewer", "administrator")
LAYS = ("planner", "administrator")
MOST_BYTES = 30 << 20
MOST_OF_A_DISTRICT = 50
ID = re.compile(r"[0-9]{6}-[0-9a-f]{16}")
PICTURE = "picture.jpg"

api = APIBlueprint("backdrops", __name__, url_prefix="/api/backdrops", tag="Backdrops")


class Scan(BaseModel):
    """A scan of a plan."""

    file: bytes = Field(description="PNG or JPEG, at most 30 MB and 60 million pixels")
    district: str = Field(description="six digits")


class Point(BaseModel):
    """A control point: the same place in the picture and on the map."""

    x: float = Field(ge=0, le=100_000, description="pixels from the left")
    y: float = Field(ge=0, le=100_000, description="pixels from above")
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-85, le=85)


class Laying(BaseModel):
    """How a scan is laid on the map."""

    points: list[Point] = Field(min_length=3, max_length=50)


@api.get("")
@allow(*SEES)
def scans() -> Response:
    """List the scans in your area, the newest first."""
    area = person().area[:6]
    found = [_told(one) for one in _folder().iterdir() if ID.fullmatch(one.name) and one.name.startswith(area)]
    told = sorted((one for one in found if one is not None), key=lambda one: (one["at"], one["id"]), reverse=True)
    return as_json({"backdrops": told, "may_lay": person().role in LAYS})


@api.post("")
@takes(body=Scan, kind="multipart/form-data")
@allow(*LAYS)
def add() -> tuple[Response, int]:
    """Send a scan; it is seen on the map when it is laid there by control points."""
    file = uploaded.of_form("backdrop", most_bytes=MOST_BYTES, cure="Send a form with a PNG or JPEG as `file`")
    district = request.form.get("district", person().area[:6])
    if not re.fullmatch("[0-9]{6}", district):
        raise InputRefused([Fault("district", district[:20], "is no district", "Name the six digits of one")])
    inside(district)
    if len(list(_folder().glob(f"{district}-*"))) >= MOST_OF_A_DISTRICT:
        cure = "Delete those that nobody needs"
        raise InputRefused([Fault("backdrops", district, f"has {MOST_OF_A_DISTRICT} scans already", cure)])
    return as_json(_kept(district, str(file.filename), file.stream)), 201


@api.get("/<backdrop>/picture.jpg")
@allow(*SEES)
def picture(backdrop: str) -> Response:
    """Give the picture of a scan."""
    return sent(Answer.of((_found(backdrop) / PICTURE).read_bytes()), mimetype="image/jpeg")


@api.put("/<backdrop>")
@allow(*LAYS)
@api.input(Laying)
def lay(backdrop: str, json_data: Laying) -> Response:
    """Lay a scan on the map by three control points or more: tells its corners and by how much each point is off."""
    folder = _found(backdrop)
    stood = about.read(folder) or {}
    points = [(one.x, one.y) for one in json_data.points], [(one.lon, one.lat) for one in json_data.points]
    laid = jobs.lay_picture(*points, size=(stood["width"], stood["height"]))
    about.write(folder, {**stood, "points": [one.model_dump() for one in json_data.points], **asdict(laid)})
    return as_json(_told(folder))


@api.delete("/<backdrop>")
@allow(*LAYS)
def delete(backdrop: str) -> tuple[str, int]:
    """Delete a scan."""
    shutil.rmtree(_found(backdrop))
    return "", 204


def _kept(district: str, name: str, stream: Any) -> dict[str, Any]:
    """Let a reader draw a picture anew, and keep that."""
    told = settings()
    number, path = uploaded.take(told, stream)
    try:
        with uploaded.turn(told):
            drawn = jobs.read_picture(path, name=name, limits=Limits(file_bytes=MOST_BYTES))
    finally:
        uploaded.forget(told, number)
    folder = _folder() / f"{district}-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    (folder / PICTURE).write_bytes(drawn.data)
    sent_by = {"name": Path(name).name[:100], "by": person().name, "at": _now()}
    about.write(folder, {**sent_by, "width": drawn.width, "height": drawn.height, "points": [], "corners": None})
    return _told(folder) or {}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _folder() -> Path:
    folder = settings().folder / "backdrops"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _found(backdrop: str) -> Path:
    """The folder of a scan in the area of who asks."""
    folder = _folder() / backdrop if ID.fullmatch(backdrop) else None
    if folder is None:
        raise InputRefused([Fault("backdrop", backdrop[:40], "is none", "Name one of the list of scans")])
    inside(backdrop[:6])
    if not (folder / about.NAME).exists():
        raise InputRefused([Fault("backdrop", backdrop[:40], "is not there any more", "Name one of the list")])
    return folder


def _told(folder: Path) -> dict[str, Any] | None:
    told = about.read(folder)
    return None if told is None else {"id": folder.name, **told}
