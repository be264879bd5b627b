"""What a sheet tells beside the division and the people: version, date, hotline, link; and its words."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import resources
from urllib.parse import urlsplit

from gridgis.errors import Fault, refuse
from gridgis.publish.dossier.rows import day_of
from gridgis.publish.dossier.subject import DIGITS
from gridgis.publish.dossier.write import load_words
from gridgis.publish.texts import Language, Texts

LONGEST_NAME, LONGEST_LINK, LONGEST_HOTLINE = 60, 300, 40
"""Signs that are printed of a name, and that a link and a hotline may have."""


@dataclass(frozen=True)
class About:
    """What a sheet tells of itself.

    Attributes
    ----------
    label : name of the version, such as "310112 general 3"
    made : the time that the file tells, with its offset: that of the version, never that of now
    begins : from when the version is in force
    places : name of each code of 6, 9 or 12 digits that has one
    hotline : as it is to be printed; none is printed where it is empty
    link : where the QR code leads; without it there is none
    """

    label: str
    made: datetime
    begins: datetime | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    hotline: str = ""
    link: str = ""

    def __post_init__(self) -> None:
        """Refuse a link that is none, and what would not fit on the sheet."""
        refuse(self._faults())

    def _faults(self) -> Iterator[Fault]:
        if self.link and not _is_link(self.link):
            yield Fault("link", self.link[:40], "is no address of a page", "Give one such as https://example.org/grid")
        if len(self.link) > LONGEST_LINK:
            yield Fault("link", self.link[:40], f"is longer than {LONGEST_LINK} signs", "Give a shorter one")
        if len(self.hotline) > LONGEST_HOTLINE:
            problem = f"is longer than {LONGEST_HOTLINE} signs"
            yield Fault("hotline", self.hotline[:40], problem, "Give the number alone")

    def place(self, zone_code: str) -> str:
        """The names of county, township and zone of a code, as far as they are known; at least the zone's code."""
        levels = [self.places.get(zone_code[:digits], "") for digits in DIGITS.values()]
        names = [*levels[:-1], levels[-1] or zone_code]
        parts = [short(name) for name in names if name]
        return ("" if all(ord(part[-1]) > 0x2E7F for part in parts[:-1]) else " ").join(parts)

    def foot(self, texts: Texts, crs: str) -> list[str]:
        """What stands at the foot: version, date in force, CRS."""
        said = texts["sheet"]
        begins = [] if self.begins is None else [said["begins"].format(day=day_of(self.begins))]
        return [said["version"].format(label=self.label), *begins, said["crs"].format(name=crs)]


def _is_link(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    printable = link.isascii() and link.isprintable() and " " not in link
    return parts.scheme in ("http", "https") and bool(parts.hostname) and printable


@cache
def sheet_words(language: Language) -> Texts:
    """The words of sheets, with those that maps of the dossier have (`static/texts/sheets/*.toml`)."""
    file = resources.files("gridgis.publish").joinpath(f"static/texts/sheets/{language}.toml")
    return {**load_words(language), **tomllib.loads(file.read_text(encoding="utf-8"))}


def short(text: object) -> str:
    """A name as it is printed: on one line, cut where it is longer than any name; empty for none."""
    letters = text if isinstance(text, str) else ""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in letters).split())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
