"""What commands show: a progress bar, numbers, offenders; and how they leave."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from gridgis.errors import OFFENDERS

FUNCTIONS = ("maintenance", "enforcement", "permission")
FUNCTION_HELP = "Of the duty that is asked for: maintenance or enforcement by default, never permission."


class bar:  # noqa: N801
    """A progress bar on standard error with the remaining time, silent where that is no terminal."""

    def __enter__(self) -> Callable[[str, float], None]:
        from tqdm import tqdm

        shape = "{desc:<12} {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left"
        self.bar = tqdm(total=100, bar_format=shape, file=sys.stderr, disable=not sys.stderr.isatty(), leave=True)
        return self.move

    def move(self, stage: str, done: float) -> None:
        """Tell the stage, and how much of the whole is done."""
        self.bar.set_description_str(stage, refresh=False)
        self.bar.update(100 * done - self.bar.n)

    def __exit__(self, *_: object) -> None:
        self.bar.close()


def show(numbers: dict[str, float]) -> None:
    """Print numbers with their names."""
    width = max(map(len, numbers))
    for name, value in numbers.items():
        click.echo(f"{name:<{width}}  {value:g}" if isinstance(value, float) else f"{name:<{width}}  {value}")


def listed(offenders: Any, judged: tuple[str, ...]) -> None:
    """Print offenders, a line each, and how many there are."""
    for row in offenders.itertuples():
        click.echo(f"{row.severity:<8}{row.rule:<24}{row.code}  {row.detail}  [{row.clause}]")
    hard = int((offenders["severity"] == "hard").sum())
    click.echo(f"{len(judged)} rules judged: {hard} hard offenders, {len(offenders) - hard} findings")


def found(offenders: Any, *, strict: bool) -> bool:
    """Print offenders, a line each, and how many there are; give whether they count."""
    for row in offenders.itertuples():
        click.echo(plain(f"{row.severity:<8}{row.rule:<20}{row.code}  {row.detail}  [{row.clause or '-'}]"))
    hard = int((offenders["severity"] == "hard").sum())
    click.echo(f"{hard} hard offenders, {len(offenders) - hard} findings")
    return bool(hard) or (strict and len(offenders) > 0)


def leave(offended: bool) -> None:
    """End with the exit code for offenders where there are any."""
    if offended:
        sys.exit(OFFENDERS)


def plain(text: str) -> str:
    """What people wrote, in one line and without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
