"""Commands about addresses: gazetteer, find."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from gridgis.cli.division import _declared
from gridgis.cli.group import main
from gridgis.cli.show import bar, plain, show

SOURCE_OPTIONS = {
    "zones": "Communities and villages, by name.",
    "streets": "Street lines with name, and house numbers l_from, l_to, r_from, r_to where there are.",
    "buildings": "Buildings with address.",
    "compounds": "Residential compounds and villager groups.",
    "households": "Address points.",
    "parcels": "Any areas or points with address.",
    "places": "Points of interest: name, kind.",
    "addresses": "Address table (CSV, XLSX or a layer): address, name, lon, lat (or x, y), aliases.",
}


def _sources(command: Callable[..., None]) -> Callable[..., None]:
    for name, text in reversed(SOURCE_OPTIONS.items()):
        command = click.option(f"--{name}", metavar="FILE[:LAYER]", help=text)(command)
    return command


@main.command()
@_sources
@click.option("--division", metavar="OUT.gpkg", help="Its zones count where none are given; its CRS is the answers'.")
@_declared
@click.option("--crs", metavar="EPSG:n", help="CRS of the answers.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="NAMES.db")
def gazetteer(
    division: str | None,
    columns: tuple[str, ...],
    crs_of: tuple[str, ...],
    crs: str | None,
    output: str,
    **sources: Any,
) -> None:
    """Build the file that addresses are searched in; it can be built again at any time."""
    from gridgis import jobs
    from gridgis.layers import parse_crs, parse_map

    rename, declared = parse_map(columns), parse_crs(crs_of)
    with bar() as progress:
        counts = jobs.build_gazetteer(
            sources, output, division=division, rename=rename, crs_of=declared, crs=crs, progress=progress
        )
    for notice in counts.notices:
        click.echo(f"note: {notice}", err=True)
    show(dict(counts.as_dict()))


@main.command()
@click.argument("address")
@click.option("--gazetteer", required=True, type=click.Path(), metavar="NAMES.db", help="Made by `gridgis gazetteer`.")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 100), help="Candidates.")
@click.option("--suggest", is_flag=True, help="Take ADDRESS as the beginning of one.")
@click.option(
    "--store", envvar="GRIDGIS_STORE", metavar="STORE", help="Whose corrections go before all; or set GRIDGIS_STORE."
)
@click.option("--choose", type=click.IntRange(1), metavar="NUMBER", help="Remember in the store that it is this one.")
@click.option("--forget", is_flag=True, help="Erase by law all that the store remembers of ADDRESS.")
@click.option("--by", metavar="NAME", help="Who chooses, or the administrator who erases.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def find(
    address: str,
    gazetteer: str,
    limit: int,
    suggest: bool,
    store: str | None,
    choose: int | None,
    forget: bool,
    by: str | None,
    as_json: bool,
) -> None:
    """Find an address, or the address in a sentence; choose the right one, and it is found from then on."""
    from gridgis import jobs

    if forget:
        if store is None or by is None or choose is not None:
            raise click.UsageError("--forget needs --store, or GRIDGIS_STORE, and --by, and no --choose.")
        count = jobs.forget_address(address, store=store, by=by)
        click.echo(f"erased: {count} corrections of this text")
        return
    if choose is not None:
        if store is None or by is None:
            raise click.UsageError("--choose needs --store, or GRIDGIS_STORE, and --by.")
        chosen = jobs.choose_address(gazetteer, address, choose, store=store, by=by, limit=max(limit, choose))
        click.echo(f"remembered: {plain(address)} is {plain(chosen.text)}")
        return
    if suggest:
        found = jobs.suggest_addresses(gazetteer, address, limit=limit)
        texts = [{"text": one.text, "kind": one.kind} for one in found]
        click.echo(json.dumps(texts, ensure_ascii=False) if as_json else "\n".join(plain(one["text"]) for one in texts))
        return
    answer = jobs.find_address(gazetteer, address, limit=limit, store=store)
    if as_json:
        click.echo(json.dumps(answer.as_dict(), ensure_ascii=False))
        return
    for one in answer.candidates:
        place = f"{one.x:.6f} {one.y:.6f}" if abs(one.x) <= 360 else f"{one.x:.1f} {one.y:.1f}"
        click.echo(f"{one.score:.2f}  {plain(one.text)}  {one.kind}  {place}  within {one.accuracy_m:.0f} m")
    if answer.reason:
        click.echo(f"note: {plain(answer.reason)}", err=True)
