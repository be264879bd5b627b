"""The command of the sheets that hang in a community."""

from __future__ import annotations

from typing import Any

import click

from gridgis.cli.group import main
from gridgis.cli.people import at_time
from gridgis.cli.registry import on_store


@main.command()
@click.argument("code")
@on_store
@click.option("--streets", metavar="FILE[:LAYER]", help="In place of those that the division knows.")
@click.option("--paper", type=click.Choice(["A3", "A4"], False), default="A3", show_default=True)
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option("--hotline", default="", metavar="NUMBER", help="Such as 12345; none by default.")
@click.option("--link", default="", metavar="URL", help="Where the QR code of a grid leads; none by default.")
@click.option("--names", metavar="FILE.csv", help="Names of counties and townships: code, name.")
@click.option("--timezone", default="Asia/Shanghai", show_default=True, help="Of the day that is told.")
@at_time("As in force at a time")
@click.option("-o", "--output", required=True, type=click.Path(), metavar="FILE.pdf")
def sheet(code: str, store: str, output: str, **options: Any) -> None:
    """Make the notice sheet of a grid (15 digits), or the responsibility map of a zone (12 digits)."""
    from gridgis import jobs

    jobs.sheet_file(store, code, output, **options)
    click.echo(output)
