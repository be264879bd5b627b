"""Faults, notices and messages in the language of the reader.

Invariant: what no sentence of the catalogue fits stays as it is, in English; numbers, codes, names and places stay.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources

from gridgis.errors import Fault
from gridgis.publish.texts import HOLE, Language, Texts, detailed, load_texts

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
    "some",
    "states",
    "period",
    "place",
    "step",
)
"""Holes that hold words of ours, beside codes; the others hold names, numbers and places alone."""
NUMBERS = frozenset(
    {"n", "other_n", "m2", "wide", "most", "low", "high", "west", "east", "south", "north", "x", "total", "depth"}
    | {"at", "other_at", "column", "line", "else", "unit", "cells", "code"}
)
"""Holes in which no blank stands, so that a text that fits no sentence is soon left alone."""
LONGEST = 2_000
"""Longer texts than any that is told in one sentence."""
PLACED = re.compile(r"at -?\d|\d{12,20} and \d{12,20}$")
"""Rows that are a place, or a pair of grids."""
NUMBERED = re.compile(r"\d{1,11}")
"""Rows that are the number of a comment, not the code of its place."""
HOLES = re.compile(r"{(\w+)}")
ROW = re.compile(r"(?<![\w-])((?P<word>row|fid) (?P<n>\d+)|(?P<more>\d+) more rows)(?![\w-])")
"""How rows of files are called, and those with the same fault that are counted."""
FOUND = re.compile(r"(?P<rule>[a-z_]+): (?P<detail>.+?)(, at (?P<place>-?[\d.]+ -?[\d.]+))?", re.DOTALL)
"""What is told of a hard finding."""
CHINESE = re.compile("[\u4e00-\u9fff]")
BETWEEN = re.compile("(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")
"""Blanks that English words have between them and Chinese ones have not."""
COMMAND = re.compile("See: gridgis|where the edit still holds")
PARTS = re.compile(r"; |\. (?=[A-Z])")
"""Between the sentences of a message."""
NOTICE = re.compile(r"(?P<layer>\w+): (?P<message>.+) \((?P<count>\d+)\)", re.DOTALL)


@cache
def load_faults(language: Language = "en") -> Texts:
    """Read the sentences of faults in one language, those of all subjects together.

    They stand in `static/texts/faults/LANGUAGE/SUBJECT.toml`, with the same keys in each language. What other libraries
    say has no English there, since they have their own: `borrowed.toml`.
    """
    out: dict[str, dict[str, str]] = {}
    folder = resources.files("gridgis.publish").joinpath(f"static/texts/faults/{language}")
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        for section, some in tomllib.loads(file.read_text(encoding="utf-8")).items():
            out.setdefault(section, {}).update(some)
    return out


def said_fault(fault: Fault, *, language: Language) -> Fault:
    """A fault with its problem and its cure in a language."""
    if language == "en":
        return fault
    problem, cure = _said(fault.problem, "problems", language), _said(fault.cure, "cures", language)
    return replace(fault, row=_where(fault, problem, language), problem=_found(problem, language), cure=cure)


def _where(fault: Fault, problem: str, language: Language) -> str:
    """What a fault is of: a rule by its name, a comment without its number, which no page shows."""
    if fault.layer == "comment" and NUMBERED.fullmatch(fault.row):
        told = str(load_faults(language)["rows"]["comment"])
        return "" if told in problem else told
    row = _worded(fault.row, load_faults(language)["words"]) if PLACED.match(fault.row) else fault.row
    return str(load_texts(language)["rules"].get(row, said_row(row, language=language)))


def said_faults(faults: Iterable[Fault], *, language: Language) -> str:
    """Faults as one text, a line each."""
    if language == "en":
        return "\n".join(map(str, faults))
    return "\n".join(_line(said_fault(fault, language=language)) for fault in faults)


def said_row(text: str, *, language: Language) -> str:
    """How a row of a file is called, in a language; also where it stands in a sentence."""
    if language == "en":
        return text
    some = load_faults(language)["rows"]
    return ROW.sub(lambda found: some[found["word"] or "more"].format(n=found["n"] or found["more"]), text)


def said_notice(text: str, *, language: Language) -> str:
    """A notice, as `str` tells one, in a language; what a reader of files noticed stands in another one."""
    found = NOTICE.fullmatch(text)
    if language == "en":
        return text
    if found is None:
        return _said(text, "problems", language)
    message = found["message"]
    told = (
        said_notice(message, language=language) if NOTICE.fullmatch(message) else _said(message, "problems", language)
    )
    return told if found["count"] == "1" else f"{told}（{found['count']}）"


def said_change(text: str, *, language: Language) -> str:
    """What an import did to a row, in a language; several of a kind stand with commas between."""
    if language == "en":
        return text
    parts = text.split(", ")
    told = [_said(part, "changes", language) for part in parts]
    whole = len(parts) == 1 or any(one == part for one, part in zip(told, parts, strict=True))
    said = _said(text, "changes", language) if whole else "，".join(told)
    return BETWEEN.sub("", said_row(said, language=language))


def said_remark(text: str, *, language: Language) -> str:
    """Why a case of a file has no grid, in a language."""
    return text if language == "en" else _said(text, "remarks", language)


def said_message(text: str, *, language: Language, status: int | None = None) -> str:
    """What is told of a conflict, or of a right that somebody lacks, in a language.

    Parameters
    ----------
    status : of an answer of HTTP; where no sentence fits, that of the status is said
    """
    if language == "en":
        return text
    parts = _parts(text)
    told = [_said(part, "messages", language) for part in parts]
    if len(parts) > 1 and any(one == part for one, part in zip(told, parts, strict=True)):
        told = [_said(text, "messages", language)]
    unsaid = told in (parts, [text])
    return _borrowed("statuses", str(status)) if status is not None and unsaid else "；".join(told)


def said_field(kind: str, values: Mapping[str, object], text: str, *, language: Language) -> str:
    """What is wrong with a field, by the kind of the error and its values; `text` is what pydantic says in English."""
    if language == "en":
        return text
    if kind == "value_error":
        bare = text.removeprefix("Value error, ")
        said = _said(bare, "problems", language)
        return said if said != bare else _borrowed("fields", "otherwise")
    told = {key: str(value).replace(" or ", "、").replace("'", "") for key, value in values.items()}
    return _borrowed("fields", kind).format_map(told)


def said_name(path: Iterable[str | int], *, language: Language) -> str:
    """How a field is called in sentences: the last name on its path, and which of several it is."""
    names = load_faults(language).get("field_names", {})
    parts = list(path)
    last = next((part for part in reversed(parts) if isinstance(part, str)), "_schema")
    number = parts[-1] + 1 if parts and isinstance(parts[-1], int) else 0
    told = str(names.get(last, last))
    return told + (_borrowed("rows", "number").format(n=number) if number else "")


def _parts(text: str) -> list[str]:
    """The sentences of a message, without the cures for the command line."""
    return [part for part in PARTS.split(text) if not COMMAND.match(part)]


def _line(fault: Fault) -> str:
    return "".join([f"{fault.row}：" if fault.row else "", fault.problem, "。", fault.cure, "。" if fault.cure else ""])


def _found(text: str, language: Language) -> str:
    """What a rule found, `rule: detail` with or without its place, in a language; other texts as they are."""
    texts, found = load_texts(language), FOUND.fullmatch(text)
    if found is None or found["rule"] not in texts["rules"]:
        return text
    told = detailed(found["rule"], found["detail"], texts)
    place = f"，{load_faults(language)['words']['at']} {found['place']}" if found["place"] else ""
    return f"{texts['rules'][found['rule']]}：{told}{place}"


def _borrowed(section: str, name: str) -> str:
    """What is said for another library, which says it in English alone."""
    some = load_faults("zh")[section]
    return str(some.get(name, some.get("otherwise", "")))


def _said(text: str, section: str, language: Language) -> str:
    words = load_faults(language)["words"]
    for name, pattern in _candidates(section, text) if len(text) <= LONGEST else ():
        found = pattern.fullmatch(text)
        if found is not None:
            told = {
                hole: _worded(value, words) if hole in NAMED else value for hole, value in found.groupdict().items()
            }
            return _filled(str(load_faults(language)[section][name]), told)
    return text


def _filled(sentence: str, told: Mapping[str, str]) -> str:
    """A sentence with its holes filled; beside words of ours no blank stays where Chinese ones meet."""
    for hole in HOLES.findall(sentence):
        if hole in NAMED and CHINESE.match(told[hole][:1]):
            sentence = re.sub(rf"(?<=[\u4e00-\u9fff]) (?={{{hole}}})", "", sentence)
        if hole in NAMED and CHINESE.match(told[hole][-1:]):
            sentence = re.sub(rf"(?<={{{hole}}}) (?=[\u4e00-\u9fff])", "", sentence)
    return sentence.format(**told)


def _worded(value: str, words: Texts) -> str:
    """A value with the words of ours in it said: `grid 420…001` is `网格 420…001`."""
    told = _word().sub(lambda found: str(words[found[0]]), value)
    return told if told == value else BETWEEN.sub("", told)


@cache
def _word() -> re.Pattern[str]:
    every = sorted(load_faults()["words"], key=len, reverse=True)
    return re.compile("|".join(rf"(?<![\w-]){re.escape(word)}(?![\w-])" for word in every))


def _pattern(sentence: str) -> re.Pattern[str]:
    """What a text that was made of a sentence with {holes} looks like."""

    def hole(found: re.Match[str]) -> str:
        return rf"(?P<{found[1]}>\S+?)" if found[1] in NUMBERS else f"(?P<{found[1]}>.+?)"

    return re.compile(HOLE.sub(hole, re.escape(sentence)), re.DOTALL)


def _candidates(section: str, text: str) -> Sequence[tuple[str, re.Pattern[str]]]:
    """The sentences that a text may be, those with most words of their own first."""
    by_first = _patterns(section)
    return by_first.get(text.partition(" ")[0], by_first[""])


@cache
def _patterns(section: str) -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Sentences by their first word, each list with those that begin with a hole; under `""` these alone."""
    sentences = load_faults()[section]
    places = {name: number for number, name in enumerate(sentences)}
    names = sorted(sentences, key=lambda name: (-len(re.sub(r"{\w+}", "", sentences[name])), places[name]))
    ordered = [(name, _pattern(sentences[name])) for name in names]
    firsts = {name: sentences[name].partition(" ")[0] for name in names}
    return {
        first: [(name, pattern) for name, pattern in ordered if firsts[name] == first or "{" in firsts[name]]
        for first in {*firsts.values(), ""}
        if "{" not in first
    }
