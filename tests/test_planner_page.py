"""The planner page in a browser: brush, preview, apply, undo; split by form; two people at once; a phone."""

from __future__ import annotations

import json

import browser
import pytest
from city import SMALL, begin_runner, end_runner, make_city, served, sign_in, signed_in
from test_planner_edits import across, edit

import webmap
from webmap.language import page_texts

pytestmark = pytest.mark.browser

GIVABLE = """async () => {
  const { draft, layers, zone, map } = planner.editor;
  const middle = ({ geometry }) => {
    const ring = geometry.coordinates[0], xs = ring.map(([x]) => x), ys = ring.map(([, y]) => y);
    return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
  };
  const box = map.getCanvas().getBoundingClientRect();
  for (const atom of zone.atoms.values()) {
    const { id, households } = atom.properties, at = map.project(middle(atom));
    if (!households || layers.atomsAt([at.x, at.y])[0] !== id) continue;
    for (const to of zone.grids.keys()) {
      if (to === atom.properties.grid) continue;
      const said = await draft.edit("give", { atoms: [id], to }, { dry: true });
      const before = zone.grids.get(to).properties.households;
      if (!said.refused) return { id, to, households, before, x: at.x + box.x, y: at.y + box.y };
    }
  }
}"""
"""An atom that can be seen and given, the grid that may have it, and where it is on the screen."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"), plan=SMALL, roles=("planner", "submitter", "reviewer"))


@pytest.fixture
def runner(told):
    """What does the background work beside a server; it is begun by a call."""
    begun = []
    yield lambda: begun.append(begin_runner(told))
    for process in begun:
        end_runner(process)


@pytest.fixture(scope="module")
def site(told):
    app = webmap.create_app(told)
    browser.needs_scripts(app)
    with served(app) as address:
        yield address


def until(page, true, *, n=400):
    """Wait until something holds on a page; its policy lets nothing but the page's own scripts wait there."""
    for _ in range(n):
        if page.evaluate(true):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {true}")


def open_draft(page, site, name, language="zh"):
    """Sign in, open the draft and its first zone, and wait for the map."""
    sign_in(page, site, name, onward=f"/%3Fversion=2%26lang={language}%23zone=420102001001")
    page.wait_for_selector("body.drawn")
    until(page, "planner.editor.zone && planner.editor.map.loaded()")
    page.wait_for_timeout(100)


def last(page):
    return page.evaluate("planner.editor.draft.seen")


def settled(page):
    until(page, "!planner.editor.busy && planner.editor.shownMs.length")
    until(page, "planner.editor.map ? planner.editor.map.loaded() : true")


def test_an_atom_is_brushed_seen_applied_and_taken_back(window, site):
    texts = page_texts("zh")
    with browser.opened(window, f"{site}/sign-in", viewport={"width": 1400, "height": 850}) as (page, heard):
        open_draft(page, site, "planner")
        page.keyboard.press("a")
        page.wait_for_timeout(300)  # the map gives room to the form
        until(page, "planner.editor.map.loaded()")
        found, number = page.evaluate(GIVABLE), last(page)
        page.select_option("#edit select[name=to]", found["to"])
        page.mouse.move(found["x"], found["y"])
        page.mouse.down()
        page.mouse.move(found["x"] + 1, found["y"])
        page.mouse.up()
        row = page.locator("#edit .preview li", has_text=found["to"][12:]).first
        assert f"{found['before']} → {found['before'] + found['households']}" in row.inner_text()
        until(page, "planner.editor.state.sure")
        assert str(found["households"]) in page.inner_text("#edit .sure")
        page.locator("#map canvas").focus()
        page.keyboard.press("Enter")
        until(page, f"planner.editor.draft.edits.length === {number + 1}")
        settled(page)
        assert last(page) == number + 1
        assert page.evaluate(f"planner.grids.get('{found['to']}').properties.households") == (
            found["before"] + found["households"]
        )
        assert texts["actions"]["give"] in page.locator(".ribbon-edit").last.inner_text()
        page.keyboard.press("Control+z")
        until(page, f"planner.editor.draft.edits.length === {number + 2}")
        settled(page)
        assert page.evaluate(f"planner.grids.get('{found['to']}').properties.households") == found["before"]
        assert texts["edit"]["taken_back"] in page.locator(".ribbon-edit").last.inner_text()
        assert page.evaluate("(id) => planner.editor.draft.atom(id).grid", found["id"]) != found["to"]
    assert heard.complaints == []
    assert heard.outside(site) == []


def test_a_grid_is_split_by_the_form_alone(window, site):
    with browser.opened(window, f"{site}/sign-in", viewport={"width": 1000, "height": 640}) as (page, heard):
        open_draft(page, site, "planner", "en")
        grid = page.evaluate(
            "planner.gridsOf(planner.state.zone).reduce((one, two) => (one.area_m2 > two.area_m2 ? one : two)).code"
        )
        box = page.evaluate(
            f"(() => {{ const all = planner.editor.zone.grids.get('{grid}').geometry.coordinates.flat(3);"
            "const xs = all.filter((_, k) => k % 2 === 0), ys = all.filter((_, k) => k % 2);"
            "return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)]; })()"
        )
        y, count = (box[1] + box[3]) / 2, page.evaluate("planner.gridsOf(planner.state.zone).length")
        page.keyboard.press("s")
        page.select_option("#edit select[name=code]", grid)
        page.fill("#edit textarea[name=line]", "no line")
        page.locator("#edit textarea[name=line]").blur()
        assert page_texts("en")["edit"]["no_line"] in page.inner_text("#edit")
        page.fill("#edit textarea[name=line]", f"{box[0] - 1e-4} {y}, {box[2] + 1e-4} {y}")
        page.locator("#edit textarea[name=line]").blur()
        until(page, "planner.editor.state.sure")
        assert page.locator("#edit .preview li").count() >= 2
        page.click("#edit button.main")
        until(page, f"planner.gridsOf(planner.state.zone).length > {count}")
        settled(page)
        page.click("[data-turn=undo]")
        until(page, f"planner.gridsOf(planner.state.zone).length === {count}")
    assert heard.complaints == []


MERGED = """async () => {
  const { draft, zone } = planner.editor;
  for (const { properties: { first, second, level } } of zone.borders.values()) {
    if (level !== "grid") continue;
    try { await draft.edit("merge", { codes: [first, second] }); } catch { continue; }
    await planner.editor.catchUp();
    return [first, second];
  }
}"""
"""Two grids made one, which is out of range: the zone can be divided better."""


def test_a_zone_is_divided_anew_while_the_page_is_left_and_come_back_to(window, site, runner):
    texts = page_texts("zh")
    with browser.opened(window, f"{site}/sign-in", viewport={"width": 1400, "height": 850}) as (page, heard):
        open_draft(page, site, "planner")
        assert page.evaluate(MERGED)
        number, grids = last(page), page.evaluate("planner.gridsOf(planner.state.zone).length")
        page.keyboard.press("r")
        page.keyboard.press("Enter")
        until(page, "planner.editor.redivision.works")
        assert texts["tasks"]["waits"] in page.inner_text("#edit .task")
        assert "&task=" in page.url
        page.keyboard.press("v")
        assert texts["tools"]["redivide"] in page.inner_text(".ribbon-task")
        page.goto(page.url.split("&task=")[0].replace("version=2", "version=2&from=elsewhere"))  # without its number
        page.wait_for_selector(".ribbon-task")
        page.click(".ribbon-task")
        assert texts["redivide"]["leave"] in page.inner_text("#edit")
        runner()
        until(page, "!planner.editor.redivision.works", n=2400)
        assert last(page) == number + 1
        assert page.evaluate("planner.gridsOf(planner.state.zone).length") > grids
        shown = page.inner_text("#edit")
        assert f"{number + 1}" in shown
        assert page.locator("#edit .why li").count() >= 1
        assert page.locator("#edit .preview li").count() >= 2
        moved = page.evaluate("planner.editor.redivision.moved")
        assert moved
        lit = page.evaluate(
            "(ids) => ids.filter((id) => planner.editor.map.getFeatureState({ source: 'atoms', id }).picked)", moved
        )
        assert lit == moved
        page.reload()
        page.wait_for_selector("#edit .why")
        until(page, "planner.editor.map?.loaded()")
        assert page.locator("#edit .preview li").count() >= 2
        page.click("#edit [data-task=undo]")
        until(page, f"planner.editor.draft.edits.length === {number + 2} && !planner.editor.busy")
        assert page.evaluate("planner.gridsOf(planner.state.zone).length") == grids
        assert str(number + 1) in page.inner_text("#edit .good")
        page.click("#edit [data-task=again]")
        assert "task=" not in page.url
        page.evaluate("planner.editor.turn('undo')")
        until(page, "!planner.editor.draft.mine.done.length && !planner.editor.busy")
    assert heard.complaints == []


def test_a_re_division_is_cancelled_by_a_key(window, site):
    with browser.opened(window, f"{site}/sign-in", viewport={"width": 390, "height": 844}, has_touch=True) as (
        page,
        heard,
    ):
        open_draft(page, site, "planner", "en")
        page.evaluate("planner.editor.take('redivide')")
        page.click("#edit button.main")
        until(page, "planner.editor.redivision.works")
        assert page.locator("#edit [data-task=cancel]").bounding_box()["y"] < 844
        page.keyboard.press("Backspace")
        until(page, "planner.editor.redivision.task.state === 'cancelled'")
        assert page_texts("en")["redivide"]["cancelled"] in page.inner_text("#edit")
    assert heard.complaints == []


DRAGGABLE = """async () => {
  const { draft, zone, map } = planner.editor, box = map.getCanvas().getBoundingClientRect();
  const seen = ({ x, y }) => x > 40 && y > 70 && x < box.width - 40 && y < box.height - 40;
  for (const border of zone.borders.values()) {
    const { first, second, level } = border.properties;
    if (level !== "grid" || border.geometry.type !== "LineString") continue;
    const line = border.geometry.coordinates, k = line.length >> 1;
    const at = map.project([(line[k - 1][0] + line[k][0]) / 2, (line[k - 1][1] + line[k][1]) / 2]);
    if (!seen(at) || planner.editor.borderAt(at) !== border) continue;
    const atoms = [...zone.atoms.values()].filter(({ properties: { grid } }) => grid === first || grid === second);
    const corners = atoms.flatMap(({ geometry }) => geometry.coordinates[0]).map((one) => map.project(one));
    for (const to of corners.filter(seen)) {
      planner.editor.grab({ point: at, preventDefault() {} });
      const { drag } = planner.editor, found = drag?.through(to);
      planner.editor.drag = null;
      if (!found || Math.hypot(to.x - at.x, to.y - at.y) < 15 || found.length === line.length) continue;
      const said = await draft.edit("move_border", { one: first, other: second, line: found }, { dry: true });
      const screen = { x: at.x + box.x, y: at.y + box.y, toX: to.x + box.x, toY: to.y + box.y };
      if (!said.refused && said.moved_households) return { first, second, ...screen, moved: said.moved_households };
    }
  }
}"""
"""A border that can be dragged somewhere, where it is on the screen and where it may go."""


SLID = """async () => {
  const { draft, zone, map } = planner.editor;
  for (const border of zone.borders.values()) {
    const { first, second, level } = border.properties;
    if (level !== "grid" || border.geometry.type !== "LineString") continue;
    const line = border.geometry.coordinates, at = map.project(line[0]);
    if (planner.editor.borderAt(at) !== border) continue;
    planner.editor.grab({ point: at, preventDefault() {} });
    const { drag } = planner.editor;
    planner.editor.drag = null;
    if (!drag) continue;
    for (const by of [-90, -60, 60, 90]) for (const [x, y] of [[by, 0], [0, by]]) {
      const found = drag.through({ x: at.x + x, y: at.y + y });
      if (!found || String(found[0]) === String(line[0])) continue;
      const said = await draft.edit("move_border", { one: first, other: second, line: found }, { dry: true });
      if (!said.refused) return { kept: String(found.at(-1)) === String(line.at(-1)), moved: said.moved_households };
    }
  }
}"""
"""The end of a border that is dragged along the outline of its two grids, while its other end stays."""


def test_a_border_is_dragged_and_both_neighbours_follow(window, site):
    with browser.opened(window, f"{site}/sign-in", viewport={"width": 1400, "height": 850}) as (page, heard):
        open_draft(page, site, "planner", "en")
        page.keyboard.press("e")
        page.wait_for_timeout(300)
        until(page, "planner.editor.map.loaded()")
        found, number = page.evaluate(DRAGGABLE), last(page)
        assert found
        pair = [found["first"], found["second"]]
        assert page.evaluate(SLID)["kept"]
        was = [page.evaluate(f"planner.grids.get('{code}').properties.households") for code in pair]
        atoms = page.evaluate("[...planner.editor.zone.atoms.keys()].sort()")
        page.mouse.move(found["x"], found["y"])
        assert page.evaluate("planner.editor.map.getCanvas().style.cursor") == "grab"
        center = page.evaluate("planner.editor.map.getCenter().toArray()")
        page.mouse.down()
        page.mouse.move((found["x"] + found["toX"]) / 2, (found["y"] + found["toY"]) / 2, steps=3)
        page.mouse.move(found["toX"], found["toY"], steps=3)
        page.mouse.up()
        until(page, "planner.editor.state.sure")
        assert page.evaluate("planner.editor.map.getCenter().toArray()") == center
        assert page.input_value("#edit select[name=one]") == found["first"]
        assert page.input_value("#edit select[name=other]") == found["second"]
        assert page.locator("#edit .preview li").count() == 2
        assert page.evaluate("planner.editor.wouldMove.length") > 0
        page.locator("#map canvas").focus()
        page.keyboard.press("Escape")  # the line goes as a whole
        assert page.input_value("#edit textarea[name=line]") == ""
        page.mouse.move(found["x"], found["y"])
        page.mouse.down()
        page.mouse.move(found["toX"], found["toY"], steps=3)
        page.mouse.up()
        until(page, "planner.editor.state.sure")
        page.keyboard.press("Enter")
        until(page, f"planner.editor.draft.edits.length === {number + 1} && !planner.editor.busy")
        assert page.evaluate("planner.editor.draft.edits.at(-1).action") == "move_border"
        now = [page.evaluate(f"planner.grids.get('{code}').properties.households") for code in pair]
        assert sum(now) == sum(was)
        assert abs(now[0] - was[0]) == found["moved"] > 0
        assert page.evaluate("[...planner.editor.zone.atoms.keys()].sort()") == atoms  # it cut none
        page.keyboard.press("Control+z")
        until(page, "!planner.editor.draft.mine.done.length && !planner.editor.busy")
        assert [page.evaluate(f"planner.grids.get('{code}').properties.households") for code in pair] == was
    assert heard.complaints == []


def test_of_two_people_the_second_is_told_and_loses_nothing(window, site):
    with (
        browser.opened(window, f"{site}/sign-in", viewport={"width": 1400, "height": 850}) as (one, _),
        browser.opened(window, f"{site}/sign-in", viewport={"width": 1400, "height": 850}) as (two, heard),
    ):
        open_draft(one, site, "planner", "en")
        open_draft(two, site, "submitter", "en")
        found = one.evaluate(GIVABLE)
        two.keyboard.press("n")
        two.select_option("#edit select[name=one]", found["to"])
        two.fill("#edit input[name=name]", "River bank")
        two.locator("#edit input[name=name]").blur()
        until(two, "planner.editor.state.sure")
        one.evaluate(f"planner.editor.draft.edit('give', {{ atoms: ['{found['id']}'], to: '{found['to']}' }})")
        two.click("#edit button.main")
        two.wait_for_selector("#edit .conflict")
        said = two.inner_text("#edit .conflict")
        assert "planner" in said
        assert page_texts("en")["actions"]["give"] in said
        assert two.input_value("#edit input[name=name]") == "River bank"
        two.click("#edit .conflict button")
        until(two, "planner.editor.state.sure")
        now = two.evaluate(f"planner.grids.get('{found['to']}').properties.households")
        assert now == found["before"] + found["households"]
        two.click("#edit button.main")
        until(two, f"planner.grids.get('{found['to']}').properties.name === 'River bank'")
        until(two, "!planner.editor.busy")
        assert two.locator(".ribbon-edit.others").count() >= 1
        two.evaluate("planner.editor.turn('undo')")
        until(two, "!planner.editor.draft.mine.done.length")
        one.evaluate("planner.editor.catchUp().then(() => planner.editor.turn('undo'))")
        until(one, "!planner.editor.draft.mine.done.length")
    assert [said for said in heard.complaints if "409" not in said] == []  # the browser notes the answer by itself


def test_a_phone_edits_by_sheets_in_english(window, site):
    size = {"width": 390, "height": 844}
    with browser.opened(window, f"{site}/sign-in", viewport=size, has_touch=True) as (page, heard):
        open_draft(page, site, "planner", "en")
        assert page.locator("#tools").bounding_box()["width"] <= size["width"]
        page.click("[data-tool=lock]")
        page.select_option("#edit select[name=one]", index=1)
        until(page, "planner.editor.state.sure")
        assert page.locator("#edit button.main").bounding_box()["y"] < size["height"]
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        page.click("#edit button.main")
        until(page, "planner.editor.zone.locks.grids.length === 1")
        until(page, "!planner.editor.busy")
        page.click("#edit .card-head button")
        page.click("[data-turn=undo]")
        until(page, "planner.editor.zone.locks.grids.length === 0")
    assert heard.complaints == []


def test_what_can_be_pressed_does_not_look_disabled(window, site):
    with browser.opened(window, f"{site}/sign-in", viewport={"width": 1400, "height": 850}) as (page, heard):
        sign_in(page, site, "planner", onward="/%3Flang=zh")
        page.wait_for_selector(".import-open")
        colours = page.evaluate(
            "[...document.querySelectorAll('.bar .second')].map((one) => getComputedStyle(one).color)"
        )
        assert len(colours) == 3
        assert set(colours) == {page.evaluate("getComputedStyle(document.body).color")}
    assert heard.complaints == []


def test_what_is_in_force_is_only_looked_at(window, site):
    with browser.opened(window, f"{site}/sign-in", viewport={"width": 1000, "height": 640}) as (page, heard):
        sign_in(page, site, "reviewer", onward="/%3Flang=en")
        page.wait_for_selector("body.drawn")
        assert page.locator("#tools").is_hidden()
        assert page.locator("#version option").count() >= 2
        assert page.locator(".begin").count() == 0
        page.select_option("#version", "2")
        page.wait_for_url("**version=2**")
        page.wait_for_selector("body.drawn")
        assert page.locator("#tools").is_hidden()
    assert heard.complaints == []


def test_a_draft_that_is_opened_again_tells_what_is_found_now(window, site, told):
    app = webmap.create_app(told)
    client = signed_in(app, "planner")
    mine = "planner.findings.filter(({ zone }) => zone === '420102001001')"
    found = f"{mine}.map(({{ rule, code }}) => `${{rule}} ${{code}}`).sort()"
    with browser.opened(window, f"{site}/sign-in", viewport={"width": 1400, "height": 850}) as (page, heard):
        open_draft(page, site, "planner")
        before = page.evaluate(found)
        code, line = across(client)
        assert edit(client, "split", code=code, line=line).status_code == 200
        content = client.get("/api/drafts/2/zones/420102001001/findings").json["features"]
        now = sorted(f"{one['properties']['rule']} {one['properties']['code']}" for one in content)
        assert now != before
        page.reload()
        page.wait_for_selector("body.drawn")
        until(page, f"JSON.stringify({found}) === {json.dumps(json.dumps(now, separators=(',', ':')))}")
        assert page.evaluate("planner.zones.get('420102001001').proof") == "none"
    assert client.post("/api/drafts/2/undo", json={}).status_code == 200
    assert heard.complaints == []
