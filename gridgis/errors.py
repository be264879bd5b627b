"""Faults and notices: what is wrong with an input, where, and what to do about it.

A *fault* stops the work: all faults of all inputs are collected and raised together as
:class:`InputRefused`. A *notice* is counted and told, and the work goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DONE, OFFENDERS, REFUSED, UNWITNESSED, STOPPED = 0, 1, 2, 3, 130
"""Exit codes: done; done with hard offenders; input refused or unreadable; a chain of events that holds but was
compared with no checkpoint; stopped by hand."""


@dataclass(frozen=True, order=True)
class Fault:
    """One reason to refuse an input: the layer, the row in it, the problem, the cure."""

    layer: str
    row: str
    problem: str
    cure: str

    def __str__(self) -> str:
        where = f"{self.layer}, {self.row}" if self.row else self.layer
        return f"{where}: {self.problem}. {self.cure}"


@dataclass(frozen=True, order=True)
class Notice:
    """Something odd in an input that does not stop the work: the layer, what, how often."""

    layer: str
    message: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.layer}: {self.message} ({self.count})"


class GridgisError(Exception):
    """Root of the errors that this library raises on purpose."""

    exit_code = REFUSED


class InputRefused(GridgisError):
    """The inputs cannot be used as they are; :attr:`faults` holds every reason, in order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def refuse(faults: Iterable[Fault]) -> None:
    """Raise :class:`InputRefused` with all of `faults` where there are any."""
    found = tuple(faults)
    if found:
        raise InputRefused(found)


class Denied(GridgisError):
    """Who asks may not, or is not known: the message says what they can do about it."""
