"""Counts and rates by grid: what adds up, what has no rate, and the same numbers as esda and mapclassify."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from lattices import Lattice, divided
from shapely.geometry import LineString, box

from gridgis.errors import InputRefused
from gridgis.heat.contiguity import contiguity, from_pairs
from gridgis.heat.counts import count_cases, street_km
from gridgis.heat.rates import classes, rates, smoothed, smoothed_by_neighbours, standardised

OCTOBER = ("2026-10-01", "2026-10-30")
UTM = "EPSG:32649"


def four(**columns):
    """Four squares of 1 km in a row."""
    shapes = [box(k * 1000, 0, (k + 1) * 1000, 1000) for k in range(4)]
    table = {
        "grid_code": ["a", "b", "c", "d"],
        "zone_code": ["z"] * 4,
        "name": ["1", "2", "3", "4"],
        "households": pd.array([100, 400, 0, None], dtype="Int64"),
        "area_m2": [1e6] * 4,
    }
    return gpd.GeoDataFrame(table | columns, geometry=shapes, crs=UTM)


def told(codes, day="2026-10-10", **columns):
    return pd.DataFrame({"grid_code": pd.array(codes, dtype=object), "day": pd.Timestamp(day)} | columns)


def test_cases_counted_and_told_add_up_to_those_given():
    cases = pd.concat(
        [told(["a", "a", "b", "x", None]), told(["a"], day="2026-11-01"), told(["d"]).assign(day=pd.NaT)],
        ignore_index=True,
    )
    counted = count_cases(cases, four(), window=OCTOBER)
    assert counted.frame["cases"].tolist() == [2, 1, 0, 0]
    assert {(n.layer, n.message, n.count) for n in counted.notices} == {
        ("cases", "cases lie in no grid and are not counted", 1),
        ("cases", "cases lie in grids that are not given and are not counted", 1),
        ("cases", "cases have no day and are not counted", 1),
        ("grids", "grids without a household, or with an unknown number", 2),
    }
    assert counted.days == 30


def test_both_ends_of_the_window_are_within():
    cases = pd.concat([told(["a"], day=d) for d in ("2026-09-30", "2026-10-01", "2026-10-30", "2026-10-31")])
    assert count_cases(cases, four(), window=OCTOBER).frame["cases"].sum() == 2


def test_weights_are_summed():
    counted = count_cases(told(["a", "a", "b"], weight=[2.0, 0.5, 1.0]), four(), window=OCTOBER)
    assert counted.frame["cases"].tolist() == [2.5, 1, 0, 0]
    assert counted.case_weight == pytest.approx((4 + 0.25 + 1) / 3.5)


def test_rates_are_per_thousand_households_km2_and_km_of_street_in_30_days():
    counted = count_cases(
        told(["a", "a", "b", "c"]), four(street_m=[2000, 0, 500, 1]), window=("2026-10-01", "2026-10-15")
    )
    found = rates(counted)
    assert found["cases_30_days"].tolist() == [4, 2, 2, 0]
    np.testing.assert_allclose(found["per_1000_households_30_days"], [40, 5, np.nan, np.nan])
    np.testing.assert_allclose(found["per_km2_30_days"], [4, 2, 2, 0])
    np.testing.assert_allclose(found["per_street_km_30_days"], [2, np.nan, 4, 0])


def test_no_household_is_no_rate_and_says_so():
    found = rates(count_cases(told(["a"] * 9 + ["b"] * 11 + ["c"]), four(), window=OCTOBER), min_expected=5)
    assert found["enough"].tolist() == [False, True, False, False]
    assert found["reason"].tolist() == ["fewer than 5 cases expected", "", "no households", "no households"]
    np.testing.assert_allclose(found["expected"], [4, 16, np.nan, np.nan])
    few = rates(count_cases(told(["b"] * 50), four(), window=OCTOBER), min_exposure=200)
    assert few["reason"].tolist()[:2] == ["households below 200", ""]


def test_frames_given_are_left_as_they_are():
    cases, grids = told(["a", "x"]), four()
    before = cases.copy(), grids.copy()
    rates(count_cases(cases, grids, window=OCTOBER), smoothing="global")
    pd.testing.assert_frame_equal(cases, before[0])
    pd.testing.assert_frame_equal(grids, before[1])


def test_the_order_is_that_of_the_grids():
    cases, grids = told(["a", "b", "b"]), four().iloc[[2, 1, 3, 0]]
    found = rates(count_cases(cases, grids, window=OCTOBER))
    assert found["grid_code"].tolist() == ["c", "b", "d", "a"]
    assert found["cases"].tolist() == [0, 2, 0, 1]


@pytest.fixture(scope="module")
def city():
    grids = divided(Lattice(zones=(2, 2), zone=(5, 6), grid=(1, 1)), seed=2).grids
    rng = np.random.default_rng(5)
    exposure = rng.integers(20, 900, len(grids)).astype(float)
    cases = rng.poisson(exposure * rng.gamma(2, 0.005, len(grids))).astype(float)
    return contiguity(grids), cases, exposure


def as_w(neighbours):
    from libpysal.weights import W

    m = neighbours.matrix
    return W(
        {i: m.indices[m.indptr[i] : m.indptr[i + 1]].tolist() for i in range(m.shape[0])},
        id_order=list(range(m.shape[0])),
        silence_warnings=True,
    )


def test_smoothing_and_standardised_rates_are_esdas(city):
    from esda.smoothing import Empirical_Bayes, Spatial_Empirical_Bayes, assuncao_rate

    neighbours, cases, exposure = city
    np.testing.assert_allclose(smoothed(cases, exposure), Empirical_Bayes(cases, exposure).r.ravel(), rtol=1e-9)
    theirs = Spatial_Empirical_Bayes(cases, exposure, as_w(neighbours)).r.ravel()
    np.testing.assert_allclose(smoothed_by_neighbours(cases, exposure, neighbours), theirs, rtol=1e-9)
    np.testing.assert_allclose(standardised(cases, exposure), assuncao_rate(cases, exposure), rtol=1e-9, atol=1e-12)


def test_smoothing_draws_small_grids_most_and_keeps_no_rate_where_there_is_none(city):
    neighbours, _, _ = city
    exposure = np.full(len(neighbours.neighbours), 1000.0)
    cases = np.random.default_rng(1).poisson(exposure * np.random.default_rng(2).gamma(2, 0.01, len(exposure)))
    cases, mean = cases.astype(float), cases.sum() / exposure.sum()
    cases[:2], exposure[:2] = (1, 100), (5, 500)
    exposure[2] = np.nan
    for found in (smoothed(cases, exposure), smoothed_by_neighbours(cases, exposure, neighbours)):
        assert abs(found[0] - mean) < 0.5 * abs(found[1] - mean)
        assert np.isnan(found[2])
        assert np.isfinite(np.delete(found, 2)).all()


def test_less_scatter_than_chance_is_smoothed_to_the_mean():
    """Where every grid has its due, esda's estimate of the variance is negative, and its rates go beyond the mean."""
    exposure = np.array([100.0, 200, 300, 400])
    cases = exposure / 10 + [1, -1, 0, 0]
    np.testing.assert_allclose(smoothed(cases, exposure), 0.1)
    assert np.isfinite(standardised(cases, exposure)).all()


def test_no_case_at_all_is_a_rate_of_zero_everywhere():
    counted = count_cases(told([]), four(), window=OCTOBER)
    neighbours = from_pairs(4, [(0, 1), (1, 2), (2, 3)])
    assert "no case lies in the window" in {n.message for n in counted.notices}
    for smoothing in ("global", "spatial"):
        found = rates(counted, smoothing=smoothing, neighbours=neighbours)
        np.testing.assert_array_equal(found["smoothed_per_1000_households_30_days"].to_numpy()[:2], 0)
        assert not found["enough"].any()


def test_streets_on_and_beside_a_border_are_half_of_either_grid():
    grids = four()
    streets = [
        LineString([(1000, 100), (1000, 600)]),  # on the border of a and b
        LineString([(2002, 0), (2002, 1000)]),  # beside that of b and c
        LineString([(3500, 200), (3500, 300)]),  # inside d
        LineString([(3900, 500), (4200, 500)]),  # a third in d, the rest outside
    ]
    frame = gpd.GeoDataFrame(geometry=streets, crs=UTM).to_crs("EPSG:4490")
    np.testing.assert_allclose(street_km(grids, frame), [0.25, 0.75, 0.5, 0.2], atol=1e-3)
    counted = count_cases(told(["a"]), grids, window=OCTOBER, streets=frame)
    np.testing.assert_allclose(counted.frame["street_km"], [0.25, 0.75, 0.5, 0.2], atol=1e-3)


def test_length_of_streets_adds_up_in_a_whole_city():
    grids = divided(Lattice(zones=(2, 2), zone=(5, 6), grid=(1, 1), bends=4), seed=2).grids
    rng = np.random.default_rng(0)
    west, south, east, north = grids.total_bounds
    ends = rng.uniform((west + 90, south + 90), (east - 90, north - 90), (200, 2, 2))
    streets = gpd.GeoDataFrame(geometry=shapely.linestrings(ends), crs=grids.crs)
    assert street_km(grids, streets).sum() == pytest.approx(streets.length.sum() / 1000, rel=1e-9)


def test_classes_are_those_of_mapclassify():
    import mapclassify

    values = np.random.default_rng(0).gamma(2, 3, 400)
    for scheme, theirs in (
        ("quantiles", mapclassify.Quantiles(values, 5)),
        ("fisher_jenks", mapclassify.FisherJenks(values, 5)),
    ):
        found = classes(values, scheme=scheme)
        np.testing.assert_allclose(found.upper, theirs.bins)
        np.testing.assert_array_equal(found.of, theirs.yb)


def test_a_fixed_scale_gets_a_class_for_what_lies_beyond_it():
    found = classes(np.array([0.0, 1, 1.5, 9, np.nan]), scheme="fixed", bounds=(1, 2))
    assert found.upper == (1, 2, 9)
    assert found.of.tolist() == [0, 0, 1, 2, -1]
    assert classes(np.full(3, np.nan), scheme="fixed", bounds=(1, 2)).of.tolist() == [-1] * 3


def test_not_enough_data_has_no_class_and_does_not_shape_the_others():
    values = np.array([1.0, 2, 3, 4, 1000])
    found = classes(values, count=2, enough=np.array([True] * 4 + [False]))
    assert found.of.tolist() == [0, 0, 1, 1, -1]
    assert found.upper == (2.5, 4)


def test_fewer_distinct_values_are_fewer_classes():
    for scheme in ("quantiles", "fisher_jenks"):
        found = classes(np.array([0.0, 0, 0, 7]), scheme=scheme)
        assert found.upper == (0, 7)
        assert found.of.tolist() == [0, 0, 0, 1]


BAD = {
    "a grid_code twice": (told(["a"]), four(grid_code=list("aacd")), OCTOBER, "stands above already"),
    "a window that ends before it begins": (told(["a"]), four(), OCTOBER[::-1], "before it begins"),
    "no days": (told(["a"]), four(), ("soon", "later"), "no days"),
    "no grids": (told(["a"]), four().iloc[:0], OCTOBER, "no grid"),
    "no column": (told(["a"]).drop(columns="day"), four(), OCTOBER, "no column day"),
    "a weight that is no number": (told(["a"], weight=[np.nan]), four(), OCTOBER, "no weight"),
    "a negative weight": (told(["a"], weight=[-1.0]), four(), OCTOBER, "no weight"),
    "negative households": (told(["a"]), four(households=[1, -2, 3, 4]), OCTOBER, "households is negative"),
    "days as text": (told(["a"]).assign(day="2026-10-10"), four(), OCTOBER, "datetime64"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_refused_with_a_cure(what):
    cases, grids, window, words = BAD[what]
    with pytest.raises(InputRefused, match=words) as refused:
        count_cases(cases, grids, window=window)
    assert all(fault.cure for fault in refused.value.faults)


def test_options_that_cannot_be_are_refused():
    counted = count_cases(told(["a"]), four(), window=OCTOBER)
    for options, words in (
        ({"per": "people"}, "no exposure"),
        ({"per": "streets"}, "no street_km"),
        ({"smoothing": "spatial"}, "needs neighbours"),
        ({"smoothing": "strong"}, "no smoothing"),
        ({"smoothing": "spatial", "neighbours": from_pairs(3, [])}, "3 grids have neighbours, 4 are counted"),
    ):
        with pytest.raises(InputRefused, match=words):
            rates(counted, **options)
    for options, words in (
        ({"scheme": "pretty"}, "no scheme"),
        ({"count": 0}, "0 classes"),
        ({"scheme": "fixed"}, "ascending bounds"),
        ({"scheme": "fixed", "bounds": (2, 1)}, "ascending bounds"),
    ):
        with pytest.raises(InputRefused, match=words):
            classes(np.arange(9.0), **options)
