"""How Chinese signs sound: the commonest wrong sign is one that sounds alike.

Invariant: alike is symmetric, and a sign is fully alike only to itself.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz.distance import DamerauLevenshtein

from gridgis.addresses.text import is_han

SAME_SOUND, LIKE_SOUND, OTHER = 0.85, 0.7, 0.0
"""How much two signs count as one: of the same sound, of a sound that speakers mix up, of another."""

OTHER_WORD, OTHER_NUMBER = -0.4, -1.0
CLOSE_WORD = 0.7
"""Latin words less alike than this are other words."""

NUMERALS = {str(value): sign for value, sign in enumerate("零一二三四五六七八九十")}

_MIXED = ((re.compile("^([zcs])h"), r"\1"), (re.compile("ng$"), "n"), (re.compile("^l"), "n"))
"""Sounds that many speakers do not tell apart: zh and z, ang and an, l and n."""


@lru_cache(maxsize=65536)
def sounds(sign: str) -> frozenset[str]:
    """Syllables that a sign may be read as, without tones; none where it is no Chinese sign."""
    if not is_han(sign):
        return frozenset()
    from pypinyin import Style, pinyin

    return frozenset(pinyin(sign, heteronym=True, style=Style.NORMAL)[0])


@lru_cache(maxsize=65536)
def blurred(sign: str) -> str:
    """The commonest syllable of a sign with the sounds made one that many mix up; the unit itself for a word."""
    if not is_han(sign):
        return sign
    from pypinyin import lazy_pinyin

    syllable = lazy_pinyin(sign)[0]
    for pattern, to in _MIXED:
        syllable = pattern.sub(to, syllable)
    return syllable


@lru_cache(maxsize=262144)
def alike(one: str, two: str) -> float:
    """How much two units count as the same, 1 where they are; below 0 where they contradict each other."""
    if one == two:
        return 1.0
    if is_han(one) != is_han(two):
        return _numeral(one, two)
    if is_han(one):
        if sounds(one) & sounds(two):
            return SAME_SOUND
        return LIKE_SOUND if blurred(one) == blurred(two) else OTHER
    if one[0].isdigit() or two[0].isdigit():
        return OTHER_NUMBER
    return _words(one, two)


def _numeral(one: str, two: str) -> float:
    """A Chinese numeral in a name and the digits for it (经七路, 经7路), or a sign that sounds like it (儿组, 2组)."""
    digits, sign = (one, two) if one[0].isdigit() else (two, one)
    numeral = NUMERALS.get(digits)
    if numeral is None:
        return OTHER_WORD
    return 1.0 if numeral == sign else SAME_SOUND if sounds(numeral) & sounds(sign) else OTHER_NUMBER


def _words(one: str, two: str) -> float:
    short, long = sorted((one, two), key=len)
    if len(short) >= 3 and long.startswith(short):
        return 0.85
    near = float(DamerauLevenshtein.normalized_similarity(one, two))
    return near * 0.95 if near >= CLOSE_WORD and len(short) >= 3 else OTHER_WORD


class _Heard(dict[int, str]):
    """What a sign becomes in :func:`heard`, worked out once."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        if is_han(sign):
            value = 0
            for letter in blurred(sign):
                value = (value * 31 + ord(letter)) % 6000
            sign = chr(0xE000 + value)
        self[code] = sign
        return sign


_HEARD = _Heard()


def heard(text: str) -> str:
    """A text as it sounds, a sign of the private area for each syllable: signs can then be compared by sound."""
    return text.translate(_HEARD)
