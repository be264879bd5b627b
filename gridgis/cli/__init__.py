"""The command line: one command a job, of the same name. Parse, call one function, show.

Exit codes: 0 done, 1 done with hard offenders, 2 input refused or unreadable, 130 stopped by hand.
"""

from gridgis.cli import (
    addresses,
    adjust,
    division,
    dossier,
    duties,
    exchange,
    heat,
    people,
    registry,
    resolve,
    review,
    serve,
    sheets,
    users,
)
from gridgis.cli.group import main, program

__all__ = [
    "addresses",
    "adjust",
    "division",
    "dossier",
    "duties",
    "exchange",
    "heat",
    "main",
    "people",
    "program",
    "registry",
    "resolve",
    "review",
    "serve",
    "sheets",
    "users",
]
