"""Jobs on long work in the background: ask for it, take it, tell how far it is."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gridgis.jobs.registry import reading, writing

if TYPE_CHECKING:
    from gridgis.registry.tasks import Task


def ask_task(store: str, kind: str, asked: Mapping[str, Any], *, by: str, area: str = "") -> int:
    """Ask for a piece of work; give its number."""
    from gridgis.registry import tasks as register
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        return register.ask(connection, kind, asked, actor=by, area=area, at=utc_now())


def take_task(store: str) -> Task | None:
    """Take the oldest task that waits, or whose worker fell silent; None where there is none."""
    from gridgis.registry import tasks as register

    now = datetime.datetime.now(datetime.UTC)
    with reading(store) as connection:
        if not register.waits(connection, at=now):
            return None
    with writing(store) as connection:
        return register.take(connection, at=now)


def tell_task(store: str, number: int, *, share: float, said: str) -> bool:
    """Write down how far a task is; give whether it is to be cancelled."""
    from gridgis.registry import tasks as register
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        return register.heard(connection, number, share=share, said=said, at=utc_now())


def end_task(store: str, number: int, state: str, *, said: str = "", result: Mapping[str, Any] | None = None) -> None:
    """Write down what came of a task: it is done, failed or cancelled."""
    from gridgis.registry import tasks as register
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        register.end(connection, number, state, said=said, result=result, at=utc_now())


def put_task_back(store: str, number: int) -> None:
    """Let a task that runs be taken by others at once."""
    from gridgis.registry import tasks as register

    with writing(store) as connection:
        register.put_back(connection, number)


def cancel_task(store: str, number: int, *, by: str) -> None:
    """Let a task be cancelled, by whom it is."""
    from gridgis.registry import tasks as register
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        register.cancel(connection, number, actor=by, at=utc_now())


def find_task(store: str, number: int) -> Task:
    """One task."""
    from gridgis.registry import tasks as register

    with reading(store) as connection:
        return register.get(connection, number)


def list_tasks(store: str, *, by: str, limit: int = 50) -> list[Task]:
    """The tasks of an actor, the newest first."""
    from gridgis.registry import tasks as register

    with reading(store) as connection:
        return register.tasks(connection, actor=by, limit=limit)
