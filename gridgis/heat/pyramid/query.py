"""Asking a pyramid: a window of days, items and sources in, counts out."""

from __future__ import annotations

import datetime
import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridgis.errors import Fault, refuse
from gridgis.heat.pyramid import catalogue
from gridgis.heat.pyramid.catalogue import Aside, Contents, Frame, segment_path
from gridgis.heat.pyramid.form import SIDE, Segment, read_segment
from gridgis.heat.pyramid.question import Question
from gridgis.heat.pyramid.runs import ALL
from gridgis.kept import Kept

if TYPE_CHECKING:
    from gridgis.heat.pyramid.lattices import Patch, Plans

Day = datetime.date | np.datetime64 | str
Texts = str | Sequence[str] | None
Singles = NDArray[np.float32]

ROOM = 96 << 20
"""Bytes of counts that a pyramid keeps in memory for the next tile."""

PLANS = 256
"""How many questions a pyramid remembers how to answer."""

TRIES = 8
"""How often a pyramid is read again where segments are merged meanwhile."""


@dataclass(frozen=True)
class Part:
    """Counts at some nodes of a lattice, the first one being node (row, column) from the origin."""

    counts: Singles
    row: int
    column: int


@dataclass(frozen=True)
class Pyramid:
    """A pyramid as it was when it was opened; batches that come in later are not in it.

    Attributes
    ----------
    frame : the plane, the origin, and the bandwidth that counts are kept for
    items, sources : texts of items and sources by id; the empty text is a case without one
    """

    path: Path
    frame: Frame
    items: tuple[str, ...]
    sources: tuple[str, ...]
    numbers: tuple[int, ...]
    segments: tuple[Segment, ...] = field(repr=False)
    kept: Kept[Part | None] = field(repr=False, compare=False)
    planned: Kept[Plans] = field(repr=False, compare=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Pyramid:
        """Map the files of a pyramid.

        Raises
        ------
        InputRefused
            Where there is none, or one that is damaged or of another form.
        """
        folder = Path(path)
        for attempt in range(TRIES):
            contents = catalogue.read(folder)
            try:
                return cls._of(folder, contents)
            except FileNotFoundError:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError

    @classmethod
    def _of(cls, folder: Path, contents: Contents) -> Pyramid:
        numbers = tuple(number for number, _ in contents.segments)
        segments = tuple(read_segment(segment_path(folder, number)) for number in numbers)
        kept: Kept[Part | None] = Kept(ROOM, lambda part: 500 + (part.counts.nbytes if part else 0))
        planned: Kept[Plans] = Kept(PLANS)
        return cls(folder, contents.frame, contents.items, contents.sources, numbers, segments, kept, planned)

    def refreshed(self) -> Pyramid:
        """The pyramid as it is now: itself where nothing came in."""
        numbers = tuple(number for number, _ in catalogue.read(self.path).segments)
        return self if numbers == self.numbers else Pyramid.open(self.path)

    @cached_property
    def aside(self) -> tuple[Aside, ...]:
        """What came with the batches and is not counted, by reason, day, item and source."""
        return tuple(catalogue.aside(self.path))

    def forget(self) -> None:
        """Keep no counts of earlier questions in memory."""
        self.kept.clear()
        self.planned.clear()

    def __len__(self) -> int:
        """How many cases there are."""
        return sum(len(segment) for segment in self.segments)

    @cached_property
    def first_day(self) -> datetime.date:
        """The day of the first case."""
        return min(_date(int(one.month[0]), int(_days(one, one.month[0]).min())) for one in self.segments)

    @cached_property
    def last_day(self) -> datetime.date:
        """The day of the last case."""
        return max(_date(int(one.month[-1]), int(_days(one, one.month[-1]).max())) for one in self.segments)

    def question(
        self, *, first: Day | None = None, last: Day | None = None, item: Texts = None, source: Texts = None
    ) -> Question:
        """Put what is asked into ids.

        Parameters
        ----------
        first, last : date, optional
            Both are in the window. Without them it begins and ends with the cases there are.
        item, source : text or texts, optional
            All where there are none; the empty text asks for cases without one.

        Raises
        ------
        InputRefused
            Where the window ends before it begins, or no case has such an item or source; near ones are named.
        """
        faults: list[Fault] = []
        begin, end = (
            _number(day, name, faults)
            for name, day in (("first", first or self.first_day), ("last", last or self.last_day))
        )
        if begin is not None and end is not None and end < begin:
            problem = f"the window ends ({last or self.last_day}) before it begins ({first or self.first_day})"
            faults.append(Fault("heat", "window", problem, "Exchange the two days"))
        items = _ids("item", item, self.items, faults)
        sources = _ids("source", source, self.sources, faults)
        refuse(faults)
        assert begin is not None
        assert end is not None
        return Question(begin, end + 1, tuple((i, s) for i in items for s in sources))

    def count(self, question: Question) -> float:
        """Number of cases, or the sum of their weights."""
        from gridgis.heat.binning import total
        from gridgis.heat.pyramid.runs import direct, runs

        spans = direct(question.first, question.stop).spans
        return float(sum(
            total(one.day, one.weight, runs(one, item, source, spans))
            for one in self.segments for item, source in question.pairs
        ))  # fmt: skip

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all cases, in metres from the origin."""
        low = [(one.blocks * SIDE + one.boxes[:, :2]).min(axis=0) for one in self.segments]
        high = [(one.blocks * SIDE + one.boxes[:, 2:]).max(axis=0) for one in self.segments]
        ends = np.concatenate([np.min(low, axis=0), np.max(high, axis=0)]) * self.frame.unit_m
        return tuple(ends.tolist())

    def spread(self, question: Question) -> tuple[float, float]:
        """Sum of the cases' weights, and the root of the mean of the variances along x and y, in metres."""
        from gridgis.heat.binning import moments
        from gridgis.heat.pyramid.runs import direct, runs

        spans = direct(question.first, question.stop).spans
        sums = np.zeros(5)
        for one in self.segments:
            for block, (east, north) in enumerate(one.blocks.tolist()):
                for item, source in question.pairs:
                    chosen = runs(one, item, source, spans, block=block)
                    moments(one.x, one.y, one.day, one.weight, chosen, east * SIDE, north * SIDE, sums)
        if not sums[0]:
            return 0.0, 0.0
        means = sums[1:] / sums[0]
        variance = max(0.0, float(means[2] + means[3] - means[0] ** 2 - means[1] ** 2) / 2)
        return float(sums[0]), variance**0.5 * self.frame.unit_m

    def parts(self, question: Question, step_m: float, box: tuple[float, float, float, float]) -> list[Part]:
        """Counts at the nodes of a lattice from the origin, of the patches that reach into a box.

        Each case counts at the 4 x 4 nodes around it, so parts of neighbouring patches overlap and are to be added up.

        Parameters
        ----------
        step_m : float
            Step of the lattice.
        box : tuple of float
            West, south, east, north in metres of the plane.
        """
        from gridgis.heat.pyramid.lattices import patches

        found = [
            self.kept.get((question, step_m, patch), partial(self._part, question, step_m, patch))
            for patch in patches(self.segments, self.frame, step_m, box)
        ]
        return [part for part in found if part is not None]

    def _part(self, question: Question, step_m: float, patch: Patch) -> Part | None:
        from gridgis.heat.pyramid.lattices import part, plans

        kept = step_m >= self.frame.step_m
        how = self.planned.get((question, kept), lambda: plans(self.segments, question, kept=kept))
        found = part(self.segments, how, self.frame, step_m, patch)
        return found and Part(found.counts, found.row, found.column)


def _days(segment: Segment, month: np.int32) -> NDArray[np.uint8]:
    """Days, from 0, of the cases of a month."""
    low, high = (segment.start[np.searchsorted(segment.month, month, side)] for side in ("left", "right"))
    return np.bitwise_and(segment.day[low:high], np.uint8(31))


def _date(month: int, day: int) -> datetime.date:
    return datetime.date(1970 + month // 12, month % 12 + 1, day + 1)


def _number(day: Day, name: str, faults: list[Fault]) -> int | None:
    try:
        found = np.datetime64(day, "D")  # type: ignore[call-overload]
    except (ValueError, TypeError):
        found = np.datetime64("NaT")
    if np.isnat(found) or not -(10**6) < int(found.astype(np.int64)) < 10**6:
        faults.append(Fault("heat", "window", f"{name} is {day!r}, no date", "Give a date such as 2026-03-01"))
        return None
    return int(found.astype(np.int64))


def _ids(kind: str, asked: Texts, known: tuple[str, ...], faults: list[Fault]) -> list[int]:
    if asked is None:
        return [ALL]
    found = []
    for text in sorted({asked} if isinstance(asked, str) else set(asked)):
        if text in known:
            found.append(known.index(text))
            continue
        near = difflib.get_close_matches(text, known, n=5, cutoff=0.5) or sorted(known)[:5]
        cure = f"Ask for {kind}s that there are, such as {', '.join(near)}"
        faults.append(Fault("heat", f"{kind} {text!r}", "no case has it", cure))
    if not found and not faults:
        faults.append(Fault("heat", kind, "none is asked for", f"Name a {kind}, or leave it out for all"))
    return found
