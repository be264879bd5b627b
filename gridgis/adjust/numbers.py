"""Codes for grids and micro-grids that an edit makes."""

from __future__ import annotations

from collections.abc import Iterable

from gridgis.adjust.draft import Draft
from gridgis.adjust.table import column_of
from gridgis.errors import Fault, InputRefused
from gridgis.lineage import free_numbers


def new_grid_codes(draft: Draft, zone_code: str, count: int) -> list[str]:
    """The next codes of grids of a zone that were never given: provisional until the draft is approved.

    Raises
    ------
    InputRefused
        Where its kind has not so many numbers left.
    """
    layout, zones = draft.profile.codes, draft.division.zones
    kind = zones["kind"].to_numpy(dtype=object)[zones["zone_code"] == zone_code][0]
    return _next(draft, zone_code, count, layout.sequence[kind], layout.sequence_digits, "zones")


def new_micro_codes(draft: Draft, grid_code: str, count: int, *, taken: Iterable[str] = ()) -> list[str]:
    """The next codes of micro-grids of a grid that were never given.

    Parameters
    ----------
    taken : further codes that are given already
    """
    digits = draft.profile.codes.micro_digits
    return _next(draft, grid_code, count, (1, 10**digits - 1), digits, "grids", taken)


def _next(
    draft: Draft, parent: str, count: int, room: tuple[int, int], digits: int, layer: str, more: Iterable[str] = ()
) -> list[str]:
    division = draft.division
    grids, micros = column_of(division.grids, "grid_code"), column_of(division.microgrids, "microgrid_code")
    known = draft.spent.union(grids, micros, more)
    length = len(parent) + digits
    taken = {int(code[len(parent) :]) for code in known if len(code) == length and code.startswith(parent)}
    free = list(free_numbers(taken, *room))[:count]
    if len(free) < count:
        problem = f"no number of {room[0]} to {room[1]} is left"
        raise InputRefused([Fault(layer, parent, problem, "Widen the numbers in the profile, or merge before")])
    return [f"{parent}{number:0{digits}d}" for number in free]
