"""Piles that are no places: default coordinates, rounded ones, one caller's hundreds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridgis.heat.piles import CALLER, DEFAULT, ROUNDED, set_aside


def made(n: int = 2_000, *, seed: int = 0) -> pd.DataFrame:
    """Cases all over a city, to six digits, nobody named."""
    rng = np.random.default_rng(seed)
    lon, lat = 114 + rng.random(n).round(6) * 0.2, 30 + rng.random(n).round(6) * 0.2
    return pd.DataFrame(
        {"given_x": lon.round(6), "given_y": lat.round(6), "x": lon, "y": lat, "caller": np.zeros(n, np.uint64)}
    )


def test_nothing_is_set_aside_where_nothing_piles_up():
    found = set_aside(made(), geographic=True)
    assert (found.reason == "").all()
    assert found.piles.empty
    assert not found.coarse


def test_the_default_of_a_form_is_a_pile_at_its_place():
    cases = made()
    cases.loc[100:399, ["given_x", "given_y", "x", "y"]] = (114.123456, 30.1, 114.123456, 30.1)
    found = set_aside(cases, geographic=True)
    assert (found.reason[100:400] == DEFAULT).all()
    assert (found.reason != "").sum() == 300
    assert found.piles.to_dict("records") == [{"reason": DEFAULT, "cases": 300, "x": 114.123456, "y": 30.1}]


@pytest.mark.parametrize(("geographic", "step"), [(True, 0.001), (True, 0.01), (False, 100.0), (False, 1000.0)])
def test_rounded_coordinates_are_told_from_exact_ones(geographic, step):
    rng = np.random.default_rng(1)
    scale = 1.0 if geographic else 100_000.0
    exact = rng.random((500, 2)) * scale
    coarse = np.round(rng.random((120, 2)) * scale / step) * step
    x, y = np.vstack([exact, coarse]).T
    cases = pd.DataFrame({"given_x": x, "given_y": y, "x": x, "y": y, "caller": np.zeros(len(x), np.uint64)})
    found = set_aside(cases, geographic=geographic)
    assert (found.reason[500:] != "").all()
    assert set(found.reason[500:]) <= {ROUNDED, DEFAULT}
    assert (found.reason[:500] == "").sum() >= 498


@pytest.mark.parametrize("seed", range(5))
def test_coordinates_to_four_digits_end_in_0_by_chance(seed):
    cases = made(20_000, seed=seed)
    cases[["given_x", "given_y"]] = cases[["given_x", "given_y"]].round(4)
    assert (set_aside(cases, geographic=True).reason == "").all()
    some = slice(0, 1_000)
    cases.loc[some, ["given_x", "given_y"]] = cases.loc[some, ["given_x", "given_y"]].round(3)
    assert (set_aside(cases, geographic=True).reason[:1_001] == ROUNDED).sum() >= 1_000


def test_a_file_that_is_rounded_throughout_counts_and_is_told_of():
    cases = made()
    cases[["given_x", "given_y"]] = cases[["given_x", "given_y"]].round(3)
    found = set_aside(cases, geographic=True)
    assert found.coarse
    assert (found.reason == "").all()


def test_one_caller_s_hundreds_are_one_pile_and_nobody_is_not_a_caller():
    cases = made()
    cases.loc[:149, "caller"] = np.uint64(2**63 + 5)
    cases.loc[150:248, "caller"] = np.uint64(7)
    found = set_aside(cases, geographic=True)
    assert (found.reason[:150] == CALLER).all()
    assert (found.reason[150:] == "").all()
    assert found.piles[["reason", "cases"]].to_numpy().tolist() == [[CALLER, 150]]


def test_cases_without_a_place_are_no_pile():
    cases = made(500)
    cases.loc[:299, ["given_x", "given_y", "x", "y"]] = np.nan
    found = set_aside(cases, geographic=True)
    assert (found.reason == "").all()


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.randoms(use_true_random=False))
def test_every_case_that_is_set_aside_is_in_one_pile(default, rounded, calls, random):
    cases = made(1_000)
    rows = list(cases.index)
    random.shuffle(rows)
    cases.loc[rows[:default], ["given_x", "given_y"]] = (114.0303031, 30.0303031)
    some = rows[default : default + rounded]
    cases.loc[some, ["given_x", "given_y"]] = cases.loc[some, ["given_x", "given_y"]].round(3)
    cases.loc[rows[default + rounded : default + rounded + calls], "caller"] = np.uint64(9)
    found = set_aside(cases, geographic=True)
    told = found.piles.groupby("reason")["cases"].sum().to_dict()
    assert told == {name: int((found.reason == name).sum()) for name in set(found.reason) - {""}}
    again = set_aside(cases.iloc[::-1].reset_index(drop=True), geographic=True)
    assert (again.reason[::-1] == found.reason).all()
    assert again.piles.equals(found.piles)


def test_no_case_at_all():
    found = set_aside(made(0), geographic=True)
    assert len(found.reason) == len(found.piles) == len(found.pile) == 0
