"""Codes for life: which grid of a new division goes on with which code, and what passes from grid to grid.

Invariant: a grid keeps its code where more than a stated share, half by default, of its households, of its area where
it has none, lies in one grid of the new division that stands in the same zone, and a micro-grid likewise in its grid;
a new number is one that was never used. Source: contract, Codes; a retired code is not used again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.errors import Fault, refuse
from gridgis.geometry.noding import Floats, as_array, first_hit, inner_points
from gridgis.profile import CodeLayout
from gridgis.schema import KEYS, PARENT, Division

KEPT_SHARE = 0.5
"""A grid keeps its code where more than this share of it stays together."""


def passed_on(
    old_atoms: gpd.GeoDataFrame, new_grids: gpd.GeoDataFrame, *, key: str = "grid_code", area: Floats | None = None
) -> pd.DataFrame:
    """What each old grid passed on to each new one: a row for each pair that shares land.

    Atoms are whole: one that a new border cuts counts where its inner point lies.

    Parameters
    ----------
    old_atoms : `key`, `households`; polygons
    new_grids : `key`; polygons in the same CRS
    key : `grid_code`, or `microgrid_code` for micro-grids
    area : of each atom; by default in the unit of the CRS, squared

    Returns
    -------
    DataFrame
        `old_code`, `new_code` (empty where the land lies in no new grid), `households` (empty where they are not
        known) and `area`, in the order of the codes.
    """
    at = first_hit(inner_points(as_array(old_atoms.geometry)), as_array(new_grids.geometry))
    table = pd.DataFrame(
        {
            "old_code": old_atoms[key].to_numpy(dtype=object),
            "new_code": np.append(new_grids[key].to_numpy(dtype=object), "")[at],
            "households": pd.array(old_atoms["households"], dtype="Int64"),
            "area": shapely.area(as_array(old_atoms.geometry)) if area is None else area,
        }
    )
    by = table.groupby(["old_code", "new_code"], sort=True)
    return pd.concat([by["households"].sum(min_count=1), by["area"].sum()], axis=1).reset_index()


def kept_codes(passed: pd.DataFrame, *, digits: int, share: float = KEPT_SHARE) -> dict[str, str]:
    """The old code that each new grid goes on with, by the code it has now; those without one are left out.

    Where several old grids have most of themselves in one new grid, it goes on with the one that brings most
    households, then most area, then the smallest code. Grids of another zone, micro-grids of another grid, go on
    with none.

    Parameters
    ----------
    passed : as :func:`passed_on` gives it
    digits : of the number at the end of a code
    """
    table = passed.assign(households=passed["households"].astype("Float64").fillna(0.0).astype(float))
    whole = table.groupby("old_code")[["households", "area"]].transform("sum")
    peopled = whole["households"] > 0
    part = np.where(
        peopled, table["households"] / whole["households"].where(peopled, 1.0), table["area"] / whole["area"]
    )
    same_parent = table["old_code"].str[:-digits] == table["new_code"].str[:-digits]
    heirs = table[(part > share) & same_parent & (table["new_code"] != "")]
    order = heirs.sort_values(["households", "area", "old_code"], ascending=[False, False, True], kind="stable")
    first = order.drop_duplicates("new_code")
    return dict(zip(first["new_code"], first["old_code"], strict=True))


def renumbered(
    codes: Collection[str],
    kept: Mapping[str, str],
    *,
    room: Mapping[str, tuple[int, int]],
    digits: int,
    spent: Collection[str],
    layer: str,
) -> dict[str, str]:
    """The code of each grid or micro-grid: the kept one, else the next number of its parent that was never used.

    The next one follows the highest; where that was the last, the gaps are filled from the lowest.

    Parameters
    ----------
    codes : as they are numbered now
    room : the first and last number that each of them may have
    digits : of the number at the end of a code
    spent : every code that was ever confirmed
    layer : that the codes are of, for messages

    Raises
    ------
    InputRefused
        Where a parent has no number left.
    """
    taken: dict[str, set[int]] = {}
    for code in (*spent, *kept.values()):
        taken.setdefault(code[:-digits], set()).add(int(code[-digits:]))
    out, free, faults = dict(kept), {}, {}
    for code in sorted(set(codes) - kept.keys()):
        parent, (low, high) = code[:-digits], room[code]
        if (parent, low) not in free:
            free[parent, low] = free_numbers(taken.get(parent, set()), low, high)
        number = next(free[parent, low], None)
        if number is None:
            cure = "Divide what is above it anew, or widen the numbers in the profile"
            problem = f"no number of {low} to {high} is left for its {layer}"
            faults[parent] = Fault(PARENT[layer], parent, problem, cure)
        out[code] = f"{parent}{number or 0:0{digits}d}"
    refuse(faults.values())
    return out


def free_numbers(taken: Collection[int], low: int, high: int) -> Iterator[int]:
    """Numbers that were never used, those after the highest first."""
    last = max((number for number in taken if low <= number <= high), default=low - 1)
    yield from range(last + 1, high + 1)
    yield from (number for number in range(low, last) if number not in taken)


class Carried(NamedTuple):
    """A division whose codes go on, and the new code of each grid and micro-grid that has another one now."""

    division: Division
    codes: dict[str, str]


def carried_on(
    division: Division, old_atoms: gpd.GeoDataFrame, *, spent: Collection[str], layout: CodeLayout
) -> Carried:
    """A division with the codes that go on from the atoms of one before it; others get numbers that were never used.

    Parameters
    ----------
    old_atoms : `grid_code`, `households`, and `microgrid_code` where the numbers of micro-grids go on too; polygons
        in the CRS of the division
    spent : every code that was ever confirmed
    """
    kept = kept_codes(passed_on(old_atoms, division.grids), digits=layout.sequence_digits)
    grid = numbered(division, "grids", kept, spent=spent, layout=layout)
    micros = division.microgrids[["microgrid_code", "grid_code"]].to_numpy(dtype=object)
    division = recoded(division, grid)
    micro = {code: code for code in division.microgrids["microgrid_code"]}
    if "microgrid_code" in old_atoms:
        passed = passed_on(old_atoms, division.microgrids, key="microgrid_code")
        kept = kept_codes(passed, digits=layout.micro_digits)
        micro = numbered(division, "microgrids", kept, spent=spent, layout=layout)
        division = micro_recoded(division, micro)
    codes = grid | {code: micro[grid[of] + code[len(of) :]] for code, of in micros}
    return Carried(division, {was: now for was, now in codes.items() if was != now})


def numbered(
    division: Division, layer: str, kept: Mapping[str, str], *, spent: Collection[str], layout: CodeLayout
) -> dict[str, str]:
    """The code of each grid or micro-grid of a division: the kept one, else the next that was never used."""
    frame: gpd.GeoDataFrame = getattr(division, layer)
    codes = frame[KEYS[layer]]
    if layer == "grids":
        room = {code: layout.sequence[kind] for code, kind in zip(codes, frame["kind"], strict=True)}
        return renumbered(codes, kept, room=room, digits=layout.sequence_digits, spent=spent, layer=layer)
    digits = layout.micro_digits
    room = dict.fromkeys(codes, (1, 10**digits - 1))
    return renumbered(codes, kept, room=room, digits=digits, spent=spent, layer=layer)


def recoded(division: Division, new: Mapping[str, str]) -> Division:
    """A division whose grids have other codes; micro-grids and atoms keep their end under the new code.

    The id of an atom stays its own: where another has it already, a number follows.
    """

    def under(values: pd.Series, parent: pd.Series) -> list[str]:
        return [new[p] + v[len(p) :] if v.startswith(p) else v for v, p in zip(values, parent, strict=True)]

    old = {name: getattr(division, name)["grid_code"] for name in ("grids", "microgrids", "atoms")}
    code = {name: values.map(new) for name, values in old.items()}
    micros, atoms, borders = division.microgrids, division.atoms, division.borders
    names = _renamed(division.grids["name"], old["grids"], code["grids"])
    micro_codes = under(micros["microgrid_code"], old["microgrids"])
    return replace(
        division,
        grids=_sorted(division.grids.assign(grid_code=code["grids"], name=names), "grid_code"),
        microgrids=_sorted(micros.assign(grid_code=code["microgrids"], microgrid_code=micro_codes), "microgrid_code"),
        atoms=_sorted(
            atoms.assign(
                grid_code=code["atoms"],
                microgrid_code=under(atoms["microgrid_code"], old["atoms"]),
                atom_id=_distinct(atoms["atom_id"], under(atoms["atom_id"], old["atoms"])),
            ),
            "atom_id",
        ),
        borders=borders.assign(
            **{
                side: borders[side].map(new).astype(object).where(borders[side].notna(), None)
                for side in ("first_code", "second_code")
            }
        ),
    )


def _distinct(old: pd.Series, new: Sequence[str]) -> list[str]:
    """Ids under new codes, none twice: an atom that moved has kept the id of where it came from."""
    taken = {now for was, now in zip(old, new, strict=True) if was == now}
    out = []
    for was, now in zip(old, new, strict=True):
        tries = (now, *(f"{now}-{k}" for k in range(2, len(new) + 2)))
        one = now if was == now else next(text for text in tries if text not in taken)
        taken.add(one)
        out.append(one)
    return out


def micro_recoded(division: Division, new: Mapping[str, str]) -> Division:
    """A division whose micro-grids have other codes."""
    micros, atoms = division.microgrids, division.atoms
    return replace(
        division,
        microgrids=_sorted(micros.assign(microgrid_code=micros["microgrid_code"].map(new)), "microgrid_code"),
        atoms=atoms.assign(microgrid_code=atoms["microgrid_code"].map(new)),
    )


def _renamed(names: pd.Series, old: pd.Series, new: pd.Series) -> list[Any]:
    """Names that end on the sequence of the old code end on that of the new one."""
    return [
        f"{name[:-3]}{after[-3:]}" if isinstance(name, str) and name.endswith(before[-3:]) else name
        for name, before, after in zip(names, old, new, strict=True)
    ]


def _sorted(frame: gpd.GeoDataFrame, key: str) -> gpd.GeoDataFrame:
    return frame.sort_values(key, kind="stable", ignore_index=True)
