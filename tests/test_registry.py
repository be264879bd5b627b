"""The registry on both databases: versions from draft to force, codes for life, a chain that tells what was altered."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
import stores
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner
from drafts import borders_of_atoms
from lattices import UTM, Lattice, build

from gridgis import jobs
from gridgis.adjust.give import give
from gridgis.cli import main
from gridgis.errors import GridgisError, InputRefused
from gridgis.layers import read_division, write_division
from gridgis.lineage import recoded, renumbered
from gridgis.profile import load_profile
from gridgis.registry import backup, schema, tables
from gridgis.registry.actors import add_actor
from gridgis.registry.audit import verify
from gridgis.registry.backup import content
from gridgis.registry.checkpoint import Checkpoint, against, checkpoint, make_key
from gridgis.registry.events import events, faults, record
from gridgis.registry.review import Decision, approve, give_back, steps, submit, take_on_file, withdraw
from gridgis.registry.store import Conflict, Store, as_utc, create_store, open_store
from gridgis.registry.versions import content_digest, draft, get, in_force, load, versions
from gridgis.schema import DIVISION_LAYERS, Division

DAY = [as_utc(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(days=k)) for k in range(400)]
LAND = ("zones", "grids", "microgrids", "atoms")


@pytest.fixture(scope="session")
def server():
    if stores.lacking():
        pytest.skip(stores.lacking())
    with stores.cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield str(tmp_path / "city.db")
        return
    with stores.database(request.getfixturevalue("server")) as found:
        yield found


@pytest.fixture
def store(url):
    made = create_store(url, crs=UTM)
    add_actors(made)
    yield made
    made.close()


def add_actors(store: Store) -> None:
    with store.write() as connection:
        for name, role, area in (
            ("draws", "submitter", ""),
            ("draws-elsewhere", "submitter", "310112"),
            ("decides", "reviewer", ""),
            ("files", "filer", ""),
        ):
            add_actor(connection, name, role=role, area=area, by="first", at=DAY[0])


def town(seed: int = 3, **changes) -> Division:
    made, _, _ = build(replace(Lattice(), **changes), seed=seed)
    return replace(made, info={**made.info, "profile_toml": load_profile().to_toml()})


def drafted(store: Store, division: Division, *, day: int = 1, **options):
    with store.write() as connection:
        return draft(connection, division, author="draws", at=DAY[day], **options)


def approved(store: Store, division: Division, *, day: int, **options):
    made = drafted(store, division, day=day, **options)
    with store.write() as connection:
        handed = submit(connection, made, actor="draws", at=DAY[day])
        if steps(connection, handed)[-1].kind == "filing":
            return take_on_file(connection, handed, decision(DAY[day], DAY[day], actor="files"))
        return approve(connection, handed, decision(DAY[day], DAY[day]))


def spent_codes(connection, network: str) -> list[str]:
    """Every code that was ever confirmed in a network, in order."""
    code = tables.code.c
    return list(connection.scalars(sa.select(code.code).where(code.network == network).order_by(code.code)))


def decision(at: str, effective_from: str | None = None, *, actor: str = "decides", **more) -> Decision:
    return Decision(actor, at, "2026-1", effective_from=effective_from, **more)


def same(one: gpd.GeoDataFrame, two: gpd.GeoDataFrame) -> None:
    assert one.geometry.to_wkb().tolist() == two.geometry.to_wkb().tolist()
    left, right = (pd.DataFrame(frame.drop(columns="geometry")) for frame in (one, two))
    pd.testing.assert_frame_equal(left, right, check_dtype=False)


def ordered(frame: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    columns = [*DIVISION_LAYERS[name], "geometry"]
    return frame.sort_values(columns[0], ignore_index=True)[columns]


# ---------------------------------------------------------------- the store
def test_the_tables_are_what_the_migrations_make(store):
    url = store.url.replace("postgresql:", "postgresql+psycopg:")  # which Alembic reads as text
    engine = sa.create_engine(url) if store.is_postgresql else store.engine
    engine.dialect.ischema_names = {**engine.dialect.ischema_names, "geometry": lambda *_: sa.types.NullType()}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": named})
        found = compare_metadata(context, tables.metadata)
    assert [change for change in found if "geom" not in str(change) and "spatial_ref_sys" not in str(change)] == []


def test_a_store_of_the_first_tables_is_brought_up_and_keeps_what_it_holds(url, monkeypatch):
    monkeypatch.setattr(schema, "HEAD", "0001")
    monkeypatch.setattr(schema, "known", lambda: ("0001",))
    made = create_store(url, crs=UTM)
    with made.write() as connection:
        add_actor(connection, "chief", role="administrator", by="first", at=DAY[0])
    made.close()
    monkeypatch.undo()
    with pytest.raises(InputRefused, match=f"Run: gridgis upgrade {re.escape(url)}"):
        open_store(url)
    assert jobs.upgrade(url) == ("0001", schema.head())
    opened = open_store(url)
    with opened.write() as connection:
        add_actor(connection, "draws", role="submitter", by="chief", at=DAY[0])
        assert list(faults(connection)) == []
    assert drafted(opened, town()).number == 1
    opened.close()


def test_parts_of_an_older_store_are_found_by_their_place(url, monkeypatch):
    monkeypatch.setattr(schema, "HEAD", "0006")
    monkeypatch.setattr(schema, "known", lambda: ("0006",))
    made = create_store(url, crs=UTM)
    land = shapely.box(760_000.25, 3_380_000.5, 760_100.125, 3_380_050.75)
    with made.write() as connection:
        one = {"id": 1, "digest": hashlib.sha256(land.wkb).digest()}
        columns = ("id", "digest", "wkb")
        connection.execute(sa.insert(sa.table("shape", *map(sa.column, columns))).values(**one, wkb=land.wkb))
        row = {**one, "zone_code": "420106001001", "kind": "community", "flags": "", "shape_id": 1}
        connection.execute(sa.insert(sa.table("part", *map(sa.column, row))).values(**row))
    made.close()
    monkeypatch.undo()
    assert jobs.upgrade(url) == ("0006", schema.head())
    with open_store(url).write() as connection:
        boxes = connection.execute(sa.select(*(tables.part.c[side] for side in tables.BOX))).all()
        assert [tuple(box) for box in boxes] == [land.bounds]
        with pytest.raises(sa.exc.DBAPIError, match="never changed"), connection.begin_nested():
            connection.execute(sa.update(tables.part).values(west=0.0))


def named(name, kind, _):
    return kind != "table" or name in tables.metadata.tables


@pytest.mark.usefixtures("store")
def test_a_store_that_is_there_is_not_made_again(url):
    with pytest.raises(InputRefused, match="already"):
        create_store(url, crs=UTM)
    assert open_store(url).url == url


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_what_is_no_store_is_refused(url, tmp_path):
    with pytest.raises(InputRefused, match="gridgis init"):
        open_store(url)
    (tmp_path / "text.db").write_text("no database at all, but text of some length" * 40)
    with pytest.raises(InputRefused, match="cannot be used"):
        open_store(str(tmp_path / "text.db"))
    with pytest.raises(InputRefused, match="no such folder"):
        create_store(str(tmp_path / "nowhere" / "city.db"))


def test_a_newer_store_is_refused(store, url):
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for act in (open_store, jobs.upgrade):
        with pytest.raises(InputRefused, match="newer"):
            act(url)


@pytest.mark.parametrize("table", ["event", "shape", "code", "part"])
def test_what_only_grows_is_not_changed(store, table):
    approved(store, town(), day=1)
    for statement in (
        f"DELETE FROM {table}",
        f"UPDATE {table} SET {list(tables.metadata.tables[table].c)[1].name} = NULL",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="never changed"), store.write() as connection:
            connection.execute(sa.text(statement))


# ---------------------------------------------------------------- versions
def test_a_version_comes_back_as_it_was_drafted(store):
    division = town()
    made = drafted(store, division, note="first")
    with store.read() as connection:
        back = load(connection, get(connection, made.id))
    for name in LAND:
        same(ordered(getattr(back, name), name), ordered(getattr(division, name), name))
    assert back.grids.crs == division.grids.crs
    assert (made.number, made.state, made.note, made.parent_id) == (1, "draft", "first", None)
    assert list(back.offenders.columns) == [*DIVISION_LAYERS["offenders"], "geometry"]


def test_what_is_the_same_is_stored_once(store):
    drafted(store, town())
    with store.read() as connection:
        before = {
            name: connection.scalar(sa.select(sa.func.count()).select_from(tables.metadata.tables[name]))
            for name in ("part", "shape", "grid")
        }
    changed = town()
    grids = changed.grids.copy()
    grids.loc[0, "name"] = "改名"
    drafted(store, replace(changed, grids=grids))
    with store.read() as connection:
        after = {
            name: connection.scalar(sa.select(sa.func.count()).select_from(tables.metadata.tables[name]))
            for name in before
        }
        assert len(versions(connection)) == 2
    assert after["shape"] == before["shape"]
    assert after["part"] == before["part"] + 1
    assert after["grid"] == before["grid"] + (changed.grids["zone_code"] == grids["zone_code"][0]).sum()


def test_from_draft_to_force_and_after(store):
    first = approved(store, town(), day=10)
    second = approved(store, town(), day=20)
    with store.read() as connection:
        district = first.district
        at = {day: in_force(connection, district, at=DAY[day]) for day in (9, 10, 19, 20, 99)}
        assert [found and found.id for found in at.values()] == [None, first.id, first.id, second.id, second.id]
        assert in_force(connection, district, at=DAY[99], network="sanitation") is None
        assert get(connection, second.id).parent_id == first.id
        assert [one.kind for one in events(connection)][-3:] == [
            "version.drafted",
            "version.submitted",
            "version.approved",
        ]
        assert list(faults(connection)) == []


def test_a_draft_goes_on_from_a_version_that_is_approved_for_a_time_to_come(store):
    first = drafted(store, town(), day=10)
    with store.write() as connection:
        submit(connection, first, actor="draws", at=DAY[10])
        approve(connection, first, decision(DAY[10], DAY[300]))
    second = drafted(store, shuffled(town(), 5), day=11)
    assert second.parent_id == first.id
    with store.write() as connection:
        submit(connection, second, actor="draws", at=DAY[12])
        approve(connection, second, decision(DAY[12], DAY[301]))
    with store.read() as connection:
        assert content_digest(connection, second.id) == content_digest(connection, first.id)


def test_a_state_that_cannot_be_reached_is_refused(store):
    made = drafted(store, town())
    for act in (
        lambda c: approve(c, made, decision(DAY[1], DAY[2])),
        lambda c: give_back(c, made, decision(DAY[1]), reason="no"),
    ):
        with pytest.raises(InputRefused, match="is draft"), store.write() as connection:
            act(connection)
    with store.write() as connection:
        withdraw(connection, made, actor="draws", at=DAY[1])
    with pytest.raises(InputRefused, match="is withdrawn"), store.write() as connection:
        submit(connection, made, actor="draws", at=DAY[1])
    with store.read() as connection:
        assert get(connection, made.id).state == "withdrawn"
        assert spent_codes(connection, "general") == []
        assert list(faults(connection)) == []


def test_who_may_do_what(store):
    made = drafted(store, town())
    cases = {
        "nobody": "not known",
        "decides": "is reviewer, not submitter",
        "draws-elsewhere": "may act in 310112",
    }
    for name, said in cases.items():
        with pytest.raises(InputRefused, match=said), store.write() as connection:
            submit(connection, made, actor=name, at=DAY[1])
    with store.write() as connection:
        add_actor(connection, "both", role="reviewer", by="first", at=DAY[0])
        handed = submit(connection, made, actor="draws", at=DAY[1])
    with pytest.raises(InputRefused, match="without a reason"), store.write() as connection:
        give_back(connection, handed, decision(DAY[1]), reason=" ")


def test_two_drafts_of_one_version_do_not_both_come_into_force(store):
    whole = town()
    zone = whole.grids.groupby("zone_code")["grid_code"].agg(list).iloc[0]
    approved(store, whole, day=10)
    one, two = (drafted(store, merge(whole, *pair), day=11) for pair in (zone[:2], zone[2:4]))
    with store.write() as connection:
        for made in (one, two):
            submit(connection, made, actor="draws", at=DAY[12])
        approve(connection, one, decision(DAY[12], DAY[13]))
    said = f"zone {whole.zones['zone_code'][0]} was changed since"
    with pytest.raises(Conflict, match=said), store.write() as connection:
        approve(connection, two, decision(DAY[12], DAY[14]))


def test_a_time_before_the_version_in_force_is_refused(store):
    approved(store, town(), day=10)
    made = drafted(store, town(), day=11)
    with store.write() as connection:
        submit(connection, made, actor="draws", at=DAY[11])
    with pytest.raises(InputRefused, match="Name a later time"), store.write() as connection:
        approve(connection, made, decision(DAY[11], DAY[10]))


def test_another_crs_and_two_districts_are_refused(store):
    made = town()
    away = replace(made, **{name: getattr(made, name).to_crs("EPSG:4490") for name in LAND})
    with pytest.raises(InputRefused, match="the store is in EPSG:32649"):
        drafted(store, away)
    two = town()
    zones = two.zones.assign(zone_code=["1" * 12, *two.zones["zone_code"][1:]])
    with pytest.raises(InputRefused, match="2 districts"):
        drafted(store, replace(two, zones=zones))
    with store.read() as connection:
        assert versions(connection) == []


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_views_show_what_is_in_force_with_real_geometry(store):
    approved(store, town(), day=10)
    approved(store, town(seed=4), day=20)
    with store.read() as connection:
        rows = connection.execute(
            sa.text("SELECT grid_code, ST_SRID(geom) AS srid, ST_Area(geom) AS area FROM grids_in_force ORDER BY 1")
        ).all()
        kinds = connection.execute(
            sa.text("SELECT type, srid FROM geometry_columns WHERE f_table_name = 'microgrids_in_force'")
        ).all()
        at_night = connection.scalar(sa.text("SELECT count(*) FROM zones_in_force"))
    grids = town(seed=4).grids
    assert {row.srid for row in rows} == {32649}
    assert sum(row.area for row in rows) == pytest.approx(grids.area.sum())
    assert kinds == [("GEOMETRY", 32649)]
    assert at_night == len(town().zones)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_role_that_works_on_a_store_alters_no_event(store, url):
    whole = town()
    for name in ("gridgis_works", "gridgis_reads"):
        with contextlib.suppress(sa.exc.DBAPIError), store.write() as connection:
            connection.execute(sa.text(f"CREATE ROLE {name} LOGIN"))
    jobs.grant(url, "gridgis_works")
    jobs.grant(url, "gridgis_reads", read_only=True)
    works = open_store(url.replace("postgres@", "gridgis_works@"))
    approved(works, whole, day=10)
    approved(works, merge(whole, *whole.grids["grid_code"][:2]), day=20)
    handed = drafted(works, whole, day=30)
    atom, to = borders_of_atoms(jobs.open_draft(url, handed.id, whole.zones["zone_code"]))[0]
    told = {"action": "give", "asked": {"atom": atom, "to": to}, "by": "draws"}
    jobs.edit(works.url, handed.id, partial(give, atoms=[atom], to=to), whole.zones["zone_code"], **told)
    jobs.undo(works.url, handed.id, by="draws")
    with works.write() as connection:
        submit(connection, handed, actor="draws", at=DAY[30])
        give_back(connection, handed, decision(DAY[31]), reason="border")
    for statement in (
        "UPDATE event SET at = '' WHERE seq = 1",
        "DELETE FROM event",
        "TRUNCATE event",
        "ALTER TABLE event DISABLE TRIGGER ALL",
        "DROP TABLE event CASCADE",
        "UPDATE version SET profile = 'other'",
        "DELETE FROM code",
        "CREATE TABLE other (id int)",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(InputRefused, match=r"permission denied|must be owner"), works.write() as connection:
            connection.execute(sa.text(statement))
    with works.read() as connection:
        assert verify(connection).faults == ()
    works.close()
    assert any(one.what == "role" for one in jobs.doctor(url))
    reads = sa.create_engine(url.replace("postgresql://postgres@", "postgresql+psycopg://gridgis_reads@"))
    with reads.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM grids_in_force")) > 0
        with pytest.raises(sa.exc.DBAPIError, match="permission denied"):
            connection.execute(sa.text("SELECT * FROM event"))
    reads.dispose()


def test_rights_are_refused_where_they_cannot_be(store, url):
    said = "is not there|is a file" if "postgresql" in url else "is a file"
    with pytest.raises(InputRefused, match=said):
        jobs.grant(store.url, "nobody-known")
    if "postgresql" in url:
        with pytest.raises(InputRefused, match="owns the tables"):
            jobs.grant(url, "postgres")


# ---------------------------------------------------------------- bad input
def altered(division: Division, layer: str, column: str, value) -> Division:
    frame = getattr(division, layer).copy()
    frame[column] = frame[column].astype(object)
    frame.loc[0, column] = value
    return replace(division, **{layer: frame})


def test_a_store_that_cannot_be_begun_is_not_there(tmp_path):
    with pytest.raises(InputRefused, match="has no name"):
        jobs.init(str(tmp_path / "half.db"), administrator=" ")
    assert list(tmp_path.iterdir()) == []


def test_text_that_is_no_utf_8_is_refused(store, url):
    made = drafted(store, town())
    odd = os.fsdecode(b"\xff")
    with store.write() as connection:
        add_actor(connection, "chief", role="administrator", by="first", at=DAY[0])
    for command in (
        ["actor", "add", odd, "--role", "filer", "--by", "chief"],
        ["actor", "add", "new", "--role", "filer", "--by", odd],
        ["comment", str(made.id), odd, "--on", town().zones["zone_code"][0], "--by", "draws"],
        ["versions", "--network", odd],
        ["codes", "explain", odd],
        ["erase", str(10**30), "--field", "note", "--by", "chief"],
    ):
        result = CliRunner().invoke(main, command, env={"GRIDGIS_STORE": url})
        assert (result.exit_code, "UTF-8" in result.output) == (2, True), (command, result.output)
    for more in ({"note": odd}, {"network": odd}):
        with pytest.raises(InputRefused, match="text that is no UTF-8"):
            drafted(store, town(), **more)
    with store.write() as connection:
        handed = submit(connection, made, actor="draws", at=DAY[2])
    with pytest.raises(InputRefused, match="text that is no UTF-8"), store.write() as connection:
        approve(connection, handed, replace(decision(DAY[2], DAY[2]), document=odd))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://who:secret@127.0.0.1:port/city", "the port a number"),
        ("postgresql://who:secret@127.0.0.1:1/city", "cannot be used"),
        ("postgresql://who:secret@127.0.0.1:99999/city", "cannot be used"),
        ("postgresql://who:secret@nowhere.invalid/city", "cannot be used"),
        ("postgresql://who@127.0.0.1:1/city?password=secret", "cannot be used"),
        ("postgresql://who:secret@127.0.0.1:1/city?colour=red", "cannot be used"),
        ("postgresql://who:a@secret@127.0.0.1/city", "as %40"),
        ("postgresql:secret", "is no address"),
        ("postgresql+psycopg2://who:secret@127.0.0.1/city", "no kind of store"),
        ("mysql://who:secret@127.0.0.1/city", "no kind of store"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_and_no_password_told(address, said):
    for command in (["init", address, "--crs", UTM], ["versions", "--store", address], ["upgrade", address]):
        result = CliRunner().invoke(main, command)
        assert (result.exit_code, said in result.output) == (2, True), (command, result.output)
        assert "secret" not in result.output


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_database_that_is_not_empty_or_not_there_is_refused(url, server):
    with pytest.raises(InputRefused, match="no_such"):
        open_store(f"{server}/no_such")
    with pytest.raises(InputRefused, match="has no number of EPSG"):
        create_store(url, crs="ESRI:102025")
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE event (id int)"))
        connection.execute(sa.text("CREATE VIEW in_force AS SELECT 1 AS one"))
    with pytest.raises(InputRefused, match="of the same names: event, in_force"):
        create_store(url, crs=UTM)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP VIEW in_force"))
        connection.execute(sa.text("DROP TABLE event"))
    engine.dispose()
    create_store(url, crs=UTM).close()


def test_a_store_that_cannot_be_named_or_begun_is_refused(tmp_path):
    for path, more, said in (
        ("x" * 300, {}, "File name too long"),
        ("city.db", {"administrator": "x" * 300}, "name of 300 characters"),
        ("city.db", {"administrator": ""}, "has no name"),
    ):
        with pytest.raises(InputRefused, match=said):
            jobs.init(str(tmp_path / path), **more)
        with pytest.raises(InputRefused, match="no such store"):
            open_store(str(tmp_path / path))
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_nested_too_deeply_is_none(store, tmp_path):
    (tmp_path / "deep.json").write_text("[" * 10**5)
    with pytest.raises(InputRefused, match="no checkpoint"):
        jobs.verify(store.url, checkpoint=tmp_path / "deep.json", public_key=tmp_path / "key.pub")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_nothing_is_written_over_the_store(store, url, tmp_path):
    approved(store, town(), day=1)
    make_key(tmp_path / "key")
    for command in (
        ["difference", "1", "1"],
        ["seams", "1"],
        ["export", "--version", "1"],
        ["audit", "checkpoint", "--key", str(tmp_path / "key")],
        ["attachment", "00"],
    ):
        result = CliRunner().invoke(main, [*command, "-o", url], env={"GRIDGIS_STORE": url})
        refused = "is one of the inputs" in result.output or "Name the file" in result.output
        assert (result.exit_code, refused) == (2, True)
    assert jobs.verify(url).faults == ()


@pytest.mark.parametrize("at", ["9999-12-31T23:59-12:00", "0001-01-01T00:00+08:00", "soon", "2026-01-01"])
def test_a_time_that_cannot_be_is_refused(store, at):
    with pytest.raises(InputRefused, match="Write it as"):
        jobs.in_force(store.url, "420106", at=at)
    with pytest.raises(InputRefused, match="none with this id"):
        jobs.version(store.url, 10**20)


@pytest.mark.parametrize(
    ("more", "said"),
    [({"zones": ["999"]}, "no zone begins with 999"), ({"network": " "}, "network without a name")],
)
def test_a_draft_of_nothing_is_refused(store, more, said):
    with pytest.raises(InputRefused, match=said):
        drafted(store, town(), **more)
    with pytest.raises(InputRefused, match="not TOML"):
        drafted(store, replace(town(), info={"profile_toml": "garbage ["}))


def test_numbers_between_those_that_are_spent_are_used_when_the_last_is():
    room = dict.fromkeys(("a1", "a2", "a3"), (1, 9))
    new = renumbered(["a1", "a2", "a3"], {"a1": "a1"}, room=room, digits=1, spent=["a1", "a2", "a8"], layer="grids")
    assert new == {"a1": "a1", "a2": "a9", "a3": "a3"}


@pytest.mark.parametrize(
    ("layer", "column", "value", "said"),
    [
        ("zones", "zone_code", "42010600100", "zone_code 42010600100.* is not 12 digits"),
        ("grids", "grid_code", "42010600100100x", "is no code of its zone"),
        ("grids", "grid_code", "990106001001001", "is no code of its zone"),
        ("grids", "zone_code", "420106001999", "is of no zone"),
        ("microgrids", "microgrid_code", "420106001001001AB", "is no code of its grid"),
        ("microgrids", "grid_code", "420106001001999", "is of no grid"),
        ("atoms", "grid_code", "420106001001999", "is of no grid"),
        ("atoms", "atom_id", "a2", "occurs 2 times"),
        ("grids", "kind", "county", "is no kind"),
        ("grids", "households", -3, "is below zero"),
        ("grids", "geometry", None, "has no land"),
        ("grids", "geometry", shapely.Point(0, 0), "has no land"),
    ],
)
def test_a_division_that_cannot_be_one_is_refused_whole(store, layer, column, value, said):
    whole = town()
    if column == "atom_id":
        value = whole.atoms["atom_id"][1]
    with pytest.raises(InputRefused, match=said):
        drafted(store, altered(whole, layer, column, value))
    with store.read() as connection:
        assert versions(connection) == []
        assert [one.kind for one in events(connection)] == ["actor.added"] * 4


def test_a_division_without_a_profile_goes_by_the_default_one(store):
    whole = replace(town(), info={})
    first = approved(store, whole, day=1)
    second = drafted(store, merge(whole, *whole.grids["grid_code"][:2]), day=2)
    assert second.parent_id == first.id


# ---------------------------------------------------------------- codes for life
def shuffled(division: Division, seed: int) -> Division:
    """The same land with the sequence numbers of each zone dealt anew."""
    rng = np.random.default_rng(seed)
    grids = division.grids
    new = {}
    for _, mine in grids.groupby("zone_code"):
        codes = mine["grid_code"].to_numpy()
        new |= dict(zip(codes, rng.permutation(codes), strict=True))
    return recoded(division, new)


def test_a_grid_keeps_its_code_whatever_the_draft_calls_it(store):
    approved(store, town(), day=10)
    again = drafted(store, shuffled(town(), 5), day=11)
    with store.read() as connection:
        back = load(connection, again)
        first = load(connection, versions(connection)[0])
        assert content_digest(connection, again.id) == content_digest(connection, 1)
    for name in LAND:
        same(getattr(back, name), getattr(first, name))


def test_a_retired_code_is_never_used_again(store):
    whole = town()
    approved(store, whole, day=10)
    zone = whole.grids["zone_code"][0]
    mine = whole.grids.index[whole.grids["zone_code"] == zone]
    merged = merge(whole, whole.grids["grid_code"][mine[0]], whole.grids["grid_code"][mine[1]])
    approved(store, merged, day=20)
    third = approved(store, whole, day=30)
    with store.read() as connection:
        codes = set(load(connection, third, layers=["grids"]).grids["grid_code"])
        spent = spent_codes(connection, "general")
        lineage = connection.execute(sa.select(tables.lineage).where(tables.lineage.c.version_id == third.id)).all()
    lost = set(whole.grids["grid_code"]) - codes
    assert len(lost) == 1
    assert lost <= set(spent)
    assert len([code for code in spent if len(code) == 15]) == len(whole.grids) + 1
    fresh = (codes - set(whole.grids["grid_code"])).pop()
    assert fresh.startswith(zone)
    assert int(fresh[-3:]) > max(int(code[-3:]) for code in whole.grids["grid_code"][mine])
    assert fresh in {row.new_code for row in lineage}
    told = sum(row.households for row in lineage if len(row.new_code) == 15)
    assert told == whole.atoms["households"][whole.atoms["zone_code"] == zone].sum()


def merge(division: Division, keep: str, lose: str) -> Division:
    """One grid takes in another."""
    grids = division.grids.set_index("grid_code", drop=False)
    shape = shapely.coverage_union_all(grids.geometry[[keep, lose]].to_numpy())
    number = int(grids["households"][keep] + grids["households"][lose])
    grids.loc[keep, "geometry"] = shape
    grids.loc[keep, "households"] = number
    micros, atoms = division.microgrids.copy(), division.atoms.copy()
    for frame, keys in ((micros, ("microgrid_code",)), (atoms, ("microgrid_code", "atom_id"))):
        rows = frame["grid_code"] == lose
        for key in keys:
            frame.loc[rows, key] = [moved(value, keep) for value in frame.loc[rows, key]]
        frame.loc[rows, "grid_code"] = keep
    return replace(division, grids=grids.drop(lose).reset_index(drop=True), microgrids=micros, atoms=atoms)


def moved(code: str, parent: str) -> str:
    """A micro-grid or atom of another grid under the code of `parent`, with a number that is free there."""
    if code.startswith("a"):
        return code
    return f"{parent}{int(code[15:17]) + 50:02d}{code[17:]}"


# ---------------------------------------------------------------- the chain
@pytest.mark.parametrize("column", ["at", "actor", "kind", "subject", "body", "digest", "previous"])
def test_an_altered_event_is_told(store, column):
    approved(store, town(), day=10)
    with store.write() as connection:
        without_triggers(connection)
        value = b"\x00" * 32 if column in ("digest", "previous") else "x"
        connection.execute(sa.update(tables.event).where(tables.event.c.seq == 2).values({column: value}))
    with store.read() as connection:
        assert any("event 2" in fault or "event 3" in fault for fault in faults(connection))


def test_a_missing_event_is_told(store):
    approved(store, town(), day=10)
    with store.write() as connection:
        without_triggers(connection)
        connection.execute(sa.delete(tables.event).where(tables.event.c.seq == 3))
    with store.read() as connection:
        assert next(faults(connection)) == "events 3 to 3 are missing"


def without_triggers(connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("ALTER TABLE event DISABLE TRIGGER ALL"))
        return
    for verb in ("update", "delete"):
        connection.execute(sa.text(f"DROP TRIGGER event_no_{verb}"))


def test_a_row_changed_behind_the_events_is_told(store):
    made = approved(store, town(), day=10)
    other = drafted(store, merge(town(), *town().grids["grid_code"][:2]), day=11)
    version, zone = tables.version, tables.version_zone
    part = sa.select(zone.c.part_id).where(
        zone.c.version_id == other.id, zone.c.zone_code == town().zones["zone_code"][0]
    )
    alterations = {
        f"version {other.id} is approved": sa.update(version)
        .where(version.c.id == other.id)
        .values(state="approved", effective_from=DAY[50]),
        f"version {made.id} is in force from": sa.update(version)
        .where(version.c.id == made.id)
        .values(effective_from=DAY[9]),
        f"version {made.id} holds other zones": sa.update(zone)
        .where(zone.c.version_id == made.id, zone.c.zone_code == town().zones["zone_code"][0])
        .values(part_id=part.scalar_subquery()),
        "actor draws is reviewer": sa.update(tables.actor)
        .where(tables.actor.c.name == "draws")
        .values(role="reviewer"),
    }
    for said, statement in alterations.items():
        with contextlib.suppress(RollBack), store.write() as connection:
            assert verify(connection).faults == ()
            connection.execute(statement)
            assert any(said in fault for fault in verify(connection).faults), said
            raise RollBack


class RollBack(Exception):
    pass


def kept_of(store: Store, folder) -> tuple[Checkpoint, Path]:
    public = make_key(folder / "key")
    with store.read() as connection:
        return checkpoint(connection, key=folder / "key", at=DAY[60]), public


def told(store: Store, kept: Checkpoint, public: Path) -> tuple[tuple[str, ...], list[str]]:
    with store.read() as connection:
        return tuple(faults(connection)), against(connection, kept, public=public)


def test_a_checkpoint_agrees_with_the_chain_that_goes_on(store, tmp_path):
    approved(store, town(), day=10)
    kept, public = kept_of(store, tmp_path)
    assert Checkpoint.from_json(kept.to_json()) == kept
    approved(store, town(), day=20)
    assert told(store, kept, public) == ((), [])


def test_only_a_checkpoint_tells_of_a_lost_end(store, tmp_path):
    approved(store, town(), day=10)
    kept, public = kept_of(store, tmp_path)
    with store.write() as connection:
        without_triggers(connection)
        connection.execute(sa.delete(tables.event).where(tables.event.c.seq > 4))
    chain, against_kept = told(store, kept, public)
    assert chain == ()
    assert "the end is lost" in against_kept[0]


def test_only_a_checkpoint_tells_of_a_chain_written_anew(store, tmp_path):
    approved(store, town(), day=10)
    kept, public = kept_of(store, tmp_path)
    with store.write() as connection:
        without_triggers(connection)
        every = list(events(connection))
        connection.execute(sa.delete(tables.event))
        for one in every:
            record(
                connection, at=one.at, actor="somebody", kind=one.kind, subject=one.subject, body=json.loads(one.body)
            )
    chain, against_kept = told(store, kept, public)
    assert chain == ()
    assert "written anew" in against_kept[0]


def test_a_checkpoint_of_another_store_or_key_is_told(store, tmp_path):
    approved(store, town(), day=10)
    kept, public = kept_of(store, tmp_path)
    (tmp_path / "other").mkdir()
    other = make_key(tmp_path / "other" / "key")
    assert "not signed with this key" in told(store, kept, other)[1][0]
    assert "was altered" in told(store, replace(kept, size=1), public)[1][0]
    elsewhere = create_store(str(tmp_path / "elsewhere.db"), crs=UTM)
    assert "is of store" in told(elsewhere, kept, public)[1][0]
    elsewhere.close()


def test_a_key_is_for_its_owner_and_is_not_replaced(tmp_path):
    make_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(InputRefused, match="File exists"):
        make_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before


# ---------------------------------------------------------------- copies and health
@pytest.fixture(params=["sqlite", "postgresql"])
def other_url(request, tmp_path):
    if request.param == "sqlite":
        yield str(tmp_path / "restored.db")
        return
    with stores.database(request.getfixturevalue("server")) as found:
        yield found


def test_a_copy_is_the_store_again_on_either_database(store, other_url, tmp_path):
    approved(store, town(), day=10)
    jobs.backup(store.url, tmp_path / "copy.db")
    jobs.restore(tmp_path / "copy.db", other_url)
    back = open_store(other_url)
    with store.read() as one, back.read() as two:
        assert content(one) == content(two)
        assert list(faults(two)) == []
    approved(back, town(), day=20)
    back.close()
    with pytest.raises(InputRefused, match="already"):
        jobs.restore(tmp_path / "copy.db", other_url)


def test_a_copy_that_is_not_the_same_is_told(store, tmp_path, monkeypatch):
    approved(store, town(), day=10)
    monkeypatch.setattr(backup, "_fill", fill_but_events)
    with pytest.raises(GridgisError, match="in event"):
        jobs.backup(store.url, tmp_path / "copy.db")


def fill_but_events(source, target) -> None:
    for table in tables.metadata.sorted_tables:
        rows = [row._asdict() for row in source.execute(sa.select(table))]
        if rows and table is not tables.event:
            target.execute(sa.insert(table), rows)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_commits_are_synced_whatever_the_server_does_by_default(store, url):
    with store.write() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off"))
    again = open_store(url)
    with again.write() as connection:
        assert connection.scalar(sa.text("SHOW synchronous_commit")) == "on"
    with again.read() as connection:
        assert connection.scalar(sa.text("SHOW synchronous_commit")) == "off"
    again.close()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("store")
def test_the_name_of_a_copy_is_on_the_disk(url, tmp_path, monkeypatch):
    """Each file is synced before it comes to its place, and its folder afterwards."""
    synced = []
    real = os.fsync

    def watched(handle: int) -> None:
        place = os.readlink(f"/proc/self/fd/{handle}")
        synced.append((place, (tmp_path / "out").joinpath("copy").exists()))
        real(handle)

    (tmp_path / "out").mkdir()
    make_key(tmp_path / "key")
    monkeypatch.setattr(os, "fsync", watched)
    jobs.backup(url, tmp_path / "out" / "copy")
    assert synced == [(str(tmp_path / "out"), True)]
    (tmp_path / "out" / "copy").unlink()
    synced.clear()
    jobs.write_checkpoint(url, tmp_path / "out" / "copy", key=tmp_path / "key")
    assert [there for _, there in synced] == [False, True]
    (tmp_path / "out" / "copy").unlink()
    synced.clear()
    write_division(town(), tmp_path / "out" / "copy")
    assert ([there for _, there in synced], synced[-1][0]) == ([False, True], str(tmp_path / "out"))


def test_the_doctor_finds_a_store_well_and_ill(store):
    approved(store, town(), day=10)
    assert [one for one in jobs.doctor(store.url) if one.good is False] == []
    with store.write() as connection:
        without_triggers(connection)
        connection.execute(sa.delete(tables.event).where(tables.event.c.seq == 2))
    assert next(one.told for one in jobs.doctor(store.url) if one.good is False) == "events 2 to 2 are missing"


# ---------------------------------------------------------------- commands
def test_the_commands_from_init_to_export(url, tmp_path):
    write_division(town(), tmp_path / "made.gpkg")
    district = town().zones["zone_code"][0][:6]
    back = tmp_path / "back.gpkg"
    way = [
        (f"init {url} --administrator chief --crs {UTM}", ""),
        ("actor add draws --role submitter --by chief", ""),
        ("actor add decides --role reviewer --by chief", ""),
        (f"draft {tmp_path / 'made.gpkg'} --by draws --note first", "draft"),
        ("submit 1 --by draws", "submitted"),
        ("return 1 --by decides --reason border", "returned"),
        ("submit 1 --by draws", "submitted"),
        ("approve 1 --by decides --from 2026-01-01T00:00+08:00", "approved"),
        ("versions", "2025-12-31T16:00"),
        (f"export --district {district} -o {back}", ""),
        (f"difference 1 1 -o {tmp_path / 'changes.gpkg'}", f"{len(town().grids)} unchanged; 0 households"),
        (f"codes explain {town().grids['grid_code'][0]}", "in force from 2025-12-31T16:00"),
        (f"audit key {tmp_path / 'key'}", "verifies"),
        (f"audit checkpoint --key {tmp_path / 'key'} -o {tmp_path / 'kept.json'}", "8 events"),
        (
            f"audit verify --checkpoint {tmp_path / 'kept.json'} --public-key {tmp_path / 'key.pub'}",
            "nothing was altered",
        ),
    ]
    for command, said in way:
        result = CliRunner().invoke(main, command.split(), env={"GRIDGIS_STORE": url})
        assert (result.exit_code, said in result.output) == (0, True), (command, result.output)
    for name in LAND:
        same(getattr(read_division(back), name).fillna({"flags": ""}), ordered(getattr(town(), name), name))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("actor add draws --role submitter --by draws", "not known in this store"),
        ("submit 7 --by draws", "none with this id"),
        ("approve 1 --by decides --from 2026-01-01", "has no offset"),
        ("approve 1 --by decides --from soon", "is no time"),
        ("export -o out.gpkg", "either --version or --district"),
        ("codes explain 1", "never confirmed"),
        ("audit verify --checkpoint nowhere.json --public-key nowhere.pub", "cannot be read"),
        ("audit verify --checkpoint nowhere.json", "go together"),
        ("audit checkpoint --key nowhere -o kept.json", "No such file"),
        (f"audit checkpoint --key {__file__} -o kept.json", "is no Ed25519 key"),
    ],
)
@pytest.mark.usefixtures("store")
def test_what_cannot_be_is_refused_with_the_cure(url, command, said):
    name = command.replace("--by draws", "--by nobody") if "actor" in command else command
    result = CliRunner().invoke(main, name.split(), env={"GRIDGIS_STORE": url})
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.usefixtures("store")
def test_without_a_checkpoint_the_exit_code_says_so(url):
    result = CliRunner().invoke(main, ["audit", "verify"], env={"GRIDGIS_STORE": url})
    assert (result.exit_code, "takes a checkpoint" in result.output) == (3, True)


def test_a_division_with_a_hard_fault_is_not_submitted(store, url, tmp_path):
    whole = town()
    grids = whole.grids.copy()
    grids.loc[0, "geometry"] = grids.geometry[0].buffer(-2)
    write_division(replace(whole, grids=grids), tmp_path / "gap.gpkg")
    made = jobs.draft_file(url, tmp_path / "gap.gpkg", author="draws")
    with pytest.raises(InputRefused, match="zone_not_filled"):
        jobs.submit(url, made.id, actor="draws")
    with store.read() as connection:
        assert get(connection, made.id).state == "draft"
