"""The layers of a division drawn elsewhere, one after the other: repaired, fitted into the layer above, coded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import shapely

from gridgis.exchange import coding, zoning
from gridgis.exchange.changes import Log
from gridgis.exchange.cover import Repairs, covered
from gridgis.exchange.nest import Fitted, fitted, parents
from gridgis.exchange.rows import Rows
from gridgis.exchange.work import Share, Work
from gridgis.geometry.borders import boundary_keys
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, inner_points
from gridgis.geometry.tiling import untiled

COUNTED = shapely.get_num_coordinates, shapely.get_num_geometries


@dataclass(frozen=True)
class Level:
    """Rows of one layer with their polygons in metres, the row above each, and their codes as far as they are known.

    `code_was` is the code that each has in the source.
    """

    rows: Rows
    metres: Geometries
    of: Ints
    code: Geometries = field(default_factory=lambda: np.zeros(0, dtype=object))
    code_was: Geometries = field(default_factory=lambda: np.zeros(0, dtype=object))

    @property
    def names(self) -> Geometries:
        """How the rows are called."""
        return self.rows.names


def repaired(
    rows: Rows, metres: Geometries, work: Work, step: Share, *, above: Ints | None = None
) -> Geometries | None:
    """The polygons of a layer as a coverage; None, and faults in the log, where they cannot be one.

    Parameters
    ----------
    above : what each row is part of, where no land of that is given into which the rows are to be fitted
    """
    out, repairs = covered(metres, profile=work.profile, above=above, progress=step)
    zoning.told_repairs(rows.role, repairs, rows.names, work.log)
    _tell_vertices(rows, metres, out, repairs, work.log)
    return None if repairs.refused else out


def nested(
    rows: Rows,
    metres: Geometries,
    of: Ints,
    wholes: Geometries,
    names: Geometries,
    above: str,
    work: Work,
    step: Share,
) -> Geometries | None:
    """The polygons of a layer made to fill the rows above; None, and faults in the log, where they cannot.

    Parameters
    ----------
    names : how the rows above are called
    above : what one of them is called, such as `zone`
    """
    out, told = fitted(metres, of, wholes, profile=work.profile, progress=step)
    _tell_fitted(rows, told, of, names, above, work.log)
    if told.refused:
        return None
    again, repairs = covered(out, profile=work.profile)
    zoning.told_repairs(rows.role, repairs, rows.names, work.log)
    return None if repairs.refused else again


def zones_of_grids(rows: Rows, metres: Geometries, zones: zoning.Zones, work: Work) -> Ints:
    """The zone in which most of each grid lies; a fault for each that lies in none."""
    of = parents(metres, zones.metres)
    for row in rows.names[of < 0]:
        work.log.fault("grids", row, "lies in none of the zones", "Add its zone, or take the grid out")
    return of


def told_zones(rows: Rows, codes: coding.Spelled, work: Work) -> Geometries:
    """The zone that each grid says it is of, by its column or else its code; a fault for each that says none."""
    layout = work.profile.codes
    full = layout.zone_digits + layout.sequence_digits
    column = coding.spelled(rows.column("zone_code"), numeric="zone_code" in rows.numeric)
    own = [
        text if text is not None and not bad and text.isdigit() and len(text) == layout.zone_digits else None
        for text, bad in zip(column.text, column.rounded, strict=True)
    ]
    by_code = coding.zone_of_code(codes, layout)
    out = np.array([a or b for a, b in zip(own, by_code, strict=True)] + [None], dtype=object)[:-1]
    short = [k for k, text in enumerate(column.text) if text is not None and own[k] is None and not column.rounded[k]]
    if short:
        text = column.text[short[0]]
        first = f"{rows.names[short[0]]}, {text!r}: {coding.not_digits(text, layout.zone_digits)}"
        problem = f"have a zone_code that is none, and go by their own code; the first: {first}"
        work.log.notice("grids", problem, sum(by_code[k] is not None for k in short))
    cure = "Give the zones with --zones, or a column of their codes with --map grids.zone_code=COLUMN"
    for k in np.flatnonzero(pd.isna(pd.Series(out)).to_numpy()):
        malformed = f"code {codes.text[k]!r} is malformed: {coding.not_digits(codes.text[k] or '', full)}"
        why = codes.rounded[k] or (malformed if codes.text[k] else "it has no code")
        if k in short:
            why = f"zone_code {column.text[k]!r} is {coding.not_digits(column.text[k], layout.zone_digits)}, {why}"
        work.log.fault("grids", rows.names[k], f"{why}, and nothing tells its zone", cure)
    return out


def grid_codes(level: Level, codes: coding.Spelled, zone: Geometries, kind: Geometries, work: Work) -> Level:
    """Grids with their codes.

    Parameters
    ----------
    zone, kind : code and kind of the zone of each grid
    """
    layout = work.profile.codes
    room = [layout.sequence[k] for k in kind]
    places = coding.Places(zone, zone, room, _points(level.metres), coding.bands_m(_area(level), level.of))
    code = coding.coded("grids", codes, places, digits=layout.sequence_digits, names=level.names, log=work.log)
    return replace(level, code=code, code_was=codes.text)


def micro_codes(level: Level, grids: Level, work: Work) -> Level:
    """Micro-grids with their codes."""
    digits = work.profile.codes.micro_digits
    codes = coding.spelled(level.rows.column("microgrid_code"), numeric="microgrid_code" in level.rows.numeric)
    parent, was = grids.code[level.of], grids.code_was[level.of]
    before = np.array([a or b for a, b in zip(was, parent, strict=True)] + [None], dtype=object)[:-1]
    room = [(1, 10**digits - 1)] * len(parent)
    places = coding.Places(parent, before, room, _points(level.metres), coding.bands_m(_area(level), level.of))
    code = coding.coded("microgrids", codes, places, digits=digits, names=level.names, log=work.log)
    return replace(level, code=code, code_was=codes.text)


def tiled_by(pieces: Geometries, of: Ints, wholes: Geometries) -> Bools:
    """Wholes that have pieces, all of which together are them, vertex by vertex."""
    out = np.zeros(len(wholes), dtype=bool)
    out[of[of >= 0]] = True
    out[untiled(boundary_keys(pieces), of, boundary_keys(wholes))] = False
    return out


def _points(metres: Geometries) -> Floats:
    return np.asarray(shapely.get_coordinates(inner_points(metres)))


def _area(level: Level) -> Floats:
    return np.asarray(shapely.area(level.metres))


def _tell_vertices(rows: Rows, before: Geometries, after: Geometries, repairs: Repairs, log: Log) -> None:
    """Tell of rows whose border has other vertices now and the same land, and of whose parts some were joined."""
    told = {*(i for i, *_ in repairs.overlaps), *(j for _, j, _ in repairs.overlaps), *(row for row, _ in repairs.gaps)}
    changed = np.flatnonzero([a is not b for a, b in zip(before, after, strict=True)])
    vertices, parts = ((count(before[changed]), count(after[changed])) for count in COUNTED)
    for k, was, now in zip(changed, *vertices, strict=True):
        if k in told:
            continue
        if now > was:
            log.add(rows.role, rows.names[k], "vertices added", f"{now - was} of its neighbours")
        else:
            log.add(rows.role, rows.names[k], "vertices moved", "by less than a centimetre")
    for k, was, now in zip(changed, *parts, strict=True):
        if now < was:
            log.add(rows.role, rows.names[k], "parts merged", old=str(was), new=str(now))


def _tell_fitted(rows: Rows, told: Fitted, of: Ints, names: Geometries, above: str, log: Log) -> None:
    for row, area, width in told.outside:
        problem = f"{area:.0f} m2 of it, up to {width:.1f} m wide, lie outside its {above} {names[of[row]]}"
        log.fault(rows.role, rows.names[row], problem, f"Draw its border along that of the {above}")
    for k, area, width, point in told.empty:
        at = f"{point.x:.0f} {point.y:.0f}"
        problem = f"{area:.0f} m2, up to {width:.1f} m wide, are in none of its {rows.role}, at {at}"
        log.fault(f"{above}s", names[k], problem, f"Draw the {rows.role} up to the border of the {above}")
    for k in told.unclean:
        problem = f"the borders of its {rows.role} cannot be made one with its own"
        log.fault(f"{above}s", names[k], problem, f"Draw the {rows.role} anew along the border of the {above}")
    for row in told.vanished:
        log.fault(rows.role, rows.names[row], f"nothing of it lies in its {above}", "Take it out, or draw it anew")
    if told.refused:
        return
    for kind, some in (("cut to its " + above, told.cut), ("filled up", told.filled)):
        areas: dict[int, float] = {}
        for row, area in some:
            areas[row] = areas.get(row, 0.0) + area
        for row, area in areas.items():
            log.add(rows.role, rows.names[row], kind, f"{area:.2f} m2")
