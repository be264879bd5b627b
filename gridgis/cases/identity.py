"""Identities that occur twice in a file, told with 8 bytes an identity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gridgis.cases.numbers import Bools, bools

Hashes = NDArray[np.uint64]

PRIME = np.uint64(0x9E3779B97F4A7C15)
WORD = 8


class Seen:
    """Identities met so far, as hashes in sorted runs of growing length.

    Two identities of ten million have the same hash once in some hundred thousand files.
    """

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def again(self, names: Any) -> Bools:
        """Which of `names` (an arrow array of text, null never) occurred before, in this call or an earlier one."""
        out = np.zeros(len(names), dtype=bool)
        rows = np.flatnonzero(bools(names.is_valid()))
        hashes = hashed(names.drop_null())
        order = np.argsort(hashes, kind="stable")
        ranked = hashes[order]
        repeated = np.concatenate([[False], ranked[1:] == ranked[:-1]])[: len(ranked)]
        for run in self._runs:
            repeated |= _holds(run, ranked)
        out[rows[order[repeated]]] = True
        self._keep(ranked[~repeated])
        return out

    def _keep(self, run: Hashes) -> None:
        """Add a sorted run; runs of like length become one, so that there are few."""
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)


def hashed(names: Any) -> Hashes:
    """Hash each text, its bytes taken eight at a time; the same on every machine."""
    column = pc.cast(names, pa.large_binary())
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    held = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return _mixed(held, ends[:-1], np.diff(ends))


def _mixed(held: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64]) -> Hashes:
    out = _stirred(length.astype(np.uint64))
    padded = np.concatenate([held, np.zeros(WORD, dtype=np.uint8)])
    words = np.lib.stride_tricks.sliding_window_view(padded, WORD) if len(start) else padded
    for at in range(0, int(length.max(initial=0)), WORD):
        rows = np.flatnonzero(length > at)
        word = np.ascontiguousarray(words[start[rows] + at]).view("<u8").ravel()
        spare = (WORD - np.minimum(length[rows] - at, WORD)).astype(np.uint64) * np.uint64(8)
        word = (word << spare) >> spare
        out[rows] = _stirred(out[rows] ^ word)
    return out


def _stirred(values: Hashes) -> Hashes:
    """Mix the bits of each number (the finaliser of splitmix64, Steele and others 2014)."""
    mixed = values + PRIME
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _holds(run: Hashes, ranked: Hashes) -> Bools:
    if not len(run):
        return np.zeros(len(ranked), dtype=bool)
    place = np.searchsorted(run, ranked).clip(max=len(run) - 1)
    return np.asarray(run[place] == ranked)
