"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridgis.durable import draft_beside, forget, put_in_place
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
