"""One case, with everything that a dispatcher asks about it: candidates, parties, the trace of the rules."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from gridgis.cases.numbers import position_problems
from gridgis.coordinates import system, to_crs
from gridgis.duties import Answer, Case, Place, Section
from gridgis.geometry.noding import Floats, Geometries
from gridgis.locate import METHODS, notes
from gridgis.resolve.assets import deciding, meant
from gridgis.resolve.office import Office
from gridgis.resolve.place import Asked, Placed, placed
from gridgis.resolve.remarks import of_addresses, of_points, problems


@dataclass(frozen=True)
class Option:
    """A grid that a case may belong to, the part of its circle of error that lies in it, and how far off it is."""

    grid_code: str
    share: float
    distance_m: float


@dataclass(frozen=True)
class Resolution:
    """The answer for one case.

    Attributes
    ----------
    grid_code, microgrid_code, zone_code : empty where it has none
    method, on_border : as in a result
    distance_m, confidence, x, y : None where there is no number; `x` and `y` in the CRS of the division
    options : grids that the case may belong to, its own first
    address : what the gazetteer took its address for, or the place that it carries; empty where it was not looked up
    duties : who answers for it, and the trace; None without duties
    problem : why it has no grid
    warnings : what a person should know
    """

    grid_code: str
    microgrid_code: str
    zone_code: str
    method: str
    distance_m: float | None
    on_border: bool
    confidence: float | None
    options: tuple[Option, ...]
    address: str
    x: float | None
    y: float | None
    duties: Answer | None
    problem: str
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self)


def resolution(
    office: Office,
    *,
    crs: str = "EPSG:4326",
    x: float | None = None,
    y: float | None = None,
    address: str | None = None,
    item: str | None = None,
    at: datetime.datetime | None = None,
    accuracy_m: float | None = None,
    component_id: str | None = None,
    severity: str | None = None,
    function: str | None = None,
) -> Resolution:
    """Resolve one case.

    Parameters
    ----------
    office : of the version in force at its time
    crs : of `x` and `y`: "EPSG:n", "gcj02" or "bd09"
    at : when it was reported, with an offset
    accuracy_m : what is no distance does not count
    function : of the duty that is asked for, as in :class:`gridgis.duties.Case`
    """
    east, north, wrong = _point(x, y, geographic=system(crs).is_geographic)
    usable = accuracy_m is not None and 0 <= accuracy_m < np.inf
    off = np.array([accuracy_m if usable else np.nan], float)
    words, asset = (np.array([value], dtype=object) for value in (address, component_id))
    given = east, north
    east, north = to_crs(*given, source=crs, target=office.system)
    about = np.array([item], dtype=object)
    found = placed(office, Asked(east, north, off, words, deciding(office, asset, about, east, north)))
    assets = meant(office, asset, about, found.x, found.y, off)
    case = Case(item, reported_at=at, severity=severity, owner=assets.owner[0], function=function)
    options = _options(office, found)
    duties = None if office.desk is None else office.desk.answer(case, _place(office, found, options))
    astray = of_points(office, wrong, found, given, np.array([crs], dtype=object))
    return _told(office, found, options, duties, (wrong, astray, assets.taken, assets.warnings))


def _point(x: float | None, y: float | None, *, geographic: bool) -> tuple[Floats, Floats, Geometries]:
    """The point of a case, and what is wrong with it, as for the cases of a file."""
    columns = (pa.array([value], pa.float64()) for value in (x, y))
    east, north, wrong = position_problems(*columns, geographic=geographic)
    return east, north, np.array([""], dtype=object) if wrong is None else wrong


def _place(office: Office, found: Placed, options: tuple[Option, ...]) -> Place:
    """The place of a case as the duty rules look at it."""
    grid, micro = found.found.grid[0], found.found.microgrid[0]
    told = {} if office.streets is None else office.beside(found.x, found.y).iloc[0].to_dict()
    beside = {name: value for name, value in told.items() if isinstance(value, Section) or not pd.isna(value)}
    return Place(
        grid_code=office.places.grids.codes[grid] if grid >= 0 else None,
        microgrid_code=office.places.microgrids.codes[micro] if micro >= 0 else None,
        candidates=tuple(option.grid_code for option in options),
        **beside,
    )


def _options(office: Office, found: Placed) -> tuple[Option, ...]:
    """The grids that the case may belong to, its own first, that which its address hints at last."""
    own, near, codes = found.found.grid[0], found.found.near, office.places.grids.codes
    rows = [
        Option(codes[polygon], round(float(share), 4), round(float(distance), 3))
        for polygon, share, distance in zip(near.polygon, near.share, near.distance_m, strict=True)
        if polygon >= 0
    ]
    mine = [one for one in rows if own >= 0 and one.grid_code == codes[own]]
    if own >= 0 and not mine:
        distance = float(found.found.distance_m[0])
        mine = [Option(codes[own], 1.0 if distance == 0 else 0.0, round(distance, 3))]
    hint = found.found.hint
    if hint[0] >= 0 and codes[hint[0]] not in {one.grid_code for one in (*mine, *rows)}:
        rows.append(Option(codes[hint[0]], 0.0, round(float(office.places.apart_m(found.x, found.y, hint)[0]), 3)))
    return (*mine, *(one for one in rows if one not in mine))


def _told(
    office: Office, placed_: Placed, options: tuple[Option, ...], duties: Answer | None, remarks: tuple[Geometries, ...]
) -> Resolution:
    """All that there is to say; `remarks`: why the point cannot be used, and of it, of what was taken for the asset."""
    wrong, astray, *of_assets = remarks
    places, found = office.places, placed_.found
    grid, micro, (zone, zones) = int(found.grid[0]), int(found.microgrid[0]), office.zones
    beside = notes(found, places, placed_.x, placed_.y, limits=office.profile.locating)[0]
    said = [astray[0], of_addresses(placed_)[0], *(one[0] for one in of_assets), *beside.split("; ")]
    address = placed_.addresses["address"].iloc[0] if len(placed_.looked_up) else None
    return Resolution(
        grid_code=places.grids.codes[grid] if grid >= 0 else "",
        microgrid_code=places.microgrids.codes[micro] if micro >= 0 else "",
        zone_code=zones[zone[grid]] if grid >= 0 else "",
        method=METHODS[found.method[0]],
        distance_m=_number(found.distance_m[0], 3),
        on_border=bool(found.on_border[0]),
        confidence=_number(found.confidence[0], 4),
        options=options,
        address="" if address is None or pd.isna(address) else str(address),
        x=_number(placed_.x[0], 9),
        y=_number(placed_.y[0], 9),
        duties=duties,
        problem=problems(office, wrong, placed_)[0],
        warnings=(*filter(None, said), *(duties.warnings if duties else ())),
    )


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None
