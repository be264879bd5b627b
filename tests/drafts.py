"""Drafts of small towns to be edited, and what must hold of a draft whatever was done to it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import shapely
from towns import Plan, build

from gridgis import jobs, rules
from gridgis.adjust.draft import Draft, Edit
from gridgis.geometry.borders import adjacency
from gridgis.schema import KEYS, Division

LAND = (*KEYS, "borders")


@cache
def town(plan: Plan) -> Division:
    """The division of a town, made once."""
    return jobs.divide(**build(plan).frames)


def drafted(division: Division, *, zones: tuple[str, ...] = ()) -> Draft:
    """Zones of a division as a draft; all of them by default."""
    codes = set(zones or division.zones["zone_code"])
    frames = {name: getattr(division, name) for name in KEYS}
    frames = {name: frame[frame["zone_code"].isin(codes)].reset_index(drop=True) for name, frame in frames.items()}
    mine = set(frames["grids"]["grid_code"])
    for name in ("borders",):
        frame = getattr(division, name)
        beside = frame["first_code"].isin(mine) | frame["second_code"].isin(mine)
        frames[name] = frame[beside].reset_index(drop=True)
    frames["lines"] = division.lines[division.lines["zone_code"].isin(codes)].reset_index(drop=True)
    crs = division.zones.crs
    return Draft(Division.with_layers(frames, info=division.info, crs=crs), rules.profile_of(division))


def hard(division: Division) -> pd.DataFrame:
    """Hard offenders."""
    found = rules.check(division)
    return found[found["severity"] == "hard"][["rule", "code", "detail"]]


def households(draft: Draft) -> int:
    """All households, as the atoms have them."""
    return int(draft.division.atoms["households"].fillna(0).sum())


def borders_of_atoms(draft: Draft) -> list[tuple[str, str]]:
    """Pairs of an atom and a grid beside it, of one zone, in their order."""
    atoms = draft.division.atoms
    pairs, _ = adjacency(atoms.geometry.values)
    grid, zone, name = (atoms[c].to_numpy(dtype=object) for c in ("grid_code", "zone_code", "atom_id"))
    both = np.concatenate([pairs, pairs[:, ::-1]])
    return sorted({(name[i], grid[j]) for i, j in both if grid[i] != grid[j] and zone[i] == zone[j]})


def assert_same(one: Division, two: Division, *, layers: tuple[str, ...] = LAND) -> None:
    """Both have the same rows, to the last bit."""
    for name in layers:
        a, b = getattr(one, name), getattr(two, name)
        told = (pd.DataFrame(frame.drop(columns="geometry")) for frame in (a, b))
        pd.testing.assert_frame_equal(*told)
        assert shapely.equals_identical(a.geometry.values, b.geometry.values).all(), name


def assert_holds(edit: Edit, *, bent_m: float = 0.0) -> None:
    """What holds of every edit: hard rules, households, and grids that it did not touch.

    Their edges bend by `bent_m` where a cut put a vertex on them.
    """
    before, after = edit.before.division, edit.after.division
    assert hard(after).empty, hard(after).to_string()
    assert households(edit.before) == households(edit.after)
    stays = before.grids[~before.grids["grid_code"].isin(edit.touched)].set_index("grid_code")
    now = after.grids.set_index("grid_code").reindex(stays.index)
    assert (stays["name"].fillna("") == now["name"].fillna("")).all()
    assert stays["households"].equals(now["households"])
    off = (stays["area_m2"] - now["area_m2"]).abs()
    assert (off <= 1e-9 * stays["area_m2"] + bent_m * stays["perimeter_m"]).all()
