"""The processes that share the work: started early, stopped through the one that started them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from joblib import Parallel, delayed


def start_workers(jobs: int) -> Callable[[], None]:
    """Start `jobs` processes that load what the division needs; what is given back waits for them.

    joblib hands later work to the same processes.
    """
    if jobs == 1:
        return lambda: None
    with _interrupts_ignored():
        loading = Parallel(n_jobs=jobs, return_as="generator")(delayed(_load)() for _ in range(jobs))

    def wait() -> None:
        for _ in loading:
            pass

    return wait


def _load() -> None:
    import gridgis.divide.grids  # noqa: F401  loading it is all the work


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Start processes that ignore Ctrl-C, which a terminal sends to all of them: this one ends the others.

    A process inherits what is ignored, and keeps it; a Ctrl-C in these milliseconds is lost.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
