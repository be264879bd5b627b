"""The job about an area: what it holds."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gridgis.errors import Fault, InputRefused
from gridgis.jobs.declared import DEGREES, division_or_store, one_of
from gridgis.jobs.offices import OfficesByTime, Sources, profile_of
from gridgis.jobs.registry import moment_of
from gridgis.schema import GENERAL

if TYPE_CHECKING:
    import shapely

    from gridgis.duties import Desk
    from gridgis.resolve import Affected
    from gridgis.schema import Division


def affected_area(
    *,
    area: str | None = None,
    point: tuple[float, float] | None = None,
    radius_m: float | None = None,
    division: str | Path | None = None,
    store: str | None = None,
    network: str = GENERAL,
    at: str | None = None,
    parties: str | None = None,
    case_crs: str = DEGREES,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    crs_of: Mapping[str, str] | None = None,
    timezone: str = "Asia/Shanghai",
    output: str | Path | None = None,
) -> Affected:
    """What lies in an area: grids, micro-grids, households, persons, and the people to be called.

    Parameters
    ----------
    area : `FILE` or `FILE:LAYER` of polygons, taken together
    point, radius_m : in place of it, in `case_crs`
    parties : people and posts; those of the store where None
    rename, crs_of : of the layer `area`, as :func:`gridgis.layers.parse_map` and :func:`gridgis.layers.parse_crs`
        give them
    output : GeoPackage of the layers grids and microgrids; none where None

    Raises
    ------
    InputRefused
        Where the area is none, or the point no place in `case_crs`.
    """
    from gridgis.layers import read_division, read_layer, refuse_target
    from gridgis.registry.store import utc_now
    from gridgis.resolve import affected

    if output is not None:
        refuse_target(output, inputs=[area, division, store, parties])
        if Path(output).suffix.lower() != ".gpkg":
            raise InputRefused([Fault("output", str(output), "is no GeoPackage", "Name a file in .gpkg with -o")])
    moment = utc_now() if at is None else moment_of("at", at)
    division_or_store(division, store)
    kept = None if store is None else OfficesByTime(store, network, Sources(), timezone=timezone, now=moment)
    whole = read_division(str(division)) if kept is None else kept.division_at(moment)
    shape = (
        read_layer("area", str(area), rename=rename, crs_of=crs_of).to_crs(whole.grids.crs).union_all()
        if _asked(area, point, radius_m)
        else _circle(point, radius_m, whole, case_crs)  # type: ignore[arg-type]
    )
    found = affected(
        whole,
        shape,
        desk=_desk(parties, kept, timezone),
        at=datetime.datetime.fromisoformat(moment),
        persons_per_household=profile_of(whole).households.persons_per_household.value,
    )
    if output is not None:
        _write_affected(found, Path(output))
    return found


def _asked(area: str | None, point: tuple[float, float] | None, radius_m: float | None) -> bool:
    """Whether an area is asked about, and not a point with a radius; refused where it is both or neither."""
    if (area is None) == (point is None) or (point is None) != (radius_m is None):
        raise one_of("an area, or a point with a radius", "--area, or --lon, --lat and --radius")
    return area is not None


def _desk(parties: str | None, kept: OfficesByTime | None, timezone: str) -> Desk | None:
    """Whose posts are told: of the file, else of the store."""
    from gridgis.duties import Desk, read_duties

    if parties is not None:
        return Desk(read_duties(parties, timezone=timezone))
    return None if kept is None else Desk(kept.kept.duties)


def _circle(point: tuple[float, float], radius_m: float, division: Division, case_crs: str) -> shapely.Geometry:
    """The land around a point, in the CRS of the division."""
    import pyarrow as pa

    from gridgis.cases.numbers import position_problems
    from gridgis.coordinates import swapped, system, to_crs
    from gridgis.crs import canonical, parsed
    from gridgis.resolve import circle

    crs = canonical(parsed(division.grids.crs))
    x, y, wrong = position_problems(*(pa.array([one]) for one in point), geographic=system(case_crs).is_geographic)
    west, south, east, north = division.grids.total_bounds
    corners = np.array([west, west, east, east]), np.array([south, north, south, north])
    across, up = to_crs(*corners, source=crs, target=case_crs)
    here = to_crs(x, y, source=case_crs, target=crs)
    problem = "" if wrong is None else str(wrong[0])
    if not problem and swapped(x, y, (across.min(), up.min(), across.max(), up.max()))[0]:
        problem = "longitude and latitude seem to be exchanged: the other way round it lies in the division"
    if not problem and not np.isfinite(here).all():
        problem = f"is no place in {case_crs}"
    if problem:
        cure = "Give --lon and --lat as --case-crs says, east before north"
        raise InputRefused([Fault("point", f"{point[0]:.12g}, {point[1]:.12g}", problem, cure)])
    return circle(float(here[0][0]), float(here[1][0]), radius_m, crs=division.grids.crs)


def _write_affected(found: Affected, output: Path) -> None:
    from gridgis.publish.whole import written_whole

    with written_whole(output) as draft:
        for name in ("grids", "microgrids"):
            getattr(found, name).to_file(draft, layer=name, driver="GPKG", engine="pyogrio")
