"""Answers that are kept while there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Kept(Generic[T]):
    """The answers asked for last, up to so many, or so many bytes; may be shared by threads.

    Invariant: an answer is the same whether it was kept or not. Two threads may work out the same one.

    Parameters
    ----------
    most : sum of the sizes of what is kept
    size : of an answer; each counts as one by default
    """

    def __init__(self, most: int, size: Callable[[T], int] = lambda _: 1) -> None:
        self._most, self._size = most, size
        self._room: OrderedDict[Hashable, T] = OrderedDict()
        self._sum = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer to `key`, worked out where it is not kept."""
        with self._lock:
            if key in self._room:
                self._room.move_to_end(key)
                return self._room[key]
        made = make()
        with self._lock:
            if key not in self._room:
                self._room[key] = made
                self._sum += self._size(made)
            while self._sum > self._most and len(self._room) > 1:
                _, old = self._room.popitem(last=False)
                self._sum -= self._size(old)
        return made

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._room.clear()
            self._sum = 0


def bytes_of(array: NDArray[np.generic] | None) -> int:
    """Bytes of an array, and what a key takes."""
    return 200 + (0 if array is None else array.nbytes)
