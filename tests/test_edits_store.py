"""Edits of drafts in a store: undo and redo without end, two people on one draft, first bytes back."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from drafts import borders_of_atoms, hard
from drafts import town as divided_town
from hypothesis import given, settings
from hypothesis import strategies as st
from random_edits import EDITS, random_edit
from shapely.ops import split
from test_adjust_at_random import PLANS
from test_registry import DAY, LAND, approved, decision, drafted, ordered, same, server, store, town, url

from gridgis import jobs
from gridgis.adjust.accept import accepted
from gridgis.adjust.draft import Draft, Edit, Locks
from gridgis.adjust.give import give, merge
from gridgis.adjust.held_borders import with_locks
from gridgis.adjust.micros import regrouped
from gridgis.adjust.names import lock, rename, unlock
from gridgis.adjust.numbers import new_grid_codes
from gridgis.adjust.rebuild import rebuilt
from gridgis.errors import InputRefused
from gridgis.geometry.stitch import missing_vertices, stitched
from gridgis.lineage import recoded
from gridgis.registry import edits, tables
from gridgis.registry.actors import add_actor
from gridgis.registry.audit import verify
from gridgis.registry.edit_log import Entry
from gridgis.registry.parts import parts_of
from gridgis.registry.review import approve, give_back, submit, withdraw
from gridgis.registry.store import Conflict, Store, create_store, open_store
from gridgis.registry.versions import Version, branch, content_digest, get, load
from gridgis.schema import Division

__all__ = ["server", "store", "url"]
PEOPLE = ("ann", "bob")
Editor = Callable[[Draft, np.random.Generator], tuple[str, Edit]]
"""What makes an edit by lot."""


@cache
def small(seed: int = 3, **changes) -> Division:
    """Two zones of four grids of eight atoms."""
    return town(seed, **{"zones": (2, 1), "zone": (2, 2), "grid": (2, 2), "micro": (2, 1), **changes})


def begin(made: Store, division: Division | None = None) -> Version:
    """A draft, and two people who may edit it."""
    with made.write() as connection:
        for name in PEOPLE:
            add_actor(connection, name, role="submitter", by="first", at=DAY[0])
    return drafted(made, small() if division is None else division, day=1)


@pytest.fixture
def draft(store) -> Version:
    return begin(store)


# ---------------------------------------------------------------- edits
def cut(draft: Draft, atom: str, *, angle: float, alone: bool) -> Edit:
    """An atom cut in two through its middle; one half becomes a grid of its own where it is to be alone."""
    atoms = draft.division.atoms
    row = atoms.index[atoms["atom_id"] == atom][0]
    shape = atoms.geometry[row]
    reach = 2000 * np.array([np.cos(angle), np.sin(angle)])
    middle = shapely.get_coordinates(shape.centroid)[0]
    halves = [*split(shape, shapely.LineString([middle - reach, middle + reach])).geoms]
    if len(halves) != 2:
        raise InputRefused([])
    halves.sort(key=lambda half: -half.area)
    number = int(atoms["households"][row])
    new = pd.concat([atoms.iloc[[row]]] * 2, ignore_index=True).assign(
        atom_id=[f"{atom}.{k}" for k in (1, 2)], households=pd.array([number - number // 2, number // 2], "Int64")
    )
    new = new.set_geometry(gpd.GeoSeries(halves, crs=atoms.crs))
    zone, grid = (str(atoms[column][row]) for column in ("zone_code", "grid_code"))
    sources = {grid}
    if alone:
        code = new_grid_codes(draft, zone, 1)[0]
        new.loc[1, "grid_code"] = code
        sources.add(code)
    every = pd.concat([atoms.drop(row), new]).sort_values("atom_id", ignore_index=True)
    every = gpd.GeoDataFrame(every, crs=atoms.crs)
    sewn = stitched(every.geometry.to_numpy(), missing_vertices(every.geometry.to_numpy(), within=0.1))
    every = every.set_geometry(gpd.GeoSeries(sewn, crs=atoms.crs))
    return accepted(draft, rebuilt(draft, regrouped(draft, every, sources) if alone else every))


def real_edit(draft: Draft, rng: np.random.Generator) -> tuple[str, Edit]:
    """An edit that is possible in a draft, as planners make them."""
    kinds = tuple(kind for kind in EDITS if kind not in ("lock", "unlock"))
    for _ in range(200):
        kind, change = random_edit(draft, rng, kinds=kinds)
        with suppress(InputRefused):
            made = change(draft)
            if made.touched:
                return kind, made
    raise AssertionError("no edit was possible")


def some_edit(draft: Draft, rng: np.random.Generator) -> tuple[str, Edit]:
    """An edit that is possible in a draft, of any kind."""
    for _ in range(60):
        what = str(rng.choice(["give", "cut", "cut off", "merge", "rename"], p=[0.4, 0.2, 0.2, 0.1, 0.1]))
        grids, atoms = (sorted(draft.division.grids["grid_code"]), sorted(draft.division.atoms["atom_id"]))
        with suppress(InputRefused):
            if what == "give":
                pairs = borders_of_atoms(draft)
                atom, to = pairs[rng.integers(len(pairs))]
                return what, give(draft, [atom], to=to)
            if what == "merge":
                return what, merge(draft, sorted(rng.choice(grids, 2, replace=False)))
            if what == "rename":
                return what, rename(draft, [str(rng.choice(grids))], name=f"name {rng.integers(10**6)}")
            atom = str(rng.choice(atoms))
            return what, cut(draft, atom, angle=rng.uniform(0, np.pi), alone=what == "cut off")
    raise AssertionError("no edit was possible")


def opened(made: Store, version: Version, zones: list[str] | None = None) -> Draft:
    with made.read() as connection:
        return edits.opened(connection, version, zones or list(parts_of(connection, version.id)))


def keep(made: Store, version: Version, edit: Edit, action: str = "give", *, by: str, **options) -> int:
    asked = options.pop("asked", {"grids": list(edit.touched)})
    with made.write() as connection:
        return edits.applied(connection, version, edit, action=action, asked=asked, actor=by, at=DAY[2], **options)


def turn(made: Store, version: Version, act: Callable[..., int], *, by: str) -> int:
    with made.write() as connection:
        return act(connection, version, actor=by, at=DAY[3])


undo, redo = (partial(turn, act=act) for act in (edits.undone, edits.redone))


def told(made: Store, version: Version) -> list[Entry]:
    with made.read() as connection:
        return edits.log(connection, version)


def whole(made: Store, version: Version) -> Division:
    with made.read() as connection:
        return load(connection, version)


def parts(made: Store, version: Version) -> dict[str, int]:
    with made.read() as connection:
        return parts_of(connection, version.id)


def digest(made: Store, version: Version) -> str:
    with made.read() as connection:
        return content_digest(connection, version.id)


def sound(made: Store) -> None:
    with made.read() as connection:
        assert verify(connection).faults == ()


def gives(draft: Draft, *, of: str | None = None) -> Iterator[Edit]:
    """Every atom given to every grid beside it, where that is possible."""
    for atom, to in borders_of_atoms(draft):
        with suppress(InputRefused):
            made = give(draft, [atom], to=to)
            if of is None or of in made.touched:
                yield made


# ---------------------------------------------------------------- one person
def test_an_edit_is_kept_as_it_was_made(store, draft):
    desk = opened(store, draft)
    for _, edit in zip(range(3), gives(desk), strict=False):
        made = next(one for one in gives(opened(store, draft)) if one.touched == edit.touched)
        number = keep(store, draft, made, by="ann")
        back = whole(store, draft)
        for name in LAND:
            same(ordered(getattr(back, name), name), ordered(getattr(made.after.division, name), name))
        assert told(store, draft)[-1].number == number
    assert [one.seen for one in told(store, draft)] == [0, 1, 2]
    assert hard(whole(store, draft)).empty
    sound(store)


@pytest.mark.parametrize("table", ["edit", "edit_zone"])
def test_what_was_done_is_never_changed(store, draft, table):
    keep(store, draft, next(gives(opened(store, draft))), by="ann")
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET number = 7"):
        with pytest.raises(sa.exc.DBAPIError, match="never changed"), store.write() as connection:
            connection.execute(sa.text(statement))


def test_undo_and_redo_give_the_same_parts_back_after_each_restart(store, url, draft):
    rng, stages = np.random.default_rng(1), [parts(store, draft)]
    for _ in range(5):
        what, edit = some_edit(opened(store, draft), rng)
        keep(store, draft, edit, what, by="ann")
        stages.append(parts(store, draft))
    for _ in range(2):
        for act, order in ((undo, stages[-2::-1]), (redo, stages[1:])):
            for due in order:
                store.close()
                store = open_store(url)
                act(store, draft, by="ann")
                assert parts(store, draft) == due
            with pytest.raises(InputRefused, match=f"holds nothing of ann to {'undo' if act is undo else 'redo'}"):
                act(store, draft, by="ann")
    sound(store)


def test_a_new_edit_ends_what_could_be_done_again(store, draft):
    first, second = (edit for _, edit in zip(range(2), gives(opened(store, draft)), strict=False))
    keep(store, draft, first, by="ann")
    undo(store, draft, by="ann")
    keep(store, draft, second, by="ann")
    with pytest.raises(InputRefused, match="nothing of ann to redo"):
        redo(store, draft, by="ann")
    undo(store, draft, by="ann")
    assert [(one.action, one.undoes, one.in_effect) for one in told(store, draft)] == [
        ("give", None, False),
        ("undo", 1, True),
        ("give", None, False),
        ("undo", 3, True),
    ]


def test_a_code_that_can_come_back_is_not_given_to_another_grid(store, draft):
    """Of two splits that are taken back and made again in any order, each keeps the code that it gave."""
    atoms = small().atoms
    one, two = (atoms["atom_id"][atoms["grid_code"] == code].iloc[0] for code in small().grids["grid_code"][:2])
    keep(store, draft, cut(opened(store, draft), one, angle=0.3, alone=True), "cut", by="ann")
    undo(store, draft, by="ann")
    keep(store, draft, cut(opened(store, draft), two, angle=0.3, alone=True), "cut", by="bob")
    redo(store, draft, by="ann")
    new = [sorted({*one.codes} - {*small().grids["grid_code"]}) for one in told(store, draft) if not one.undoes]
    assert new == [["420106001001005"], ["420106001001006"]]
    assert hard(whole(store, draft)).empty
    for name in PEOPLE:
        undo(store, draft, by=name)
    assert {"420106001001005", "420106001001006"} < opened(store, draft).spent
    keep(store, draft, cut(opened(store, draft), two, angle=0.3, alone=True), "cut", by="bob")
    assert "420106001001006" not in opened(store, draft).spent, "what nobody can make again is free"


# ---------------------------------------------------------------- two people
def test_two_people_on_different_grids_of_a_zone_are_not_in_each_others_way(store, draft):
    desk = opened(store, draft)
    found = list(gives(desk))
    one = found[0]
    two = next(edit for edit in found if not {*edit.touched} & {*one.touched})
    keep(store, draft, one, by="ann", seen=0)
    assert keep(store, draft, two, by="bob", seen=0) == 2
    result = whole(store, draft)
    assert hard(result).empty
    for edit in (one, two):
        mine = result.grids["grid_code"].isin(edit.touched)
        due = edit.after.division.grids
        same(ordered(result.grids[mine], "grids"), ordered(due[due["grid_code"].isin(edit.touched)], "grids"))
    undo(store, draft, by="ann")
    undo(store, draft, by="bob")
    assert whole(store, draft).zones.geometry.to_wkb().tolist() == small().zones.geometry.to_wkb().tolist()
    sound(store)


def test_of_two_people_on_one_grid_the_second_is_told_what_the_first_did(store, draft):
    desk = opened(store, draft)
    one = next(gives(desk))
    two = next(edit for edit in gives(desk) if {*edit.touched} & {*one.touched})
    both = sorted({*one.touched} & {*two.touched})
    keep(store, draft, one, by="ann")
    before = digest(store, draft)
    said = re.escape(f"grid {both[0]} was changed meanwhile: give by ann at {DAY[2]} (edit 1)")
    with pytest.raises(Conflict, match=said):
        keep(store, draft, two, by="bob", seen=0)
    assert digest(store, draft) == before
    assert len(told(store, draft)) == 1
    undo(store, draft, by="ann")
    assert keep(store, draft, two, by="bob", seen=0) == 3, "what was taken back is in nobody's way"
    with pytest.raises(Conflict, match=r"give by bob .*Let that be undone before the redo of give"):
        redo(store, draft, by="ann")


def test_a_stale_draft_is_a_conflict_even_where_nothing_is_said_of_it(store, draft):
    desk = opened(store, draft)
    one = next(gives(desk))
    two = next(edit for edit in gives(desk) if {*edit.touched} & {*one.touched} and edit.touched != one.touched)
    keep(store, draft, one, by="ann")
    with pytest.raises(Conflict, match="is not as the edit found it: see gridgis adjust log"):
        keep(store, draft, two, by="bob")


def test_two_people_who_make_a_grid_each_get_different_codes(store, draft):
    desk, atoms = opened(store, draft), small().atoms
    one, two = (
        cut(desk, atoms["atom_id"][atoms["grid_code"] == code].iloc[0], angle=0.3, alone=True)
        for code in small().grids["grid_code"][:2]
    )
    assert "420106001001005" in {*one.touched} & {*two.touched}
    keep(store, draft, one, "cut", by="ann", seen=0)
    keep(store, draft, two, "cut", by="bob", seen=0)
    grids = whole(store, draft).grids
    assert {"420106001001005", "420106001001006"} < {*grids["grid_code"]}
    assert "420106001001006" in told(store, draft)[1].codes
    assert hard(whole(store, draft)).empty


def test_vertices_of_one_are_in_the_grids_of_the_other(store, draft):
    """Two atoms on both sides of a border are cut, each by somebody who has not seen the other: both have all ends."""
    desk = opened(store, draft)
    pairs = borders_of_atoms(desk)
    grid = desk.division.atoms.set_index("atom_id")["grid_code"]
    atom, beside = next(
        (a, b) for a, to in pairs for b, back in pairs if to == grid[b] and back == grid[a] and touch(desk, a, b)
    )
    for k, (name, who) in enumerate(zip((atom, beside), PEOPLE, strict=True)):
        keep(store, draft, cut(desk, name, angle=0.4 + k, alone=False), "cut", by=who, seen=0)
    assert hard(whole(store, draft)).empty
    undo(store, draft, by="ann")
    assert hard(whole(store, draft)).empty
    undo(store, draft, by="bob")
    sound(store)


def touch(desk: Draft, one: str, two: str) -> bool:
    land = desk.division.atoms.set_index("atom_id").geometry
    return land[one].intersection(land[two]).length > 1


def at_the_border(desk: Draft, zone: str) -> str:
    """An atom of another zone that lies along the border of one."""
    atoms, land = desk.division.atoms, desk.division.zones.set_index("zone_code").geometry[zone]
    length = atoms.geometry.intersection(land).length.where(atoms["zone_code"] != zone, 0.0)
    return str(atoms["atom_id"][length.idxmax()])


def along(desk: Draft, atom: str, zone: str) -> float:
    """The angle of a cut through an atom that ends on the border with a zone."""
    land = desk.division.atoms.set_index("atom_id").geometry[atom]
    edge = land.intersection(desk.division.zones.set_index("zone_code").geometry[zone])
    (x, y), (at_x, at_y) = (shapely.get_coordinates(one.centroid)[0] for one in (land, edge))
    return float(np.arctan2(at_y - y, at_x - x)) + 0.05


def test_a_cut_that_ends_on_a_zone_puts_its_end_there_and_takes_it_away(store, draft):
    one, two = parts(store, draft)
    atom = at_the_border(opened(store, draft), two)
    angle = along(opened(store, draft), atom, two)
    before = parts(store, draft)
    keep(store, draft, cut(opened(store, draft, [one]), atom, angle=angle, alone=False), "cut", by="ann")
    now = whole(store, draft)
    assert hard(now).empty
    first = small()
    grown = shapely.get_num_coordinates(now.grids.geometry.to_numpy()) - shapely.get_num_coordinates(
        first.grids.geometry.to_numpy()
    )
    assert set(now.grids["zone_code"][grown > 0]) == {one, two}
    assert set(told(store, draft)[0].codes) <= {code for code in first.grids["grid_code"] if code.startswith(one)}
    edit = next(
        gives(
            opened(store, draft, [two]),
            of=now.grids["grid_code"][(grown > 0) & (now.grids["zone_code"] == two)].iloc[0],
        )
    )
    keep(store, draft, edit, by="bob")
    undo(store, draft, by="ann")
    assert hard(whole(store, draft)).empty
    undo(store, draft, by="bob")
    assert parts(store, draft) == before
    sound(store)


def test_only_who_has_a_right_over_a_zone_edits_it(store, draft):
    one, two = parts(store, draft)
    with store.write() as connection:
        add_actor(connection, "only-one", role="submitter", area=one, by="first", at=DAY[0])
    desk = opened(store, draft)
    mine, other = (next(gives(desk, of=f"{zone}001")) for zone in (one, two))
    keep(store, draft, mine, by="only-one")
    with pytest.raises(InputRefused, match=f"may act in {one}, not in {two}"):
        keep(store, draft, other, by="only-one")
    with pytest.raises(InputRefused, match="is reviewer, not submitter"):
        keep(store, draft, other, by="decides")
    atom = at_the_border(desk, two)
    made = cut(desk, atom, angle=along(desk, atom, two), alone=False)
    keep(store, draft, made, "cut", by="only-one"), "a vertex in the neighbour asks for no right there"


# ---------------------------------------------------------------- zones that come and go
def carved(desk: Draft, atom: str, code: str) -> Edit:
    """An atom that becomes a dedicated zone."""
    division = desk.division
    mine = division.atoms["atom_id"] == atom
    new = {"zone_code": code, "grid_code": f"{code}701", "microgrid_code": f"{code}70101"}
    atoms = division.atoms.assign(**{name: division.atoms[name].mask(mine, value) for name, value in new.items()})
    zone = division.zones.iloc[[0]].assign(zone_code=code, name="park", kind="dedicated")
    zones = pd.concat([division.zones, zone], ignore_index=True)
    return accepted(desk, rebuilt(desk, atoms, zones=gpd.GeoDataFrame(zones, crs=atoms.crs)))


def any_carved(desk: Draft, code: str) -> Edit:
    for atom in desk.division.atoms["atom_id"]:
        with suppress(InputRefused):
            return carved(desk, atom, code)
    raise AssertionError("no atom could be carved out")


def test_a_zone_that_an_edit_makes_goes_when_it_is_taken_back(store, draft):
    desk, before = opened(store, draft), parts(store, draft)
    host, park = next(iter(before)), "420106001901"
    edge = desk.division.atoms.geometry.intersection(desk.division.zones.union_all().boundary).length
    atom = str(desk.division.atoms["atom_id"][edge.where(desk.division.atoms["zone_code"] == host, 0).idxmax()])
    made = carved(desk, atom, park)
    away = next(
        edit for edit in gives(desk) if not {*edit.touched} & {*made.touched} and edit.touched[0].startswith(host)
    )
    keep(store, draft, away, by="bob")
    keep(store, draft, made, "carve", by="ann", seen=0)
    now = whole(store, draft)
    assert {*now.zones["zone_code"]} == {*before, park}
    assert hard(now).empty
    land = now.zones.set_index("zone_code")
    assert land["households"].sum() == small().zones["households"].sum()
    assert land.geometry[[host, park]].area.sum() == pytest.approx(small().zones.geometry.area.iloc[0], rel=1e-9)
    with pytest.raises(Conflict, match=f"zone {park} was made by somebody else meanwhile"):
        keep(store, draft, any_carved(opened(store, draft, [host]), park), "carve", by="bob")
    undo(store, draft, by="ann")
    assert {*parts(store, draft)} == {*before}
    assert hard(whole(store, draft)).empty
    redo(store, draft, by="ann")
    undo(store, draft, by="bob")
    assert hard(whole(store, draft)).empty
    undo(store, draft, by="ann")
    assert parts(store, draft) == before
    sound(store)


# ---------------------------------------------------------------- locks
def test_what_is_locked_is_not_changed_by_anybody(store, draft):
    desk = opened(store, draft)
    edit = next(gives(desk))
    code, beside = edit.touched
    made = lock(desk, [code])
    keep(store, draft, made, "lock", by="ann", asked={"grids": [code], "borders": []})
    assert opened(store, draft).locks.grids == {code}
    assert told(store, draft)[0].codes == (code,)
    said = re.escape(f"grid {code} is locked by ann since {DAY[2]} (edit 1). Let it be unlocked first")
    with pytest.raises(Conflict, match=said):
        keep(store, draft, edit, by="bob", seen=0)
    free = unlock(opened(store, draft), [code])
    keep(store, draft, free, "unlock", by="bob", asked={"grids": [code], "borders": []})
    assert not opened(store, draft).locks.grids
    keep(store, draft, edit, by="bob", seen=0)
    undo(store, draft, by="bob")
    undo(store, draft, by="bob")
    assert opened(store, draft).locks.grids == {code}
    with pytest.raises(InputRefused, match="is locked"):
        next(iter([give(opened(store, draft), [changed_atom(edit)], to=beside)]))
    undo(store, draft, by="ann")
    assert not opened(store, draft).locks.grids
    sound(store)


def changed_atom(edit: Edit) -> str:
    one, two = (draft.division.atoms.set_index("atom_id")["grid_code"] for draft in (edit.before, edit.after))
    return str(one.index[one != two][0])


def test_a_grid_that_others_locked_since_is_not_changed_back(store, draft):
    edit = next(gives(opened(store, draft)))
    keep(store, draft, edit, by="ann")
    made = lock(opened(store, draft), edit.touched)
    keep(store, draft, made, "lock", by="bob", asked={"grids": list(edit.touched), "borders": []})
    with pytest.raises(Conflict, match=f"grid {edit.touched[0]} is locked by bob"):
        undo(store, draft, by="ann")


def test_a_border_that_was_locked_meanwhile_does_not_move(store, draft):
    desk = opened(store, draft)
    edit = next(gives(desk))
    pair = edit.touched
    away = next(one for one in gives(desk) if len({*one.touched} & {*pair}) == 1 and still(one, pair))
    made = lock(desk, borders=[pair])
    keep(store, draft, made, "lock", by="ann", asked={"grids": [], "borders": [list(pair)]})
    assert opened(store, draft).locks.borders == {pair}
    with pytest.raises(Conflict, match=f"the border of {' and '.join(pair)} is locked by ann"):
        keep(store, draft, edit, by="bob", seen=0)
    keep(store, draft, away, by="bob", seen=0)


def test_a_locked_border_holds_between_grids_of_other_codes(store, draft):
    desk = opened(store, draft)
    pair = next(gives(desk)).touched
    made = lock(desk, borders=[pair])
    keep(store, draft, made, "lock", by="bob", asked={"grids": [], "borders": [list(pair)]})
    desk = opened(store, draft)
    one, two = pair
    code = new_grid_codes(desk, one[:12], 1)[0]
    there = tuple(sorted((code, two)))
    atoms = desk.division.atoms
    moved = atoms.assign(grid_code=atoms["grid_code"].replace(one, code))
    after = with_locks(desk, rebuilt(desk, regrouped(desk, moved, {one, code})))
    assert after.locks.borders == {there}
    keep(store, draft, Edit(desk, after, tuple(sorted((one, code)))), "redivide", by="ann")
    assert opened(store, draft).locks.borders == {there}
    across = next(edit for edit in gives(unlocked(opened(store, draft))) if {*edit.touched} == {*there})
    with pytest.raises(Conflict, match=f"the border of {' and '.join(there)} is locked by bob"):
        keep(store, draft, across, by="ann")
    undo(store, draft, by="ann")
    assert opened(store, draft).locks.borders == {pair}
    with pytest.raises(Conflict, match=f"the border of {' and '.join(pair)} is locked by bob"):
        keep(store, draft, next(edit for edit in gives(unlocked(desk)) if {*edit.touched} == {*pair}), by="ann")
    redo(store, draft, by="ann")
    assert opened(store, draft).locks.borders == {there}
    free = unlock(opened(store, draft), borders=[there])
    keep(store, draft, free, "unlock", by="ann", asked={"grids": [], "borders": [list(there)]})
    assert not opened(store, draft).locks.borders
    keep(store, draft, across, by="ann")
    sound(store)


def test_a_locked_border_holds_between_two_pairs_of_which_one_is_its_own(store, draft):
    """A re-division left some of a locked border where it was, the rest between one of its grids and a new one."""
    desk = opened(store, draft)
    pair = next(both for both in sorted({edit.touched for edit in gives(desk)}) if len(beside(desk, both)) > 1)
    keep(store, draft, lock(desk, borders=[pair]), "lock", by="bob", asked={"grids": [], "borders": [list(pair)]})
    desk = opened(store, draft)
    code = new_grid_codes(desk, pair[0][:12], 1)[0]
    atoms = desk.division.atoms
    moved = atoms.assign(grid_code=atoms["grid_code"].mask(atoms["atom_id"] == beside(desk, pair)[0], code))
    after = with_locks(desk, rebuilt(desk, regrouped(desk, moved, {pair[0], code})))
    both = {pair, tuple(sorted((code, pair[1])))}
    assert after.locks.borders == both
    keep(store, draft, Edit(desk, after, tuple(sorted((pair[0], code)))), "redivide", by="ann")
    assert opened(store, draft).locks.borders == both
    undo(store, draft, by="ann")
    assert opened(store, draft).locks.borders == {pair}
    undo(store, draft, by="bob")
    redo(store, draft, by="ann")
    assert not opened(store, draft).locks.borders
    redo(store, draft, by="bob")
    assert opened(store, draft).locks.borders == both
    sound(store)


def test_what_made_a_locked_border_longer_is_taken_back_unless_it_was_locked_since(store, draft):
    desk = opened(store, draft)
    pair, longer = next(lengthened(desk))
    locked = {"grids": [], "borders": [list(pair)]}
    keep(store, draft, lock(desk, borders=[pair]), "lock", by="bob", asked=locked)
    keep(store, draft, longer, "redivide", by="ann")
    undo(store, draft, by="ann")
    redo(store, draft, by="ann")
    keep(store, draft, lock(unlocked(opened(store, draft)), borders=[pair]), "lock", by="bob", asked=locked)
    with pytest.raises(Conflict, match=f"the border of {' and '.join(pair)} is locked by bob"):
        undo(store, draft, by="ann")
    sound(store)


def lengthened(desk: Draft) -> Iterator[tuple[tuple[str, str], Edit]]:
    """Pairs of grids of which one gets two atoms of others, so that their border is longer and holds what it was."""
    atoms = desk.division.atoms
    for (one, to), other in product(borders_of_atoms(desk), atoms["atom_id"]):
        with suppress(InputRefused):
            edit = give(desk, [one, other], to=to)
            for code in sorted({*desk.division.grids["grid_code"]} - {to}):
                pair = (min(code, to), max(code, to))
                was, now = (common(draft.division, pair) for draft in (edit.before, edit.after))
                if was.length > 1 and now.length > was.length + 1 and was.difference(now.buffer(0.01)).is_empty:
                    yield pair, edit


def common(division: Division, pair: tuple[str, ...]) -> shapely.Geometry:
    """The common border of two grids."""
    land = division.grids.set_index("grid_code").geometry
    return land[pair[0]].intersection(land[pair[1]]) if {*pair} <= {*land.index} else shapely.Point()


def beside(desk: Draft, pair: tuple[str, ...]) -> list[str]:
    """Atoms of the first of two grids that the second lies beside."""
    return sorted(atom for atom, grid in borders_of_atoms(desk) if grid == pair[1] and grid_of(desk, atom) == pair[0])


def grid_of(desk: Draft, atom: str) -> str:
    atoms = desk.division.atoms
    return str(atoms["grid_code"][atoms["atom_id"] == atom].iloc[0])


def unlocked(desk: Draft) -> Draft:
    """A draft as somebody has it who does not know what is locked."""
    return replace(desk, locks=Locks())


def still(edit: Edit, pair: tuple[str, ...]) -> bool:
    """Whether an edit leaves the border of two grids where it is."""
    was, now = (
        draft.division.grids.set_index("grid_code").geometry.reindex(pair) for draft in (edit.before, edit.after)
    )
    return was.iloc[0].intersection(was.iloc[1]).equals(now.iloc[0].intersection(now.iloc[1]))


# ---------------------------------------------------------------- handed in
def most_given(made: Store, version: Version, grid: str, *, by: str) -> None:
    """More than half of the households of a grid given to one beside it."""
    desk = opened(made, version, [grid[:12]])
    land = desk.division.grids.set_index("grid_code").geometry
    mine = desk.division.atoms[desk.division.atoms["grid_code"] == grid]
    for to in sorted({b for a, b in borders_of_atoms(desk) if a in set(mine["atom_id"])}):
        near = mine.iloc[np.argsort(mine.geometry.centroid.distance(land[to]), kind="stable")]
        count = int((near["households"].cumsum() * 2 <= near["households"].sum()).sum()) + 1
        with suppress(InputRefused):
            keep(made, version, give(desk, list(near["atom_id"][:count]), to=to), by=by)
            return
    raise AssertionError(f"most of {grid} could be given to no grid beside it")


def handed(made: Store, version: Version, **options) -> Version:
    with made.write() as connection:
        return submit(connection, version, actor="draws", at=DAY[4], **options)


def test_codes_go_on_from_the_version_before_where_it_is_handed_in(store):
    approved(store, small(), day=1)
    version = begin(store)
    one = small().grids["grid_code"][0]
    most_given(store, version, one, by="ann")
    before = whole(store, version)
    assert one in {*before.grids["grid_code"]}, "while it is edited a grid keeps its code"
    micro = before.microgrids["microgrid_code"][before.microgrids["grid_code"] == one].iloc[0]
    found = pd.DataFrame({"rule": ["neck"], "code": [one], "detail": [f"{one} at {micro}"]})
    handed(store, version, findings=found, reasons={"": "so"})
    after = whole(store, version)
    new = "420106001001005"
    assert {*after.grids["grid_code"]} == {*before.grids["grid_code"]} - {one} | {new}
    assert {*after.microgrids["grid_code"]} == {*after.atoms["grid_code"]} == {*after.grids["grid_code"]}
    same_land(before, after)
    with store.read() as connection:
        said = connection.execute(sa.select(tables.finding)).one()
    codes = told(store, version)[-1].asked["codes"]
    assert (said.code, said.detail) == (new, f"{new} at {codes[micro]}")
    assert codes[micro] in {*after.microgrids["microgrid_code"]}
    last = told(store, version)[-1]
    assert (last.action, last.actor, last.asked["codes"][one]) == ("number", "draws", new)
    assert {one, new} <= {*last.codes}
    assert hard(after).empty
    sound(store)
    with pytest.raises(InputRefused, match=r"is submitted.*draft it again"):
        opened(store, version)
    with pytest.raises(InputRefused, match=r"is submitted.*draft it again"):
        undo(store, version, by="ann")
    with store.write() as connection:
        approve(connection, get(connection, version.id), decision(DAY[5], DAY[5]))
    assert {*whole(store, version).grids["grid_code"]} == {*after.grids["grid_code"]}
    assert told(store, version)[-1].action == "number"
    sound(store)


def same_land(one: Division, two: Division) -> None:
    """The same atoms in the same grids, whatever these are called."""
    label = [frame.atoms.set_index("atom_id")["grid_code"] for frame in (one, two)]
    assert label[0].index.equals(label[1].index)
    pairs = set(zip(*label, strict=True))
    assert len(pairs) == label[0].nunique() == label[1].nunique()
    assert one.atoms.geometry.to_wkb().tolist() == two.atoms.geometry.to_wkb().tolist()


def test_what_was_returned_is_edited_and_taken_back_further(store):
    approved(store, small(), day=1)
    version = begin(store)
    first, one = parts(store, version), small().grids["grid_code"][0]
    keep(store, version, next(gives(opened(store, version))), by="ann")
    most_given(store, version, one, by="ann")
    edited = parts(store, version)
    count = len(told(store, version))
    handed(store, version)
    with store.write() as connection:
        give_back(connection, get(connection, version.id), decision(DAY[5]), reason="the border")
    with pytest.raises(Conflict, match=f"grid {one} was changed meanwhile: number by draws"):
        undo(store, version, by="ann")
    undo(store, version, by="draws")
    assert parts(store, version) == edited
    for _ in range(count):
        undo(store, version, by="ann")
    assert parts(store, version) == first
    sound(store)
    for _ in range(count):
        redo(store, version, by="ann")
    assert handed(store, version).state == "submitted"
    assert told(store, version)[-1].action == "number"
    sound(store)


def test_what_edits_did_not_change_is_not_numbered_anew(store):
    approved(store, small(), day=1)
    version = begin(store)
    keep(store, version, rename(opened(store, version), [small().grids["grid_code"][0]], name="park"), by="ann")
    handed(store, version)
    assert [one.action for one in told(store, version)] == ["give"]
    sound(store)


def test_a_zone_of_an_edited_draft_is_handed_in_with_codes_that_go_on(store):
    approved(store, small(), day=1)
    version = begin(store)
    one = small().grids["grid_code"][0]
    most_given(store, version, one, by="ann")
    with store.write() as connection:
        part = branch(connection, version, [one[:12]], actor="draws", at=DAY[4])
    assert one not in {*whole(store, part).grids["grid_code"]}
    same_land(whole(store, version), whole(store, part))
    assert one in {*whole(store, version).grids["grid_code"]}
    sound(store)


def test_ids_of_atoms_stay_different_where_grids_get_other_codes():
    """An atom that keeps the id of a grid that it left, and that grid's code taken by another."""
    made = small()
    one, two = made.grids["grid_code"][:2]
    number = made.atoms.groupby("grid_code").cumcount()
    atoms = made.atoms.assign(atom_id=[f"{code}-{k}" for code, k in zip(made.atoms["grid_code"], number, strict=True)])
    atoms = atoms.assign(grid_code=atoms["grid_code"].mask(atoms["atom_id"] == f"{one}-0", two))
    codes = {code: code for code in made.grids["grid_code"]} | {two: one, one: "420106001001005"}
    found = recoded(replace(made, atoms=atoms), codes).atoms
    assert found["atom_id"].is_unique
    assert {f"{one}-0", f"{one}-0-2", "420106001001005-1"} <= set(found["atom_id"])
    assert "420106001001005-0" not in set(found["atom_id"])


@pytest.mark.parametrize("state", ["approved", "withdrawn"])
def test_a_version_that_is_decided_keeps_its_log_and_is_not_edited(store, draft, state):
    edit = next(gives(opened(store, draft)))
    keep(store, draft, edit, by="ann")
    if state == "withdrawn":
        with store.write() as connection:
            withdraw(connection, draft, actor="draws", at=DAY[4])
    else:
        handed(store, draft)
        with store.write() as connection:
            approve(connection, get(connection, draft.id), decision(DAY[5], DAY[5]))
    assert len(told(store, draft)) == 1
    for act in (lambda: keep(store, draft, edit, by="ann"), lambda: redo(store, draft, by="ann")):
        with pytest.raises(InputRefused, match=f"is {state}. Only one that is draft or returned can be edited"):
            act()
    sound(store)


# ---------------------------------------------------------------- jobs
def test_the_jobs_open_edit_and_tell(store, url, draft):
    zones = list(parts(store, draft))
    desk = jobs.open_draft(url, draft.id, zones[:1])
    assert list(desk.division.zones["zone_code"]) == zones[:1]
    first = next(gives(desk))
    moved = changed_atom(first)
    to = str(first.after.division.atoms.set_index("atom_id")["grid_code"][moved])
    change = partial(give, atoms=[moved], to=to)
    before = digest(store, draft)
    options = {"action": "give", "asked": {"atoms": [moved], "to": to}, "by": "ann"}
    made, number = jobs.edit(url, draft.id, change, zones[:1], **options, dry_run=True)
    assert (made.touched, number, digest(store, draft), jobs.edit_log(url, draft.id)) == (
        first.touched,
        None,
        before,
        [],
    )
    made, number = jobs.edit(url, draft.id, change, zones[:1], **options)
    assert (number, jobs.edit_log(url, draft.id)[0].asked) == (1, options["asked"])
    with pytest.raises(Conflict, match="was changed meanwhile: give by ann"):
        jobs.edit(url, draft.id, lambda desk: next(gives(desk, of=to)), zones[:1], **options | {"by": "bob"}, seen=0)
    assert jobs.undo(url, draft.id, by="ann").undoes == 1
    assert digest(store, draft) == before
    assert jobs.redo(url, draft.id, by="ann").action == "redo"
    with pytest.raises(InputRefused, match=r"420106001009: is no zone of version"):
        jobs.open_draft(url, draft.id, ["420106001009", *zones])
    with pytest.raises(InputRefused, match="none is named"):
        jobs.open_draft(url, draft.id, [])
    sound(store)


def test_what_is_edited_while_it_is_judged_is_not_handed_in(store, url, draft, monkeypatch):
    from gridgis import rules

    judge = rules.check

    def slowly(division: Division) -> gpd.GeoDataFrame:
        keep(store, draft, next(gives(opened(store, draft))), by="ann")
        return judge(division)

    monkeypatch.setattr(rules, "check", slowly)
    with pytest.raises(Conflict, match="was edited while it was judged: hand it in again"):
        jobs.submit(url, draft.id, actor="draws", reasons={"": "so"})
    monkeypatch.undo()
    assert jobs.submit(url, draft.id, actor="draws", reasons={"": "so"}).state == "submitted"


# ---------------------------------------------------------------- any interleaving
@dataclass
class Desk:
    """What one person has open, and the last edit that was there then."""

    name: str
    draft: Draft
    seen: int


def in_effect(entries: list[Entry]) -> set[int]:
    """Edits that hold after rows of a log, found from the last row back."""
    gone: set[int] = set()
    for one in reversed(entries):
        if one.number not in gone and one.undoes is not None:
            gone.add(one.undoes)
    # An undo that was taken back takes nothing back.
    return {one.number for one in entries if one.undoes is None and one.number not in gone}


def standing_in_the_way(entries: list[Entry], since: int) -> set[str]:
    """Codes of grids that were changed by what is in effect since a row of the log and was not, or the other way."""
    differ = in_effect(entries[:since]) ^ in_effect(entries)
    return {code for number in differ for code in entries[number - 1].codes}


def at_random(made: Store, version: Version, rng: np.random.Generator, *, steps: int, by: Editor = some_edit) -> None:
    """Both people do anything in any order, often with a draft that is no longer what is in the store."""
    number = int(whole(made, version).atoms["households"].sum())
    desks = {name: Desk(name, opened(made, version), 0) for name in PEOPLE}
    zones = list(parts(made, version))
    for _ in range(steps):
        who = str(rng.choice(PEOPLE))
        what = rng.choice(["look", "edit", "undo", "redo"], p=[0.2, 0.5, 0.2, 0.1])
        if what == "look":
            chosen = zones[: rng.integers(1, len(zones) + 1)]
            desks[who] = Desk(who, opened(made, version, chosen), len(told(made, version)))
        elif what == "edit":
            edit_or_conflict(made, version, desks[who], by(desks[who].draft, rng))
        else:
            turn_or_conflict(made, version, undo if what == "undo" else redo, who)
        now = whole(made, version)
        assert hard(now).empty, hard(now).to_string()
        assert now.atoms["households"].sum() == number == now.zones["households"].sum()


def edit_or_conflict(made: Store, version: Version, desk: Desk, asked: tuple[str, Edit]) -> None:
    """Keep an edit; refused just where others changed a grid of it, or made the same zone, since it was looked at."""
    what, edit = asked
    new = {*edit.after.division.grids["grid_code"]} - {*edit.before.division.grids["grid_code"]}
    clash = ({*edit.touched} - new) & standing_in_the_way(told(made, version), desk.seen)
    zones = [set(one.division.zones["zone_code"]) for one in (edit.before, edit.after)]
    twice = (zones[1] - zones[0]) & parts(made, version).keys()
    if not clash and not twice:
        keep(made, version, edit, what, by=desk.name, seen=desk.seen)
        return
    if not clash:
        with pytest.raises(Conflict, match=f"zone {min(twice)} was made by somebody else"):
            keep(made, version, edit, what, by=desk.name, seen=desk.seen)
        return
    with pytest.raises(Conflict, match=f"grid {min(clash)} was changed meanwhile: .* by (ann|bob)"):
        keep(made, version, edit, what, by=desk.name, seen=desk.seen)


def turn_or_conflict(made: Store, version: Version, act: Callable[..., int], who: str) -> None:
    """Take back or make again; refused only where there is nothing to, or the other changed the same grids."""
    before, other, said = digest(made, version), next(name for name in PEOPLE if name != who), ""
    try:
        act(made, version, by=who)
    except (InputRefused, Conflict) as error:
        said = str(error)
    assert not said or f"holds nothing of {who}" in said or re.search(rf"was changed meanwhile: .* by {other}", said)
    assert not said or digest(made, version) == before


def take_all_back(made: Store, version: Version, rng: np.random.Generator) -> None:
    """Everybody takes back what he did, in any order that is possible."""
    for _ in range(1000):
        left = [one for one in told(made, version) if one.undoes is None and one.in_effect]
        if not left:
            return
        who = str(rng.choice([one.actor for one in left]))
        with suppress(Conflict):
            undo(made, version, by=who)


def interleaved(folder, seed: int, *, steps: int, division: Division | None = None, by: Editor = some_edit) -> None:
    rng = np.random.default_rng(seed)
    division = small() if division is None else division
    made = create_store(str(folder / f"{seed}.db"), crs=division.zones.crs.to_string())
    with made.write() as connection:
        add_actor(connection, "draws", role="submitter", by="first", at=DAY[0])
    version = begin(made, division)
    first = digest(made, version)
    at_random(made, version, rng, steps=steps, by=by)
    take_all_back(made, version, rng)
    assert digest(made, version) == first
    sound(made)
    made.close()


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_two_people_may_do_anything_in_any_order(tmp_path_factory, seed):
    interleaved(tmp_path_factory.mktemp("any"), seed, steps=12)


@pytest.mark.slow
@settings(max_examples=400)
@given(st.integers(0, 10**6))
def test_two_people_may_do_anything_in_any_order_many_times(tmp_path_factory, seed):
    interleaved(tmp_path_factory.mktemp("any"), seed, steps=40)


@pytest.mark.slow
@settings(max_examples=100)
@given(st.integers(0, 10**6), st.sampled_from(PLANS))
def test_two_people_may_do_anything_in_a_town_in_any_order(tmp_path_factory, seed, plan):
    division = divided_town(plan)
    interleaved(tmp_path_factory.mktemp("town"), seed, steps=25, division=division, by=real_edit)


# ---------------------------------------------------------------- a process that stays up
class Ring:
    """Something that holds itself: only the collector finds that nobody else does."""

    def __init__(self) -> None:
        self.own = self


def test_a_process_made_ready_looks_for_garbage_in_what_came_later_alone():
    before, ring = Ring(), weakref.ref(Ring())
    jobs.ready_for_edits()
    try:
        assert gc.get_freeze_count() > 50_000
        assert ring() is None
        assert not any(one is before for one in gc.get_objects())
        later = weakref.ref(Ring())
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()
