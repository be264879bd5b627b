"""The log of the edits of a version: who did what, what is in effect, what is locked.

Invariant: rows are only added. An undo is a row that takes an edit back, a redo one that takes the undo back. Each
actor takes back his own edits, the last one first; a new edit of his ends what he could do again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gridgis.registry import tables
from gridgis.registry.store import Conflict

LOCK, UNLOCK = "lock", "unlock"
UNDO, REDO = "undo", "redo"
NUMBER = "number"
"""What is done when a version is handed in: codes go on from the version before."""
OWN = frozenset({UNDO, REDO, NUMBER})
"""Actions that the register takes by itself."""
FOLLOWED = "followed"
"""Where an edit says between which grids it leaves locked borders: pairs of a border and all those that it is then."""

Border = tuple[str, str]


@dataclass(frozen=True)
class Entry:
    """One row of the log; see :data:`gridgis.registry.tables.edit`.

    Attributes
    ----------
    asked : what was asked for, as it was given
    undoes : number of the edit that it takes back, of a redo that of the undo
    codes : of the grids that it touched
    in_effect : whether it holds now
    """

    number: int
    actor: str
    at: str
    action: str
    asked: Mapping[str, Any]
    seen: int
    undoes: int | None
    codes: tuple[str, ...]
    in_effect: bool


def log(connection: Connection, version_id: int) -> list[Entry]:
    """All edits of a version in their order."""
    e = tables.edit.c
    rows = connection.execute(sa.select(tables.edit).where(e.version_id == version_id).order_by(e.number)).all()
    kept = History.of((row.number, row.undoes, row.actor) for row in rows)
    return [
        Entry(
            row.number, row.actor, row.at, row.action, json.loads(row.asked), row.seen, row.undoes,
            tuple(json.loads(row.codes)), kept.holds(row.number),
        )
        for row in rows
    ]  # fmt: skip


def last_number(connection: Connection, version_id: int) -> int:
    """The number of the last edit of a version, 0 where there is none."""
    return connection.scalar(_LAST, {"version_id": version_id}) or 0


_LAST = sa.select(sa.func.max(tables.edit.c.number)).where(tables.edit.c.version_id == sa.bindparam("version_id"))


# ---------------------------------------------------------------- what is in effect
@dataclass
class History:
    """What the rows of a log say of one another.

    Attributes
    ----------
    target : the edit that each row makes, takes back or makes again
    turned : the last row of each edit
    done, undone : edits that each actor can take back, or do again, the next one at the end
    """

    target: dict[int, int] = field(default_factory=dict)
    turned: dict[int, int] = field(default_factory=dict)
    on: set[int] = field(default_factory=set)
    done: dict[str, list[int]] = field(default_factory=dict)
    undone: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int | None, str]]) -> History:
        """The history that rows tell: number, what each takes back, and actor; in their order."""
        out = cls()
        for number, undoes, actor in rows:
            out.take(number, undoes, actor)
        return out

    def take(self, number: int, undoes: int | None, actor: str) -> None:
        """Take in the next row."""
        mine, again = self.done.setdefault(actor, []), self.undone.setdefault(actor, [])
        target = number if undoes is None else self.target[undoes]
        self.target[number] = target
        self.turned[target] = number
        if target in self.on:
            self.on.remove(target)
        else:
            self.on.add(target)
        if undoes is None:
            again.clear()
            mine.append(number)
        else:
            source, goal = (mine, again) if undoes == target else (again, mine)
            goal.append(source.pop())

    def holds(self, number: int) -> bool:
        """Whether a row is in effect: an edit until it is taken back, an undo or redo while it is the last."""
        target = self.target[number]
        return target in self.on if number == target else self.turned[target] == number

    @property
    def dead(self) -> set[int]:
        """Edits that are not in effect and cannot be again."""
        again = {number for stack in self.undone.values() for number in stack}
        return {*self.target.values()} - self.on - again


def history(connection: Connection, version_id: int) -> History:
    """The history of a version."""
    e = tables.edit.c
    asked = sa.select(e.number, e.undoes, e.actor).where(e.version_id == version_id).order_by(e.number)
    return History.of(connection.execute(asked))


# ---------------------------------------------------------------- what changed since
class Turn(NamedTuple):
    """An edit that is in effect and was not, or the other way round, with the row that made it so."""

    target: int
    number: int
    action: str
    of_action: str
    actor: str
    at: str
    codes: frozenset[str]

    def __str__(self) -> str:
        what = self.action if self.target == self.number else f"{self.action} of {self.of_action}"
        return f"{what} by {self.actor} at {self.at} (edit {self.number})"


def _since() -> sa.Select[Any]:
    """The question for rows of a version after one, each with the edit that it makes or takes back."""
    row, taken, first = (tables.edit.alias(name) for name in ("row", "taken", "first"))
    target = sa.func.coalesce(taken.c.undoes, row.c.undoes, row.c.number)
    back = sa.and_(taken.c.version_id == row.c.version_id, taken.c.number == row.c.undoes)
    origin = sa.and_(first.c.version_id == row.c.version_id, first.c.number == target)
    asked = sa.select(
        first.c.number, row.c.number, row.c.action, first.c.action, row.c.actor, row.c.at, first.c.codes
    ).select_from(row.outerjoin(taken, back).join(first, origin))
    where = sa.and_(row.c.version_id == sa.bindparam("version_id"), row.c.number > sa.bindparam("since"))
    return asked.where(where).order_by(row.c.number)


_SINCE = _since()


def turns(connection: Connection, version_id: int, *, since: int) -> list[Turn]:
    """Edits that are in effect and were not after edit number `since`, or the other way round."""
    out: dict[int, list[Turn]] = {}
    for *said, codes in connection.execute(_SINCE, {"version_id": version_id, "since": since}):
        out.setdefault(said[0], []).append(Turn(*said, frozenset(json.loads(codes))))  # type: ignore[call-arg]
    return [found[-1] for found in out.values() if len(found) % 2]


def refuse_turned(found: Iterable[Turn], codes: Collection[str], *, cure: str) -> None:
    """Refuse to change grids that others changed meanwhile.

    Raises
    ------
    Conflict
        With each grid, what was done to it, by whom and when.
    """
    changing = [turn for turn in found if turn.of_action not in (LOCK, UNLOCK)]
    told = [
        f"grid {code} was changed meanwhile: {turn}"
        for code in sorted(codes)
        for turn in changing
        if code in turn.codes
    ]
    if told:
        raise Conflict(f"{'; '.join(told)}. {cure}")


# ---------------------------------------------------------------- locks
@dataclass(frozen=True)
class Locked:
    """Grids and borders that are locked, with the edit that locked each."""

    grids: Mapping[str, Entry]
    borders: Mapping[Border, Entry]


def locked(connection: Connection, version_id: int) -> Locked:
    """What is locked in a version."""
    return locked_by(connection, version_id)[0]


def locked_by(connection: Connection, version_id: int, *rows: Entry) -> tuple[Locked, Locked]:
    """What is locked in a version, and what will be with more rows in its log."""
    if connection.scalar(_ANY_LOCK, {"version_id": version_id}) is None:
        return Locked({}, {}), Locked({}, {})
    stand = log(connection, version_id)
    every = [*stand, *rows]
    kept = History.of((row.number, row.undoes, row.actor) for row in every)
    held = locks_of(one for one in stand if one.in_effect)
    return held, locks_of(one for one in every if kept.holds(one.number)) if rows else held


_ANY_LOCK = sa.select(sa.func.min(tables.edit.c.number)).where(
    tables.edit.c.version_id == sa.bindparam("version_id"), tables.edit.c.action.in_((LOCK, UNLOCK))
)


def locks_of(entries: Iterable[Entry]) -> Locked:
    """What edits in effect, in their order, leave locked.

    Codes that went on under another number are followed, and borders that lie between other grids now; these count as
    locked by who locked them first.
    """
    grids: dict[str, Entry] = {}
    borders: dict[Border, Entry] = {}
    for one in entries:
        if one.action == LOCK:
            grids |= dict.fromkeys(one.asked.get("grids", ()), one)
            borders |= dict.fromkeys(map(border, one.asked.get("borders", ())), one)
        elif one.action == UNLOCK:
            for code in one.asked.get("grids", ()):
                grids.pop(code, None)
            for pair in map(border, one.asked.get("borders", ())):
                borders.pop(pair, None)
        elif one.action == NUMBER:
            new = one.asked.get("codes", {})
            grids = {new.get(code, code): by for code, by in grids.items()}
            borders = {border(new.get(code, code) for code in pair): by for pair, by in borders.items()}
        elif FOLLOWED in one.asked:
            borders = _followed(borders, one.asked[FOLLOWED])
    return Locked(grids, borders)


def _followed(borders: Mapping[Border, Entry], led: Iterable[tuple[Border, Iterable[Border]]]) -> dict[Border, Entry]:
    """Locked borders where the land of some lies between other grids; what is not locked leads to nothing."""
    told = {border(was): [border(pair) for pair in now] for was, now in led}
    left = {pair: by for pair, by in borders.items() if pair not in told}
    for by, pairs in sorted(((by, told[was]) for was, by in borders.items() if was in told), key=_when):
        for pair in pairs:
            left.setdefault(pair, by)
    return left


def _when(led: tuple[Entry, list[Border]]) -> tuple[int, list[Border]]:
    return led[0].number, led[1]


def border(pair: Iterable[str]) -> Border:
    """Two grids as a border is named: the smaller code first."""
    one, two = sorted(pair)
    return one, two


def codes_asked(asked: Mapping[str, Any]) -> set[str]:
    """Grids that a lock, or an unlock, is about."""
    return {*asked.get("grids", ()), *(code for pair in asked.get("borders", ()) for code in pair)}
