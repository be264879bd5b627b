"""What can be done in the background, by the name of its kind: each calls one job, and gives what came of it.

A task is asked for with plain values; files in it are names in the folder of the server, made by the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gridgis import jobs
from webmap.settings import Settings

Progress = Callable[[str, float], None]
Work = Callable[[Settings, "Asked", Progress], dict[str, Any]]
FAULTS_MOST = 200
"""Faults of a store that are told one by one."""


class Asked:
    """What a task is asked, and the folder for what it makes."""

    def __init__(self, number: int, values: Mapping[str, Any], actor: str, folder: Path) -> None:
        self.number, self.values, self.actor, self.folder = number, values, actor, folder

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def dossier(settings: Settings, asked: Asked, progress: Progress) -> dict[str, Any]:
    """What is handed in of a version, as a ZIP."""
    import shutil

    folder = asked.folder / "dossier"
    jobs.dossier(
        settings.store,
        int(asked["version"]),
        folder,
        language=asked["language"],
        timezone=settings.timezone,
        replace=True,
        progress=progress,
    )
    made = shutil.make_archive(str(asked.folder / f"dossier-{asked['version']}"), "zip", folder)
    return {"file": Path(made).name}


def redivide(settings: Settings, asked: Asked, progress: Progress) -> dict[str, Any]:
    """Zones or grids of a draft divided anew, but for what is locked."""
    from gridgis.jobs import adjust

    applied = adjust.redivide(
        settings.store, int(asked["version"]), list(asked["codes"]), by=asked.actor, progress=progress
    )
    return {"edit": applied.number}


def audit(settings: Settings, asked: Asked, progress: Progress) -> dict[str, Any]:  # noqa: ARG001
    """Whether the store can be believed."""
    found = jobs.verify(settings.store)
    return {"events": found.events, "faults": list(found.faults[:FAULTS_MOST]), "faults_in_all": len(found.faults)}


KINDS: dict[str, Work] = {"dossier": dossier, "redivide": redivide, "audit": audit}
"""Every kind of work."""


def folder_of(settings: Settings, number: int) -> Path:
    """Where a task puts what it makes."""
    return settings.folder / "tasks" / str(number)
