"""Micro-grids after atoms changed their grid: each hangs together and lies in one grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gridgis.adjust.draft import Draft
from gridgis.adjust.numbers import new_micro_codes
from gridgis.adjust.plane import Plane
from gridgis.adjust.table import among, changed, column_of, columns_of
from gridgis.geometry.borders import adjacency
from gridgis.geometry.components import components, sums
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, as_array


@dataclass(frozen=True)
class _Pieces:
    """Atoms of one grid and one micro-grid that hang together: what each is, and the border of each pair."""

    grid: Geometries
    micro: Geometries
    households: Floats
    area: Floats
    pairs: Ints
    border: Floats

    def order(self, rows: Ints) -> Ints:
        """Rows with the largest first: by households, area, then as they come."""
        return rows[np.lexsort((rows, -self.area[rows], -self.households[rows]))]


def regrouped(draft: Draft, atoms: gpd.GeoDataFrame, grids: Collection[str], **labels: Geometries) -> gpd.GeoDataFrame:
    """Atoms with micro-grids that hang together, each in its grid.

    A micro-grid that lies whole in another grid than its code says goes on there under a new number. Of one that
    fell apart, the piece in the grid of its code with most households stays. Each other piece joins the micro-grid
    of its grid with which it has the longest border and stays in range, else it is one of its own.

    Parameters
    ----------
    atoms : with the grids that they are to have, and micro-grids as they had
    grids : codes of those whose micro-grids are looked at
    labels : what stands in some columns of the atoms in place of what they have
    """
    grid, micro = (labels.get(name, column_of(atoms, name)) for name in ("grid_code", "microgrid_code"))
    rows = np.flatnonzero(among(grid, grids))
    piece, found = _pieces(atoms.iloc[rows], grid[rows], micro[rows])
    label = np.full(len(found.grid), None, dtype=object)
    begun = _settled(found)
    label[begun.home] = found.micro[begun.home]
    taken = set(micro)
    label = _numbered(draft, found, label, begun.moved, taken)
    alone = []
    for k in found.order(begun.left):
        into = _neighbour(draft, found, label, int(k))
        if into is None:
            alone.append(int(k))
        else:
            label[k] = label[into]
    label = _numbered(draft, found, label, np.array(alone, dtype=np.int64), taken | set(label[label != None]))  # noqa: E711
    out = micro.copy()
    out[rows] = label[piece]
    return changed(atoms, **{**labels, "microgrid_code": out})


def _pieces(atoms: gpd.GeoDataFrame, grid: Geometries, micro: Geometries) -> tuple[Ints, _Pieces]:
    shape = Plane.of(atoms).metres(as_array(atoms.geometry))
    pairs, length = adjacency(shape)
    one, two = pairs.T if len(pairs) else np.zeros((2, 0), dtype=np.int64)
    together = (micro[one] == micro[two]) & (grid[one] == grid[two])
    piece = components(len(atoms), pairs[together])
    n = int(piece.max(initial=-1)) + 1
    first = np.unique(piece, return_index=True)[1]
    households = atoms["households"].to_numpy(dtype=float, na_value=0.0)
    ends = np.sort(np.column_stack([piece[one], piece[two]]), axis=1)[~together]
    between, at = np.unique(ends, axis=0, return_inverse=True)
    border = sums(at.reshape(-1), length[~together], len(between))
    area = sums(piece, shapely.area(shape), n)
    return piece, _Pieces(grid[first], micro[first], sums(piece, households, n), area, between, border)


@dataclass(frozen=True)
class _Settled:
    """Pieces that keep their code, that lie whole in another grid, and that are left."""

    home: Ints
    moved: Ints
    left: Ints


def _settled(found: _Pieces) -> _Settled:
    at_home = np.array([m.startswith(g) for m, g in zip(found.micro, found.grid, strict=True)], dtype=bool)
    every = found.order(np.arange(len(found.grid)))
    first: dict[str, int] = {}
    for k in every[at_home[every]]:
        first.setdefault(found.micro[k], k)
    home, number = np.array([*first.values()], dtype=np.int64), Counter(found.micro)
    alone = np.array([number[code] == 1 for code in found.micro], dtype=bool)
    moved = np.flatnonzero(alone & ~at_home)
    left = np.setdiff1d(np.arange(len(found.grid)), np.concatenate([home, moved]))
    return _Settled(home, moved, left)


def _numbered(draft: Draft, found: _Pieces, label: Geometries, rows: Ints, taken: Collection[str]) -> Geometries:
    """Labels with new numbers for some pieces, in the order of their old code, then of their size."""
    out = label.copy()
    for parent in sorted(set(found.grid[rows])):
        mine = found.order(rows[found.grid[rows] == parent])
        mine = mine[np.argsort(found.micro[mine].astype(str), kind="stable")]
        out[mine] = new_micro_codes(draft, parent, len(mine), taken=taken)
    return out


def _neighbour(draft: Draft, found: _Pieces, label: Geometries, k: int) -> int | None:
    """The piece whose micro-grid another one joins: of its grid, longest border, and not too large together."""
    ends = found.pairs[(found.pairs == k).any(axis=1)]
    border = found.border[(found.pairs == k).any(axis=1)]
    others = np.where(ends[:, 0] == k, ends[:, 1], ends[:, 0])
    use = np.array([found.grid[o] == found.grid[k] and label[o] is not None for o in others], dtype=bool)
    others, border = others[use], border[use]
    if not len(others):
        return None
    most = _most(draft, str(found.grid[k]))
    code = label[others].astype(str)
    total = np.array([found.households[label == one].sum() for one in code])
    fits: Bools = (total + found.households[k] <= most) | (found.households[k] == 0)
    if not fits.any():
        return None
    names, at = np.unique(code[fits], return_inverse=True)
    best = names[int(np.argmax(np.bincount(at, weights=border[fits])))]
    return int(others[fits][code[fits] == best][0])


def _most(draft: Draft, grid_code: str) -> float:
    """Households of the largest micro-grid in a grid."""
    kind = dict(zip(*columns_of(draft.division.zones, "zone_code", "kind"), strict=True))
    zone = grid_code[: draft.profile.codes.zone_digits]
    allowed = draft.profile.rules[kind[zone]].micro_households if zone in kind else None
    return allowed.max if allowed is not None else np.inf
