"""Versions of a district's division: drafted, submitted, approved, in force from a date.

Invariant: a version is a snapshot of all zones of one district in one network; once submitted its content never
changes. One approved version at most begins at a time, and is in force until the next one's; that it is follows
from the dates. Each function does all it does, its event included, in the transaction that it is given.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import pandas as pd
import sqlalchemy as sa
from pyproj import CRS
from sqlalchemy.engine import Connection, Row

from gridgis.crs import canonical
from gridgis.errors import Fault, InputRefused
from gridgis.lineage import kept_codes, passed_on, renumbered
from gridgis.profile import profile_from_toml
from gridgis.registry import tables
from gridgis.registry.actors import allowed
from gridgis.registry.events import record
from gridgis.registry.parts import load_parts, save_parts
from gridgis.registry.store import Conflict, following, store_crs
from gridgis.schema import GENERAL, Division

DISTRICT_DIGITS = 6
LAND = ("zones", "grids", "microgrids", "atoms")


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


FIELDS = tuple(Version.__dataclass_fields__)


def draft(
    connection: Connection, division: Division, *, author: str, at: str, network: str = GENERAL, note: str = ""
) -> Version:
    """Keep a division as a draft of its district, with codes that go on from the last version approved.

    Grids that go on keep their code, the others get the next numbers that were never used; both are provisional
    until the draft is approved.

    Raises
    ------
    InputRefused
        Where the division is of several districts, not in the CRS of the store, its author unknown or not entitled.
    """
    district = _district(division.zones["zone_code"])
    allowed(connection, author, "submitter", area=district)
    crs = _settled_crs(connection, division)
    parent = last_approved(connection, district, network=network)
    if parent is not None:
        division = _carried_on(connection, division, parent, network=network, crs=crs)
    parts = save_parts(connection, {name: getattr(division, name) for name in LAND})
    number = 1 + (connection.scalar(_of(sa.func.max(tables.version.c.number), district, network)) or 0)
    info = division.info
    row: dict[str, Any] = {
        "id": following(connection, tables.version),
        "district": district,
        "network": network,
        "number": number,
        "parent_id": parent.id if parent else None,
        "state": "draft",
        "profile": str(info.get("profile") or ""),
        "profile_toml": str(info.get("profile_toml") or ""),
        "inputs_sha256": str(info.get("inputs_sha256") or ""),
        "software": str(info.get("version") or ""),
        "metrics": json.dumps(info.get("metrics") or {}, ensure_ascii=False, sort_keys=True),
        "author": author,
        "note": note,
        "created_at": at,
    }
    connection.execute(sa.insert(tables.version).values(row))
    zones = [{"version_id": row["id"], "zone_code": code, "part_id": part} for code, part in parts.items()]
    connection.execute(sa.insert(tables.version_zone), zones)
    made = get(connection, row["id"])
    body = {"content": content_digest(connection, made.id), "parent": made.parent_id, "note": note}
    _record(connection, made, "drafted", actor=author, at=at, body=body)
    return made


def submit(connection: Connection, version: Version, *, actor: str, at: str) -> Version:
    """Hand a draft, or a version that was returned, to review."""
    allowed(connection, actor, "submitter", area=version.district)
    return _moved(connection, version, ("draft", "returned"), "submitted", actor=actor, at=at, body={})


def give_back(connection: Connection, version: Version, *, actor: str, at: str, reason: str) -> Version:
    """Return a submitted version, with the reason."""
    allowed(connection, actor, "reviewer", area=version.district)
    if not reason.strip():
        raise InputRefused([Fault("version", version.name, "is returned without a reason", "Say why with --reason")])
    return _moved(connection, version, ("submitted",), "returned", actor=actor, at=at, body={"reason": reason})


def withdraw(connection: Connection, version: Version, *, actor: str, at: str) -> Version:
    """Take a version back that is not approved."""
    allowed(connection, actor, "submitter", area=version.district)
    states = ("draft", "submitted", "returned")
    return _moved(connection, version, states, "withdrawn", actor=actor, at=at, body={})


def approve(
    connection: Connection, version: Version, *, actor: str, at: str, effective_from: str, document: str = ""
) -> Version:
    """Approve a submitted version: it is in force from a time, its codes are spent for ever.

    Parameters
    ----------
    effective_from : as :func:`gridgis.registry.store.as_utc` gives it; not before what is in force
    document : number of the decision

    Raises
    ------
    InputRefused
        Where the actor may not, submitted it himself, or the time is before that of the parent.
    Conflict
        Where another version was approved since this one was drafted, or codes of it were spent meanwhile.
    """
    allowed(connection, actor, "reviewer", area=version.district)
    if actor == version.author:
        cure = "Let another reviewer decide"
        raise InputRefused([Fault("version", version.name, f"{actor} cannot approve what is his own", cure)])
    last = last_approved(connection, version.district, network=version.network)
    if (last.id if last else None) != version.parent_id:
        stands = last.name if last else "none"
        raise Conflict(f"version {version.name} goes on from another version than the last one approved ({stands})")
    if last is not None and effective_from <= str(last.effective_from):
        problem = f"would be in force from {effective_from}, not after {last.name} ({last.effective_from})"
        raise InputRefused([Fault("version", version.name, problem, "Name a later time")])
    fresh = _spend_codes(connection, version)
    _pass_on(connection, version)
    body = {"effective_from": effective_from, "document": document, "codes": len(fresh)}
    return _moved(
        connection, version, ("submitted",), "approved", actor=actor, at=at, body=body, effective_from=effective_from
    )


def get(connection: Connection, number: int) -> Version:
    """The version with an id."""
    row = connection.execute(_columns().where(tables.version.c.id == number)).first()
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


def last_approved(connection: Connection, district: str, *, network: str = GENERAL) -> Version | None:
    """The version of a district that is in force last, be it now or from a time to come; None where there is none."""
    v = tables.version.c
    asked = _columns().where(v.district == district, v.network == network, v.state == "approved")
    row = connection.execute(asked.order_by(v.effective_from.desc()).limit(1)).first()
    return _version(row) if row else None


def load(connection: Connection, version: Version, *, layers: Sequence[str] = LAND) -> Division:
    """A version as a division; layers that are not asked for, moves, borders and offenders are empty."""
    crs = str(store_crs(connection))
    frames = load_parts(connection, version.id, layers=layers, crs=crs)
    row = connection.execute(sa.select(tables.version).where(tables.version.c.id == version.id)).one()
    info = {
        "profile": row.profile,
        "profile_toml": row.profile_toml,
        "inputs_sha256": row.inputs_sha256,
        "version": row.software,
        "created_at": row.created_at,
        "metrics": json.loads(row.metrics),
    }
    return Division.with_layers(frames, info=info, crs=crs)


def content_digest(connection: Connection, version_id: int) -> str:
    """SHA-256 over the parts of a version, in the order of their zones: what the events say it was."""
    part, zone = tables.part, tables.version_zone
    asked = sa.select(zone.c.zone_code, part.c.digest).join(part, part.c.id == zone.c.part_id)
    rows = connection.execute(asked.where(zone.c.version_id == version_id).order_by(zone.c.zone_code))
    told = hashlib.sha256()
    for code, digest in rows:
        told.update(f"{code} {bytes(digest).hex()}\n".encode())
    return told.hexdigest()


def _district(codes: pd.Series) -> str:
    found = sorted({str(code)[:DISTRICT_DIGITS] for code in codes})
    if len(found) != 1:
        problem = f"zones of {len(found)} districts: {', '.join(found[:5])}"
        raise InputRefused([Fault("zones", "", problem, "A version is of one district: divide each by itself")])
    return found[0]


def _settled_crs(connection: Connection, division: Division) -> str:
    """The CRS of the store, that of its first division where none was declared."""
    stored = store_crs(connection)
    given = canonical(CRS.from_user_input(division.zones.crs))
    if stored is None:
        connection.execute(sa.update(tables.store).values(crs=given))
        return given
    if given != stored:
        cure = f"Divide with --crs {stored}"
        raise InputRefused([Fault("zones", "", f"are in {given}, the store is in {stored}", cure)])
    return stored


def _carried_on(connection: Connection, division: Division, parent: Version, *, network: str, crs: str) -> Division:
    """The division with the codes that go on from those in force."""
    old = load_parts(connection, parent.id, layers=["atoms"], crs=crs)["atoms"]
    layout = profile_from_toml(str(division.info["profile_toml"])).codes
    kept = kept_codes(passed_on(old, division.grids), layout=layout)
    kinds = dict(zip(division.grids["grid_code"], division.grids["kind"], strict=True))
    new = renumbered(list(kinds), kept, kinds=kinds, spent=spent_codes(connection, network), layout=layout)
    return recoded(division, new)


def recoded(division: Division, new: dict[str, str]) -> Division:
    """A division whose grids have other codes; micro-grids and atoms keep their end under the new code."""

    def under(values: pd.Series, parent: pd.Series) -> list[str]:
        return [new[p] + v[len(p) :] if v.startswith(p) else v for v, p in zip(values, parent, strict=True)]

    old = {name: getattr(division, name)["grid_code"] for name in ("grids", "microgrids", "atoms")}
    code = {name: values.map(new) for name, values in old.items()}
    micros, atoms = division.microgrids, division.atoms
    names = _renamed(division.grids["name"], old["grids"], code["grids"])
    return replace(
        division,
        grids=_sorted(division.grids.assign(grid_code=code["grids"], name=names), "grid_code"),
        microgrids=_sorted(
            micros.assign(
                grid_code=code["microgrids"], microgrid_code=under(micros["microgrid_code"], old["microgrids"])
            ),
            "microgrid_code",
        ),
        atoms=_sorted(
            atoms.assign(
                grid_code=code["atoms"],
                microgrid_code=under(atoms["microgrid_code"], old["atoms"]),
                atom_id=under(atoms["atom_id"], old["atoms"]),
            ),
            "atom_id",
        ),
    )


def _renamed(names: pd.Series, old: pd.Series, new: pd.Series) -> list[Any]:
    """Names that end on the sequence of the old code end on that of the new one."""
    return [
        f"{name[:-3]}{after[-3:]}" if isinstance(name, str) and name.endswith(before[-3:]) else name
        for name, before, after in zip(names, old, new, strict=True)
    ]


def _sorted(frame: gpd.GeoDataFrame, key: str) -> gpd.GeoDataFrame:
    return frame.sort_values(key, kind="stable", ignore_index=True)


def spent_codes(connection: Connection, network: str) -> list[str]:
    """Every code that was ever confirmed in a network, in order."""
    code = tables.code
    return list(connection.scalars(sa.select(code.c.code).where(code.c.network == network).order_by(code.c.code)))


def _codes(connection: Connection, version_id: int) -> set[str]:
    zone, grid = tables.version_zone, tables.grid
    asked = sa.select(grid.c.grid_code).join(zone, zone.c.part_id == grid.c.part_id)
    return set(connection.scalars(asked.where(zone.c.version_id == version_id)))


def _spend_codes(connection: Connection, version: Version) -> list[str]:
    """Confirm the codes that are new in a version; those of its parent go on."""
    before = _codes(connection, version.parent_id) if version.parent_id is not None else set()
    fresh = sorted(_codes(connection, version.id) - before)
    spent = set(spent_codes(connection, version.network)) & set(fresh)
    if spent:
        raise Conflict(f"version {version.name}: code {min(spent)} was spent meanwhile. Draft it again")
    rows = [{"network": version.network, "code": code, "version_id": version.id} for code in fresh]
    if rows:
        connection.execute(sa.insert(tables.code), rows)
    return fresh


def _pass_on(connection: Connection, version: Version) -> None:
    """Write down what each grid of the parent passed on to each grid of the version."""
    if version.parent_id is None:
        return
    crs = str(store_crs(connection))
    old = load_parts(connection, version.parent_id, layers=["atoms"], crs=crs)["atoms"]
    new = load_parts(connection, version.id, layers=["grids"], crs=crs)["grids"]
    rows = [
        {
            "version_id": version.id,
            "old_code": row.old_code,
            "new_code": row.new_code,
            "households": None if pd.isna(row.households) else int(row.households),
            "area_m2": float(row.area),
        }
        for row in passed_on(old, new).itertuples()
    ]
    connection.execute(sa.insert(tables.lineage), rows)


def _moved(
    connection: Connection,
    version: Version,
    before: Collection[str],
    after: str,
    *,
    actor: str,
    at: str,
    body: dict[str, Any],
    **more: Any,
) -> Version:
    """Bring a version from one of the states `before` to another, as it stands in the store now."""
    was = get(connection, version.id)
    if was.state not in before:
        cure = f"Only one that is {' or '.join(before)} can be {after}"
        raise InputRefused([Fault("version", version.name, f"is {was.state}", cure)])
    connection.execute(sa.update(tables.version).where(tables.version.c.id == version.id).values(state=after, **more))
    now = get(connection, version.id)
    body = {"before": was.state, "content": content_digest(connection, version.id), **body}
    _record(connection, now, after, actor=actor, at=at, body=body)
    return now


def _record(connection: Connection, version: Version, what: str, *, actor: str, at: str, body: dict[str, Any]) -> None:
    record(connection, at=at, actor=actor, kind=f"version.{what}", subject=str(version.id), body=body)


def _of(column: Any, district: str, network: str) -> sa.Select[Any]:
    v = tables.version.c
    return sa.select(column).where(v.district == district, v.network == network)


def _columns() -> sa.Select[Any]:
    return sa.select(*(tables.version.c[name] for name in FIELDS))


def _version(row: Row[Any]) -> Version:
    return Version(**row._asdict())
