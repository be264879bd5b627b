"""Uploads read for a server: one process a file, with nothing but the file, and its answer checked.

The server itself reads the two ends of a file and no more. Everything that unpacks, parses or draws is done by
:mod:`gridgis.uploads.reader` in a process that has a copy of the file, an empty folder, no network, and bounds on its
memory, time and answer. Every refusal names the file as its sender does.
"""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridgis.errors import Fault, InputRefused, Notice
from gridgis.uploads.kinds import (
    ENDINGS,
    JPEG,
    LAYER_KINDS,
    PICTURE_KINDS,
    STEM,
    TABLE_KINDS,
    kind_of,
    opened,
    refuse_content,
)
from gridgis.uploads.limits import Limits
from gridgis.uploads.names import refuse_name, refused, shown
from gridgis.uploads.picture import MOST_ACROSS
from gridgis.uploads.reader import ANSWER, DRIVERS, PICTURE, ROW, TABLE

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridgis.layers.findings import Findings

STEP = 1 << 20
LARGEST_TOLD = 1 << 20
NOWHERE = "http://127.0.0.1:9"
"""A proxy that there is not."""

OURS = re.compile(rf"(\./)?{STEM}(-plain)?(\.\w+)?")
PATHS = re.compile(r"(/[\w.@+-]+){2,}/?")
"""What looks like a path of the server."""

ANEW = "Open it, check it, and export it anew"


@dataclass(frozen=True)
class Picture:
    """A picture that somebody sent, drawn anew as a JPEG."""

    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Rows:
    """Rows of a table as somebody sent it.

    Attributes
    ----------
    frame : all columns as text, None where nothing stands, each row on its number in the file (the header has 1)
    count : how many rows the whole table has
    notices : what is odd about it
    """

    frame: pd.DataFrame
    count: int
    notices: tuple[str, ...]


def read_upload(
    path: str | os.PathLike[str],
    *,
    role: str,
    name: str | None = None,
    layer: str | None = None,
    rename: Mapping[str, str] | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    findings: Findings | None = None,
    limits: Limits | None = None,
) -> gpd.GeoDataFrame:
    """Read a layer that somebody uploaded; equal to :func:`gridgis.layers.read_layer` of the same file, or refused.

    Parameters
    ----------
    path : str or path
        Where the server put the file, under whatever name.
    role : str
        Which layer it is: `zones`, `buildings` and so on. With any other word, all columns come as they stand.
    name : str, optional
        What its sender calls it; its ending says which kind it is (.geojson, .json, .gpkg, .zip with a Shapefile,
        .parquet). The name of `path` by default.
    layer : str, optional
        Which of several; the one of the name of the role, or the only one, by default.
    rename : mapping, optional
        Column of the layer to column of the file.
    crs : str, optional
        CRS of a file that has none, such as `EPSG:4549`.
    encoding : str, optional
        Of the texts of a Shapefile.
    findings : where notices are put, for those who tell them
    limits : Limits, optional

    Returns
    -------
    GeoDataFrame
        In the CRS of the file, geometry 2D; finite coordinates in range.

    Raises
    ------
    InputRefused
        With every fault; each names the file as its sender does, and never a path of the server.
    """
    asked = {"role": role, "layer": layer, "rename": dict(rename or {}), "crs": crs, "encoding": encoding}
    return _read(Path(path), name, asked, LAYER_KINDS, findings, limits or Limits())


def read_table_upload(
    path: str | os.PathLike[str],
    *,
    role: str = "household_table",
    name: str | None = None,
    sheet: str | None = None,
    rename: Mapping[str, str] | None = None,
    encoding: str | None = None,
    findings: Findings | None = None,
    limits: Limits | None = None,
) -> pd.DataFrame:
    """Read a table without geometry that somebody uploaded, .csv or .xlsx.

    Parameters
    ----------
    path, name, rename, encoding, findings, limits : as for :func:`read_upload`
    role : str
        `household_table`, or any word that is no layer: then all columns come as they stand. Formulas are never
        reckoned: what comes is the text or number that was saved with them.
    sheet : str, optional
        Of a workbook; the first by default.

    Raises
    ------
    InputRefused
        As :func:`read_upload`.
    """
    asked = {"role": role, "layer": sheet, "rename": dict(rename or {}), "crs": None, "encoding": encoding}
    return _read(Path(path), name, asked, TABLE_KINDS, findings, limits or Limits())


def read_rows_upload(
    path: str | os.PathLike[str], *, name: str | None = None, first: int | None = None, limits: Limits | None = None
) -> Rows:
    """Read a table that somebody uploaded, .csv or .xlsx, row by row as it stands; or its first rows alone.

    Columns of one name, and of none, are given names of their own. Rows in which nothing stands are left out.

    Parameters
    ----------
    path, name, limits : as for :func:`read_upload`
    first : how many rows are given; all of them are read and counted

    Raises
    ------
    InputRefused
        As :func:`read_upload`.
    """
    asked: dict[str, Any] = {"role": "cases", "layer": None, "rename": {}, "crs": None, "encoding": None}
    asked |= {"numbered": True, "first": first}
    answer, frame, notices = _answered(Path(path), name, asked, TABLE_KINDS, limits or Limits())
    with _naming("cases", Path(path).name if name is None else name):
        count = answer.get("rows")
        if ROW not in frame or type(count) is not int or count < len(frame):
            raise refused("broke its reader, by damage or by its size", ANEW)
        numbered = frame.set_index(frame[ROW].astype("int64").rename("row")).drop(columns=ROW)
    return Rows(numbered, count, tuple(map(str, notices)))


def read_layer_names_upload(
    path: str | os.PathLike[str], *, name: str | None = None, limits: Limits | None = None
) -> tuple[str, ...]:
    """Tell the layers of a file that somebody uploaded; none where it holds one, as a GeoJSON or a table does.

    Parameters
    ----------
    path, name, limits : as for :func:`read_upload`; a .csv or .xlsx too

    Raises
    ------
    InputRefused
        As :func:`read_upload`; a file whose layers can be told may still turn out to be unreadable.
    """
    told = Path(path).name if name is None else name
    with _naming("division", told):
        kinds = LAYER_KINDS | TABLE_KINDS
        answer, _ = _left(Path(path), told, {"listed": True}, kinds, limits or Limits(), file=ANSWER)
        layers = answer.get("layers")
        if not isinstance(layers, list) or not all(isinstance(one, str) for one in layers):
            raise refused("broke its reader, by damage or by its size", ANEW)
    return tuple(layers)


def read_picture_upload(
    path: str | os.PathLike[str], *, name: str | None = None, limits: Limits | None = None
) -> Picture:
    """Read a picture that somebody uploaded, .png or .jpg: drawn anew, turned as its camera says, made smaller.

    Parameters
    ----------
    path, name, limits : as for :func:`read_upload`

    Raises
    ------
    InputRefused
        As :func:`read_upload`.
    """
    told, limits = Path(path).name if name is None else name, limits or Limits()
    with _naming("picture", told):
        answer, data = _left(Path(path), told, {}, PICTURE_KINDS, limits, file=PICTURE)
        width, height = answer["size"] if _is_size(answer.get("size")) else (0, 0)
        if not data.startswith(JPEG) or not width:
            raise refused("broke its reader, by damage or by its size", ANEW)
    return Picture(data, width, height)


def _is_size(told: object) -> bool:
    return isinstance(told, list) and len(told) == 2 and all(type(n) is int and 0 < n <= MOST_ACROSS for n in told)


def _read(
    path: Path,
    name: str | None,
    asked: dict[str, Any],
    kinds: dict[str, str],
    findings: Findings | None,
    limits: Limits,
) -> Any:
    _, frame, notices = _answered(path, name, asked, kinds, limits)
    if findings is not None:
        findings.notices += notices
    return frame


def _answered(
    path: Path, name: str | None, asked: dict[str, Any], kinds: dict[str, str], limits: Limits
) -> tuple[dict[str, Any], Any, list[Notice]]:
    """Let a reader read a file; its answer, checked, the frame, and what it noticed."""
    _of_its_kind(asked["role"], table=kinds is TABLE_KINDS)
    told = path.name if name is None else name
    with _naming(asked["role"], told):
        for text in (asked["layer"], asked["crs"], asked["encoding"], *asked["rename"].values()):
            if text is not None:
                refuse_name("the name", text)
        answer, data = _left(path, told, asked, kinds, limits, file=TABLE)
        from gridgis.uploads.answer import read

        notices = _notices(answer, asked["role"], told)
        frame = read(data, role=asked["role"], limits=limits)
    return answer, frame, notices


def _left(
    path: Path, name: str, asked: dict[str, Any], kinds: dict[str, str], limits: Limits, *, file: str
) -> tuple[dict[str, Any], bytes]:
    """What a reader of a file left: its answer, and the file that it wrote."""
    kind = kind_of(name, kinds)
    with tempfile.TemporaryDirectory(prefix="gridgis-upload-", ignore_cleanup_errors=True) as folder:
        _copy(path, Path(folder) / f"{STEM}{ENDINGS[kind]}", kind, limits)
        _run(folder, {**asked, "kind": kind, "limits": asdict(limits)}, limits)
        return _taken(Path(folder), limits, file)


def _of_its_kind(role: str, *, table: bool) -> None:
    """Raise where a table is asked for as a layer, or the other way round: a mistake of the caller."""
    from gridgis.layers.columns import EVERY

    if role in EVERY and bool(EVERY[role].shapes) == table:
        raise ValueError(f"{role} {'has' if table else 'has no'} geometry")


@contextmanager
def _naming(role: str, name: str) -> Iterator[None]:
    """Put the layer and the name of the file into refusals, and take whatever is the server's out of them."""
    try:
        yield
    except InputRefused as wrong:
        faults = [_named(fault, role, name) for fault in wrong.faults]
        raise InputRefused(faults) from None


def _named(fault: Fault, role: str, name: str) -> Fault:
    file = shown(name)
    row, problem, cure = (_public(text, file) for text in (fault.row, fault.problem, fault.cure))
    return Fault(role, row if file in row else f"{file}, {row}" if row else file, problem, cure)


def _public(text: str, file: str) -> str:
    """A text without paths, names or line breaks of the server."""
    return " ".join(PATHS.sub("...", OURS.sub(lambda _: file, text)).split())[:2000]


def _copy(path: Path, target: Path, kind: str, limits: Limits) -> None:
    """Copy the file under a name of ours, and look at the two ends of the copy, which nobody else can change."""
    file, size = opened(path, limits=limits)
    left = size
    with file, target.open("x+b") as out:
        while left and (data := file.read(min(STEP, left))):
            out.write(data)
            left -= len(data)
        if left:
            raise refused("was changed while it was read", "Send it again")
        refuse_content(out, size, kind)


def _run(folder: str, asked: dict[str, Any], limits: Limits) -> None:
    """Run a reader to its end, or end it and all that it started."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-s", "-B", "-m", "gridgis.uploads.reader"],
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        close_fds=True,
    )
    try:
        _ask(process, asked)
        in_time = _ended(process, time.monotonic() + limits.wall_s)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its first process is not waited for yet: the number is still its own
        code = process.wait()
    if not in_time or code == -signal.SIGXCPU:
        bound = f"{limits.processor_s} s of work" if in_time else f"{limits.wall_s:g} s"
        raise refused(f"took more than {bound} to read and was stopped", "Send it in parts, or simplify it")
    if code != 0:
        raise refused("broke its reader, by damage or by its size", ANEW)


def _ask(process: subprocess.Popen[bytes], asked: dict[str, Any]) -> None:
    if process.stdin is None:
        raise AssertionError("a reader without input")
    try:
        with process.stdin as pipe:
            pipe.write(json.dumps(asked).encode())
    except BrokenPipeError:
        return


def _ended(process: subprocess.Popen[bytes], end: float) -> bool:
    """Wait until a process has ended, without taking its number from it; False where time is over."""
    pause = 0.002
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > end:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
    return True


def _environment(folder: str) -> dict[str, str]:
    """Variables of a reader: none of the server's."""
    one = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_IO_THREADS", "GDAL_NUM_THREADS"), "1"
    )
    proxies = dict.fromkeys(("GDAL_HTTP_PROXY", "http_proxy", "https_proxy", "all_proxy"), NOWHERE)
    return {
        **one,
        **proxies,
        "PATH": "/usr/bin:/bin",
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "PYTHONHASHSEED": "0",
        "GDAL_SKIP": _skipped(),
        "GDAL_PAM_ENABLED": "NO",
        "PROJ_NETWORK": "OFF",
        "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }


@lru_cache(maxsize=1)
def _skipped() -> str:
    """Drivers that a reader must not have, as GDAL wants them named."""
    import pyogrio

    own = {name.strip() for name in os.environ.get("GDAL_SKIP", "").split(",") if name.strip()}
    return ",".join(sorted((set(pyogrio.list_drivers()) | own) - DRIVERS))


def _taken(folder: Path, limits: Limits, file: str = TABLE) -> tuple[dict[str, Any], bytes]:
    """What a reader left: its answer and its file; raises the faults that it found."""
    try:
        answer = json.loads(_content(folder / ANSWER, LARGEST_TOLD))
        faults = [Fault(*map(str, fault)) for fault in answer["faults"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise refused("broke its reader, by damage or by its size", ANEW) from None
    if faults:
        raise InputRefused(faults)
    try:
        return answer, _content(folder / file, limits.answer_bytes)
    except OSError:
        raise refused("broke its reader, by damage or by its size", ANEW) from None


def _content(path: Path, most: int) -> bytes:
    """Read a plain file of at most so many bytes; a link that a reader may have made is not followed."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode) or state.st_size > most:
            raise OSError("no plain file, or too large")
        return file.read(most)


def _notices(answer: dict[str, Any], role: str, name: str) -> list[Notice]:
    try:
        told = [(str(message), int(count)) for _, message, count in answer["notices"]]
    except (KeyError, ValueError, TypeError):
        raise refused("broke its reader, by damage or by its size", ANEW) from None
    return [Notice(role, _public(message, shown(name)), count) for message, count in told]
