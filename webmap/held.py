"""What is in force, held by each worker until something else comes into force."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gridgis import jobs
from webmap.settings import Settings
from webmap.versions import tag_in_force

if TYPE_CHECKING:
    from gridgis.schema import Division

AGE_S = 1.0
"""How old the tag of what is held may be."""


@dataclass
class Stand:
    """What is in force at a time: all districts as one division."""

    tag: str
    division: Division

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each grid by its code."""
        return {code: row for row, code in enumerate(self.division.grids["grid_code"])}


class Held:
    """The newest stand; the first to ask waits for it to be read, the others for the first."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._stand: Stand | None = None
        self._asked = -AGE_S

    def now(self) -> Stand:
        """What is in force now.

        Raises
        ------
        InputRefused
            Where there is nothing.
        """
        told = self.settings
        with self._lock:
            if self._stand is not None and time.monotonic() - self._asked < AGE_S:
                return self._stand
            tag = tag_in_force(told.store, told.network)
            if self._stand is None or self._stand.tag != tag:
                self._stand = Stand(tag, jobs.whole_in_force(told.store, network=told.network))
            self._asked = time.monotonic()
            return self._stand
