"""What became of each grid between two divisions."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import shapely
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import Lattice, build
from test_change_sets import one_micro
from test_registry import approved, merge, server, shuffled, store, town, url

from gridgis.cli import main
from gridgis.difference import CHANGES, difference, micro_difference, moved_households

__all__ = ["server", "store", "url"]


def counted(found) -> dict[str, int]:
    return found["change"].value_counts().to_dict()


def test_the_same_twice_is_unchanged():
    whole = town()
    found = difference(whole, whole)
    assert counted(found) == {"unchanged": len(whole.grids)}
    assert moved_households(found) == 0
    assert found["area_m2"].sum() == pytest.approx(shapely.area(whole.grids.geometry.values).sum(), rel=1e-3)


def test_a_name_and_a_code_that_changed():
    whole = town()
    names = whole.grids.copy()
    names.loc[0, "name"] = "改名"
    assert counted(difference(whole, replace(whole, grids=names)))["renamed"] == 1
    dealt = counted(difference(whole, shuffled(whole, 5)))
    assert set(dealt) <= {"unchanged", "recoded"}
    assert dealt["recoded"] > 1


def test_an_overlap_that_stays_is_no_change():
    whole = town()
    grids = whole.grids.copy()
    grids.loc[0, "geometry"] = grids.geometry[0].buffer(20.0)
    drawn = replace(whole, grids=grids)
    assert counted(difference(drawn, drawn)) == {"unchanged": len(grids)}


def test_the_same_land_drawn_from_another_vertex_is_unchanged():
    whole = town()
    turned = [shapely.Polygon([*ring[3:-1], *ring[:4]]) for ring in map(shapely.get_coordinates, whole.grids.geometry)]
    found = difference(whole, replace(whole, grids=whole.grids.assign(geometry=turned)))
    assert counted(found) == {"unchanged": len(turned)}
    assert found["households"].sum() == whole.grids["households"].sum()


def test_a_merge_and_its_undoing():
    whole = town()
    keep, lose = whole.grids["grid_code"][:2]
    less = merge(whole, keep, lose)
    there, back = difference(whole, less), difference(less, whole)
    assert counted(there) == {"unchanged": len(whole.grids) - 2, "merged": 2, "retired": 1}
    assert there.query("change == 'retired'")["old_code"].tolist() == [lose]
    assert counted(back) == {"unchanged": len(whole.grids) - 2, "split": 2, "new": 1}
    number = whole.grids.set_index("grid_code")["households"][lose]
    assert moved_households(there) == number
    assert moved_households(back) == number


def test_a_border_that_moved_tells_what_went_over():
    whole = town()
    atoms, grids = whole.atoms.copy(), whole.grids.copy()
    a, b = grids["grid_code"][:2]
    goes = atoms.index[(atoms["grid_code"] == a) & atoms.touches(grids.geometry[1])][0]
    land, people = atoms.geometry[goes], int(atoms["households"][goes])
    grids.loc[0, "geometry"] = shapely.difference(grids.geometry[0], land)
    grids.loc[1, "geometry"] = shapely.union(grids.geometry[1], land)
    atoms.loc[goes, "grid_code"] = b
    found = difference(whole, replace(whole, grids=grids, atoms=atoms))
    over = found.query("old_code == @a and new_code == @b").iloc[0]
    assert counted(found)["border_moved"] == 3
    assert (over.households, over.area_m2) == (people, pytest.approx(land.area, rel=1e-3))
    assert moved_households(found) == people


def test_micro_grids_of_a_grid_that_stays_are_told():
    whole = town()
    mine = whole.microgrids[whole.microgrids["grid_code"] == whole.grids["grid_code"][0]]["microgrid_code"].tolist()
    less = one_micro(whole, *mine[:2])
    found = difference(whole, less)
    assert counted(found) == {"unchanged": len(whole.grids)}
    there, back = micro_difference(whole, less, found), micro_difference(less, whole, found)
    grid = whole.grids["grid_code"][0]
    assert there.to_numpy().tolist() == [["changed", grid, mine[0]], ["retired", grid, mine[1]]]
    assert back.to_numpy().tolist() == [["changed", grid, mine[0]], ["new", grid, mine[1]]]
    assert len(micro_difference(whole, whole, found)) == 0
    micros = whole.microgrids.copy()
    micros.loc[0, "households"] = pd.NA
    fewer = micro_difference(whole, replace(whole, microgrids=micros), found)
    assert fewer.to_numpy().tolist() == [["changed", *micros.iloc[0][["grid_code", "microgrid_code"]]]]
    other = merge(whole, *whole.grids["grid_code"][:2])
    assert len(micro_difference(whole, other, difference(whole, other))) == 0


def test_the_command_tells_of_micro_grids(store, url):
    whole = town()
    mine = whole.microgrids["microgrid_code"][:2].tolist()
    approved(store, whole, day=1)
    approved(store, one_micro(whole, *mine), day=2)
    result = CliRunner().invoke(main, ["difference", "1", "2"], env={"GRIDGIS_STORE": url})
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"{len(whole.grids)} unchanged; 0 households, as version 1 counts them, have another grid",
        f"changed      {mine[0]}  of {mine[0][:15]}, unchanged",
        f"retired      {mine[1]}  of {mine[1][:15]}, unchanged",
        "micro-grids of unchanged grids: 1 changed, 1 retired",
    ]


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_every_grid_is_told_of_and_the_unchanged_once(seed, merges):
    whole, _, _ = build(Lattice(), seed=seed % 7)
    changed = whole
    for k in range(merges):
        zone = changed.grids["zone_code"].iloc[(seed + k) % len(changed.grids)]
        mine = changed.grids[changed.grids["zone_code"] == zone]
        pairs = [(a.grid_code, b.grid_code) for a in mine.itertuples() for b in mine.itertuples()
                 if a.grid_code < b.grid_code and a.geometry.intersection(b.geometry).length > 1]  # fmt: skip
        if pairs:
            changed = merge(changed, *pairs[(seed + k) % len(pairs)])
    found = difference(whole, changed)
    assert set(found["change"]) <= set(CHANGES)
    assert set(found["old_code"].dropna()) == set(whole.grids["grid_code"])
    assert set(found["new_code"].dropna()) == set(changed.grids["grid_code"])
    same = found.query("change == 'unchanged'")
    assert same["old_code"].is_unique
    land = found[found["old_code"].notna() & found["new_code"].notna()]
    assert land["area_m2"].sum() == pytest.approx(shapely.area(whole.grids.geometry.values).sum(), rel=1e-3)
