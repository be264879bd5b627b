"""What people do to an address: wrong characters, other numerals, blanks, words around it; shares beside each.

Invariant: the text still says where it is. A name with a wrong character is nearer to the right name than to any
other, and no digit of a number changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from misread_characters import pairs

CLEAN = 0.06
"""Share of texts with no noise beyond what the prefix leaves out."""

NOISE = {
    "wrong_character": 0.09,  # 水塔巷 → 水搭巷, from the table of pairs
    "slip": 0.025,  # one character of the name is any other
    "numeral": 0.07,  # 97号 → 九十七号, now and then 九七号
    "full_width": 0.06,  # ９７号
    "no_word": 0.05,  # 97号 → 97
    "sub_number": 0.03,  # 12号 → 12-3号, 12号之3
    "letter": 0.02,  # 12号 → 12号甲, 甲12号
    "courtyard": 0.03,  # 12号 → 12号院
    "other_word": 0.10,  # 栋 → 幢, 号楼, #
    "room": 0.12,  # 2单元 → 2单元501室
    "reordered": 0.04,  # 97号水塔巷; 水塔巷97号（望江街道）
    "blanks": 0.10,
    "punctuation": 0.07,
    "near": 0.14,  # 附近, 对面, 门口
    "sentence": 0.20,  # 市民反映……井盖破损，请处理
    "telephone": 0.04,  # digits of a number that is none: 000…
}
"""Share of the texts it can be done to, each on its own; several may meet in one text."""

NEAR = ["附近", "对面", "门口", "旁边", "旁", "斜对面", "门前", "楼下", "后面", "东侧", "周边"]
SENTENCES = [
    "市民反映{}门口井盖破损，请处理", "{}有人占道经营，影响通行", "您好，我住在{}，楼下烧烤油烟很大",
    "来电人称{}路灯不亮已经三天了", "{}垃圾堆了好几天没人清理", "反映：{}，夜间施工噪声扰民",
    "诉求人表示{}有车辆违停堵住出口", "在{}这里有根电线掉下来了，很危险", "{}下水道堵了，污水流到路上",
    "麻烦派人到{}看一下，树倒了", "地址{}，内容是广场舞太吵", "请问{}的非机动车谁来管，摆得到处都是",
    "投诉{}店外经营", "{}积水严重，电动车都过不去", "家住{}的居民来电，楼上装修垃圾乱堆", "就在{}，一直没人修",
    "【热线】{}人行道地砖松动", "{}乱贴小广告", "事发地：{} 路面塌陷约半米",
    "我是{}的住户，小区门前一直有流动摊贩",
]  # fmt: skip
TELEPHONES = ["电话{}", "，联系电话：{}", " {}", "（王女士，{}）", "，请回电{}"]


@dataclass(frozen=True)
class Text:
    """An address in parts: before, the name (`road`), number, what follows (`tail`); or a whole that is not in parts.

    `names` are the parts of the text that are names, in which characters may be wrong.
    """

    prefix: str
    names: tuple[str, ...]
    shape: str
    number: str = ""
    tail: str = ""

    def said(self) -> str:
        """The parts together."""
        return self.shape.format(*self.names, p=self.prefix, n=self.number, t=self.tail)


def noised(text: Text, target: str, rng: np.random.Generator, *, names: frozenset[str]) -> tuple[str, list[str]]:
    """The text with its noises, and their names: first the parts, then the string, then what stands around it."""
    if rng.random() < CLEAN:
        return text.said(), ["clean"]
    drawn = [name for name, share in NOISE.items() if rng.random() < share]
    done = []
    for name in [name for name in drawn if name in _WRONG or name in _PARTS]:
        changed = _misspelt(text, _WRONG[name](names), rng, names) if name in _WRONG else _PARTS[name](text, rng)
        if changed != text:
            text, done = changed, [*done, name]
    said = text.said()
    for name in [name for name in drawn if name in _STRING]:
        if name == "near" and target in ("crossing", "gate"):
            continue
        changed = _STRING[name](said, rng)
        if changed != said:
            said, done = changed, [*done, name]
    return said, done or ["short" if not text.prefix else "plain"]


def _read_wrongly(_names: frozenset[str]) -> dict[str, str]:
    return pairs()


@cache
def _any_other(names: frozenset[str]) -> dict[str, str]:
    """Every character for every other, but for those that make the kind or the side of a place."""
    letters = "".join(sorted(set("".join(names)) - set("东南西北路街巷里大道村组区一二三四五六七八九十")))
    return dict.fromkeys(letters, letters)


def _misspelt(text: Text, wrong: dict[str, str], rng: np.random.Generator, names: frozenset[str]) -> Text:
    """One character of one name changed, if the name stays nearer to itself than to any other."""
    options = [(k, i) for k, name in enumerate(text.names) for i in range(len(name)) if name[i] in wrong]
    for k, i in (options[j] for j in rng.permutation(len(options))[:4]):
        name = text.names[k]
        said = name[:i] + str(rng.choice(list(wrong[name[i]]))) + name[i + 1 :]
        if said != name and not any(_one_off(said, other) for other in names if other != name):
            return replace(text, names=(*text.names[:k], said, *text.names[k + 1 :]))
    return text


def _one_off(one: str, two: str) -> bool:
    """Whether one change, insertion or omission at most makes `one` of `two`, or `one` has `two` in it."""
    if two in one or abs(len(one) - len(two)) > 1:
        return two in one
    if len(one) == len(two):
        return sum(a != b for a, b in zip(one, two, strict=True)) <= 1
    short, long = sorted((one, two), key=len)
    return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def _numeral(text: Text, rng: np.random.Generator) -> Text:
    spell = _digitwise if rng.random() < 0.2 else _chinese

    def spelt(part: str) -> str:
        return re.sub(r"\d+", lambda found: spell(found[0]), part)

    return replace(text, shape=_spelt_shape(text.shape, spelt), number=spelt(text.number), tail=spelt(text.tail))


def _spelt_shape(shape: str, spelt: Callable[[str], str]) -> str:
    """The shape with its own numbers spelt (12弄), its fields left."""
    return re.sub(r"(?<!\{)\d+(?!\})", lambda found: spelt(found[0]), shape)


def _digitwise(digits: str) -> str:
    return "".join("〇一二三四五六七八九"[int(d)] for d in digits)


def _chinese(digits: str) -> str:
    """97 → 九十七, 105 → 一百零五, 12 → 十二."""
    number, found = int(digits), ""
    if number >= 1000:
        return _digitwise(digits)
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    found += f"{_digitwise(str(hundreds))}百" if hundreds else ""
    if tens:
        found += ("" if tens == 1 and not hundreds else _digitwise(str(tens))) + "十"
    elif hundreds and ones:
        found += "零"
    return found + (_digitwise(str(ones)) if ones else "")


def _no_word(text: Text, _rng: np.random.Generator) -> Text:
    """The number bare, where nothing follows it."""
    return replace(text, number=text.number[:-1]) if text.number.endswith("号") and not text.tail else text


def _sub_number(text: Text, rng: np.random.Generator) -> Text:
    if not re.fullmatch(r"\d+号", text.number) or text.tail:
        return text
    shape, digits, part = (
        str(rng.choice(["{}-{}号", "{}号之{}", "{}号-{}", "{}－{}号"])),
        text.number[:-1],
        rng.integers(1, 6),
    )
    return replace(text, number=shape.format(digits, part))


def _letter(text: Text, rng: np.random.Generator) -> Text:
    if not re.fullmatch(r"\d+号", text.number) or text.tail:
        return text
    letter = str(rng.choice(list("甲乙丙AB")))
    return replace(text, number=text.number + letter if rng.random() < 0.5 else letter + text.number)


def _courtyard(text: Text, _rng: np.random.Generator) -> Text:
    return replace(text, number=text.number + "院") if re.fullmatch(r"\d+号", text.number) else text


def _other_word(text: Text, rng: np.random.Generator) -> Text:
    if not text.number.endswith("栋"):
        return text
    return replace(text, number=text.number[:-1] + str(rng.choice(["幢", "号楼", "#", "#楼", "座"])))


def _room(text: Text, rng: np.random.Generator) -> Text:
    if not text.tail.endswith("单元"):
        return text
    room = f"{rng.integers(1, 8)}0{rng.integers(1, 5)}"
    return replace(text, tail=text.tail + room + str(rng.choice(["室", "", "房", "户"])))


def _reordered(text: Text, rng: np.random.Generator) -> Text:
    """The number before the road, or what stands before it in brackets behind."""
    if text.prefix and rng.random() < 0.6:
        return replace(text, prefix="", shape=text.shape + f"（{text.prefix}）")
    if text.number and text.shape == "{p}{0}{n}{t}" and not text.prefix:
        return replace(text, shape="{n}{t}{0}" if rng.random() < 0.5 else "{n}{t}，{0}")
    return text


def _full_width(said: str, _rng: np.random.Generator) -> str:
    return said.translate({ord(a): ord(a) + 0xFEE0 for a in "0123456789-#"})


def _blanks(said: str, rng: np.random.Generator) -> str:
    """One to three blanks, half or full, never within a number."""
    gaps = [i for i in range(1, len(said)) if not (said[i - 1].isdigit() and said[i].isdigit())]
    for i in sorted(rng.choice(gaps, min(len(gaps), int(rng.integers(1, 4))), replace=False).tolist(), reverse=True):
        said = said[:i] + str(rng.choice([" ", " ", "  ", "\u3000"])) + said[i:]
    return said


def _punctuation(said: str, rng: np.random.Generator) -> str:
    """A mark after a word that ends a part, or behind all."""
    ends = [
        found.end()
        for found in re.finditer(r"兴江区|望江街道|柳林镇|社区|号|栋|(?<=\D)(?=\d)", said)
        if found.end() < len(said)
    ]
    ends = ends or [len(said)]
    i = int(rng.choice(ends))
    return said[:i] + str(rng.choice(["，", ",", "、", "·", ".", "；", "-"])) + said[i:]


def _near(said: str, rng: np.random.Generator) -> str:
    return said + str(rng.choice(NEAR))


def _sentence(said: str, rng: np.random.Generator) -> str:
    return str(rng.choice(SENTENCES)).format(said)


def _telephone(said: str, rng: np.random.Generator) -> str:
    """Eleven digits that begin with 000, which no number does."""
    shape = str(rng.choice(TELEPHONES if not said[-1].isdigit() else TELEPHONES[1:]))
    return said + shape.format(f"000{rng.integers(10**7, 10**8)}")


_WRONG: dict[str, Callable[[frozenset[str]], dict[str, str]]] = {"wrong_character": _read_wrongly, "slip": _any_other}
_PARTS: dict[str, Callable[[Text, np.random.Generator], Text]] = {
    "no_word": _no_word, "sub_number": _sub_number, "letter": _letter, "courtyard": _courtyard,
    "other_word": _other_word, "room": _room, "numeral": _numeral, "reordered": _reordered,
}  # fmt: skip
_STRING: dict[str, Callable[[str, np.random.Generator], str]] = {
    "near": _near, "punctuation": _punctuation, "blanks": _blanks, "sentence": _sentence, "full_width": _full_width,
    "telephone": _telephone,
}  # fmt: skip
