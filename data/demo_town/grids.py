"""Grids of the demo division as a small table, so that posts and rules can name them without dividing first.

Invariant: `demo/grids.csv` holds the codes that `gridgis divide` gives the demo district (seed 0, default profile).
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

NEAR_M = 20.0
"""Two grids that share more border than this are neighbours."""


def grids_of(division: Path) -> pd.DataFrame:
    """The table of a division file: `grid_code`, `zone_code`, `kind`, `name`, `microgrid_count`, `neighbours`."""
    grids = gpd.read_file(division, layer="grids").sort_values("grid_code", ignore_index=True)
    small = gpd.read_file(division, layer="microgrids").groupby("grid_code").size()
    return pd.DataFrame(
        {
            "grid_code": grids["grid_code"],
            "zone_code": grids["zone_code"],
            "kind": grids["kind"],
            "name": grids["name"],
            "microgrid_count": grids["grid_code"].map(small).fillna(0).astype(int),
            "neighbours": _neighbours(grids),
        }
    )


def read_grids(path: Path) -> pd.DataFrame:
    """The table as it was written."""
    return pd.read_csv(path, dtype={"grid_code": str, "zone_code": str, "neighbours": str}, keep_default_na=False)


def _neighbours(grids: gpd.GeoDataFrame) -> list[str]:
    """Codes of the grids beside each, the longest border first."""
    geometry, code = grids.geometry.to_numpy(), grids["grid_code"].to_numpy()
    one, two = shapely.STRtree(geometry).query(geometry, predicate="touches")
    border = shapely.length(shapely.intersection(geometry[one], geometry[two]))
    pairs = pd.DataFrame({"one": one, "code": code[two], "border": border.round(1)})
    pairs = pairs[pairs["border"] > NEAR_M].sort_values(["one", "border", "code"], ascending=[True, False, True])
    beside = pairs.groupby("one")["code"].agg(";".join)
    return beside.reindex(range(len(grids)), fill_value="").tolist()
