"""Divide the made-up district, approve it in a store with made-up people, and serve the pages until Ctrl-C.

This is what `make demo` runs. Everybody in it is made up, and their one-time passwords are new in every run.
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import sys
import time
from pathlib import Path

from gridgis import jobs
from gridgis.cli import main

HERE = Path(__file__).parent
DISTRICT = HERE / "demo" / "district.gpkg"
PARTIES = HERE / "demo" / "parties.xlsx"
TABLE = HERE / "demo" / "households.xlsx"
LAYERS = ("zones", "streets", "buildings", "barriers", "compounds", "households")
DISTRICT_CODE, CITY_CODE = "990101", "9901"
PEOPLE = {
    "planner": "planner",
    "centre": "submitter",
    "reviewer": "reviewer",
    "dispatcher": "dispatcher",
    "worker": "worker",
    "leader": "leader",
}
"""Who signs in, and in which role."""
CITY_WIDE = ("reviewer", "leader")
"""Roles of the whole city; the others are of the district."""


def divide(output: Path) -> None:
    """Divide the district into `output`."""
    layers = [part for name in LAYERS for part in (f"--{name}", f"{DISTRICT}:{name}")]
    run(["divide", *layers, "--household-table", str(TABLE), "-j", "2", "-o", str(output)])


def make_store(folder: Path, division: Path) -> dict[str, str]:
    """Make the store that is served, with the division in force; give the one-time passwords by name."""
    store = str(folder / "demo.db")
    jobs.init(store, administrator="chief")
    passwords = {"chief": (jobs.first_administrator(store) or ("", ""))[1]}
    for name, role in PEOPLE.items():
        passwords[name] = jobs.add_user(
            store, name, role=role, area=CITY_CODE if role in CITY_WIDE else DISTRICT_CODE, by="chief"
        )
    version = jobs.draft_file(store, division, author="centre", note="made-up district")
    found = jobs.check_file(division).offenders
    reasons = dict.fromkeys(sorted(set(found["rule"][found["severity"] != "hard"])), "as the streets lie")
    jobs.submit(store, version.id, actor="centre", reasons=reasons)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    jobs.approve(store, version.id, actor="reviewer", effective_from=now, document="No. 1 (made up)")
    jobs.make_people_key(folder / "people.key")
    jobs.import_people(store, PARTIES, by="chief", key=folder / "people.key")
    jobs.import_duties(store, PARTIES, by="chief")
    jobs.draft_file(store, division, author="planner", note="to try things out")
    return passwords


def make_side_files(folder: Path, division: Path) -> Path:
    """Make the names of places and the counted cases, and tell the server of them; give its settings."""
    sources = {
        "streets": f"{DISTRICT}:streets",
        "compounds": f"{DISTRICT}:compounds",
        "addresses": str(HERE / "demo" / "addresses.xlsx"),
    }
    jobs.build_gazetteer(sources, folder / "names.db", division=division)
    cases = [str(HERE / "demo" / "cases.parquet"), "--division", str(division), "--source-crs", "app=gcj02"]
    run(["count", *cases, "--batch", "demo", "-o", str(folder / "cases.heat")])
    lines = {
        "store": folder / "demo.db",
        "people_key": folder / "people.key",
        "title": "兴江区 (made up)",
        "gazetteer": folder / "names.db",
        "pyramid": folder / "cases.heat",
        "streets": f"{DISTRICT}:streets",
        "buildings": f"{DISTRICT}:buildings",
        "water": f"{DISTRICT}:barriers",
    }
    text = (
        "".join(f'{name} = "{value}"\n' for name, value in lines.items()) + "log = false\n"
    )  # passwords stay in sight
    (folder / "server.toml").write_text(text, encoding="utf-8")
    return folder / "server.toml"


def run(arguments: list[str]) -> None:
    """Run one command; leave on any error but offenders, which the map shows."""
    try:
        main(arguments)
    except SystemExit as stopped:
        if stopped.code not in (0, 1, None):
            raise


def demo() -> None:
    """Divide, approve, tell, serve."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8000)
    options.add_argument("--output", type=Path, default=HERE.parent / "out" / "demo.gpkg")
    options.add_argument("--no-serve", action="store_true", help="stop after the summary")
    given = options.parse_args()
    given.output.parent.mkdir(exist_ok=True)
    start = time.monotonic()
    print("Dividing the made-up district: half a minute or more.", flush=True)
    divide(given.output)
    print(f"divided in {time.monotonic() - start:.0f} s: {given.output}", flush=True)
    if given.no_serve:
        return
    folder = given.output.parent / "served"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    passwords = make_store(folder, given.output)
    settings = make_side_files(folder, given.output)
    print(f"store, names and counted cases made in {folder} after {time.monotonic() - start:.0f} s")
    for name, password in passwords.items():
        print(f"  {name:<11}{PEOPLE.get(name, 'administrator'):<15}one-time password {password}")
    run(["serve", "--config", str(settings), "--port", str(given.port)])


if __name__ == "__main__":
    sys.exit(demo())
