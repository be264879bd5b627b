"""The services: the items of the catalogue of today, held for some seconds, as every request is held against them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from gridgis.errors import InputRefused

if TYPE_CHECKING:
    from gridgis.jobs import CaseDesk

COLUMNS = ("item", "name", "class", "description", "aliases")
AGE_S = 5.0


class Services(NamedTuple):
    """Columns of each item by its code, by class and name."""

    by_code: dict[str, dict[str, str]]

    def name(self, code: str) -> str | None:
        """The name of a service; None for one that is no longer in the catalogue."""
        return self.by_code[code]["name"] if code in self.by_code else None


class Catalogue:
    """The catalogue of one network."""

    def __init__(self, desk: CaseDesk, network: str) -> None:
        self._desk, self._network = desk, network
        self._held: tuple[float, Services] | None = None

    def now(self) -> Services:
        """The services; none where nothing is in force yet, which whoever sends a request is told."""
        held, now = self._held, time.monotonic()
        if held is not None and now - held[0] < AGE_S:
            return held[1]
        try:
            rows = self._desk.items(self._network, columns=COLUMNS)
        except InputRefused:
            return Services({})
        found = Services({row["item"]: row for row in rows})
        self._held = (now, found)
        return found
