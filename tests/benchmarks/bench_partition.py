"""The partition against its peers on the same graphs, and its search alone against proven optima.

python tests/benchmarks/bench_partition.py [--full] [SET ...]     --full: Wuhan and Cambridge too, more patience

A set is `towns` or a place of real_places.py. Every method divides the same nodes: the atoms of a zone,
detached ones hung on their neighbours, nothing else held together. Left out are zones that one grid
holds, that no number of grids shares out, or that do not hang together. Peers run in a process of
their own for each zone; all seeds are fixed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import partition_towns
from real_places import PLACES, Entry

from gridgis.divide.graph import ZoneGraph, contacts, linked, problem, with_links
from gridgis.divide.partition import Problem, objective, solve
from gridgis.divide.partition.exact import exact
from gridgis.divide.partition.problem import GAIN, SHARED, Graph, rule_of
from gridgis.divide.partition.reduce import parts, reduce
from gridgis.divide.partition.search import search
from gridgis.geometry.components import components
from gridgis.geometry.noding import Floats, Ints

TOWNS, DENSITIES_PER_HA = 20, (60.0, 100.0, 200.0, 300.0)
SMALL_TOWNS, SMALL_NODES = 40, 60
QUICK, FULL = ("towns", "bubenec", "finland"), ("towns", "bubenec", "finland", "hankou", "cambridge_points")
LIMIT_S = 20.0
"""Time a peer has for one zone."""
PATIENCE_S, FULL_PATIENCE_S = 25.0, 30.0
"""Time after which a peer gets no more zones of a set."""
METIS_SEEDS, RECOM_STEPS, MAX_P_TRIES = 30, 60, 10
COST_PER_M = 4.0
"""Metres of shared border that METIS takes for a cost of 1; of those tried what serves it best."""


# ---------------------------------------------------------------- zones
@dataclass(frozen=True)
class Zone:
    """A partition problem, its reduced graph with the node of each atom, and where the nodes lie, m."""

    problem: Problem
    graph: Graph
    node: Ints
    xy: Floats

    @property
    def counts(self) -> Ints:
        """Numbers of grids that share the total out, the nearest to the target first."""
        total, p = float(self.problem.size.sum()), self.problem
        most = total // p.low if p.low > 0 else len(self.graph.size)
        k = np.arange(np.ceil(total / p.high), most + 1).astype(np.int64)
        return k[np.argsort(np.abs(k - 2 * total / (p.low + p.high)), kind="stable")]

    @property
    def usable(self) -> bool:
        """Whether there is something to divide: more than one grid, a feasible count, one connected part."""
        several = self.problem.size.sum() > self.problem.high and len(self.graph.size) > 1
        return bool(several and len(self.counts) and parts(self.graph).max() == 0)

    @property
    def contact(self) -> Ints:
        """Both directions of every contact, (m, 2), sorted."""
        row = np.repeat(np.arange(len(self.graph.size)), np.diff(self.graph.start))
        near = np.arange(len(row)) < self.graph.reach[row]
        return np.column_stack([row[near], self.graph.to[near]])

    def cost(self, label: Ints) -> float:
        """J of the labels of nodes."""
        return objective(self.problem, label[self.node])

    def out_of_range(self, label: Ints) -> float:
        """Households outside the range, over all grids."""
        size, p = np.bincount(np.unique(label, return_inverse=True)[1], self.graph.size), self.problem
        return float(np.maximum(np.maximum(size - p.high, p.low - size), 0.0).sum())

    def pieces(self, label: Ints) -> Ints:
        """Connected pieces of each grid, by the contacts."""
        i, j = self.contact.T
        same = label[i] == label[j]
        piece = components(len(label), np.column_stack([i[same], j[same]]))
        first = np.unique(piece, return_index=True)[1]
        return np.unique(label[first], return_counts=True)[1]


def zone_of(given: Problem, geometry: Sequence[shapely.Geometry]) -> Zone:
    """The zone of a problem whose atoms have the shapes `geometry`."""
    graph, node = reduce(given)
    xy = shapely.get_coordinates(shapely.centroid(np.asarray(geometry, dtype=object)))
    weight = given.area_m2
    middle = np.column_stack([np.bincount(node, weight * x) / np.bincount(node, weight) for x in xy.T])
    return Zone(given, graph, node, middle)


def made_town(seed: int, **how: float) -> Zone:
    """A town of partition_towns.py with the shapes of its atoms."""
    with mock.patch.object(partition_towns, "problem_of", wraps=partition_towns.problem_of) as made:
        given = partition_towns.town(np.random.default_rng(seed), **how)
    return zone_of(given, [piece.polygon for piece in made.call_args.args[0]])


def towns() -> list[Zone]:
    """Towns of 1,500 to 6,000 households on average, what they come out with varies, in an order of chance."""
    sizes = np.random.default_rng(0).permutation(np.linspace(1500, 6000, TOWNS)).tolist()
    return [made_town(k, households=sizes[k], per_ha=DENSITIES_PER_HA[k % 4]) for k in range(TOWNS)]


class _Enough(Exception):
    """Raised when all graphs of a place are known."""


def place_zones(entry: Entry) -> tuple[list[Zone], list[Zone]]:
    """The zones of a real place as `gridgis divide` makes them, in an order of chance; then the same, blocks whole."""
    found: list[tuple[ZoneGraph, dict[str, Any]]] = []

    def stop(stage: str, _: float) -> None:
        if stage == "codes":
            raise _Enough

    with tempfile.TemporaryDirectory() as scratch, contextlib.suppress(_Enough):
        from gridgis import jobs

        sources = entry.make(Path(scratch)).sources
        with mock.patch("gridgis.divide.run.divide_zone", side_effect=lambda g, **how: found.append((g, how))):
            jobs.divide_files(sources, Path(scratch) / "out.gpkg", jobs=1, progress=stop)
    order = np.random.default_rng(0).permutation(len(found))
    plain, whole = ([_place_zone(*found[k], whole=blocks) for k in order] for blocks in (False, True))
    return plain, whole


def _place_zone(graph: ZoneGraph, how: dict[str, Any], *, whole: bool) -> Zone:
    """The base problem of a zone, or that with blocks and compounds of up to the largest grid whole."""
    profile = how["profile"]
    given = problem(graph, low=how["low"], high=how["high"], profile=profile)
    if whole:
        contact = contacts(graph, profile=profile)
        links = linked(graph, whole=given.high, whole_compound=given.high, contact=contact)
        given = with_links(given, links)
    return zone_of(given, graph.geometry)


def sets(names: Sequence[str]) -> Iterator[tuple[str, list[Zone], list[Zone]]]:
    """Title, zones to compare methods on, and zones with whole blocks to prove optima on, of each set."""
    for name in names:
        if name == "towns":
            how = {"per_ha": 300.0, "whole": 1.0}
            small = [made_town(k, households=1500 + 75.0 * k, **how) for k in range(SMALL_TOWNS)]
            yield "Made-up towns", towns(), small
        for entry in PLACES:
            if entry.name == name and entry.there:
                yield name.replace("_", ", ").capitalize(), *place_zones(entry)


# ---------------------------------------------------------------- METIS
def ours(zone: Zone) -> Ints:
    """The partition as `gridgis divide` calls it."""
    label = solve(zone.problem, rng=np.random.default_rng(0)).label
    return label[np.unique(zone.node, return_index=True)[1]]


def metis(zone: Zone, *, count: int | None = None, seed: int = 0) -> Ints:
    """METIS, k-way and contiguous, by household; the count nearest the target by default."""
    import pymetis

    graph, k = zone.graph, int(zone.counts[0] if count is None else count)
    row = np.repeat(np.arange(len(graph.size)), np.diff(graph.start))
    pair = graph.pair[np.arange(len(row)) < graph.reach[row]]
    near = pymetis.CSRAdjacency(np.append(0, np.cumsum(graph.reach - graph.start[:-1])), zone.contact[:, 1])
    held = np.round(graph.size * 500 / zone.problem.high).astype(int)
    border = np.maximum(np.round(pair[:, SHARED] - COST_PER_M * pair[:, GAIN]), 1).astype(int)
    spare = max(int(1000 * (zone.problem.high * k / graph.size.sum() - 1)), 1)
    options = pymetis.Options(seed=seed, ufactor=spare, contig=1)
    return np.array(
        pymetis.part_graph(
            k, near, vweights=held.tolist(), eweights=border.tolist(), recursive=False, options=options
        ).vertex_part
    )


def metis_best(zone: Zone) -> Ints:
    """The best by J of seeds and of the three counts nearest the target."""
    runs = product(zone.counts[:3].tolist(), range(METIS_SEEDS // 3))
    return min((metis(zone, count=k, seed=seed) for k, seed in runs), key=zone.cost)


def metis_improved(zone: Zone) -> Ints:
    """The same, then nodes moved to a neighbouring grid one by one as long as J falls and no grid falls apart."""
    label, better = metis_best(zone), True
    while better:
        better = False
        for node in range(len(label)):
            near = label[zone.graph.to[zone.graph.start[node] : zone.graph.reach[node]]]
            for grid in np.setdiff1d(near, label[node]):
                moved = label.copy()
                moved[node] = grid
                if zone.cost(moved) < zone.cost(label) - 1e-6 and zone.pieces(moved).sum() <= zone.pieces(label).sum():
                    label, better = moved, True
    return label


# ---------------------------------------------------------------- GerryChain
def recom(zone: Zone) -> Ints:
    """GerryChain: a recursive tree partition in range and ReCom steps from it, the best by J."""
    import networkx as nx
    from gerrychain import Graph as Districts
    from gerrychain import MarkovChain, Partition, proposals
    from gerrychain.partition import recursive_tree_part

    given, k = zone.problem, int(zone.counts[0])
    each = float(given.size.sum()) / k
    room = {"pop_target": each, "pop_col": "size", "epsilon": min(given.high / each - 1, 1 - given.low / each)}
    plain = nx.Graph()
    plain.add_nodes_from((u, {"size": float(size)}) for u, size in enumerate(zone.graph.size))
    plain.add_edges_from(zone.contact.tolist())
    districts = Districts.from_networkx(plain)
    start = Partition(districts, assignment=recursive_tree_part(districts, range(k), rng=0, **room))
    chain = MarkovChain(partial(proposals.recom, **room), (), initial_partition=start, total_steps=RECOM_STEPS, rng=1)
    return min((step.assignment.to_series().sort_index().to_numpy() for step in chain), key=zone.cost)


# ---------------------------------------------------------------- spopt
def _pysal(zone: Zone) -> tuple[Any, Any]:
    """Centroids, households and neighbours as spopt takes them."""
    import pandas as pd
    from libpysal.weights import W

    i, j = zone.contact.T
    near = {u: j[i == u].tolist() for u in range(len(zone.xy))}
    frame = pd.DataFrame({"x": zone.xy[:, 0], "y": zone.xy[:, 1], "size": zone.graph.size})
    return frame, W(near, silence_warnings=True)


def ward(zone: Zone) -> Ints:
    """Ward's clustering of centroids along contacts; it knows no households."""
    from spopt.region import WardSpatial

    return _solved(WardSpatial(*_pysal(zone), ["x", "y"], n_clusters=int(zone.counts[0])))


def skater(zone: Zone) -> Ints:
    """Pruned spanning trees of centroids; it knows no households."""
    from spopt.region import Skater

    return _solved(Skater(*_pysal(zone), ["x", "y"], n_clusters=int(zone.counts[0])))


def azp(zone: Zone) -> Ints:
    """Openshaw's automatic zoning by centroids; it knows no households."""
    from spopt.region import AZP

    return _solved(AZP(*_pysal(zone), ["x", "y"], n_clusters=int(zone.counts[0]), random_state=0))


def region_k_means(zone: Zone) -> Ints:
    """Contiguous k-means of centroids; it knows no households."""
    from spopt.region import RegionKMeansHeuristic

    return _solved(RegionKMeansHeuristic(zone.xy, int(zone.counts[0]), _pysal(zone)[1]))


def max_p(zone: Zone) -> Ints:
    """As many grids as hold the least households or more, then centroids near each other; no upper limit."""
    from spopt.region import MaxPHeuristic

    np.random.seed(0)  # noqa: NPY002  spopt draws from it
    tries = {"max_iterations_construction": MAX_P_TRIES, "max_iterations_sa": 1}
    return _solved(MaxPHeuristic(*_pysal(zone), ["x", "y"], "size", zone.problem.low, **tries))


def _solved(model: Any) -> Ints:
    """Labels of a spopt model, numbered from 0."""
    model.solve()
    return np.unique(np.asarray(model.labels_), return_inverse=True)[1]


@dataclass(frozen=True)
class Method:
    """A way to divide a zone, and the package it needs."""

    name: str
    divide: Callable[[Zone], Ints]
    package: str = ""

    @property
    def there(self) -> bool:
        """Whether the package can be loaded; it is then, before anything is timed."""
        try:
            importlib.import_module(self.package)
        except ImportError:
            return False
        return True


OURS = Method("gridgis", ours)
PEERS = (
    Method("METIS", metis, "pymetis"),
    Method(f"METIS, best of {METIS_SEEDS}", metis_best, "pymetis"),
    Method("the same, local search in Python", metis_improved, "pymetis"),
    Method(f"GerryChain, tree and {RECOM_STEPS} ReCom steps", recom, "gerrychain.proposals"),
    Method("spopt Ward", ward, "spopt.region"),
    Method("spopt SKATER", skater, "spopt.region"),
    Method("spopt AZP", azp, "spopt.region"),
    Method("spopt RegionKMeans", region_k_means, "spopt.region"),
    Method(f"spopt MaxP, {MAX_P_TRIES} tries", max_p, "spopt.region"),
)


# ---------------------------------------------------------------- runs
@dataclass
class Runs:
    """What a method did: the zones it divided (their number, label and processor s), and what became of the others."""

    done: list[tuple[int, Ints, float]] = field(default_factory=list)
    late: int = 0
    failed: int = 0


def timed(divide: Callable[[Zone], Ints], zone: Zone) -> tuple[Ints, float]:
    """The labels and the processor seconds they took."""
    start = time.process_time()
    label = divide(zone)
    return label, time.process_time() - start


def runs_of(method: Method, zones: list[Zone], *, warm: Zone, patience_s: float) -> Runs:
    """The zones divided one after another, each in a child process, until patience ends or the first is late."""
    out, begun = Runs(), time.monotonic()
    for k, zone in enumerate(zones):
        if time.monotonic() - begun > patience_s or (out.late and not out.done):
            break
        answer = _in_child(method.divide, zone, warm)
        if isinstance(answer, str):
            out.late += answer == "late"
            out.failed += answer == "failed"
        else:
            out.done.append((k, *answer))
    return out


def _in_child(divide: Callable[[Zone], Ints], zone: Zone, warm: Zone) -> tuple[Ints, float] | str:
    """Labels and seconds, "late" or "failed"; the child divides `warm` before it is timed."""
    fork = get_context("fork")
    here, there = fork.Pipe(duplex=False)
    child = fork.Process(target=_answer, args=(divide, zone, warm, there))
    child.start()
    there.close()
    try:
        if not here.poll(LIMIT_S) or here.recv() != "warm":
            return "late"
        return here.recv() if here.poll(LIMIT_S) else "late"
    except EOFError:
        return "failed"
    finally:
        child.kill()
        child.join()


def _answer(divide: Callable[[Zone], Ints], zone: Zone, warm: Zone, there: Connection) -> None:
    """Divide in silence; a child that fails ends without an answer."""
    warnings.simplefilter("ignore")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    divide(warm)
    there.send("warm")
    there.send(timed(divide, zone))


# ---------------------------------------------------------------- tables
HEAD = (
    "method", "zones", "J to ours: mean", "median", "least", "ours as good or better",
    "zones in range", "ours on these", "grids not contiguous", "s for 1,000 atoms",
)  # fmt: skip


def method_table(title: str, zones: list[Zone], *, left_out: int, patience_s: float) -> None:
    """All methods on one set of zones."""
    nodes = [len(zone.graph.size) for zone in zones]
    print(f"\n{title}: {len(zones)} zones of {min(nodes)} to {max(nodes)} atoms; {left_out} left out.\n")
    print(f"| {' | '.join(HEAD)} |\n{'|---' * len(HEAD)}|")
    warm = made_town(3, households=700, per_ha=400)
    ours(warm)
    base = Runs([(k, *timed(ours, zone)) for k, zone in enumerate(zones)])
    print(_row(OURS.name, base, base, zones), flush=True)
    for method in PEERS:
        if not method.there:
            print(f"| {method.name} | not installed {'| ' * (len(HEAD) - 1)}|", flush=True)
            continue
        found = runs_of(method, zones, warm=warm, patience_s=patience_s)
        print(_row(method.name, found, base, zones), flush=True)


def _row(name: str, found: Runs, base: Runs, zones: list[Zone]) -> str:
    said = [f"{len(found.done)}"]
    said += [f"{found.late} not done in {LIMIT_S:.0f} s"] if found.late else []
    said += [f"{found.failed} failed"] if found.failed else []
    cells = _cells(found, base, zones) if found.done else ["-"] * (len(HEAD) - 2)
    return f"| {name} | {', '.join(said)} | {' | '.join(cells)} |"


def _cells(found: Runs, base: Runs, zones: list[Zone]) -> list[str]:
    """The columns after the second, on the zones that the method divided."""
    mine = [zones[k] for k, _, _ in found.done]
    labels, own = [label for _, label, _ in found.done], [base.done[k][1] for k, _, _ in found.done]
    theirs_j, ours_j = (np.array([z.cost(x) for z, x in zip(mine, some, strict=True)]) for some in (labels, own))
    theirs_in, ours_in = (
        np.mean([z.out_of_range(x) == 0 for z, x in zip(mine, some, strict=True)]) for some in (labels, own)
    )
    apart = np.concatenate([z.pieces(x) > 1 for z, x in zip(mine, labels, strict=True)])
    ratio = theirs_j / ours_j
    seconds = 1000 * sum(s for _, _, s in found.done) / sum(len(z.graph.size) for z in mine)
    return [
        f"{ratio.mean():.3f}", f"{np.median(ratio):.3f}", f"{ratio.min():.3f}",
        f"{np.mean(ours_j <= theirs_j * (1 + 1e-9)):.0%}", f"{theirs_in:.0%}", f"{ours_in:.0%}",
        f"{apart.mean():.1%}", f"{seconds:.3f}",
    ]  # fmt: skip


SMALL_HEAD = (
    "zones", "number", "proven optimal", "optimum in range", "search alone: finds it", "gap, mean", "gap, largest",
)  # fmt: skip


def small_row(title: str, zones: list[Zone]) -> str:
    """How often the hybrid proves its division, and how far the search alone is from the proven optimum."""
    proofs = [solve(zone.problem, rng=np.random.default_rng(0)).proof == "optimal" for zone in zones]
    found = [pair for zone in zones if (pair := _both(zone)) is not None]
    cells = [title, f"{len(zones)}", f"{np.mean(proofs):.0%}" if zones else "-"]
    if not found:
        return f"| {' | '.join([*cells, *['-'] * 4])} |"
    gap, inside = np.array([g for g, _ in found]), np.array([within for _, within in found])
    cells += [f"{inside.mean():.0%}", f"{np.mean(gap < 1e-6):.0%}", f"{gap.mean():.2%}", f"{gap.max():.2%}"]
    return f"| {' | '.join(cells)} |"


def _both(zone: Zone) -> tuple[float, bool] | None:
    """Gap of the search to the proven optimum, and whether that is in range; None where nothing is proven.

    The gap is a share of what the optimum costs beside households out of range.
    """
    best = exact(zone.graph, rule_of(zone.problem))
    if best is None or best.cost - best.bound > 1e-6:
        return None
    label, _ = search(zone.graph, rule_of(zone.problem), seed=0)
    out = zone.out_of_range(best.label)
    optimum = zone.cost(best.label)
    return (zone.cost(label) - optimum) / (optimum - zone.problem.weights.out_of_range * out), out == 0


def main() -> None:
    """Print a table of methods for each set, then that of the optima."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sets", nargs="*", help="such as towns; those of the default or of --full where none is named")
    options.add_argument("--full", action="store_true", help="Wuhan and Cambridge too, more patience with slow peers")
    given = options.parse_args()
    patience_s = FULL_PATIENCE_S if given.full else PATIENCE_S
    print("J to ours is the objective of a method over that of gridgis on the same zone; a household out of range")
    print("counts 1,000 in it, a grid some tens. Seconds are those of the processor, nothing loaded or compiled in")
    print(f"them. A peer has {LIMIT_S:.0f} s for a zone and gets no more zones of a set after {patience_s:.0f} s.")
    rows = []
    for title, zones, whole in sets(given.sets or (FULL if given.full else QUICK)):
        usable = [zone for zone in zones if zone.usable]
        method_table(title, usable, left_out=len(zones) - len(usable), patience_s=patience_s)
        small = [zone for zone in whole if zone.usable and len(zone.graph.size) <= SMALL_NODES]
        rows.append(small_row(title, small))
    print(
        f"\nZones of at most {SMALL_NODES} nodes, blocks whole that a grid holds. The search alone is annealing and set"
    )
    print("partition, set against the optimum where enumeration proves it; gaps leave out what the optimum itself has")
    print("out of range.\n")
    print(f"| {' | '.join(SMALL_HEAD)} |\n{'|---' * len(SMALL_HEAD)}|\n" + "\n".join(rows), flush=True)


if __name__ == "__main__":
    main()
