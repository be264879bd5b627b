"""Code lists of a division as a workbook, all words in the language of the reader."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import pandas as pd

from gridgis.publish.heat_tables import write_tables
from gridgis.publish.texts import Language, Texts, explained, joined, load_texts, words

KINDS, FLAGS = "kind", ("flags", "备注")
"""Columns of words of ours: kinds of zones, and reasons of a division, which are the note of a unit grid."""


def write_code_lists(path: str | Path, tables: Mapping[str, pd.DataFrame], *, language: Language = "en") -> None:
    """Write lists of codes as the sheets of one XLSX file: sheets, headers, kinds and reasons in words.

    Codes, names and headers that a standard gives stay as they are.

    Parameters
    ----------
    tables : by the name of the layer, as :func:`gridgis.exchange.lists.code_lists` gives them, or `unit_grids`
    """
    texts = list_texts(language)
    told = {name: _in_words(table, texts, load_texts(language)) for name, table in tables.items()}
    write_tables(path, told, language=language, texts={**texts, "words": {}})


@cache
def list_texts(language: Language = "en") -> Texts:
    """The words of code lists in one language, the same keys in each (`static/texts/lists/*.toml`)."""
    file = resources.files("gridgis.publish").joinpath(f"static/texts/lists/{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _in_words(table: pd.DataFrame, texts: Texts, every: Texts) -> pd.DataFrame:
    told: dict[str, list[str | None]] = {}
    if KINDS in table:
        told[KINDS] = [words(kind, "kinds", texts) for kind in table[KINDS]]
    for name in (name for name in FLAGS if name in table):
        told[name] = [joined(explained(flags, every), every) or None for flags in table[name]]
    return table.assign(**told)
