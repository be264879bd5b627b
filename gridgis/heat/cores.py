"""Work that is shared by cores; what it does lets go of the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


def mapped(function: Callable[[T], U], values: Sequence[T]) -> list[U]:
    """The results for some values, in their order; threads end with the call, so that a process may be forked."""
    from numba import get_num_threads

    threads = min(get_num_threads(), len(values))
    if threads < 2:
        return [function(value) for value in values]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, values))
