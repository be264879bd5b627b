"""Commands about those who sign in to the pages."""

from __future__ import annotations

from typing import Any

import click

from gridgis.cli.group import main
from gridgis.cli.registry import ROLES, by, on_store


@main.group()
def user() -> None:
    """Who may sign in to the pages."""


@user.command()
@click.argument("name")
@on_store
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--area", default="", metavar="CODE", help="Beginning of the codes of the places; everywhere without it.")
@click.option("--by", required=True, metavar="NAME", help="The administrator who lets them.")
def add(name: str, store: str, **options: Any) -> None:
    """Let somebody act and sign in; prints a one-time password, once."""
    from gridgis import jobs

    click.echo(jobs.add_user(store, name, **options))


@user.command()
@click.argument("name")
@on_store
@by
def reset(name: str, store: str, actor: str) -> None:
    """Give somebody a new one-time password, printed once; ends all sessions of theirs."""
    from gridgis import jobs

    click.echo(jobs.reset_password(store, name, by=actor))


@user.command()
@click.argument("name")
@click.argument("subject")
@on_store
@by
def bind(name: str, subject: str, store: str, actor: str) -> None:
    """Let somebody sign in as whom an OpenID provider knows by SUBJECT."""
    from gridgis import jobs

    jobs.bind_user(store, name, subject, by=actor)


@user.command()
@click.argument("name")
@on_store
@click.option("--label", required=True, help="What the key is for.")
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 3650), help="How long it holds.")
def key(name: str, store: str, label: str, days: int) -> None:
    """Make a key by which a program acts as somebody; printed once."""
    from gridgis import jobs

    click.echo(jobs.make_token(store, name, label=label, days=days))
