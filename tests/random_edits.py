"""Edits by lot: of every kind, on what a draft has now. One that may not be is refused and changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely

from gridgis.adjust.border import move_border
from gridgis.adjust.carve import carve
from gridgis.adjust.draft import Draft, Edit
from gridgis.adjust.give import give, merge
from gridgis.adjust.give_back import give_back
from gridgis.adjust.names import lock, rename, unlock
from gridgis.adjust.redivide import redivide, redivide_micro
from gridgis.adjust.split import split, split_atom
from gridgis.geometry.borders import adjacency
from gridgis.profile import KINDS

Asked = tuple[str, Callable[[Draft], Edit]]
"""What is done, and how."""


def random_edit(draft: Draft, rng: np.random.Generator, *, buildings=None, kinds: tuple[str, ...] = ()) -> Asked:
    """An edit by lot.

    Parameters
    ----------
    kinds : from which one is chosen; all by default
    """
    kind = str(rng.choice(kinds or tuple(EDITS)))
    return kind, EDITS[kind](draft, rng, buildings)


def _one(values, rng: np.random.Generator):
    return values[int(rng.integers(len(values)))] if len(values) else "0"


def _grids(draft: Draft):
    return draft.division.grids["grid_code"].tolist()


def _neighbours(draft: Draft, rng: np.random.Generator, layer: str = "grids") -> tuple[str, str]:
    frame = getattr(draft.division, layer)
    code = frame["grid_code" if layer == "grids" else "microgrid_code"].to_numpy(dtype=object)
    above = frame["zone_code" if layer == "grids" else "grid_code"].to_numpy(dtype=object)
    pairs, _ = adjacency(frame.geometry.values)
    pairs = pairs[above[pairs[:, 0]] == above[pairs[:, 1]]] if len(pairs) else pairs
    if not len(pairs):
        return (str(code[0]), str(code[-1]))
    i, j = _one(pairs, rng)
    return str(code[i]), str(code[j])


def _give(draft: Draft, rng: np.random.Generator, _):
    atoms = draft.division.atoms
    pairs, _length = adjacency(atoms.geometry.values)
    name, grid, micro = (atoms[c].to_numpy(dtype=object) for c in ("atom_id", "grid_code", "microgrid_code"))
    label = grid if rng.random() < 0.7 else micro
    pairs = pairs[label[pairs[:, 0]] != label[pairs[:, 1]]]
    i, j = (int(v) for v in rng.permuted(_one(pairs, rng))) if len(pairs) else (0, 0)
    chosen = [name[i]]
    if rng.random() < 0.3:
        chosen = name[micro == micro[i]].tolist()
    return lambda d: give(d, chosen, to=str(label[j]))


def _line(shape: shapely.Geometry, rng: np.random.Generator) -> shapely.LineString:
    """A line by lot through a shape, a little bent, some of them bad ones."""
    west, south, east, north = shape.bounds
    span = max(east - west, north - south)
    middle = np.array(shapely.get_coordinates(shapely.point_on_surface(shape))[0])
    turn = rng.uniform(0, np.pi)
    along = np.array([np.cos(turn), np.sin(turn)])
    points = [middle - along * span, middle + rng.normal(0, span / 20, 2), middle + along * span]
    if rng.random() < 0.1:
        points = [middle, *points[1:]]
    return shapely.LineString(points)


def _split(draft: Draft, rng: np.random.Generator, buildings):
    micro = rng.random() < 0.3
    frame = draft.division.microgrids if micro else draft.division.grids
    k = int(rng.integers(len(frame)))
    line, code = _line(frame.geometry.iloc[k], rng), frame["microgrid_code" if micro else "grid_code"].iloc[k]
    return lambda d: split(d, code, line, buildings=buildings)


def _split_atom(draft: Draft, rng: np.random.Generator, buildings):
    atoms = draft.division.atoms
    k = int(rng.integers(len(atoms)))
    line, atom = _line(atoms.geometry.iloc[k], rng), atoms["atom_id"].iloc[k]
    return lambda d: split_atom(d, atom, line, buildings=buildings)


def _move_border(draft: Draft, rng: np.random.Generator, buildings):
    one, two = _neighbours(draft, rng, "microgrids" if rng.random() < 0.3 else "grids")
    key = "grid_code" if len(one) == 15 else "microgrid_code"
    frame = draft.division.grids if len(one) == 15 else draft.division.microgrids
    line = _line(shapely.union_all(frame.geometry[frame[key].isin([one, two])].values), rng)
    return lambda d: move_border(d, one, two, line, buildings=buildings)


def _merge(draft: Draft, rng: np.random.Generator, _):
    pair = _neighbours(draft, rng, "microgrids" if rng.random() < 0.3 else "grids")
    return lambda d: merge(d, pair)


def _rename(draft: Draft, rng: np.random.Generator, _):
    code, name = _one(_grids(draft), rng), f"里 {rng.integers(1000)}"
    return lambda d: rename(d, [code], name=name)


def _lock(draft: Draft, rng: np.random.Generator, _):
    pair = _neighbours(draft, rng)
    if draft.locks.grids or draft.locks.borders:
        return lambda d: unlock(d, d.locks.grids, borders=d.locks.borders)
    if rng.random() < 0.5:
        return lambda d: lock(d, [pair[0]])
    return lambda d: lock(d, borders=[pair])


def _carve(draft: Draft, rng: np.random.Generator, buildings):
    place = shapely.point_on_surface(draft.division.grids.geometry.iloc[int(rng.integers(len(draft.division.grids)))])
    size = float(rng.uniform(20, 120))
    area = place.buffer(size, quad_segs=int(rng.integers(1, 4)))
    kind = str(rng.choice(["dedicated", "street"]))
    return lambda d: carve(d, area, kind=kind, name="专属", buildings=buildings)  # type: ignore[arg-type]


def _give_back(draft: Draft, rng: np.random.Generator, _):
    zones = draft.division.zones
    assert set(zones["kind"]) <= set(KINDS)
    code = _one(zones["zone_code"][zones["kind"].isin(["dedicated", "street"])].tolist(), rng)
    return lambda d: give_back(d, code)


def _redivide(draft: Draft, rng: np.random.Generator, _):
    seed = int(rng.integers(5))
    if rng.random() < 0.3:
        code = _one(_grids(draft), rng)
        return lambda d: redivide_micro(d, [code], seed=seed)
    codes = (
        list(_neighbours(draft, rng)) if rng.random() < 0.5 else [_one(draft.division.zones["zone_code"].tolist(), rng)]
    )
    return lambda d: redivide(d, codes, seed=seed)


EDITS = {
    "give": _give,
    "split": _split,
    "split_atom": _split_atom,
    "move_border": _move_border,
    "merge": _merge,
    "rename": _rename,
    "lock": _lock,
    "carve": _carve,
    "give_back": _give_back,
    "redivide": _redivide,
}
