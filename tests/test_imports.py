"""Divisions drawn elsewhere: sent, tried with every change listed, taken as a draft, or refused."""

from __future__ import annotations

import io
import os
import time
import zipfile

import browser
import keyboard
import openpyxl
import pytest
import shapely
from bad_files import BAD, Lure
from city import SMALL, begin_runner, end_runner, make_city, served, sign_in, signed_in
from foreign import same_land
from test_accessible import against_wcag

from gridgis import jobs
from gridgis.schema import KEYS
from webmap import uploaded
from webmap.language import page_texts


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"), plan=SMALL)


@pytest.fixture(scope="module")
def client(app):
    return signed_in(app, "planner")


@pytest.fixture(scope="module")
def stands(told):
    """The division in force."""
    return jobs.version(told.store, 1)


@pytest.fixture(scope="module")
def runner(told):
    """What does the work beside a server."""
    process = begin_runner(told)
    yield process
    end_runner(process)


def exported(stands, folder, name: str, **options) -> bytes:
    jobs.export_division(folder / name, division=stands, **options)
    return (folder / name).read_bytes()


def zipped(frame, folder, *, without: str = "") -> bytes:
    """Grids alone as a Shapefile in GBK."""
    frame.to_file(folder / "grids.shp", encoding="GBK")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for one in sorted(folder.glob("grids.*")):
            if one.suffix in {".shp", ".shx", ".dbf", ".prj", ".cpg"} - {without}:
                archive.write(one, one.name)
    return out.getvalue()


def send(client, data: bytes, name: str, **said):
    return client.post("/api/imports", data={"file": (io.BytesIO(data), name), **said})


def tried(client, data: bytes, name: str, *, seconds: float = 90, **said):
    """What came of a file, at the end of its task."""
    answer = send(client, data, name, **said)
    assert answer.status_code == 202, answer.text
    end = time.monotonic() + seconds
    while (one := client.get(f"/api/imports/{answer.json['task']}").json)["state"] in ("waiting", "running"):
        assert time.monotonic() < end, one
        time.sleep(0.1)
    return one


def kept(told) -> list[str]:
    """Everything of an upload that a server has: uploads, and divisions that wait."""
    folder = told.folder
    waiting = [str(one.relative_to(folder)) for one in uploaded._kept(told)]
    return sorted([*waiting, *(str(one.relative_to(folder)) for one in (folder / "tasks").rglob("*.gpkg"))])


def versions(told) -> int:
    return len(jobs.versions(told.store))


def refused_at_once(client, told, data: bytes, name: str, **said) -> str:
    before, drafts = kept(told), versions(told)
    answer = send(client, data, name, **said)
    assert answer.status_code == 422, answer.text
    assert (kept(told), versions(told)) == (before, drafts)
    return answer.json["error"]["message"]


def refused_when_tried(client, told, data: bytes, name: str, **said) -> str:
    """Why a trial came to nothing; nothing of it is left but its report."""
    before, drafts = kept(told), versions(told)
    one = tried(client, data, name, **said)
    assert one["state"] == "failed" or not one["result"]["possible"], one
    answer = client.post(f"/api/imports/{one['id']}/draft", json={})
    assert answer.status_code == 422
    assert "has made no division" in answer.json["error"]["message"]
    until_gone(told, before)
    assert versions(told) == drafts
    return (
        one["said"]
        if one["state"] == "failed"
        else " ".join(" ".join(each.values()) for each in one["result"]["faults"])
    )


def until_gone(told, before) -> None:
    """The upload goes right after its task is over."""
    end = time.monotonic() + 10
    while kept(told) != before:
        assert time.monotonic() < end, kept(told)
        time.sleep(0.05)


# ---------------------------------------------------------------- taken
@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize(("name", "options"), [("城区.zip", {"encoding": "gbk"}), ("a.gpkg", {})])
def test_what_was_exported_comes_back_as_a_draft_with_the_same_topology(
    client, app, told, stands, tmp_path, name, options
):
    before = kept(told)
    one = tried(client, exported(stands, tmp_path, name, **options), name)
    assert (one["state"], one["result"]["possible"], one["result"]["changes"]) == ("done", True, {}), one
    assert one["result"]["faults"] == []
    assert signed_in(app, "submitter").post(f"/api/imports/{one['id']}/draft", json={}).status_code == 403
    made = client.post(f"/api/imports/{one['id']}/draft", json={"note": "as drawn"})
    assert made.status_code == 201, made.text
    again = client.post(f"/api/imports/{one['id']}/draft", json={})
    assert (again.status_code, "taken already" in again.text) == (422, True)
    until_gone(told, before)
    found = next(row for row in client.get("/api/drafts").json["versions"] if row["id"] == made.json["version"])
    assert (found["author"], found["note"], found["state"], found["may_edit"]) == ("planner", "as drawn", "draft", True)
    draft = jobs.version(told.store, made.json["version"])
    for layer, key in KEYS.items():
        mine, other = (getattr(one, layer).sort_values(key, ignore_index=True) for one in (stands, draft))
        assert other[key].tolist() == mine[key].tolist()
        assert same_land(mine, other).all()
    assert draft.borders["border_class"].tolist() == stands.borders["border_class"].tolist()
    assert draft.grids["name"].tolist() == stands.grids["name"].tolist()


@pytest.mark.usefixtures("runner")
def test_grids_alone_keep_the_atoms_that_are_known(client, stands, tmp_path):
    one = tried(client, zipped(stands.grids[["grid_code", "name", "geometry"]], tmp_path), "grids.zip")
    assert one["result"]["possible"], one
    assert one["result"]["households"] == int(stands.atoms["households"].sum())


@pytest.mark.usefixtures("runner")
def test_a_table_gives_atoms_to_grids(client, told, stands):
    text = stands.atoms[["atom_id", "grid_code"]].assign(caller="王某某").to_csv(index=False)
    one = tried(client, text.encode("gbk"), "归属.csv")
    assert one["result"]["possible"], one
    made = client.post(f"/api/imports/{one['id']}/draft", json={}).json
    draft = jobs.version(told.store, made["version"])
    assert draft.grids["grid_code"].tolist() == stands.grids["grid_code"].tolist()
    assert len(draft.atoms) == len(stands.atoms)


@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize(("kind", "change"), [("overlap closed", shapely.union), ("gap closed", shapely.difference)])
def test_an_overlap_or_a_gap_is_closed_and_listed(client, stands, tmp_path, kind, change):
    frame = stands.grids[["grid_code", "name", "households", "geometry"]].copy()
    border = shapely.intersection(*frame.geometry.iloc[2:4])
    bite = shapely.buffer(shapely.line_interpolate_point(shapely.line_merge(border), 0.5, normalized=True), 2.0)
    frame.loc[2, "geometry"] = change(frame.loc[2, "geometry"], bite)
    one = tried(client, zipped(frame, tmp_path), "grids.zip")
    assert one["result"]["possible"], one
    assert one["result"]["changes"].get(kind, 0) >= 1, one["result"]["changes"]
    assert any(row["kind"] == kind for row in one["result"]["rows"])
    report = client.get(f"/api/tasks/{one['id']}/file?which=report").data
    header, *rows = openpyxl.load_workbook(io.BytesIO(report)).active.iter_rows(values_only=True)
    assert len(rows) >= sum(one["result"]["changes"].values())
    assert header


# ---------------------------------------------------------------- refused
@pytest.mark.usefixtures("runner")
def test_a_wrong_crs_is_told(client, told, stands, tmp_path):
    grids = stands.grids[["grid_code", "geometry"]]
    data = zipped(grids, tmp_path, without=".prj")
    assert "no CRS stands in the file" in refused_when_tried(client, told, data, "grids.zip")
    assert "grids" in refused_when_tried(client, told, data, "grids.zip", crs="EPSG:4326")
    assert "is no CRS" in refused_at_once(client, told, data, "grids.zip", crs="/vsicurl/http://x")
    one = tried(client, data, "grids.zip", crs=grids.crs.to_string())
    assert one["result"]["possible"], one


@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize("side", [".shx", ".dbf"])
def test_half_a_shapefile_is_told(client, told, stands, tmp_path, side):
    data = zipped(stands.grids[["grid_code", "geometry"]], tmp_path, without=side)
    assert side.strip(".") in refused_when_tried(client, told, data, "grids.zip").lower()


@pytest.mark.usefixtures("runner")
def test_grids_that_cannot_be_are_listed(client, told, stands, tmp_path):
    frame = stands.grids[["grid_code", "geometry"]].iloc[1:]
    said = refused_when_tried(client, told, zipped(frame, tmp_path), "grids.zip")
    assert "are in none of its grids" in said
    last = max(one["id"] for one in client.get("/api/tasks").json["tasks"])
    faults = client.get(f"/api/imports/{last}", headers={"Accept-Language": "zh"}).json["result"]["faults"]
    assert "不在任何网格内" in faults[0]["problem"]
    assert faults[0]["cure"] == "请把网格绘制到社区边界"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.vrt", b"<OGRVRTDataSource/>", "are not taken"),
        ("a.shp", b"\x00\x00\x27\x0a", "are not taken"),
        ("../../a.gpkg", b"SQLite format 3\0", "could be taken for an address"),
        ("a.zip", b"PK\x03\x04" + b"\0" * 200, "a.zip"),
        ("a.geojson", b"", "is empty"),
        ("a.gpkg", b"SQLite format 3\0" + b"\0" * 300, "a.gpkg"),
    ],
)
def test_what_is_no_division_is_refused_at_once(client, told, name, data, said):
    assert said in refused_at_once(client, told, data, name)


@pytest.mark.parametrize("key", sorted(key for key, one in BAD.items() if one.name.endswith((".zip", ".gpkg")))[:12])
def test_what_nobody_should_send_leaves_nothing(client, told, tmp_path, key):
    """Refused at once, or what the trial refuses; the trial itself is held by tests of the reader."""
    bad, before = BAD[key], kept(told)
    (tmp_path / "secret").write_text("the-secret-of-the-server", encoding="utf-8")
    bad.make(tmp_path / "made", Lure(tmp_path / "secret", "http://127.0.0.1:9/"))
    answer = send(client, (tmp_path / "made").read_bytes(), bad.name)
    assert answer.status_code in (202, 422), answer.text
    for hidden in ("the-secret", str(told.folder), "/tmp", "Traceback"):
        assert hidden not in answer.text
    if answer.status_code == 202:
        client.post(f"/api/tasks/{answer.json['task']}/cancel")
    until_gone(told, before)


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ({"area": "310112"}, 403, "outside your area"),
        ({"area": "42"}, 422, "area"),
        ({"encoding": "latin-1"}, 422, "encoding"),
    ],
)
def test_what_is_said_beside_a_file_is_judged(client, told, stands, tmp_path, said, status, words):
    before = kept(told)
    answer = send(client, exported(stands, tmp_path, "a.gpkg"), "a.gpkg", **said)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert kept(told) == before


def test_another_area_has_nothing_in_force(app, stands, tmp_path):
    data = exported(stands, tmp_path, "a.gpkg")
    answer = send(signed_in(app, "other_planner"), data, "a.gpkg")
    assert (answer.status_code, "nothing is in force there" in answer.text) == (422, True), answer.text
    assert send(signed_in(app, "other_planner"), data, "a.gpkg", area="420102").status_code == 403
    assert send(signed_in(app, "worker"), data, "a.gpkg").status_code == 403


@pytest.mark.usefixtures("runner")
def test_grids_outside_the_zones_of_an_area_are_refused(client, told, stands, tmp_path):
    zone = stands.zones["zone_code"].iloc[0]
    data = zipped(stands.grids[["grid_code", "geometry"]], tmp_path)
    assert "lies in none of the zones" in refused_when_tried(client, told, data, "grids.zip", area=zone)


@pytest.mark.usefixtures("runner")
def test_one_zone_is_imported_and_the_others_go_along(client, told, stands, tmp_path):
    zone = stands.zones["zone_code"].iloc[0]
    frame = stands.grids.loc[stands.grids["zone_code"] == zone, ["grid_code", "name", "geometry"]]
    one = tried(client, zipped(frame, tmp_path), "grids.zip", area=zone)
    assert one["result"]["possible"], one
    made = client.post(f"/api/imports/{one['id']}/draft", json={})
    assert made.status_code == 201, made.text
    draft = jobs.version(told.store, made.json["version"])
    assert draft.grids["grid_code"].tolist() == stands.grids["grid_code"].tolist()


def test_a_task_of_somebody_else_or_of_another_kind_is_no_import(client, app, told, stands, tmp_path):
    before = kept(told)
    number = send(client, exported(stands, tmp_path, "a.gpkg"), "a.gpkg").json["task"]
    for who in ("submitter", "city_planner"):
        assert signed_in(app, who).get(f"/api/imports/{number}").status_code == 403
        assert signed_in(app, who).post(f"/api/imports/{number}/draft", json={}).status_code == 403
    assert client.post(f"/api/imports/{number}/draft", json={}).status_code == 422
    client.post(f"/api/tasks/{number}/cancel")
    until_gone(told, before)
    other = jobs.ask_task(told.store, "audit", {}, by="planner", area="420102")
    assert client.get(f"/api/imports/{other}").status_code == 422
    jobs.cancel_task(told.store, other, by="planner")


# ---------------------------------------------------------------- on the page
@pytest.fixture(scope="module")
def site(app):
    with served(app) as address:
        yield address


@pytest.mark.usefixtures("runner")
@browser.needs_chromium
@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_sign_in_to_the_opened_draft(site, told, stands, tmp_path, language):
    words = page_texts(language)["importing"]
    frame = stands.grids[["grid_code", "name", "households", "geometry"]].copy()
    frame.loc[2, "geometry"] = shapely.buffer(frame.loc[2, "geometry"], 0.4, join_style="mitre")
    sent = {"name": "网格.zip", "mimeType": "application/zip", "buffer": zipped(frame, tmp_path)}
    before = versions(told)
    size = {"width": 1400, "height": 850}
    with browser.chromium() as window, browser.opened(window, site, viewport=size, locale=language) as (page, heard):
        sign_in(page, site, "planner", onward=f"/?lang={language}")
        page.wait_for_selector("body.drawn")
        page.keyboard.press("i")
        page.wait_for_selector("#import[open] .drop")
        look(page, f"{language}-begun")
        page.set_input_files("#import-file", {**sent, "name": "a.txt"})
        page.wait_for_selector(".batch-fault:not(:empty)")
        look(page, f"{language}-refused")
        page.set_input_files("#import-file", sent)
        page.wait_for_selector("#import-take")
        look(page, f"{language}-tried")
        assert words["possible"] in page.inner_text("#import")
        assert page_texts(language)["import_changes"]["overlap_closed"] in page.inner_text("#import-changes")
        page.reload()  # the same again, by its address
        page.wait_for_selector("#import-take")
        page.fill("#import-note", "来自设计院")
        page.focus("#import-take")
        page.keyboard.press("Enter")
        page.wait_for_url("**version=**")
        page.wait_for_selector("body.drawn")
        assert "import=" not in page.url
        assert page.is_visible("#tools")
        look(page, f"{language}-draft")
        assert heard.outside(site) == []
        assert [one for one in heard.complaints if "422" not in one] == []
    assert versions(told) == before + 1
    new = jobs.versions(told.store)[-1]
    assert (new.author, new.note, new.state) == ("planner", "来自设计院", "draft")
    assert f"version={new.id}" in page.url


@pytest.mark.usefixtures("runner")
@browser.needs_chromium
def test_what_came_of_it_is_read_on_a_phone_without_webgl(site, client, stands, tmp_path):
    """The address of an import leads to it; it holds to WCAG, whether it can be taken or not."""
    good = zipped(stands.grids[["grid_code", "name", "households", "geometry"]], tmp_path)
    bad = zipped(stands.grids[["grid_code", "geometry"]].iloc[1:], tmp_path)
    numbers = [tried(client, data, "grids.zip")["id"] for data in (good, bad)]
    size = {"width": 390, "height": 844}
    with browser.chromium() as window, browser.opened(window, site, viewport=size, locale="en") as (page, heard):
        page.add_init_script(NO_WEBGL)
        sign_in(page, site, "planner", onward="/%3Flang=en")
        for number, shown in zip(numbers, ("#import-take", "#import-faults"), strict=True):
            page.goto(f"{site}/?lang=en&import={number}")
            page.wait_for_selector(shown)
            look(page, f"phone-{shown[8:]}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert against_wcag(page) + keyboard.faults(page) == []
        assert heard.outside(site) == []


NO_WEBGL = """{
  const was = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    return kind.startsWith("webgl") ? null : was.call(this, kind, ...more);
  };
}"""


def look(page, name: str) -> None:
    """Keep a picture, where somebody wants to see it."""
    if folder := os.environ.get("GRIDGIS_PICTURES"):
        page.screenshot(path=f"{folder}/import-{name}.png")
