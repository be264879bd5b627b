"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridgis.durable import draft_beside, forget, put_in_place, sync_file, sync_folder
from gridgis.errors import Fault, InputRefused


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield the name of a draft beside `path` that takes its place at the end; nothing else stays behind.

    Raises
    ------
    InputRefused
        Where the file cannot be written (no such folder, no right, disk full).
    """
    target = Path(path)
    draft = draft_beside(target)
    try:
        yield draft
        put_in_place(draft, target)
    except (OSError, RuntimeError) as error:  # the second is GDAL's
        said = getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0][:200]
        cure = "Free space, or name another place with -o"
        problem = f"cannot be written: {said}"
        raise InputRefused([Fault("output", str(target), problem, cure)]) from error
    finally:
        forget(draft)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a folder beside `path` that takes its place at the end; nothing else stays behind.

    What stands at `path` before stays until all is written, and is deleted then.

    Raises
    ------
    InputRefused
        Where it cannot be written.
    """
    target = Path(path)
    draft, old = draft_beside(target), draft_beside(target)
    try:
        draft.mkdir()
        yield draft
        for file in sorted(draft.rglob("*")):
            if file.is_file():
                sync_file(file)
        _swap(draft, target, old)
        sync_folder(target)
    except OSError as error:
        problem = f"cannot be written: {error.strerror or type(error).__name__}"
        raise InputRefused([Fault("output", str(target), problem, "Free space, or name another place")]) from error
    finally:
        for left in (draft, old):
            shutil.rmtree(left, ignore_errors=True)


def _swap(draft: Path, target: Path, old: Path) -> None:
    """Let a draft take the place of what is there, which comes back where that fails."""
    if not target.exists():
        os.rename(draft, target)
        return
    os.rename(target, old)
    try:
        os.rename(draft, target)
    except BaseException:
        os.rename(old, target)
        raise
