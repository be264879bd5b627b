"""What stands in a file, before it is a layer of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gridgis.layers.columns import Objects

Names = Callable[[Sequence[str]], Mapping[str, str]]
"""Given the names of the columns of a file, which of them is which column of a layer."""


@dataclass(frozen=True)
class Raw:
    """What stands in a file: rows of the columns of use, all column names, how rows are called.

    `encoding` is that of its texts, where it had to be found.
    """

    frame: pd.DataFrame
    available: tuple[str, ...]
    rows: Objects
    encoding: str = ""


def raw_frame(frame: pd.DataFrame) -> Raw:
    """Take a frame given from Python as if it had been read: rows are called by their index."""
    geometry = getattr(frame, "active_geometry_name", None)
    available = tuple(str(column) for column in frame.columns if column != geometry)
    return Raw(frame, available, called("row", frame.index))


def called(what: str, labels: Iterable[object]) -> Objects:
    """How rows are called: by what they are and their label."""
    return np.array([*(f"{what} {label}" for label in labels), None], dtype=object)[:-1]


def names_of(rename: Mapping[str, str] | Names, available: Sequence[str]) -> Mapping[str, str]:
    """Which column of a file is which, where that is to be told by their names."""
    return rename(available) if callable(rename) else rename
