"""Neighbours from shared vertices and edges: the same as libpysal's on valid coverages, and what it cannot see."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from lattices import Lattice, divided
from shapely.geometry import MultiPolygon, Polygon, box

from gridgis.heat.contiguity import contiguity, from_pairs

UTM = "EPSG:32649"


def frame(*shapes, crs=UTM):
    return gpd.GeoDataFrame({"grid_code": [f"g{k}" for k in range(len(shapes))]}, geometry=list(shapes), crs=crs)


def pairs(found):
    coo = found.matrix.tocoo()
    return {(int(i), int(j)) for i, j in zip(coo.row, coo.col, strict=True) if i < j}


def by_libpysal(grids, kind):
    from libpysal import weights

    method = weights.Queen if kind == "queen" else weights.Rook
    w = method.from_dataframe(grids.reset_index(drop=True), use_index=False, silence_warnings=True)
    return w.sparse.toarray() > 0


RING = Polygon(box(0, 0, 90, 90).exterior, [box(30, 30, 60, 60).exterior])
TOWNS = {
    "jittered city": divided(Lattice(), seed=3).grids,
    "city in degrees": divided(Lattice(crs="EPSG:4490"), seed=4).grids,
    "hole with a grid in it": frame(RING, box(30, 30, 60, 60)),
    "grids that meet in one point": frame(
        box(0, 0, 10, 10), box(10, 10, 20, 20), box(10, 0, 20, 10), box(40, 0, 50, 10)
    ),
    "two parts": frame(MultiPolygon([box(0, 0, 10, 10), box(20, 0, 30, 10)]), box(10, 0, 20, 10), box(30, 0, 40, 10)),
    "islands alone": frame(box(0, 0, 1, 1), box(5, 5, 6, 6)),
}


@pytest.mark.parametrize("kind", ["queen", "rook"])
@pytest.mark.parametrize("town", TOWNS)
def test_the_same_as_libpysal_on_a_coverage(town, kind):
    found = contiguity(TOWNS[town], kind=kind)
    np.testing.assert_array_equal(found.matrix.toarray() > 0, by_libpysal(TOWNS[town], kind))
    assert not len(found.apart)


def test_the_matrix_is_symmetric_binary_and_has_no_diagonal():
    matrix = contiguity(TOWNS["jittered city"]).matrix
    assert (matrix != matrix.T).nnz == 0
    assert set(matrix.data) == {1.0}
    assert not matrix.diagonal().any()


def test_the_order_of_grids_is_that_of_the_frame():
    grids = TOWNS["jittered city"]
    order = np.random.default_rng(1).permutation(len(grids))
    whole = contiguity(grids).matrix.toarray()
    np.testing.assert_array_equal(contiguity(grids.iloc[order]).matrix.toarray(), whole[np.ix_(order, order)])


def test_the_way_a_ring_runs_does_not_matter():
    grids = TOWNS["jittered city"]
    turned = grids.set_geometry(shapely.reverse(grids.geometry.to_numpy()))
    assert pairs(contiguity(turned, kind="rook")) == pairs(contiguity(grids, kind="rook"))


def test_districts_divided_apart_touch_without_common_vertices_and_that_is_told():
    """Two columns of grids on either side of x = 10; the right one is cut at other places, and off by a millimetre."""
    left = [box(0, 0, 10, 10), box(0, 10, 10, 20)]
    right = [box(10.001, 0, 20, 7), box(10.001, 7, 20, 20)]
    for kind in ("queen", "rook"):
        found = contiguity(frame(*left, *right), kind=kind)
        assert pairs(found) == {(0, 1), (2, 3), (0, 2), (0, 3), (1, 3)}
        assert found.apart.tolist() == [[0, 2], [0, 3], [1, 3]]
        (notice,) = found.notices
        assert notice.count == 3
        assert "drawn apart" in notice.message
    assert pairs(contiguity(frame(*left, *right), touch_m=0)) == {(0, 1), (2, 3)}


def test_a_seam_in_degrees_is_found_in_metres():
    shapes = [box(0, 0, 10, 10), box(0, 10, 10, 20), box(10.001, 0, 20, 7), box(10.001, 7, 20, 20)]
    moved = [shapely.transform(s, lambda xy: xy + np.array([760_000, 3_380_000])) for s in shapes]
    degrees = frame(*moved).to_crs("EPSG:4490")
    assert pairs(contiguity(degrees)) == {(0, 1), (2, 3), (0, 2), (0, 3), (1, 3)}


def test_corners_that_meet_at_a_seam_are_queens_and_not_rooks():
    shapes = [box(0, 0, 10, 10), box(0, 10, 10, 20), box(10.002, 0, 20, 10.003), box(10.002, 10.003, 20, 20)]
    rook, queen = (pairs(contiguity(frame(*shapes), kind=kind)) for kind in ("rook", "queen"))
    assert rook == {(0, 1), (2, 3), (0, 2), (1, 3)}
    assert queen - rook == {(0, 3), (1, 2)}


def test_land_across_a_river_is_no_neighbour():
    assert not pairs(contiguity(frame(box(0, 0, 10, 10), box(10.5, 0, 20, 10))))


def test_islands_are_told():
    found = contiguity(TOWNS["grids that meet in one point"])
    assert found.islands.tolist() == [3]
    assert [notice.message for notice in found.notices] == ["grids without a neighbour"]
    assert found.neighbours.tolist() == [2, 2, 2, 0]


def test_one_grid_and_none():
    assert contiguity(frame(box(0, 0, 1, 1))).matrix.shape == (1, 1)
    assert contiguity(frame()).matrix.shape == (0, 0)


def test_pairs_given_make_the_same_matrix():
    found = contiguity(TOWNS["jittered city"])
    again = from_pairs(len(TOWNS["jittered city"]), np.array(sorted(pairs(found))))
    assert (again.matrix != found.matrix).nnz == 0
