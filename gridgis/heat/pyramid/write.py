"""Building a pyramid, appending to it, and merging what was appended.

Invariant: what a pyramid answers is what all its batches hold, each once, in whatever order and by whatever steps they
came in. A batch that was not taken in whole, whatever stopped it, is not in it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from gridgis.durable import sync_folder
from gridgis.errors import Fault, InputRefused
from gridgis.heat.kernels import QUARTIC, Kernel
from gridgis.heat.pyramid import catalogue
from gridgis.heat.pyramid.catalogue import Aside, Frame, segment_path
from gridgis.heat.pyramid.checkpoints import checkpoints
from gridgis.heat.pyramid.columns import checked, columns, of_segments, sorted_segment
from gridgis.heat.pyramid.form import SIDE, Segment, read_segment, write_segment

BANDWIDTH_M = 300.0
"""The bandwidth that a pyramid is made for where none is told."""

SMALL = 1 << 16
"""Cases up to which segments are merged while appending: it takes some 20 ms. More are merged by :func:`compact`."""

TIMES = 4
"""A segment is merged with the one before it unless that one has more than this many times its cases."""


def build(
    path: str | os.PathLike[str],
    cases: pd.DataFrame,
    *,
    crs: str,
    batch: str,
    bandwidth_m: float = BANDWIDTH_M,
    aside: Sequence[Aside] = (),
) -> None:
    """Count cases into a new pyramid.

    Parameters
    ----------
    path : path
        A folder that is made; whatever stops the work, it is there whole or not at all.
    cases : DataFrame
        With `x`, `y` (metres of `crs`), `day` (datetime64 without a zone), and `item`, `source` (text) and `weight`
        (1/1024 to 4 million, or 0; kept in 1/1024) where they are told. At least one row.
    crs : str
        The plane of the cases, in metres, such as "EPSG:4547".
    batch : str
        What these cases are called, as in :func:`append`.
    bandwidth_m : float
        The bandwidth of most maps, for the quartic kernel. Counts are kept for it; a larger one is answered as well,
        a smaller one from the cases themselves.
    aside : sequence of Aside
        What came with the batch and is not counted, to be told with the counts.

    Raises
    ------
    InputRefused
        Where a case has no place, day or weight, or there is something at `path`.
    """
    target = Path(path)
    Kernel(QUARTIC, bandwidth_m)
    if target.exists():
        cure = "Append to it, or build elsewhere"
        raise InputRefused([Fault("pyramid", str(target), "something is there already", cure)])
    if not len(checked(cases)):
        cure = "Build it from the first cases there are"
        raise InputRefused([Fault("cases", "", "there are none, so nobody knows where the pyramid lies", cure)])
    draft = target.with_name(f".{target.name}.draft-{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        catalogue.create(draft, _frame(cases, crs, bandwidth_m))
        append(draft, cases, batch=batch, aside=aside)
        _named(draft, target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_folder(target)


def _named(draft: Path, target: Path) -> None:
    try:
        os.rename(draft, target)
    except OSError as error:
        if not target.exists():
            raise
        cure = "Append to it: somebody else has made it meanwhile"
        raise InputRefused([Fault("pyramid", str(target), "something is there already", cure)]) from error


def _frame(cases: pd.DataFrame, crs: str, bandwidth_m: float) -> Frame:
    """An origin from which the middle of the cases lies in the middle of a block."""
    frame = Frame(_metric(crs), 0.0, 0.0, bandwidth_m)
    half = frame.unit_m * SIDE / 2
    left, bottom = (float(np.floor(np.median(cases[name].to_numpy(dtype=np.float64)) - half)) for name in ("x", "y"))
    return replace(frame, left=left, bottom=bottom)


def _metric(crs: str) -> str:
    from gridgis.crs import canonical, parsed

    try:
        found = parsed(crs)
    except ValueError as error:
        raise InputRefused(
            [Fault("pyramid", "", str(error), "Give the plane of the cases, such as EPSG:4547")]
        ) from None
    if not found.is_projected or any(axis.unit_conversion_factor != 1.0 for axis in found.axis_info[:2]):
        cure = "Bring x and y into a plane in metres first, such as EPSG:4547"
        raise InputRefused([Fault("pyramid", "", f"{canonical(found)} is no plane in metres", cure)])
    return canonical(found)


def append(path: str | os.PathLike[str], cases: pd.DataFrame, *, batch: str, aside: Sequence[Aside] = ()) -> None:
    """Add cases to a pyramid, in time that grows with the new cases alone.

    Parameters
    ----------
    cases : DataFrame
        As for :func:`build`, in the same plane; days may be earlier than those that are there. None is no fault.
    batch : str
        What these cases are called: a name that came in before is refused, so that a batch that is sent again, because
        nobody knows whether it arrived, does not count twice.
    aside : sequence of Aside
        What came with the batch and is not counted, to be told with the counts.

    Raises
    ------
    InputRefused
        Where the batch came in before, or a case has no place, day or weight. Nothing is added then.
    """
    folder = Path(path)
    checked(cases)
    with catalogue.turn(folder) as base:
        catalogue.add_batch(base, batch, len(cases))
        if aside:
            catalogue.add_aside(base, batch, aside)
        if not len(cases):
            return
        contents = catalogue.contents(base)
        fresh = sorted_segment(columns(cases, contents.frame, lambda kind, texts: catalogue.intern(base, kind, texts)))
        old = _to_merge(contents.segments, len(fresh))
        if old:
            fresh = sorted_segment(of_segments([*_segments(folder, old), fresh]))
        _put(folder, base, fresh, old)


def compact(path: str | os.PathLike[str]) -> None:
    """Merge all segments of a pyramid into one, so that every question is answered as fast as after a build.

    It takes about as long as a build; writers wait, readers go on with what they have.
    """
    folder = Path(path)
    with catalogue.turn(folder) as base:
        old = [number for number, _ in catalogue.contents(base).segments]
        if len(old) > 1:
            _put(folder, base, sorted_segment(of_segments(_segments(folder, old))), old)


def _segments(folder: Path, numbers: Sequence[int]) -> list[Segment]:
    return [read_segment(segment_path(folder, number)) for number in numbers]


def _to_merge(segments: Sequence[tuple[int, int]], cases: int) -> list[int]:
    """The last segments that are small beside what comes after them: each case is merged a few times in all."""
    found: list[int] = []
    for number, size in reversed(segments):
        if size > TIMES * cases or size + cases > SMALL:
            break
        found.append(number)
        cases += size
    return found[::-1]


def _put(folder: Path, base: sqlite3.Connection, segment: Segment, old: Sequence[int]) -> None:
    """Write a segment and name it; the old ones are cleared away by the next writer, for readers may be about to."""
    number = catalogue.next_number(base)
    size = write_segment(segment_path(folder, number), checkpoints(segment))
    catalogue.replace(base, number, len(segment), size, old)
