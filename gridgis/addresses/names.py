"""Names: the tokens by which one is found, and how well one fits into what somebody wrote.

Invariant: one wrong sign in a name leaves at least one token that finds it; an exact name fits with 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gridgis.addresses.sounds import alike, blurred
from gridgis.addresses.text import Unit, is_han, type_length, units

TYPE_WEIGHT, LATIN_TYPE_WEIGHT, LONG_TYPE_WEIGHT = 0.6, 0.4, 0.8
"""What the one sign, the one English word, or the several signs together that only say street or compound count."""

WORD_WEIGHT = 1.4

LEFT_OUT, TYPE_LEFT_OUT, PUT_IN = 0.6, 0.2, 0.5
"""Taken off for a sign left out, for such a sign left out, for one put in between."""

LEAST_FIT = 0.5

AS_GOOD, MOST_PLACES = 0.4, 3
"""A second place of a name in a text counts where it is worse by no more than this; how many may."""


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
    told = LONG_TYPE_WEIGHT / types if types > 1 else TYPE_WEIGHT if words and is_han(words[-1]) else LATIN_TYPE_WEIGHT
    weights = [_weight(word) for word in words[: len(words) - types]] + [told] * types
    return Name(key, tuple(words), tuple(weights), types)


def _weight(word: str) -> float:
    """A word says more than a sign; a letter or a number does not."""
    return WORD_WEIGHT if len(word) > 2 and not word[0].isdigit() else 1.0


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


def fits(name: Name, text: Sequence[Unit]) -> list[Fit]:
    """The best places of a name in a text, best first; apart from each other and about as good as the best.

    An alignment of the whole name with a stretch of the text (Smith and Waterman's, with the name's ends fixed):
    units that are alike count their weight, those left out or put in are taken off.
    """
    ends = _aligned(name, text)
    order = sorted(range(1, len(ends)), key=lambda j: (-ends[j][0], j))
    found: list[Fit] = []
    for last in order:
        score, first = ends[last]
        ratio = min(1.0, score / name.weight)
        if ratio < max(LEAST_FIT, found[0].ratio - AS_GOOD if found else 0.0) or len(found) == MOST_PLACES:
            break
        if first < last and all(last <= other.first or other.last <= first for other in found):
            found.append(Fit(ratio, text[first].start, text[last - 1].end, first, last))
    return found


def _aligned(name: Name, text: Sequence[Unit]) -> list[tuple[float, int]]:
    """For each end in the text the score of the best alignment of the whole name, and where it begins."""
    above: list[tuple[float, int]] = [(0.0, j) for j in range(len(text) + 1)]
    for i, (word, weight) in enumerate(zip(name.words, name.weights, strict=True)):
        lost = TYPE_LEFT_OUT * weight if i >= len(name.words) - name.types else LEFT_OUT
        left = (above[0][0] - lost, above[0][1])
        row = [left]
        for j, unit in enumerate(text, 1):
            score, start = above[j - 1]
            best = (score + weight * alike(word, unit.text), start)
            if above[j][0] - lost > best[0]:
                best = (above[j][0] - lost, above[j][1])
            if left[0] - PUT_IN > best[0]:
                best = (left[0] - PUT_IN, left[1])
            row.append(best)
            left = best
        above = row
    return above
