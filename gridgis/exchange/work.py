"""What all steps of an import share: numbers of policy, what there is to tell, how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gridgis.exchange.changes import Log
from gridgis.profile import Profile

Progress = Callable[[str, float], None]
Share = Callable[[float], None]

STAGES = {"read": 0.2, "repair": 0.45, "fit": 0.55, "micro-grids": 0.7, "assemble": 0.8, "check": 1.0}
"""Stages of an import, and how much of it is done at the end of each."""


@dataclass(frozen=True)
class Declared:
    """What a person says about the files.

    Attributes
    ----------
    rename, crs_of : as :func:`gridgis.layers.parse_map` and :func:`gridgis.layers.parse_crs` give them
    encoding : of the texts of Shapefiles, "utf-8" or "gbk"; told by themselves where it is None
    """

    rename: Mapping[str, Mapping[str, str]]
    crs_of: Mapping[str, str]
    encoding: str | None = None


@dataclass(frozen=True)
class Work:
    """What all steps of an import share.

    Attributes
    ----------
    log : what was changed, what is wrong
    progress : told the stage and how much of the whole is done
    """

    profile: Profile
    log: Log = field(default_factory=Log)
    progress: Progress | None = None

    def within(self, stage: str) -> Share:
        """What tells which share of a stage is done."""
        names = list(STAGES)
        start = STAGES[names[names.index(stage) - 1]] if stage != names[0] else 0.0

        def tell(share: float) -> None:
            if self.progress is not None:
                self.progress(stage, start + (STAGES[stage] - start) * min(share, 1.0))

        tell(0.0)
        return tell

    @property
    def refused(self) -> bool:
        """Whether there is a reason to refuse the import."""
        return self.log.refused
