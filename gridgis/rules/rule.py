"""What a rule is: a function of a subject that returns its offenders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import shapely

if TYPE_CHECKING:
    from gridgis.rules.subject import Subject

Severity = Literal["hard", "finding"]
SEVERITIES: tuple[Severity, ...] = ("hard", "finding")


class Offender(NamedTuple):
    """One place where a rule is broken.

    Attributes
    ----------
    code : str
        Code of the grid, micro-grid, atom, zone or building; several are joined by commas.
    detail : str
        What is wrong, with numbers and units.
    geometry : geometry or None
        The offence itself (the gap, the common land, the cut building) in the division's CRS.
    clause : str
        Where the broken number comes from, when it is not the rule's own clause.
    """

    code: str
    detail: str
    geometry: shapely.Geometry | None = None
    clause: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule of a division.

    Attributes
    ----------
    name : str
        As it stands in the column `rule`.
    severity : str
        `hard` where a division that breaks it must not be published, else `finding`.
    clause : str
        Where the rule comes from.
    offenders : callable
        Gives every offender of a subject.
    needs : tuple of str
        What must be there to judge it (see :meth:`Subject.has`); without, the rule is not judged.
    """

    name: str
    severity: Severity
    clause: str
    offenders: Callable[[Subject], Iterable[Offender]]
    needs: tuple[str, ...] = ()
