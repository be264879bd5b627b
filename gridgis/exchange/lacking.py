"""What may be missing from grids that come without zones: nothing but they themselves tells the land of a zone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import transform
from gridgis.exchange.changes import Log
from gridgis.geometry.coverage import NOISE_M2
from gridgis.geometry.noding import Geometries, inner_points

NAMED = 5
"""So many holes, and zones with numbers left out, are named; the others are counted."""


def tell_lacking(metres: Geometries, codes: Geometries, zone: Geometries, log: Log, *, crs: CRS, metric: CRS) -> None:
    """Tell of holes between grids, and of numbers that are left out: a grid may be missing, or be none.

    Parameters
    ----------
    metres : the grids as a coverage
    codes, zone : of each grid as the source tells them, None where it does not
    crs : that places are told in
    """
    log.notice("zones", "none were given: their land is that of their grids, and whether one is missing is not known")
    _tell_holes(metres, log, crs=crs, metric=metric)
    _tell_numbers(codes, zone, log)


def _tell_holes(metres: Geometries, log: Log, *, crs: CRS, metric: CRS) -> None:
    parts = shapely.get_parts(shapely.union_all(metres))
    rings = [ring for part in parts for ring in shapely.get_rings(part)[1:]]
    holes = np.array([*map(shapely.Polygon, rings), None], dtype=object)[:-1]
    holes = holes[shapely.area(holes) > NOISE_M2]
    if not len(holes):
        return
    holes = holes[np.argsort(-shapely.area(holes), kind="stable")]
    xy = shapely.get_coordinates(transform(inner_points(holes[:NAMED]), metric, crs))
    digits = 0 if crs.is_projected else 5
    told = [
        f"{hole.area:.0f} m2 at {x:.{digits}f} {y:.{digits}f}" for hole, (x, y) in zip(holes[:NAMED], xy, strict=True)
    ]
    log.notice("grids", f"leave holes that are of none; the largest: {', '.join(told)}", len(holes))


def _tell_numbers(codes: Geometries, zone: Geometries, log: Log) -> None:
    own = [
        (of, int(code[len(of) :]))
        for code, of in zip(codes, zone, strict=True)
        if code is not None and of is not None and code.startswith(of) and code[len(of) :].isdigit()
    ]
    told = []
    for of, numbers in pd.DataFrame(own, columns=["zone", "number"]).groupby("zone")["number"]:
        there = set(numbers)
        lost = [f"{number:03d}" for number in range(min(there) + 1, max(there)) if number not in there]
        told += [f"{of} {', '.join(lost[:NAMED])}{' …' if len(lost) > NAMED else ''}"] if lost else []
    message = "have numbers that are left out between others, retired ones or grids that are missing; the first: "
    log.notice("zones", message + "; ".join(told[:NAMED]), len(told))
