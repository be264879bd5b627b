"""Which names of a gazetteer stand in a text: exact ones, and those that fit in spite of slips.

Invariant: a name that stands in the text as it is is found whatever else does; the work is bounded by the constants
below, not by the size of the gazetteer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from rapidfuzz import fuzz

from gridgis.addresses.names import Fit, Name, fits, name_of, tokens
from gridgis.addresses.side_file import SideFile
from gridgis.addresses.sounds import heard
from gridgis.addresses.text import Unit, units

LONGEST_NAME = 14
"""Units of a stretch that is looked up as a whole name."""

READ = 12_000
"""Names that may be read for the tokens of one text; common tokens are left out beyond it."""

FETCHED, FITTED, KEPT = 250, 30, 24
LEAST_LIKE = 45.0
TOKENS = 80


@dataclass(frozen=True, slots=True)
class Hit:
    """A name with where and how well it fits."""

    name_id: int
    name: Name
    places: int
    fit: Fit

    @property
    def worth(self) -> float:
        """What is explained of the text, less what does not agree: long exact names come first."""
        return self.name.weight * (2 * self.fit.ratio - 1)


def hits(base: SideFile, text: str) -> list[Hit]:
    """Names that stand in a normal text, the most telling first."""
    words = units(text)
    if not words:
        return []
    rows = {row[0]: row for row in _exact(base, text, words)}
    fuzzy = [row for row in _fuzzy(base, text) if row[0] not in rows]
    chosen = [*rows.values(), *_likeliest(fuzzy, text)]
    found = []
    for name_id, key, places in chosen:
        name = name_of(key)
        found += [Hit(name_id, name, places, at) for at in (fits(name, words) if name.words else [])]
    found.sort(key=lambda hit: (-hit.worth, hit.name_id, hit.fit.first))
    return [hit for hit in found if not _covered(hit, found)][:KEPT]


def alike_names(base: SideFile, text: str) -> list[str]:
    """Keys of names that share rare tokens with a text, those that share most first."""
    return [key for _, key, _ in _fuzzy(base, text)]


def _exact(base: SideFile, text: str, words: Sequence[Unit]) -> list[tuple[int, str, int]]:
    """Names that are a stretch of the text as it stands, the longest hundred."""
    stretches = {
        text[words[i].start : words[j].end]
        for i in range(len(words))
        for j in range(i, min(len(words), i + LONGEST_NAME))
        if i != j or len(words[i].text) > 1
    }
    out: list[tuple[int, str, int]] = []
    keys = sorted(stretches)
    for at in range(0, len(keys), 500):
        part = keys[at : at + 500]
        sql = f"SELECT id, key, places FROM name WHERE key IN ({','.join('?' * len(part))})"
        out += base.rows(sql, tuple(part))
    return sorted(out, key=lambda row: (-len(row[1]), row[0]))[:100]


def _fuzzy(base: SideFile, text: str) -> list[tuple[int, str, int]]:
    """Names that share the rarest tokens with the text, by the sum of what the tokens tell."""
    asked = tokens(text)[: 4 * LONGEST_NAME * 10]
    counts = _counts(base, asked)
    asked.sort(key=lambda token: counts.get(token, 1))
    total = 0
    chosen: list[str] = []
    for token in asked[:TOKENS]:
        total += counts.get(token, 1)
        if total > READ and chosen:
            break
        chosen.append(token)
    if not chosen:
        return []
    one = "SELECT rowid AS id, {weight} AS w FROM tokens WHERE tokens MATCH ?"
    parts = " UNION ALL ".join(one.format(weight=_telling(base, counts.get(token, 1))) for token in chosen)
    best = f"SELECT id, sum(w) AS total FROM ({parts}) GROUP BY id ORDER BY total DESC, id LIMIT {FETCHED}"
    sql = (
        f"SELECT name.id, name.key, name.places FROM ({best}) AS best JOIN name USING (id) ORDER BY total DESC, name.id"
    )
    return base.rows(sql, tuple(f'"{token}"' for token in chosen))


def _counts(base: SideFile, asked: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for at in range(0, len(asked), 500):
        part = asked[at : at + 500]
        sql = f"SELECT token, names FROM common WHERE token IN ({','.join('?' * len(part))})"
        found |= dict(base.rows(sql, tuple(part)))
    return found


def _telling(base: SideFile, names: int) -> float:
    return round(log(float(base.about["names"]) / names + 2), 3)


def _likeliest(rows: list[tuple[int, str, int]], text: str) -> list[tuple[int, str, int]]:
    """Those that look or sound most like a stretch of the text."""
    sound = heard(text)

    def like(row: tuple[int, str, int]) -> float:
        key = row[1]
        ratio = fuzz.partial_ratio if len(key) <= len(text) else fuzz.ratio
        return max(ratio(key, text), 0.95 * ratio(heard(key), sound))

    scored = sorted(((-like(row), row[0], row) for row in rows), key=lambda item: item[:2])
    return [row for least, _, row in scored[:FITTED] if -least >= LEAST_LIKE]


def _covered(hit: Hit, others: Sequence[Hit]) -> bool:
    """Whether a better name stands at the same place of the text and this one adds nothing."""
    return any(
        other.fit.first <= hit.fit.first
        and hit.fit.last <= other.fit.last
        and other.worth > hit.worth + 0.5
        and other.name_id != hit.name_id
        and other.fit.ratio >= hit.fit.ratio + (0.25 if hit.fit.ratio > 0.7 else 0.1)
        for other in others
    )
