from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import browser
import geopandas as gpd
import pytest
import shapely
from lattices import Lattice, build, told_borders
from werkzeug.serving import make_server

import gridgis
import webmap
from gridgis.layers import write_division
from gridgis.publish.texts import LANGUAGES
from webmap.content import contents
from webmap.language import page_texts

LAYERS = ("zones", "grids", "borders", "microgrids", "offenders")


@pytest.fixture(scope="module")
def division():
    """A lattice with a grid below the range, a gap and a neck in its first zone."""
    made, _, _ = build(Lattice(), seed=3)
    grids = made.grids.copy()
    grids.loc[0, ["households", "flags"]] = [120, "detached"]
    row = {"detail": "about 8 m", "clause": "SH 2"}
    rows = [
        {
            **row,
            "rule": "out_of_range",
            "severity": "finding",
            "code": grids["grid_code"][0],
            "geometry": grids.geometry[0],
        },
        {
            **row,
            "rule": "neck",
            "severity": "finding",
            "code": grids["grid_code"][1],
            "geometry": grids.geometry[1].centroid,
        },
        {
            **row,
            "rule": "gap",
            "severity": "hard",
            "code": grids["grid_code"][1],
            "geometry": grids.geometry[1].centroid.buffer(4),
        },
        {**row, "rule": "zone_set", "severity": "hard", "code": "", "geometry": shapely.Point()},
    ]
    named = made.zones.assign(name=["</script>甲社区", *made.zones["name"][1:]])
    return replace(told_borders(made), grids=grids, zones=named, offenders=gpd.GeoDataFrame(rows, crs=grids.crs))


@pytest.fixture(scope="module")
def app(division, tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "兴江区.gpkg"
    write_division(division, path)
    return webmap.create_app(webmap.Settings(division=str(path)))


@pytest.fixture
def client(app):
    return app.test_client()


# ------------------------------------------------------------------ answers


def test_health_and_readiness(client):
    assert client.get("/healthz").json == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert re.fullmatch(r"[0-9a-f]{32}", ready.json["data"])


def test_summary_counts_what_is_there(client, division):
    found = client.get("/api/division").json
    counts = found["counts"]
    assert counts["zones"] == len(division.zones)
    assert counts["grids"] == len(division.grids) == counts["in_range"] + counts["below"]
    assert (counts["below"], counts["hard"], counts["finding"]) == (1, 2, 2)
    first, *others = found["zones"]
    assert (first["state"], first["hard"], first["finding"], first["out_of_range"]) == ("hard", 1, 2, 1)
    assert {zone["state"] for zone in others} == {"ready"}
    assert found["ranges"] == {"community": {"min": 300, "target": 400, "max": 500}}


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_are_geojson(client, layer):
    found = client.get(f"/api/division/{layer}")
    assert found.mimetype == "application/geo+json"
    assert found.json["type"] == "FeatureCollection"
    assert found.json["features"]


def test_offenders_have_a_sign_or_the_hatching_of_their_grid(client):
    found = [feature["properties"] for feature in client.get("/api/division/offenders").json["features"]]
    assert [("at" in one, one["sign"]) for one in found] == [(False, False), (True, True), (True, True), (False, False)]


def test_a_division_without_grids_has_contents(division):
    bare = replace(division, **{n: getattr(division, n).iloc[:0] for n in ("grids", "microgrids", "offenders")})
    found = json.loads(contents(bare)["division"])
    assert {zone["state"] for zone in found["zones"]} == {"none"}
    assert found["border_on_road"] is None


def test_etag_and_gzip(client):
    plain = client.get("/api/division/grids")
    zipped = client.get("/api/division/grids", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(zipped.data) == plain.data
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in zipped.headers["Vary"]
    again = client.get(
        "/api/division/grids", headers={"If-None-Match": zipped.headers["ETag"], "Accept-Encoding": "gzip"}
    )
    assert (again.status_code, again.data) == (304, b"")


def test_errors_have_one_shape(client):
    for answer, status in ((client.get("/api/division/none"), 404), (client.get("/x"), 404), (client.post("/"), 405)):
        assert answer.status_code == status
        assert set(answer.json["error"]) == {"code", "message", "details"}
        assert answer.json["error"]["message"]
    assert "GET" in client.post("/").headers["Allow"]


def test_a_mistake_of_the_server_tells_no_secret(monkeypatch):
    def broken(_path):
        raise RuntimeError("the password is 1234")

    monkeypatch.setattr("webmap.shelf._of_file", broken)
    answer = webmap.create_app(webmap.Settings(division="x.gpkg")).test_client().get("/api/division")
    assert answer.status_code == 500
    assert "1234" not in answer.text


def test_a_division_that_cannot_be_read_says_why(tmp_path):
    client = webmap.create_app(webmap.Settings(division=str(tmp_path / "none.gpkg"))).test_client()
    assert client.get("/").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 422
    assert answer.json["error"]["details"][0]["cure"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example"])
def test_other_hosts_are_refused(client, host):
    for path in ("/", "/api/division", "/static/mark.svg"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 400, path
        assert "grid_code" not in answer.text
    assert client.get("/healthz", headers={"Host": "localhost:8000"}).status_code == 200


def test_every_answer_is_guarded(client):
    for path in ("/", "/api/division", "/nowhere", "/static/mark.svg"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_language_of_the_page(client):
    title = {language: page_texts(language)["plan"]["title"] for language in LANGUAGES}
    page = lambda query="", **headers: client.get(f"/{query}", headers=headers).text  # noqa: E731
    assert f"{title['zh']} · gridgis" in page("?lang=zh")
    assert f"{title['zh']} · gridgis" in page(**{"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"})
    assert f"{title['en']} · gridgis" in page("?lang=en", **{"Accept-Language": "zh-CN"})
    assert f"{title['en']} · gridgis" in page(**{"Accept-Language": "zh-CN"})  # as was chosen last
    client.delete_cookie("gridgis_language")
    assert 'lang="en"' in page("?lang=xx")


def keys(texts, path=()):
    for key, value in texts.items():
        yield from keys(value, (*path, key)) if isinstance(value, dict) else [(*path, key)]


def test_page_catalogues_have_the_same_keys():
    assert list(keys(page_texts("en"))) == list(keys(page_texts("zh")))


@pytest.mark.parametrize("other_word", ["草案", "沿街界线", "沿街比例"])
def test_one_thing_has_one_word_in_chinese(other_word):
    folders = [Path(package.__file__).parent for package in (webmap, gridgis)]
    catalogues = [
        file for folder in folders for file in folder.rglob("*.toml") if "zh" in (file.stem, file.parent.name)
    ]
    assert len(catalogues) > 20
    assert [file.name for file in catalogues if other_word in file.read_text(encoding="utf-8")] == []


def test_the_server_starts_without_heavy_imports():
    code = (
        "import sys, webmap; app = webmap.create_app(webmap.Settings(division='x.gpkg'));"
        "assert app.test_client().get('/').status_code == 200;"
        "print([m for m in ('numba', 'matplotlib', 'folium', 'esda', 'libpysal', 'scipy.stats') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ------------------------------------------------------------------ the page in a browser


@pytest.fixture(scope="module")
def site(app):
    browser.needs_scripts(app)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def click_grid(page, x=0.4, y=0.6):
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)


@browser.needs_chromium
@pytest.mark.parametrize("language", LANGUAGES)
def test_page_draws_grids_and_tells_of_the_picked_one(window, site, language):
    texts = page_texts(language)
    with browser.opened(window, f"{site}/?lang={language}") as (page, heard):
        page.wait_for_selector("body.drawn")
        page.wait_for_function("window.planner.view.map.queryRenderedFeatures({layers: ['grids']}).length > 0")
        assert page.evaluate("window.planner.view.map.queryRenderedFeatures({layers: ['grids-hatched']}).length") > 0
        legend = page.inner_text("#legend")
        assert all(text in legend for text in (texts["bands"]["below"], *texts["strokes"].values()))
        assert page.evaluate("window.planner.view.map.queryRenderedFeatures({layers: ['borders-river']}).length") > 0
        click_grid(page)
        page.wait_for_selector("#detail h2")
        code = page.inner_text("#detail h2")
        assert re.fullmatch(r"\d{6} \d{3} \d{3} \d{3}", code)
        assert texts["fields"]["area_m2"] in page.inner_text("#detail")
        assert f"grid={code.replace(' ', '')}" in page.url
        assert page.get_attribute("html", "lang") == language
    assert heard.outside(site) == []
    assert heard.complaints == []


@browser.needs_chromium
def test_address_opens_the_same_again(window, site, division):
    code = division.grids["grid_code"][1]
    with browser.opened(window, f"{site}/?lang=zh#zone={code[:12]}&grid={code}") as (page, heard):
        page.wait_for_selector("body.drawn")
        assert page.inner_text("#detail h2").replace(" ", "") == code
        page.wait_for_function("!window.planner.view.map.isMoving() && location.hash.includes('map=')")
        at = page.url.partition("#")[2]
        page.click(".tongue[lang=en]")
        page.wait_for_selector("body.drawn")
        assert page.get_attribute("html", "lang") == "en"
        assert page.inner_text("#detail h2").replace(" ", "") == code
        assert set(page.url.partition("#")[2].split("&")) == set(at.split("&"))
    assert heard.complaints == []


@browser.needs_chromium
def test_everything_has_a_key(window, site):
    texts = page_texts("en")
    with browser.opened(window, f"{site}/?lang=en") as (page, heard):
        page.wait_for_selector("body.drawn")
        page.keyboard.press("j")
        assert "</script>甲社区" in page.inner_text("#work h2:not(.unseen)")
        page.keyboard.press("]")
        assert page.inner_text("#detail h2").endswith("001")
        page.keyboard.press("]")
        assert page.inner_text("#detail h2").endswith("002")
        page.click("#detail .finding >> nth=0")
        assert page.inner_text("#detail h2") == texts["rules"]["neck"]
        assert "finding=" in page.url
        page.keyboard.press("Escape")
        assert page.locator("#detail").is_hidden()
        page.keyboard.press("/")
        page.keyboard.type("no such zone")
        assert page.locator(".zones li").count() == 0
        assert texts["plan"]["show_all"] in page.inner_text("#work")
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        assert texts["keys"]["find"] in page.inner_text("#help")
    assert heard.complaints == []


@browser.needs_chromium
def test_phone_has_sheets_and_no_cut_text(window, site):
    size = {"width": 390, "height": 844}
    with browser.opened(window, f"{site}/?lang=en", viewport=size) as (page, heard):
        page.wait_for_selector("body.drawn")
        assert page.locator("#work").bounding_box()["height"] < 60
        page.click("#work-grip")
        assert page.locator("#work").bounding_box()["height"] > 200
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        page.click(".zone >> nth=0")
        page.click(".grid >> nth=0")
        assert page.locator("#detail").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert heard.complaints == []
