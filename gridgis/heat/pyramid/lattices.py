"""Counts of a question at the nodes of a lattice, patch by patch.

Invariant: counts do not depend on how the cases came in, how segments were merged, or what was asked before: all sums
are sums of whole multiples of 1/16384, of 1/1024 of that where cases have weights.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridgis.heat import binning
from gridgis.heat.pyramid.catalogue import Frame
from gridgis.heat.pyramid.form import SIDE, Counts, Floats, Ints, Segment
from gridgis.heat.pyramid.question import Question
from gridgis.heat.pyramid.runs import WHOLE, Plan, direct, plan, runs

NODES = SIDE // binning.FRACTION
"""Nodes in the side of a block."""

TABLE = binning.shares().ravel()

MORE = 3
"""Rows of nodes that cases of a band reach beyond it."""

BAND = 96
"""Rows of a band: with a thousand columns it fits the second cache of a core."""

MANY, SHORT = 200, 50
"""Runs that are many, and cases of a run that are few: to look for each run in each band takes longer than sorting."""

_SPARE: deque[Floats] = deque(maxlen=8)

FAR = 1 << 40
"""Farther than any position."""

PAD = 24
"""Nodes around counts: a kernel that reaches a case begins at most 23 nodes before it and ends as many after it."""

UNITS = binning.UNIT**2

Singles = NDArray[np.float32]


class Patch(NamedTuple):
    """A square of the plane: a block at level 0, a quarter of that at level 1 and so on."""

    level: int
    east: int
    north: int


class Box(NamedTuple):
    """Units of position from the origin, both ends included."""

    west: int
    south: int
    east: int
    north: int


Plans = tuple[tuple[tuple[int, int, Plan], ...], ...]
"""For each segment: items and sources, and how they are counted."""


class Lattice(NamedTuple):
    """Counts at nodes; the first one is node (row, column) from the origin."""

    counts: NDArray[Any]
    row: int
    column: int


def box_of(segments: Iterable[Segment], patch: Patch) -> Box | None:
    """The box around the cases of a patch, or a little more; None where there are none."""
    side = SIDE >> patch.level
    west, south = patch.east * side, patch.north * side
    found = None
    for box in _boxes(segments, west // SIDE, south // SIDE):
        cut = Box(max(box.west, west), max(box.south, south),
                  min(box.east, west + side - 1), min(box.north, south + side - 1))  # fmt: skip
        if cut.west <= cut.east and cut.south <= cut.north:
            found = cut if found is None else Box(*map(min, found[:2], cut[:2]), *map(max, found[2:], cut[2:]))
    return found


def _boxes(segments: Iterable[Segment], east: int, north: int) -> Iterable[Box]:
    for segment in segments:
        for at in np.flatnonzero((segment.blocks[:, 0] == east) & (segment.blocks[:, 1] == north)):
            west, south, right, top = (int(v) for v in segment.boxes[at])
            yield Box(east * SIDE + west, north * SIDE + south, east * SIDE + right, north * SIDE + top)


class Extent(NamedTuple):
    """The nodes of a lattice: how many rows and columns, and the first of each."""

    rows: int
    columns: int
    row: int
    column: int


def empty(box: Box, ratio: float) -> Extent:
    """All nodes that cases of a box can have; `ratio` is the unit of positions in steps."""
    column, row = int(np.floor(box.west * ratio)) - 1, int(np.floor(box.south * ratio)) - 1
    width = int(np.floor(box.east * ratio)) + 4 - column
    height = int(np.floor(box.north * ratio)) + 4 - row
    return Extent(height, width, row, column)


def laid(nodes: Extent) -> Lattice:
    """No counts yet, to be added up exactly."""
    return Lattice(np.zeros(nodes[:2]), *nodes[2:])


def padded(nodes: Extent) -> Lattice:
    """No counts yet, with so many nodes around them that a kernel finds some wherever it reaches a case."""
    counts = np.zeros((nodes.rows + 2 * PAD, nodes.columns + 2 * PAD), dtype=np.float32)
    return Lattice(counts, nodes.row - PAD, nodes.column - PAD)


def inner(whole: Lattice) -> Lattice:
    """The counts within the nodes around them; the same memory."""
    return Lattice(whole.counts[PAD:-PAD, PAD:-PAD], whole.row + PAD, whole.column + PAD)


def filled(lattice: Lattice) -> Lattice:
    """Counts with nodes around them."""
    rows, columns = lattice.counts.shape
    whole = padded(Extent(rows, columns, lattice.row, lattice.column))
    inner(whole).counts[:] = lattice.counts
    return whole


def plans(segments: Iterable[Segment], question: Question, *, kept: bool) -> Plans:
    """How each segment is to be counted for each pair of item and source; with counts that are kept, where told."""
    return tuple(
        tuple(
            (item, source, plan(one, item, source, question.first, question.stop))
            if kept
            else (item, source, direct(question.first, question.stop))
            for item, source in question.pairs
        )
        for one in segments
    )


def kept_counts(segments: Sequence[Segment], how: Plans, patch: Patch) -> Lattice | None:
    """Counts of the cases in a block at the nodes of the lattice of which counts are kept; None where it has no case.

    The lattice is filled band by band, so that a band stays in the processor's own memory. One core does it: between
    bands two would wait for each other, and other tiles want the other ones.
    """
    box = box_of(segments, patch)
    if box is None:
        return None
    whole = padded(empty(box, 1 / binning.FRACTION))
    lattice = inner(whole)
    work = list(_work(segments, how, patch))
    rows = lattice.counts.shape[0] - MORE
    bands = [(first, min(first + BAND, rows)) for first in range(0, rows, BAND)]
    reached = [_fill(lattice, work, *band) for band in bands]
    for (_, after), beyond in zip(bands, reached, strict=True):
        lattice.counts[after : after + MORE] += beyond
    return whole


class Work(NamedTuple):
    """What a segment has to add to the counts of a block."""

    segment: Segment
    chosen: Ints
    block: int
    counts: tuple[tuple[Counts, int], ...]


def _work(segments: Sequence[Segment], how: Plans, patch: Patch) -> Iterator[Work]:
    for segment, pairs in zip(segments, how, strict=True):
        for block in _block(segment, patch).tolist():
            for item, source, steps in pairs:
                chosen = runs(segment, item, source, steps.spans, block=block)
                if len(chosen) > MANY and (chosen[:, 4] == 1).all() and (chosen[:, 1] - chosen[:, 0]).mean() < SHORT:
                    yield Work(*_by_row(segment, chosen), block, steps.counts)
                elif len(chosen) or steps.counts:
                    yield Work(segment, chosen, block, steps.counts)


def _by_row(segment: Segment, chosen: Ints) -> tuple[Segment, Ints]:
    """The cases of many short runs as one sorted by y: batches that were appended have a slice for each case."""
    at = binning.picked(segment.day, chosen)
    at = at[np.argsort(segment.y[at], kind="stable")]
    weight = segment.weight[at] if len(segment.weight) else segment.weight
    taken = replace(segment, x=segment.x[at], y=segment.y[at], day=segment.day[at], weight=weight)
    return taken, np.array([[0, len(at), 0, WHOLE, 1]])


def _fill(lattice: Lattice, work: list[Work], first: int, after: int) -> Floats:
    """Count the cases whose cell begins in a band of rows; gives what they add to the rows after it."""
    whole, rows = _room(after - first + MORE, lattice.counts.shape[1])
    band = Lattice(rows, lattice.row + first, lattice.column)
    south = (lattice.row + first + 1) * binning.FRACTION
    north = (lattice.row + after + 1) * binning.FRACTION - 1
    for one in work:
        for counts, sign in one.counts:
            _add_counts(
                band, after - first + (MORE if after == len(lattice.counts) - MORE else 0), counts, one.block, sign
            )
        if len(one.chosen):
            _add_runs(band, one.segment, one.block, one.chosen, Box(-FAR, south, FAR, north), 1 / binning.FRACTION)
    lattice.counts[first:after] = rows[:-MORE]
    beyond = rows[-MORE:].copy()
    _SPARE.append(whole)
    return beyond


def _room(rows: int, columns: int) -> tuple[Floats, Floats]:
    """Memory for a band, and the band in it, all 0; what was used before comes cheaper than new memory."""
    size = rows * columns
    try:
        whole = _SPARE.pop()
    except IndexError:
        whole = np.empty(size)
    if len(whole) < size:
        whole = np.empty(size)
    band = whole[:size].reshape(rows, columns)
    band[:] = 0
    return whole, band


def fine_counts(segments: Sequence[Segment], how: Plans, patch: Patch, ratio: float) -> Lattice | None:
    """Counts of the cases in a patch at the nodes of a finer lattice; None where it has no case.

    Parameters
    ----------
    ratio : float
        The unit of positions in steps of the lattice.
    """
    box = box_of(segments, patch)
    if box is None:
        return None
    lattice = laid(empty(box, ratio))
    for one in _work(segments, how, patch):
        _add_runs(lattice, one.segment, one.block, one.chosen, box, ratio)
    return filled(lattice)


def _block(segment: Segment, patch: Patch) -> Ints:
    """Which blocks of a segment a patch lies in: one or none."""
    east, north = patch.east >> patch.level, patch.north >> patch.level
    return np.flatnonzero((segment.blocks[:, 0] == east) & (segment.blocks[:, 1] == north))


def _add_counts(band: Lattice, rows: int, counts: Counts, block: int, sign: int) -> None:
    """Add counts that are kept, or take them away, in the first rows of a band."""
    if block not in counts:
        return
    values, row, column = counts[block]
    low, high = max(row, band.row), min(row + len(values), band.row + rows)
    left = column - band.column
    if low < high:
        scale = sign / UNITS if values.dtype == np.int32 else float(sign)
        part = band.counts[low - band.row : high - band.row, left : left + values.shape[1]]
        binning.add_scaled(part, values[low - row : high - row], scale)


def _add_runs(lattice: Lattice, segment: Segment, block: int, chosen: Ints, box: Box, ratio: float) -> None:
    """Add runs of cases of one block, of those only that lie in a box."""
    east, north = (int(v) * SIDE for v in segment.blocks[block])
    west, right = max(box.west - east, 0), min(box.east - east, SIDE - 1)
    south, top = max(box.south - north, 0), min(box.north - north, SIDE - 1)
    if south > segment.boxes[block, 1] or top < segment.boxes[block, 3]:
        chosen = binning.narrowed(segment.y, chosen, south // 2, top // 2)  # bands and patches begin at even places
    binning.add(segment.x, segment.y, segment.day, segment.weight, chosen, west, right, east, north, ratio, TABLE,
                lattice.counts, lattice.row, lattice.column)  # fmt: skip


def whole_block(segment: Segment, block: int, chosen: Ints, lattice: Lattice) -> None:
    """Add runs of cases of one block to a lattice that holds them all."""
    _add_runs(lattice, segment, block, chosen, Box(-FAR, -FAR, FAR, FAR), 1 / binning.FRACTION)


def patches(segments: Iterable[Segment], frame: Frame, step_m: float, box: tuple[float, ...]) -> list[Patch]:
    """Patches with cases that a box in metres may touch, by north and east; the finer the lattice the smaller."""
    level = max(0, math.ceil(math.log2(frame.step_m / step_m) - 1e-9))
    side = SIDE >> level
    margin = 3 * max(step_m, frame.step_m)
    west, south = ((box[k] - margin - (frame.left, frame.bottom)[k]) / frame.unit_m / side for k in (0, 1))
    east, north = ((box[k] + margin - (frame.left, frame.bottom)[k - 2]) / frame.unit_m / side for k in (2, 3))
    found = set()
    for segment in segments:
        for (block_east, block_north), edges in zip(segment.blocks.tolist(), segment.boxes.tolist(), strict=True):
            low_x, low_y, high_x, high_y = (edge // side for edge in edges)
            at_x, at_y = block_east << level, block_north << level
            columns = range(max(at_x + low_x, math.floor(west)), min(at_x + high_x, math.floor(east)) + 1)
            rows = range(max(at_y + low_y, math.floor(south)), min(at_y + high_y, math.floor(north)) + 1)
            found |= {(y, x) for y in rows for x in columns}
    return [Patch(level, x, y) for y, x in sorted(found)]


def part(segments: Sequence[Segment], how: Plans, frame: Frame, step_m: float, patch: Patch) -> Lattice | None:
    """Counts of a patch at the nodes of a lattice of any step, as float32, with :data:`PAD` nodes around them.

    Lattices wider than the one that is kept are made from it, so that they come from kept counts as well.
    """
    if step_m < frame.step_m:
        return fine_counts(segments, how, patch, frame.unit_m / step_m)
    found = kept_counts(segments, how, patch)
    if found is None or step_m == frame.step_m:
        return found
    return filled(Lattice(*binning.coarser(*inner(found), frame.step_m / step_m)))
