"""What an import changes, leaves out or refuses: a line for each row of the source, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from gridgis.errors import Fault, Notice
from gridgis.layers.findings import Findings

COLUMNS = ("layer", "row", "code", "change", "detail", "old", "new")
"""Of a report: the layer, how the row is called, its code in the result, what was changed, how, from what, to what."""

KINDS = (
    "refused",
    "left out",
    "code changed",
    "overlap closed",
    "gap closed",
    "cut to its zone",
    "filled up",
    "cut to its grid",
    "sliver dropped",
    "parts merged",
    "outline mended",
    "vertices added",
    "vertices moved",
    "height dropped",
    "atom given",
    "buildings disagree",
    "note",
)
"""What can happen to a row, in the order in which it is told."""


@dataclass(frozen=True)
class Change:
    """One thing that an import does to one row."""

    layer: str
    row: str
    kind: str
    detail: str = ""
    old: str = ""
    new: str = ""
    code: str = ""


@dataclass
class Log:
    """Everything that there is to be told of an import, in the order in which it was found."""

    changes: list[Change] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)

    def add(
        self, layer: str, row: str, kind: str, detail: str = "", *, old: str = "", new: str = "", code: str = ""
    ) -> None:
        """Add one change."""
        self.changes.append(Change(layer, row, kind, detail, old, new, code))

    def fault(self, layer: str, row: str, problem: str, cure: str) -> None:
        """Add one reason to refuse the import; each is listed, however many there are."""
        self.findings.fault(layer, row, problem, cure)

    def notice(self, layer: str, message: str, count: int = 1) -> None:
        """Add something that is to be told and changes nothing."""
        self.findings.notice(layer, message, count)

    @property
    def refused(self) -> bool:
        """Whether there is a reason to refuse the import."""
        return bool(self.findings.faults)


def report(changes: Iterable[Change], faults: Iterable[Fault], notices: Iterable[Notice]) -> pd.DataFrame:
    """Changes, faults and notices as one table, what is refused first, then kind by kind and row by row."""
    rows = [
        *((f.layer, f.row, "", "refused", f"{f.problem}. {f.cure}", "", "") for f in faults),
        *((c.layer, c.row, c.code, c.kind, c.detail, c.old, c.new) for c in changes),
        *((n.layer, "", "", "note", f"{n.message} ({n.count})", "", "") for n in notices),
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    rank = table["change"].map({kind: number for number, kind in enumerate(KINDS)})
    return table.iloc[rank.argsort(kind="stable")].reset_index(drop=True)


def summed(changes: Sequence[Change]) -> dict[str, int]:
    """How many changes there are of each kind, in the order of :data:`KINDS`."""
    count = dict.fromkeys(KINDS, 0)
    for change in changes:
        count[change.kind] += 1
    return {kind: number for kind, number in count.items() if number}
