"""Commands on people: import, list, check; end a post; read and erase what is private."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from gridgis.cli.group import main
from gridgis.cli.registry import on_store
from gridgis.cli.show import found, leave, plain

ADMINISTRATOR = "The administrator who does it."


def by(command: Callable[..., None]) -> Callable[..., None]:
    """The option that says which administrator acts."""
    return click.option("--by", required=True, metavar="NAME", help=ADMINISTRATOR)(command)


def with_key(*, required: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option that names the key of what is private."""
    text = "File of the key of private fields, apart from the store; or set GRIDGIS_PEOPLE_KEY."
    return click.option("--key", required=required, envvar="GRIDGIS_PEOPLE_KEY", type=click.Path(), help=text)


def at_time(text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option that names a time."""
    return click.option("--at", metavar="TIME", help=f"{text}, such as 2026-12-01T00:00+08:00; now by default.")


def in_timezone(command: Callable[..., None]) -> Callable[..., None]:
    """The option that says in which time zone a table means its dates."""
    text = "Of dates, and of times without an offset."
    return click.option("--timezone", default="Asia/Shanghai", show_default=True, help=text)(command)


def told_changes(changed: dict[str, list[str]]) -> None:
    """Print how many rows of each table changed."""
    told = ", ".join(f"{len(names)} {name}" for name, names in sorted(changed.items()) if names)
    click.echo(f"changed: {told}" if told else "nothing changed")


@main.group()
def people() -> None:
    """People and their posts."""


@people.command(name="import")
@click.argument("file", type=click.Path())
@on_store
@by
@with_key(required=False)
@click.option("--profile", default="default", show_default=True, help="Whose limits of posts hold.")
@in_timezone
def import_(file: str, store: str, **options: Any) -> None:
    """Let the people, posts and units of an .xlsx, .toml or .csv file, or a folder of CSV, stand in the store."""
    from gridgis import jobs

    told_changes(jobs.import_people(store, file, **options))


@people.command(name="list")
@on_store
@click.option("--area", default="", metavar="CODE", help="Beginning of the codes of the areas.")
@at_time("In post at a time")
def list_(store: str, **options: Any) -> None:
    """List who is in post: what is public, and nothing else."""
    from gridgis import jobs

    for row in jobs.list_people(store, **options).itertuples(index=False):
        until = f"until {row.valid_to}" if row.valid_to else None
        names = (row.name or "erased", row.public_phone, row.public_hours, row.organisation, row.department, until)
        click.echo(plain(f"{row.post_code:<20} {row.role:<22} {'  '.join(name for name in names if name)}"))


@people.command()
@click.argument("person")
@on_store
@click.option("--private", is_flag=True, required=True, help="To say that it is meant; it is kept who read what.")
@by
@with_key(required=True)
def show(person: str, store: str, private: bool, **options: Any) -> None:
    """Show what is private of a person; that it was read is an event."""
    from gridgis import jobs

    if not private:
        raise click.UsageError("Say with --private that it is meant.")
    for name, text in sorted(jobs.show_person(store, person, **options).items()):
        click.echo(plain(f"{name:<16} {text}"))


@people.command()
@on_store
@at_time("As it is at a time")
@click.option("--profile", default="default", show_default=True, help="Whose rules by kind of zone hold.")
@click.option("--strict", is_flag=True, help="Count findings too.")
def check(store: str, strict: bool, **options: Any) -> None:
    """Tell posts on grids that are not in force, people over a limit, and grids without who they must have."""
    from gridgis import jobs

    leave(found(jobs.check_people(store, **options), strict=strict))


@people.command()
@click.argument("post")
@on_store
@by
@click.option("--from", "ends", metavar="TIME", help="Since when nobody holds it; now by default.")
def end(post: str, store: str, **options: Any) -> None:
    """Let a post end."""
    from gridgis import jobs

    jobs.end_post(store, post, **options)


@people.command()
@click.argument("person")
@on_store
@by
def erase(person: str, store: str, **options: Any) -> None:
    """Erase by law all that was ever kept of a person but the number and the posts."""
    from gridgis import jobs

    jobs.erase_person(store, person, **options)


@people.command()
@click.argument("path", type=click.Path(dir_okay=False))
def key(path: str) -> None:
    """Make the key by which private fields are encrypted; keep it apart from the store and its copies."""
    from gridgis import jobs

    jobs.make_people_key(path)
