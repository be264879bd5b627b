"""What lies under the maps: our own streets on every page, the switch, and another map where one is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import browser
import pytest
from city import PLAN, client_of, served, sign_in
from heat_city import heat_city
from towns import build

import webmap
from webmap.language import page_texts

PAGES = {
    "planner": ("planner", "/", "planner.view.map", "grids"),
    "review": ("reviewer", "/review#version=1", "review.maps.map", "grids"),
    "dispatch": ("dispatcher", "/dispatch", "dispatch.map.map", "borders"),
    "heat": ("leader", "/heat", "heat.pane.map", "fill"),
    "wall": ("leader", "/heat/wall", "heat.pane.map", "fill"),
    "public": ("", "/public", "publicMap", "grids"),
}
"""Of each page who opens it, its address, its map, and the first layer above the base."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("city")
    made, _ = heat_city(folder, number=300)
    frames = build(PLAN).frames
    streets = frames["streets"].assign(name="人民路", road_class="primary")
    streets.to_file(folder / "town.gpkg", layer="streets")
    frames["buildings"].to_file(folder / "town.gpkg", layer="buildings")
    files = {name: f"{folder / 'town.gpkg'}:{name}" for name in ("streets", "buildings")}
    return replace(made, **files, own_attribution="© Made up")


@pytest.fixture(scope="module")
def site(told):
    app = webmap.create_app(told)
    if not (Path(app.static_folder) / "dist" / "planner.js").exists():
        pytest.skip("the scripts of the page are not built: npm ci && npm run build")
    with served(app) as address:
        yield address


@pytest.fixture(scope="module")
def window():
    if browser.CHROMIUM is None:
        pytest.skip("no Chromium: install it by tests/system-packages")
    with browser.chromium() as found:
        yield found


def open_page(page, site, name):
    """Open a page in Chinese; give the JavaScript of its map, once that is whole."""
    who, path, script, _ = PAGES[name]
    address = path.replace("#", "?lang=zh#") if "#" in path else f"{path}?lang=zh"
    if who:
        onward = address.replace("?", "%3F").replace("#", "%23")
        sign_in(page, site, who, onward=onward)
    else:
        page.goto(site + address)
    page.wait_for_selector("body.drawn")
    return script


def until(page, true):
    for _ in range(400):
        if page.evaluate(true):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {true}")


def seen(script, layer):
    return f"{script}.getLayer('{layer}') && {script}.queryRenderedFeatures({{ layers: ['{layer}'] }}).length > 0"


@browser.needs_chromium
@pytest.mark.parametrize("name", PAGES)
def test_our_own_streets_lie_under_every_map_and_their_names_above(window, site, name):
    with browser.opened(window, f"{site}/public", viewport={"width": 1400, "height": 850}) as (page, heard):
        script = open_page(page, site, name)
        for layer in ("base-streets", "base-names", "base-land"):
            until(page, seen(script, layer))
        order = page.evaluate(f"{script}.getStyle().layers.map(({{ id }}) => id)")
        above = PAGES[name][3]
        assert order.index("base-land") < order.index("base-buildings") < order.index("base-streets")
        assert order.index("base-streets") < order.index(above) < order.index("base-names")
        page.evaluate(f"{script}.jumpTo({{ center: {script}.getCenter(), zoom: 16 }})")
        until(page, seen(script, "base-buildings"))
        if name != "wall":
            assert "© Made up" in page.inner_text(".maplibregl-ctrl-attrib")
    assert heard.complaints == []
    assert heard.outside(site) == []


@browser.needs_chromium
def test_the_base_is_chosen_by_button_or_key_and_stays_so_on_the_next_page(window, site):
    texts = page_texts("zh")["base"]
    with browser.opened(window, f"{site}/public", viewport={"width": 1400, "height": 850}) as (page, heard):
        script = open_page(page, site, "planner")
        until(page, seen(script, "base-streets"))
        assert page.evaluate(f"{script}.getPaintProperty('grids', 'fill-opacity')") != 1
        page.click(".base-button")
        assert page.locator(".base-choices label").all_inner_texts() == [texts["own"], texts["none"]]
        page.get_by_text(texts["none"], exact=True).click()
        until(page, f"!({seen(script, 'base-streets')})")
        assert page.evaluate(f"{script}.getPaintProperty('grids', 'fill-opacity')") == 1
        page.keyboard.press("Escape")
        assert page.locator(".base-choices").is_hidden()
        before = len(heard.asked)
        script = open_page(page, site, "public")
        page.wait_for_timeout(500)
        assert page.evaluate(f"{script}.getLayer('base-streets') === undefined")
        assert not any("/tiles/base" in url for url in heard.asked[before:])
        page.keyboard.press("g")
        until(page, seen(script, "base-streets"))
        page.click(".base-button")
        assert page.locator(".base-choices :checked").input_value() == "own"
    assert heard.complaints == []


def test_without_files_of_the_city_there_is_no_map_of_our_own(told):
    bare = replace(told, streets="", buildings="", water="")
    page = client_of(webmap.create_app(bare)).get("/public").text
    assert '"own": false' in page
    assert '"own": true' in client_of(webmap.create_app(told)).get("/public").text
