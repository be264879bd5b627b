"""Archives of tiles: each made once for all workers, and read tile by tile.

Invariant: a tile is of the version of the data that its tag tells. An archive is there whole or not at all; of all
workers one makes it, and until it is there the one before is handed out. What is here may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pmtiles.reader import MmapSource, Reader
from werkzeug.exceptions import ServiceUnavailable

from gridgis.kept import Kept

Make = Callable[[Path], None]
"""Writes an archive, of the data as they are now."""

AGE_S = 1.0
"""How old the tag of the data may be: it is asked of the store, and tiles are asked for by the hundred."""
WAIT_S = 20.0
"""How long a request waits for the first archive."""
RETRY_S = 30.0
"""After which an archive that could not be made is tried again."""
KEPT = 2_000
"""Tiles that each worker holds."""


@dataclass
class Archive:
    """An archive that is open, and some of its tiles."""

    tag: str
    reader: Any
    header: dict[str, Any]
    metadata: dict[str, Any]
    _tiles: Kept[bytes | None] = field(default_factory=lambda: Kept(KEPT))

    @classmethod
    def open(cls, path: Path, tag: str) -> Archive:
        """Open a file; it stays readable after its name is gone."""
        with path.open("rb") as file:
            reader = Reader(MmapSource(file))  # type: ignore[no-untyped-call]
        return cls(tag, reader, reader.header(), reader.metadata())  # type: ignore[no-untyped-call]

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """A tile as it is stored, gzipped; None where there is nothing."""
        return self._tiles.get((z, x, y), lambda: self._read(z, x, y))

    def _read(self, z: int, x: int, y: int) -> bytes | None:
        body: bytes | None = self.reader.get(z, x, y) if z <= self.header["max_zoom"] else None
        return body


class Archives:
    """The newest archive of one kind, of as many as there were versions of its data."""

    def __init__(self, folder: Path, name: str, *, tag: Callable[[], str], make: Make) -> None:
        self.folder, self.name = folder, name
        self._tag, self._make = tag, make
        self._asked = (-AGE_S, "")
        self._open: Archive | None = None
        self._lock = threading.Lock()
        self._made: dict[str, threading.Event] = {}
        self._failed: dict[str, tuple[float, Exception]] = {}

    def newest(self) -> Archive:
        """The archive of the data as they are, or the one before while it is made.

        Raises
        ------
        ServiceUnavailable
            Where the first one is not there in time.
        GridgisError
            Where it cannot be made.
        """
        tag = self.tag()
        held = self._open
        if held is not None and held.tag == tag:
            return held
        path = self.path(tag)
        if not path.exists():
            done = self._begin(tag)
            before = held or self._before()
            if before is not None:
                return before
            if not done.wait(WAIT_S):
                raise ServiceUnavailable("The map is being drawn. Ask again in a minute.", retry_after=10)
        if (failed := self._failed.get(tag)) is not None and not path.exists():
            raise failed[1]
        try:
            self._open = Archive.open(path, tag)
        except FileNotFoundError:  # the data changed while it was drawn
            raise ServiceUnavailable("The map is being drawn. Ask again in a minute.", retry_after=10) from None
        return self._open

    def tag(self) -> str:
        """The version of the data."""
        now = time.monotonic()
        at, tag = self._asked
        if now - at >= AGE_S:
            tag = self._tag()
            self._asked = (now, tag)
        return tag

    def path(self, tag: str) -> Path:
        """The file of a version."""
        return self.folder / f"{self.name}-{tag}.pmtiles"

    def _before(self) -> Archive | None:
        """An archive that another start left."""
        with contextlib.suppress(FileNotFoundError):  # another worker has just put a newer one in its place
            for path in sorted(self.folder.glob(f"{self.name}-*.pmtiles"), key=lambda one: one.stat().st_mtime)[::-1]:
                self._open = Archive.open(path, path.stem.removeprefix(f"{self.name}-"))
                return self._open
        return None

    def _begin(self, tag: str) -> threading.Event:
        """Let a thread make an archive, unless one is at it or it failed lately."""
        with self._lock:
            at, _ = self._failed.get(tag, (-RETRY_S, None))
            done = self._made.get(tag)
            if done is None or (done.is_set() and time.monotonic() - at > RETRY_S):
                done = self._made[tag] = threading.Event()
                threading.Thread(target=self._work, args=(tag, done), daemon=True).start()
            return done

    def _work(self, tag: str, done: threading.Event) -> None:
        path = self.path(tag)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with alone(self.folder / f"{self.name}.lock"):
                if not path.exists():  # another worker was before
                    self._draw(path, tag)
            self._failed.pop(tag, None)
        except Exception as error:  # whoever waits is told
            self._failed[tag] = (time.monotonic(), error)
        finally:
            done.set()

    def _draw(self, path: Path, tag: str) -> None:
        """Make an archive under another name first: it is of its tag only where the data are still the same."""
        draft = path.with_name(f".{path.name}")
        self._make(draft)
        if self._tag() != tag:
            draft.unlink()
            return
        draft.replace(path)
        self._forget_others(path)

    def _forget_others(self, path: Path) -> None:
        for other in self.folder.glob(f"{self.name}-*.pmtiles"):
            if other != path:
                with contextlib.suppress(OSError):
                    other.unlink()


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """One at a time, of all threads and processes; a killed one lets go."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
