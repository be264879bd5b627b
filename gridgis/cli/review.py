"""Commands of a review: hand in, take on file, return, approve, withdraw; comments and sealed files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from gridgis.cli.group import main
from gridgis.cli.registry import by, of_zones, on_store, told
from gridgis.cli.show import plain


def sealed(command: Callable[..., None]) -> Callable[..., None]:
    """The option that names a file to be kept with a decision."""
    text = "A sealed file, kept with the decision."
    return click.option("--file", "attachment", type=click.Path(dir_okay=False), help=text)(command)


def in_force_from(command: Callable[..., None]) -> Callable[..., None]:
    """The option that says from when a version is in force."""
    text = "At the last step: in force from then, such as 2026-12-01T00:00+08:00."
    return click.option("--from", "effective_from", metavar="TIME", help=text)(command)


@main.command()
@click.argument("version", type=int)
@on_store
@by
@of_zones("Hand in only these, as a version of its own: beginnings of codes. All that was changed without it.")
@click.option("--reason", "reasons", multiple=True, metavar="[RULE=]TEXT", help="Why findings are to stand.")
def submit(version: int, store: str, reasons: tuple[str, ...], **options: Any) -> None:
    """Hand a draft, or some zones of it, to review."""
    from gridgis import jobs

    told([jobs.submit(store, version, reasons=dict(map(_reason, reasons)), **options)])


def _reason(text: str) -> tuple[str, str]:
    """The rule that a reason is for, empty for any, and the reason."""
    rule, sign, why = text.partition("=")
    return (rule, why) if sign and rule.isidentifier() else ("", text)


@main.command()
@click.argument("version", type=int)
@on_store
@by
@in_force_from
@click.option("--document", default="", metavar="NUMBER", help="Of the decision.")
@sealed
def approve(version: int, store: str, **options: Any) -> None:
    """Approve a submitted version at the next review; at the last step it is in force from a time."""
    from gridgis import jobs

    told([jobs.approve(store, version, **options)])


@main.command()
@click.argument("version", type=int)
@on_store
@by
@click.option("--receipt", required=True, metavar="NUMBER")
@in_force_from
@sealed
def take_on_file(version: int, store: str, **options: Any) -> None:
    """Take note of a submitted version; a filing holds nothing up."""
    from gridgis import jobs

    told([jobs.take_on_file(store, version, **options)])


@main.command(name="return")
@click.argument("version", type=int)
@on_store
@by
@click.option("--reason", required=True)
@click.option("--document", default="", metavar="NUMBER", help="Of the decision.")
@sealed
def return_(version: int, store: str, **options: Any) -> None:
    """Return a submitted version, with the reason."""
    from gridgis import jobs

    told([jobs.give_back(store, version, **options)])


@main.command()
@click.argument("version", type=int)
@on_store
@by
def withdraw(version: int, store: str, actor: str) -> None:
    """Take back a version that is not approved: one's own, or any of a district that one may act in."""
    from gridgis import jobs

    told([jobs.withdraw(store, version, actor=actor)])


@main.command()
@click.argument("version", type=int)
@on_store
@by
@click.option("--reason", required=True)
def revoke(version: int, store: str, **options: Any) -> None:
    """Take back the approval of a version that is not yet in force; its codes stay spent."""
    from gridgis import jobs

    told([jobs.revoke(store, version, **options)])


@main.command()
@click.argument("version", type=int)
@on_store
def steps(version: int, store: str) -> None:
    """List the steps of the review of a version, the findings it was handed in with, and its comments."""
    from gridgis import jobs

    for one in jobs.steps(store, version):
        done = f"  {one.at}  by {one.actor}  {one.document}" if one.at else ""
        file = f"  file {one.attachment.hex()}" if one.attachment else ""
        click.echo(f"{one.number}  {one.name:<24}{one.kind:<8}{one.state:<9}{done}{file}")
    for row in jobs.findings(store, version):
        click.echo(plain(f"{row['rule']}  {row['code']}  {row['detail']}: {row['reason']}"))
    _tell_comments(store, version)


@main.command()
@click.argument("version", type=int)
@click.argument("text")
@on_store
@by
@click.option("--on", "code", required=True, metavar="CODE", help="Of the grid, micro-grid or zone.")
@click.option("--and", "other_code", metavar="CODE", help="The border with this grid.")
def comment(version: int, text: str, store: str, **options: Any) -> None:
    """Pin a comment to a place of a version; approval asks that it is answered."""
    from gridgis import jobs

    click.echo(f"comment {jobs.comment(store, version, text, **options).id}")


@main.command()
@click.argument("version", type=int)
@click.argument("comment", type=int)
@click.argument("text")
@on_store
@by
def answer(version: int, comment: int, text: str, store: str, actor: str) -> None:
    """Answer a comment."""
    from gridgis import jobs

    jobs.answer(store, version, comment, text, actor=actor)


@main.command()
@click.argument("version", type=int)
@on_store
def comments(version: int, store: str) -> None:
    """List the comments on a version with their answers."""
    _tell_comments(store, version)


@main.command()
@click.argument("digest")
@on_store
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="FILE")
def attachment(digest: str, store: str, output: str) -> None:
    """Write a sealed file, as it was attached."""
    from gridgis import jobs

    click.echo(jobs.attachment(store, digest, output))


def _tell_comments(store: str, version: int) -> None:
    from gridgis import jobs

    for one in jobs.comments(store, version):
        reply = f"{one.answered_by}: {one.answer or 'erased'}" if one.answered_by else "not answered"
        click.echo(plain(f"comment {one.id} on {one.place} by {one.actor}: {one.text or 'erased'} - {reply}"))
