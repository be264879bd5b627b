"""Names: the tokens by which one is found, and how well one fits into what somebody wrote.

Invariant: one wrong sign in a name leaves at least one token that finds it; an exact name fits with 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gridgis.addresses.sounds import alike, blurred
from gridgis.addresses.text import Unit, is_han, type_length, units

TYPE_WEIGHT = 0.6
"""What the signs that only say street, lane or compound count, against 1."""

LEFT_OUT, TYPE_LEFT_OUT, PUT_IN = 0.6, 0.2, 0.5
"""Taken off for a sign left out, for such a sign left out, for one put in between."""

LEAST_FIT = 0.5


@dataclass(frozen=True, slots=True)
class Name:
    """A name in the one form, cut into units with what each counts."""

    key: str
    words: tuple[str, ...]
    weights: tuple[float, ...]
    types: int

    @property
    def weight(self) -> float:
        """What the whole name counts."""
        return sum(self.weights)


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a name stands in a text, and how well: 1 is exact, 0.5 the least that counts."""

    ratio: float
    start: int
    end: int
    first: int
    last: int


def name_of(key: str) -> Name:
    """Cut a name in the one form."""
    words = [unit.text for unit in units(key)]
    types = type_length(words)
    weights = [1.0] * (len(words) - types) + [TYPE_WEIGHT / max(1, types - 0.5)] * types
    return Name(key, tuple(words), tuple(weights), types)


def tokens(key: str) -> list[str]:
    """What a name is found by: pairs of signs that follow each other or with one between, and their sounds; words.

    A pair is written as two signs run together, of sounds with a leading `z`; a word of four letters or more also
    gives its threes (`^ma`, `mas`, …), so that a slip of the finger finds it.
    """
    words = [unit.text for unit in units(key) if unit.text not in "|#&/@-"]
    found: dict[str, None] = {}
    for at, word in enumerate(words):
        if not is_han(word):
            found.update(dict.fromkeys(_of_word(word)))
        for step in (1, 2):
            if at + step < len(words) and (is_han(word) or is_han(words[at + step])):
                found[word + words[at + step]] = None
                found[f"z{blurred(word)}0{blurred(words[at + step])}"] = None
    if len(words) == 1:
        found.update({words[0]: None, f"z{blurred(words[0])}": None})
    return list(found)


def _of_word(word: str) -> list[str]:
    bounded = f"q{word}q"
    threes = [f"x{bounded[i : i + 3]}" for i in range(len(bounded) - 2)] if len(word) >= 4 else []
    return [word, *threes]


def fit(name: Name, text: Sequence[Unit]) -> Fit | None:
    """The best place of a name in a text; the first of equal ones, None where it fits nowhere.

    An alignment of the whole name with a stretch of the text (Smith and Waterman's, with the name's ends fixed):
    units that are alike count their weight, those left out or put in are taken off.
    """
    best, columns = (0.0, 0, 0), len(text)
    above: list[tuple[float, int]] = [(0.0, j) for j in range(columns + 1)]
    for i, (word, weight) in enumerate(zip(name.words, name.weights, strict=True)):
        lost = TYPE_LEFT_OUT * weight if i >= len(name.words) - name.types else LEFT_OUT
        row = [(above[0][0] - lost, above[0][1])]
        for j in range(1, columns + 1):
            score, start = above[j - 1]
            match = (score + weight * alike(word, text[j - 1].text), start)
            out, extra = (above[j][0] - lost, above[j][1]), (row[j - 1][0] - PUT_IN, row[j - 1][1])
            choice = match if match[0] >= out[0] else out
            row.append(choice if choice[0] >= extra[0] else extra)
        above = row
    for j, (score, start) in enumerate(above):
        if score > best[0] + 1e-9 and j > start:
            best = (score, start, j)
    score, first, last = best
    ratio = score / name.weight
    if ratio < LEAST_FIT:
        return None
    return Fit(min(1.0, ratio), text[first].start, text[last - 1].end, first, last)
