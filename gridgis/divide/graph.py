"""The atoms of one zone as a graph: contacts, costs of borders, and which atoms stay together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely

from gridgis.divide.atoms import Atoms
from gridgis.divide.partition.problem import Problem
from gridgis.geometry.components import components, sums
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints
from gridgis.profile import Profile

FALLBACK_CONTACT_M = 2.0
"""Shortest contact where a zone would fall apart with the profile's."""


@dataclass(frozen=True)
class ZoneGraph:
    """One zone: its atoms, their borders, what each counts.

    Attributes
    ----------
    atom : rows of the atoms in :class:`Atoms`
    pairs : (m, 2) neighbours with a border of any length, i < j, sorted
    shared_m, cut, keep : of each pair; costs weighted by the profile
    block, piece, compound : of each atom; -1 is no compound
    """

    atom: Ints
    geometry: Geometries
    block: Ints
    piece: Ints
    compound: Ints
    size: Floats
    pairs: Ints
    shared_m: Floats
    cut: Floats
    keep: Floats


def zone_graphs(atoms: Atoms, size: Floats, compound: Ints, zones: int, *, profile: Profile) -> list[ZoneGraph]:
    """One graph for each zone, in the order of the zones."""
    b = atoms.borders
    inner = b.second >= 0
    inner[inner] = atoms.zone[b.first[inner]] == atoms.zone[b.second[inner]]
    pair = np.column_stack([b.first[inner], b.second[inner]])
    pairs, inverse = np.unique(pair, axis=0, return_inverse=True)
    length = b.length_m[inner]
    w = profile.weights
    sums_ = [
        sums(inverse, values, len(pairs))
        for values in (length, length * b.cut_cost[inner] * w.border_m, length * b.keep_cost[inner] * w.kept_m)
    ]
    owner = atoms.zone[pairs[:, 0]] if len(pairs) else np.zeros(0, dtype=np.int64)
    out = []
    for z in range(zones):
        mine = np.flatnonzero(atoms.zone == z)
        rows = np.flatnonzero(owner == z)
        local = np.searchsorted(mine, pairs[rows])
        shared_m, cut, keep = (values[rows] for values in sums_)
        land = (atoms.geometry[mine], atoms.block[mine], atoms.piece[mine], compound[mine])
        out.append(ZoneGraph(mine, *land, size[mine], local.reshape(-1, 2), shared_m, cut, keep))
    return out


def problem(graph: ZoneGraph, *, low: float, high: float, profile: Profile, earlier: Ints | None = None) -> Problem:
    """The atoms of a zone as a partition problem; detached parts too small for a grid hang on the nearest atom.

    Parameters
    ----------
    low, high : range of a grid
    earlier : the grid that each atom belonged to before, -1 for none
    """
    none = np.zeros((0, 2), dtype=np.int64)
    n = len(graph.size)
    contact = contacts(graph, profile=profile, earlier=earlier)
    loose, whole = _detached(graph, contact, low=low)
    edges, touch = graph.pairs[contact], graph.pairs[~contact]
    zero = np.zeros(len(loose))
    every = np.concatenate([edges, loose])
    order = np.lexsort((every[:, 1], every[:, 0]))
    keep_touch = ~_known(touch, loose)

    def edge(values: Floats) -> Floats:
        return np.concatenate([values[contact], zero])[order]

    return Problem(
        size=graph.size,
        area_m2=shapely.area(graph.geometry),
        perimeter_m=shapely.length(graph.geometry),
        edges=every[order],
        shared_m=edge(graph.shared_m),
        cut_cost=edge(graph.cut),
        keep_cost=edge(graph.keep),
        touches=touch[keep_touch],
        touch_shared_m=graph.shared_m[~contact][keep_touch],
        touch_cut_cost=graph.cut[~contact][keep_touch],
        touch_keep_cost=graph.keep[~contact][keep_touch],
        low=low,
        high=high,
        weights=profile.weights,
        must_link=whole,
        cut=none,
        frozen=np.full(n, -1, dtype=np.int64),
        earlier=np.full(n, -1, dtype=np.int64) if earlier is None else earlier,
    )


def contacts(graph: ZoneGraph, *, profile: Profile, earlier: Ints | None = None) -> Bools:
    """Which pairs are in contact: a border long enough, shorter ones only where the zone would fall apart.

    So they are where a grid that stands would: what held it together still does.

    Parameters
    ----------
    earlier : the grid that each atom belonged to before, -1 for none
    """
    n = len(graph.size)
    i, j = graph.pairs.T
    long = graph.shared_m >= profile.tolerances.contact_m.value
    part = components(n, graph.pairs[long])
    bridge = part[i] != part[j]
    if earlier is not None:
        stands = (earlier[i] == earlier[j]) & (earlier[i] >= 0)
        piece = components(n, graph.pairs[long & stands])
        bridge |= stands & (piece[i] != piece[j])
    return long | (bridge & (graph.shared_m >= FALLBACK_CONTACT_M))


def linked(graph: ZoneGraph, *, whole: float, whole_compound: float, contact: Bools) -> Ints:
    """Pairs of atoms that stay together: blocks that hold `whole` or less, else compounds, else pieces.

    Only atoms that hang together inside their block, compound or piece are linked.

    Parameters
    ----------
    whole, whole_compound : what a block or piece, and a compound, may hold to stay whole
    """
    out = []
    n = len(graph.size)
    done = np.zeros(n, dtype=bool)
    limits = ((graph.block, whole), (graph.compound, whole_compound), (graph.piece, whole))
    for label, most in limits:
        i, j = graph.pairs[contact].T
        free = ~done[i] & ~done[j] & (label[i] == label[j]) & (label[i] >= 0)
        part = components(n, np.column_stack([i[free], j[free]]))
        fits = (sums(part, graph.size)[part] <= most) & ~done & (label >= 0)
        first = np.unique(part, return_index=True)[1][part]
        rows = np.flatnonzero(fits & (first != np.arange(n)))
        out.append(np.column_stack([first[rows], rows]))
        done |= fits
    return np.concatenate(out)


def as_they_stand(links: Ints, graph: ZoneGraph, earlier: Ints, *, contact: Bools) -> Ints:
    """The links without those between grids that stand: a block that they divide may stay divided, there only.

    Parameters
    ----------
    links, contact : as :func:`linked` and :func:`contacts` give them
    earlier : the grid that each atom belonged to before, -1 for none
    """
    if not (earlier >= 0).any():
        return links
    group = components(len(graph.size), links)
    i, j = graph.pairs.T
    return graph.pairs[contact & (group[i] == group[j]) & (earlier[i] == earlier[j])]


def with_links(base: Problem, links: Ints) -> Problem:
    """The problem with more atoms linked."""
    every = np.concatenate([base.must_link, links])
    unique = np.unique(np.sort(every, axis=1), axis=0) if len(every) else every
    return replace(base, must_link=unique)


def _known(pairs: Ints, others: Ints) -> Bools:
    known = {(int(i), int(j)) for i, j in others}
    return np.array([(int(i), int(j)) in known for i, j in pairs], dtype=bool)


def _detached(graph: ZoneGraph, contact: Bools, *, low: float) -> tuple[Ints, Ints]:
    """Contacts made up for parts too small for a grid of their own, and the links that keep each whole."""
    none = np.zeros((0, 2), dtype=np.int64)
    part = components(len(graph.size), graph.pairs[contact])
    total = sums(part, graph.size)
    if len(total) < 2:
        return none, none
    main = int(np.argmax(total))
    small = np.flatnonzero((total < low) & (np.arange(len(total)) != main))
    loose, whole = [], []
    big = ~np.isin(part, small)
    rest = np.flatnonzero(big)
    tree = shapely.STRtree(graph.geometry[rest])
    for p in small:
        mine = np.flatnonzero(part == p)
        near, distance = tree.query_nearest(graph.geometry[mine], return_distance=True, all_matches=False)
        k = int(np.lexsort((rest[near[1]], mine[near[0]], distance))[0])
        a, b = int(mine[near[0][k]]), int(rest[near[1][k]])
        loose.append((min(a, b), max(a, b)))
        whole += [(int(mine[0]), int(other)) for other in mine[1:]]
    return np.array(loose, dtype=np.int64).reshape(-1, 2), np.array(whole, dtype=np.int64).reshape(-1, 2)
