"""The difference of two divisions of one district: what became of each grid.

Invariant: every grid of either division is told of in at least one row; one that is the same in both, in exactly one.
Land is compared as it lies; a vertex that a neighbour put on a border moves none.
"""

from __future__ import annotations

from collections.abc import Collection

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.crs import area_m2, unit_m
from gridgis.geometry.coverage import polygonal
from gridgis.geometry.noding import Bools, Geometries, Ints, as_array
from gridgis.geometry.stitch import BENT_M, alike
from gridgis.lineage import passed_on
from gridgis.schema import Division

MOST = 0.5
"""A grid comes from another where more than this share of its land does."""
SLIVER_M2 = 1.0
"""Land of a pair of grids below this is no land that changed hands."""

CHANGES = ("unchanged", "renamed", "recoded", "border_moved", "split", "merged", "new", "retired")
"""In the order in which they are told."""

MICRO_CHANGES = ("changed", "new", "retired")
"""What becomes of micro-grids of a grid that is unchanged, in the order in which they are told: that of the words."""

COLUMNS = ("change", "old_code", "new_code", "households", "area_m2")


def difference(old: Division, new: Division, *, stays: gpd.GeoDataFrame | None = None) -> gpd.GeoDataFrame:
    """What became of each grid, a row each.

    Parameters
    ----------
    old, new : Division
        Grids and atoms in one CRS.
    stays : GeoDataFrame, optional
        Grids of further zones, known to be the same in both; what they say of themselves is taken over.

    Returns
    -------
    GeoDataFrame
        `change` (of :data:`CHANGES`), `old_code`, `new_code`, `households` and `area_m2` that went from the old grid
        to the new one (empty where unknown), and the land that did. Of a grid that was split there is a row for each
        part, of a merged one for each that was merged; of grids whose border moved a row for each pair between which
        land changed hands, and one for what stayed. `retired` and `new` have no grid on the other side, or one that
        goes on under another code.
    """
    pairs = _pairs(old.grids, new.grids)
    pairs["households"] = _households(pairs, old.atoms, new.grids)
    pairs["change"] = _changes(pairs, old.grids, new.grids)
    rows = pd.concat([pairs, _lone(old.grids, pairs, "old_code"), _lone(new.grids, pairs, "new_code")])
    rows["area_m2"] = area_m2(as_array(rows["geometry"]), old.grids.crs)
    if stays is not None:
        rows = pd.concat([rows, _unchanged(stays)])
    rows["rank"] = rows["change"].map({name: rank for rank, name in enumerate(CHANGES)})
    rows = rows.sort_values(["rank", "old_code", "new_code"], na_position="last", ignore_index=True)
    table = rows[list(COLUMNS)].astype({"households": "Int64"})
    return gpd.GeoDataFrame(table, geometry=as_array(rows["geometry"]), crs=old.grids.crs)


def micro_difference(old: Division, new: Division, found: gpd.GeoDataFrame) -> pd.DataFrame:
    """What became of the micro-grids of grids that are unchanged.

    Parameters
    ----------
    old, new : Division
        Micro-grids in one CRS.
    found : GeoDataFrame
        What became of the grids, as :func:`difference` gives it.

    Returns
    -------
    DataFrame
        `change` (of :data:`MICRO_CHANGES`), `grid_code` and `microgrid_code`, in this order: a row for each micro-grid
        whose code is on one side only, or whose land or households are others under the same code.
    """
    stay = set(found["old_code"][found["change"] == "unchanged"])
    was, now = (frame[frame["grid_code"].isin(stay)] for frame in (old.microgrids, new.microgrids))
    columns = ["grid_code", "microgrid_code", "households", "geometry"]
    left, right = (frame[columns].astype(object) for frame in (was, now))
    both = left.merge(right, on=columns[:2], how="outer", suffixes=("_was", "_now"), indicator="side")
    kept = (both["side"] == "both").to_numpy(copy=True)
    number = (both[f"households_{side}"].fillna(-1).astype(int) for side in ("was", "now"))
    same = kept & np.equal(*number).to_numpy()
    land = (both[f"geometry_{side}"].to_numpy(dtype=object)[same] for side in ("was", "now"))
    same[same] = alike(*land, within=BENT_M / unit_m(old.microgrids.crs))
    both["change"] = np.select([kept, both["side"] == "right_only"], MICRO_CHANGES[:2], default=MICRO_CHANGES[2])
    told = both[~same].sort_values(["change", "microgrid_code"])
    return told[["change", "grid_code", "microgrid_code"]].reset_index(drop=True)


def borders_apart(old: Division, new: Division, found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Lines that are a border of grids in one of two divisions alone.

    Invariant: a line that either has within :data:`gridgis.geometry.stitch.BENT_M` of the other's borders is in none.

    Parameters
    ----------
    old, new : Division
        Grids in one CRS.
    found : GeoDataFrame
        What became of the grids, as :func:`difference` gives it.

    Returns
    -------
    GeoDataFrame
        `side`, "old" and "new", a row each, with all its lines; a side that has none has no row.
    """
    apart = found[~found["change"].isin(("unchanged", "renamed", "recoded"))]
    codes = {*apart["old_code"].dropna(), *apart["new_code"].dropna()}
    lines = [_borders_of(division.grids, codes) for division in (old, new)]
    near = BENT_M / unit_m(old.grids.crs)
    alone = [
        shapely.difference(mine, shapely.buffer(other, near, cap_style="flat"))
        for mine, other in zip(lines, reversed(lines), strict=True)
    ]
    frame = gpd.GeoDataFrame({"side": ["old", "new"]}, geometry=alone, crs=old.grids.crs)
    return frame[~frame.geometry.is_empty].reset_index(drop=True)


def _borders_of(grids: gpd.GeoDataFrame, codes: Collection[str]) -> shapely.Geometry:
    mine = as_array(grids.geometry)[grids["grid_code"].isin(codes).to_numpy()]
    return shapely.line_merge(shapely.union_all(shapely.boundary(mine)))


def moved_households(found: gpd.GeoDataFrame) -> int:
    """Households whose grid has another code than before."""
    apart = found["old_code"].notna() & found["new_code"].notna() & (found["old_code"] != found["new_code"])
    return int(found["households"][apart].fillna(0).sum())


def _pairs(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> pd.DataFrame:
    """Pairs of grids that share land, with the land and its share of either.

    Most grids stay as they are: land is cut only where one of a pair does not.
    """
    was, now = as_array(old.geometry), as_array(new.geometry)
    i, j = shapely.STRtree(now).query(was)
    same = _same(was, now, i, j, within=BENT_M / unit_m(old.crs))
    asked = same | ~(np.isin(i, i[same]) & np.isin(j, j[same]))
    i, j, same = i[asked], j[asked], same[asked]
    land = was[i].copy()
    land[~same] = polygonal(shapely.intersection(was[i[~same]], now[j[~same]]))
    area = shapely.area(land)
    kept = same | (area * unit_m(old.crs) ** 2 > SLIVER_M2)
    i, j, same, land, area = i[kept], j[kept], same[kept], land[kept], area[kept]
    return pd.DataFrame(
        {
            "old_code": old["grid_code"].to_numpy(dtype=object)[i],
            "new_code": new["grid_code"].to_numpy(dtype=object)[j],
            "same": same,
            "of_old": area / shapely.area(was)[i],
            "of_new": area / shapely.area(now)[j],
            "geometry": land,
        }
    )


def _same(was: Geometries, now: Geometries, i: Ints, j: Ints, *, within: float) -> Bools:
    """Whether the grids of each pair are the same land, but for vertices that neighbours put on their border."""
    out = shapely.equals_identical(was[i], now[j])
    out[~out] = alike(was[i[~out]], now[j[~out]], within=within)
    return out


def _households(pairs: pd.DataFrame, atoms: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> pd.Series:
    """Households that went over in each pair: where the land is the same, all that the old grid had."""
    own = atoms["households"].astype("Int64").groupby(atoms["grid_code"]).sum(min_count=1)
    parted = atoms[~atoms["grid_code"].isin(pairs["old_code"][pairs["same"]])]
    passed = passed_on(parted, grids).set_index(["old_code", "new_code"])["households"]
    key = pd.MultiIndex.from_frame(pairs[["old_code", "new_code"]])
    of_pair, whole = passed.reindex(key).set_axis(pairs.index), pairs["old_code"].map(own)
    nobody = ~pd.Series(key.isin(passed.index), index=pairs.index) & whole.notna()
    return of_pair.where(~nobody, 0).where(~pairs["same"], whole)


def _changes(pairs: pd.DataFrame, old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> Geometries:
    """What each pair tells of: the same land, else parts and wholes, else a border that moved.

    A grid whose code lives on elsewhere was not merged, however much of its land went.
    """
    name_was = pairs["old_code"].map(old.set_index("grid_code")["name"]).fillna("")
    name_is = pairs["new_code"].map(new.set_index("grid_code")["name"]).fillna("")
    code_stays = pairs["old_code"] == pairs["new_code"]
    lives_on = pairs["old_code"].isin(new["grid_code"]) & ~code_stays
    child, parent = pairs["of_new"] > MOST, (pairs["of_old"] > MOST) & ~lives_on
    split = child & (child.groupby(pairs["old_code"]).transform("sum") > 1)
    merged = parent & (parent.groupby(pairs["new_code"]).transform("sum") > 1)
    return np.select(
        [pairs["same"] & ~code_stays, pairs["same"] & (name_was != name_is), pairs["same"], merged, split],
        ["recoded", "renamed", "unchanged", "merged", "split"],
        default="border_moved",
    ).astype(object)


def _unchanged(grids: gpd.GeoDataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "old_code": grids["grid_code"],
            "new_code": grids["grid_code"],
            "households": grids["households"],
            "area_m2": grids["area_m2"],
            "change": "unchanged",
            "geometry": as_array(grids.geometry),
        }
    )


def _lone(grids: gpd.GeoDataFrame, pairs: pd.DataFrame, side: str) -> pd.DataFrame:
    """Grids of one side whose code is not on the other: retired or new, with all their land."""
    other = "new_code" if side == "old_code" else "old_code"
    mine = grids[~grids["grid_code"].isin(pairs[other])]
    word = "retired" if side == "old_code" else "new"
    return pd.DataFrame(
        {
            side: mine["grid_code"].to_numpy(dtype=object),
            other: None,
            "households": pd.array(mine["households"], dtype="Int64"),
            "change": word,
            "geometry": as_array(mine.geometry),
        }
    )
