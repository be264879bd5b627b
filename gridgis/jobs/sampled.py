"""A sample of the points of each source of a file, from its first row to its last, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gridgis.geometry.noding import Floats

HELD = 20_000
"""Points that are held of a source: as many as the test for a shift looks at."""
MOST_SOURCES = 100
"""Sources that are held at once; where there are more, those with the fewest cases so far are let go."""


class Sampled:
    """Points of each source by chance, each of its cases as likely as any other.

    Which they are depends on the number of each row in the file, not on the size of the chunks, as long as there are no
    more sources than are held.
    """

    def __init__(self, *, held: int = HELD, most_sources: int = MOST_SOURCES) -> None:
        self._held, self._most = held, most_sources
        self._rows = 0
        self._points: dict[str, tuple[np.ndarray, Floats]] = {}
        self._cases: dict[str, int] = {}

    def add(self, chunk: pd.DataFrame) -> None:
        """Take the next cases of the file: `source`, `x`, `y`, and where it is known `piled`, which are no points."""
        xy = chunk[["x", "y"]].to_numpy(dtype=np.float64)
        turn = _by_chance(np.arange(self._rows, self._rows + len(chunk), dtype=np.uint64))
        self._rows += len(chunk)
        usable = np.isfinite(xy).all(axis=1)
        if "piled" in chunk:
            usable &= ~chunk["piled"].to_numpy(dtype=np.bool_)
        code, names = pd.factorize(chunk["source"].fillna(""), sort=True)
        rows = np.flatnonzero(usable)
        order = rows[np.argsort(code[rows], kind="stable")]
        count = np.bincount(code[rows], minlength=len(names))
        last = np.cumsum(count)
        for number in np.argsort(-count, kind="stable")[: self._most]:
            mine = order[last[number] - count[number] : last[number]]
            self._keep(str(names[number]), turn[mine], xy[mine])
        self._let_go()

    def __iter__(self) -> Iterator[tuple[str, Floats]]:
        """Each source, in their order, "" for none, with the points that are held of it, shape (n, 2)."""
        for name in sorted(self._points):
            turn, xy = self._points[name]
            yield name, xy[np.argsort(turn, kind="stable")]

    def _keep(self, name: str, turn: np.ndarray, xy: Floats) -> None:
        before = self._points.get(name, (np.zeros(0, dtype=np.uint64), np.zeros((0, 2))))
        turn, xy = np.concatenate([before[0], turn]), np.concatenate([before[1], xy])
        self._cases[name] = self._cases.get(name, 0) + len(turn) - len(before[0])
        if len(turn) > self._held:
            first = np.argpartition(turn, self._held)[: self._held]
            turn, xy = turn[first], xy[first]
        self._points[name] = turn, xy

    def _let_go(self) -> None:
        for name in sorted(self._cases, key=lambda one: (-self._cases[one], one))[self._most :]:
            del self._cases[name], self._points[name]


def _by_chance(number: np.ndarray) -> np.ndarray:
    """A number that looks like chance for each of others, no two alike (the finalizer of SplitMix64, Steele 2014)."""
    z = number + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
