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
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from gridgis.durable import sync_folder
from gridgis.errors import Fault, GridgisError, InputRefused
from gridgis.registry import tables
from gridgis.registry.address import address_of, is_postgresql, name_of, refuse_other_database
from gridgis.registry.migrations.views import NAMES as VIEWS
from gridgis.registry.refusals import UNFIT, UNREADABLE, no_store, other_schema, unheld, unreachable, unusable
from gridgis.registry.schema import head, known, migrate, revision
from gridgis.registry.turns import WAIT_S, Turns

_LOCK = 0x67726964_67697300
"""Number of the advisory lock that writers of a PostgreSQL store take in turn."""

_SYNCED = sa.text(
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
)
"""What lets a commit of PostgreSQL be on the disk when it is acknowledged, whatever the server does by default."""


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
                    connection.execute(_SYNCED)
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
        except UNFIT as error:
            raise InputRefused([unheld(self.url, error)]) from error
        except DBAPIError as error:
            if isinstance(error, OperationalError) and not self.is_postgresql and "locked" in str(error.orig):
                said = f"another program held the store for {WAIT_S} s. Try again"
                raise Conflict(f"{name_of(self.url)}: {said}") from error
            if not unusable(error):
                raise
            raise InputRefused([unreachable(self.url, error)]) from error


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

    if is_postgresql(url):
        if code is None:
            cure = "Declare it with --crs EPSG:n: the columns of PostGIS are made for one"
            raise InputRefused([Fault("store", name_of(url), "a store on PostgreSQL needs its CRS", cure)])
        _refuse_unnumbered(code)
        store = Store(url, _engine(url))
        with store.write() as connection:
            _refuse_taken(connection, url)
            begin(connection)
        return store
    refuse_other_database(url)
    return _create_file(Path(url), begin)


def open_store(url: str) -> Store:
    """Open a store that is there.

    Raises
    ------
    InputRefused
        Where it is not there, is no store, or was made by an older or newer program.
    """
    if not is_postgresql(url) and not os.path.isfile(url):
        refuse_other_database(url)
        raise InputRefused([Fault("store", url, "no such store", f"Make it with: gridgis init {url}")])
    store = Store(url, _engine(url))
    try:
        with store.read() as connection:
            found = revision(connection)
    except UNREADABLE as error:
        raise InputRefused([unreachable(url, error)]) from error
    if found is None:
        raise InputRefused([no_store(url)])
    if found != head():
        raise InputRefused([other_schema(url, found)])
    return store


def upgrade_store(url: str) -> tuple[str, str]:
    """Bring a store of an older program to the tables of this one; give the revisions before and after."""
    refuse_other_database(url)
    store = Store(url, _engine(url))
    with store.write() as connection:
        before = revision(connection)
        if before is None:
            raise InputRefused([no_store(url)])
        if before not in known():
            raise InputRefused([other_schema(url, before)])
        migrate(connection, crs=store_crs(connection))
    store.close()
    return before, head()


def store_id(connection: Connection) -> str:
    """The id of a store, the same in every copy of it."""
    return str(connection.scalar(_ID))


def store_crs(connection: Connection) -> str | None:
    """The CRS of all geometry of a store; None before its first division where none was declared."""
    return connection.scalar(_CRS)


_ID, _CRS = sa.select(tables.store.c.store_id), sa.select(tables.store.c.crs)
"""Questions that are asked often stand ready: to put one together takes longer than to ask it."""


def following(connection: Connection, table: sa.Table) -> int:
    """The next id of a table, in a transaction that writes: there is one writer at a time."""
    return (connection.scalar(_greatest(table)) or 0) + 1


@cache
def _greatest(table: sa.Table) -> sa.Select[int]:
    return sa.select(sa.func.max(table.c.id))


def utc_now() -> str:
    """The time, in UTC, as it is stored."""
    return as_utc(datetime.datetime.now(datetime.UTC))


def as_utc(moment: datetime.datetime) -> str:
    """A time with an offset as it is stored: UTC, to the microsecond, so that text compares as time does."""
    return moment.astimezone(datetime.UTC).isoformat(timespec="microseconds")


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
    try:
        _put_in_place(path, begin)
    except OSError as error:
        fault = Fault("store", str(path), f"cannot be made: {error.strerror or error}", "Name another place")
        raise InputRefused([fault]) from error
    return open_store(str(path))


def _put_in_place(path: Path, begin: Callable[[Connection], None]) -> None:
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
    sync_folder(path)


def _refuse_unnumbered(crs: str) -> None:
    from pyproj import CRS

    if CRS.from_user_input(crs).to_epsg() is None:
        cure = "Name one with a number of EPSG, or make the store a file"
        raise InputRefused([Fault("--crs", crs[:40], "has no number of EPSG, by which PostGIS knows a CRS", cure)])


def _refuse_taken(connection: Connection, url: str) -> None:
    """Refuse a database in which there is a store, or anything of the names that it needs."""
    cure = "Name another database, or go on with this one"
    if revision(connection) is not None:
        raise InputRefused([Fault("store", name_of(url), "is a store already", cure)])
    there = sa.inspect(connection)
    found = {*there.get_table_names(), *there.get_view_names()} & {*tables.metadata.tables, *VIEWS}
    if connection.scalar(sa.text("SELECT to_regprocedure('never_changed()')")) is not None:
        found.add("never_changed()")
    if found:
        problem = f"holds other things of the same names: {', '.join(sorted(found))}"
        raise InputRefused([Fault("store", name_of(url), problem, "Name an empty database")])


def _fill(connection: Connection, crs: str | None, fill: Callable[[Connection], None] | None) -> None:
    migrate(connection, crs=crs)
    if fill is not None:
        fill(connection)
        return
    row = {"id": 1, "store_id": str(uuid.uuid4()), "crs": crs, "created_at": utc_now()}
    connection.execute(sa.insert(tables.store).values(row))


def _engine(url: str) -> Engine:
    if is_postgresql(url):
        return sa.create_engine(address_of(url), pool_pre_ping=True, connect_args={"cursor_factory": _binary_cursor()})
    path = os.path.abspath(url)

    def connect() -> sqlite3.Connection:
        uri = f"{Path(path).as_uri()}?mode=rw"
        return sqlite3.connect(uri, uri=True, timeout=WAIT_S, isolation_level=None, check_same_thread=False)

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool)
    sa.event.listen(engine, "connect", _guarded)
    turns = Turns(path)
    sa.event.listen(engine, "begin", lambda connection: _begin(connection, turns))
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


def _begin(connection: Connection, turns: Turns) -> None:
    """Writers take the lock at once: a reader that turns writer could find that another did so before."""
    if connection.get_execution_options().get("gridgis_writes", False):
        turns.begin(connection)
    else:
        connection.exec_driver_sql("BEGIN")
