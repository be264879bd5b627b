"""Empty stores for tests, on both databases: a SQLite file, and a database of a PostgreSQL that is started here."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
FOUND = shutil.which("initdb") or next((str(place / "initdb") for place in PLACES if (place / "initdb").exists()), None)
CONTROL = [*Path("/usr/share/postgresql").glob("*/extension/postgis.control")]


def lacking() -> str:
    """What keeps PostgreSQL with PostGIS from running here; nothing where it runs."""
    if FOUND is None:
        return "PostgreSQL is not installed: sudo apt-get install postgresql postgresql-postgis"
    return "" if CONTROL else "PostGIS is not installed: sudo apt-get install postgresql-postgis"


@contextmanager
def cluster() -> Iterator[str]:
    """A PostgreSQL of its own in a temporary folder, on a loopback port; gives the URL of the server."""
    assert FOUND is not None
    binaries = Path(FOUND).resolve().parent
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="gridgis-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(name: str, *options: str) -> None:
        who = {"user": user} if os.geteuid() == 0 else {}
        command = [str(binaries / name), "-D", str(folder / "data"), *options]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=120, **who)

    settings = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c max_connections=60"
    try:
        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(server: str) -> Iterator[str]:
    """An empty database of a server, dropped afterwards; gives its URL."""
    name = f"test_{uuid.uuid4().hex}"
    engine = sa.create_engine(
        f"{server.replace('postgresql', 'postgresql+psycopg', 1)}/postgres", isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield f"{server}/{name}"
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
