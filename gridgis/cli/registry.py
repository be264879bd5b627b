"""Commands on a store: make it, keep drafts, read what is in force, codes, audit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridgis.cli.group import main
from gridgis.cli.show import leave, plain
from gridgis.errors import UNWITNESSED

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridgis.jobs import Seams

UNWITNESSED_WORDS = "consistent; that the end was cut off or all of it rewritten takes a checkpoint to exclude"
ROLES = ("planner", "submitter", "reviewer", "filer", "dispatcher", "worker", "leader", "administrator")
LINE = "{id:>4}  {district} {network} {number:<4} {state:<10} from {begins}  by {author}  {note}"


def on_store(command: Callable[..., None]) -> Callable[..., None]:
    """The option that names the store."""
    text = "File or postgresql:// address of the store; or set GRIDGIS_STORE."
    return click.option("--store", required=True, envvar="GRIDGIS_STORE", metavar="STORE", help=text)(command)


def by(command: Callable[..., None]) -> Callable[..., None]:
    """The option that says who acts."""
    return click.option("--by", "actor", required=True, metavar="NAME", help="Who does it.")(command)


@main.command()
@click.argument("store")
@click.option("--administrator", metavar="NAME", help="Who lets others act; the name of the login by default.")
@click.option("--crs", metavar="EPSG:n", help="Of all geometry; without it that of the first division (SQLite only).")
def init(store: str, **options: Any) -> None:
    """Make a store: a file, or tables in an empty PostgreSQL database with PostGIS."""
    from gridgis import jobs

    jobs.init(store, **options)


@main.command()
@click.argument("store")
def upgrade(store: str) -> None:
    """Bring a store of an older gridgis to the tables of this one."""
    from gridgis import jobs

    before, after = jobs.upgrade(store)
    click.echo(f"{before} -> {after}")


@main.command()
@click.argument("role")
@on_store
@click.option("--read-only", is_flag=True, help="Only to read the views of what is in force, as for QGIS.")
def grant(role: str, store: str, read_only: bool) -> None:
    """Let a role of PostgreSQL work on the store; it can add events and alter none."""
    from gridgis import jobs

    jobs.grant(store, role, read_only=read_only)


@main.group()
def actor() -> None:
    """Who may act, in which role and where."""


@actor.command(name="add")
@click.argument("name")
@on_store
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--area", default="", metavar="CODE", help="Beginning of the codes of the places; everywhere without it.")
@click.option("--by", required=True, metavar="NAME", help="The administrator who lets them.")
def add(store: str, name: str, **options: Any) -> None:
    """Let somebody act."""
    from gridgis import jobs

    jobs.add_actor(store, name, **options)


@actor.command(name="list")
@on_store
def list_(store: str) -> None:
    """List who may act, in which role and where, and who no longer may."""
    from gridgis import jobs

    for one in jobs.actors(store):
        until = f" until {one.ended_at}" if one.ended_at else ""
        click.echo(f"{plain(one.name):<24}{one.role:<14}{one.area or 'everywhere':<12} since {one.created_at}{until}")


@actor.command()
@click.argument("name")
@on_store
@click.option("--by", required=True, metavar="NAME", help="The administrator who ends it.")
def end(name: str, store: str, by: str) -> None:
    """Let somebody act no more; what they did stays."""
    from gridgis import jobs

    jobs.end_actor(store, name, by=by)


def of_zones(help_text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option that names zones by the beginnings of their codes."""
    return click.option("--zones", multiple=True, metavar="CODE", help=help_text)


@main.command()
@click.argument("division", type=click.Path())
@on_store
@click.option("--by", "author", required=True, metavar="NAME", help="Whose draft it is.")
@click.option("--network", default="general", show_default=True)
@click.option("--note", default="")
@of_zones("What the division is of: beginnings of codes; other zones go along as they stand. The district without it.")
def draft(division: str, store: str, **options: Any) -> None:
    """Keep a division as a draft of its district, with codes that go on from the last version approved."""
    from gridgis import jobs

    told([jobs.draft_file(store, division, **options)])


@main.command()
@on_store
@click.option("--district", metavar="CODE", help="Six digits.")
@click.option("--network")
def versions(store: str, **options: Any) -> None:
    """List versions, the oldest first."""
    from gridgis import jobs

    told(jobs.versions(store, **options))


@main.command()
@click.argument("old", type=int)
@click.argument("new", type=int)
@on_store
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), metavar="OUT.gpkg", help="The changes with their land."
)
def difference(old: int, new: int, store: str, output: str | None) -> None:
    """Tell what became of each grid between two versions, and of the micro-grids of those that stay."""
    from gridgis import jobs
    from gridgis.difference import moved_households
    from gridgis.layers import refuse_target

    if output is not None:
        refuse_target(output, inputs=[store])
    told = jobs.differences(store, old, new)
    found = told.grids
    for row in found[found["change"] != "unchanged"].itertuples():
        click.echo(f"{row.change:<13}{row.old_code or '-':<16}{row.new_code or '-':<16}{row.area_m2:>10.0f} m2")
    counts = ", ".join(f"{number} {name}" for name, number in found["change"].value_counts().items())
    click.echo(f"{counts}; {moved_households(found)} households, as version {old} counts them, have another grid")
    _tell_micros(told.microgrids)
    if output is not None:
        from gridgis.publish.whole import written_whole

        with written_whole(output) as path:
            found.to_file(path, layer="difference", driver="GPKG")


def _tell_micros(found: pd.DataFrame) -> None:
    """A line for each micro-grid of an unchanged grid that is another one, and how many there are of each kind."""
    for row in found.itertuples():
        click.echo(f"{row.change:<13}{row.microgrid_code}  of {row.grid_code}, unchanged")
    counts = ", ".join(f"{number} {name}" for name, number in found["change"].value_counts(sort=False).items())
    click.echo(f"micro-grids of unchanged grids: {counts or 'none changed'}")


@main.command()
@click.argument("event", type=int)
@on_store
@click.option("--field", required=True, type=click.Choice(["note", "reason", "text"]), help="Which of its texts.")
@click.option("--by", required=True, metavar="NAME", help="The administrator who does it.")
def erase(event: int, store: str, **options: Any) -> None:
    """Erase what somebody wrote in an event, by law; the chain of events holds."""
    from gridgis import jobs

    jobs.erase(store, event, **options)


@main.command()
@click.argument("version", type=int)
@on_store
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), metavar="OUT.gpkg|.geojson", help="The faults with their place."
)
def seams(version: int, store: str, output: str | None) -> None:
    """Tell where a version and its neighbours, in force and submitted, do not meet; that blocks nothing."""
    from gridgis import jobs
    from gridgis.layers import refuse_target

    if output is not None:
        if Path(output).suffix.lower() not in SEAM_FILES:
            raise click.UsageError(f"Name the file {' or '.join(SEAM_FILES)}.")
        refuse_target(output, inputs=[store])
    found = jobs.seams(store, version)
    _tell_seams(found)
    if output is not None:
        _write_seams(found.faults, output)


SEAM_FILES = (".gpkg", ".geojson")


def _tell_seams(found: Seams) -> None:
    """A line for each fault, then one for each version that was compared."""
    for row in found.faults.itertuples():
        codes = f"{_shortened(row.own_code):<20}{_shortened(row.other_code):<20}"
        click.echo(f"{row.kind:<12}{codes}{row.area_m2:>10.2f} m2{row.length_m:>10.2f} m  {row.other}, {row.state}")
    for one in found.compared:
        mine = found.faults["kind"][found.faults["other"] == one.name].value_counts(sort=False)
        counts = ", ".join(f"{count} {kind}" for kind, count in mine.items())
        click.echo(f"{one.name}, {one.state}: {counts or 'no fault'}")
    if not found.compared:
        click.echo("no neighbour is in force or submitted")


def _write_seams(faults: gpd.GeoDataFrame, output: str) -> None:
    """A GeoPackage in the CRS of the store, or GeoJSON, which is in WGS 84."""
    from gridgis.publish.whole import written_whole

    with written_whole(output) as path:
        if path.suffix.lower() == ".gpkg":
            faults.to_file(path, layer="seams", driver="GPKG", geometry_type="Unknown")
        else:
            path.write_text(faults.to_json(na="null", to_wgs84=True, drop_id=True), encoding="utf-8")


def _shortened(codes: str) -> str:
    """The first of several codes, and how many more there are."""
    first, *more = codes.split(",")
    return f"{first} +{len(more)}" if more else first


@main.command()
@on_store
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="COPY.db")
def backup(store: str, output: str) -> None:
    """Copy the store while it is at work, and read the copy back.

    Keys are in no copy: back up with it the key of the people, and accounts.key in the folder of the server. Without
    them what is sealed in the store can never be read again.
    """
    from gridgis import jobs

    needed = jobs.backup(store, output)
    click.echo(f"{output}: copied and read back")
    for name in needed:
        click.echo(f"back up as well, it is in no copy: {KEYS[name]}")


KEYS = {
    "people": "the key of the people (people_key of the server, --key of the commands)",
    "accounts": "accounts.key in the folder of the server (state; STORE.state where none is named)",
}
"""Keys by what is sealed with them."""


@main.command()
@click.argument("copy", type=click.Path(exists=True, dir_okay=False))
@click.argument("store")
def restore(copy: str, store: str) -> None:
    """Make a store of a copy, where there is none yet."""
    from gridgis import jobs

    jobs.restore(copy, store)


@main.command()
@on_store
def doctor(store: str) -> None:
    """Look at versions, integrity, space and events of the store."""
    from gridgis import jobs

    found = jobs.doctor(store)
    for one in found:
        sign = {True: "good", False: "BAD", None: ""}[one.good]
        click.echo(f"{sign:<5}{one.what:<12}{one.told}")
    leave(any(one.good is False for one in found))


@main.group()
def codes() -> None:
    """Codes for life."""


@codes.command()
@click.argument("code")
@on_store
@click.option("--network", default="general", show_default=True)
def explain(code: str, store: str, network: str) -> None:
    """Tell the whole life of a code."""
    from gridgis import jobs

    life = jobs.explain_code(store, code, network=network)
    begins = f"in force from {life.begins}" if life.begins else "never in force, its version was revoked"
    click.echo(f"{life.code}: {begins}" + (f" until {life.ends}, retired" if life.ends else ""))
    for words, passages in (("from", life.came_from), ("to", life.went_to)):
        for one in passages:
            people = "" if one.households is None else f"{one.households} households, "
            click.echo(f"  {one.at}: {words} {one.code or 'no grid'}, {people}{one.area_m2:.0f} m2")


@main.group()
def audit() -> None:
    """The chain of events."""


@audit.command()
@on_store
@click.option("--version", type=int, help="Of one version alone.")
def events(store: str, version: int | None) -> None:
    """List what was done, by whom and when, with the number of each event."""
    from gridgis import jobs

    for one in jobs.events(store, version=version):
        click.echo(f"{one.seq:>5}  {one.at}  {plain(one.actor)}  {one.kind}  {plain(one.subject)}")


@audit.command()
@click.argument("path", type=click.Path(dir_okay=False))
def key(path: str) -> None:
    """Make a key that signs checkpoints, and beside it the public one that verifies them."""
    from gridgis import jobs

    click.echo(f"{path} signs, {jobs.make_key(path)} verifies")


@audit.command()
@on_store
@click.option("--key", required=True, type=click.Path(dir_okay=False), help="That signs; not to be read by others.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="CHECKPOINT.json")
def checkpoint(store: str, key: str, output: str) -> None:
    """Sign how the events end now; keep the file where the store's administrator cannot write."""
    from gridgis import jobs

    made = jobs.write_checkpoint(store, output, key=key)
    click.echo(f"{made.size} events, the last {made.head[:16]}")


@audit.command()
@on_store
@click.option("--checkpoint", type=click.Path(), help="A checkpoint that was kept elsewhere.")
@click.option("--public-key", type=click.Path(), help="The .pub of the key that signed it.")
def verify(store: str, checkpoint: str | None, public_key: str | None) -> None:
    """See whether anything was altered; exit code 3 where all holds and no checkpoint was given."""
    from gridgis import jobs

    if (checkpoint is None) != (public_key is None):
        raise click.UsageError("--checkpoint and --public-key go together.")
    found = jobs.verify(store, checkpoint=checkpoint, public_key=public_key)
    for fault in found.faults:
        click.echo(fault)
    held = "nothing was altered" if found.witnessed else UNWITNESSED_WORDS
    click.echo(f"{found.events} events: {f'{len(found.faults)} faults' if found.faults else held}")
    leave(bool(found.faults))
    if not found.witnessed:
        sys.exit(UNWITNESSED)


def told(found: list[Any]) -> None:
    """Print a line for each version."""
    for one in found:
        click.echo(plain(LINE.format(**vars(one), begins=one.effective_from or "-")))
