"""The item catalogue, duty rules and who designates, in the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
from sqlalchemy.engine import Connection

from gridgis.duties.columns import Duties
from gridgis.duties.items import item_faults
from gridgis.errors import Fault, refuse
from gridgis.registry.actors import allowed
from gridgis.registry.entries import STORED, Change, beginning, carry_out, changes, standing
from gridgis.registry.events import Event
from gridgis.registry.people import called, merged

KEPT = ("items", "rules", "designate")


def import_duties(
    connection: Connection, given: Duties, *, actor: str, at: str, faults: Iterable[Fault] = ()
) -> Event | None:
    """Let items, rules and who designates stand as they are given; None where all of them do already.

    A row takes the place of the one of its key: an item or a rule from a day, an area. Others stay: they end by being
    given once more with `valid_to`.

    Parameters
    ----------
    faults : of the cells of what is given, to be told with the others

    Raises
    ------
    InputRefused
        With every fault of what would stand that does not stand already; where the actor is no administrator of all
        areas that the rows name.
    """
    stood = duties(connection)
    would = replace(stood, **{name: merged(name, stood.tables[name], given.tables[name]) for name in KEPT})
    stands = replace(stood, **{name: called(name, stood.tables[name]) for name in KEPT})
    before = item_faults(stands)
    refuse([*faults, *(fault for fault in item_faults(would) if fault not in before)])
    change = Change()
    for name in KEPT:
        changes(connection, name, given.tables[name], change)
    if not change:
        return None
    allowed(connection, actor, "administrator", area=_area(stood.units, change))
    return carry_out(connection, change, kind="duties.imported", subject="duties", actor=actor, at=at)


def duties(connection: Connection, *, timezone: str = "Asia/Shanghai") -> Duties:
    """All that tells who answers for a case, as it stands, without what is private."""
    return Duties(**{name: standing(connection, name)[0] for name in STORED}, timezone=timezone)


def _area(units: pd.DataFrame, change: Change) -> str:
    """The beginning that all areas of the rows have; nothing where one is of everywhere."""
    grids = dict(zip(units["unit_code"], units["grid_codes"].str.split(";"), strict=True))
    rows = [row for name in ("duty_rule", "designate", "item") for row in change.added.get(name, ())]
    areas = [row.get("area_code") or "" for row in rows]
    return beginning([code for area in areas for code in grids.get(area, (area,))])
