"""What a city keeps beside its map: people, duties, components, places, addresses, cases; all from one seed."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from demo_town.addresses import make_addresses
from demo_town.cases import Cases, make_cases
from demo_town.components import make_components
from demo_town.items import item_names, make_items
from demo_town.people import make_people
from demo_town.places import make_places
from demo_town.rules import make_designate, make_rules
from demo_town.sources import HOTLINE
from demo_town.units import make_units

SAMPLE_ROWS = 500
CHINESE = {
    "case_id": "工单编号", "reported_at": "上报时间", "item": "问题类型", "source": "来源", "description": "问题描述",
    "address": "地址", "lon": "经度", "lat": "纬度", "accuracy_m": "定位精度", "severity": "严重程度",
    "component_id": "部件编号",
}  # fmt: skip
"""Headers of the hotline's export."""


@dataclass(frozen=True)
class City:
    """Sheets of the parties, layers (components, places), address table with points, cases with their truth."""

    parties: dict[str, pd.DataFrame]
    layers: dict[str, gpd.GeoDataFrame]
    addresses: gpd.GeoDataFrame
    cases: Cases


def make_city(layers: dict[str, gpd.GeoDataFrame], grids: pd.DataFrame, seed: int) -> City:
    """The city over the layers of the district; the same seed gives the same rows.

    Parameters
    ----------
    layers : as in `Town`
    grids : DataFrame
        As `demo/grids.csv`.
    """
    units = make_units(grids)
    people, posts = make_people(grids, units, np.random.default_rng([seed, 20]))
    parties = {
        "people": people, "posts": posts, "units": units, "items": make_items(), "rules": make_rules(),
        "designate": make_designate(),
    }  # fmt: skip
    components = make_components(layers["streets"], np.random.default_rng([seed, 21]))
    places = make_places(layers)
    addresses = make_addresses(layers, places)
    cases = make_cases(layers, components, addresses, seed=seed)
    return City(parties, {"components": components, "places": places}, addresses, cases)


def sample(cases: gpd.GeoDataFrame, seed: int) -> pd.DataFrame:
    """Some of the hotline's cases as it exports them: Chinese headers, names of items, local time without offset."""
    chosen = np.random.default_rng([seed, 31]).choice(
        np.flatnonzero((cases["source"] == HOTLINE).to_numpy()), SAMPLE_ROWS, replace=False
    )
    frame = cases.iloc[np.sort(chosen)].reset_index(drop=True)
    frame["item"] = frame["item"].map(item_names()).fillna(frame["item"])
    frame["reported_at"] = frame["reported_at"].dt.strftime("%Y/%m/%d %H:%M:%S")
    plain = pd.DataFrame(frame.drop(columns="geometry")).assign(lon=frame.geometry.x, lat=frame.geometry.y)
    return plain[list(CHINESE)].rename(columns=CHINESE)
