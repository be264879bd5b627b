"""Commands about cases: resolve, locate, duplicates, affected."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gridgis.cli.answer import ALL, distance, tell, told_notes
from gridgis.cli.division import _declared
from gridgis.cli.group import main
from gridgis.cli.show import FUNCTION_HELP, FUNCTIONS, bar, plain

if TYPE_CHECKING:
    from gridgis.resolve import Resolution


def division_first(command: Callable[..., None]) -> Callable[..., None]:
    """A command in which a division that is named goes before the store of the environment."""

    @functools.wraps(command)
    def chosen(**given: Any) -> None:
        told = click.get_current_context().get_parameter_source("store")
        if given["division"] is not None and told is ParameterSource.ENVIRONMENT:
            given["store"] = None
        command(**given)

    return chosen


def _answering(command: Callable[..., None]) -> Callable[..., None]:
    """The options that name what answers."""
    options = (
        click.option("--division", metavar="OUT.gpkg", help="The division that answers."),
        click.option(
            "--store",
            envvar="GRIDGIS_STORE",
            metavar="STORE",
            help="What is in force at the time of a case answers it; or set GRIDGIS_STORE.",
        ),
        click.option("--network", default="general", show_default=True, help="Of the versions in the store."),
        click.option("--parties", metavar="FILE", help="People, posts, items, duty rules: XLSX, TOML or CSV folder."),
        click.option("--timezone", default="Asia/Shanghai", show_default=True, help="Of times without an offset."),
    )
    answering = division_first(command)
    for option in reversed(options):
        answering = option(answering)
    return answering


def _city(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what a city has beside."""
    options = (
        click.option("--gazetteer", metavar="NAMES.db", help="For cases with an address: see gridgis gazetteer."),
        click.option("--streets", metavar="FILE[:LAYER]", help="For duties by street, and to see shifted points."),
        click.option("--components", metavar="FILE[:LAYER]", help="Assets with their owners."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _sources(options: dict[str, Any], columns: tuple[str, ...], crs_of: tuple[str, ...]) -> Any:
    """Take what belongs to the sources out of the options."""
    from gridgis import jobs
    from gridgis.layers import parse_crs, parse_map

    files = {name: options.pop(name) for name in ("parties", "gazetteer", "streets", "components")}
    return jobs.Sources(**files, rename=parse_map(columns), crs_of=parse_crs(crs_of))


@main.command()
@click.argument("cases", metavar="CASES[:LAYER]")
@_answering
@_city
@click.option(
    "--at", metavar="TIME", help="With a store: answer by what is in force then, such as 2026-12-01T00:00+08:00."
)
@click.option(
    "--rebase", is_flag=True, help="With a store: answer by the present division, and tell what changed hands."
)
@click.option("--case-crs", metavar="EPSG:n|gcj02|bd09", help="Of the coordinates; that of the file, else WGS84.")
@click.option("--source-crs", multiple=True, metavar="SOURCE=CRS", help="The same for the cases of one source.")
@click.option("--encoding", help="Of a CSV; told by its bytes by default.")
@click.option("--keep-piles", is_flag=True, help="Points at which far too many cases lie are points all the same.")
@click.option(
    "--compare/--no-compare", default=True, show_default=True, help="Look up addresses of sure points too, and tell."
)
@click.option("--dry-run", is_flag=True, help="Count, and write nothing.")
@click.option("-j", "--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes.")
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

    if (output is None) != dry_run:
        raise click.UsageError("Give -o RESULT, or --dry-run to write nothing.")
    sources = _sources(options, columns, crs_of)
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


@main.command()
@click.option("--lon", "x", type=float, help="Or easting, as --case-crs says.")
@click.option("--lat", "y", type=float)
@click.option("--address", help="In place of a point, or beside it: on a border the house number decides.")
@click.option("--item", help="Of the catalogue, by code, name or alias.")
@click.option("--severity")
@click.option("--function", type=click.Choice(FUNCTIONS), help=FUNCTION_HELP)
@click.option("--component", "component_id", help="The asset that the case is about.")
@click.option("--accuracy", "accuracy_m", type=float, help="How far off the point may be, in metres.")
@click.option("--at", metavar="TIME", help="When it was reported; now by default.")
@click.option("--case-crs", default="EPSG:4326", show_default=True, metavar="EPSG:n|gcj02|bd09")
@click.option("--json", "as_json", is_flag=True, help="Print all there is to say as JSON.")
@_answering
@_city
@_declared
@ALL
def locate(as_json: bool, everybody: bool, columns: tuple[str, ...], crs_of: tuple[str, ...], **options: Any) -> None:
    """Tell the grid of one case, those who answer for it, and why."""
    import json

    from gridgis import jobs

    sources = _sources(options, columns, crs_of)
    found = jobs.resolve(sources=sources, **options)
    if as_json:
        click.echo(json.dumps(found.as_dict(), ensure_ascii=False, indent=2))
        return
    _told(found, everybody=everybody)


def _told(found: Resolution, *, everybody: bool) -> None:
    """Print an answer."""
    click.echo(f"grid        {found.grid_code or '-'}")
    click.echo(f"micro-grid  {found.microgrid_code or '-'}")
    click.echo(f"method      {found.method}" + (f" ({distance(found.distance_m)})" if found.distance_m else ""))
    if found.confidence is not None:
        click.echo(f"confidence  {found.confidence:g}")
    if found.address:
        click.echo(f"address     {plain(found.address)}")
    for option in found.options[1:]:
        away = distance(option.distance_m)
        click.echo(f"or          {option.grid_code}: {option.share:.0%} of the circle of error, {away} away")
    if found.problem:
        click.echo(f"problem     {plain(found.problem)}")
    if found.duties is None:
        told_notes(found.warnings)
    else:
        tell(found.duties, warnings=found.warnings, everybody=everybody)


@main.command()
@click.argument("cases", metavar="CASES[:LAYER]")
@click.option("--within", "within_m", type=click.FloatRange(min=0), help="Metres; of the default profile otherwise.")
@click.option("--hours", "within_hours", type=click.FloatRange(min=0), help="Of the default profile otherwise.")
@click.option("--parties", metavar="FILE", help="Whose catalogue tells which names are one item.")
@click.option("--gazetteer", metavar="NAMES.db", help="For cases with an address alone, and the streets of addresses.")
@click.option("--streets", metavar="FILE[:LAYER]", help="For the streets of points: in one street more counts as near.")
@click.option("--case-crs", metavar="EPSG:n|gcj02|bd09", help="Of the coordinates; that of the file, else WGS84.")
@click.option("--source-crs", multiple=True, metavar="SOURCE=CRS", help="The same for the cases of one source.")
@click.option("--timezone", default="Asia/Shanghai", show_default=True, help="Of times without an offset.")
@click.option("--encoding", help="Of a CSV; told by its bytes by default.")
@_declared
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="PAIRS.csv")
def duplicates(
    cases: str,
    output: str,
    columns: tuple[str, ...],
    crs_of: tuple[str, ...],
    source_crs: tuple[str, ...],
    **options: Any,
) -> None:
    """List cases that probably repeat an earlier one, with the reason: a hint, nothing is joined."""
    from gridgis import jobs

    sources = _sources({**options, "components": None}, columns, crs_of)
    for name in ("parties", "gazetteer", "streets"):
        del options[name]
    count = jobs.find_duplicates(cases, output, sources=sources, crs_of_source=_pairs(source_crs), **options)
    click.echo(f"{count} cases probably repeat an earlier one")


@main.command()
@click.option("--area", metavar="FILE[:LAYER]", help="Polygons, taken together.")
@click.option("--lon", "x", type=float, help="In place of an area: a point, as --case-crs says.")
@click.option("--lat", "y", type=float)
@click.option("--radius", "radius_m", type=click.FloatRange(min=0, min_open=True), help="Around it, in metres.")
@click.option("--at", metavar="TIME", help="Of the posts, and with a store of what is in force; now by default.")
@click.option("--case-crs", default="EPSG:4326", show_default=True, metavar="EPSG:n|gcj02|bd09")
@_answering
@_declared
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), metavar="AREA.gpkg", help="Grids and micro-grids in it."
)
def affected(
    x: float | None, y: float | None, columns: tuple[str, ...], crs_of: tuple[str, ...], **options: Any
) -> None:
    """Tell which grids, households and people an area holds, for emergencies."""
    from gridgis import jobs
    from gridgis.layers import parse_crs, parse_map

    if (x is None) != (y is None):
        raise click.UsageError("Give --lon and --lat together.")
    point = None if x is None or y is None else (x, y)
    found = jobs.affected_area(point=point, rename=parse_map(columns), crs_of=parse_crs(crs_of), **options)
    homes, persons = ("unknown" if n is None else f"about {n}" for n in (found.households, found.persons))
    click.echo(
        f"{len(found.grids)} grids, {len(found.microgrids)} micro-grids, households: {homes}, persons: {persons}"
    )
    if found.grids.empty:
        click.echo("note: no grid of the division lies in this area", err=True)
    for row in found.grids.fillna({"households": -1}).itertuples():
        click.echo(f"{row.grid_code}  {row.share:.0%}  {row.households if row.households >= 0 else ''}".rstrip())
    for row in found.people.itertuples():
        click.echo(f"  {row.role:<22}{row.area_code:<18}{plain(row.name)}  {plain(row.public_phone)}".rstrip())
