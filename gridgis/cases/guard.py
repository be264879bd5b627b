"""Cells of text that a spreadsheet would take as a formula: made harmless on the way out, undone on the way in."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

OPENERS = "=+\\-@\t\r＝＋－＠"
DANGEROUS = f"^'*[{OPENERS}]"
GUARDED = f"^'+[{OPENERS}]"
LATER = r"([\r\n])('*[=+\-@\t＝＋－＠])"
MARKED_LATER = r"([\r\n])'('*[=+\-@\t＝＋－＠])"
"""The same at the beginning of a later line of a cell: some programs take any line break for the end of a row."""
NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"


def guarded(column: Any) -> Any:
    """Text with an apostrophe before what a spreadsheet would reckon, in each line of it; numbers stay as they are.

    `unguarded` gives back what was there.
    """
    column = _replaced(column, LATER, r"\1'\2")
    risky = pc.and_(pc.match_substring_regex(column, DANGEROUS), pc.invert(pc.match_substring_regex(column, NUMBER)))
    if not pc.any(risky).as_py():
        return column
    return pc.if_else(
        risky, pc.binary_join_element_wise(pa.scalar("'", column.type), column, pa.scalar("", column.type)), column
    )


def unguarded(column: Any) -> Any:
    """Text without the apostrophes that `guarded` puts into it."""
    column = _replaced(column, MARKED_LATER, r"\1\2")
    marked = pc.match_substring_regex(column, GUARDED)
    if not pc.any(marked).as_py():
        return column
    return pc.if_else(marked, pc.utf8_slice_codeunits(column, 1), column)


def _replaced(column: Any, pattern: str, by: str) -> Any:
    if not pc.any(pc.match_substring_regex(column, pattern)).as_py():
        return column
    return pc.replace_substring_regex(column, pattern, by)


def guarded_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with every text in it guarded, as whatever writes CSV for people has it."""
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.assign(**{name: guarded(pa.array(frame[name], pa.large_string())).to_pandas() for name in texts})
