"""Results of cases, written chunk by chunk beside the file and put in its place when all of it is there.

Invariant: under its name a result is either whole or not there (or what it was before); what a killed run leaves is
called `.NAME.….part` with the ending of its format, and can be deleted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from gridgis.crs import parsed
from gridgis.durable import draft_beside, forget, put_in_place
from gridgis.errors import Fault, InputRefused


class Writer(Protocol):
    """Takes chunks of a result in their order."""

    def add(self, frame: pd.DataFrame) -> None:
        """Write the rows of `frame`: the columns of :data:`OUT_COLUMNS`, and `x` and `y` where there is geometry."""

    def close(self) -> None:
        """End the file."""

    def drop(self) -> None:
        """Let go of the file without ending it."""


@contextmanager
def result_writer(path: str | os.PathLike[str], *, crs: object = None) -> Iterator[Writer]:
    """A writer of a result as CSV, XLSX, GeoPackage or (Geo)Parquet, by the end of its name.

    Parameters
    ----------
    crs : CRS of `x` and `y` of the frames; geometry is written where it is given (never to CSV and XLSX)

    Raises
    ------
    InputRefused
        Where the ending is unknown, the file cannot be written, or an XLSX would have too many rows.
    """
    target = Path(path)
    opener = _opener(target)
    draft = draft_beside(target)
    writer: Writer | None = None
    try:
        with _telling(target):
            writer = opener(str(draft), None if crs is None else parsed(crs))
        yield _Told(writer, target)
        with _telling(target):
            writer.close()
            put_in_place(draft, target)
    except BaseException:
        if writer is not None:
            with contextlib.suppress(Exception):
                writer.drop()
        forget(draft)
        raise


class _Told:
    """A writer whose troubles are told as the user can mend them."""

    def __init__(self, writer: Writer, target: Path) -> None:
        self._writer, self._target = writer, target

    def add(self, frame: pd.DataFrame) -> None:
        """Write the rows of `frame`."""
        with _telling(self._target):
            self._writer.add(frame)

    def close(self) -> None:
        """Nothing: the file is ended with the context."""

    drop = close


def _opener(target: Path) -> Callable[[str, Any], Writer]:
    suffix = target.suffix.lower()
    if not target.absolute().parent.is_dir():
        problem, cure = "there is no such folder", "Make it, or name another place with -o"
        raise InputRefused([Fault("output", str(target), problem, cure)])
    if suffix == ".csv":
        from gridgis.cases.write_text import TextWriter

        return TextWriter
    if suffix in (".parquet", ".geoparquet"):
        from gridgis.cases.write_parquet import ParquetWriter

        return ParquetWriter
    if suffix == ".xlsx":
        from gridgis.cases.write_sheet import SheetWriter

        return SheetWriter
    if suffix == ".gpkg":
        from gridgis.cases.write_geopackage import GeoPackageWriter

        return GeoPackageWriter
    problem = f"{suffix or 'a name without an ending'} is no format of a result"
    raise InputRefused([Fault("output", str(target), problem, "Name a file in .csv, .xlsx, .gpkg or .parquet")])


@contextmanager
def _telling(target: Path) -> Iterator[None]:
    try:
        yield
    except InputRefused:
        raise
    except (OSError, RuntimeError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(". ")
        cure = "Free space, or name another place with -o"
        raise InputRefused([Fault("output", str(target), f"cannot be written: {said}", cure)]) from error
