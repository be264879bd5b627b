"""Names as people shorten them: 东门批发市场 is 东门市场, 兴江区人民医院 is 区医院, 兴江火车站 is 火车站.

Invariant: a short form says what kind of thing it is, as the whole name does; where several things share it, all have
it, and a search for it is ambiguous.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache

from gridgis.addresses.areas import SHORTEST, parted
from gridgis.addresses.text import HAN_TYPES

_LEFT_OUT = re.compile(
    r"(?:社区(?=居委会)|村(?=村委会)|人民(?=医院|政府|法院|检察院)|(?:农贸|批发|综合|农产品|蔬菜|贸易)+(?=市场)|长途(?=汽车站|客运站)|客运(?=站$)"
    r"|(?:卫生)?服务(?=中心|站)|实验(?=小学|中学)|中心(?=小学|幼儿园|医院|卫生院))"
)
"""Words inside a name that say of what sort a thing is; people leave them out."""

_COUNTY = re.compile(r"(?:市|(?<!社|民)区|县|旗)$")
_SAID_ALONE = re.compile(r"(?:市|(?<!社|民)区|县|旗|镇|乡)$")
"""Areas that their last sign stands for: 区 for 兴江区."""


def short_forms(key: str, areas: AbstractSet[str]) -> list[str]:
    """Short forms of the name of a place in the one form, without the name itself; what only says its kind has none."""
    taken, rest = parted(key, areas)
    if rest in HAN_TYPES:
        return [form for form in [_LEFT_OUT.sub("", key)] if form != key]
    local = [rest[len(stem) :] for stem in _stems(areas) if rest.startswith(stem)]
    before = ["".join(taken), *(area[-1] for area in taken[-1:] if _SAID_ALONE.search(area))]
    out = [f"{area}{name}" for area in before for name in (rest, _LEFT_OUT.sub("", rest))]
    out += [form for name in local for form in (name, _LEFT_OUT.sub("", name))]
    return [form for form in dict.fromkeys(out) if form not in (key, rest) and len(form) >= SHORTEST]


@lru_cache(maxsize=4)
def _stems(areas: AbstractSet[str]) -> tuple[str, ...]:
    """What districts and counties are called without the sign for it: 兴江火车站 is 火车站 in 兴江区."""
    return tuple(sorted(area[:-1] for area in areas if _COUNTY.search(area)))
