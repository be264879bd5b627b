"""Background work: it is done, fails or is cancelled, whatever dies meanwhile."""

from __future__ import annotations

import datetime
import signal
import time
from dataclasses import replace

import pytest
from city import begin_runner, make_city, signed_in
from test_registry import server, store, url

import webmap
from gridgis import jobs
from gridgis.errors import InputRefused
from gridgis.jobs.registry import reading, writing
from gridgis.registry import tasks as register
from gridgis.registry.actors import actors
from webmap import work

__all__ = ["server", "store", "url"]

LATER = register.SILENT + datetime.timedelta(seconds=1)


def now(ahead=datetime.timedelta()):
    return datetime.datetime.now(datetime.UTC) + ahead


def taken(url, ahead=datetime.timedelta()):
    with writing(url) as connection:
        return register.take(connection, at=now(ahead))


# ------------------------------------------------------------------ rows, on both databases
def test_tasks_are_taken_once_in_their_order(url, store):
    with store.read() as connection:
        name = actors(connection)[0].name
    first, second = (jobs.ask_task(url, "dossier", {"version": k}, by=name) for k in (1, 2))
    assert [taken(url).id, taken(url).id, taken(url)] == [first, second, None]
    assert jobs.tell_task(url, first, share=0.5, said="maps") is False
    one = jobs.find_task(url, first)
    assert (one.state, one.share, one.said, one.asked) == ("running", 0.5, "maps", {"version": 1})
    jobs.end_task(url, first, "done", result={"file": "a.zip"})
    one = jobs.find_task(url, first)
    assert (one.state, one.share, one.result) == ("done", 1.0, {"file": "a.zip"})
    assert [one.id for one in jobs.list_tasks(url, by=name)] == [second, first]
    assert jobs.verify(url).faults == ()


@pytest.fixture
def own(tmp_path):
    path = str(tmp_path / "own.db")
    jobs.init(path, administrator="chief")
    return path


def test_a_silent_worker_s_task_is_taken_again_a_few_times(own):
    number = jobs.ask_task(own, "dossier", {}, by="chief")
    for k in range(register.MOST_TRIES):
        assert taken(own, k * LATER).id == number
        assert taken(own, k * LATER) is None
    assert taken(own, register.MOST_TRIES * LATER) is None
    assert (jobs.find_task(own, number).state, jobs.find_task(own, number).tries) == ("failed", register.MOST_TRIES)


def test_a_task_that_was_put_back_is_no_try(own):
    number = jobs.ask_task(own, "dossier", {}, by="chief")
    for _ in range(2 * register.MOST_TRIES):
        assert taken(own).id == number
        jobs.put_task_back(own, number)
    assert jobs.find_task(own, number).state == "waiting"


def test_who_asked_cancels(own):
    waiting, running = (jobs.ask_task(own, "dossier", {}, by="chief") for _ in range(2))
    jobs.cancel_task(own, waiting, by="chief")
    assert jobs.find_task(own, waiting).state == "cancelled"
    assert taken(own).id == running
    jobs.cancel_task(own, running, by="chief")
    assert jobs.tell_task(own, running, share=0.1, said="") is True
    with pytest.raises(InputRefused, match="none of yours"):
        jobs.cancel_task(own, running, by="another")
    with pytest.raises(InputRefused, match="nothing to cancel"):
        jobs.cancel_task(own, waiting, by="chief")
    with reading(own) as connection, pytest.raises(InputRefused, match="not there"):
        register.get(connection, 99)


# ------------------------------------------------------------------ a runner at work
@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"))


def until(told, number, *states, seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (one := jobs.find_task(told.store, number)).state in states:
            return one
        time.sleep(0.1)
    raise AssertionError(f"{one.state} after {seconds} s: {one.said}")


@pytest.fixture
def runner(told):
    process = begin_runner(told)
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


@pytest.mark.usefixtures("runner")
def test_a_zone_is_divided_anew_and_its_edit_told(told):
    zone = jobs.version(told.store, 2).zones["zone_code"].iloc[0]
    asked = {"version": 2, "codes": [zone], "microgrids": False, "seed": 0, "effort": 1, "seen": None}
    number = jobs.ask_task(told.store, "redivide", asked, by="planner")
    one = until(told, number, "done", "failed")
    assert one.state == "done", one.said
    assert (one.result["number"] or 0) == len(jobs.edit_log(told.store, 2))


@pytest.mark.usefixtures("runner")
def test_what_is_refused_is_told_in_its_words(told):
    asked = {"version": 1, "codes": ["9"], "microgrids": False, "seed": 0, "effort": 1, "seen": None}
    number = jobs.ask_task(told.store, "redivide", asked, by="planner")
    one = until(told, number, "failed")
    assert "Traceback" not in one.said
    assert one.said


def test_a_killed_runner_leaves_its_task_to_the_next(told):
    number = jobs.ask_task(told.store, "dossier", {"version": 1, "language": "zh"}, by="submitter")
    process = begin_runner(told)
    until(told, number, "running")
    process.kill()
    process.wait()
    with writing(told.store) as connection:  # as if it had been silent for long
        long_ago = "2026-01-01T00:00:00.000000+00:00"
        register.heard(connection, number, share=0.1, said="", at=long_ago)
    process = begin_runner(told)
    try:
        one = until(told, number, "done", "failed")
        assert (one.state, one.tries) == ("done", 2)
    finally:
        process.terminate()
        process.wait(20)
    client = signed_in(webmap.create_app(told), "submitter")
    assert client.get(f"/api/tasks/{number}").json["state"] == "done"
    answer = client.get(f"/api/tasks/{number}/file")
    assert answer.data[:2] == b"PK"
    other = signed_in(webmap.create_app(told), "reviewer")
    assert other.get(f"/api/tasks/{number}/file").status_code == 403
    assert other.post(f"/api/tasks/{number}/cancel").status_code == 403


def test_tasks_are_the_asker_s_alone(told):
    client = signed_in(webmap.create_app(told), "leader")
    assert client.get("/api/tasks").json == {"tasks": []}


def test_files_of_what_is_long_over_go_and_its_row_stays(told):
    over, running, again = (jobs.ask_task(told.store, "dossier", {"version": 1}, by="submitter") for _ in range(3))
    for number in (over, running, again):
        folder = work.folder_of(told, number)
        folder.mkdir(parents=True)
        (folder / "a.zip").write_bytes(b"PK")
    (work.folder_of(told, 999_999)).mkdir()
    jobs.end_task(told.store, over, "done", result={"file": "a.zip"})
    client = signed_in(webmap.create_app(told), "submitter")
    work.sweep(told, now=now(datetime.timedelta(days=29)))
    assert client.get(f"/api/tasks/{over}/file").status_code == 200
    work.sweep(replace(told, results_days=0), now=now(datetime.timedelta(days=9_999)))
    work.sweep(told, now=now(datetime.timedelta(days=31)))
    left = {folder.name for folder in (told.folder / "tasks").iterdir()}
    assert str(over) not in left
    assert {str(running), str(again), "999999"} <= left
    refused = client.get(f"/api/tasks/{over}/file")
    assert refused.status_code == 422
    assert "30 days" in refused.json["error"]["message"]
    assert client.get(f"/api/tasks/{over}").json["state"] == "done"
    for number in (running, again):
        jobs.cancel_task(told.store, number, by="submitter")
