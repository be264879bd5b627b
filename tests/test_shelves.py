"""Answers about versions: made once for all workers, alike for what looks alike, and never of something else."""

from __future__ import annotations

import json

import pytest
import shapely
from city import SMALL, make_city, signed_in
from drafts import town

import webmap
from gridgis import jobs
from gridgis.publish.border_lines import drawn_borders
from webmap import shelf
from webmap.shelf_files import MOST, ShelfFiles

ROLES = ("planner",)


@pytest.fixture
def told(tmp_path):
    return make_city(tmp_path, plan=SMALL, roles=(*ROLES, "submitter", "reviewer"))


@pytest.fixture
def reads(monkeypatch):
    """Versions that were read."""
    found, real = [], shelf._with_offenders
    monkeypatch.setattr(shelf, "_with_offenders", lambda store, number: found.append(number) or real(store, number))
    return found


def grids(client, version=1):
    answer = client.get(f"/api/division/grids?version={version}")
    assert answer.status_code == 200, answer.text
    return answer


def test_workers_and_a_new_start_share_what_one_of_them_made(told, reads):
    first, second = (grids(signed_in(webmap.create_app(told), "planner")) for _ in range(2))
    assert reads == [1]
    assert first.data == second.data
    assert first.headers["ETag"] == second.headers["ETag"]


def test_a_draft_that_nobody_edited_has_the_answers_of_what_it_was_drawn_from(told, reads):
    client = signed_in(webmap.create_app(told), "planner")
    one, two = grids(client, 1), grids(client, 2)
    assert (reads, one.data) == ([1], two.data)
    grid = one.json["features"][0]["properties"]["code"]
    edit = {"action": "rename", "arguments": {"codes": [grid], "name": "River bank"}}
    assert client.post("/api/drafts/2/edits", json=edit).status_code == 200
    names = {row["properties"]["code"]: row["properties"]["name"] for row in grids(client, 2).json["features"]}
    assert names[grid] == "River bank"
    assert reads == [1, 2]
    assert grids(client, 1).data == one.data


def test_what_is_edited_while_it_is_read_is_not_kept(tmp_path):
    files, digest = ShelfFiles(tmp_path / "shelves"), iter(["before", "after", "after", "after", "after"])
    assert files.answers(lambda: next(digest), lambda: {"a": "later"})["a"].packed
    assert list((tmp_path / "shelves").glob("*.zip")) == []
    files.answers(lambda: next(digest), lambda: {"a": "later"})
    [file] = (tmp_path / "shelves").glob("*.zip")
    assert "after" in file.name


def test_broken_and_old_files_are_made_anew(tmp_path):
    files = ShelfFiles(tmp_path)
    for number in range(MOST + 3):
        files.answers(lambda number=number: f"{number:02d}", lambda: {"a": "1"})
    left = sorted(tmp_path.glob("*.zip"))
    assert len(left) == MOST
    left[-1].write_bytes(b"PK broken")
    made = files.answers(lambda: f"{MOST + 2:02d}", lambda: {"a": "2"})
    assert len(made) == 1
    assert files.answers(lambda: f"{MOST + 2:02d}", dict)["a"].body == made["a"].body


def test_the_table_tells_what_the_shapes_tell(told):
    client = signed_in(webmap.create_app(told), "planner")
    rows = {row["code"]: row for row in client.get("/api/division/table?version=1").json}
    features = grids(client).json["features"]
    assert len(rows) == len(features) > 3
    for one in features:
        row = rows[one["properties"]["code"]]
        assert row["bounds"] == pytest.approx(shapely.from_geojson(json.dumps(one["geometry"])).bounds, abs=2e-6)
        assert {name: value for name, value in row.items() if name != "bounds"} == one["properties"]


def test_micro_grids_come_zone_by_zone(told):
    client = signed_in(webmap.create_app(told), "planner")
    ask = lambda query="": client.get(f"/api/division/microgrids?version=1{query}").json["features"]  # noqa: E731
    whole = {one["id"]: one for one in ask()}
    zones = {one["properties"]["code"] for one in client.get("/api/division/zones?version=1").json["features"]}
    parts = [one for zone in zones for one in ask(f"&zone={zone}")]
    assert {one["id"]: one for one in parts} == whole
    assert len(parts) == len(whole) > 3
    assert all(one["properties"]["zone"] == zone for zone in zones for one in ask(f"&zone={zone}"))
    assert ask("&zone=999999999999") == []
    assert ask("&zone=../x") == []


def test_lines_inside_a_zone_have_its_code_and_lie_in_it(told):
    division = jobs.version(told.store, 1)
    assert len(division.grids) == len(town(SMALL).grids)
    lines = drawn_borders(division)
    assert (lines["zone_code"] == "").equals(lines["level"] == "zone")
    zone = division.zones.set_index("zone_code").geometry
    for row in lines[lines["level"] != "zone"].itertuples():
        assert zone[row.zone_code].buffer(0.01).covers(row.geometry)
