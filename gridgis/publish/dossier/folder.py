"""The folder of a dossier: a list of SHA-256 that `sha256sum -c` reads, and which folder may take another's place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from gridgis.errors import Fault, InputRefused

SUMS, README = "SHA256SUMS.txt", "README.txt"
LISTED = re.compile(r"^[0-9a-f]{64} [ *](.+)$")
SHOWN = 5


def write_sums(folder: Path) -> None:
    """List all files of a folder with their SHA-256, in the order of their names."""
    lines = [f"{_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in _files(folder)]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def refuse_folder(path: str | Path, *, replace: bool) -> None:
    """Raise where a folder cannot become a dossier.

    Parameters
    ----------
    replace : whether an earlier dossier may be replaced; a folder that holds anything else is never.

    Raises
    ------
    InputRefused
        Where the place above it is not there, it is no folder, or it is not empty and no dossier to be replaced.
    """
    target = Path(path)
    if not target.absolute().parent.is_dir():
        raise _refused(target, "there is no such place", "Make the folder above it, or name another place with -o")
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise _refused(target, "is no folder", "Name a folder with -o")
    there = [path.relative_to(target).as_posix() for path in _files(target)] if target.exists() else []
    if not there:
        return
    others = sorted(set(there) - _listed(target))
    if others:
        shown = ", ".join(others[:SHOWN]) + (" and others" if len(others) > SHOWN else "")
        raise _refused(target, f"holds what is of no dossier: {shown}", "Name another folder with -o")
    if not replace:
        raise _refused(
            target, "holds a dossier", "Name another folder with -o, or put this one in its place: --replace"
        )


def _refused(target: Path, problem: str, cure: str) -> InputRefused:
    return InputRefused([Fault("output", str(target), problem, cure)])


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())


def _listed(folder: Path) -> set[str]:
    """Files of an earlier dossier, as its list has them; none where there is no list."""
    try:
        text = (folder / SUMS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return set()
    return {SUMS, *(found[1] for line in text.splitlines() if (found := LISTED.match(line)))}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
