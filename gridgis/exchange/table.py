"""Tables that tell the grid of each atom, or of each building: read, and what they say of each atom."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from gridgis.exchange import coding, strips
from gridgis.exchange.changes import Log
from gridgis.exchange.names import recognised, wrong_names
from gridgis.exchange.work import Declared
from gridgis.geometry.noding import Geometries, as_array, first_hit, inner_points
from gridgis.layers.columns import as_text, listed
from gridgis.layers.source import read_source
from gridgis.profile import CodeLayout

NAMED = 5
"""Ids without a match that are named; the others are counted."""


@dataclass(frozen=True)
class Assignment:
    """What a table says: the grid of each atom, or of each building.

    Attributes
    ----------
    key : "atom_id" or "building_id"
    ids, grid : of each row; codes well formed
    names : how the rows are called
    """

    key: str
    ids: Geometries
    grid: Geometries
    names: Geometries


def read_table(source: str, said: Declared, layout: CodeLayout, log: Log) -> Assignment | None:
    """Read a table; None, and faults in the log, where it cannot be used.

    A code that a spreadsheet rounded tells no grid any more: each is a fault.
    """
    rename = said.rename.get("table", {})
    raw = read_source(
        "table",
        source,
        rename=lambda header: recognised("table", header, rename=rename),
        encoding=said.encoding,
        findings=log.findings,
    )
    if raw is None:
        return None
    log.findings.faults += wrong_names("table", raw.available, rename)
    found = recognised("table", raw.available, rename=rename)
    key = next((name for name in ("atom_id", "building_id") if name in found), None)
    if key is None or "grid_code" not in found:
        what = "atom_id or building_id" if key is None else "grid_code"
        cure = (
            f"Name it with --map table.{what.rsplit(maxsplit=1)[-1]}=COLUMN; the columns are: {listed(raw.available)}"
        )
        log.fault("table", "", f"no column is known as {what}", cure)
        return None
    ids = as_text(raw.frame[found[key]])
    codes = coding.spelled(raw.frame[found["grid_code"]], numeric=False)
    _refuse_codes(codes, ids, raw.rows, layout, log)
    told = np.array([a is not None and b is not None for a, b in zip(ids, codes.text, strict=True)], dtype=bool)
    left = ", ".join(raw.rows[~told][:NAMED])
    log.notice("table", f"rows without an id or a grid were left out; the first: {left}", int((~told).sum()))
    return Assignment(key, ids[told], codes.text[told], raw.rows[told])


def _refuse_codes(codes: coding.Spelled, ids: Geometries, names: Geometries, layout: CodeLayout, log: Log) -> None:
    length = layout.zone_digits + layout.sequence_digits
    rounded = codes.rounded != ""
    cure = "Write the codes as text: format the column as text before they are typed or pasted"
    for row, text, why in zip(names[rounded], codes.text[rounded], codes.rounded[rounded], strict=True):
        log.fault("table", row, f"grid_code {text} {why}", cure)
    for row, own, text, bad in zip(names, ids, codes.text, rounded, strict=True):
        if own is not None and text is not None and not bad and not (len(text) == length and text.isdigit()):
            log.fault("table", row, f"grid_code {text!r} is not {length} digits", "Write the code of a grid")


def told_atoms(told: Assignment, atoms: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame | None, log: Log) -> Geometries:
    """The grid that a table gives to each atom; None where no building tells it.

    Of a table of atoms those that it leaves out stay where they are. Of several buildings in one atom those with most
    households decide, then the greater number of buildings, then the smaller code; that they disagree is told.

    Parameters
    ----------
    buildings : `building_id`, `households`; in the CRS of the atoms
    """
    if told.key == "atom_id":
        return _by_atom(told, atoms, log)
    if buildings is None:
        log.fault("table", "", "it tells the grid of buildings, and there are none", "Give them with --buildings")
        return np.full(len(atoms), None, dtype=object)
    return _by_building(told, atoms, buildings, log)


def _by_atom(told: Assignment, atoms: gpd.GeoDataFrame, log: Log) -> Geometries:
    grid = _once(told, log)
    known = set(atoms["atom_id"])
    _tell_lost([own for own in grid if own not in known], "atom_id", "atom", log)
    stays = zip(atoms["atom_id"], atoms["grid_code"], strict=True)
    return np.array([*(grid.get(own, code) for own, code in stays), None], dtype=object)[:-1]


def _by_building(told: Assignment, atoms: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, log: Log) -> Geometries:
    grid = _once(told, log)
    own = buildings["building_id"].to_numpy(dtype=object)
    known = set(own)
    _tell_lost([one for one in grid if one not in known], "building_id", "building", log)
    at = first_hit(inner_points(as_array(buildings.geometry)), as_array(atoms.geometry))
    nowhere = ", ".join(str(one) for one in own[at < 0][:NAMED])
    log.notice("buildings", f"lie in no atom; the first: {nowhere}", int((at < 0).sum()))
    votes = pd.DataFrame(
        {
            "atom": at,
            "grid": [grid.get(one) for one in own],
            "households": pd.array(buildings["households"], dtype="Int64").to_numpy(dtype=float, na_value=0.0),
        }
    )
    votes = votes[(votes["atom"] >= 0) & votes["grid"].notna()]
    count = votes.groupby(["atom", "grid"]).agg(households=("households", "sum"), number=("grid", "size"))
    ranked = count.reset_index().sort_values(
        ["atom", "households", "number", "grid"], ascending=[True, False, False, True]
    )
    first = ranked.drop_duplicates("atom")
    _tell_disagreement(ranked, atoms["atom_id"].to_numpy(dtype=object), log)
    out = np.full(len(atoms), None, dtype=object)
    out[first["atom"].to_numpy()] = first["grid"].to_numpy(dtype=object)
    return out


def _tell_disagreement(ranked: pd.DataFrame, ids: Geometries, log: Log) -> None:
    several = ranked[ranked.duplicated("atom", keep=False)]
    for atom, rows in several.groupby("atom", sort=True):
        said = ", ".join(f"{row.number} in {row.grid}" for row in rows.itertuples())
        log.add("atoms", ids[int(str(atom))], "buildings disagree", said, new=str(rows["grid"].iloc[0]))


def _once(told: Assignment, log: Log) -> dict[str, str]:
    """The grid of each id; a fault for each that has several."""
    out: dict[str, str] = {}
    for row, own, grid in zip(told.names, told.ids, told.grid, strict=True):
        if out.setdefault(own, grid) != grid:
            problem = f"{told.key} {own} is in {grid} here and in {out[own]} before"
            log.fault("table", row, problem, "Give each its one grid")
    return out


def _tell_lost(lost: list[str], key: str, what: str, log: Log) -> None:
    if lost:
        named = ", ".join(sorted(lost)[:NAMED])
        log.notice("table", f"{key} of no {what}, such as {named}", len(lost))


def completed(label: Geometries, atoms: gpd.GeoDataFrame, metres: Geometries, log: Log) -> Geometries:
    """Grids of all atoms: those of which nothing is told join the neighbour with the longest border in their zone.

    Where nothing is told of a whole zone its atoms stay in the grids in which they are.

    Parameters
    ----------
    label : grid of each atom, None where nothing is told
    atoms : `atom_id`, `grid_code`, `zone_code`
    metres : their polygons
    """
    out = label.copy()
    ids = atoms["atom_id"].to_numpy(dtype=object)
    stays = atoms["grid_code"].to_numpy(dtype=object)
    for mine in atoms.groupby("zone_code", sort=True).indices.values():
        told = np.array([label[k] is not None for k in mine], dtype=bool)
        if not told.any():
            out[mine] = stays[mine]
            continue
        names, number = np.unique(label[mine[told]].astype(str), return_inverse=True)
        start = np.full(len(mine), -1, dtype=np.int64)
        start[told] = number
        found = strips.given(metres[mine], start)
        for k, to in zip(mine[~told], found[~told], strict=True):
            out[k] = str(names[to]) if to >= 0 else stays[k]
            log.add(
                "atoms", ids[k], "atom given", "nothing is told of it: with its neighbours", old=stays[k], new=out[k]
            )
    return out
