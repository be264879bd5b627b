"""The page of an administrator: his area alone, in answers and in a browser; keys of one's own."""

from __future__ import annotations

import re

import browser
import pytest
from city import client_of, make_city, served, sign_in, signed_in

from gridgis import jobs
from gridgis.jobs.registry import writing
from gridgis.registry.events import record
from gridgis.registry.store import utc_now
from webmap.language import page_texts
from webmap.runner import do


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"))


@pytest.fixture
def chief(app):
    return signed_in(app, "city_administrator")


@pytest.fixture
def district(app):
    return signed_in(app, "administrator")


def area_of(store, name):
    return next(one.area for one in jobs.actors(store) if one.name == name)


# ------------------------------------------------------------------ who may act
def test_an_administrator_sees_his_area_alone(told, district, chief):
    area = area_of(told.store, "administrator")
    mine = district.get("/api/admin/users").json["users"]
    assert {one["name"] for one in mine} >= {"worker", "administrator"}
    assert all(one["area"].startswith(area) for one in mine)
    assert not any(one["name"].startswith(("city_", "other_")) for one in mine)
    assert {"city_worker", "worker"} <= {one["name"] for one in chief.get("/api/admin/users").json["users"]}
    assert "argon2" not in district.get("/api/admin/users").text


def test_somebody_is_added_gets_a_password_once_and_ends(told, district):
    area = area_of(told.store, "administrator")
    made = district.post("/api/admin/users", json={"name": "new one", "role": "worker", "area": f"{area}001"}).json
    assert made["user"]["given_password"]
    assert jobs.signed_in(told.store, jobs.sign_in(told.store, "new one", made["password"])).must_change
    again = district.post("/api/admin/users/password", json={"name": "new one"}).json["password"]
    assert again != made["password"]
    jobs.sign_in(told.store, "new one", again)
    assert made["password"] not in district.get("/api/admin/users").text
    assert district.post("/api/admin/users/end", json={"name": "new one"}).json["user"]["ended_at"]
    with pytest.raises(Exception, match="wrong"):
        jobs.sign_in(told.store, "new one", again)


@pytest.mark.parametrize("name", ["other_worker", "city_worker", "chief", "nobody at all", "other_administrator"])
@pytest.mark.parametrize("act", ["password", "end", "second-factor/end", "subject"])
def test_somebody_of_another_area_is_as_unknown_as_nobody(told, district, name, act):
    before = [vars(one) for one in jobs.list_users(told.store, area="")]
    answer = district.post(f"/api/admin/users/{act}", json={"name": name, "subject": "x"})
    assert answer.status_code == 422
    assert answer.json["error"]["message"].count("is not known in your area") == 1
    assert [{**vars(one), "seen_at": 0} for one in jobs.list_users(told.store, area="")] == [
        {**one, "seen_at": 0} for one in before
    ]


@pytest.mark.parametrize("area", ["", "31", "310112", "9"])
def test_nobody_is_added_outside_the_area(told, district, area):
    answer = district.post("/api/admin/users", json={"name": "far", "role": "administrator", "area": area})
    assert answer.status_code == 422
    assert "far" not in [one.name for one in jobs.actors(told.store)]


@pytest.mark.parametrize(
    "sent",
    [
        {"name": "", "role": "worker"},
        {"name": "x" * 101, "role": "worker"},
        {"name": "x", "role": "god"},
        {"name": "x", "role": "worker", "area": "31'; DROP TABLE actor"},
        {"role": "worker"},
        {"name": ["x"], "role": "worker"},
    ],
)
def test_what_is_no_user_is_refused(district, sent):
    answer = district.post("/api/admin/users", json=sent)
    assert answer.status_code in (400, 422)


# ------------------------------------------------------------------ events
def test_events_are_found_by_kind_time_subject_and_page(chief):
    everything = chief.get("/api/admin/events").json
    assert [one["seq"] for one in everything["events"]] == sorted(
        (one["seq"] for one in everything["events"]), reverse=True
    )
    added = chief.get("/api/admin/events?kind=actor.added&subject=worker").json["events"]
    assert [one["subject"] for one in added] == ["worker"]
    kinds = {one["kind"] for one in chief.get("/api/admin/events?kind=version.").json["events"]}
    assert {"version.drafted", "version.approved"} <= kinds
    assert all(kind.startswith("version.") for kind in kinds)
    at = added[0]["at"]
    between = chief.get("/api/admin/events", query_string={"since": at, "until": at}).json["events"]
    assert between == []
    after = chief.get("/api/admin/events", query_string={"before": added[0]["seq"]}).json["events"]
    assert after
    assert max(one["seq"] for one in after) < added[0]["seq"]
    assert chief.get("/api/admin/events?since=yesterday").status_code == 422
    assert chief.get("/api/admin/events?before=0").status_code in (400, 422)
    assert "actor.added" in chief.get("/api/admin/kinds").json["kinds"]


def test_pages_of_events_hold_each_once(told, chief):
    with writing(told.store) as connection:
        for k in range(230):
            record(connection, at=utc_now(), actor="city_leader", kind="made.up", subject=str(k), body={})
    seen, before = [], ""
    while before is not None:
        page = chief.get(
            f"/api/admin/events?kind=made.up&before={before}" if before else "/api/admin/events?kind=made.up"
        )
        seen += [one["subject"] for one in page.json["events"]]
        before = page.json["next"]
    assert seen == [str(k) for k in reversed(range(230))]


def test_events_of_another_area_are_not_told(app):
    other = signed_in(app, "other_administrator")
    found = other.get("/api/admin/events").json["events"]
    assert found
    assert all(one["actor"].startswith("other_") or one["subject"].startswith("other_") for one in found)
    assert other.get("/api/admin/events?kind=version.").json["events"] == []
    assert other.get("/api/admin/events?subject=worker").json["events"] == []


def test_who_saw_whose_data_between_two_times(told, app, chief):
    moments = ["2026-03-01T08:00:00.000000+00:00", "2026-03-02T08:00:00.000000+00:00"]
    with writing(told.store) as connection:
        for at, actor, person in zip(moments, ("administrator", "=cmd|x"), ("P1", "P2"), strict=True):
            record(connection, at=at, actor=actor, kind="person.read", subject=person, body={"fields": ["phone"]})
        record(connection, at=moments[1], actor="worker", kind="case.read", subject="C-1", body={"fields": ["caller"]})
        record(connection, at=moments[1], actor="other_worker", kind="case.read", subject="C-2", body={"fields": []})
    every = chief.get("/api/admin/readings").json["readings"]
    assert {(one["actor"], one["subject"]) for one in every} == {("administrator", "P1"), ("worker", "C-1")}
    assert all(one["kind"].endswith(".read") for one in every)
    first = chief.get("/api/admin/readings?since=2026-03-01T00:00Z&until=2026-03-02T00:00Z").json["readings"]
    assert [(one["subject"], one["role"]) for one in first] == [("P1", "administrator")]
    assert [one["actor"] for one in chief.get("/api/admin/readings?subject=C-1").json["readings"]] == ["worker"]
    other = signed_in(app, "other_administrator").get("/api/admin/readings").json["readings"]
    assert [one["subject"] for one in other] == ["C-2"]
    table = chief.get("/api/admin/readings/table?since=2026-03-01T00:00Z")
    assert table.mimetype == "text/csv"
    assert table.text.count("\r\n") == 3
    whole = jobs.who_saw_table(told.store, area="")
    assert "'=cmd|x" in whole
    assert ",=cmd" not in whole


# ------------------------------------------------------------------ audit
def test_the_verdict_is_for_who_administers_everything(told, district, monkeypatch, capsys):
    assert district.post("/api/admin/audit").status_code == 422
    with writing(told.store) as connection:
        from gridgis.registry.actors import add_actor

        add_actor(connection, "of_all", role="administrator", by="chief", at=utc_now())
    number = jobs.ask_task(told.store, "audit", {}, by="chief")
    monkeypatch.setattr("webmap.runner.end_with_parent", lambda: None)
    do(told, number)
    said = capsys.readouterr().out
    assert '"faults": []' in said
    assert int(re.search(r'"events": (\d+)', said)[1]) > 20


# ------------------------------------------------------------------ keys of one's own
def test_a_key_is_shown_once_holds_and_ends(told, app):
    client = signed_in(app, "leader")
    made = client.post("/account/keys", data={"label": "<b>gis</b>", "days": "30"})
    assert made.status_code == 200
    assert made.headers["Cache-Control"] == "no-store"
    assert "<b>gis</b>" not in made.text
    [key] = re.findall(r"gg_[\w-]{43}", made.text)
    assert key not in client.get("/account").text
    program = client_of(app)
    bearer = {"Authorization": f"Bearer {key}"}
    assert program.get("/api/division", headers=bearer).status_code == 200
    for path in ("/account", "/account/keys", "/sign-out", "/account/second-factor/begin"):
        assert program.post(path, headers=bearer, data={"label": "more", "days": "9"}).status_code == 403, path
    [one] = jobs.tokens(told.store, "leader")
    assert signed_in(app, "worker").post(f"/account/keys/{one.id}/end").status_code == 422
    assert client.post(f"/account/keys/{one.id}/end").status_code == 302
    assert program.get("/api/division", headers=bearer).status_code == 401


@pytest.mark.parametrize(
    "sent", [{"label": "", "days": "3"}, {"label": "x", "days": "0"}, {"label": "x", "days": "٣"}, {}]
)
def test_a_key_without_name_or_end_is_refused(app, sent):
    assert signed_in(app, "leader").post("/account/keys", data=sent).status_code == 422


# ------------------------------------------------------------------ in a browser
@browser.needs_chromium
@pytest.mark.parametrize(("language", "size"), [("zh", (1400, 850)), ("en", (390, 844))])
def test_somebody_is_added_and_events_are_looked_at(app, told, window, language, size, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    texts = page_texts(language)
    viewport = {"width": size[0], "height": size[1]}
    name = f"new {language}"
    with (
        served(app) as site,
        browser.opened(window, f"{site}/sign-in?lang={language}", viewport=viewport) as (page, heard),
    ):
        sign_in(page, site, "administrator", onward="/admin")
        page.wait_for_selector("body[data-shown=users]")
        page.fill(".line-add [name=name]", name)
        page.select_option(".line-add [name=role]", "dispatcher")
        page.focus(".line-add button")
        page.keyboard.press("Enter")
        password = page.inner_text(".line-add .once code")
        assert jobs.signed_in(told.store, jobs.sign_in(told.store, name, password)).role == "dispatcher"
        page.fill("input[type=search]", name)
        sync_api.expect(page.locator("tbody tr")).to_have_count(1)
        page.screenshot(path=tmp_path / "users.png")
        for tab in ("events", "readings", "audit", "webhooks"):
            page.click(f"#tabs a[href='#show={tab}']")
            page.wait_for_selector(f"body[data-shown={tab}]")
            assert texts["admin_tabs"][tab] in page.inner_text("#tabs [aria-current]")
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], tab
        page.goto(f"{site}/admin#show=events")
        page.select_option(".line-events [name=kind]", "actor.added")
        page.fill(".line-events [name=subject]", name)
        page.keyboard.press("Enter")
        sync_api.expect(page.locator("tbody tr")).to_have_count(1)
        assert texts["admin_events"]["kind_actor_added"] in page.inner_text("tbody")
    assert heard.outside(site) == []
    assert heard.complaints == []
