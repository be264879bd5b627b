import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.errors import InputRefused
from gridgis.profile import KINDS, SHIPPED, Range, load_profile, profile_from_toml


def faults(source):
    with pytest.raises(InputRefused) as refused:
        load_profile(source)
    return refused.value.faults


def written(folder, text):
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_profiles_stand_on_their_own(name):
    profile = load_profile(name)
    assert profile.name == name
    assert set(profile.rules) == set(KINDS)
    for rules in profile.rules.values():
        assert rules.target_area_m2.value > 0
        for part in (rules.households, rules.persons, rules.workers, rules.area_m2, rules.micro_households):
            assert part is None or (part.unit and part.clause)
    assert all(q.unit and q.clause for q in dict(profile.tolerances).values())
    assert profile_from_toml(profile.to_toml()) == profile


def test_default_maps_kinds_to_their_profiles():
    profile = load_profile()
    for kind, name in {"community": "urban", "village": "rural", "dedicated": "dedicated", "street": "street"}.items():
        assert profile.rules[kind] == load_profile(name).rules[kind]
    assert profile.rules["community"].households.target == 400


def test_own_file_inherits_what_it_does_not_set(tmp_path):
    file = written(tmp_path, 'name = "here"\nextends = "default"\n[rules.community.households]\nmax = 600\n')
    mine, base = load_profile(file), load_profile()
    assert mine.name == "here"
    assert (mine.rules["community"].households.min, mine.rules["community"].households.max) == (300, 600)
    assert mine.rules["community"].persons == base.rules["community"].persons
    assert mine.rules["village"] == base.rules["village"]
    assert mine.model_copy(update={"name": base.name, "rules": base.rules}) == base
    assert profile_from_toml(mine.to_toml()) == mine


def test_own_file_extends_another_file(tmp_path):
    parent = written(tmp_path, 'name = "parent"\n[tolerances.snap_m]\nvalue = 2.0\n')
    child = tmp_path / "child.toml"
    child.write_text(
        f"name = 'child'\nextends = '{parent.as_posix()}'\n[tolerances.neck_m]\nvalue = 9\n", encoding="utf-8"
    )
    profile = load_profile(child)
    assert (profile.tolerances.snap_m.value, profile.tolerances.neck_m.value) == (2, 9)
    assert profile.tolerances.snap_m.unit == load_profile().tolerances.snap_m.unit


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[weights]\ncompactnes = 1", "unknown key weights.compactnes"),
        ("[rules.community.household]\nmin = 1", "unknown key rules.community.household"),
        ("speed = 3", "unknown key speed"),
        ("[roads.primary]\nwidth_m = -1", "roads.primary.width_m"),
        ("[roads.primary]\nwidth_m = nan", "roads.primary.width_m"),
        ("[weights]\nborder_m = inf", "weights.border_m"),
        ('[weights]\nborder_m = "much"', "weights.border_m"),
        ("[rules.community.households]\nmin = 700", "min 700 is above max 500"),
        ("[rules.community.households]\nmax = 0", "rules.community.households.max"),
        ("[rules.borough.households]\nmin = 1", "rules.borough"),
        ("[codes.sequence]\ncommunity = [0, 600]", "codes.sequence.community"),
    ],
)
def test_unknown_keys_and_impossible_numbers_are_refused_by_name(tmp_path, text, named):
    found = faults(written(tmp_path, text))
    assert any(named in str(fault) for fault in found), [str(fault) for fault in found]
    assert all(fault.cure for fault in found)


def test_all_faults_of_a_profile_are_told_together(tmp_path):
    assert len(faults(written(tmp_path, "speed = 3\n[weights]\nborder_m = -1\nkept_m = -1\n"))) == 3


def test_no_profile_and_no_toml_are_refused(tmp_path):
    [fault] = faults(tmp_path / "none.toml")
    assert "urban" in fault.cure
    [fault] = faults(written(tmp_path, "a = = b"))
    assert "not TOML" in fault.problem


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.integers(1, 50), st.integers(0, 60), st.integers(1, 2000))
def test_feasible_totals_are_those_that_some_count_shares(low, width, total):
    size = Range(min=low, max=low + width, unit="", clause="")
    assert size.feasible(total) == any(k * low <= total <= k * (low + width) for k in range(1, total + 1))


def test_a_profile_of_a_version_that_knew_no_distance_in_streets_is_read():
    whole = load_profile()
    text = re.sub(r"\[cases\.duplicate_street_m\]\n(?:\w.*\n)+", "", whole.to_toml())
    assert "duplicate_street_m" not in text
    assert profile_from_toml(text).cases == whole.cases
