"""A segment of a pyramid: sorted cases and counts up to some months, as arrays of one file that is mapped.

Invariant: a file is whole or refused. Cases are sorted by slice (month, item, source, block), then y, x, day of the
month. A block is a square of 131,072 units of position; all lattices of the pyramid count from its origin.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridgis.durable import put_in_place
from gridgis.errors import Fault, InputRefused

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

MAGIC = b"gridgis heat segment\n"
FORM = 1
"""Raised with every change of the arrays, of the order of cases or of the weights of counts."""

SIDE = 1 << 17
"""Units of position in the side of a block."""

EDGE = 64
"""Bytes at which arrays begin: a line of the processor's cache."""

TYPES = {"x": "u2", "y": "u2", "day": "u1", "weight": "u4", "month": "i4", "item": "u2", "source": "u2", "block": "u2",
         "start": "i8", "blocks": "i4", "boxes": "i4"}  # fmt: skip

Counts = dict[int, tuple[NDArray[Any], int, int]]
"""By block: counts at nodes in 1/16384 (or whole numbers as float), first row and column of the nodes."""


@dataclass(frozen=True)
class Series:
    """Counts of one item (-1: all) and source (-1: all) of everything before some months.

    Attributes
    ----------
    months : int array, ascending
        `counts[k]` holds the cases before the first day of `months[k]`.
    before : int array
        How many cases those are.
    """

    item: int
    source: int
    months: Ints
    before: Ints
    counts: tuple[Counts, ...]


@dataclass(frozen=True)
class Segment:
    """Cases of one file.

    Attributes
    ----------
    x, y : uint16 array, shape (n,)
        Half the place in the block, rounded down.
    day : uint8 array, shape (n,)
        Day of the month, from 0; plus 32 where x is odd, plus 64 where y is odd.
    weight : uint32 array, shape (n,) or (0,)
        In 1/1024; where there are none each case counts 1.
    month, item, source, block : arrays, shape (slices,)
        What the cases of a slice have in common; months since 1970, block as a row of `blocks`.
    start : int array, shape (slices + 1,)
        Where the cases of each slice begin.
    blocks : int array, shape (k, 2)
        East and north of each block, in blocks from the origin.
    boxes : int array, shape (k, 4)
        Smallest x and y, largest x and y in each block.
    """

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    day: NDArray[np.uint8]
    weight: NDArray[np.uint32]
    month: NDArray[np.int32]
    item: NDArray[np.uint16]
    source: NDArray[np.uint16]
    block: NDArray[np.uint16]
    start: Ints
    blocks: NDArray[np.int32]
    boxes: NDArray[np.int32]
    series: tuple[Series, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.x)


def write_segment(path: Path, segment: Segment) -> int:
    """Write a segment so that it is there whole or not at all; gives its size in bytes."""
    arrays: Arrays = {name: getattr(segment, name) for name in TYPES}
    about = []
    for k, series in enumerate(segment.series):
        about.append({"item": series.item, "source": series.source, "months": series.months.tolist(),
                      "before": series.before.tolist(), "counts": []})  # fmt: skip
        for m, counts in enumerate(series.counts):
            about[-1]["counts"].append([[block, row, column] for block, (_, row, column) in counts.items()])
            arrays |= {f"{k}/{m}/{block}": values for block, (values, _, _) in counts.items()}
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        _write(file.write, arrays, about)
    size = draft.stat().st_size
    put_in_place(draft, path)
    return size


def _write(write: Any, arrays: Mapping[str, NDArray[Any]], series: list[dict[str, Any]]) -> None:
    at, places = 0, {}
    for name, values in arrays.items():
        places[name] = [values.dtype.str[1:], list(values.shape), at]
        at += -(-values.nbytes // EDGE) * EDGE
    head = json.dumps({"form": FORM, "arrays": places, "bytes": at, "series": series}).encode()
    begin = MAGIC + len(head).to_bytes(8, "little") + head
    write(begin + bytes(-len(begin) % EDGE))
    for values in arrays.values():
        write(np.ascontiguousarray(values).data)
        write(bytes(-values.nbytes % EDGE))


def read_segment(path: Path) -> Segment:
    """Map a segment.

    Raises
    ------
    InputRefused
        Where the file is none, of another form, or not whole.
    """
    data = np.memmap(path, dtype=np.uint8, mode="r") if os.path.getsize(path) else np.empty(0, dtype=np.uint8)
    begin = len(MAGIC) + 8
    if data[: len(MAGIC)].tobytes() != MAGIC:
        raise refused(path, "is no segment of a pyramid")
    length = int.from_bytes(data[len(MAGIC) : begin].tobytes(), "little")
    try:
        head = json.loads(data[begin : begin + length].tobytes())
    except ValueError:
        raise refused(path, "is damaged: its head cannot be read") from None
    if head["form"] != FORM:
        raise refused(path, f"is of form {head['form']}, this program reads form {FORM}")
    first = -(-(begin + length) // EDGE) * EDGE
    if len(data) != first + head["bytes"]:
        raise refused(path, f"has {len(data)} bytes instead of {first + head['bytes']}")
    body = data[first:]
    arrays = {name: _array(body, *place) for name, place in head["arrays"].items()}
    segment = Segment(**{name: arrays[name] for name in TYPES}, series=tuple(_series(head["series"], arrays)))
    if not _holds_together(segment):
        raise refused(path, "is damaged: its slices do not fit its cases")
    return segment


def _array(body: NDArray[np.uint8], kind: str, shape: list[int], at: int) -> NDArray[Any]:
    dtype = np.dtype(kind)
    size = int(np.prod(shape)) * dtype.itemsize
    return np.asarray(body[at : at + size]).view(dtype).reshape(shape)


def _series(about: list[dict[str, Any]], arrays: Arrays) -> list[Series]:
    return [
        Series(
            one["item"],
            one["source"],
            np.array(one["months"], dtype=np.int64),
            np.array(one["before"], dtype=np.int64),
            tuple(
                {block: (arrays[f"{k}/{m}/{block}"], row, column) for block, row, column in counts}
                for m, counts in enumerate(one["counts"])
            ),
        )
        for k, one in enumerate(about)
    ]


def _holds_together(segment: Segment) -> bool:
    """Whether the slices fit the cases, so that nothing beyond an array is ever read."""
    start, slices = segment.start, len(segment.month)
    return bool(
        len(segment.x) == len(segment.y) == len(segment.day)
        and len(segment.weight) in (0, len(segment.x))
        and len(start) == slices + 1
        and start[0] == 0
        and start[-1] == len(segment.x)
        and np.all(np.diff(start) > 0)
        and len(segment.blocks) == len(segment.boxes)
        and np.all(segment.block < len(segment.blocks))
    )


def refused(path: Path, problem: str) -> InputRefused:
    """The refusal of a file or folder that is no pyramid, or not this program's."""
    cure = "Build the pyramid anew from the cases: it holds nothing that they do not hold"
    return InputRefused([Fault("pyramid", str(path), problem, cure)])
