"""Edits by lot on drafts in a store: whatever is done, taken back and done again, the hard rules hold."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from drafts import assert_same, hard, town
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from random_edits import EDITS, random_edit
from real_places import HANKOU, hankou
from towns import Plan, build

from gridgis import jobs
from gridgis.adjust.draft import Draft, Edit
from gridgis.adjust.preview import preview
from gridgis.errors import GridgisError, InputRefused
from gridgis.schema import Division

DENSE = frozenset({"rows", "dense_streets"})
PLANS = (
    Plan(seed=7, columns=5, rows=5, zones=2, source="buildings", traits=DENSE),
    Plan(seed=3, columns=5, rows=5, zones=2, source="points", traits=DENSE | {"towers", "river"}),
    Plan(seed=5, columns=5, rows=5, zones=2, source="buildings", traits=DENSE | {"compounds", "beside"}),
    Plan(seed=4, columns=5, rows=5, zones=2, source="buildings", traits=DENSE | {"multipart", "corridor", "lake"}),
    Plan(seed=9, columns=5, rows=5, zones=2, source="none", traits=DENSE | {"villages", "wall"}),
)
PEOPLE = ("ann", "bo")
"""Made-up names of two planners."""


def made_store(folder: Path, division: Division) -> str:
    """A store with a division as its first draft."""
    store = str(folder / "city.db")
    jobs.init(store, administrator="chief")
    for name in PEOPLE:
        jobs.add_actor(store, name, role="submitter", by="chief")
    jobs.draft(store, division, author=PEOPLE[0])
    return store


@cache
def buildings_of(plan: Plan):
    """Buildings of a town."""
    return build(plan).frames.get("buildings")


def assert_agrees(edit: Edit) -> None:
    """The check says of the draft what the preview says: no hard offender, the same grids out of range."""
    found = hard(edit.after.division)
    assert found.empty, found.to_string()
    offenders = jobs.check(edit.after.division)
    out = set(offenders["code"][offenders["rule"] == "out_of_range"]) & set(edit.touched)
    seen = preview(edit).grids
    assert set(seen["grid_code"][seen["in_range_after"].eq(False)]) == out
    assert set(seen["parts_after"].dropna()) <= {1} | set(seen["parts_before"].dropna()) | _parts_of_zones(edit.after)


def _parts_of_zones(draft: Draft) -> set[int]:
    return set(draft.division.zones.geometry.apply(lambda shape: len(getattr(shape, "geoms", [shape]))))


def undo_all(store: str) -> None:
    """Take every edit back, the last one first, each by whom it was made."""
    for _ in range(10_000):
        left = [entry for entry in jobs.edit_log(store, 1) if entry.in_effect and entry.action != "undo"]
        if not left:
            return
        jobs.undo(store, 1, by=left[-1].actor)


class Planning(RuleBasedStateMachine):
    """Two planners on one draft."""

    def __init__(self) -> None:
        super().__init__()
        self.done = 0

    @initialize(plan=st.sampled_from(PLANS))
    def begin(self, plan: Plan) -> None:
        self.plan, self.first = plan, town(plan)
        self.store = made_store(Path(folder.mkdtemp()), self.first)
        self.first = jobs.version(self.store, 1)
        self.households = self.first.atoms["households"].fillna(0).sum()

    @rule(kind=st.sampled_from(tuple(EDITS)), seed=st.integers(0, 10_000), who=st.sampled_from(PEOPLE))
    def edit(self, kind: str, seed: int, who: str) -> None:
        zones = list(jobs.version(self.store, 1).zones["zone_code"])
        draft = jobs.open_draft(self.store, 1, zones)
        rng = np.random.default_rng(seed)
        _, change = random_edit(draft, rng, buildings=buildings_of(self.plan), kinds=(kind,))
        try:
            asked = _asked(kind, draft, change)
            made, _ = jobs.edit(self.store, 1, change, zones, action=_action(kind, draft), asked=asked, by=who)
        except InputRefused:
            return
        assert_agrees(made)
        self.done += 1

    @rule(who=st.sampled_from(PEOPLE), again=st.booleans())
    def turn(self, who: str, again: bool) -> None:
        try:
            (jobs.redo if again else jobs.undo)(self.store, 1, by=who)
        except GridgisError:
            return

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "store"):
            return
        now = jobs.version(self.store, 1)
        assert hard(now).empty, hard(now).to_string()
        assert now.atoms["households"].fillna(0).sum() == self.households

    def teardown(self) -> None:
        if hasattr(self, "store"):
            undo_all(self.store)
            assert_same(self.first, jobs.version(self.store, 1))
            assert jobs.verify(self.store).faults == ()


def _action(kind: str, draft: Draft) -> str:
    """What the store is told is done: a lock by lot is an unlock where something is locked."""
    return "unlock" if kind == "lock" and (draft.locks.grids or draft.locks.borders) else kind


def _asked(kind: str, draft: Draft, change) -> dict:
    """What the store asks to be told of locks."""
    if kind != "lock":
        return {}
    try:
        after = change(draft).after.locks
    except InputRefused:
        return {"grids": ["0"], "borders": []}
    grids = sorted(after.grids ^ draft.locks.grids)
    return {"grids": grids, "borders": [list(pair) for pair in sorted(after.borders ^ draft.locks.borders)]}


class _Folders:
    """A new folder for each run of the machine."""

    place: Path
    count = 0

    def mkdtemp(self) -> Path:
        self.count += 1
        made = self.place / str(self.count)
        made.mkdir()
        return made


folder = _Folders()


def test_two_planners_may_do_anything_and_take_it_back(tmp_path):
    folder.place, folder.count = tmp_path, 0
    run_state_machine_as_test(
        Planning,
        settings=settings(deadline=None, max_examples=6, stateful_step_count=8, derandomize=True, database=None),
    )


@pytest.mark.slow
def test_many_towns_and_long_days(tmp_path):
    folder.place, folder.count = tmp_path, 0
    run_state_machine_as_test(
        Planning, settings=settings(deadline=None, max_examples=60, stateful_step_count=25, database=None)
    )


@pytest.mark.slow
@pytest.mark.skipif(not HANKOU.exists(), reason="no data of Wuhan Hankou")
def test_thousands_of_edits_of_hankou(tmp_path):
    sources = hankou(tmp_path).sources
    first = jobs.divide_files(sources, tmp_path / "hankou.gpkg", jobs=2)
    store = made_store(tmp_path, first)
    first, rng, done = jobs.version(store, 1), np.random.default_rng(2026), 0
    households = first.atoms["households"].fillna(0).sum()
    for k in range(3000):
        zones = _some_zones(first, rng)
        draft = jobs.open_draft(store, 1, zones)
        kind = str(rng.choice([name for name in EDITS if name not in ("lock", "carve", "give_back")]))
        if rng.random() < 0.15:
            _turned(store, rng)
            continue
        try:
            _, change = random_edit(draft, rng, kinds=(kind,))
            made, _ = jobs.edit(store, 1, change, zones, action=kind, asked={}, by=str(rng.choice(PEOPLE)))
        except GridgisError:
            continue
        done += 1
        assert_agrees(made)
        if k % 300 == 0:
            now = jobs.version(store, 1)
            assert hard(now).empty
            assert now.atoms["households"].fillna(0).sum() == households
    assert done > 1000
    undo_all(store)
    assert_same(first, jobs.version(store, 1))
    assert jobs.verify(store).faults == ()


def _some_zones(division: Division, rng: np.random.Generator) -> list[str]:
    return [str(rng.choice(division.zones["zone_code"].to_numpy(dtype=object)))]


def _turned(store: str, rng: np.random.Generator) -> None:
    try:
        (jobs.redo if rng.random() < 0.4 else jobs.undo)(store, 1, by=str(rng.choice(PEOPLE)))
    except GridgisError:
        return
