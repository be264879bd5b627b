"""The command that serves the pages."""

from __future__ import annotations

import click

from gridgis.cli.group import main


@main.command()
@click.argument("division", required=False, type=click.Path())
@click.option("--store", envvar="GRIDGIS_STORE", metavar="STORE", help="What is served; or set GRIDGIS_STORE.")
@click.option("--config", type=click.Path(dir_okay=False), metavar="FILE.toml", help="Settings of the server.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--settings", is_flag=True, help="Print every setting with what it is for, as a file to begin with.")
def serve(
    division: str | None, store: str | None, config: str | None, host: str, port: int, workers: int, settings: bool
) -> None:
    """Serve the pages of a store, or show one DIVISION in the browser, until Ctrl-C."""
    if settings:
        from webmap.explained import template

        click.echo(template())
        return
    from webmap.serving import serve as run

    given = {"division": division} if division else {"store": store}
    run({**given, "config": config}, host=host, port=port, workers=workers)
