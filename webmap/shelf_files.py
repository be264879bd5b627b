"""Answers about divisions on the disk: made once for all workers, and still there after the next start.

Invariant: what stands under a digest was made of what has that digest, and is there whole. Any of it may be deleted at
any time.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from gridgis.errors import InputRefused
from gridgis.publish.whole import written_whole
from webmap.answer import Answer
from webmap.archives import alone

FORMAT = 1
"""Higher wherever the same division gives other answers than before."""
MOST = 24
"""Divisions whose answers are kept; those asked for last."""

Answers = Mapping[str, Answer]


class ShelfFiles:
    """A folder of answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def answers(self, digest: Callable[[], str], make: Callable[[], Mapping[str, str]]) -> Answers:
        """The answers about a division.

        Of all workers one makes them, while the others wait for it.

        Parameters
        ----------
        digest : of the division as it is now
        make : texts by their names, of the division as it is now
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = digest()
        path = self.folder / f"{FORMAT}-{before}.zip"
        if (found := _read(path)) is not None:
            return found
        with alone(self.folder / "lock"):
            if (found := _read(path)) is not None:
                return found
            made = {name: Answer.pack(text) for name, text in make().items()}
            if digest() == before:  # else somebody edited meanwhile
                with contextlib.suppress(InputRefused):  # a full disk keeps nobody from looking
                    _write(path, made)
            self._forget()
        return made

    def _forget(self) -> None:
        files = sorted(self.folder.glob("*.zip"), key=lambda one: (one.stat().st_mtime, one.name))
        for one in files[:-MOST]:
            one.unlink(missing_ok=True)


def _read(path: Path) -> Answers | None:
    try:
        with zipfile.ZipFile(path) as file:
            found = {name: Answer.of_packed(file.read(name)) for name in file.namelist()}
        os.utime(path)
    except FileNotFoundError:
        return None
    except (OSError, zipfile.BadZipFile):
        path.unlink(missing_ok=True)
        return None
    return found


def _write(path: Path, answers: Answers) -> None:
    with written_whole(path) as draft, zipfile.ZipFile(draft, "w") as file:
        for name, answer in answers.items():
            file.writestr(zipfile.ZipInfo(name), answer.body)
