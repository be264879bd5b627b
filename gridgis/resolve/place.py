"""Cases to their place: by their point, by their address, and on a border by what else is known of them.

Invariant: a case has one place; where its point lies in exactly one grid nothing else moves it. What an address says
that a point does not is never kept silent: :mod:`gridgis.resolve.remarks` puts it in words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from gridgis.coordinates import to_crs
from gridgis.crs import canonical, scale_m
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints
from gridgis.locate import Located, decided, doubted, hinted, locate
from gridgis.locate.locate import ADDRESS, OUTSIDE
from gridgis.resolve.handed import PASTED, handed, looks_handed
from gridgis.resolve.office import Office

EXACT = ("house_number", "interpolated", "building", "alias", PASTED)
"""Kinds of address that tell on which side of a border they are."""


NOTHING = pd.DataFrame(
    {
        **{name: pd.Series(dtype=np.float64) for name in ("x", "y", "score", "accuracy_m")},
        **{name: pd.Series(dtype=object) for name in ("address", "kind", "reason")},
        "ambiguous": pd.Series(dtype=np.bool_),
    }
)
"""What a gazetteer says of no address."""


class Asked(NamedTuple):
    """What is known of where cases are; None or not a number where nothing is.

    Attributes
    ----------
    x, y : float array, shape (n,)
        In the CRS of the division.
    accuracy_m : float array, shape (n,)
    address, component_id : object array, shape (n,)
    piled : bool array, shape (n,)
        Points that are most likely a default and no place; None where that is not known of any.
    """

    x: Floats
    y: Floats
    accuracy_m: Floats
    address: Geometries
    component_id: Geometries
    piled: Bools | None = None


@dataclass(frozen=True)
class Placed:
    """Where cases are.

    Attributes
    ----------
    found : Located
    x, y : float array, shape (n,)
        In the CRS of the division; of a case that its address gave a grid in place of its point, that of the address.
    point : pair of float array, shape (n,)
        The point of each case as it was asked, in the same CRS.
    by_address : int array, shape (m,)
        Cases without a point, with one far outside or with a default, that were put where their address is.
    looked_up : int array, shape (k,)
        Cases whose address was looked up, those among them.
    addresses : DataFrame, k rows
        What the gazetteer says of these.
    """

    found: Located
    x: Floats
    y: Floats
    point: tuple[Floats, Floats]
    by_address: Ints
    looked_up: Ints
    addresses: pd.DataFrame

    def told(self, rows: Ints) -> pd.DataFrame:
        """What the gazetteer says of some of the cases that were looked up."""
        if not len(rows):
            return NOTHING
        return self.addresses.iloc[pd.Index(self.looked_up).get_indexer(pd.Index(rows))]


def placed(office: Office, asked: Asked, *, compare: bool = True) -> Placed:
    """Give each case its place.

    Parameters
    ----------
    compare : whether the address of a point that is sure is looked up too, which costs some milliseconds: it adds
        the grid it is in where that is another
    """
    named = np.asarray(pd.notna(asked.address), dtype=np.bool_)
    piled = np.zeros(len(asked.x), dtype=np.bool_) if asked.piled is None else asked.piled
    found = _strays(office, asked, _without_points(office, asked, named, piled), named)
    if piled.any():
        lost = np.setdiff1d(np.flatnonzero(piled), found.by_address)
        found = replace(found, found=doubted(found.found, piled, rows=lost))
    open_ = found.found.tied | found.found.beside
    found = replace(found, found=_by_asset(office, found.found, asked.component_id, open_))
    named[found.looked_up] = False
    return _by_house_number(office, found, asked.address, open_, named, compare=compare)


def _without_points(office: Office, asked: Asked, named: Bools, piled: Bools) -> Placed:
    """Cases by their points, those without one by their address; a default point is none where there is an address."""
    rows = np.flatnonzero(named & (piled | ~(np.isfinite(asked.x) & np.isfinite(asked.y))))
    if not len(rows):
        return _located(office, asked, rows, NOTHING)
    told = _searched(office, asked.address[rows])
    use = told["x"].notna().to_numpy(dtype=bool) | ~piled[rows]
    found = _located(office, asked, rows[use], told[use].reset_index(drop=True))
    return replace(found, looked_up=rows, addresses=told)


def _located(office: Office, asked: Asked, rows: Ints, addresses: pd.DataFrame) -> Placed:
    """Cases by their points, those of `rows` by their addresses."""
    x, y, accuracy_m = asked.x.copy(), asked.y.copy(), asked.accuracy_m.copy()
    if len(rows):
        x[rows], y[rows], accuracy_m[rows] = (addresses[name].to_numpy(float) for name in ("x", "y", "accuracy_m"))
    found = locate(office.places, x, y, accuracy_m=accuracy_m, limits=office.profile.locating)
    return Placed(_through_address(found, rows, addresses), x, y, (asked.x, asked.y), rows, rows, addresses)


def _strays(office: Office, asked: Asked, placed_: Placed, named: Bools) -> Placed:
    """Points that lie far outside, put where their address is: such a point says as little as none at all."""
    rows = np.flatnonzero((placed_.found.method == OUTSIDE) & named)
    if not len(rows):
        return placed_
    rows = np.setdiff1d(rows, placed_.looked_up)
    rows = _that_can_tell(office, asked.address, rows)
    if not len(rows):
        return placed_
    told = _searched(office, asked.address[rows])
    sure = _sure(office, told)
    everything = pd.concat([placed_.addresses, told], ignore_index=True)
    looked_up = np.concatenate([placed_.looked_up, rows])
    use = np.concatenate([np.isin(placed_.looked_up, placed_.by_address), sure])
    found = _located(office, asked, looked_up[use], everything[use].reset_index(drop=True))
    return replace(found, looked_up=looked_up, addresses=everything)


def _searched(office: Office, texts: Geometries) -> pd.DataFrame:
    """The best candidate of each address, in the CRS of the division: a place that it carries itself, else by name."""
    if not len(texts):
        return NOTHING
    on_map = handed(office, texts)
    others = np.setdiff1d(np.arange(len(texts)), on_map.index)
    named = _by_name(office, texts[others]).set_axis(others, axis=0)
    if on_map.empty:
        return named
    return pd.concat([named, on_map]).sort_index().astype(NOTHING.dtypes.to_dict())


def _by_name(office: Office, texts: Geometries) -> pd.DataFrame:
    """What the gazetteer says; nothing where there is none."""
    if office.gazetteer is None:
        return NOTHING.reindex(range(len(texts))).assign(ambiguous=False, reason="there is no gazetteer to look in")
    found = office.gazetteer.find_many(texts, aliases=office.aliases)
    here = found["x"].to_numpy(float), found["y"].to_numpy(float)
    x, y = to_crs(*here, source=canonical(office.gazetteer.crs), target=office.system)
    return found.assign(x=x, y=y)[list(NOTHING)]


def _that_can_tell(office: Office, address: Geometries, rows: Ints) -> Ints:
    """The cases whose address may say where it is: without a gazetteer only those that carry a place themselves."""
    return rows if office.gazetteer is not None else rows[np.array(looks_handed(address[rows]), dtype=np.bool_)]


def _sure(office: Office, told: pd.DataFrame) -> Bools:
    """Addresses that need no person to choose."""
    limit = office.profile.locating.confidence.value
    return (told["x"].notna() & (told["score"] >= limit) & ~told["ambiguous"]).to_numpy(dtype=bool)


def _through_address(found: Located, rows: Ints, addresses: pd.DataFrame) -> Located:
    """Cases that were found by their address: as sure as it is."""
    if not len(rows):
        return found
    there = found.grid[rows] >= 0
    method, confidence = found.method.copy(), found.confidence.copy()
    method[rows[there]] = ADDRESS
    confidence[rows] *= addresses["score"].to_numpy(float)
    return replace(found, method=method, confidence=confidence)


def _by_asset(office: Office, found: Located, component_id: Geometries, open_: Bools) -> Located:
    """Points that several grids cover, or none, given to the grid that holds the asset."""
    if not office.component_row:
        return found
    at = np.flatnonzero(open_)
    row = np.array([office.component_row.get(component_id[k], -1) for k in at], dtype=np.int64)
    at, row = at[row >= 0], row[row >= 0]
    if not len(at):
        return found
    point = shapely.point_on_surface(office.component_shapes[row])
    here = shapely.get_x(point), shapely.get_y(point)
    return decided(found, office.places, *here, rows=at, score=np.ones(len(at)), by_address=False)


def _by_house_number(
    office: Office, placed_: Placed, address: Geometries, open_: Bools, named: Bools, *, compare: bool
) -> Placed:
    """What the address of points says that have one.

    Points that several grids cover, or none, are given to the grid of their house: the side of the street decides.
    To a point that is in doubt without that, the grid of its address is one candidate more; to one that is sure only
    where it lies further from its address than that is accurate.
    """
    found, limit = placed_.found, office.profile.locating.confidence.value
    doubtful = open_ | (found.confidence < limit)
    rows = np.flatnonzero((doubtful | (compare & (found.grid >= 0))) & named)
    rows = _that_can_tell(office, address, rows)
    if not len(rows):
        return placed_
    house = _searched(office, address[rows])
    sure = _sure(office, house)
    deciding = sure & house["kind"].isin(EXACT).to_numpy(dtype=bool) & open_[rows]
    x, y, score = (house[name].to_numpy(float) for name in ("x", "y", "score"))
    away = apart_m(office, (placed_.x[rows], placed_.y[rows]), (x, y)) > house["accuracy_m"].to_numpy(float)
    use, more = np.flatnonzero(deciding), np.flatnonzero(sure & ~deciding & (doubtful[rows] | away))
    beside = use[found.beside[rows[use]]]
    found = decided(found, office.places, x[use], y[use], rows=rows[use], score=score[use], by_address=True)
    found = hinted(found, office.places, x[more], y[more], rows=rows[more])
    moved = beside[found.method[rows[beside]] == ADDRESS]
    placed_.x[rows[moved]], placed_.y[rows[moved]] = x[moved], y[moved]
    told = pd.concat([placed_.addresses, house], ignore_index=True)
    return replace(placed_, found=found, looked_up=np.concatenate([placed_.looked_up, rows]), addresses=told)


def apart_m(office: Office, one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> Floats:
    """Metres between places in the CRS of the division, pair by pair."""
    across, up = scale_m(office.places.crs, (one[1] + other[1]) / 2)
    return np.hypot((other[0] - one[0]) * across, (other[1] - one[1]) * up)
