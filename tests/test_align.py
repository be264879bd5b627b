"""Zone borders go to the centre line beside them, where they may."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gridgis.divide.arrangement import line_table
from gridgis.divide.land import lay_out
from gridgis.divide.unaligned import unaligned
from gridgis.profile import load_profile

PROFILE = load_profile()
STREET = PROFILE.roads["residential"]


def town(border_x: float, township: str = "001") -> gpd.GeoDataFrame:
    """Two zones of 500 m whose common border runs at `border_x`; the street between them at 500."""
    return gpd.GeoDataFrame(
        {"zone_code": ["990101001001", f"990101{township}002"], "kind": ["community", "community"]},
        geometry=[shapely.box(0, 0, border_x, 500), shapely.box(border_x, 0, 1000, 500)],
        crs="EPSG:4547",
    )


STREETS = line_table(
    np.array([shapely.LineString([(500, -20), (500, 520)]), shapely.LineString([(-20, 250), (1020, 250)])]),
    "residential",
    STREET,
    on_line=True,
)


def west(zones: gpd.GeoDataFrame, occupied: list[shapely.Point] | None = None, *, align: bool = True) -> float:
    """Area of the western zone after the land was laid out."""
    land = lay_out(
        zones,
        STREETS,
        occupied=np.array(occupied or [], dtype=object),
        movable=np.ones(2, dtype=bool),
        align=align,
        profile=PROFILE,
    )
    assert abs(shapely.area(land.faces).sum() - 500_000) < 0.01
    return float(shapely.area(land.faces)[land.zone == 0].sum())


@pytest.mark.parametrize("x", [491.0, 497.0, 505.5, 511.0])
def test_a_border_beside_a_street_goes_on_it(x):
    assert west(town(x)) == pytest.approx(250_000, abs=0.1)


@pytest.mark.parametrize(
    ("zones", "occupied", "align"),
    [
        (town(530), None, True),
        (town(505, township="002"), None, True),
        (town(505), None, False),
        (town(505).assign(kind=["community", "community"]), [shapely.Point(502, 100), shapely.Point(502, 400)], True),
    ],
    ids=["too far", "another township", "not asked", "a household in the way"],
)
def test_a_border_stays_where_it_must(zones, occupied, align):
    assert west(zones, occupied, align=align) == pytest.approx(zones.geometry[0].area, abs=0.1)


def test_only_the_strip_without_a_household_moves():
    one_side = [shapely.Point(502, 100)]
    assert west(town(505), one_side) == pytest.approx(500 * 500 + 5 * 250, abs=0.1)


def test_a_border_that_leaves_the_street_moves_only_beside_it():
    bent = shapely.Polygon([(0, 0), (505, 0), (505, 200), (650, 400), (650, 500), (0, 500)])
    zones = town(505).set_geometry(
        gpd.GeoSeries([bent, shapely.box(0, 0, 1000, 500).difference(bent)], crs="EPSG:4547")
    )
    moved = bent.area - west(zones)
    assert 0.9 * 5 * 200 < moved < 1.6 * 5 * 200


def test_what_stayed_beside_a_line_is_a_finding():
    zones = town(505, township="002")
    land = lay_out(
        zones, STREETS, occupied=np.zeros(0, dtype=object), movable=np.ones(2, dtype=bool), align=True, profile=PROFILE
    )
    found = unaligned(land, zones, STREETS, profile=PROFILE)
    assert found["code"].tolist() == ["990101001001"]
    assert "500 m" in found["detail"][0]
    assert found.geometry.length.sum() == pytest.approx(500, abs=1)


def test_a_narrow_gap_is_closed_and_a_wide_one_is_not():
    def with_gap(width: float) -> float:
        gap = shapely.box(300, 100, 300 + width, 400)
        all_of, yard = shapely.box(0, 0, 1000, 500), shapely.box(300, 100, 600, 400)
        zones = gpd.GeoDataFrame(
            {"zone_code": ["990101001001", "990101001901"], "kind": ["community", "dedicated"]},
            geometry=[all_of.difference(yard), yard.difference(gap)],
            crs="EPSG:4547",
        )
        land = lay_out(
            zones, STREETS, occupied=np.zeros(0, dtype=object), movable=np.zeros(2, dtype=bool), align=False,
            profile=PROFILE,
        )  # fmt: skip
        return float(shapely.area(land.faces).sum())

    assert with_gap(5) == pytest.approx(500_000, abs=0.1)
    assert with_gap(40) == pytest.approx(500_000 - 40 * 300, abs=0.1)
