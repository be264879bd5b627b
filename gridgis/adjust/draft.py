"""What is edited: zones of a division with what may not change in them, and what an edit made of it."""

from __future__ import annotations

from dataclasses import dataclass

from gridgis.codes import ZONE_DIGITS
from gridgis.errors import Fault, Notice
from gridgis.profile import Profile
from gridgis.schema import Division


@dataclass(frozen=True)
class Locks:
    """Grids that no edit may change, and borders that none may move.

    Attributes
    ----------
    grids : codes of grids
    borders : pairs of codes of neighbouring grids, the smaller first
    """

    grids: frozenset[str] = frozenset()
    borders: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Draft:
    """Some zones of a district while they are edited.

    Invariant: the frames of `division` are a coverage as :class:`gridgis.schema.Division` says; its `moves` and
    `offenders` are empty.

    Attributes
    ----------
    division : the zones that are edited, whole
    profile : with which they were divided
    spent : every code of a grid or micro-grid that was ever confirmed, or stands in zones that are not here: no edit
        gives it to a new one
    """

    division: Division
    profile: Profile
    locks: Locks = Locks()
    spent: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Edit:
    """What an edit makes of a draft.

    Attributes
    ----------
    before, after : Draft
        Rows that did not change are the same in both, to the last bit.
    touched : tuple of str
        Codes of the grids, of before and after, whose land, micro-grids, name or number changed; a vertex that a
        neighbour put on the border of a grid does not touch it.
    notices : what the planner should know and nothing forbids
    """

    before: Draft
    after: Draft
    touched: tuple[str, ...]
    notices: tuple[Notice, ...] = ()


def absent(layer: str, code: str, *, word: str) -> Fault:
    """What is told of a zone, grid, micro-grid or atom that is named and not there."""
    near = f" {code[:ZONE_DIGITS]}" if len(code) > ZONE_DIGITS and code[:ZONE_DIGITS].isdigit() else ""
    return Fault(layer, code, f"there is no such {word}", f"See what is there: gridgis adjust show VERSION{near}")
