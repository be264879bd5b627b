"""Codes of a division drawn elsewhere: kept where they are well formed and free, else new ones, each with its reason.

Spreadsheets keep fifteen digits of a number. What they made of a longer code, or wrote as 9.90101E+14, is no code any
more: it is named as such and never used, however well formed it looks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gridgis.codes import reading_order
from gridgis.exchange.changes import Log
from gridgis.geometry.noding import Floats, Geometries, Ints
from gridgis.layers.columns import as_text
from gridgis.lineage import free_numbers
from gridgis.profile import CodeLayout

KEPT_DIGITS = 15
"""That a spreadsheet keeps of a number."""

SCIENTIFIC = re.compile(r"([0-9])(?:[.,]([0-9]*))?[eE]\+?([0-9]{1,3})")
FRACTION = re.compile(r"([0-9]+)\.0*")


@dataclass(frozen=True)
class Spelled:
    """Codes of a column as text, and why those that a spreadsheet rounded cannot be used (empty for others)."""

    text: Geometries
    rounded: Geometries


def spelled(values: pd.Series, *, numeric: bool) -> Spelled:
    """Codes as they are meant: digits in half width, without blanks, apostrophes and a decimal point.

    Parameters
    ----------
    values : as they stand in a file
    numeric : whether the file keeps them as numbers that are not exact
    """
    given = [None if text is None else _plain(text) for text in as_text(values)]
    inexact = [numeric or isinstance(value, float | np.floating) for value in values]
    rounded = ["" if text is None else _rounded(text, inexact=bad) for text, bad in zip(given, inexact, strict=True)]
    return Spelled(np.array([*given, None], dtype=object)[:-1], np.array([*rounded, ""], dtype=object)[:-1])


def _plain(text: str) -> str:
    half = re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).lstrip("'")
    whole = FRACTION.fullmatch(half)
    return whole[1] if whole else half


def _rounded(text: str, *, inexact: bool) -> str:
    """How a spreadsheet rounded a code; empty where none did."""
    power = SCIENTIFIC.fullmatch(text)
    if power:
        digits, kept = int(power[3]) + 1, 1 + len(power[2] or "")
        return f"looks rounded by a spreadsheet: of {digits} digits {min(kept, digits)} are left"
    late = text[KEPT_DIGITS:]
    if late and text.isdigit() and (not late.strip("0") or inexact):
        told = f"the last {len(late)} became {late}" if not late.strip("0") else "the last ones are not to be trusted"
        return f"looks rounded by a spreadsheet: it keeps {KEPT_DIGITS} digits of a number, {told}"
    return ""


def zone_of_code(codes: Spelled, layout: CodeLayout) -> Geometries:
    """The zone that each well-formed code names; None for others."""
    length = layout.zone_digits + layout.sequence_digits
    return np.array(
        [
            text[: layout.zone_digits] if text is not None and not bad and _digits(text, length) else None
            for text, bad in zip(codes.text, codes.rounded, strict=True)
        ]
        + [None],
        dtype=object,
    )[:-1]


@dataclass(frozen=True)
class Places:
    """What the numbering of a layer goes by.

    Attributes
    ----------
    parent : code of the zone of each grid, of the grid of each micro-grid
    was : the code that the parent has in the source, where it has another one now
    room : first and last number of each row
    xy : a point in each row, metres
    band_m : height of the bands of the reading order of each row's parent
    """

    parent: Geometries
    was: Geometries
    room: Sequence[tuple[int, int]]
    xy: Floats
    band_m: Floats


def coded(layer: str, codes: Spelled, places: Places, *, digits: int, names: Geometries, log: Log) -> Geometries:
    """The code of each row; what changes is told in the log.

    Of several rows with one code the first keeps it. New numbers follow the highest of their parent, from west to
    east, then from north to south.

    Parameters
    ----------
    digits : of the number at the end of a code
    names : how rows are called
    """
    reason = np.array([*_reasons(codes, places, digits), ""], dtype=object)[:-1]
    moved = np.array(
        [not why and text[:-digits] != p for why, text, p in zip(reason, codes.text, places.parent, strict=True)]
    )
    out = np.array(
        [None if why else p + text[-digits:] for why, text, p in zip(reason, codes.text, places.parent, strict=True)]
        + [None],
        dtype=object,
    )[:-1]
    again = pd.Series(out).duplicated().to_numpy() & (reason == "")
    keeper = dict(zip(out[::-1], names[::-1], strict=True))
    for k in np.flatnonzero(again):
        reason[k] = f"it stands on several rows; {keeper[out[k]]} keeps it"
    out[again] = None
    _number(layer, out, places, digits, log)
    for k in np.flatnonzero((reason != "") | moved):
        why = reason[k] or "what it lies in has another code"
        log.add(layer, names[k], "code changed", why, old=codes.text[k] or "", new=out[k] or "", code=out[k] or "")
    return out


def _reasons(codes: Spelled, places: Places, digits: int) -> Iterator[str]:
    """Why the code of each row cannot stay; empty where it can."""
    rows = zip(codes.text, codes.rounded, places.parent, places.was, places.room, strict=True)
    for text, rounded, parent, was, (low, high) in rows:
        if text is None:
            yield "it had none"
        elif rounded:
            yield rounded
        elif not _digits(text, len(parent) + digits):
            yield f"it is malformed: {not_digits(text, len(parent) + digits)}"
        elif text[:-digits] not in (parent, was):
            yield f"it is of {text[:-digits]}, and lies in {parent}"
        elif not low <= int(text[-digits:]) <= high:
            yield f"its number is outside {low:0{digits}d} to {high:0{digits}d}"
        else:
            yield ""


def _number(layer: str, out: Geometries, places: Places, digits: int, log: Log) -> None:
    """Give numbers to rows without a code, in place; a fault for each parent that has none left."""
    missing = pd.isna(pd.Series(out)).to_numpy()
    for parent, mine in sorted(pd.Series(places.parent).groupby(places.parent).indices.items()):
        rows = mine[missing[mine]]
        if not len(rows):
            continue
        taken = {int(code[-digits:]) for code in out[mine[~missing[mine]]]}
        order = reading_order(*places.xy[rows].T, band_m=float(places.band_m[rows].max()))
        free: dict[tuple[int, int], Iterator[int]] = {}
        for row in rows[order]:
            room = places.room[row]
            number = next(free.setdefault(room, free_numbers(taken, *room)), None)
            if number is None:
                problem = f"no number of {room[0]} to {room[1]} is left in {parent}"
                log.fault(layer, parent, problem, "Divide it into two, or widen the numbers in the profile")
                return
            out[row] = f"{parent}{number:0{digits}d}"


def bands_m(area: Floats, parent: Ints) -> Floats:
    """Height of the bands of the reading order of each row: the mean side of the rows of its parent."""
    total = np.bincount(parent, weights=area)
    count = np.bincount(parent)
    return np.asarray(np.sqrt(total / np.maximum(count, 1))[parent])


def not_digits(text: str, length: int) -> str:
    """What is wrong with a text that is no code of so many digits."""
    return f"not {length} digits" + (f" but {len(text)}" if text.isascii() and text.isdigit() else "")


def _digits(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdigit()
