"""Jobs on files of cases that somebody uploaded: look at what is in one, and resolve it as a whole.

Invariant: only a reader process opens the upload; what is resolved is a table that we wrote, with the columns that
were chosen and no others. Each row of the upload has one answer, in its order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.jobs.cases import Tally, resolve_file
from gridgis.jobs.declared import DEGREES, known_systems
from gridgis.jobs.division import Progress
from gridgis.jobs.offices import Sources
from gridgis.schema import GENERAL

if TYPE_CHECKING:
    import pandas as pd

    from gridgis.uploads import Limits, Rows

FIELDS = (
    "case_id", "lon", "lat", "address", "reported_at", "item", "source", "accuracy_m", "component_id", "severity",
    "function",
)  # fmt: skip
"""What may be told of each case: all that an answer depends on, and nothing of who called or what was said."""

SYSTEMS = (DEGREES, "EPSG:4490", "gcj02", "bd09")
SHOWN_ROWS, TOLD_ROWS = 3, 50
LONGEST_CELL = 200
READ, RESOLVED = 0.1, 0.85
"""Shares of the work at which reading and resolving are done; the rest is writing."""
STEP = 20_000
PROBLEMS = {
    "address_not_found": r"^address not found",
    "missing": r"is missing|are missing",
    "no_number": r"is no number|is not finite",
    "exchanged": r"exchanged",
    "out_of_range": r"out of range",
    "in_no_grid": r"^in no grid",
    "no_place": r"no place in this CRS",
    "no_division": r"^no division was in force",
    "other": r"",
}
"""Kinds of problems, by their words: the first that fits."""


@dataclass(frozen=True)
class Sighted:
    """What is in an upload.

    Attributes
    ----------
    columns : their names, in the order of the file
    matched : field of :data:`FIELDS` to the column that seems to be it
    first : the first rows, "" where nothing stands
    rows : how many there are
    notices : what is odd about the file
    """

    columns: tuple[str, ...]
    matched: dict[str, str]
    first: list[list[str]]
    rows: int
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Batch:
    """What became of an upload.

    Attributes
    ----------
    tally : of all cases
    kinds : how many cases have a problem of which kind, see :data:`PROBLEMS`
    problems : the first cases without a grid: `row` in the file, `case_id`, `kind`, `problem`
    """

    tally: Tally
    kinds: dict[str, int]
    problems: list[dict[str, Any]]


def sight_cases(path: str | Path, *, name: str, limits: Limits | None = None) -> Sighted:
    """Look at a file of cases that somebody uploaded: its columns, which is which, and its first rows.

    Parameters
    ----------
    name : what its sender calls it

    Raises
    ------
    InputRefused
        Where it cannot be read, or holds no row.
    """
    from gridgis.cases.columns import TABLED, recognised
    from gridgis.uploads import read_rows_upload

    found = read_rows_upload(path, name=name, first=SHOWN_ROWS, limits=limits)
    if not found.count:
        cure = "Put names of columns in the first row, and a case in each row below it"
        raise InputRefused([Fault("cases", name, "holds no case", cure)])
    columns = tuple(map(str, found.frame.columns))
    called = {own: tabled for tabled, own in TABLED.items()}
    matched = {called.get(field, field): column for field, column in recognised(columns).items()}
    return Sighted(
        columns=columns,
        matched={field: matched[field] for field in FIELDS if field in matched},
        first=[[("" if cell is None else cell)[:LONGEST_CELL] for cell in row] for row in found.frame.to_numpy()],
        rows=found.count,
        notices=found.notices,
    )


def coordinate_systems(store: str) -> tuple[str, ...]:
    """What coordinates of an upload are usually in; the plane of the store is the last, where it has one."""
    from gridgis.crs import parsed
    from gridgis.jobs.registry import reading
    from gridgis.registry.store import store_crs

    with reading(store) as connection:
        own = store_crs(connection)
    return (*SYSTEMS, own) if own and parsed(own).is_projected else SYSTEMS


def refuse_matching(columns: Mapping[str, str], header: Iterable[str], *, case_crs: str = DEGREES) -> None:
    """Raise where columns are chosen that are not there, or too few to find a place by; with every reason.

    Raises
    ------
    InputRefused
    """
    known_systems(case_crs)
    refuse(_matching_faults(columns, list(header)))


def _matching_faults(columns: Mapping[str, str], header: list[str]) -> Iterable[Fault]:
    for field, column in columns.items():
        if field not in FIELDS:
            yield Fault("columns", field[:40], "is nothing that is told of a case", f"There are: {', '.join(FIELDS)}")
        elif column not in header:
            yield Fault("columns", field, f"the file has no column {column[:80]}", "Choose one of those in the file")
    for column, count in Counter(columns.values()).items():
        if count > 1:
            yield Fault("columns", column[:80], "is chosen more than once", "Choose another column, or none")
    if "address" not in columns and not {"lon", "lat"} <= columns.keys():
        cure = "Choose the columns of longitude and latitude, or that of the address"
        yield Fault("columns", "", "there are neither coordinates nor an address", cure)


def resolve_upload(
    path: str | Path,
    folder: str | Path,
    *,
    name: str,
    columns: Mapping[str, str],
    store: str,
    network: str = GENERAL,
    sources: Sources | None = None,
    case_crs: str = DEGREES,
    timezone: str = "Asia/Shanghai",
    answers: str | Path | None = None,
    problems: str | Path | None = None,
    progress: Progress | None = None,
) -> Batch:
    """Resolve a file of cases that somebody uploaded, each by the version in force at its time.

    Parameters
    ----------
    folder : where tables of ours may stand meanwhile; they are deleted at the end
    columns : field of :data:`FIELDS` to the column of the upload; cases without `case_id` are called by their row
    case_crs : "EPSG:n", "gcj02" or "bd09"
    answers, problems : files to write, CSV or XLSX by their endings; None writes nothing

    Raises
    ------
    InputRefused
        As :func:`resolve_file`, and where the upload cannot be read.
    """
    from gridgis.uploads import read_rows_upload

    tell = progress or (lambda _stage, _share: None)
    tell("read", 0.0)
    found = read_rows_upload(path, name=name)
    refuse_matching(columns, found.frame.columns, case_crs=case_crs)
    cases, resolved = Path(folder) / "cases.parquet", Path(folder) / "resolved.parquet"
    try:
        _chosen(found, columns).to_parquet(cases, index=False)
        tally = resolve_file(
            cases,
            resolved,
            store=store,
            network=network,
            sources=sources,
            case_crs=case_crs,
            timezone=timezone,
            progress=lambda _stage, share: tell("resolve", READ + (RESOLVED - READ) * share),
        )
        tally.notices[:0] = found.notices
        tell("write", RESOLVED)
        return _written(resolved, found, tally, columns, answers=answers, problems=problems, tell=tell)
    finally:
        for one in (cases, resolved):
            one.unlink(missing_ok=True)


def _chosen(found: Rows, columns: Mapping[str, str]) -> pd.DataFrame:
    """The table of ours: the chosen columns under our names."""
    chosen = found.frame[[columns[field] for field in FIELDS if field in columns]]
    table = chosen.set_axis([field for field in FIELDS if field in columns], axis=1).astype("string")
    return table if "case_id" in table else table.assign(case_id=found.frame.index.astype("string"))


def _written(
    resolved: Path,
    found: Rows,
    tally: Tally,
    columns: Mapping[str, str],
    *,
    answers: str | Path | None,
    problems: str | Path | None,
    tell: Progress,
) -> Batch:
    """Write the answers and the problems for people, and count the problems by kind."""
    import pandas as pd

    from gridgis.cases import OUT_COLUMNS

    table = pd.read_parquet(resolved, columns=list(OUT_COLUMNS))
    table["problem"] = table["problem"].fillna("")
    if len(table) != len(found.frame):
        raise AssertionError("a row without an answer")
    if answers is not None:
        _write_answers(table, answers, tell)
    lost = table["problem"].to_numpy(dtype=object) != ""
    listed = pd.DataFrame(
        {
            "row": found.frame.index[lost],
            "case_id": table.loc[lost, "case_id"].fillna("").to_numpy(dtype=object),
            "kind": [kind_of_problem(text) for text in table.loc[lost, "problem"]],
            "problem": table.loc[lost, "problem"].to_numpy(dtype=object),
        }
    )
    if problems is not None:
        given = found.frame.loc[lost, [columns[field] for field in ("lon", "lat", "address") if field in columns]]
        _write_problems(listed.drop(columns="kind"), given.loc[:, ~given.columns.isin(listed.columns)], problems)
    kinds = Counter(listed["kind"])
    counted = {kind: kinds[kind] for kind in PROBLEMS if kinds[kind]}
    return Batch(tally, counted, listed.head(TOLD_ROWS).to_dict("records"))


def kind_of_problem(text: str) -> str:
    """The kind of a problem."""
    return next(kind for kind, words in PROBLEMS.items() if re.search(words, text))


def _write_answers(table: pd.DataFrame, path: str | Path, tell: Progress) -> None:
    from gridgis.cases import result_writer

    with result_writer(path) as writer:
        for start in range(0, len(table), STEP):
            writer.add(table.iloc[start : start + STEP])
            tell("write", RESOLVED + (1 - RESOLVED) * min(1.0, (start + STEP) / len(table)))


def _write_problems(listed: pd.DataFrame, given: pd.DataFrame, path: str | Path) -> None:
    """Write rows with a problem, what stands in them beside: for who corrects the file."""
    import pandas as pd
    import pyarrow as pa

    from gridgis.cases.guard import guarded, guarded_frame
    from gridgis.cases.write_sheet import sheet_texts

    table = pd.concat([listed, given.reset_index(drop=True)], axis=1)
    if Path(path).suffix == ".csv":
        header = guarded(pa.array(list(table.columns), pa.large_string())).to_pylist()
        guarded_frame(table).to_csv(path, header=header, index=False, encoding="utf-8-sig", lineterminator="\r\n")
        return
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("problems")
    sheet.append(sheet_texts(pa.array(list(table.columns), pa.large_string())))
    texts = [sheet_texts(pa.array(table[name], pa.large_string())) for name in table if name != "row"]
    for row in zip(table["row"].tolist(), *texts, strict=True):
        sheet.append(row)
    book.save(path)
