"""The public page: my grid by address, position and code; what it tells and what it keeps to itself."""

from __future__ import annotations

import re
from dataclasses import replace

import browser
import pytest
import shapely
from city import PLAN, client_of, make_city, served
from drafts import town

from gridgis import jobs
from gridgis.publish.texts import LANGUAGES
from webmap import public
from webmap.language import page_texts
from webmap.limits import Limit

PRIVATE = ("households", "persons", "identity", "note")


@pytest.fixture(scope="module")
def division():
    return town(PLAN)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("city")
    frame = town(PLAN)
    at = frame.grids.head(1).to_crs("EPSG:4326").geometry.iloc[0].representative_point()
    source = folder / "addresses.csv"
    row = f"示范区人民路9号,示范大厦,地点,{at.x:.7f},{at.y:.7f}"
    source.write_text(f"address,name,kind,lon,lat\n{row}\n", encoding="utf-8")
    made = make_city(folder)
    jobs.build_gazetteer({"addresses": str(source)}, folder / "names.db", crs=frame.zones.crs.to_string())
    return replace(made, gazetteer=str(folder / "names.db"), link="https://grid.example")


@pytest.fixture
def client(app):
    return client_of(app)


def middle(division, row=0):
    return division.grids.to_crs("EPSG:4326").geometry.iloc[row].representative_point()


def test_a_position_an_address_and_a_code_tell_the_same_grid(client, division):
    code, at = division.grids["grid_code"].iloc[0], middle(division)
    asked = ({"lon": at.x, "lat": at.y}, {"address": "人民路9号"}, {"code": code}, {"code": f"{code}01"})
    for query in asked:
        found = client.get("/api/public/grid", query_string=query)
        assert found.status_code == 200, found.text
        assert found.json["grid_code"] == code, query
        assert set(found.json["sides"]) == {"east", "south", "west", "north"}
        assert found.json["hotline"] == "12345"
        west, south, east, north = found.json["bounds"]
        assert shapely.box(west, south, east, north).contains(at)


def test_close_to_a_border_the_neighbours_are_told(client, division):
    grids = division.grids.to_crs("EPSG:4326")
    shared = shapely.intersection(grids.geometry.iloc[0], grids.geometry.iloc[1])
    at = shapely.line_interpolate_point(shapely.line_merge(shared), 0.5, normalized=True)
    found = client.get("/api/public/grid", query_string={"lon": at.x, "lat": at.y, "accuracy_m": 20}).json
    codes = {found["grid_code"], *(one["code"] for one in found["others"])}
    assert set(grids["grid_code"].iloc[:2]) <= codes


def test_nothing_private_is_told(client, division):
    code = division.grids["grid_code"].iloc[0]
    for path in (f"/api/public/grid?code={code}", f"/public?code={code}"):
        text = re.sub(r"<script.*?</script>", "", client.get(path).text, flags=re.DOTALL)
        assert not [word for word in PRIVATE if word in text], path


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"lon": 2, "lat": 2}, 404), ({"address": "没有这个地方"}, 404), ({"code": "9" * 15}, 404),
        ({}, 422), ({"lon": 2}, 422), ({"lon": 200, "lat": 1}, 422), ({"lon": "x", "lat": 1}, 422),
        ({"address": "x" * 201}, 422),
    ],
)  # fmt: skip
def test_what_is_nowhere_and_what_cannot_be_are_told_apart(client, query, status):
    answer = client.get("/api/public/grid", query_string=query)
    assert answer.status_code == status, answer.text
    assert set(answer.json["error"]) == {"code", "message", "details"}
    assert answer.json["error"]["message"]


def test_look_ups_are_counted_and_codes_are_not(client, division, monkeypatch):
    monkeypatch.setattr(public, "LOOK_UPS", Limit(count=2, seconds=60))
    asked = [client.get("/api/public/grid?lon=2&lat=2").status_code for _ in range(3)]
    assert asked == [404, 404, 429]
    page = client.get("/public?q=somewhere")
    assert page.status_code == 429
    assert page_texts("en")["public"]["often"].partition("{")[0] in page.text
    assert client.get(f"/api/public/grid?code={division.grids['grid_code'].iloc[0]}").status_code == 200


def test_the_code_to_scan_leads_to_the_page(client, division):
    code = division.grids["grid_code"].iloc[0]
    answer = client.get(f"/public/{code}/qr.svg")
    assert answer.mimetype == "image/svg+xml"
    assert "style=" not in answer.text
    with client.application.test_request_context():
        assert public._link(code) == f"https://grid.example/public?code={code}"
    assert client.get(f"/public/{'9' * 15}/qr.svg").status_code == 404


def test_the_sheet_is_a_pdf(client, division):
    code = division.grids["grid_code"].iloc[0]
    answer = client.get(f"/public/{code}/sheet.pdf?paper=A4")
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF")
    assert client.get(f"/public/{code}/sheet.pdf?paper=A9").status_code == 422
    assert client.get("/public/1/sheet.pdf").status_code == 404


def test_what_is_typed_is_no_markup(client):
    assert "<b>x" not in client.get("/public", query_string={"q": "<b>x"}).text


# ---------------------------------------------------------------- in a browser
SCREENS = {"zh": {"width": 1400, "height": 850}, "en": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def site(app):
    browser.needs_scripts(app, "public")
    with served(app) as address:
        yield address


@browser.needs_chromium
@pytest.mark.parametrize("language", LANGUAGES)
def test_somebody_finds_his_grid(window, site, division, language):
    code, at = division.grids["grid_code"].iloc[0], middle(division)
    screen = {"viewport": SCREENS[language], "geolocation": {"longitude": at.x, "latitude": at.y, "accuracy": 1}}
    with browser.opened(window, f"{site}/public?lang={language}", permissions=["geolocation"], **screen) as (
        page,
        heard,
    ):
        page.wait_for_selector("body.drawn")
        page.fill("#q", "人民路9号")
        page.press("#q", "Enter")
        page.wait_for_selector("body.drawn .answer, .answer")
        assert code in page.inner_text(".answer code").replace(" ", "")
        page.wait_for_selector("body.drawn")
        page.wait_for_function("publicMap.queryRenderedFeatures({layers: ['mine']}).length > 0")
        page.goto(f"{site}/public?lang={language}")
        page.click("#here")
        page.wait_for_url(f"**/public?*code={code}*")
        assert "lon" not in page.url
        page.wait_for_selector("body.drawn")
        assert page.evaluate("document.documentElement.scrollWidth") <= SCREENS[language]["width"]
        assert page.evaluate("document.querySelector('.print img').complete")
    assert heard.outside(site) == []
    assert heard.complaints == []


@browser.needs_chromium
def test_without_scripts_the_form_still_answers(window, site, division):
    code = division.grids["grid_code"].iloc[0]
    with browser.opened(window, f"{site}/public?lang=en", java_script_enabled=False) as (page, _):
        page.fill("#q", code)
        page.click("button.main")
        assert code in page.inner_text(".answer code").replace(" ", "")
