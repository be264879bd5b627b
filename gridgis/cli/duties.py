"""Commands on duties: import items and rules, hold rules against each other, explain one answer."""

from __future__ import annotations

from typing import Any

import click

from gridgis.cli.answer import ALL, tell
from gridgis.cli.group import main
from gridgis.cli.people import at_time, by, in_timezone, told_changes
from gridgis.cli.registry import on_store
from gridgis.cli.show import FUNCTION_HELP, FUNCTIONS, found, leave, plain

STORE = click.option("--store", envvar="GRIDGIS_STORE", metavar="STORE", help="Of which the tables are; or --parties.")
PARTIES = click.option("--parties", type=click.Path(), metavar="FILE", help="People and duties in a file, not a store.")


@main.group()
def duties() -> None:
    """The item catalogue and the duty rules."""


@duties.command(name="import")
@click.argument("file", type=click.Path())
@on_store
@by
@in_timezone
def import_(file: str, store: str, **options: Any) -> None:
    """Let the items, rules and who designates of an .xlsx, .toml or .csv file, or a folder, stand in the store."""
    from gridgis import jobs

    told_changes(jobs.import_duties(store, file, **options))


@duties.command()
@click.argument("file", required=False, type=click.Path())
@click.option("--store", envvar="GRIDGIS_STORE", metavar="STORE", help="Whose rules are judged where no file is named.")
@click.option("--division", metavar="OUT.gpkg", help="Tell what is on areas that it does not have too.")
@click.option("--strict", is_flag=True, help="Count findings too.")
def check(file: str | None, store: str | None, division: str | None, strict: bool) -> None:
    """Tell rules that can never decide and rules that tie."""
    from gridgis import jobs

    source = _source(store, file)
    leave(found(jobs.check_duties(source, stored=file is None, division=division), strict=strict))


@duties.command(name="list")
@on_store
@click.option("--item", metavar="ITEM", help="Code or name; only the rules that are looked at for it.")
@at_time("In force at a time")
def list_(store: str, **options: Any) -> None:
    """List duty rules in the order in which they decide."""
    from gridgis import jobs

    for row in jobs.list_duties(store, **options).itertuples(index=False):
        names = (row.area_code, row.street, row.bridge, row.road_class, row.owner, row.severity, row.shift)
        where = ", ".join(name for name in names if name) or "everywhere"
        click.echo(plain(f"{row.rule_id:<12} {row.item:<12} {where}: {row.lead}  [{row.clause or '-'}]"))


@duties.command()
@STORE
@PARTIES
@click.option("--item", required=True, metavar="ITEM", help="Code, name or alias.")
@click.option("--grid", "grid_code", metavar="CODE", help="Of the place.")
@click.option("--microgrid", "microgrid_code", metavar="CODE", help="Of the place.")
@at_time("When it was reported")
@click.option("--street", help="Name.")
@click.option("--between", nargs=2, metavar="NAME NAME", help="Cross streets that bound the section.")
@click.option("--bridge", help="Name.")
@click.option("--road-class", help="As in OpenStreetMap.")
@click.option("--width", "width_m", type=float, metavar="METRES")
@click.option("--owner", help="Of the asset.")
@click.option("--severity")
@click.option("--function", type=click.Choice(FUNCTIONS), help=FUNCTION_HELP)
@ALL
def explain(store: str | None, parties: str | None, everybody: bool, **options: Any) -> None:
    """Tell who answers for a case, and every rule that was looked at."""
    from gridgis import jobs

    source = _source(store, parties)
    case, place = _asked(**options)
    answer = jobs.explain_duty(source, case, place, stored=parties is None)
    tell(answer, warnings=answer.warnings, everybody=everybody)


def _source(store: str | None, file: str | None) -> str:
    if file is None and store is None:
        raise click.UsageError("Name a file, or the store with --store.")
    return str(file if file is not None else store)


def _asked(*, at: str | None, between: tuple[str, str] | None, **options: Any) -> tuple[Any, Any]:
    """The case and its place, of the options."""
    import datetime

    from gridgis.duties import Case, Place
    from gridgis.jobs.registry import moment_of

    moment = None if at is None else datetime.datetime.fromisoformat(moment_of("at", at))
    case = {name: options.pop(name) for name in ("item", "owner", "severity", "function")}
    first, last = between or (None, None)
    return Case(reported_at=moment, **case), Place(street_from=first, street_to=last, **options)
