"""A headless Chromium for tests that look at pages, and what it heard while it looked."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for path in map(shutil.which, NAMES) if path), None)
ARGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
WAIT_MS = 60_000
PICTURES = "GRIDGIS_PICTURES"
"""The folder, by the environment, in which each page that a test opens leaves how it looked at last."""
FAILED = Path("out") / "failed"
"""Where a page leaves how it looked when its test failed."""


def needs_chromium(test: Any) -> Any:
    """Mark a test that looks at a page."""
    skip = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install it by tests/system-packages")
    return pytest.mark.browser(skip(test))


def needs_scripts(app: Any, name: str = "planner") -> None:
    """Skip what looks at a page whose scripts are not built."""
    if not (Path(app.static_folder) / "dist" / f"{name}.js").exists():
        pytest.skip("the scripts of the pages are not built: npm ci && npm run build")


@dataclass
class Heard:
    """Addresses asked for, and messages of the console that are complaints."""

    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def listen(self, page: Any) -> None:
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self.note)

    def note(self, message: Any) -> None:
        # how fast the software that stands in for a graphics card reads pixels is no matter of the page
        if message.type in ("error", "warning") and "GL Driver Message" not in message.text:
            self.complaints.append(message.text)

    def outside(self, home: str) -> list[str]:
        return [url for url in self.asked if not url.startswith((home, "data:", "blob:"))]


@contextmanager
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, url: str, **context: Any) -> Iterator[tuple[Any, Heard]]:
    """A page in a context of its own, and what it asks for and complains of."""
    made = browser.new_context(**{"viewport": {"width": 1000, "height": 640}, "reduced_motion": "reduce", **context})
    made.set_default_timeout(WAIT_MS)
    page, heard = made.new_page(), Heard()
    heard.listen(page)
    page.goto(url)
    folder = Path(os.environ[PICTURES]) if PICTURES in os.environ else None
    try:
        yield page, heard
    except BaseException:
        folder = FAILED
        raise
    finally:
        if folder is not None:
            with contextlib.suppress(Exception):  # of a page that is gone there is no picture
                page.screenshot(path=_picture(folder))
        made.close()


def _picture(folder: Path) -> Path:
    """A new name, by the test that runs."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "page").split(" ")[0].split("/")[-1]
    name = re.sub(r"[^\w.-]+", "_", test.replace(".py", ""))
    return next(path for k in range(1, 1000) if not (path := folder / f"{name}_{k}.png").exists())


def parted_px(page: Any, at: int) -> float:
    """Put the line between two maps at hundredths of the width; how far the middle of its handle is from it then."""
    page.locator("#swipe").fill(str(at))
    found: float = page.evaluate(
        """() => {
          const maps = document.querySelector(".maps"), box = document.querySelector("#swipe").getBoundingClientRect();
          const line = maps.getBoundingClientRect().left + parseFloat(getComputedStyle(maps, "::after").left);
          const onHandle = (x) => document.elementFromPoint(x, box.top + box.height / 2)?.id === "swipe";
          const hits = Array.from({ length: 121 }, (_, k) => line - 30 + k / 2).filter(onHandle);
          return (hits[0] + hits.at(-1)) / 2 - line;
        }"""
    )
    return found
