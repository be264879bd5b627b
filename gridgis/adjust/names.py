"""Names of grids, and locks of grids and borders."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from gridgis.adjust.accept import accepted
from gridgis.adjust.draft import Draft, Edit, Locks
from gridgis.adjust.give import unknown
from gridgis.errors import Fault, refuse
from gridgis.geometry.borders import adjacency
from gridgis.geometry.noding import as_array

LONGEST = 60
"""Characters of the longest name."""


def rename(draft: Draft, codes: Collection[str], *, name: str | None = None) -> Edit:
    """Give one grid a name, or several the names that the naming rule of the profile gives.

    Raises
    ------
    InputRefused
        With every code that is no grid; for a name that is too long, of several lines, or that of another grid of the
        zone; where nothing would change.
    """
    grids, layout = draft.division.grids, draft.profile.codes
    refuse([*_no_grids(draft, codes), *([] if name is None else _bad_name(draft, codes, name))])
    zone = draft.division.zones.set_index("zone_code")["name"]
    by_rule = draft.profile.naming.grid_name
    made = [
        (name if name is not None else by_rule(zone[of], code, digits=layout.sequence_digits)) if code in codes else old
        for code, of, old in zip(grids["grid_code"], grids["zone_code"], grids["name"], strict=True)
    ]
    return accepted(draft, replace(draft, division=replace(draft.division, grids=grids.assign(name=made))))


def lock(draft: Draft, codes: Collection[str] = (), *, borders: Collection[tuple[str, str]] = ()) -> Edit:
    """Keep grids, and borders between two grids, as they are in all edits to come.

    Raises
    ------
    InputRefused
        With every code that is no grid, and every pair that has no common border.
    """
    pairs = _pairs(borders)
    refuse([*_no_grids(draft, [*codes, *(code for pair in pairs for code in pair)]), *_apart(draft, pairs)])
    locks = Locks(draft.locks.grids | set(codes), draft.locks.borders | pairs)
    return accepted(draft, replace(draft, locks=locks))


def unlock(draft: Draft, codes: Collection[str] = (), *, borders: Collection[tuple[str, str]] = ()) -> Edit:
    """Let grids and borders be changed again.

    Raises
    ------
    InputRefused
        With everything that is not locked.
    """
    pairs = _pairs(borders)
    free = [
        *sorted(set(codes) - draft.locks.grids),
        *(" and ".join(pair) for pair in sorted(pairs - draft.locks.borders)),
    ]
    refuse(Fault("locks", one, "is not locked", "See what is: gridgis adjust show VERSION") for one in free)
    locks = Locks(draft.locks.grids - set(codes), draft.locks.borders - pairs)
    return accepted(draft, replace(draft, locks=locks))


def _pairs(borders: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset((min(pair), max(pair)) for pair in borders)


def _no_grids(draft: Draft, codes: Collection[str]) -> list[Fault]:
    digits = draft.profile.codes.zone_digits + draft.profile.codes.sequence_digits
    cure = f"Write the {digits} digits of a grid"
    wrong = [Fault("grids", code, "is no code of a grid", cure) for code in sorted(codes) if len(code) != digits]
    return wrong or unknown(draft, sorted(codes))


def _apart(draft: Draft, pairs: Collection[tuple[str, str]]) -> list[Fault]:
    grids, out = draft.division.grids, []
    for pair in sorted(pairs):
        shapes = as_array(grids.geometry)[grids["grid_code"].isin(pair)]
        if len(shapes) < 2 or not len(adjacency(shapes)[0]):
            out.append(Fault("borders", " and ".join(pair), "are no neighbours", "Name two grids with a common border"))
    return out


def _bad_name(draft: Draft, codes: Collection[str], name: str) -> list[Fault]:
    text, where = name.strip(), ", ".join(sorted(codes))
    if not text or text != name or len(text) > LONGEST or not text.isprintable():
        problem = f"{name[:LONGEST]!r} is no name: empty, with blanks around it, too long or of several lines"
        return [Fault("grids", where, problem, f"Write one line of at most {LONGEST} characters")]
    if len(codes) > 1:
        return [
            Fault("grids", where, "would all have one name", "Leave the name out: the rule of the profile names them")
        ]
    grids = draft.division.grids
    zone = grids["zone_code"][grids["grid_code"].isin(list(codes))]
    same = grids[(grids["name"] == name) & grids["zone_code"].isin(zone) & ~grids["grid_code"].isin(list(codes))]
    return [Fault("grids", where, f"{name!r} is the name of {code}", "Choose another") for code in same["grid_code"]]
