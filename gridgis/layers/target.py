"""Where a result may be written: told before the work begins, not after it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gridgis.errors import Fault, refuse
from gridgis.layers.source import split_source


def refuse_target(path: str | os.PathLike[str], *, inputs: Iterable[str | os.PathLike[str] | None] = ()) -> None:
    """Raise where a file cannot become the result.

    Parameters
    ----------
    path : file to be written
    inputs : `FILE` or `FILE:LAYER` of everything that is read

    Raises
    ------
    InputRefused
        Where its folder is not there, or it is one of the inputs: the data of a city are not replaced
        by what is made of them.
    """
    target = Path(path)
    faults = []
    if not target.absolute().parent.is_dir():
        faults.append(Fault("output", str(target), "there is no such folder", "Make it, or name another place with -o"))
    read = {split_source(os.fspath(source))[0] for source in inputs if source is not None}
    if target.exists() and any(os.path.exists(name) and target.samefile(name) for name in read):
        faults.append(Fault("output", str(target), "is one of the inputs", "Name another file with -o"))
    refuse(faults)
