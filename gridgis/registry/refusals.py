"""What a database says, in words, and why a store is refused."""

from __future__ import annotations

import rfc8785
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, OperationalError

from gridgis.errors import Fault
from gridgis.registry.address import name_of
from gridgis.registry.schema import known

UNREADABLE = (DBAPIError, UnicodeDecodeError)
"""Errors of a database that is damaged; the driver of SQLite fails to decode what is said of tables with such names."""

NOT_ALLOWED = {"42501", "25006", "0A000"}
"""What PostgreSQL says of a right that is lacking, of a server that only reads, of an extension that it has not."""

UNFIT = (DataError, UnicodeEncodeError, OverflowError, rfc8785.CanonicalizationError)
"""Errors of a value that no database can hold: text that is no UTF-8, a number that is too large."""


def in_a_line(error: Exception) -> str:
    """What a database says is wrong."""
    if isinstance(error, UnicodeDecodeError):
        return "what it holds is damaged"
    return str(getattr(error, "orig", error)).strip().splitlines()[0]


def unusable(error: DBAPIError) -> bool:
    """Whether a database cannot be worked with: a file that is damaged, no connection, no right."""
    # Its own class, not one below it, is what SQLite says of a file that is damaged.
    damaged = type(error) is DatabaseError
    unconnected = isinstance(error, OperationalError) or error.statement is None
    return damaged or unconnected or getattr(error.orig, "sqlstate", None) in NOT_ALLOWED


def unreachable(url: str, error: Exception) -> Fault:
    """Why a database cannot be used."""
    problem = f"cannot be used: {in_a_line(error)}"
    return Fault("store", name_of(url), problem, "Look whether it is there, and who may use it")


def unheld(url: str, error: Exception) -> Fault:
    """Why a database cannot hold a value."""
    said = in_a_line(error) if isinstance(error, DataError) else "text that is no UTF-8"
    said = "a number that is too large" if isinstance(error, OverflowError) else said
    return Fault("store", name_of(url), f"cannot hold what it was given: {said}", "Write plain UTF-8 text, and numbers")


def no_store(url: str) -> Fault:
    """What there is, but no store."""
    return Fault("store", name_of(url), "is no store of gridgis", f"Make one with: gridgis init {name_of(url)}")


def other_schema(url: str, found: str) -> Fault:
    """Why a store that another gridgis made is not worked with."""
    if found in known():
        cure = f"Run: gridgis upgrade {name_of(url)}"
        return Fault("store", name_of(url), f"has the tables of an older gridgis ({found})", cure)
    problem = f"has tables that this gridgis does not know ({found}): a newer one made them"
    return Fault("store", name_of(url), problem, "Use the newer gridgis")
