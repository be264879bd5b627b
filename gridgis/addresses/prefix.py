"""The areas that a text names, read off it before names are searched: 兴江区望江街道 tells where, not what.

Invariant: what is read off is a known area, wherever it stands and whatever stands between its signs; an area that a
longer known name begins with, and one whose own house number is asked for, stay in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gridgis.addresses.areas import LONGEST_AREA, SHORTEST
from gridgis.addresses.names import Fit, name_of
from gridgis.addresses.search import LONGEST_NAME, Hit
from gridgis.addresses.side_file import SideFile
from gridgis.addresses.text import BREAK

_ENDS = frozenset("省市区县旗道镇乡村会")
_ROAD = re.compile(r"街道(?:口|两[侧边旁]|中[间央]|旁边?|边上|上[的有])")
"""望江街道口 is the mouth of a street."""
_SEAM = re.compile(r"[ |-]*\|[ |-]*")
_WHOLE = Fit(1.0, 0, 0, 0, 0)

Span = tuple[int, int, str]


def read_off(base: SideFile, text: str) -> tuple[list[Hit], str]:
    """Areas of a normal text in their order, and the text without them."""
    place = [i for i, sign in enumerate(text) if sign not in " |-"]
    plain = "".join(text[i] for i in place)
    spans = _own(base, plain, _known(base, plain))
    rest = list(text)
    for start, end, _ in spans:
        rest[place[start] : place[end - 1] + 1] = BREAK * (place[end - 1] + 1 - place[start])
    keys = list(dict.fromkeys(key for _, _, key in spans))
    return [_hit(base, key) for key in keys], _SEAM.sub(BREAK, "".join(rest)).strip(" |-")


def _known(base: SideFile, plain: str) -> list[Span]:
    """Areas that stand in a text, from its beginning on, at one place the longest."""
    spans = [
        (start, end, plain[start:end])
        for end in range(SHORTEST, len(plain) + 1)
        if plain[end - 1] in _ENDS
        for start in range(max(0, end - LONGEST_AREA), end - SHORTEST + 1)
    ]
    known = _among(base, "SELECT key FROM area JOIN name USING (key) WHERE key IN ({})", [key for _, _, key in spans])
    found: list[Span] = []
    for span in sorted(spans, key=lambda span: (span[0], -span[1])):
        if span[2] in known and (not found or span[0] >= found[-1][1]) and not _ROAD.match(plain, span[1] - 2):
            found.append(span)
    return found


def _own(base: SideFile, plain: str, spans: Sequence[Span]) -> list[Span]:
    """Those that are no part of a longer name, and no village that the number behind it belongs to."""
    longer = {
        (start, end): [plain[start:to] for to in range(end + 1, min(len(plain), end + LONGEST_NAME) + 1)]
        for start, end, _ in spans
    }
    every = [key for keys in longer.values() for key in keys]
    names = _among(base, "SELECT key FROM name WHERE key IN ({})", every)
    numbered = _among(
        base,
        "SELECT area.key FROM area WHERE area.key IN ({}) AND EXISTS (SELECT 1 FROM name JOIN called"
        " ON called.name_id = name.id JOIN house ON house.place_id = called.place_id WHERE name.key = area.key)",
        [key for _, end, key in spans if plain[end : end + 1].isdigit()],
    )
    return [
        (start, end, key)
        for start, end, key in spans
        if not names.intersection(longer[start, end]) and not (key in numbered and plain[end : end + 1].isdigit())
    ]


def _among(base: SideFile, sql: str, keys: Sequence[str]) -> set[str]:
    """Those of some keys that a question knows."""
    out: set[str] = set()
    for at in range(0, len(keys), 500):
        part = tuple(keys[at : at + 500])
        out |= {row[0] for row in base.rows(sql.format(",".join("?" * len(part))), part)}
    return out


def _hit(base: SideFile, key: str) -> Hit:
    name_id, places = base.rows("SELECT id, places FROM name WHERE key = ?", (key,))[0]
    return Hit(name_id, name_of(key), places, _WHOLE)
