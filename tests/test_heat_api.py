"""The answers of the heat page against the cases themselves; tiles that are kept, files to take away, who sees what."""

from __future__ import annotations

import csv
import io
import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from city import make_city, make_users, signed_in
from heat_city import ASIDE, DAYS, FIRST, heat_city, more_cases

import webmap
from gridgis import jobs

LAST = str(FIRST + DAYS - 1)
WINDOW = {"from": "2026-05-01", "to": "2026-06-15"}


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return heat_city(tmp_path_factory.mktemp("heat"))


@pytest.fixture(scope="module")
def cases(city):
    return city[1]


@pytest.fixture(scope="module")
def app(city):
    return webmap.create_app(city[0])


@pytest.fixture(scope="module")
def leader(app):
    return signed_in(app, "leader")


def asked(cases, first, last, item=None, source=None):
    keep = (cases["day"] >= first) & (cases["day"] <= last)
    for column, value in (("item", item), ("source", source)):
        keep &= (cases[column] == value) | (value is None)
    return cases[keep]


def got(client, path, **query):
    answer = client.get(path, query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@pytest.mark.parametrize("more", [{}, {"item": "S02"}, {"source": "热线"}, {"item": "S01", "source": "patrol"}])
def test_counts_by_grid_are_those_of_the_cases(leader, cases, more):
    told = got(leader, "/api/heat/grids", **WINDOW, **more)
    wanted = asked(cases, *WINDOW.values(), **more)["grid_code"].value_counts()
    assert {code: row["cases"] for code, row in told["grids"].items() if row["cases"]} == wanted.to_dict()
    assert told["cases"] == wanted.sum() > 0


def test_rates_are_of_a_thousand_households_in_thirty_days(leader):
    told = got(leader, "/api/heat/grids", **WINDOW)
    rated = [row for row in told["grids"].values() if row.get("rate") and row.get("households")]
    assert rated
    for row in rated:
        assert row["rate"] == pytest.approx(row["cases"] / row["households"] * 1000 * 30 / 46, abs=0.006)
    assert told["rate_unit"] == "cases per 1,000 households per 30 days"


def test_the_heap_is_hot_and_rises(leader, cases):
    heap = sorted(cases["grid_code"].unique())[:3]
    told = got(leader, "/api/heat/grids", **{"from": "2026-02-02", "to": LAST}, per="area")
    assert max(told["grids"], key=lambda code: told["grids"][code]["cases"]) in heap
    assert any(told["grids"][code]["trend"] == "rising" for code in heap)
    assert told["periods"] == {"by": "week", "whole": 21}
    assert told["false_share"] == 0.05


def test_days_add_up_to_all_cases(leader, cases):
    told = got(leader, "/api/heat/days", item="S03")
    assert told["first"] == str(FIRST)
    assert sum(told["counts"]) == (cases["item"] == "S03").sum()
    assert len(told["counts"]) == DAYS


def test_the_ranking_is_by_cases_then_code(leader, cases):
    told = got(leader, "/api/heat/ranking", **WINDOW)["ranking"]
    wanted = asked(cases, *WINDOW.values())["grid_code"].value_counts()
    key = [(-row["cases"], row["code"]) for row in told]
    assert key == sorted(key)
    assert told[0]["cases"] == wanted.max()
    assert told[0]["rank"] == 1


def test_a_grid_tells_its_days_items_and_sources(leader, cases):
    mine = asked(cases, *WINDOW.values())
    code = mine["grid_code"].value_counts().index[0]
    told = got(leader, f"/api/heat/grid/{code}", **WINDOW)
    here = mine[mine["grid_code"] == code]
    assert told["cases"] == sum(told["days"]) == len(here)
    assert {one["code"]: one["cases"] for one in told["items"]} == here["item"].value_counts().to_dict()
    assert {one["source"]: one["cases"] for one in told["sources"]} == here["source"].value_counts().to_dict()
    assert got(leader, f"/api/heat/grid/{code[:6]}", **WINDOW)["cases"] == len(mine)
    assert leader.get(f"/api/heat/grid/{code[:12]}999").status_code == 404
    assert leader.get("/api/heat/grid/310112001").status_code == 403


def test_two_windows_are_held_together(leader, cases):
    told = got(leader, "/api/heat/compare", **WINDOW, compare_from="2026-03-01", compare_to="2026-04-15")
    earlier = asked(cases, "2026-03-01", "2026-04-15")["grid_code"].value_counts()
    for code, row in told["grids"].items():
        assert row["earlier"] == earlier.get(code, 0)
    assert told["cases"] == [earlier.sum(), len(asked(cases, *WINDOW.values()))]
    swapped = {"from": "2026-03-01", "to": "2026-04-15", "compare_from": "2026-05-01", "compare_to": "2026-06-15"}
    back = got(leader, "/api/heat/compare", **swapped)
    assert back["grids"] == told["grids"]


def test_what_was_set_aside_is_told_with_its_window(leader):
    told = {one["reason"]: one["cases"] for one in got(leader, "/api/heat/grids", **WINDOW)["aside"]}
    assert told == {"default_place": 40, "no_time": 3}
    of_item = got(leader, "/api/heat/grids", **{"from": str(FIRST), "to": LAST}, item="S01")["aside"]
    assert [one["cases"] for one in of_item] == [ASIDE[0].cases + ASIDE[1].cases]


def test_choices_name_items_in_the_language(leader):
    told = got(leader, "/api/heat/choices")
    assert [one["code"] for one in told["items"]] == ["S01", "S02", "S03"]
    assert told["first"], told["last"] == (str(FIRST), LAST)
    assert told["window"][1] == LAST
    from webmap.heat_words import name_in

    row = {"name": "暴露垃圾", "aliases": "垃圾堆;Litter"}
    assert (name_in(row, "zh"), name_in(row, "en")) == ("暴露垃圾", "Litter")
    assert name_in({"name": "井盖", "aliases": None}, "en") == "井盖"


def test_the_name_of_a_zone_stands_in_the_zone():
    from webmap.heat_words import zone_rows

    around = shapely.box(0, 0, 3000, 3000).difference(shapely.box(1000, 0, 3000, 2000))
    frame = gpd.GeoDataFrame(
        {"zone_code": ["310115001001", "310115001002"], "name": ["around", "inside"]},
        geometry=[around, shapely.box(1000, 0, 3000, 2000)],
        crs="EPSG:32651",
    )
    told = zone_rows(frame, frame)
    places = gpd.GeoSeries(gpd.points_from_xy(*zip(*(one["at"] for one in told), strict=True)), crs="EPSG:4326")
    assert [one["name"] for one in told] == ["around", "inside"]
    assert frame.geometry.contains(places.to_crs(frame.crs)).all()


def test_zones_of_the_city_are_named_where_they_lie(leader):
    shapes = got(leader, "/api/heat/shapes")["features"]
    land = {
        one["properties"]["zone"]: shapely.geometry.shape(one["geometry"])
        for one in shapes
        if one["properties"]["level"] == "zone"
    }
    zones = got(leader, "/api/heat/choices")["zones"]
    assert {one["code"] for one in zones} == set(land)
    assert all(land[one["code"]].contains(shapely.Point(one["at"])) for one in zones)


def test_faults_of_a_question_are_told_with_their_cure(leader):
    for query, said in (
        ({"from": "x"}, "is no day"),
        ({"from": "2026-05-01", "to": "2026-04-01"}, "before it begins"),
        ({"item": "S9"}, "no case has it"),
        ({"per": "people"}, "Ask for households"),
    ):
        answer = leader.get("/api/heat/grids", query_string=query)
        assert answer.status_code == 422
        assert said in answer.get_json()["error"]["message"]
    assert leader.get("/api/heat/compare", query_string=WINDOW).status_code == 422
    assert leader.get("/api/heat/export.exe").status_code == 404


# ---------------------------------------------------------------- who sees what
def test_an_area_sees_its_grids_and_the_verdicts_of_all(app, leader, city):
    everything = got(leader, "/api/heat/grids", **WINDOW)["grids"]
    assert got(signed_in(app, "city_leader"), "/api/heat/grids", **WINDOW)["grids"] == everything
    zone = min(everything)[:12]
    make_users(city[0].store, {"of_a_zone": ("leader", zone)})
    mine = signed_in(app, "of_a_zone")
    here = {code: row for code, row in everything.items() if code.startswith(zone)}
    told = got(mine, "/api/heat/grids", **WINDOW)
    assert told["grids"] == here
    assert told["cases"] == sum(row["cases"] for row in here.values())
    assert {one["properties"]["zone"] for one in got(mine, "/api/heat/shapes")["features"]} == {zone}
    assert got(mine, f"/api/heat/grid/{zone}", **WINDOW)["cases"] == told["cases"]
    assert mine.get(f"/api/heat/grid/{max(everything)}").status_code == 403
    text = mine.get("/api/heat/export.csv", query_string=WINDOW).text
    assert len(text.splitlines()) == len(here) + 1
    shapes = mine.get("/api/heat/export.geojson", query_string=WINDOW).get_json()["features"]
    assert [one["properties"]["grid_code"] for one in shapes] == sorted(here)
    other = signed_in(app, "other_leader").get("/api/heat/grids")
    assert other.status_code == 422
    assert "no grid of your area" in other.get_json()["error"]["message"]


# ---------------------------------------------------------------- files
def test_files_hold_every_grid_and_are_safe_to_open(leader, cases):
    answer = leader.get("/api/heat/export.csv", query_string=WINDOW)
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert sum(int(row["cases"]) for row in rows) == len(asked(cases, *WINDOW.values()))
    assert "heat_2026-05-01_2026-06-15.csv" in answer.headers["Content-Disposition"]
    told = json.loads(leader.get("/api/heat/export.geojson", query_string=WINDOW).data)
    assert [one["properties"]["grid_code"] for one in told["features"]] == [row["grid_code"] for row in rows]
    assert told["about"]["from"] == "2026-05-01"


def test_a_table_speaks_the_language_that_is_asked_for(leader):
    def table(**lang):
        text = leader.get("/api/heat/export.csv", query_string=WINDOW | lang).data.decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text)))

    plain, chinese = table(), table(lang="zh")
    assert "not significant" in {row["verdict"] for row in plain}
    assert [list(row) for row in chinese] == [list(row) for row in plain]
    said = {"verdict": {"hot": "热点", "cold": "冷点", "not significant": "不显著", "not enough data": "数据不足"},
            "trend": {"rising": "上升", "falling": "下降", "none": "无趋势", "not enough data": "数据不足"},
            "rate_unit": {"cases per 1,000 households per 30 days": "件/千户·30 天"}}  # fmt: skip
    for row, other in zip(plain, chinese, strict=True):
        assert {name: other[name] for name in said} == {name: words[row[name]] for name, words in said.items()}
        assert all(row[name] == other[name] for name in row if name not in {*said, "pattern"})
        assert row["pattern"] == other["pattern"] == "" or not other["pattern"].isascii()


def test_cells_that_a_spreadsheet_would_reckon_are_guarded(app):
    with app.test_request_context():
        ground = app.extensions["heat"].ground("", (1,))
    found = jobs.heat_statistics(ground, jobs.HeatQuestion(ground.pyramid.first_day, ground.pyramid.last_day))
    risky = jobs.HeatFound(found.question, found.grids.assign(name="=1+1"), *list(vars(found).values())[2:])
    assert ",'=1+1," in jobs.heat_export(ground, risky, kind="csv", about={})


# ---------------------------------------------------------------- tiles
def middle(leader, z=14):
    west, south, east, north = got(leader, "/api/heat/choices")["bounds"]
    lon, lat = (west + east) / 2, np.radians((south + north) / 2)
    n = 2**z
    return f"/tiles/heat/{z}/{int((lon + 180) / 360 * n)}/{int((1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * n)}.png"


def test_a_tile_is_a_picture_that_a_browser_keeps(leader):
    path = middle(leader)
    answer = leader.get(path, query_string=WINDOW)
    assert answer.data[:8] == b"\x89PNG\r\n\x1a\n"
    assert answer.mimetype == "image/png"
    assert len(answer.data) > 400
    again = leader.get(path, query_string=WINDOW, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert leader.get(path, query_string={**WINDOW, "item": "S03"}).headers["ETag"] != answer.headers["ETag"]
    assert leader.get(path, query_string={**WINDOW, "top": "5"}).data != answer.data
    assert leader.get("/tiles/heat/3/9/0.png").status_code == 422
    assert leader.get(path, query_string={"top": "nan"}).status_code == 422


def test_new_cases_change_the_tag_of_tiles_and_the_counts(tmp_path):
    told, cases = heat_city(tmp_path, number=500)
    client = signed_in(webmap.create_app(told), "leader")
    path = middle(client)
    before, tile = got(client, "/api/heat/grids")["cases"], client.get(path)
    more_cases(told, cases[cases["day"] > "2026-06-01"], "again")
    assert got(client, "/api/heat/grids")["cases"] > before
    answer = client.get(path, headers={"If-None-Match": tile.headers["ETag"]})
    assert answer.status_code == 200
    assert answer.data != tile.data


def test_without_counted_cases_it_says_how_to_begin(tmp_path):
    client = signed_in(webmap.create_app(make_city(tmp_path)), "leader")
    for path in ("/api/heat/choices", "/tiles/heat/3/1/1.png"):
        answer = client.get(path)
        assert answer.status_code == 422
        assert "gridgis count" in answer.get_json()["error"]["message"]
