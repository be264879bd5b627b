"""What the server answers about one case: the grid, who answers for it, and what may be seen by whom."""

from __future__ import annotations

import json
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from city import PLAN, client_of, make_city, signed_in
from drafts import town

import webmap
from gridgis import jobs
from gridgis.coordinates import to_crs
from gridgis.crs import canonical
from gridgis.duties.masking import masked
from gridgis.registry.tables import ROLES

PHONE = "13812341234"


@pytest.fixture(scope="module")
def division():
    return town(PLAN)


@pytest.fixture(scope="module")
def told(tmp_path_factory, division):
    folder = tmp_path_factory.mktemp("city")
    made = make_city(folder)
    parties = folder / "parties.xlsx"
    write_parties(parties, sorted(division.grids["grid_code"]))
    jobs.make_people_key(folder / "people.key")
    jobs.import_people(made.store, parties, by="chief", key=folder / "people.key")
    jobs.import_duties(made.store, parties, by="chief")
    return webmap.Settings(**{**vars(made), "people_key": str(folder / "people.key")})


def write_parties(path, grids, *, lead: str = "Roads") -> None:
    """A leader in every grid, and who mends holes. All people are made up."""
    tables = {
        "people": [{"person_id": f"p{k}", "name": f"Leader {k}", "public_phone": PHONE} for k in range(len(grids))],
        "posts": [{"person_id": f"p{k}", "role": "grid_leader", "area_code": code} for k, code in enumerate(grids)],
        "items": [{"item": "hole", "class": "road", "name": "a hole", "limit": 3, "limit_unit": "days"}],
        "rules": [
            {"rule_id": "r1", "item": "hole", "severity": "major", "lead": "City", "co": None},
            {"rule_id": "r2", "item": "hole", "severity": None, "lead": lead, "co": "role:grid_leader"},
        ],
    }
    with pd.ExcelWriter(path) as out:
        for name, rows in tables.items():
            pd.DataFrame(rows).to_excel(out, sheet_name=name, index=False)


@pytest.fixture(scope="module")
def client(app):
    return signed_in(app, "dispatcher")


def inside(division, *, row: int = 0) -> tuple[str, float, float]:
    """A grid and a place well inside it, in degrees."""
    grid = division.grids.iloc[row]
    at = shapely.maximum_inscribed_circle(grid.geometry).coords[0]
    return grid["grid_code"], *degrees(division.grids, *at)


def degrees(layer: gpd.GeoDataFrame, x: float, y: float) -> tuple[float, float]:
    lon, lat = to_crs(np.array([x]), np.array([y]), source=canonical(layer.crs), target="EPSG:4326")
    return float(lon[0]), float(lat[0])


def on_border(division) -> tuple[set[str], float, float]:
    """Two grids, and a place on the border between them."""
    grids = division.grids
    for one, other in ((a, b) for a in range(len(grids)) for b in range(a)):
        line = shapely.intersection(grids.geometry[one], grids.geometry[other])
        if line.length > 20:
            at = shapely.line_interpolate_point(shapely.get_geometry(shapely.line_merge(line), 0), 9)
            return {grids["grid_code"][one], grids["grid_code"][other]}, *degrees(grids, at.x, at.y)
    raise AssertionError("no two grids meet")


# ---------------------------------------------------------------- resolved
def test_a_point_is_given_its_grid_and_who_answers(client, division):
    code, lon, lat = inside(division)
    told = client.get("/api/resolve", query_string={"lon": lon, "lat": lat, "item": "a hole"}).json
    assert (told["grid_code"], told["zone_code"], told["method"]) == (code, code[:12], "inside")
    assert told["confidence"] == 1.0
    assert not told["must_choose"]
    assert (told["item"], told["lead"], told["rule"]) == ("hole", "Roads", "r2")
    assert told["limit"] == {"value": 3.0, "unit": "days", "clock": ""}
    assert [(one["rule_id"], one["failed"]) for one in told["trace"]] == [("r1", "severity not known"), ("r2", "")]
    assert told["parties"]["grid_leader"][0]["public_phone"] == PHONE
    assert told["border"]["distance_m"] > 0
    assert told["border"]["grid_code"] != code
    assert abs(told["lon"] - lon) + abs(told["lat"] - lat) < 1e-6


def test_every_grid_is_found_by_the_server_as_by_the_job(client, told, division):
    for row in range(len(division.grids)):
        code, lon, lat = inside(division, row=row)
        asked = {"lon": lon, "lat": lat, "item": "hole", "severity": "major"}
        found = client.get("/api/resolve", query_string=asked).json
        same = jobs.resolve(store=told.store, x=lon, y=lat, item="hole", severity="major")
        assert (
            (found["grid_code"], found["microgrid_code"])
            == (code, same.microgrid_code)
            == (
                same.grid_code,
                same.microgrid_code,
            )
        )
        assert found["lead"] == same.duties.lead == "City"


def test_a_point_on_a_border_has_both_grids_with_their_leaders(client, division):
    both, lon, lat = on_border(division)
    told = client.get("/api/resolve", query_string={"lon": lon, "lat": lat, "accuracy_m": 10}).json
    assert told["must_choose"]
    assert both <= {one["grid_code"] for one in told["candidates"]}
    assert all(one["leader"].startswith("Leader") for one in told["candidates"])


def test_an_address_may_be_coordinates_or_a_link(client, division):
    code, lon, lat = inside(division)
    for text in (
        f"{lon:.7f},{lat:.7f}",
        f"geo:{lat:.7f},{lon:.7f}",
        f"https://www.openstreetmap.org/?mlat={lat}&mlon={lon}",
    ):
        told = client.get("/api/resolve", query_string={"address": text}).json
        assert (told["grid_code"], told["method"]) == (code, "address"), text


def test_shifted_coordinates_are_taken_back(client, division):
    code, lon, lat = inside(division)
    there = to_crs(np.array([lon]), np.array([lat]), source="EPSG:4326", target="gcj02")
    asked = {"lon": float(there[0][0]), "lat": float(there[1][0]), "crs": "gcj02"}
    assert client.get("/api/resolve", query_string=asked).json["grid_code"] == code


def test_a_time_before_anything_was_in_force_is_refused(client, division):
    _, lon, lat = inside(division)
    answer = client.get("/api/resolve", query_string={"lon": lon, "lat": lat, "at": "2001-01-01T00:00+08:00"})
    assert answer.status_code == 422
    assert "nothing is in force" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ({}, {"case"}),
        ({"lon": "121"}, {"point"}),
        ({"lon": "x", "lat": "nan", "at": "now"}, {"lon", "lat", "at"}),
        ({"lon": "1e999", "lat": "1"}, {"lon"}),
        ({"lon": "1", "lat": "1", "crs": "EPSG:99999999"}, {"crs"}),
        ({"address": "x" * 500}, {"address"}),
        ({"address": "a\0b"}, {"address"}),
        ({"lon": "1", "lat": "1", "item": "x" * 200}, {"item"}),
        ({"lon": "1", "lat": "1", "at": "2026-01-01T00:00"}, {"at"}),
        ({"lon": "1", "lat": "1", "at": "0001-01-01T00:00+14:00"}, {"at"}),
    ],
)
def test_what_cannot_be_asked_is_told_with_every_fault(client, asked, rows):
    answer = client.get("/api/resolve", query_string=asked)
    assert answer.status_code == 422
    assert {one["layer"] for one in answer.json["error"]["details"]} == rows


def test_a_place_far_away_has_a_problem_and_no_grid(client):
    told = client.get("/api/resolve", query_string={"lon": 2.35, "lat": 48.85}).json
    assert (told["grid_code"], told["method"], told["border"]) == ("", "outside", None)
    assert "in no grid" in told["problem"]


# ---------------------------------------------------------------- who sees what
@pytest.mark.parametrize("role", ROLES)
def test_telephone_numbers_are_shown_by_role(app, division, role):
    _, lon, lat = inside(division)
    told = signed_in(app, role).get("/api/resolve", query_string={"lon": lon, "lat": lat}).json
    sees = role in ("dispatcher", "worker", "leader", "administrator")
    assert {one["public_phone"] for one in told["parties"]["grid_leader"]} == {PHONE if sees else "138****1234"}
    assert sees or PHONE not in json.dumps(told)


def test_nobody_is_told_anything_without_signing_in(app):
    for path in ("/api/resolve?lon=1&lat=1", "/api/suggest?q=a", "/api/cases"):
        assert client_of(app).get(path).status_code == 401


@pytest.mark.parametrize(
    ("phone", "seen"),
    [
        (PHONE, "138****1234"),
        ("021-5888 1234", "021****1234"),
        ("000-1", "****"),
        ("12345", "****45"),
        ("by bell", "****"),
        ("", ""),
        (" ", ""),
    ],
)
def test_masked_numbers_cannot_be_called(phone, seen):
    assert masked(phone) == seen


# ---------------------------------------------------------------- made anew
def test_what_changes_in_the_store_is_answered_soon(client, told, division, tmp_path):
    _, lon, lat = inside(division)

    def lead() -> str:
        return client.get("/api/resolve", query_string={"lon": lon, "lat": lat, "item": "hole"}).json["lead"]

    assert lead() == "Roads"
    parties = tmp_path / "parties.xlsx"
    write_parties(parties, sorted(division.grids["grid_code"]), lead="Streets")
    jobs.import_duties(told.store, parties, by="chief")
    try:
        until = time.monotonic() + 30
        while lead() == "Roads" and time.monotonic() < until:
            time.sleep(0.2)
        assert lead() == "Streets"
    finally:
        write_parties(parties, sorted(division.grids["grid_code"]))
        jobs.import_duties(told.store, parties, by="chief")
        while lead() == "Streets":
            time.sleep(0.2)


def test_recording_does_not_make_offices_anew(app, client, division):
    _, lon, lat = inside(division)
    desk = app.extensions["desk"]
    before = desk.resolve(x=lon, y=lat).office
    assert client.post("/api/cases", json={"lon": lon, "lat": lat, "item": "hole"}).status_code == 201
    time.sleep(1.1)
    client.get("/api/resolve", query_string={"lon": lon, "lat": lat})
    time.sleep(0.3)
    assert desk.resolve(x=lon, y=lat).office is before


# ---------------------------------------------------------------- cases over the interface
def recorded(client, lon: float, lat: float, **more):
    headers = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
    return client.post("/api/cases", json={"lon": lon, "lat": lat, "item": "hole", **more}, headers=headers)


def test_a_case_is_recorded_and_goes_its_way(client, division):
    code, lon, lat = inside(division, row=1)
    made = recorded(client, lon, lat, description="made-up words", phone="13900001111", source="hotline", key="one")
    again = recorded(client, lon, lat, key="one")
    assert (made.status_code, made.json["state"], made.json["grid_code"]) == (201, "awaiting", code)
    assert again.json == made.json
    assert "made-up words" not in made.text
    number = made.json["number"]
    assert client.post(f"/api/cases/{number}/caller", json={}).json["description"] == "made-up words"
    opened = client.post(f"/api/cases/{number}/verify", json={"seen": made.json["updated_at"]}).json
    assert client.post(f"/api/cases/{number}/verify", json={}).status_code == 409
    asked = {"lead": "Water", "reason": "a pipe", "seen": made.json["updated_at"]}
    assert client.post(f"/api/cases/{number}/hand", json=asked).status_code == 409
    handed = client.post(f"/api/cases/{number}/hand", json={**asked, "seen": opened["updated_at"]}).json
    closed = client.post(f"/api/cases/{number}/close", json={"reason": "mended"}).json
    assert (handed["lead"], closed["state"]) == ("Water", "closed")
    listed = client.get("/api/cases?state=closed").json["cases"]
    assert [one["number"] for one in listed] == [number]
    assert client.get(f"/api/cases/{number}").json == listed[0]


def test_a_case_goes_to_another_grid_with_who_answers_there(client, division):
    _, lon, lat = inside(division, row=2)
    other = str(division.grids["grid_code"].iloc[3])
    number = recorded(client, lon, lat).json["number"]
    moved = client.post(f"/api/cases/{number}/hand", json={"grid_code": other, "reason": "it lies there"}).json
    assert (moved["grid_code"], moved["zone_code"], moved["lead"]) == (other, other[:12], "Roads")
    assert moved["co"].startswith(other)
    assert client.post(f"/api/cases/{number}/hand", json={"grid_code": "1" * 15, "reason": "x"}).status_code == 403


def test_where_it_is_not_sure_a_person_chooses(client, division):
    both, lon, lat = on_border(division)
    answer = recorded(client, lon, lat)
    assert answer.status_code == 422
    assert all(code in answer.json["error"]["message"] for code in both)
    chosen = max(both)
    made = recorded(client, lon, lat, grid_code=chosen)
    assert (made.json["grid_code"], made.json["chosen_by"]) == (chosen, "dispatcher")
    turned = client.post(f"/api/cases/{made.json['number']}/choose", json={"grid_code": min(both)}).json
    assert turned["grid_code"] == min(both)
    far = next(code for code in division.grids["grid_code"] if code not in both)
    wrong = client.post(f"/api/cases/{made.json['number']}/choose", json={"grid_code": far})
    assert wrong.status_code == 422


def test_what_may_be_the_same_is_found_nearby(client, division):
    _, lon, lat = inside(division, row=4)
    number = recorded(client, lon, lat).json["number"]
    near = client.get("/api/cases/near", query_string={"lon": lon + 0.0001, "lat": lat, "item": "a hole"}).json["cases"]
    assert [one["number"] for one in near] == [number]
    assert 5 < near[0]["away_m"] < 15
    for other in ({"lon": lon + 0.001, "item": "hole"}, {"item": "another"}, {}):
        found = client.get("/api/cases/near", query_string={"lon": lon, "lat": lat, **other}).json["cases"]
        assert found == [], other


def test_cases_of_another_area_stay_there(app, client, division):
    _, lon, lat = inside(division)
    number = recorded(client, lon, lat).json["number"]
    other = signed_in(app, "other_dispatcher")
    for path, body in (
        ("", None),
        ("/verify", {}),
        ("/refuse", {"reason": "x"}),
        ("/close", {}),
        ("/hand", {"lead": "A", "reason": "x"}),
        ("/choose", {"grid_code": "1"}),
        ("/caller", {}),
    ):
        send = other.get if body is None else other.post
        answer = send(f"/api/cases/{number}{path}", **({} if body is None else {"json": body}))
        assert answer.status_code == 403, path
    assert other.get("/api/cases").json["cases"] == []
    assert recorded(other, lon, lat).status_code == 422
    assert other.get("/api/cases/near", query_string={"lon": lon, "lat": lat, "item": "hole"}).json["cases"] == []


@pytest.mark.parametrize(
    "query",
    ["state=none", "bbox=1,2,3", "bbox=5,5,1,1", "bbox=nan,0,1,1", "page=0", "page=x", "updated_after=yesterday"],
)
def test_a_list_that_cannot_be_asked_for_is_refused(client, query):
    assert client.get(f"/api/cases?{query}").status_code == 422


@pytest.mark.parametrize("number", ["1", "20261126-1", "20261126-00000x", "20991126-000001", "a\0b"])
def test_a_number_that_is_none_is_refused(client, number):
    assert client.get(f"/api/cases/{number}").status_code == 422


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b"{", b'{"lon": true, "lat": 1}', b'{"lon": 1, "lat": 1, "phone": 5}']
)
def test_a_body_that_is_none_is_refused(client, body):
    answer = client.post("/api/cases", data=body, content_type="application/json")
    assert answer.status_code == 422


def test_the_store_is_believed_afterwards(told):
    assert jobs.verify(told.store).faults == ()
