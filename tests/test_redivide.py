"""Zones, grids and micro-grids divided anew from those that stand; districts from the division in force."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner
from drafts import assert_same, drafted, hard, households, town
from hypothesis import given, settings
from hypothesis import strategies as st
from real_places import HANKOU
from towns import Plan, build

from gridgis import jobs, rules
from gridgis.adjust.draft import Draft, Locks
from gridgis.adjust.graph import grounds
from gridgis.adjust.in_force import going_on
from gridgis.adjust.moved import REASONS, moved
from gridgis.adjust.preview import preview
from gridgis.adjust.recount import recounted
from gridgis.adjust.redivide import redivide, redivide_micro
from gridgis.cli import main
from gridgis.divide.earlier import earlier_of
from gridgis.divide.graph import problem
from gridgis.divide.grids import divide_zone, out_of_range
from gridgis.divide.partition import objective
from gridgis.errors import InputRefused
from gridgis.geometry.borders import adjacency
from gridgis.layers import read_division, write_division
from gridgis.publish.moved_words import moved_words
from gridgis.publish.texts import load_texts

PLAIN = Plan(seed=7, columns=6, rows=6, zones=2, source="buildings", traits=frozenset({"rows", "dense_streets"}))
PLANS = (
    PLAIN,
    Plan(seed=3, columns=5, rows=4, zones=3, source="points", traits=frozenset({"rows", "towers", "river"})),
    Plan(seed=11, columns=5, rows=5, zones=2, source="area", traits=frozenset({"rows", "multipart", "dedicated"})),
    Plan(seed=5, columns=5, rows=5, zones=2, source="buildings", traits=frozenset({"rows", "compounds", "beside"})),
    Plan(seed=9, columns=5, rows=5, zones=2, source="none", traits=frozenset({"rows"}), crs=("EPSG:4326",) * 6),
)


@pytest.fixture(scope="module")
def draft() -> Draft:
    return drafted(town(PLAIN))


def zones_of(draft: Draft) -> list[str]:
    zones = draft.division.zones
    return zones["zone_code"][zones["kind"] != "street"].tolist()


def changed_counts(draft: Draft, rng: np.random.Generator, *, share: float = 0.3, by: float = 0.1, up: bool = False):
    """Numbers of a share of the atoms changed by a tenth, in either direction or upwards."""
    atoms = draft.division.atoms
    old = atoms["households"].fillna(0).to_numpy(dtype=float)
    sign = 1.0 if up else rng.choice([-1.0, 1.0], len(old))
    new = np.where(rng.random(len(old)) < share, np.round(old * (1 + by * sign)), old)
    known = atoms["households"].notna().to_numpy()
    return pd.Series(new[known].astype(int), index=atoms["atom_id"][known])


def rows_of(frame: gpd.GeoDataFrame, keep) -> gpd.GeoDataFrame:
    return frame[keep].reset_index(drop=True)


def parts(draft: Draft, keep) -> dict[str, gpd.GeoDataFrame]:
    """Rows of the layers of land for which `keep` of the grid's code holds."""
    division = draft.division
    frames = {name: getattr(division, name) for name in ("grids", "microgrids", "atoms")}
    out = {name: rows_of(frame, frame["grid_code"].map(keep).to_numpy(dtype=bool)) for name, frame in frames.items()}
    out["atoms"] = out["atoms"].sort_values("atom_id", ignore_index=True)
    return out


def assert_same_parts(one: Draft, two: Draft, keep) -> None:
    """The same rows to the last bit."""
    for a, b in zip(parts(one, keep).values(), parts(two, keep).values(), strict=True):
        pd.testing.assert_frame_equal(*(pd.DataFrame(frame.drop(columns="geometry")) for frame in (a, b)))
        assert shapely.equals_identical(a.geometry.values, b.geometry.values).all()


def across(draft: Draft, pairs) -> list[tuple[str, str]]:
    """Atoms on the two sides of the borders of pairs of grids."""
    atoms = draft.division.atoms
    both, _ = adjacency(atoms.geometry.values)
    grid, name = (atoms[column].to_numpy(dtype=object) for column in ("grid_code", "atom_id"))
    return [(name[i], name[j]) for i, j in both if tuple(sorted((grid[i], grid[j]))) in pairs]


def neighbours(draft: Draft) -> list[tuple[str, str]]:
    grids = draft.division.grids
    both, _ = adjacency(grids.geometry.values)
    code, zone = (grids[column].to_numpy(dtype=object) for column in ("grid_code", "zone_code"))
    return sorted({tuple(sorted((code[i], code[j]))) for i, j in both if zone[i] == zone[j]})


# ---------------------------------------------------------------- what holds of every re-division
@settings(deadline=None, max_examples=12)
@given(plan=st.sampled_from(PLANS), data=st.data(), seed=st.integers(0, 1000))
def test_rules_and_locks_hold_and_what_is_not_named_stays(plan, data, seed):
    start = drafted(town(plan))
    rng = np.random.default_rng(seed)
    codes = list(start.division.grids["grid_code"])
    held = frozenset(data.draw(st.sets(st.sampled_from(codes), max_size=2)))
    pairs = neighbours(start)
    lines = frozenset(data.draw(st.sets(st.sampled_from(pairs), max_size=2))) if pairs else frozenset()
    start = replace(start, locks=Locks(held, lines))
    counts = changed_counts(
        start, rng, share=0.5, by=data.draw(st.sampled_from([0.1, 0.6])), up=data.draw(st.booleans())
    )
    start = recounted(start, counts).after
    named = data.draw(st.sets(st.sampled_from([*zones_of(start), *(c for c in codes if c not in held)]), min_size=1))
    free = {c for c in codes if c in named or c[:12] in named} - held
    if {code[:12] for code in named} != {code[:12] for code in free}:
        with pytest.raises(InputRefused, match="all its grids are locked"):
            redivide(start, named, seed=seed)
        return
    edit = redivide(start, named, seed=seed)
    assert hard(edit.after.division).empty
    assert households(edit.after) == households(start)
    assert_same_parts(start, edit.after, lambda code: code in held)
    assert_same_parts(start, edit.after, lambda code: code in set(codes) - free)
    assert set(edit.touched) & set(codes) <= free
    now = edit.after.division.atoms.set_index("atom_id")["grid_code"]
    assert all(now[i] != now[j] for i, j in across(start, lines))
    sides = {tuple(sorted((now[i], now[j]))) for i, j in across(start, lines)}
    assert sides <= edit.after.locks.borders
    assert edit.after.locks.grids == held
    again = redivide(start, sorted(named), seed=seed)
    assert_same(edit.after.division, again.after.division)


@settings(deadline=None, max_examples=6)
@given(plan=st.sampled_from(PLANS[:4]), seed=st.integers(0, 1000))
def test_nothing_becomes_worse(plan, seed):
    start = recounted(drafted(town(plan)), changed_counts(drafted(town(plan)), np.random.default_rng(seed))).after
    zones = zones_of(start)
    edit = redivide(start, zones, seed=seed)
    after = dict(zip(edit.after.division.atoms["atom_id"], edit.after.division.atoms["grid_code"], strict=True))
    for ground in grounds(start, zones):
        was, m = ground.standing.grid, ground.measure
        base = problem(ground.graph, low=m.low, high=m.high, profile=start.profile, earlier=was)
        ids = start.division.atoms["atom_id"].to_numpy(dtype=object)[ground.rows]
        now = np.unique([after[name] for name in ids], return_inverse=True)[1]
        ranks = [(round(out_of_range(label, base), 6), objective(base, label)) for label in (now, was)]
        assert ranks[0][0] <= ranks[1][0]
        if set(edit.touched) & set(ground.grids) and ranks[0][0] == ranks[1][0]:
            necks = [_necks(start, ground, label) for label in (now, was)]
            assert necks[0] < necks[1] or ranks[0][1] <= ranks[1][1] + 1e-6


def _necks(draft: Draft, ground, label) -> int:
    from gridgis.divide.atoms import dissolved
    from gridgis.geometry.coverage import necks

    land = dissolved(ground.graph.geometry, label)
    return len(np.unique(necks(land, width_m=draft.profile.tolerances.neck_m.value)[0]))


def test_what_is_best_already_stays_to_the_last_bit(draft):
    edit = redivide(draft, zones_of(draft))
    assert edit.touched == ()
    assert_same(draft.division, edit.after.division)
    assert "no better division was met" in str(edit.notices[0])


# ---------------------------------------------------------------- grids
def test_a_grid_that_is_too_large_is_divided_and_the_rest_stays(draft):
    grids = draft.division.grids.sort_values("households", ascending=False)
    code = grids["grid_code"].iloc[0]
    atoms = draft.division.atoms
    mine = atoms["grid_code"] == code
    factor = 800 / atoms["households"][mine].sum()
    more = pd.Series(
        (atoms["households"][mine] * factor).astype(float).round().astype(int).to_numpy(), index=atoms["atom_id"][mine]
    )
    edit = redivide(draft, [code], households=more)
    after = edit.after.division
    made = sorted(set(after.grids["grid_code"]) - set(grids["grid_code"]))
    assert made
    assert set(edit.touched) <= {code, *made}
    inside = after.grids[after.grids["grid_code"].isin([code, *made])]
    assert shapely.equals(shapely.union_all(inside.geometry.values), grids.geometry.iloc[0])
    assert inside["households"].between(300, 500).all()
    found = moved(draft, edit.after)
    assert set(found["reason"]) == {"above"}
    assert set(found["about"]) == {code}
    assert (found["size"] == more.sum()).all()
    assert (found["limit"] == 500).all()


def test_codes_go_on_and_new_ones_are_never_used_ones(draft):
    code = draft.division.grids["grid_code"].iloc[0]
    atoms = draft.division.atoms
    mine = (atoms["grid_code"] == code).to_numpy()
    more = pd.Series((atoms["households"][mine] * 3).astype(int).to_numpy(), index=atoms["atom_id"][mine])
    spent = frozenset(f"{code[:12]}{k:03d}" for k in range(1, 41))
    after = redivide(replace(draft, spent=spent), [code], households=more).after.division
    made = set(after.grids["grid_code"]) - set(draft.division.grids["grid_code"])
    assert made
    assert {int(one[12:]) for one in made} == set(range(41, 41 + len(made)))
    now = after.atoms.set_index("atom_id")["grid_code"][atoms["atom_id"][mine]].to_numpy()
    weight = pd.Series(more.to_numpy()).groupby(now).sum()
    assert (code in weight.index) == (weight.max() > more.sum() / 2)


def test_micro_grids_that_stay_whole_and_in_range_stay():
    draft = drafted(town(PLAIN))
    start = recounted(draft, changed_counts(draft, np.random.default_rng(3), share=0.6, by=0.4, up=True)).after
    edit = redivide(start, zones_of(start), seed=1)
    assert edit.touched
    was, now = (one.division.atoms.set_index("atom_id") for one in (start, edit.after))
    was["now"] = now["microgrid_code"]
    was["grid_now"] = now["grid_code"]
    kept = 0
    for code, rows in was.groupby("microgrid_code"):
        total, whole = rows["households"].sum(), rows["grid_now"].nunique() == 1
        if rows["grid_now"].iloc[0] == code[:15] and whole and 30 <= total <= 50:
            apart = rows["now"].nunique() > 1
            kept += not apart
            if not apart and (now["microgrid_code"] == rows["now"].iloc[0]).sum() == len(rows):
                assert rows["now"].iloc[0] == code
    assert kept > 5


def test_micro_grids_are_made_again_in_grids_that_stay(draft):
    start = recounted(draft, changed_counts(draft, np.random.default_rng(8), share=0.8, by=0.4)).after
    codes = list(start.division.grids["grid_code"])
    edit = redivide_micro(start, codes[:3], seed=2)
    assert hard(edit.after.division).empty
    assert_same(start.division, edit.after.division, layers=("zones",))
    was, now = start.division.grids, edit.after.division.grids
    pd.testing.assert_frame_equal(*(pd.DataFrame(frame.drop(columns="geometry")) for frame in (was, now)))
    assert shapely.equals(was.geometry.values, now.geometry.values).all()
    assert_same_parts(start, edit.after, lambda code: code not in codes[:3])
    assert set(edit.touched) <= set(codes[:3])
    before, after = (_micros_out(one, codes[:3]) for one in (start, edit.after))
    assert after < before


def _micros_out(draft: Draft, codes) -> float:
    micros = draft.division.microgrids
    number = micros["households"][micros["grid_code"].isin(codes)].to_numpy(dtype=float)
    return float(np.maximum(0, np.maximum(number - 50, 30 - number)).sum())


# ---------------------------------------------------------------- numbers
def test_counts_on_atoms_are_those_of_all_above(draft):
    counts = changed_counts(draft, np.random.default_rng(1))
    edit = recounted(draft, counts)
    after = edit.after.division
    assert after.atoms.set_index("atom_id")["households"][counts.index].tolist() == counts.tolist()
    for layer, key in (("microgrids", "microgrid_code"), ("grids", "grid_code"), ("zones", "zone_code")):
        frame = getattr(after, layer).set_index(key)
        assert after.atoms.groupby(key)["households"].sum().equals(frame["households"].sort_index())
    assert shapely.equals_identical(after.grids.geometry.values, draft.division.grids.geometry.values).all()
    apart = after.grids["households"].to_numpy() != draft.division.grids["households"].to_numpy()
    assert set(after.grids["grid_code"][apart]) <= set(edit.touched)


def test_wrong_counts_are_refused_together(draft):
    some = list(draft.division.atoms["atom_id"][:3])
    wrong = pd.Series([1.5, -2, "many", 4, 4], index=[*some, "nowhere", "nowhere"], dtype=object)
    with pytest.raises(InputRefused) as refused:
        recounted(draft, wrong)
    told = str(refused.value)
    assert all(part in told for part in (*some, "nowhere", "is named twice", "no such atom", "1.5 is no whole number"))


def test_what_cannot_be_asked_is_refused_with_its_cure(draft):
    code = draft.division.grids["grid_code"].iloc[0]
    for codes, problem_of in (
        (["000000000000"], "no such zone"),
        ([code[:12] + "599"], "no such grid"),
        (["12"], "no such grid"),
    ):
        with pytest.raises(InputRefused, match=problem_of):
            redivide(draft, codes)
    locked = replace(draft, locks=Locks(frozenset({code})))
    with pytest.raises(InputRefused, match=f"adjust unlock VERSION {code}"):
        redivide(locked, [code])
    every = replace(draft, locks=Locks(frozenset(draft.division.grids["grid_code"])))
    with pytest.raises(InputRefused, match="all its grids are locked"):
        redivide(every, zones_of(draft))
    bare = drafted(town(PLANS[-1]))
    with pytest.raises(InputRefused, match="no households"):
        redivide_micro(bare, [bare.division.grids["grid_code"].iloc[0]])


def test_a_corridor_and_its_centre_line():
    plan = Plan(seed=2, columns=5, rows=4, zones=2, source="buildings", traits=frozenset({"rows", "corridor"}))
    draft = drafted(town(plan))
    street = draft.division.zones["zone_code"][draft.division.zones["kind"] == "street"].iloc[0]
    with pytest.raises(InputRefused, match="length of its centre line"):
        redivide(draft, [street])


# ---------------------------------------------------------------- many zones
def test_any_number_of_processes_gives_the_same_and_tells_how_far_it_is(draft):
    counts = changed_counts(draft, np.random.default_rng(5), share=0.6, by=0.4, up=True)
    told: list[tuple[str, float]] = []
    one = redivide(draft, zones_of(draft), households=counts, seed=3, progress=lambda *now: told.append(now))
    two = redivide(draft, zones_of(draft), households=counts, seed=3, jobs=2)
    assert_same(one.after.division, two.after.division)
    done = [share for _, share in told]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0.0, 1.0)
    apart = redivide(recounted(draft, counts).after, zones_of(draft)[:1], seed=3)
    zone = zones_of(draft)[0]
    assert_same_parts(one.after, apart.after, lambda code: code.startswith(zone))


@pytest.mark.parametrize("workers", [1, 2])
def test_it_stops_when_told(draft, workers):
    class Stopped(Exception):
        pass

    def stop(stage: str, _done: float) -> None:
        if stage == "grids":
            raise Stopped

    with pytest.raises(Stopped):
        redivide(draft, zones_of(draft), jobs=workers, progress=stop)


# ---------------------------------------------------------------- what moved, and why
def test_what_moved_adds_up_and_is_said_in_two_languages(draft):
    counts = changed_counts(draft, np.random.default_rng(2), share=0.6, by=0.4, up=True)
    edit = redivide(draft, zones_of(draft), households=counts)
    found = moved(draft, edit.after)
    assert len(found)
    assert found["households"].sum() == preview(edit).moved_households
    assert set(found["reason"]) <= set(REASONS)
    grids = recounted(draft, counts).after.division.grids.set_index("grid_code")["households"]
    for row in found[found["reason"].isin(["above", "below", "filled", "room"])].itertuples():
        assert grids[row.about] == row.size
        assert row.size > row.limit == 500 or row.size < row.limit == 300
    for language in ("en", "zh"):
        said = moved_words(found, language=language)
        assert len(said) == len(found)
        assert not any("{" in one or "nan" in one for one in said)
    assert set(load_texts("en")["moved"]) == set(load_texts("zh")["moved"]) >= set(REASONS)


def test_a_border_that_a_street_draws_now_is_told_with_its_name(draft):
    """A block's atom that stands on the wrong side of a street goes over it."""
    told = _torn(draft)
    assert told is not None, "no border on a street has an atom to tear off"
    torn, pair = told
    edit = redivide(torn, pair)
    back = edit.after.division.atoms.set_index("atom_id")["grid_code"]
    assert back.equals(draft.division.atoms.set_index("atom_id")["grid_code"].reindex(back.index))
    found = moved(torn, edit.after)
    assert set(found["reason"]) == {"street"}
    assert set(found["border_class"]) <= set(draft.division.lines["border_class"])


def _torn(draft: Draft) -> tuple[Draft, list[str]] | None:
    """A draft in which an atom lies on the other side of the street between two grids, both still in range."""
    from gridgis.adjust.give import give

    atoms, borders = draft.division.atoms, draft.division.borders
    on = borders[borders["border_class"] != "off_street"]
    for row in on[on["second_code"].notna()].itertuples():
        if row.first_code[:12] != row.second_code[:12]:
            continue
        near = atoms[(atoms["grid_code"] == row.first_code) & (atoms.distance(row.geometry) == 0)]
        for atom in near["atom_id"]:
            try:
                edit = give(draft, [atom], to=row.second_code)
            except InputRefused:
                continue
            grids = edit.after.division.grids.set_index("grid_code")["households"]
            pair = [row.first_code, row.second_code]
            if all(code in grids and 300 <= grids[code] <= 500 for code in pair):
                return edit.after, pair
    return None


def test_nothing_moved_is_an_empty_table(draft):
    found = moved(draft, draft)
    assert len(found) == 0
    assert {"old_code", "new_code", "households", "reason"} <= set(found.columns)
    assert moved_words(found) == []


# ---------------------------------------------------------------- a district from the division in force
def test_the_same_layers_give_the_division_in_force_back():
    given_layers, stood = build(PLAIN).frames, town(PLAIN)
    again = jobs.divide(**given_layers, earlier=stood, seed=5)
    assert_same(stood, again, layers=("zones", "grids", "microgrids", "borders"))
    assert jobs.summary(again)["households_moved"] == 0
    assert again.info["metrics"]["moved"] == []


@pytest.mark.parametrize("known", ["division", "grids"])
def test_streets_that_changed_move_few_and_codes_go_on(known):
    before = town(PLAIN)
    shuffled = _recoded(before)
    frames = dict(build(PLAIN).frames)
    rng = np.random.default_rng(4)
    frames["streets"] = frames["streets"][rng.random(len(frames["streets"])) > 0.15]
    earlier = shuffled if known == "division" else shuffled.grids[["grid_code", "geometry"]]
    after = jobs.divide(**frames, earlier=earlier)
    assert hard(after).empty
    numbers = jobs.summary(after)
    was = _codes_at(after.atoms, shuffled.grids)
    apart = (was != after.atoms["grid_code"].to_numpy()) & (was != "")
    assert numbers["households_moved"] == after.atoms["households"][apart].sum()
    assert numbers["households_moved_share"] == pytest.approx(
        numbers["households_moved"] / after.atoms["households"].sum(), abs=1e-4
    )
    found = pd.DataFrame(after.info["metrics"]["moved"])
    assert (found["households"].sum() if len(found) else 0) == numbers["households_moved"]
    fresh = jobs.divide(**frames)
    assert numbers["households_moved"] <= _parted(fresh, shuffled) + 1
    assert len(set(after.grids["grid_code"]) & set(shuffled.grids["grid_code"])) > len(after.grids) / 2
    known_codes = set(shuffled.grids["grid_code"])
    made = set(after.grids["grid_code"]) - known_codes
    assert all(int(code[12:]) > max(int(one[12:]) for one in known_codes if one[:12] == code[:12]) for code in made)


@settings(deadline=None, max_examples=6)
@given(plan=st.sampled_from(PLANS), seed=st.integers(0, 1000), lost=st.floats(0.0, 0.5))
def test_whatever_streets_are_lost_the_rules_hold(plan, seed, lost):
    frames, rng = dict(build(plan).frames), np.random.default_rng(seed)
    frames["streets"] = frames["streets"][rng.random(len(frames["streets"])) >= lost]
    after = jobs.divide(**frames, earlier=town(plan), seed=seed)
    assert hard(after).empty
    known = set(town(plan).grids["grid_code"])
    made = set(after.grids["grid_code"]) - known
    assert all(int(code[12:]) > max(int(one[12:]) for one in known if one[:12] == code[:12]) for code in made)
    assert after.grids["households"].sum() == town(plan).grids["households"].sum()


def _recoded(division):
    """The division with numbers that no first numbering gives."""
    from gridgis.lineage import recoded

    return recoded(
        division, {code: f"{code[:12]}{100 + 7 * int(code[12:]):03d}" for code in division.grids["grid_code"]}
    )


def _codes_at(atoms: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> np.ndarray:
    points = gpd.GeoDataFrame(geometry=atoms.geometry.representative_point(), crs=atoms.crs)
    joined = points.sjoin(grids[["grid_code", "geometry"]], how="left", predicate="intersects")
    return joined[~joined.index.duplicated()]["grid_code"].fillna("").to_numpy(dtype=object)


def _parted(division, before) -> float:
    """Households outside the grid that has most of their old one."""
    was = _codes_at(division.atoms, before.grids)
    held = division.atoms["households"].groupby([was, division.atoms["grid_code"]]).sum()
    return float(held.sum() - held.groupby(level=0).max().sum())


def test_zones_that_were_not_divided_before_are_divided_as_ever():
    stood = town(PLAIN)
    first = sorted(stood.zones["zone_code"])[0]
    some = stood.grids[stood.grids["zone_code"] == first]
    after = jobs.divide(**build(PLAIN).frames, earlier=some)
    assert_same(stood, after, layers=("grids", "microgrids"))


def test_a_division_in_force_that_is_none_is_refused():
    stood, frames = town(PLAIN), build(PLAIN).frames
    grids = stood.grids
    for wrong, told in (
        (grids.drop(columns="grid_code"), "no column grid_code"),
        (pd.DataFrame(grids.drop(columns="geometry")), "no geometry"),
        (grids.assign(grid_code=["7", *grids["grid_code"][1:]]), "is not 15 digits"),
        (pd.concat([grids, grids[:1]]), "occurs twice"),
        (
            gpd.GeoDataFrame(grids.assign(geometry=grids.geometry.values), crs=None).set_crs(None, allow_override=True),
            "CRS",
        ),
        (grids.set_geometry([None, *grids.geometry[1:]], crs=grids.crs), "has no land"),
    ):
        with pytest.raises(InputRefused, match=told):
            jobs.divide(**frames, earlier=wrong)


def test_the_command_starts_from_a_file_and_tells_what_moved(tmp_path):
    sources = build(PLAIN).write(tmp_path)
    write_division(_recoded(town(PLAIN)), tmp_path / "force.gpkg")
    options = [part for name, file in sources.items() for part in (f"--{name.replace('_', '-')}", file)]
    out = tmp_path / "OUT.gpkg"
    run = CliRunner().invoke(main, ["divide", *options, "--earlier", str(tmp_path / "force.gpkg"), "-o", str(out)])
    assert run.exit_code == 0, run.output
    assert "households_moved        0" in " ".join(run.output.splitlines()) or "households_moved" in run.output
    made = read_division(out)
    assert set(made.grids["grid_code"]) == set(_recoded(town(PLAIN)).grids["grid_code"])
    run = CliRunner().invoke(main, ["divide", *options, "--earlier", str(tmp_path / "nothing.gpkg"), "-o", str(out)])
    assert run.exit_code == 2
    assert "no such file" in run.output


def test_the_command_starts_from_a_version_of_a_store(tmp_path):
    sources = build(PLAIN).write(tmp_path)
    store = str(tmp_path / "city.db")
    jobs.init(store, administrator="chief")
    jobs.add_actor(store, "ann", role="submitter", by="chief")
    jobs.draft(store, _recoded(town(PLAIN)), author="ann")
    options = [part for name, file in sources.items() for part in (f"--{name.replace('_', '-')}", file)]
    words = ["divide", *options, "--earlier", "1", "-o", str(tmp_path / "OUT.gpkg")]
    run = CliRunner().invoke(main, words, env={"GRIDGIS_STORE": store})
    assert run.exit_code == 0, run.output
    assert "counts those of now" in run.output
    assert set(read_division(tmp_path / "OUT.gpkg").grids["grid_code"]) == set(
        jobs.version(store, 1).grids["grid_code"]
    )
    run = CliRunner().invoke(main, words)
    assert (run.exit_code, "Name the store of the version with --store" in run.output) == (2, True)
    run = CliRunner().invoke(main, [*words[:-3], "9", *words[-2:]], env={"GRIDGIS_STORE": store})
    assert run.exit_code == 2


# ---------------------------------------------------------------- Hankou
@pytest.mark.slow
@pytest.mark.skipif(not HANKOU.exists(), reason="data of the place are not at hand")
@pytest.mark.parametrize("up", [False, True], ids=["either way", "upwards"])
@pytest.mark.parametrize("seed", range(5))
def test_few_households_of_hankou_move(hankou, seed, up):
    """A tenth more or less in three atoms of ten: at most 6 % move, no zone more is out of range than from scratch."""
    counts = changed_counts(hankou, np.random.default_rng(seed), up=up)
    zones = zones_of(hankou)
    edit = redivide(hankou, zones, households=counts, seed=seed, jobs=2)
    found = moved(hankou, edit.after)
    share = found["households"].sum() / counts.sum()
    start = recounted(hankou, counts).after
    fresh = {ground.zone_code: _fresh(ground, hankou, seed) for ground in grounds(start, zones)}
    out = _zones_out(edit.after)
    out_fresh = {code for code, (is_out, _) in fresh.items() if is_out}
    from_scratch = sum(away for _, away in fresh.values()) / counts.sum()
    print(f"moved {share:.4f}, from scratch {from_scratch:.4f}; zones out {len(out)}, from scratch {len(out_fresh)}")
    assert share <= 0.06
    assert len(out) <= len(out_fresh)
    assert rules.check(edit.after.division)["severity"].ne("hard").all()
    assert households(edit.after) == counts.sum()


@pytest.mark.slow
@pytest.mark.skipif(not HANKOU.exists(), reason="data of the place are not at hand")
def test_few_households_of_hankou_move_where_streets_and_numbers_of_zones_change(hankou):
    """One street in twenty is gone, three zones of ten have a tenth more or less: from scratch thrice as many move."""
    rng, layers = np.random.default_rng(0), _layers_of_hankou()
    layers["streets"] = layers["streets"][rng.random(len(layers["streets"])) > 0.05]
    number = layers["zones"]["households"].to_numpy(dtype=float)
    change = np.where(rng.random(len(number)) < 0.3, rng.choice([-0.1, 0.1], len(number)), 0.0)
    layers["zones"]["households"] = np.round(number * (1 + change)).astype(int)
    after, fresh = (jobs.divide(**layers, jobs=2, earlier=stood) for stood in (hankou.division, None))
    _, told = going_on(fresh, earlier_of(hankou.division, layout=hankou.profile.codes), profile=hankou.profile)
    share, from_scratch = (numbers["households_moved_share"] for numbers in (jobs.summary(after), told["summary"]))
    print(f"moved {share:.4f}, from scratch {from_scratch:.4f}")
    assert share <= 0.06
    assert share < from_scratch / 2
    assert len(_zones_out(drafted(after))) <= len(_zones_out(drafted(fresh)))
    assert jobs.summary(after)["hard_offenders"] == 0


@pytest.fixture(scope="module")
def hankou() -> Draft:
    return drafted(jobs.divide(**_layers_of_hankou(), jobs=2))


def _layers_of_hankou() -> dict[str, gpd.GeoDataFrame]:
    return {name: gpd.read_file(HANKOU, layer=name) for name in ("zones", "streets")}


def _fresh(ground, draft: Draft, seed: int) -> tuple[bool, float]:
    """Of a zone divided from scratch: whether it is out of range, and the households away from most of their grid."""
    m, graph, nothing = ground.measure, ground.graph, float("nan")
    made = divide_zone(
        graph, low=m.low, high=m.high, micro_low=nothing, micro_high=nothing,
        households=graph.size, seed=seed, effort=1, profile=draft.profile,
    ).grid  # fmt: skip
    held = np.zeros((ground.standing.grid.max() + 1, made.max() + 1))
    np.add.at(held, (ground.standing.grid, made), graph.size)
    size = held.sum(axis=0)
    return bool(((size < m.low) | (size > m.high)).any()), float(held.sum() - held.max(axis=1).sum())


def _zones_out(draft: Draft) -> set[str]:
    grids = draft.division.grids
    return set(grids["zone_code"][~grids["households"].between(300, 500).to_numpy(dtype=bool)])
