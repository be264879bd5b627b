"""The pages in a browser: what they weigh, how soon a big district can be worked on, edits, and moving over a city.

python tests/benchmarks/bench_pages.py [--full]      --full moves over 60,000 grids in force, else over 3,000

A real server of two workers, Chromium with WebGL in software, both on this machine. A draft of 3,000 grids and 60,000
atoms is opened by its address: from there until the map is drawn with all grids and the panel is there; atoms are given
from grid to grid, from the key to the frame that shows it. Over the division in force the public page is moved for
twenty seconds at three zooms; tasks of its main thread that are longer than 50 ms are told by the browser itself.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import browser
from bench_edits import filled
from city import PASSWORD, make_users

from gridgis import jobs

COPIES, FULL_COPIES = 38, 750
"""Of a town of 80 grids and 1,650 atoms: 3,040 grids, 62,700 atoms; 60,000 grids."""
PAGES = {"plan": "/", "review": "/review", "dispatch": "/dispatch", "heat": "/heat", "wall": "/heat/wall"}
OPENINGS, EDITS, MOVES_S = 7, 12, 20
SCREEN = {"width": 1400, "height": 850}
LANGUAGE = "zh-CN"
WATCH = """
window.seen = { long: [] };
const keep = (list) => seen.long.push(...list.getEntries().map(({ startTime, duration }) => [startTime, duration]));
new PerformanceObserver(keep).observe({ type: "longtask", buffered: true });
const watch = setInterval(() => {
  const map = window.planner?.view?.map;
  if (!seen.panel && document.querySelector(".zone")) seen.panel = performance.now();
  if (!map || !document.body.classList.contains("drawn") || !map.loaded() || !map.areTilesLoaded()) return;
  seen.map = performance.now();
  clearInterval(watch);
}, 10);
"""
LOADED = """() => [...new Set(performance.getEntriesByType("resource").map(({ name }) => name))]
  .filter((name) => name.includes("/static/"))"""
GIVABLE = """async () => {
  const { draft, zone } = planner.editor, beside = new Map();
  for (const { properties: { first, second } } of zone.borders.values())
    for (const [one, other] of [[first, second], [second, first]])
      if (zone.grids.has(one) && zone.grids.has(other)) beside.set(one, (beside.get(one) ?? new Set()).add(other));
  window.tried ??= new Set();
  for (const { properties: { id, grid, households } } of zone.atoms.values()) {
    if (!households || tried.has(id)) continue;
    tried.add(id);
    for (const to of beside.get(grid) ?? []) {
      if (!(await draft.edit("give", { atoms: [id], to }, { dry: true })).refused) return { id, to };
    }
  }
}"""
"""An atom of the open zone that was not given yet, and a grid beside it that may have it."""
MOVE = """async (seconds) => {
  const frame = () => new Promise(requestAnimationFrame), map = publicMap, began = performance.now();
  const [west, south, east, north] = map.getBounds().toArray().flat();
  seen.long = [];
  let frames = 0;
  for (const zoom of [12.5, 14, 15.5]) {
    map.jumpTo({ zoom, center: [west + (east - west) * 0.2, (south + north) / 2] });
    const until = performance.now() + (1000 * seconds) / 3;
    for (let k = 0; performance.now() < until; k += 1, frames += 1) {
      map.panBy([14, k % 120 < 60 ? 5 : -5], { duration: 0 });
      await frame();
    }
  }
  return { frames: frames / ((performance.now() - began) / 1000), long: seen.long.map(([, duration]) => duration) };
}"""


# ---------------------------------------------------------------- the server
def made(store: str, copies: int, *, in_force: bool) -> None:
    """Make a store with a draft, or with the same approved, and people who sign in."""
    if Path(store).exists():
        return
    filled(store, copies)
    district = jobs.find_version(store, 1).district
    roles = {"planner": "planner", "reviewer": "reviewer", "dispatcher": "dispatcher", "leader": "leader"}
    areas = {"reviewer": district[:4]}
    make_users(store, {name: (role, areas.get(name, district)) for name, role in roles.items()}, by="first")
    if not in_force:
        return
    found = jobs.check(jobs.version(store, 1))
    reasons = dict.fromkeys(sorted(set(found["rule"][found["severity"] != "hard"])), "as it lies")
    jobs.submit(store, 1, actor="draws", reasons=reasons)
    now = datetime.datetime.now(datetime.UTC).isoformat()
    jobs.approve(store, 1, actor="reviewer", effective_from=now, document="No. 1")


@contextlib.contextmanager
def serving(store: str) -> Iterator[str]:
    """A server of two workers; gives its address."""
    command = [sys.executable, "-c", "from gridgis.cli import main; main()", "serve", "--store", store, "--port", "0"]
    told = {**os.environ, "GRIDGIS_LOG": "false"}
    with subprocess.Popen([*command, "--workers", "2"], stdout=subprocess.PIPE, text=True, env=told) as server:
        try:
            assert server.stdout is not None
            site = next(line.split()[0].rstrip("/") for line in server.stdout if line.startswith("http"))
            for _ in range(200):
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{site}/healthz"):
                    break
                time.sleep(0.1)
            yield site
        finally:
            server.terminate()
            server.wait()


@contextlib.contextmanager
def looking(chromium: Any, site: str, name: str) -> Iterator[Any]:
    """A page of somebody who is signed in."""
    context = chromium.new_context(viewport=SCREEN, locale=LANGUAGE, reduced_motion="reduce")
    context.set_default_timeout(300_000)
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(f"{site}/sign-in?next=/public")
    if name:
        page.fill("input[name=name]", name)
        page.fill("input[name=password]", PASSWORD)
        page.click("button.main")
        page.wait_for_url("**/public**")
    try:
        yield page
    finally:
        context.close()


def until(page: Any, true: str) -> None:
    """Wait until something holds on a page."""
    while not page.evaluate(f"Boolean({true})"):
        page.wait_for_timeout(20)


# ---------------------------------------------------------------- what is measured
def weights(chromium: Any, site: str) -> dict[str, float]:
    """Kilobytes of scripts, styles, fonts and signs of each page, as they are sent."""
    who = {"plan": "planner", "review": "reviewer", "dispatch": "dispatcher", "heat": "leader", "wall": "leader"}
    found = {}
    for page_name, path in {**PAGES, "public": "/public"}.items():
        with looking(chromium, site, who.get(page_name, "")) as page:
            page.goto(site + path)
            page.wait_for_timeout(3_000)
            found[page_name] = sum(map(sent_bytes, page.evaluate(LOADED))) / 1e3
    return found


def sent_bytes(url: str) -> int:
    """Bytes of a file as a server sends it to a browser that has not got it yet."""
    asked = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked) as answer:
        return len(answer.read())


def openings(chromium: Any, site: str) -> list[dict[str, float]]:
    """Milliseconds until the panel and the map of a draft are there: of the first after a start, and of more."""
    found = []
    with looking(chromium, site, "planner") as page:
        for _ in range(OPENINGS):
            page.goto("about:blank")
            page.goto(f"{site}/?version=1")
            until(page, "seen.map")
            page.wait_for_timeout(500)
            seen = page.evaluate("seen")
            longest = max((duration for start, duration in seen["long"] if start < seen["map"]), default=0.0)
            found.append({"panel": seen["panel"], "map": seen["map"], "longest task": longest})
    return found


def edits(chromium: Any, site: str) -> list[float]:
    """Milliseconds from applying an edit until the map shows it."""
    with looking(chromium, site, "planner") as page:
        zone = "document.querySelector('.zone code').textContent.replaceAll(' ', '')"
        page.goto(f"{site}/?version=1")
        until(page, "seen.map")
        page.evaluate(f"planner.on.zone({zone})")
        until(page, "planner.editor.zone && planner.editor.map.loaded()")
        page.keyboard.press("a")
        for k in range(EDITS):
            page.wait_for_timeout(400)
            one = page.evaluate(GIVABLE)
            page.evaluate("({ to }) => planner.editor.fill({ to })", one)
            page.evaluate("({ id }) => planner.editor.fill({ atoms: [id] })", one)
            until(page, "planner.editor.state.sure")
            page.locator("#map canvas").focus()
            page.keyboard.press("Enter")
            until(page, f"planner.editor.shownMs.length > {k} && !planner.editor.busy")
        return list(page.evaluate("planner.editor.shownMs"))


def moving(chromium: Any, site: str) -> dict[str, Any]:
    """Frames a second and long tasks while the map of the public page moves; once its tiles are made."""
    for _ in range(600):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{site}/tiles/grids.json"):
            break
        time.sleep(2)
    with looking(chromium, site, "") as page:
        page.goto(f"{site}/public")
        page.wait_for_selector("body.drawn")
        until(page, "publicMap.loaded()")
        page.wait_for_timeout(1_000)
        return dict(page.evaluate(MOVE, MOVES_S))


# ---------------------------------------------------------------- tables
def row(*cells: object) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--full", action="store_true", help="move over 60,000 grids")
    options.add_argument("--folder", type=Path, help="where stores are kept: made where they are not there")
    given = options.parse_args()
    if browser.CHROMIUM is None:
        print("No Chromium: install it by tests/system-packages")
        return
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        district, city = folder / "district.db", folder / ("city.db" if given.full else "town.db")
        made(str(district), COPIES, in_force=False)
        made(str(city), FULL_COPIES if given.full else COPIES, in_force=True)
        chromium = stack.enter_context(browser.chromium())
        row("step", "asked", "median", "most", "load")
        print("|---" * 5 + "|")
        with serving(str(district)) as site:
            tell_openings(openings(chromium, site))
            tell("an edit is shown, ms", "< 200", edits(chromium, site))
        with serving(str(city)) as site:
            moved, grids = moving(chromium, site), "60,000" if given.full else "3,040"
            tell(f"moving over {grids} grids: tasks over 50 ms, ms", "< 200", moved["long"] or [0.0])
            tell(f"moving over {grids} grids: frames a second", "", [moved["frames"]])
            print("\n| page | kB of scripts, styles and fonts, gzipped (asked < 1,500) |\n|---|---|")
            for name, weight in weights(chromium, site).items():
                row(name, f"{weight:.0f}")


def tell_openings(opened: list[dict[str, float]]) -> None:
    """Print how soon a draft can be worked on."""
    for name, asked in (("panel", ""), ("map", "< 2,000"), ("longest task", "")):
        tell(f"first opening of a draft, never shown before: {name}, ms", "", [opened[0][name]])
        tell(f"draft of 3,040 grids, 62,700 atoms: {name}, ms", asked, [one[name] for one in opened[1:]])


def tell(step: str, asked: str, values: list[float]) -> None:
    """Print what was measured of a step, and how busy the machine is."""
    row(step, asked, f"{np.median(values):.0f}", f"{max(values):.0f}", f"{os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
