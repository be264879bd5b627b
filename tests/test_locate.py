"""Points to grids: exact on every border, the same alone and in millions, with what else they could be."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import UTM, Lattice, divided

from gridgis.geometry.borders import shared_edges
from gridgis.locate import METHODS, Places, candidates, decided, locate, notes
from gridgis.locate.exact import side
from gridgis.locate.kernel import covering
from gridgis.locate.layer import Layer, parents
from gridgis.locate.raster import raster
from gridgis.profile import load_profile
from gridgis.schema import Division

LIMITS = load_profile().locating
TOWN = divided(Lattice(zones=(2, 1), zone=(2, 2), grid=(2, 2), bends=3), seed=5)
DEGREES = divided(Lattice(zones=(2, 1), zone=(2, 2), grid=(2, 2), bends=3, crs="EPSG:4326"), seed=5)


# ---------------------------------------------------------------- the sign of a determinant
coordinate = st.floats(-1e7, 1e7, allow_nan=False).filter(lambda value: value == 0 or abs(value) > 1e-3)


def true_side(a, b, p) -> int:
    (ax, ay), (bx, by), (px, py) = (tuple(map(Fraction, q)) for q in (a, b, p))
    det = (ax - px) * (by - py) - (ay - py) * (bx - px)
    return (det > 0) - (det < 0)


@given(
    st.lists(coordinate, min_size=4, max_size=4), st.floats(-1, 2), st.tuples(st.integers(-2, 2), st.integers(-2, 2))
)
def test_a_side_is_exact_a_few_units_beside_the_line(ends, part, ulps):
    a, b = np.array(ends[:2]), np.array(ends[2:])
    p = a + (b - a) * part
    for k, step in enumerate(ulps):
        for _ in range(abs(step)):
            p[k] = np.nextafter(p[k], np.inf * step)
    assert side(*a, *b, *p) == true_side(a, b, p)


# ---------------------------------------------------------------- the kernel against a predicate
def hard_points(polygons: np.ndarray, rng: np.random.Generator, n: int = 400) -> np.ndarray:
    """Vertices, places on edges, one unit beside them, inside and far away."""
    edges = shared_edges(polygons)
    k = rng.integers(len(edges.a), size=n)
    on = edges.a[k] + (edges.b[k] - edges.a[k]) * rng.choice([0.0, 0.5, 1.0, rng.random()], size=(n, 1))
    beside = np.nextafter(on, on + rng.integers(-1, 2, size=on.shape))
    (west, south), (east, north) = edges.a.min(axis=0), edges.a.max(axis=0)
    wide = rng.uniform(-0.3, 1.3, size=(n, 2)) * (east - west, north - south) + (west, south)
    return np.vstack([edges.a, on, beside, wide])


def brute(polygons: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """The smallest index of those that cover each point, by a predicate on every pair."""
    hit = shapely.intersects(polygons[:, None], shapely.points(xy)[None])
    return np.where(hit.any(axis=0), hit.argmax(axis=0), -1)


def kernel(polygons: np.ndarray, xy: np.ndarray, cells: float) -> np.ndarray:
    made = raster(shared_edges(polygons), cells=cells)
    return covering(made, np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])).polygon


@pytest.mark.parametrize("division", [TOWN, DEGREES], ids=["metres", "degrees"])
@pytest.mark.parametrize("cells", [4, 300, 20_000])
def test_the_kernel_answers_as_a_predicate_does(division, cells):
    polygons = division.microgrids.geometry.to_numpy()
    xy = hard_points(polygons, np.random.default_rng(cells))
    assert (kernel(polygons, xy, cells) == brute(polygons, xy)).all()


def odd_shapes() -> np.ndarray:
    """A coverage with a hole that is filled, an island, a sliver, a polygon of two parts and a hole left open."""
    outer = shapely.box(0, 0, 30, 30)
    filled, sliver, island = (
        shapely.box(3, 3, 8, 8),
        shapely.Polygon([(30, 0), (30.001, 15), (30, 30)]),
        shapely.box(40, 3, 41, 4),
    )
    left_open = shapely.box(20, 20, 25, 25)
    ring = shapely.Polygon(outer.exterior.coords, [filled.exterior.coords, left_open.exterior.coords])
    round_ = shapely.Point(15, -40).buffer(20, quad_segs=600)
    return np.array([shapely.MultiPolygon([filled, island]), ring, sliver, round_], dtype=object)


def test_holes_parts_slivers_and_thousands_of_vertices():
    shapes = odd_shapes()
    xy = hard_points(shapes, np.random.default_rng(1), n=3_000)
    for cells in (10, 5_000):
        assert (kernel(shapes, xy, cells) == brute(shapes, xy)).all()


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([2, 50, 5_000]))
def test_any_town_any_raster(seed, cells):
    rng = np.random.default_rng(seed)
    town = divided(Lattice(zones=(1, 1), zone=(2, 1), grid=(1, 2), bends=int(rng.integers(1, 5))), seed=seed)
    polygons = town.microgrids.geometry.to_numpy()
    xy = hard_points(polygons, rng, n=40)
    assert (kernel(polygons, xy, cells) == brute(polygons, xy)).all()


def test_no_edge_runs_through_the_middle_of_a_cell_whatever_the_coordinates():
    squares = np.array([shapely.box(x, y, x + 1, y + 1) for x in range(8) for y in range(8)], dtype=object)
    xy = np.stack(np.meshgrid(np.arange(-1, 10, 0.25), np.arange(-1, 10, 0.25)), axis=-1).reshape(-1, 2)
    for cells in (64, 256, 1024, 4096):
        assert (kernel(squares, xy, cells) == brute(squares, xy)).all()


def test_a_point_that_is_no_number_lies_nowhere():
    layer = Layer.of(TOWN.grids, "grid_code")
    bad = np.array([np.nan, np.inf, -np.inf, 0.0])
    for x, y in ((bad, np.zeros(4)), (np.zeros(4), bad)):
        assert (layer.covering(x, y).polygon == -1).all()
        assert (covering(layer.raster, x, y).polygon == -1).all()


# ---------------------------------------------------------------- a layer
def test_alone_and_among_many_a_point_has_the_same_answer():
    xy = hard_points(TOWN.grids.geometry.to_numpy(), np.random.default_rng(3), n=800)
    x, y = np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])
    many = Layer.of(TOWN.grids, "grid_code")
    assert len(x) >= 2_000
    assert many.is_coverage
    together = many.covering(x, y)
    assert "raster" in many.__dict__
    alone = [Layer.of(TOWN.grids, "grid_code").covering(x[k : k + 1], y[k : k + 1]) for k in range(0, len(x), 37)]
    assert [int(one.polygon[0]) for one in alone] == together.polygon[::37].tolist()
    assert [bool(one.on_edge[0]) for one in alone] == together.on_edge[::37].tolist()


def test_polygons_that_overlap_are_looked_up_one_by_one():
    grids = TOWN.grids.copy()
    grids.loc[2, "geometry"] = grids.geometry[2].buffer(15)
    layer = Layer.of(grids, "grid_code")
    assert not layer.is_coverage
    xy = hard_points(layer.polygons, np.random.default_rng(4), n=900)
    found = layer.covering(np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1]))
    assert (found.polygon == brute(layer.polygons, xy)).all()


def test_a_child_belongs_to_the_code_with_which_it_begins():
    codes = np.array(["10101", "10201", "10301", "9"], dtype=object)
    assert parents(codes, np.array(["101", "103"], dtype=object)).tolist() == [0, -1, 1, -1]


# ---------------------------------------------------------------- places
def asked(places: Places, xy: np.ndarray, accuracy: float = np.nan):
    x, y = np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])
    return locate(places, x, y, accuracy_m=np.full(len(x), accuracy), limits=LIMITS), x, y


def test_a_micro_grid_is_of_the_grid_even_where_they_do_not_share_vertices():
    micros = TOWN.microgrids.copy()
    micros["geometry"] = micros.geometry.simplify(3.0)
    loose = Places.of(replace(TOWN, microgrids=micros))
    assert not loose.nested
    assert Places.of(TOWN).nested
    found, _, _ = asked(loose, hard_points(TOWN.grids.geometry.to_numpy(), np.random.default_rng(6), n=300))
    mine = found.grid >= 0
    assert (found.microgrid[mine] >= 0).all()
    assert (loose.parent[found.microgrid[mine]] == found.grid[mine]).all()


@pytest.mark.parametrize("division", [TOWN, DEGREES], ids=["metres", "degrees"])
def test_the_answer_does_not_depend_on_the_others_nor_on_their_order(division):
    places = Places.of(division)
    xy = hard_points(division.grids.geometry.to_numpy(), np.random.default_rng(7), n=300)
    found, x, y = asked(places, xy, 8.0)
    order = np.random.default_rng(8).permutation(len(xy))
    turned, tx, ty = asked(places, xy[order], 8.0)
    for name in ("grid", "microgrid", "method", "tied", "on_border"):
        assert (getattr(found, name)[order] == getattr(turned, name)).all()
    np.testing.assert_array_equal(found.confidence[order], turned.confidence)
    np.testing.assert_array_equal(found.distance_m[order], turned.distance_m)
    assert (candidates(found, places)[order] == candidates(turned, places)).all()
    assert (notes(found, places, x, y, limits=LIMITS)[order] == notes(turned, places, tx, ty, limits=LIMITS)).all()


def test_outside_is_near_or_far_with_the_distance():
    places = Places.of(TOWN)
    west, south, east, north = TOWN.grids.total_bounds
    inside_y = (south + north) / 2
    xy = np.array([[west - 30, inside_y], [west - 3_000, inside_y], [np.nan, inside_y], [(west + east) / 2, inside_y]])
    found, _, _ = asked(places, xy)
    assert METHODS[found.method].tolist()[:3] == ["nearest", "outside", "unlocated"]
    truth = shapely.distance(shapely.points(xy[:2]), TOWN.grids.union_all())
    np.testing.assert_allclose(found.distance_m[:2], truth, rtol=1e-9)
    assert np.isnan(found.distance_m[2])
    assert found.distance_m[3] == 0
    assert found.grid[0] >= 0
    assert found.grid[1] == -1
    assert found.microgrid[0] >= 0


def test_the_nearest_micro_grid_is_of_the_nearest_grid():
    places = Places.of(TOWN)
    west, south, _, north = TOWN.grids.total_bounds
    xy = np.column_stack([np.full(50, west - 20), np.linspace(south - 10, north + 10, 50)])
    found, _, _ = asked(places, xy)
    assert (found.grid >= 0).all()
    assert (places.parent[found.microgrid] == found.grid).all()
    gap = shapely.distance(shapely.points(xy), places.microgrids.polygons[found.microgrid])
    least = [shapely.distance(shapely.Point(p), places.microgrids.polygons).min() for p in xy]
    np.testing.assert_allclose(gap, least, atol=1e-6)


# ---------------------------------------------------------------- the circle of error
@pytest.mark.parametrize("radius", [0.5, 10.0, 90.0, 1_000.0])
def test_shares_are_those_of_an_overlay(radius):
    places, rng = Places.of(TOWN), np.random.default_rng(9)
    xy = hard_points(TOWN.grids.geometry.to_numpy(), rng, n=60)[-150:]
    found, _, _ = asked(places, xy, radius)
    near = found.near
    for k in np.unique(near.point):
        disc = shapely.Point(xy[k]).buffer(radius, quad_segs=256)
        rows = (near.point == k) & (near.polygon >= 0)
        part = shapely.area(shapely.intersection(places.grids.polygons[near.polygon[rows]], disc)) / disc.area
        np.testing.assert_allclose(near.share[rows], part, atol=2e-4)
        gap = shapely.distance(shapely.Point(xy[k]), places.grids.polygons[near.polygon[rows]])
        np.testing.assert_allclose(near.distance_m[rows], gap, atol=1e-6)
    assert np.allclose(np.bincount(near.point, near.share)[np.unique(near.point)], 1, atol=1e-3)


def test_wide_circles_and_narrow_ones_agree(monkeypatch):
    xy = hard_points(TOWN.grids.geometry.to_numpy(), np.random.default_rng(10), n=40)
    narrow, _, _ = asked(Places.of(TOWN), xy, 25.0)
    monkeypatch.setattr("gridgis.locate.places.WIDE", 0)
    wide, _, _ = asked(Places.of(TOWN), xy, 25.0)
    assert (narrow.near.point == wide.near.point).all()
    np.testing.assert_allclose(narrow.confidence, wide.confidence, atol=2e-4)


def test_an_island_in_the_circle_has_all_of_its_land_there():
    shapes = gpd.GeoDataFrame(
        {"code": ["1", "2"]},
        geometry=[shapely.box(500, 500, 502, 502), shapely.box(0, 0, 1000, 1000) - shapely.box(500, 500, 502, 502)],
        crs=UTM,
    )
    layer = Layer.of(shapes, "code")
    places = Places(layer, layer)
    near = places.near(np.array([500.5]), np.array([499.0]), np.array([1], dtype=np.int32), radius_m=np.array([20.0]))
    assert near.polygon.tolist() == [1, 0]
    np.testing.assert_allclose(near.share, [1 - 4 / (np.pi * 400), 4 / (np.pi * 400)])
    np.testing.assert_allclose(near.distance_m, [0, 1])


# ---------------------------------------------------------------- borders
def border_point(division: Division) -> tuple[np.ndarray, list[str]]:
    """The middle of a border between two grids, and their codes."""
    layer = Layer.of(division.grids, "grid_code")
    both = np.flatnonzero((layer.edges.left >= 0) & (layer.edges.right >= 0))[7]
    middle = (layer.edges.a[both] + layer.edges.b[both]) / 2
    owners = sorted([layer.codes[layer.edges.left[both]], layer.codes[layer.edges.right[both]]])
    vertex = layer.edges.a[both]
    return np.array([vertex, middle]), owners


def test_where_nothing_decides_it_is_the_smallest_code_and_never_in_silence():
    places = Places.of(TOWN)
    xy, owners = border_point(TOWN)
    found, x, y = asked(places, xy[:1])
    assert METHODS[found.method[0]] == "border"
    assert found.on_border[0]
    told = candidates(found, places)[0].split()
    assert set(owners) <= set(told)
    assert told[0] == min(told) == places.grids.codes[found.grid[0]]
    assert "a person chooses" in notes(found, places, x, y, limits=LIMITS)[0]


def test_a_second_place_decides_between_the_grids_that_cover_a_point():
    places = Places.of(TOWN)
    xy, owners = border_point(TOWN)
    found, _, _ = asked(places, xy[:1])
    inner = shapely.point_on_surface(TOWN.grids.set_index("grid_code").geometry[owners[1]])
    one = np.ones(1)
    by = decided(
        found, places, np.array([inner.x]), np.array([inner.y]), rows=np.array([0]), score=0.97 * one, by_address=True
    )
    assert places.grids.codes[by.grid[0]] == owners[1]
    assert METHODS[by.method[0]] == "address"
    assert by.confidence[0] == 0.97
    assert places.parent[by.microgrid[0]] == by.grid[0]


def test_a_second_place_moves_no_point_that_lies_in_one_grid():
    places = Places.of(TOWN)
    points = shapely.point_on_surface(TOWN.grids.geometry.to_numpy()[:2])
    xy = shapely.get_coordinates(points)
    found, x, y = asked(places, xy)
    by = decided(found, places, x[::-1].copy(), y[::-1].copy(), rows=np.arange(2), score=np.ones(2), by_address=True)
    assert (by.grid == found.grid).all()
    assert (by.method == found.method).all()


def test_the_street_under_the_border_and_the_side_are_told():
    edges = Layer.of(TOWN.grids, "grid_code").edges
    both = (edges.left >= 0) & (edges.right >= 0)
    lines = gpd.GeoDataFrame(
        {"first_code": "", "second_code": "", "border_class": "residential", "name": "中山路", "length_m": 1.0},
        index=range(int(both.sum())),
        geometry=edges.lines(both),
        crs=UTM,
    )
    places = Places.of(replace(TOWN, borders=lines))
    a, b = edges.a[both][7], edges.b[both][7]
    way = (b - a) / np.hypot(*(b - a))
    west_of = (a + b) / 2 + np.array([-way[1], way[0]]) * 2.0
    found, x, y = asked(places, np.array([west_of, (a + b) / 2]), 5.0)
    said = notes(found, places, x, y, limits=LIMITS)
    angle = np.degrees(np.arctan2(way[0], -way[1])) % 360
    names = ["east", "northeast", "north", "northwest", "west", "southwest", "south", "southeast"]
    assert said[0].startswith(f"{names[round(angle / 45) % 8]} of 中山路")
    assert said[1].startswith("on 中山路") or "of 中山路" in said[1]


def test_codes_come_in_their_order_whatever_that_of_the_rows():
    mixed = replace(TOWN, grids=TOWN.grids.sample(frac=1, random_state=2), microgrids=TOWN.microgrids[::-1])
    xy = hard_points(TOWN.grids.geometry.to_numpy(), np.random.default_rng(11), n=60)
    one, _, _ = asked(Places.of(TOWN), xy)
    other, _, _ = asked(Places.of(mixed), xy)
    assert (one.grid == other.grid).all()
    assert (one.microgrid == other.microgrid).all()
    assert pd.Index(Places.of(mixed).grids.codes).is_monotonic_increasing
