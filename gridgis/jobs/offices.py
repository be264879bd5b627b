"""Offices for cases: that of one division, or of the versions in force at the time of each case."""

from __future__ import annotations

import datetime
import threading
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gridgis.errors import Fault, InputRefused
from gridgis.jobs.registry import reading
from gridgis.schema import Division

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy.engine import Connection

    from gridgis.addresses import Candidate, Gazetteer
    from gridgis.duties import Desk, Duties
    from gridgis.profile import Profile
    from gridgis.resolve import Office

KEPT = 2
"""Divisions of different times that are held at once: cases mostly come in the order of their times."""
LAYERS = ("zones", "grids", "microgrids", "atoms", "borders")
"""What is read of a version."""


@dataclass(frozen=True)
class Sources:
    """What a city has beside its division, each `FILE` or `FILE:LAYER`.

    Attributes
    ----------
    parties : people, posts, items and duty rules
    gazetteer : as `gridgis gazetteer` writes it
    streets, components : layers
    rename, crs_of : as :func:`gridgis.layers.parse_map` and :func:`gridgis.layers.parse_crs` give them
    """

    parties: str | None = None
    gazetteer: str | None = None
    streets: str | None = None
    components: str | None = None
    rename: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    crs_of: Mapping[str, str] = field(default_factory=dict)

    def office(self, division: Division, *, timezone: str, kept: Kept | None = None) -> Office:
        """What answers the cases of a division.

        Parameters
        ----------
        kept : what a store holds beside its divisions; `parties` goes before its duties
        """
        from gridgis.addresses import Gazetteer
        from gridgis.layers import read_layer
        from gridgis.locate import Places
        from gridgis.resolve import Office
        from gridgis.resolve.streets import Streets

        if division.grids.empty or division.microgrids.empty:
            cure = "Give one that gridgis check finds whole"
            raise InputRefused([Fault("division", "", "holds no grid or no micro-grid", cure)])
        profile = profile_of(division)
        read = partial(read_layer, rename=self.rename, crs_of=self.crs_of)
        streets = read("streets", self.streets) if self.streets else None
        components = read("components", self.components) if self.components else None
        gazetteer = Gazetteer.open(self.gazetteer) if self.gazetteer else None
        office = Office(
            places=Places.of(division),
            profile=profile,
            gazetteer=gazetteer,
            aliases=kept.corrections.of_gazetteer(gazetteer) if kept and gazetteer else None,
            streets=None if streets is None else Streets(streets),
            components=None if components is None else components.to_crs(division.grids.crs),
        )
        desk = self._desk(office, timezone, kept)
        return replace(office, desk=desk, notices=_strange(desk, division) if self.parties and desk else ())

    def _desk(self, office: Office, timezone: str, kept: Kept | None) -> Desk | None:
        from gridgis.duties import Desk, read_duties

        now = datetime.datetime.now(datetime.UTC)  # that of a case without a time
        if self.parties is not None:
            given = partial(read_duties, components=office.components, timezone=timezone, profile=office.profile)
            return Desk(given(self.parties), at=now)
        if kept is None or (kept.duties.rules.empty and kept.duties.posts.empty):
            return None
        return Desk(replace(kept.duties, components=office.components), at=now)


def _strange(desk: Desk, division: Division) -> tuple[str, ...]:
    """That a file of parties names areas that the division does not have: it was not held against it before."""
    from gridgis.duties.elsewhere import elsewhere, notices

    codes = [*division.grids["grid_code"], *division.microgrids["microgrid_code"]]
    assert desk.at is not None
    return tuple(notices(elsewhere(desk.duties, codes, at=desk.at.isoformat(timespec="microseconds"))))


@dataclass(frozen=True)
class Corrections:
    """Corrections of addresses that a store remembers: `text`, `address`, and `x` and `y` in the CRS of the store."""

    frame: pd.DataFrame
    crs: str

    @classmethod
    def of(cls, connection: Connection) -> Corrections:
        """What a store remembers."""
        from gridgis.registry import aliases
        from gridgis.registry.store import store_crs

        return cls(aliases.aliases(connection), str(store_crs(connection)))

    def of_gazetteer(self, gazetteer: Gazetteer) -> Mapping[str, Candidate]:
        """Them as a gazetteer takes them, made ready once for all that is asked."""
        from gridgis.addresses import remembered
        from gridgis.coordinates import to_crs
        from gridgis.crs import canonical

        here = self.frame["x"].to_numpy(dtype=np.float64), self.frame["y"].to_numpy(dtype=np.float64)
        x, y = to_crs(*here, source=self.crs, target=canonical(gazetteer.crs)) if len(self.frame) else here
        return remembered(self.frame.assign(x=x, y=y))


@dataclass(frozen=True)
class Kept:
    """What a store holds beside its divisions: people and duties, and corrections of addresses."""

    duties: Duties
    corrections: Corrections

    @classmethod
    def of(cls, store: str, *, timezone: str) -> Kept:
        """What a store holds."""
        from gridgis.registry import duties

        with reading(store) as connection:
            return cls(duties.duties(connection, timezone=timezone), Corrections.of(connection))


class OneOffice:
    """One division answers all cases."""

    def __init__(self, office: Office) -> None:
        self.sample = office

    def at(self, times: NDArray[np.datetime64]) -> Iterator[tuple[NDArray[np.int64], Office | None]]:
        """Rows and the office that answers them."""
        yield np.arange(len(times)), self.sample


class OfficesByTime:
    """What is in force in a store at the time of a case answers it.

    Times of cases fall into spans between which something came into force; the division of a span is read when a
    case of it comes.
    """

    def __init__(self, store: str, network: str, sources: Sources, *, timezone: str, now: str) -> None:
        self.store, self.network, self.sources, self.timezone = store, network, sources, timezone
        self.now = np.datetime64(now[:26])
        self._held: dict[int, Office] = {}
        self._reading = threading.Lock()

    @cached_property
    def kept(self) -> Kept:
        """What the store holds beside."""
        return Kept.of(self.store, timezone=self.timezone)

    @cached_property
    def starts(self) -> list[str]:
        """When versions came into force, in order."""
        from gridgis.registry import versions

        with reading(self.store) as connection:
            found = versions.versions(connection, network=self.network)
        return sorted({one.effective_from for one in found if one.state == "approved" and one.effective_from})

    @property
    def sample(self) -> Office:
        """What is in force now."""
        span = self._span(np.array([self.now]))[0]
        if span < 0:
            problem = f"nothing is in force in network {self.network}"
            raise InputRefused([Fault("store", self.store, problem, "See: gridgis versions")])
        return self._of_span(int(span))

    def at(self, times: NDArray[np.datetime64]) -> Iterator[tuple[NDArray[np.int64], Office | None]]:
        """Rows and the office that answers them, None before the first version; cases without a time are of now."""
        span = self._span(np.where(np.isnat(times), self.now, times))
        for one in np.unique(span):
            yield np.flatnonzero(span == one), self._of_span(int(one)) if one >= 0 else None

    def _span(self, times: NDArray[np.datetime64]) -> NDArray[np.int64]:
        starts = np.array([np.datetime64(start[:26]) for start in self.starts], dtype="M8[us]")
        return np.searchsorted(starts, times.astype("M8[us]"), side="right") - 1

    def at_moment(self, moment: str) -> Office | None:
        """The office of one time, as the store writes times; None before the first version. Threads may share it."""
        span = bisect_right(self.starts, moment) - 1
        return None if span < 0 else self._of_span(span)

    def _of_span(self, span: int) -> Office:
        found = self._held.get(span)
        if found is not None:
            return found
        with self._reading:
            if span not in self._held:
                while len(self._held) >= KEPT:
                    del self._held[next(iter(self._held))]
                division = self.division_at(self.starts[span])
                self._held[span] = self.sources.office(division, timezone=self.timezone, kept=self.kept)
            return self._held[span]

    def division_at(self, moment: str) -> Division:
        """All districts that have something in force at a time, as one."""
        from gridgis.registry import versions

        with reading(self.store) as connection:
            districts = sorted({one.district for one in versions.versions(connection, network=self.network)})
            found = [versions.in_force(connection, one, at=moment, network=self.network) for one in districts]
            loaded = [versions.load(connection, one, layers=LAYERS) for one in found if one is not None]
        if not loaded:
            problem = f"nothing is in force in network {self.network} at {moment}"
            raise InputRefused([Fault("store", self.store, problem, "See: gridgis versions")])
        return _together(loaded)


def profile_of(division: Division) -> Profile:
    """The profile that is stored with a division, else the default one."""
    from gridgis.profile import load_profile, profile_from_toml

    told = division.info.get("profile_toml")
    return profile_from_toml(told) if told else load_profile()


def _together(divisions: list[Division]) -> Division:
    """Divisions of districts as one, with the profile of the first."""
    if len(divisions) == 1:
        return divisions[0]
    frames = {name: pd.concat([getattr(one, name) for one in divisions], ignore_index=True) for name in LAYERS}
    return Division.with_layers(frames, info=divisions[0].info, crs=divisions[0].grids.crs)
