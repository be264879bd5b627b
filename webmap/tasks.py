"""Background work of who asks: how far it is, its history, its end, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from apiflask import APIBlueprint
from flask import Response, request, send_from_directory
from pydantic import BaseModel

from gridgis import jobs
from gridgis.errors import Denied, Fault, GridgisError, InputRefused
from webmap.access import SIGNED_IN, allow, person, settings, store
from webmap.language import refusal, wanted
from webmap.work import folder_of, tidy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridgis.publish.texts import Language
    from gridgis.registry.tasks import Task

pages = APIBlueprint("tasks", __name__, url_prefix="/api/tasks", tag="Background work")


class TaskOut(BaseModel):
    """A piece of work."""

    id: int
    kind: str
    asked: dict[str, Any]
    state: str
    share: float
    said: str
    seconds: float
    result: dict[str, Any] | None
    created_at: str
    started_at: str | None
    ended_at: str | None


class TasksOut(BaseModel):
    """Pieces of work, the newest first."""

    tasks: list[TaskOut]


@pages.get("")
@allow(SIGNED_IN)
@pages.output(TasksOut)
def list_tasks() -> dict[str, Any]:
    """List your background work, the newest first."""
    return {"tasks": [shown(one) for one in jobs.list_tasks(store(), by=person().name)]}


@pages.get("/<int:number>")
@allow(SIGNED_IN)
@pages.output(TaskOut)
def get_task(number: int) -> dict[str, Any]:
    """Tell how far a piece of your work is."""
    return shown(mine(number))


@pages.post("/<int:number>/cancel")
@allow(SIGNED_IN)
@pages.output(TaskOut)
def cancel_task(number: int) -> dict[str, Any]:
    """Cancel a piece of your work."""
    mine(number)
    jobs.cancel_task(store(), number, by=person().name)
    tidy(settings(), number)
    return shown(jobs.find_task(store(), number))


@pages.get("/<int:number>/file")
@allow(SIGNED_IN)
def get_file(number: int) -> Response:
    """Take what came of a piece of your work: the file, or another that `which` names."""
    one = mine(number)
    result = one.result or {}
    name = {"file": result.get("file"), **result.get("files", {})}.get(request.args.get("which") or "file")
    if not name:
        raise InputRefused([Fault("task", str(number), "has made no file", "Wait until it is done")])
    folder = folder_of(settings(), number).absolute()
    if not (folder / name).exists():
        problem = f"has made {name}, which is not kept any more: files are kept for {settings().results_days} days"
        raise InputRefused([Fault("task", str(number), problem, "Ask for the work again")])
    return send_from_directory(folder, name, as_attachment=True)


def mine(number: int) -> Task:
    """A piece of work of who asks."""
    found = jobs.find_task(store(), number)
    if found.actor != person().name:
        raise Denied(f"Task {number} is of somebody else.")
    return found


def shown(one: Task) -> dict[str, Any]:
    """A piece of work as it is told."""
    told = {name: getattr(one, name) for name in TaskOut.model_fields if name != "seconds"}
    failure = _failure(one) if one.state == "failed" else {"result": in_language(one.result, wanted(request))}
    return {**told, "seconds": _seconds(one), **failure}


def in_language(result: Mapping[str, Any] | None, language: Language) -> dict[str, Any] | None:
    """What came of work, with its faults, notices, changes and problems of rows in a language."""
    from gridgis.publish.said import said_change, said_fault, said_notice, said_remark, said_row

    if result is None:
        return None
    out = dict(result)
    if "notices" in out:
        out["notices"] = [said_notice(text, language=language) for text in out["notices"]]
    if "possible" in out:  # of an import
        out["faults"] = [vars(said_fault(Fault(**fault), language=language)) for fault in out["faults"]]
        out["rows"] = [
            {
                **row,
                "row": said_row(row["row"], language=language),
                "detail": said_change(row["detail"], language=language),
            }
            for row in out["rows"]
        ]
    elif "kinds" in out:  # of a file of cases
        out["rows"] = [{**row, "problem": said_remark(row["problem"], language=language)} for row in out["rows"]]
    return out


def _failure(one: Task) -> dict[str, Any]:
    """Why a piece of work failed, in the language that is wanted."""
    faults = [Fault(**fault) for fault in (one.result or {}).get("faults", ())]
    error = InputRefused(faults) if faults else GridgisError(one.said)
    return {"said": refusal(error), "result": None}


def _seconds(one: Task) -> float:
    """How long it is worked on, or was."""
    if one.started_at is None:
        return 0.0
    end = datetime.fromisoformat(one.ended_at) if one.ended_at else datetime.now(UTC)
    return round(max(0.0, (end - datetime.fromisoformat(one.started_at)).total_seconds()), 1)
