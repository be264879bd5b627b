"""Chunks of cases answered in several processes, in their order and in bounded memory."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Protocol

import pandas as pd

from gridgis.errors import Fault, InputRefused

Systems = Mapping[str | None, str]
Answered = tuple[pd.DataFrame, int]


class Clerk(Protocol):
    """Answers chunks of cases."""

    def answered(self, chunk: pd.DataFrame, systems: Systems) -> Answered:
        """The results of a chunk, and how many of its cases changed hands."""

    def warm(self) -> None:
        """Make ready what all chunks need."""


def answered(
    chunks: Iterable[pd.DataFrame], clerk: Clerk, systems: Systems, *, jobs: int
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, int]]:
    """Each chunk with its results, in the order of the chunks.

    Processes take the clerk over as it stands when they begin, so that what it holds is there once for all of them;
    where the system cannot do that, one process does the work.

    Raises
    ------
    InputRefused
        Where the system ended one of the processes.
    """
    if jobs == 1 or "fork" not in multiprocessing.get_all_start_methods():
        for chunk in chunks:
            yield chunk, *clerk.answered(chunk, systems)
        return
    clerk.warm()
    waiting: deque[tuple[pd.DataFrame, Future[Answered]]] = deque()
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(clerk, systems))
    with _ended_by_the_system(jobs), pool:
        for chunk in chunks:
            waiting.append((chunk, pool.submit(_answer, chunk)))
            if len(waiting) > jobs:
                first, done = waiting.popleft()
                yield first, *done.result()
        for first, done in waiting:
            yield first, *done.result()


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
