"""What a worker keeps ready for the heat page: the pyramid, its cases in the grids in force, answers and tiles.

Invariant: an answer is that of the pyramid and the versions as they are when it is asked for; what is kept is found by
both. All workers tell the same state of a pyramid by the same tag.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridgis import jobs
from gridgis.errors import Fault, InputRefused
from gridgis.kept import Kept

if TYPE_CHECKING:
    from gridgis.heat.pyramid import Pyramid
    from gridgis.jobs import Ground
    from webmap.settings import Settings

CATALOGUE = "catalogue.db"
"""The file of a pyramid that every change of it changes."""
TILES_BYTES, ANSWERS_BYTES, GROUNDS = 32 << 20, 16 << 20, 6


class HeatRoom:
    """The pyramid of a server and what was made of it; shared by the threads of a worker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._opened: tuple[str, Pyramid] | None = None
        self._tiles: Kept[bytes] = Kept(TILES_BYTES, lambda png: len(png) + 200)
        self._answers: Kept[bytes] = Kept(ANSWERS_BYTES, lambda text: len(text) + 200)
        self._found: Kept[Any] = Kept(64)
        self._grounds: Kept[Ground] = Kept(GROUNDS)

    @property
    def state(self) -> str:
        """A tag that changes whenever cases come in.

        Raises
        ------
        InputRefused
            Where the server has no pyramid.
        """
        path = self.settings.pyramid
        try:
            told = (Path(path) / CATALOGUE).stat()
        except OSError:
            cure = (
                "Count cases with: gridgis count CASES --store STORE --batch NAME -o CITY.heat, and name it as pyramid"
            )
            raise InputRefused([Fault("heat", path, "the server has no counted cases yet", cure)]) from None
        text = f"{told.st_mtime_ns} {told.st_size} {told.st_ino}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def pyramid(self) -> Pyramid:
        """The pyramid as it is now; opened once, and anew when it has changed."""
        from gridgis.heat.pyramid import Pyramid

        with self._lock:
            state = self.state
            if self._opened is None or self._opened[0] != state:
                self._opened = (state, Pyramid.open(self.settings.pyramid))
            return self._opened[1]

    def ground(self, area: str, versions: tuple[int, ...]) -> Ground:
        """The cases of an area in the grids of the versions in force."""
        key = (self.state, versions)
        whole = self._grounds.get((*key, ""), lambda: self._ground(versions))
        return self._grounds.get((*key, area), lambda: whole.within(area))

    def _ground(self, versions: tuple[int, ...]) -> Ground:
        if not versions:
            cure = "Approve a division first: cases are counted in the grids in force"
            raise InputRefused([Fault("heat", "", "no grids are in force", cure)])
        return jobs.heat_ground(self.pyramid(), [jobs.version(self.settings.store, one) for one in versions])

    def warm_up(self) -> None:
        """Read all that the first question needs ahead of it; a fault shows when a page asks."""
        from gridgis.errors import GridgisError
        from gridgis.jobs import HeatQuestion

        try:
            versions = tuple(one.id for one in jobs.standing(self.settings.store, network=self.settings.network))
            here = self.ground("", versions)
            asked = HeatQuestion(here.pyramid.first_day, here.pyramid.last_day)
            jobs.heat_picture(here.pyramid, asked, (0, 0, 0), jobs.heat_scale(here.pyramid, asked))
            jobs.heat_statistics(here, asked)
        except (GridgisError, OSError):
            return

    def tile(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """A picture, drawn once for each state and question."""
        return self._tiles.get(key, make)

    def answer(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """An answer as text, made once for each state and question."""
        return self._answers.get(key, make)

    def found(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What several answers are made of."""
        return self._found.get(key, make)
