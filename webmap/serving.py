"""Serving the pages: several workers under one address, until somebody ends it."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gridgis.errors import Fault, InputRefused

if TYPE_CHECKING:
    from apiflask import APIFlask

THREADS = 8
"""Requests that a worker answers at a time; each may hold a connection to the store.

Look-ups gain nothing by more than four, which wait for one another; reports that wait for the disk are written
together: two workers take 80 a second at the most with four, 175 with eight, 190 with sixteen.
"""
OPTIONAL = ("webmap.oidc",)
"""Modules that need what is not always installed."""
GRACE_S = 20
"""How long requests may go on that were begun when the server is told to end."""


def application() -> APIFlask:
    """The application that the environment describes: what each worker starts with, and makes ready."""
    import threading

    from gridgis import jobs
    from webmap import create_app, read_settings

    settings = read_settings()
    if settings.store:
        jobs.ready_for_edits()
    app = create_app(settings)
    if settings.store:
        app.extensions["desk"].warm(settings.network)
        if settings.pyramid:
            threading.Thread(target=app.extensions["heat"].warm_up, daemon=True).start()
    return app


def serve(given: dict[str, Any], *, host: str, port: int, workers: int) -> None:
    """Serve until Ctrl-C or SIGTERM; requests that were begun are answered.

    Parameters
    ----------
    given : settings that go before those of the environment
    workers : processes that answer, where a store is served; a division to look at has one

    Raises
    ------
    InputRefused
        Where there is nothing to serve, it cannot be read, or the address cannot be listened on.
    """
    import socket

    from gridgis import jobs
    from webmap.limits import LIMITS, Limits
    from webmap.runner import beside
    from webmap.settings import ENVIRONMENT, read_settings

    for name, value in given.items():
        if value:
            os.environ[f"{ENVIRONMENT}{name.upper()}"] = str(value)
    told = read_settings()
    if bool(told.store) == bool(told.division):
        raise InputRefused([Fault("serve", "", "is told nothing to serve", "Name a store, or one division to look at")])
    if told.division and not Path(told.division).is_file():
        cure = "Name a division that gridgis divide made"
        raise InputRefused([Fault("division", told.division, "no such file", cure)])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            port = probe.getsockname()[1]
        except OSError:
            cure = "Choose another with --port, or end the program that has it"
            raise InputRefused([Fault("server", f"{host}:{port}", "cannot be listened on", cure)]) from None
    os.environ[f"{ENVIRONMENT}HOSTS"] = ",".join(dict.fromkeys([*told.hosts, *names_of(host)]))
    if told.store:
        told.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _count_in(told.folder / "metrics")
        Limits.forget(told.folder / LIMITS)
        _first(told.store, jobs.first_administrator(told.store))
        with beside():
            _load()
            _listen(host, port, workers=workers)
    else:
        _listen(host, port, workers=1)


def names_of(host: str) -> list[str]:
    """Names for `host` in a request: an IPv6 address stands in brackets; "any address" is no name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return [host]
    if address.is_unspecified:
        return []
    return [f"[{host}]" if address.version == 6 else host]


def _first(store: str, made: tuple[str, str] | None) -> None:
    """Tell the one who starts the first server how to sign in; it is told this once."""
    if made is not None:
        print(f"First administrator of {called(store)}: {made[0]}  one-time password: {made[1]}", flush=True)


def called(store: str) -> str:
    """The name of a store to tell people: of a file or a database, never with a password."""
    return Path(urlsplit(store).path).name if "://" in store else Path(store).name


def _count_in(folder: Path) -> None:
    """Let workers count in files of an empty folder, where their numbers are added up."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _load() -> None:
    """Load the code before workers part from this process: they share it, and one that is begun anew is soon there.

    Nothing is opened and no thread begun here, which would be of no use in another process.
    """
    import importlib
    import pkgutil

    import webmap
    from gridgis import jobs

    for one in pkgutil.walk_packages(webmap.__path__, "webmap."):
        if one.name not in OPTIONAL:
            importlib.import_module(one.name)
    importlib.import_module("gridgis.resolve")
    jobs.ready_for_edits()


def _listen(host: str, port: int, *, workers: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    shown = f"[{host}]" if ":" in host else host
    server = Granian(
        "webmap.serving:application",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        workers_kill_timeout=GRACE_S,
        respawn_failed_workers=True,
        log_enabled=False,
        websockets=False,
    )
    server.on_startup(lambda: print(f"http://{shown}:{port}/  (Ctrl-C ends)", flush=True))
    server.serve()
