"""Every page, state by state, held to WCAG 2.2 AA by axe-core; and the keyboard reaches everything on it."""

from __future__ import annotations

import browser
import keyboard
import pytest
from city import served
from walks import WALKS, whole_city

import webmap

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
DESK, PHONE = {"viewport": {"width": 1400, "height": 850}}, {"viewport": {"width": 390, "height": 844}}
TOUCHED = {**PHONE, "has_touch": True, "is_mobile": True}
SCREENS = [
    pytest.param("zh", DESK, id="zh-desk"),
    pytest.param("en", TOUCHED, id="en-phone"),
    pytest.param("en", DESK, id="en-desk", marks=pytest.mark.slow),
    pytest.param("zh", TOUCHED, id="zh-phone", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    app = webmap.create_app(whole_city(tmp_path_factory.mktemp("city")))
    browser.needs_scripts(app)
    with served(app) as address:
        yield address


def against_wcag(page):
    """Where axe-core finds a page as it stands to break a rule."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, options={"runOnly": {"type": "tag", "values": list(TAGS)}}).response["violations"]
    return [f"{one['id']}: {node['target']} {node['html'][:160]}" for one in found for node in one["nodes"]]


@browser.needs_chromium
@pytest.mark.parametrize(("language", "screen"), SCREENS)
@pytest.mark.parametrize("name", WALKS)
def test_axe_and_the_keyboard_find_nothing_wrong(window, site, name, language, screen):
    found: dict[str, list[str]] = {}
    with browser.opened(window, f"{site}/sign-in?lang={language}", **screen) as (page, heard):
        for state in WALKS[name](page, site, language):
            faults = against_wcag(page) + keyboard.faults(page)
            if faults:
                found[state] = faults
    assert found == {}
    assert heard.outside(site) == []
