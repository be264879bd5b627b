"""Cases as a pyramid counts them: checked, placed in blocks, sorted into slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from gridgis.errors import Fault, refuse
from gridgis.heat.binning import WEIGHT_UNIT
from gridgis.heat.pyramid.catalogue import Frame
from gridgis.heat.pyramid.form import SIDE, Segment

FARTHEST_M = 1e8
"""Coordinates farther from the origin are no metres on this earth."""

HEAVIEST = 2**22
"""Largest weight of a case, so that it fits its four bytes."""

PLACE_BITS = 39
"""Of a key: y, x and the day of the month."""

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Columns:
    """Cases in any order, an array each; months since 1970, blocks from the origin."""

    month: NDArray[Any]
    item: NDArray[Any]
    source: NDArray[Any]
    east: NDArray[Any]
    north: NDArray[Any]
    x: NDArray[np.uint32]
    y: NDArray[np.uint32]
    day: NDArray[np.uint8]
    weight: NDArray[np.uint32] | None


def checked(cases: pd.DataFrame) -> pd.DataFrame:
    """The cases, where each has a place, a day and a weight.

    Raises
    ------
    InputRefused
        With a fault for each column that is missing or has values that cannot be counted.
    """
    missing = [name for name in ("x", "y", "day") if name not in cases]
    cure = "Give x and y in metres and day, the local date"
    refuse(Fault("cases", f"column {name}", "is missing", cure) for name in missing)
    faults = [
        _bad(cases, name, lambda v: ~(np.abs(v) <= FARTHEST_M), "no place in metres", "Leave out cases without a place")
        for name in ("x", "y")
    ]
    faults.append(_no_day(cases))
    if "weight" in cases:
        most = f"from 1/{WEIGHT_UNIT} to {HEAVIEST:,}, or 0"
        faults.append(
            _bad(
                cases, "weight", _is_no_weight, f"no weight {most}", "Multiply all weights by one number, or mend them"
            )
        )
    refuse(fault for fault in faults if fault)
    return cases


def _is_no_weight(weight: NDArray[np.float64]) -> NDArray[np.bool_]:
    return ~((weight == 0) | ((weight >= 1 / WEIGHT_UNIT) & (weight < HEAVIEST)))


def _bad(
    cases: pd.DataFrame, name: str, wrong: Callable[[Any], NDArray[np.bool_]], problem: str, cure: str
) -> Fault | None:
    values = pd.to_numeric(cases[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    at = np.flatnonzero(wrong(values))
    return _fault(cases, name, at, problem, cure)


def _no_day(cases: pd.DataFrame) -> Fault | None:
    cure = "Give day as datetime64 without a zone: the local date"
    if not pd.api.types.is_datetime64_dtype(cases["day"].dtype):
        return Fault("cases", "column day", f"is {cases['day'].dtype}, not a date", cure)
    return _fault(cases, "day", np.flatnonzero(cases["day"].isna().to_numpy()), "no day", cure)


def _fault(cases: pd.DataFrame, name: str, at: NDArray[Any], problem: str, cure: str) -> Fault | None:
    if not len(at):
        return None
    first = f"row {cases.index[at[0]]}"
    others = f" (and {len(at) - 1:,} more)" if len(at) > 1 else ""
    return Fault("cases", first, f"{name} {cases[name].iloc[at[0]]} is {problem}{others}", cure)


def columns(cases: pd.DataFrame, frame: Frame, codes: Callable[[str, list[str]], list[int]]) -> Columns:
    """Place checked cases in the blocks of a pyramid.

    Parameters
    ----------
    codes : callable
        Gives the ids of items and sources: kind and texts in, ids out.
    """
    days = cases["day"].to_numpy().astype("datetime64[D]")
    month, day = months_and_days(days)
    x = _units(cases["x"], frame.left, frame.unit_m)
    y = _units(cases["y"], frame.bottom, frame.unit_m)
    weight = None
    if "weight" in cases:
        weight = np.round(cases["weight"].to_numpy(dtype=np.float64) * WEIGHT_UNIT).astype(np.uint32)
    return Columns(
        month=month,
        item=_coded(cases, "item", codes),
        source=_coded(cases, "source", codes),
        east=(x >> 17).astype(np.int32),
        north=(y >> 17).astype(np.int32),
        x=(x & (SIDE - 1)).astype(np.uint32),
        y=(y & (SIDE - 1)).astype(np.uint32),
        day=day,
        weight=weight,
    )


def months_and_days(days: NDArray[np.datetime64]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Months since 1970 and days of the month from 0; each date is looked up, not computed, where there are many."""
    numbers = days.astype(np.int64)
    low, high = int(numbers.min()), int(numbers.max())
    if high - low > len(days):
        month = days.astype("datetime64[M]")
        return month.astype(np.int32), (days - month.astype("datetime64[D]")).astype(np.uint8)
    every = np.arange(low, high + 1).astype("datetime64[D]")
    month = every.astype("datetime64[M]")
    day = (every - month.astype("datetime64[D]")).astype(np.uint8)
    return month.astype(np.int32)[numbers - low], day[numbers - low]


def _units(values: pd.Series, origin: float, unit_m: float) -> NDArray[np.int64]:
    metres = pd.to_numeric(values).to_numpy(dtype=np.float64)
    return np.floor((metres - origin) / unit_m + 0.5).astype(np.int64)


def _coded(cases: pd.DataFrame, kind: str, codes: Callable[[str, list[str]], list[int]]) -> NDArray[np.uint16]:
    """Ids of the items or sources of cases; a text that is missing is the empty one."""
    if kind not in cases:
        return np.full(len(cases), codes(kind, [""])[0], dtype=np.uint16)
    number, found = pd.factorize(cases[kind])
    texts = [*map(str, found), ""]  # number is -1, the last of these, where there is none
    used = sorted(set(texts[:-1]) | ({""} if (number < 0).any() else set()))
    ids = dict(zip(used, codes(kind, used), strict=True))
    return np.array([ids.get(text, 0) for text in texts], dtype=np.uint16)[number]


def of_segments(segments: Iterable[Segment]) -> Columns:
    """The cases of some segments, one after the other."""
    parts = list(segments)
    counts = [np.diff(one.start) for one in parts]

    def spread(values: Callable[[Segment], NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([np.repeat(values(one), n) for one, n in zip(parts, counts, strict=True)])

    weighted = any(len(one.weight) for one in parts)
    plain = [np.full(0 if len(one.weight) else len(one), WEIGHT_UNIT, dtype=np.uint32) for one in parts]
    weights = [np.concatenate([one.weight, same]) for one, same in zip(parts, plain, strict=True)]
    return Columns(
        month=spread(lambda one: one.month),
        item=spread(lambda one: one.item),
        source=spread(lambda one: one.source),
        east=spread(lambda one: one.blocks[one.block, 0]),
        north=spread(lambda one: one.blocks[one.block, 1]),
        x=np.concatenate([one.x.astype(np.uint32) << 1 | (one.day >> 5) & 1 for one in parts]),
        y=np.concatenate([one.y.astype(np.uint32) << 1 | one.day >> 6 for one in parts]),
        day=np.concatenate([one.day & 31 for one in parts]),
        weight=np.concatenate(weights) if weighted else None,
    )


def sorted_segment(cases: Columns) -> Segment:
    """The cases in slices."""
    blocks, block = _blocks(cases.east, cases.north)
    span = [int(v.max()) + 1 for v in (cases.item, cases.source)]
    first = int(cases.month.min())
    group: Codes = cases.month.astype(np.int64) - first
    for values, wide in ((cases.item, span[0]), (cases.source, span[1]), (block, len(blocks))):
        group *= wide
        group += values
    known = None
    if int(group.max()) >= 1 << (64 - PLACE_BITS):
        known, group = np.unique(group, return_inverse=True)
        refuse(_too_many(len(known)))
    key = _keys(group, cases.x, cases.y, cases.day)
    del group
    weight = np.empty(0, dtype=np.uint32)
    if cases.weight is None:
        key.sort()
    else:
        order = np.argsort(key, kind="stable")
        key, weight = key[order], cases.weight[order]
    x, y, day, start = _unpacked(key)
    slices = (key[start[:-1]] >> np.uint64(PLACE_BITS)).astype(np.int64)
    slices = slices if known is None else known[slices]
    slices, block_of = np.divmod(slices, len(blocks))
    slices, source = np.divmod(slices, span[1])
    month, item = np.divmod(slices, span[0])
    return Segment(
        x=x, y=y, day=day, weight=weight,
        month=(month + first).astype(np.int32), item=item.astype(np.uint16),
        source=source.astype(np.uint16), block=block_of.astype(np.uint16),
        start=start, blocks=blocks, boxes=_boxes(x, y, start, block_of, len(blocks)),
    )  # fmt: skip


def _blocks(east: NDArray[Any], north: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Blocks that have cases, and the block of each case."""
    low_east, low_north = int(east.min()), int(north.min())
    wide, high = int(east.max()) - low_east + 1, int(north.max()) - low_north + 1
    if wide == high == 1:
        return np.array([[low_east, low_north]], dtype=np.int32), np.zeros(len(east), dtype=np.uint16)
    number = (np.int64(east) - low_east) * high + (north - low_north)
    if wide * high <= 4096:
        there = np.flatnonzero(np.bincount(number, minlength=wide * high))
        place = np.zeros(wide * high, dtype=np.uint16)
        place[there] = np.arange(len(there))
        block = place[number]
    else:
        there, inverse = np.unique(number, return_inverse=True)
        refuse(_scattered(len(there)))
        block = inverse.astype(np.uint16)
    return np.column_stack([there // high + low_east, there % high + low_north]).astype(np.int32), block


def _too_many(slices: int) -> list[Fault]:
    if slices <= 1 << (64 - PLACE_BITS):
        return []
    problem = f"{slices:,} different months, items, sources and squares in one: they are no counts"
    return [Fault("cases", "", problem, "Give codes of items and sources, not free text, or fewer cases at a time")]


def _scattered(blocks: int) -> list[Fault]:
    if blocks <= 1 << 16:
        return []
    problem = f"cases lie in {blocks:,} squares of some 80 km: they are no city's"
    return [Fault("cases", "columns x, y", problem, "Leave out cases outside the city, and check the coordinates")]


@njit(cache=True, nogil=True)
def _keys(group: Codes, x: NDArray[np.uint32], y: NDArray[np.uint32], day: NDArray[np.uint8]) -> NDArray[np.uint64]:
    out = np.empty(len(group), dtype=np.uint64)
    for n in range(len(group)):
        place = (np.uint64(y[n]) << np.uint64(22)) | (np.uint64(x[n]) << np.uint64(5)) | np.uint64(day[n])
        out[n] = (np.uint64(group[n]) << np.uint64(39)) | place
    return out


@njit(cache=True, nogil=True)
def _unpacked(
    key: NDArray[np.uint64],
) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8], NDArray[np.int64]]:
    """Places and days of sorted keys, and where slices begin."""
    n = len(key)
    x, y, day = np.empty(n, dtype=np.uint16), np.empty(n, dtype=np.uint16), np.empty(n, dtype=np.uint8)
    slices = 1
    for k in range(n):
        x[k], y[k] = (key[k] >> 6) & 0xFFFF, (key[k] >> 23) & 0xFFFF
        day[k] = key[k] & 63 | (key[k] >> 16) & 64
        if k and key[k] >> 39 != key[k - 1] >> 39:
            slices += 1
    start = np.zeros(slices + 1, dtype=np.int64)
    at = 1
    for k in range(1, n):
        if key[k] >> 39 != key[k - 1] >> 39:
            start[at] = k
            at += 1
    start[slices] = n
    return x, y, day, start


@njit(cache=True, nogil=True)
def _boxes(x: NDArray[np.uint16], y: NDArray[np.uint16], start: Codes, block: Codes, blocks: int) -> NDArray[np.int32]:
    """Boxes around the cases of each block, to even places."""
    out = np.zeros((blocks, 4), dtype=np.int32)
    out[:, :2] = 1 << 17
    for k in range(len(block)):
        box = out[block[k]]
        for n in range(start[k], start[k + 1]):
            box[0], box[1] = min(box[0], 2 * x[n]), min(box[1], 2 * y[n])
            box[2], box[3] = max(box[2], 2 * x[n] + 1), max(box[3], 2 * y[n] + 1)
    return out
