"""The command `gridgis` itself, and what every command of it does with faults."""

from __future__ import annotations

import signal
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
        except GridgisError as error:
            click.echo(str(error), err=True)
            sys.exit(error.exit_code)
        except BaseException as error:
            if not _stopped_by_hand(error):
                raise
            click.echo("Stopped; nothing was written.", err=True)
            sys.exit(STOPPED)


def _stopped_by_hand(error: BaseException) -> bool:
    """True for Ctrl-C, also where compiled code tells it as a fault of its own that came of it."""
    met: BaseException | None = error
    while met is not None:
        if isinstance(met, (click.Abort, KeyboardInterrupt)):
            return True
        met = met.__cause__ or met.__context__
    return False


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gridgis")
def main() -> None:
    """Divide communities, villages and dedicated zones into grids; code, check and map them."""


def program() -> None:
    """The command as a program of its own: what is done is done, so that Ctrl-C no longer stops the way out."""
    try:
        main()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
