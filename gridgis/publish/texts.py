"""Words of the map and the picture, in English and Chinese: a catalogue, no text in code."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any, Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

Texts = Mapping[str, Any]


@cache
def load_texts(language: Language = "en") -> Texts:
    """Read the catalogue of one language, the same keys in each (`static/texts/*.toml`)."""
    text = resources.files("gridgis.publish").joinpath(f"static/texts/{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def in_groups(code: str) -> str:
    """Write a code as people read it: county, township, community, sequence, then micro-grid.

    >>> in_groups("31011200500100307")
    '310112 005 001 003 07'
    """
    cuts = (0, 6, 9, 12, 15, 17)
    if not code.isdigit() or len(code) not in cuts[1:]:
        return code
    return " ".join(part for start, end in pairwise(cuts) if (part := code[start:end]))


def words(key: str, section: str, texts: Texts) -> str:
    """Say what the catalogue says for `key`, else the key itself with spaces for its underscores."""
    found = texts[section].get(key.replace(".", "_"))
    return str(found) if found is not None else key.replace("_", " ").replace(".", ": ")


def explained(flags: object, texts: Texts) -> list[str]:
    """Put the reason codes of a column `flags` (comma separated) in words, in their order."""
    return [words(flag, "flags", texts) for flag in split_flags(flags)]


def split_flags(flags: object) -> list[str]:
    """Take the reason codes of a column `flags` apart; none where it is empty or not known."""
    return [flag.strip() for flag in flags.split(",") if flag.strip()] if isinstance(flags, str) else []


def joined(items: Iterable[str], texts: Texts) -> str:
    """Write a list in words, with the comma of the language."""
    return str(texts["page"]["comma"]).join(items)
