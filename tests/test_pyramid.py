"""The pyramid of counts: any question equals the cases themselves, however they came in; nothing stops it half-way."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.errors import InputRefused
from gridgis.heat import binning
from gridgis.heat.pyramid import Pyramid, append, build, checkpoints, compact
from gridgis.heat.pyramid.catalogue import segment_path

CRS = "EPSG:4547"
FIRST = np.datetime64("2023-12-20")
ITEMS, SOURCES = ("litter", "manhole", "noise"), ("hotline", "patrol")
ROOT = Path(__file__).resolve().parents[1]


def cases(n, seed=0, *, days=120, spread=3_000.0, weight=False):
    """Made-up cases in a city; some have no item."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": 500_000 + rng.normal(0, spread, n),
            "y": 3_380_000 + rng.normal(0, spread, n),
            "day": (FIRST + rng.integers(0, days, n)).astype("datetime64[s]"),
            "item": rng.choice([*ITEMS, None], n, p=[0.5, 0.3, 0.15, 0.05]),
            "source": rng.choice(SOURCES, n),
        }
    )
    return frame.assign(weight=rng.integers(0, 5_000, n) / 1024) if weight else frame


def made(folder, frame, **options):
    path = Path(folder) / "heat"
    build(path, frame, crs=CRS, batch="first", **options)
    return path


def asked(frame, first, last, item=None, source=None):
    """The cases of a question, from the table."""
    chosen = (frame["day"] >= first) & (frame["day"] <= last)
    for name, value in (("item", item), ("source", source)):
        if value is not None:
            chosen &= frame[name].fillna("").isin([value] if isinstance(value, str) else value)
    return frame[chosen]


def every_count(pyramid, question, step_m=None):
    """All counts of a question, in one array from its first node."""
    frame = pyramid.frame
    west, south, east, north = pyramid.box
    box = (frame.left + west, frame.bottom + south, frame.left + east, frame.bottom + north)
    return pyramid.parts(question, step_m or frame.step_m, box)


def same_parts(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert (a.row, a.column) == (b.row, b.column)
        assert a.counts.tobytes() == b.counts.tobytes()


@pytest.fixture
def often(monkeypatch):
    """Checkpoints and merges as in a big pyramid, in a small one."""
    monkeypatch.setattr(checkpoints, "EVERY", 40)
    monkeypatch.setattr(checkpoints, "BYTES", 1 << 30)
    monkeypatch.setattr("gridgis.heat.pyramid.runs.LATTICE", 1)
    monkeypatch.setattr("gridgis.heat.pyramid.lattices.BAND", 7)
    monkeypatch.setattr("gridgis.heat.pyramid.lattices.MANY", 30)


questions = st.tuples(
    st.integers(-5, 125),
    st.integers(0, 130),
    st.sampled_from([None, "", "litter", "manhole", ("litter", "noise")]),
    st.sampled_from([None, *SOURCES]),
)


@settings(max_examples=12)
@given(
    cuts=st.lists(st.integers(1, 599), max_size=4, unique=True),
    order=st.randoms(use_true_random=False),
    ask=st.lists(questions, min_size=4, max_size=4),
    weight=st.booleans(),
    merged=st.booleans(),
)
def test_any_question_equals_the_table_however_cases_came_in(tmp_path_factory, cuts, order, ask, weight, merged):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("EVERY", 40), ("BYTES", 1 << 30)):
            patch.setattr(checkpoints, name, value)
        patch.setattr("gridgis.heat.pyramid.runs.LATTICE", 1)
        patch.setattr("gridgis.heat.pyramid.lattices.BAND", 7)
        patch.setattr("gridgis.heat.pyramid.lattices.MANY", 60)
        frame = cases(600, weight=weight)
        folder = tmp_path_factory.mktemp("any")
        pieces = np.split(np.arange(600), sorted(cuts))
        order.shuffle(pieces)
        path = made(folder, frame.iloc[pieces[0]])
        whole = folder / "whole"
        build(whole, frame, crs=CRS, batch="all")
        for k, piece in enumerate(pieces[1:]):
            append(path, frame.iloc[piece], batch=str(k))
        if merged:
            compact(path)
        pyramid, other = Pyramid.open(path), Pyramid.open(whole)
        assert len(pyramid) == 600
        for begin, length, item, source in ask:
            first, last = FIRST + begin, FIRST + begin + length
            wanted = asked(frame, first, last, item, source)
            number = wanted["weight"].sum() if weight else len(wanted)
            question = pyramid.question(first=first, last=last, item=item, source=source)
            assert pyramid.count(question) == number
            counts = [part.counts.astype(np.float64).sum() for part in every_count(pyramid, question)]
            assert sum(counts) == pytest.approx(number, abs=1e-4)
            counts = [part.counts.astype(np.float64).sum() for part in every_count(pyramid, question, 11.0)]
            assert sum(counts) == pytest.approx(number, abs=1e-4)
        if pyramid.frame == other.frame and pyramid.items == other.items:
            same_parts(every_count(pyramid, question), every_count(other, question))


@pytest.mark.usefixtures("often")
def test_counts_are_those_of_cubic_shares_of_each_case(tmp_path):
    frame = cases(500)
    pyramid = Pyramid.open(made(tmp_path, frame))
    assert any(one.series for one in pyramid.segments)
    question = pyramid.question(first="2024-01-05", last="2024-03-10", item="litter")
    (part,) = every_count(pyramid, question)
    wanted = np.zeros(part.counts.shape)
    table = binning.shares()
    for case in asked(frame, "2024-01-05", "2024-03-10", "litter").itertuples():
        place = np.floor(
            (np.array([case.x - pyramid.frame.left, case.y - pyramid.frame.bottom])) / pyramid.frame.unit_m + 0.5
        )
        (column, row), (across, up) = (place // 64).astype(int), (place % 64).astype(int)
        wanted[row - 1 - part.row : row + 3 - part.row, column - 1 - part.column : column + 3 - part.column] += (
            np.outer(table[up], table[across])
        )
    assert np.array_equal(part.counts, wanted.astype(np.float32))


def test_shares_are_whole_and_add_up():
    table = binning.shares()
    assert (table.sum(axis=1) == 1).all()
    assert (table * binning.UNIT == np.round(table * binning.UNIT)).all()
    exact = np.array([binning.keys.py_func(part / 64) for part in range(64)])
    assert np.abs(table - exact).max() <= 1 / binning.UNIT


@pytest.mark.usefixtures("often")
def test_what_was_asked_before_changes_nothing(tmp_path):
    path = made(tmp_path, cases(800))
    one, other = Pyramid.open(path), Pyramid.open(path)
    for begin in range(0, 100, 9):
        every_count(one, one.question(first=FIRST + begin, last=FIRST + begin + 20))
    question = one.question(item="litter", first="2024-01-02", last="2024-02-20")
    same_parts(every_count(one, question), every_count(other, question))
    same_parts(every_count(one, question), every_count(one, question))


def test_a_batch_counts_once(tmp_path):
    path = made(tmp_path, cases(100))
    append(path, cases(50, 1), batch="march")
    for batch in ("march", "first"):
        with pytest.raises(InputRefused, match="came in before"):
            append(path, cases(50, 1), batch=batch)
    assert len(Pyramid.open(path)) == 150


def test_an_open_pyramid_stays_as_it_was_and_is_refreshed_when_asked(tmp_path):
    path = made(tmp_path, cases(100))
    pyramid = Pyramid.open(path)
    assert pyramid.refreshed() is pyramid
    for k in range(5):
        append(path, cases(30, k + 1), batch=str(k))
    compact(path)
    append(path, cases(10, 9), batch="last")  # clears away the files that were merged
    assert pyramid.count(pyramid.question()) == 100
    assert len(pyramid.refreshed()) == 260


def test_small_batches_are_merged_a_few_times_each(tmp_path):
    path = made(tmp_path, cases(10))
    sizes = []
    for k in range(60):
        append(path, cases(10, k + 1), batch=str(k))
        sizes.append(len(Pyramid.open(path).segments))
    assert max(sizes) <= 8
    assert len(Pyramid.open(path)) == 610


@pytest.mark.usefixtures("often")
def test_months_of_any_length_and_ends_of_years(tmp_path):
    days = pd.date_range("2023-12-30", "2024-03-02")
    frame = pd.DataFrame({"x": 500_000.0, "y": 3_380_000.0, "day": days, "item": "litter"})
    pyramid = Pyramid.open(made(tmp_path, frame))
    assert (str(pyramid.first_day), str(pyramid.last_day)) == ("2023-12-30", "2024-03-02")
    for first in days[::3]:
        for last in days[days >= first][::4]:
            assert pyramid.count(pyramid.question(first=first.date(), last=last.date())) == (last - first).days + 1
            counts = every_count(pyramid, pyramid.question(first=first.date(), last=last.date()))
            assert counts[0].counts.sum() == (last - first).days + 1


@pytest.mark.usefixtures("often")
def test_a_pile_and_cases_far_away_are_counted(tmp_path):
    frame = pd.concat([cases(300), cases(3, 1).assign(x=0.0, y=0.0), cases(2, 2).assign(x=9e6, y=-4e6)])
    pile = pd.DataFrame(
        {"x": 500_100.0, "y": 3_380_100.0, "day": pd.Timestamp("2024-01-15"), "item": ["litter"] * 1_000_000}
    )
    pyramid = Pyramid.open(made(tmp_path, pd.concat([frame, pile], ignore_index=True)))
    question = pyramid.question(first="2024-01-15", last="2024-01-15")
    here = len(asked(frame, "2024-01-15", "2024-01-15")) + 1_000_000
    assert pyramid.count(question) == here
    assert sum(part.counts.astype(np.float64).sum() for part in every_count(pyramid, question)) == pytest.approx(
        here, rel=1e-7
    )
    assert sum(
        part.counts.astype(np.float64).sum() for part in every_count(pyramid, pyramid.question())
    ) == pytest.approx(1_000_305, rel=1e-7)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"x": np.nan}, "x nan is no place"),
        ({"y": np.inf}, "y inf is no place"),
        ({"x": "here"}, "x here is no place"),
        ({"weight": -1.0}, "weight -1.0 is no weight"),
        ({"weight": np.nan}, "weight nan is no weight"),
        ({"weight": 1e-9}, "Multiply all weights"),
        ({"weight": 1e9}, "no weight"),
        ({"day": pd.NaT}, "day NaT is no day"),
    ],
)
def test_cases_that_cannot_be_counted_are_refused_whole(tmp_path, change, told):
    frame = cases(20)
    ((name, value),) = change.items()
    column = frame[name] if name in frame else pd.Series(1.0, index=frame.index)
    if isinstance(value, str):
        column = column.astype(object)
    column.iloc[7:9] = value
    with pytest.raises(InputRefused, match=told) as refusal:
        build(tmp_path / "heat", frame.assign(**{name: column}), crs=CRS, batch="first")
    assert "row 7" in str(refusal.value)
    assert "1 more" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_faults_of_columns_are_told_together(tmp_path):
    with pytest.raises(InputRefused) as refusal:
        build(tmp_path / "heat", cases(5).drop(columns=["x", "day"]), crs=CRS, batch="first")
    assert [fault.row for fault in refusal.value.faults] == ["column x", "column day"]
    frame = cases(5).assign(day="2024-01-01", x=np.nan)
    with pytest.raises(InputRefused) as refusal:
        build(tmp_path / "heat", frame, crs=CRS, batch="first")
    assert len(refusal.value.faults) == 2


@pytest.mark.parametrize(("crs", "told"), [("EPSG:4326", "no plane in metres"), ("nowhere", "CRS")])
def test_a_plane_that_is_none_is_refused(tmp_path, crs, told):
    with pytest.raises(InputRefused, match=told):
        build(tmp_path / "heat", cases(5), crs=crs, batch="first")


def test_nothing_is_built_from_nothing_or_over_something(tmp_path):
    with pytest.raises(InputRefused, match="there are none"):
        build(tmp_path / "heat", cases(0), crs=CRS, batch="first")
    path = made(tmp_path, cases(5))
    with pytest.raises(InputRefused, match="something is there"):
        build(path, cases(5), crs=CRS, batch="first")
    append(path, cases(0), batch="empty")
    assert len(Pyramid.open(path)) == 5


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        ({"item": "littr"}, "litter"),
        ({"source": "patrool"}, "patrol"),
        ({"item": []}, "none is asked for"),
        ({"first": "2024-02-02", "last": "2024-02-01"}, "before it begins"),
        ({"first": "the first"}, "no date"),
        ({"first": np.datetime64("NaT")}, "no date"),
    ],
)
def test_questions_that_are_none_are_refused(tmp_path, ask, told):
    pyramid = Pyramid.open(made(tmp_path, cases(50)))
    with pytest.raises(InputRefused, match=told):
        pyramid.question(**ask)


def damaged_in(path, at, change):
    data = bytearray(path.read_bytes())
    data[at : at + len(change)] = change
    path.write_bytes(data)


def test_files_of_another_form_or_damaged_are_refused_with_the_cure(tmp_path):
    path = made(tmp_path, cases(50))
    file = segment_path(path, 1)
    whole = file.read_bytes()
    for change in (b"", b"PK", whole[:-1], whole + b"x", whole[:30], whole.replace(b'"form": 1', b'"form": 9')):
        file.write_bytes(change)
        with pytest.raises(InputRefused, match="Build the pyramid anew"):
            Pyramid.open(path)
    file.write_bytes(whole)
    assert len(Pyramid.open(path)) == 50
    base = sqlite3.connect(path / "catalogue.db")
    base.execute("PRAGMA user_version=9")
    base.close()
    with pytest.raises(InputRefused, match="form 9"):
        Pyramid.open(path)
    (path / "catalogue.db").write_bytes(b"no database at all, but as long as one" * 100)
    with pytest.raises(InputRefused, match="damaged"):
        Pyramid.open(path)
    with pytest.raises(InputRefused, match="no pyramid is there"):
        Pyramid.open(tmp_path / "elsewhere")


# ---------------------------------------------------------------- several writers, and a sudden end

WORKER = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
from test_pyramid import append, cases
path, seed, batches = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
append(path, cases(0), batch=f"ready {{seed}}")
print("ready", flush=True)
for k in range(batches):
    append(path, cases(20, seed * 1000 + k), batch=f"{{seed}}-{{k}}")
    print(k, flush=True)
"""


def worker(path, seed, batches):
    code = WORKER.format(tests=str(ROOT / "tests"), root=str(ROOT))
    command = [sys.executable, "-c", code, str(path), str(seed), str(batches)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def batches_in(path):
    with sqlite3.connect(path / "catalogue.db") as base:
        return dict(base.execute("SELECT name, cases FROM batch"))


def test_two_appends_at_once_lose_nothing(tmp_path):
    path = made(tmp_path, cases(100))
    workers = [worker(path, seed, 8) for seed in (1, 2)]
    for one in workers:
        one.communicate(timeout=300)
        assert one.returncode == 0
    assert len(Pyramid.open(path)) == 100 + 2 * 8 * 20


def test_a_kill_in_an_append_loses_nothing_that_was_answered(tmp_path):
    path = made(tmp_path, cases(100))
    for seed in range(2):
        one = worker(path, seed, 100_000)
        assert one.stdout.readline() == "ready\n"
        time.sleep(0.11 + 0.07 * seed)
        os.kill(one.pid, signal.SIGKILL)
        done = one.communicate()[0].split()
        pyramid = Pyramid.open(path)
        came = batches_in(path)
        assert {f"{seed}-{k}" for k in done} <= set(came)
        assert len(pyramid) == sum(came.values())
        assert pyramid.count(pyramid.question()) == len(pyramid)
        append(path, cases(1, 99), batch=f"after {seed}")
        left = {file.name for file in path.glob("segment-*")}
        assert len(left) <= len(Pyramid.open(path).segments) + len(pyramid.segments)


def test_a_build_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError("no room")

    monkeypatch.setattr("gridgis.heat.pyramid.write.write_segment", broken)
    with pytest.raises(OSError, match="no room"):
        made(tmp_path, cases(10))
    assert list(tmp_path.iterdir()) == []


def test_an_append_that_fails_changes_nothing(tmp_path, monkeypatch):
    path = made(tmp_path, cases(100))
    with monkeypatch.context() as patch:
        patch.setattr("gridgis.heat.pyramid.write.write_segment", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            append(path, cases(50, 1).assign(item="new"), batch="second")
    assert "new" not in Pyramid.open(path).items
    append(path, cases(50, 1), batch="second")
    assert len(Pyramid.open(path)) == 150
    shutil.rmtree(path)
