"""Jobs on drafts in a store: open zones, edit them, take back and make again, and tell what was done.

Each does all it does in one transaction of the store. What is done now is done at `utc_now()`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from gridgis.jobs.registry import reading, writing

if TYPE_CHECKING:
    from gridgis.adjust.draft import Draft, Edit
    from gridgis.registry.edit_log import Entry


def open_draft(store: str, version: int, zones: Collection[str]) -> Draft:
    """Zones of a version that is draft or returned, as they are edited.

    Parameters
    ----------
    zones : their whole codes
    """
    from gridgis.registry import edits, versions

    with reading(store) as connection:
        return edits.opened(connection, versions.get(connection, version), zones)


def edit(
    store: str,
    version: int,
    change: Callable[[Draft], Edit],
    zones: Collection[str],
    *,
    action: str,
    asked: Mapping[str, Any],
    by: str,
    seen: int | None = None,
    dry_run: bool = False,
) -> tuple[Edit, int]:
    """Edit zones of a draft, as they are now.

    Parameters
    ----------
    change : makes the edit, such as a function of :mod:`gridgis.adjust` with what it is asked for
    zones : whole codes of those that it needs
    action : in one word what is done, such as the name of that function
    asked : what it is asked for, as JSON has it; of `lock` and `unlock` the codes under `grids` and `borders`
    by : who does it
    seen : the last edit that he had seen; one of others since to the same grids is a conflict
    dry_run : only say what would come of it

    Returns
    -------
    edit : Edit
    number : int
        Of the edit; the one that it would have where nothing is kept.

    Raises
    ------
    InputRefused
        Where `change` refuses, the version cannot be edited, or the actor may not.
    Conflict
        With every grid that others changed since, or that is locked: what was done, by whom and when.
    """
    from gridgis.registry import edits, versions
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        found = versions.get(connection, version)
        made = change(edits.opened(connection, found, zones))
        attempt = connection.begin_nested()
        number = edits.applied(connection, found, made, action=action, asked=asked, actor=by, at=utc_now(), seen=seen)
        if dry_run:
            attempt.rollback()
        return made, number


def undo(store: str, version: int, *, by: str) -> Entry:
    """Take back the last edit of somebody that is in effect; give the row of the log that tells of it.

    Raises
    ------
    InputRefused
        Where there is none.
    Conflict
        Where others changed a grid of it since, or locked it: what was done, by whom and when.
    """
    from gridgis.registry import edits, versions
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        found = versions.get(connection, version)
        number = edits.undone(connection, found, actor=by, at=utc_now())
        return edits.log(connection, found)[number - 1]


def redo(store: str, version: int, *, by: str) -> Entry:
    """Make again the edit that somebody took back last; give the row of the log that tells of it."""
    from gridgis.registry import edits, versions
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        found = versions.get(connection, version)
        number = edits.redone(connection, found, actor=by, at=utc_now())
        return edits.log(connection, found)[number - 1]


def edit_log(store: str, version: int) -> list[Entry]:
    """All edits of a version in their order, with who made them, what was asked, and whether they are in effect."""
    from gridgis.registry import edits, versions

    with reading(store) as connection:
        return edits.log(connection, versions.get(connection, version))
