"""Density: near the direct sum of the kernel, the same at every zoom, in metres; masks, colours, refusals."""

from __future__ import annotations

import io
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image
from pyproj import Transformer
from scipy.integrate import dblquad

from gridgis.errors import InputRefused
from gridgis.heat.density import density
from gridgis.heat.kernels import GAUSSIAN, QUARTIC, SCOTT, Kernel, scott_m
from gridgis.heat.mask import Mask
from gridgis.heat.pyramid import Pyramid, append, build, checkpoints
from gridgis.heat.tile import HALF_M, Tile, pixel_centres, tile_bounds
from gridgis.publish.heat_scale import RAMP, Scale, scale_to
from gridgis.publish.heat_tile import coloured, heat_tile

CRS = "EPSG:4547"
X, Y = 500_000.0, 3_380_000.0
KERNELS = [(QUARTIC, 300.0), (QUARTIC, 700.0), (QUARTIC, 120.0), (GAUSSIAN, 120.0), (GAUSSIAN, 400.0), (GAUSSIAN, 50.0)]


def cases(n=4_000, seed=0):
    """Made-up cases: places where they pile up, and some anywhere."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-6_000, 6_000, (25, 2))
    xy = centres[rng.integers(0, 25, n)] + rng.normal(0, 600, (n, 2))
    xy[: n // 5] = rng.uniform(-9_000, 9_000, (n // 5, 2))
    return pd.DataFrame(
        {
            "x": X + xy[:, 0],
            "y": Y + xy[:, 1],
            "day": (np.datetime64("2023-06-01") + rng.integers(0, 400, n)).astype("datetime64[s]"),
            "item": rng.choice(["litter", "noise"], n, p=[0.8, 0.2]),
        }
    )


def pyramid_of(folder, frame, **options):
    build(folder / "heat", frame, crs=CRS, batch="first", **options)
    return Pyramid.open(folder / "heat")


@pytest.fixture(scope="module")
def frame():
    return cases()


@pytest.fixture(scope="module")
def pyramid(frame, tmp_path_factory):
    return pyramid_of(tmp_path_factory.mktemp("density"), frame)


def tile_at(z, x=X, y=Y):
    """The tile in which a place of the plane lies."""
    east, north = Transformer.from_crs(CRS, "EPSG:3857", always_xy=True).transform(x, y)
    side = 2 * HALF_M / 2**z
    return Tile(z, int((east + HALF_M) // side), int((HALF_M - north) // side))


def direct(frame, kernel, x, y, *, days):
    """The kernel summed over the cases themselves, in cases per km² per 30 days."""
    weight = frame["weight"].to_numpy() if "weight" in frame else np.ones(len(frame))
    cx, cy = frame["x"].to_numpy(), frame["y"].to_numpy()
    sums = [
        (weight * kernel.value(cx - east, cy - north)).sum() for east, north in zip(x.ravel(), y.ravel(), strict=True)
    ]
    return np.reshape(sums, x.shape) * 1e6 * 30 / days


# ---------------------------------------------------------------- kernels


@pytest.mark.parametrize(("name", "h"), [(QUARTIC, 3.0), (GAUSSIAN, 2.0)])
def test_a_kernel_integrates_to_one(name, h):
    kernel = Kernel(name, h)
    reach = kernel.reach_m
    whole, _ = dblquad(lambda y, x: float(kernel.value(np.array(x), np.array(y))), 0, reach, 0, reach, epsabs=1e-5)
    assert 4 * whole == pytest.approx(1, abs=1e-4)
    assert kernel.value(np.array([reach * 1.001]), np.array([0.0])) == 0
    assert kernel.value(np.zeros(1), np.zeros(1)) == pytest.approx(kernel.peak)


def test_scotts_rule_is_that_of_scipy_and_fits_both_kernels():
    from scipy.stats import gaussian_kde

    xy = np.random.default_rng(0).normal(0, 500, (2, 1_000))
    spread = math.sqrt(xy.var(axis=1).mean())
    factor = gaussian_kde(xy).scotts_factor()
    assert scott_m(GAUSSIAN, cases=1_000, spread_m=spread) == pytest.approx(spread * factor)
    roughness = {GAUSSIAN: 1 / (4 * math.pi), QUARTIC: 9 / (5 * math.pi)}
    variance = {GAUSSIAN: 1.0, QUARTIC: 1 / 8}
    canonical = {name: (roughness[name] / variance[name] ** 2) ** (1 / 6) for name in roughness}
    assert canonical[QUARTIC] / canonical[GAUSSIAN] == pytest.approx(SCOTT[QUARTIC], rel=1e-9)


def test_the_spread_is_the_standard_distance_of_pointpats(pyramid, frame):
    from pointpats import std_distance

    cases, spread_m = pyramid.spread(pyramid.question())
    assert cases == len(frame)
    here = std_distance(frame[["x", "y"]].to_numpy()) / np.sqrt(2)
    assert spread_m == pytest.approx(here, rel=1e-6)  # places are kept to half a metre


def test_without_a_bandwidth_it_is_scotts(pyramid, frame):
    chosen = frame[frame["item"] == "noise"]
    spread = math.sqrt((chosen["x"].var(ddof=0) + chosen["y"].var(ddof=0)) / 2)
    wanted = scott_m(QUARTIC, cases=len(chosen), spread_m=spread)
    assert density(pyramid, item="noise").kernel.bandwidth_m == pytest.approx(
        wanted, rel=1e-4
    )  # places are kept to 0.6 m


# ---------------------------------------------------------------- near the direct sum


@pytest.mark.parametrize(("name", "h"), KERNELS)
@pytest.mark.parametrize("z", range(8, 17))
def test_a_tile_is_the_direct_sum_within_a_hundredth_of_its_maximum(pyramid, frame, name, h, z):
    found = density(pyramid, first="2023-08-10", last="2024-05-20", item="litter", kernel=name, bandwidth_m=h)
    chosen = frame[(frame["item"] == "litter") & (frame["day"] >= "2023-08-10") & (frame["day"] <= "2024-05-20")]
    tile = tile_at(
        z, *chosen[["x", "y"]].to_numpy()[z]
    )  # a case lies in it: tails alone are exact only beside their case
    values, (x, y) = found.tile(*tile), pixel_centres(tile, CRS)
    some = np.random.default_rng(z).integers(0, 256, (150, 2))
    some[0] = np.unravel_index(values.argmax(), values.shape)
    rows, columns = some.T
    wanted = direct(chosen, found.kernel, x[rows, columns], y[rows, columns], days=285)
    assert np.abs(values[rows, columns] - wanted).max() <= 0.01 * values.max()
    assert found.cases == len(chosen)


@pytest.mark.parametrize(("name", "h"), KERNELS)
def test_each_single_case_is_its_kernel_within_a_hundredth(tmp_path, name, h):
    """Cases so far apart that none reaches another, anywhere in their cells."""
    rng = np.random.default_rng(1)
    apart = np.stack(np.meshgrid(*2 * [np.arange(-24_000.0, 24_000.0, 6_000.0)]), axis=-1).reshape(-1, 2)
    xy = apart + rng.uniform(-200, 200, apart.shape)
    frame = pd.DataFrame({"x": X + xy[:, 0], "y": Y + xy[:, 1], "day": pd.Timestamp("2024-01-15")})
    found = density(pyramid_of(tmp_path, frame), kernel=name, bandwidth_m=h)
    reach = found.kernel.reach_m * 1.1
    east, north = np.meshgrid(np.linspace(-reach, reach, 41), np.linspace(-reach, reach, 41))
    wanted = found.kernel.value(east, north) * 3e7
    for case in frame.itertuples():
        assert np.abs(found.at(case.x + east, case.y + north) - wanted).max() <= 0.01 * wanted.max()


@pytest.mark.parametrize(("name", "h"), KERNELS)
def test_over_the_plane_density_adds_up_to_the_cases(pyramid, name, h):
    found = density(pyramid, item="noise", kernel=name, bandwidth_m=h)
    cell_m = h / 4
    surface = found.surface(cell_m=cell_m)
    total = surface.values.astype(np.float64).sum() * (cell_m / 1000) ** 2 * found.question.days / 30
    assert total == pytest.approx(found.cases, rel=2e-3)
    assert (surface.values >= 0).all()
    edge = np.concatenate([surface.values[[0, -1]].ravel(), surface.values[:, [0, -1]].ravel()])
    assert edge.max() < 0.01 * surface.values.max()


def test_weights_count_as_so_many_cases(tmp_path, frame):
    weighted = frame.head(500).assign(weight=np.arange(500) % 4)
    repeated = frame.head(500).loc[np.repeat(frame.index[:500], np.arange(500) % 4)]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = pyramid_of(tmp_path / "a", weighted), pyramid_of(tmp_path / "b", repeated)
    first, last = one.first_day, one.last_day
    a, b = (density(p, first=first, last=last, bandwidth_m=300.0) for p in (one, other))
    x, y = pixel_centres(tile_at(12), CRS)
    assert a.cases == b.cases == len(repeated)
    wanted = direct(weighted, a.kernel, x[::16, ::16], y[::16, ::16], days=a.question.days)
    for found in (a, b):
        assert np.abs(found.at(x[::16, ::16], y[::16, ::16]) - wanted).max() < 0.01 * a.at(x, y).max()


def test_checkpoints_change_nothing(tmp_path, frame, pyramid, monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY", 200)
    monkeypatch.setattr(checkpoints, "BYTES", 1 << 30)
    monkeypatch.setattr("gridgis.heat.pyramid.runs.LATTICE", 1)
    often = pyramid_of(tmp_path, frame)
    assert often.segments[0].series
    assert not pyramid.segments[0].series
    for item in (None, "litter"):
        for h in (300.0, 555.0):
            one, other = (
                density(p, first="2023-07-07", last="2024-06-06", item=item, bandwidth_m=h) for p in (often, pyramid)
            )
            assert one.tile(*tile_at(12)).tobytes() == other.tile(*tile_at(12)).tobytes()


# ---------------------------------------------------------------- the same at every zoom


@pytest.mark.parametrize(("name", "h"), KERNELS)
def test_a_place_has_one_density_whatever_the_tile(pyramid, name, h):
    """Where pixels of different zooms fall on the same place, and at both sides of a border between tiles."""
    found = density(pyramid, kernel=name, bandwidth_m=h)
    for z in (9, 12, 15):
        tile = tile_at(z)
        for x, y in ((tile.x, tile.y), (tile.x + 1, tile.y), (tile.x, tile.y + 1)):
            values = found.tile(z, x, y)
            west, south, east, north = tile_bounds(Tile(z, x, y))
            part = (np.arange(256) + 0.5) / 256
            across, down = np.meshgrid(west + part * (east - west), north - part * (north - south))
            exact = found.at(*Transformer.from_crs("EPSG:3857", CRS, always_xy=True).transform(across, down))
            np.testing.assert_allclose(values, exact, rtol=2e-4, atol=1e-5 * max(exact.max(), 1e-9))


def test_projected_pixels_are_those_of_the_projection_within_a_millimetre():
    for z in (7, 8, 10, 14):
        tile = tile_at(z)
        west, south, east, north = tile_bounds(tile)
        part = (np.arange(256) + 0.5) / 256
        across, down = np.meshgrid(west + part * (east - west), north - part * (north - south))
        exact = Transformer.from_crs("EPSG:3857", CRS, always_xy=True).transform(across, down)
        for found, wanted in zip(pixel_centres(tile, CRS), exact, strict=True):
            assert np.abs(found - wanted).max() < 1e-3


def test_the_same_question_gives_the_same_bytes_whatever_came_before(pyramid):
    other = Pyramid.open(pyramid.path)
    for z in (10, 13, 11):
        density(pyramid, bandwidth_m=200.0 + z).tile(*tile_at(z))
    one = density(pyramid, item="noise", bandwidth_m=300.0)
    warm = [one.tile(*tile_at(z)) for z in (9, 14, 11, 11)]
    assert warm[3].tobytes() == density(other, item="noise", bandwidth_m=300.0).tile(*tile_at(11)).tobytes()
    assert warm[2].tobytes() == warm[3].tobytes()


def test_the_whole_world_and_the_other_side_of_it_are_answered(pyramid):
    found = density(pyramid, bandwidth_m=300.0)
    for z, x, y in ((0, 0, 0), (3, 0, 0), (5, 3, 30), (24, 0, 2**24 - 1)):
        values = found.tile(z, x, y)
        assert values.shape == (256, 256)
        assert np.isfinite(values).all()


def test_a_surface_is_the_density_at_the_centres_of_its_cells(pyramid):
    found = density(pyramid, bandwidth_m=300.0)
    surface = found.surface(cell_m=130.0, bounds=(X - 3_000, Y - 2_000, X + 2_500, Y + 2_700))
    rows, columns = surface.values.shape
    x = surface.left + (np.arange(columns) + 0.5) * 130.0
    y = surface.top - (np.arange(rows) + 0.5) * 130.0
    assert surface.left <= X - 3_000 < surface.left + 130
    assert surface.top >= Y + 2_700 > surface.top - 130
    np.testing.assert_array_equal(surface.values, found.at(*np.meshgrid(x, y)))
    assert (surface.crs, surface.unit) == (CRS, "cases per km² per 30 days")


# ---------------------------------------------------------------- odd questions


def test_no_case_in_the_window_is_zeros_and_a_notice(pyramid):
    found = density(pyramid, first="1999-01-01", last="1999-12-31", bandwidth_m=300.0)
    assert not found.tile(*tile_at(12)).any()
    assert "no case in the window" in str(found.notices[0])
    assert density(pyramid, bandwidth_m=300.0).notices == ()
    assert density(pyramid, first="1999-01-01", last="1999-12-31").kernel.bandwidth_m == 300.0


def test_one_case_has_no_spread_and_gets_the_pyramids_bandwidth(tmp_path):
    frame = cases(1)
    found = density(pyramid_of(tmp_path, frame, bandwidth_m=250.0))
    assert found.kernel.bandwidth_m == 250.0
    assert found.at(frame["x"].to_numpy(), frame["y"].to_numpy())[0] == pytest.approx(found.kernel.peak * 3e7, rel=0.01)


def test_a_million_cases_at_one_point(tmp_path):
    pile = pd.DataFrame({"x": [X] * 1_000_000, "y": Y, "day": pd.Timestamp("2024-01-15")})
    found = density(pyramid_of(tmp_path, pile), bandwidth_m=300.0)
    assert found.at(np.array([X]), np.array([Y]))[0] == pytest.approx(found.kernel.peak * 3e7 * 1e6, rel=0.01)


@pytest.mark.parametrize("bandwidth_m", [0.0, -3.0, math.nan, math.inf, 1e8])
def test_a_bandwidth_that_is_no_length_is_refused(pyramid, bandwidth_m):
    with pytest.raises(InputRefused, match="is no length"):
        density(pyramid, bandwidth_m=bandwidth_m)


def test_a_bandwidth_finer_than_the_places_is_refused_with_the_least_one(pyramid, frame):
    with pytest.raises(InputRefused, match="Ask for") as refusal:
        density(pyramid, bandwidth_m=5.0)
    least = float(str(refusal.value).split("Ask for ")[1].split(" m")[0])
    here = frame[["x", "y"]].to_numpy()[0]
    assert density(pyramid, bandwidth_m=least * 1.01).tile(*tile_at(16, *here)).max() > 0


def test_a_bandwidth_of_a_continent_is_answered(pyramid, frame):
    found = density(pyramid, bandwidth_m=4e6)
    values = found.tile(*tile_at(12))
    wanted = found.kernel.peak * len(frame) * 3e7 / found.question.days
    np.testing.assert_allclose(values, wanted, rtol=0.01)


def test_an_unknown_kernel_and_tile_are_refused(pyramid):
    with pytest.raises(InputRefused, match="quartic, gaussian"):
        density(pyramid, kernel="cone", bandwidth_m=300.0)
    for tile in ((3, 8, 0), (-1, 0, 0), (2, 0, -1), (25, 0, 0)):
        with pytest.raises(InputRefused, match="none of the web map"):
            density(pyramid, bandwidth_m=300.0).tile(*tile)


@pytest.mark.parametrize(
    ("cell_m", "bounds"),
    [(0.0, None), (math.nan, None), (0.01, None), (10.0, (5, 0, 1, 9)), (10.0, (0, 0, math.nan, 1))],
)
def test_a_surface_that_is_none_is_refused(pyramid, cell_m, bounds):
    with pytest.raises(InputRefused):
        density(pyramid, bandwidth_m=300.0).surface(cell_m=cell_m, bounds=bounds)


def test_a_place_that_is_not_finite_has_no_density(pyramid, frame):
    x, y = frame[["x", "y"]].to_numpy()[0]
    found = density(pyramid, bandwidth_m=300.0).at(np.array([x, np.nan, np.inf]), np.array([y, y, y]))
    assert found[0] > 0
    assert (found[1:] == 0).all()
    assert density(pyramid, bandwidth_m=300.0).at(np.empty(0), np.empty(0)).shape == (0,)


# ---------------------------------------------------------------- masks


def layers():
    land = gpd.GeoDataFrame(
        geometry=[shapely.Point(X, Y).buffer(5_000), shapely.box(X, Y, X + 6_000, Y + 500)], crs=CRS
    )
    river = shapely.LineString([(X - 9_000, Y - 4_000), (X, Y + 300), (X + 9_000, Y + 6_000)]).buffer(200)
    lake = shapely.Point(X + 1_000, Y - 1_500).buffer(900) - shapely.Point(X + 1_000, Y - 1_500).buffer(300)
    return land, gpd.GeoDataFrame(geometry=[river, lake], crs=CRS)


@pytest.mark.parametrize("z", [9, 11, 13, 15])
def test_a_mask_leaves_out_water_and_what_lies_outside(pyramid, z):
    land, water = layers()
    mask = Mask.of(land=land.to_crs("EPSG:4326"), water=water)
    tile = tile_at(z)
    values = density(pyramid, bandwidth_m=300.0, mask=mask).tile(*tile)
    plain = density(pyramid, bandwidth_m=300.0).tile(*tile)
    inside = shapely.union_all(land.to_crs("EPSG:3857").geometry) - shapely.union_all(
        water.to_crs("EPSG:3857").geometry
    )
    west, south, east, north = tile_bounds(tile)
    part = (np.arange(256) + 0.5) / 256
    wanted = shapely.contains_xy(inside, *np.meshgrid(west + part * (east - west), north - part * (north - south)))
    assert np.array_equal(~np.isnan(values), wanted)
    assert np.array_equal(values[wanted], plain[wanted])
    assert np.array_equal(mask.at(*pixel_centres(tile, CRS), CRS), wanted)


def test_a_surface_is_masked_as_tiles_are(pyramid):
    land, water = layers()
    surface = density(pyramid, bandwidth_m=300.0, mask=Mask.of(water=water)).surface(cell_m=100.0)
    assert 0 < np.isnan(surface.values).sum() < surface.values.size
    assert not Mask.of(land=land).tile(tile_at(9, X + 400_000)).any()


def test_layers_that_make_no_mask_are_refused_together():
    line = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=CRS)
    with pytest.raises(InputRefused) as refusal:
        Mask.of(land=gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)]), water=line)
    assert [fault.layer for fault in refusal.value.faults] == ["land", "water"]


# ---------------------------------------------------------------- colours


def test_a_tile_is_a_png_of_the_classes():
    scale = Scale((1.0, 2.0, 5.0), ("#ffff00", "#ff8000", "#800000"))
    values = np.array([[np.nan, 0.0, 0.99], [1.0, 2.0, 1e9]], dtype=np.float32)
    image = Image.open(io.BytesIO(coloured(values, scale)))
    pixels = np.asarray(image.convert("RGBA"))
    assert image.size == (3, 2)
    assert (pixels[0, :, 3] == 0).all()
    assert [tuple(p) for p in pixels[1, :, :3]] == [(255, 255, 0), (255, 128, 0), (128, 0, 0)]
    assert (pixels[1, :, 3] > 100).all()


def test_a_colour_means_the_same_at_every_zoom(pyramid):
    found = density(pyramid, bandwidth_m=300.0)
    scale = scale_to(float(found.surface(cell_m=100.0).values.max()))
    colours = [bytes.fromhex(colour[1:]) for colour in scale.colours]
    for z in (9, 12, 14):
        tile, values = tile_at(z), found.tile(*tile_at(z))
        pixels = np.asarray(Image.open(io.BytesIO(heat_tile(found, *tile, scale=scale))).convert("RGBA"))
        for k, (low, high) in enumerate(zip(scale.limits, (*scale.limits[1:], math.inf), strict=True)):
            here = (values >= np.float32(low)) & (values < np.float32(high))
            assert (pixels[here][:, :3] == list(colours[k])).all()
        assert (pixels[values < np.float32(scale.limits[0])][:, 3] == 0).all()


def test_classes_darken_for_all_eyes():
    """Lightness falls from class to class, also as those without red or green cones see them (Viénot et al. 1999)."""
    linear = np.array([list(bytes.fromhex(colour[1:])) for colour in RAMP]) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    for seen in (np.eye(3), deutan, protan):
        luminance = (linear @ seen.T).clip(0, 1) @ [0.2126, 0.7152, 0.0722]
        lightness = 116 * np.cbrt(luminance) - 16
        assert (np.diff(lightness) < -4).all()


@pytest.mark.parametrize(("highest", "last"), [(0.0, 1.0), (7.3, 5.0), (1.0, 1.0), (1999.0, 1000.0), (1e-20, 1e-7)])
def test_a_scale_ends_with_a_round_number(highest, last):
    scale = scale_to(highest)
    assert scale.limits[-1] == last
    assert len(scale.limits) == 7
    assert scale.legend()[0] == {
        "from": scale.limits[0],
        "to": scale.limits[1],
        "colour": RAMP[0],
        "unit": scale.unit,
    }
    assert scale.legend()[-1]["to"] is None


@pytest.mark.parametrize("limits", [(), (0.0, 1.0), (2.0, 1.0), (1.0, 1.0), (1.0, math.nan), (1.0, math.inf)])
def test_a_scale_that_is_none_is_refused(limits):
    with pytest.raises(InputRefused, match="no scale"):
        Scale(limits, ("#000000",) * len(limits))


def test_an_append_is_seen_by_the_next_reader(tmp_path, frame):
    pyramid = pyramid_of(tmp_path, frame.head(1_000))
    append(pyramid.path, frame.tail(1_000), batch="second")
    fresh = pyramid.refreshed()
    whole = density(fresh, first="2023-06-01", last="2024-07-01", bandwidth_m=300.0)
    both = pd.concat([frame.head(1_000), frame.tail(1_000)])
    x, y = np.array([X, X + 800.0]), np.array([Y, Y - 700.0])
    wanted = direct(both, whole.kernel, x, y, days=whole.question.days)
    np.testing.assert_allclose(whole.at(x, y), wanted, atol=0.01 * whole.tile(*tile_at(12)).max())
