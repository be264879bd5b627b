"""What is on the disk when a program says so: a name in its folder, as the bytes of its file are."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def sync_folder(of: str | os.PathLike[str]) -> None:
    """Bring the names in the folder of a file to the disk: without it a new name may be lost with the power."""
    handle = os.open(Path(of).absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: str | os.PathLike[str]) -> None:
    """Bring the bytes of a file to the disk."""
    with Path(path).open("rb") as file:
        os.fsync(file.fileno())


def put_in_place(draft: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Let a draft that is whole take the place of a file beside it: bytes to the disk, the name, then the folder."""
    sync_file(draft)
    os.replace(draft, target)
    sync_folder(target)


def draft_beside(target: str | os.PathLike[str]) -> Path:
    """A name beside a file that no other run and no other thread gives to its draft, with the same ending.

    What a killed run leaves under it, `.NAME.….part` with the ending, can be deleted.
    """
    path = Path(target)
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part{path.suffix}")


def forget(draft: Path) -> None:
    """Delete a draft and the journal beside it, as far as that can be done: what went wrong before is to be told."""
    for name in (draft, draft.with_name(f"{draft.name}-journal")):
        with contextlib.suppress(OSError):
            name.unlink(missing_ok=True)
