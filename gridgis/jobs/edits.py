"""Jobs on drafts in a store: open zones, edit them, take back and make again, and tell what was done.

Each does all it does in one transaction of the store. What is done now is done at `utc_now()`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from gridgis.errors import Fault, InputRefused
from gridgis.jobs.registry import reading, writing

if TYPE_CHECKING:
    from gridgis.adjust.draft import Draft, Edit
    from gridgis.registry.edit_log import Entry


def ready_for_edits() -> None:
    """Make a process that stays up ready for edits: what they need is loaded, and set apart from the garbage.

    Python looks through everything for garbage now and then: through what the libraries hold it takes a tenth of a
    second, in the midst of an edit. What edits leave behind is collected as before. Call it once, before requests
    come, and in a server before its processes part.
    """
    import gc

    import gridgis.adjust.preview
    import gridgis.registry.edits  # noqa: F401

    gc.collect()
    gc.freeze()


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
    named: bool = False,
) -> tuple[Edit, int | None]:
    """Edit zones of a draft, as they are now.

    The edit is made while others may write; what they did meanwhile to the same grids is a conflict.

    Parameters
    ----------
    change : makes the edit, such as a function of :mod:`gridgis.adjust` with what it is asked for
    zones : whole codes of those that it needs
    action : in one word what is done, such as the name of that function
    asked : what it is asked for, as JSON has it; of `lock` and `unlock` the codes under `grids` and `borders`
    by : who does it
    seen : the last edit that he had seen; one of others since to the same grids is a conflict
    dry_run : only say what would come of it
    named : the edit is about all of the zones: who has no right over one of them is refused at once, else who has a
        right over none

    Returns
    -------
    edit : Edit
    number : int or None
        Of the edit; None where nothing is kept, since it was not asked for or nothing changed.

    Raises
    ------
    InputRefused
        Where `change` refuses, the version cannot be edited, or the actor may not.
    Conflict
        With every grid that others changed since, or that is locked: what was done, by whom and when.
    """
    from gridgis.registry import edits, versions
    from gridgis.registry.edit_log import last_number
    from gridgis.registry.store import utc_now

    with reading(store) as connection:
        found = versions.get(connection, version)
        last = last_number(connection, version)
        _refuse_unknown(seen, last, version)
        edits.refuse_actor(connection, found, zones, actor=by, every=named)
        draft = edits.opened(connection, found, zones)
    made = change(draft)
    if not made.touched and made.after.locks == made.before.locks:
        return made, None
    since = last if seen is None else seen
    with writing(store) as connection:
        attempt = connection.begin_nested()
        number = edits.applied(connection, found, made, action=action, asked=asked, actor=by, at=utc_now(), seen=since)
        if dry_run:
            attempt.rollback()
    return made, None if dry_run else number


def _refuse_unknown(seen: int | None, last: int, version: int) -> None:
    if seen is not None and not 0 <= seen <= last:
        cure = f"Write the number of the last edit that you saw: gridgis adjust log {version}"
        raise InputRefused([Fault("edit", str(seen), f"there is no such edit, the last is {last}", cure)])


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


def last_edit(store: str, version: int) -> int:
    """The number of the last edit of a version, 0 where there is none."""
    from gridgis.registry.edit_log import last_number

    with reading(store) as connection:
        return last_number(connection, version)


def lonlat_of(store: str, point: tuple[float, float]) -> tuple[float, float]:
    """Longitude and latitude of a point in the CRS of a store, such as faults tell of."""
    from gridgis.crs import transformer
    from gridgis.registry.store import store_crs

    with reading(store) as connection:
        lon, lat = transformer(str(store_crs(connection)), "EPSG:4326").transform(*point)
    return round(lon, 7), round(lat, 7)
