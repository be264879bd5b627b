"""A store and its transactions: one private SQLite file, or PostgreSQL with PostGIS.

Invariant: what a `write()` block did is there wholly or not at all, and is on the disk before the block is left
without an error. Writers go one after another; a reader sees one moment.

The SQLite file belongs to this program alone: nothing else opens it, not even to read its bytes, since the closing
of any handle in this process drops the locks of all (exports and :mod:`gridgis.registry.backup` give copies). Its
rollback journal is used and not the write-ahead log, so that the fault of SQLite before 3.51.3 with two connections
that write and checkpoint at once cannot occur.
"""

from __future__ import annotations

import datetime
import os
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from gridgis.errors import Fault, GridgisError, InputRefused
from gridgis.registry import tables
from gridgis.registry.schema import head, known, migrate, revision

POSTGRESQL = "postgresql+psycopg"
WAIT_S = 120
"""How long a writer of a SQLite store waits for those before it."""

UNREADABLE = (DBAPIError, UnicodeDecodeError)
"""Errors of a database that is damaged; the driver of SQLite fails to decode what is said of tables with such names."""

_LOCK = 0x67726964_67697300
"""Number of the advisory lock that writers of a PostgreSQL store take in turn."""


class Conflict(GridgisError):
    """Somebody else was first: the message says what stands in the way."""


@dataclass(frozen=True)
class Store:
    """A store that is open. Cheap to make; connections are opened as they are needed."""

    url: str
    engine: Engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that changes nothing and sees one moment."""
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if self.is_postgresql else {}
        with self._told(), self.engine.connect() as connection, connection.execution_options(**options).begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is kept where the block ends without an error; writers go one after another."""
        with self._told(), self.engine.connect() as connection:
            connection.execution_options(gridgis_writes=True)
            with connection.begin():
                if self.is_postgresql:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
                yield connection

    @property
    def is_postgresql(self) -> bool:
        """Whether the store is on PostgreSQL."""
        return self.engine.dialect.name == "postgresql"

    def close(self) -> None:
        """Close what is open; the store may be used again."""
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in words what the database says in codes."""
        try:
            yield
        except OperationalError as error:
            if "locked" in str(error.orig):
                raise Conflict(
                    f"{name_of(self.url)}: another program held the store for {WAIT_S} s. Try again"
                ) from error
            raise InputRefused([_unreachable(self.url, error)]) from error
        except DatabaseError as error:
            # Its own class, not one below it, is what SQLite says of a file that is damaged.
            if type(error) is not DatabaseError:
                raise
            raise InputRefused([_unreachable(self.url, error)]) from error


def create_store(
    url: str,
    *,
    crs: str | None = None,
    fill: Callable[[Connection], None] | None = None,
    then: Callable[[Connection], None] | None = None,
) -> Store:
    """Make a new store.

    Parameters
    ----------
    url : path of a file that is not there yet, or `postgresql://…` of an empty database with PostGIS
    crs : of all geometry, such as "EPSG:4547"; without it that of the first division, on SQLite only
    fill : puts the first rows into the tables; without it the store is a new one, with an id of its own
    then : what else is done before the store is there

    Raises
    ------
    InputRefused
        Where there is something already, where the database cannot be reached, or lacks a CRS.
    """
    code = _canonical(crs)

    def begin(connection: Connection) -> None:
        _fill(connection, code, fill)
        if then is not None:
            then(connection)

    if _is_postgresql(url):
        if code is None:
            cure = "Declare it with --crs EPSG:n: the columns of PostGIS are made for one"
            raise InputRefused([Fault("store", name_of(url), "a store on PostgreSQL needs its CRS", cure)])
        store = Store(url, _engine(url))
        with store.write() as connection:
            if revision(connection) is not None:
                cure = "Name another database, or go on with this one"
                raise InputRefused([Fault("store", name_of(url), "is a store already", cure)])
            begin(connection)
        return store
    return _create_file(Path(url), begin)


def open_store(url: str) -> Store:
    """Open a store that is there.

    Raises
    ------
    InputRefused
        Where it is not there, is no store, or was made by an older or newer program.
    """
    if not _is_postgresql(url) and not Path(url).is_file():
        raise InputRefused([Fault("store", url, "no such store", f"Make it with: gridgis init {url}")])
    store = Store(url, _engine(url))
    try:
        with store.read() as connection:
            found = revision(connection)
    except UNREADABLE as error:
        raise InputRefused([_unreachable(url, error)]) from error
    if found is None:
        raise InputRefused([Fault("store", name_of(url), "is no store of gridgis", "Make one with: gridgis init")])
    if found != head():
        raise InputRefused([_other_schema(url, found)])
    return store


def upgrade_store(url: str) -> tuple[str, str]:
    """Bring a store of an older program to the tables of this one; give the revisions before and after."""
    store = Store(url, _engine(url))
    with store.write() as connection:
        before = revision(connection)
        if before is None:
            raise InputRefused([Fault("store", name_of(url), "is no store of gridgis", "Make one with: gridgis init")])
        migrate(connection, crs=store_crs(connection))
    return before, head()


def store_id(connection: Connection) -> str:
    """The id of a store, the same in every copy of it."""
    return str(connection.scalar(sa.select(tables.store.c.store_id)))


def store_crs(connection: Connection) -> str | None:
    """The CRS of all geometry of a store; None before its first division where none was declared."""
    return connection.scalar(sa.select(tables.store.c.crs))


def following(connection: Connection, table: sa.Table) -> int:
    """The next id of a table, in a transaction that writes: there is one writer at a time."""
    return (connection.scalar(sa.select(sa.func.max(table.c.id))) or 0) + 1


def utc_now() -> str:
    """The time, in UTC, as it is stored."""
    return as_utc(datetime.datetime.now(datetime.UTC))


def as_utc(moment: datetime.datetime) -> str:
    """A time with an offset as it is stored: UTC, to the microsecond, so that text compares as time does."""
    return moment.astimezone(datetime.UTC).isoformat(timespec="microseconds")


def name_of(url: str) -> str:
    """The name of a store without its password."""
    return sa.make_url(_driver(url)).render_as_string(hide_password=True) if _is_postgresql(url) else url


def _is_postgresql(url: str) -> bool:
    return url.startswith(("postgresql:", "postgres:", f"{POSTGRESQL}:"))


def _driver(url: str) -> str:
    return f"{POSTGRESQL}:{url.partition(':')[2]}"


def _canonical(crs: str | None) -> str | None:
    from gridgis.crs import canonical, parsed

    if crs is None:
        return None
    try:
        return canonical(parsed(crs))
    except ValueError as error:
        raise InputRefused([Fault("--crs", crs, str(error), "Name one such as EPSG:4547")]) from None


def _create_file(path: Path, begin: Callable[[Connection], None]) -> Store:
    """The file is made beside its place and comes there whole; one that is there already stays."""
    if not path.absolute().parent.is_dir():
        raise InputRefused([Fault("store", str(path), "there is no such folder", "Make it, or name another place")])
    there = Fault("store", str(path), "is there already", "Name another file, or go on with this one")
    if path.exists():
        raise InputRefused([there])
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise InputRefused([Fault("store", str(path), "its folder may not be written", "Name another place")])
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.absolute().parent) as folder:
        draft = Path(folder) / path.name
        draft.touch(mode=0o600)
        new = Store(str(draft), _engine(str(draft)))
        with new.write() as connection:
            begin(connection)
        new.close()
        try:
            os.link(draft, path)
        except FileExistsError:
            raise InputRefused([there]) from None
    return open_store(str(path))


def _fill(connection: Connection, crs: str | None, fill: Callable[[Connection], None] | None) -> None:
    migrate(connection, crs=crs)
    if fill is not None:
        fill(connection)
        return
    row = {"id": 1, "store_id": str(uuid.uuid4()), "crs": crs, "created_at": utc_now()}
    connection.execute(sa.insert(tables.store).values(row))


def _engine(url: str) -> Engine:
    if _is_postgresql(url):
        return sa.create_engine(_driver(url), pool_pre_ping=True, connect_args={"cursor_factory": _binary_cursor()})
    path = os.path.abspath(url)

    def connect() -> sqlite3.Connection:
        uri = f"{Path(path).as_uri()}?mode=rw"
        return sqlite3.connect(uri, uri=True, timeout=WAIT_S, isolation_level=None, check_same_thread=False)

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool)
    sa.event.listen(engine, "connect", _guarded)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _binary_cursor() -> type:
    """A cursor to which PostgreSQL sends values as they are: geometry as text takes twice the bytes and the time."""
    from psycopg import Connection as Driver
    from psycopg import Cursor
    from psycopg.pq import Format

    class BinaryCursor(Cursor[tuple[object, ...]]):
        def __init__(self, connection: Driver[tuple[object, ...]], **options: object) -> None:
            super().__init__(connection, **options)
            self.format = Format.BINARY

    return BinaryCursor


def _guarded(connection: sqlite3.Connection, _: object) -> None:
    """Set a connection so that what is acknowledged is on the disk and what is stored is not trusted as code."""
    for pragma in (
        "journal_mode = TRUNCATE",
        "synchronous = EXTRA",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "mmap_size = 0",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _begin(connection: Connection) -> None:
    """Writers take the lock at once: a reader that turns writer could find that another did so before."""
    writes = connection.get_execution_options().get("gridgis_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def in_a_line(error: Exception) -> str:
    """What a database says is wrong."""
    if isinstance(error, UnicodeDecodeError):
        return "what it holds is damaged"
    return str(getattr(error, "orig", error)).strip().splitlines()[0]


def _unreachable(url: str, error: Exception) -> Fault:
    said = in_a_line(error)
    return Fault("store", name_of(url), f"cannot be used: {said}", "Look whether it is there, and who may use it")


def _other_schema(url: str, found: str) -> Fault:
    if found in known():
        return Fault("store", name_of(url), f"has the tables of an older gridgis ({found})", "Run: gridgis upgrade")
    problem = f"has tables that this gridgis does not know ({found}): a newer one made them"
    return Fault("store", name_of(url), problem, "Use the newer gridgis")
