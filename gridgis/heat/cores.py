"""Work that is shared by cores; what it does lets go of the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise


def shared(work: Callable[[slice], None], n: int, *, least: int) -> None:
    """Do some work on `n` things, a slice for each core, but on no fewer than `least` at a time.

    Threads end with the call, so that a process may be forked.
    """
    from numba import get_num_threads

    parts = max(1, min(get_num_threads(), n // least))
    if parts == 1:
        work(slice(0, n))
        return
    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(work, (slice(*ends) for ends in pairwise(n * k // parts for k in range(parts + 1)))))
