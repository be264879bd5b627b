"""How commands tell who answers for a case, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from gridgis.cli.show import plain

if TYPE_CHECKING:
    from gridgis.duties import Answer
    from gridgis.duties.answer import Party

MOST = 5
"""People of one role that are listed where not all are asked for."""
ALL = click.option("--all", "everybody", is_flag=True, help=f"List all people of a role, not only {MOST}.")
NEAR_M, FAR_M = 100, 10_000
"""From these distances on parts of a metre, and of a kilometre, tell nothing."""


def tell(answer: Answer, *, warnings: Iterable[str], everybody: bool) -> None:
    """Print who answers for a case, what there is to say of it, and every rule that was looked at."""
    for line in _lines(answer, warnings, everybody=everybody):
        click.echo(plain(line))


def told_notes(warnings: Iterable[str]) -> None:
    """Print what there is to say of a case."""
    for warning in warnings:
        click.echo(plain(f"note        {warning}"))


def distance(metres: float) -> str:
    """A distance as people read it."""
    if metres >= FAR_M:
        return f"{metres / 1000:,.0f} km"
    return f"{metres:.0f} m" if metres >= NEAR_M else f"{metres:g} m"


def _lines(answer: Answer, warnings: Iterable[str], *, everybody: bool) -> Iterator[str]:
    yield f"lead        {answer.lead or '-'}"
    yield f"co          {answer.co.replace(';', ', ') or '-'}"
    yield f"rule        {answer.rule or '-'}  [{answer.clause or '-'}]"
    if answer.limit is not None:
        yield f"limit       {answer.limit.value:g} {answer.limit.unit} {answer.limit.clock}".rstrip()
    for role, parties in answer.parties.items():
        shown = parties if everybody else parties[:MOST]
        yield from (_party(role, one) for one in shown)
        if len(shown) < len(parties):
            yield f"{role:<22} and {len(parties) - len(shown)} more: see --all"
    yield from (f"note        {warning}" for warning in warnings)
    for looked in answer.trace:
        how = "matched" if not looked.failed else f"no: {looked.failed}"
        yield f"trace       {looked.rule_id:<12} {how:<20} [{looked.clause or '-'}]"


def _party(role: str, one: Party) -> str:
    told = (one.name, one.public_phone, one.public_hours, one.organisation, one.department)
    return f"{role:<22} {one.post_code:<20} {'  '.join(text for text in told if text)}".rstrip()
