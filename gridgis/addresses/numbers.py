"""House numbers: what stands behind a Chinese name (12弄3号, 3栋2单元501室) or before an English one (123-125).

Invariant: a telephone number, a date, a count of things and the number of a metro line are no house number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gridgis.addresses.text import BREAK, NUMERAL, number_of

HOUSE, LANE, BLOCK, ENTRANCE, ROOM, FLOOR = "号", "弄", "幢", "单元", "室", "层"
ALONG = (HOUSE, LANE)
"""What is counted along a street."""

FINE = (ENTRANCE, ROOM, FLOOR)
"""What says where in a building: it moves no point by more than a few metres."""

MOST_SPANNED = 40
"""The span of 12-14号 beyond which the second number is no end of a range."""

_CLASS = {
    "号": HOUSE, "号院": HOUSE, "院": HOUSE, "弄": LANE, "支弄": "支弄", "号楼": BLOCK, "幢": BLOCK, "栋": BLOCK,
    "座": BLOCK, "#": BLOCK, "#楼": BLOCK, "单元": ENTRANCE, "门": ENTRANCE, "室": ROOM, "层": FLOOR, "楼": FLOOR,
    "排": "排",
}  # fmt: skip
_WORD = (
    r"号院|号楼|号(?!线|口|桥|公路|国道|台风|文件)|支弄|弄|幢|栋|座|#楼|#|单元"
    r"|门(?!口|前|店|面|市|外|诊)|室|层|楼(?!道|梯|顶|下|上)|院"
)
_VALUE = (
    r"(?P<lead>附|甲|乙|丙|丁|(?<![a-z0-9])[a-z](?=\d))?(?P<n>\d{1,5})(?P<letter>[a-z](?![a-z]))?"
    r"(?:[-/](?P<to>\d{1,4})(?![-\d]))?(?P<stem>甲|乙|丙|丁)?"
)
_PART = re.compile(rf"{_VALUE}(?P<unit>{_WORD})(?P<after>甲|乙|丙|丁)?(?:[之附](?P<part>\d{{1,3}})号?)?")
_LETTER_BLOCK = re.compile(r"(?P<n>[a-z])(?P<unit>幢|栋|座)")
_FILLER = re.compile(r"[|\s-]?(?:的|第|门牌)?[|\s-]?")
_DASHED = re.compile(r"(\d{1,4})-(\d{1,3})(?:-(\d{2,5}))?(?:室|号)?(?![-\d])")
_BARE = re.compile(r"(?P<n>\d{1,4})(?P<letter>[a-z](?![a-z]))?(?![\d./])")
_LETTERED = re.compile(r"(?<![a-z0-9])(?P<letter>[a-z])(?P<n>\d{1,4})(?=$|\|)")
_SPOKEN = re.compile(rf"(?P<n>[{NUMERAL}]{{1,5}})(?=$|\|)")
"""A number that nothing follows: 龙泉路b104, 龙泉路四十二."""

_COUNT = re.compile(
    r"\s?(?:号|年|月|日|天|点|时|分|秒|周|个|次|米|公里|元|块|人|名|户|辆|台|只|条|件|份|套|盏|棵|根|处|路|线|岁|平|吨|度|级"
    r"|多|余|%)"
)
_BEFORE = re.compile(
    r"(?:(?<=[\s|@&#])|^|(?<=[^\x00-\x7f]))(?:no |number |#)?(?P<n>\d{1,5})(?P<letter>[a-z]\b)?"
    r"(?:(?:-| - )(?P<to>\d{1,5}))?(?: 1/2| rear)?[ |]{1,2}$"
)
_BEHIND = re.compile(
    r"[ |]{1,2}(?:no |number |#)?(?P<n>\d{1,5})(?P<letter>[a-z]\b)?(?:-(?P<to>\d{1,5}))?(?= ?(?:\||$))"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a number: its word (号, 幢 …; empty where none stands), its number, what distinguishes it, an end."""

    unit: str
    n: int
    rest: str = ""
    to: int | None = None

    def __str__(self) -> str:
        return f"{self.n}{self.rest}{self.unit}"


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number: its parts from the street inwards, and where it stands in the text."""

    parts: tuple[Part, ...]
    start: int
    end: int

    @property
    def key(self) -> str:
        """What it is stored and looked up by."""
        return "".join(map(str, self.parts))


def behind(text: str, at: int, *, block: bool = False) -> Number | None:
    """The number that stands in a normal text behind the name that ends at `at`.

    Parameters
    ----------
    block : whether a number without a word is one of a building (behind the name of a compound), not of a house
    """
    start = _FILLER.match(text, at).end()  # type: ignore[union-attr]
    parts, end = _chain(text, start)
    if not parts:
        parts, end = _plain(text, start, block=block)
    return Number(parts, start, end) if parts else None


def before(text: str, at: int) -> Number | None:
    """The number that stands before an English name that begins at `at` (or behind it: see :func:`trailing`)."""
    found = _BEFORE.search(text[max(0, at - 24) : at])
    shift = max(0, at - 24)
    return None if found is None else Number((_latin(found),), shift + found.start("n"), shift + found.end())


def preceding(text: str, at: int) -> Number | None:
    """The number that stands before a Chinese name, where the text or a part of it begins with it: 97号水塔巷."""
    begin = text.rfind(BREAK, 0, max(0, at - 1)) + 1
    parts, end = _chain(text, begin)
    return Number(parts, begin, at) if parts and text[end:at].strip(" |-") == "" else None


def trailing(text: str, at: int) -> Number | None:
    """The number behind an English name, where the text or a part of it ends with it."""
    found = _BEHIND.match(text, at)
    return None if found is None else Number((_latin(found),), found.start("n"), found.end())


def first_number(text: str) -> Number | None:
    """The first number with a word of its own in a Chinese text: what stands before it is the name."""
    for found in re.finditer(r"(?:(?<![0-9a-z])[a-z](?=[幢栋座]))|(?:[附甲乙丙丁]|(?<![0-9a-z])[a-z])?(?<!\d)\d", text):
        parts, end = _chain(text, found.start())
        if parts:
            return Number(parts, found.start(), end)
    return None


def asked(text: str) -> bool:
    """Whether a normal text asks for a house number at all, wherever it stands in it."""
    return first_number(text) is not None or _ASKED.search(text) is not None


_ASKED = re.compile(
    rf"[\u3400-\u9fff]\d{{1,4}}$|[路街道巷里弄][{NUMERAL}]{{1,5}}(?:$|\|)"
    r"|(?:^|\||(?:near|at|of|on|opposite|behind) )(?:no )?\d{1,5}[a-z]?(?:-\d{1,5})? [a-z]"
)


def spanned(part: Part) -> Iterator[int]:
    """Numbers that 12-16 stands for: of one parity where both ends are, at most forty apart; else the first alone."""
    if part.to is None or not part.n < part.to <= part.n + MOST_SPANNED:
        yield part.n
        return
    yield from range(part.n, part.to + 1, 2 if (part.to - part.n) % 2 == 0 else 1)


def _chain(text: str, at: int) -> tuple[tuple[Part, ...], int]:
    parts: list[Part] = []
    while True:
        found = _PART.match(text, at) or _LETTER_BLOCK.match(text, at)
        if found is None:
            break
        parts.append(_part(found, first=not parts))
        at = found.end()
        if at < len(text) and text[at] in " |-" and (_PART.match(text, at + 1) or _ROOM_LEFT.match(text, at + 1)):
            at += 1
    if parts and parts[-1].unit in (BLOCK, ENTRANCE) and (left := _ROOM_LEFT.match(text, at)):
        parts, at = _with_room(parts, left), left.end()
    return tuple(parts), at


_ROOM_LEFT = re.compile(r"(?:(\d{1,2})-)?(\d{3,4})(?![\d弄号幢栋年元米])室?")


def _with_room(parts: list[Part], left: re.Match[str]) -> list[Part]:
    entrance = [Part(ENTRANCE, int(left[1]))] if left[1] and parts[-1].unit == BLOCK else []
    return [*parts, *entrance, Part(ROOM, int(left[2]))]


def _part(found: re.Match[str], *, first: bool) -> Part:
    """One part; 甲12号, 12甲号 and 12号甲 are the same, as are 12-3号, 12号之3 and 12号附3."""
    group = found.groupdict()
    if not group["n"].isdigit():
        return Part(BLOCK, 0, group["n"])
    unit = _CLASS[group["unit"]]
    unit = BLOCK if group["unit"] == "楼" and first else unit
    n, to = int(group["n"]), None if group.get("to") is None else int(group["to"])
    stem = group.get("stem") or group.get("after") or (group.get("lead") if group.get("lead") != "附" else None)
    part = group.get("part")
    rest = (group.get("letter") or "") + (stem or "") + (f"-{to}" if to is not None else f"-{part}" if part else "")
    return Part(unit, n, rest, to)


def _plain(text: str, at: int, *, block: bool) -> tuple[tuple[Part, ...], int]:
    """A number without a word: 3-2-501 in a compound, 12-3 or 120 on a street."""
    dashed = _DASHED.match(text, at)
    if dashed and (block or dashed[3]):
        words = (BLOCK, ENTRANCE, ROOM) if dashed[3] or int(dashed[2]) < 20 else (BLOCK, ROOM)
        values = [int(value) for value in dashed.groups() if value]
        return tuple(Part(word, value) for word, value in zip(words, values, strict=False)), dashed.end()
    if dashed:
        return (Part(HOUSE, int(dashed[1]), f"-{int(dashed[2])}", int(dashed[2])),), dashed.end()
    unit = BLOCK if block else HOUSE
    bare = _BARE.match(text, at) or _LETTERED.match(text, at)
    if bare is not None and not _COUNT.match(text, bare.end()):
        return (Part(unit, int(bare["n"]), bare["letter"] or ""),), bare.end()
    spoken = _SPOKEN.match(text, at)
    n = number_of(spoken["n"]) if spoken else 0
    return ((Part(unit, n),), spoken.end()) if spoken and n else ((), at)


def _latin(found: re.Match[str]) -> Part:
    to = None if found["to"] is None else int(found["to"])
    return Part(HOUSE, int(found["n"]), (found["letter"] or "") + (f"-{to}" if to is not None else ""), to)
