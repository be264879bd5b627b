"""Jobs of a review: hand in, take on file, return, approve, withdraw; comments, answers and sealed files.

Each does all it does in one transaction of the store. What is done now is done at `utc_now()`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.jobs.registry import moment_of, reading, writing

if TYPE_CHECKING:
    import geopandas as gpd
    from sqlalchemy.engine import Connection

    from gridgis.registry.comments import Comment
    from gridgis.registry.review import Decision, Step
    from gridgis.registry.versions import Version
    from gridgis.schema import Division


def submit(
    store: str, version: int, *, actor: str, zones: Sequence[str] = (), reasons: Mapping[str, str] | None = None
) -> Version:
    """Hand a draft to review; one that breaks a hard rule is refused with every offender.

    A whole draft is judged before the store is locked for others; where somebody edits it meanwhile, it is not handed
    in.

    Parameters
    ----------
    zones : beginnings of codes. Only what the draft changed in them is handed in, as a version of its own; the draft
        stays a draft.
    reasons : why the findings of a rule, by its name, are to stand; under an empty name those of any other rule

    Raises
    ------
    InputRefused
        With the offenders, or the rules whose findings have no reason, or a reason but no findings, or where the
        version is in no state to be submitted, or the actor may not.
    Conflict
        Where the draft moved a border with a zone that is not handed in, or others changed one, or a border, since;
        where it was edited while it was judged.
    """
    from gridgis.registry import review, versions
    from gridgis.registry.store import Conflict, utc_now

    mine, judged = None, ""
    if not zones:
        with reading(store) as connection:
            found = versions.get(connection, version)
            mine = review.submittable(connection, found, actor=actor)
            division = versions.load(connection, found)
            judged = versions.content_digest(connection, found.id)
        offenders = _judged(division)
    with writing(store) as connection:
        found = versions.get(connection, version)
        if mine is not None and versions.content_digest(connection, found.id) != judged:
            raise Conflict(f"version {found.name}: was edited while it was judged: hand it in again")
        if mine is None:
            found = versions.branch(connection, found, zones, actor=actor, at=utc_now())
            mine = versions.changed_zones(connection, found)
            offenders = _judged(versions.load(connection, found))
        told = offenders[offenders["code"].str.startswith(tuple(mine))]
        return review.submit(connection, found, actor=actor, at=utc_now(), findings=told, reasons=reasons, zones=mine)


def approve(
    store: str,
    version: int,
    *,
    actor: str,
    effective_from: str | None = None,
    document: str = "",
    attachment: str | Path | None = None,
) -> Version:
    """Approve a submitted version at the next review.

    Zones that it did not change come as they stand in the last version approved; what comes of it is held to the
    hard rules once more.

    Parameters
    ----------
    effective_from : at the last step from when it is in force, such as "2026-12-01T00:00+08:00"
    document : number of the decision
    attachment : a sealed file

    Raises
    ------
    InputRefused
        Where the version or the actor is none that may, comments are not answered, or a hard rule is broken.
    Conflict
        Where a zone that it changed, or a border of one, was changed by a version approved since it was drafted.
    """
    from gridgis.registry import review, versions

    with writing(store) as connection, _judged_again(connection, version):
        decision = _decision(connection, actor, document, attachment, effective_from)
        return review.approve(connection, versions.get(connection, version), decision)


def take_on_file(
    store: str,
    version: int,
    *,
    actor: str,
    receipt: str,
    effective_from: str | None = None,
    attachment: str | Path | None = None,
) -> Version:
    """Take note of a submitted version, with the number of the receipt; a filing holds nothing up.

    Parameters
    ----------
    effective_from : where the filing is the last step, as it is for micro-grids alone, from when it is in force
    """
    from gridgis.registry import review, versions

    with writing(store) as connection, _judged_again(connection, version):
        decision = _decision(connection, actor, receipt, attachment, effective_from)
        return review.take_on_file(connection, versions.get(connection, version), decision)


def give_back(
    store: str,
    version: int,
    *,
    actor: str,
    reason: str,
    document: str = "",
    attachment: str | Path | None = None,
) -> Version:
    """Return a submitted version with a reason."""
    from gridgis.registry import review, versions

    with writing(store) as connection:
        decision = _decision(connection, actor, document, attachment, None)
        return review.give_back(connection, versions.get(connection, version), decision, reason=reason)


def withdraw(store: str, version: int, *, actor: str) -> Version:
    """Take back a version that is not approved: one's own, or with a right over its whole district another's."""
    from gridgis.registry import review, versions
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        return review.withdraw(connection, versions.get(connection, version), actor=actor, at=utc_now())


def revoke(store: str, version: int, *, actor: str, reason: str) -> Version:
    """Take back the approval of a version that is not yet in force; its codes stay spent."""
    from gridgis.registry import review, versions
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        found = versions.get(connection, version)
        return review.revoke(connection, found, actor=actor, at=utc_now(), reason=reason)


def steps(store: str, version: int) -> list[Step]:
    """The steps of the last review of a version."""
    from gridgis.registry import review, versions

    with reading(store) as connection:
        return review.steps(connection, versions.get(connection, version))


def findings(store: str, version: int) -> list[dict[str, str]]:
    """The findings that a version was handed in with, each with the reason why it is to stand."""
    from gridgis.registry import review, versions

    with reading(store) as connection:
        return review.findings(connection, versions.get(connection, version))


def comment(store: str, version: int, text: str, *, code: str, other_code: str | None = None, actor: str) -> Comment:
    """Pin a comment to a grid, a micro-grid, a zone, or the border between two grids."""
    from gridgis.registry import comments as board
    from gridgis.registry import versions
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        found = versions.get(connection, version)
        return board.comment(connection, found, text, code=code, other_code=other_code, actor=actor, at=utc_now())


def answer(store: str, version: int, comment: int, text: str, *, actor: str) -> None:
    """Answer a comment; approval asks that all are."""
    from gridgis.registry import comments as board
    from gridgis.registry import versions
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        board.answer(connection, versions.get(connection, version), comment, text, actor=actor, at=utc_now())


def comments(store: str, version: int) -> list[Comment]:
    """All comments on a version with their answers."""
    from gridgis.registry import comments as board
    from gridgis.registry import versions

    with reading(store) as connection:
        return board.comments(connection, versions.get(connection, version).id)


def attachment(store: str, digest: str, output: str | Path) -> str:
    """Write a sealed file, as it was attached; give the name that it had."""
    from gridgis.layers import refuse_target
    from gridgis.publish.whole import written_whole
    from gridgis.registry.attachments import attached

    refuse_target(output, inputs=[store])
    try:
        key = bytes.fromhex(digest)
    except ValueError:
        raise InputRefused([Fault("file", digest, "is no digest", "See: gridgis steps")]) from None
    with reading(store) as connection:
        name, content = attached(connection, key)
    with written_whole(output) as path:
        path.write_bytes(content)
    return name


def _judged(division: Division) -> gpd.GeoDataFrame:
    """The findings of what a version holds; it is refused where it breaks a hard rule."""
    from gridgis import rules

    offenders = rules.check(division)
    cure = "Mend it and draft the division again"
    refuse(
        Fault("version", row.code, f"{row.rule}: {row.detail}", cure)
        for row in offenders.query("severity == 'hard'").itertuples()
    )
    return offenders


@contextmanager
def _judged_again(connection: Connection, version: int) -> Iterator[None]:
    """Hold what comes of a decision to the hard rules, where others were approved since and it is not as handed in."""
    from gridgis.registry import versions

    before = versions.content_digest(connection, version)
    yield
    if versions.content_digest(connection, version) != before:
        _judged(versions.load(connection, versions.get(connection, version)))


def _decision(
    connection: Connection, actor: str, document: str, sealed: str | Path | None, effective_from: str | None
) -> Decision:
    from gridgis.registry.attachments import attach
    from gridgis.registry.review import Decision
    from gridgis.registry.store import utc_now

    begins = None if effective_from is None else moment_of("effective_from", effective_from)
    digest = None if sealed is None else attach(connection, Path(sealed).name, _content(Path(sealed)))
    return Decision(actor, utc_now(), document, digest, begins)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        cure = "Name the file that is to be kept with the decision"
        raise InputRefused([Fault("file", str(path), f"cannot be read: {error.strerror}", cure)]) from None
