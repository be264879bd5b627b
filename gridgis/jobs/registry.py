"""Jobs on a store: make it, keep drafts in it, read what is in force, audit and copy it.

Each opens the store, does all it does in one transaction, and closes it. Times take an offset; what is done now is
done at `utc_now()`.
"""

from __future__ import annotations

import datetime
import getpass
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gridgis.errors import Fault, InputRefused
from gridgis.schema import GENERAL, Division

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from sqlalchemy.engine import Connection

    from gridgis.registry.actors import Actor
    from gridgis.registry.audit import Verdict
    from gridgis.registry.checkpoint import Checkpoint
    from gridgis.registry.codes import Life
    from gridgis.registry.doctor import Finding
    from gridgis.registry.events import Event
    from gridgis.registry.store import Store
    from gridgis.registry.versions import Version


def init(store: str, *, administrator: str | None = None, crs: str | None = None) -> None:
    """Make a new store, with the one who lets others act.

    Parameters
    ----------
    store : path of a file that is not there yet, or `postgresql://…` of an empty database with PostGIS
    administrator : name of the first actor; that of the login by default
    crs : of all geometry; without it that of the first division, which PostgreSQL does not allow
    """
    from gridgis.registry.actors import add_actor
    from gridgis.registry.store import create_store, utc_now

    name = _login() if administrator is None else administrator

    def first(connection: Connection) -> None:
        add_actor(connection, name, role="administrator", by=name, at=utc_now())

    create_store(store, crs=crs, then=first).close()


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise InputRefused([Fault("actor", "", "this login has no name", "Give one with --administrator")]) from None


def upgrade(store: str) -> tuple[str, str]:
    """Bring a store of an older program to the tables of this one; give the revisions before and after."""
    from gridgis.registry.store import upgrade_store

    return upgrade_store(store)


def add_actor(store: str, name: str, *, role: str, area: str = "", by: str) -> None:
    """Let somebody act in a role, in the places whose codes begin with `area`; only an administrator may."""
    from gridgis.registry import actors
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        actors.allowed(connection, by, "administrator", area=area)
        actors.add_actor(connection, name, role=role, area=area, by=by, at=utc_now())


def end_actor(store: str, name: str, *, by: str) -> None:
    """Let somebody act no more; what he did stays. Only an administrator of his area may."""
    from gridgis.registry import actors
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        actors.end_actor(connection, name, by=by, at=utc_now())


def actors(store: str) -> list[Actor]:
    """All who may act or ever might, by their names."""
    from gridgis.registry import actors as register

    with reading(store) as connection:
        return register.actors(connection)


def grant(store: str, role: str, *, read_only: bool = False) -> None:
    """Let a role of PostgreSQL work on a store without being able to alter events, or read what is in force."""
    from gridgis.registry import roles

    with writing(store) as connection:
        roles.grant(connection, role, read_only=read_only)


def draft(
    store: str,
    division: Division,
    *,
    author: str,
    network: str = GENERAL,
    note: str = "",
    zones: Sequence[str] = (),
) -> Version:
    """Keep a division as a draft of its district, with codes that go on from the last version approved.

    Parameters
    ----------
    zones : what the division is of, beginnings of codes (a township's nine digits, say); the other zones go along
        as they stand. Without it the division is of the whole district.
    """
    from gridgis.registry import versions
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        return versions.draft(
            connection, division, author=author, at=utc_now(), network=network, note=note, zones=zones
        )


def draft_file(
    store: str, path: str | Path, *, author: str, network: str = GENERAL, note: str = "", zones: Sequence[str] = ()
) -> Version:
    """Keep the division in a file as a draft."""
    from gridgis.layers import read_division

    return draft(store, read_division(path), author=author, network=network, note=note, zones=zones)


def versions(store: str, *, district: str | None = None, network: str | None = None) -> list[Version]:
    """Every version of a store, or of one district or network."""
    from gridgis.registry import versions as register

    with reading(store) as connection:
        return register.versions(connection, district=district, network=network)


def in_force(store: str, district: str, *, at: str | None = None, network: str = GENERAL) -> Division:
    """The division of a district that is in force at a time, now by default.

    Raises
    ------
    InputRefused
        Where there is none.
    """
    from gridgis.registry import versions as register
    from gridgis.registry.store import utc_now

    moment = utc_now() if at is None else moment_of("at", at)
    with reading(store) as connection:
        found = register.in_force(connection, district, at=moment, network=network)
        if found is None:
            problem = f"nothing is in force in network {network} at {moment}"
            raise InputRefused([Fault("store", f"district {district}", problem, "See: gridgis versions")])
        return register.load(connection, found)


def version(store: str, number: int) -> Division:
    """One version as a division."""
    from gridgis.registry import versions as register

    with reading(store) as connection:
        return register.load(connection, register.get(connection, number))


def shown_digest(store: str, number: int) -> str:
    """SHA-256 over all that a version shows, as it is now: the same for versions that look alike."""
    from gridgis.registry import versions as register

    with reading(store) as connection:
        return register.shown_digest(connection, number)


def find_version(store: str, number: int) -> Version:
    """What stands in the register about one version."""
    from gridgis.registry import versions as register

    with reading(store) as connection:
        return register.get(connection, number)


def standing(store: str, *, network: str = GENERAL, at: str | None = None) -> list[Version]:
    """What is in force at a time, now by default: a version a district, by their codes."""
    from gridgis.registry import versions as register
    from gridgis.registry.store import utc_now

    moment = utc_now() if at is None else moment_of("at", at)
    with reading(store) as connection:
        return register.standing(connection, at=moment, network=network)


def changed_zones(store: str, version: int) -> list[str]:
    """The zones that a version changed from the one before it."""
    from gridgis.registry import versions

    with reading(store) as connection:
        return versions.changed_zones(connection, versions.get(connection, version))


@dataclass(frozen=True)
class Differences:
    """What became of grids, and of the micro-grids of those that are unchanged, between two versions.

    Attributes
    ----------
    grids : GeoDataFrame
        As :func:`gridgis.difference.difference` gives it.
    microgrids : DataFrame
        As :func:`gridgis.difference.micro_difference` gives it.
    """

    grids: gpd.GeoDataFrame
    microgrids: pd.DataFrame


def difference(store: str, old: int, new: int) -> gpd.GeoDataFrame:
    """What became of each grid between two versions; see :func:`differences`."""
    return differences(store, old, new).grids


def differences(store: str, old: int, new: int) -> Differences:
    """What became of each grid, and of the micro-grids of unchanged ones, between two versions.

    Raises
    ------
    InputRefused
        Where they are of two districts or networks.
    """
    return compared(*side_by_side(store, old, new))


def side_by_side(store: str, old: int, new: int) -> tuple[Division, Division, gpd.GeoDataFrame]:
    """Two versions as :func:`parted` gives them.

    Raises
    ------
    InputRefused
        Where they are of two districts or networks.
    """
    from gridgis.registry import versions as register

    with reading(store) as connection:
        one, two = (register.get(connection, number) for number in (old, new))
        if (one.district, one.network) != (two.district, two.network):
            cure = "Compare versions of one district in one network"
            raise InputRefused([Fault("version", f"{one.name} and {two.name}", "have nothing in common", cure)])
        return parted(connection, one, two)


def parted(connection: Connection, one: Version, two: Version) -> tuple[Division, Division, gpd.GeoDataFrame]:
    """What of two versions is not the same, of either; and the grids of the zones that are."""
    from gridgis.registry import versions as register

    same, others = register.alike(connection, one, two)
    stays = register.load(connection, one, layers=("grids",), zones=same).grids
    layers = ("grids", "microgrids", "atoms")
    was, now = (register.load(connection, found, layers=layers, zones=others) for found in (one, two))
    return was, now, stays


def compared(was: Division, now: Division, stays: gpd.GeoDataFrame) -> Differences:
    """What became of grids and micro-grids, of what :func:`parted` gives."""
    from gridgis import difference as compare

    grids = compare.difference(was, now, stays=stays)
    return Differences(grids, compare.micro_difference(was, now, grids))


@dataclass(frozen=True)
class Seams:
    """How a version meets its neighbours.

    Attributes
    ----------
    faults : GeoDataFrame
        Of :func:`gridgis.seams.seams`, neighbour after neighbour; `other` and `state` are name and state of the
        neighbour's version.
    compared : tuple of Version
        All that it was compared with, in the same order: in force, then submitted, each by district and number.
    """

    faults: gpd.GeoDataFrame
    compared: tuple[Version, ...]


def seams(store: str, number: int) -> Seams:
    """Compare the border of a version, whatever its state, with its neighbours; nothing is written or refused.

    Of every other district in its network that is the version in force now and each submitted one; a gap that lies
    mostly in what is in force in a third district is none. Of its own district it is each other submitted version, of
    which the borders between townships are compared that the two draw differently
    (:func:`gridgis.seams.township_seams`). Tolerances are those of the profile that the version was made with.
    """
    from gridgis import seams as seam
    from gridgis.registry import versions as register
    from gridgis.registry.store import utc_now
    from gridgis.rules import profile_of

    with reading(store) as connection:
        version = register.get(connection, number)
        neighbours = _neighbours(connection, version, at=utc_now())
        division, *others = (register.load(connection, one, layers=("zones",)) for one in (version, *neighbours))
    profile, own = profile_of(division), division.zones
    zones = list(zip(neighbours, (other.zones for other in others), strict=True))
    found = [seam.seams(own, own.iloc[:0], profile=profile).assign(other=None, state=None)]
    for one, land in zones:
        if one.district == version.district:
            faults = seam.township_seams(own, land, profile=profile)
        else:
            third = [rest for two, rest in zones if two.state == "approved" and two.district != one.district]
            faults = seam.seams(own, land, profile=profile, third=third)
        found.append(faults.assign(other=one.name, state=one.state))
    columns = [*seam.COLUMNS[:3], "other", "state", *seam.COLUMNS[3:], "geometry"]
    return Seams(seam.stacked(found)[columns], tuple(neighbours))


def _neighbours(connection: Connection, version: Version, *, at: str) -> list[Version]:
    """What is in force at a time in the other districts of the network, then what is submitted in any."""
    from gridgis.registry import versions as register

    every = [one for one in register.versions(connection, network=version.network) if one.id != version.id]
    every.sort(key=lambda one: (one.district, one.number))
    districts = sorted({one.district for one in every} - {version.district})
    stand = (register.in_force(connection, district, at=at, network=version.network) for district in districts)
    return [*(one for one in stand if one), *(one for one in every if one.state == "submitted")]


def explain_code(store: str, code: str, *, network: str = GENERAL) -> Life:
    """The whole life of a code: when it was confirmed, what it came from, what it passed on."""
    from gridgis.registry.codes import life

    with reading(store) as connection:
        return life(connection, code, network=network)


def beginnings(store: str, codes: Collection[str], *, network: str = GENERAL) -> dict[str, str]:
    """When each of some codes came into force, ISO 8601; those that never did are left out."""
    from gridgis.registry.codes import beginnings as found

    with reading(store) as connection:
        return found(connection, codes, network=network)


def events(store: str, *, version: int | None = None) -> list[Event]:
    """What was done in a store, or with one version, in its order."""
    from gridgis.registry.events import events as told

    with reading(store) as connection:
        return list(told(connection, version=version))


def erase(store: str, event: int, *, field: str, by: str) -> None:
    """Erase what somebody wrote in an event (`note`, `reason`, `text`), by law; only an administrator may.

    Of an event that remembered an address, `text` is all that was ever remembered of that address.
    """
    from gridgis.registry import actors, aliases, erasure
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        actors.allowed(connection, by, "administrator", area="")
        remembered = aliases.key_of(connection, event) if field == "text" else None
        if remembered:
            aliases.forget(connection, remembered, actor=by, at=utc_now())
        else:
            erasure.erase(connection, event, field, actor=by, at=utc_now())


def backup(store: str, output: str | Path) -> tuple[str, ...]:
    """Copy a store, while it is at work, to a file that is not there yet, and read the copy back.

    Returns
    -------
    tuple of str
        The keys that have to be kept beside the copy, as :func:`gridgis.registry.backup.sealed_by` names them.
    """
    from gridgis.registry.backup import copied, sealed_by

    with opened_store(store) as opened:
        copied(opened, str(output)).close()
        with opened.read() as connection:
            return sealed_by(connection)


def restore(copy: str | Path, store: str) -> None:
    """Make a store, of either kind, of a copy; there must be nothing yet at its place."""
    from gridgis.registry.backup import copied

    with opened_store(str(copy)) as opened:
        copied(opened, store).close()


def doctor(store: str) -> list[Finding]:
    """How a store is: versions, integrity, space, the chain of events."""
    from gridgis.registry.doctor import examine

    with opened_store(store) as opened:
        return examine(opened)


def make_key(path: str | Path) -> Path:
    """Make a key that signs checkpoints; give the file of the one that verifies them, which stands beside it."""
    from gridgis.registry import checkpoint

    return checkpoint.make_key(Path(path))


def write_checkpoint(store: str, output: str | Path, *, key: str | Path) -> Checkpoint:
    """Sign how the events of a store end now; keep the file where the store's administrator cannot write."""
    from gridgis.layers import refuse_target
    from gridgis.publish.whole import written_whole
    from gridgis.registry.checkpoint import checkpoint
    from gridgis.registry.store import utc_now

    refuse_target(output, inputs=[store, key, f"{key}.pub"])
    with reading(store) as connection:
        made = checkpoint(connection, key=Path(key), at=utc_now())
    with written_whole(output) as draft_of_file:
        draft_of_file.write_text(made.to_json(), encoding="utf-8")
    return made


def verify(store: str, *, checkpoint: str | Path | None = None, public_key: str | Path | None = None) -> Verdict:
    """Whether the events of a store hang together, tell what its tables hold, and agree with a checkpoint."""
    from gridgis.registry.audit import verify as judge
    from gridgis.registry.audit import witnessed

    kept = None if checkpoint is None else _checkpoint(Path(checkpoint))
    with reading(store) as connection:
        found = judge(connection)
        return found if kept is None else witnessed(connection, found, kept, public=Path(public_key or ""))


def _checkpoint(path: Path) -> Checkpoint:
    from gridgis.registry.checkpoint import Checkpoint

    try:
        return Checkpoint.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        problem = "cannot be read: " + ("no checkpoint" if isinstance(error, RecursionError) else str(error))
        raise InputRefused(
            [Fault("checkpoint", str(path), problem, "Give what gridgis audit checkpoint wrote")]
        ) from None


_KEPT: dict[str, Store] = {}
"""Stores that stay open in this process: a server has no time to open one for each request."""


def keep_open(store: str) -> None:
    """Let all jobs of this process that name a store use one that stays open.

    Raises
    ------
    InputRefused
        As :func:`gridgis.registry.store.open_store`.
    """
    from gridgis.registry.store import open_store

    if store not in _KEPT:
        _KEPT[store] = open_store(store)


@contextmanager
def opened_store(store: str) -> Iterator[Store]:
    """A store while it is needed."""
    from gridgis.registry.store import open_store

    if store in _KEPT:
        yield _KEPT[store]
        return
    opened = open_store(store)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def writing(store: str) -> Iterator[Connection]:
    """A transaction that is kept where the block ends without an error."""
    with opened_store(store) as opened, opened.write() as connection:
        yield connection


@contextmanager
def reading(store: str) -> Iterator[Connection]:
    """A transaction that changes nothing."""
    with opened_store(store) as opened, opened.read() as connection:
        yield connection


def moment_of(what: str, text: str) -> str:
    """A time with its offset, as it is stored; refused where it has none."""
    from gridgis.registry.store import as_utc

    cure = "Write it as 2026-12-01T00:00+08:00"
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise InputRefused([Fault(what, text, "is no time", cure)]) from None
    if moment.tzinfo is None:
        raise InputRefused([Fault(what, text, "has no offset from UTC", cure)])
    try:
        return as_utc(moment)
    except OverflowError:
        raise InputRefused([Fault(what, text, "lies beyond the years that there are", cure)]) from None
