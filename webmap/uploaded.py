"""Files that were uploaded and wait for their work: each in a folder of ours, under a name of ours.

Invariant: a file belongs to who sent it, and is gone after its work or after a day, whatever happens.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from flask import current_app, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import TooManyRequests

from gridgis.errors import Denied, Fault, InputRefused
from webmap import about
from webmap.access import person
from webmap.limits import Limit
from webmap.settings import Settings

OFTEN = Limit(count=60, seconds=3_600)
"""So many files of a kind one person sends."""
AROUND_BYTES = 1 << 16
"""Of a form beside the file in it."""

KEPT_S = 86_400.0
MOST_OF_ONE = 5
"""So many files of one person wait; the oldest goes for the next."""
READERS, WAIT_S, LOOK_S = 2, 20.0, 0.05
"""So many are read at a time, of all workers together; how long one waits for its turn."""
ID = re.compile("[0-9a-f]{32}")
FILE = "file"


@dataclass(frozen=True)
class Upload:
    """A file that waits.

    Attributes
    ----------
    name : what its sender calls it
    by : who sent it
    about : what was found in it
    """

    id: str
    path: Path
    name: str
    by: str
    about: Mapping[str, Any]


def of_form(kind: str, *, most_bytes: int, cure: str) -> FileStorage:
    """The file of the form that is sent.

    Parameters
    ----------
    kind : of which one sends no more than :data:`OFTEN`

    Raises
    ------
    InputRefused
        Where there is none.
    TooManyRequests
    """
    current_app.extensions["limits"].take(f"{kind} {person().name}", OFTEN)
    request.max_content_length = most_bytes + AROUND_BYTES
    file = request.files.get("file")
    if file is None or not file.filename:
        raise InputRefused([Fault("file", "", "is missing", cure)])
    return file


def take(settings: Settings, stream: IO[bytes]) -> tuple[str, Path]:
    """Write a file down as it comes; give its number and its path."""
    number = secrets.token_hex(16)
    folder = _folder(settings) / number
    folder.mkdir(mode=0o700)
    path = folder / FILE
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    return number, path


def keep(settings: Settings, number: str, *, name: str, by: str, told: Mapping[str, Any]) -> Upload:
    """Keep a file for its work; of who sends too many the oldest goes."""
    about.write(_folder(settings) / number, {"name": name, "by": by, "about": dict(told)})
    own = [one for one in _kept(settings) if (known := about.read(one)) is not None and known["by"] == by]
    for one in own[:-MOST_OF_ONE]:
        shutil.rmtree(one, ignore_errors=True)
    return found(settings, number, by=by)


def found(settings: Settings, number: str, *, by: str) -> Upload:
    """A file of who asks.

    Raises
    ------
    InputRefused
        Where there is none of this number any more.
    Denied
        Where it is of somebody else.
    """
    folder = _folder(settings) / number if ID.fullmatch(number) else None
    told = None if folder is None else about.read(folder)
    if folder is None or told is None:
        raise InputRefused([Fault("batch", number[:40], "is not there any more", "Send the file again")])
    if told["by"] != by:
        raise Denied("This file is of somebody else.")
    return Upload(number, folder / FILE, told["name"], told["by"], told["about"])


def forget(settings: Settings, number: str) -> None:
    """Delete a file."""
    if ID.fullmatch(number):
        shutil.rmtree(_folder(settings) / number, ignore_errors=True)


def sweep(settings: Settings, *, now: float | None = None) -> None:
    """Delete files that have waited for longer than a day."""
    at = time.time() if now is None else now
    for one in _kept(settings):
        with contextlib.suppress(OSError):
            if at - one.stat().st_mtime > KEPT_S:
                shutil.rmtree(one, ignore_errors=True)


@contextlib.contextmanager
def turn(settings: Settings) -> Iterator[None]:
    """One of the few that read at a time, of all threads and processes; a killed one lets go.

    Raises
    ------
    TooManyRequests
        Where nobody ends in time.
    """
    end = time.monotonic() + WAIT_S
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context((_folder(settings) / f"reader-{k}.lock").open("w")) for k in range(READERS)]
        while not any(_locked(file.fileno()) for file in files):
            if time.monotonic() > end:
                raise TooManyRequests("Others are sending files now. Send yours again in a minute.", retry_after=30)
            time.sleep(LOOK_S)
        yield


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _folder(settings: Settings) -> Path:
    folder = settings.folder / "uploads"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _kept(settings: Settings) -> list[Path]:
    """Folders of files, the oldest first."""
    every = [one for one in _folder(settings).iterdir() if ID.fullmatch(one.name)]
    aged = []
    for one in every:
        with contextlib.suppress(OSError):
            aged.append((one.stat().st_mtime, one.name, one))
    return [one for _, _, one in sorted(aged)]
