"""Jobs on people: import them, list and check them, end a post, read and erase what is private.

Each opens the store and does all it does in one transaction. What is done now is done at `utc_now()`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from gridgis.errors import Fault
from gridgis.jobs.registry import moment_of, reading, writing
from gridgis.profile import load_profile

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.engine import Connection

    from gridgis.duties import Duties
    from gridgis.registry.events import Event
    from gridgis.registry.sealing import Seal

LISTED = ("post_code", "role", "area_code", "person_id", "name", "public_phone", "public_hours", "organisation",
          "department", "valid_from", "valid_to")  # fmt: skip
"""What is listed of a post: nothing of it is private."""


def make_people_key(path: str | Path) -> None:
    """Make the key by which private fields are encrypted; keep it apart from the store and its copies."""
    from gridgis.registry.sealing import make_key

    make_key(Path(path))


def import_people(
    store: str,
    path: str | Path,
    *,
    by: str,
    key: str | Path | None = None,
    profile: str = "default",
    timezone: str = "Asia/Shanghai",
) -> dict[str, list[str]]:
    """Let the people, posts and units of a file stand; give the keys of the rows that changed, by table.

    Raises
    ------
    InputRefused
        With every fault of the file, and of what would stand with it.
    """
    from gridgis.registry import people
    from gridgis.registry.store import utc_now

    given, faults = given_tables(path, people.KEPT, timezone=timezone)
    with writing(store) as connection:
        seal = None if key is None else _seal(connection, key)
        numbers = load_profile(profile)
        made = people.import_people(
            connection, given, profile=numbers, seal=seal, actor=by, at=utc_now(), faults=faults
        )
    return changed(made)


def given_tables(path: str | Path, kept: Collection[str], *, timezone: str) -> tuple[Duties, list[Fault]]:
    """The tables of a file that are to stand in a store, the others empty, and what is wrong with its cells."""
    from gridgis.duties import Duties
    from gridgis.duties.read import read_tables

    found, faults = read_tables(path, timezone=timezone)
    return Duties(**{name: frame for name, frame in found.items() if name in kept}, timezone=timezone), faults


def list_people(store: str, *, area: str = "", at: str | None = None) -> pd.DataFrame:
    """Those in post at a time, now by default, in areas whose codes begin with `area` or lie in a unit that does.

    Returns
    -------
    DataFrame
        :data:`LISTED`, by `post_code`; nothing that is private.
    """
    from gridgis.duties.people import in_post
    from gridgis.duties.rules import split
    from gridgis.registry import people
    from gridgis.registry.store import utc_now

    moment = utc_now() if at is None else moment_of("at", at)
    with reading(store) as connection:
        found = people.people(connection)
    posts = in_post(found.posts, moment)
    units = dict(zip(found.units["unit_code"], found.units["grid_codes"].map(split), strict=True))
    inside = posts["area_code"].map(lambda one: any(code.startswith(area) for code in (one, *units.get(one, ()))))
    named = posts[inside.astype(bool)].merge(
        found.people[["person_id", "name", "public_phone", "public_hours"]], on="person_id", how="left"
    )
    return named[list(LISTED)].sort_values("post_code", ignore_index=True)


def show_person(store: str, person_id: str, *, by: str, key: str | Path) -> dict[str, str]:
    """What is private of a person; that it was read is an event. Only an administrator of his areas may."""
    from gridgis.registry import people
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        seal = _seal(connection, key)
        return people.read_private(connection, person_id, seal=seal, actor=by, at=utc_now())


def check_people(store: str, *, at: str | None = None, profile: str = "default") -> pd.DataFrame:
    """Posts on what is not in force at a time, people over a limit, and grids without who they must have.

    Returns
    -------
    DataFrame
        Of :func:`gridgis.duties.people.staff_offenders`.
    """
    from gridgis.duties.people import staff_offenders
    from gridgis.registry import people
    from gridgis.registry.store import utc_now

    moment = utc_now() if at is None else moment_of("at", at)
    with reading(store) as connection:
        found, places = people.people(connection), people.places_in_force(connection, at=moment)
    return staff_offenders(found, places, at=moment, profile=load_profile(profile))


def end_post(store: str, post_code: str, *, ends: str | None = None, by: str) -> None:
    """Let a post end at a time, now by default; only an administrator of its area may."""
    from gridgis.registry import people
    from gridgis.registry.store import utc_now

    now = utc_now()
    moment = now if ends is None else moment_of("ends", ends)
    with writing(store) as connection:
        people.end_post(connection, post_code, ends=moment, actor=by, at=now)


def erase_person(store: str, person_id: str, *, by: str) -> None:
    """Erase by law all that was ever kept of a person but the number and the posts; only an administrator may."""
    from gridgis.registry import people
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        people.erase_person(connection, person_id, actor=by, at=utc_now())


def _seal(connection: Connection, key: str | Path) -> Seal:
    from gridgis.registry.sealing import load_key
    from gridgis.registry.store import store_id

    return load_key(Path(key), store=store_id(connection))


def changed(made: Event | None) -> dict[str, list[str]]:
    """Keys of the rows that an import changed, by table."""
    import json

    found: dict[str, list[str]] = {} if made is None else json.loads(made.body)["changed"]
    return found
