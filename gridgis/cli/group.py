"""The command `gridgis` itself, and what every command of it does with faults."""

from __future__ import annotations

import sys
from typing import Any

import click

from gridgis.errors import REFUSED, STOPPED, GridgisError


class _Group(click.Group):
    """Faults become messages and exit codes here, in one place."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            sys.exit(REFUSED)
        except (click.Abort, KeyboardInterrupt):
            click.echo("Stopped; nothing was written.", err=True)
            sys.exit(STOPPED)
        except GridgisError as error:
            click.echo(str(error), err=True)
            sys.exit(error.exit_code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gridgis")
def main() -> None:
    """Divide communities, villages and dedicated zones into grids; code, check and map them."""
