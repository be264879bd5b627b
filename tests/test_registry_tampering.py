"""Tampering: whatever is done to a store behind its program is found, or takes a checkpoint to be found."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from math import inf, nextafter
from pathlib import Path

import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
import stores
from click.testing import CliRunner
from lattices import UTM, told_borders
from sqlalchemy.engine import Connection
from test_edits_store import gives, most_given
from test_registry import DAY, RollBack, add_actors, approved, decision, drafted, merge, server, town

from gridgis import jobs
from gridgis.adjust.names import lock
from gridgis.cli import main
from gridgis.errors import DONE, OFFENDERS, REFUSED, UNWITNESSED
from gridgis.registry import tables
from gridgis.registry.attachments import attach
from gridgis.registry.audit import verify, witnessed
from gridgis.registry.checkpoint import Checkpoint
from gridgis.registry.comments import answer, comment
from gridgis.registry.edits import applied, opened, undone
from gridgis.registry.erasure import erase
from gridgis.registry.events import FIRST, Event, events, record
from gridgis.registry.review import give_back, submit, take_on_file, withdraw
from gridgis.registry.store import Store, create_store, open_store, store_id
from gridgis.registry.versions import load
from gridgis.schema import Division

__all__ = ["server"]
Rows = dict[str, list[dict[str, object]]]


@dataclass(frozen=True)
class City:
    """A store as it is now, with what an attacker may have of it, and the checkpoint that he has not.

    Attributes
    ----------
    now : file of the store
    early : what was in it before the checkpoint
    forks : what came of a copy of `early` that went on differently
    other : what is in a store of the same town
    """

    now: Path
    early: Rows
    forks: tuple[Rows, ...]
    other: Rows
    kept: Path
    public: Path


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> City:
    folder = tmp_path_factory.mktemp("city")
    whole = town()
    merged = merge(whole, *whole.grids["grid_code"][:2])
    other = begun(folder / "other.db")
    now = begun(folder / "now.db")
    early = rows_of(now)
    forks = []
    for days in ((20,), (21, 22, 23, 24, 25)):
        shutil.copy(folder / "now.db", folder / "fork.db")
        fork = open_store(str(folder / "fork.db"))
        for day in days:
            approved(fork, whole if day % 2 else merged, day=day, note="fork")
        forks.append(rows_of(fork))
    approved(now, merged, day=20)
    returned, withdrawn = drafted(now, whole, day=30), drafted(now, merged, day=31)
    with now.write() as connection:
        handed = submit(connection, returned, actor="draws", at=DAY[32])
        give_back(connection, handed, decision(DAY[33]), reason="border")
        withdraw(connection, withdrawn, actor="draws", at=DAY[34])
    under_review(now, whole)
    edited(now, whole)
    public = jobs.make_key(folder / "key")
    jobs.write_checkpoint(now.url, folder / "kept.json", key=folder / "key")
    now.close()
    return City(folder / "now.db", early, tuple(forks), rows_of(other), folder / "kept.json", public)


def under_review(store: Store, division: Division) -> None:
    """A version with all that a review may have: findings, a filing with a sealed file, comments, a text erased."""
    made = drafted(store, told_borders(division), day=40, note="by telephone")
    found = pd.DataFrame({"rule": ["neck"], "code": [division.grids["grid_code"][0]], "detail": ["narrow"]})
    with store.write() as connection:
        submit(connection, made, actor="draws", at=DAY[41], findings=found, reasons={"": "the river"})
        seal = attach(connection, "seal.pdf", b"%PDF a stamp")
        take_on_file(connection, made, decision(DAY[42], actor="files", attachment=seal))
        for text in ("here", "and here"):
            place = {"code": division.zones["zone_code"][0], "other_code": None}
            number = comment(connection, made, text, **place, actor="decides", at=DAY[43]).id
        answer(connection, made, number, "mended", actor="draws", at=DAY[44])
        seq = next(
            one.seq for one in events(connection) if one.kind == "version.drafted" and one.subject == str(made.id)
        )
        erase(connection, seq, "note", actor="first", at=DAY[45])


def edited(store: Store, division: Division) -> None:
    """A version with edits: some in effect, one taken back, a lock, and other codes by handing it in."""
    made = drafted(store, division, day=50)
    with store.read() as connection:
        code = load(connection, made).grids["grid_code"][0]
    most_given(store, made, code, by="draws")
    told = {"actor": "draws", "at": DAY[51]}
    zones = [division.zones["zone_code"][1]]
    with store.write() as connection:
        edit = next(gives(opened(connection, made, zones)))
        applied(connection, made, edit, action="give", asked={"to": edit.touched[0]}, **told)
        undone(connection, made, **told)
        locked = lock(opened(connection, made, zones), [edit.touched[0]])
        applied(connection, made, locked, action="lock", asked={"grids": [edit.touched[0]], "borders": []}, **told)
        submit(connection, made, actor="draws", at=DAY[52])


def begun(path: Path) -> Store:
    store = create_store(str(path), crs=UTM)
    add_actors(store)
    approved(store, town(), day=10)
    return store


def rows_of(store: Store) -> Rows:
    with store.read() as connection:
        return {
            table.name: [row._asdict() for row in connection.execute(sa.select(table))]
            for table in tables.metadata.sorted_tables
        }


# ---------------------------------------------------------------- with the guards down
@contextmanager
def unguarded(store: Store) -> Iterator[Connection]:
    """A transaction that may do all that who owns the database may; the triggers are there again afterwards."""
    with store.engine.connect() as connection:
        if not store.is_postgresql:
            for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON"):
                connection.connection.driver_connection.execute(f"PRAGMA {pragma}")
        with connection.begin():
            if store.is_postgresql:
                connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
                yield connection
                return
            triggers = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
            for name, _ in triggers:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            yield connection
            for _, statement in triggers:
                connection.exec_driver_sql(statement)


def done(connection: Connection, statement: sa.Executable) -> bool:
    """Whether the database lets a statement do something."""
    try:
        with connection.begin_nested():
            return connection.execute(statement).rowcount > 0
    except (sa.exc.DBAPIError, ValueError):
        return False


def until_done(act: Callable[[], bool]) -> None:
    assert any(act() for _ in range(200))


def any_row(connection: Connection, table: sa.Table, rng: random.Random) -> sa.Row:
    return rng.choice(connection.execute(sa.select(table).order_by(*table.primary_key)).all())


def at(table: sa.Table, row: sa.Row) -> sa.ColumnElement[bool]:
    return sa.and_(*(column == row._mapping[column.name] for column in table.primary_key))


def another(column: sa.Column, value: object, rng: random.Random) -> object:
    """A value that differs as little as may be."""
    if value is None:
        return column.type.python_type(1)
    if isinstance(value, str):
        k = rng.randrange(len(value) + 1)
        return value[:k] + rng.choice("0a区 ") + value[k:]
    if isinstance(value, bytes):
        return flipped(value, rng)
    return nextafter(value, rng.choice((-inf, inf))) if isinstance(value, float) else value + rng.choice((-1, 1, 1000))


def flipped(value: bytes, rng: random.Random) -> bytes:
    k = rng.randrange(len(value))
    return value[:k] + bytes([value[k] ^ 1 << rng.randrange(8)]) + value[k + 1 :]


def put_in(connection: Connection, rows: Rows) -> None:
    """Let tables hold other rows."""
    chosen = [table for table in tables.metadata.sorted_tables if table.name in rows]
    for table in reversed(chosen):
        connection.execute(sa.delete(table))
    for table in chosen:
        if rows[table.name]:
            connection.execute(sa.insert(table), rows[table.name])


def put_chain(connection: Connection, chain: list[Event]) -> None:
    put_in(connection, {"event": [vars(one) for one in chain]})


# ---------------------------------------------------------------- the kinds
def edit_event(connection: Connection, rng: random.Random, _: City) -> None:
    until_done(lambda: change(connection, tables.event, rng))


def delete_event(connection: Connection, rng: random.Random, _: City) -> None:
    *chain, _last = events(connection)
    connection.execute(sa.delete(tables.event).where(tables.event.c.seq == rng.choice(chain).seq))


def insert_event(connection: Connection, rng: random.Random, _: City) -> None:
    """Repeat an event: at the end, where it joins on, or among the others, where it follows the one before it."""
    chain = list(events(connection))
    one, k = rng.choice(chain), rng.randrange(len(chain))
    if rng.random() < 0.5:
        said = {name: getattr(one, name) for name in ("at", "actor", "kind", "subject")}
        record(connection, **said, body=json.loads(one.body))
        return
    previous = chain[k - 1].digest if k else FIRST
    new = sealed(replace(one, seq=k + 1, previous=previous), connection)
    put_chain(connection, [*chain[:k], new, *(replace(later, seq=later.seq + 1) for later in chain[k:])])


def swap_events(connection: Connection, rng: random.Random, _: City) -> None:
    chain = list(events(connection))
    i, j = rng.sample(range(len(chain)), 2)
    chain[i], chain[j] = replace(chain[j], seq=i + 1), replace(chain[i], seq=j + 1)
    put_chain(connection, chain)


def truncate(connection: Connection, rng: random.Random, _: City) -> None:
    size = len(list(events(connection)))
    connection.execute(sa.delete(tables.event).where(tables.event.c.seq > rng.randrange(size)))


def fork(connection: Connection, rng: random.Random, city: City) -> None:
    put_in(connection, rng.choice(city.forks))


def rewrite(connection: Connection, rng: random.Random, _: City) -> None:
    """Another one did it, at another time, on other grounds, and all digests from there on are computed anew."""
    chain = list(events(connection))
    k = rng.randrange(len(chain))
    column = rng.choice(("actor", "at", "body"))
    body = json.dumps({**json.loads(chain[k].body), "document": "forged"})
    chain[k] = replace(chain[k], **{column: body if column == "body" else getattr(chain[k], column) + "0"})
    for n in range(k, len(chain)):
        chain[n] = sealed(replace(chain[n], previous=chain[n - 1].digest if n else FIRST), connection)
    put_chain(connection, chain)


def sealed(one: Event, connection: Connection) -> Event:
    return replace(one, digest=one.computed(store_id(connection)))


def old_copy(connection: Connection, _: random.Random, city: City) -> None:
    put_in(connection, city.early)


def other_events(connection: Connection, rng: random.Random, city: City) -> None:
    put_in(connection, {name: city.other[name] for name in ("event", *rng.choice(((), ("store",))))})


def alter_row(connection: Connection, rng: random.Random, _: City) -> None:
    names = [table for table in tables.metadata.sorted_tables if table is not tables.event and held(connection, table)]
    until_done(lambda: rng.choice((change, remove, add))(connection, rng.choice(names), rng))


def held(connection: Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(table).limit(1)).first() is not None


def change(connection: Connection, table: sa.Table, rng: random.Random) -> bool:
    row, column = any_row(connection, table, rng), rng.choice(list(table.c))
    value = another(column, row._mapping[column.name], rng)
    return done(connection, sa.update(table).where(at(table, row)).values({column: value}))


def remove(connection: Connection, table: sa.Table, rng: random.Random) -> bool:
    return done(connection, sa.delete(table).where(at(table, any_row(connection, table, rng))))


def add(connection: Connection, table: sa.Table, rng: random.Random) -> bool:
    """A row like one that is there, but for its key and what is to be had once."""
    row = dict(any_row(connection, table, rng)._mapping)
    once = {column.name for column in table.primary_key} | {"digest", "number", "effective_from"} & row.keys()
    changed = rng.sample(sorted(once), rng.randint(1, len(once)))
    row |= {name: another(table.c[name], row[name], rng) for name in changed}
    return done(connection, sa.insert(table).values(row))


def flip_bit(connection: Connection, rng: random.Random, _: City) -> None:
    """In a text or blob of any table; PostgreSQL takes no text that is not UTF-8, SQLite does."""

    def flip() -> bool:
        table = rng.choice([table for table in tables.metadata.sorted_tables if held(connection, table)])
        row = any_row(connection, table, rng)
        column = rng.choice([c for c in table.c if isinstance(c.type, (sa.Text, sa.LargeBinary))] or list(table.c))
        value = row._mapping[column.name]
        if not value or isinstance(value, int):
            return False
        text = isinstance(value, str)
        new = flipped(value.encode() if text else value, rng)
        put = new if not text else new.decode() if connection.dialect.name == "postgresql" else sa.cast(new, sa.Text)
        return done(connection, sa.update(table).where(at(table, row)).values({column: put}))

    def flip_or_not() -> bool:
        with suppress(UnicodeDecodeError):
            return flip()
        return False

    until_done(flip_or_not)


KINDS = {
    "an event edited": edit_event,
    "an event deleted": delete_event,
    "an event inserted": insert_event,
    "two events swapped": swap_events,
    "the tail cut off": truncate,
    "a fork put in place": fork,
    "the chain written anew": rewrite,
    "an old copy put back": old_copy,
    "events of another store": other_events,
    "a row altered": alter_row,
    "a bit flipped in a value": flip_bit,
}
TAKE_A_CHECKPOINT = {"the tail cut off", "a fork put in place", "the chain written anew", "an old copy put back"}


# ---------------------------------------------------------------- found
def told_of_file(path: Path, city: City, *, witness: bool) -> tuple[int, str]:
    """Exit code and words of `gridgis audit verify`, which never ends on an error that is not its own."""
    more = ["--checkpoint", str(city.kept), "--public-key", str(city.public)] if witness else []
    result = CliRunner().invoke(main, ["audit", "verify", *more], env={"GRIDGIS_STORE": str(path)})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.output
    return result.exit_code, result.output


def tamper_with_file(kind: str, seed: int, city: City, folder: Path) -> bool:
    """Tamper with a copy of the file; give whether that is found without a checkpoint: with one it must be."""
    path = folder / "tampered.db"
    shutil.copy(city.now, path)
    store = open_store(str(path))
    with unguarded(store) as connection:
        KINDS[kind](connection, random.Random(f"{kind} {seed}"), city)
    store.close()
    code, said = told_of_file(path, city, witness=False)
    assert code in (OFFENDERS, UNWITNESSED), said
    assert (code == UNWITNESSED) == ("takes a checkpoint" in said)
    assert told_of_file(path, city, witness=True)[0] == OFFENDERS, (kind, seed)
    return code == OFFENDERS


def tamper_with_database(kind: str, seed: int, city: City, store: Store) -> bool:
    """The same in PostgreSQL, in a transaction that is taken back."""
    kept = Checkpoint.from_json(city.kept.read_text())
    alone = []
    with suppress(RollBack), unguarded(store) as connection:
        KINDS[kind](connection, random.Random(f"{kind} {seed}"), city)
        found = verify(connection)
        alone.append(bool(found.faults))
        assert witnessed(connection, found, kept, public=city.public).faults, (kind, seed)
        raise RollBack
    return alone[0]


def all_found(kind: str, found: list[bool]) -> None:
    assert found
    assert kind in TAKE_A_CHECKPOINT or all(found), [seed for seed, one in enumerate(found) if not one]


ONCE_MISSED = {"an event inserted": [47], "a row altered": [36], "a bit flipped in a value": [103]}
"""Seeds of tamperings that were not found at first: with what is left of a text that was erased."""


@pytest.mark.parametrize("kind", KINDS)
def test_tampering_with_a_file_is_found(kind, city, tmp_path):
    seeds = [*range(3), *ONCE_MISSED.get(kind, [])]
    all_found(kind, [tamper_with_file(kind, seed, city, tmp_path) for seed in seeds])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_tampering_with_a_file_is_found_many_times(kind, city, tmp_path):
    all_found(kind, [tamper_with_file(kind, seed, city, tmp_path) for seed in range(120)])


@pytest.fixture(scope="module")
def database(city, server):
    with stores.database(server) as url:
        jobs.restore(city.now, url)
        store = open_store(url)
        yield store
        store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_tampering_with_a_database_is_found(kind, city, database):
    all_found(kind, [tamper_with_database(kind, 0, city, database)])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_tampering_with_a_database_is_found_many_times(kind, city, database):
    all_found(kind, [tamper_with_database(kind, seed, city, database) for seed in range(35)])


@pytest.mark.parametrize("kind", sorted(TAKE_A_CHECKPOINT - {"the tail cut off"}))
def test_without_a_checkpoint_it_is_said_what_cannot_be_excluded(kind, city, tmp_path):
    seeds = range(1 if kind == "an old copy put back" else 8)
    assert not all(tamper_with_file(kind, seed, city, tmp_path) for seed in seeds)


def test_what_was_not_tampered_with_is_believed(city, database):
    assert told_of_file(city.now, city, witness=True)[0] == DONE
    assert told_of_file(city.now, city, witness=False)[0] == UNWITNESSED
    with database.read() as connection:
        assert verify(connection).faults == ()


# ---------------------------------------------------------------- one broken event
@pytest.mark.parametrize("column", ["at", "actor", "body", "previous", "digest"])
def test_one_broken_event_is_told_once_and_the_rest_is_judged(city, tmp_path, column):
    shutil.copy(city.now, tmp_path / "city.db")
    store = open_store(str(tmp_path / "city.db"))
    with store.read() as connection:
        chain = list(events(connection))
    for one in chain:
        value = getattr(one, column)
        other = flipped(value, random.Random(one.seq)) if isinstance(value, bytes) else value + " "
        with suppress(RollBack), unguarded(store) as connection:
            event = sa.update(tables.event).where(tables.event.c.seq == one.seq)
            connection.execute(event.values({column: other}))
            without_guards = (f"event {one.seq} was altered",)
            assert tuple(said for said in verify(connection).faults if not said.startswith("trigger")) == without_guards
            connection.execute(sa.update(tables.version).where(tables.version.c.id == 1).values(software="changed"))
            drafting = one.kind == "version.drafted" and one.subject == "1"
            assert drafting or "the row of version 1 is not as it was drafted" in verify(connection).faults
            raise RollBack
    store.close()


def test_a_shape_that_nothing_uses_is_told(database):
    shape = {"id": 10**6, "wkb": shapely.Point(0, 0).wkb, "digest": hashlib.sha256(shapely.Point(0, 0).wkb).digest()}
    with suppress(RollBack), database.write() as connection:
        connection.execute(sa.insert(tables.shape).values(shape))
        assert verify(connection).faults == ("shape 1000000 belongs to nothing",)
        raise RollBack


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "CREATE OR REPLACE FUNCTION never_changed() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RETURN NULL; END $$",
            "function never_changed",
        ),
        (
            "CREATE OR REPLACE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
            "FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION never_changed()",
            "no trigger keeps the rows of event",
        ),
        ("ALTER TABLE code DISABLE TRIGGER never_changed", "no trigger keeps the rows of code"),
        (
            "CREATE OR REPLACE VIEW in_force AS SELECT DISTINCT ON (district, network) district, network, "
            "id AS version_id, effective_from FROM version WHERE state = 'approved' ORDER BY 1, 2, 4",
            "view in_force is not",
        ),
        ("ALTER VIEW zones_in_force RENAME COLUMN name TO title", "view zones_in_force is not"),
        ("DROP VIEW grids_in_force", "view grids_in_force is not"),
    ],
)
def test_guards_and_views_that_were_altered_are_told(database, statement, said):
    with suppress(RollBack), database.write() as connection:
        connection.execute(sa.text(statement))
        found = verify(connection).faults
        assert len(found) == 1
        assert found[0].startswith(said)
        raise RollBack


# ---------------------------------------------------------------- bits of a file
def everything(path: Path) -> object:
    """All that can be read in a file, rows as they lie in their tables and not by any index; None where that fails."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.text_factory = bytes
    try:
        made = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
        names = [name.decode() for kind, name, *_ in made if kind == b"table"]
        rows = [
            [*map(repr, connection.execute(f"SELECT rowid, * FROM {name} NOT INDEXED ORDER BY rowid"))]
            for name in names
        ]
    except (sqlite3.Error, UnicodeDecodeError):
        return None
    else:
        return made, rows
    finally:
        connection.close()


def flip_in_file(seed: int, city: City, folder: Path) -> bool:
    """Flip a bit anywhere in a closed file; give whether that left all that it holds as it was: else it is found."""
    path = folder / "flipped.db"
    path.write_bytes(flipped(city.now.read_bytes(), random.Random(seed)))
    unchanged = everything(path) == everything(city.now)
    code, said = told_of_file(path, city, witness=False)
    assert code in (OFFENDERS, REFUSED) or (unchanged and code == UNWITNESSED), (seed, said)
    return unchanged


def test_an_index_that_a_table_makes_by_itself_is_held_to_its_table(city, tmp_path):
    path = tmp_path / "flipped.db"
    text = city.now.read_bytes()
    at = text.index(b"sqlite_autoindex_api_token_1api_token") + len("sqlite_autoindex_api_token_1api_tok")
    path.write_bytes(text[:at] + b"q" + text[at + 1 :])
    assert everything(path) != everything(city.now)
    assert told_of_file(path, city, witness=False)[0] in (OFFENDERS, REFUSED)


def test_a_bit_that_flips_in_a_file_is_found_or_changes_nothing(city, tmp_path):
    assert not all(flip_in_file(seed, city, tmp_path) for seed in range(12))


@pytest.mark.slow
def test_a_bit_that_flips_in_a_file_is_found_or_changes_nothing_many_times(city, tmp_path):
    """Ninety bits that count: most of a small file is room that nothing fills, and indexes, more with more tables."""
    count = changed = 0
    while changed < 90 and count < 900:
        changed += not flip_in_file(count, city, tmp_path)
        count += 1
    assert 90 == changed < count
