"""The dispatch page in a browser: a place is located, recorded, seen in the list, and goes its way."""

from __future__ import annotations

import json
import re

import browser
import pytest
from city import served, sign_in
from test_resolve_api import PHONE, division, inside, on_border, told

from webmap.language import page_texts

__all__ = ["division", "told"]

PHONE_SCREEN, DESK = {"width": 390, "height": 844}, {"width": 1400, "height": 850}


@pytest.fixture(scope="module")
def site(app):
    with served(app) as address:
        yield address


def opened(window, site, *, language: str, size, query: str = "", who: str = "dispatcher"):
    """The page of somebody who has signed in."""
    made = browser.opened(window, f"{site}/sign-in", viewport=size, locale=language)
    page, heard = made.__enter__()
    sign_in(page, site, who, onward=f"/dispatch?lang={language}%26{query}")
    page.wait_for_selector("body.drawn")
    return made, page, heard


@browser.needs_chromium
@pytest.mark.parametrize(("language", "size"), [("zh", DESK), ("en", PHONE_SCREEN)])
def test_a_case_is_located_recorded_and_settled(window, site, division, language, size):
    words, (code, lon, lat) = page_texts(language)["dispatch"], inside(division, row=5)
    made, page, heard = opened(window, site, language=language, size=size)
    try:
        if page.evaluate("document.body.classList.contains('work-folded')"):
            page.click("#work-grip")
        page.fill("#item", "a hole")
        page.fill("#box", f"{lon:.7f}, {lat:.7f}")
        page.press("#box", "Enter")
        page.wait_for_selector("#record")
        assert page.inner_text("#detail h2").replace(" ", "") == code
        told = page.inner_text("#detail")
        assert "Roads" in told
        assert PHONE in told
        page.wait_for_selector(f"#detail h3:has-text('{words['duplicates']}')")
        assert page.evaluate("document.activeElement.id") == "record"
        assert page.locator("#record").bounding_box()["height"] < 46  # one line
        assert page.locator("#record kbd").is_visible() == (size == DESK)
        page.keyboard.press("Enter")
        page.wait_for_selector("#detail", state="hidden")
        page.wait_for_selector(f"#status:has-text('{words['recorded'].split('{')[0].strip()}')")
        number = re.search("[0-9]{8}-[0-9]{6}", page.inner_text("#status"))[0]
        page.click(f".case[data-number='{number}']")
        page.wait_for_selector(".actions .main")
        page.click(".actions .main")
        page.get_by_role("button", name=words["settle"], exact=True).click()
        page.fill(".step textarea", "mended")
        page.click(".step .main")
        page.wait_for_selector(f"#detail .over:has-text('{page_texts(language)['dispatch_states']['closed']}')")
        assert f"case={number}" in page.url
        assert heard.outside(site) == []
        assert heard.complaints == []
    finally:
        made.__exit__(None, None, None)


@browser.needs_chromium
def test_where_it_is_not_sure_a_person_chooses_by_key(window, site, division):
    both, lon, lat = on_border(division)
    query = f"lon={lon:.7f}%26lat={lat:.7f}"
    made, page, heard = opened(window, site, language="en", size=DESK, query=query)
    try:
        page.wait_for_selector("#candidates")
        assert page.is_disabled("#record")
        codes = [text.replace(" ", "") for text in page.locator("#candidates code").all_inner_texts()]
        assert both <= set(codes)
        assert page.locator("#candidates").inner_text().count("Leader") == len(codes)
        page.keyboard.press("2")
        page.wait_for_selector("#record:enabled")
        assert page.inner_text("#detail h2").replace(" ", "") == codes[1]
        page.keyboard.press("Escape")
        page.wait_for_selector("#detail", state="hidden")
        assert "lon=" not in page.url
        page.keyboard.press("?")
        assert page_texts("en")["dispatch_keys"]["record"] in page.inner_text("#help")
        assert heard.complaints == []
    finally:
        made.__exit__(None, None, None)


@browser.needs_chromium
def test_the_page_does_its_job_without_a_map(window, site, division):
    """A click on the map is one way to say where; the box is the other, and needs no WebGL."""
    code, lon, lat = inside(division, row=6)
    context = window.new_context(viewport=DESK, locale="en")
    context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page = context.new_page()
    try:
        sign_in(page, site, "worker", onward=f"/dispatch?lang=en%26lon={lon:.7f}%26lat={lat:.7f}")
        page.wait_for_selector("#record:enabled")
        assert page_texts("en")["dispatch"]["no_webgl"] in page.inner_text("#map")
        assert page.inner_text("#detail h2").replace(" ", "") == code
    finally:
        context.close()


@browser.needs_chromium
def test_what_people_wrote_is_text_and_never_markup(window, site, app, division):
    from city import signed_in

    code, lon, lat = inside(division, row=7)
    client = signed_in(app, "dispatcher")
    evil = "<img src=x onerror=document.title='taken'>"
    asked = {"lon": lon, "lat": lat, "item": evil, "source": evil, "description": evil}
    number = client.post("/api/cases", json=asked).json["number"]
    assert client.post(f"/api/cases/{number}/hand", json={"lead": evil, "reason": evil}).status_code == 200
    made, page, heard = opened(window, site, language="en", size=DESK, query=f"case={number}")
    try:
        page.wait_for_selector(".actions")
        page.get_by_role("button", name=page_texts("en")["dispatch"]["see_caller"]).click()
        page.wait_for_selector("#detail dt:has-text('Description')")
        assert page.inner_text("#detail").count(evil) >= 3
        assert page.locator("#detail img").count() == 0
        assert page.title() != "taken"
        assert heard.complaints == []
        assert code in json.dumps(page.evaluate("window.dispatch.picked"))
    finally:
        made.__exit__(None, None, None)


def test_the_page_is_for_those_who_work_on_cases(app):
    from city import signed_in

    for who, status in (("dispatcher", 200), ("worker", 200), ("administrator", 200), ("planner", 403)):
        assert signed_in(app, who).get("/dispatch").status_code == status, who
