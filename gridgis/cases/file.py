"""A file of cases, opened by the end of its name and what it holds."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from gridgis.cases.chunk import chunk_of, places_of
from gridgis.cases.columns import header_faults, header_notices
from gridgis.cases.identity import Seen
from gridgis.cases.numbers import Floats
from gridgis.cases.reader import Reader, regrouped
from gridgis.errors import Fault, InputRefused, refuse

SUFFIXES = {
    ".csv": "text", ".txt": "text", ".tsv": "text", ".xlsx": "sheet",
    ".gpkg": "geopackage", ".parquet": "parquet", ".geoparquet": "parquet",
}  # fmt: skip
"""Ends of names to kinds of file."""

STARTS = {b"PAR1": "parquet", b"PK\x03\x04": "sheet", b"SQLite format 3\0": "geopackage", b"\xd0\xcf\x11\xe0": "old"}
"""First bytes to kinds of file; all else is text."""

KINDS = {
    "text": "a text", "sheet": "an XLSX workbook", "geopackage": "a GeoPackage", "parquet": "a Parquet file",
    "old": "a workbook of Excel 97-2003",
}  # fmt: skip


PLACE = ("x", "y", "geometry")
PLACE_ROWS = 250_000


class CaseFile:
    """Cases in a file, to be read once or more, chunk by chunk in constant memory.

    Attributes
    ----------
    columns : column of the contract to its name in the file
    rows : how many cases there are; for a text an estimate, for a progress bar
    size : bytes of the file
    crs : CRS that the file declares for its geometry, else None
    geographic : whether coordinates are taken as degrees
    notices : what is odd about the file as a whole
    """

    def __init__(
        self, path: str, reader: Reader, *, timezone: str, chunk_rows: int, geographic: bool, now: np.datetime64
    ) -> None:
        self._reader = reader
        self._timezone, self._chunk_rows, self._now = timezone, chunk_rows, now
        self.columns = dict(reader.columns)
        self.rows, self.crs, self.notices = reader.rows, reader.crs, reader.notices
        self.size = os.path.getsize(path)
        self.geographic = geographic
        self._done = 0
        self._begun: list[Generator[object]] = []

    @property
    def bytes_read(self) -> int:
        """How much of the file has been read; where its format does not tell, by the share of its rows."""
        if self._reader.read is not None:
            return self._reader.read()
        return int(self.size * min(self._done / max(self.rows, 1), 1.0))

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Chunks of cases in the order of the file, each of `chunk_rows` rows but the last.

        Yields
        ------
        DataFrame
            As :func:`gridgis.cases.chunk.chunk_of` makes them; none where there is no case.

        Raises
        ------
        InputRefused
            Where the file turns out to be damaged on the way.
        """
        chunks = self._chunks()
        self._begun.append(chunks)
        return chunks

    def _chunks(self) -> Generator[pd.DataFrame]:
        seen, self._done = Seen(), 0
        with closing(self._reader.batches(None)) as batches, closing(regrouped(batches, self._chunk_rows)) as tables:
            for table in tables:
                chunk = chunk_of(table, geographic=self.geographic, timezone=self._timezone, now=self._now, seen=seen)
                self._done += len(chunk)
                yield chunk

    def places(self) -> Iterator[tuple[Floats, Floats]]:
        """Coordinates x and y alone, as the chunks have them, in the order of the file: nothing else is read.

        The parts are of one size whatever that of the chunks.
        """
        places = self._places()
        self._begun.append(places)
        return places

    def _places(self) -> Generator[tuple[Floats, Floats]]:
        self._done = 0
        if not {"x", "geometry"} & self.columns.keys():
            return
        with closing(self._reader.batches(PLACE)) as batches, closing(regrouped(batches, PLACE_ROWS)) as tables:
            for table in tables:
                self._done += table.num_rows
                yield places_of(table, geographic=self.geographic)
        self._done = 0

    def close(self) -> None:
        """Close the file, also while its chunks are being read."""
        for reading in self._begun:
            reading.close()
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_cases(
    path: str | os.PathLike[str],
    *,
    rename: Mapping[str, str] | None = None,
    encoding: str | None = None,
    timezone: str = "Asia/Shanghai",
    chunk_rows: int = 250_000,
    layer: str | None = None,
    geographic: bool | None = None,
    now: datetime | None = None,
) -> CaseFile:
    """Open a file of cases: CSV, XLSX, GeoPackage, Parquet or GeoParquet.

    Parameters
    ----------
    path : `FILE`, or `FILE:LAYER` for a layer of a GeoPackage or a sheet of a workbook
    rename : column of the contract (`case_id`, `lon`, …) to its name in the file, before all usual names
    encoding : of a text; told by its bytes where None
    timezone : of times that carry no offset
    chunk_rows : rows of a chunk; never changes what stands in them
    layer : the same, apart from the name of the file
    geographic : whether the coordinates are degrees, which are in range up to 180 and 90; by the CRS of the file
        where None, and degrees where it has none
    now : later reports are warned of; the present moment where None

    Raises
    ------
    InputRefused
        Where there is no such file, it is not what its name says, is damaged or cut off, is in no known encoding, or
        has neither coordinates nor geometry nor addresses.
    """
    from gridgis.layers import split_source

    name, told = split_source(os.fspath(path))
    layer = layer or told
    _known_timezone(timezone)
    reader = _opened(name, rename=rename, encoding=encoding, layer=layer)
    faults = tuple(header_faults(name, reader.header, reader.columns, rename=rename))
    if faults:
        reader.close()
    refuse(faults)
    chosen = header_notices(reader.header, reader.columns, rename=rename)
    reader.notices = (*reader.notices, *chosen)
    degrees = geographic if geographic is not None else reader.crs is None or reader.crs.is_geographic
    moment = np.datetime64((now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None), "us")
    return CaseFile(name, reader, timezone=timezone, chunk_rows=chunk_rows, geographic=degrees, now=moment)


def _opened(path: str, *, rename: Mapping[str, str] | None, encoding: str | None, layer: str | None) -> Reader:
    kind = _kind(path)
    if layer is not None and kind in ("text", "parquet"):
        cure = f"Name the file alone: {path}"
        raise InputRefused([Fault("cases", path, f"{KINDS[kind]} has no layer {layer}", cure)])
    if kind == "text":
        from gridgis.cases.text import open_text

        return open_text(path, rename=rename, encoding=encoding)
    if kind == "parquet":
        from gridgis.cases.parquet import open_parquet

        return open_parquet(path, rename=rename)
    if kind == "sheet":
        from gridgis.cases.sheet import open_sheet

        return open_sheet(path, rename=rename, layer=layer)
    from gridgis.cases.geopackage import open_geopackage

    return open_geopackage(path, rename=rename, layer=layer)


def _kind(path: str) -> str:
    """What kind of file it is, by its name and its first bytes alike."""
    suffix = Path(path).suffix.lower()
    kind = SUFFIXES.get(suffix)
    if kind is None:
        cure = f"Give a file that ends in {', '.join(SUFFIXES)}"
        raise InputRefused([Fault("cases", path, f"{suffix or 'a name without an ending'} is no known format", cure)])
    try:
        with open(path, "rb") as file:
            start = file.read(16)
    except OSError as error:
        problem = "no such file" if not os.path.exists(path) else f"cannot be opened: {error.strerror}"
        raise InputRefused([Fault("cases", path, problem, "Give a file that exists and may be read")]) from None
    found = next((held for mark, held in STARTS.items() if start.startswith(mark)), "text")
    if found != kind:
        problem = f"named {suffix} but {'is empty' if not start else f'holds {KINDS[found]}'}"
        if not start and kind == "text":
            problem = "the file is empty"
        raise InputRefused([Fault("cases", path, problem, "Give the file the ending of its format")])
    return kind


def _known_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        fault = Fault("--timezone", name, "there is no such time zone", "Name one such as Asia/Shanghai")
        raise InputRefused([fault]) from None
