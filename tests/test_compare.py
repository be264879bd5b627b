"""Two periods, two sources, an item against all, the ranked list and the way to the cases."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gridgis.errors import InputRefused
from gridgis.heat.compare import (
    Circle,
    binomial_test,
    cases_at,
    item_against_all,
    ranked,
    share_test,
    two_periods,
    two_sources,
)

NUMBER = 40
CODES = [f"3101120050{1 + n // 20:02d}{n:03d}" for n in range(NUMBER)]
GRIDS = gpd.GeoDataFrame(
    {
        "grid_code": CODES,
        "zone_code": [code[:12] for code in CODES],
        "name": [f"第{n}网格" for n in range(NUMBER)],
        "households": [0, *[200] * (NUMBER - 1)],
        "area_m2": 20_000.0,
        "party": [f"街道{n % 3}" for n in range(NUMBER)],
    },
    geometry=[shapely.box(100 * n, 0, 100 * n + 100, 100) for n in range(NUMBER)],
    crs="EPSG:4547",
)
MARCH, APRIL = ("2024-03-01", "2024-03-31"), ("2024-04-01", "2024-04-15")


def as_cases(counts, day="2024-03-05", source="patrol", item="litter", no_grid=0):
    """So many cases in each grid, on one day."""
    code = np.append(np.repeat(np.array(CODES, dtype=object), counts), [None] * no_grid)
    return pd.DataFrame({"grid_code": code, "day": pd.Timestamp(day), "source": source, "item": item})


# The tests themselves


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12), st.floats(0.05, 0.95))
def test_the_binomial_test_is_scipys_on_either_side(pairs, share):
    hits, misses = np.array(pairs).T
    of = hits + misses
    found = binomial_test(hits, of, share)
    middle = binomial_test(hits, of, share, mid_p=True)
    for k, (hit, n) in enumerate(zip(hits, of, strict=True)):
        sides = [stats.binomtest(hit, n, share, side).pvalue for side in ("less", "greater")] if n else [1, 1]
        assert found.p[k] == pytest.approx(min(2 * min(sides), 1), abs=1e-9)
        half = 0.5 * stats.binom.pmf(hit, n, share)
        assert middle.p[k] == pytest.approx(min(2 * (min(sides) - half), 1), abs=1e-9)
        all_p = [binomial_test(np.array([h]), np.array([n]), share).p[0] for h in range(n + 1)]
        assert found.lowest[k] == pytest.approx(min(all_p), abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=8))
def test_the_test_of_shares_is_fishers(pairs):
    hits, misses = np.array(pairs).T
    found = share_test(hits, hits + misses)
    if not hits.sum() + misses.sum():
        return
    for k, (hit, miss) in enumerate(pairs):
        rest = [[hit, miss], [hits.sum() - hit, misses.sum() - miss]]
        sides = [stats.fisher_exact(rest, side).pvalue for side in ("less", "greater")]
        assert found.p[k] == pytest.approx(min(2 * min(sides), 1), abs=1e-9)
        assert found.lowest[k] <= found.p[k] + 1e-12


@pytest.mark.parametrize("mean", [2, 5, 20])
def test_exact_tests_keep_their_rate_and_mid_p_comes_near_it(mean):
    rng = np.random.default_rng(mean)
    was, now = rng.poisson(mean * 31 / 23, 40_000), rng.poisson(mean * 15 / 23, 40_000)
    exact, middle = (binomial_test(now, was + now, 15 / 46, mid_p=mid_p).p < 0.05 for mid_p in (False, True))
    assert exact.mean() < 0.05
    assert exact.mean() < middle.mean() < 0.06
    assert abs(middle.mean() - 0.05) < abs(exact.mean() - 0.05)


# Two periods


def test_two_periods_of_different_length_reckoned_by_hand():
    was, now = np.full(NUMBER, 31), np.full(NUMBER, 15)
    was[:3], now[:3] = (0, 62, 31), (15, 0, 60)
    cases = pd.concat([as_cases(was, no_grid=4), as_cases(now, "2024-04-15", no_grid=9)])
    told = two_periods(cases, GRIDS, earlier=MARCH, later=APRIL)
    assert told["grid_code"].tolist() == CODES
    assert told["name"].tolist() == GRIDS["name"].tolist()
    assert told["earlier"].tolist() == was.tolist()
    assert told["later"].tolist() == now.tolist()
    assert told["difference_per_day"].iloc[[1, 2]].tolist() == [-2, 3]
    assert told["ratio"].iloc[3] == 1
    assert np.isnan(told["ratio"].iloc[0])
    assert told["verdict"].tolist() == ["more", "fewer", "more", *["no difference"] * 37]
    assert told["p"].iloc[2] == pytest.approx(2 * stats.binomtest(60, 91, 15 / 46, "greater").pvalue)


def test_a_city_that_grows_is_no_news_against_the_city():
    was, now = np.full(NUMBER, 40), np.full(NUMBER, 80)
    now[5] = 10
    cases = pd.concat([as_cases(was), as_cases(now, "2024-04-02")])
    itself = two_periods(cases, GRIDS, earlier=MARCH, later=APRIL)
    city = two_periods(cases, GRIDS, earlier=MARCH, later=APRIL, against="city")
    assert (itself["verdict"] == "more").sum() == NUMBER - 1
    assert city["verdict"].tolist() == ["fewer" if n == 5 else "no difference" for n in range(NUMBER)]


def test_the_rate_of_false_discoveries_is_kept_and_what_is_planted_is_found():
    false, found, trials = [], [], 60
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        mean = np.full(NUMBER, 6.0)
        later = mean * 15 / 31
        later[:5] *= 6
        cases = pd.concat([as_cases(rng.poisson(mean)), as_cases(rng.poisson(later), "2024-04-02")])
        verdict = two_periods(cases, GRIDS, earlier=MARCH, later=APRIL, mid_p=True)["verdict"].to_numpy()
        called = np.isin(verdict, ["more", "fewer"])
        false.append(called[5:].sum() / max(called.sum(), 1))
        found.append((verdict[:5] == "more").mean())
    assert np.mean(false) <= 0.05 + 2 * np.std(false) / np.sqrt(trials)
    assert np.mean(found) > 0.7


def test_a_grid_of_too_few_cases_is_not_called_the_same():
    was = np.full(NUMBER, 31)
    was[:2] = 0, 1
    told = two_periods(as_cases(was), GRIDS, earlier=MARCH, later=APRIL)
    assert told["verdict"].tolist()[:3] == ["not enough data", "not enough data", "fewer"]


def test_by_community():
    told = two_periods(as_cases(np.arange(NUMBER)), GRIDS, earlier=MARCH, later=APRIL, by="community")
    assert told["community_code"].tolist() == ["310112005001", "310112005002"]
    assert told["earlier"].tolist() == [sum(range(20)), sum(range(20, 40))]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"later": ("2024-03-31", "2024-04-02")}, "begins on 2024-03-31 already"),
        ({"later": ("2024-01-01", "2024-01-31")}, "Let one end"),
        ({"later": ("2024-04-02", "2024-04-01")}, "later: it ends"),
        ({"by": "street"}, "Choose of grid"),
        ({"against": "all"}, "Choose of itself, city"),
        ({"rate": 5}, "0.05"),
        ({"item": "litte"}, "litter"),
        ({"source": "hotline"}, "patrol"),
    ],
)
def test_two_periods_refuse(options, word):
    with pytest.raises(InputRefused, match=word):
        two_periods(as_cases(np.ones(NUMBER, int)), GRIDS, **{"earlier": MARCH, "later": APRIL, **options})


# Two sources


def test_where_people_complain_and_patrol_finds_nothing():
    patrol, hotline = np.full(NUMBER, 30), np.full(NUMBER, 10)
    patrol[:3], hotline[:3] = (0, 60, 0), (25, 0, 1)
    cases = pd.concat([as_cases(patrol, no_grid=7), as_cases(hotline, source="hotline", no_grid=900)])
    told = two_sources(cases, GRIDS, first="patrol", second="hotline", window=MARCH)
    assert told["verdict"].tolist() == ["more", "fewer", "not enough data", *["no difference"] * 37]
    assert told["only_second"].tolist() == [True, False, True, *[False] * 37]
    assert told["second_share_pct"].tolist()[:4] == [100, 0, 100, 25]
    city = 100 * hotline.sum() / (hotline.sum() + patrol.sum())
    np.testing.assert_allclose(told["city_share_pct"], city)
    assert list(told)[2:] == [
        "first",
        "second",
        "second_share_pct",
        "city_share_pct",
        "only_second",
        "p",
        "verdict",
    ]


def test_sources_that_are_one_or_unknown():
    cases = as_cases(np.ones(NUMBER, int))
    with pytest.raises(InputRefused, match="Name two"):
        two_sources(cases, GRIDS, first="patrol", second="patrol", window=MARCH)
    with pytest.raises(InputRefused, match="Perhaps: patrol"):
        two_sources(cases, GRIDS, first="patrol", second="patrols", window=MARCH)


# An item against all


def test_the_location_quotient_of_an_item():
    snow, litter = np.full(NUMBER, 5), np.full(NUMBER, 20)
    snow[3], litter[3], snow[4], litter[4] = 40, 10, 0, 0
    cases = pd.concat([as_cases(snow, item="积雪"), as_cases(litter)])
    told = item_against_all(cases, GRIDS, item="积雪", window=MARCH)
    share = snow.sum() / (snow.sum() + litter.sum())
    assert told["quotient"].iloc[3] == pytest.approx(0.8 / share)
    assert np.isnan(told["quotient"].iloc[4])
    verdict = told["verdict"].tolist()
    assert (verdict[3], verdict[4], set(verdict[5:])) == ("more", "not enough data", {"no difference"})


def test_where_there_is_no_case_nothing_is_told():
    cases = as_cases(np.ones(NUMBER, int), "2023-01-01")
    told = item_against_all(cases, GRIDS, item="litter", window=MARCH)
    assert set(told["verdict"]) == {"not enough data"}
    assert told["cases"].sum() == 0
    told = two_periods(cases.iloc[:1], GRIDS, earlier=("2023-01-01", "2023-01-01"), later=MARCH)
    assert set(told["verdict"]) == {"not enough data"}
    assert told["earlier"].sum() == 1


# The ranked list and the cases


def test_the_ranked_list():
    counts = np.zeros(NUMBER, int)
    counts[[0, 7, 3, 9]] = 5, 9, 5, 1
    trends = pd.DataFrame({"grid_code": CODES[::-1], "category": "no pattern", "trend": ["rising"] * 39 + ["none"]})
    told = ranked(as_cases(counts, no_grid=3), GRIDS, window=MARCH, lead="party", trends=trends, number=3)
    assert told["grid_code"].tolist() == [CODES[7], CODES[0], CODES[3]]
    assert told["rank"].tolist() == [1, 2, 2]
    assert told["lead"].tolist() == ["街道1", "街道0", "街道0"]
    assert told["community_code"].tolist() == ["310112005001"] * 3
    np.testing.assert_array_equal(told["per_1000_households"], [45, np.nan, 25])
    assert told["per_km2"].tolist() == [450, 250, 250]
    assert told["trend"].tolist() == ["rising", "none", "rising"]
    assert len(ranked(as_cases(counts), GRIDS, window=MARCH)) == NUMBER
    mixed = GRIDS.sample(frac=1, random_state=1)
    one, other = (ranked(as_cases(counts), grids, window=MARCH, lead="party") for grids in (GRIDS, mixed))
    pd.testing.assert_frame_equal(one, other)
    with pytest.raises(InputRefused, match="Join the lead"):
        ranked(as_cases(counts), GRIDS, window=MARCH, lead="boss")


def test_from_a_place_to_its_cases():
    cases = pd.DataFrame(
        {
            "grid_code": [CODES[1], CODES[0], None, CODES[25], CODES[0], CODES[0]],
            "day": pd.to_datetime(["2024-03-02", "2024-03-02", "2024-03-02", "2024-03-09", "2024-03-02", "2024-03-03"]),
            "item": ["a", "b", "b", "a", "c", "a"],
            "source": "patrol",
            "x": [0.0, 3.0, 0.0, np.nan, 3.1, 0.0],
            "y": [0.0, 4.0, 1.0, 0.0, 4.0, 5.0],
            "id": list("uvwxyz"),
        },
        index=[10, 11, 12, 13, 14, 15],
    )
    assert "".join(cases_at(cases, "310112005")["id"]) == "xzvyu"
    assert "".join(cases_at(cases, "310112")["id"]) == "xzvyu"
    assert "".join(cases_at(cases, "310112005001")["id"]) == "zvyu"
    assert "".join(cases_at(cases, CODES[0])["id"]) == "zvy"
    assert cases_at(cases, CODES[0]).index.tolist() == [15, 11, 14]
    assert "".join(cases_at(cases, Circle(0, 0, 5))["id"]) == "zvuw"
    assert "".join(cases_at(cases, "310112", item="a", window=("2024-03-02", "2024-03-03"))["id"]) == "zu"
    assert cases_at(cases, "999999").empty


@pytest.mark.parametrize(
    "place", ["", "3101", 310112, None, Circle(0, 0, 0), Circle(np.nan, 0, 1), Circle(0, 0, np.inf)]
)
def test_what_is_no_place(place):
    with pytest.raises(InputRefused):
        cases_at(as_cases(np.ones(NUMBER, int)).assign(x=0.0, y=0.0), place)


def test_a_circle_needs_points():
    with pytest.raises(InputRefused) as told:
        cases_at(as_cases(np.ones(NUMBER, int)), Circle(0, 0, 1))
    assert len(told.value.faults) == 2


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 6), min_size=NUMBER, max_size=NUMBER))
def test_the_cases_of_the_grids_are_all_cases(counts):
    cases = as_cases(counts)
    listed = ranked(cases, GRIDS, window=MARCH)
    assert listed["cases"].sum() == len(cases)
    for code, number in zip(listed["grid_code"][:5], listed["cases"][:5], strict=True):
        assert len(cases_at(cases, code)) == number
