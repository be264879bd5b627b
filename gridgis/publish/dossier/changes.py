"""The statement of changes: what a version changes from the one before it, zone by zone, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from gridgis.difference import moved_households
from gridgis.publish.dossier.rows import day_of
from gridgis.publish.dossier.subject import DIGITS, Register, Subject
from gridgis.publish.texts import Texts, detailed, in_groups, joined, words

MOST_LISTED = 40
"""Codes that a finding lists; the workbook has them all."""


UNBROKEN = "\u00a0"
"""A space at which no line is broken."""


@dataclass(frozen=True)
class Block:
    """A piece of a document: its title, a heading, a paragraph or an item of a list."""

    kind: Literal["title", "heading", "text", "item"]
    text: str


def statement(subject: Subject, texts: Texts) -> list[Block]:
    """The statement of changes as a document; that of the first version tells what it makes.

    Parameters
    ----------
    subject : of a division in no register the statement says so
    """
    said = texts["changes"]
    title = Block("title", said["title"].format(district=subject.district))
    about = [Block("text", line) for line in about_version(subject, texts)]
    register = subject.register
    if register is None:
        return [title, *about, Block("text", said["no_register"]), *_first(subject, texts)]
    body = _first(subject, texts) if register.before is None else _changes(subject, register, texts)
    return [title, *about, *body, *_findings(register, texts), *_review(register, texts)]


def about_version(subject: Subject, texts: Texts) -> list[str]:
    """Which version it is, in which state, from when, and what it goes on from."""
    said, register = texts["changes"], subject.register
    if register is None:
        return [said["file"].format(label=subject.label, made=day_of(subject.made))]
    state = texts["states"][register.state]
    lines = [said["version"].format(label=subject.label, state=state, made=day_of(subject.made))]
    if register.begins is not None:
        lines.append(said["begins"].format(day=day_of(register.begins)))
    before = said["first"] if register.before is None else said["before"].format(label=register.before)
    return [*lines, before]


def change_rows(register: Register, texts: Texts) -> pd.DataFrame:
    """What became of each grid that did not stay as it was, a row each, as the difference tells it."""
    rows = register.changes[register.changes["change"] != "unchanged"]
    return pd.DataFrame(
        {
            "change": [texts["reasons"][change] for change in rows["change"]],
            "old_code": rows["old_code"].to_numpy(dtype=object),
            "new_code": rows["new_code"].to_numpy(dtype=object),
            "households": pd.array(rows["households"], dtype="Int64"),
            "area_m2": rows["area_m2"].astype(float).round().astype("Int64").to_numpy(),
        }
    )


def finding_rows(register: Register, texts: Texts) -> pd.DataFrame:
    """The findings of the version with the reasons why they are to stand, in the language of the texts."""
    found = register.findings
    told = [detailed(rule, detail, texts) for rule, detail in zip(found["rule"], found["detail"], strict=True)]
    return found.assign(rule=[words(rule, "rules", texts) for rule in found["rule"]], detail=told)


def _first(subject: Subject, texts: Texts) -> list[Block]:
    """What the first version makes, zone by zone."""
    said, division = texts["changes"], subject.division
    grids = division.grids["zone_code"].value_counts()
    micros = division.microgrids["zone_code"].value_counts()
    out = [Block("heading", said["made_heading"])]
    for zone in division.zones["zone_code"]:
        mine = division.grids["households"][division.grids["zone_code"] == zone].astype("Int64").sum(min_count=1)
        sizes = {"grids": grids.get(zone, 0), "microgrids": micros.get(zone, 0)}
        text = said["made"].format(zone=_zone(subject, zone, texts), households=_households(mine, texts), **sizes)
        out.append(Block("item", text))
    return out


def _changes(subject: Subject, register: Register, texts: Texts) -> list[Block]:
    said = texts["changes"]
    rows = register.changes[register.changes["change"] != "unchanged"]
    micros = register.micro_changes
    zones = sorted({*_zones(rows), *(code[: DIGITS["zone"]] for code in micros["grid_code"])})
    if not zones:
        return [Block("text", said["none"])]
    counts = joined(
        (
            said.get(f"count_{change}", said["count"]).format(change=texts["reasons"][change], n=n)
            for change, n in _grids_by_change(rows).items()
        ),
        texts,
    )
    text = said["summary"].format(counts=counts, zones=len(zones), n=f"{moved_households(register.changes):,}")
    out = [Block("text", text), Block("heading", said["by_zone"])]
    names = dict(zip(register.now.grids["grid_code"], register.now.grids["name"].fillna(""), strict=True))
    for zone in zones:
        out.append(Block("text", _zone(subject, zone, texts)))
        mine = rows[[zone in found for found in _zones_of_rows(rows)]]
        told = [*_sentences(mine, zone, names, texts), *_micro_sentences(micros, zone, texts)]
        out += [Block("item", text[:1].upper() + text[1:]) for text in told]
    return out


def _zones_of_rows(rows: pd.DataFrame) -> list[set[str]]:
    sides = zip(rows["old_code"], rows["new_code"], strict=True)
    return [{code[: DIGITS["zone"]] for code in pair if isinstance(code, str)} for pair in sides]


def _zones(rows: pd.DataFrame) -> set[str]:
    return set().union(*_zones_of_rows(rows)) if len(rows) else set()


def _grids_by_change(rows: pd.DataFrame) -> dict[str, int]:
    """How many grids each change concerns: those that were split, those that came of a merger, and so on."""
    side = {"split": "old_code", "new": "new_code", "merged": "new_code"}
    moved = rows[(rows["change"] != "border_moved") | (rows["old_code"] != rows["new_code"])]
    counts = {}
    for change, mine in moved.groupby("change", sort=False):
        column = side.get(str(change), "old_code")
        codes = set(mine[column].dropna())
        if change == "border_moved":
            codes |= set(mine["new_code"].dropna())
        counts[str(change)] = len(codes)
    return counts


def _sentences(rows: pd.DataFrame, zone: str, names: Mapping[str, str], texts: Texts) -> Iterator[str]:
    """Sentences about grids of a zone, in the order in which changes are told."""
    said = texts["changes"]
    told: set[str] = set()
    for old, parts in rows[rows["change"] == "split"].groupby("old_code", sort=True):
        listed = _listed(parts, "new_code", zone, texts)
        told |= {str(old), *parts["new_code"]}
        yield said["split"].format(grid=_grid(str(old), zone, texts), parts=listed)
    for new, parts in rows[rows["change"] == "merged"].groupby("new_code", sort=True):
        listed = _listed(parts, "old_code", zone, texts)
        told |= {str(new), *parts["old_code"]}
        yield said["merged"].format(grid=_grid(str(new), zone, texts), parts=listed)
    for row in rows[(rows["change"] == "border_moved") & (rows["old_code"] != rows["new_code"])].itertuples():
        land = {"households": _households(row.households, texts), "area": f"{row.area_m2:,.0f}"}
        pair = {"old": _grid(row.old_code, zone, texts), "new": _grid(row.new_code, zone, texts)}
        yield said["border_moved"].format(**pair, **land)
    for row in rows[rows["change"].isin(["recoded", "renamed"])].itertuples():
        told |= {row.old_code, row.new_code}
        pair = {"old": _grid(row.old_code, zone, texts), "new": _grid(row.new_code, zone, texts)}
        yield said[row.change].format(**pair, name=names.get(row.new_code, ""))
    for row in rows[rows["change"].isin(["new", "retired"])].itertuples():
        code = row.new_code if row.change == "new" else row.old_code
        if code not in told:
            yield said[row.change].format(grid=_part(code, zone, row.households, texts))


def _listed(parts: pd.DataFrame, side: str, zone: str, texts: Texts) -> str:
    """The grids of one side of some rows, each with the households that passed."""
    each = (_part(code, zone, n, texts) for code, n in zip(parts[side], parts["households"], strict=True))
    return str(texts["bounds"]["and"]).join(each)


def _micro_sentences(micros: pd.DataFrame, zone: str, texts: Texts) -> Iterator[str]:
    """A sentence for each unchanged grid of a zone whose micro-grids are others."""
    said = texts["changes"]
    for grid, mine in micros[micros["grid_code"].str.startswith(zone)].groupby("grid_code", sort=True):
        parts = [
            said["micro_part"].format(
                change=texts["micro_reasons"][change], codes=joined((code[len(str(grid)) :] for code in codes), texts)
            )
            for change, codes in mine.groupby("change", sort=False)["microgrid_code"]
        ]
        yield said["micros"].format(grid=str(grid)[DIGITS["zone"] :], parts=said["semicolon"].join(parts))


def _findings(register: Register, texts: Texts) -> list[Block]:
    """Findings by rule and reason, with the codes that they are of."""
    said, found = texts["changes"], register.findings
    out = [Block("heading", said["findings"])]
    if not len(found):
        return [*out, Block("text", said["no_findings"])]
    for (rule, reason), mine in found.groupby(["rule", "reason"], sort=True):
        codes = [in_groups(code).replace(" ", UNBROKEN) for code in mine["code"] if code]
        more = said["more"].format(n=len(codes) - MOST_LISTED) if len(codes) > MOST_LISTED else ""
        text = said["finding"].format(
            rule=words(str(rule), "rules", texts),
            n=len(mine),
            reason=str(reason) or said["no_reason"],
            codes=joined(codes[:MOST_LISTED], texts) + more,
        )
        out.append(Block("item", text))
    return out


def _review(register: Register, texts: Texts) -> list[Block]:
    if not register.steps:
        return []
    said = texts["changes"]
    lines = [
        said["step"].format(
            name=step.name,
            state=texts["step_states"][step.state],
            day=day_of(step.at) or "—",
            document=step.document or "—",
        )
        for step in register.steps
    ]
    return [Block("heading", said["review"]), *(Block("item", line) for line in lines)]


def _zone(subject: Subject, zone: str, texts: Texts) -> str:
    return str(texts["changes"]["zone"]).format(name=subject.place(zone, "zone"), code=in_groups(zone))


def _grid(code: str, zone: str, texts: Texts) -> str:
    """A grid as it is called within its zone, with its whole code elsewhere."""
    number = code[len(zone) :] if code.startswith(zone) else in_groups(code)
    return str(texts["changes"]["grid"]).format(number=number)


def _part(code: str, zone: str, households: Any, texts: Texts) -> str:
    grid, size = _grid(code, zone, texts), _households(households, texts)
    return str(texts["changes"]["part"]).format(grid=grid, households=size)


def _households(number: Any, texts: Texts) -> str:
    said = texts["changes"]
    return said["unknown_households"] if pd.isna(number) else said["households"].format(n=f"{int(number):,}")
