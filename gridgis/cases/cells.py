"""Columns of a result as Arrow has them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridgis.cases.columns import OUT_COLUMNS

KINDS = {name: pa.large_string() for name in OUT_COLUMNS} | {
    "distance_m": pa.float64(),
    "on_border": pa.bool_(),
    "confidence": pa.float64(),
}
"""Type of each column of a result."""


def arrow_column(frame: pd.DataFrame, name: str) -> Any:
    """A column of a frame: text plain or as a dictionary, numbers, truths; null where it is empty.

    Categories stay a dictionary, so that what is done to text is done once to each.
    """
    kind = KINDS[name]
    column = pa.array(frame[name], from_pandas=True)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.DictionaryArray):
        if kind != pa.large_string():
            return pc.cast(column.dictionary_decode(), kind)
        return pa.DictionaryArray.from_arrays(column.indices.cast(pa.int32()), column.dictionary.cast(kind))
    return pc.cast(column, kind)


def each_text(column: Any, change: Any) -> Any:
    """A column of text with each of its texts changed; a dictionary becomes plain."""
    if isinstance(column, pa.DictionaryArray):
        return change(column.dictionary).take(column.indices)
    return change(column)
