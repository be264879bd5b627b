"""A small city that is served: a store with a division in force, a draft, and somebody in every role."""

from __future__ import annotations

import atexit
import contextlib
import datetime
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

from argon2 import PasswordHasher
from drafts import town
from towns import Plan
from werkzeug.serving import make_server

import webmap
from gridgis import jobs
from gridgis.jobs.registry import writing
from gridgis.registry import accounts, actors
from gridgis.registry.store import utc_now
from gridgis.registry.tables import ROLES

PASSWORD = "Green-field-77"
PLAN = Plan(seed=7, columns=12, rows=12, zones=3, source="buildings", traits=frozenset({"rows", "dense_streets"}))


SMALL = Plan(seed=7, columns=7, rows=7, zones=2, source="buildings", traits=frozenset({"rows", "dense_streets"}))
"""A town of ten grids, for tests that edit it."""


def make_city(
    folder: Path, *, url: str | None = None, plan: Plan = PLAN, roles: Collection[str] = ROLES
) -> webmap.Settings:
    """A store of its own, and what its server is told.

    In the store is one version in force (1), a draft of the same (2), and for each role an actor of its name in the
    district, with `PASSWORD`; those of the city begin with `city_`, those of another district with `other_`.

    Parameters
    ----------
    url : an empty database of PostgreSQL; a copy of a file that is made once by default
    """
    if url is None:
        url = str(folder / "city.db")
        shutil.copyfile(_template(plan, tuple(roles)), url)
    else:
        _fill(url, plan, roles)
    return webmap.Settings(store=url, state=str(folder / "state"), title="Made up")


@cache
def _template(plan: Plan, roles: tuple[str, ...]) -> Path:
    """The file that is copied: nobody has it open any more."""
    path = Path(tempfile.mkdtemp(prefix="gridgis-city-")) / "city.db"
    _fill(str(path), plan, roles)
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    return path


def _fill(store: str, plan: Plan, roles: Collection[str]) -> None:
    division = town(plan)
    district = str(division.zones["zone_code"].iloc[0])[:6]
    jobs.init(store, administrator="chief", crs=division.zones.crs.to_string())
    areas = {"": district, "city_": district[:4], "other_": "310112"}
    make_users(store, {f"{beginning}{role}": (role, areas[beginning]) for role in roles for beginning in areas})
    jobs.draft(store, division, author="submitter")
    found = jobs.check(division)
    reasons = dict.fromkeys(sorted(set(found["rule"][found["severity"] != "hard"])), "as it lies")
    jobs.submit(store, 1, actor="submitter", reasons=reasons)
    now = datetime.datetime.now(datetime.UTC).isoformat()
    jobs.approve(store, 1, actor="city_reviewer", effective_from=now, document="No. 1")
    jobs.draft(store, division, author="planner")


def make_users(store: str, people: dict[str, tuple[str, str]], *, by: str = "chief") -> None:
    """Let some sign in by `PASSWORD`: role and area by name."""
    hashed = PasswordHasher().hash(PASSWORD)
    with writing(store) as connection:
        for name, (role, area) in people.items():
            actors.add_actor(connection, name, role=role, area=area, by=by, at=utc_now())
            accounts.set_password(connection, name, hashed=hashed, must_change=False, by=by, at=utc_now())


CALLERS = itertools.count(1)


def begin_runner(told: webmap.Settings) -> subprocess.Popen[bytes]:
    """Begin what does the background work of a server."""
    names = {"GRIDGIS_STORE": told.store, "GRIDGIS_STATE": told.state}
    return subprocess.Popen([sys.executable, "-m", "webmap.runner"], env={**os.environ, **names})


def end_runner(process: subprocess.Popen[bytes]) -> None:
    """Let it end what it is at."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def client_of(app: Any) -> Any:
    """A client at an address of its own: the server counts how often one tries to sign in."""
    client = app.test_client()
    number = next(CALLERS)
    client.environ_base["REMOTE_ADDR"] = f"127.1.{number // 250}.{number % 250 + 1}"
    return client


def signed_in(app: Any, name: str) -> Any:
    """A client of the application that is signed in; its `csrf` goes with what it changes."""
    client = client_of(app)
    answer = client.post("/sign-in", data={"name": name, "password": PASSWORD})
    assert answer.status_code == 302, answer.text
    with app.test_request_context(headers={"Cookie": f"gridgis={client.get_cookie('gridgis').value}"}):
        from webmap import access

        access._recognise()
        client.environ_base["HTTP_X_CSRF_TOKEN"] = access.csrf()
    return client


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """An application on a port of loopback; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sign_in(page: Any, site: str, name: str, *, onward: str = "/") -> None:
    """Sign in by the form, in a browser."""
    page.goto(f"{site}/sign-in?next={onward}")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("button.main")
