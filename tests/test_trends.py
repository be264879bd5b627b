"""The space-time cube, Gi* by period, Mann-Kendall and the categories of emerging hot and cold spots."""

from __future__ import annotations

import itertools
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from gridgis.errors import InputRefused
from gridgis.heat.cube import cube
from gridgis.heat.frame import check_rebased
from gridgis.heat.getis_ord import by_lot, by_poisson, discoveries, gi_star, two_sided
from gridgis.heat.periods import MONTHS
from gridgis.heat.trends import KINDS, categories, mann_kendall, sen_slope, space_time, trends

SIDE = 12
DAY = pd.Timestamp("2024-01-01")


def city(side=SIDE, *, households=100):
    """A square of square grids in one community, reading order."""
    places = [shapely.box(100 * k, 100 * r, 100 * k + 100, 100 * r + 100) for r in range(side) for k in range(side)]
    codes = [f"310112005001{n:03d}" for n in range(len(places))]
    columns = {"grid_code": codes, "zone_code": "310112005001", "name": codes, "households": households}
    return gpd.GeoDataFrame({**columns, "area_m2": 10_000.0}, geometry=places, crs="EPSG:4547")


def queen(side=SIDE):
    """Neighbours on the square that share an edge or a corner."""
    row, column = np.divmod(np.arange(side * side), side)
    near = (abs(row[:, None] - row) <= 1) & (abs(column[:, None] - column) <= 1)
    np.fill_diagonal(near, False)
    return sparse.csr_array(near.astype(float))


def as_cases(counts, *, first=DAY, days=7):
    """Cases, a row each, with so many by grid (in the order of `city`) and period of so many days."""
    codes = city(int(len(counts) ** 0.5))["grid_code"].to_numpy()
    grid, period = (np.repeat(each.ravel(), counts.ravel()) for each in np.indices(counts.shape))
    return pd.DataFrame({"grid_code": codes[grid], "day": first + pd.to_timedelta(period * days, unit="D")})


def weeks(number, first=DAY):
    return first, first + pd.Timedelta(days=7 * number - 1)


# Mann-Kendall


def test_mann_kendall_is_the_published_one_with_ties():
    mk = pytest.importorskip("pymannkendall")
    rng = np.random.default_rng(5)
    for n, mean in itertools.product((2, 3, 11, 40), (0.2, 2, 1000)):
        values = rng.poisson(mean, (12, n)).astype(float)
        ours = mann_kendall(values)
        for row, series in enumerate(values):
            theirs = mk.original_test(series)
            expected = [theirs.s, theirs.var_s, theirs.z, theirs.p, theirs.Tau, theirs.slope]
            found = ours.loc[row, ["s", "var_s", "z", "p", "tau", "slope"]].to_numpy(dtype=float)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=25))
def test_mann_kendall_counts_pairs(series):
    s = sum(np.sign(b - a) for a, b in itertools.combinations(series, 2))
    slopes = [(series[b] - series[a]) / (b - a) for a, b in itertools.combinations(range(len(series)), 2)]
    found = mann_kendall(np.array([series]))
    assert found["s"].iloc[0] == s
    assert sen_slope(np.array([series]))[0] == pytest.approx(np.median(slopes), abs=1e-12)
    assert mann_kendall(-np.array([series]))["z"].iloc[0] == pytest.approx(-found["z"].iloc[0])


def test_a_flat_series_has_no_trend():
    found = mann_kendall(np.ones((1, 20)))
    assert found.iloc[0].to_dict() == {"s": 0, "var_s": 0, "z": 0, "p": 1, "tau": 0, "slope": 0}


def test_series_that_lie_otherwise_in_memory_are_the_same():
    values = np.random.default_rng(2).poisson(3, (50, 20))
    pd.testing.assert_frame_equal(mann_kendall(np.asfortranarray(values)), mann_kendall(values.astype(np.float32)))
    pd.testing.assert_frame_equal(mann_kendall(values[::2]), mann_kendall(values).iloc[::2].reset_index(drop=True))


@pytest.mark.parametrize("values", [np.zeros((3, 1)), np.zeros(5), np.array([[1.0, np.nan, 2.0]])])
def test_what_shows_no_trend_is_refused(values):
    with pytest.raises(InputRefused):
        mann_kendall(values)


# Gi*


def test_gi_star_of_one_period_is_esdas():
    esda, weights = pytest.importorskip("esda"), pytest.importorskip("libpysal").weights
    near = weights.lat2W(SIDE, SIDE, rook=False)
    values = np.random.default_rng(3).poisson(2, (SIDE * SIDE, 4)).astype(float)
    z = gi_star(values, near.sparse, population="step")
    for period in range(4):
        theirs = esda.G_Local(values[:, period], near, transform="B", star=True, permutations=0)
        np.testing.assert_allclose(z[:, period], theirs.Zs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("time_step", [0, 1, 3])
@pytest.mark.parametrize("population", ["cube", "step"])
def test_gi_star_in_space_and_time_is_the_formula_bin_by_bin(time_step, population):
    rng, near = np.random.default_rng(4), queen(4).toarray() + np.eye(16)
    x = rng.poisson(3, (16, 6)).astype(float)
    z = gi_star(x, queen(4), time_step=time_step, population=population)
    for grid, period in np.ndindex(x.shape):
        steps = range(max(period - time_step, 0), period + 1)
        inside = [x[other, step] for other in np.flatnonzero(near[grid]) for step in steps]
        everything = x.ravel() if population == "cube" else x[:, list(steps)].ravel()
        n, links, mean, s = len(everything), len(inside), everything.mean(), everything.std()
        expected = (sum(inside) - mean * links) / (s * np.sqrt((n * links - links**2) / (n - 1)))
        assert z[grid, period] == pytest.approx(expected, abs=1e-9)


def test_the_diagonal_of_the_weights_does_not_matter():
    x = np.random.default_rng(4).poisson(3, (16, 6))
    full = sparse.csr_array(queen(4) + sparse.eye_array(16))
    np.testing.assert_array_equal(gi_star(x, full), gi_star(x, queen(4)))


def test_where_nothing_varies_nothing_is_hot():
    assert (gi_star(np.full((16, 5), 3.1), queen(4), time_step=1) == 0).all()
    x = np.random.default_rng(0).poisson(3, (16, 5))
    x[:, 2] = 0
    assert (gi_star(x, queen(4), population="step")[:, 2] == 0).all()


@pytest.mark.parametrize(
    ("values", "weights", "options", "word"),
    [
        (np.ones((16, 3)), queen(3), {}, "shape"),
        (np.ones((16, 3)), queen(4) * 0.25, {}, "0 and 1"),
        (np.full((16, 3), np.nan), queen(4), {}, "finite"),
        (np.ones((16, 3)), queen(4), {"time_step": -1}, "before nothing"),
    ],
)
def test_gi_star_refuses_what_does_not_fit(values, weights, options, word):
    with pytest.raises(InputRefused, match=word):
        gi_star(values, weights, **options)


@pytest.mark.parametrize("population", ["cube", "step"])
def test_the_chance_by_lot_is_that_of_all_draws(population):
    x = np.random.default_rng(1).choice([0, 1, 4], (4, 3), p=[0.6, 0.3, 0.1])
    square = queen(2)
    p = by_lot(x, square, time_step=0, population=population)
    for period in range(3):
        bins = x.ravel() if population == "cube" else x[:, period]
        sums = np.array([sum(draw) for draw in itertools.product(bins, repeat=4)])
        seen = x[:, period].sum()
        expected = min(2 * min((sums <= seen).mean(), (sums >= seen).mean()), 1)
        np.testing.assert_allclose(p[:, period], expected, atol=1e-12)


def test_the_chance_by_lot_with_steps_in_time_is_that_of_many_draws():
    rng = np.random.default_rng(1)
    x = rng.poisson(0.7, (16, 6))
    p = by_lot(x, queen(4), time_step=2)
    for grid, period, links in ((0, 0, 4), (5, 1, 18), (3, 5, 12)):
        sums = rng.choice(x.ravel(), (200_000, links)).sum(axis=1)
        near = np.flatnonzero(queen(4).toarray()[grid] + (np.arange(16) == grid))
        seen = x[near][:, max(period - 2, 0) : period + 1].sum()
        expected = min(2 * min((sums <= seen).mean(), (sums >= seen).mean()), 1)
        assert p[grid, period] == pytest.approx(expected, abs=5 * 2 * 0.5 / np.sqrt(200_000))


def test_the_unit_of_the_lattice_does_not_matter():
    x = np.random.default_rng(1).poisson(2, (144, 8))
    p = by_lot(x, queen())
    np.testing.assert_allclose(by_lot(x / 16, queen()), p, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(by_lot(x * 1e6, queen()), p, rtol=1e-6, atol=1e-9)
    with pytest.raises(InputRefused, match="below 0"):
        by_lot(-x, queen())


def test_rare_cases_keep_the_rate_by_lot_and_by_poisson_and_a_normal_z_does_not():
    by = {"lot": 0, "poisson": 0, "normal": 0}
    for seed in range(20):
        x = np.random.default_rng(seed).poisson(0.05, (400, 20))
        mean = np.tile(x.mean(axis=0), (400, 1))
        by["lot"] += discoveries(by_lot(x, queen(20)), rate=0.05).any()
        by["poisson"] += discoveries(by_poisson(x, queen(20), mean), rate=0.05).any()
        by["normal"] += discoveries(two_sided(gi_star(x, queen(20))), rate=0.05).any()
    assert by["lot"] <= 3
    assert by["poisson"] <= 3
    assert by["normal"] == 20


def test_the_chance_by_poisson_is_that_of_scipy_and_leaves_out_what_is_not_known():
    from scipy.stats import poisson

    rng = np.random.default_rng(2)
    x, mean = rng.poisson(3, (16, 4)), rng.uniform(1, 5, (16, 4))
    mean[3] = np.nan
    p = by_poisson(x, queen(4), mean, time_step=1)
    near = queen(4).toarray() + np.eye(16)
    near[:, 3] = 0
    for grid, period in ((0, 0), (5, 2), (7, 3)):
        steps = slice(max(period - 1, 0), period + 1)
        seen = near[grid] @ x[:, steps].sum(axis=1)
        law = poisson(near[grid] @ np.nan_to_num(mean[:, steps]).sum(axis=1))
        assert p[grid, period] == pytest.approx(min(2 * min(law.cdf(seen), law.sf(seen - 1)), 1), rel=1e-9)


def test_a_big_grid_is_not_hot_for_its_size():
    rng = np.random.default_rng(5)
    land = np.where(np.arange(SIDE * SIDE) % SIDE < 4, 6.0, 1.0)
    counts = rng.poisson(np.outer(4 * land, np.ones(12)))
    whole = cube(as_cases(counts), city(), window=weeks(12))
    assert (space_time(whole, queen()).states[land > 1] == 1).any()
    assert not space_time(whole, queen(), exposure=land).states.any()
    unknown = np.where(np.arange(len(land)) == 7, np.nan, land)
    found = space_time(whole, queen(), exposure=unknown)
    assert np.isnan(found.p[7]).all()
    assert not found.states[7].any()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 0.5))
def test_discoveries_are_those_of_scipy(p, rate):
    from scipy.stats import false_discovery_control

    p = np.array(p)
    q = false_discovery_control(p)
    clear = abs(q - rate) > 1e-9
    np.testing.assert_array_equal(discoveries(p, rate=rate)[clear], (q <= rate)[clear])


def test_discoveries_by_period_leave_out_what_was_not_tested():
    p = np.array([[0.01, 0.5], [0.04, np.nan], [np.nan, 0.02], [0.9, 0.2]])
    by_period = discoveries(p, rate=0.05, axis=0)
    for k in range(2):
        np.testing.assert_array_equal(by_period[:, k], discoveries(p[:, k], rate=0.05))
    np.testing.assert_array_equal(discoveries(p.T, rate=0.05, axis=1), by_period.T)
    assert by_period.tolist() == [[True, False], [False, False], [False, False], [False, False]]


# Categories


def read_aloud(bins, trend):
    """The published definitions, read one by one from a sequence of 1, 0 and -1: the brute force."""
    for side, name in ((1, "hot"), (-1, "cold")):
        on = [b == side for b in bins]
        share, before, ever_other = sum(on) / len(on), on[:-1], -side in bins
        tail = len(list(itertools.takewhile(bool, reversed(on))))
        definitions = [
            ("new", on[-1] and not any(before)),
            ("consecutive", tail >= 2 and not any(on[: len(on) - tail]) and share < 0.9),
            ("intensifying", share >= 0.9 and on[-1] and trend == side),
            ("persistent", share >= 0.9 and on[-1] and trend == 0),
            ("diminishing", share >= 0.9 and on[-1] and trend == -side),
            ("sporadic", on[-1] and any(before) and share < 0.9 and not ever_other),
            ("oscillating", on[-1] and ever_other and share < 0.9),
            ("historical", not on[-1] and share >= 0.9),
        ]
        for kind, holds in definitions:
            if holds:
                return f"{kind} {name}"
    return "no pattern"


BINS = st.one_of(
    st.lists(st.sampled_from([-1, 0, 1]), min_size=2, max_size=40),
    st.lists(st.sampled_from([1] * 15 + [0, -1]), min_size=8, max_size=40),
    st.lists(st.sampled_from([-1] * 15 + [0, 1]), min_size=8, max_size=40),
    st.tuples(st.integers(0, 20), st.integers(1, 20), st.sampled_from([-1, 1])).map(
        lambda t: [0] * t[0] + [t[2]] * (t[1] + 1)
    ),
)


@given(BINS, st.sampled_from([-1, 0, 1]))
def test_categories_are_the_definitions_read_aloud(bins, trend):
    assert categories(np.array([bins], dtype=np.int8), np.array([trend]))[0] == read_aloud(bins, trend)


@given(BINS, st.sampled_from([-1, 0, 1]))
def test_cold_is_hot_with_the_sides_changed(bins, trend):
    bins, other = np.array([bins], dtype=np.int8), {"hot": "cold", "cold": "hot"}
    *kind, side = categories(bins, np.array([trend]))[0].split()
    found = categories(-bins, np.array([-trend]))[0].split()
    mostly_both = {(-1 if side == "hot" else 1)} & set(bins[0, -1:])
    if not mostly_both:
        assert found == [*kind, other.get(side, side)]


def test_every_short_sequence_of_bins():
    for n in (2, 3, 6):
        bins = np.array(list(itertools.product((-1, 0, 1), repeat=n)), dtype=np.int8)
        for trend in (-1, 0, 1):
            found = categories(bins, np.full(len(bins), trend))
            assert list(found) == [read_aloud(list(row), trend) for row in bins]


def test_nine_tenths_of_ten_is_nine():
    ten = np.array([[0] + [1] * 9, [0, 0] + [1] * 8, [1] * 9 + [0], [1] * 8 + [0, 0]], dtype=np.int8)
    found = categories(ten, np.zeros(4, dtype=int))
    assert list(found) == ["persistent hot", "consecutive hot", "historical hot", "no pattern"]


# Planted trends

LEVEL = {
    "new": [0] * 19 + [1],
    "consecutive": [0] * 14 + [1] * 6,
    "intensifying": [1.06 + 0.06 * k for k in range(20)],
    "persistent": [1] * 20,
    "diminishing": [2.2 - 0.06 * k for k in range(20)],
    "sporadic": [0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1],
    "oscillating": [-1] * 4 + [0] * 5 + [1] * 3 + [0] * 4 + [1] * 4,
    "historical": [1] * 19 + [0],
}
"""How far a patch is above the mean in each of twenty weeks: 0 is the mean, 1 twenty cases a week more."""


def planted(kind, side, rng, *, city_side=20):
    """A city of Poisson counts with a patch of 3 x 3 grids that goes the way of the category."""
    sign = 1 if side == "hot" else -1
    mean = np.full((city_side**2, 20), 60.0)
    patch = [city_side * row + column for row in (4, 5, 6) for column in (4, 5, 6)]
    mean[patch] += 20 * sign * np.array(LEVEL[kind])
    return rng.poisson(mean), patch[4]


@pytest.mark.parametrize("side", ["hot", "cold"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_trend_is_told_by_its_name(kind, side):
    right, seeds = 0, 10
    made = cube(as_cases(np.ones((400, 20), dtype=int)), city(20), window=weeks(20))
    for seed in range(seeds):
        counts, middle = planted(kind, side, np.random.default_rng(seed))
        found = trends(replace(made, counts=counts), queen(20), rate=0.01, trend_p=0.02, slope=False)
        right += found["category"].iloc[middle] == f"{kind} {side}"
    assert right >= 0.9 * seeds


def test_the_rate_of_false_bins_is_kept_beside_a_planted_patch():
    false, found, trials = [], [], 12
    for seed in range(trials):
        rng = np.random.default_rng(100 + seed)
        mean = np.full((SIDE * SIDE, 20), 0.8)
        patch = [SIDE * row + column for row in (4, 5, 6) for column in (4, 5, 6)]
        mean[patch] *= 6
        made = cube(as_cases(rng.poisson(mean)), city(), window=weeks(20))
        hot = space_time(made, queen()).states != 0
        near = queen().toarray()[patch].any(axis=0)
        near[patch] = True
        false.append(hot[~near].sum() / max(hot.sum(), 1))
        found.append(hot[patch[4]].mean())
    assert np.mean(false) <= 0.05 + 2 * np.std(false) / np.sqrt(trials)
    assert np.mean(found) > 0.95


# The cube and what comes of it


def test_the_cube_counts_what_lies_in_grids_and_whole_periods():
    counts = np.random.default_rng(2).poisson(1, (9, 12))
    cases = as_cases(counts)
    stray = cases.iloc[:5].assign(grid_code=None)
    outside = cases.iloc[:3].assign(day=DAY - pd.Timedelta(days=1))
    window = DAY - pd.Timedelta(days=1), DAY + pd.Timedelta(days=12 * 7 + 2)
    made = cube(pd.concat([cases, stray, outside]).sample(frac=1, random_state=1), city(3), window=window)
    np.testing.assert_array_equal(made.counts, counts)
    assert made.counts.dtype == np.int32
    assert made.no_grid == 5
    assert made.left_out == ("2023-W52", "2024-W13")
    assert made.periods["period"].tolist()[0] == "2024-W01"
    assert made.grid_codes.tolist() == city(3)["grid_code"].tolist()


def test_weights_add_up_where_asked_for():
    counts = np.ones((4, 3), dtype=int)
    cases = as_cases(counts).assign(weight=0.5)
    assert (cube(cases, city(2), window=weeks(3)).counts == 1).all()
    made = cube(cases, city(2), window=weeks(3), weighted=True)
    assert made.counts.dtype == np.float32
    assert (made.counts == 0.5).all()
    assert (cube(as_cases(counts), city(2), window=weeks(3), weighted=True).counts == 1).all()
    with pytest.raises(InputRefused, match="weight"):
        cube(cases.assign(weight=np.nan), city(2), window=weeks(3), weighted=True)


def test_a_long_month_is_no_trend():
    days = pd.date_range("2023-01-01", "2023-12-31")
    codes = city(4)["grid_code"].to_numpy()
    cases = pd.DataFrame({"grid_code": np.tile(codes, len(days)), "day": np.repeat(days.to_numpy(), 16)})
    made = cube(cases, city(4), window=("2023-01-01", "2023-12-31"), calendar=MONTHS)
    assert len(np.unique(made.counts)) == 3
    np.testing.assert_allclose(made.per_day, 1)
    found = trends(made, queen(4))
    assert set(found["category"]) == {"no pattern"}
    assert set(found["trend"]) == {"none"}


def test_a_grid_of_too_few_cases_is_not_called_without_a_pattern():
    counts = np.zeros((36, 20), dtype=int)
    counts[0, 3] = counts[35, 19] = 1
    found = trends(cube(as_cases(counts), city(6), window=weeks(20)), queen(6))
    assert set(found["category"]) == {"not enough data"}
    assert set(found["trend"]) == {"not enough data"}
    counts[:] = 5
    counts[14] = 0
    found = trends(cube(as_cases(counts), city(6), window=weeks(20)), queen(6))
    assert found["category"].iloc[14] != "not enough data"
    assert found["trend"].iloc[14] == "not enough data"


def test_a_period_without_a_case_is_a_period():
    counts = np.random.default_rng(2).poisson(4, (16, 12))
    counts[:, 6] = 0
    made = cube(as_cases(counts), city(4), window=weeks(12))
    for population in ("cube", "step"):
        found = trends(made, queen(4), population=population)
        assert np.isfinite(found["last_z"]).all()


def test_rising_and_falling_cases():
    counts = np.full((16, 20), 5)
    counts[3], counts[7] = np.arange(20), 40 - 2 * np.arange(20)
    found = trends(cube(as_cases(counts), city(4), window=weeks(20)), queen(4))
    assert found["trend"].tolist()[3::4] == ["rising", "falling", "none", "none"]
    np.testing.assert_allclose(found["slope"].iloc[[3, 7]], [1 / 7, -2 / 7])
    assert found["cases"].iloc[3] == 190
    assert found["cases_around"].iloc[0] == 400


def test_the_same_cases_in_another_order_give_the_same_trends():
    counts = planted("sporadic", "hot", np.random.default_rng(1), city_side=SIDE)[0] // 10
    cases = as_cases(counts)
    one, other = (
        trends(cube(each, city(), window=weeks(20)), queen()) for each in (cases, cases.sample(frac=1, random_state=2))
    )
    pd.testing.assert_frame_equal(one, other)


def test_nothing_of_one_grid_and_of_one_case():
    one = as_cases(np.ones((1, 1), dtype=int))
    made = cube(one, city(1), window=weeks(12))
    assert trends(made, queen(1))["category"].tolist() == ["not enough data"]


@pytest.mark.parametrize(
    ("change", "options", "word"),
    [
        ({}, {"window": weeks(3, pd.Timestamp("2020-01-06"))}, "none from 2020-W02"),
        ({}, {"window": (DAY, DAY + pd.Timedelta(days=3))}, "no week lies whole"),
        ({}, {"window": (DAY, DAY - pd.Timedelta(days=3))}, "before it begins"),
        ({}, {"item": "leter"}, "Perhaps: letter, litter"),
        ({}, {"source": "patrol"}, "no column source"),
        ({"day": pd.NaT}, {}, "no day"),
        ({"grid_code": None}, {}, "none lies in a grid"),
        ({"grid_code": "310112005009001"}, {}, "re-based"),
        ({}, {"in_force_from": "2024-01-08"}, "rebased=True"),
        ({}, {"in_force_from": "soon"}, "no day"),
    ],
)
def test_bad_input_to_the_cube_is_told_with_its_cure(change, options, word):
    cases = as_cases(np.ones((16, 3), dtype=int)).assign(item=["litter", "letter"] * 24, **change)
    with pytest.raises(InputRefused, match=word):
        cube(cases, city(4), **{"window": weeks(3), **options})


def test_rebased_cases_of_days_before_the_division_count():
    cases = as_cases(np.ones((16, 3), dtype=int))
    made = cube(cases, city(4), window=weeks(3), in_force_from="2024-06-01", rebased=True)
    assert made.counts.sum() == 48
    check_rebased(cases, city(4), in_force_from="2024-01-01")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"over": "city"}, "cube, period"),
        ({"chance": "luck"}, "floored, lot, normal"),
        ({"least_periods": 30}, "30 are needed"),
        ({"weights": queen(3)}, "shape"),
    ],
)
def test_trends_refuse(options, word):
    made = cube(as_cases(np.ones((16, 12), dtype=int)), city(4), window=weeks(12))
    with pytest.raises(InputRefused, match=word):
        trends(made, **{"weights": queen(4), **options})


def test_one_period_is_no_trend():
    made = cube(as_cases(np.ones((16, 1), dtype=int)), city(4), window=weeks(1))
    with pytest.raises(InputRefused, match="1 whole period shows no trend"):
        trends(made, queen(4), least_periods=1)
