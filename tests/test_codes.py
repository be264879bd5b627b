"""First numbering of grids and micro-grids."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.codes import grid_codes, micro_codes, reading_order
from gridgis.errors import InputRefused
from gridgis.profile import load_profile

LAYOUT = load_profile().codes


def test_bands_from_the_north_each_from_the_west():
    x = np.array([90.0, 10.0, 50.0, 10.0])
    y = np.array([95.0, 90.0, 99.0, 10.0])
    assert reading_order(x, y, band_m=50).tolist() == [1, 2, 0, 3]


@pytest.mark.parametrize(
    ("kind", "first"), [("community", "001"), ("village", "001"), ("street", "601"), ("dedicated", "701")]
)
def test_each_kind_starts_at_its_own_number(kind, first):
    assert grid_codes("990101001001", kind, np.zeros(1), np.zeros(1), band_m=1, layout=LAYOUT) == [
        f"990101001001{first}"
    ]


def test_micro_grids_start_at_01():
    codes = micro_codes("990101001001001", np.array([2.0, 1.0]), np.zeros(2), band_m=1, layout=LAYOUT)
    assert codes == ["99010100100100102", "99010100100100101"]


def test_more_grids_than_numbers_are_refused_with_the_zone():
    with pytest.raises(InputRefused, match="990101001801"):
        grid_codes("990101001801", "street", np.arange(101.0), np.zeros(101), band_m=1, layout=LAYOUT)


place = st.tuples(st.floats(0, 1e4), st.floats(0, 1e4))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(place, min_size=1, max_size=60, unique=True), st.randoms(use_true_random=False))
def test_codes_are_unique_and_belong_to_the_place_not_to_the_row(places, random):
    def numbered(rows):
        xy = np.array(rows, dtype=float)
        codes = grid_codes("990101001001", "community", *xy.T, band_m=300, layout=LAYOUT)
        return dict(zip(rows, codes, strict=True))

    shuffled = random.sample(places, len(places))
    first, second = numbered(places), numbered(shuffled)
    assert sorted(first.values()) == [f"990101001001{k:03d}" for k in range(1, len(places) + 1)]
    assert first == second
