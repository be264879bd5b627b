import itertools

import lattices
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, box

from gridgis.geometry import borders, coverage
from gridgis.geometry.tiling import tiling

FEW = settings(deadline=None, derandomize=True, max_examples=25)


def array(*shapes):
    return np.array(shapes, dtype=object)


def cells(nx=4, ny=3, seed=0):
    """Irregular cells without a defect, about 100 m wide."""
    lattice = lattices.Lattice(zones=(nx, ny), zone=(1, 1), grid=(1, 1), side_m=100.0)
    return lattice.blocks("zones", lattice.nodes(np.random.default_rng(seed)))[0]


def bent(polygon, depth, edge=0):
    """The polygon with an edge pushed inwards by `depth` in its middle, and the land it loses."""
    xy = shapely.get_coordinates(shapely.orient_polygons(polygon))
    u, v = xy[edge], xy[edge + 1]
    p = (u + v) / 2 + depth * np.array([u[1] - v[1], v[0] - u[0]]) / np.hypot(*(v - u))
    return Polygon(np.insert(xy, edge + 1, p, axis=0)), Polygon([u, v, p])


def inner_edge(shapes, k):
    """Index of an edge of polygon k that a neighbour shares."""
    others = shapely.union_all(np.delete(shapes, k))
    xy = shapely.get_coordinates(shapely.orient_polygons(shapes[k]))
    middle = shapely.points((xy[1:] + xy[:-1]) / 2)
    return int(np.flatnonzero(shapely.dwithin(middle, others, 1e-6))[0])


# ------------------------------------------------------------------ borders


def test_edges_have_the_polygon_on_their_left():
    ring = box(0, 0, 4, 4).difference(box(1, 1, 2, 2))
    for shape in (ring, ring.reverse(), shapely.MultiPolygon([ring, box(9, 0, 10, 1)])):
        _, start, end = borders.directed_edges(array(shape))
        left = (start + end) / 2 + 0.1 * np.column_stack([start[:, 1] - end[:, 1], end[:, 0] - start[:, 0]])
        assert shapely.contains_xy(shape, left[:, 0], left[:, 1]).all()


def test_every_edge_inside_a_coverage_has_a_polygon_on_either_side():
    shapes = cells()
    edges = borders.shared_edges(shapes)
    outline = shapely.boundary(shapely.coverage_union_all(shapes))
    outer = shapely.dwithin(edges.lines(np.arange(len(edges.a))), outline, 1e-9) & (edges.count == 1)
    assert (edges.count == np.where(outer, 1, 2)).all()
    assert shapely.length(edges.lines(edges.unmatched)).sum() == pytest.approx(outline.length)
    inside = edges.count == 2
    beside = shapely.boundary(shapes)
    middle = shapely.points((edges.a + edges.b) / 2)[inside]
    assert (shapely.distance(middle, beside[edges.left[inside]]) < 1e-6).all()
    assert (shapely.distance(middle, beside[edges.right[inside]]) < 1e-6).all()


def test_contiguity_is_that_of_pairwise_intersection():
    shapes = cells()
    pairs, length_m = borders.adjacency(shapes)
    expected = {
        (i, j): m
        for i, j in itertools.combinations(range(len(shapes)), 2)
        if (m := shapely.length(shapely.intersection(shapes[i], shapes[j]))) > 0
    }
    assert [tuple(p) for p in pairs] == sorted(expected)
    assert length_m == pytest.approx([expected[tuple(p)] for p in pairs])


def test_nothing_has_no_edges():
    none = array()
    assert len(borders.shared_edges(none).a) == 0
    assert len(borders.adjacency(none)[0]) == 0
    assert len(borders.boundary_keys(none)) == 0
    assert len(borders.boundary_keys(array(Polygon()))) == 1


@FEW
@given(st.integers(0, 10_000), st.integers(0, 11))
def test_keys_of_boundaries_add_up_over_any_tiling_and_no_other(seed, odd):
    shapes = cells(seed=seed)
    chosen = np.random.default_rng(seed).random(len(shapes)) < 0.5
    chosen[odd] = True
    whole = shapely.coverage_union_all(shapes[chosen])
    keys = borders.boundary_keys(shapes)
    assert keys[chosen].sum() == borders.boundary_keys(array(whole))[0]
    chosen[odd] = False
    assert keys[chosen].sum() != borders.boundary_keys(array(whole))[0]


# ------------------------------------------------------------------ gaps and overlaps


def test_a_clean_coverage_has_no_offence():
    shapes = cells()
    assert len(coverage.overlaps(shapes)[0]) == 0
    assert len(coverage.gaps(shapes)) == 0
    assert len(coverage.mismatched_edges(shapes)[0]) == 0
    assert len(coverage.necks(shapes, width_m=12.0)[0]) == 0


@pytest.mark.parametrize("depth", [0.01, 3.0])
def test_a_gap_is_found_where_the_neighbour_is_unchanged(depth):
    shapes = cells()
    shapes[5], lost = bent(shapes[5], depth, inner_edge(shapes, 5))
    assert shapely.coverage_is_valid(shapes)  # what makes an own check necessary
    (found,) = coverage.gaps(shapes)
    assert found.symmetric_difference(lost).area < 1e-6
    assert len(coverage.holes(shapes)) == 0
    assert 5 in coverage.bordering(array(found), shapes)[1]


@pytest.mark.parametrize("depth", [-0.01, -3.0])
def test_an_overlap_is_found_with_both_its_polygons(depth):
    shapes = cells()
    shapes[5], lost = bent(shapes[5], depth, inner_edge(shapes, 5))
    i, j, common = coverage.overlaps(shapes)
    assert len(i) == 1
    assert 5 in (i[0], j[0])
    assert common[0].symmetric_difference(lost).area < 1e-6


def test_a_hole_in_one_polygon_is_found():
    shapes = cells()
    square = shapely.box(*(shapely.get_coordinates(shapes[5].centroid)[0].repeat(2)[[0, 2, 1, 3]] + [-2, -2, 2, 2]))
    shapes[5] = shapes[5].difference(square)
    assert [hole.area for hole in coverage.holes(shapes)] == pytest.approx([16.0])
    assert len(coverage.gaps(shapes, within=shapely.union_all(cells()))) == 1
    assert len(coverage.gaps(shapes, within=Polygon())) == 0


@pytest.mark.parametrize(
    ("extra", "partners"),
    [
        (lambda shapes: shapes[5], {5}),
        (lambda shapes: shapes[5].centroid.buffer(5), {5}),
        (lambda shapes: shapely.union_all(shapes[[4, 5]]), {4, 5}),
        (shapely.union_all, set(range(12))),
        (lambda shapes: shapely.union_all(shapes).buffer(50), set(range(12))),
    ],
    ids=["twice the same", "wholly inside", "over two", "over all", "around all"],
)
def test_overlaps_of_any_nesting_are_found(extra, partners):
    shapes = cells()
    i, j, _ = coverage.overlaps(np.append(shapes, extra(shapes)))
    assert set(i) == partners
    assert set(j) == {len(shapes)}


@FEW
@given(st.lists(st.tuples(*[st.integers(0, 12)] * 4), min_size=2, max_size=9), st.integers(0, 99))
def test_overlaps_and_gaps_are_those_of_plain_geometry(corners, seed):
    turn = np.random.default_rng(seed).uniform(0, 1)
    rotated = [shapely.affinity.rotate(box(x, y, x + w + 1, y + h + 1), turn, origin=(0, 0)) for x, y, w, h in corners]
    shapes = array(*rotated)
    i, j, common = coverage.overlaps(shapes)
    expected = {
        (a, b): area
        for a, b in itertools.combinations(range(len(shapes)), 2)
        if (area := shapely.area(shapely.intersection(shapes[a], shapes[b]))) > coverage.NOISE_M2
    }
    assert dict(zip(zip(i, j, strict=True), shapely.area(common), strict=True)) == pytest.approx(expected)
    union = shapely.get_parts(shapely.union_all(shapes))
    enclosed = sum(shapely.polygons(part.exterior).area for part in union) - shapely.area(union).sum()
    islands = sum(a.area for a, b in itertools.permutations(union, 2) if shapely.polygons(b.exterior).contains(a))
    assert shapely.area(coverage.gaps(shapes)).sum() == pytest.approx(enclosed - islands, abs=0.01 * len(shapes))


# ------------------------------------------------------------------ borders that do not match


def test_a_vertex_that_the_neighbour_has_not_is_a_mismatch():
    shapes = array(box(0, 0, 10, 10), Polygon([(10, 0), (20, 0), (20, 10), (10, 10), (10, 4)]))
    i, j, lines = coverage.mismatched_edges(shapes)
    assert (list(i), list(j)) == ([0], [1])
    assert lines[0].length == pytest.approx(10)
    assert len(coverage.gaps(shapes)) == len(coverage.overlaps(shapes)[0]) == 0


def test_polygons_that_meet_in_a_corner_or_lie_apart_match():
    assert len(coverage.mismatched_edges(array(box(0, 0, 1, 1), box(1, 1, 2, 2), box(2.02, 1, 3, 2)))[0]) == 0


def test_the_point_of_a_wedge_of_nobodys_land_is_no_mismatch():
    west = Polygon([(3.23, 0.94), (-4.38, -1.35), (-4.38, -20), (25, -20), (25, 6)])
    east = Polygon([(3.23, 0.94), (3.13, 0.92), (-4.55, -0.6), (-4.55, 20), (25, 20), (25, 6)])
    assert shapely.coverage_is_valid([west, east])
    assert len(coverage.mismatched_edges(array(west, east))[0]) == 0


def test_an_open_crack_is_found_and_a_wedge_or_a_street_is_not():
    cracked = shapely.union_all([box(0, 0, 100, 100), box(100.01, 0, 200, 100)])
    (crack,) = coverage.cracks(cracked)
    assert crack.area == pytest.approx(1.0, rel=0.05)
    dead_end = shapely.union_all([box(0, 0, 100, 100), box(100.3, 0, 200, 100), box(0, -50, 200, 0)])
    assert [strip.area for strip in coverage.cracks(dead_end)] == pytest.approx([30.0], rel=0.05)
    for opening in (3, 10, 50, 200):
        wedge = Polygon(
            [
                (-100, -9),
                (300, -9),
                (300, 100),
                (100 + opening / 2, 100),
                (100, 0),
                (100 - opening / 2, 100),
                (-100, 100),
            ]
        )
        assert len(coverage.cracks(wedge)) == 0
    street = shapely.union_all([box(0, 0, 100, 100), box(110, 0, 200, 100)])
    assert len(coverage.cracks(street)) == 0


# ------------------------------------------------------------------ shape


def test_a_neck_is_found_with_a_line_through_it():
    waist = shapely.union_all([box(0, 0, 100, 100), box(100, 45, 120, 55), box(120, 0, 220, 100)])
    wide = shapely.union_all([box(0, 0, 100, 100), box(100, 40, 120, 60), box(120, 0, 220, 100)])
    tail = shapely.union_all([box(0, 0, 100, 100), box(100, 45, 120, 55), box(120, 40, 140, 60)])
    rows, lines = coverage.necks(array(wide, waist, box(0, 0, 9, 9), tail), width_m=12.0)
    assert list(rows) == [1]
    assert box(94, 45, 126, 55).covers(lines[0])


@FEW
@given(st.integers(0, 10_000), st.floats(1, 30))
def test_what_is_certified_whole_stays_whole(seed, radius):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, (20, 9)), axis=1)
    reach = rng.uniform(20, 120, (20, 9, 1))
    shapes = shapely.polygons(reach * np.stack([np.cos(angle), np.sin(angle)], axis=-1))
    shapes = shapes[shapely.is_valid(shapes)]
    whole = coverage._stays_whole(shapes, radius)
    assert (shapely.get_num_geometries(shapely.buffer(shapes, -radius))[whole] == 1).all()


def test_a_building_is_cut_where_more_than_the_drawing_accuracy_lies_elsewhere():
    shapes = array(box(0, 0, 50, 50), box(50, 0, 100, 50), box(0, 50, 100, 100))
    buildings = array(
        box(10, 10, 30, 30),
        box(40, 10, 55, 20),
        box(40, 30, 50, 40),
        box(30, 30, 50.2, 45),
        box(90, 40, 120, 45),
        box(45, 40, 60, 65),
    )
    row, main, outside = coverage.cut_buildings(buildings, shapes)
    assert list(row) == [1, 5]
    assert list(main) == [0, 2]
    assert outside == pytest.approx([4.75 * 9.5, 14.5 * 9.75], rel=0.02)


def test_the_land_of_an_invalid_polygon_is_kept():
    bow_tie = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    shapes = array(bow_tie, None, shapely.Point(1, 1), box(0, 0, 1, 1))
    land = coverage.polygonal(shapes)
    assert shapely.is_valid(land).all()
    assert shapely.area(land) == pytest.approx([2, 0, 0, 1])
    assert shapes[0] is bow_tie


# ------------------------------------------------------------------ tilings


def test_children_with_other_vertices_still_fill_their_parent():
    parents = array(box(0, 0, 10, 10), box(10, 0, 20, 10))
    children = array(box(0, 0, 10, 4), box(0, 4, 10, 10), box(10, 0, 20, 10))
    found = tiling(children, np.array([0, 0, 1]), parents)
    assert list(found.doubtful) == [0]
    assert (found.outside, found.doubled, found.missing) == ([], [], [])


def test_land_outside_twice_and_missing_is_told_apart():
    parents = array(box(0, 0, 10, 10), box(10, 0, 20, 10), box(20, 0, 30, 10), box(30, 0, 40, 10))
    children = array(
        *(box(0, 0, 10.5, 4), box(0, 4, 10, 10)),
        *(box(10, 0, 20, 5), box(10, 4.5, 20, 10)),
        *(box(20, 0, 30, 4), box(20, 4.5, 30, 10)),
    )
    found = tiling(children, np.repeat([0, 1, 2], 2), parents)
    assert [(k, land.area) for k, land in found.outside] == [(0, pytest.approx(2.0))]
    assert [(i, j, land.area) for i, j, land in found.doubled] == [(2, 3, pytest.approx(5.0))]
    assert [(k, land.area) for k, land in found.missing] == [(2, pytest.approx(5.0))]


def test_an_overlap_does_not_make_good_for_a_gap_of_its_size():
    parents = array(box(0, 0, 10, 10))
    children = array(box(0, 0, 10, 5), box(0, 4, 10, 9))
    found = tiling(children, np.zeros(2, dtype=np.int64), parents)
    assert [land.area for *_, land in found.doubled] == [pytest.approx(10.0)]
    assert [land.area for _, land in found.missing] == [pytest.approx(10.0)]
