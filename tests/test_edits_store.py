"""Edits of drafts in a store: undo and redo without end, two people on one draft, first bytes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from drafts import borders_of_atoms, hard
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.ops import split
from test_registry import DAY, LAND, drafted, ordered, same, server, store, town, url

from gridgis.adjust.accept import accepted
from gridgis.adjust.draft import Draft, Edit
from gridgis.adjust.give import give, merge
from gridgis.adjust.micros import regrouped
from gridgis.adjust.names import rename
from gridgis.adjust.numbers import new_grid_codes
from gridgis.adjust.rebuild import rebuilt
from gridgis.errors import InputRefused
from gridgis.geometry.stitch import missing_vertices, stitched
from gridgis.registry import edits
from gridgis.registry.actors import add_actor
from gridgis.registry.audit import verify
from gridgis.registry.edit_log import Entry
from gridgis.registry.parts import parts_of
from gridgis.registry.store import Conflict, Store, create_store, open_store
from gridgis.registry.versions import Version, content_digest, load
from gridgis.schema import Division

__all__ = ["server", "store", "url"]
PEOPLE = ("ann", "bob")


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
    with pytest.raises(Conflict, match="is not as it was when the draft was opened"):
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


def at_random(made: Store, version: Version, rng: np.random.Generator, *, steps: int) -> None:
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
            edit_or_conflict(made, version, desks[who], rng)
        else:
            turn_or_conflict(made, version, undo if what == "undo" else redo, who)
        now = whole(made, version)
        assert hard(now).empty, hard(now).to_string()
        assert now.atoms["households"].sum() == number == now.zones["households"].sum()


def edit_or_conflict(made: Store, version: Version, desk: Desk, rng: np.random.Generator) -> None:
    what, edit = some_edit(desk.draft, rng)
    new = {*edit.after.division.grids["grid_code"]} - {*edit.before.division.grids["grid_code"]}
    clash = ({*edit.touched} - new) & standing_in_the_way(told(made, version), desk.seen)
    if not clash:
        keep(made, version, edit, what, by=desk.name, seen=desk.seen)
        return
    with pytest.raises(Conflict, match=f"grid {min(clash)} was changed meanwhile: .* by (ann|bob)"):
        keep(made, version, edit, what, by=desk.name, seen=desk.seen)


def turn_or_conflict(made: Store, version: Version, act: Callable[..., int], who: str) -> None:
    before = digest(made, version)
    try:
        act(made, version, by=who)
    except InputRefused as error:
        assert "holds nothing of" in str(error)
    except Conflict as error:
        assert "was changed meanwhile" in str(error)
        other = next(name for name in PEOPLE if name != who)
        assert f"by {other}" in str(error)
    else:
        return
    assert digest(made, version) == before


def take_all_back(made: Store, version: Version, rng: np.random.Generator) -> None:
    """Everybody takes back what he did, in any order that is possible."""
    for _ in range(1000):
        left = [one for one in told(made, version) if one.undoes is None and one.in_effect]
        if not left:
            return
        who = str(rng.choice([one.actor for one in left]))
        with suppress(Conflict):
            undo(made, version, by=who)


def interleaved(folder, seed: int, *, steps: int, division: Division | None = None) -> None:
    rng = np.random.default_rng(seed)
    division = small() if division is None else division
    made = create_store(str(folder / f"{seed}.db"), crs=division.zones.crs.to_string())
    with made.write() as connection:
        add_actor(connection, "draws", role="submitter", by="first", at=DAY[0])
    version = begin(made, division)
    first = digest(made, version)
    at_random(made, version, rng, steps=steps)
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
