"""The heat page in a browser: layers, window, list, comparison, files; the wall; a phone; without WebGL."""

from __future__ import annotations

import re

import pytest
from browser import chromium, needs_chromium, opened, parted_px
from city import served, sign_in
from heat_city import heat_city

import webmap


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    told, _ = heat_city(tmp_path_factory.mktemp("heat"))
    with served(webmap.create_app(told)) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


IN_THE_STRIP = "document.querySelector('.said span').innerText.split(' ')[0]"
"""The cases of the days that are shown, as the strip counts them."""


ALL_OF_THE_BAR = """() => {
  const bar = document.querySelector(".bar"), at = bar.getBoundingClientRect();
  const cut = [...bar.querySelectorAll("a")].filter((one) => {
    const box = one.getBoundingClientRect();
    return !box.width || box.left < 0 || box.right > innerWidth || box.bottom > at.bottom;
  });
  const scrolls = bar.scrollWidth > bar.clientWidth || bar.scrollHeight > bar.clientHeight;
  return [...cut.map((one) => one.textContent), ...(scrolls ? ["scrolls"] : [])];
}"""
"""What of the bar a phone cannot reach."""


def painted(page, layer="fill"):
    """How many colours grids have on the map."""
    return page.evaluate(
        """(layer) => new Set(heat.pane.map.queryRenderedFeatures({layers: [layer]})
        .map(({properties}) => properties.colour)).size""",
        layer,
    )


@needs_chromium
def test_a_leader_finds_where_when_and_who(site, browser):
    screen = {"viewport": {"width": 1400, "height": 850}, "locale": "zh-CN"}
    with opened(browser, f"{site}/sign-in", **screen) as (page, heard):
        sign_in(page, site, "leader", onward="/heat")
        page.wait_for_selector("body.drawn")
        assert page.locator(".layers :checked").input_value() == "density"
        page.wait_for_function("() => heat.pane.map.areTilesLoaded()")
        assert any("/tiles/heat/" in url and "top=" in url for url in heard.asked)
        for key, layer in (("2", "grids"), ("3", "significance"), ("4", "trend")):
            page.keyboard.press(key)
            assert page.locator(".layers :checked").input_value() == layer
            page.wait_for_function("() => heat.pane.map.areTilesLoaded()")
            assert f"layer={layer}" in page.url
        page.keyboard.press("2")
        page.wait_for_function("() => heat.pane.map.isSourceLoaded('grids')")
        page.wait_for_timeout(300)
        assert painted(page) >= 3
        first = page.locator(".rank").first
        cases = int(first.locator(".rank-cases").inner_text())
        assert re.search(r"\d 件/千户·30 天", first.inner_text())
        first.click()
        page.wait_for_selector(".spark")
        assert re.search(r"\d 件/千户·30 天", page.locator("#work-body .facts").inner_text())
        assert int(page.locator(".figure b").inner_text()) == cases
        assert "undefined" not in page.locator("#work-body").inner_text()
        assert re.search(r"grid=\d{15}", page.url)
        page.keyboard.press("Escape")
        assert page.locator(".rank").count() > 3
        before = page.locator(".said b").inner_text()
        page.keyboard.press("ArrowLeft")
        assert page.locator(".said b").inner_text() != before
        assert page.locator("#ask-from").input_value() in page.url
        page.select_option("#ask-compare", "before")
        page.wait_for_selector("main.twice")
        page.wait_for_function("() => heat.behind && heat.behind.map.isSourceLoaded('grids')")
        assert page.evaluate("getComputedStyle(document.querySelector('#after canvas')).clipPath").startswith("inset")
        assert [round(abs(parted_px(page, at))) for at in (80, 50, 20)] == [0, 0, 0]
        for kind, begin in (("png", b"\x89PNG"), ("csv", b"\xef\xbb\xbfgrid_code,"), ("geojson", b'{"type":"Feat')):
            page.evaluate("document.querySelector('.takes').open = true")
            with page.expect_download() as waited:
                page.click(f"#take-{kind}")
            with open(waited.value.path(), "rb") as file:
                assert file.read(16)[: len(begin)] == begin
        url = page.url
        page.goto("about:blank")
        page.goto(url)
        page.wait_for_selector("main.twice")
        assert page.locator(".layers :checked").input_value() == "grids"
        assert heard.complaints == []
        assert heard.outside(site) == []


@needs_chromium
def test_the_window_plays_until_it_is_stopped(site, browser):
    with opened(browser, f"{site}/sign-in", locale="en-GB", reduced_motion="no-preference") as (page, heard):
        sign_in(page, site, "leader", onward="/heat")
        page.wait_for_selector("body.drawn")
        page.keyboard.press("Space")
        shown = page.locator(".said b")
        one = shown.inner_text()
        page.wait_for_function("(one) => document.querySelector('.said b').innerText !== one", arg=one)
        assert page.locator(".play").get_attribute("aria-pressed") == "true"
        page.wait_for_selector(".of-before")
        listed = page.evaluate("[heat.answer.question.from, heat.window[0]]")
        assert listed[0] != listed[1]
        assert page.evaluate("document.querySelector('.total b').innerText") == page.evaluate(IN_THE_STRIP)
        assert page.evaluate("getComputedStyle(document.querySelector('.ranks')).opacity") == "0.5"
        page.keyboard.press("Space")
        page.wait_for_function("() => !document.querySelector('.of-before')")
        assert page.evaluate("heat.answer.question.from === heat.window[0]")
        assert page.evaluate("getComputedStyle(document.querySelector('.ranks')).opacity") == "1"
        assert page.evaluate("document.querySelector('.total b').innerText") == page.evaluate(IN_THE_STRIP)
        assert page.locator(".play").get_attribute("aria-pressed") == "false"
        still = shown.inner_text()
        page.wait_for_timeout(1_200)
        assert shown.inner_text() == still
        assert heard.complaints == []


@needs_chromium
def test_days_before_the_first_are_told_not_shown_as_days_without_cases(site, browser):
    with opened(browser, f"{site}/sign-in", locale="en-GB") as (page, heard):
        sign_in(page, site, "leader", onward="/heat")
        page.wait_for_selector("body.drawn")
        assert page.locator("#begins").inner_text() == ""
        page.select_option("#ask-compare", "year")
        assert "counted from Jan 5, 2026" in page.locator("#begins").inner_text()
        page.wait_for_function("() => heat.state.compare === 'year' && !document.querySelector('#status').innerText")
        assert page.locator("main.twice").count() == 0
        assert not page.locator("#swipe").is_visible()
        page.select_option("#ask-compare", "before")
        page.wait_for_selector("main.twice")
        assert "only these days are compared" in page.locator("#begins").inner_text()
        assert page.locator("#side-before").inner_text().startswith("Jan 5, 2026")
        assert any("compare_from=2026-01-05" in url for url in heard.asked)
        assert heard.complaints == []


@needs_chromium
def test_who_wants_no_motion_takes_one_step_at_a_time(site, browser):
    with opened(browser, f"{site}/sign-in", locale="en-GB") as (page, _):
        sign_in(page, site, "leader", onward="/heat")
        page.wait_for_selector("body.drawn")
        page.keyboard.press("Space")
        one = page.locator(".said b").inner_text()
        page.wait_for_timeout(1_500)
        assert page.locator(".said b").inner_text() == one


@needs_chromium
def test_a_phone_has_the_list_as_a_sheet(site, browser):
    phone = {"viewport": {"width": 390, "height": 844}, "locale": "en-GB", "has_touch": True, "is_mobile": True}
    with opened(browser, f"{site}/sign-in", **phone) as (page, heard):
        sign_in(page, site, "leader", onward="/heat")
        page.wait_for_selector("body.drawn")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate(ALL_OF_THE_BAR) == []
        assert not page.locator(".layers kbd").first.is_visible()
        assert page.locator(".layers").bounding_box()["width"] <= 390
        page.tap("#work-grip")
        page.locator(".rank").first.tap()
        page.wait_for_selector(".spark")
        page.tap("#work-grip")
        page.tap("#asked-line")
        page.select_option("#ask-item", "S02")
        page.wait_for_function("() => heat.answer.question.items[0] === 'S02'")
        assert heard.complaints == []


@needs_chromium
def test_the_wall_goes_round_by_itself(site, browser):
    with opened(browser, f"{site}/sign-in", viewport={"width": 1920, "height": 1080}, locale="zh-CN") as (page, heard):
        page.clock.install()
        sign_in(page, site, "leader", onward="/heat/wall")
        page.clock.run_for(3_000)
        page.wait_for_selector("body.drawn")
        whole = page.locator(".board h2").inner_text()
        asked = len([url for url in heard.asked if "/api/heat/choices" in url])
        page.clock.run_for(13_000)
        assert page.locator(".board h2").inner_text() != whole
        page.clock.run_for(60_000)
        assert len([url for url in heard.asked if "/api/heat/choices" in url]) > asked
        assert not page.locator("#work").is_visible()
        assert heard.complaints == []


@needs_chromium
def test_without_webgl_the_list_and_the_files_are_there(site, browser):
    with opened(browser, f"{site}/sign-in", locale="en-GB") as (page, _):
        page.add_init_script(
            """const was = HTMLCanvasElement.prototype.getContext;
            HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
              return kind.startsWith("webgl") ? null : was.call(this, kind, ...more);
            };"""
        )
        sign_in(page, site, "leader", onward="/heat")
        page.wait_for_selector("body.no-maps")
        page.wait_for_selector(".rank")
        page.locator(".rank").first.click()
        page.wait_for_selector(".spark")
