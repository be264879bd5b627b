"""What all kinds of file have in common: a header, batches of rows, how far the reading has come."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyproj import CRS

from gridgis.errors import Fault, InputRefused

UNREADABLE = (OSError, RuntimeError, ValueError, KeyError, pa.ArrowException)
"""What libraries raise for a file that cannot be read."""


@dataclass
class Reader:
    """A file of one kind, open.

    Attributes
    ----------
    header : names of all columns of the file
    columns : column of :data:`gridgis.cases.columns.COLUMNS` to its name in the file
    batches : gives tables with the names of `columns`, or of some of them, of one schema, rows in the order of the file
    rows : how many there are; of a text about how many
    read : tells how many bytes of the file have been read; None where the format does not tell
    """

    header: tuple[str, ...]
    columns: Mapping[str, str]
    batches: Callable[[Collection[str] | None], Generator[Any]]
    rows: int
    crs: CRS | None = None
    notices: tuple[str, ...] = ()
    read: Callable[[], int] | None = None
    close: Callable[[], None] = field(default=lambda: None)


def some_of(columns: Mapping[str, str], only: Collection[str] | None) -> dict[str, str]:
    """The columns that are asked for, all of them where `only` is None."""
    return {column: name for column, name in columns.items() if only is None or column in only}


def regrouped(batches: Iterable[Any], rows: int) -> Generator[Any]:
    """The rows of `batches` in tables of `rows` rows, the last one apart."""
    held: list[Any] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        if count >= rows:
            whole = pa.concat_tables(held)
            full = count - count % rows
            for start in range(0, full, rows):
                yield whole.slice(start, rows)
            held, count = [whole.slice(full)], count - full
    if count:
        yield pa.concat_tables(held)


@contextmanager
def unreadable(path: str, what: str) -> Iterator[None]:
    """Refuse a file at which a library gives up, with the first line of what it says."""
    try:
        yield
    except InputRefused:
        raise
    except UNREADABLE as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = lines[0][:200].rstrip(". ") if lines else type(error).__name__
        cure = "Fetch it again: it is damaged or was cut off, or it is no such file"
        raise InputRefused([Fault("cases", path, f"cannot be read as {what}: {said}", cure)]) from None
