"""People and posts in the store: imported with all faults told at once, ended, read by role, erased by law.

Invariant: what is private is nowhere in plain: not in a table, not in an event. Reading it is an event. The chain has
salted digests of what is public of people, so that it can be erased too.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import rfc8785
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.duties.columns import PRIVATE, Duties
from gridgis.duties.people import people_faults, with_post_codes
from gridgis.duties.rules import split
from gridgis.errors import Fault, InputRefused, refuse
from gridgis.profile import Profile
from gridgis.registry import tables
from gridgis.registry.actors import allowed
from gridgis.registry.entries import KEYS, Change, Row, beginning, carry_out, changes, standing
from gridgis.registry.events import Event, record, salted
from gridgis.registry.sealing import Seal
from gridgis.registry.store import following
from gridgis.registry.versions import in_force

KEPT = ("people", "posts", "units")
PUBLIC = ("person_id", "name", "public_phone", "public_hours", "photo")
_IDENTITY = ["person_id", "role", "area_code", "valid_from"]


def import_people(
    connection: Connection,
    given: Duties,
    *,
    profile: Profile,
    seal: Seal | None,
    actor: str,
    at: str,
    faults: Iterable[Fault] = (),
) -> Event | None:
    """Let people, posts and units stand as they are given; None where all of them do already.

    A row takes the place of the one of its key: a person, a post from a day, a unit. Others stay. Rows are called by
    the index of their frames.

    Parameters
    ----------
    faults : of the cells of what is given, to be told with the others

    Raises
    ------
    InputRefused
        With every fault of what would stand that does not stand already; where there are private fields and no key;
        where the actor is no administrator of all areas that are changed.
    """
    stood = {name: standing(connection, name)[0] for name in KEPT}
    posts = _with_known_codes(given.posts, stood["posts"])
    frames = {"people": given.people, "posts": posts, "units": given.units}
    would = Duties(**{name: merged(name, stood[name], frame) for name, frame in frames.items()})
    stands = Duties(**{name: called(name, frame) for name, frame in stood.items()})
    codes = frozenset(places_in_force(connection, at=at)["code"])
    before, after = (people_faults(one, profile=profile, codes=codes, since=at) for one in (stands, would))
    refuse([*faults, *(fault for fault in after if fault not in before), *_unsealed(given.people, seal)])
    taken = connection.scalars(sa.select(tables.post.c.post_code).distinct()).all()
    change = Change()
    frames["posts"] = with_post_codes(posts, profile=profile, taken=taken)
    for name, frame in frames.items():
        changes(connection, name, frame, change)
    _salt(change)
    if seal is not None:
        _seal(connection, given.people, seal, change)
    if not change:
        return None
    allowed(connection, actor, "administrator", area=_area(would, change))
    return carry_out(connection, change, kind="people.imported", subject="people", actor=actor, at=at)


def end_post(connection: Connection, post_code: str, *, ends: str, actor: str, at: str) -> Event:
    """Let a post end at a time.

    Raises
    ------
    InputRefused
        Where no such post is held after that time, or the actor is no administrator of its area.
    """
    posts, _ = standing(connection, "posts")
    mine = posts[posts["post_code"] == post_code]
    mine = mine[
        (mine["valid_from"].fillna("") < ends) & (mine["valid_to"].isna() | (mine["valid_to"].fillna("") > ends))
    ]
    if mine.empty:
        problem = f"is held by nobody at {ends}"
        raise InputRefused([Fault("post", post_code, problem, "See: gridgis people list")])
    units, _ = standing(connection, "units")
    allowed(connection, actor, "administrator", area=beginning(_grids(mine["area_code"], units)))
    change = Change()
    changes(connection, "posts", mine.assign(valid_to=ends), change)
    return carry_out(connection, change, kind="post.ended", subject=post_code, actor=actor, at=at)


def read_private(connection: Connection, person_id: str, *, seal: Seal, actor: str, at: str) -> dict[str, str]:
    """What is private of a person; who asked, of whom and when, is an event.

    Raises
    ------
    InputRefused
        Where there is no such person, the actor is no administrator of all areas of his posts, or the key is another.
    """
    _refuse_unknown(connection, person_id)
    posts, _ = standing(connection, "posts")
    units, _ = standing(connection, "units")
    areas = _grids(posts.loc[posts["person_id"] == person_id, "area_code"], units)
    allowed(connection, actor, "administrator", area=beginning(areas))
    found = _private(connection, person_id, seal)
    record(connection, at=at, actor=actor, kind="person.read", subject=person_id, body={"fields": sorted(found)})
    return found


def erase_person(connection: Connection, person_id: str, *, actor: str, at: str) -> None:
    """Erase all that was ever kept of a person but the number and the posts; the chain of events holds.

    Raises
    ------
    InputRefused
        Where there is nothing to be erased, or the actor is no administrator of everything.
    """
    allowed(connection, actor, "administrator", area="")
    body = {}
    for table, empty in ((tables.person, b""), (tables.person_private, None)):
        there = table.c.salt != b"" if table is tables.person else table.c.sealed.is_not(None)
        mine = sa.and_(table.c.person_id == person_id, there)
        body[table.name] = list(connection.scalars(sa.select(table.c.id).where(mine).order_by(table.c.id)))
        gone = {"sealed": empty} if table is tables.person_private else dict.fromkeys(PUBLIC[1:]) | {"salt": empty}
        connection.execute(sa.update(table).where(mine).values(gone))
    if not any(body.values()):
        raise InputRefused([Fault("person", person_id, "has nothing to be erased", "See: gridgis people list")])
    record(connection, at=at, actor=actor, kind="person.erased", subject=person_id, body=body)


def people(connection: Connection) -> Duties:
    """People, posts and units that stand, without what is private."""
    return Duties(**{name: standing(connection, name)[0] for name in KEPT})


def places_in_force(connection: Connection, *, at: str) -> pd.DataFrame:
    """`code` and `kind` of zone of every grid and micro-grid in force at a time, in all districts and networks."""
    v = tables.version.c
    pairs = connection.execute(sa.select(v.district, v.network).where(v.state == "approved").distinct()).all()
    found = [in_force(connection, district, at=at, network=network) for district, network in sorted(map(tuple, pairs))]
    numbers = [version.id for version in found if version is not None]
    zone, part = tables.version_zone, tables.part
    rows = []
    for layer, column in ((tables.grid, "grid_code"), (tables.microgrid, "microgrid_code")):
        asked = sa.select(layer.c[column], part.c.kind).join(part, part.c.id == layer.c.part_id)
        asked = asked.join(zone, zone.c.part_id == part.c.id).where(zone.c.version_id.in_(numbers)).distinct()
        rows += sorted(map(tuple, connection.execute(asked)))
    return pd.DataFrame(rows, columns=["code", "kind"], dtype=object)


# ---------------------------------------------------------------- what is given with what stands
def merged(name: str, stood: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """All rows of a table that would stand where some are given."""
    replaced = set(_keys(given, KEYS[name]))
    stay = [key not in replaced for key in _keys(stood, KEYS[name])]
    return pd.concat([called(name, stood).iloc[np.flatnonzero(stay)], given]) if any(stay) else given


def called(name: str, stood: pd.DataFrame) -> pd.DataFrame:
    """Rows that stand, called by their key."""
    names = [f"kept {' '.join(filter(None, key))}" for key in _keys(stood, KEYS[name])]
    return stood.set_index(pd.Index(names, dtype=object))


def _keys(frame: pd.DataFrame, keys: Sequence[str]) -> list[tuple[str, ...]]:
    return list(frame[[*keys]].astype(object).where(frame[[*keys]].notna(), "").itertuples(index=False, name=None))


def _with_known_codes(posts: pd.DataFrame, stood: pd.DataFrame) -> pd.DataFrame:
    """Posts without a code that stand already, with theirs."""
    known = dict(zip(_keys(stood, _IDENTITY), stood["post_code"], strict=True))
    codes = zip(posts["post_code"], _keys(posts, _IDENTITY), strict=True)
    texts = [code if code is not None else known.get(key) for code, key in codes]
    return posts.assign(post_code=pd.Series(texts, index=posts.index, dtype=object))


def _area(would: Duties, change: Change) -> str:
    """The beginning that all areas have in which something changes."""
    people = {row["person_id"] for name in ("person", "person_private") for row in change.added.get(name, ())}
    units = {row["unit_code"] for row in change.added.get("unit", ())}
    posts = would.posts[would.posts["person_id"].isin(people)]
    if people - set(posts["person_id"]):
        return ""
    areas = [*posts["area_code"], *(row["area_code"] for row in change.added.get("post", ())), *units]
    return beginning(_grids(areas, would.units))


def _grids(areas: Iterable[str], units: pd.DataFrame) -> list[str]:
    grids = dict(zip(units["unit_code"], units["grid_codes"].map(split), strict=True))
    return [code for area in areas for code in grids.get(area, (area,))]


def _refuse_unknown(connection: Connection, person_id: str) -> None:
    people, _ = standing(connection, "people")
    if person_id not in set(people["person_id"]):
        raise InputRefused([Fault("person", person_id, "is not known", "See: gridgis people list")])


# ---------------------------------------------------------------- what is personal
def person_digest(row: Row, salt: bytes) -> bytes:
    """The salted digest of what the public may know of a person."""
    return bytes.fromhex(salted(salt, rfc8785.dumps({name: row[name] for name in PUBLIC}).decode()))


def _salt(change: Change) -> None:
    """Give rows of people their salt and digest."""
    for row in change.added.get("person", ()):
        row["salt"] = secrets.token_bytes(16)
        row["digest"] = person_digest(row, row["salt"])


def _fields(person: dict[str, str | None]) -> dict[str, str]:
    return {name: str(person[name]) for name in PRIVATE if person[name] is not None}


def _unsealed(people: pd.DataFrame, seal: Seal | None) -> list[Fault]:
    """Faults of private fields that could only be kept in plain."""
    if seal is not None:
        return []
    cure = "Give the key with --key, or set GRIDGIS_PEOPLE_KEY; make one with: gridgis people key"
    there = people[list(PRIVATE)].notna().any()
    return [Fault("people", name, "is private and there is no key to encrypt it", cure) for name in there.index[there]]


def _seal(connection: Connection, people: pd.DataFrame, seal: Seal, change: Change) -> None:
    """Note the private fields that are new; a field that is not given stays."""
    table = tables.person_private
    number = following(connection, table)
    asked = sa.select(table).where(table.c.ended_seq.is_(None), table.c.sealed.is_not(None))
    kept = {row.person_id: row for row in connection.execute(asked)}
    for person in people.to_dict("records"):
        fields, old = _fields(person), kept.get(person["person_id"])
        before = {} if old is None else seal.opened(person["person_id"], bytes(old.sealed))
        if not fields or before == {**before, **fields}:
            continue
        sealed = seal.sealed(person["person_id"], {**before, **fields})
        row = {"person_id": person["person_id"], "digest": hashlib.sha256(sealed).digest(), "sealed": sealed}
        change.added.setdefault(table.name, []).append({"id": number, **row})
        change.names.setdefault("private", []).append(person["person_id"])
        if old is not None:
            change.ended.setdefault(table.name, []).append(old.id)
        number += 1


def _private(connection: Connection, person_id: str, seal: Seal) -> dict[str, str]:
    table = tables.person_private.c
    mine = sa.and_(table.person_id == person_id, table.ended_seq.is_(None), table.sealed.is_not(None))
    sealed = connection.scalar(sa.select(table.sealed).where(mine))
    return {} if sealed is None else seal.opened(person_id, bytes(sealed))
