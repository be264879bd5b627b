"""What can be done in the background, by the name of its kind: each calls one job, and gives what came of it.

A task is asked for with plain values; files in it are names in the folder of the server, made by the server.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gridgis import jobs
from gridgis.errors import InputRefused
from webmap import uploaded
from webmap.settings import Settings

Work = Callable[[Settings, "Asked", jobs.Progress], dict[str, Any]]
FAULTS_MOST = 200
"""Faults of a store, and changes of an import, that are told one by one."""
DIVISION = "division.gpkg"
"""What an import makes, until it is taken as a draft."""


class Asked:
    """What a task is asked, and the folder for what it makes."""

    def __init__(self, number: int, values: Mapping[str, Any], actor: str, folder: Path) -> None:
        self.number, self.values, self.actor, self.folder = number, values, actor, folder

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def dossier(settings: Settings, asked: Asked, progress: jobs.Progress) -> dict[str, Any]:
    """What is handed in of a version, as a ZIP."""
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


def redivide(settings: Settings, asked: Asked, progress: jobs.Progress) -> dict[str, Any]:
    """Zones or grids of a draft divided anew, but for what is locked; tells what moved, and why in each language."""
    from gridgis.jobs import adjust
    from gridgis.publish.moved_words import moved_words
    from gridgis.publish.texts import LANGUAGES
    from webmap.zone_content import preview_told

    change = adjust.redivide_micro if asked["microgrids"] else adjust.redivide
    done = change(
        settings.store,
        asked["version"],
        asked["codes"],
        **{name: asked[name] for name in ("seed", "effort", "seen")},
        by=asked.actor,
        progress=progress,
    )
    why = adjust.why(done)
    return {
        **preview_told(done),
        "atoms": list(done.preview.moved_atoms),
        "why": {language: moved_words(why, language=language) for language in LANGUAGES},
    }


def audit(settings: Settings, asked: Asked, progress: jobs.Progress) -> dict[str, Any]:  # noqa: ARG001
    """Whether the store can be believed."""
    found = jobs.verify(settings.store)
    return {"events": found.events, "faults": list(found.faults[:FAULTS_MOST]), "faults_in_all": len(found.faults)}


def resolve(settings: Settings, asked: Asked, progress: jobs.Progress) -> dict[str, Any]:
    """A file of cases that somebody uploaded, each given its grid; a dry run counts, and tells the problems alone."""
    batch = uploaded.found(settings, asked["batch"], by=asked.actor)
    dry, ending = bool(asked["dry_run"]), asked["format"]
    made = {"file": None if dry else f"cases-{asked.number}.{ending}", "problems": f"problems-{asked.number}.{ending}"}
    done = jobs.resolve_upload(
        batch.path,
        asked.folder,
        name=batch.name,
        columns=asked["columns"],
        store=settings.store,
        network=settings.network,
        sources=settings.sources,
        case_crs=asked["case_crs"],
        timezone=settings.timezone,
        answers=made["file"] and asked.folder / made["file"],
        problems=asked.folder / str(made["problems"]),
        progress=progress,
    )
    tally = done.tally
    return {
        **{name: asked[name] for name in ("dry_run", "columns", "case_crs", "format")},
        "cases": tally.cases,
        "methods": tally.methods,
        "unsure": tally.unsure,
        "notices": tally.notices,
        "kinds": done.kinds,
        "rows": done.problems,
        "files": {name: file for name, file in made.items() if file and (name == "file" or done.kinds)},
    }


def _resolve_over(settings: Settings, asked: Mapping[str, Any], number: int) -> None:
    """Delete an upload once it was resolved, or that failed or was cancelled; and what a killed process left."""
    for one in folder_of(settings, number).glob("*.parquet"):
        one.unlink(missing_ok=True)
    if not asked["dry_run"]:
        uploaded.forget(settings, asked["batch"])


def take_in(settings: Settings, asked: Asked, progress: jobs.Progress) -> dict[str, Any]:
    """A division drawn elsewhere that somebody uploaded: every change, and the division where nothing forbids it."""
    sent = uploaded.found(settings, asked["upload"], by=asked.actor)
    report = f"changes-{asked.number}.xlsx"
    found = jobs.import_upload(
        sent.path,
        asked.folder,
        name=sent.name,
        layers=asked["layers"],
        version=asked["version"],
        area=asked["area"],
        crs=asked["crs"] or None,
        encoding=asked["encoding"] or None,
        store=settings.store,
        output=asked.folder / DIVISION,
        report=asked.folder / report,
        progress=progress,
    )
    made = found.division
    offenders = None if made is None else made.offenders
    return {
        "possible": made is not None,
        "changes": found.summed(),
        "rows": [vars(one) for one in found.changes[:FAULTS_MOST]],
        "faults": [vars(one) for one in found.faults[:FAULTS_MOST]],
        "faults_in_all": len(found.faults),
        "notices": list(map(str, found.notices)),
        "grids": 0 if made is None else len(made.grids),
        "zones": 0 if made is None else len(made.zones),
        "households": 0 if made is None else int(made.grids["households"].fillna(0).sum()),
        "offenders": {} if offenders is None else offenders["rule"].value_counts().sort_index().to_dict(),
        "files": {"report": report},
    }


def _take_in_over(settings: Settings, asked: Mapping[str, Any], number: int) -> None:
    """Delete an upload once it was tried, and what a killed or refused trial left."""
    uploaded.forget(settings, asked["upload"])
    if jobs.find_task(settings.store, number).state != "done":
        shutil.rmtree(folder_of(settings, number), ignore_errors=True)


KINDS: dict[str, Work] = {
    "dossier": dossier,
    "redivide": redivide,
    "audit": audit,
    "resolve": resolve,
    "import": take_in,
}
"""Every kind of work."""

OVER: dict[str, Callable[[Settings, Mapping[str, Any], int], None]] = {
    "resolve": _resolve_over,
    "import": _take_in_over,
}
"""What is tidied when a piece of work is over, however it ended."""


def tidy(settings: Settings, number: int) -> None:
    """Tidy after a piece of work, where it is over."""
    one = jobs.find_task(settings.store, number)
    if one.is_over and one.kind in OVER:
        OVER[one.kind](settings, one.asked, number)


def sweep(settings: Settings, *, now: datetime.datetime | None = None) -> None:
    """Delete what was made by work that has been over for longer than it is kept; its row stays."""
    if not settings.results_days:
        return
    kept_since = (now or datetime.datetime.now(datetime.UTC)) - datetime.timedelta(days=settings.results_days)
    for folder in (settings.folder / "tasks").glob("[0-9]*"):
        try:
            one = jobs.find_task(settings.store, int(folder.name))
        except (InputRefused, ValueError):
            continue  # of no task of this store: not ours to delete
        if one.ended_at and datetime.datetime.fromisoformat(one.ended_at) < kept_since:
            shutil.rmtree(folder, ignore_errors=True)


def folder_of(settings: Settings, number: int) -> Path:
    """Where a task puts what it makes."""
    return settings.folder / "tasks" / str(number)
