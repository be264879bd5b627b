"""Edits of a draft: give, merge, rename, lock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from drafts import assert_holds, assert_same, borders_of_atoms, drafted, town
from hypothesis import given, settings
from hypothesis import strategies as st
from towns import Plan

from gridgis import rules
from gridgis.adjust.give import give, merge
from gridgis.adjust.names import lock, rename, unlock
from gridgis.adjust.preview import preview
from gridgis.errors import InputRefused

PLAIN = Plan(seed=7, columns=6, rows=6, zones=2, source="buildings", traits=frozenset({"rows", "dense_streets"}))
PLANS = (
    PLAIN,
    Plan(
        seed=3,
        columns=5,
        rows=4,
        zones=3,
        source="points",
        traits=frozenset({"rows", "dense_streets", "towers", "river"}),
    ),
    Plan(
        seed=11, columns=5, rows=5, zones=2, source="area", traits=frozenset({"rows", "multipart", "dedicated", "rail"})
    ),
    Plan(
        seed=5,
        columns=5,
        rows=5,
        zones=2,
        source="buildings",
        traits=frozenset({"rows", "dense_streets", "compounds", "townships", "beside"}),
    ),
)


@pytest.fixture(scope="module")
def draft():
    return drafted(town(PLAIN))


def test_an_atom_given_away_and_back_gives_the_first_land(draft):
    done = 0
    for atom, to in borders_of_atoms(draft):
        home = draft.division.atoms.set_index("atom_id")["microgrid_code"][atom]
        try:
            there = give(draft, [atom], to=to)
        except InputRefused:
            continue
        assert_holds(there)
        assert {home[:15], to} == set(there.touched)
        if home in set(there.after.division.microgrids["microgrid_code"]):
            back = give(there.after, [atom], to=home)
            one, two = (frame.division.grids for frame in (draft, back.after))
            assert (one["grid_code"] == two["grid_code"]).all()
            assert shapely.equals(one.geometry.values, two.geometry.values).all()
            assert one["households"].equals(two["households"])
        done += 1
    assert done > 5


def test_borders_are_told_as_a_division_would(draft):
    # The same grids, told of from their atoms anew: stretches, lengths and shares agree.
    atom, to = next((a, b) for a, b in borders_of_atoms(draft) if _possible(draft, a, b))
    made = give(draft, [atom], to=to).after.division
    border = made.borders
    inner = border[border["second_code"].notna()]
    for code in made.grids["grid_code"]:
        mine = border[(border["first_code"] == code) | (border["second_code"] == code)]
        outline = made.grids.geometry[made.grids["grid_code"] == code].iloc[0].boundary
        assert mine.geometry.length.sum() == pytest.approx(outline.length, rel=1e-9)
    assert (inner["first_code"] < inner["second_code"]).all()


def _possible(draft, atom, to):
    try:
        give(draft, [atom], to=to)
    except InputRefused:
        return False
    return True


@settings(deadline=None, max_examples=15)
@given(plan=st.sampled_from(PLANS), data=st.data())
def test_random_gifts_keep_every_hard_rule(plan, data):
    now = drafted(town(plan))
    for _ in range(4):
        pairs = borders_of_atoms(now)
        if not pairs:
            return
        atom, to = data.draw(st.sampled_from(pairs))
        try:
            edit = give(now, [atom], to=to)
        except InputRefused:
            continue
        assert_holds(edit)
        now = edit.after


def test_two_grids_merged_are_one_and_go_on_with_the_larger(draft):
    grids = draft.division.grids
    for pair in _neighbours(draft):
        edit = merge(draft, pair)
        assert_holds(edit)
        rows = grids[grids["grid_code"].isin(pair)].sort_values(["households", "area_m2"], ascending=False)
        after = edit.after.division.grids.set_index("grid_code")
        assert set(pair) & set(after.index) == {rows["grid_code"].iloc[0]}
        assert after["households"][rows["grid_code"].iloc[0]] == rows["households"].sum()


def _neighbours(draft):
    from gridgis.geometry.borders import adjacency

    grids = draft.division.grids
    pairs, _ = adjacency(grids.geometry.values)
    code, zone = (grids[c].to_numpy(dtype=object) for c in ("grid_code", "zone_code"))
    return [(code[i], code[j]) for i, j in pairs if zone[i] == zone[j]]


def test_names_go_by_the_rule_of_the_profile(draft):
    profile = draft.profile.model_copy(
        update={"naming": draft.profile.naming.model_copy(update={"grid": "{zone}第{number}网格"})}
    )
    named = replace(draft, profile=profile)
    codes = list(draft.division.grids["grid_code"])
    edit = rename(named, codes)
    zone = draft.division.zones.set_index("zone_code")["name"]
    told = edit.after.division.grids
    assert told["name"].tolist() == [f"{zone[c[:12]]}第{c[-3:]}网格" for c in told["grid_code"]]
    assert edit.touched == tuple(sorted(codes))
    own = rename(draft, codes[:1], name="老街坊")
    assert own.after.division.grids["name"][0] == "老街坊"
    assert own.touched == (codes[0],)


@pytest.mark.parametrize("name", ["", " a", "x" * 61, "two\nlines", "\x07"])
def test_a_bad_name_is_refused(draft, name):
    with pytest.raises(InputRefused, match="is no name"):
        rename(draft, [draft.division.grids["grid_code"][0]], name=name)


def test_a_locked_grid_and_a_locked_border_stay(draft):
    pair = _neighbours(draft)[0]
    held = lock(draft, [pair[0]]).after
    with pytest.raises(InputRefused, match=f"{pair[0]}: is locked"):
        merge(held, pair)
    assert merge(unlock(held, [pair[0]]).after, pair).touched
    held = lock(draft, borders=[pair[::-1]]).after
    with pytest.raises(InputRefused, match="is locked and would move"):
        merge(held, pair)
    with pytest.raises(InputRefused, match="is not locked"):
        unlock(draft, [pair[0]])
    with pytest.raises(InputRefused, match="is locked and would move"):
        _move_something_over(held, pair)


def _move_something_over(draft, pair):
    for atom, to in borders_of_atoms(draft):
        home = draft.division.atoms.set_index("atom_id")["grid_code"][atom]
        if {home, to} == set(pair):
            give(draft, [atom], to=to)


def test_all_faults_are_told_together(draft):
    with pytest.raises(InputRefused) as error:
        give(draft, ["a", "b"], to=draft.division.grids["grid_code"][0])
    assert [fault.row for fault in error.value.faults] == ["a", "b"]
    first, last = (draft.division.atoms.iloc[k] for k in (0, -1))
    with pytest.raises(InputRefused, match=f"lies in zone {first['zone_code']}"):
        give(draft, [first["atom_id"]], to=last["grid_code"])
    with pytest.raises(InputRefused, match="nothing would change"):
        give(draft, [first["atom_id"]], to=first["grid_code"])
    with pytest.raises(InputRefused, match="is no code"):
        give(draft, [first["atom_id"]], to="12")


def test_nothing_given_is_changed(draft):
    kept = drafted(town(PLAIN))
    for pair in _neighbours(draft)[:2]:
        merge(draft, pair)
    assert_same(draft.division, kept.division)


def test_the_same_edit_gives_the_same_bytes(draft):
    pair = _neighbours(draft)[0]
    assert_same(merge(draft, pair).after.division, merge(draft, pair).after.division)


def test_checked_against_the_rules_share_on_streets_is_that_of_the_border(draft):
    # border_on_road of grids that an edit made again is what their stretches say.
    edit = merge(draft, _neighbours(draft)[0])
    made, border = edit.after.division.grids.set_index("grid_code"), edit.after.division.borders
    zone = made["zone_code"]
    inner = border[(border["first_code"].map(zone) == border["second_code"].map(zone))]
    for code in made.index:
        mine = inner[(inner["first_code"] == code) | (inner["second_code"] == code)]
        if not len(mine):
            assert np.isnan(made["border_on_road"][code]) or code not in edit.touched
            continue
        on = mine[~mine["border_class"].isin(["off_street", "wall", "compound"])]["length_m"].sum()
        assert made["border_on_road"][code] == pytest.approx(on / mine["length_m"].sum(), abs=2e-3)
    assert "hard" not in set(rules.check(edit.after.division)["severity"])


def test_the_preview_says_what_check_says(draft):
    profile, told = draft.profile, 0
    for pair in _neighbours(draft)[:4]:
        edit = merge(draft, pair)
        found = rules.check(edit.after.division)
        seen = preview(edit).grids
        assert tuple(seen["grid_code"]) == edit.touched
        out = set(found["code"][found["rule"] == "out_of_range"]) & set(edit.touched)
        assert set(seen["grid_code"][seen["in_range_after"].eq(False)]) == out
        micro = found["code"][found["rule"] == "micro_out_of_range"].str[:15].value_counts()
        for row in seen[seen["microgrids_after"].notna()].itertuples():
            assert row.microgrids_out_after == micro.get(row.grid_code, 0)
            told += 1
        gone = seen[seen["households_after"].isna()]
        assert set(gone["grid_code"]) == set(pair) - set(edit.after.division.grids["grid_code"])
        assert preview(edit).moved_households == gone["households_before"].sum()
    assert told
    assert profile.rules["community"].households is not None
