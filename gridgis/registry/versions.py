"""Versions of a district's division: drafted, submitted, approved, in force from a date.

Invariant: a version is a snapshot of all zones of one district in one network. What it changed from the version
before it, its change set, stays as it was submitted; where it is approved after another one, that one's zones come
in place of those that it did not change. One approved version at most begins at a time, and is in force until the
next one's; that it is follows from the dates. Each function does all it does, its event included, in the transaction
that it is given.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import sqlalchemy as sa
from pyproj import CRS
from sqlalchemy.engine import Connection, Row

from gridgis.crs import canonical
from gridgis.errors import Fault, InputRefused, refuse
from gridgis.profile import profile_from_toml
from gridgis.registry import tables
from gridgis.registry.actors import DRAWS, allowed
from gridgis.registry.change_sets import changed, fitted, put_into
from gridgis.registry.digests import draft_digests
from gridgis.registry.events import as_it_stands, record
from gridgis.registry.intake import refuse_malformed
from gridgis.registry.numbering import carried_on, changes_carried_on, pass_on, spend, with_unspent
from gridgis.registry.parts import STORED, Parts, load_parts, only_named, parts_of, save_parts
from gridgis.registry.store import Conflict, following, store_crs, store_id
from gridgis.registry.zone_changes import put_rows
from gridgis.registry.zone_rows import rows_of_part, store_rows
from gridgis.rules import profile_of
from gridgis.schema import GENERAL, Division

DISTRICT_DIGITS = 6


@dataclass(frozen=True)
class Version:
    """What stands in the register about one version; see :data:`gridgis.registry.tables.version`."""

    id: int
    district: str
    network: str
    number: int
    parent_id: int | None
    state: str
    author: str
    note: str
    created_at: str
    effective_from: str | None

    @property
    def name(self) -> str:
        """As people call it: district, network and number, such as "310112 general 3"."""
        return f"{self.district} {self.network} {self.number}"

    @property
    def is_open(self) -> bool:
        """Whether it can be edited and handed in."""
        return self.state in OPEN


STAMP = "registry"
"""Under this name the metrics of a division that was read from a store tell which version it was."""

FIELDS = tuple(Version.__dataclass_fields__)

OPEN = ("draft", "returned")
"""What a version is that can be edited and handed in."""


def draft(
    connection: Connection,
    division: Division,
    *,
    author: str,
    at: str,
    network: str = GENERAL,
    note: str = "",
    zones: Sequence[str] = (),
) -> Version:
    """Keep a division as a draft of its district, with codes that go on from the last version approved.

    One that was read from an approved version (exported, changed and brought back) goes on from that. Grids that go on
    keep their code, the others get the next numbers that were never used; both are provisional until the draft is
    approved.

    Parameters
    ----------
    zones : what the division is of, beginnings of codes; the other zones of the district go along as they stand.
        Without it the division is of the whole district.

    Raises
    ------
    InputRefused
        Where the division is malformed, of several districts, not in the CRS of the store, its author unknown or not
        entitled, or lacks zones of the last version without saying that they are given up.
    Conflict
        Where it moved a border with a zone that goes along.
    """
    text = str(division.info.get("profile_toml") or "")
    profile = profile_from_toml(text) if text else profile_of(division)
    if not network.strip():
        raise InputRefused([Fault("version", "", "is of a network without a name", "Name it, or leave it out")])
    district = _district(division.zones["zone_code"])
    refuse_malformed(division, layout=profile.codes)
    _settle_crs(connection, division)
    base = _base(connection, division, district, network)
    stood = parts_of(connection, base.id) if base else {}
    chosen = _chosen(zones, {*division.zones["zone_code"], *stood})
    if not chosen:
        problem = f"no zone begins with {', '.join(zones)}"
        raise InputRefused([Fault("zones", "", problem, "Name beginnings of codes of the division")])
    allowed(connection, author, DRAWS, area=_beginning(chosen))
    if not zones:
        _refuse_lacking(stood.keys() - set(division.zones["zone_code"]))
    division = _of_zones(division, chosen)
    if stood:
        division = carried_on(connection, division, stood.values(), network=network, layout=profile.codes)
    frames = {name: getattr(division, name) for name in STORED}
    parts = only_named(connection, lambda: put_into(connection, stood, save_parts(connection, frames), chosen))
    info = division.info
    row = {
        "profile": profile.name,
        "profile_toml": text or profile.to_toml(),
        "inputs_sha256": str(info.get("inputs_sha256") or ""),
        "software": str(info.get("version") or ""),
        "metrics": json.dumps(info.get("metrics") or {}, ensure_ascii=False, sort_keys=True),
        "author": author,
        "note": note,
        "created_at": at,
    }
    return _kept(connection, row, parts, base, district=district, network=network)


def branch(connection: Connection, version: Version, zones: Sequence[str], *, actor: str, at: str) -> Version:
    """A draft that has some zones of another draft, and the other zones as they stand.

    Parameters
    ----------
    zones : beginnings of codes

    Raises
    ------
    InputRefused, Conflict
        As :func:`draft`; also where no zone of these was changed, or one was changed by others since.
    """
    if version.state not in OPEN:
        cure = "Only zones of one that is draft or returned can be handed in"
        raise InputRefused([Fault("version", version.name, f"is {version.state}", cure)])
    base = last_approved(connection, version.district, network=version.network)
    mine, stood = parts_of(connection, version.id), parts_of(connection, base.id) if base else {}
    chosen = _chosen(zones, {*mine, *stood}).intersection(changed_zones(connection, version))
    allowed(connection, actor, "submitter", area=ground(version, chosen))
    if not chosen:
        problem = f"changed no zone of {', '.join(zones)}"
        raise InputRefused([Fault("version", version.name, problem, "See: gridgis difference")])
    _refuse_changed_since(connection, version, base, chosen)
    own = {zone: part for zone, part in mine.items() if zone in chosen}
    copied = ("profile", "profile_toml", "inputs_sha256", "software", "metrics")
    row = connection.execute(sa.select(tables.version).where(tables.version.c.id == version.id)).one()._asdict()
    row = {**{name: row[name] for name in copied}, "author": actor, "created_at": at, "note": f"of {version.name}"}

    def put() -> dict[str, int]:
        return put_into(connection, stood, _edited_carried_on(connection, version, own, stood), chosen)

    parts = only_named(connection, put)
    return _kept(connection, row, parts, base, district=version.district, network=version.network)


def _edited_carried_on(connection: Connection, version: Version, own: Parts, stood: Parts) -> dict[str, int]:
    """Parts of a version, those that edits changed with codes that go on from those that stood."""
    z = tables.edit_zone.c
    edited = set(connection.scalars(sa.select(z.zone_code).where(z.version_id == version.id)))
    mine, before = ({zone: part for zone, part in parts.items() if zone in edited} for parts in (own, stood))
    if not mine or not before:
        return dict(own)
    layout = profile_from_toml(profile_toml(connection, version)).codes
    changes, _ = changes_carried_on(connection, mine, before, network=version.network, layout=layout)
    rows = {zone: put_rows(rows_of_part(connection, own[zone]), change) for zone, change in changes.items()}
    return dict(own) | {zone: store_rows(connection, put.rows) for zone, put in rows.items() if put and put.rows}


def get(connection: Connection, number: int) -> Version:
    """The version with an id."""
    known = 0 <= number < 2**63
    row = connection.execute(_BY_ID, {"number": number}).first() if known else None
    if row is None:
        raise InputRefused([Fault("version", str(number), "there is none with this id", "See: gridgis versions")])
    return _version(row)


def versions(connection: Connection, *, district: str | None = None, network: str | None = None) -> list[Version]:
    """Every version, those of one district or network, in the order in which they were made."""
    asked = _columns().order_by(tables.version.c.id)
    if district is not None:
        asked = asked.where(tables.version.c.district == district)
    if network is not None:
        asked = asked.where(tables.version.c.network == network)
    return [_version(row) for row in connection.execute(asked)]


def in_force(connection: Connection, district: str, *, at: str, network: str = GENERAL) -> Version | None:
    """The version of a district that is in force at a time; None where there is none."""
    v = tables.version.c
    asked = _columns().where(
        v.district == district, v.network == network, v.state == "approved", v.effective_from <= at
    )
    row = connection.execute(asked.order_by(v.effective_from.desc()).limit(1)).first()
    return _version(row) if row else None


def standing(connection: Connection, *, at: str, network: str = GENERAL) -> list[Version]:
    """What is in force at a time, a version a district, by their codes."""
    v = tables.version.c
    asked = _columns().where(v.network == network, v.state == "approved", v.effective_from <= at)
    rows = connection.execute(asked.order_by(v.effective_from))
    last = {row.district: _version(row) for row in rows}
    return [last[district] for district in sorted(last)]


def last_approved(connection: Connection, district: str, *, network: str = GENERAL) -> Version | None:
    """The version of a district that is in force last, be it now or from a time to come; None where there is none."""
    v = tables.version.c
    asked = _columns().where(v.district == district, v.network == network, v.state == "approved")
    row = connection.execute(asked.order_by(v.effective_from.desc()).limit(1)).first()
    return _version(row) if row else None


def load(
    connection: Connection, version: Version, *, layers: Sequence[str] = STORED, zones: Collection[str] | None = None
) -> Division:
    """A version as a division; layers that are not asked for, moves and offenders are empty.

    Parameters
    ----------
    zones : codes of those that are wanted; all by default
    """
    crs = str(store_crs(connection))
    frames = load_parts(connection, parts_of(connection, version.id, zones=zones).values(), layers=layers, crs=crs)
    row = connection.execute(sa.select(tables.version).where(tables.version.c.id == version.id)).one()
    info = {
        "profile": row.profile,
        "profile_toml": row.profile_toml,
        "inputs_sha256": row.inputs_sha256,
        "version": row.software,
        "created_at": row.created_at,
        "metrics": {**json.loads(row.metrics), STAMP: {"store": store_id(connection), "version": version.id}},
    }
    return Division.with_layers(frames, info=info, crs=crs)


def changed_zones(connection: Connection, version: Version) -> list[str]:
    """The zones that a version changed from the one before it, in the order of their codes."""
    before = parts_of(connection, version.parent_id) if version.parent_id is not None else {}
    return sorted(changed(connection, before, parts_of(connection, version.id)))


def ground(version: Version, zones: Collection[str]) -> str:
    """What the codes of the zones that a version changed begin with: a right over it covers them."""
    return _beginning(zones) or version.district


def alike(connection: Connection, one: Version, two: Version) -> tuple[set[str], set[str]]:
    """Codes of the zones that are the same in two versions, and of the others that either has."""
    first, second = (parts_of(connection, version.id).items() for version in (one, two))
    return {zone for zone, _ in first & second}, {zone for zone, _ in first ^ second}


def shown_digest(connection: Connection, version_id: int) -> str:
    """SHA-256 over all that a version shows: its parts, the profile that judges them, and the CRS.

    Two versions of the same digest look alike, whoever drew them and wherever they are stored.
    """
    held = sa.select(tables.version.c.profile, tables.version.c.profile_toml).where(tables.version.c.id == version_id)
    told = [content_digest(connection, version_id), *connection.execute(held).one(), store_crs(connection)]
    return hashlib.sha256(json.dumps([str(one) for one in told]).encode()).hexdigest()


def content_digest(connection: Connection, version_id: int) -> str:
    """SHA-256 over the parts of a version, in the order of their zones: what the events say it was."""
    rows = connection.execute(_CONTENT, {"version_id": version_id}).all()
    return hashlib.sha256("".join([f"{code} {digest.hex()}\n" for code, digest in rows]).encode()).hexdigest()


def _content() -> sa.Select[Any]:
    """The question for the zones of a version with the digests of their parts: it is asked at each edit."""
    part, zone = tables.part, tables.version_zone
    asked = as_it_stands(zone.c.zone_code, part.c.digest).select_from(zone.join(part, part.c.id == zone.c.part_id))
    return asked.where(zone.c.version_id == sa.bindparam("version_id")).order_by(zone.c.zone_code)


_CONTENT = _content()


def _district(codes: pd.Series) -> str:
    found = sorted({str(code)[:DISTRICT_DIGITS] for code in codes})
    if len(found) != 1:
        problem = f"zones of {len(found)} districts: {', '.join(found[:5])}"
        raise InputRefused([Fault("zones", "", problem, "A version is of one district: divide each by itself")])
    return found[0]


def _settle_crs(connection: Connection, division: Division) -> None:
    """Hold a division to the CRS of the store, that of its first division where none was declared."""
    stored = store_crs(connection)
    given = canonical(CRS.from_user_input(division.zones.crs))
    if stored is None:
        connection.execute(sa.update(tables.store).values(crs=given))
    elif given != stored:
        cure = f"Divide with --crs {stored}"
        raise InputRefused([Fault("zones", "", f"are in {given}, the store is in {stored}", cure)])


def _base(connection: Connection, division: Division, district: str, network: str) -> Version | None:
    """The version that a division goes on from: the approved one that it was read from, else the last approved.

    One that was read from an older version does not undo without a word what was approved since: on approval the
    zones that both changed are a conflict.
    """
    stamp = (division.info.get("metrics") or {}).get(STAMP) or {}
    if stamp.get("store") == store_id(connection):
        read = get(connection, int(stamp["version"]))
        if (read.district, read.network, read.state) == (district, network, "approved"):
            return read
    return last_approved(connection, district, network=network)


def _beginning(codes: Collection[str]) -> str:
    """What all codes begin with."""
    first, last = min(codes, default=""), max(codes, default="")
    same = [k for k in range(len(first) + 1) if last.startswith(first[:k])]
    return first[: same[-1]]


def _chosen(begins: Sequence[str], codes: Collection[str]) -> set[str]:
    """Codes that begin with one of the texts; all where there is none."""
    return {code for code in codes if code.startswith(tuple(begins))} if begins else set(codes)


def _refuse_lacking(zones: Collection[str]) -> None:
    cure = "Say what the division is of with --zones; what it names and lacks is given up"
    refuse([Fault("zones", f"zone_code {zone}", "is in force and not in the division", cure) for zone in sorted(zones)])


def _of_zones(division: Division, zones: Collection[str]) -> Division:
    """The rows of a division that are of some zones."""
    kept = {name: getattr(division, name) for name in STORED if name != "borders"}
    kept = {name: frame[frame["zone_code"].isin(list(zones))].reset_index(drop=True) for name, frame in kept.items()}
    return replace(division, **kept)


def _kept(
    connection: Connection,
    row: dict[str, Any],
    parts: Parts,
    base: Version | None,
    *,
    district: str,
    network: str,
) -> Version:
    """A draft with its parts, and the event that tells of it."""
    parent = base.id if base else None
    number = 1 + (connection.scalar(_of(sa.func.max(tables.version.c.number), district, network)) or 0)
    own = {"district": district, "network": network, "number": number, "parent_id": parent, "state": "draft"}
    version_id = following(connection, tables.version)
    connection.execute(sa.insert(tables.version).values({**row, **own, "id": version_id}))
    _hold(connection, version_id, parts)
    made = get(connection, version_id)
    body = {"content": content_digest(connection, made.id), "parent": parent, **draft_digests(connection, made.id)}
    private = {"note": made.note}
    recorded(connection, made, "drafted", actor=made.author, at=made.created_at, body=body, private=private)
    return made


def _hold(connection: Connection, version_id: int, parts: Parts) -> None:
    zones = [{"version_id": version_id, "zone_code": code, "part_id": part} for code, part in parts.items()]
    connection.execute(sa.insert(tables.version_zone), zones)


def refuse_late(connection: Connection, version: Version, zones: Collection[str]) -> None:
    """Refuse a version that can no longer be approved, since others were.

    Parameters
    ----------
    zones : that it changed

    Raises
    ------
    Conflict
        Where one of them, or a border with another zone, was changed by a version approved since.
    """
    last = last_approved(connection, version.district, network=version.network)
    _refuse_changed_since(connection, version, last, zones)
    if last is not None and last.id != version.parent_id:
        own = {zone: part for zone, part in parts_of(connection, version.id).items() if zone in zones}
        fitted(connection, parts_of(connection, last.id), own, zones)


def _refuse_changed_since(
    connection: Connection, version: Version, last: Version | None, zones: Collection[str]
) -> None:
    """Raise where versions approved since, of which `last` is the last, changed one of the zones as well.

    Also where the one that it goes on from was revoked: what it holds never came into force.
    """
    parent = None if version.parent_id is None else get(connection, version.parent_id)
    if parent is not None and parent.state != "approved":
        raise Conflict(f"version {version.name}: goes on from {parent.name}, which was revoked: draft it again")
    if last is None or last.id == version.parent_id:
        return
    before = parts_of(connection, version.parent_id) if version.parent_id is not None else {}
    was, now = (
        {zone: part for zone, part in parts.items() if zone in zones}
        for parts in (before, parts_of(connection, last.id))
    )
    both = changed(connection, was, now)
    if both:
        since = f"was changed since by a version approved ({last.name} is the last): draft it again"
        raise Conflict(f"version {version.name}: {'; '.join(f'zone {zone} {since}' for zone in sorted(both))}")


def bring_up(connection: Connection, version: Version, last: Version | None, zones: Collection[str]) -> None:
    """Put what a version changed into the last one approved, spend its codes and write down what passes on.

    Parameters
    ----------
    zones : that it changed

    Raises
    ------
    Conflict
        As :func:`refuse_late`.
    """
    _refuse_changed_since(connection, version, last, zones)
    stood = parts_of(connection, last.id) if last else {}
    held = parts_of(connection, version.id)
    before = {zone: part for zone, part in stood.items() if zone in zones}
    layout = profile_from_toml(profile_toml(connection, version)).codes

    def brought_up() -> dict[str, int]:
        own = {zone: part for zone, part in held.items() if zone in zones}
        own = with_unspent(connection, own, before, network=version.network, layout=layout)
        goes_on = last is None or last.id == version.parent_id
        return held | own if goes_on else put_into(connection, stood, own, zones)

    parts = only_named(connection, brought_up)
    own = {zone: part for zone, part in parts.items() if zone in zones}
    spend(connection, own, before, version_id=version.id, network=version.network)
    if last is not None:
        pass_on(connection, before, own, version_id=version.id)
    zone, v = tables.version_zone, tables.version
    if parts != held:
        connection.execute(sa.delete(zone).where(zone.c.version_id == version.id))
        _hold(connection, version.id, parts)
    connection.execute(sa.update(v).where(v.c.id == version.id).values(parent_id=last.id if last else None))


def profile_toml(connection: Connection, version: Version) -> str:
    """The profile that a version was made with."""
    v = tables.version.c
    return str(connection.scalar(sa.select(v.profile_toml).where(v.id == version.id)))


def refuse_state(version: Version, before: Collection[str], after: str) -> None:
    """Refuse a version that is in none of the states `before` in which it must be to come to another."""
    if version.state not in before:
        cure = f"Only one that is {' or '.join(before)} can be {after}"
        raise InputRefused([Fault("version", version.name, f"is {version.state}", cure)])


def moved(
    connection: Connection,
    version: Version,
    before: Collection[str],
    after: str,
    *,
    actor: str,
    at: str,
    body: Mapping[str, Any],
    private: Mapping[str, str] | None = None,
    what: str | None = None,
    **more: Any,
) -> tuple[Version, int]:
    """Bring a version from one of the states `before` to another, as it stands in the store now.

    Parameters
    ----------
    what : was done, as the event tells; the state by default

    Returns
    -------
    version : Version
    seq : int
        Of the event.
    """
    was = get(connection, version.id)
    refuse_state(was, before, after)
    connection.execute(sa.update(tables.version).where(tables.version.c.id == version.id).values(state=after, **more))
    body = {"before": was.state, "content": content_digest(connection, version.id), **body}
    seq = recorded(connection, version, what or after, actor=actor, at=at, body=body, private=private)
    return get(connection, version.id), seq


def recorded(
    connection: Connection,
    version: Version,
    what: str,
    *,
    actor: str,
    at: str,
    body: Mapping[str, Any],
    private: Mapping[str, str] | None = None,
) -> int:
    """Record what was done with a version; give the number of the event."""
    subject, kind = str(version.id), f"version.{what}"
    return record(connection, at=at, actor=actor, kind=kind, subject=subject, body=body, private=private).seq


def _of(column: Any, district: str, network: str) -> sa.Select[Any]:
    v = tables.version.c
    return sa.select(column).where(v.district == district, v.network == network)


def _columns() -> sa.Select[Any]:
    return sa.select(*(tables.version.c[name] for name in FIELDS))


_BY_ID = _columns().where(tables.version.c.id == sa.bindparam("number"))


def _version(row: Row[Any]) -> Version:
    return Version(**row._asdict())
