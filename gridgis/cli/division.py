"""Commands about one division in a file: divide, check, import-osm, map, plot, serve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from gridgis.cli.group import main
from gridgis.cli.show import bar, leave, listed, plain, show

COUNTED_NOW = "note: households_moved counts those of now; gridgis difference those of the version before"

LAYER_OPTIONS = {
    "zones": "Communities, villages, dedicated zones and street corridors.",
    "corridors": "Street corridors as centre-line sections with width_m, in place of polygons among the zones.",
    "streets": "Street lines.",
    "buildings": "Buildings; none is cut.",
    "barriers": "Rivers, rails and walls.",
    "compounds": "Residential compounds and villager groups.",
    "households": "Address points with households.",
    "household-table": "XLSX or CSV of households by building, compound or address.",
}


def _layers(command: Callable[..., None]) -> Callable[..., None]:
    """The options of the input layers, in the order of the contract."""
    for name, text in reversed(LAYER_OPTIONS.items()):
        command = click.option(f"--{name}", metavar="FILE[:LAYER]", help=text, required=name == "zones")(command)
    return command


def _declared(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what the files of layers do not."""
    crs = click.option("--crs-of", multiple=True, metavar="LAYER=EPSG:n", help="Declare a CRS that a layer lacks.")
    name = click.option("--map", "columns", multiple=True, metavar="LAYER.COLUMN=NAME", help="Rename a column.")
    return name(crs(command))


@main.command()
@_layers
@_declared
@click.option("--profile", default="default", show_default=True, metavar="NAME|FILE.toml", help="Numbers of policy.")
@click.option("--align", type=click.Choice(["township", "none"]), default="township", show_default=True)
@click.option("--crs", metavar="EPSG:n", help="CRS of the result; that of the zones by default.")
@click.option("-j", "--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the search.")
@click.option("--earlier", metavar="VERSION|FILE.gpkg", help="The division in force: few households move, codes go on.")
@click.option("--store", envvar="GRIDGIS_STORE", metavar="STORE", help="Of that version; or set GRIDGIS_STORE.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="OUT.gpkg")
def divide(columns: tuple[str, ...], crs_of: tuple[str, ...], output: str, earlier: str | None, **options: Any) -> None:
    """Divide zones into coded grids and micro-grids."""
    from gridgis import jobs
    from gridgis.layers import parse_crs, parse_map

    names = [name.replace("-", "_") for name in LAYER_OPTIONS]
    sources = {name: options.pop(name) for name in names}
    options["earlier"] = int(earlier) if earlier is not None and earlier.isdecimal() else earlier
    with bar() as progress:
        division = jobs.divide_files(
            sources, output, rename=parse_map(columns), crs_of=parse_crs(crs_of), progress=progress, **options
        )
    for notice in jobs.notices(division):
        click.echo(f"note: {notice}", err=True)
    show(jobs.summary(division))
    if earlier is not None:
        click.echo(COUNTED_NOW, err=True)
    for line in jobs.moves_told(division):
        click.echo(plain(line))
    leave(jobs.summary(division)["hard_offenders"] > 0)


@main.command()
@click.argument("division", type=click.Path())
@click.option("--zones", metavar="FILE[:LAYER]", help="The zones as they were given.")
@click.option("--corridors", metavar="FILE[:LAYER]", help="The corridors, where they were given as sections.")
@click.option("--buildings", metavar="FILE[:LAYER]", help="Buildings, none of which may be cut.")
@_declared
@click.option("--profile", metavar="NAME|FILE.toml", help="Numbers of policy; those stored with the division.")
@click.option("--json", "as_json", is_flag=True, help="Print the offenders as GeoJSON.")
@click.option("--strict", is_flag=True, help="Findings count as well.")
def check(
    division: str, as_json: bool, strict: bool, columns: tuple[str, ...], crs_of: tuple[str, ...], **options: Any
) -> None:
    """Judge a division, also one drawn elsewhere."""
    from gridgis import jobs
    from gridgis.layers import parse_crs, parse_map

    found = jobs.check_file(division, rename=parse_map(columns), crs_of=parse_crs(crs_of), **options)
    if as_json:
        click.echo(found.offenders.to_json(na="null", to_wgs84=True))
    else:
        listed(found.offenders, found.judged)
    hard = found.offenders["severity"] == "hard"
    leave(bool(hard.any() or (strict and len(found.offenders))))


@main.command(name="import-osm")
@click.argument("extract", type=click.Path())
@click.option("--within", metavar="FILE[:LAYER]", help="Zones: only what lies on or beside them.")
@_declared
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="LAYERS.gpkg")
def import_osm(
    extract: str, within: str | None, columns: tuple[str, ...], crs_of: tuple[str, ...], output: str
) -> None:
    """Make streets, buildings, barriers and compounds from an OpenStreetMap extract."""
    from gridgis import jobs
    from gridgis.layers import parse_crs, parse_map

    layers = jobs.import_osm(
        extract,
        output,
        within=within,
        rename=parse_map(columns),
        crs_of=parse_crs(crs_of),
        progress=lambda step: click.echo(step, err=True),
    )
    for name, frame in layers.items():
        click.echo(f"{name}: {len(frame)}")


@main.command(name="map")
@click.argument("division", type=click.Path())
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--attribution", default="", help="Where the data come from, shown on the map.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="MAP.html")
def map_(division: str, output: str, **options: Any) -> None:
    """Draw a division as one HTML file that asks no address outside itself."""
    from gridgis import jobs

    jobs.draw_map(division, output, **options)


@main.command()
@click.argument("division", type=click.Path())
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--title", default="", help="Shown above the picture.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="PICTURE.png")
def plot(division: str, output: str, **options: Any) -> None:
    """Draw a division as a picture."""
    from gridgis import jobs

    jobs.plot(division, output, **options)
