"""Faults, notices and messages in the language of the reader.

Invariant: what no sentence of the catalogue fits stays as it is, in English; numbers, codes, names and places stay.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib import resources

from gridgis.errors import Fault
from gridgis.publish.texts import Language, Texts, patterns_of

NAMED = (
    "what",
    "kind",
    "state",
    "action",
    "told",
    "codes",
    "of",
    "given",
    "wanted",
    "taker",
    "one",
    "other",
    "who",
    "role",
    "roles",
)
"""Holes that hold words of ours, beside codes; the others hold names, numbers and places alone."""
PLACED = re.compile(r"at -?\d|\d{12,20} and \d{12,20}$")
"""Rows that are a place, or a pair of grids."""
NOTICE = re.compile(r"(?P<layer>\w+): (?P<message>.+) \((?P<count>\d+)\)", re.DOTALL)


@cache
def load_faults(language: Language = "en") -> Texts:
    """Read the sentences of faults in one language, the same keys in each (`static/texts/faults/*.toml`)."""
    file = resources.files("gridgis.publish").joinpath(f"static/texts/faults/{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def said_fault(fault: Fault, *, language: Language) -> Fault:
    """A fault with its problem and its cure in a language."""
    if language == "en":
        return fault
    row = _worded(fault.row, load_faults(language)["words"]) if PLACED.match(fault.row) else fault.row
    problem, cure = _said(fault.problem, "problems", language), _said(fault.cure, "cures", language)
    return replace(fault, row=row, problem=problem, cure=cure)


def said_faults(faults: Iterable[Fault], *, language: Language) -> str:
    """Faults as one text, a line each."""
    if language == "en":
        return "\n".join(map(str, faults))
    return "\n".join(_line(said_fault(fault, language=language)) for fault in faults)


def said_notice(text: str, *, language: Language) -> str:
    """A notice, as `str` tells one, in a language."""
    found = NOTICE.fullmatch(text)
    if language == "en" or found is None:
        return text
    told = _said(found["message"], "problems", language)
    return told if found["count"] == "1" else f"{told}（{found['count']}）"


def said_message(text: str, *, language: Language) -> str:
    """What is told of a conflict, or of a right that somebody lacks, in a language."""
    if language == "en":
        return text
    told = [_said(part, "messages", language) for part in _parts(text)]
    return "；".join(told)


def _parts(text: str) -> list[str]:
    """The sentences of a message about conflicts, without the cure for the command line; others as they are."""
    if " was changed meanwhile: " not in text:
        return [text]
    return [part.split(". See: ")[0] for part in text.split("; ") if part.startswith("grid ")]


def _line(fault: Fault) -> str:
    return "".join([f"{fault.row}：" if fault.row else "", fault.problem, "。", fault.cure, "。" if fault.cure else ""])


def _said(text: str, section: str, language: Language) -> str:
    words = load_faults(language)["words"]
    for name, pattern in _patterns(section):
        found = pattern.fullmatch(text)
        if found is not None:
            told = {
                hole: _worded(value, words) if hole in NAMED else value for hole, value in found.groupdict().items()
            }
            return str(load_faults(language)[section][name]).format(**told)
    return text


def _worded(value: str, words: Texts) -> str:
    """A value with the words of ours in it said: `grid 420…001` is `网格 420…001`."""
    return _word().sub(lambda found: str(words[found[0]]), value)


@cache
def _word() -> re.Pattern[str]:
    every = sorted(load_faults()["words"], key=len, reverse=True)
    return re.compile("|".join(rf"(?<![\w-]){re.escape(word)}(?![\w-])" for word in every))


@cache
def _patterns(section: str) -> list[tuple[str, re.Pattern[str]]]:
    return patterns_of(load_faults()[section])
