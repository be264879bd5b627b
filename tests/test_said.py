"""Refusals, notices and findings in the language of the reader: the catalogue is whole, and the interface uses it."""

from __future__ import annotations

import re
import time
import tomllib
from pathlib import Path

import browser
import pytest
from city import SMALL, make_city, served, signed_in
from sentences import Source
from test_planner_edits import across, rows
from test_planner_page import open_draft

import webmap
from gridgis import jobs
from gridgis.errors import Fault, InputRefused
from gridgis.publish.said import LONGEST, load_faults, said_fault, said_faults, said_field, said_message, said_notice
from gridgis.publish.texts import HOLE, LANGUAGES, detailed, load_texts
from gridgis.registry.tables import STATES, TASK_STATES
from gridgis.rules import RULES
from webmap.imports import Said

ROOT = Path(__file__).resolve().parents[1]
OPERATOR = re.compile(
    "gridgis/(adjust/drawn|cases/(writer|write_.*)|exchange/(geojson|lists|names|shapefile|units)"
    "|registry/(address|backup|checkpoint|erasure|people|roles|sealing|store))|webmap/(base|serving|settings)"
)
"""Files whose faults are for who works at the command line, or starts the server."""
PAGES = re.compile(
    "gridgis/(adjust|cases|exchange|registry|uploads)/.*|webmap/.*|gridgis/(crs|geometry/georeference)"
    "|gridgis/coordinates/systems|gridgis/heat/(cube|density|kernels|overview|periods|tables|tile)"
    "|gridgis/layers/(columns|division|inputs|shapefile|shapes|source|tables)|gridgis/jobs/(accounts|adjust"
    "|administration|backdrop|case_batches|case_desk|dossier|edits|heat.*|imports|offices|public|reports|review"
    "|second_factor|sheets|tasks)"
)
"""Files whose faults, notices and messages a page or an address may show."""
EVERY = {path.relative_to(ROOT).with_suffix("").as_posix(): path for path in ROOT.glob("[gw]*/**/*.py")}
HELD = {name: path for name, path in sorted(EVERY.items()) if PAGES.fullmatch(name) and not OPERATOR.fullmatch(name)}
CLI_ALONE = re.compile(
    "--.*|not LAYER.*|Write for example zones.*|.* no whole number.*|Give each atom.*|Correct it.*|Name the edit.*"
    "|Write 7|Run: .*|takes Authlib|.*the provider calls.*|.*the client's secret|Give an address with https://"
    "|Make one with: gridgis init 7|Use the newer gridgis|has (the )?tables .*gridgis.*|End it in 7|.*=EPSG:7|7 NAME 7"
    "|is no kind of file known here|Name utf-8 or gbk|is no file|is not told|may be read by others"
)
"""What the command line alone tells, or a server as it starts, in files that tell pages other things."""
APART = re.compile(
    r"7: 7(7|, at 7 7)?|7\. 7|7\. Let it be unlocked .*|7 was moved on .*|version 7: 7|is 7|Give what it is: 7"
    "|7 7 could be taken .*|Delete what .*, or 7"
)
"""What is said in parts, or state by state, each of which has a sentence."""
FAULTS = ROOT / "gridgis/publish/static/texts/faults"
OWN = re.compile(
    r"{\w+}|/openapi.json|services\.(xml)?|\.(shp|shx|dbf|prj|cpg|xlsx|xml)|https://|[a-z]+_[a-z_]+|RFC|zip"
    r"|UTF-8|GBK|GeoJSON|JSON|GeoPackage|GeoParquet|Parquet|Shapefile|CGCS2000|EPSG|PNG|JPEG|PDF|OFD|CSV|XLSX|XML|WKB"
    r"|WGS84|Excel|Asia/Shanghai|bbox|datetime"
)
"""Names of formats, files, fields and systems, which are the same in each language."""
LETTERS = re.compile("[A-Za-z]{2,}")
ZH = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}


# ------------------------------------------------------------------ the catalogue
def test_both_languages_have_the_same_sentences():
    english, chinese = load_faults("en"), load_faults("zh")
    of_ours = chinese.keys() - {"fields", "field_names", "statuses", "rows"}
    assert {section: set(some) for section, some in english.items()} == {
        section: set(chinese[section]) for section in of_ours
    }
    for section in sorted(of_ours):
        some = chinese[section]
        for name, text in some.items():
            assert set(re.findall(r"{(\w+)}", text)) <= set(re.findall(r"{(\w+)}", english[section][name])), name
            assert not LETTERS.search(OWN.sub("", text)), text


def test_a_sentence_stands_in_one_file_alone():
    for language in LANGUAGES:
        files = [tomllib.loads(path.read_text()) for path in sorted((FAULTS / language).glob("*.toml"))]
        keys = [(section, key) for file in files for section, some in file.items() for key in some]
        assert len(keys) == len(set(keys))


def unsaid(path):
    """What a file tells and the catalogue has no sentence for."""
    for section, text in Source(path).sentences():
        if text and not CLI_ALONE.fullmatch(text) and not APART.fullmatch(text) and told(text, section) == text:
            yield section, text


def told(text, section):
    """What a text of a section is in Chinese."""
    if section == "messages":
        return said_message(text, language="zh")
    fault = Fault("grids", "7", text, "") if section == "problems" else Fault("grids", "7", "", text)
    return getattr(said_fault(fault, language="zh"), section.removesuffix("s"))


def test_everything_that_a_page_may_tell_has_its_sentence():
    assert len(HELD) > 150
    assert [(name, *one) for name, path in HELD.items() for one in sorted(set(unsaid(path)))] == []


def test_what_is_said_in_parts_has_a_sentence_for_each():
    for problem in (
        *(f"is {state}" for state in (*STATES, "revoked", *TASK_STATES)),
        *(
            f"{what} 'x' could be taken for an address"
            for what in ("the name", "the layer", "the column", "a file in it")
        ),
        "gap: 3.20 m2, up to 0.40 m wide, in no grid, open at an end, at 534000.00 3380000.00",
    ):
        assert not LETTERS.search(told(problem, "problems")), problem
    for description in filter(None, (field.description for field in Said.model_fields.values())):
        assert not LETTERS.search(OWN.sub("", told(f"Give what it is: {description}", "cures"))), description
    for message in (
        "grid 42 is locked by 王 since 2026-01 (edit 3); the border of 1 and 2 is locked by 李 since 2026 (edit 4). "
        "Let it be unlocked first: gridgis adjust unlock 2 42 1-2",
        "the border of 420 with the zones that changed; the border of 1 with 2 was moved on one side alone. "
        "Hand in both zones, or draft them again",
        "version 42 1: zone 420 was changed since by a version approved (42 2 is the last): draft it again; "
        "zone 421 was changed since by a version approved (42 2 is the last): draft it again",
        "Set up the second factor first, on the page of your account.",
        "the host may not be asked any more",
        "answered 500",
        "TimeoutError: no answer in 10 s",
        "ConnectionRefusedError: [Errno 111] Connection refused",
    ):
        assert not LETTERS.search(told(message, "messages")), message


def test_every_rule_has_its_details():
    assert set(load_texts("zh")["details"]) == {rule.name for rule in RULES} | {"zone_border_off_line"}
    for rule, some in load_texts("en")["details"].items():
        for name, text in some.items():
            assert load_texts("zh")["details"][rule][name] != text
            told = detailed(rule, HOLE.sub("7", re.escape(text)).replace("\\", ""), load_texts("zh"))
            assert not LETTERS.search(told.replace("division", "").replace("zone_code", "")), told


def test_what_hard_rules_say_is_said_in_chinese():
    for rule, detail, told in (
        ("gap", "3.20 m2, up to 0.40 m wide, in no grid, open at an end",
         "3.20 平方米不属任何网格，最宽 0.40 m，一端开口"),
        ("zone_crossed", "9.00 m2, up to 2.00 m wide, outside zone 420102001001, in no zone",
         "有 9.00 平方米超出区域 420102001001，最宽 2.00 m，不在任何区域内"),
        ("code_duplicate", "grids: grid_code occurs 2 times", "网格：grid_code 出现 2 次"),
        ("grid_not_filled", "5.00 m2, up to 1.00 m wide, in none of its microgrids",
         "网格有 5.00 平方米不在其任何微网格内，最宽 1.00 m"),
    ):  # fmt: skip
        assert detailed(rule, detail, load_texts("zh")) == told
        assert detailed(rule, detail, load_texts("en")) == detail


def test_words_within_are_said_and_names_stay():
    one = Fault("line", "", "misses grid 420102001001001 by 12 m", "Draw it across, from border to border")
    told = said_fault(one, language="zh")
    assert told.problem == "距网格 420102001001001还有 12 米，没有相交"
    assert told.cure == "请从一侧边界画到另一侧边界"
    assert said_fault(one, language="en") is one
    named = Fault("grids", "420102001001001", "'a grid of zone' is the name of 420102001001002", "Choose another")
    assert said_fault(named, language="zh").problem.startswith("'a grid of zone' ")
    odd = Fault("grids", "", "is something new", "Do what nobody knows")
    assert said_fault(odd, language="zh") == odd
    assert said_faults([one, odd], language="en") == str(InputRefused([one, odd]))
    assert said_faults([odd], language="zh") == "is something new。Do what nobody knows。"
    assert said_notice("grids: 420102001001002 has no atom left and is given up (1)", language="zh") == (
        "420102001001002 已没有基本单元，予以撤销"
    )
    conflict = (
        "grid 420102001001001 was changed meanwhile: undo of give by 王 at 2026-01-01T00:00 (edit 3). "
        "See: gridgis adjust log 2; where the edit still holds, make it with --seen 3"
    )
    assert said_message(conflict, language="zh") == (
        "网格 420102001001001 已被改动：王 于 2026-01-01T00:00 撤销了划转（第 3 次编辑）"
    )
    assert said_message("something else", language="zh") == "something else"


def hostile(sentence):
    """Texts that begin as a sentence does, and go on and on with what stands in it after a hole."""
    head, *rest = re.split(r"{\w+}", sentence)
    return [(head + f"a{one}" * LONGEST)[: LONGEST - 1] for one in {*rest, " a", ": a"}]


def test_texts_that_fit_no_sentence_are_soon_left_alone_however_they_are_made():
    slowest = 0.0
    for section, sentences in load_faults("en").items():
        for text in (one for sentence in sentences.values() if "{" in sentence for one in hostile(sentence)):
            fault = Fault("grids", "", text, "") if section == "problems" else Fault("grids", "", "", text)
            begun = time.process_time()
            said_fault(fault, language="zh")
            said_message(text, language="zh")
            slowest = max(slowest, time.process_time() - begun)
    assert slowest < 0.5
    long = Fault("grids", "", "is " * LONGEST, "")
    assert said_fault(long, language="zh") == long


def test_what_has_no_sentence_is_said_by_its_status_or_as_a_field():
    for text in ("foo bar is odd", "foo bar is odd. See: gridgis x"):
        assert said_message(text, language="zh", status=409) == load_faults("zh")["statuses"]["409"]
    assert (
        said_field("value_error", {}, "Value error, foo bar is odd", language="zh")
        == (load_faults("zh")["fields"]["otherwise"])
    )


# ------------------------------------------------------------------ the interface
@pytest.fixture(scope="module")
def app(tmp_path_factory):
    told = make_city(tmp_path_factory.mktemp("city"), plan=SMALL, roles=("planner", "submitter", "reviewer"))
    return webmap.create_app(told)


@pytest.fixture(scope="module")
def planner(app):
    return signed_in(app, "planner")


def in_chinese(client, path, body):
    return client.post(path, json=body, headers=ZH)


def test_refusals_come_in_the_language_that_is_asked_for(app, planner):
    code, line = across(planner)
    far = [[x + 0.02, y] for x, y in line]
    asked = {"action": "split", "arguments": {"code": code, "line": far}, "dry_run": False}
    for said in (
        in_chinese(planner, "/api/drafts/2/edits", asked).json["error"]["details"],
        in_chinese(planner, "/api/drafts/2/edits", {**asked, "dry_run": True}).json["refused"],
    ):
        assert not LETTERS.search("".join(one["problem"] + one["cure"] for one in said)), said
        assert any("\u4e00" <= letter <= "\u9fff" for letter in said[0]["problem"])
        assert said[0]["at"]
    english = planner.post("/api/drafts/2/edits", json=asked).json["error"]
    assert english["details"][0]["cure"].isascii()
    refused = in_chinese(planner, "/api/drafts/2/redivide", {"codes": [code[:12] + "999"]}).json["error"]
    assert refused["message"] == f"{code[:12]}999：没有这个网格。请在列表或图上查看现有编码。"
    denied = signed_in(app, "reviewer").post("/api/drafts/2/undo", headers=ZH)
    assert denied.status_code == 403
    assert denied.json["error"]["message"] == "您的角色是审核员：此功能仅供规划员, 区中心使用。"


def test_findings_come_in_the_language_that_is_asked_for(planner):
    for path in ("/api/division/offenders?version=2", "/api/drafts/2/zones/420102001001/findings"):
        english, chinese = (planner.get(path, headers=headers) for headers in ({}, ZH))
        assert english.headers["ETag"] != chinese.headers["ETag"]
        told = [[one["properties"] for one in answer.json["features"]] for answer in (english, chinese)]
        assert len(told[0]) == len(told[1]) > 0
        for was, now in zip(*told, strict=True):
            assert was["detail"].isascii()
            assert not LETTERS.search(now["detail"]), now
            assert {**was, "detail": ""} == {**now, "detail": ""}
        assert planner.get(f"{path}{'&' if '?' in path else '?'}lang=zh").data == chinese.data
        planner.delete_cookie("gridgis_language")


def test_a_task_that_failed_says_why_in_the_language(app, planner):
    told = app.extensions["settings"]
    number = jobs.ask_task(told.store, "redivide", {}, by="planner")
    fault = Fault("grids", "420102001001001", "is locked", "Unlock it: gridgis adjust unlock VERSION 420102001001001")
    jobs.end_task(told.store, number, "failed", said=str(fault), result={"faults": [vars(fault)]})
    assert planner.get(f"/api/tasks/{number}").json["said"] == str(fault)
    chinese = planner.get(f"/api/tasks/{number}", headers=ZH).json
    assert chinese["said"] == "420102001001001：已锁定。请先解锁 420102001001001。"


def test_notices_of_an_edit_come_in_the_language(planner):
    grids = {row["grid"] for row in rows(planner, "atoms")}
    for grid in sorted(grids):
        atoms = [row["id"] for row in rows(planner, "atoms") if row["grid"] == grid]
        for to in sorted(grids - {grid}):
            said = in_chinese(
                planner,
                "/api/drafts/2/edits",
                {"action": "give", "arguments": {"atoms": atoms, "to": to}, "dry_run": True},
            ).json
            if "refused" not in said and said["notices"]:
                assert said["notices"] == [f"{grid} 已没有基本单元，予以撤销"]
                return
    raise AssertionError("no grid can be given whole")


# ------------------------------------------------------------------ the page
def test_a_comment_and_a_rule_are_called_by_no_number_and_no_name_of_code():
    place = "the border of 990101001001001 and 990101001001002"
    faults = [
        Fault("comment", "1", f"on {place} is not answered: why", "Answer it first"),
        Fault("comment", "2", "is answered already", "See: gridgis comments"),
        Fault("version", "micro_out_of_range", "4 findings without a reason, such as 99010100100100101", ""),
        Fault("version", "990101 general 2", "is in force from no time", "Say it with --from TIME"),
    ]
    told = said_faults(faults, language="zh").splitlines()
    assert told[0].startswith("对边界 990101001001001 和 990101001001002 的意见尚未答复：why")
    assert told[1].startswith("意见：已经答复")
    assert told[2].startswith("微网格户数超出规模：有 4 个问题没有说明理由")
    assert "没有写明施行时间" in told[3]
    assert "请填写施行时间" in told[3]


@browser.needs_chromium
def test_the_chinese_page_tells_findings_and_refusals_in_chinese(app):
    with (
        served(app) as site,
        browser.chromium() as window,
        browser.opened(window, f"{site}/sign-in", viewport={"width": 1400, "height": 850}, locale="zh-CN") as (
            page,
            heard,
        ),
    ):
        open_draft(page, site, "planner")
        details = page.locator(".finding small").all_inner_texts()
        assert details
        assert not [text for text in details if LETTERS.search(text)]
        grid = page.evaluate("planner.gridsOf(planner.state.zone)[0].code")
        page.keyboard.press("s")
        page.select_option("#edit select[name=code]", grid)
        page.fill("#edit textarea[name=line]", "114.9 30.9, 114.91 30.9")
        page.locator("#edit textarea[name=line]").blur()
        page.wait_for_selector("#edit .refusal")
        said = page.inner_text("#edit .refusal")
        assert not LETTERS.search(re.sub(r"EPSG|CGCS|WGS|Gauss|Kruger|CM|zone|[A-Z]{2,}", "", said)), said
    assert heard.complaints == []
