"""Locked borders followed to the grids between which an edit leaves their land."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gridgis.adjust.draft import Draft
from gridgis.adjust.table import columns_of
from gridgis.geometry.borders import adjacency
from gridgis.geometry.noding import as_array

Border = tuple[str, str]


def held_borders(was: Draft, now: Draft) -> Mapping[Border, frozenset[Border]]:
    """Between which grids the land of each locked border lies in another draft of the same atoms.

    A border may lie between several pairs then, that of its own codes among them; one of which nothing is left stays
    as it is named.

    Parameters
    ----------
    was : whose locks are asked for
    now : no atom of `was` is cut in it
    """
    old = was.division.atoms
    grid = dict(zip(*columns_of(now.division.atoms, "atom_id", "grid_code"), strict=True))
    names, code = columns_of(old, "atom_id", "grid_code")
    there = np.array([grid[name] for name in names], dtype=object)
    out = {}
    for pair in sorted(was.locks.borders):
        rows = np.flatnonzero(np.isin(code.astype(str), pair))
        pairs, _ = adjacency(as_array(old.geometry)[rows])
        ends = there[rows][pairs[code[rows][pairs[:, 0]] != code[rows][pairs[:, 1]]]]
        out[pair] = frozenset((min(a, b), max(a, b)) for a, b in ends if a != b) or frozenset({pair})
    return out


def with_locks(was: Draft, draft: Draft) -> Draft:
    """The draft with locks on the borders that hold a piece of a border that was locked."""
    if draft is was or not was.locks.borders:
        return draft
    held = frozenset().union(*held_borders(was, draft).values())
    locks = replace(was.locks, borders=held)
    return replace(draft, locks=locks) if locks != was.locks else draft
