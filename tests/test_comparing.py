"""Two plans side by side: their numbers, which grids differ, and which borders one has alone."""

from __future__ import annotations

import browser
import pytest
import shapely
from city import SMALL, make_city, served, sign_in, signed_in
from test_planner_page import until
from test_review_page import moved_atom

from gridgis import jobs
from gridgis.difference import borders_apart, difference
from gridgis.jobs import adjust
from gridgis.publish.measured import measured
from webmap.language import page_texts


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A city with a draft (2) in which a grid gave an atom away, and two others are one."""
    made = make_city(tmp_path_factory.mktemp("city"), plan=SMALL, roles=("planner", "submitter", "reviewer"))
    moved_atom(made.store)
    merged(made.store)
    return made


def merged(store):
    division = jobs.version(store, 2)
    for first, second in zip(division.borders["first_code"], division.borders["second_code"], strict=True):
        if second and first[:12] == second[:12] == division.zones["zone_code"].iloc[-1]:
            try:
                return adjust.merge(store, 2, [first, second], by="planner")
            except Exception:
                continue
    raise AssertionError("no two grids can be merged")


@pytest.fixture(scope="module")
def planner(app):
    return signed_in(app, "planner")


# ------------------------------------------------------------------ numbers
def test_numbers_are_those_of_the_grids(told, planner):
    found = planner.get("/api/compare?one=1&other=2").json
    for side, number in (("one", 1), ("other", 2)):
        grids = jobs.version(told.store, number).grids
        one = found[side]["numbers"]
        homes = grids.set_index("grid_code")["households"]
        assert one["grids"] == len(grids)
        assert one["households"] == homes.sum()
        assert (one["largest"], homes[one["largest_code"]]) == (homes.max(), homes.max())
        assert (one["smallest"], homes[one["smallest_code"]]) == (homes[homes > 0].min(), homes[homes > 0].min())
        assert one["in_range"] + one["below"] + one["above"] == len(grids)
        assert one["one_part"] == (grids.geometry.geom_type == "Polygon").sum()
        assert one["compactness"] == pytest.approx(
            (4 * 3.141592653589793 * grids["area_m2"] / grids["perimeter_m"] ** 2).mean(), abs=1e-4
        )
    assert found["one"]["in_force"]
    assert not found["other"]["in_force"]
    assert found["other"]["numbers"]["grids"] == found["one"]["numbers"]["grids"] - 1
    assert found["other"]["numbers"]["households_in_range"] < found["one"]["numbers"]["households_in_range"]


def test_a_plan_without_grids_has_no_largest(told):
    division = jobs.version(told.store, 1)
    bare = measured(type(division)(**{**vars(division), "grids": division.grids.iloc[:0]}))
    assert (bare.grids, bare.largest, bare.smallest_code, bare.compactness, bare.border_on_road) == (
        0, None, None, None, None,
    )  # fmt: skip


# ------------------------------------------------------------------ what differs
def test_households_that_move_are_those_of_atoms_with_another_grid(told, planner):
    was, now = (jobs.version(told.store, number).atoms.set_index("atom_id") for number in (1, 2))
    assert set(was.index) == set(now.index)
    moved = was["households"][was["grid_code"] != now["grid_code"].reindex(was.index)].sum()
    there = planner.get("/api/compare?one=1&other=2").json
    back = planner.get("/api/compare?one=2&other=1").json
    assert there["moved_households"] == back["moved_households"] == moved > 0
    assert {row["change"] for row in there["changes"]} >= {"merged", "border_moved"}
    assert len(planner.get("/api/compare/land?one=1&other=2").json["features"]) == len(there["changes"])


def test_borders_of_one_alone_are_where_the_other_has_none(told):
    was, now = (jobs.version(told.store, number) for number in (1, 2))
    apart = borders_apart(was, now, difference(was, now)).set_index("side").geometry
    lines = {"old": was, "new": now}
    every = {side: shapely.union_all(shapely.boundary(one.grids.geometry.to_numpy())) for side, one in lines.items()}
    for side, other in (("old", "new"), ("new", "old")):
        mine = apart[side]
        assert mine.length > 1
        assert shapely.difference(mine, every[side].buffer(0.01)).length < 0.01
        assert mine.intersection(every[other].buffer(0.05)).length < 0.5
        missing = shapely.difference(every[side], every[other].buffer(0.2))
        assert shapely.difference(missing, mine.buffer(0.3)).length < 0.5
    assert apart["old"].length > apart["new"].length  # two grids became one
    assert len(borders_apart(was, was, difference(was, was))) == 0


def test_the_page_gets_the_borders_by_side(planner):
    found = planner.get("/api/compare/borders?one=1&other=2").json
    assert [one["properties"]["side"] for one in found["features"]] == ["old", "new"]
    same = planner.get("/api/compare/borders?one=1&other=1").json
    assert same["features"] == []


def test_an_edit_changes_what_is_told(told, planner):
    before = planner.get("/api/compare?one=1&other=2").json
    jobs.undo(told.store, 2, by="planner")
    try:
        now = planner.get("/api/compare?one=1&other=2").json
        assert now["other"]["numbers"]["grids"] == before["other"]["numbers"]["grids"] + 1
        assert planner.get("/api/compare?one=2&other=1").json["moved_households"] == now["moved_households"]
    finally:
        jobs.redo(told.store, 2, by="planner")
    assert planner.get("/api/compare?one=1&other=2").json == before


def test_what_cannot_be_compared_is_refused(app, planner):
    for query in ("", "?one=1", "?one=1&other=x", "?one=1&other=99", "?one=-1&other=2"):
        assert planner.get(f"/api/compare{query}").status_code == 422, query
    assert signed_in(app, "other_planner").get("/api/compare?one=1&other=2").status_code == 403


# ------------------------------------------------------------------ the page
@pytest.fixture(scope="module")
def site(app):
    with served(app) as address:
        yield address


@browser.needs_chromium
@pytest.mark.parametrize(
    ("language", "size"), [("zh", {"width": 1400, "height": 850}), ("en", {"width": 390, "height": 844})]
)
def test_two_plans_are_picked_and_looked_at(site, language, size):
    texts = page_texts(language)
    with (
        browser.chromium() as window,
        browser.opened(window, f"{site}/sign-in", viewport=size, has_touch=size["width"] < 760) as (page, heard),
    ):
        sign_in(page, site, "planner", onward=f"/%3Fversion=2%26lang={language}")
        page.wait_for_selector("body.drawn")
        page.keyboard.press("d")
        page.wait_for_url("**/compare?**")
        page.wait_for_selector("body.drawn")
        assert "one=1&other=2" in page.url
        shown = page.inner_text("#work-body")
        assert texts["compare_rows"]["compactness"] in shown
        found = page.evaluate("compare.found")
        assert page.locator(".change").count() == len(found["changes"])
        assert str(found["moved_households"]) in page.inner_text(".moved-sum").replace(",", "")
        assert page.locator(".numbers .differs").count() >= 3
        page.keyboard.press("j")
        until(page, "compare.maps && compare.at === 0")
        assert page.locator('.change[aria-current="true"]').count() == 1
        for side, dashed in (("old", False), ("new", True)):
            assert page.evaluate(f"Boolean(compare.maps.dash('{side}'))") is dashed
        page.keyboard.press("x")
        until(page, "compare.found && compare.state.one === 2 && document.querySelector('.moved-sum')")
        assert "one=2&other=1" in page.url
        page.select_option("#pick-other", "2")
        assert texts["compare"]["same"] in page.inner_text("#no-map")
        page.reload()
        page.wait_for_selector("body.drawn")
        assert "one=2&other=1" in page.url
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert heard.complaints == []
    assert heard.outside(site) == []
