"""Commands between this program and other tools: import-division, export."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gridgis.cli.division import _declared
from gridgis.cli.group import main
from gridgis.cli.resolve import division_first
from gridgis.cli.show import bar, plain, show
from gridgis.errors import REFUSED

if TYPE_CHECKING:
    from gridgis.exchange.imported import Imported

SHOWN = 10
"""Changes of one kind that are printed; a report has them all."""

BESIDE = {
    "zones": "Zones as legal lines; those of the source, else what the codes of its grids say.",
    "microgrids": "Micro-grids; those of the source, else each grid is its own.",
    "streets": "Street lines, to tell what lies under the borders.",
    "buildings": "Buildings, none of which may be cut; for a table, those whose grid it tells.",
    "atoms": "For a table: the division whose atoms it gives to grids.",
}


def _beside(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what is given beside the grids."""
    for name, text in reversed(BESIDE.items()):
        shape = "DIVISION.gpkg" if name == "atoms" else "FILE[:LAYER]"
        command = click.option(f"--{name}", metavar=shape, help=text)(command)
    return command


@main.command(name="import-division")
@click.argument("source", metavar="SOURCE[:LAYER]")
@_beside
@_declared
@click.option("--encoding", type=click.Choice(["utf-8", "gbk"]), help="Of a Shapefile or CSV; told by its text.")
@click.option("--crs", metavar="EPSG:n", help="CRS of the result; that of the grids by default.")
@click.option("--profile", default="default", show_default=True, metavar="NAME|FILE.toml", help="Numbers of policy.")
@click.option("--dry-run", is_flag=True, help="Tell what would be repaired or refused, and write no division.")
@click.option("--report", type=click.Path(dir_okay=False), metavar="FILE.xlsx|csv", help="Every change and fault.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="OUT.gpkg")
def import_division(
    source: str, output: str | None, dry_run: bool, columns: tuple[str, ...], crs_of: tuple[str, ...], **options: Any
) -> None:
    """Take in a division drawn elsewhere: Shapefile, GeoJSON, GeoPackage, or a table of the grids of buildings."""
    from gridgis import jobs
    from gridgis.layers import parse_crs, parse_map

    if (output is None) != dry_run:
        raise click.UsageError("Give -o OUT.gpkg, or --dry-run to write no division.")
    options |= {"rename": parse_map(columns), "crs_of": parse_crs(crs_of)}
    with bar() as progress:
        found = jobs.import_division(source, output, dry_run=dry_run, progress=progress, **options)
    _tell(found)
    if found.faults:
        click.echo("\n".join(plain(str(fault)) for fault in found.faults), err=True)
        sys.exit(REFUSED)
    if found.division is not None:
        show(jobs.summary(found.division))


def _tell(found: Imported) -> None:
    """Print what is changed, the first of each kind, and how many there are."""
    for notice in found.notices:
        click.echo(plain(f"note: {notice}"), err=True)
    for kind, count in found.summed().items():
        mine = [one for one in found.changes if one.kind == kind]
        for one in mine[:SHOWN]:
            passed = f"  {one.old or '-'} -> {one.new or '-'}" if one.old or one.new else ""
            click.echo(plain(f"{kind:<16}{one.layer}, {one.row}  {one.detail}{passed}").rstrip())
        if count > SHOWN:
            click.echo(f"{kind:<16}and {count - SHOWN} more: see --report")
    counts = ", ".join(f"{count} {kind}" for kind, count in found.summed().items())
    click.echo(counts or "nothing changed")


@main.command()
@click.argument("division", required=False, metavar="[DIVISION.gpkg]")
@click.option("--store", envvar="GRIDGIS_STORE", metavar="STORE", help="Of a version; or set GRIDGIS_STORE.")
@click.option("--version", type=int, help="One version, whatever its state.")
@click.option("--district", metavar="CODE", help="What is in force in a district.")
@click.option("--network", default="general", show_default=True)
@click.option("--at", metavar="TIME", help="In force at a time; now by default.")
@click.option(
    "--encoding", type=click.Choice(["utf-8", "gbk"]), default="utf-8", show_default=True, help="Of SHP, CSV."
)
@click.option("--decimals", type=click.IntRange(5, 15), help="Of degrees in GeoJSON; 9 by default, a tenth of a mm.")
@click.option("--attributes", type=click.Choice(["db11"]), help="Grids alone, with the attributes of unit grids.")
@click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of the words in XLSX."
)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="OUT.gpkg|shp|geojson|csv|xlsx")
@division_first
def export(division: str | None, output: str, **options: Any) -> None:
    """Write a division in a file, a version, or what is in force, in the format that the name of OUT ends on.

    OUT.shp, OUT.geojson and OUT.csv hold the grids; OUT_zones, OUT_microgrids and so on stand beside them. OUT.zip
    holds Shapefiles of all layers.
    """
    from gridgis import jobs

    of_store = options["version"] is not None, options["district"] is not None
    if division is None and sum(of_store) != 1:
        raise click.UsageError("Name a division, or of a store either --version or --district.")
    if division is not None and any(of_store):
        raise click.UsageError("Name a division, or a version of a store, not both.")
    jobs.export_division(output, division=division, **options)
