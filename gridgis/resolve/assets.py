"""Whose asset a case is about: the one that it names, where that can be so, else the nearest of the kind of its item.

Invariant: an asset decides only where it is among the components, of the kind that the item is about, and within the
profile's limit of the case; what a case names and does not decide is told, and so is the asset that nearness alone
chose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from gridgis.duties import owners
from gridgis.duties.conditions import folded
from gridgis.geometry.noding import Floats, Geometries, Ints
from gridgis.resolve.office import Office


@dataclass(frozen=True)
class Meant:
    """Whose assets cases are about, a value for each.

    Attributes
    ----------
    owner : None where none is known
    taken : which asset nearness alone chose, and how far off it stands; empty where none was
    warnings : why an asset that a case names does not decide; that another owner's stands nearly as near
    """

    owner: Geometries
    taken: Geometries
    warnings: Geometries


def meant(
    office: Office, component_id: Geometries, item: Geometries, x: Floats, y: Floats, accuracy_m: Floats
) -> Meant:
    """Whose asset each case is about; by nearness only where a duty rule for its item looks at the owner.

    Parameters
    ----------
    component_id, item : object array, shape (n,)
        What cases name; not a text where they name nothing.
    x, y : float array, shape (n,)
        In the CRS of the division.
    accuracy_m : float array, shape (n,)
        Where it is not a number that of the profile counts.
    """
    owner, taken = (np.full(len(x), value, dtype=object) for value in (None, ""))
    standing = office.standing
    if standing is None:
        return Meant(owner, taken, taken)
    row, warnings = heeded(office, component_id, item, x, y)
    named = np.flatnonzero(row >= 0)
    owner[named] = standing.components["owner"].to_numpy(dtype=object)[row[named]]
    kinds = _looked_up(item, office.owned_kinds)
    open_ = np.flatnonzero((row < 0) & pd.notna(kinds) & np.isfinite(x) & np.isfinite(y))
    if len(open_):
        limits = office.profile.locating
        slack_m = np.where(np.isnan(accuracy_m), limits.accuracy_m.value, accuracy_m)[open_]
        points = office.in_metres(x[open_], y[open_])
        found = owners(points, list(kinds[open_]), standing, within_m=limits.asset_m.value, slack_m=slack_m)
        owner[open_] = found["owner"]
        for k, kind, one in zip(open_, kinds[open_], found.itertuples(index=False), strict=True):
            if one.component_id is not None:
                taken[k] = f"{_called(kind, one.component_id, one.owner, one.distance_m)} is taken for the asset"
            if one.other_id is not None:
                other = _called(kind, one.other_id, one.other_owner, one.other_m)
                warnings[k] = f"{warnings[k]}; " * bool(warnings[k]) + f"{taken[k]}, but {other} too"
                taken[k] = ""
    return Meant(owner, taken, warnings)


def heeded(office: Office, component_id: Geometries, item: Geometries, x: Floats, y: Floats) -> tuple[Ints, Geometries]:
    """The rows of the components that cases name, -1 where it names none that may decide, and why one may not."""
    row, why = np.full(len(x), -1), np.full(len(x), "", dtype=object)
    known = office.components_in_metres
    there = np.flatnonzero(pd.notna(component_id)) if known is not None else np.empty(0, dtype=np.int64)
    if known is None or not len(there):
        return row, why
    row[there] = [office.component_row.get(str(code), -1) for code in component_id[there]]
    unknown = there[row[there] < 0]
    why[unknown] = [f"asset {component_id[k]} is not among the components" for k in unknown]
    named = there[row[there] >= 0]
    kind, wanted = known["kind"].to_numpy(dtype=object)[row[named]], _looked_up(item[named], office.component_kinds)
    far_m = shapely.distance(office.in_metres(x[named], y[named]), known.geometry.to_numpy()[row[named]])
    limit = office.profile.locating.named_asset_m
    other, far = pd.notna(wanted) & (kind != wanted), far_m > limit.value
    for k, is_kind, due, off_m, wrong in zip(named, kind, wanted, far_m, other, strict=True):
        if wrong:
            why[k] = f"asset {component_id[k]} is of kind {is_kind}, the item is about {due}: it does not decide"
        elif off_m > limit.value:
            why[k] = f"asset {component_id[k]} lies {off_m:.0f} m away, beyond {limit.value:g} m: it does not decide"
    row[named[other | far]] = -1
    return row, why


def deciding(office: Office, component_id: Geometries, item: Geometries, x: Floats, y: Floats) -> Geometries:
    """The assets that cases name, None where it is none that may decide."""
    used: Geometries = component_id.copy()
    used[heeded(office, component_id, item, x, y)[0] < 0] = None
    return used


def _called(kind: str, component_id: str, owner: str | None, distance_m: float) -> str:
    return f"{kind} {component_id} of {owner or 'an unknown owner'}, {distance_m:.1f} m away,"


def _looked_up(item: Geometries, kinds: dict[str, str]) -> Geometries:
    """The kind of component that each item is about; None where it is about none."""
    codes, names = pd.factorize(pd.Series(item, dtype=object))
    found = [kinds.get(folded(str(name))) for name in names]
    return np.array([*found, None], dtype=object)[codes]
