"""What a server refuses on Chinese pages: files, reviews, addresses, fields; and the changes of an import."""

from __future__ import annotations

import datetime
import io
import pkgutil
import re
from importlib import import_module
from typing import Annotated, Literal

import pytest
import shapely
from city import SMALL, begin_runner, client_of, end_runner, make_city, signed_in
from pydantic import BaseModel, Field, ValidationError
from test_imports import tried, zipped
from werkzeug.exceptions import default_exceptions

import webmap
from gridgis import jobs
from gridgis.publish.said import load_faults, said_field
from webmap.planner import LAYERS

ROLES = ("planner", "submitter", "reviewer", "dispatcher", "administrator")
ZH = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}
NAMES = re.compile(
    r"EPSG:n|EPSG:[\d-]+|\d{6} (general|dedicated) \d+|GeoPackage|GeoJSON|Shapefile|CSV|XLSX|[\w.-]+://\S+"
    r"|\.?(csv|geojson|json|gpkg|zip|parquet|xlsx|txt)\b"
)
"""Names of files, formats and addresses, and of a coordinate system."""
LETTERS = re.compile("[A-Za-z]{2,}")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"), plan=SMALL, roles=ROLES)


@pytest.fixture(scope="module")
def people(app):
    return {role: signed_in(app, role) for role in ROLES}


def in_chinese(text, *own):
    """Whether a text is Chinese, but for names and what stands in `own`."""
    for one in sorted(own, key=len, reverse=True):
        text = text.replace(one, "")
    return re.search("[\u4e00-\u9fff]", text) and not LETTERS.search(NAMES.sub("", text))


def refused(answer, status, *own):
    """The error of an answer, which is said in Chinese through and through."""
    error = answer.json["error"]
    assert answer.status_code == status, error
    for text in (error["message"], *(one[part] for one in error["details"] or () for part in ("problem", "cure"))):
        assert in_chinese(text, *own), text
    return error


# ------------------------------------------------------------------ files
@pytest.mark.parametrize(
    ("who", "path", "name", "data"),
    [
        ("planner", "/api/imports", "a.zip", b"nonsense"),
        ("planner", "/api/imports", "a.txt", b"nonsense"),
        ("planner", "/api/imports", "a.geojson", b"[1, 2"),
        ("planner", "/api/imports", "a.csv", b""),
        ("dispatcher", "/api/batches", "a.csv", b"id,lon\n"),
        ("dispatcher", "/api/batches", "a.xlsx", b"PK\x03\x04" + b"\0" * 200),
    ],
)
def test_refusals_of_files_are_chinese(people, who, path, name, data):
    sent = {"file": (io.BytesIO(data), name)}
    refused(people[who].post(path, data=sent, headers=ZH), 422)


def test_columns_of_a_file_that_are_none_are_told_in_chinese(people):
    sent = people["dispatcher"].post("/api/batches", data={"file": (io.BytesIO(b"id,x\n1,2\n"), "a.csv")}).json
    asked = {"columns": {"lon": "nowhere", "colour": "x"}}
    answer = people["dispatcher"].post(f"/api/batches/{sent['id']}/run", json=asked, headers=ZH)
    refused(answer, 422, "nowhere", "colour", *sent["fields"])


# ------------------------------------------------------------------ the register
def test_refusals_of_the_register_are_chinese(people):
    for who, path, body, own in (
        ("reviewer", "/api/reviews/2/return", {"reason": "x"}, ["reviewer"]),
        ("reviewer", "/api/reviews/9/return", {"reason": "x"}, []),
        ("submitter", "/api/reviews/1/submit", {"reasons": {}}, []),
        ("reviewer", "/api/reviews/2/comments", {"code": "420102009009", "text": "?"}, []),
        ("administrator", "/api/admin/users", {"name": "new", "role": "boss", "area": "420102"}, ["boss", "new"]),
        ("administrator", "/api/admin/users", {"name": "new", "role": "planner", "area": ""}, ["administrator"]),
        ("administrator", "/api/admin/users", {"name": "planner", "role": "planner", "area": "420102"}, ["planner"]),
        ("administrator", "/api/admin/webhooks", {"url": "ftp://x"}, []),
    ):
        refused(people[who].post(path, json=body, headers=ZH), 422, *own)


def test_pages_of_accounts_say_in_chinese_why_they_refuse(app, people):
    asked = {"old": "x", "new": "abc", "again": "abc"}
    for answer in (
        client_of(app).post("/sign-in", data={"name": "nobody", "password": "x"}, headers=ZH),
        people["reviewer"].post("/account", data=asked, headers=ZH),
        people["reviewer"].post("/account", data={**asked, "again": "other"}, headers=ZH),
        people["reviewer"].post("/account/keys", data={"label": "", "days": "x"}, headers=ZH),
        people["planner"].get("/nowhere", headers={**ZH, "Accept": "text/html"}),
    ):
        assert answer.status_code in (401, 404, 422)
        told = re.search(r'role="alert">([^<]+)<', answer.text)
        assert told, answer.text[:400]
        assert in_chinese(told[1]), told[1]


# ------------------------------------------------------------------ addresses
def test_what_is_not_there_is_told_in_chinese(people):
    client = people["planner"]
    for answer, status, own in (
        (client.get("/nowhere", headers=ZH), 404, ()),
        (client.put("/api/tasks", headers=ZH), 405, ()),
        (client.get("/tiles/30/0/0.mvt", headers=ZH), 404, ()),
        (client.get("/api/division/nothing", headers=ZH), 404, ("nothing", *LAYERS)),
        (client.get("/api/public/grid?code=999999999999999", headers=ZH), 404, ()),
        (client.get("/api/versions/x", headers=ZH), 404, ()),
        (client.post("/api/drafts/2/edits", data="{", content_type="application/json", headers=ZH), 400, ()),
        (client.post("/api/batches", headers=ZH), 403, ()),
    ):
        refused(answer, status, *own)
    english = client.get("/nowhere").json["error"]["message"]
    assert english.isascii()


def test_every_status_has_its_sentence():
    assert set(map(str, default_exceptions)) - {
        "417",
        "418",
        "421",
        "423",
        "424",
        "428",
        "451",
        "501",
        "502",
        "505",
    } <= (set(load_faults("zh")["statuses"]))


# ------------------------------------------------------------------ fields
def models():
    """Every model of a request."""
    for module in pkgutil.walk_packages(webmap.__path__, "webmap."):
        import_module(module.name)
    waiting = [BaseModel]
    while waiting:
        for one in waiting.pop().__subclasses__():
            waiting.append(one)
            if one.__module__.startswith("webmap") and not one.__name__.endswith("Out"):
                yield one


def test_every_field_of_a_request_has_a_chinese_name():
    fields = {name for model in models() for name in model.model_fields}
    assert len(fields) > 50
    assert fields - load_faults("zh")["field_names"].keys() == set()


def test_wrong_fields_are_told_in_chinese(people):
    client = people["planner"]
    asked = {"action": "give", "arguments": {"atoms": [1], "to": "12", "more": True}}
    error = refused(client.post("/api/drafts/2/edits", json=asked, headers=ZH), 422, "more")
    assert error["message"] == "基本单元第 1 项：应为文本；去向：不符合规定的格式；more：没有这一项"
    assert [one["layer"] for one in error["details"]] == [
        "give.arguments.atoms.0", "give.arguments.to", "give.arguments.more",
    ]  # fmt: skip
    english = client.post("/api/drafts/2/edits", json=asked).json["error"]
    assert english["message"].startswith("give.arguments.atoms.0: Input should be a valid string; ")
    assert english["details"][0]["cure"] == "See /openapi.json"
    refused(client.post("/api/drafts/2/redivide", json={"codes": [], "effort": "huge"}, headers=ZH), 422)
    user = {"name": "", "role": "x" * 50, "area": "abc"}
    refused(people["administrator"].post("/api/admin/users", json=user, headers=ZH), 422)


class Wrong(BaseModel):
    """A field for each kind of error that a request may make."""

    text: str
    short: Annotated[str, Field(min_length=2)]
    long: Annotated[str, Field(max_length=2)]
    whole: int
    part: Annotated[int, Field(ge=1)]
    much: Annotated[float, Field(lt=1)]
    one: Literal["a", "b"]
    at: datetime.datetime
    some: Annotated[list[int], Field(min_length=1)]
    yes: bool
    gone: str


def test_kinds_of_errors_of_fields_have_their_sentences():
    given = {
        "text": 1, "short": "a", "long": "abc", "whole": 1.5, "part": 0, "much": 2, "one": "c", "at": "x", "some": [],
        "yes": "x",
    }  # fmt: skip
    with pytest.raises(ValidationError) as wrong:
        Wrong(**given)
    errors = wrong.value.errors()
    assert len(errors) == len(Wrong.model_fields)
    for one in errors:
        told = said_field(one["type"], one.get("ctx", {}), one["msg"], language="zh")
        assert in_chinese(told), told
        assert told != load_faults("zh")["fields"]["otherwise"], one["type"]
        assert said_field(one["type"], one.get("ctx", {}), one["msg"], language="en") == one["msg"]
    assert said_field("new_kind", {}, "Something", language="zh") == "填写有误"
    assert said_field("value_error", {}, "Value error, is empty", language="zh") == "是空的"


# ------------------------------------------------------------------ imports
def test_changes_of_an_import_are_told_in_chinese(people, told, tmp_path):
    stands = jobs.version(told.store, 1)
    frame = stands.grids[["grid_code", "name", "households", "geometry"]].copy()
    border = shapely.intersection(*frame.geometry.iloc[2:4])
    bite = shapely.buffer(shapely.line_interpolate_point(shapely.line_merge(border), 0.5, normalized=True), 2.0)
    frame.loc[2, "geometry"] = shapely.union(frame.loc[2, "geometry"], bite)
    frame.loc[5, "grid_code"] = frame.loc[6, "grid_code"]
    process = begin_runner(told)
    try:
        one = tried(people["planner"], zipped(frame, tmp_path), "grids.zip")
    finally:
        end_runner(process)
    english = one["result"]
    chinese = people["planner"].get(f"/api/imports/{one['id']}", headers=ZH).json["result"]
    assert {row["kind"] for row in english["rows"]} >= {"overlap closed", "code changed"}
    for was, now in zip(english["rows"], chinese["rows"], strict=True):
        assert {**was, "row": "", "detail": ""} == {**now, "row": "", "detail": ""}
        assert (was["row"] + was["detail"]).isascii()
        assert in_chinese(now["row"]), now
        assert not now["detail"] or in_chinese(now["detail"]), now
    assert english["notices"]
    for text in chinese["notices"]:
        assert in_chinese(text.replace("GBK", "")), text
