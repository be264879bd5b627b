"""Files of cases: sent, looked at, matched column by column, and resolved in the background."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field

from gridgis import jobs
from gridgis.jobs.case_batches import FIELDS
from gridgis.publish.said import said_notice
from gridgis.uploads import Limits
from webmap import uploaded
from webmap.access import allow, person, settings, store
from webmap.described import takes
from webmap.desk import as_json
from webmap.language import wanted

SENDS = ("dispatcher", "administrator")
MOST_BYTES = 50 << 20

api = APIBlueprint("batches", __name__, url_prefix="/api/batches", tag="Cases")


class Sent(BaseModel):
    """A file of cases."""

    file: bytes = Field(description="CSV or XLSX, at most 50 MB; the first row has the names of the columns")


class Run(BaseModel):
    """How a file of cases is resolved."""

    columns: dict[str, str] = Field(description=f"which column is which: {', '.join(FIELDS)}")
    case_crs: str = Field("EPSG:4326", max_length=40, description="of the coordinates: EPSG:n, gcj02 or bd09")
    dry_run: bool = Field(False, description="count, and tell the problems, without a file of the answers")
    format: Literal["xlsx", "csv"] = Field("xlsx", description="of the files that are made")


@api.post("")
@takes(body=Sent, kind="multipart/form-data")
@allow(*SENDS)
def send() -> tuple[Response, int]:
    """Send a file of cases: tells its columns, which of ours each seems to be, and its first rows."""
    sent = uploaded.of_form("batch", most_bytes=MOST_BYTES, cure="Send a form with a CSV or XLSX as `file`")
    told, name = settings(), str(sent.filename)
    uploaded.sweep(told)
    number, path = uploaded.take(told, sent.stream)
    try:
        with uploaded.turn(told):
            seen = jobs.sight_cases(path, name=name, limits=Limits(file_bytes=MOST_BYTES))
        kept = uploaded.keep(told, number, name=name, by=person().name, told=asdict(seen))
    except BaseException:
        uploaded.forget(told, number)
        raise
    return as_json(_shown(kept)), 201


@api.get("/<batch>")
@allow(*SENDS)
def sent(batch: str) -> Response:
    """Tell again what is in a file of yours that waits."""
    return as_json(_shown(_mine(batch)))


@api.delete("/<batch>")
@allow(*SENDS)
def forget(batch: str) -> tuple[str, int]:
    """Delete a file of yours that waits."""
    uploaded.forget(settings(), _mine(batch).id)
    return "", 204


@api.post("/<batch>/run")
@allow(*SENDS)
@api.input(Run)
def run(batch: str, json_data: Run) -> tuple[Response, int]:
    """Resolve a file of yours in the background; gives the number of the task. After all but a dry run it is gone."""
    kept = _mine(batch)
    jobs.refuse_matching(json_data.columns, kept.about["columns"], case_crs=json_data.case_crs)
    asked = {"batch": kept.id, **json_data.model_dump()}
    return as_json({"task": jobs.ask_task(store(), "resolve", asked, by=person().name, area=person().area)}), 202


def _mine(batch: str) -> uploaded.Upload:
    return uploaded.found(settings(), batch, by=person().name)


def _shown(one: uploaded.Upload) -> dict[str, Any]:
    """A file as it is told."""
    return {
        "id": one.id,
        "name": one.name,
        "fields": list(FIELDS),
        "systems": jobs.coordinate_systems(store()),
        **one.about,
        "notices": [said_notice(text, language=wanted(request)) for text in one.about["notices"]],
    }
