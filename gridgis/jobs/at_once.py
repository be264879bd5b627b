"""Chunks of cases answered piece by piece, in one process or several, in their order and in bounded memory."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Protocol

import pandas as pd

from gridgis.errors import Fault, InputRefused

PIECE_ROWS = 25_000
"""Rows that are answered at a time: so often a bar moves, and so small a file keeps several processes busy."""

PIECE_ADDRESSES = 2_000
"""The same where addresses are searched, which takes a hundred times as long."""

WHOLE = 1 << 62

Systems = Mapping[str | None, str]
Answered = tuple[pd.DataFrame, int]


class Clerk(Protocol):
    """Answers chunks of cases."""

    @property
    def searches(self) -> bool:
        """Whether it looks for addresses."""

    def answered(self, chunk: pd.DataFrame, systems: Systems) -> Answered:
        """The results of a chunk, and how many of its cases changed hands."""

    def warm(self) -> None:
        """Make ready what all chunks need."""


def answered(
    chunks: Iterable[pd.DataFrame],
    clerk: Clerk,
    systems: Systems,
    *,
    jobs: int,
    whole: bool = False,
    told: Callable[[int, float], None] = lambda _chunk, _share: None,
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, int]]:
    """Each chunk with its results, in the order of the chunks.

    Processes take the clerk over as it stands when they begin, so that what it holds is there once for all of them;
    where the system cannot do that, one process does the work. What comes out does not depend on `jobs`.

    Parameters
    ----------
    whole : a chunk is one piece, for files of so many chunks that a bar moves all the same
    told : takes the number of a chunk, and how much of it has been answered (0..1)

    Raises
    ------
    InputRefused
        Where the system ended one of the processes.
    """
    rows = PIECE_ADDRESSES if clerk.searches else WHOLE if whole else PIECE_ROWS
    if jobs == 1 or "fork" not in multiprocessing.get_all_start_methods():
        for number, chunk in enumerate(chunks):
            parts = (clerk.answered(piece, systems) for piece in _pieces(chunk, rows))
            yield chunk, *_together(parts, partial(told, number), -(-len(chunk) // rows))
        return
    clerk.warm()
    waiting: deque[tuple[int, pd.DataFrame, list[Future[Answered]]]] = deque()
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(clerk, systems))

    def first() -> tuple[pd.DataFrame, pd.DataFrame, int]:
        number, chunk, parts = waiting.popleft()
        results = (part.result() for part in parts)
        return chunk, *_together(results, partial(told, number), len(parts))

    with _ended_by_the_system(jobs), pool:
        for number, chunk in enumerate(chunks):
            waiting.append((number, chunk, [pool.submit(_answer, piece) for piece in _pieces(chunk, rows)]))
            if len(waiting) > jobs:
                yield first()
        while waiting:
            yield first()


def _pieces(chunk: pd.DataFrame, rows: int) -> Iterator[pd.DataFrame]:
    """A chunk in pieces of `rows` rows, the last one apart."""
    for at in range(0, len(chunk), rows):
        yield chunk.iloc[at : at + rows]


def _together(parts: Iterable[Answered], told: Callable[[float], None], count: int) -> Answered:
    """The answers of the pieces of a chunk as those of the whole; each is told of as it comes."""
    results, moved = [], 0
    for number, (result, changed) in enumerate(parts, start=1):
        results.append(result)
        moved += changed
        told(number / count)
    return (results[0] if len(results) == 1 else pd.concat(results)), moved


@contextmanager
def _ended_by_the_system(jobs: int) -> Iterator[None]:
    """Say what it means that a process is gone: the only one who ends them unasked is the system, short of memory."""
    try:
        yield
    except BrokenProcessPool:
        problem = f"one of its {jobs} processes was ended by the system, most likely for want of memory"
        fewer = "fewer processes: -j 1" if jobs == 2 else f"fewer processes: -j {jobs // 2}, or -j 1"
        cure = f"Nothing was written. Close other programs, or work with {fewer}"
        raise InputRefused([Fault("command", "", problem, cure)]) from None


_mine: list[tuple[Clerk, Systems]] = []
"""What a process answers by."""


def _begin(clerk: Clerk, systems: Systems) -> None:
    import numba

    numba.set_num_threads(1)
    _mine[:] = [(clerk, systems)]


def _answer(chunk: pd.DataFrame) -> Answered:
    clerk, systems = _mine[0]
    return clerk.answered(chunk, systems)
