"""Drafts as JSON: rights, edits and what they would do, conflicts, lines, undo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from city import SMALL, make_city, make_users, signed_in

from gridgis import jobs
from gridgis.registry.store import Conflict
from webmap.work import KINDS, Asked

ZONE = "420102001001"
DRAFT = "/api/drafts/2"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    made = make_city(tmp_path_factory.mktemp("city"), plan=SMALL, roles=("planner", "submitter", "reviewer"))
    make_users(made.store, {"township": ("planner", "420102002")})
    return made


@pytest.fixture(scope="module")
def people(app):
    """Clients of those who take part."""
    names = ("planner", "submitter", "reviewer", "other_planner", "township")
    return {name: signed_in(app, name) for name in names}


@pytest.fixture
def planner(people):
    return people["planner"]


def content(client, zone=ZONE):
    return client.get(f"{DRAFT}/zones/{zone}")


def rows(client, layer):
    return [feature["properties"] for feature in content(client).json[layer]]


def edit(client, action, *, seen=None, dry_run=False, **arguments):
    body = {"action": action, "arguments": arguments, "seen": seen, "dry_run": dry_run}
    return client.post(f"{DRAFT}/edits", json=body)


def givable(client, to=None):
    """An atom, and a grid that may have it."""
    grids = [row["code"] for row in rows(client, "grids")]
    for atom in rows(client, "atoms"):
        for code in [to] if to else grids:
            if atom["grid"] == code or not atom["households"]:
                continue
            said = edit(client, "give", atoms=[atom["id"]], to=code, dry_run=True).json
            if "refused" not in said:
                return atom, code
    raise AssertionError("no atom can be given")


def last(client):
    edits = client.get(f"{DRAFT}/log").json["edits"]
    return edits[-1]["number"] if edits else 0


def across(client):
    """A grid and a line from west to east over its box."""
    grid = max(content(client).json["grids"], key=lambda one: one["properties"]["area_m2"])
    points = json.dumps(grid["geometry"]["coordinates"]).replace("[", "").replace("]", "").split(",")
    xs, ys = [float(x) for x in points[::2]], [float(y) for y in points[1::2]]
    y = (min(ys) + max(ys)) / 2
    return grid["properties"]["code"], [[min(xs) - 1e-4, y], [max(xs) + 1e-4, y]]


# ------------------------------------------------------------------ reading


def test_versions_are_listed_with_what_one_may_do(people):
    mine = people["planner"].get("/api/drafts").json
    assert [(one["id"], one["state"], one["in_force"], one["may_edit"]) for one in mine["versions"]][-2:] == [
        (2, "draft", False, True),
        (1, "approved", True, False),
    ]
    assert mine["may_draft"]
    seen = people["reviewer"].get("/api/drafts").json
    assert not seen["may_draft"]
    assert not any(one["may_edit"] for one in seen["versions"])
    assert people["other_planner"].get("/api/drafts").json["versions"] == []


def test_a_zone_comes_whole_and_only_once(planner):
    found = content(planner)
    atoms, grids = rows(planner, "atoms"), rows(planner, "grids")
    assert {row["grid"] for row in atoms} == {row["code"] for row in grids}
    for grid in grids:
        assert grid["households"] == sum(row["households"] for row in atoms if row["grid"] == grid["code"])
    assert {row["level"] for row in rows(planner, "borders")} == {"grid", "zone"}
    x, y = found.json["atoms"][0]["geometry"]["coordinates"][0][0]
    assert 73 < x < 135
    assert 18 < y < 54
    again = planner.get(f"{DRAFT}/zones/{ZONE}", headers={"If-None-Match": found.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Edit-Number"] == found.headers["Edit-Number"]


def test_findings_of_a_zone_are_those_of_the_whole_version(planner, told):
    whole = jobs.check(jobs.version(told.store, 2))
    mine = whole[whole["code"].str.startswith(ZONE)]
    found = [one["properties"] for one in planner.get(f"{DRAFT}/zones/{ZONE}/findings").json["features"]]
    assert sorted((row["rule"], row["code"]) for row in found) == sorted(zip(mine["rule"], mine["code"], strict=True))


def test_zones_that_are_none_are_refused(planner):
    for zone in ("420102009009", "1", "x", "420102001001001"):
        assert planner.get(f"{DRAFT}/zones/{zone}").status_code == 422, zone
    assert planner.get(f"/api/drafts/1/zones/{ZONE}").status_code == 422  # what is approved is edited no more
    assert planner.get("/api/drafts/99/log").status_code == 422


# ------------------------------------------------------------------ rights


def test_edits_take_the_role_and_the_area(people):
    atom, to = givable(people["planner"])
    told = {"atoms": [atom["id"]], "to": to}
    assert edit(people["reviewer"], "give", **told).status_code == 403
    assert edit(people["other_planner"], "give", **told).status_code == 403
    assert edit(people["township"], "give", **told).status_code == 403
    assert edit(people["township"], "lock", codes=[], borders=[[f"{ZONE}001", f"{ZONE}002"]]).status_code == 403
    assert people["reviewer"].post(f"{DRAFT}/undo").status_code == 403
    assert edit(people["submitter"], "give", **told, dry_run=True).status_code == 200


def test_a_draft_is_made_of_what_is_in_force(people, told):
    made = people["submitter"].post("/api/drafts", json={"of": 1, "note": "winter"})
    assert made.status_code == 201
    assert (made.json["state"], made.json["author"], made.json["note"]) == ("draft", "submitter", "winter")
    was, now = (jobs.version(told.store, number) for number in (1, made.json["id"]))
    assert list(was.grids["grid_code"]) == list(now.grids["grid_code"])
    assert people["submitter"].post("/api/drafts", json={"of": 2}).status_code == 422
    assert people["other_planner"].post("/api/drafts", json={"of": 1}).status_code == 403
    assert people["reviewer"].post("/api/drafts", json={"of": 1}).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "drop", "arguments": {}},
        {"action": "give", "arguments": {"atoms": [], "to": f"{ZONE}001"}},
        {"action": "give", "arguments": {"atoms": ["a"], "to": "../x"}},
        {"action": "give", "arguments": {"atoms": ["a"], "to": f"{ZONE}001", "by": "chief"}},
        {"action": "split", "arguments": {"code": f"{ZONE}001", "line": "/etc/passwd"}},
        {"action": "split", "arguments": {"code": f"{ZONE}001", "line": "LINESTRING (0 0, 1 1)"}},
        {"action": "split", "arguments": {"code": f"{ZONE}001", "line": [[114.3, 30.5]]}},
        {"action": "split", "arguments": {"code": f"{ZONE}001", "line": [[114.3, 30.5], [1e9, 0]]}},
        {"action": "split", "arguments": {"code": f"{ZONE}001", "line": [[0, 0]] * 10_001}},
        {"action": "rename", "arguments": {"codes": [f"{ZONE}001"], "name": "a\u0000b"}},
        {"action": "redivide", "arguments": {"codes": [ZONE]}},  # it is asked for as background work, and no edit
        {"action": "lock", "arguments": {"codes": []}, "seen": -1},
        [],
    ],
)
def test_forms_that_are_none_are_told(planner, body):
    answer = planner.post(f"{DRAFT}/edits", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json["error"]["message"]
    assert planner.post(f"{DRAFT}/edits", data="{", content_type="application/json").status_code == 400


# ------------------------------------------------------------------ edits


def test_a_dry_run_tells_the_numbers_and_keeps_nothing(planner):
    before, number = content(planner).data, last(planner)
    atom, to = givable(planner)
    said = edit(planner, "give", atoms=[atom["id"]], to=to, dry_run=True).json
    assert said["number"] is None
    assert said["moved_households"] == atom["households"]
    [one] = [row for row in said["rows"] if row["code"] == to]
    assert one["after"]["households"] - one["before"]["households"] == atom["households"]
    assert (content(planner).data, last(planner)) == (before, number)


def test_an_edit_gives_the_rows_that_the_zone_then_has_and_undo_the_first_bytes(planner):
    before = content(planner)
    atom, to = givable(planner)
    said = edit(planner, "give", atoms=[atom["id"]], to=to, seen=last(planner)).json
    after = content(planner)
    assert said["number"] == last(planner) == int(after.headers["Edit-Number"])
    changed = said["changed"]
    assert set(changed["codes"]) == {to, atom["grid"]}
    plain = lambda features: sorted(  # noqa: E731
        json.dumps({**one, "id": 0}, sort_keys=True)
        for one in features
        if {one["properties"].get("grid", one["properties"].get("code"))} & set(changed["codes"])
    )
    for layer in ("grids", "microgrids", "atoms"):
        assert plain(changed[layer]) == plain(after.json[layer]), layer
    undone = planner.post(f"{DRAFT}/undo").json
    assert (undone["entry"]["undoes"], undone["number"]) == (said["number"], said["number"] + 1)
    assert content(planner).data == before.data
    redone = planner.post(f"{DRAFT}/redo").json
    assert redone["changed"]["atoms"] == changed["atoms"]
    assert content(planner).data == after.data
    planner.post(f"{DRAFT}/undo")


def test_every_action_has_a_form_that_works(planner):
    before = content(planner).data
    code, line = across(planner)
    made = edit(planner, "split", code=code, line=line)
    assert made.status_code == 200, made.text
    one, other = made.json["changed"]["codes"]
    atom = next(row["id"] for row in rows(planner, "atoms") if row["grid"] == one)
    steps = [
        ("move_border", {"one": one, "other": other, "line": [[x, y + 2e-5] for x, y in line]}),
        ("split_atom", {"atom": atom, "line": line}),
        ("rename", {"codes": [one], "name": "桥头"}),
        ("lock", {"codes": [other], "borders": [[one, other]]}),
        ("unlock", {"codes": [other], "borders": [[one, other]]}),
        ("merge", {"codes": [one, other]}),
    ]
    for action, arguments in steps:
        answer = edit(planner, action, **arguments)
        refused = answer.status_code == 422 and answer.json["error"]["details"]
        assert answer.status_code == 200 or refused, f"{action}: {answer.text}"
        if action in ("rename", "lock", "unlock", "merge"):
            assert answer.status_code == 200, f"{action}: {answer.text}"
        if action == "lock":
            locks = content(planner).json["locks"]
            assert locks == {"grids": [other], "borders": [sorted([one, other])]}
            assert edit(planner, "rename", codes=[other], name="x").status_code == 422
    while planner.post(f"{DRAFT}/undo").status_code == 200:
        pass
    assert content(planner).data == before


def redivide(client, *codes, **asked):
    return client.post(f"{DRAFT}/redivide", json={"codes": list(codes), **asked})


def done(told, client, task):
    """What came of a task that is done here and now, as the runner does it."""
    one = jobs.find_task(told.store, task)
    asked = Asked(task, one.asked, one.actor, Path(told.state))
    jobs.end_task(told.store, task, "done", result=KINDS[one.kind](told, asked, lambda _stage, _share: None))
    return client.get(f"/api/tasks/{task}").json


def merged(client):
    """Two grids of the zone made one, which is out of range; gives the codes of both."""
    for border in rows(client, "borders"):
        pair = [border["first"], border["second"]]
        if border["level"] == "grid" and edit(client, "merge", codes=pair).status_code == 200:
            return pair
    raise AssertionError("no two grids can be merged")


def test_a_zone_is_divided_anew_in_the_background_and_kept_as_an_edit(planner, told):
    before = content(planner)
    pair = merged(planner)
    others = [row["code"] for row in rows(planner, "grids") if row["code"] not in pair]
    held = edit(planner, "lock", codes=[others[0]]).json["number"]
    stood = {row["id"]: row["grid"] for row in rows(planner, "atoms")}
    asked = redivide(planner, ZONE, seen=held)
    assert asked.status_code == 202, asked.text
    one = done(told, planner, asked.json["task"])
    assert one["asked"] == {
        "version": 2, "codes": [ZONE], "microgrids": False, "seed": 0, "effort": 1, "seen": held,
    }  # fmt: skip
    result = one["result"]
    assert result["number"] == last(planner) == held + 1
    now = {row["id"]: row["grid"] for row in rows(planner, "atoms")}
    moved = {atom for atom, grid in now.items() if grid != stood[atom]}
    assert set(result["atoms"]) == moved != set()
    assert result["moved_households"] == sum(row["households"] for row in rows(planner, "atoms") if row["id"] in moved)
    assert {atom for atom, grid in stood.items() if grid == others[0]} == {
        atom for atom, grid in now.items() if grid == others[0]
    }
    assert len(result["why"]["en"]) == len(result["why"]["zh"]) > 0
    assert any("\u4e00" <= letter <= "\u9fff" for letter in result["why"]["zh"][0])
    for row in result["rows"]:
        assert row["after"].get("households") == next(
            (grid["households"] for grid in rows(planner, "grids") if grid["code"] == row["code"]), None
        )
    assert planner.post(f"{DRAFT}/undo").json["entry"]["undoes"] == result["number"]
    assert {row["id"]: row["grid"] for row in rows(planner, "atoms")} == stood
    while planner.post(f"{DRAFT}/undo").status_code == 200:
        pass
    assert content(planner).data == before.data


def test_a_re_division_that_cannot_be_is_refused_at_once(people, told):
    planner = people["planner"]
    [code, other, *_] = [row["code"] for row in rows(planner, "grids")]
    edit(planner, "lock", codes=[code])
    number = len(jobs.list_tasks(told.store, by="planner"))
    for asked, word in (
        ({"codes": [code]}, "locked"),
        ({"codes": [f"{ZONE}999"]}, "no such grid"),
        ({"codes": [code], "microgrids": True}, "locked"),
        ({"codes": [other], "seen": last(planner) + 1}, "no such edit"),
    ):
        refused = planner.post(f"{DRAFT}/redivide", json=asked)
        assert refused.status_code == 422, asked
        assert word in refused.text, refused.text
    assert redivide(planner, other, effort=1000).status_code == 422
    assert redivide(people["reviewer"], other).status_code == 403
    assert redivide(people["township"], other).status_code == 403
    assert len(jobs.list_tasks(told.store, by="planner")) == number
    assert planner.post("/api/drafts/1/redivide", json={"codes": [ZONE]}).status_code == 422
    planner.post(f"{DRAFT}/undo")


def test_a_re_division_of_what_another_changed_meanwhile_is_told(people, told):
    one, two = people["planner"], people["submitter"]
    pair = merged(one)
    seen = last(one)
    task = redivide(one, ZONE, seen=seen).json["task"]
    edit(two, "rename", codes=[pair[0]], name="x", seen=seen)
    edit(two, "rename", codes=[pair[1]], name="x", seen=seen)
    with pytest.raises(Conflict, match="submitter"):
        done(told, one, task)
    assert two.post(f"{DRAFT}/undo").status_code == 200
    assert one.post(f"{DRAFT}/undo").status_code == 200


def test_a_refused_line_says_why_and_where(planner):
    code, line = across(planner)
    far = [[x + 0.2, y] for x, y in line]
    said = edit(planner, "split", code=code, line=far, dry_run=True)
    assert said.status_code == 200
    assert said.json["refused"][0]["cure"]
    assert edit(planner, "split", code=code, line=far).status_code == 422
    short = [line[0], [(line[0][0] + line[1][0]) / 2, line[0][1]]]
    [fault, *_] = edit(planner, "split", code=code, line=short).json["error"]["details"]
    lon, lat = fault["at"]
    assert min(line[0][0], line[1][0]) - 0.01 < lon < max(line[0][0], line[1][0]) + 0.01
    assert abs(lat - line[0][1]) < 0.01


def test_who_has_not_seen_the_edit_of_another_is_told_of_it(people):
    one, two = people["planner"], people["submitter"]
    seen = last(one)
    atom, to = givable(one)
    assert edit(two, "give", atoms=[atom["id"]], to=to, seen=seen).status_code == 200
    refused = edit(one, "rename", codes=[to], name="x", seen=seen)
    assert refused.status_code == 409
    [told] = refused.json["error"]["details"]
    assert (told["actor"], told["action"], told["mine"]) == ("submitter", "give", False)
    assert to in told["codes"]
    assert edit(one, "rename", codes=[to], name="x", seen=last(one)).status_code == 200
    assert two.post(f"{DRAFT}/undo").status_code == 409  # the other one changed it since
    assert one.post(f"{DRAFT}/undo").status_code == 200
    assert two.post(f"{DRAFT}/undo").status_code == 200
    assert edit(one, "rename", codes=[to], name="x", seen=last(one) + 1).status_code == 422


def test_a_page_may_get_a_version_that_lacks_the_last_edits(planner):
    whole = planner.get("/api/division/grids?version=2&behind")
    atom, to = givable(planner)
    number = edit(planner, "give", atoms=[atom["id"]], to=to).json["number"]
    behind, now = (planner.get(f"/api/division/grids?version=2{more}") for more in ("&behind", ""))
    assert behind.data == whole.data
    assert int(behind.headers["Edit-Number"]) < number == int(now.headers["Edit-Number"])
    assert now.data != whole.data
    planner.post(f"{DRAFT}/undo")


def test_a_zone_that_is_carved_out_makes_the_version_be_read_anew(planner):
    _code, line = across(planner)
    (west, y), (east, _) = line
    x, d = (west + east) / 2, (east - west) / 8
    area = [[x - d, y - d], [x + d, y - d], [x + d, y + d], [x - d, y + d]]
    planner.get("/api/division?version=2&behind")
    made = edit(planner, "carve", area=area, kind="dedicated", name="车站")
    assert made.status_code == 200, made.text
    found = planner.get("/api/division?version=2&behind")
    assert int(found.headers["Edit-Number"]) == made.json["number"]
    assert "车站" in {zone["name"] for zone in found.json["zones"]}
    undone = planner.post(f"{DRAFT}/undo").json
    assert undone["changed"] is None
    assert "车站" not in planner.get("/api/division?version=2&behind").text
