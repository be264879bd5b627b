"""Cases in a text file: UTF-8, UTF-16 or GBK; commas, semicolons or tabs; quoted line breaks.

Rows with too few or too many cells stay where they are. A quote that is never closed is found by a last row of our
own, which must come out as it went in.
"""

from __future__ import annotations

import csv
import io
import weakref
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import closing
from threading import Event
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from gridgis.cases.chunk import NOTE
from gridgis.cases.columns import recognised
from gridgis.cases.encoding import Stream, measured
from gridgis.cases.reader import Reader, some_of, unreadable
from gridgis.errors import Fault, InputRefused

BLOCK = 1 << 23
"""Bytes that are read at a time. A row may lie in two blocks and in no more: one that is longer than a block may be
too long, one that is longer than two is."""

HEAD = 1 << 20
"""Bytes within which the header ends."""

LAST = "\x1e"
"""Cell of the row that is added at the end."""

SEPARATORS = (",", "\t", ";", "|")


def open_text(path: str, *, rename: Mapping[str, str] | None, encoding: str | None) -> Reader:
    """A reader of a CSV file.

    Raises
    ------
    InputRefused
        Where the text is in no known encoding or has no header.
    """
    measure = measured(path, encoding=encoding)
    with Stream(path, measure.encoding) as stream:
        head = stream.read(HEAD).decode("utf-8", "ignore")
    separator, before, names = _header(path, head)
    columns = recognised(names, rename=rename)
    read = [0]

    def batches(only: Collection[str] | None) -> Generator[Any]:
        asked, read[0] = some_of(columns, only), 0
        tail = "\n" + separator.join([LAST] * len(names)) + "\n"
        with Stream(path, measure.encoding, tail=tail.encode()) as stream:
            rows = _Rows(names, asked, separator=separator, before=before)
            with closing(_tables(path, stream, rows)) as tables:
                for table in tables:
                    read[0] = stream.position
                    yield table

    count = max(measure.lines - before, 0)
    return Reader(tuple(names), columns, batches, rows=count, notices=measure.notices, read=lambda: read[0])


def _header(path: str, head: str) -> tuple[str, int, list[str]]:
    """Separator, number of rows up to the header, and names of the columns."""
    lines = head.lstrip("\r\n")
    blank = head[: len(head) - len(lines)].replace("\r\n", "\n").replace("\r", "\n").count("\n")
    rows = {mark: _cells(lines, mark) for mark in SEPARATORS}
    separator = max(SEPARATORS, key=lambda mark: len(rows[mark]))
    if not any(cell.strip() for cell in rows[separator]):
        raise InputRefused([Fault("cases", path, "the file is empty", "Give a file with a header and a row a case")])
    return separator, blank + 1, [cell.strip() for cell in rows[separator]]


def _cells(text: str, separator: str) -> list[str]:
    """The cells of the first row of a text."""
    return next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])


def _tables(path: str, stream: Stream, rows: _Rows) -> Generator[Any]:
    """Tables of the rows after the header, all cells text; those of no cell at all are left out."""
    closed = False
    with unreadable(path, "a table"), closing(_batches(stream, rows)) as batches:
        for batch in _none_too_long(path, batches):
            table = rows.table(batch)
            closed = table.num_rows > 0 and all(column[-1].as_py() == LAST for column in table.columns[:-1])
            yield _filled(table.slice(0, table.num_rows - 1) if closed else table)
    if not closed:
        cure = "Close it, or fetch the file again: it may have been cut off"
        raise InputRefused([Fault("cases", path, "a quotation mark is opened and never closed", cure)])


def _none_too_long(path: str, batches: Generator[Any]) -> Generator[Any]:
    """The batches; a row that lies in more than two blocks is called what it is."""
    try:
        yield from batches
    except pa.ArrowInvalid as error:
        if "straddling" not in str(error):
            raise
        problem = f"a row is longer than {BLOCK >> 20} MiB: most likely a quotation mark is opened and never closed"
        cure = "Close it, or shorten the text of that row"
        raise InputRefused([Fault("cases", path, problem, cure)]) from None


RELEASE_S = 10.0
"""So long a reader may take to let go of a stream: it reads no more than one block in that time."""


class _Token:
    """Held by all that a reader has of a stream: when this is gone, the reader is done with it."""


class _Block(bytes):
    """Bytes of a stream; the reader lets go of them in its own thread too."""

    token: _Token


class _Lent:
    """A stream as a reader holds it."""

    closed = False

    def __init__(self, stream: Stream) -> None:
        self.readable = stream.readable
        self.token = token = _Token()

        def read(size: int = -1) -> bytes:
            block = _Block(stream.read(size))
            block.token = token
            return block

        self.read = read

    def close(self) -> None:
        """Nothing: the stream is closed by whom it belongs to."""


def _batches(stream: Stream, rows: _Rows) -> Generator[Any]:
    """The batches of a stream; at the end, however it comes, no thread of the reader has anything of it any more.

    Arrow reads ahead in a thread of its own, which calls into Python to read and to let go. One that does so while
    the interpreter ends aborts the process.
    """
    held: list[Any] = [_Lent(stream)]
    released = Event()
    weakref.finalize(held[0].token, released.set)
    try:
        held[0] = pa_csv.open_csv(held[0], **_options(rows))
        yield from held[0]
    finally:
        held.clear()
        released.wait(RELEASE_S)


def _options(rows: _Rows) -> dict[str, Any]:
    return {
        "read_options": pa_csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=rows.every),
        "parse_options": pa_csv.ParseOptions(
            delimiter=rows.separator,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=rows.remember,
        ),
        "convert_options": pa_csv.ConvertOptions(
            strings_can_be_null=False,
            include_columns=rows.kept,
            column_types=dict.fromkeys(rows.every, pa.large_string()),
        ),
    }


class _Rows:
    """Rows of a text in their order, those with too few or too many cells put back among the others."""

    def __init__(self, names: Sequence[str], columns: Mapping[str, str], *, separator: str, before: int) -> None:
        self.every = [str(k) for k in range(len(names))]
        self._place = [names.index(name) for name in columns.values()]
        self.kept = [self.every[k] for k in self._place]
        self.separator = separator
        self._schema = pa.schema([(name, pa.large_string()) for name in (*columns, NOTE)])
        self._before = before
        self._next = 1
        self._odd: list[tuple[int, str]] = []

    def remember(self, row: Any) -> str:
        """Take note of a row that has not as many cells as the header."""
        self._odd.append((row.number, row.text))
        return "skip"

    def table(self, batch: Any) -> Any:
        """The rows of a batch and the odd ones among them, without what stands before the first case."""
        notes = pa.nulls(batch.num_rows, pa.large_string())
        plain = pa.table([*batch.columns, notes], schema=self._schema)
        first, odd = self._next, self._due(batch.num_rows)
        self._next += batch.num_rows + len(odd)
        if odd:
            place = np.array([number - first for number, _ in odd])
            order = np.full(self._next - first, -1)
            order[place] = batch.num_rows + np.arange(len(odd))
            order[order < 0] = np.arange(batch.num_rows)
            plain = pa.concat_tables([plain, self._mended([text for _, text in odd])]).take(pa.array(order))
        return plain.slice(max(self._before - first + 1, 0))

    def _due(self, rows: int) -> list[tuple[int, str]]:
        """Take the odd rows that stand before, among or right after the next `rows` rows of the others."""
        count = next((k for k, (number, _) in enumerate(self._odd) if number - self._next - k > rows), len(self._odd))
        due, self._odd = self._odd[:count], self._odd[count:]
        return due

    def _mended(self, texts: Sequence[str]) -> Any:
        """Odd rows as if they had as many cells as the header, with a note that they have not."""
        width = len(self.every)
        rows = [_cells(text, self.separator) for text in texts]
        notes = [
            f"row has {len(cells)} cells, the header {width}"
            if len(cells) < width or any(cell.strip() for cell in cells[width:])
            else None
            for cells in rows
        ]
        columns = [[cells[k] if k < len(cells) else "" for cells in rows] for k in self._place]
        return pa.table([*columns, notes], schema=self._schema)


def _filled(table: Any) -> Any:
    """Leave out rows in which nothing stands."""
    empty = pc.equal(table[0], "")
    if not pc.any(empty).as_py():
        return table
    for column in table.columns[1:-1]:
        empty = pc.and_(empty, pc.equal(column, ""))
    return table.filter(pc.invert(empty))
