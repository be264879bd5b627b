"""The parts that zones of a version had before: what an edit that is taken back, or made again, leads back to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.registry import tables
from gridgis.registry.edit_log import History, history


class Step(NamedTuple):
    """The part of a zone before and after a row of the log; None where there was no such zone."""

    before: int | None
    after: int | None


@dataclass(frozen=True)
class Past:
    """What the log tells of zones.

    Attributes
    ----------
    steps : of each zone by the number of the row, in their order
    """

    history: History
    steps: dict[str, dict[int, Step]]

    @cached_property
    def edits(self) -> dict[str, set[int]]:
        """The edits that had to do with each zone."""
        target = self.history.target
        return {zone: {target[number] for number in steps} for zone, steps in self.steps.items()}

    def zones_of(self, target: int) -> set[str]:
        """The zones that an edit had to do with, whenever it was made or taken back."""
        return {zone for zone, mine in self.edits.items() if target in mine}

    def left_over(self, on: Collection[int]) -> set[str]:
        """Zones that have not their first part, though no edit of `on` had to do with them."""
        apart = (zone for zone, mine in self.edits.items() if mine.isdisjoint(on))
        return {zone for zone in apart if self.last(zone) != self.first(zone)}

    def first(self, zone: str) -> int | None:
        """The part that a zone had before all edits."""
        return next(iter(self.steps[zone].values())).before

    def last(self, zone: str) -> int | None:
        """The part that a zone has now."""
        return next(reversed(self.steps[zone].values())).after

    def stood(self, zone: str, on: Collection[int]) -> tuple[bool, int | None]:
        """Whether, of the edits that had to do with a zone, just those of `on` were in effect once; its part then."""
        mine, steps = self.edits[zone], self.steps[zone]
        wanted = mine.intersection(on)
        held: set[int] = set()
        wrong, part = len(wanted), self.first(zone)
        if not wrong:
            return True, part
        for number, target in self.history.target.items():
            if target not in mine:
                continue
            held ^= {target}
            wrong += -1 if (target in held) == (target in wanted) else 1
            part = steps[number].after if number in steps else part
            if not wrong:
                return True, part
        return False, None


def past(connection: Connection, version_id: int) -> Past:
    """What the log of a version tells of its zones."""
    z = tables.edit_zone.c
    asked = sa.select(z.zone_code, z.number, z.before_part, z.after_part).where(z.version_id == version_id)
    steps: dict[str, dict[int, Step]] = {}
    for zone, number, before, after in connection.execute(asked.order_by(z.number, z.zone_code)):
        steps.setdefault(zone, {})[number] = Step(before, after)
    return Past(history(connection, version_id), steps)
