"""Writes of several threads in one transaction, where many come at once.

Invariant: each is kept or refused by itself, whatever becomes of the others, and nobody is answered before what he
wrote is on the disk. A disk takes as long for one as for many.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from gridgis.jobs.registry import writing

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

Made = TypeVar("Made")

MOST = 32
"""Writes that one transaction takes."""


class _Wish(NamedTuple):
    """What a thread wants to write, and where it waits for what came of it."""

    act: Callable[[Connection], Any]
    answer: Future[Any]


class Together:
    """Writes of the threads of one process to a store."""

    def __init__(self, store: str) -> None:
        self.store = store
        self._waiting: list[_Wish] = []
        self._gathering, self._writing = threading.Lock(), threading.Lock()

    def write(self, act: Callable[[Connection], Made]) -> Made:
        """Write, with what other threads want to write meanwhile; give or raise what came of it.

        Parameters
        ----------
        act : works in a transaction that it neither begins nor ends
        """
        mine = _Wish(act, Future())
        with self._gathering:
            self._waiting.append(mine)
        while not mine.answer.done():
            with self._writing:  # the first writes for all that came while the one before wrote
                if not mine.answer.done():
                    self._written(self._next())
        made: Made = mine.answer.result()
        return made

    def _next(self) -> list[_Wish]:
        with self._gathering:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        return batch

    def _written(self, batch: list[_Wish]) -> None:
        """Write for all of a batch, then tell each."""
        told: list[tuple[_Wish, Any, Exception | None]] = []
        try:
            with writing(self.store) as connection:
                told = [(wish, *_tried(connection, wish, alone=len(batch) == 1)) for wish in batch]
        except BaseException as error:
            for wish in batch:
                wish.answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for wish, made, refused in told:
            if refused is None:
                wish.answer.set_result(made)
            else:
                wish.answer.set_exception(refused)


def _tried(connection: Connection, wish: _Wish, *, alone: bool) -> tuple[Any, Exception | None]:
    """What came of one wish; one that is refused leaves nothing behind."""
    if alone:
        return wish.act(connection), None
    try:
        with connection.begin_nested():
            return wish.act(connection), None
    except Exception as error:
        return None, error
