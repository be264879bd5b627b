"""Counts of everything before some months, so that a window of years is a difference and a few cases.

Invariant: counts are those of the cases before the month, exactly. They take about `BYTES` for each case, or `ROOM`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridgis.heat import binning
from gridgis.heat.pyramid.form import Counts, Ints, Segment, Series
from gridgis.heat.pyramid.lattices import UNITS, Lattice, Patch, box_of, empty, laid, whole_block
from gridgis.heat.pyramid.runs import ALL, Span, first_day, runs

EVERY = 100_000
"""Cases between two checkpoints, at least."""

PASSES = 3
"""Lattices for each of all cases: in all, of their source, of their item where it is frequent."""

ROOM = 100_000_000
"""Bytes that checkpoints may take in any case."""

BYTES = 24
"""Of a case: what all checkpoints take at most, about."""


def checkpoints(segment: Segment) -> Segment:
    """The segment with counts of all cases, and of each item, source and both that have many."""
    every = max(EVERY, _lattice_bytes(segment) * PASSES * len(segment) // max(BYTES * len(segment), ROOM))
    if len(segment) < every:
        return segment
    cases = np.diff(segment.start)
    found = []
    for item, source in sorted(set(_pairs(segment, cases, every))):
        chosen = ((item == ALL) | (segment.item == item)) & ((source == ALL) | (segment.source == source))
        months = np.unique(segment.month[chosen])
        per_month = np.array([cases[chosen & (segment.month == month)].sum() for month in months])
        found.append(_series(segment, item, source, _bounds(months, per_month, every)))
    return replace(segment, series=tuple(found))


def _pairs(segment: Segment, cases: Ints, every: int) -> Iterator[tuple[int, int]]:
    """Items and sources that have many cases, but not those that have nearly all of what is kept already."""
    total = {(ALL, ALL): int(cases.sum())}
    for kind, values in ((0, segment.item), (1, segment.source)):
        for code, n in enumerate(np.bincount(values, weights=cases)):
            total[(code, ALL) if kind == 0 else (ALL, code)] = int(n)
    both = np.int64(segment.item) << 16 | segment.source
    codes, inverse = np.unique(both, return_inverse=True)
    for code, n in zip(codes, np.bincount(inverse, weights=cases), strict=True):
        total[int(code >> 16), int(code & 0xFFFF)] = int(n)
    return (pair for pair, n in total.items() if n >= every)


def _lattice_bytes(segment: Segment) -> int:
    size = 0
    for west, south, east, north in segment.boxes.astype(np.int64):
        size += 4 * ((east - west) // binning.FRACTION + 4) * ((north - south) // binning.FRACTION + 4)
    return int(size)


def _bounds(months: Ints, per_month: Ints, every: int) -> list[tuple[int, int]]:
    """Months before which counts are kept, with the cases before them: the first, each some cases later, the end."""
    found, since, before = [(int(months[0]), 0)], 0, 0
    for month, n in zip(months, per_month, strict=True):
        since, before = since + int(n), before + int(n)
        if since >= every or month == months[-1]:
            found.append((int(month) + 1, before))
            since = 0
    return found


def _series(segment: Segment, item: int, source: int, bounds: list[tuple[int, int]]) -> Series:
    boxes = {block: box_of([segment], Patch(0, *map(int, at))) for block, at in enumerate(segment.blocks)}
    lattices = {block: laid(empty(box, 1 / binning.FRACTION)) for block, box in boxes.items() if box is not None}
    kept: list[Counts] = [{}]
    for (begin, _), (end, _) in pairwise(bounds):
        span = (Span(first_day(begin), first_day(end), 1),)
        for block, lattice in lattices.items():
            whole_block(segment, block, runs(segment, item, source, span, block=block), lattice)
        kept.append({block: _packed(lattice) for block, lattice in lattices.items()})
    months, before = np.array(bounds, dtype=np.int64).T
    return Series(item, source, months, before, tuple(kept))


def _packed(lattice: Lattice) -> tuple[NDArray[Any], int, int]:
    """Counts in four bytes, where they are whole and fit, else as they are."""
    whole = lattice.counts * UNITS
    fits = len(whole) and np.abs(whole).max() < 2**31 and np.array_equal(whole, np.floor(whole))
    return (whole.astype(np.int32) if fits else lattice.counts.copy()), lattice.row, lattice.column
