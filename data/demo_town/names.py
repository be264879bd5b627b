"""Place names of the demo district, all put together from common words; none is meant to be a real place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

STREET_WORDS = [
    "槐树", "柳荫", "书院", "鼓楼", "米市", "盐仓", "石桥", "竹林", "梧桐", "青石", "井沿", "花园",
    "长春", "永安", "太平", "同德", "和平", "文昌", "桂花", "东升", "粮库", "铁匠", "染坊", "茶馆",
    "渡口", "桥头", "城墙", "水塔", "园艺", "红旗", "光明", "胜利", "团结", "建新", "春晖", "云台",
    "凤山", "龙泉", "清溪", "映月", "桃源", "杏花", "银杏", "香樟", "丁香", "芙蓉", "荷塘", "双井",
    "三元", "五福", "松林", "枫林", "兰亭", "海棠", "玉兰", "莲花", "麦园", "菜园", "果园", "砖瓦",
    "窑湾", "船厂", "纺织", "印染", "机床", "供销", "邮电", "电力", "气象", "体育", "青年", "先锋",
    "前进", "振兴", "富民", "安定", "民主", "复兴", "明德", "崇文", "尚义", "仁和", "惠民", "迎宾",
    "滨河", "平湖", "望山", "白塔", "钟楼", "照壁", "牌坊", "古井", "老窑", "磨坊", "油坊", "布市",
    "鱼市", "柴市", "马场",
]  # fmt: skip
ESTATE_WORDS = [
    "锦绣", "翠湖", "江畔", "书香", "金桂", "阳光", "水岸", "紫薇", "望江", "御景", "和谐", "康宁",
    "安居", "春江", "南苑", "朝阳", "星河", "绿洲", "福临", "名都", "碧水", "嘉和",
]  # fmt: skip
ESTATE_KINDS = [
    "花园", "家园", "小区", "雅苑", "新城", "名邸", "华庭", "公寓",
]  # fmt: skip


def street_names(rng: np.random.Generator, *, endings: str) -> Iterator[str]:
    """Street names without repetition, in an order drawn from `rng`."""
    yield from _shuffled(STREET_WORDS, endings, rng)


def estate_names(rng: np.random.Generator) -> Iterator[str]:
    """Names of residential compounds without repetition; every word once before any comes again."""
    kinds = len(ESTATE_KINDS)
    words = rng.permutation(len(ESTATE_WORDS))
    for turn in range(kinds):
        for i in words:
            yield ESTATE_WORDS[i] + ESTATE_KINDS[(i + turn) % kinds]


def _shuffled(words: list[str], endings: str, rng: np.random.Generator) -> Iterator[str]:
    every = [word + ending for word, ending in product(words, endings)]
    for i in rng.permutation(len(every)):
        yield every[i]
