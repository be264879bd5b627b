"""Divisions drawn elsewhere: sent, tried in the background with every change listed, then taken as a draft.

Invariant: nothing of a file is in the store before its sender has seen what would be changed, and takes it; then all
of it is one draft of his.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field, ValidationError

from gridgis import jobs
from gridgis.errors import Fault, InputRefused
from gridgis.uploads import Limits
from webmap import uploaded
from webmap.access import allow, inside, person, settings, store
from webmap.described import takes
from webmap.desk import as_json
from webmap.drafts import DRAWS
from webmap.tasks import mine, shown
from webmap.versions import in_force
from webmap.work import DIVISION, folder_of

if TYPE_CHECKING:
    from gridgis.registry.tasks import Task
    from gridgis.registry.versions import Version

KIND = "import"
MOST_BYTES = 64 << 20
AREA = "[0-9]{6}([0-9]{3}){0,2}"

api = APIBlueprint("imports", __name__, url_prefix="/api/imports", tag="drafts")


class Said(BaseModel):
    """What is said of a file beside it."""

    area: str = Field("", pattern=f"^({AREA})?$", description="its zones: 6, 9 or 12 digits; your area by default")
    layer: str = Field("", max_length=200, description="which one holds the grids, of several")
    crs: str = Field("", max_length=40, description="of a file that has none, EPSG:n")
    encoding: Literal["", "utf-8", "gbk"] = Field("", description="of a Shapefile; told by itself by default")


class Sent(Said):
    """A division drawn elsewhere."""

    file: bytes = Field(description="Shapefiles in a .zip, GeoPackage, GeoJSON; CSV or XLSX of atom and grid")


class Taken(BaseModel):
    """Under which words a division is taken."""

    note: str = Field("", max_length=500, description="a note to the draft")


@api.post("")
@takes(body=Sent, kind="multipart/form-data")
@allow(*DRAWS)
def send() -> tuple[Response, int]:
    """Send a division drawn elsewhere; gives the number of the task that tries it.

    What cannot be a division at all is refused at once. The zones are those in force, which stay as they are.
    """
    cure = "Send a form with Shapefiles in a .zip, a GeoPackage, GeoJSON, CSV or XLSX as `file`"
    file = uploaded.of_form("import", most_bytes=MOST_BYTES, cure=cure)
    said = _said()
    jobs.refuse_crs(said.crs)
    stands = _standing(said.area)
    told, name = settings(), str(file.filename)
    uploaded.sweep(told)
    number, path = uploaded.take(told, file.stream)
    try:
        with uploaded.turn(told):
            layers = jobs.sight_division(
                path, name=name, layer=said.layer or None, limits=Limits(file_bytes=MOST_BYTES)
            )
        uploaded.keep(told, number, name=name, by=person().name, told={"layers": layers})
        asked = {"upload": number, "name": name, "layers": layers, "version": stands.id, **said.model_dump()}
        asked["area"] = said.area or max(person().area, stands.district, key=len)
        task = jobs.ask_task(store(), KIND, asked, by=person().name, area=stands.district)
    except BaseException:
        uploaded.forget(told, number)
        raise
    return as_json({"task": task, "layers": layers, "version": stands.id, "area": asked["area"]}), 202


@api.get("/<int:number>")
@allow(*DRAWS)
def get(number: int) -> Response:
    """Tell how far the trial of a division of yours is; at its end every change and every fault, the first of many."""
    return as_json(_told(_mine(number)))


@api.post("/<int:number>/draft")
@allow(*DRAWS)
@api.input(Taken)
def draft(number: int, json_data: Taken) -> tuple[Response, int]:
    """Take a division that was tried as a draft of yours, once; gives the number of the version."""
    one = _mine(number)
    area = inside(one.asked["area"])
    if one.state != "done" or not (one.result or {}).get("possible"):
        cure = "Wait until it is done; mend what is told, and send the file again"
        raise InputRefused([Fault("import", str(number), "has made no division", cure)])
    if one.asked["version"] not in {found.id for found in in_force()}:
        cure = "Send the file again: it is held against what is in force now"
        raise InputRefused([Fault("import", str(number), "was tried in zones that are not in force any more", cure)])
    note = json_data.note or one.asked["name"]
    with _once(number) as path:
        new = jobs.draft_file(
            store(),
            path,
            author=person().name,
            network=settings().network,
            note=note[:500],
            zones=[area] if len(area) > len(_district(area)) else (),
        )
    return as_json({"version": new.id, "name": new.name}), 201


def _said() -> Said:
    """What stands in the form beside the file.

    Raises
    ------
    InputRefused
    """
    given = {name: request.form[name].strip() for name in Said.model_fields if name in request.form}
    try:
        return Said(**given)  # type: ignore[arg-type]
    except ValidationError as wrong:
        names = sorted({str(error["loc"][0]) for error in wrong.errors()})
        cures = {name: str(Said.model_fields[name].description) for name in names}
        raise InputRefused(
            Fault(name, given[name][:40], "is nothing that can be taken", f"Give what it is: {cures[name]}")
            for name in names
        ) from None


def _standing(area: str) -> Version:
    """The version whose zones are taken.

    Raises
    ------
    Denied
        Where the area is not of who asks.
    InputRefused
        Where nothing is in force there, or it is not told which district is meant.
    """
    beginning = inside(area) if area else person().area
    found = [one for one in in_force() if one.district.startswith(_district(beginning))]
    if len(found) == 1:
        return found[0]
    if found:
        cure = f"Name one: {', '.join(one.district for one in found[:30])}"
        raise InputRefused([Fault("area", beginning, f"holds {len(found)} districts", cure)])
    cure = "Have a first division approved; its zones are those of an import"
    raise InputRefused([Fault("area", beginning, "nothing is in force there", cure)])


def _district(code: str) -> str:
    return code[:6]


def _mine(number: int) -> Task:
    one = mine(number)
    if one.kind != KIND:
        raise InputRefused([Fault("import", str(number), f"is work of another kind, {one.kind}", "Name an import")])
    return one


def _told(one: Task) -> dict[str, Any]:
    """A task as it is told, and whether what it made waits."""
    told = shown(one)
    if told["result"]:
        told["result"]["waits"] = (folder_of(settings(), one.id) / DIVISION).exists()
    return told


@contextlib.contextmanager
def _once(number: int) -> Iterator[Path]:
    """The division that a task made, for one who takes it; it is gone when it was taken.

    Raises
    ------
    InputRefused
        Where it was taken, or is not kept any more.
    """
    path = folder_of(settings(), number) / DIVISION
    held = path.with_name(f"taken-{DIVISION}")
    try:
        path.rename(held)
    except OSError:
        cure = "See the versions, or send the file again"
        raise InputRefused([Fault("import", str(number), "was taken already, or is not kept any more", cure)]) from None
    try:
        yield held
    except BaseException:
        held.rename(path)
        raise
    held.unlink()
