"""What lies under the maps: our own streets on every page, the switch, and another map where one is named."""

from __future__ import annotations

import io
from dataclasses import replace
from threading import Thread

import browser
import pytest
import werkzeug.serving
from city import PLAN, client_of, served, sign_in
from heat_city import heat_city
from PIL import Image
from towns import build

import webmap
from gridgis.errors import InputRefused
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
    browser.needs_scripts(app)
    with served(app) as address:
        yield address


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


# ---------------------------------------------------------------- another map
KEY = "abc/secret 0123"


@pytest.fixture
def tiles():
    """A server of pictures on another port, and what it was asked."""
    asked = []

    def answer(environ, start):
        asked.append(f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}")
        start("200 OK", [("Content-Type", "image/png"), ("Access-Control-Allow-Origin", "*")])
        return [PICTURE]

    server = werkzeug.serving.make_server("127.0.0.1", 0, answer, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def picture():
    made = io.BytesIO()
    Image.new("RGB", (256, 256), (120, 160, 90)).save(made, "PNG")
    return made.getvalue()


PICTURE = picture()


@browser.needs_chromium
def test_another_map_is_asked_for_where_the_settings_name_it_and_only_when_chosen(window, told, tiles, tmp_path, capfd):
    (tmp_path / "key").write_text(f"{KEY}\n", encoding="utf-8")
    host, asked = tiles
    layers = tuple(f"{host}/{name}/{{z}}/{{x}}/{{y}}?tk={{key}}" for name in ("land", "names"))
    more = {"base_key_file": str(tmp_path / "key"), "base_attribution": "© Elsewhere", "base_max_zoom": 15}
    app = webmap.create_app(replace(told, base_tiles=layers, **more))
    with (
        served(app) as site,
        browser.opened(window, f"{site}/public", viewport={"width": 1000, "height": 640}) as opened,
    ):
        page, heard = opened
        script = open_page(page, site, "planner")
        until(page, seen(script, "base-streets"))
        assert (asked, heard.outside(site)) == ([], [])
        page.click(".base-button")
        page.get_by_text(page_texts("zh")["base"]["picture"], exact=True).click()
        until(page, f"{script}.getLayer('base-picture-1') && {script}.areTilesLoaded() && {script}.loaded()")
        assert {one.split("/")[1] for one in asked} == {"land", "names"}
        assert all(one.endswith("?tk=abc%2Fsecret%200123") for one in asked)
        assert page.evaluate(f"{script}.getPaintProperty('grids', 'fill-opacity')") < 0.7
        order = page.evaluate(f"{script}.getStyle().layers.map(({{ id }}) => id)")
        assert order.index("base-picture-0") < order.index("base-picture-1") < order.index("grids")
        assert "© Elsewhere" in page.inner_text(".maplibregl-ctrl-attrib")
        page.evaluate(f"{script}.jumpTo({{ center: {script}.getCenter(), zoom: 18 }})")
        page.wait_for_timeout(500)
        assert {int(one.split("/")[2]) for one in asked} <= set(range(16))
        assert heard.complaints == []
    said = capfd.readouterr()
    assert "secret" not in said.out + said.err
    assert '"endpoint"' in said.out + said.err


def test_the_policy_names_the_hosts_of_the_settings_and_no_others(told):
    policy = lambda one: client_of(webmap.create_app(one)).get("/public").headers["Content-Security-Policy"]  # noqa: E731
    assert "http" not in policy(told)
    tiles = ("https://t{0-2}.tiles.example/vec/{z}/{x}/{y}?tk={key}", "http://10.0.0.8:8080/{z}/{x}/{y}.png")
    with_tiles = policy(replace(told, base_tiles=tiles, base_key=KEY))
    hosts = " ".join([*(f"https://t{k}.tiles.example" for k in range(3)), "http://10.0.0.8:8080"])
    assert f"img-src 'self' data: blob: {hosts};" in with_tiles
    assert f"connect-src 'self' blob: {hosts};" in with_tiles
    assert "script-src 'self';" in with_tiles
    assert KEY not in with_tiles + repr(replace(told, base_key=KEY))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"base_tiles": ("https://x.example/{z}/{x}",)}, "lacks {y}"),
        ({"base_tiles": ("javascript:alert(1)//{z}/{x}/{y}",)}, "no address of a host"),
        ({"base_tiles": ("https://x.example; script-src */{z}/{x}/{y}",)}, "no address of a host"),
        ({"base_tiles": ("https://u:secret@x.example/{z}/{x}/{y}",)}, "no address of a host"),
        ({"base_tiles": ("https://x.example/{z}/{x}/{y}?tk={key}",)}, "there is none"),
        ({"base_tiles": ("https://x.example/{z}/{x}/{y}?tk={key}",), "base_key_file": "/nowhere"}, "No such file"),
        ({"base_tiles": ("https://x.example/{z}/{x}/{y}",), "base_tile_px": 300}, "is 300"),
        ({"base_tiles": ("https://x.example/{z}/{x}/{y}",), "base_max_zoom": 99}, "is 99"),
    ],
)
def test_addresses_that_are_none_and_keys_that_are_not_there_are_refused(told, more, said):
    with pytest.raises(InputRefused) as refused:
        webmap.create_app(replace(told, **more))
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_key_comes_from_the_environment_and_never_from_the_file_of_settings(tmp_path):
    file = tmp_path / "server.toml"
    file.write_text('store = "x.db"\nbase_tiles = ["https://x.example/{z}/{x}/{y}?tk={key}"]\n', encoding="utf-8")
    told = webmap.read_settings(file, environment={"GRIDGIS_BASE_KEY": KEY})
    assert told.base_key == KEY
    file.write_text(f'base_key = "{KEY}"\n', encoding="utf-8")
    with pytest.raises(InputRefused, match="is a secret") as refused:
        webmap.read_settings(file, environment={})
    assert "abc" not in str(refused.value)
