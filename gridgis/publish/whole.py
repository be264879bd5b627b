"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridgis.durable import put_in_place
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
    draft = target.with_name(f".{os.getpid()}.{target.name}")
    try:
        yield draft
        put_in_place(draft, target)
    except OSError as error:
        cure = "Free space, or name another place with -o"
        problem = f"cannot be written: {error.strerror or error}"
        raise InputRefused([Fault("output", str(target), problem, cure)]) from error
    finally:
        draft.unlink(missing_ok=True)
