"""What stands in a zone, a grid or a micro-grid: what it is made of, what is beside it, what is locked in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.adjust.draft import Draft, Locks, absent
from gridgis.adjust.plane import Plane
from gridgis.adjust.preview import in_range, lived_in_atoms, micro_out, range_text
from gridgis.errors import Fault, InputRefused
from gridgis.geometry.borders import adjacency
from gridgis.geometry.noding import Geometries, as_array
from gridgis.profile import CodeLayout
from gridgis.schema import KEYS

ROWS = ("level", "code", "name", "kind", "households", "range", "in_range", "area_m2", "locked", "flags")
"""Columns of the rows that are shown."""

WORD = {"zones": "zone", "grids": "grid", "microgrids": "micro-grid"}


@dataclass(frozen=True)
class Shown:
    """What stands under a code.

    Attributes
    ----------
    rows : DataFrame
        The columns :data:`ROWS`: the row that was asked for, then those that it is made of (grids of a zone,
        micro-grids of a grid, zones of a version); `in_range` is empty where no range holds.
    atoms : DataFrame
        `atom_id`, `grid_code`, `microgrid_code`, `households` of its atoms; none of a version.
    neighbours : DataFrame
        `code`, `name`, `households` of what has a border with it on the same level, and `border_m`, its length.
    locks : those of its grids and of their borders
    """

    rows: pd.DataFrame
    atoms: pd.DataFrame
    neighbours: pd.DataFrame
    locks: Locks

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        frames = {name: _records(getattr(self, name)) for name in ("rows", "atoms", "neighbours")}
        return {**frames, "locked": {"grids": sorted(self.locks.grids), "borders": sorted(self.locks.borders)}}


def shown(draft: Draft, code: str) -> Shown:
    """What stands under the code of a zone, a grid or a micro-grid.

    Parameters
    ----------
    draft : with the zone of the code, and the zones around it

    Raises
    ------
    InputRefused
        Where it is no code of one of them, or nothing stands under it.
    """
    level = _level(draft.profile.codes, code)
    division, key = draft.division, KEYS[level]
    frame = getattr(division, level)
    own = frame[frame[key] == code]
    if own.empty:
        raise InputRefused([absent(level, code, word=WORD[level])])
    below = {"zones": "grids", "grids": "microgrids"}.get(level)
    atoms = division.atoms[division.atoms[key] == code]
    rows = _rows(draft, level, own)
    if below is not None:
        parts = getattr(division, below)
        rows = [*rows, *_rows(draft, below, parts[parts[key] == code])]
    grids = set(atoms["grid_code"])
    return Shown(
        _framed(rows),
        pd.DataFrame(atoms[["atom_id", "grid_code", "microgrid_code", "households"]]).reset_index(drop=True),
        _beside(frame, key, code),
        locks_among(draft.locks, grids),
    )


def shown_zones(draft: Draft) -> Shown:
    """The zones of a draft, and all that is locked in it."""
    rows = _framed(_rows(draft, "zones", draft.division.zones))
    atoms = pd.DataFrame(columns=["atom_id", "grid_code", "microgrid_code", "households"])
    return Shown(rows, atoms, pd.DataFrame(columns=["code", "name", "households", "border_m"]), draft.locks)


def locks_among(locks: Locks, grids: Collection[str]) -> Locks:
    """Locks of some grids, and of borders of them."""
    held = frozenset(pair for pair in locks.borders if not set(pair).isdisjoint(grids))
    return Locks(locks.grids & set(grids), held)


def _level(layout: CodeLayout, code: str) -> str:
    zone, grid = layout.zone_digits, layout.zone_digits + layout.sequence_digits
    lengths = {zone: "zones", grid: "grids", grid + layout.micro_digits: "microgrids"}
    if len(code) not in lengths:
        told = ", ".join(f"{digits} digits for a {WORD[level]}" for digits, level in lengths.items())
        raise InputRefused([Fault("draft", code, "is no code of a zone, grid or micro-grid", f"Write {told}")])
    return lengths[len(code)]


def _rows(draft: Draft, level: str, frame: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Rows of one level as they are shown."""
    lived_in = lived_in_atoms(draft.division.atoms) if level == "microgrids" else {}
    kinds = dict(zip(draft.division.zones["zone_code"], draft.division.zones["kind"], strict=True))
    alone = frame["grid_code"].value_counts().to_dict() if level == "microgrids" else {}
    out = []
    for row in frame.to_dict("records"):
        code, kind = row[KEYS[level]], kinds[row["zone_code"]]
        allowed, inside = None, None
        if level == "grids":
            allowed, inside = in_range(kind, row["households"], row["area_m2"], draft.profile)
        elif level == "microgrids":
            allowed = draft.profile.rules[kind].micro_households
            size = 0 if pd.isna(row["households"]) else int(row["households"])
            if allowed is not None and size:
                single = alone[row["grid_code"]] == 1
                inside = not micro_out(size, allowed, lived_in=lived_in.get(code, 0), alone=single)
        shown_row = {
            "level": WORD[level],
            "code": code,
            "name": "" if pd.isna(row.get("name")) else row["name"],
            "kind": kind,
            "households": row["households"],
            "range": range_text(allowed),
            "in_range": inside,
            "area_m2": row["area_m2"],
            "locked": row.get("grid_code") in draft.locks.grids,
            "flags": "" if pd.isna(row["flags"]) else row["flags"],
        }
        out.append(shown_row)
    return out


def _framed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table; households stay whole numbers where some are not known."""
    table = pd.DataFrame(rows, columns=list(ROWS), dtype=object)
    return table.assign(households=table["households"].astype("Int64"), area_m2=table["area_m2"].astype(float))


def _beside(frame: gpd.GeoDataFrame, key: str, code: str) -> pd.DataFrame:
    """What has a border with a row, in the order of the codes."""
    rows = np.flatnonzero((frame[key] == code).to_numpy())
    land: Geometries = as_array(frame.geometry)
    near = np.unique(shapely.STRtree(land).query(land[rows], predicate="intersects")[1])
    pairs, length = adjacency(Plane.of(frame).metres(land[near]))
    mine = (near[pairs] == rows[0]).any(axis=1)
    other = np.where(near[pairs[mine, 0]] == rows[0], near[pairs[mine, 1]], near[pairs[mine, 0]])
    order = np.argsort(frame[key].to_numpy(dtype=str)[other], kind="stable")
    told = frame.iloc[other[order]]
    columns = {
        "code": told[key].array,
        "name": told["name"].fillna("").array if "name" in told else "",
        "households": told["households"].array,
        "border_m": length[mine][order],
    }
    return pd.DataFrame(columns)


def _records(frame: pd.DataFrame) -> list[Mapping[str, Any]]:
    """Rows as JSON has them: nothing as null, numbers as plain ones."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [
        {str(name): value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
        for row in plain.to_dict("records")
    ]
