"""What the server hands out of a division: read once, each answer made once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gridgis.schema import Division

Read = Callable[[Path], "Division"]


@dataclass(frozen=True)
class Answer:
    """JSON text and the tag by which a browser knows that it has it already."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, text: str) -> Answer:
        """Make the answer of a text; its tag follows from its bytes."""
        body = text.encode()
        return cls(body, hashlib.sha256(body).hexdigest()[:32])


class Shelf:
    """The answers of one division by name; the first to ask waits for the file, the others for the first."""

    def __init__(self, path: Path, *, read: Read | None = None) -> None:
        self.path = path
        self._read = read
        self._lock = threading.Lock()
        self._answers: Mapping[str, Answer] | None = None

    def __getitem__(self, name: str) -> Answer:
        return self._all()[name]

    def __contains__(self, name: str) -> bool:
        return name in self._all()

    def warm_up(self) -> None:
        """Read the division ahead of the first request; a fault shows when a page asks."""
        from gridgis.errors import GridgisError

        try:
            self._all()
        except (GridgisError, OSError):
            return

    def _all(self) -> Mapping[str, Answer]:
        with self._lock:
            if self._answers is None:
                self._answers = self._make()
            return self._answers

    def _make(self) -> Mapping[str, Answer]:
        from gridgis.layers import read_division
        from webmap.content import contents

        division = (self._read or read_division)(self.path)
        return {name: Answer.of(text) for name, text in contents(division, name=self.path.stem).items()}
