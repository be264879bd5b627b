"""Blocks cut by lines midway between buildings."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.divide.pieces import Piece, cut_pieces
from gridgis.divide.tessellate import area_seeds, cells, dividing_lines, groups, outline_seeds

BLOCK = shapely.box(0, 0, 200, 120)


def houses(columns: int, rows: int) -> np.ndarray:
    wide, tall = 180 / columns, 104 / rows
    return np.array(
        [
            shapely.box(10 + wide * i, 8 + tall * j, 10 + wide * (i + 0.7), 8 + tall * (j + 0.6))
            for j in range(rows)
            for i in range(columns)
        ],
        dtype=object,
    )  # fmt: skip


def test_a_line_between_two_houses_lies_midway():
    pair = np.array([shapely.box(10, 10, 90, 110), shapely.box(110, 10, 190, 110)], dtype=object)
    pairs, ridges = cells(outline_seeds(pair))
    lines = dividing_lines(pairs, ridges, np.array([0, 1]), BLOCK)
    inside = shapely.intersection(shapely.union_all(lines), BLOCK)
    assert np.abs(shapely.get_coordinates(inside)[:, 0] - 100).max() < 3
    assert inside.length > 115


def test_groups_hold_no_more_than_the_cap_and_as_much_as_they_can():
    stock = houses(8, 4)
    pairs, ridges = cells(outline_seeds(stock))
    weight = np.full(len(stock), 6.0)
    group = groups(pairs, ridges, weight, np.zeros(len(stock), dtype=np.int64), cap=20)
    held = np.bincount(group, weight)
    assert held.max() <= 20
    assert len(held) <= 14


def test_kinds_are_never_joined():
    stock = houses(8, 4)
    pairs, ridges = cells(outline_seeds(stock))
    kind = (np.arange(len(stock)) % 8 >= 4).astype(np.int64)
    group = groups(pairs, ridges, np.ones(len(stock)), kind, cap=1000)
    assert len(set(zip(group.tolist(), kind.tolist(), strict=True))) == len(set(group.tolist())) == 2


def test_a_tower_takes_in_what_is_empty_and_nothing_else():
    stock = houses(3, 1)
    pairs, ridges = cells(outline_seeds(stock))
    group = groups(pairs, ridges, np.array([0.0, 90.0, 10.0]), np.zeros(3, dtype=np.int64), cap=20)
    assert group[0] == group[1] != group[2]


def test_pieces_by_area_are_compact_and_alike():
    seeds = area_seeds(BLOCK, 6)
    pairs, ridges = cells(seeds)
    lines = dividing_lines(pairs, ridges, np.arange(len(seeds.xy)), BLOCK)
    cut = shapely.get_parts(shapely.polygonize(list(shapely.get_parts(shapely.union_all([*lines, BLOCK.boundary])))))
    assert len(cut) == 6
    assert shapely.area(cut).max() < 2 * shapely.area(cut).min()
    assert (4 * np.pi * shapely.area(cut) / shapely.length(cut) ** 2).min() > 0.6


def test_the_lines_are_the_same_for_any_number_of_processes():
    stock = houses(8, 4)
    pieces = [
        Piece(k, BLOCK, stock, np.full(32, 5.0), np.zeros(32, dtype=np.int64), 20.0, spread)
        for k, spread in enumerate([0.0, 100.0] * 110)
    ]
    one, two = cut_pieces(pieces), cut_pieces(pieces, jobs=2)
    assert len(one.lines) > 0
    assert (shapely.to_wkb(one.lines) == shapely.to_wkb(two.lines)).all()
    assert (one.group == two.group).all()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, 40), st.floats(0.05, 1.0), st.integers(0, 5))
def test_any_block_without_buildings_can_be_cut(n, squeeze, seed):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 12))
    shape = shapely.Polygon(np.column_stack([np.cos(angle) * 150, np.sin(angle) * 150 * squeeze])).buffer(0)
    seeds = area_seeds(shape, n)
    assert 1 <= len(seeds.xy) <= n
    if len(seeds.xy) > 1:
        pairs, _ = cells(seeds)
        assert len(pairs)
