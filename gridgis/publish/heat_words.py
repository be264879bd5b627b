"""What maps and pictures of hot spots say in words: window, counts, what may be chance, what was set aside."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from gridgis.heat.report import Report
from gridgis.heat.significance import COLD, HOT
from gridgis.publish.heat_piles import set_aside
from gridgis.publish.texts import Language, Texts, words

MOST_NAMED = 3
"""Items or sources that a title names; of more it tells the number."""


@cache
def heat_texts(language: Language = "en") -> Texts:
    """Read the catalogue of hot spots in one language, the same keys in each (`static/texts/heat/*.toml`)."""
    file = resources.files("gridgis.publish").joinpath(f"static/texts/heat/{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def subject(report: Report, texts: Texts) -> str:
    """Name the items and the sources in one line."""
    return str(texts["page"]["dot"]).join(subjects(report, texts))


def subjects(report: Report, texts: Texts) -> tuple[str, str]:
    """Name the items, and the sources."""
    page = texts["page"]
    return _named(report.items, page["all_items"], texts), _named(report.sources, page["all_sources"], texts)


def _named(names: Sequence[str], otherwise: str, texts: Texts) -> str:
    page = texts["page"]
    told = str(page["comma"]).join(names[:MOST_NAMED]) or otherwise
    more = len(names) - MOST_NAMED
    return told if more <= 0 else str(page["items_more"]).format(items=told, n=more)


def day(when: Any) -> np.datetime64:
    """Take the day of a moment of numpy or pandas."""
    return pd.Timestamp(when).to_datetime64().astype("datetime64[D]")


def window(begin: np.datetime64, end: np.datetime64, texts: Texts) -> str:
    """Give first and last day; `end` is the day after the last."""
    first, last = day(begin), day(end) - np.timedelta64(1, "D")
    return str(texts["page"]["window"]).format(begin=first, end=max(first, last))


def unit(text: str, texts: Texts) -> str:
    """Say a unit in the language; one that the catalogue has not stays as it is."""
    return str(texts["units"].get(text, text))


def counted(report: Report, texts: Texts) -> str:
    """Tell where the cases of the window are; all are in a grid, in none, or set aside."""
    if not report.cases:
        return str(texts["page"]["no_cases"])
    aside = set_aside(report)
    told = {"in_grids": report.cases - report.in_no_grid - aside, "no_grid": report.in_no_grid, "aside": aside}
    return str(texts["page"]["counted"]).format(n=f"{report.cases:,}", **{k: f"{v:,}" for k, v in told.items()})


def chance(report: Report, texts: Texts) -> str:
    """Tell how many of the grids told hot or cold may be so by chance."""
    told = int(report.grids["verdict"].isin([HOT, COLD]).sum())
    if not told:
        return str(texts["page"]["no_spots"])
    return str(texts["page"]["chance"]).format(n=f"{told:,}", share=f"{100 * report.false_share:.2g}%")


def piles(report: Report, texts: Texts) -> list[str]:
    """Say of each pile how many cases it holds and why they do not count."""
    said = str(texts["page"]["pile"])
    rows = zip(report.piles["cases"], report.piles["reason"], strict=True)
    return [said.format(n=f"{int(n):,}", reason=reason(str(why), texts)) for n, why in rows]


_NOTICE = re.compile(r"(?:\w+: )?(.*?)(?: \((\d+)\))?")


def notices(report: Report, texts: Texts) -> list[str]:
    """Say what a reader has to know; a notice that the catalogue has not stays as it is."""
    return [notice(one, texts) for one in report.notices]


def notice(text: str, texts: Texts) -> str:
    """Say one of them."""
    found = _NOTICE.fullmatch(text)
    said = texts["notices"].get(found[1]) if found else None
    if found is None or said is None:
        return text
    return str(said).format(n=f"{int(found[2] or 1):,}")


def reason(text: str, texts: Texts) -> str:
    """Say why a pile was set aside; a reason that the catalogue has not stays as it is."""
    return str(texts["reasons"].get(text.replace(" ", "_"), text))


def pattern_key(pattern: object) -> str:
    """Give the key of a pattern: "consecutive hot spot" and "consecutive hot" are `consecutive_hot`."""
    text = pattern.removesuffix(" spot") if isinstance(pattern, str) else ""
    return text.replace(" ", "_") or "no_pattern"


def pattern_words(key: str, texts: Texts) -> str:
    """Say a pattern by its key."""
    return words(key, "patterns", texts)
