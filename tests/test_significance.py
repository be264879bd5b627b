"""Hot spots: esda's numbers where the method is esda's, planted ones found, and no more false ones than is stated."""

from __future__ import annotations

import itertools
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from lattices import Lattice, divided
from scipy import sparse
from scipy.stats import false_discovery_control
from shapely.geometry import box

from gridgis.errors import InputRefused
from gridgis.heat.contiguity import Contiguity, contiguity, from_pairs
from gridgis.heat.counts import Counted, count_cases
from gridgis.heat.discoveries import adjusted
from gridgis.heat.draws import Urns, Windows, tails
from gridgis.heat.getis_ord import with_itself
from gridgis.heat.permutations import ENOUGH, refined, two_sided
from gridgis.heat.significance import gi_star_z, hot_spots, local_moran, local_moran_z, preview, strata

OCTOBER = ("2026-10-01", "2026-10-30")
RATE = 0.05
MIDDLE = 645
"""A grid of :func:`city` that has eight neighbours."""


def counted(cases, households=400.0):
    n = len(cases)
    frame = pd.DataFrame({"grid_code": [f"g{k:05d}" for k in range(n)], "zone_code": "z", "name": "n"})
    return Counted(frame.assign(cases=np.asarray(cases, float), households=households, area_km2=0.1), 30, 1.0, ())


@cache
def city():
    """1,200 grids of a made-up coverage, and where each lies in columns and rows."""
    grids = divided(Lattice(zones=(3, 4), zone=(10, 10), grid=(1, 1), bends=1), seed=1).grids
    return grids, contiguity(grids)


@cache
def small():
    grids = divided(Lattice(zones=(2, 2), zone=(5, 6), grid=(1, 1), bends=1), seed=1).grids
    rng = np.random.default_rng(8)
    return contiguity(grids), rng.poisson(2.0 + 8 * (rng.random(len(grids)) < 0.1)).astype(float)


def as_w(neighbours):
    from libpysal.weights import W

    m = neighbours.matrix
    near = {i: m.indices[m.indptr[i] : m.indptr[i + 1]].tolist() for i in range(m.shape[0])}
    return W(near, id_order=list(near), silence_warnings=True)


# ---------------------------------------------------------------- the numbers of esda
def test_z_of_gi_star_is_esdas():
    from esda import G_Local

    neighbours, cases = small()
    theirs = G_Local(cases, as_w(neighbours), transform="B", star=True, permutations=0)
    np.testing.assert_allclose(gi_star_z(cases, with_itself(neighbours.matrix)), theirs.Zs, rtol=1e-9, atol=1e-9)
    found = hot_spots(counted(cases), neighbours, rng=np.random.default_rng(0), per=None).frame
    np.testing.assert_allclose(found["z"], theirs.Zs, rtol=1e-9, atol=1e-9)


def test_local_moran_and_its_z_are_esdas():
    from esda import Moran_Local

    neighbours, cases = small()
    theirs = Moran_Local(cases, as_w(neighbours), permutations=0)
    np.testing.assert_allclose(local_moran(cases, neighbours.matrix), theirs.Is, rtol=1e-9, atol=1e-9)
    z = (theirs.Is - theirs.EIc) / np.sqrt(theirs.VIc)
    np.testing.assert_allclose(local_moran_z(cases, neighbours.matrix), z, rtol=1e-9, atol=1e-9)


@pytest.mark.slow  # esda compiles its own for a minute
@pytest.mark.filterwarnings("ignore:The alternative hypothesis:DeprecationWarning")
@pytest.mark.parametrize("method", ["gi_star", "local_moran"])
def test_p_of_conditional_permutations_is_esdas_but_for_chance(method):
    """Twice esda's, which is of one side; of numbers that are never equal, as its lower tail leaves equal sums out."""
    from esda import G_Local, Moran_Local

    neighbours, cases = small()
    cases = cases + np.random.default_rng(1).random(len(cases))
    draws, w = 4_999, as_w(neighbours)
    options = {"permutations": draws, "seed": 1, "n_jobs": 1}
    if method == "gi_star":
        theirs = G_Local(cases, w, transform="B", star=True, **options)
    else:
        theirs = Moran_Local(cases, w, **options)
    ours = hot_spots(
        counted(cases), neighbours, rng=np.random.default_rng(0), per=None, method=method, randomisation="conditional",
        permutations=draws, set_aside=False,
    ).frame  # fmt: skip
    one_sided = theirs.p_sim.astype(float)
    error = 5 * np.sqrt(2 * one_sided / draws) + 2 / draws
    assert (np.abs(ours["p"] / 2 - one_sided) <= error).all()


# ---------------------------------------------------------------- draws
@pytest.mark.parametrize("without_self", [False, True])
@pytest.mark.parametrize("classes", [[0] * 9, [0, 0, 0, 0, 1, 1, 1, 1, 1]])
def test_tails_are_those_of_every_choice(classes, without_self):
    rng, classes = np.random.default_rng(2), np.array(classes)
    values = rng.poisson(2, 9).astype(float)
    member = (rng.random((9, 9)) < 0.4) & ~np.eye(9, dtype=bool)
    matrix = sparse.csr_array((member | (np.eye(9, dtype=bool) & (not without_self))).astype(float))
    urns = Urns.of(values, classes, np.ones(9, dtype=bool))
    windows = Windows.of(matrix, values, urns)
    found = tails(urns, windows, np.arange(9), draws=100_000, seed=1, without_self=without_self)
    for i in range(9):
        near = matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]]
        choices = []
        for c in np.unique(classes):
            pool = [j for j in range(9) if classes[j] == c and not (without_self and j == i)]
            choices.append(
                [values[list(one)].sum() for one in itertools.combinations(pool, (classes[near] == c).sum())]
            )
        every = np.array([sum(one) for one in itertools.product(*choices)])
        assert found.at_least[i] / 1e5 == pytest.approx((every >= windows.sum[i]).mean(), abs=0.008)
        assert found.at_most[i] / 1e5 == pytest.approx((every <= windows.sum[i]).mean(), abs=0.008)


def test_an_answer_depends_neither_on_threads_nor_on_who_else_is_asked(monkeypatch):
    neighbours, cases = small()
    urns = Urns.of(cases, np.zeros(len(cases), dtype=np.int64), np.ones(len(cases), dtype=bool))
    windows = Windows.of(neighbours.matrix, cases, urns)
    every = tails(urns, windows, np.arange(len(cases)), draws=500, seed=3, without_self=True)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr("gridgis.heat.draws.SHARE", 7)
    again = tails(urns, windows, np.arange(len(cases)), draws=500, seed=3, without_self=True)
    some = np.array([40, 3, 77])
    few = tails(urns, windows, some, draws=500, seed=3, without_self=True)
    for one, other, part in zip(every, again, few, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one[some], part)


def test_draws_leave_the_values_as_they_were():
    neighbours, cases = small()
    urns = Urns.of(cases, np.zeros(len(cases), dtype=np.int64), np.ones(len(cases), dtype=bool))
    before = urns.value.copy()
    tails(urns, Windows.of(neighbours.matrix, cases, urns), np.arange(9), draws=99, seed=3, without_self=True)
    np.testing.assert_array_equal(urns.value, before)


def test_more_draws_come_where_the_correction_needs_them():
    _, neighbours = city()
    cases = np.random.default_rng(0).poisson(5.0, 1200).astype(float)
    cases[neighbours.matrix.indices[neighbours.matrix.indptr[MIDDLE] : neighbours.matrix.indptr[MIDDLE + 1]]] += 40
    urns = Urns.of(cases, np.zeros(1200, dtype=np.int64), np.ones(1200, dtype=bool))
    windows = Windows.of(with_itself(neighbours.matrix), cases, urns)
    found = refined(
        urns, windows, np.arange(1200), tests=1200, ahead=(0, 0), high=None, permutations=99, rate=RATE,
        correction="bh", rng=np.random.default_rng(1), without_self=False,
    )  # fmt: skip
    p = two_sided(found)
    assert found.draws.min() == 99
    assert p[MIDDLE] < 1 / 999
    assert (adjusted(p) <= RATE)[MIDDLE]
    coarse = np.minimum(found.at_least, found.at_most) < ENOUGH
    assert found.draws[coarse].min() >= 2 * ENOUGH * 1200 / (RATE * (adjusted(p) <= RATE).sum())


# ---------------------------------------------------------------- corrections
def test_adjusted_p_are_scipys():
    p = np.random.default_rng(0).random(200) ** 3
    for correction in ("bh", "by"):
        np.testing.assert_allclose(adjusted(p, correction=correction), false_discovery_control(p, method=correction))
    some = np.sort(p)[:50]
    np.testing.assert_allclose(adjusted(some, tests=200), np.sort(adjusted(p))[:50], atol=0.05)
    assert not len(adjusted(np.zeros(0)))


def test_strata_hold_like_exposures_and_enough_of_them():
    exposure = np.random.default_rng(0).lognormal(0, 1, 1900)
    label = strata(exposure)
    assert np.bincount(label).min() >= 200
    assert label.max() == 8
    order = np.argsort(exposure)
    assert (np.diff(label[order]) >= 0).all()
    assert strata(np.full(500, 3.0)).max() == 0
    half = strata(exposure, among=exposure > np.median(exposure))
    assert np.bincount(half, weights=exposure > np.median(exposure)).min() >= 200
    assert (half[exposure <= np.median(exposure)] == 0).all()
    assert strata(np.repeat([1.0, 2.0], [300, 900])).tolist() == [0] * 300 + [1] * 900


# ---------------------------------------------------------------- planted hot spots
def planted(rng, neighbours, number=4):
    """Blocks of a grid and all around it, apart from each other, none at the edge of the city."""
    matrix, taken = neighbours.matrix, np.zeros(1200, dtype=bool)
    inner, blocks = np.flatnonzero(neighbours.neighbours == 8), np.zeros(1200, dtype=bool)
    around = (matrix @ matrix @ matrix @ matrix) > 0
    while number:
        k = rng.choice(inner)
        if not taken[k]:
            block = np.append(matrix.indices[matrix.indptr[k] : matrix.indptr[k + 1]], k)
            blocks[block], number = True, number - 1
            taken |= np.asarray((around[[k]] @ around).toarray()).ravel() > 0
    return blocks


def noise(rng, mean, heaps):
    return rng.poisson(mean * (rng.gamma(1 / heaps, heaps, len(mean)) if heaps else 1.0))


def found_and_false(seed, *, per, risk=4.0, mean=5.0, heaps=0.0):
    """The share of planted grids that are found, and that of false ones among those called; neighbours not counted."""
    _, neighbours = city()
    rng = np.random.default_rng(seed)
    there = planted(rng, neighbours)
    beside = (neighbours.matrix @ there.astype(float) > 0) & ~there
    households = rng.integers(300, 501, 1200).astype(float)
    cases = noise(rng, mean * households / 400 * np.where(there, risk, 1.0), heaps)
    verdict = hot_spots(counted(cases, households), neighbours, rng=rng, per=per, fdr=RATE, permutations=499).frame[
        "verdict"
    ]
    called = verdict.isin(["hot", "cold"]).to_numpy() & ~beside
    return (verdict == "hot")[there].mean(), (called & ~there).sum() / max(called.sum(), 1)


def held(shares):
    found, false = np.array(shares).T
    assert found.mean() >= 0.95
    assert false.mean() <= RATE + 2 * false.std(ddof=1) / np.sqrt(len(false))


@pytest.mark.parametrize("per", ["households", None])
def test_planted_hot_spots_are_found_and_false_ones_are_few(per):
    held([found_and_false(seed, per=per) for seed in range(6)])


@pytest.mark.slow
@pytest.mark.parametrize(("per", "risk"), [("households", 4.0), (None, 4.0), ("households", 3.0)])
def test_planted_hot_spots_over_two_hundred_seeds(per, risk):
    held([found_and_false(seed, per=per, risk=risk) for seed in range(200)])


def anything(seed, *, mean, heaps, exposures, per="households"):
    _, neighbours = city()
    rng = np.random.default_rng(seed)
    share = {"equal": np.ones(1200), "unequal by town": np.where(np.arange(1200) < 300, 0.1, 1.0)}[exposures]
    field = counted(noise(rng, mean * share, heaps), 1000 * share)
    return hot_spots(field, neighbours, rng=rng, per=per, permutations=499).frame["verdict"].isin(["hot", "cold"]).any()


@pytest.mark.slow
@pytest.mark.parametrize("exposures", ["equal", "unequal by town"])
@pytest.mark.parametrize(("mean", "heaps"), [(0.2, 0.0), (1.0, 0.0), (1.0, 1.0), (5.0, 0.0), (5.0, 1.0)])
def test_the_same_risk_everywhere_is_seldom_called_anything(mean, heaps, exposures):
    share = np.mean([anything(seed, mean=mean, heaps=heaps, exposures=exposures) for seed in range(200)])
    assert share <= RATE + 2 * np.sqrt(RATE * (1 - RATE) / 200)


def test_counts_make_big_grids_hot_and_rates_do_not():
    """A quarter of the city has a tenth of the households of the rest, and the same risk."""
    called = [anything(seed, mean=5.0, heaps=0.0, exposures="unequal by town", per=None) for seed in range(3)]
    assert all(called)
    assert not any(anything(seed, mean=5.0, heaps=0.0, exposures="unequal by town") for seed in range(3))


def test_the_preview_calls_more_than_is_true_and_says_that_it_is_one():
    _, neighbours = city()
    calls = []
    for seed in range(10):
        cases = np.random.default_rng(seed).poisson(0.2, 1200)
        found = preview(counted(cases), neighbours, per=None).frame
        assert found["preview"].all()
        calls.append(found["verdict"].isin(["hot", "cold"]).any())
    assert sum(calls) >= 3


# ---------------------------------------------------------------- what is told of a grid
def block(value=40.0, rest=4.0):
    """Quiet grids and a hot block of nine in the middle."""
    _, neighbours = city()
    cases = np.maximum(np.full(1200, rest) + np.random.default_rng(0).integers(-1, 2, 1200), 0)
    near = neighbours.matrix.indices[neighbours.matrix.indptr[MIDDLE] : neighbours.matrix.indptr[MIDDLE + 1]]
    cases[np.append(near, MIDDLE)] = value
    return neighbours, cases, near


def test_a_hot_grid_tells_its_cases_and_who_carries_it():
    neighbours, cases, near = block()
    cases[near[:4]] = [90, 70, 70, 60]
    frame = hot_spots(counted(cases), neighbours, rng=np.random.default_rng(0)).frame
    row = frame.iloc[MIDDLE]
    assert row["verdict"] == "hot"
    assert row["carried_by"] == ",".join(f"g{k:05d}" for k in near[:3])
    assert row["cases"] == 40
    assert row["cases_around"] == cases[near].sum() + 40
    assert row["expected_around"] == pytest.approx(9 * cases.mean())
    assert row["p"] <= row["q"] <= RATE
    assert not frame["preview"].any()
    assert (frame["carried_by"][frame["verdict"] == "not significant"] == "").all()


def test_a_quiet_grid_beside_a_hot_spot_is_not_called_unless_asked_for():
    neighbours, cases, near = block()
    cases[MIDDLE] = 0
    options = {"neighbours": neighbours, "per": None}
    for own_side, verdict in ((True, "not significant"), (False, "hot")):
        row = hot_spots(counted(cases), rng=np.random.default_rng(0), own_side=own_side, **options).frame.iloc[MIDDLE]
        assert row["verdict"] == verdict
        assert row["p"] <= 0.002
    moran = hot_spots(counted(cases), rng=np.random.default_rng(0), method="local_moran", **options).frame
    assert moran["verdict"][MIDDLE] == "low among high"
    assert (moran["verdict"][near] == "hot").any()


def test_same_generator_same_bytes_and_nothing_given_is_changed():
    neighbours, cases, _ = block()
    given = counted(cases)
    before = given.frame.copy()
    one, other = (hot_spots(given, neighbours, rng=np.random.default_rng(5)).frame for _ in range(2))
    pd.testing.assert_frame_equal(one, other)
    pd.testing.assert_frame_equal(given.frame, before)


def test_cold_is_found_where_cases_are_missing():
    neighbours, cases, _ = block(value=0.0, rest=12.0)
    frame = hot_spots(counted(cases), neighbours, rng=np.random.default_rng(0)).frame
    assert frame["verdict"][MIDDLE] == "cold"
    assert not (frame["verdict"] == "hot").any()


def test_grids_without_a_household_are_not_tested_and_no_neighbours():
    neighbours, cases, near = block()
    households = np.full(1200, 400.0)
    households[near[0]], households[near[1]], cases[near[0]] = 0, np.nan, 1000
    found = hot_spots(counted(cases, households), neighbours, rng=np.random.default_rng(0))
    assert (found.frame["verdict"][near[:2]] == "not enough data").all()
    assert found.frame[["z", "p", "q", "cases_around"]].iloc[near[:2]].isna().all(axis=None)
    assert found.frame["cases_around"][MIDDLE] == 7 * 40
    assert any("nothing to divide by" in n.message and n.count == 2 for n in found.notices)


def test_few_cases_are_not_enough_data_but_a_heap_of_neighbours_is_hot():
    neighbours, cases, near = block(value=0.0, rest=0.0)
    cases[:] = 0
    cases[near], cases[MIDDLE] = 3, 3
    frame = hot_spots(counted(cases), neighbours, rng=np.random.default_rng(0)).frame
    assert frame["verdict"][MIDDLE] == "hot"
    assert set(frame["verdict"]) == {"hot", "not enough data"}


# ---------------------------------------------------------------- bad input
METHODS = [("gi_star", "total"), ("gi_star", "conditional"), ("local_moran", "conditional")]


@pytest.mark.parametrize(("method", "randomisation"), METHODS)
@pytest.mark.parametrize("per", ["households", None])
@pytest.mark.parametrize("what", ["no case", "one case", "all in one grid", "all the same"])
def test_nothing_to_find_is_told_clearly(what, per, method, randomisation):
    neighbours, cases = city()[1], np.zeros(1200)
    if what == "all the same":
        cases[:] = 7
    elif what != "no case":
        cases[MIDDLE] = 1 if what == "one case" else 500
    options = {"per": per, "method": method}
    found = hot_spots(
        counted(cases),
        neighbours,
        rng=np.random.default_rng(0),
        randomisation=randomisation,
        permutations=199,
        **options,
    )
    assert not found.frame["verdict"].isin(["hot", "cold"]).any()
    words = {
        "no case": "no case lies",
        "one case": "all cases lie in one grid",
        "all in one grid": "all cases lie in one grid",
        "all the same": "all grids are the same",
    }
    assert any(words[what] in notice.message for notice in found.notices)
    assert preview(counted(cases), neighbours, **options).frame["p"].between(0, 1).all()


def test_islands_one_grid_and_none_do_not_crash():
    rng = np.random.default_rng(0)
    cases = np.append(rng.poisson(3.0, 30), 50)
    ring = from_pairs(31, [(k, (k + 1) % 30) for k in range(30)])
    for method, randomisation in METHODS:
        frame = hot_spots(
            counted(cases), ring, rng=rng, per=None, method=method, randomisation=randomisation, permutations=99
        ).frame
        alone = frame.iloc[30]
        if method == "gi_star" and randomisation == "total":
            assert alone["p"] == pytest.approx(2 / 31, abs=0.02)
        else:
            assert alone["verdict"] == "not enough data"
            assert np.isnan(alone["p"])
        for n in (1, 0):
            few = hot_spots(counted(cases[:n]), from_pairs(n, []), rng=rng, method=method, randomisation=randomisation)
            assert few.frame["verdict"].tolist() == ["not enough data"] * n


def test_nan_households_everywhere_is_not_enough_data_everywhere():
    found = hot_spots(counted(np.ones(31), np.nan), from_pairs(31, [(0, 1)]), rng=np.random.default_rng(0))
    assert set(found.frame["verdict"]) == {"not enough data"}


def test_options_that_cannot_be_are_refused_together():
    with pytest.raises(InputRefused) as refused:
        hot_spots(
            counted(np.ones(3)), from_pairs(2, []), rng=np.random.default_rng(0), method="moran", correction="none",
            permutations=9, fdr=1.0,
        )  # fmt: skip
    assert [fault.row for fault in refused.value.faults] == [
        "neighbours", "method", "correction", "permutations", "fdr",
    ]  # fmt: skip
    with pytest.raises(InputRefused, match="no exposure"):
        hot_spots(counted(np.ones(3)), from_pairs(3, []), rng=np.random.default_rng(0), per="people")


def test_from_cases_to_verdicts():
    """Cases as they are told, a code that is not of these grids, and a coverage: the whole way."""
    shapes = [box(x * 100, y * 100, x * 100 + 100, y * 100 + 100) for x in range(12) for y in range(12)]
    grids = gpd.GeoDataFrame(
        {"grid_code": [f"g{k:03d}" for k in range(144)], "zone_code": "z", "name": "n", "households": 300},
        geometry=shapes, crs="EPSG:32649",
    ).assign(area_m2=1e4)  # fmt: skip
    number = np.random.default_rng(0).poisson(3.0, 144)
    number[[65, 66, 77, 78]] += 30
    codes = np.append(np.repeat(grids["grid_code"].to_numpy(), number), ["gone", "gone"])
    cases = pd.DataFrame({"grid_code": codes, "day": pd.Timestamp("2026-10-05")})
    found = hot_spots(count_cases(cases, grids, window=OCTOBER), contiguity(grids), rng=np.random.default_rng(1))
    assert (found.frame["verdict"][[65, 66, 77, 78]] == "hot").all()
    assert [n.count for n in found.notices if "not given" in n.message] == [2]


def test_contiguity_of_the_city_is_what_the_simulation_takes_it_for():
    _, neighbours = city()
    assert isinstance(neighbours, Contiguity)
    assert np.bincount(neighbours.neighbours).tolist()[8] == 28 * 38
