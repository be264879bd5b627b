"""The commands of edits: what is shown, what is refused, and what a draft is afterwards."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner
from drafts import borders_of_atoms, drafted, town
from test_adjust_at_random import made_store
from towns import Plan, build

from gridgis import jobs, rules
from gridgis.cli import main
from gridgis.errors import InputRefused
from gridgis.jobs import adjust

PLAN = Plan(seed=7, columns=6, rows=6, zones=2, source="buildings", traits=frozenset({"rows", "dense_streets"}))


@pytest.fixture
def store(tmp_path):
    return made_store(tmp_path, town(PLAN))


def run(store, *words, by="ann"):
    who = [] if words[0] in ("log", "show") else ["--by", by]
    result = CliRunner().invoke(main, ["adjust", *map(str, words), *who], env={"GRIDGIS_STORE": store})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


def test_an_edit_shows_what_it_does_and_a_dry_run_changes_nothing(store):
    pair = _pair(store)
    code, text = run(store, "merge", 1, *pair, "--dry-run")
    assert code == 0, text
    assert "not stored" in text
    assert "households" in text
    assert jobs.edit_log(store, 1) == []
    code, text = run(store, "merge", 1, *pair)
    assert code == 0, text
    assert "edit 1" in text
    code, text = run(store, "undo", 1)
    assert (code, "undo of edit 1" in text) == (0, True)
    code, text = run(store, "redo", 1)
    assert code == 0, text
    code, text = run(store, "log", 1)
    assert text.splitlines()[1].startswith("[")


def _pair(store):
    draft = drafted(jobs.version(store, 1))
    from gridgis.geometry.borders import adjacency

    grids = draft.division.grids
    pairs, _ = adjacency(grids.geometry.values)
    zone, code = (grids[c].to_numpy(dtype=object) for c in ("zone_code", "grid_code"))
    return next((code[i], code[j]) for i, j in pairs if zone[i] == zone[j])


def test_a_re_division_tells_why(store):
    one, two = _pair(store)
    run(store, "merge", 1, one, two)
    code, text = run(store, "redivide", 1, one[:12])
    assert code == 0, text
    assert "edit 2" in text
    moved = [line for line in text.splitlines() if "->" in line or "→" in line]
    assert moved
    again = run(store, "redivide", 1, one[:12])
    assert again[0] == 0, again[1]
    assert "not stored" in again[1]
    assert len(jobs.edit_log(store, 1)) == 2


@pytest.mark.parametrize("bad", ["--seed=-1", "--effort=0", "--effort=99999999999999999999", "--seen=7", "--seen=-5"])
def test_numbers_out_of_reach_are_refused(store, bad):
    code, text = run(store, "redivide", 1, jobs.version(store, 1).zones["zone_code"][0], bad)
    assert code == 2, text
    assert "Traceback" not in text


def test_atoms_of_another_zone_are_told_as_such(store):
    division = jobs.version(store, 1)
    atom, grid = division.atoms.iloc[0], division.grids.iloc[-1]
    code, text = run(store, "give", 1, atom["atom_id"], "--to", grid["grid_code"])
    assert code == 2
    assert f"lies in zone {atom['zone_code']}" in text


def test_a_carved_zone_gets_a_code_that_no_other_zone_has(store):
    division = jobs.version(store, 1)
    place = division.grids.geometry.iloc[-1].representative_point().buffer(30).wkt
    zones = set(division.zones["zone_code"])
    first = adjust.carve(store, 1, place, kind="dedicated", name="甲", by="ann")
    made = set(jobs.version(store, 1).zones["zone_code"]) - zones
    assert first.number == 1
    other = division.grids.geometry.iloc[0].representative_point().buffer(30).wkt
    adjust.carve(store, 1, other, kind="dedicated", name="乙", by="bo")
    assert len(set(jobs.version(store, 1).zones["zone_code"]) - zones - made) == 1
    code, text = run(store, "carve", 1, "--area", place, "--kind", "dedicated", "--name", "丙", "--buildings", "none",
                     "--zone-code", "110101001905")  # fmt: skip
    assert (code, "is a code of another district" in text) == (2, True)


def test_land_that_is_given_back_takes_no_household_away(store):
    division = jobs.version(store, 1)
    place = division.grids.geometry.iloc[-1].representative_point().buffer(40)
    made = adjust.carve(store, 1, place, kind="dedicated", name="甲", by="ann").edit
    zone = (set(made.after.division.zones["zone_code"]) - set(made.before.division.zones["zone_code"])).pop()
    back = adjust.give_back(store, 1, zone, by="ann").edit.after.division
    assert not back.grids["households"].isna().any()
    now = jobs.version(store, 1)
    total = division.atoms["households"].sum()
    assert now.atoms["households"].sum() == total
    assert now.grids["households"].sum() == total
    assert now.microgrids["households"].sum() == total
    assert now.zones["households"].sum() == total


@pytest.mark.parametrize(
    ("area", "said"),
    [("POLYGON EMPTY", "empty"), ("POLYGON ((1 1, 2 1, 2 2, 1 1))", "outside"), ("nonsense", "neither WKT")],
)
def test_an_area_that_cannot_be_is_refused_with_its_reason(store, area, said):
    code, text = run(store, "carve", 1, "--area", area, "--kind", "dedicated", "--name", "甲", "--buildings", "none")
    assert code == 2
    assert said in text, text


def test_buildings_are_asked_for_where_something_is_drawn(store):
    grid = jobs.version(store, 1).grids["grid_code"][0]
    code, text = run(store, "split", 1, grid, "--line", "LINESTRING (0 0, 1 1)")
    assert (code, "--buildings" in text) == (2, True)


def test_two_people_meet_on_one_grid_alone(store):
    draft = drafted(jobs.version(store, 1))
    atom, to = borders_of_atoms(draft)[0]
    home = draft.division.atoms.set_index("atom_id")["grid_code"][atom]
    assert run(store, "rename", 1, home, "--name", "甲", "--seen", 0)[0] == 0
    code, text = run(store, "rename", 1, home, "--name", "乙", "--seen", 0, by="bo")
    assert code == 2
    assert "rename by ann" in text
    assert run(store, "rename", 1, to, "--name", "丙", "--seen", 0, by="bo")[0] == 0


# ---------------------------------------------------------------- what is there
def test_what_stands_in_a_grid_is_shown_with_its_atoms_neighbours_and_locks(store):
    division = jobs.version(store, 1)
    one, two = sorted(_pair(store))
    assert run(store, "lock", 1, one, f"{one}-{two}")[0] == 0
    code, text = run(store, "show", 1, one)
    assert code == 0, text
    mine = division.atoms[division.atoms["grid_code"] == one]
    for row in mine.itertuples():
        assert f"{row.atom_id}  {row.households} households" in text
    assert re.search(rf"^beside +{two} .* \d+ m", text, re.MULTILINE)
    assert f"locked      {one}\n" in text
    assert f"locked      {one}-{two}\n" in text
    assert run(store, "show", 1, two)[1].count("locked ") == 1


def test_what_is_shown_adds_up_on_every_level(store):
    division = jobs.version(store, 1)
    for layer, key in (("zones", "zone_code"), ("grids", "grid_code"), ("microgrids", "microgrid_code")):
        row = getattr(division, layer).iloc[-1]
        told = json.loads(run(store, "show", 1, row[key], "--json")[1])
        assert told["rows"][0]["code"] == row[key]
        assert sum(atom["households"] for atom in told["atoms"]) == row["households"]
        assert layer == "microgrids" or sum(part["households"] for part in told["rows"][1:]) == row["households"]
        assert told["locked"] == {"grids": [], "borders": []}
    found = rules.check(division)
    out = set(found.loc[found["rule"].isin(["out_of_range", "micro_out_of_range"]), "code"])
    every = [
        row
        for zone in division.grids["grid_code"]
        for row in json.loads(run(store, "show", 1, zone, "--json")[1])["rows"]
    ]
    assert {row["code"] for row in every if row["in_range"] is False} == out


def test_zones_of_a_version_are_shown_and_a_code_that_is_not_there_leads_to_them(store):
    division = jobs.version(store, 1)
    text = run(store, "show", 1)[1]
    assert [line.split()[1] for line in text.splitlines()] == division.zones["zone_code"].tolist()
    zone, pair = division.zones["zone_code"][0], _pair(store)
    lost = f"{zone}999"
    assert run(store, "show", 1, f"{zone[:-3]}999")[0] == 2
    for words in (("show", 1, lost), ("merge", 1, pair[0], f"{pair[0][:12]}999"), ("redivide", 1, lost)):
        code, text = run(store, *words)
        assert (code, f"gridgis adjust show VERSION {zone}" in text or pair[0][:12] in text) == (2, True), text
        assert "open" not in text
    code, text = run(store, "show", 1, "12")
    assert (code, "12 digits for a zone" in text) == (2, True)


# ---------------------------------------------------------------- who may
@pytest.mark.parametrize("words", ["redivide ZONE", "merge GRID GRID", "split GRID --line nonsense --buildings none"])
def test_who_has_no_right_is_refused_before_any_work(store, monkeypatch, words):
    from gridgis.registry import edits

    one, two = jobs.version(store, 1).zones["zone_code"]
    jobs.add_actor(store, "other", role="submitter", area=two, by="chief")
    jobs.add_actor(store, "judge", role="reviewer", by="chief")

    def opened(*_):
        raise AssertionError("zones were opened for who may not edit them")

    monkeypatch.setattr(edits, "opened", opened)
    told = words.replace("ZONE", one).replace("GRID", f"{one}001").split()
    for name, why in (("other", f"may act in {two}, not in {one}"), ("judge", "is reviewer"), ("x", "is not known")):
        code, text = run(store, *told[:1], 1, *told[1:], by=name)
        assert (code, why in text) == (2, True), text


def test_who_has_a_right_over_one_of_the_open_zones_edits_that_one(store):
    from functools import partial

    from gridgis.adjust.names import rename

    zones = list(jobs.version(store, 1).zones["zone_code"])
    jobs.add_actor(store, "other", role="submitter", area=zones[1], by="chief")
    told = {"action": "rename", "asked": {}, "by": "other"}
    made, number = jobs.edit(store, 1, partial(rename, codes=[f"{zones[1]}001"], name="甲"), zones, **told)
    assert (made.touched, number) == ((f"{zones[1]}001",), 1)
    with pytest.raises(InputRefused, match=f"may act in {zones[1]}, not in {zones[0]}"):
        jobs.edit(store, 1, partial(rename, codes=[f"{zones[0]}001"], name="甲"), zones, **told)


# ---------------------------------------------------------------- what is new
def test_a_cut_atom_shows_the_ids_of_its_pieces_which_can_be_given_away(store):
    division = jobs.version(store, 1)
    atom = division.atoms.loc[division.atoms.geometry.area.idxmax()]
    west, south, east, north = atom.geometry.bounds
    line = f"LINESTRING ({(west + east) / 2} {south - 5}, {(west + east) / 2} {north + 5})"
    for words in (("--dry-run",), ()):
        code, text = run(store, "split-atom", 1, atom["atom_id"], "--line", line, "--buildings", "none", *words)
        assert code == 0, text
        told = re.findall(rf"^atom (\S+)  (\d+) households  in {atom['grid_code']}  new$", text, re.MULTILINE)
    now = jobs.version(store, 1).atoms
    new = now[~now["atom_id"].isin(division.atoms["atom_id"])]
    assert told == [(row.atom_id, str(row.households)) for row in new.itertuples()]
    assert len(told) >= 2


@pytest.mark.parametrize("crs", [None, "EPSG:4490"])
def test_buildings_of_a_file_cut_as_those_of_a_frame(store, tmp_path, crs):
    buildings = build(PLAN).frames["buildings"]
    (buildings if crs is None else buildings.to_crs(crs)).to_file(tmp_path / "b.gpkg")
    outcomes = []
    for row in jobs.version(store, 1).grids.itertuples():
        west, south, east, north = row.geometry.bounds
        line = f"LINESTRING ({(west + east) / 2} {south - 5}, {(west + east) / 2} {north + 5})"
        both = []
        for given in (str(tmp_path / "b.gpkg"), buildings):
            try:
                made = adjust.split(store, 1, row.grid_code, line, buildings=given, by="ann", dry_run=True)
                both.append(made.preview.grids.round(6).to_json())
            except InputRefused as refused:
                both.append([str(fault) for fault in refused.faults])
        assert both[0] == both[1]
        outcomes.append(isinstance(both[0], str))
    assert any(outcomes)
