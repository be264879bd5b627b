"""What the server hands out of divisions: each read once, each answer made once for all workers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from webmap.answer import Answer
from webmap.shelf_files import ShelfFiles

if TYPE_CHECKING:
    from gridgis.schema import Division
    from webmap.settings import Settings

Make = Callable[[], Mapping[str, Answer]]
"""Reads a division and makes its answers."""
KEPT = 4
"""Divisions whose answers are kept."""


class Shelf:
    """The answers of one division by name; the first to ask waits for it to be read, the others for the first."""

    def __init__(self, make: Make) -> None:
        self._make = make
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


class Shelves:
    """The shelf of the division in a file, or of each version of a store that somebody looks at.

    A version that was approved never changes; one that is still edited is read anew after each edit: its shelf is
    found by the number of its last edit too.
    """

    def __init__(self, settings: Settings, *, read: Callable[[Path], Division] | None = None) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._of_version: OrderedDict[tuple[int, int], Shelf] = OrderedDict()
        path = Path(settings.division)
        self.file = Shelf(lambda: _packed((read or _of_file)(path), path.stem)) if settings.division else None
        self._files = ShelfFiles(settings.folder / "shelves")

    def of_version(self, version: int, *, edits: int, behind: int = 0) -> tuple[Shelf, int]:
        """The shelf of a version after so many edits, or of one that lacks at most `behind` of them; and its edits."""
        with self._lock:
            ready = [kept for number, kept in self._of_version if number == version and edits - behind <= kept <= edits]
            key = (version, max(ready, default=edits))
            found = self._of_version.get(key)
            if found is None:
                found = Shelf(lambda: self._of_store(version))
                self._of_version[key] = found
                while len(self._of_version) > KEPT:
                    self._of_version.popitem(last=False)
            self._of_version.move_to_end(key)
            return found, key[1]

    def _of_store(self, version: int) -> Mapping[str, Answer]:
        """The answers of a version as it is now; a draft that nobody edited yet has those of what it was drawn from."""
        from gridgis import jobs
        from webmap.content import contents

        store = self.settings.store
        return self._files.answers(
            lambda: jobs.shown_digest(store, version), lambda: contents(_with_offenders(store, version))
        )


def _packed(division: Division, name: str) -> Mapping[str, Answer]:
    from webmap.content import contents

    return {told: Answer.pack(text) for told, text in contents(division, name=name).items()}


def _of_file(path: Path) -> Division:
    from gridgis.layers import read_division

    return read_division(path)


def _with_offenders(store: str, version: int) -> Division:
    """A version, with what the rules find."""
    from gridgis import jobs

    division = jobs.version(store, version)
    return replace(division, offenders=jobs.check(division))
