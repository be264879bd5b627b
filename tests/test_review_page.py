"""The review page: what waits, what it changes, and the decision, from sign-in to what is stored."""

from __future__ import annotations

import datetime
import io
import re
from zoneinfo import ZoneInfo

import browser
import pytest
from city import make_city, served, sign_in, signed_in

import webmap
from gridgis import jobs
from gridgis.jobs import adjust
from gridgis.publish.texts import load_texts
from webmap.judged import to_explain
from webmap.language import page_texts


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A city of which a version (2) waits for review: a grid gave an atom to its neighbour, another has a name."""
    made = make_city(tmp_path_factory.mktemp("city"))
    moved_atom(made.store)
    jobs.submit(made.store, 2, actor="submitter", reasons={"": "as it lies"})
    return made


def moved_atom(store):
    division = jobs.version(store, 2)
    atoms = division.atoms
    for grid in division.grids["grid_code"]:
        zone = grid[:12]
        for other in division.grids["grid_code"][division.grids["grid_code"].str.startswith(zone)]:
            for atom in atoms["atom_id"][atoms["grid_code"] == other] if other != grid else ():
                try:
                    adjust.give(store, 2, [atom], to=grid, by="planner")
                except Exception:
                    continue
                return


# ------------------------------------------------------------------ answers
def test_the_queue_tells_what_each_changes_and_what_i_may_do(app):
    client = signed_in(app, "city_reviewer")
    first = client.get("/api/reviews").json["reviews"][0]
    assert (first["id"], first["state"]) == (2, "submitted")
    assert first["counts"]
    one = client.get("/api/reviews/2").json
    assert {"approve", "return", "comment"} <= set(one["may"])
    assert one["against"] == 1
    assert all(len(row["bounds"]) == 4 for row in one["changes"])
    assert one["moved_households"] >= 0
    shapes = client.get("/api/reviews/2/changes").json
    assert len(shapes["features"]) == len(one["changes"])
    assert client.get("/api/reviews/2/seams").json["faults"] == []
    for name in ("submitter", "reviewer", "leader"):
        assert "approve" not in signed_in(app, name).get("/api/reviews/2").json["may"], name


def test_who_may_not_decide_is_refused_in_words(app):
    own = signed_in(app, "reviewer").post("/api/reviews/2/approve", data={"effective_from": "2027-01-01T00:00+08:00"})
    assert own.status_code == 422
    assert "wider area" in own.json["error"]["message"]
    assert signed_in(app, "submitter").post("/api/reviews/2/approve").status_code == 403
    assert signed_in(app, "other_reviewer").post("/api/reviews/2/return", json={"reason": "x"}).status_code == 403
    assert signed_in(app, "city_reviewer").post("/api/reviews/2/return", json={"reason": ""}).status_code == 422


def test_a_sealed_file_is_of_a_kind_that_seals_have(app):
    client = signed_in(app, "city_reviewer")
    for name in ("x.html", "x.exe", "noending", "../../x.svg"):
        form = {"effective_from": "2027-01-01T00:00+08:00", "attachment": (io.BytesIO(b"x"), name)}
        answer = client.post("/api/reviews/2/approve", data=form)
        assert answer.status_code == 422, name
        assert "Attach a PDF" in answer.json["error"]["message"]


def test_comments_that_look_like_scripts_stay_text(app):
    client = signed_in(app, "city_reviewer")
    grid = client.get("/api/reviews/2").json["changes"][0]["new_code"]
    text = "<script>alert(1)</script>{{ 7*7 }}"
    told = client.post("/api/reviews/2/comments", json={"code": grid, "text": text}).json
    assert told["comments"][-1]["text"] == text
    page = client.get("/review/2/sheet?lang=en").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7*7 }}" in page
    number = told["comments"][-1]["id"]
    answered = signed_in(app, "submitter").post(f"/api/reviews/2/comments/{number}/answer", json={"text": "done"})
    assert answered.json["comments"][-1]["answer"] == "done"


def test_the_sheet_has_days_and_numbers_as_its_language_writes_them(app):
    client = signed_in(app, "city_reviewer")
    today = datetime.datetime.now(ZoneInfo("Asia/Shanghai"))
    zh, en = (client.get(f"/review/2/sheet?lang={language}").text for language in ("zh", "en"))
    assert f"{today.year}年{today.month}月{today.day}日" in zh
    assert f"{today.day} {today:%b}" in en
    assert re.search(r">\d{1,3},\d{3}<", zh)
    assert re.search(r">\d{1,3},\d{3}<", en)


def test_a_draft_shows_what_handing_it_in_asks_about(tmp_path):
    made = make_city(tmp_path)
    moved_atom(made.store)
    division, mine = jobs.version(made.store, 2), tuple(jobs.changed_zones(made.store, 2))
    found = jobs.check(division)
    asked = found[found["code"].str.startswith(mine)]
    assert 0 < len(asked) < len(found)
    client = signed_in(webmap.create_app(made), "submitter")
    one = client.get("/api/reviews/2?lang=zh").json
    assert sorted((row["rule"], row["code"]) for row in one["findings"]) == sorted(
        zip(asked["rule"], asked["code"], strict=True)
    )
    counts = asked.groupby("rule").size().to_dict()
    assert {row["rule"]: row["count"] for row in one["to_explain"]} == counts
    assert "户" in one["findings"][0]["detail"]
    refused = client.post("/api/reviews/2/submit?lang=zh", json={"reasons": {}}).json["error"]["message"]
    assert refused.startswith(load_texts("zh")["rules"][asked["rule"].iloc[0]])
    assert "_" not in refused
    handed = client.post("/api/reviews/2/submit", json={"reasons": dict.fromkeys(counts, "as it lies")}).json
    assert (handed["state"], handed["to_explain"]) == ("submitted", [])
    assert {row["reason"] for row in handed["findings"]} == {"as it lies"}
    signed_in(client.application, "city_reviewer").post("/api/reviews/2/return", json={"reason": "again"})
    again = client.get("/api/reviews/2").json
    assert [row["reason"] for row in again["to_explain"]] == ["as it lies"]


def test_the_queue_marks_what_is_in_force_and_names_a_network_where_there_are_several(tmp_path):
    made = make_city(tmp_path)
    client = signed_in(webmap.create_app(made), "city_reviewer")
    told = client.get("/api/reviews?lang=zh").json["reviews"]
    assert {row["id"]: row["in_force"] for row in told} == {1: True, 2: False}
    assert {row["id"]: row["called"] for row in told} == {1: "420102 第 1 版", 2: "420102 第 2 版"}
    assert "general" not in client.get("/review/1/sheet?lang=zh").text
    jobs.draft(made.store, jobs.version(made.store, 1), author="planner", network="special")
    again = client.get("/api/reviews?lang=en").json["reviews"]
    assert next(row["called"] for row in again if row["id"] == 2) == "420102 general version 2"


def test_an_open_step_is_shown_while_somebody_can_take_it(tmp_path):
    made = make_city(tmp_path)
    app = webmap.create_app(made)
    filer, reviewer = signed_in(app, "filer"), signed_in(app, "city_reviewer")
    first = reviewer.get("/api/reviews/1").json
    assert [(step["kind"], step["state"]) for step in first["steps"]] == [("filing", "late"), ("review", "approved")]
    assert filer.get("/api/reviews/1").json["may"] == ["file"]
    jobs.submit(made.store, 2, actor="submitter", reasons={})
    assert {step["state"] for step in reviewer.get("/api/reviews/2").json["steps"]} == {"open"}
    reviewer.post("/api/reviews/2/return", json={"reason": "no"})
    assert [step["state"] for step in reviewer.get("/api/reviews/2").json["steps"]] == ["returned"]
    for name in ("filer", "city_filer"):
        jobs.end_actor(made.store, name, by="chief")
    assert [step["state"] for step in reviewer.get("/api/reviews/1").json["steps"]] == ["approved"]


def test_a_time_without_an_offset_is_one_of_the_city(tmp_path):
    made = make_city(tmp_path)
    jobs.submit(made.store, 2, actor="submitter")
    client = signed_in(webmap.create_app(made), "city_reviewer")
    assert client.get("/api/reviews/2").json["last"] == {"decision": "approve", "reviews_before": 0}
    wrong = client.post("/api/reviews/2/approve?lang=zh", data={"effective_from": "soon"})
    assert (wrong.status_code, "不是时间" in wrong.json["error"]["message"]) == (422, True)
    told = client.post("/api/reviews/2/approve", data={"effective_from": "2031-01-01T08:00"}).json
    assert (told["effective_from"][:16], told["last"]) == ("2031-01-01T00:00", None)


def test_a_version_in_force_is_taken_on_file_later(tmp_path):
    client = signed_in(webmap.create_app(make_city(tmp_path)), "filer")
    told = client.post("/api/reviews/1/file", data={"receipt": "No. 7"}).json
    assert (told["state"], told["steps"][0]["state"], "file" in told["may"]) == ("approved", "filed", False)


def test_what_breaks_a_hard_rule_needs_no_reason_but_mending():
    rows = [{"rule": rule, "severity": hard, "reason": ""} for rule, hard in (("gap", "hard"), ("neck", "finding"))]
    assert [row["rule"] for row in to_explain(rows)] == ["neck"]


# ------------------------------------------------------------------ in a browser
@browser.needs_chromium
def test_a_draft_is_handed_in_with_a_reason_for_each_rule(tmp_path, window):
    made = make_city(tmp_path)
    moved_atom(made.store)
    texts = page_texts("zh")
    with (
        served(webmap.create_app(made)) as site,
        browser.opened(window, f"{site}/sign-in?lang=zh", viewport={"width": 1400, "height": 850}) as (page, heard),
    ):
        sign_in(page, site, "submitter", onward="/review%23version=2")
        page.wait_for_selector(".decide-submit")
        assert page.locator(".findings li").count() == 12
        field = page.locator(".decide-submit label", has_text=texts["rules"]["micro_out_of_range"])
        note = page.locator("#missing-submit")
        assert note.inner_text() == "还缺：“微网格户数超出规模”的理由"
        field.locator("textarea").fill("沿用现状")
        assert note.is_hidden()
        page.click(".decide-submit button")
        page.locator("#detail .over", has_text=texts["review_states"]["submitted"]).wait_for()
    assert heard.complaints == []
    assert {row["reason"] for row in jobs.findings(made.store, 2)} == {"沿用现状"}


@browser.needs_chromium
@pytest.mark.parametrize(("language", "size"), [("zh", (1400, 850)), ("en", (390, 844))])
def test_a_version_is_looked_at_and_commented(app, window, language, size):
    texts = page_texts(language)["review"]
    viewport = {"width": size[0], "height": size[1]}
    with (
        served(app) as site,
        browser.opened(window, f"{site}/sign-in?lang={language}", viewport=viewport) as (page, heard),
    ):
        sign_in(page, site, "city_reviewer", onward="/review")
        page.wait_for_selector("body.drawn")
        assert page.locator("canvas").count() == 2
        page.locator(".change").first.click()
        assert page.locator(".change[aria-current=true]").count() == 1
        assert [round(abs(browser.parted_px(page, at))) for at in (80, 50, 20)] == [0, 0, 0]
        page.fill("#comment-code", page.evaluate("window.review.one.changes[0].new_code"))
        page.fill(".decide-comment textarea", "why?")
        page.click(".decide-comment button")
        page.locator(".comment", has_text="why?").first.wait_for()
        assert texts["answer"] in page.inner_text("#detail")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert heard.outside(site) == []
    assert heard.complaints == []


@browser.needs_chromium
def test_what_is_typed_stays_while_a_comment_is_answered(app, window):
    client = signed_in(app, "city_reviewer")
    grid = client.get("/api/reviews/2").json["changes"][0]["new_code"]
    for text in ("first?", "second?"):
        told = client.post("/api/reviews/2/comments", json={"code": grid, "text": text}).json
    number = told["comments"][-1]["id"]
    typed = {"effective_from": "2031-01-01T08:00", "document": "No. 9"}
    with served(app) as site, browser.opened(window, f"{site}/sign-in?lang=en") as (page, heard):
        sign_in(page, site, "city_reviewer", onward="/review")
        page.wait_for_selector(".decide-approve")
        for name, value in typed.items():
            page.fill(f".decide-approve [name={name}]", value)
        sealed = {"name": "seal.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
        page.set_input_files(".decide-approve [name=attachment]", sealed)
        page.fill(f".decide-answer-{number - 1} textarea", "half an ans")
        page.fill(f".decide-answer-{number} textarea", "so")
        page.click(f".decide-answer-{number} button")
        page.locator(".comment", has_text="city_reviewer: so").wait_for()
        page.locator("#status", has_text=page_texts("en")["review"]["done"]).wait_for()
        for name, value in typed.items():
            assert page.input_value(f".decide-approve [name={name}]") == value
        assert page.evaluate("document.querySelector('.decide-approve [name=attachment]').files[0].name") == "seal.pdf"
        assert page.input_value(f".decide-answer-{number - 1} textarea") == "half an ans"
        left = sum(not row["answered_by"] for row in client.get("/api/reviews/2").json["comments"])
        asked = page_texts("en")["review"]["unanswered"].format(n=left)
        assert page.inner_text("#missing-approve") == page_texts("en")["review"]["missing"].format(what=asked)
        page.click(".decide-approve button")
        page.locator(".decide-approve .refusal").wait_for()
        assert page.inner_text("#status") == ""
        page.fill(".decide-comment textarea", "third?")
        page.fill("#comment-code", grid)
        page.click(".decide-comment button")
        page.locator(".comment", has_text="third?").wait_for()
        assert page.input_value(".decide-comment textarea") == ""
    assert heard.outside(site) == []


@browser.needs_chromium
def test_a_version_is_approved_with_number_and_date(app, told, window):
    client = signed_in(app, "submitter")
    for row in client.get("/api/reviews/2").json["comments"]:
        if not row["answer"]:
            client.post(f"/api/reviews/2/comments/{row['id']}/answer", json={"text": "so"})
    with served(app) as site, browser.opened(window, f"{site}/sign-in?lang=en") as (page, heard):
        sign_in(page, site, "city_reviewer", onward="/review")
        page.wait_for_selector(".decide-approve")
        assert "Beijing time" in page.inner_text(".decide-approve label >> nth=0")
        note, button = page.locator("#missing-approve"), page.locator(".decide-approve button")
        assert page_texts("en")["review"]["effective"] in note.inner_text()
        assert button.get_attribute("aria-describedby") == "missing-approve"
        assert button.is_enabled()
        page.fill(".decide-approve [name=effective_from]", "2031-01-01T08:00")
        assert note.is_hidden()
        page.fill(".decide-approve [name=document]", "No. 9")
        page.click(".decide-approve button")
        page.locator("#detail .over", has_text=page_texts("en")["review_states"]["approved"]).wait_for()
    assert heard.complaints == []
    found = jobs.find_version(told.store, 2)
    assert (found.state, found.effective_from[:16]) == ("approved", "2031-01-01T00:00")


@browser.needs_chromium
def test_who_has_nothing_to_decide_is_told_how_to_begin(app, window):
    """No version waits any more: the one that did was approved above."""
    with served(app) as site, browser.opened(window, f"{site}/sign-in?lang=en") as (page, heard):
        sign_in(page, site, "leader", onward="/review")
        page.locator("#no-map", has_text=page_texts("en")["review"]["pick"]).wait_for()
        assert page.locator("#swipe").is_hidden()
    assert heard.complaints == []
