"""Commands that edit a draft: `gridgis adjust …`. What an edit does is shown; `--dry-run` shows it alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from gridgis.cli.group import main
from gridgis.cli.registry import by as by_actor
from gridgis.cli.registry import on_store
from gridgis.cli.show import bar, plain

if TYPE_CHECKING:
    from gridgis.adjust.shown import Shown
    from gridgis.jobs.adjust import Applied
    from gridgis.registry.edit_log import Entry

SHOWN = 20
"""New atoms that are listed."""

RANGE_WORDS = {True: "in range", False: "OUT OF RANGE"}


@main.group()
def adjust() -> None:
    """Edit a draft: the coverage cannot break, and everything can be undone."""


def edits(command: Callable[..., None]) -> Callable[..., None]:
    """The options that every edit has."""
    command = click.option("--dry-run", is_flag=True, help="Show what it does and change nothing.")(command)
    seen = "The last edit that you saw (see log): what others did to the same grid since is a conflict."
    command = click.option("--seen", type=int, metavar="NUMBER", help=seen)(command)
    return on_store(by_actor(command))


@adjust.command()
@click.argument("version", type=int)
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_store
def show(version: int, code: str | None, store: str, as_json: bool) -> None:
    """Show a zone, grid or micro-grid: its parts, atoms, neighbours and locks; without CODE the zones and all locks."""
    from gridgis.jobs import adjust as jobs

    found = jobs.show(store, version, code)
    if as_json:
        click.echo(json.dumps(found.as_dict(), ensure_ascii=False))
        return
    for line in _shown(found):
        click.echo(plain(line))


@adjust.command()
@click.argument("version", type=int)
@click.argument("atoms", nargs=-1, required=True)
@click.option("--to", required=True, metavar="CODE", help="Of a grid, or of a micro-grid.")
@edits
def give(version: int, atoms: tuple[str, ...], store: str, actor: str, **options: Any) -> None:
    """Give atoms to another grid of their zone."""
    from gridgis.jobs import adjust as jobs

    told(jobs.give(store, version, atoms, by=actor, **options))


@adjust.command()
@click.argument("version", type=int)
@click.argument("codes", nargs=-1, required=True)
@edits
def merge(version: int, codes: tuple[str, ...], store: str, actor: str, **options: Any) -> None:
    """Make grids of a zone, or micro-grids of a grid, one."""
    from gridgis.jobs import adjust as jobs

    told(jobs.merge(store, version, codes, by=actor, **options))


@adjust.command()
@click.argument("version", type=int)
@click.argument("codes", nargs=-1, required=True)
@click.option("--name", help="Of one grid; without it all go by the rule of the profile.")
@edits
def rename(version: int, codes: tuple[str, ...], store: str, actor: str, **options: Any) -> None:
    """Name a grid, or several by the rule of the profile."""
    from gridgis.jobs import adjust as jobs

    told(jobs.rename(store, version, codes, by=actor, **options))


@adjust.command()
@click.argument("version", type=int)
@click.argument("what", nargs=-1, required=True, metavar="CODE|CODE-CODE...")
@edits
def lock(version: int, what: tuple[str, ...], store: str, actor: str, **options: Any) -> None:
    """Keep grids (CODE), and borders between two of them (CODE-CODE), as they are."""
    from gridgis.jobs import adjust as jobs

    told(jobs.lock(store, version, *_grids(what), borders=_borders(what), by=actor, **options))


@adjust.command()
@click.argument("version", type=int)
@click.argument("what", nargs=-1, required=True, metavar="CODE|CODE-CODE...")
@edits
def unlock(version: int, what: tuple[str, ...], store: str, actor: str, **options: Any) -> None:
    """Let grids and borders be changed again."""
    from gridgis.jobs import adjust as jobs

    told(jobs.unlock(store, version, *_grids(what), borders=_borders(what), by=actor, **options))


def _grids(what: tuple[str, ...]) -> list[list[str]]:
    return [[one for one in what if "-" not in one]]


def _borders(what: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = [one.split("-") for one in what if "-" in one]
    wrong = [pair for pair in pairs if len(pair) != 2]
    if wrong:
        raise click.UsageError(f"{'-'.join(wrong[0])} is no border: write two codes with - between them.")
    return [(one, two) for one, two in pairs]


def drawing(name: str, word: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options of an edit that follows a drawing."""
    example = {"line": "LINESTRING (x y, x y)", "area": "POLYGON ((x y, x y, x y, x y))"}[word]

    def add(command: Callable[..., None]) -> Callable[..., None]:
        command = click.option(
            "--buildings",
            required=True,
            callback=lambda _context, _option, value: None if value == "none" else value,
            metavar="FILE[:LAYER]|none",
            help="What may not be cut, and by which households are shared out; none where there are none.",
        )(command)
        command = click.option(
            "--line-crs", metavar="EPSG:n", help="Of the drawing; that of its file, else of the store by default."
        )(command)
        text = f"WKT such as '{example}', GeoJSON, or a file."
        return click.option(f"--{word}", name, required=True, metavar="WKT|GEOJSON|FILE", help=text)(command)

    return add


@adjust.command()
@click.argument("version", type=int)
@click.argument("code")
@drawing("line", "line")
@edits
def split(version: int, code: str, line: str, store: str, actor: str, **options: Any) -> None:
    """Split a grid or micro-grid along a line, which snaps to streets."""
    from gridgis.jobs import adjust as jobs

    told(jobs.split(store, version, code, line, by=actor, **options))


@adjust.command()
@click.argument("version", type=int)
@click.argument("atom")
@drawing("line", "line")
@edits
def split_atom(version: int, atom: str, line: str, store: str, actor: str, **options: Any) -> None:
    """Split an atom along a line; its pieces stay in their grid."""
    from gridgis.jobs import adjust as jobs

    told(jobs.split_atom(store, version, atom, line, by=actor, **options))


@adjust.command()
@click.argument("version", type=int)
@click.argument("one")
@click.argument("other")
@drawing("line", "line")
@edits
def move_border(version: int, one: str, other: str, line: str, store: str, actor: str, **options: Any) -> None:
    """Move the border of two neighbours to a line."""
    from gridgis.jobs import adjust as jobs

    told(jobs.move_border(store, version, one, other, line, by=actor, **options))


@adjust.command()
@click.argument("version", type=int)
@drawing("area", "area")
@click.option("--kind", required=True, type=click.Choice(["dedicated", "street"]))
@click.option("--name", required=True, help="Of the zone.")
@click.option("--zone-code", metavar="CODE", help="Twelve digits; the next free one of the community by default.")
@click.option("--host", metavar="CODE", help="Community in which it lies; that of most of its land by default.")
@edits
def carve(version: int, area: str, store: str, actor: str, **options: Any) -> None:
    """Cut an area out of all grids under it, as a dedicated zone or a street corridor."""
    from gridgis.jobs import adjust as jobs

    told(jobs.carve(store, version, area, by=actor, **options))


@adjust.command()
@click.argument("version", type=int)
@click.argument("zone_code")
@click.option("--to", metavar="CODE", help="Zone or grid that gets the land; the neighbours by default.")
@edits
def give_back(version: int, zone_code: str, store: str, actor: str, **options: Any) -> None:
    """Dissolve a dedicated zone or street corridor into the grids around it."""
    from gridgis.jobs import adjust as jobs

    told(jobs.give_back(store, version, zone_code, by=actor, **options))


@adjust.command()
@click.argument("version", type=int)
@click.argument("codes", nargs=-1, required=True)
@click.option("--microgrids", is_flag=True, help="Only the micro-grids of these grids.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option(
    "--effort", type=click.IntRange(1, 1000), default=1, show_default=True, help="Scales the steps of the search."
)
@click.option("-j", "--jobs", "processes", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@edits
def redivide(
    version: int,
    codes: tuple[str, ...],
    store: str,
    actor: str,
    microgrids: bool,
    processes: int,
    **options: Any,
) -> None:
    """Divide zones (12 digits) or some grids (15) anew from what stands, moving few households; locks hold."""
    from gridgis.jobs import adjust as jobs
    from gridgis.publish.moved_words import moved_words

    change = jobs.redivide_micro if microgrids else jobs.redivide
    with bar() as progress:
        done = change(store, version, codes, jobs=processes, progress=progress, by=actor, **options)
    told(done)
    for line in moved_words(jobs.why(done)):
        click.echo(plain(line))


@adjust.command()
@click.argument("version", type=int)
@on_store
@by_actor
def undo(version: int, store: str, actor: str) -> None:
    """Take back one's own last edit."""
    from gridgis import jobs

    _turned(jobs.undo(store, version, by=actor))


@adjust.command()
@click.argument("version", type=int)
@on_store
@by_actor
def redo(version: int, store: str, actor: str) -> None:
    """Do again what one took back last."""
    from gridgis import jobs

    _turned(jobs.redo(store, version, by=actor))


@adjust.command()
@click.argument("version", type=int)
@on_store
def log(version: int, store: str) -> None:
    """List the edits of a version, the oldest first; those taken back in brackets."""
    from gridgis import jobs

    for one in jobs.edit_log(store, version):
        line = f"{one.number:>5}  {one.at}  {one.actor:<12} {one.action:<12} {', '.join(one.codes)}"
        click.echo(plain(line if one.in_effect else f"[{line}]"))


def _turned(entry: Entry) -> None:
    """Show what an undo or redo did."""
    click.echo(plain(f"edit {entry.number}: {entry.action} of edit {entry.undoes}, {', '.join(entry.codes)}"))


def _shown(found: Shown) -> Iterator[str]:
    """What stands under a code, a line for each row, atom, neighbour and lock."""
    for row in found.rows.to_dict("records"):
        number = f"{_number(row['households'])} households"
        allowed = f"of {row['range']}" if row["range"] else ""
        parts = (
            f"{row['level']:<10}  {row['code']:<17}", number, allowed, RANGE_WORDS.get(row["in_range"], ""),
            f"{row['area_m2']:.0f} m2", "locked" if row["locked"] else "", row["name"], row["flags"],
        )  # fmt: skip
        yield "  ".join(part for part in parts if part)
    for row in found.atoms.to_dict("records"):
        yield f"atom        {row['atom_id']}  {_number(row['households'])} households  in {row['microgrid_code']}"
    for row in found.neighbours.to_dict("records"):
        told = f"beside      {row['code']:<17}  {_number(row['households'])} households  {row['border_m']:.0f} m"
        yield f"{told}  {row['name']}".rstrip()
    yield from (f"locked      {code}" for code in sorted(found.locks.grids))
    yield from (f"locked      {'-'.join(pair)}" for pair in sorted(found.locks.borders))


def _number(value: Any) -> str:
    import pandas as pd

    return "-" if pd.isna(value) else str(value)


def told(done: Applied) -> None:
    """Show what an edit does, a line for each grid."""
    seen = done.preview
    for row in seen.grids.itertuples():
        click.echo(plain(f"{row.grid_code}  {row.name or ''}"))
        for line in _lines(row):
            click.echo(f"    {line}")
    for row in seen.new_atoms.head(SHOWN).itertuples():
        click.echo(f"atom {row.atom_id}  {_number(row.households)} households  in {row.grid_code}  new")
    if len(seen.new_atoms) > SHOWN:
        click.echo(f"and {len(seen.new_atoms) - SHOWN} new atoms more: see gridgis adjust show")
    for notice in seen.notices:
        click.echo(f"note: {notice}", err=True)
    number = f"edit {done.number}" if done.number is not None else "not stored"
    click.echo(f"{number}; {seen.moved_households} households have another grid")


def _lines(row: Any) -> list[str]:
    import pandas as pd

    def pair(name: str, form: str = "{}") -> str:
        values = (getattr(row, f"{name}_{side}") for side in ("before", "after"))
        return " -> ".join("-" if pd.isna(value) else form.format(value) for value in values)

    inside = RANGE_WORDS.get(row.in_range_after, "")
    return [
        f"households {pair('households')}  of {row.range}  {inside}".rstrip(),
        f"area {pair('area_m2', '{:.0f}')} m2  compactness {pair('compactness', '{:.2f}')}  parts {pair('parts')}",
        f"border on streets {pair('street_m', '{:.0f}')} m, inside the zone {pair('border_on_road', '{:.0%}')}",
        f"micro-grids {pair('microgrids')}, out of range {pair('microgrids_out')}",
    ]
