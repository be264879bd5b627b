"""A gazetteer opened: addresses to ranked candidates, beginnings to suggestions.

Invariant: any text has an answer, if only an empty one with a reason; nothing is written; what it says depends on the
file and the text alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from math import exp, hypot
from typing import Self, TypeAlias

import pandas as pd
from pyproj import CRS, Transformer

from gridgis.addresses.answer import FAR_M, RIVAL, Answer, Candidate
from gridgis.addresses.evidence import evidence
from gridgis.addresses.prefix import read_off
from gridgis.addresses.reads import Found
from gridgis.addresses.scoring import share
from gridgis.addresses.search import hits
from gridgis.addresses.side_file import SideFile
from gridgis.addresses.suggest import Suggestion, suggestions
from gridgis.addresses.text import BREAK, normal

COMPARED = 30
"""Candidates that are weighed against each other."""

NEARBY_M = 1000.0
ALIAS_M = 15.0

Aliases: TypeAlias = pd.DataFrame | Mapping[str, Candidate] | None
"""Corrections that people chose: a frame `text, x, y, address`, or what :func:`remembered` made of it."""

ROW = ("text", "address", "kind", "x", "y", "score", "accuracy_m", "side", "street", "parity", "ambiguous", "reason")


class Gazetteer:
    """The side file of :func:`gridgis.addresses.build`, for any number of threads and processes."""

    def __init__(self, base: SideFile) -> None:
        self._base = base
        self.crs = CRS.from_wkt(base.about["crs"])
        self._metric = CRS.from_wkt(base.about["metric"])
        self._plain = bool(self.crs == self._metric)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open a built file.

        Raises
        ------
        InputRefused
            Where it is no gazetteer, or one of an older form.
        """
        return cls(SideFile(path))

    def find(
        self, text: str, *, aliases: Aliases = None, limit: int = 5, near: tuple[float, float] | None = None
    ) -> Answer:
        """Candidates for an address, or for the address in a sentence.

        Parameters
        ----------
        aliases : corrections by people; one whose text is the same in the one form comes first
        limit : of candidates
        near : a point in :attr:`crs`; between equal candidates the nearer comes first
        """
        asked = normal(text)
        if not asked:
            return Answer(str(text), (), reason="nothing in it can be part of an address")
        alias = remembered(aliases).get(_bare(asked))
        areas, rest = read_off(self._base, asked)
        told = evidence(self._base, rest, hits(self._base, rest), areas)
        found = _ranked(told, near=self._in_metric(near))
        scored = [self._candidate(one, score) for one, score in found]
        first = ([alias] if alias else []) + [c for c in scored if alias is None or c.text != alias.text]
        return _answer(str(text), first[: max(1, limit)], _rivals(found, alias))

    def find_many(self, texts: Iterable[str], *, aliases: Aliases = None) -> pd.DataFrame:
        """The best candidate of each text, a row each in their order; equal texts are searched once.

        Returns
        -------
        DataFrame
            text, address, kind, x, y, score, accuracy_m, side, street, parity, ambiguous, reason; empty where nothing
            was found.
        """
        asked, known = [str(text) for text in texts], remembered(aliases)
        answers: dict[str, Answer] = {}
        for text in asked:
            if text not in answers:
                answers[text] = self.find(text, aliases=known)
        return pd.DataFrame([_row(answers[text]) for text in asked], columns=list(ROW))

    def suggest(self, prefix: str, *, limit: int = 10) -> list[Suggestion]:
        """What a beginning may become: names, then house numbers of a whole name; then names that hold it."""
        return suggestions(self._base, normal(prefix), limit=limit)

    def _candidate(self, found: Found, score: float) -> Candidate:
        spot = found.spot
        x, y = self._out(spot.x, spot.y)
        return Candidate(spot.text, spot.kind, x, y, score, round(spot.accuracy_m, 1), found.matched, spot.side)

    def _out(self, x: float, y: float) -> tuple[float, float]:
        if self._plain:
            return x, y
        lon, lat = Transformer.from_crs(self._metric, self.crs, always_xy=True).transform(x, y)
        return float(lon), float(lat)

    def _in_metric(self, near: tuple[float, float] | None) -> tuple[float, float] | None:
        if near is None or self._plain:
            return near
        x, y = Transformer.from_crs(self.crs, self._metric, always_xy=True).transform(*near)
        return float(x), float(y)


def remembered(aliases: Aliases) -> Mapping[str, Candidate]:
    """Corrections by the one form of their text; the last of equal ones counts."""
    if aliases is None or isinstance(aliases, Mapping):
        return aliases or {}
    rows = zip(aliases["text"], aliases["x"], aliases["y"], aliases["address"], strict=True)
    return {
        _bare(normal(text)): Candidate(str(address), "alias", float(x), float(y), 1.0, ALIAS_M, {"alias": str(text)})
        for text, x, y, address in rows
    }


def _bare(form: str) -> str:
    """The one form without commas: they mean nothing where a whole text is the same."""
    return form.replace(BREAK, "").replace(" ", "")


def _ranked(found: Sequence[Found], *, near: tuple[float, float] | None) -> list[tuple[Found, float]]:
    """The best candidates with their scores, best first; the same place told twice is one."""

    def worth(one: Found) -> float:
        close = 0.0 if near is None else exp(-hypot(one.spot.x - near[0], one.spot.y - near[1]) / NEARBY_M) / 2
        return one.worth + close

    order = sorted(found, key=lambda one: (-worth(one), -one.sure, one.spot.accuracy_m, one.spot.text, one.spot.x))
    kept: list[Found] = []
    for one in order:
        if len(kept) < COMPARED and not any(_same(one, other) for other in kept):
            kept.append(one)
    out, least = [], 1.0
    for one in kept:
        rivals = [worth(group) for group in _groups(kept) if _apart(group, one)]
        least = min(least, round(one.sure * share(worth(one), rivals), 4))
        out.append((one, least))
    return out


def _groups(kept: Sequence[Found]) -> list[Found]:
    """The best of each group that lies together."""
    heads: list[Found] = []
    for one in kept:
        if all(_apart(one, head) for head in heads):
            heads.append(one)
    return heads


def _same(one: Found, two: Found) -> bool:
    close = hypot(one.spot.x - two.spot.x, one.spot.y - two.spot.y) < 1.0
    return close and (one.spot.text == two.spot.text or one.spot.kind == two.spot.kind == "junction")


def _apart(one: Found, two: Found) -> bool:
    reach = FAR_M + min(one.spot.accuracy_m, 1000.0) + min(two.spot.accuracy_m, 1000.0)
    return hypot(one.spot.x - two.spot.x, one.spot.y - two.spot.y) > reach


def _rivals(found: Sequence[tuple[Found, float]], alias: Candidate | None) -> list[str]:
    """Texts of the places that come near the best one and lie elsewhere."""
    if not found or alias is not None:
        return []
    best, score = found[0]
    near = [one for one, other in found[1:] if other >= RIVAL * score and other > 0.05 and _apart(one, best)]
    return [one.spot.text for one in near]


def _answer(text: str, candidates: list[Candidate], rivals: list[str]) -> Answer:
    if not candidates:
        return Answer(text, (), reason="no name in the gazetteer is like it")
    if rivals:
        return Answer(text, tuple(candidates), True, f"{len(rivals) + 1} places far apart fit about as well: "
                      f"{'; '.join([candidates[0].text, *rivals][:4])}")  # fmt: skip
    return Answer(text, tuple(candidates))


def _row(answer: Answer) -> tuple[object, ...]:
    best = answer.best
    if best is None:
        nothing = float("nan")
        return answer.text, None, None, nothing, nothing, 0.0, nothing, None, None, None, False, answer.reason
    side = best.side
    sides = (side.side, side.street, side.parity) if side else (None, None, None)
    return (answer.text, best.text, best.kind, best.x, best.y, best.score, best.accuracy_m, *sides, answer.ambiguous,
            answer.reason)  # fmt: skip
