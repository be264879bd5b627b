"""The command of hot spots: where cases pile up, whether that is more than chance, and where it is going."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from gridgis.cli.division import _declared
from gridgis.cli.group import main
from gridgis.cli.resolve import _pairs, division_first
from gridgis.cli.show import bar

SHOWN = 10


def _gathering(command: Callable[..., None]) -> Callable[..., None]:
    """The options by which cases are brought to grids."""
    options = (
        click.argument("cases", type=click.Path()),
        click.option("--division", metavar="OUT.gpkg", help="The grids in which cases are counted."),
        click.option(
            "--store",
            envvar="GRIDGIS_STORE",
            metavar="STORE",
            help="In force now, or at --at; all cases are re-based to it. Or set GRIDGIS_STORE.",
        ),
        click.option("--network", default="general", show_default=True, help="Of the versions in the store."),
        click.option("--at", metavar="TIME", help="With a store: the time whose version counts."),
        click.option("--gazetteer", metavar="NAMES.db", help="For cases with an address alone."),
        click.option("--keep-piles", is_flag=True, help="Count default places, rounded points and busy callers too."),
        click.option("--case-crs", metavar="EPSG:n|gcj02|bd09", help="Of the coordinates; of the file, else WGS84."),
        click.option("--source-crs", multiple=True, metavar="SOURCE=CRS", help="The same for cases of one source."),
        click.option("--timezone", default="Asia/Shanghai", show_default=True, help="Of days and bare times."),
        click.option("--encoding", help="Of a CSV; told by its bytes by default."),
        _declared,
    )
    gathering = division_first(command)
    for option in reversed(options):
        gathering = option(gathering)
    return gathering


def _gathered(options: dict[str, Any]) -> dict[str, Any]:
    """What belongs to the gathering, as the job takes it."""
    from gridgis.layers import parse_crs, parse_map

    names = ("division", "store", "network", "at", "gazetteer", "keep_piles", "case_crs", "timezone", "encoding")
    return {
        **{name: options.pop(name) for name in names},
        "rename": parse_map(options.pop("columns")),
        "crs_of": parse_crs(options.pop("crs_of")),
        "crs_of_source": _pairs(options.pop("source_crs")),
    }


@main.command()
@_gathering
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
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--title", default="", help="Of the picture.")
@click.option("--attribution", default="", help="Where the data come from.")
@click.option("--seed", default=0, show_default=True, help="Of the permutations.")
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

    gathering = _gathered(options)
    with bar() as progress:
        report = jobs.heat_file(cases, outputs, progress=progress, **gathering, **options)
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
        digits = 1 if abs(pile.y) > 180 else 6
        where = "" if pile.x != pile.x else f" at {pile.x:.{digits}f}, {pile.y:.{digits}f}"
        click.echo(f"set aside   {pile.cases}{where}: {pile.reason}")
    verdicts = report.grids["verdict"].value_counts()
    for verdict in ("hot", "cold", "not significant", "not enough data"):
        click.echo(f"{verdict:<16}{int(verdicts.get(verdict, 0)):>6} grids")
    hottest = report.grids[report.grids["verdict"] == "hot"].sort_values(["z", "grid_code"], ascending=[False, True])
    for grid in hottest.head(SHOWN).itertuples():
        click.echo(
            f"{grid.grid_code}  {grid.cases:>6} cases  {grid.rate:>8.1f}  z {grid.z:5.1f}  {grid.pattern}  {grid.name}"
        )


@main.command()
@_gathering
@click.option("--batch", required=True, metavar="NAME", help="What these cases are called; each name counts once.")
@click.option("--bandwidth", default=300.0, show_default=True, help="Of most maps, in metres; for a new pyramid.")
@click.option("-o", "--output", required=True, metavar="CITY.heat", help="The pyramid, made where there is none.")
def count(cases: str, output: str, batch: str, bandwidth: float, **options: Any) -> None:
    """Count cases into the pyramid that heat maps of a server are drawn from."""
    from gridgis import jobs

    with bar() as progress:
        gathered = jobs.gather(cases, progress=progress, **_gathered(options))
        number = jobs.count(gathered, output, batch=batch, bandwidth_m=bandwidth)
    for notice in gathered.notices:
        click.echo(f"note: {notice}", err=True)
    click.echo(f"counted     {number} of {len(gathered.cases)} cases")
