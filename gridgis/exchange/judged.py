"""An imported division held against the hard rules: what breaks one is refused, what does not is kept beside it."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import shapely

from gridgis import rules
from gridgis.divide.summary import summarise
from gridgis.exchange import changes, under
from gridgis.exchange.work import Work
from gridgis.schema import KEYS, Division

CURES = {
    "several_parts": "Give each part a code of its own, or join them",
    "overlap": "Draw their common border once",
    "gap": "Draw their common border once",
    "hole": "Draw what lies in it, or close it",
    "zone_lost": "Draw its grids, or take the zone out",
    "building_cut": "Draw the border round the building",
}
"""What to do about offenders of some rules."""


def judged(
    division: Division,
    work: Work,
    *,
    zones: gpd.GeoDataFrame | None = None,
    streets: gpd.GeoDataFrame | None = None,
    buildings: gpd.GeoDataFrame | None = None,
    known: Division | None = None,
) -> Division | None:
    """The division with its offenders and numbers; None, and a fault for each hard one, where there are any.

    Parameters
    ----------
    zones, streets, buildings : as they were given, each in a CRS of its own
    known : grids, borders and lines of the division that it was made of; of use where no streets are given
    """
    step = work.within("check")
    if streets is not None:
        division = under.with_borders(division, streets, profile=work.profile)
    elif known is not None:
        division = under.as_known(division, known)
    step(0.2)
    found = rules.check(division, profile=work.profile, zones=_of_kinds(division, zones), buildings=buildings)
    for row in found[found["severity"] == "hard"].itertuples():
        problem = f"{row.rule}: {row.detail}{_at(row.geometry)}"
        work.log.fault(_layer_of(row.code, division), row.code, problem, CURES.get(row.rule, "Draw it anew there"))
    step(1.0)
    if work.refused:
        return None
    metrics = {
        "summary": summarise(division, found, profile=work.profile),
        "notices": [str(notice) for notice in work.log.findings.notices],
        "changes": changes.summed(work.log.changes),
    }
    return replace(division, offenders=found, info={**division.info, "metrics": metrics})


def _of_kinds(division: Division, zones: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    """The zones as they were given, of the kinds that they have in the division."""
    if zones is None:
        return None
    kind = dict(zip(division.zones["zone_code"], division.zones["kind"], strict=True))
    return zones.assign(kind=[kind.get(code) for code in zones["zone_code"]])


def _layer_of(code: str, division: Division) -> str:
    """The layer whose rows have codes as long as a code."""
    first = code.split(",", maxsplit=1)[0]
    length = {name: len(str(getattr(division, name)[key].iloc[0])) for name, key in KEYS.items() if name != "atoms"}
    return next((name for name, digits in length.items() if digits == len(first)), "grids")


def _at(shape: shapely.Geometry | None) -> str:
    if shape is None or shape.is_empty:
        return ""
    point = shapely.point_on_surface(shape)
    digits = 2 if max(abs(point.x), abs(point.y)) > 360 else 6
    return f", at {point.x:.{digits}f} {point.y:.{digits}f}"
