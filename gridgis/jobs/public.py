"""What the public may know of a grid: name, extent in words, who serves it, what they deal with."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import shapely

from gridgis.jobs.sheets import items_in_force, serving
from gridgis.schema import Division

if TYPE_CHECKING:
    from gridgis.publish.texts import Language


@dataclass(frozen=True)
class PublicGrid:
    """What the public may know of a grid; the same as stands on its notice sheet.

    Attributes
    ----------
    zone : where it lies in words
    sides : what it borders on, by side
    staff : `post`, `name`, `phone` and `hours` of each person, as far as they are public
    items : names of what they deal with by class
    bounds : west, south, east and north in degrees
    """

    grid_code: str
    name: str
    zone_code: str
    zone: str
    sides: Mapping[str, str]
    staff: tuple[Mapping[str, str], ...]
    items: Mapping[str, list[str]]
    bounds: tuple[float, float, float, float]


def public_grid(store: str, grid_code: str, *, division: Division, language: Language = "zh") -> PublicGrid:
    """What the public may know of a grid of what is in force.

    Parameters
    ----------
    division : what is in force, as :func:`gridgis.jobs.whole_in_force` gives it: a server holds it

    Raises
    ------
    InputRefused
        Where there is no such grid.
    """
    from gridgis.publish.dossier.subject import places_of
    from gridgis.publish.light import WEB_CRS
    from gridgis.publish.sheets.about import About
    from gridgis.publish.sheets.notice import notice
    from gridgis.registry.store import utc_now

    now = utc_now()
    about = About(label="", made=datetime.datetime.fromisoformat(now), places=places_of(division.zones, {}))
    found = notice(
        division,
        grid_code,
        about=about,
        people=serving(store, grid_code, now),
        items=items_in_force(store, now),
        streets=None,
        language=language,
    )
    row = division.grids[division.grids["grid_code"] == grid_code].to_crs(WEB_CRS)
    west, south, east, north = (round(float(value), 6) for value in shapely.bounds(row.geometry.iloc[0]))
    return PublicGrid(
        grid_code=grid_code,
        name=found.name,
        zone_code=str(row["zone_code"].iloc[0]),
        zone=found.zone,
        sides=found.sides,
        staff=tuple({str(key): str(value) for key, value in one.items()} for one in found.staff.to_dict("records")),
        items=found.items,
        bounds=(west, south, east, north),
    )
