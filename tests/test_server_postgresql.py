"""The server on PostgreSQL: each of the four people's jobs once, the interfaces once, and its own process."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
import stores
from city import SMALL, begin_runner, client_of, end_runner, make_city, signed_in
from drafts import town
from heat_city import made_cases
from test_planner_edits import edit, givable
from test_registry import server
from test_resolve_api import inside, write_parties
from test_serving import running, status
from test_tasks import until

import webmap
from gridgis import jobs
from gridgis.errors import InputRefused
from gridgis.heat.pyramid import build
from webmap import serving
from webmap.versions import data_tag

__all__ = ["server"]


@pytest.fixture(scope="module")
def division():
    return town(SMALL)


@pytest.fixture(scope="module")
def told(server, tmp_path_factory, division):
    folder = tmp_path_factory.mktemp("city")
    with stores.database(server) as url:
        made = make_city(folder, url=url, plan=SMALL)
        write_parties(folder / "parties.xlsx", sorted(division.grids["grid_code"]))
        jobs.make_people_key(folder / "people.key")
        jobs.import_people(url, folder / "parties.xlsx", by="chief", key=folder / "people.key")
        jobs.import_duties(url, folder / "parties.xlsx", by="chief")
        cases = made_cases(division.grids, 500)
        build(folder / "cases.heat", cases, crs=division.grids.crs.to_string(), batch="first")
        yield replace(made, pyramid=str(folder / "cases.heat"), people_key=str(folder / "people.key"))


def test_an_edit_is_made_taken_back_handed_in_and_approved(app, told):
    planner = signed_in(app, "planner")
    atom, code = givable(planner)
    done = edit(planner, "give", atoms=[atom["id"]], to=code, seen=0)
    assert done.status_code == 200, done.text
    assert planner.post("/api/drafts/2/undo", json={}).status_code == 200
    assert planner.post("/api/drafts/2/redo", json={}).status_code == 200
    assert len(planner.get("/api/drafts/2/log").json["edits"]) == 3
    handed_in = signed_in(app, "submitter").post("/api/reviews/2/submit", json={"reasons": {"": "as it lies"}})
    assert handed_in.status_code == 200, handed_in.text
    reviewer = signed_in(app, "city_reviewer")
    assert reviewer.get("/api/reviews/2").json["moved_households"] == atom["households"]
    assert reviewer.post("/api/reviews/2/comments", json={"code": code, "text": "seen"}).status_code == 200
    assert (
        signed_in(app, "submitter").post("/api/reviews/2/comments/1/answer", json={"text": "so it is"}).status_code
        == 200
    )
    now = datetime.datetime.now(datetime.UTC).isoformat()
    approved = reviewer.post("/api/reviews/2/approve", data={"effective_from": now, "document": "No. 2"})
    assert approved.status_code == 200, approved.text
    assert [one.state for one in jobs.versions(told.store)][:2] == ["approved", "approved"]


def test_a_case_is_resolved_recorded_and_settled(app, division):
    code, lon, lat = inside(division)
    client = signed_in(app, "dispatcher")
    assert client.get("/api/resolve", query_string={"lon": lon, "lat": lat, "item": "hole"}).json["grid_code"] == code
    case = {"lon": lon, "lat": lat, "item": "hole", "description": "deep", "caller": "A", "phone": "13900000000"}
    headers = {"Idempotency-Key": "one"}
    first, again = (client.post("/api/cases", json=case, headers=headers) for _ in range(2))
    assert (first.status_code, again.json["number"]) == (201, first.json["number"])
    number = first.json["number"]
    for step, body in (("verify", {}), ("close", {"reason": "mended"})):
        answer = client.post(f"/api/cases/{number}/{step}", json=body)
        assert answer.status_code == 200, answer.text


def test_heat_is_told(app):
    client = signed_in(app, "leader")
    window = client.get("/api/heat/choices").json["window"]
    query = {"from": window[0], "to": window[1]}
    assert client.get("/api/heat/grids", query_string=query).json["grids"]
    assert client.get("/api/heat/days", query_string=query).status_code == 200
    assert client.get("/tiles/heat/12/3347/1683.png", query_string={**query, "top": "9"}).status_code in (200, 204)


def test_tiles_and_the_interfaces_of_others_answer(app, told, division):
    client = signed_in(app, "dispatcher")
    assert client.get("/tiles/grids.json").json["vector_layers"]
    assert client.get("/api/division/grids").json["features"]
    items = client.get("/ogc/collections/grids/items?limit=3").json
    assert items["numberMatched"] == len(division.grids)
    key = jobs.make_token(told.store, "dispatcher", label="open311", days=1)
    _, lon, lat = inside(division, row=1)
    sent = {"api_key": key, "service_code": "hole", "lat": lat, "long": lon}
    assert client_of(app).post("/open311/v2/requests.json", data=sent).status_code in (200, 201)
    assert client.get("/open311/v2/requests.json", query_string={"api_key": key}).json
    assert client_of(app).get("/readyz").json["status"] == "ok"
    assert client_of(app).get("/public", query_string={"code": division.grids["grid_code"].iloc[0]}).status_code == 200
    with app.test_request_context():
        assert data_tag()


def test_background_work_is_done(told):
    number = jobs.ask_task(told.store, "dossier", {"version": 1, "language": "en"}, by="submitter")
    process = begin_runner(told)
    try:
        one = until(told, number, "done", "failed")
        assert one.state == "done", one.said
    finally:
        end_runner(process)


def test_the_server_starts_as_a_process(told, monkeypatch):
    monkeypatch.setenv("GRIDGIS_STATE", told.state)
    with running("--store", told.store, "--workers", "2") as (address, _):
        assert status(address) == 200


def test_no_password_of_a_database_is_told_and_its_folder_is_named():
    secret = "postgresql://who:hush@127.0.0.1:1/city?password=hush"
    assert serving.called(secret) == "city"
    with pytest.raises(InputRefused, match="GRIDGIS_STATE") as refused:
        _ = webmap.Settings(store=secret).folder
    assert "hush" not in str(refused.value)


def test_the_store_holds_together(told):
    assert jobs.verify(told.store).faults == ()
