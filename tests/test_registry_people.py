"""People and duties in the store, on both databases: imported whole or not, nothing private in plain, nothing altered
unseen. All people are made up."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from test_registry import DAY, add_actors, approved, merge, server, store, town, url
from test_registry_tampering import RollBack, add, change, remove, unguarded, until_done

from gridgis import jobs
from gridgis.cli import main
from gridgis.duties.columns import Duties, conformed
from gridgis.errors import InputRefused
from gridgis.profile import load_profile
from gridgis.registry import tables
from gridgis.registry.actors import add_actor
from gridgis.registry.aliases import aliases, forget, remember
from gridgis.registry.audit import verify
from gridgis.registry.backup import copied
from gridgis.registry.duties import duties, import_duties
from gridgis.registry.entries import ERASED, Change, carry_out
from gridgis.registry.events import events
from gridgis.registry.people import end_post, erase_person, import_people, people, read_private
from gridgis.registry.sealing import Seal, load_key, make_key
from gridgis.registry.store import create_store, store_id

__all__ = ["server", "store", "url"]

SECRET = "made-up secret 0451"
NEW = ("person", "person_private", "post", "unit", "item", "duty_rule", "designate", "alias")


def given(**rows) -> Duties:
    return Duties(**{name: conformed(name, pd.DataFrame(found)) for name, found in rows.items() if found})


def staff(division, *, phone: str | None = SECRET) -> Duties:
    grids = sorted(division.grids["grid_code"])
    return given(
        people=[
            {"person_id": "p1", "name": "made-up One", "public_phone": "000-1", "phone": phone, "note": phone},
            {"person_id": "p2", "name": "made-up Two"},
        ],
        posts=[
            {"person_id": "p1", "role": "grid_leader", "area_code": grids[0]},
            {"person_id": "p2", "role": "full_time", "area_code": grids[0], "valid_from": DAY[1]},
            {"person_id": "p2", "role": "sanitation", "area_code": "U1"},
        ],
        units=[{"unit_code": "U1", "name": "unit", "grid_codes": ";".join(grids[:2])}],
    )


def book() -> Duties:
    return given(
        items=[{"item": "hole", "class": "road", "name": "a hole", "limit": 3.0, "limit_unit": "days"}],
        rules=[{"rule_id": "r1", "item": "hole", "lead": "Roads", "width_max_m": 25.0, "upward": True}],
        designate=[{"designates": "Centre", "secures": "Patrol"}],
    )


def sealer(connection, folder: Path) -> Seal:
    path = folder / "people.key"
    if not path.exists():
        make_key(path)
    return load_key(path, store=store_id(connection))


def brought(connection, found: Duties, *, folder: Path | None = None, day: int = 12, actor: str = "chief"):
    seal = None if folder is None else sealer(connection, folder)
    return import_people(connection, found, profile=load_profile(), seal=seal, actor=actor, at=DAY[day])


@pytest.fixture
def city(store):
    """A store with a division in force and who may let people in."""
    division = town()
    approved(store, division, day=10)
    with store.write() as connection:
        add_actor(connection, "chief", role="administrator", by="first", at=DAY[0])
        add_actor(connection, "elsewhere", role="administrator", area="99", by="first", at=DAY[0])
    return store, division


# ---------------------------------------------------------------- import
def test_what_is_imported_stands_with_codes_and_once(city, tmp_path):
    store, division = city
    grid = min(division.grids["grid_code"])
    with store.write() as connection:
        event = brought(connection, staff(division), folder=tmp_path)
        assert brought(connection, staff(division), folder=tmp_path) is None
        found = people(connection)
        assert verify(connection).faults == ()
    assert sorted(found.posts["post_code"]) == sorted([f"{grid}Z01", f"{grid}Q01", "U1S01"])
    assert found.people["name"].tolist() == ["made-up One", "made-up Two"]
    assert found.people["phone"].isna().all()
    assert json.loads(event.body)["changed"] == {
        "people": ["p1", "p2"],
        "posts": sorted([f"{grid}Q01 {DAY[1]}", f"{grid}Z01", "U1S01"]),
        "private": ["p1"],
        "units": ["U1"],
    }


def test_a_row_takes_the_place_of_the_one_of_its_key_and_that_one_is_kept(city):
    store, division = city
    with store.write() as connection:
        brought(connection, staff(division, phone=None))
        brought(connection, given(people=[{"person_id": "p2", "name": "made-up Zwei"}]), day=13)
        assert people(connection).people.set_index("person_id")["name"].to_dict() == {
            "p1": "made-up One",
            "p2": "made-up Zwei",
        }
        kept = connection.execute(sa.select(tables.person.c.name, tables.person.c.ended_seq)).all()
        assert verify(connection).faults == ()
    assert [name for name, ended in kept if ended is not None] == ["made-up Two"]


def test_all_faults_are_told_together_and_nothing_is_kept(city):
    store, division = city
    grid = min(division.grids["grid_code"])
    bad = given(
        people=[
            {"person_id": "p1", "name": "made-up One", "phone": SECRET},
            {"person_id": "p1", "name": "made-up One"},
        ],
        posts=[
            {"person_id": "gone", "role": "grid_leader", "area_code": grid},
            {"person_id": "p1", "role": "full_time", "area_code": "310101999999999"},
            {"person_id": "p1", "role": "full_time", "area_code": "nowhere"},
            {"person_id": "p1", "role": "microgrid_leader", "area_code": grid},
            {"person_id": "p1", "role": "grid_leader", "area_code": grid, "valid_from": DAY[9], "valid_to": DAY[8]},
        ],
    )
    with pytest.raises(InputRefused) as refused, store.write() as connection:
        brought(connection, bad)
    problems = [fault.problem for fault in refused.value.faults]
    assert problems == [
        "person_id p1 is there twice",
        "valid_to lies before valid_from",
        "person gone is not known",
        "grid 310101999999999 is not in force",
        "area nowhere does not exist",
        "microgrid_leader on a grid",
        "person p1 as full_time would serve 2, the limit is 1 grids a person",
        "is private and there is no key to encrypt it",
    ]
    with store.read() as connection:
        assert len(people(connection).people) == 0


def test_only_an_administrator_of_all_the_areas_imports(city):
    store, division = city
    for actor, why in (("draws", "not administrator"), ("elsewhere", "may act in 99")):
        with pytest.raises(InputRefused, match=why), store.write() as connection:
            brought(connection, staff(division, phone=None), actor=actor)
        with pytest.raises(InputRefused, match=why), store.write() as connection:
            import_duties(connection, book(), actor=actor, at=DAY[12])


def test_a_post_ends_and_a_post_on_a_grid_that_retired_is_told(city):
    store, division = city
    first, second = sorted(division.grids["grid_code"])[:2]
    with store.write() as connection:
        brought(connection, staff(division, phone=None))
        end_post(connection, f"{first}Q01", ends=DAY[20], actor="chief", at=DAY[13])
        with pytest.raises(InputRefused, match="held by nobody"):
            end_post(connection, f"{first}Q01", ends=DAY[21], actor="chief", at=DAY[13])
        assert verify(connection).faults == ()
    codes = jobs.list_people(store.url, at=DAY[19])["post_code"]
    assert set(codes) - set(jobs.list_people(store.url, at=DAY[20])["post_code"]) == {f"{first}Q01"}
    approved(store, merge(division, first, second), day=30)
    found = jobs.check_people(store.url, at=DAY[29])
    assert not (found["rule"] == "post_on_retired").any()
    assert f"no_full_time {first}" in set(found["rule"] + " " + found["code"])
    after = jobs.check_people(store.url, at=DAY[31])
    hard = after[after["severity"] == "hard"]
    assert set(hard["rule"]) == {"post_on_retired"}
    assert "U1S01" in set(hard["code"])


# ---------------------------------------------------------------- what is private
def test_nothing_private_stands_in_plain_and_reading_it_is_an_event(city, tmp_path):
    store, division = city
    with store.write() as connection:
        brought(connection, staff(division), folder=tmp_path)
        seal = sealer(connection, tmp_path)
        found = read_private(connection, "p1", seal=seal, actor="chief", at=DAY[14])
        told = list(events(connection))
    assert found == {"phone": SECRET, "note": SECRET}
    assert (told[-1].kind, told[-1].subject, told[-1].actor) == ("person.read", "p1", "chief")
    assert all(SECRET not in one.body and "made-up" not in one.body and "000-1" not in one.body for one in told)
    with pytest.raises(InputRefused, match="may act in 99"), store.write() as connection:
        read_private(connection, "p1", seal=seal, actor="elsewhere", at=DAY[14])
    copy = copied(store, str(tmp_path / "copy.db"))
    copy.close()
    assert SECRET.encode() not in (tmp_path / "copy.db").read_bytes()


def test_another_key_and_a_key_that_others_may_read_are_refused(city, tmp_path):
    store, division = city
    with store.write() as connection:
        brought(connection, staff(division), folder=tmp_path)
    make_key(tmp_path / "other")
    with store.read() as connection:
        other = load_key(tmp_path / "other", store=store_id(connection))
    with pytest.raises(InputRefused, match="does not open"), store.write() as connection:
        read_private(connection, "p1", seal=other, actor="chief", at=DAY[14])
    (tmp_path / "other").chmod(0o644)
    with pytest.raises(InputRefused, match="read by others"):
        load_key(tmp_path / "other", store="")


def test_a_person_is_erased_by_law_and_the_chain_holds(city, tmp_path):
    store, division = city
    with store.write() as connection:
        brought(connection, staff(division), folder=tmp_path)
        brought(connection, given(people=[{"person_id": "p1", "name": "made-up Eins"}]), day=13)
        erase_person(connection, "p1", actor="chief", at=DAY[15])
        with pytest.raises(InputRefused, match="nothing to be erased"):
            erase_person(connection, "p1", actor="chief", at=DAY[15])
        assert verify(connection).faults == ()
        assert read_private(connection, "p1", seal=sealer(connection, tmp_path), actor="chief", at=DAY[16]) == {}
        assert people(connection).people.set_index("person_id").at["p1", "name"] is None
        held = [
            str(tuple(row)) for table in (tables.person, tables.event) for row in connection.execute(sa.select(table))
        ]
    assert not any("made-up One" in row or "made-up Eins" in row for row in held)


# ---------------------------------------------------------------- duties and aliases
def test_duties_stand_as_they_were_given_and_answer(city):
    store, division = city
    with store.write() as connection:
        brought(connection, staff(division, phone=None))
        import_duties(connection, book(), actor="chief", at=DAY[13])
        assert import_duties(connection, book(), actor="chief", at=DAY[13]) is None
        found = duties(connection)
        with pytest.raises(InputRefused, match="not in the catalogue"):
            import_duties(
                connection, given(rules=[{"rule_id": "x", "item": "gone", "lead": "A"}]), actor="chief", at=DAY[14]
            )
        assert verify(connection).faults == ()
    for name in ("items", "rules", "designate"):
        pd.testing.assert_frame_equal(found.tables[name], book().tables[name])


def test_the_newest_correction_of_a_text_holds(store):
    with store.write() as connection:
        for x in (1.0, 2.0):
            remember(connection, "key", text="by the gate", address="Gate 1", x=x, y=3.0, actor="draws", at=DAY[5])
        remember(connection, "other", text="o", address="O", x=0.0, y=0.0, actor="draws", at=DAY[5])
        with pytest.raises(InputRefused, match="no place"):
            remember(connection, "key", text="t", address="a", x=float("nan"), y=0.0, actor="draws", at=DAY[5])
        found = aliases(connection)
        assert verify(connection).faults == ()
        assert connection.scalar(sa.select(sa.func.count()).select_from(tables.alias)) == 3
        assert not any("gate" in one.body.casefold() for one in events(connection))
    assert found[["text_key", "x", "actor"]].to_numpy().tolist() == [["key", 2.0, "draws"], ["other", 0.0, "draws"]]


def test_a_correction_is_erased_by_law_and_the_chain_holds(city):
    store, _ = city
    with store.write() as connection:
        for x in (1.0, 2.0):
            remember(connection, "key", text=SECRET, address=f"{SECRET} 1", x=x, y=3.0, actor="draws", at=DAY[5])
        remember(connection, "other", text="o", address="O", x=0.0, y=0.0, actor="draws", at=DAY[5])
        with pytest.raises(InputRefused, match=r"not administrator\. Let an administrator do it"):
            forget(connection, "key", actor="draws", at=DAY[6])
        assert forget(connection, "key", actor="chief", at=DAY[6]) == 2
        with pytest.raises(InputRefused, match="nothing is remembered"):
            forget(connection, "key", actor="chief", at=DAY[6])
        assert verify(connection).faults == ()
        assert aliases(connection)["text_key"].tolist() == ["other"]
        every = connection.execute(sa.select(tables.alias)).all()
        assert not any(SECRET in str(row) or "key" in row for row in every)
        assert [(row.x, row.y) for row in every] == [(0.0, 0.0)] * 3
        assert not any(SECRET in one.body for one in events(connection))


@pytest.mark.parametrize("values", [{"text": "another"}, {"x": 7.0}, {"text_key": "", "text": ""}, {"digest": None}])
def test_a_correction_that_is_erased_or_altered_without_an_event_is_found(city, values):
    store, _ = city
    with store.write() as connection:
        remember(connection, "key", text="t", address="a", x=1.0, y=3.0, actor="draws", at=DAY[5])
    with suppress(RollBack), unguarded(store) as connection:
        connection.execute(sa.update(tables.alias).values(**values))
        assert verify(connection).faults
        raise RollBack
    with suppress(RollBack), unguarded(store) as connection:
        connection.execute(sa.update(tables.alias).values(ERASED["alias"]))
        assert verify(connection).faults
        raise RollBack


def test_a_correction_of_an_older_version_holds_and_says_that_it_stays(city):
    """Its event tells of the whole row, and there is no digest of the text apart."""
    store, _ = city
    row = {"id": 1, "text_key": "key", "text": "t", "address": "a", "x": 1.0, "y": 3.0, "actor": "draws"}
    old = {**row, "at": DAY[5], "salt": b"0" * 16}
    with store.write() as connection:
        carry_out(connection, Change(added={"alias": [old]}), kind="alias.made", subject="1", actor="draws", at=DAY[5])
        assert verify(connection).faults == ()
        assert aliases(connection)["text"].tolist() == ["t"]
        with pytest.raises(InputRefused, match="older version"):
            forget(connection, "key", actor="chief", at=DAY[6])
    with suppress(RollBack), unguarded(store) as connection:
        connection.execute(sa.update(tables.alias).values(text="another"))
        assert verify(connection).faults
        raise RollBack


# ---------------------------------------------------------------- tampering
@pytest.fixture
def filled(city, tmp_path):
    store, division = city
    with store.write() as connection:
        brought(connection, staff(division), folder=tmp_path)
        brought(
            connection, given(people=[{"person_id": "p2", "name": "made-up Zwei", "phone": SECRET}]), folder=tmp_path
        )
        import_duties(connection, book(), actor="chief", at=DAY[13])
        end_post(connection, "U1S01", ends=DAY[20], actor="chief", at=DAY[13])
        remember(connection, "key", text="by the gate", address="Gate 1", x=1.0, y=2.0, actor="draws", at=DAY[5])
        erase_person(connection, "p1", actor="chief", at=DAY[15])
    return store


def tamper(connection, table, rng) -> bool:
    """Change, take away or add a row; the driver of PostgreSQL does not say how many rows were added."""
    rows = sa.select(sa.func.count()).select_from(table)
    before = connection.scalar(rows)
    return rng.choice((change, change, remove, add))(connection, table, rng) or connection.scalar(rows) != before


@pytest.mark.parametrize("name", NEW)
def test_tampering_with_any_row_is_found(name, filled):
    table = tables.metadata.tables[name]
    for seed in range(6):
        rng = random.Random(f"{name} {seed}")
        with suppress(RollBack), unguarded(filled) as connection:
            until_done(partial(tamper, connection, table, rng))
            assert verify(connection).faults, (name, seed)
            raise RollBack


def test_what_is_sealed_cannot_be_given_to_another_person(filled, tmp_path):
    with suppress(RollBack), unguarded(filled) as connection:
        table = tables.person_private
        connection.execute(sa.update(table).where(table.c.person_id == "p2").values(person_id="p1"))
        with pytest.raises(InputRefused, match="does not open"):
            read_private(connection, "p1", seal=sealer(connection, tmp_path), actor="chief", at=DAY[16])
        raise RollBack


@pytest.mark.parametrize("name", NEW)
def test_the_database_keeps_rows_from_being_changed(name, filled):
    table = tables.metadata.tables[name]
    column = next(
        one for one in table.c if one.name in ("actor", "post_code", "unit_code", "item", "designates", "person_id")
    )
    for statement in (sa.delete(table), sa.update(table).values({column: "x"})):
        with pytest.raises(sa.exc.DBAPIError, match="never changed"), filled.engine.begin() as connection:
            connection.execute(statement)


# ---------------------------------------------------------------- the command line
def run(*words: str, code: int = 0, **env: str) -> str:
    result = CliRunner().invoke(main, list(words), env=env)
    assert result.exit_code == code, result.output
    return result.output


def test_the_commands_go_from_a_file_to_an_answer(tmp_path):
    url, key = str(tmp_path / "city.db"), str(tmp_path / "people.key")
    division = town()
    store = create_store(url)
    add_actors(store)
    approved(store, division, day=10)
    with store.write() as connection:
        add_actor(connection, "chief", role="administrator", by="first", at=DAY[0])
    grid = min(division.grids["grid_code"])
    (tmp_path / "staff.toml").write_text(
        f'[[people]]\nperson_id = "p1"\n"姓名" = "made-up One"\n"公开电话" = "000-1"\nphone = "{SECRET}"\n'
        f'[[posts]]\nperson_id = "p1"\nrole = "网格长"\narea_code = {grid}\nvalid_from = 2026-01-01\n'
        '[[items]]\nitem = "hole"\nclass = "road"\nname = "坑洞"\n'
        '[[rules]]\nrule_id = "r1"\nitem = "hole"\nlead = "role:grid_leader"\nclause = "XL 4"\n',
        encoding="utf-8",
    )
    file = str(tmp_path / "staff.toml")
    with_store = {"GRIDGIS_STORE": url}
    run("people", "key", key)
    assert "no key" in run("people", "import", file, "--by", "chief", code=2, **with_store)
    imported = run("people", "import", file, "--by", "chief", GRIDGIS_PEOPLE_KEY=key, **with_store)
    assert imported == "changed: 1 people, 1 posts, 1 private\n"
    listed = run("people", "list", "--area", grid[:6], **with_store)
    assert f"{grid}Z01" in listed
    assert SECRET not in listed
    assert "nothing" not in run("people", "check", **with_store)
    assert SECRET in run("people", "show", "p1", "--private", "--by", "chief", "--key", key, **with_store)
    assert "changed: 1 items, 1 rules" in run("duties", "import", file, "--by", "chief", **with_store)
    assert "r1" in run("duties", "list", **with_store)
    assert "0 hard" in run("duties", "check", **with_store)
    told = run("duties", "explain", "--item", "坑洞", "--grid", grid, "--at", "2026-05-01T12:00+08:00", **with_store)
    assert told.splitlines()[0] == f"lead        {grid}Z01"
    assert "trace       r1           matched" in told
    assert told == run(
        "duties", "explain", "--item", "坑洞", "--grid", grid, "--at", "2026-05-01T12:00+08:00", "--parties", file
    )
    run("people", "end", f"{grid}Z01", "--by", "chief", **with_store)
    run("people", "erase", "p1", "--by", "chief", **with_store)
    assert f"{grid}Z01" not in run("people", "list", **with_store)
    assert "takes a checkpoint" in run("audit", "verify", code=3, **with_store)


def test_the_import_commands_tell_faults_of_cells_and_of_rows_at_once(tmp_path):
    url = str(tmp_path / "city.db")
    store = create_store(url)
    add_actors(store)
    approved(store, town(), day=10)
    with store.write() as connection:
        add_actor(connection, "chief", role="administrator", by="first", at=DAY[0])
    (tmp_path / "staff.toml").write_text(
        '[[people]]\nname = "nobody"\n'
        '[[posts]]\nperson_id = "gone"\nrole = "grid_leader"\narea_code = "nowhere"\nvalid_from = "soon"\n'
        '[[posts]]\nrole = "grid_leader"\narea_code = "elsewhere"\n'
        '[[units]]\nname = "unit"\n'
        '[[items]]\nitem = "hole"\nclass = "road"\nname = "x"\nlimit = "many"\n'
        '[[items]]\nitem = "pit"\nclass = "road"\nname = "x"\nlimit = 3\nlimit_unit = "moons"\n'
        '[[rules]]\nrule_id = "r1"\nitem = "unheard of"\nlead = "Roads"\n',
        encoding="utf-8",
    )
    for words, told in (
        ("people", ("valid_from", "person gone is not known", "area nowhere does not exist", "person_id")),
        ("duties", ("limit", "unheard of", "moons")),
    ):
        found = run(words, "import", str(tmp_path / "staff.toml"), "--by", "chief", code=2, GRIDGIS_STORE=url)
        assert "Traceback" not in found
        assert [one for one in told if one not in found] == [], found


def test_the_commands_erase_what_is_remembered_of_an_address(city, tmp_path):
    import geopandas as gpd
    from shapely import Point

    from gridgis.addresses import build

    store, _ = city
    door = gpd.GeoDataFrame({"address": ["中山路1号"]}, geometry=[Point(500_000, 3_360_000)], crs=4547)
    build({"addresses": door}, tmp_path / "names.db", crs=4547)
    names, own = ["--gazetteer", str(tmp_path / "names.db")], {"GRIDGIS_STORE": store.url}
    said = "张三家中山路1号"
    at_store = ["--store", store.url]
    for how in (["erase", "--field", "text"], ["find", said, *names, "--forget"]):
        run("find", said, *names, "--choose", "1", "--by", "draws", *at_store)
        with store.read() as connection:
            made = [one.seq for one in events(connection) if one.kind == "alias.made"][-1]
            assert aliases(connection)["text"].tolist() == [said]
        more = [str(made)] if how[0] == "erase" else at_store
        run(*how, *more, "--by", "chief", **own)
        with store.read() as connection:
            assert aliases(connection).empty
            assert verify(connection).faults == ()
    assert "nothing is remembered" in run("find", said, *names, "--forget", "--by", "chief", *at_store, code=2)
