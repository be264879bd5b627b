"""The processes that share the work: started early, stopped through the one that started them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from joblib import Parallel, delayed


def start_workers(jobs: int) -> Callable[[], None]:
    """Start `jobs` processes that load what the division needs; what is given back waits for them.

    joblib hands later work to the same processes.
    """
    if jobs == 1:
        return lambda: None
    with _interrupts_held_back():
        loading = Parallel(n_jobs=jobs, return_as="generator")(delayed(_load)() for _ in range(jobs))

    def wait() -> None:
        for _ in loading:
            pass

    return wait


def _load() -> None:
    import gridgis.divide.grids  # noqa: F401  loading it is all the work


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Keep Ctrl-C, which a terminal sends to every process, from those that are started meanwhile.

    It reaches this one afterwards, which ends the others.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
