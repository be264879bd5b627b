"""Which tables a store has, and the way from older ones: the migrations, by Alembic, on both databases."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

FOLDER = Path(__file__).parent / "migrations"
HEAD = "head"
"""The revision that :func:`migrate` goes to."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config


@cache
def known() -> tuple[str, ...]:
    """Revisions that this program knows, the newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def head() -> str:
    """The revision that this program works with."""
    return known()[0]


def revision(connection: Connection) -> str | None:
    """The revision of a store; None where there are no tables of gridgis."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(connection: Connection, *, crs: str | None) -> None:
    """Bring the tables to :func:`head`, within the transaction of `connection`.

    Parameters
    ----------
    crs : of the store, for the columns of PostGIS
    """
    config = _config()
    config.attributes.update(connection=connection, crs=crs)
    command.upgrade(config, HEAD)
