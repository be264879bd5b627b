"""The command about cases: resolve."""

from __future__ import annotations

from typing import Any

import click

from gridgis.cli.division import _declared
from gridgis.cli.group import main
from gridgis.cli.show import bar


@main.command()
@click.argument("cases", type=click.Path())
@click.option("--division", metavar="OUT.gpkg", help="The division that answers all cases.")
@click.option("--store", metavar="STORE", help="What was in force at the time of each case answers it.")
@click.option("--network", default="general", show_default=True, help="Of the versions in the store.")
@click.option(
    "--at", metavar="TIME", help="With a store: answer by what is in force then, such as 2026-12-01T00:00+08:00."
)
@click.option(
    "--rebase", is_flag=True, help="With a store: answer by the present division, and tell what changed hands."
)
@click.option("--parties", metavar="FILE", help="People, posts, items and duty rules: XLSX, TOML or a folder of CSV.")
@click.option("--gazetteer", metavar="NAMES.db", help="For cases that have only an address: see gridgis gazetteer.")
@click.option("--streets", metavar="FILE[:LAYER]", help="For duties by street, and to see whether points are shifted.")
@click.option("--components", metavar="FILE[:LAYER]", help="Assets with their owners.")
@click.option("--case-crs", metavar="EPSG:n|gcj02|bd09", help="Of the coordinates; that of the file, else WGS84.")
@click.option("--source-crs", multiple=True, metavar="SOURCE=CRS", help="The same for the cases of one source.")
@click.option("--timezone", default="Asia/Shanghai", show_default=True, help="Of times without an offset.")
@click.option("--encoding", help="Of a CSV; told by its bytes by default.")
@click.option("--dry-run", is_flag=True, help="Count, and write nothing.")
@_declared
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="RESULT", help="CSV, XLSX, GPKG or Parquet.")
def resolve(
    cases: str,
    output: str | None,
    dry_run: bool,
    columns: tuple[str, ...],
    crs_of: tuple[str, ...],
    source_crs: tuple[str, ...],
    **options: Any,
) -> None:
    """Give every case of a file its grid and those who answer for it."""
    from gridgis import jobs
    from gridgis.layers import parse_crs, parse_map

    if (output is None) != dry_run:
        raise click.UsageError("Give -o RESULT, or --dry-run to write nothing.")
    files = {name: options.pop(name) for name in ("parties", "gazetteer", "streets", "components")}
    sources = jobs.Sources(**files, rename=parse_map(columns), crs_of=parse_crs(crs_of))
    with bar() as progress:
        tally = jobs.resolve_file(
            cases, output, sources=sources, crs_of_source=_pairs(source_crs), progress=progress, **options
        )
    for notice in tally.notices:
        click.echo(f"note: {notice}", err=True)
    click.echo(f"cases     {tally.cases}")
    for method, count in sorted(tally.methods.items(), key=lambda pair: (-pair[1], pair[0])):
        click.echo(f"{method:<10}{count}")
    click.echo(f"unsure    {tally.unsure}")
    if options["rebase"]:
        click.echo(f"moved     {tally.moved}")


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    """Read `app=gcj02`."""
    for text in given:
        if "=" not in text:
            raise click.UsageError(f"--source-crs {text}: write SOURCE=CRS, such as app=gcj02")
    return dict(text.split("=", 1) for text in given)
