"""Several files that belong together, put in place when all of them are whole.

Formats that hold one layer a file name the files of a division by one rule: the file that was asked for holds the
grids, and beside it stand the other layers under its name, an underscore and theirs.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridgis.durable import put_in_place
from gridgis.errors import Fault, InputRefused
from gridgis.layers.source import UNREADABLE, first_line

MAIN = "grids"
"""The layer that stands in the file that was asked for."""


def file_of(path: str | os.PathLike[str], layer: str) -> Path:
    """The file of one layer: `town.shp` of the grids, `town_zones.shp` of the zones."""
    target = Path(path)
    return target if layer == MAIN else target.with_name(f"{target.stem}_{layer}{target.suffix}")


@contextmanager
def placed_together(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a folder beside `target`; what was put into it takes its place there at the end, or nothing does.

    Raises
    ------
    InputRefused
        Where the files cannot be written (no such folder, no right, disk full).
    """
    path = Path(target)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.absolute().parent) as folder:
            yield Path(folder)
            for draft in sorted(Path(folder).iterdir()):
                put_in_place(draft, path.with_name(draft.name))
    except UNREADABLE as error:
        cure = "Free space, or name another place with -o"
        raise InputRefused([Fault("output", str(path), f"cannot be written: {first_line(error)}", cure)]) from error
