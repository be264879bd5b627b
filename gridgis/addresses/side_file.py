"""The side file of a gazetteer: an SQLite file of its own, read only once it is built.

Invariant: a file that is not whole, not of this kind or of an older form is refused and never read. The store of
the registry has nothing to do with it: this file holds no fact that the layers do not hold, and may be thrown away.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

from gridgis.errors import Fault, InputRefused

APPLICATION = 0x67676164
"""SQLite's application_id of a gazetteer (`ggad`)."""

FORM = 2
"""Raised with every change of the tables or of what makes keys and tokens."""

TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE place (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, x REAL NOT NULL, y REAL NOT NULL,
    x0 REAL NOT NULL, y0 REAL NOT NULL, x1 REAL NOT NULL, y1 REAL NOT NULL, lines BLOB
);
CREATE TABLE name (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, places INTEGER NOT NULL);
CREATE TABLE area (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE called (
    name_id INTEGER NOT NULL, place_id INTEGER NOT NULL, PRIMARY KEY (name_id, place_id)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE tokens USING fts5 (
    words, content='', detail='none', columnsize=0, tokenize='unicode61 remove_diacritics 0'
);
CREATE TABLE common (token TEXT PRIMARY KEY, names INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE house (
    place_id INTEGER NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, unit TEXT NOT NULL, n INTEGER NOT NULL,
    x REAL NOT NULL, y REAL NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (place_id, key, seq)
) WITHOUT ROWID;
CREATE TABLE stretch (
    place_id INTEGER NOT NULL, seq INTEGER NOT NULL, side TEXT NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
    n_from INTEGER NOT NULL, n_to INTEGER NOT NULL, parity INTEGER, line BLOB NOT NULL, PRIMARY KEY (place_id, seq)
) WITHOUT ROWID;
CREATE TABLE junction (
    one INTEGER NOT NULL, two INTEGER NOT NULL, seq INTEGER NOT NULL, x REAL NOT NULL, y REAL NOT NULL,
    PRIMARY KEY (one, two, seq)
) WITHOUT ROWID;
"""
INDEXES = "CREATE INDEX house_n ON house (place_id, unit, n);"

COMMON = 200
"""A token of more names than this is counted in `common`, so that a search may go without it."""


def create(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """Begin a new side file; nothing in it depends on the time."""
    base = sqlite3.connect(path, isolation_level=None)
    for pragma in ("page_size=4096", "journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE"):
        base.execute(f"PRAGMA {pragma}")
    base.executescript(TABLES)
    base.execute(f"PRAGMA application_id={APPLICATION}")
    base.execute(f"PRAGMA user_version={FORM}")
    return base


class SideFile:
    """A built side file, open for reading: a connection for each thread of each process."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._own = threading.local()
        self.about = self._checked()

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """All rows of a question."""
        try:
            return self._base().execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise refused(self.path, f"is damaged: {error}") from None

    def _base(self) -> sqlite3.Connection:
        """The connection of this thread; one that a parent process opened is left alone."""
        own = self._own.__dict__
        if own.get("process") != os.getpid():
            uri = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
            own["process"], own["base"] = os.getpid(), sqlite3.connect(uri, uri=True, isolation_level=None)
            own["base"].execute("PRAGMA mmap_size=1073741824")
        return own["base"]

    def _checked(self) -> dict[str, str]:
        if not self.path.is_file():
            raise refused(self.path, "no such file")
        try:
            application = self._base().execute("PRAGMA application_id").fetchone()[0]
            form = self._base().execute("PRAGMA user_version").fetchone()[0]
            if application != APPLICATION:
                raise refused(self.path, "is no gazetteer")
            if form != FORM:
                raise refused(self.path, f"is a gazetteer of form {form}, this program reads form {FORM}")
            return dict(self._base().execute("SELECT key, value FROM about"))
        except sqlite3.DatabaseError as error:
            raise refused(self.path, f"is no gazetteer: {error}") from None


def refused(path: Path, problem: str) -> InputRefused:
    """The refusal of a file that is no side file, or not this program's."""
    return InputRefused([Fault("gazetteer", str(path), problem, "Rebuild with `gridgis gazetteer … -o NAMES.db`")])
