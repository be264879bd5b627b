"""One case, with everything that a dispatcher asks about it: candidates, parties, the trace of the rules."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from gridgis.cases.numbers import LIMITS, position_problems
from gridgis.coordinates import system, to_crs
from gridgis.duties import Answer, Case, Place
from gridgis.errors import Fault, InputRefused
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
    accuracy_m : how far off its place may be, by its address, as it was told, or else by the profile
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
    accuracy_m: float

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
    return _told(office, found, options, duties, (wrong, astray, assets.taken, assets.warnings), told_m=float(off[0]))


def _point(x: float | None, y: float | None, *, geographic: bool) -> tuple[Floats, Floats, Geometries]:
    """The point of a case, and what is wrong with it, as for the cases of a file; quick where nothing is."""
    most = tuple(LIMITS.values()) if geographic else (np.finfo(float).max,) * 2
    if type(x) is float and type(y) is float and abs(x) <= most[0] and abs(y) <= most[1]:
        return np.array([x]), np.array([y]), np.array([""], dtype=object)
    columns = (pa.array([value], pa.float64()) for value in (x, y))
    east, north, wrong = position_problems(*columns, geographic=geographic)
    return east, north, np.array([""], dtype=object) if wrong is None else wrong


def _place(office: Office, found: Placed, options: tuple[Option, ...]) -> Place:
    """The place of a case as the duty rules look at it."""
    return _place_in(office, (found.x, found.y), int(found.found.grid[0]), int(found.found.microgrid[0]), options)


def _place_in(
    office: Office, point: tuple[Floats, Floats], grid: int, micro: int, options: tuple[Option, ...]
) -> Place:
    beside = office.beside_one(float(point[0][0]), float(point[1][0]))
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
    office: Office,
    placed_: Placed,
    options: tuple[Option, ...],
    duties: Answer | None,
    remarks: tuple[Geometries, ...],
    *,
    told_m: float,
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
        accuracy_m=_accuracy_m(office, placed_, told_m),
    )


def _accuracy_m(office: Office, placed_: Placed, told_m: float) -> float:
    if len(placed_.by_address) and placed_.found.grid[0] >= 0:
        told_m = float(placed_.told(placed_.by_address)["accuracy_m"].iloc[0])
    return office.profile.locating.accuracy_m.value if np.isnan(told_m) else round(told_m, 1)


def given(
    office: Office,
    told: Resolution,
    grid_code: str,
    *,
    item: str | None = None,
    at: datetime.datetime | None = None,
    component_id: str | None = None,
    severity: str | None = None,
    function: str | None = None,
) -> Resolution:
    """The same case in a grid that a person gave it: its micro-grid there, and who answers for it there.

    Raises
    ------
    InputRefused
        Where there is no such grid in the division.
    """
    codes = office.places.grids.codes
    rows = np.flatnonzero(codes == grid_code)
    if not len(rows):
        cure = "Take one of the candidates, or look it up on the map"
        raise InputRefused([Fault("grid", grid_code, "is not in force", cure)])
    grid = rows[:1].astype(np.int32)
    x, y = (np.array([np.nan if value is None else value]) for value in (told.x, told.y))
    located = bool(np.isfinite(x[0]) and np.isfinite(y[0]))
    micro = office.places.microgrid_in(x, y, grid) if located else np.array([-1], dtype=np.int32)
    first = [one for one in told.options if one.grid_code == grid_code]
    options = (*first, *(one for one in told.options if one.grid_code != grid_code))
    about, asset = (np.array([value], dtype=object) for value in (item, component_id))
    owner = meant(office, asset, about, x, y, np.array([told.accuracy_m])).owner[0] if located else None
    case = Case(item, reported_at=at, severity=severity, owner=owner, function=function)
    place = _place_in(office, (x, y), int(grid[0]), int(micro[0]), options)
    duties = None if office.desk is None else office.desk.answer(case, place)
    before = () if told.duties is None else told.duties.warnings
    zone, zones = office.zones
    return replace(
        told,
        grid_code=grid_code,
        microgrid_code=office.places.microgrids.codes[micro[0]] if micro[0] >= 0 else "",
        zone_code=zones[zone[grid[0]]],
        options=options,
        duties=duties,
        problem="",
        warnings=(*(one for one in told.warnings if one not in before), *(duties.warnings if duties else ())),
    )


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None
