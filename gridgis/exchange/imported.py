"""A division drawn elsewhere as one of ours: read, repaired, coded and judged; every change is listed.

Invariant: what comes out holds all hard rules, or nothing comes out and every reason is told. Land, codes and names
without a fault are those of the source, to the last bit and letter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import metric_crs, transform
from gridgis.errors import Fault, Notice
from gridgis.exchange import assemble, changes, coding, content, levels, zoning
from gridgis.exchange.changes import Change, Log
from gridgis.exchange.cover import stitched_together
from gridgis.exchange.given import Given, read_given
from gridgis.exchange.judged import judged
from gridgis.exchange.lacking import tell_lacking
from gridgis.exchange.levels import Level
from gridgis.exchange.micros import atoms_of, microgrids_of
from gridgis.exchange.restored import Drawn, Originals
from gridgis.exchange.rows import Rows, without_slivers
from gridgis.exchange.work import Declared, Progress, Work
from gridgis.geometry.noding import Geometries, Ints
from gridgis.layers.shapes import bounds_of
from gridgis.profile import Profile
from gridgis.schema import Division


@dataclass(frozen=True)
class Imported:
    """What an import makes of its sources.

    Attributes
    ----------
    division : None where a fault forbids it
    """

    division: Division | None
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]
    notices: tuple[Notice, ...]

    def report(self) -> pd.DataFrame:
        """Everything as one table, columns as :data:`gridgis.exchange.changes.COLUMNS`."""
        return changes.report(self.changes, self.faults, self.notices)

    def summed(self) -> dict[str, int]:
        """How many changes there are of each kind."""
        return changes.summed(self.changes)


def imported(
    sources: Mapping[str, str],
    said: Declared,
    *,
    profile: Profile,
    crs: CRS | None = None,
    info: Mapping[str, Any],
    progress: Progress | None = None,
) -> Imported:
    """Make a division of layers that were drawn elsewhere.

    Parameters
    ----------
    sources : layer of :data:`gridgis.exchange.given.ROLES` to `FILE` or `FILE:LAYER`; the grids must be there
    said : what a person says about the files
    crs : of the result; that of the grids by default
    info : the row of the layer `division`, without metrics
    progress : told the stage and how much of the whole is done
    """
    work = Work(profile, progress=progress)
    work.within("read")
    given = read_given(sources, said, work.log)
    if given is None or work.refused:
        return outcome(None, work.log)
    made = _made(given, crs, {**info, "inputs_sha256": content.of_layers(given)}, work)
    if made is None or work.refused:
        return outcome(None, work.log)
    zones = None if given.zones is None else given.zones[0]
    _tell_households(made, given.grids, work)
    found = judged(made, work, zones=zones, streets=given.streets, buildings=given.buildings, known=given.known)
    return outcome(found, work.log)


def _tell_households(made: Division, rows: Rows, work: Work) -> None:
    """Tell where the households that grids say are other ones than those of their micro-grids and atoms."""
    if "households" not in rows.table:
        return
    said, total = (int(some["households"].fillna(0).sum()) for some in (rows.table, made.grids))
    if said and said != total:
        problem = f"grids say {said} households, their micro-grids and atoms {total}, which was taken"
        work.log.notice("grids", problem)


def outcome(division: Division | None, log: Log) -> Imported:
    """What came of an import: the division only where nothing forbids it."""
    found = log.findings
    return Imported(None if found.faults else division, tuple(log.changes), tuple(found.faults), tuple(found.notices))


@dataclass(frozen=True)
class _Grids:
    """Grids with zone and code, the table of the zones, and their land (empty where it is that of their grids).

    `drawn` is that land as it was drawn, and the same in metres.
    """

    level: Level
    zones: pd.DataFrame
    land: Geometries
    drawn: tuple[Geometries, Geometries] | None = None


def _made(given: Given, crs: CRS | None, info: dict[str, Any], work: Work) -> Division | None:
    """The division, not yet judged; None, and faults in the log, where it cannot be made."""
    metric = metric_crs(given.grids.crs, bounds_of(given.grids.geometry))
    rows, metres = without_slivers(given.grids, metric, work.log, profile=work.profile)
    if not len(rows):
        work.log.fault("grids", "", "no row is a grid", "Give a layer of polygons")
        return None
    drawn: Drawn = [(rows.geometry, metres)]
    grids = _grids(rows, metres, given, metric, work)
    if grids is None or work.refused:
        return None
    drawn += [grids.drawn] if grids.drawn else []
    micros = microgrids_of(grids.level, given.microgrids, drawn, metric, work)
    if micros is None or work.refused:
        return None
    work.within("assemble")
    atoms = atoms_of(micros, given.atoms, drawn, metric, work)
    shape = _from_below(grids, micros, atoms[1], atoms[2])
    originals = Originals(drawn, crs=rows.crs, metric=metric)
    target = rows.crs if crs is None else crs
    placed = {name: transform(originals.back(some), rows.crs, target) for name, some in shape.items()}
    of = {"grids": grids.level.of, "microgrids": micros.of, "atoms": atoms[2]}
    table = _grid_table(grids, work.profile)
    land = assemble.Land(grids.zones, table, _micro_table(micros), atoms[0], of, placed)
    return assemble.division(land, crs=target, info={**info, "metrics": {}})


def _grids(rows: Rows, metres: Geometries, given: Given, metric: CRS, work: Work) -> _Grids | None:
    codes = coding.spelled(rows.column("grid_code"), numeric="grid_code" in rows.numeric)
    zones = None if given.zones is None else zoning.cleaned(given.zones, metric, _codes_told(rows, codes), work)
    own = levels.told_zones(rows, codes, work) if given.zones is None else None
    above = None if own is None else pd.factorize(pd.Series(own, dtype=object))[0]
    whole = levels.repaired(rows, metres, work, work.within("repair"), above=above)
    if whole is None or work.refused:
        return None
    if zones is not None:
        found = _in_given_zones(rows, whole, codes, zones, work)
    else:
        tell_lacking(whole, codes.text, own, work.log, crs=rows.crs, metric=metric)  # type: ignore[arg-type]
        found = _in_told_zones(rows, whole, codes, own, work)  # type: ignore[arg-type]
    if found is None:
        return None
    kind = found.zones["kind"].to_numpy(dtype=object)[found.level.of]
    zone = found.zones["zone_code"].to_numpy(dtype=object)[found.level.of]
    return replace(found, level=levels.grid_codes(found.level, codes, zone, kind, work))


def _in_given_zones(
    rows: Rows, metres: Geometries, codes: coding.Spelled, zones: zoning.Zones, work: Work
) -> _Grids | None:
    of = levels.zones_of_grids(rows, metres, zones, work)
    if work.refused:
        return None
    table = zones.frame[["zone_code", "name", "kind", "households"]]
    names = table["zone_code"].to_numpy(dtype=object)
    fit = levels.nested(rows, metres, of, zones.metres, names, "zone", work, work.within("fit"))
    drawn = np.asarray(zones.frame.geometry.to_numpy(), dtype=object), zones.drawn
    return None if fit is None else _Grids(Level(rows, fit, of, codes.text), table, zones.metres, drawn)


def _in_told_zones(rows: Rows, metres: Geometries, codes: coding.Spelled, own: Geometries, work: Work) -> _Grids:
    """Zones made of the grids that say they are of them."""
    names, of = np.unique(own.astype(str), return_inverse=True)
    table = _zone_table(rows, names.astype(object), of, _codes_told(rows, codes), work.profile)
    nothing = np.full(len(names), shapely.Polygon(), dtype=object)
    return _Grids(Level(rows, metres, of.astype(np.int64), codes.text), table, nothing)


def _codes_told(rows: Rows, codes: coding.Spelled) -> zoning.Told:
    """What grids tell of the kind of their zones."""
    return zoning.Told(codes.text, rows.column("kind").to_numpy(dtype=object))


def _zone_table(rows: Rows, codes: Geometries, of: Ints, told: zoning.Told, profile: Profile) -> pd.DataFrame:
    called: dict[int, list[str]] = defaultdict(list)
    for k, name in zip(of, rows.column("zone_name"), strict=True):
        called[k] += [name] if isinstance(name, str) else []
    names = [max(sorted(set(called[k])), key=called[k].count, default=None) for k in range(len(codes))]
    kinds = zoning.kinds(codes, of, told, profile.codes)
    return pd.DataFrame({"zone_code": codes, "name": names, "kind": kinds}, dtype=object)


def _from_below(grids: _Grids, micros: Level, atoms: Geometries, of: Ints) -> dict[str, Geometries]:
    """Land of every layer, made again from the atoms where these have other vertices."""
    leaf = stitched_together(atoms)
    micro = assemble.dissolved_up(leaf, of, micros.metres)
    grid = assemble.dissolved_up(micro, micros.of, grids.level.metres)
    zone = assemble.dissolved_up(grid, grids.level.of, grids.land)
    return {"atoms": leaf, "microgrids": micro, "grids": grid, "zones": zone}


def _micro_table(micros: Level) -> pd.DataFrame:
    own = {name: micros.rows.column(name).to_numpy(dtype=object) for name in ("households", "flags")}
    return pd.DataFrame({"microgrid_code": micros.code, **own}, dtype=object)


def _grid_table(grids: _Grids, profile: Profile) -> pd.DataFrame:
    level, digits = grids.level, profile.codes.sequence_digits
    zone = grids.zones["name"].to_numpy(dtype=object)[level.of]
    names = [
        name if isinstance(name, str) else profile.naming.grid_name(of, code, digits=digits)
        for name, of, code in zip(level.rows.column("name"), zone, level.code, strict=True)
    ]
    columns = ("households", "households_from", "border_on_road", "flags")
    own = {name: level.rows.column(name).to_numpy(dtype=object) for name in columns}
    return pd.DataFrame({"grid_code": level.code, "name": names, **own}, dtype=object)
