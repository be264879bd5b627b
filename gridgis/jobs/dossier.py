"""The job of the dossier: what a district hands in of a version, or of a division that is in no register."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.jobs.registry import compared, parted, reading

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.engine import Connection

    from gridgis.publish.dossier.subject import Register, Step, Subject
    from gridgis.publish.texts import Language
    from gridgis.registry.versions import Version
    from gridgis.schema import Division

Progress = Callable[[str, float], None]
FINDING = ("rule", "code", "detail", "reason")


def dossier(
    store: str,
    version: int,
    output: str | Path,
    *,
    language: Language = "zh",
    papers: Sequence[str] = ("A3",),
    template: str | Path | None = None,
    names: str | Path | Mapping[str, str] | None = None,
    timezone: str = "Asia/Shanghai",
    replace: bool = False,
    progress: Progress | None = None,
) -> list[str]:
    """Make the dossier of a version, whatever its state, as a folder; give what is to be noticed.

    The same version gives the same bytes: times are those of the version.

    Parameters
    ----------
    output : a folder that is not there, or empty, or with `replace` an earlier dossier
    papers : sizes of the maps, "A4" to "A0"
    template : an authority's own workbook for the division table
    names : of counties and townships (and communities) by their codes, or a CSV with `code` and `name`
    timezone : of the days that are told

    Raises
    ------
    InputRefused
        With every fault of what is given; nothing is written then.
    """
    made = _made(output, [store, template, names], papers, timezone, names, replace=replace)
    with reading(store) as connection:
        subject = _registered(connection, version, made)
    return _write(subject, output, language=language, papers=papers, template=template, progress=progress)


def dossier_file(
    division: str | Path,
    output: str | Path,
    *,
    language: Language = "zh",
    papers: Sequence[str] = ("A3",),
    template: str | Path | None = None,
    names: str | Path | Mapping[str, str] | None = None,
    timezone: str = "Asia/Shanghai",
    replace: bool = False,
    progress: Progress | None = None,
) -> list[str]:
    """Make the dossier of a division in a file: without a code ledger, and with nothing to compare with.

    Parameters
    ----------
    output, language, papers, template, names, timezone, replace
        As for :func:`dossier`.
    """
    from gridgis.layers import read_division
    from gridgis.publish.dossier.subject import Subject, places_of
    from gridgis.publish.standing import profile_of

    made = _made(output, [division, template, names], papers, timezone, names, replace=replace)
    found = read_division(division)
    moment = made.local(str(found.info.get("created_at") or "1980-01-01T00:00:00+00:00"))
    label = Path(division).name
    subject = Subject(found, profile_of(found), label, moment, places_of(found.zones, made.names))
    return _write(subject, output, language=language, papers=papers, template=template, progress=progress)


class _made:  # noqa: N801
    """What is asked for, held to what can be: places, papers, names and days."""

    def __init__(
        self,
        output: str | Path,
        inputs: Sequence[object],
        papers: Sequence[str],
        timezone: str,
        names: str | Path | Mapping[str, str] | None,
        *,
        replace: bool,
    ) -> None:
        from gridgis.layers import read_place_names, refuse_target
        from gridgis.publish.dossier.folder import refuse_folder
        from gridgis.publish.dossier.paper import PAPERS

        refuse_target(output, inputs=[one for one in inputs if isinstance(one, str | Path)])
        refuse_folder(output, replace=replace)
        cure = f"Choose of {', '.join(PAPERS)}"
        refuse(Fault("paper", size, "is no size of paper", cure) for size in papers if size not in PAPERS)
        if not papers or len(set(papers)) < len(papers):
            raise InputRefused([Fault("paper", "", "is named twice or not at all", cure)])
        try:
            self.zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise InputRefused([Fault("timezone", timezone, "is none", "Name one such as Asia/Shanghai")]) from None
        self.names = dict(names) if isinstance(names, Mapping) else {} if names is None else read_place_names(names)

    def local(self, text: str) -> datetime.datetime:
        """A time of the store on the clocks of the place."""
        return datetime.datetime.fromisoformat(text).astimezone(self.zone)


def _write(
    subject: Subject,
    output: str | Path,
    *,
    language: Language,
    papers: Sequence[str],
    template: str | Path | None,
    progress: Progress | None,
) -> list[str]:
    from gridgis.publish.dossier.write import write_dossier

    return write_dossier(subject, output, language=language, papers=papers, template=template, progress=progress)


def _registered(connection: Connection, number: int, made: _made) -> Subject:
    """All that a dossier tells of a version."""
    from gridgis.publish.dossier.subject import Subject, places_of
    from gridgis.publish.standing import profile_of
    from gridgis.registry import versions

    version = versions.get(connection, number)
    division = versions.load(connection, version)
    return Subject(
        division,
        profile_of(division),
        version.name,
        made.local(version.created_at),
        places_of(division.zones, made.names),
        _register(connection, version, division, made),
    )


def _register(connection: Connection, version: Version, division: Division, made: _made) -> Register:
    """What the register knows of a version, compared with the one that it goes on from."""
    from gridgis.publish.dossier.subject import Register
    from gridgis.registry import codes, review, versions

    before = None if version.parent_id is None else versions.get(connection, version.parent_id)
    if before is None:
        was, now = versions.load(connection, version, layers=()), division
        stays = division.grids.iloc[:0]
    else:
        was, now, stays = parted(connection, before, version)
    found = compared(was, now, stays)
    confirmed = codes.confirmed(connection, version.district, network=version.network)
    return Register(
        state=version.state,
        begins=None if version.effective_from is None else made.local(version.effective_from),
        before=None if before is None else before.name,
        was=was,
        now=now,
        changes=found.grids,
        micro_changes=found.microgrids,
        confirmed={code: None if begins is None else made.local(begins) for code, begins in confirmed.items()},
        findings=_findings(connection, version, division),
        steps=tuple(_step(one, made) for one in review.steps(connection, version)),
    )


def _findings(connection: Connection, version: Version, division: Division) -> pd.DataFrame:
    """What a version was handed in with, with the reasons; before that what would be found of what it changed."""
    import pandas as pd

    from gridgis import rules
    from gridgis.registry import review, versions

    found = review.findings(connection, version)
    if found or review.steps(connection, version):
        return pd.DataFrame(found, columns=list(FINDING), dtype=object)
    zones = tuple(versions.changed_zones(connection, version))
    told = rules.check(division)
    mine = told[told["code"].fillna("").str.startswith(zones)] if zones else told.iloc[:0]
    return pd.DataFrame(mine[["rule", "code", "detail"]]).assign(reason="").reset_index(drop=True)


def _step(step: object, made: _made) -> Step:
    from gridgis.publish.dossier.subject import Step

    name, state, at, document = (getattr(step, key) for key in ("name", "state", "at", "document"))
    return Step(name, state, None if at is None else made.local(at), document or "")
