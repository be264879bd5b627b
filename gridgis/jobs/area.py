"""The job about an area: what it holds."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gridgis.errors import Fault, InputRefused
from gridgis.jobs.declared import DEGREES, division_or_store, one_of
from gridgis.jobs.offices import OfficesByTime, Sources
from gridgis.jobs.registry import moment_of
from gridgis.schema import GENERAL

if TYPE_CHECKING:
    import shapely

    from gridgis.resolve import Affected


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
    timezone: str = "Asia/Shanghai",
    output: str | Path | None = None,
) -> Affected:
    """What lies in an area: grids, micro-grids, households, and the people to be called.

    Parameters
    ----------
    area : `FILE` or `FILE:LAYER` of polygons, taken together
    point, radius_m : in place of it, in `case_crs`
    parties : people and posts
    output : GeoPackage of the layers grids and microgrids; none where None
    """
    from gridgis.duties import Desk, read_duties
    from gridgis.layers import read_division, refuse_target
    from gridgis.registry.store import utc_now
    from gridgis.resolve import affected

    if output is not None:
        refuse_target(output, inputs=[area, division, store, parties])
        if Path(output).suffix.lower() != ".gpkg":
            raise InputRefused([Fault("output", str(output), "is no GeoPackage", "Name a file in .gpkg with -o")])
    moment = utc_now() if at is None else moment_of("at", at)
    division_or_store(division, store)
    if division is not None:
        whole = read_division(division)
    else:
        whole = OfficesByTime(str(store), network, Sources(), timezone=timezone, now=moment).division_at(moment)
    shape = _shape(area, point, radius_m, whole.grids.crs, case_crs)
    desk = None if parties is None else Desk(read_duties(parties, timezone=timezone))
    found = affected(whole, shape, desk=desk, at=datetime.datetime.fromisoformat(moment))
    if output is not None:
        _write_affected(found, Path(output))
    return found


def _shape(
    area: str | None, point: tuple[float, float] | None, radius_m: float | None, crs: object, case_crs: str
) -> shapely.Geometry:
    """The area, in the CRS of the division."""
    from gridgis.coordinates import to_crs
    from gridgis.crs import canonical, parsed
    from gridgis.layers import read_layer
    from gridgis.resolve import circle

    if (area is None) == (point is None) or (point is None) != (radius_m is None):
        raise one_of("an area, or a point with a radius", "--area, or --lon, --lat and --radius")
    if area is not None:
        return read_layer("area", area).to_crs(crs).union_all()
    assert point is not None
    assert radius_m is not None
    x, y = to_crs(np.array([point[0]]), np.array([point[1]]), source=case_crs, target=canonical(parsed(crs)))
    return circle(float(x[0]), float(y[0]), radius_m, crs=crs)


def _write_affected(found: Affected, output: Path) -> None:
    from gridgis.publish.whole import written_whole

    with written_whole(output) as draft:
        for name in ("grids", "microgrids"):
            getattr(found, name).to_file(draft, layer=name, driver="GPKG", engine="pyogrio")
