"""Hot spots and cold spots that are more than chance: Getis-Ord Gi* and local Moran by grid, corrected for many tests.

Invariant: same frames, same options, same `rng`: same verdicts, whatever the number of cores; and of the grids called
hot or cold, on average no more than `fdr` are what chance makes of the same risk everywhere.

What is tested
    With an exposure (`per`), rates standardised as Assunção and Reis do: counts of cases make big grids hot, and plain
    rates make small grids hot and cold, as theirs scatter most. Without (`per=None`), the counts, as esda tests them.
Against what
    Gi* against sums of as many grids drawn at random, the grid itself among them (`randomisation="total"`), which is
    what its z is about. esda's permutations keep the grid's own value (`"conditional"`), so that its p is that of
    Gi: a hot grid among quiet ones is then not hot, but all its neighbours are. Local Moran is always conditional.
    With an exposure, what stands in for a grid is drawn from grids of like exposure, as rates of small grids are more
    skewed than those of big ones however they are standardised; and no p is smaller than that of the Poisson
    distribution for the cases around, since no cases vary less than that.
What it cannot see
    One grid that alone holds many cases among quiet neighbours: nothing tells it from cases that come in heaps. It
    heads the plain table, and is perhaps a pile of default coordinates.

Why so. Measured on 1,200 grids of the same risk, 100 seeds, at a rate of 0.05: of 100 cities, in how many anything at
all was called (5 are allowed).

    ====================================  ===========  ============  ==================  =============
    noise, cases a grid                   z, normal    permutations  plain rates, drawn  by exposure
    ====================================  ===========  ============  ==================  =============
    households equal                      of counts    of counts
    Poisson, 0.2 / 1 / 5                  58, 29, 11   0, 1, 3
    in heaps (1 + mean times the var.)    78, 55, 52   1, 0, 2
    households 10 : 1, by quarter
    Poisson, 0.2 / 1 / 5                  81, 42, 15                 5, 56, 97           0, 0, 2
    in heaps                              82, 69, 57                 9, 10, 89           1, 3, 3
    ====================================  ===========  ============  ==================  =============

Counts of the last two called something in up to 100 of 100. The correction is made for each side apart: in one, many
hot grids let false cold ones through (a false share of 0.07). Grids that are found are set aside, with their
neighbours: with 36 planted among 1,200 at three times the risk of 5 cases a grid, 79 of 100 were found at once, and 98
when the found ones no longer lay in the urns; the false share, planted grids' neighbours not counted, was 0.03.

So what :func:`preview` gives is called a preview.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from gridgis.errors import Fault, Notice, refuse
from gridgis.geometry.noding import Bools, Floats, Ints
from gridgis.heat.contiguity import Contiguity
from gridgis.heat.counts import Counted
from gridgis.heat.discoveries import CORRECTIONS, Correction, adjusted_by_side
from gridgis.heat.getis_ord import gi_star, with_itself
from gridgis.heat.rates import exposure_of, known, overall, standardised

Method = Literal["gi_star", "local_moran"]
Randomisation = Literal["total", "conditional"]

HOT, COLD, NOT_SIGNIFICANT, NOT_ENOUGH = "hot", "cold", "not significant", "not enough data"
HIGH_AMONG_LOW, LOW_AMONG_HIGH = "high among low", "low among high"
"""Verdicts; the last two of local Moran alone."""

STRATUM, STRATA = 200, 50
"""Grids of like exposure are at least so many, and in no more classes than this."""


ROUNDS, AGAIN = 3, 0.05
"""How often all is tested (a fourth and a fifth time found 2 in 100 more), and up to which p the others are again."""


@dataclass(frozen=True)
class Spots:
    """What :func:`hot_spots` and :func:`preview` give.

    Attributes
    ----------
    frame : DataFrame
        One row a grid, in the order of the grids:

        - `grid_code`, `zone_code`, `name`, `cases`: of the grid.
        - `cases_around`, `expected_around`: of the grid and its neighbours together; expected at the rate of all.
        - `z`: of Gi* (Ord and Getis 1995) or of local Moran (Sokal et al. 1998, conditional), NaN where not tested.
        - `p`: two-sided, from permutations, or of z in a preview.
        - `q`: the least false discovery rate at which the grid is called.
        - `verdict`: "hot" or "cold" where q is at most the rate; else "not significant", or "not enough data" where
          the grid has no exposure or no neighbour, or fewer cases around it were expected than `min_expected`.
          Local Moran also tells "high among low" and "low among high".
        - `carried_by`: codes of neighbours, joined by commas, that hold more cases than expected of them, most first
          (of cold spots fewer, fewest first); empty where the grid carries its verdict alone.
        - `preview`: whether the verdict is only that of the normal distribution.
    notices : tuple of Notice
    """

    frame: pd.DataFrame
    notices: tuple[Notice, ...]


def hot_spots(
    counted: Counted,
    neighbours: Contiguity,
    *,
    rng: np.random.Generator,
    per: str | None = "households",
    method: Method = "gi_star",
    randomisation: Randomisation = "total",
    set_aside: bool = True,
    own_side: bool = True,
    permutations: int = 999,
    fdr: float = 0.05,
    correction: Correction = "bh",
    min_expected: float = 1.0,
    carriers: int = 3,
) -> Spots:
    """Test every grid with its neighbours by permutation.

    Parameters
    ----------
    counted : Counted
    neighbours : Contiguity
        Of the same grids in the same order.
    rng : numpy.random.Generator
    per : a name of :data:`gridgis.heat.rates.EXPOSURES`, or None
        None tests counts.
    set_aside : bool
        Whether grids that are called leave the urns with their neighbours, and the others are tested again with the
        rest, until no more are found or half of the grids are out. Without it several hot spots hide their rims:
        what is drawn holds hot grids too.
    own_side : bool
        Whether Gi* calls a grid hot only where its own value is above the mean, and cold only below: a quiet grid
        beside a hot spot is not called. Its q is 1, its p that of the first draws.
    permutations : int
        Draws for every grid whose p is below 0.2, a quarter for others; those that may be significant get more, see
        :mod:`gridgis.heat.permutations`.
    fdr : float
        The share of verdicts that may be false, on average.
    min_expected : float
        Below it, "not significant" would say more than is known. It keeps no grid from being hot.
    carriers : int
        How many neighbours are named.

    References
    ----------
    Getis and Ord (1992); Ord and Getis (1995), Local spatial autocorrelation statistics, eq. 6 with the place itself;
    Anselin (1995), Local indicators of spatial association. Caldas de Castro and Singer (2006), Controlling the false
    discovery rate: Benjamini and Hochberg's correction for these statistics.
    """
    refuse(_faults(counted, neighbours, method, randomisation, permutations, fdr, correction))
    field = _Field.of(counted, neighbours, per, method, randomisation)
    p, q, up = np.ones(len(field.value)), np.ones(len(field.value)), field.z > 0
    some = field.testable
    asked, called = np.flatnonzero(some), np.zeros(len(field.value), dtype=bool)
    tests, own_side = len(asked), own_side and method == "gi_star"
    alone = int((field.cases > 0).sum()) <= 1  # what differs then is the size of grids alone
    for _ in range(ROUNDS if tests and not field.flat and not alone else 0):
        now = field.among(~field.touched(called))
        if not now.tells:
            break
        ahead = int((called & up).sum()), int((called & ~up).sum())
        high = now.high if own_side else None
        p[asked], up[asked] = now.tested_by_draws(
            asked,
            tests=tests,
            ahead=ahead,
            high=None if high is None else high[asked],
            permutations=permutations,
            rate=fdr,
            correction=correction,
            rng=rng,
        )
        judged = p if high is None else np.where((high == up) | called, p, 1.0)
        q[some] = adjusted_by_side(judged[some], up[some], correction=correction)
        new = some & (q <= fdr) & ~called
        if not set_aside or not new.any():
            break
        called |= new
        asked = np.flatnonzero(some & (p <= AGAIN) & ~called)
    return field.spots(p[field.testable], q[field.testable], up, fdr, min_expected, carriers)


def preview(
    counted: Counted,
    neighbours: Contiguity,
    *,
    per: str | None = "households",
    method: Method = "gi_star",
    fdr: float = 0.05,
    correction: Correction = "bh",
    min_expected: float = 1.0,
    carriers: int = 3,
) -> Spots:
    """The same from the normal distribution of z: at once, and too often hot; see the head of this module."""
    from scipy.special import ndtr

    refuse(_faults(counted, neighbours, method, "total", 999, fdr, correction))
    field = _Field.of(counted, neighbours, per, method, "total")
    p = 2 * ndtr(-np.abs(field.z[field.testable]))
    up = field.z > 0 if method == "gi_star" else (field.z > 0) == field.high
    q = adjusted_by_side(p, up[field.testable], correction=correction)
    spots = field.spots(p, q, up, fdr, min_expected, carriers)
    return Spots(spots.frame.assign(preview=True), spots.notices)


def strata(exposure: Floats, *, among: Bools | None = None) -> Ints:
    """Classes of like exposure, from 0 upwards, each of :data:`STRATUM` grids or more where there are as many.

    Parameters
    ----------
    exposure : float array, shape (n,)
    among : bool array, optional
        The grids that are counted, all by default; others are put in the class into which their exposure falls.
    """
    counting = exposure if among is None else exposure[among]
    distinct, number = np.unique(counting, return_counts=True)
    least = max(STRATUM, -(-len(counting) // STRATA))
    lower, held, left = [-np.inf], 0, len(counting)
    for value, count in zip(distinct, number, strict=True):
        if held >= least and left >= least:
            lower.append(value)
            held = 0
        held, left = held + int(count), left - int(count)
    return np.searchsorted(np.array(lower), exposure, side="right") - 1


@dataclass(frozen=True)
class _Field:
    """The grids that have a value, and what is summed around each."""

    counted: Counted
    matrix: Any
    method: Method
    without_self: bool
    tested: Ints
    value: Floats
    exposure: Floats | None
    classes: Ints
    window: Any
    inside: Bools

    @classmethod
    def of(
        cls, counted: Counted, neighbours: Contiguity, per: str | None, method: Method, randomisation: Randomisation
    ) -> _Field:
        cases = counted.frame["cases"].to_numpy(dtype=np.float64)
        exposure = None if per is None else known(counted.frame[exposure_of(counted, per).column])
        value = cases if exposure is None else standardised(cases, exposure)
        tested = np.flatnonzero(np.isfinite(value))
        matrix = neighbours.matrix[tested][:, tested].tocsr()
        without_self = method == "local_moran" or randomisation == "conditional"
        own = None if exposure is None else exposure[tested]
        classes = np.zeros(len(tested), dtype=np.int64) if own is None else strata(own)
        window = matrix if without_self else with_itself(matrix)
        every = np.ones(len(tested), dtype=bool)
        return cls(counted, neighbours.matrix, method, without_self, tested, value[tested], own, classes, window, every)

    def among(self, inside: Bools) -> _Field:
        """The same with rates standardised by, and urns of, some grids alone."""
        if self.exposure is None or inside.all():
            return replace(self, inside=inside)
        value, classes = standardised(self.cases, self.exposure, among=inside), strata(self.exposure, among=inside)
        return replace(self, inside=inside, value=value, classes=classes)

    @property
    def tells(self) -> bool:
        """Whether what is in the urns is still most of the city, and holds a case."""
        return bool(2 * self.inside.sum() >= len(self.value) and self.cases[self.inside].any())

    def touched(self, called: Bools) -> Bools:
        """Grids that are called, and their neighbours: to leave only high values out would make the rest too low."""
        return called | np.asarray(self.window @ called.astype(np.float64) > 0)

    def tested_by_draws(self, asked: Ints, **options: Any) -> tuple[Floats, Bools]:
        """The p of the grids asked about, and whether their sum is high; options of :func:`refined`."""
        from gridgis.heat.draws import Urns, Windows
        from gridgis.heat.permutations import refined, two_sided

        urns = Urns.of(self.value, self.classes, self.inside)
        windows = Windows.of(self.window, self.value, urns)
        found = refined(urns, windows, asked, without_self=self.without_self, **options)
        up = found.at_least < found.at_most
        return np.maximum(two_sided(found), self.least_p(asked, up)), up

    @property
    def cases(self) -> Floats:
        return self.counted.frame["cases"].to_numpy(dtype=np.float64)[self.tested]

    @property
    def expected(self) -> Floats:
        """Cases of each grid at the rate of all."""
        if self.exposure is None:
            return np.full(len(self.value), self.cases.mean() if len(self.value) else 0.0)
        return self.exposure * overall(self.cases, self.exposure)

    @property
    def high(self) -> Bools:
        """Whether the value of a grid is above the mean of those in the urns."""
        return self.value > (self.value[self.inside].mean() if self.inside.any() else 0.0)

    @property
    def flat(self) -> bool:
        return not len(self.value) or bool(np.ptp(self.value) <= 1e-12 * np.abs(self.value).max(initial=0.0))

    @property
    def testable(self) -> Bools:
        """Whether there is anything around a grid, and anything beyond."""
        around = np.diff(self.window.indptr)
        return np.asarray((around > 0) & (around < len(self.value) - self.without_self))

    @property
    def z(self) -> Floats:
        if self.flat:
            return np.zeros(len(self.value))
        if self.method == "gi_star":
            return gi_star_z(self.value, self.window)
        return local_moran_z(self.value, self.window)

    def least_p(self, asked: Ints, up: Bools) -> Floats:
        """Twice the Poisson tail of the cases in the window; 0 where counts are tested."""
        from scipy.special import gammainc, gammaincc

        if self.exposure is None:
            return np.zeros(len(asked))
        weight, risk = self.counted.case_weight, overall(self.cases[self.inside], self.exposure[self.inside])
        seen, due = (self.window[asked] @ each / weight for each in (self.cases, self.exposure * risk))
        at_least = np.where(seen > 0, gammainc(np.maximum(seen, 1e-300), due), 1.0)
        return np.minimum(1.0, 2 * np.where(up, at_least, gammaincc(seen + 1, due)))

    def spots(self, p: Floats, q: Floats, up: Bools, fdr: float, min_expected: float, carriers: int) -> Spots:
        """The frame of results."""
        n, around = len(self.counted.frame), with_itself(self.window)
        expected_around = around @ self.expected
        whole: dict[str, Any] = {
            name: np.full(n, np.nan) for name in ("cases_around", "expected_around", "z", "p", "q")
        }
        asked = self.tested[self.testable]
        whole["cases_around"][self.tested], whole["expected_around"][self.tested] = around @ self.cases, expected_around
        whole["z"][asked], whole["p"][asked], whole["q"][asked] = self.z[self.testable], p, q
        verdict = np.full(n, NOT_ENOUGH, dtype=object)
        verdict[self.tested] = self._verdicts(whole["q"][self.tested] <= fdr, up, expected_around >= min_expected)
        frame = self.counted.frame[["grid_code", "zone_code", "name", "cases"]].assign(**whole, verdict=verdict)
        frame = frame.assign(carried_by=self._carried(verdict, carriers), preview=False)
        return Spots(frame, (*self.counted.notices, *self._notices()))

    def _verdicts(self, called: Bools, up: Bools, enough: Bools) -> Any:
        own = up if self.method == "gi_star" else self.high
        kind = np.where(up, np.where(own, HOT, LOW_AMONG_HIGH), np.where(own, HIGH_AMONG_LOW, COLD))
        return np.where(called, kind, np.where(enough & self.testable, NOT_SIGNIFICANT, NOT_ENOUGH))

    def _carried(self, verdict: Any, carriers: int) -> list[str]:
        code, cases = self.counted.frame["grid_code"].to_numpy(dtype=object), self.counted.frame["cases"].to_numpy()
        excess = np.zeros(len(code))
        excess[self.tested] = self.cases - self.expected
        out = [""] * len(code)
        for i in np.flatnonzero((verdict != NOT_SIGNIFICANT) & (verdict != NOT_ENOUGH)):
            side = 1 if verdict[i] in (HOT, LOW_AMONG_HIGH) else -1
            near = self.matrix.indices[self.matrix.indptr[i] : self.matrix.indptr[i + 1]]
            near = sorted(near[excess[near] * side > 0], key=lambda j: (-side * cases[j], code[j]))
            out[i] = ",".join(code[j] for j in near[:carriers])
        return out

    def _notices(self) -> Iterator[Notice]:
        out, holding = len(self.counted.frame) - len(self.tested), int((self.cases > 0).sum())
        if out:
            yield Notice(
                "grids", "grids have nothing to divide by: they are not tested, nor part of a neighbourhood", out
            )
        if not holding:
            yield Notice("cases", "no case lies in a grid that can be tested")
        elif holding == 1:
            yield Notice("cases", "all cases lie in one grid: sums over neighbours tell nothing of a single heap")
        elif self.flat:
            yield Notice("grids", "all grids are the same: there is nothing to test")


def gi_star_z(value: Floats, matrix: Any) -> Floats:
    """The z of Gi* of one window of time, see :func:`gridgis.heat.getis_ord.gi_star`; as esda's `G_Local.Zs`."""
    return np.asarray(gi_star(value[:, None], matrix)[:, 0], dtype=np.float64)


def local_moran(value: Floats, window: Any) -> Floats:
    """Local Moran's I with weights that add up to 1; as esda's `Moran_Local(...).Is`. 0 without neighbours."""
    n, k = len(value), np.diff(window.indptr).astype(np.float64)
    x = (value - value.mean()) / value.std()
    lag = np.divide(window @ x, k, out=np.zeros(n), where=k > 0)
    return (n - 1) * x * lag / float((x * x).sum())


def local_moran_z(value: Floats, window: Any) -> Floats:
    """The z of local Moran by its conditional moments; from esda's `Is`, `EIc` and `VIc`. 0 without neighbours.

    References
    ----------
    Sokal, Oden and Thomson (1998), Local spatial autocorrelation in a biological model, eq. A7 and A8.
    """
    n, k = len(value), np.diff(window.indptr).astype(np.float64)
    x = (value - value.mean()) / value.std()
    square = float((x * x).sum()) / n
    some = (k > 0).astype(np.float64)
    mean = -(x**2) * some / ((n - 1) * square)
    per = np.divide(1.0, k, out=np.zeros(n), where=k > 0)
    variance = (x / square) ** 2 * n / max(n - 2, 1) * (per - some / (n - 1)) * (square - x**2 / (n - 1))
    out = np.zeros(n)
    spread = np.sqrt(np.maximum(variance, 0.0))
    return np.divide(local_moran(value, window) - mean, spread, out=out, where=spread > 0)


def _faults(
    counted: Counted,
    neighbours: Contiguity,
    method: str,
    randomisation: str,
    permutations: int,
    fdr: float,
    correction: str,
) -> Iterator[Fault]:
    if neighbours.matrix.shape[0] != len(counted.frame):
        problem = f"{neighbours.matrix.shape[0]} grids have neighbours, {len(counted.frame)} are counted"
        yield Fault("options", "neighbours", problem, "Take both from the same frame of grids")
    for name, given, known_ in (
        ("method", method, ("gi_star", "local_moran")),
        ("randomisation", randomisation, ("total", "conditional")),
        ("correction", correction, CORRECTIONS),
    ):
        if given not in known_:
            yield Fault("options", name, f"{given!r} is unknown", f"Choose {' or '.join(known_)}")
    if permutations < 99:
        yield Fault("options", "permutations", f"{permutations} are too few", "Ask for 99 or more")
    if not 0 < fdr < 1:
        yield Fault("options", "fdr", f"{fdr:g} is no share", "Give such as 0.05")
