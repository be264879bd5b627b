"""Stitching: what one side of a border has and the other lacks comes into both, and nothing else moves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import Lattice, build

from gridgis.geometry.borders import boundary_keys, edge_keys, shared_edges
from gridgis.geometry.stitch import Stitches, alike, missing_vertices, stitched

WITHIN = 0.1


def bent(shape: shapely.Geometry, rng: np.random.Generator, share: float) -> shapely.Geometry:
    """The same land, with vertices of its own on some of its edges, off them by up to a centimetre."""
    rings = []
    for ring in (shape.exterior, *shape.interiors):
        xy = shapely.get_coordinates(ring)
        own = [xy[0]]
        for a, b in pairwise(xy):
            along = np.sort(rng.uniform(0.1, 0.9, rng.binomial(2, share)))
            own += [a + t * (b - a) + rng.uniform(-0.005, 0.005, 2) for t in along]
            own.append(b)
        rings.append(own)
    return shapely.Polygon(rings[0], rings[1:])


def unmatched_m(shapes: np.ndarray) -> float:
    edges = shared_edges(shapes)
    return float(shapely.length(edges.lines(edges.unmatched)).sum())


@settings(max_examples=24, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.floats(0.05, 0.6))
def test_a_coverage_is_one_again_after_each_side_was_given_vertices_of_its_own(seed, share):
    division, _, _ = build(Lattice(), seed=seed)
    zones = division.zones.geometry.to_numpy()
    rng = np.random.default_rng(seed)
    torn = np.array([bent(shape, rng, share) for shape in zones], dtype=object)
    whole = stitched(torn, missing_vertices(torn, within=WITHIN))
    assert shapely.coverage_is_valid(whole)
    assert unmatched_m(whole) < unmatched_m(zones) * (1 + 1e-3)
    assert shapely.hausdorff_distance(whole, zones).max() < 0.02
    again = stitched(whole, missing_vertices(whole, within=WITHIN))
    assert shapely.equals_exact(again, whole).all()


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_layers_below_still_tile_what_is_above(seed):
    division, _, _ = build(Lattice(), seed=seed)
    zones, atoms = (getattr(division, name).geometry.to_numpy() for name in ("zones", "atoms"))
    own = division.atoms["zone_code"].to_numpy() == division.zones["zone_code"][0]
    rng = np.random.default_rng(seed)
    torn = zones.copy()
    torn[0] = bent(zones[0], rng, 0.4)
    stitches = missing_vertices(torn, within=WITHIN)
    below, above = stitched(atoms[~own], stitches), stitched(torn, stitches)[1:]
    assert boundary_keys(below).sum(dtype=np.uint64) == boundary_keys(above).sum(dtype=np.uint64)


def test_between_two_whose_neighbours_are_not_all_there_nothing_is_put():
    """Three zones of Hankou meet in a corner of some centimetres; the one in the west is not there."""
    j, k, corner = (0, 0), (0.3, -0.29), (0.27, -0.32)
    north = shapely.Polygon([(-100, 100), j, k, (50, 0), (50, 100)])
    south = shapely.Polygon([(-100, -100), (50, -100), (50, 0), k, corner])
    east = shapely.Polygon([(50, -100), (100, -100), (100, 100), (50, 100), (50, 60), (50, 0)])
    torn = np.array([north, south, east], dtype=object)
    assert [*corner] in missing_vertices(torn, within=0.1).xy.tolist()
    stitches = missing_vertices(torn, within=0.1, of=np.array([False, False, True]))
    assert stitches.xy.tolist() == [[50, 60]]


def test_holes_parts_and_lines_are_stitched_as_well():
    outer, inner = shapely.box(0, 0, 100, 100), shapely.box(40, 40, 60, 60)
    ring = shapely.difference(outer, inner)
    island = shapely.box(200, 0, 210, 10)
    around = shapely.MultiPolygon([ring, island])
    torn = np.array([around, shapely.Polygon([(40, 40), (50, 40), (60, 40), (60, 60), (40, 60)])], dtype=object)
    stitches = missing_vertices(torn, within=WITHIN)
    assert stitches.xy.tolist() == [[50, 40]]
    whole = stitched(torn, stitches)
    assert [shape.geom_type for shape in whole] == ["MultiPolygon", "Polygon"]
    assert (50, 40) in whole[0].geoms[0].interiors[0].coords
    lines = np.array([shapely.LineString([(60, 40), (40, 40), (40, 60)]), inner.boundary], dtype=object)
    assert [shapely.get_num_coordinates(line) for line in stitched(lines, stitches)] == [4, 6]
    assert stitched(lines, stitches)[0].coords[1] == (50, 40)


def test_the_same_vertices_in_another_order_are_other_land():
    a, b, c, d, e = (0, 0), (100, 0), (100, 100), (0, 100), (50, 50)
    one, two = (np.array([shapely.Polygon(ring)], dtype=object) for ring in ([a, b, c, d, e], [a, b, c, e, d]))
    assert not alike(one, two, within=WITHIN).any()
    bent_one = np.array([shapely.Polygon([a, (50, 0.05), b, c, d, e])], dtype=object)
    assert alike(one, bent_one, within=WITHIN).all()


def test_nothing_is_stitched_where_nothing_is_missing_or_too_far_away():
    apart = np.array([shapely.box(0, 0, 10, 10), shapely.box(10.2, 3, 20, 7)], dtype=object)
    assert len(missing_vertices(apart, within=WITHIN).xy) == 0
    assert stitched(apart, missing_vertices(apart, within=WITHIN)).tolist() == apart.tolist()
    assert len(missing_vertices(apart[:0], within=WITHIN).xy) == 0


def test_a_vertex_that_a_polygon_has_already_does_not_come_into_another_edge_of_it():
    """A corner of a wedge lies 5 cm off its edge below; what lacks a vertex there is the border of two others."""
    tip, corner, far = (0.0, 0.0), (1.0, 0.05), (100.0, 60.0)
    wedge = shapely.Polygon([tip, (100.0, 0.0), far, corner])
    west = shapely.Polygon([tip, corner, (1.0, 20.0), (1.0, 40.0), (-50.0, 40.0)])
    east = shapely.Polygon([corner, far, (100.0, 90.0), (1.0, 40.0)])
    torn = np.array([wedge, west, east], dtype=object)
    whole = stitched(torn, missing_vertices(torn, within=WITHIN))
    assert shapely.is_valid(whole).all()
    assert whole[0] == wedge
    assert (1.0, 20.0) in whole[2].exterior.coords


def test_a_vertex_near_two_edges_of_a_polygon_comes_into_the_nearer_one():
    """Both neighbours of the tip of a wedge put a vertex on its edges, 6 and 5 cm off the other one."""
    tip, east, north = (0.0, 0.0), (100.0, 0.0), (100.0, 6.0)
    wedge = shapely.Polygon([tip, east, north])
    below = shapely.Polygon([tip, (0.0, -40.0), (100.0, -40.0), east, (1.0, 0.0)])
    above = shapely.Polygon([tip, (0.9, 0.054), north, (0.0, 40.0)])
    whole = stitched(np.array([wedge], dtype=object), missing_vertices(np.array([wedge, below, above]), within=WITHIN))
    assert shapely.is_valid(whole).all()
    assert shapely.get_coordinates(whole[0]).tolist() == [[*tip], [1.0, 0.0], [*east], [*north], [0.9, 0.054], [*tip]]


def into(edges, vertex):
    """One vertex into several edges."""
    a, b = (np.array(side, dtype=float) for side in zip(*edges, strict=True))
    order = np.argsort(edge_keys(a, b))
    return Stitches(edge_keys(a, b)[order], a[order], np.tile(np.array(vertex, dtype=float), (len(edges), 1)))


def test_a_polygon_ends_where_a_vertex_comes_into_both_of_its_sides():
    """A needle of 0.67 m, 4 cm wide, between two others: beyond the vertex they meet."""
    tip, left, right, vertex = (0.0, 0.67), (-0.02, 0.0), (0.02, 0.0), (-0.01, 0.4)
    needle = shapely.Polygon([(-5, -5), left, tip, right, (5, -5)])
    west = shapely.Polygon([(-5, -5), (-5, 5), (0, 5), tip, left])
    east = shapely.Polygon([(5, -5), right, tip, (0, 5), (5, 5)])
    shapes = np.array([needle, west, east], dtype=object)
    for turned in range(5):
        ring = shapely.get_coordinates(needle)[:-1]
        shapes[0] = shapely.Polygon(np.roll(ring, turned, axis=0))
        made = stitched(shapes, into([(left, tip), (tip, right)], vertex))
        assert shapely.is_valid(made).all(), turned
        assert shapely.coverage_is_valid(made)
        assert unmatched_m(made) == pytest.approx(unmatched_m(shapes))
        assert shapely.area(made[0]) == pytest.approx(shapely.area(needle), abs=0.02)
