"""What moved from grid to grid in a re-division, and why, in words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gridgis.publish.border_lines import stroke_of
from gridgis.publish.texts import Language, Texts, in_groups, load_texts, words


def moved_words(moved: pd.DataFrame, *, language: Language = "en") -> list[str]:
    """A sentence for each row of :func:`gridgis.adjust.moved.moved_from`."""
    texts = load_texts(language)
    rows = moved.assign(stroke=stroke_of(moved["border_class"])).to_dict("records")
    return [_sentence(row, texts) for row in rows]


def _sentence(row: dict[Any, Any], texts: Texts) -> str:
    said = texts["moved"]
    number = said["unknown"] if pd.isna(row["households"]) else said["households"].format(n=int(row["households"]))
    old, new = (in_groups(row[side]) for side in ("old_code", "new_code"))
    return str(said["row"]).format(old=old, new=new, households=number, reason=_reason(row, texts))


def _reason(row: dict[Any, Any], texts: Texts) -> str:
    return str(texts["moved"][row["reason"]]).format(
        about=in_groups(row["about"] or ""),
        size=_number(row["size"]),
        limit=_number(row["limit"]),
        line=row["line"] or words(row["stroke"], "strokes", texts),
    )


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:,.0f}"
