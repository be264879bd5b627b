"""Files of cases on the dispatch page: sent, matched, tried, resolved in the background, taken home."""

from __future__ import annotations

import csv
import io
import os
import time

import browser
import openpyxl
import pytest
from bad_files import BAD, Lure
from city import begin_runner, end_runner, served, sign_in, signed_in
from test_resolve_api import client, division, inside, told
from werkzeug.exceptions import TooManyRequests

from gridgis.errors import Denied, InputRefused
from gridgis.jobs.case_batches import FIELDS, PROBLEMS, kind_of_problem
from webmap import uploaded
from webmap.language import page_texts
from webmap.work import KINDS, Asked

__all__ = ["client", "division", "told"]

HEADER = ("案件编号", "经度", "纬度", "问题类型", "来电人")
SECRET = "王某某"


@pytest.fixture(scope="module")
def runner(told):
    """What does the work beside a server."""
    process = begin_runner(told)
    yield process
    end_runner(process)


def rows_of(division) -> tuple[list[str], list[list[str]]]:
    """Three cases with a grid, one in none, one without a place; and the codes of the grids."""
    places = [inside(division, row=row) for row in (0, 3, 6)]
    good = [[f"A-{k}", f"{lon:.7f}", f"{lat:.7f}", "a hole", SECRET] for k, (_, lon, lat) in enumerate(places)]
    return [code for code, _, _ in places], [
        *good,
        ["=A-3", "100.5", "20.5", "a hole", SECRET],
        ["A-4", "", "", "", ""],
    ]


def in_gbk(division) -> bytes:
    lines = [",".join(row) for row in (HEADER, *rows_of(division)[1])]
    return "\r\n".join([*lines[:3], ",,,,", *lines[3:]]).encode("gbk")


def in_workbook(division) -> bytes:
    book = openpyxl.Workbook()
    for row in (HEADER, *rows_of(division)[1]):
        book.active.append(row)
    book.active["A5"].data_type = "s"  # a text, and no formula
    book.active.append(["A-5", "=1+100", None, None, None])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def send(client, data: bytes, name: str):
    return client.post("/api/batches", data={"file": (io.BytesIO(data), name)})


def waiting(told) -> list[str]:
    return sorted(one.name for one in uploaded._kept(told))


def until(client, number, *states, seconds=60):
    end = time.monotonic() + seconds
    while (one := client.get(f"/api/tasks/{number}").json)["state"] not in states:
        assert time.monotonic() < end, one
        time.sleep(0.1)
    return one


# ---------------------------------------------------------------- sent
def test_a_text_in_gbk_is_looked_at(client, told, division):
    answer = send(client, in_gbk(division), "案件 11月.csv")
    assert answer.status_code == 201, answer.text
    seen = answer.json
    assert seen["name"] == "案件 11月.csv"
    assert seen["columns"] == list(HEADER)
    assert seen["matched"] == dict(zip(("case_id", "lon", "lat", "item"), HEADER, strict=False))
    assert (seen["rows"], [row[0] for row in seen["first"]]) == (5, ["A-0", "A-1", "A-2"])
    assert "GBK" in " ".join(seen["notices"])
    assert seen["systems"] == ["EPSG:4326", "EPSG:4490", "gcj02", "bd09", division.grids.crs.to_string()]
    folder = told.folder / "uploads"
    assert (folder.stat().st_mode & 0o777, (folder / seen["id"]).stat().st_mode & 0o777) == (0o700, 0o700)
    assert sorted(one.name for one in (folder / seen["id"]).iterdir()) == ["about.json", "file"]
    assert client.get(f"/api/batches/{seen['id']}").json == seen
    assert client.delete(f"/api/batches/{seen['id']}").status_code == 204
    assert client.get(f"/api/batches/{seen['id']}").status_code == 422
    assert not (folder / seen["id"]).exists()


def test_formulas_of_a_workbook_are_never_reckoned(client, division):
    seen = send(client, in_workbook(division), "cases.xlsx").json
    assert (seen["rows"], seen["matched"]["lon"]) == (6, "经度")
    assert "formula without a saved value was left empty (1)" in " ".join(seen["notices"])


@pytest.mark.parametrize(
    "key", ["vrt_as.csv", "vrt_as.xlsx", "bomb_of_a_sheet", "billion_laughs", "archive_as_workbook"]
)
def test_what_nobody_should_send_is_refused_and_gone(client, told, tmp_path, key):
    bad, before = BAD[key], waiting(told)
    (tmp_path / "secret").write_text("the-secret-of-the-server", encoding="utf-8")
    bad.make(tmp_path / "made", Lure(tmp_path / "secret", "http://127.0.0.1:9/"))
    answer = send(client, (tmp_path / "made").read_bytes(), bad.name)
    assert answer.status_code == 422
    assert bad.said in answer.json["error"]["message"]
    for hidden in ("the-secret", str(told.folder), "/tmp", "Traceback"):
        assert hidden not in answer.text
    assert waiting(told) == before


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.vrt", b"x", "are not taken"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "are not taken"),
        ("../../a.csv", b"id,lon,lat\n1,2,3\n", "could be taken for an address"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"id,lon,lat\n", "holds no case"),
        ("a.csv", b"lon,lat\n1,121.4,31.2\n2,121.4,31.2\n", "more cells than its first row has names"),
    ],
)
def test_a_file_that_is_none_is_told_why(client, told, name, data, said):
    before = waiting(told)
    answer = send(client, data, name)
    assert (answer.status_code, said in answer.json["error"]["message"]) == (422, True), answer.text
    assert waiting(told) == before


def test_more_than_fifty_megabytes_are_not_taken(client, told):
    before = waiting(told)
    assert send(client, b"id,lon,lat\n" + b"1,2,3\n" * 9_000_000, "a.csv").status_code == 413
    assert client.post("/api/batches").status_code == 422
    assert waiting(told) == before


def test_two_are_read_at_a_time(told, monkeypatch):
    monkeypatch.setattr(uploaded, "WAIT_S", 0.2)
    full = pytest.raises(TooManyRequests, match="Others are sending")
    with uploaded.turn(told), uploaded.turn(told), full, uploaded.turn(told):
        pass
    with uploaded.turn(told):
        pass


# ---------------------------------------------------------------- whose it is, and how long
def test_a_file_is_its_sender_s_alone(client, app, division):
    number = send(client, in_gbk(division), "a.csv").json["id"]
    for who in ("city_dispatcher", "other_dispatcher", "administrator"):
        other = signed_in(app, who)
        assert other.get(f"/api/batches/{number}").status_code == 403
        assert other.post(f"/api/batches/{number}/run", json={"columns": {"address": "经度"}}).status_code == 403
        assert other.delete(f"/api/batches/{number}").status_code == 403
    assert signed_in(app, "worker").get(f"/api/batches/{number}").status_code == 403
    assert client.get(f"/api/batches/{number}").status_code == 200


@pytest.mark.parametrize("number", ["1", "../secret", "0" * 32, "%2e%2e"])
def test_what_is_no_batch_is_not_there(client, number):
    assert client.get(f"/api/batches/{number}").status_code in (404, 422)


def test_what_waits_too_long_goes(client, told):
    numbers = [
        send(client, b"id,lon,lat\n1,121.4,31.2\n", f"{k}.csv").json["id"] for k in range(uploaded.MOST_OF_ONE + 1)
    ]
    assert waiting(told) == sorted(numbers[1:])
    uploaded.sweep(told, now=time.time() + uploaded.KEPT_S - 60)
    assert waiting(told) == sorted(numbers[1:])
    uploaded.sweep(told, now=time.time() + uploaded.KEPT_S + 60)
    assert waiting(told) == []


# ---------------------------------------------------------------- matched
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"columns": {"lon": "经度"}}, "neither coordinates nor an address"),
        ({"columns": {"lon": "经度", "lat": "经度"}}, "more than once"),
        ({"columns": {"lon": "经度", "lat": "no such"}}, "no column no such"),
        ({"columns": {"caller": "来电人", "address": "经度"}}, "nothing that is told of a case"),
        ({"columns": {"lon": "经度", "lat": "纬度"}, "case_crs": "EPSG:0"}, "EPSG:0"),
        ({"columns": {"lon": "经度", "lat": "纬度"}, "case_crs": "/vsicurl/http://x"}, "vsicurl"),
        ({"columns": "x"}, "columns"),
        ({"columns": {"lon": "经度", "lat": "纬度"}, "format": "exe"}, "format"),
    ],
)
def test_columns_that_cannot_be_are_refused_at_once(client, division, asked, said):
    number = send(client, in_gbk(division), "a.csv").json["id"]
    answer = client.post(f"/api/batches/{number}/run", json=asked)
    assert answer.status_code == 422
    assert said in answer.text


# ---------------------------------------------------------------- before anybody works on it
def test_cancelling_deletes_the_file_but_not_after_a_dry_run(client, app, told, division):
    seen = send(client, in_gbk(division), "a.csv").json
    for dry in (True, False):
        asked = {"columns": seen["matched"], "dry_run": dry}
        number = client.post(f"/api/batches/{seen['id']}/run", json=asked).json["task"]
        assert signed_in(app, "city_dispatcher").post(f"/api/tasks/{number}/cancel").status_code == 403
        assert (told.folder / "uploads" / seen["id"]).exists()
        assert client.post(f"/api/tasks/{number}/cancel").json["state"] == "cancelled"
        assert (told.folder / "uploads" / seen["id"]).exists() == dry


def test_a_task_reads_files_of_who_asked_alone(client, told, tmp_path, division):
    """Whatever stands in the row of a task."""
    number = send(client, in_gbk(division), "a.csv").json["id"]
    asked = {"batch": number, "columns": {"address": "经度"}, "case_crs": "EPSG:4326", "dry_run": True, "format": "csv"}
    with pytest.raises(Denied, match="somebody else"):
        KINDS["resolve"](told, Asked(1, asked, "city_dispatcher", tmp_path), lambda _stage, _share: None)
    with pytest.raises(InputRefused, match="not there any more"):
        KINDS["resolve"](
            told, Asked(1, {**asked, "batch": "../x"}, "dispatcher", tmp_path), lambda _stage, _share: None
        )


def test_every_kind_of_problem_has_its_words():
    for language in ("en", "zh"):
        assert set(PROBLEMS) == set(page_texts(language)["batch_problems"])
        assert set(FIELDS) == set(page_texts(language)["batch_fields"])
    assert kind_of_problem("address not found: the street is missing") == "address_not_found"
    assert kind_of_problem("something new") == "other"


# ---------------------------------------------------------------- the whole way
@pytest.mark.usefixtures("runner")
def test_a_dry_run_counts_and_keeps_the_file(client, division):
    seen = send(client, in_gbk(division), "a.csv").json
    asked = {"columns": seen["matched"], "dry_run": True}
    tried = client.post(f"/api/batches/{seen['id']}/run", json=asked)
    assert tried.status_code == 202
    one = until(client, tried.json["task"], "done", "failed")
    assert one["state"] == "done", one
    assert (one["result"]["cases"], one["result"]["methods"]["inside"]) == (5, 3)
    assert one["result"]["kinds"] == {"missing": 1, "in_no_grid": 1}
    assert [row["row"] for row in one["result"]["rows"]] == [6, 7]  # there is an empty row in the text
    assert one["result"]["rows"][0]["case_id"] == "=A-3"
    assert client.get(f"/api/tasks/{one['id']}/file").status_code == 422
    assert client.get(f"/api/tasks/{one['id']}/file?which=problems").status_code == 200
    assert client.get(f"/api/batches/{seen['id']}").status_code == 200


@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize(("make", "name", "ending"), [(in_gbk, "a.csv", "xlsx"), (in_workbook, "a.xlsx", "csv")])
def test_a_file_is_resolved_and_its_answers_taken_home(client, app, told, division, make, name, ending):
    codes, _ = rows_of(division)
    seen = send(client, make(division), name).json
    asked = {"columns": seen["matched"], "format": ending}
    lost, first = seen["rows"] - 3, 6 if name == "a.csv" else 5
    number = client.post(f"/api/batches/{seen['id']}/run", json=asked).json["task"]
    done = until(client, number, "done", "failed")
    assert done["state"] == "done", done
    assert client.get(f"/api/tasks/{number}/file?which=nothing").status_code == 422
    answers = table(client.get(f"/api/tasks/{number}/file").data, ending)
    assert [row["case_id"] for row in answers[:4]] == ["A-0", "A-1", "A-2", "'=A-3"]
    assert [row["grid_code"] for row in answers[:3]] == codes
    assert [row["lead"] for row in answers[:3]] == ["Roads"] * 3
    problems = table(client.get(f"/api/tasks/{number}/file?which=problems").data, ending)
    assert [str(row["row"]) for row in problems] == [str(first + k) for k in range(lost)]
    assert problems[0] | {"problem": ""} == {
        **problems[0],
        "case_id": "'=A-3",
        "经度": "100.5",
        "纬度": "20.5",
        "problem": "",
    }
    assert signed_in(app, "city_dispatcher").get(f"/api/tasks/{number}/file?which=problems").status_code == 403
    wait_until_gone(told, seen["id"])
    made = [path for path in (told.folder / "tasks").rglob("*") if path.is_file()]
    assert {path.suffix for path in made} <= {".csv", ".xlsx"}
    assert [path for path in made if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in client.get(f"/api/tasks/{number}").text


def wait_until_gone(told, number: str) -> None:
    """The upload goes right after its task is over."""
    end = time.monotonic() + 10
    while (told.folder / "uploads" / number).exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def table(data: bytes, ending: str) -> list[dict[str, object]]:
    if ending == "csv":
        return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    header, *rows = openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


# ---------------------------------------------------------------- on the page
@pytest.fixture(scope="module")
def site(app):
    with served(app) as address:
        yield address


DROP = """([name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  for (const kind of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.mark.usefixtures("runner")
@browser.needs_chromium
@pytest.mark.parametrize(
    ("language", "size"), [("zh", {"width": 1400, "height": 850}), ("en", {"width": 390, "height": 844})]
)
def test_a_file_is_dropped_matched_tried_and_resolved(site, division, language, size):
    words = page_texts(language)["batch"]
    with browser.chromium() as window, browser.opened(window, site, viewport=size, locale=language) as (page, heard):
        sign_in(page, site, "dispatcher", onward=f"/dispatch?lang={language}")
        page.wait_for_selector("body.drawn")
        if language == "zh":
            page.evaluate(DROP, ["a.csv", list(in_gbk(division))])
        else:
            page.evaluate("document.activeElement.blur()")
            page.keyboard.press("m")
            look(page, f"{language}-begun")
            page.set_input_files("#batch-file", {"name": "a.csv", "mimeType": "text/csv", "buffer": in_gbk(division)})
        page.wait_for_selector("#batch-try:enabled")
        look(page, f"{language}-matched")
        assert page.input_value("#batch-lon") == "经度"
        assert "A-1" in page.inner_text("tr:has(#batch-case_id)")
        page.select_option("#batch-lat", "")
        assert words["needs"] in page.inner_text("#batch-wrong")
        assert page.is_disabled("#batch-run")
        page.select_option("#batch-lat", "纬度")
        page.select_option("#batch-source", "来电人")
        page.click("#batch-try")
        page.wait_for_selector("#batch-problems")
        look(page, f"{language}-tried")
        assert "=A-3" in page.inner_text("#batch-problems")
        assert page_texts(language)["batch_problems"]["in_no_grid"] in page.inner_text("#batch-problems")
        assert [int(text) for text in page.locator(".batch-figures b").all_inner_texts()][:2] == [3, 2]
        assert "batch=" in page.url
        page.reload()  # the same place again, with what was chosen
        page.wait_for_selector("#batch-problems")
        page.click("#batch-back")
        assert page.input_value("#batch-source") == "来电人"
        page.select_option("#batch-source", "")
        assert "来电人" in page.inner_text("#batch-rest")
        page.click("#batch-run")
        page.wait_for_selector(f"a.file:has-text('{words['answers']}')")
        look(page, f"{language}-done")
        with page.expect_download() as taken:
            page.click(f"a.file:has-text('{words['answers']}')")
        with open(taken.value.path(), encoding="utf-8-sig") as file:
            assert [row["grid_code"] for row in csv.DictReader(file)][:3] == rows_of(division)[0]
        page.keyboard.press("Escape")
        page.wait_for_selector("#batch", state="hidden")
        assert heard.outside(site) == []
        assert heard.complaints == []


def look(page, name: str) -> None:
    """Keep a picture, where somebody wants to see it."""
    if folder := os.environ.get("GRIDGIS_PICTURES"):
        page.screenshot(path=f"{folder}/batch-{name}.png")
