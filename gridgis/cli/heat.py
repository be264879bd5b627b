"""The command of hot spots: where cases pile up, whether that is more than chance, and where it is going."""

from __future__ import annotations

from typing import Any

import click

from gridgis.cli.division import _declared
from gridgis.cli.group import main
from gridgis.cli.resolve import _pairs
from gridgis.cli.show import bar

SHOWN = 10


@main.command()
@click.argument("cases", type=click.Path())
@click.option("--division", metavar="OUT.gpkg", help="The grids in which cases are counted.")
@click.option("--store", metavar="STORE", help="What is in force now, or at --at; earlier cases are re-based to it.")
@click.option("--network", default="general", show_default=True, help="Of the versions in the store.")
@click.option("--at", metavar="TIME", help="With a store: the time whose version counts.")
@click.option("--from", "first", metavar="DAY", help="First day of the window; that of the first case by default.")
@click.option(
    "--to", "last", metavar="DAY", help="Last day of the window, within it; that of the last case by default."
)
@click.option("--item", "items", multiple=True, help="Only this item; may be given several times.")
@click.option("--source", "origins", multiple=True, help="Only this source; may be given several times.")
@click.option("--by", type=click.Choice(["day", "week", "month"]), default="month", show_default=True, help="Periods.")
@click.option("--month-start", default=1, show_default=True, type=click.IntRange(1, 28), help="26: the city's month.")
@click.option(
    "--per", type=click.Choice(["area", "households", "streets"]), default="area", show_default=True, help="Of rates."
)
@click.option("--kernel", type=click.Choice(["quartic", "gaussian"]), default="quartic", show_default=True)
@click.option("--bandwidth", default="300", show_default=True, metavar="METRES|scott", help="How far a case reaches.")
@click.option("--false-share", default=0.05, show_default=True, help="Of what is told hot or cold, may be by chance.")
@click.option("--barriers", metavar="FILE[:LAYER]", help="In their rivers with an area there is no density.")
@click.option("--streets", metavar="FILE[:LAYER]", help="For --per streets.")
@click.option("--parties", metavar="FILE", help="For who leads in each grid, in tables.")
@click.option("--gazetteer", metavar="NAMES.db", help="For cases with an address alone.")
@click.option("--keep-piles", is_flag=True, help="Count default places, rounded coordinates and busy callers too.")
@click.option("--case-crs", metavar="EPSG:n|gcj02|bd09", help="Of the coordinates; that of the file, else WGS84.")
@click.option("--source-crs", multiple=True, metavar="SOURCE=CRS", help="The same for the cases of one source.")
@click.option("--timezone", default="Asia/Shanghai", show_default=True, help="Of days, and of times without an offset.")
@click.option("--encoding", help="Of a CSV; told by its bytes by default.")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--title", default="", help="Of the picture.")
@click.option("--attribution", default="", help="Where the data come from.")
@click.option("--seed", default=0, show_default=True, help="Of the permutations.")
@_declared
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="html: map, png: picture, tif: density, geojson: grids, pmtiles: tiles, xlsx: tables. Again for more.",
)
def heat(cases: str, outputs: tuple[str, ...], **options: Any) -> None:
    """Show where cases pile up, whether that is more than chance, and where it is going."""
    from gridgis import jobs
    from gridgis.layers import parse_crs, parse_map

    named: dict[str, Any] = {"rename": parse_map(options.pop("columns")), "crs_of": parse_crs(options.pop("crs_of"))}
    crs_of_source = _pairs(options.pop("source_crs"))
    with bar() as progress:
        report = jobs.heat_file(cases, outputs, crs_of_source=crs_of_source, progress=progress, **named, **options)
    for notice in report.notices:
        click.echo(f"note: {notice}", err=True)
    _tell(report)


def _tell(report: Any) -> None:
    """What a leader asks first."""
    last = report.end - 1
    counted = int(report.grids["cases"].sum())
    click.echo(f"window      {report.begin} to {last}")
    click.echo(f"cases       {report.cases}: {counted} in grids, {report.in_no_grid} in none, "
               f"{report.cases - counted - report.in_no_grid} set aside")  # fmt: skip
    for pile in report.piles.itertuples():
        where = "" if pile.x != pile.x else f" at {pile.x:.6g}, {pile.y:.6g}"
        click.echo(f"set aside   {pile.cases}{where}: {pile.reason}")
    verdicts = report.grids["verdict"].value_counts()
    for verdict in ("hot", "cold", "not significant", "not enough data"):
        click.echo(f"{verdict:<16}{int(verdicts.get(verdict, 0)):>6} grids")
    hottest = report.grids[report.grids["verdict"] == "hot"].sort_values(["z", "grid_code"], ascending=[False, True])
    for grid in hottest.head(SHOWN).itertuples():
        click.echo(
            f"{grid.grid_code}  {grid.cases:>6} cases  {grid.rate:>8.1f}  z {grid.z:5.1f}  {grid.pattern}  {grid.name}"
        )
