"""Text of addresses in one form: what people type and what files hold are compared only in it.

Invariant: the same function makes both sides, so what it spoils (some names do contain numerals) is spoilt on both.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 400
"""Signs of a text that are looked at; an address stands at the beginning of a complaint, not behind this."""

BREAK = "|"
"""Stands for a comma, a stop, a bracket: a name does not run across it, a number may."""

NUMERAL = "零〇一二三四五六七八九十百千两廿卅"
COUNTED = "支弄|号楼|号|弄|室|幢|栋|座|楼|层|单元|组|队|期|区|小区|村|巷|门|院|排"
"""Words before which a Chinese numeral is a number; before others (五一路, 三林镇) it is part of a name."""

_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_POWERS = {"十": 10, "百": 100, "千": 1000}
_BEFORE_COUNTED = re.compile(rf"[{NUMERAL}]+(?=(?:{COUNTED}))")
_AFTER_PART = re.compile(rf"(?<=[之附])[{NUMERAL}]+")
_DASHES = re.compile("[\u2010-\u2015\u2212~\uff5e]+")
_PHONE = re.compile(
    r"(?<!\d)(?:\+?86[ -]?)?(?:1\d{2}[ -]?\d{4}[ -]?\d{4}|0\d{2,3}[ -]\d{7,8}|\d{3}[-. ]\d{3}[-. ]\d{4})(?!\d)"
)
_LONG = re.compile(r"\d{7,}")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?|\d{4}-\d{1,2}-\d{1,2}|\d{1,4}/\d{1,2}/\d{1,4}")
_STOPS = re.compile(r"[,;:!?。、()\[\]{}<>\"“”«»《》【】「」|\n\t…]+")
_OTHER = re.compile(r"[^\w|#&/@½-]+")
_BLANK = re.compile(r"\s+")
_HAN = "㐀-鿿豈-﫿〇"
_BLANK_BY_HAN = re.compile(rf"(?<=[{_HAN}]) | (?=[{_HAN}])")
_UNIT = re.compile(rf"[{_HAN}]|\d+(?:st|nd|rd|th)?(?![a-z0-9])|\d+|[^\W\d_{_HAN}]+|[|#&/@-]")

LATIN = {
    "street": "st", "str": "st", "avenue": "ave", "av": "ave", "aven": "ave", "road": "rd", "lane": "ln", "drive": "dr",
    "court": "ct", "place": "pl", "square": "sq", "terrace": "ter", "terr": "ter", "boulevard": "blvd", "bvd": "blvd",
    "parkway": "pkwy", "pky": "pkwy", "pkway": "pkwy", "highway": "hwy", "circle": "cir", "alley": "aly", "park": "pk",
    "bridge": "brg", "saint": "st", "mount": "mt", "fort": "ft", "heights": "hts", "junction": "jct", "center": "ctr",
    "centre": "ctr", "north": "n", "south": "s", "east": "e", "west": "w", "northeast": "ne", "northwest": "nw",
    "southeast": "se", "southwest": "sw", "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th",
    "fifth": "5th", "sixth": "6th", "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th",
    "eleventh": "11th", "twelfth": "12th",
}  # fmt: skip
"""English words to the short form that stands for them on both sides."""

LATIN_TYPES = frozenset({
    "st", "ave", "rd", "ln", "dr", "ct", "pl", "sq", "ter", "blvd", "pkwy", "hwy", "cir", "aly", "pk", "way", "row",
})  # fmt: skip
"""What kind of street it is: often left out, so weighted less."""

HAN_TYPES = frozenset({
    "居委会", "村委会", "居民区", "大道", "大街", "小区", "社区", "街道", "胡同", "公寓", "花园", "家园", "花苑",
    "新城", "新村", "新苑", "雅苑", "名苑", "华庭", "名邸", "华府", "山庄", "别墅", "大厦", "广场",
    "路", "街", "道", "巷", "里", "弄", "村", "镇", "乡", "区", "苑",
})  # fmt: skip
"""Ends of Chinese names that say what kind of thing it is."""

STREET_ENDS = ("路", "街", "道", "巷", "里", "弄", "胡同", "桥")


@dataclass(frozen=True, slots=True)
class Unit:
    """One Chinese sign, word or number of a text, and where it stands."""

    text: str
    start: int
    end: int


def normal(text: str) -> str:
    """The one form of a text: width, case, script, dashes, blanks, numerals and telephone numbers done away with."""
    if not text:
        return ""
    plain = unicodedata.normalize("NFKC", str(text)[:LONGEST].replace("½", " 1/2")).lower()
    plain = "".join(sign if unicodedata.category(sign)[0] not in "CMS" or sign in "~|<>+" else " " for sign in plain)
    plain = _simplified(_DASHES.sub("-", plain)).replace("＃", "#").replace("'", "").replace("’", "")
    plain = _CLOCK.sub(BREAK, _LONG.sub(BREAK, _PHONE.sub(BREAK, plain)))
    plain = _OTHER.sub(" ", _STOPS.sub(BREAK, plain))
    plain = _BLANK_BY_HAN.sub("", _BLANK.sub(" ", plain.replace("_", " ")))
    plain = _BEFORE_COUNTED.sub(_digits, plain)
    plain = _AFTER_PART.sub(_digits, plain)
    words = re.sub(r"[a-z]+", lambda word: LATIN.get(word[0], word[0]), plain)
    return re.sub(r" ?\|[ |]*", BREAK, words).strip(" |-")


def units(text: str) -> list[Unit]:
    """Signs and words of a text in the one form, with their places."""
    return [Unit(found[0], found.start(), found.end()) for found in _UNIT.finditer(text)]


def number_of(numeral: str) -> int:
    """The number that a Chinese numeral says, also one read digit by digit (一二〇) or with joined tens (廿三)."""
    plain = numeral.replace("廿", "二十").replace("卅", "三十")
    if not any(sign in _POWERS for sign in plain):
        return int("".join(str(_DIGITS[sign]) for sign in plain))
    total, digit = 0, None
    for sign in plain:
        if sign in _POWERS:
            total += (1 if digit is None else digit) * _POWERS[sign]
            digit = None
        else:
            digit = _DIGITS[sign]
    return total + (digit or 0)


def is_han(text: str) -> bool:
    """Whether a unit is a Chinese sign."""
    return "\u3400" <= text[0] <= "\u9fff" or "\uf900" <= text[0] <= "\ufaff" or text[0] == "〇"


def type_length(words: list[str]) -> int:
    """How many of the last units of a name say only what kind of thing it is."""
    if not words or not is_han(words[-1]):
        return int(len(words) > 1 and words[-1] in LATIN_TYPES)
    return next((n for n in (3, 2, 1) if len(words) > n and "".join(words[-n:]) in HAN_TYPES), 0)


def _digits(found: re.Match[str]) -> str:
    return str(number_of(found[0]))[:6]


@lru_cache(maxsize=1)
def _converter() -> object:
    from opencc import OpenCC

    return OpenCC("t2s")


def _simplified(text: str) -> str:
    return text if text.isascii() else _converter().convert(text)  # type: ignore[attr-defined]
