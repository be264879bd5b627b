"""Addresses of stores: the path of a file, or `postgresql://…`, which may hold a password that is never told."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from gridgis.errors import Fault, InputRefused

POSTGRESQL = "postgresql+psycopg"


def name_of(url: str) -> str:
    """The name of a store without its password."""
    if not is_postgresql(url):
        return url
    address = address_of(url)
    asked = {key: "***" if key == "password" else value for key, value in address.query.items()}
    return address.set(drivername="postgresql", query=asked).render_as_string(hide_password=True)


def address_of(url: str) -> sa.URL:
    """The parts of an address; what cannot be taken apart is not told, it may hold a password."""
    try:
        found = sa.make_url(_driver(url))
    except (ArgumentError, ValueError):
        found = None
    if found is None or "@" in (found.host or ""):
        cure = "Write postgresql://USER@HOST:PORT/DATABASE, the port a number, an @ in a password as %40"
        raise InputRefused([Fault("store", "postgresql:…", "is no address", cure)])
    return found


def is_postgresql(url: str) -> bool:
    """Whether the address is one of PostgreSQL."""
    return url.startswith(("postgresql:", "postgres:", f"{POSTGRESQL}:"))


def _driver(url: str) -> str:
    return f"{POSTGRESQL}:{url.partition(':')[2]}"


def refuse_other_database(url: str) -> None:
    """Refuse the address of a database of another kind, without telling what it holds."""
    kind, sign, _ = url.partition("://")
    if sign and not is_postgresql(url):
        cure = "Name a file, or postgresql://USER@HOST/DATABASE"
        raise InputRefused([Fault("store", f"{kind}://…", "is no kind of store that there is", cure)])
