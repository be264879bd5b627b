"""A dossier, written: tables, ledger, totals, statement of changes, maps, Shapefile, and a list of what is there."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

from gridgis.publish.dossier.changes import about_version, change_rows, finding_rows, statement
from gridgis.publish.dossier.default_template import default_template
from gridgis.publish.dossier.document import BULLET, write_document
from gridgis.publish.dossier.folder import README, write_sums
from gridgis.publish.dossier.land import Land
from gridgis.publish.dossier.ledger import ledger
from gridgis.publish.dossier.lettering import Lettering, lettering_of
from gridgis.publish.dossier.maps import letters_of, write_maps
from gridgis.publish.dossier.rows import grid_rows, microgrid_rows
from gridgis.publish.dossier.subject import DIGITS, Subject
from gridgis.publish.dossier.template import filled, read_template
from gridgis.publish.dossier.totals import totals
from gridgis.publish.heat_tables import write_tables
from gridgis.publish.texts import Language, Texts, load_texts
from gridgis.publish.whole import whole_folder

Progress = Callable[[str, float], None]

TABLE, LEDGER, TOTALS = "division_table.xlsx", "code_ledger.xlsx", "totals.xlsx"
STATEMENT, CHANGES, MAPS, SHAPES = "changes.pdf", "changes.xlsx", "maps_{paper}.pdf", "shapefile/grids.shp"
BEFORE_MAPS, AFTER_MAPS = 0.25, 0.97
"""Share of the work that is done before and after the maps."""


@dataclass
class _Contents:
    """What has been written: what each file is, for the reader, and notices, for who made it."""

    files: list[tuple[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def write_dossier(
    subject: Subject,
    folder: str | Path,
    *,
    language: Language = "zh",
    papers: Sequence[str] = ("A3",),
    template: str | Path | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Write the dossier of a division into a folder that is there whole or not at all; give notices.

    Invariant: the same subject, language, papers and template give the same bytes of every file.

    Parameters
    ----------
    folder : takes the place of what is there; see :func:`gridgis.publish.dossier.folder.refuse_folder`
    papers : sizes of the maps, of :data:`gridgis.publish.dossier.paper.PAPERS`
    template : an authority's own workbook for the division table; without it the one of the language

    Raises
    ------
    InputRefused
        Where the template cannot be filled, there is no font for Chinese names, or the folder cannot be written.
    """
    tell = progress or (lambda _, __: None)
    texts, contents = load_words(language), _Contents()
    book = None if template is None else read_template(template)
    tell("dossier", 0.02)
    with whole_folder(folder) as draft:
        _write_table(subject, draft, contents, texts, book, name=str(template or ""))
        tell("dossier", 0.12)
        _write_books(subject, draft, contents, texts)
        tell("dossier", 0.2)
        with lettering_of([*letters_of(subject, texts), *_words_of(subject, texts)]) as lettering:
            contents.notices += [f"no font has: {lettering.lacking}"] if lettering.lacking.strip() else []
            _write_statement(subject, draft, contents, texts, lettering)
            tell("dossier", BEFORE_MAPS)
            _write_maps(subject, draft, contents, texts, lettering, papers, tell)
        _write_shapes(subject, draft, contents, texts)
        (draft / README).write_text("".join(_readme(subject, contents, texts)), encoding="utf-8", newline="\n")
        write_sums(draft)
    tell("dossier", 1.0)
    return contents.notices


@cache
def load_words(language: Language) -> Texts:
    """The words of a dossier, with those that maps and pictures have (`static/texts/dossier/*.toml`)."""
    file = resources.files("gridgis.publish").joinpath(f"static/texts/dossier/{language}.toml")
    return {**load_texts(language), **tomllib.loads(file.read_text(encoding="utf-8"))}


def _write_table(
    subject: Subject,
    draft: Path,
    contents: _Contents,
    texts: Texts,
    book: tuple[object, tuple[str, ...]] | None,
    *,
    name: str,
) -> None:
    about = " ".join([*about_version(subject, texts), *_notes(subject, texts)])
    workbook, lost = book or (default_template(texts, district=subject.district, about=about), ())
    rows = grid_rows(subject, texts), microgrid_rows(subject, texts)
    done = filled(workbook, *rows, texts=texts, name=name)
    (draft / TABLE).write_bytes(done.content)
    digits = DIGITS["township"]
    nameless = {code[:digits] for code in subject.division.zones["zone_code"]} - subject.places.keys()
    contents.notices += [*lost, *done.notices, *([texts["notices"]["places"]] if nameless else [])]
    contents.files.append((TABLE, texts["readme"]["table" if book is None else "table_template"]))


def _write_books(subject: Subject, draft: Path, contents: _Contents, texts: Texts) -> None:
    """Write ledger, totals and the rows of changes, as far as there are such."""
    said, register = texts["readme"], subject.register
    books = [(TOTALS, totals(subject, texts), said["totals"])]
    if register is not None:
        books.insert(0, (LEDGER, ledger(subject, register, texts), said["ledger"]))
        sheets = texts["sheets"]
        rows = {sheets["changes"]: change_rows(register, texts), sheets["findings"]: finding_rows(register, texts)}
        books.append((CHANGES, rows, said["changes"]))
    for name, tables, about in books:
        write_tables(draft / name, tables, texts=texts)
        contents.files.append((name, about))


def _write_statement(subject: Subject, draft: Path, contents: _Contents, texts: Texts, lettering: Lettering) -> None:
    blocks, page = statement(subject, texts), texts["changes"]["page"]
    write_document(blocks, draft / STATEMENT, lettering=lettering, page=page, made=subject.made, subject=subject.label)
    contents.files.append((STATEMENT, texts["readme"]["statement"]))


def _write_maps(
    subject: Subject,
    draft: Path,
    contents: _Contents,
    texts: Texts,
    lettering: Lettering,
    papers: Sequence[str],
    tell: Progress,
) -> None:
    land = Land.of(subject.division)
    for k, paper in enumerate(papers):
        name = MAPS.format(paper=paper)

        def told(share: float, k: int = k) -> None:
            tell("dossier", BEFORE_MAPS + (AFTER_MAPS - BEFORE_MAPS) * (k + share) / len(papers))

        pages = write_maps(subject, draft / name, size=paper, land=land, lettering=lettering, texts=texts, tell=told)
        contents.files.append((name, texts["readme"]["maps"].format(paper=paper, n=pages - 1)))


def _write_shapes(subject: Subject, draft: Path, contents: _Contents, texts: Texts) -> None:
    from gridgis.exchange import shapefile

    target = draft / SHAPES
    target.parent.mkdir()
    shapefile.write(subject.division, target, encoding="gbk", layers=("grids", "microgrids"))
    contents.files.append((f"{target.parent.name}/", texts["readme"]["shapefile"]))


def _notes(subject: Subject, texts: Texts) -> list[str]:
    """What a reader must know of the numbers."""
    each = subject.profile.households.persons_per_household.value
    return [texts["table"]["persons_note"].format(each=f"{each:g}")]


def _readme(subject: Subject, contents: _Contents, texts: Texts) -> Iterator[str]:
    said = texts["readme"]
    yield said["title"].format(district=subject.district) + "\n"
    yield from (f"{line}\n" for line in about_version(subject, texts))
    yield f"\n{said['contents']}\n"
    yield from (f"  {name}{said['colon']}{about}\n" for name, about in contents.files)
    yield f"  SHA256SUMS.txt{said['colon']}{said['sums']}\n"
    yield f"\n{said['notes']}\n"
    yield from (f"  {line}\n" for line in _notes(subject, texts))
    if subject.register is None:
        yield f"  {said['no_ledger']}\n"


def _words_of(subject: Subject, texts: Texts) -> list[str]:
    """All that the statement says, for the letters that it needs."""
    return [BULLET, *(block.text for block in statement(subject, texts))]
