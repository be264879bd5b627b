"""Long work that a server does in the background: a row a task.

Invariant: a task that was asked for is done, fails or is cancelled, whatever dies meanwhile: one whose worker was not
heard of for :data:`SILENT` is taken again, :data:`MOST_TRIES` times in all.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.errors import Fault, InputRefused
from gridgis.registry.store import as_utc, following
from gridgis.registry.tables import task

SILENT = datetime.timedelta(seconds=30)
MOST_TRIES = 3
SAID_MOST = 2_000
"""Characters that are kept of what a task says."""


@dataclass(frozen=True)
class Task:
    """One piece of work; see :data:`gridgis.registry.tables.task`."""

    id: int
    kind: str
    asked: Mapping[str, Any]
    actor: str
    area: str
    state: str
    share: float
    said: str
    result: Mapping[str, Any] | None
    tries: int
    cancel: bool
    created_at: str
    started_at: str | None
    heard_at: str | None
    ended_at: str | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in ("done", "failed", "cancelled")


def ask(connection: Connection, kind: str, asked: Mapping[str, Any], *, actor: str, area: str, at: str) -> int:
    """Ask for a piece of work; give its number."""
    row = {
        "id": following(connection, task),
        "kind": kind,
        "asked": json.dumps(dict(asked), ensure_ascii=False, sort_keys=True),
        "actor": actor,
        "area": area,
        "state": "waiting",
        "share": 0.0,
        "said": "",
        "tries": 0,
        "cancel": 0,
        "created_at": at,
    }
    connection.execute(sa.insert(task), row)
    return int(row["id"])  # type: ignore[call-overload]


def waits(connection: Connection, *, at: datetime.datetime) -> bool:
    """Whether there is a task to take."""
    return connection.scalar(_next(at).with_only_columns(task.c.id)) is not None


def take(connection: Connection, *, at: datetime.datetime) -> Task | None:
    """Take the oldest task that waits, or whose worker fell silent; None where there is none."""
    row = connection.execute(_next(at)).first()
    if row is None:
        return None
    one = _task(row)
    if one.cancel:
        end(connection, one.id, "cancelled", said="", at=as_utc(at))
        return take(connection, at=at)
    if one.tries >= MOST_TRIES:
        end(connection, one.id, "failed", said=f"its worker died {MOST_TRIES} times", at=as_utc(at))
        return take(connection, at=at)
    begun = {"state": "running", "tries": one.tries + 1, "started_at": as_utc(at), "heard_at": as_utc(at)}
    connection.execute(sa.update(task).where(task.c.id == one.id).values(**begun))
    return get(connection, one.id)


def heard(connection: Connection, number: int, *, share: float, said: str, at: str) -> bool:
    """Write down how far a task is; give whether it is to be cancelled."""
    values = {"share": min(max(share, 0.0), 1.0), "said": said[:SAID_MOST], "heard_at": at}
    connection.execute(sa.update(task).where(task.c.id == number).values(**values))
    return bool(connection.scalar(sa.select(task.c.cancel).where(task.c.id == number)))


def end(
    connection: Connection, number: int, state: str, *, said: str, at: str, result: Mapping[str, Any] | None = None
) -> None:
    """Write down what came of a task."""
    told = None if result is None else json.dumps(dict(result), ensure_ascii=False, sort_keys=True)
    values: dict[str, Any] = {"state": state, "said": said[:SAID_MOST], "result": told, "ended_at": at}
    if state == "done":
        values["share"] = 1.0
    connection.execute(sa.update(task).where(task.c.id == number).values(**values))


def put_back(connection: Connection, number: int) -> None:
    """Let a task that runs be taken by others at once: its worker was told to end. That is no try."""
    mine = sa.and_(task.c.id == number, task.c.state == "running")
    connection.execute(sa.update(task).where(mine).values(state="waiting", tries=task.c.tries - 1))


def cancel(connection: Connection, number: int, *, actor: str, at: str) -> None:
    """Let a task be cancelled, by whom it is; one that waits ends at once."""
    one = get(connection, number)
    if one.actor != actor:
        raise InputRefused([Fault("task", str(number), "is none of yours", f"Let {one.actor} cancel it")])
    if one.is_over:
        raise InputRefused([Fault("task", str(number), f"is {one.state}", "There is nothing to cancel")])
    connection.execute(sa.update(task).where(task.c.id == number).values(cancel=1))
    if one.state == "waiting":
        end(connection, number, "cancelled", said="", at=at)


def get(connection: Connection, number: int) -> Task:
    """One task.

    Raises
    ------
    InputRefused
        Where there is none of this number.
    """
    row = connection.execute(sa.select(task).where(task.c.id == number)).first()
    if row is None:
        raise InputRefused([Fault("task", str(number), "is not there", "Look at the list of tasks")])
    return _task(row)


def tasks(connection: Connection, *, actor: str, limit: int = 50) -> list[Task]:
    """The tasks of an actor, the newest first."""
    rows = connection.execute(sa.select(task).where(task.c.actor == actor).order_by(task.c.id.desc()).limit(limit))
    return [_task(row) for row in rows]


def _next(at: datetime.datetime) -> sa.Select[Any]:
    silent = sa.and_(task.c.state == "running", task.c.heard_at < as_utc(at - SILENT))
    return sa.select(task).where(sa.or_(task.c.state == "waiting", silent)).order_by(task.c.id).limit(1)


def _task(row: sa.Row[Any]) -> Task:
    values = row._asdict()
    values |= {"asked": json.loads(row.asked), "result": json.loads(row.result) if row.result else None}
    return Task(**{**values, "cancel": bool(row.cancel)})
