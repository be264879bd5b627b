"""Atoms of a zone as a graph: contacts, links, detached parts; smoothing of what was chosen."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.divide.arrangement import borders, no_lines
from gridgis.divide.atoms import Atoms, dissolved
from gridgis.divide.blocks import absorbed
from gridgis.divide.graph import contacts, linked, problem, zone_graphs
from gridgis.divide.smooth import smoothed
from gridgis.divide.units import units
from gridgis.geometry.noding import faces, node
from gridgis.profile import load_profile

PROFILE = load_profile()
NOTHING = np.zeros(0, dtype=object)


def lattice(columns: int, rows: int, size: float = 50.0) -> np.ndarray:
    lines = [shapely.LineString([(0, y * size), (columns * size, y * size)]) for y in range(rows + 1)]
    lines += [shapely.LineString([(x * size, 0), (x * size, rows * size)]) for x in range(columns + 1)]
    return faces(node(np.array(lines, dtype=object)))


def atoms_of(polygons: np.ndarray, *, block: np.ndarray | None = None) -> Atoms:
    n = len(polygons)
    zero = np.zeros(n, dtype=np.int64)
    own = zero if block is None else block
    between = borders(polygons, no_lines(), PROFILE)
    return Atoms(polygons, zero, own, own, between, np.arange(n))


def graph_of(polygons: np.ndarray, **options: np.ndarray):
    atoms = atoms_of(polygons, **options)
    return zone_graphs(atoms, np.full(len(polygons), 10.0), np.full(len(polygons), -1), 1, profile=PROFILE)[0]


def test_neighbours_share_length_and_cost():
    graph = graph_of(lattice(3, 1))
    assert graph.pairs.tolist() == [[0, 1], [1, 2]]
    assert graph.shared_m.tolist() == [50, 50]
    assert graph.cut.tolist() == [50, 50]


def test_a_short_border_is_no_contact_unless_the_zone_would_fall_apart():
    stepped = np.array([shapely.box(0, 0, 100, 100), shapely.box(100, 90, 200, 190), shapely.box(0, 100, 100, 190)])
    around = graph_of(faces(node(shapely.boundary(stepped))))
    assert contacts(around, profile=PROFILE).sum() == 2
    alone = graph_of(faces(node(shapely.boundary(stepped[:2]))))
    assert contacts(alone, profile=PROFILE).tolist() == [True]


def test_a_small_detached_part_hangs_whole_on_the_nearest_atom():
    island = shapely.transform(lattice(2, 1), lambda xy: xy + np.array([400, 0]))
    polygons = np.concatenate([lattice(6, 1), island])
    base = problem(graph_of(polygons), low=50, high=90, profile=PROFILE)
    assert [5, 6] in base.edges.tolist()
    assert base.must_link.tolist() == [[6, 7]]
    assert base.shared_m[base.edges.tolist().index([5, 6])] == 0


def test_blocks_stay_whole_up_to_what_they_may_hold():
    block = np.array([0, 0, 0, 1, 1, 1])
    polygons = lattice(6, 1)
    graph = graph_of(polygons, block=block)
    contact = contacts(graph, profile=PROFILE)

    def groups(whole: float) -> list[list[int]]:
        return linked(graph, whole=whole, whole_compound=0, contact=contact).tolist()

    assert groups(30) == [[0, 1], [0, 2], [3, 4], [3, 5]]
    assert groups(29) == []


def test_a_thin_strip_joins_the_neighbour_from_which_no_line_parts_it():
    strip = np.array([shapely.box(0, 0, 100, 100), shapely.box(100, 0, 108, 100), shapely.box(108, 0, 200, 100)])
    polygons = faces(node(shapely.boundary(strip)))
    between = borders(polygons, no_lines(), PROFILE)
    street = (between.first == 0) & (between.second == 1)
    between.cut_cost[street] = 0.2
    label = absorbed(
        np.arange(3), between, polygons=polygons, weight=np.zeros(3), light=0, thin_m=12, within=np.zeros(3, dtype=int)
    )
    assert label[1] == label[2] != label[0]


def zigzag(n: int, rng: np.random.Generator) -> np.ndarray:
    """Cells of a Voronoi diagram of random places: borders as ragged as they come."""
    xy = shapely.MultiPoint(rng.uniform(0, 600, (n, 2)))
    frame = shapely.box(0, 0, 600, 600)
    cells = shapely.get_parts(shapely.voronoi_polygons(xy, extend_to=frame))
    return faces(node(shapely.boundary(shapely.intersection(cells, frame))))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(5, 80))
def test_smoothing_keeps_the_coverage(seed, n):
    rng = np.random.default_rng(seed)
    polygons = zigzag(n, rng)
    grid = (shapely.get_x(shapely.centroid(polygons)) > 300).astype(np.int64)
    houses = shapely.buffer(shapely.centroid(polygons), rng.uniform(1, 6), cap_style="square")
    stock = units(houses, np.ones(len(houses)), NOTHING, np.zeros(0))
    atoms = atoms_of(polygons)
    smooth = smoothed(atoms, grid, np.arange(len(polygons)), stock, profile=PROFILE)
    after = smooth.geometry
    assert shapely.is_valid(after).all()
    assert shapely.coverage_is_valid(after)
    assert shapely.area(after).sum() == pytest.approx(360_000, abs=0.01)
    assert shapely.union_all(after).area == pytest.approx(360_000, abs=0.01)
    cut = shapely.area(shapely.difference(houses, after)) > 1e-6
    before = shapely.area(shapely.difference(houses, polygons)) > 1e-6
    assert not (cut & ~before).any()
    assert shapely.length(dissolved(after, grid)).sum() <= shapely.length(dissolved(polygons, grid)).sum() + 1e-6


def test_smoothing_moves_no_border_that_follows_a_line():
    polygons = zigzag(40, np.random.default_rng(1))
    atoms = atoms_of(polygons)
    atoms.borders.cut_cost[:] = 0.2
    smooth = smoothed(
        atoms, np.arange(40), np.arange(40), units(NOTHING, np.zeros(0), NOTHING, np.zeros(0)), profile=PROFILE
    )
    assert (shapely.to_wkb(smooth.geometry) == shapely.to_wkb(polygons)).all()
