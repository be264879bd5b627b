"""Who may ask for what: every address by every role, inside and outside its area; cookies, keys, other sites."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys

import pytest
from city import PASSWORD, client_of, make_city, signed_in

import webmap
from gridgis import jobs
from gridgis.registry.tables import ROLES
from webmap import access
from webmap.limits import Limit, Limits

VALUES = {
    "version": "1",
    "number": "1",
    "form": "xml",
    "layer": "zones",
    "zone": "420102001001",
    "filename": "mark.svg",
    "kind": "grids",
    "grid_code": "999999999999999",
    "collection_id": "grids",
    "code": "420102001001999",
    "batch": "0" * 32,
    "backdrop": "420102-0123456789abcdef",
}
"""What stands in the parts of addresses that vary."""
SIGNING_IN = ("account.signing_in", "account.giving_code")
"""Addresses of everybody that answer 401 where nobody is to be signed in."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def people(app):
    """A client for each role, and for nobody."""
    return {role: signed_in(app, role) for role in ROLES} | {"nobody": client_of(app)}


def addresses(app):
    """Every address with each method that it takes."""
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", lambda found: VALUES.get(found[1], "1"), rule.rule)
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, path


def test_every_address_holds_every_role_to_its_rule(app, people):
    for endpoint, method, path in addresses(app):
        if endpoint == "account.sign_out":
            continue
        allowed = access.rule_of(app, endpoint)
        for who, client in people.items():
            status = client.open(path, method=method, headers={"Accept": "application/json"}).status_code
            may = access.EVERYBODY in allowed or (who != "nobody" and bool({access.SIGNED_IN, who} & allowed))
            unknown = 403 if path.startswith("/open311") else 401  # as that standard says
            expected = None if may else unknown if who == "nobody" else 403
            told = f"{who} {method} {path}: {status}"
            assert (status == expected) if expected else (status not in (401, 403)) or endpoint in SIGNING_IN, told
            assert status < 500, told


def test_an_address_without_a_rule_is_refused_at_start(told):
    app = webmap.create_app(told)
    app.view_functions["bare"] = lambda: "everything"
    with pytest.raises(LookupError, match="bare"):
        access.hold(app)


@pytest.mark.parametrize("role", ROLES)
def test_versions_of_another_district_are_refused(app, role):
    client = signed_in(app, f"other_{role}")
    for path in ("/api/division?version=1", "/api/division/grids?version=2", "/api/drafts/2/log"):
        assert client.get(path).status_code == 403, path
    for number in ("x", "-1", "1e9", "99999999999999999999", "1;", "\u0661"):
        assert client.get("/api/division", query_string={"version": number}).status_code == 422, number


def test_a_change_takes_more_than_the_cookie(app, told):
    client = signed_in(app, "worker")
    client.environ_base.pop("HTTP_X_CSRF_TOKEN")
    form = {"old": PASSWORD, "new": "Another-field-8", "again": "Another-field-8"}
    for sent in ({}, {"csrf": "0" * 64}, {"csrf": ""}):
        assert client.post("/account", data={**form, **sent}).status_code == 403
    jobs.sign_out(told.store, jobs.sign_in(told.store, "worker", PASSWORD))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
    ],
)
def test_other_sites_sign_nobody_in(app, headers):
    data = {"name": "worker", "password": PASSWORD}
    assert client_of(app).post("/sign-in", data=data, headers=headers).status_code == 401


def test_a_session_that_was_given_from_outside_is_not_taken(app):
    client = client_of(app)
    client.set_cookie("gridgis", "chosen-by-another")
    client.post("/sign-in", data={"name": "leader", "password": PASSWORD})
    assert client.get_cookie("gridgis").value != "chosen-by-another"


def test_the_cookie_is_no_script_s(app):
    answer = client_of(app).post("/sign-in", data={"name": "leader", "password": PASSWORD})
    [cookie] = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("gridgis=")]
    assert {"HttpOnly", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}


@pytest.mark.parametrize(
    ("onward", "goes"),
    [
        ("/?lang=zh", "/?lang=zh"),
        ("//evil.example", "/home"),
        ("https://evil.example", "/home"),
        ("/\\evil.example", "/home"),
        ("x", "/home"),
    ],
)
def test_signing_in_goes_on_to_our_own_pages_alone(app, onward, goes):
    data = {"name": "leader", "password": PASSWORD, "next": onward}
    assert client_of(app).post("/sign-in", data=data).headers["Location"] == goes


def test_a_key_acts_for_a_program_without_a_cookie(app, told):
    key = jobs.make_token(told.store, "leader", label="gis")
    client = client_of(app)
    assert client.get("/api/division", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert client.get("/api/division", headers={"Authorization": "Bearer gg_wrong"}).status_code == 401
    [one] = jobs.tokens(told.store, "leader")
    jobs.end_token(told.store, one.id, by="leader")
    assert client.get("/api/division", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_files_of_ours_are_given_without_a_look_at_the_store(people, monkeypatch):
    def asked(*_):
        raise AssertionError("the store was asked")

    monkeypatch.setattr(jobs, "signed_in", asked)
    answer = people["leader"].get("/static/mark.svg")
    assert answer.status_code == 200
    assert "private" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize("handed_on", [True, False])
def test_all_links_stay_under_the_path_at_which_a_proxy_serves(told, handed_on):
    client = client_of(webmap.create_app(dataclasses.replace(told, prefix="/gridgis")))
    at = "/gridgis" if handed_on else ""
    page = client.get(f"{at}/sign-in").text
    assert 'href="/gridgis/static/' in page
    assert not re.findall(r'(?:href|src|action)="(/(?!gridgis/)[^"]*)"', page)
    answer = client.post(f"{at}/sign-in", data={"name": "leader", "password": PASSWORD, "next": "/heat"})
    assert answer.headers["Location"] == "/gridgis/heat"
    [cookie] = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("gridgis=")]
    assert "Path=/gridgis" in cookie


def test_private_answers_stay_out_of_caches(people):
    answer = people["leader"].get("/api/division")
    assert "private" in answer.headers["Cache-Control"]
    assert "Cookie" in answer.headers["Vary"]


def test_too_many_tries_are_told_to_wait(told):
    app = webmap.create_app(told)
    client = client_of(app)
    client.environ_base["REMOTE_ADDR"] = "127.0.0.9"
    statuses = [client.post("/sign-in", data={"name": f"n{k}", "password": "x"}) for k in range(32)]
    assert [one.status_code for one in statuses].count(429) == 2
    assert int(statuses[-1].headers["Retry-After"]) > 0


def test_counters_are_shared_and_run_out(tmp_path):
    one, two, limit = Limits(tmp_path / "l.db"), Limits(tmp_path / "l.db"), Limit(count=3, seconds=10)
    for counter in (one, two, one):
        counter.take("a", limit, now=100.0)
    with pytest.raises(Exception, match="Wait 8 s"):
        two.take("a", limit, now=102.0)
    two.take("b", limit, now=102.0)
    one.take("a", limit, now=110.0)


KILLED = """
import os, sys
from pathlib import Path
from webmap.limits import Limits
connection = Limits(Path(sys.argv[1]))._connection()
connection.execute("PRAGMA cache_size = 2")  # pages go into the file before the transaction is over
connection.execute("BEGIN")
connection.execute("UPDATE taken SET count = 9, begun = 100")
os.kill(os.getpid(), 9)
"""


def test_a_worker_that_is_killed_while_it_counts_leaves_counters_that_count(tmp_path):
    connection = Limits(tmp_path / "l.db")._connection()
    connection.executemany("INSERT INTO taken VALUES (?, 100, 1)", [(f"{k:06}{'x' * 50}",) for k in range(5_000)])
    connection.execute("INSERT INTO taken VALUES ('a', 100, 1)")
    connection.close()
    assert subprocess.run([sys.executable, "-c", KILLED, tmp_path / "l.db"], check=False).returncode == -9
    counter = Limits(tmp_path / "l.db")
    for _ in range(2):
        counter.take("a", Limit(count=3, seconds=10), now=101.0)
    with pytest.raises(Exception, match="Wait"):
        counter.take("a", Limit(count=3, seconds=10), now=102.0)
    rows = counter._connection().execute("SELECT count, count(*) FROM taken GROUP BY count").fetchall()
    assert rows == [(1, 5_000), (4, 1)]
