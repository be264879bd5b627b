"""The catalogue of a pyramid: which segments it has, which batches came in, what items and sources are called.

Invariant: what the catalogue names is on the disk whole, and a batch is in it or not at all. Writers take turns; a
reader sees the pyramid as it was at one moment.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gridgis.errors import Fault, InputRefused
from gridgis.heat.pyramid.form import FORM, refused

NAME = "catalogue.db"
APPLICATION = 0x67676870
"""SQLite's application_id of a catalogue (`gghp`)."""

PATIENCE_S = 60.0
"""How long a writer waits for its turn."""

MOST_NAMES = 1 << 16
"""Items or sources: they are kept in two bytes."""

TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE name (kind TEXT NOT NULL, id INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (kind, text)) WITHOUT ROWID;
CREATE TABLE segment (id INTEGER PRIMARY KEY AUTOINCREMENT, cases INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE batch (name TEXT PRIMARY KEY, cases INTEGER NOT NULL) WITHOUT ROWID;
"""

ASIDE = """
CREATE TABLE IF NOT EXISTS aside (batch TEXT NOT NULL, reason TEXT NOT NULL, day TEXT, item TEXT NOT NULL,
  source TEXT NOT NULL, cases INTEGER NOT NULL);
"""
"""Cases that came with a batch and are not counted. A pyramid has this table once it was told of such."""


@dataclass(frozen=True)
class Frame:
    """Where a pyramid lies.

    Attributes
    ----------
    crs : str
        The plane of the cases, in metres.
    left, bottom : float
        The origin of blocks and lattices.
    bandwidth_m : float
        The bandwidth that the pyramid is made for; the others are answered as exactly, but not as fast.
    """

    crs: str
    left: float
    bottom: float
    bandwidth_m: float

    @property
    def step_m(self) -> float:
        """Step of the lattice of the counts that are kept: that of the quartic kernel of this bandwidth."""
        from gridgis.heat.kernels import QUARTIC, STEPS

        return self.bandwidth_m / STEPS[QUARTIC]

    @property
    def unit_m(self) -> float:
        """Unit of positions."""
        from gridgis.heat.binning import FRACTION

        return self.step_m / FRACTION


@dataclass(frozen=True)
class Contents:
    """A catalogue at one moment: names by id, files and their cases in the order in which they came."""

    frame: Frame
    items: tuple[str, ...]
    sources: tuple[str, ...]
    segments: tuple[tuple[int, int], ...]


def segment_path(folder: Path, number: int) -> Path:
    """The file of a segment."""
    return folder / f"segment-{number}.heat"


def create(folder: Path, frame: Frame) -> None:
    """Begin the catalogue of a new pyramid."""
    with _connected(folder / NAME) as base:
        base.executescript(TABLES)
        about = {"crs": frame.crs, "left": repr(frame.left), "bottom": repr(frame.bottom),
                 "bandwidth_m": repr(frame.bandwidth_m)}  # fmt: skip
        base.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        base.execute(f"PRAGMA application_id={APPLICATION}")
        base.execute(f"PRAGMA user_version={FORM}")


def read(folder: Path) -> Contents:
    """What a pyramid holds now.

    Raises
    ------
    InputRefused
        Where there is no pyramid of this form.
    """
    with opened(folder) as base:
        base.execute("BEGIN")
        return contents(base)


def contents(base: sqlite3.Connection) -> Contents:
    """What a catalogue holds, within a transaction."""
    about = dict(base.execute("SELECT key, value FROM about"))
    frame = Frame(about["crs"], float(about["left"]), float(about["bottom"]), float(about["bandwidth_m"]))
    segments = tuple(base.execute("SELECT id, cases FROM segment ORDER BY id"))
    return Contents(frame, names(base, "item"), names(base, "source"), segments)


def names(base: sqlite3.Connection, kind: str) -> tuple[str, ...]:
    """Texts of items or sources by their id."""
    return tuple(text for (text,) in base.execute("SELECT text FROM name WHERE kind = ? ORDER BY id", (kind,)))


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[sqlite3.Connection]:
    """A writer's turn: a transaction that no other writer has begun; files that no catalogue names are cleared away."""
    with opened(folder) as base:
        base.execute("BEGIN IMMEDIATE")
        try:
            _clear(folder, base)
            yield base
        except BaseException:
            base.execute("ROLLBACK")
            raise
        base.execute("COMMIT")


def add_batch(base: sqlite3.Connection, batch: str, cases: int) -> None:
    """Write down that a batch came in.

    Raises
    ------
    InputRefused
        Where it came in before.
    """
    try:
        base.execute("INSERT INTO batch VALUES (?, ?)", (batch, cases))
    except sqlite3.IntegrityError:
        problem = "came in before: its cases would count twice"
        cure = "Leave it out, or give cases that are new a name of their own"
        raise InputRefused([Fault("pyramid", f"batch {batch!r}", problem, cure)]) from None


class Aside(NamedTuple):
    """Cases that are not counted: why, their day (None: without a time), item and source, and how many."""

    reason: str
    day: str | None
    item: str
    source: str
    cases: int


def add_aside(base: sqlite3.Connection, batch: str, aside: Iterable[Aside]) -> None:
    """Write down what came with a batch and is not counted, within a writer's turn."""
    base.execute(ASIDE)
    base.executemany("INSERT INTO aside VALUES (?, ?, ?, ?, ?, ?)", [(batch, *one) for one in aside])


def aside(folder: Path) -> list[Aside]:
    """What came with all batches and is not counted; nothing where the pyramid was never told."""
    with opened(folder) as base:
        if base.execute("SELECT 1 FROM sqlite_master WHERE name = 'aside'").fetchone() is None:
            return []
        rows = base.execute(
            "SELECT reason, day, item, source, SUM(cases) FROM aside GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
        )
        return [Aside(*row) for row in rows]


def intern(base: sqlite3.Connection, kind: str, texts: Iterable[str]) -> list[int]:
    """Ids of items or sources, new ones at the end."""
    known = {text: number for number, text in enumerate(names(base, kind))}
    fresh = [text for text in dict.fromkeys(texts) if text not in known]
    if len(known) + len(fresh) > MOST_NAMES:
        problem = f"{len(known) + len(fresh):,} different texts, of which a pyramid keeps {MOST_NAMES:,}"
        raise InputRefused(
            [Fault("cases", f"column {kind}", problem, "Give codes of items and sources, not free text")]
        )
    rows = [(kind, len(known) + k, text) for k, text in enumerate(fresh)]
    base.executemany("INSERT INTO name VALUES (?, ?, ?)", rows)
    known |= {text: number for _, number, text in rows}
    return [known[text] for text in texts]


def next_number(base: sqlite3.Connection) -> int:
    """The number of the next segment; none is given twice."""
    found = base.execute("SELECT seq FROM sqlite_sequence WHERE name = 'segment'").fetchone()
    return int(found[0]) + 1 if found else 1


def replace(base: sqlite3.Connection, number: int, cases: int, size: int, old: Iterable[int]) -> None:
    """Name a new segment, in the place of old ones."""
    base.execute("INSERT INTO segment VALUES (?, ?, ?)", (number, cases, size))
    base.executemany("DELETE FROM segment WHERE id = ?", [(one,) for one in old])


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the catalogue of a pyramid that is one of ours."""
    path = folder / NAME
    if not path.is_file():
        raise refused(folder, "no pyramid is there")
    try:
        with _connected(path) as base:
            application = base.execute("PRAGMA application_id").fetchone()[0]
            form = base.execute("PRAGMA user_version").fetchone()[0]
            if application != APPLICATION:
                raise refused(path, "is no catalogue of a pyramid")
            if form != FORM:
                raise refused(path, f"is of form {form}, this program reads form {FORM}")
            yield base
    except sqlite3.OperationalError as error:
        raise refused(path, f"cannot be used: {error}") from None
    except sqlite3.DatabaseError as error:
        raise refused(path, f"is damaged: {error}") from None


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    base = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S)
    try:
        base.execute("PRAGMA journal_mode=TRUNCATE")
        base.execute("PRAGMA synchronous=FULL")
        yield base
    finally:
        base.close()


def _clear(folder: Path, base: sqlite3.Connection) -> None:
    """Take away what a writer left that was stopped, and segments that were merged."""
    named = {segment_path(folder, number) for (number,) in base.execute("SELECT id FROM segment")}
    for path in folder.glob("segment-*"):
        if path not in named:
            path.unlink(missing_ok=True)
