"""Turns of those who write to a SQLite file.

Invariant: of all who wait, threads and processes, one stands next and writes before the others; who comes later
stands behind those who wait. A killed process holds nobody up, and one that does not end is waited for `WAIT_S` by
each that stands next.

SQLite alone keeps no line: it sleeps up to a tenth of a second between two looks, in which a process that writes
on and on is first again. So one of all who wait stands next, by the lock of a file beside the store, for which the
system lets them wait in their order, and looks often.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

WAIT_S = 120
"""How long a writer waits for those before it."""
LOOK_S, SOON_S = 0.001, 0.5
"""So often the next looks whether the one before has ended, for so long; after that a tenth as often."""
SUFFIX = "-turn"
"""How the name of the file ends that is locked by who stands next; there is nothing in it."""


@dataclass(frozen=True)
class Turns:
    """The line before one SQLite file, as the threads of this process see it."""

    path: str
    threads: threading.Lock = field(default_factory=threading.Lock)
    """Of the threads of a process one at a time looks, so that the others cost nothing."""

    def begin(self, connection: Connection) -> None:
        """Begin a transaction that writes as soon as it is one's turn.

        Raises
        ------
        sqlalchemy.exc.OperationalError
            Where the file is still locked after `WAIT_S`, or cannot be written at all.
        """
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        with self._next(), _at_once(driver):
            _wait(driver)
            if not driver.in_transaction:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # what is in the way is told in SQLAlchemy's words

    @contextmanager
    def _next(self) -> Iterator[None]:
        """Stand next in line, of this process and then of all; without that where it takes too long."""
        mine = self.threads.acquire(timeout=WAIT_S)
        try:
            with _locked(f"{self.path}{SUFFIX}"):
                yield
        finally:
            if mine:
                self.threads.release()


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Lock a file, where there may be one; the lock goes with the process that holds it."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)  # a process that was forked meanwhile would keep it
        os.close(file)


@contextmanager
def _at_once(driver: sqlite3.Connection) -> Iterator[None]:
    """Let SQLite say at once that the file is locked."""
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout = {WAIT_S * 1000}")


def _wait(driver: sqlite3.Connection) -> None:
    """Begin as soon as the one before has ended, or give up after a while."""
    since = time.monotonic()
    while not _begun(driver) and (waited := time.monotonic() - since) < WAIT_S:
        time.sleep(LOOK_S if waited < SOON_S else 10 * LOOK_S)


def _begun(driver: sqlite3.Connection) -> bool:
    """Whether it has begun, or cannot for a reason that does not pass by waiting."""
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY
    return True
