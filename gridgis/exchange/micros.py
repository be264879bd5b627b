"""Micro-grids and atoms of a division drawn elsewhere: those given, else each grid is one micro-grid and one atom."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import transform
from gridgis.exchange import levels
from gridgis.exchange.levels import Level
from gridgis.exchange.nest import parents
from gridgis.exchange.restored import Drawn
from gridgis.exchange.rows import Rows, without_slivers
from gridgis.exchange.work import Work
from gridgis.geometry.noding import Geometries, Ints

COLUMNS = ("microgrid_code", "households", "flags")


def microgrids_of(grids: Level, given: Rows | None, drawn: Drawn, metric: CRS, work: Work) -> Level | None:
    """Micro-grids that fill their grids, a grid without any as its own; None, and faults in the log, where they cannot.

    Parameters
    ----------
    grids : with their codes; `code_was` is what they had in the source
    drawn : takes what was drawn
    """
    step = work.within("micro-grids")
    if given is None:
        return _own(grids)
    rows, metres = without_slivers(given, metric, work.log, profile=work.profile)
    drawn.append((rows.geometry, metres))
    of = parents(metres, grids.metres)
    for row in rows.names[of < 0]:
        work.log.fault("microgrids", row, "lies in none of the grids", "Take it out, or draw its grid")
    if work.refused:
        return None
    bare = np.flatnonzero(~np.isin(np.arange(len(grids.metres)), of))
    every = _joined(rows, grids.rows.where(bare))
    above = np.concatenate([of, bare])
    fit = _fitted(every, np.concatenate([metres, grids.metres[bare]]), above, grids, work)
    if fit is None:
        return None
    step(1.0)
    given_ones = np.arange(len(rows))
    coded = levels.micro_codes(Level(every.where(given_ones), fit[given_ones], of), grids, work)
    code = np.concatenate([coded.code, _own(grids).code[bare]])
    return Level(every, fit, above, code)


def _fitted(rows: Rows, metres: Geometries, of: Ints, grids: Level, work: Work) -> Geometries | None:
    step = work.within("micro-grids")
    whole = levels.repaired(rows, metres, work, step)
    if whole is None:
        return None
    return levels.nested(rows, whole, of, grids.metres, grids.names, "grid", work, step)


def _own(grids: Level) -> Level:
    """Each grid as its own micro-grid."""
    table = pd.DataFrame({"households": grids.rows.column("households"), "flags": None}, dtype=object)
    code = np.array([*(f"{code}01" for code in grids.code), None], dtype=object)[:-1]
    return Level(replace(grids.rows, role="microgrids", table=table), grids.metres, np.arange(len(code)), code)


def _joined(rows: Rows, bare: Rows) -> Rows:
    """Micro-grids, and after them grids that have none."""
    own = pd.DataFrame({column: rows.column(column).to_numpy(dtype=object) for column in COLUMNS}, dtype=object)
    other = pd.DataFrame({"households": bare.column("households").to_numpy(dtype=object)}, dtype=object)
    return replace(
        rows,
        table=pd.concat([own, other.reindex(columns=COLUMNS)], ignore_index=True) if len(bare) else own,
        geometry=np.concatenate([rows.geometry, bare.geometry]),
        names=np.concatenate([rows.names, bare.names]),
    )


def atoms_of(
    micros: Level, given: Rows | None, drawn: Drawn, metric: CRS, work: Work
) -> tuple[pd.DataFrame, Geometries, Ints]:
    """Atoms where they fill their micro-grid; else the micro-grid is one.

    Returns
    -------
    `atom_id` and `households` of each, its land, and the row of its micro-grid.
    """
    every = np.arange(len(micros.metres))
    if given is None:
        return _whole(micros, every)
    metres = transform(given.geometry, given.crs, metric)
    of = parents(metres, micros.metres)
    good = levels.tiled_by(metres, of, micros.metres)
    work.log.notice("atoms", "do not fill their micro-grid, which is one atom now", int((~good).sum()))
    mine = np.flatnonzero((of >= 0) & good[of])
    drawn.append((given.geometry, metres))
    own = {name: given.column(name).iloc[mine].array for name in ("atom_id", "households")}
    table, rest, above = _whole(micros, every[~good])
    both = pd.concat([pd.DataFrame(own, dtype=object), table], ignore_index=True)
    over = np.concatenate([of[mine], above])
    both["atom_id"] = _ids(both["atom_id"], micros.code[over], work)
    return both, np.concatenate([metres[mine], rest]), over


def _whole(micros: Level, rows: Ints) -> tuple[pd.DataFrame, Geometries, Ints]:
    """Micro-grids as atoms, each part of one that is detached by itself, the largest first.

    Households of such parts are not known: their micro-grid keeps them.
    """
    parts, at = shapely.get_parts(micros.metres[rows], return_index=True)
    single = shapely.get_num_geometries(micros.metres[rows]) == 1
    order = np.lexsort((-shapely.area(parts), at))
    parts, at = parts[order], at[order]
    number = np.arange(len(at)) - np.searchsorted(at, at) + 1
    shape = np.where(single[at], micros.metres[rows][at], parts)
    households = micros.rows.column("households").to_numpy(dtype=object)[rows[at]]
    households[~single[at]] = None
    ids = [f"{code}-{n}" for code, n in zip(micros.code[rows[at]], number, strict=True)]
    return pd.DataFrame({"atom_id": ids, "households": households}, dtype=object), shape, rows[at]


def _ids(given: pd.Series, code: Geometries, work: Work) -> pd.Series:
    """Ids of atoms, each once: those without one, or with that of another one, are numbered in their micro-grid."""
    text = [None if pd.isna(value) else str(value).strip() or None for value in given]
    again = pd.Series(text, dtype=object).duplicated().to_numpy() & pd.notna(np.array(text, dtype=object))
    work.log.notice("atoms", "have an id that another one has, and got a new one", int(again.sum()))
    taken, out = {t for t in text if t is not None}, []
    count: dict[str, int] = defaultdict(int)
    for own, twice, micro in zip(text, again, code, strict=True):
        name = None if twice else own
        while name is None:
            count[micro] += 1
            next_one = f"{micro}-{count[micro]}"
            name = None if next_one in taken else next_one
        out.append(name)
        taken.add(name)
    return pd.Series(out, dtype=object)
