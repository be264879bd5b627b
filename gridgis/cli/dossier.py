"""The command of the dossier: what a district hands in, as one folder."""

from __future__ import annotations

from typing import Any

import click

from gridgis.cli.group import main
from gridgis.cli.show import bar, plain

SIZES = ("A4", "A3", "A2", "A1", "A0")


@main.command()
@click.argument("version", metavar="VERSION|DIVISION.gpkg")
@click.option("--store", envvar="GRIDGIS_STORE", metavar="STORE", help="Of the version; or set GRIDGIS_STORE.")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option(
    "--paper", "papers", multiple=True, default=("A3",), show_default=True, type=click.Choice(SIZES, False),
    metavar="SIZE", help="Of the maps, A4 to A0; again for more.",
)  # fmt: skip
@click.option("--template", metavar="FILE.xlsx", help="The authority's own division table, to be filled.")
@click.option("--names", metavar="FILE.csv", help="Names of counties and townships: code, name.")
@click.option("--timezone", default="Asia/Shanghai", show_default=True, help="Of the days that are told.")
@click.option("--replace", is_flag=True, help="Put it in the place of an earlier dossier.")
@click.option("-o", "--output", required=True, type=click.Path(), metavar="FOLDER")
def dossier(version: str, store: str | None, papers: tuple[str, ...], output: str, **options: Any) -> None:
    """Make what is handed in of a version: tables, code ledger, totals, changes, maps, Shapefile, SHA-256."""
    from gridgis import jobs

    options["papers"] = tuple(dict.fromkeys(papers))
    with bar() as progress:
        if not version.isdecimal():
            notices = jobs.dossier_file(version, output, progress=progress, **options)
        elif store is None:
            raise click.UsageError("Name the store of the version with --store, or a division in a file.")
        else:
            notices = jobs.dossier(store, int(version), output, progress=progress, **options)
    for notice in notices:
        click.echo(plain(f"note: {notice}"), err=True)
    click.echo(output)
