"""Divide zones, or a few of their grids, anew from the grids that stand; make micro-grids again.

Invariant: what is locked or not named keeps its land and its code; a locked border stays a border in all its length;
where no better division is met nothing changes. Better is: fewer households out of range, then fewer necks, then a
lower objective, in which each household that moves counts (`weights.moved_household` of the profile).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

import pandas as pd
from joblib import Parallel, delayed

from gridgis.adjust.anew import Done, divided, same_parts, task_of
from gridgis.adjust.changes import changes
from gridgis.adjust.draft import Draft, Edit, absent
from gridgis.adjust.graph import Ground, grounds
from gridgis.adjust.held_borders import with_locks
from gridgis.adjust.rebuild import rebuilt
from gridgis.adjust.recount import counted
from gridgis.adjust.successors import codes_of
from gridgis.divide.workers import start_workers
from gridgis.errors import Fault, Notice, refuse

Progress = Callable[[str, float], None]
"""Told the name of a stage and how much of the whole is done, 0 to 1."""

NOTHING_BETTER = "no better division was met: it stays as it is"
SHOWN = 5
"""So many zones a notice names."""


def redivide(
    draft: Draft,
    codes: Collection[str],
    *,
    seed: int = 0,
    effort: int = 1,
    households: pd.Series | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Edit:
    """Divide zones, or some grids within their zone, anew from the grids that stand.

    Micro-grids of grids that change are made again: those that stay whole in one grid, in range, stay. The same draft,
    codes and seed give the same draft for any number of `jobs`.

    Parameters
    ----------
    codes : of zones (12 digits) and grids (15)
    seed : of the search
    effort : scales the steps of the search
    households : new numbers by `atom_id`, as for :func:`gridgis.adjust.recount.recounted`: they count in all zones
    jobs : processes, a zone each

    Raises
    ------
    InputRefused
        With every code that is not there or locked, every zone that is measured by what a division does not hold; for
        wrong numbers of households.
    """
    free = _asked(draft, codes)
    start = draft if households is None else counted(draft, households)
    options = {"seed": seed, "effort": effort, "jobs": jobs, "progress": progress}
    return _edited(draft, start, free, again=frozenset(), fresh=households is not None, **options)  # type: ignore[arg-type]


def redivide_micro(
    draft: Draft,
    grids: Collection[str],
    *,
    seed: int = 0,
    effort: int = 1,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Edit:
    """Make the micro-grids of grids again, from those that stand.

    Raises
    ------
    InputRefused
        With every grid that is not there or locked, and every one without households by which to make them.
    """
    asked = _micros_asked(draft, grids)
    zones = sorted({code[: draft.profile.codes.zone_digits] for code in asked})
    free: dict[str, frozenset[str]] = dict.fromkeys(zones, frozenset())
    options = {"seed": seed, "effort": effort, "jobs": jobs, "progress": progress}
    return _edited(draft, draft, free, again=frozenset(asked), fresh=False, **options)  # type: ignore[arg-type]


# ---------------------------------------------------------------- what is asked
def refuse_asked(draft: Draft, codes: Collection[str], *, microgrids: bool = False) -> None:
    """Refuse what :func:`redivide`, or with `microgrids` :func:`redivide_micro`, would refuse, before any work."""
    asked: Callable[[Draft, Collection[str]], object] = _micros_asked if microgrids else _asked
    asked(draft, codes)


def _asked(draft: Draft, codes: Collection[str]) -> dict[str, frozenset[str]]:
    """The grids that may change, by zone in order."""
    digits = draft.profile.codes.zone_digits
    zones = sorted({code for code in codes if len(code) == digits})
    named = _grids_asked(draft, [code for code in codes if len(code) != digits])
    known, grids = set(draft.division.zones["zone_code"]), draft.division.grids
    refuse(absent("zones", code, word="zone") for code in zones if code not in known)
    out = {}
    for zone in sorted({*zones, *(code[:digits] for code in named)}):
        of = set(grids["grid_code"][grids["zone_code"] == zone]) - draft.locks.grids
        out[zone] = frozenset(of if zone in zones else of.intersection(named))
    refuse([*_all_locked(out), *_not_measured(draft, list(out))])
    return out


def _micros_asked(draft: Draft, codes: Collection[str]) -> list[str]:
    found = _grids_asked(draft, codes)
    refuse(_without_micros(draft, found))
    return found


def _grids_asked(draft: Draft, codes: Collection[str]) -> list[str]:
    known = set(draft.division.grids["grid_code"])
    refuse(absent("grids", code, word="grid") for code in codes if code not in known)
    held = [code for code in codes if code in draft.locks.grids]
    refuse(Fault("grids", code, "is locked", f"Unlock it: gridgis adjust unlock VERSION {code}") for code in held)
    return sorted(set(codes))


def _all_locked(asked: dict[str, frozenset[str]]) -> Iterator[Fault]:
    for zone, grids in asked.items():
        if not grids:
            cure = "Unlock those that may change: gridgis adjust unlock VERSION CODE"
            yield Fault("zones", zone, "all its grids are locked", cure)


def _not_measured(draft: Draft, zones: Collection[str]) -> Iterator[Fault]:
    """Corridors: sections are made by the length of a centre line, which runs inside them."""
    rows = draft.division.zones[draft.division.zones["zone_code"].isin(zones)]
    for code, kind in zip(rows["zone_code"], rows["kind"], strict=True):
        if draft.profile.rules[kind].length_m is not None:
            problem = "is divided by the length of its centre line, which a division does not hold"
            yield Fault("zones", code, problem, "Divide it from its layers: gridgis divide --earlier")


def _without_micros(draft: Draft, codes: Collection[str]) -> Iterator[Fault]:
    grids = draft.division.grids[draft.division.grids["grid_code"].isin(codes)]
    for code, kind, number in zip(grids["grid_code"], grids["kind"], grids["households"].fillna(0), strict=True):
        if draft.profile.rules[kind].micro_households is None or number == 0:
            yield Fault("grids", code, "has no households to make micro-grids of", "Leave it out")


# ---------------------------------------------------------------- work
def _edited(
    draft: Draft,
    start: Draft,
    free: dict[str, frozenset[str]],
    *,
    again: frozenset[str],
    fresh: bool,
    seed: int,
    effort: int,
    jobs: int,
    progress: Progress | None,
) -> Edit:
    """The edit that divides the grids `free` anew and makes the micro-grids of `again` again."""
    tell = progress or (lambda _stage, _done: None)
    wait = start_workers(jobs if len(free) > 1 else 1)
    tell("graphs", 0.0)
    every = list(grounds(start, list(free)))
    tasks = [task_of(start, one, free[one.zone_code], again, seed=seed, effort=effort) for one in every]
    wait()
    tell("grids", 0.1)
    order = sorted(range(len(tasks)), key=lambda k: (-len(tasks[k].free), k))
    calls = (delayed(divided)(tasks[k]) for k in order)
    done: dict[int, Done] = {}
    workers = Parallel(n_jobs=jobs if len(free) > 1 else 1, return_as="generator")
    for n, (k, result) in enumerate(zip(order, workers(calls), strict=True), 1):
        done[k] = result
        tell("grids", 0.1 + 0.8 * n / len(order))
    tell("codes", 0.9)
    results = [done[k] for k in range(len(tasks))]
    after = _relabelled(start, every, results)
    whole = [len(task.free) > 0 and bool(task.free.all()) and not len(task.locked) for task in tasks]
    after = _reasons_told(start, after, every, results, whole=whole, fresh=fresh)
    after = with_locks(start, after)
    touched = changes(draft.division.atoms, after.division.atoms).moved("grid_code")
    tell("done", 1.0)
    return Edit(draft, after, tuple(sorted(touched)), tuple(_notices(start, after, every)))


def _notices(was: Draft, draft: Draft, every: list[Ground]) -> Iterator[Notice]:
    if draft.division.atoms is was.division.atoms:
        yield Notice("grids", NOTHING_BETTER)
    kind = dict(zip(was.division.zones["zone_code"], was.division.zones["kind"], strict=True))
    by_area = [
        g.zone_code for g in every if g.measure.name == "area_m2" and was.profile.rules[kind[g.zone_code]].workers
    ]
    if by_area:
        told = ", ".join(by_area[:SHOWN])
        yield Notice("zones", f"divided by area: a division does not hold workers; the first: {told}", len(by_area))


# ---------------------------------------------------------------- what comes of it
def _relabelled(draft: Draft, every: list[Ground], done: list[Done]) -> Draft:
    """The draft with the new grids, `draft` itself where they are the old ones."""
    atoms = draft.division.atoms
    code, micro = (atoms[name].to_numpy(dtype=object, copy=True) for name in ("grid_code", "microgrid_code"))
    for ground, one in zip(every, done, strict=True):
        was = ground.standing
        if same_parts(was.grid, one.grid).all() and same_parts(was.micro, one.micro).all():
            continue
        code[ground.rows], micro[ground.rows] = codes_of(draft, ground, one.grid, one.micro)
    same = (code == atoms["grid_code"].to_numpy(dtype=object)) & (micro == atoms["microgrid_code"].to_numpy(object))
    return draft if same.all() else rebuilt(draft, atoms.assign(grid_code=code, microgrid_code=micro))


def _reasons_told(
    was: Draft, draft: Draft, every: list[Ground], done: list[Done], *, whole: list[bool], fresh: bool
) -> Draft:
    """The draft with the reasons of zones that were divided anew as a whole and changed, or were counted anew."""
    if draft is was and not fresh:
        return draft
    told = {g.zone_code: ",".join(d.reasons) for g, d, all_ in zip(every, done, whole, strict=True) if all_}
    zones = draft.division.zones
    stood = zones["flags"].fillna("")
    flags = [told.get(code, flag) for code, flag in zip(zones["zone_code"], stood, strict=True)]
    if flags == stood.tolist():
        return draft
    return replace(draft, division=replace(draft.division, zones=zones.assign(flags=flags)))
