"""Ways through the pages, state by state: each yields what stands on the screen, in the order of the work.

Each takes a page of a browser that is at `/sign-in`, the address of the server, and the language; a phone is a page
that is narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import shapely
from city import sign_in, signed_in
from heat_city import heat_city
from test_resolve_api import degrees, write_parties
from test_review_page import moved_atom

import webmap
from gridgis import jobs

Walk = Callable[[Any, str, str], Iterator[str]]
ZONE = "420102001001"


def whole_city(folder: Path) -> webmap.Settings:
    """A city with something on every page: cases counted and recorded, people, a draft (2), a version to review (3)."""
    told, _ = heat_city(folder)
    division = jobs.version(told.store, 1)
    write_parties(folder / "parties.xlsx", sorted(division.grids["grid_code"]))
    jobs.make_people_key(folder / "people.key")
    jobs.import_people(told.store, folder / "parties.xlsx", by="chief", key=folder / "people.key")
    jobs.import_duties(told.store, folder / "parties.xlsx", by="chief")
    moved_atom(told.store)
    jobs.submit(told.store, 2, actor="submitter", reasons={"": "as it lies"})
    jobs.draft(told.store, division, author="planner")
    made = replace(told, people_key=str(folder / "people.key"), link="https://grid.example")
    app = webmap.create_app(made)
    lon, lat = _inside(division)
    asked = {"lon": lon, "lat": lat, "item": "a hole", "source": "hotline", "description": "deep"}
    assert signed_in(app, "dispatcher").post("/api/cases", json=asked).status_code == 201
    code = str(division.grids["grid_code"].iloc[0])
    answer = signed_in(app, "city_reviewer").post("/api/reviews/2/comments", json={"code": code, "text": "why?"})
    assert answer.status_code == 200, answer.text
    return made


def _inside(division: Any, row: int = 0) -> tuple[float, float]:
    at = shapely.maximum_inscribed_circle(division.grids.geometry.iloc[row]).coords[0]
    return degrees(division.grids, *at)


def unfold(page: Any) -> None:
    """On a phone: pull up the sheet of the work."""
    if page.evaluate("document.body.classList.contains('work-folded')"):
        page.click("#work-grip")


def leave_field(page: Any) -> None:
    """Go out of what is typed into, so that keys are those of the page."""
    page.evaluate("document.activeElement.blur()")


def helped(page: Any) -> Iterator[str]:
    """The list of keys, opened and closed by keys."""
    leave_field(page)
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")
    yield "keys"
    page.keyboard.press("Escape")
    page.wait_for_selector("#help", state="hidden")


# ------------------------------------------------------------------ the pages
def signing_in(page: Any, site: str, language: str) -> Iterator[str]:
    page.goto(f"{site}/sign-in?lang={language}")
    yield "form"
    page.fill("input[name=name]", "leader")
    page.fill("input[name=password]", "wrong")
    page.click("button.main")
    page.wait_for_selector("[role=alert]")
    yield "refused"


def account(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "leader", onward=f"/account%3Flang={language}")
    page.wait_for_selector("#keys")
    yield "account"
    page.fill("#keys [name=label]", "gis")
    page.click("#keys > form button")
    page.wait_for_selector(".once")
    yield "a key is made"
    if page.locator("form[action$=begin]").count():
        page.click("form[action$=begin] button")
    page.wait_for_selector(".qr")
    yield "second factor"
    page.click("form[action$=end] button")


def plan(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "leader", onward=f"/%3Flang={language}")
    page.wait_for_selector("body.drawn")
    yield "map"
    unfold(page)
    yield "zones"
    unfold(page)
    page.click(".zone >> nth=0")
    page.wait_for_selector(".grid")
    yield "a zone"
    unfold(page)
    page.click(".grid >> nth=0")
    page.wait_for_selector("#detail h2")
    yield "a grid"
    yield from helped(page)


def bring(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "planner", onward=f"/%3Flang={language}")
    page.wait_for_selector("body.drawn")
    leave_field(page)
    page.keyboard.press("i")
    page.wait_for_selector("#import-file", state="attached")
    yield "no file"
    page.set_input_files("#import-file", {"name": "a.vrt", "mimeType": "text/xml", "buffer": b"<a/>"})
    page.wait_for_selector("#import .batch-fault:not(:empty)")
    yield "refused"
    features = b'{"type": "FeatureCollection", "features": []}'
    page.set_input_files("#import-file", {"name": "a.geojson", "mimeType": "text/json", "buffer": features})
    page.wait_for_selector("#import-cancel")
    yield "waits for its turn"


def edit(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "planner", onward=f"/%3Fversion=3%26lang={language}%23zone={ZONE}")
    page.wait_for_selector("body.drawn")
    page.wait_for_selector("#tools [data-tool]")
    yield "draft"
    for key in "asemxnrtcw":
        leave_field(page)
        page.keyboard.press(key)
        page.wait_for_selector("#edit form, #edit .card-head")
        yield f"tool {key}"
    leave_field(page)
    page.keyboard.press("x")
    page.select_option("#edit select[name=one]", index=1)
    page.wait_for_selector("#edit .preview, #edit button.main:enabled")
    yield "seen before it is done"
    leave_field(page)
    page.keyboard.press("r")
    page.click("#edit button.main")
    page.wait_for_selector("#edit .task")
    yield "divided anew in the background"
    page.click("#edit [data-task=cancel]")
    page.wait_for_selector("#edit [data-task=again]")
    yield "cancelled"


def review(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "city_reviewer", onward=f"/review%3Flang={language}")
    page.wait_for_selector("body.drawn")
    page.wait_for_selector(".change")
    yield "a version"
    page.click(".change >> nth=0")
    yield "a change"
    page.click(".decide-return button", force=True)
    yield "what is lacking"
    if page.locator(".to-queue").is_visible():
        page.click(".to-queue")
        page.wait_for_selector("#detail", state="hidden")
        yield "the queue on a phone"


def compare(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "city_reviewer", onward=f"/compare%3Flang={language}%23one=1%26other=2")
    page.wait_for_selector("body.drawn")
    page.wait_for_selector(".change")
    yield "two plans"
    unfold(page)
    page.click(".change >> nth=0")
    yield "a difference"
    yield from helped(page)
    unfold(page)
    page.select_option("#pick-other", page.input_value("#pick-one"))
    yield "the same twice"


def sheet(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "city_reviewer", onward=f"/review/2/sheet%3Flang={language}")
    page.wait_for_selector("table")
    yield "sheet"


def dispatch(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "dispatcher", onward=f"/dispatch%3Flang={language}")
    page.wait_for_selector("body.drawn")
    unfold(page)
    page.wait_for_selector(".case")
    page.click("#said summary")
    yield "box"
    lon, lat = page.evaluate("(({ _sw, _ne }) => [(_sw.lng + _ne.lng) / 2, (_sw.lat + _ne.lat) / 2])"
                             "(window.dispatch.map.map.getBounds())")  # fmt: skip
    unfold(page)
    page.fill("#item", "a hole")
    page.fill("#box", f"{lon:.7f}, {lat:.7f}")
    page.press("#box", "Enter")
    page.wait_for_selector("#detail h2")
    yield "answer"
    leave_field(page)
    page.keyboard.press("Escape")
    page.wait_for_selector("#detail", state="hidden")
    unfold(page)
    page.click(".case >> nth=0")
    page.wait_for_selector(".actions .main")
    yield "case"
    page.click(".actions .main")
    yield "a step of it"
    yield from helped(page)


def batch(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "dispatcher", onward=f"/dispatch%3Flang={language}")
    page.wait_for_selector("body.drawn")
    leave_field(page)
    page.keyboard.press("m")
    page.wait_for_selector("#batch-file")
    yield "no file"
    text = b"id,lon,lat,item\nA-1,114.3,30.5,a hole\n"
    page.set_input_files("#batch-file", {"name": "a.csv", "mimeType": "text/csv", "buffer": text})
    page.wait_for_selector("#batch-try:enabled")
    yield "columns"
    page.select_option("#batch-lat", "")
    yield "a column lacks"


def heat(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "leader", onward=f"/heat%3Flang={language}")
    page.wait_for_selector("body.drawn")
    yield "density"
    for key, layer in (("2", "grids"), ("3", "significance"), ("4", "trend")):
        leave_field(page)
        page.keyboard.press(key)
        page.wait_for_selector(f".layers input[value={layer}]:checked", state="attached")
        yield layer
    unfold(page)
    page.click(".rank >> nth=0")
    page.wait_for_selector(".spark")
    yield "a grid"
    page.evaluate("document.getElementById('asked-sheet').open = true")
    page.select_option("#ask-compare", "before")
    page.wait_for_function("() => heat.behind && heat.behind.map.loaded()")
    yield "two periods"
    yield from helped(page)


def wall(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "leader", onward=f"/heat/wall%3Flang={language}")
    page.wait_for_selector("body.drawn")
    yield "wall"


def public(page: Any, site: str, language: str) -> Iterator[str]:
    page.goto(f"{site}/public?lang={language}")
    page.wait_for_selector("body.drawn")
    yield "question"
    page.fill("#q", "nowhere at all")
    page.press("#q", "Enter")
    page.wait_for_selector("#said:not([hidden])")
    yield "no answer"
    page.goto(f"{site}/public?lang={language}&code={ZONE}001")
    page.wait_for_selector("body.drawn .answer")
    yield "a grid"


def administration(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "city_administrator", onward=f"/admin%3Flang={language}")
    for tab in ("users", "events", "readings", "audit", "webhooks"):
        page.goto(f"{site}/admin?lang={language}#show={tab}")
        page.wait_for_selector(f"body[data-shown={tab}]")
        yield tab


def interface(page: Any, site: str, language: str) -> Iterator[str]:
    sign_in(page, site, "leader", onward=f"/account%3Flang={language}")
    for path in ("", "collections", "collections/grids", "collections/grids/items"):
        page.goto(f"{site}/ogc/{path}?f=html")
        page.wait_for_selector("h1")
        yield path or "landing"


WALKS: dict[str, Walk] = {
    one.__name__: one
    for one in (
        signing_in, account, plan, bring, edit, review, compare, sheet, dispatch, batch, heat, wall, public,
        administration, interface,
    )
}  # fmt: skip
