"""Columns of a frame as arrays: numbers, and keys to join by."""

from __future__ import annotations

import unicodedata

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]


def numbers(frame: pd.DataFrame, column: str) -> Floats:
    """Column as numbers, nan where it is empty or missing."""
    if column not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan), float)


def known(frame: pd.DataFrame | None, column: str) -> Floats:
    """Column as numbers, 0 where it is not known."""
    return np.zeros(0) if frame is None else np.nan_to_num(numbers(frame, column))


def whole(values: Floats) -> Floats:
    """Nearest whole numbers, halves upwards."""
    return np.floor(values + 0.5)


def keys(frame: pd.DataFrame, column: str) -> Texts:
    """Column as keys that compare by what they say: full width as half width, no spaces, no case; "" for empty."""
    if column not in frame:
        return np.full(len(frame), "", dtype=object)
    values = frame[column]
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")  # a number of a spreadsheet: 12.0 is the key 12
    code, texts = pd.factorize(values)
    return np.array([*(_key(text) for text in texts), ""], dtype=object)[code]


def _key(text: object) -> str:
    return "".join(unicodedata.normalize("NFKC", str(text)).casefold().split())
