"""Recorded cases on both databases: begun, handed on, settled; nothing private in plain, nothing altered unseen."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from test_registry import DAY, server, store, url
from test_registry_tampering import RollBack, change, remove, unguarded, until_done

from gridgis.errors import InputRefused
from gridgis.jobs.together import Together
from gridgis.registry import reports, tables
from gridgis.registry.actors import add_actor
from gridgis.registry.audit import verify
from gridgis.registry.backup import content, copied
from gridgis.registry.events import events
from gridgis.registry.sealing import Seal, load_key, make_key
from gridgis.registry.store import Conflict, store_id

__all__ = ["server", "store", "url"]

SAID = {"description": "made-up leak at gate 3", "caller": "made-up Caller", "phone": "13800001234"}
GRID, OTHER, FAR = "310112005001001", "310112005001002", "310113001001001"
CASE = reports.Case(
    network="general",
    reported_at=DAY[9],
    item="hole",
    lon=121.5,
    lat=31.0,
    grid_code=GRID,
    zone_code=GRID[:12],
    method="inside",
    confidence=0.6,
    lead="Roads",
    answer=json.dumps({"options": [{"grid_code": GRID}, {"grid_code": OTHER}]}),
)
PLACE = {"grid_code": OTHER, "microgrid_code": "", "zone_code": OTHER[:12]}
NOW = {"actor": "takes", "at": DAY[11]}


@pytest.fixture
def city(store):
    with store.write() as connection:
        for name, role, area in (
            ("takes", "dispatcher", "310112"),
            ("walks", "worker", "310112005"),
            ("elsewhere", "dispatcher", "310113"),
            ("plans", "planner", "310112"),
            ("chief", "administrator", ""),
        ):
            add_actor(connection, name, role=role, area=area, by="first", at=DAY[0])
    return store


def sealer(connection, folder: Path) -> Seal:
    path = folder / "people.key"
    if not path.exists():
        make_key(path)
    return load_key(path, store=store_id(connection))


def recorded(connection, case: reports.Case = CASE, **options) -> reports.Report:
    return reports.record(connection, case, **{"actor": "takes", "at": DAY[10], "day": "20261126", **options})


# ---------------------------------------------------------------- begun
def test_a_case_begins_as_awaiting_with_a_number_of_its_day(city):
    with city.write() as connection:
        made = [recorded(connection, day=day) for day in ("20261126", "20261126", "20261127", "20261126")]
        found = reports.find(connection).cases
    assert [one.number for one in made] == ["20261126-000001", "20261126-000002", "20261127-000001", "20261127-000002"]
    assert {one.state for one in made} == {"awaiting"}
    assert list(found) == made[::-1]


def test_the_same_key_gives_the_same_case(city):
    with city.write() as connection:
        first = recorded(connection, key="abc")
        again = recorded(connection, replace(CASE, item="other"), key="abc")
        assert again == first
        assert recorded(connection, key="abd").number != first.number
        assert recorded(connection, key="abc", actor="walks").number != first.number, "keys are each caller's own"
        assert len(list(events(connection))) == len(connection.execute(sa.select(tables.event)).all())


def test_what_a_caller_said_is_nowhere_in_plain(city, tmp_path):
    with city.write() as connection:
        with pytest.raises(InputRefused, match="no key to encrypt"):
            recorded(connection, private=SAID)
        made = recorded(connection, private=SAID, seal=sealer(connection, tmp_path))
        whole = repr(content(connection)) + repr(connection.execute(sa.select(tables.report)).all())
    assert made.has_private
    assert not any(text in whole for text in SAID.values())


def test_reading_what_a_caller_said_is_an_event_and_takes_the_role(city, tmp_path):
    with city.write() as connection:
        seal = sealer(connection, tmp_path)
        number = recorded(connection, private=SAID, seal=seal).number
        other = recorded(connection).number
        for actor in ("elsewhere", "plans"):
            with pytest.raises(InputRefused):
                reports.read_private(connection, number, seal=seal, actor=actor, at=DAY[12])
        assert reports.read_private(connection, number, seal=seal, actor="walks", at=DAY[12]) == SAID
        assert reports.read_private(connection, other, seal=seal, actor="walks", at=DAY[12]) == {}
        told = [(one.actor, one.subject, json.loads(one.body)) for one in events(connection) if one.kind == "case.read"]
    assert told == [("walks", number, {"fields": sorted(SAID)}), ("walks", other, {"fields": []})]


@pytest.mark.parametrize(
    ("actor", "case", "says"),
    [
        ("plans", CASE, "planner"),
        ("elsewhere", CASE, "not in"),
        ("walks", replace(CASE, grid_code="310112006001001"), "not in"),
        ("nobody", CASE, "not known"),
    ],
)
def test_who_may_not_record_is_refused(city, actor, case, says):
    with city.write() as connection, pytest.raises(InputRefused, match=says):
        recorded(connection, case, actor=actor)


def test_texts_that_are_too_long_are_all_told(city):
    with city.write() as connection, pytest.raises(InputRefused) as refused:
        recorded(connection, private={"description": "x" * 5_000, "phone": "1" * 50})
    assert [fault.row for fault in refused.value.faults] == ["description", "phone"]


# ---------------------------------------------------------------- what becomes of it
def test_a_case_goes_its_way(city):
    with city.write() as connection:
        number = recorded(connection).number
        with pytest.raises(Conflict, match="awaiting"):
            reports.close(connection, number, **NOW)
        opened = reports.verify(connection, number, **NOW)
        with pytest.raises(Conflict, match="is open"):
            reports.verify(connection, number, **NOW)
        with pytest.raises(InputRefused, match="Say why"):
            reports.hand(connection, number, reason=" ", lead="Water", **NOW)
        handed = reports.hand(connection, number, reason="it is a pipe", lead="Water", **NOW)
        closed = reports.close(connection, number, reason="mended", actor="walks", at=DAY[12])
        assert [one.state for one in (opened, handed, closed)] == ["open", "open", "closed"]
        assert (handed.lead, closed.updated_at) == ("Water", DAY[12])
        assert reports.get(connection, number) == closed
        told = {one.seq: one for one in events(connection) if one.subject == number}
        changes = connection.scalars(sa.select(tables.report_change.c.event_seq)).all()
    assert [one.kind for one in told.values()] == ["case.reported", "case.verified", "case.handed", "case.closed"]
    assert sorted(changes) == sorted(told)[1:]
    body = json.loads(list(told.values())[2].body)
    assert (body["before"]["lead"], body["after"]["lead"]) == ("Roads", "Water")
    assert "pipe" not in list(told.values())[2].body


def test_a_department_pushes_back_once(city):
    with city.write() as connection:
        number = recorded(connection).number
        assert reports.hand(connection, number, reason="not ours", lead="A", pushed_back=True, **NOW).handed == 1
        with pytest.raises(Conflict, match="XL 12"):
            reports.hand(connection, number, reason="nor ours", lead="B", pushed_back=True, **NOW)
        assert reports.hand(connection, number, reason="designated", lead="B", **NOW).handed == 1
        with pytest.raises(InputRefused, match="already"):
            reports.hand(connection, number, reason="again", lead="B", **NOW)


def test_a_case_goes_to_another_grid_of_the_area_alone(city):
    with city.write() as connection:
        number = recorded(connection).number
        far = {**PLACE, "grid_code": FAR}
        with pytest.raises(InputRefused, match="not in"):
            reports.hand(connection, number, reason="it lies there", lead="A", place=far, **NOW)
        moved = reports.hand(connection, number, reason="it lies there", lead="A", place=PLACE, **NOW)
        assert (moved.grid_code, moved.lead, moved.co) == (OTHER, "A", CASE.co)
        with pytest.raises(InputRefused, match="not dispatcher"):
            reports.hand(connection, number, reason="x", lead="B", actor="walks", at=DAY[12])


def test_a_person_chooses_among_the_candidates(city):
    with city.write() as connection:
        number = recorded(connection).number
        with pytest.raises(InputRefused, match="may not belong"):
            reports.choose(connection, number, place={**PLACE, "grid_code": FAR}, lead="A", co="", **NOW)
        chosen = reports.choose(connection, number, place=PLACE, lead="A", co="", actor="walks", at=DAY[11])
    assert (chosen.grid_code, chosen.chosen_by, chosen.confidence) == (OTHER, "walks", CASE.confidence)


def test_who_saw_an_older_state_is_told(city):
    with city.write() as connection:
        made = recorded(connection)
        reports.verify(connection, made.number, **NOW)
        with pytest.raises(Conflict, match="Look at it again"):
            reports.hand(connection, made.number, reason="x", lead="B", seen=made.updated_at, **NOW)


def test_refusing_needs_a_reason_and_ends_a_case(city):
    with city.write() as connection:
        number = recorded(connection).number
        with pytest.raises(InputRefused, match="Say why"):
            reports.refuse(connection, number, reason="", **NOW)
        assert reports.refuse(connection, number, reason="nothing there", **NOW).state == "refused"
        with pytest.raises(Conflict):
            reports.hand(connection, number, reason="x", lead="B", **NOW)


# ---------------------------------------------------------------- looking
def test_cases_are_found_by_area_state_box_and_time(city):
    with city.write() as connection:
        numbers = [
            recorded(connection, replace(CASE, grid_code=code, lon=lon), actor="chief", at=DAY[day]).number
            for code, lon, day in ((GRID, 121.5, 10), (OTHER, 121.6, 11), (FAR, 121.7, 12), ("", None, 13))
        ]
        reports.verify(connection, numbers[1], actor="chief", at=DAY[14])

        def found(**asked) -> list[int]:
            return [numbers.index(one.number) for one in reports.find(connection, **asked).cases]

        assert found() == [3, 2, 1, 0]
        assert found(area="310112") == [1, 0]
        assert found(area="310113", own="chief") == [3, 2]
        assert found(states=["awaiting"], area="310112") == [0]
        assert found(bbox=(121.55, 30, 121.65, 32)) == [1]
        assert found(updated_after=DAY[12]) == [3, 1]
        assert found(network="other") == []
        first, second = reports.find(connection, size=3), reports.find(connection, size=3, page=2)
        assert [len(first.cases), first.more, len(second.cases), second.more] == [3, True, 1, False]
        near = {"bbox": (121.4, 30, 121.55, 32), "item": "hole", "since": DAY[8], "network": "general"}
        assert [one.number for one in reports.around(connection, grids=[GRID, OTHER], **near)] == [numbers[0]]
        assert reports.around(connection, grids=[GRID], **{**near, "since": DAY[10]}) == []


# ---------------------------------------------------------------- believed
def lived(connection, folder: Path) -> str:
    """A case to which everything happened, another one, and one whose caller was erased."""
    seal = sealer(connection, folder)
    number = recorded(connection, private=SAID, seal=seal, key="k").number
    reports.choose(connection, number, place=PLACE, lead="A", co="", **NOW)
    reports.verify(connection, number, **NOW)
    reports.hand(connection, number, reason="not ours", lead="B", pushed_back=True, **NOW)
    reports.close(connection, number, reason="mended", **NOW)
    reports.read_private(connection, number, seal=seal, actor="takes", at=DAY[12])
    gone = recorded(connection, private=SAID, seal=seal).number
    with pytest.raises(InputRefused):
        reports.erase_private(connection, gone, **NOW)
    reports.erase_private(connection, gone, actor="chief", at=DAY[12])
    return number


def test_a_store_with_cases_is_believed_and_copied(city, tmp_path):
    with city.write() as connection:
        lived(connection, tmp_path)
    with city.read() as connection:
        assert verify(connection).faults == ()
    copy = copied(city, str(tmp_path / "copy.db"))
    with copy.read() as connection:
        assert verify(connection).faults == ()
        assert len(reports.find(connection).cases) == 2
    copy.close()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("act", [change, remove])
def test_what_is_altered_of_cases_is_told(city, tmp_path, act, seed):
    with city.write() as connection:
        lived(connection, tmp_path)
    rng = random.Random(seed)
    table = (tables.report, tables.report_change)[seed % 3 == 0]
    with suppress(RollBack), unguarded(city) as connection:
        until_done(lambda: act(connection, table, rng))
        assert verify(connection).faults != ()
        raise RollBack


def test_the_database_itself_keeps_what_a_case_was_told_as(city):
    with city.write() as connection:
        recorded(connection)
    for values in ({"item": "other"}, {"lon": 1.0}, {"actor": "chief"}):
        with pytest.raises(Exception, match="never changed"), city.write() as connection:
            connection.execute(sa.update(tables.report).values(values))


def test_recording_takes_few_statements(city):
    asked = []
    sa.event.listen(city.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with city.write() as connection:
        recorded(connection, key="k")
    # look for the key, for the actor, the last case, the end of the chain, the id of the store; write event and case
    assert (
        len([text for text in asked if text.split()[0] in ("SELECT", "INSERT", "UPDATE")]) <= 7 + 2 * city.is_postgresql
    )


# ---------------------------------------------------------------- many at once
def test_cases_of_many_threads_are_each_kept_or_refused(city):
    writes = Together(city.url)

    def one(k: int) -> str | None:
        actor = "elsewhere" if k % 4 == 0 else "takes"
        try:
            return writes.write(lambda connection: recorded(connection, key=f"k{k // 2}", actor=actor)).number
        except InputRefused:
            return None

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(one, range(64)))
    assert [k for k, number in enumerate(numbers) if number is None] == list(range(0, 64, 4))
    with city.read() as connection:
        kept = reports.find(connection, size=100).cases
        assert verify(connection).faults == ()
    assert {one.number for one in kept} == set(filter(None, numbers))
    assert len(kept) == 32, "the same key is the same case"


def test_nobody_is_answered_where_the_transaction_fails(city):
    writes = Together(city.url)

    with pytest.raises(KeyError):
        writes.write(lambda connection: [recorded(connection), {}["lost"]])
    with city.read() as connection:
        assert reports.find(connection).cases == ()
    assert writes.write(recorded).number.endswith("-000001")
