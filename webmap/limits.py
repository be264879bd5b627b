"""How often something may be asked for: counted in one small file that all workers share.

Invariant: whichever worker is asked, the count is the same, and a worker that is killed leaves a file that can be read:
what it was about to count is taken back from the journal. Nothing is synced, so that the machine's power may take the
file along; a server that starts begins a new one.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from werkzeug.exceptions import TooManyRequests

TABLE = "CREATE TABLE IF NOT EXISTS taken (key TEXT PRIMARY KEY, begun REAL NOT NULL, count INTEGER NOT NULL)"
TAKE = (
    "INSERT INTO taken (key, begun, count) VALUES (:key, :now, 1) ON CONFLICT (key) DO UPDATE SET "
    "count = CASE WHEN begun <= :old THEN 1 ELSE count + 1 END, "
    "begun = CASE WHEN begun <= :old THEN :now ELSE begun END "
    "RETURNING begun, count"
)
CLEAR_EVERY = 1_000
LIMITS = "limits.db"
"""The file in the folder of a server."""


@dataclass(frozen=True)
class Limit:
    """So many in so long."""

    count: int
    seconds: float


class Limits:
    """Counters by key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._asked = 0

    def take(self, key: str, limit: Limit, *, now: float | None = None) -> float:
        """Count one more; give the time at which counting it began.

        Raises
        ------
        TooManyRequests
            With the seconds after which it may be asked again.
        """
        at = time.time() if now is None else now
        begun, count = self._connection().execute(TAKE, {"key": key, "now": at, "old": at - limit.seconds}).fetchone()
        self._asked += 1
        if self._asked % CLEAR_EVERY == 0:
            self._connection().execute("DELETE FROM taken WHERE begun < ?", (at - 86_400,))
        if count > limit.count:
            wait = max(1, round(begun + limit.seconds - at))
            raise TooManyRequests(f"Asked too often. Wait {wait} s.", retry_after=wait)
        return float(begun)

    @staticmethod
    def forget(path: Path) -> None:
        """Begin anew, while no worker counts."""
        for ending in ("", "-journal"):
            path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)

    def _connection(self) -> sqlite3.Connection:
        """A connection of this thread."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            found = sqlite3.connect(self.path, timeout=10, isolation_level=None)
            for pragma in ("journal_mode = TRUNCATE", "synchronous = OFF", "mmap_size = 0"):
                found.execute(f"PRAGMA {pragma}").fetchall()
            found.execute(TABLE)
            self._local.connection = found
        return found
