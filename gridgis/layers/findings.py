"""Where the checks of an input put what they find, so that all of it is told together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gridgis.errors import Fault, Notice, refuse

SHOWN = 10
"""Rows with the same fault that are named one by one; the others are counted."""


@dataclass
class Findings:
    """Faults and notices of all layers, in the order in which they were found."""

    faults: list[Fault] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def fault(self, layer: str, row: str, problem: str, cure: str) -> None:
        """Add one reason to refuse the input."""
        self.faults.append(Fault(layer, row, problem, cure))

    def rows(self, layer: str, rows: Iterable[str], problem: str, cure: str) -> None:
        """Add the same fault for each of `rows`; beyond the first ten they are counted."""
        names = list(rows)
        self.faults += [Fault(layer, name, problem, cure) for name in names[:SHOWN]]
        if len(names) > SHOWN:
            self.faults.append(Fault(layer, f"{len(names) - SHOWN} more rows", problem, cure))

    def notice(self, layer: str, message: str, count: int = 1) -> None:
        """Add something odd that does not stop the work; nothing where `count` is 0."""
        if count:
            self.notices.append(Notice(layer, message, count))

    def refuse(self, *, order: Sequence[str]) -> None:
        """Raise `InputRefused` with every fault, layer by layer in the given order, where there are any."""
        place = {layer: number for number, layer in enumerate(order)}
        refuse(sorted(self.faults, key=lambda fault: place.get(fault.layer, -1)))
