"""Words of the map and the picture, in English and Chinese: a catalogue, no text in code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any, Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

Texts = Mapping[str, Any]

HOLE = re.compile(r"\\{(\w+)\\}")
"""Where a pattern has a number or a name."""


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


def detailed(rule: str, detail: str, texts: Texts) -> str:
    """Say in words what a rule found; a detail of which the catalogue has no pattern stays as it is.

    The details of a rule are those of :mod:`gridgis.rules`, in English and with numbers: the English catalogue has
    their patterns, that of the other language the sentences.
    """
    for name, pattern in _patterns().get(rule, ()) if texts["language"] != "en" else ():
        found = pattern.fullmatch(detail)
        if found is not None:
            told = {hole: _said(value, texts) for hole, value in found.groupdict().items()}
            return str(texts["details"][rule][name]).format(**told)
    return detail


def _said(value: str, texts: Texts) -> str:
    """What stands in a hole, where it is a word of ours in the language."""
    return str(texts["kinds"].get(value) or texts["layers"].get(value) or value)


@cache
def _patterns() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """What the details of each rule look like, by the name of the sentence."""
    every: Mapping[str, Mapping[str, str]] = load_texts("en")["details"]
    return {rule: patterns_of(some) for rule, some in every.items()}


def patterns_of(sentences: Mapping[str, str]) -> list[tuple[str, re.Pattern[str]]]:
    """What texts that were made of sentences with {holes} look like, by the name of the sentence, in their order."""
    return [
        (name, re.compile(HOLE.sub(r"(?P<\1>.+?)", re.escape(text)), re.DOTALL)) for name, text in sentences.items()
    ]


def split_flags(flags: object) -> list[str]:
    """Take the reason codes of a column `flags` apart; none where it is empty or not known."""
    return [flag.strip() for flag in flags.split(",") if flag.strip()] if isinstance(flags, str) else []


def joined(items: Iterable[str], texts: Texts) -> str:
    """Write a list in words, with the comma of the language."""
    return str(texts["page"]["comma"]).join(items)
