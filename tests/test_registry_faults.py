"""What a store must survive: kill -9 at any moment, and a fault at any statement of a job."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from test_registry import DAY, approved, server, store, town, url

from gridgis.registry.audit import verify
from gridgis.registry.store import open_store
from gridgis.registry.versions import versions

__all__ = ["server", "store", "url"]
HERE = Path(__file__).parent


def sound(address: str) -> list:
    """The versions of a store in which all constraints and events hold."""
    opened = open_store(address)
    with opened.read() as connection:
        assert verify(connection).faults == ()
        if not opened.is_postgresql:
            assert connection.scalars(sa.text("PRAGMA integrity_check")).all() == ["ok"]
            assert connection.execute(sa.text("PRAGMA foreign_key_check")).all() == []
        found = versions(connection)
    opened.close()
    return found


# ---------------------------------------------------------------- kill -9
def killed(address: str, day: int, after_s: float) -> list[int]:
    """Let a process approve versions, kill it after a while; give the versions it acknowledged."""
    command = [sys.executable, str(HERE / "registry_worker.py"), address, str(day)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE, env={**os.environ}) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        try:
            worker.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            worker.send_signal(signal.SIGKILL)
        said = worker.stdout.read().splitlines()
    return [int(line) for line in said]


def survive(address: str, times: int, rng: random.Random) -> None:
    for _ in range(times):
        before = sound(address)
        day = 1 + sum(one.state == "approved" for one in before)
        acknowledged = killed(address, day, rng.uniform(0.02, 0.6))
        after = {one.id: one.state for one in sound(address)}
        assert all(after[number] == "approved" for number in acknowledged)
        assert {one.id: one.state for one in before}.items() <= after.items()
        assert sum(state == "approved" for state in after.values()) <= day + len(acknowledged)
        if day > len(DAY) - 60:
            return


@pytest.mark.usefixtures("store")
def test_a_store_survives_kill_9(url):
    survive(url, 3, random.Random(1))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.usefixtures("store")
def test_a_store_survives_kill_9_many_times(url, seed):
    survive(url, 25, random.Random(seed))


# ---------------------------------------------------------------- several at once
@pytest.mark.usefixtures("store")
def test_several_write_at_once_and_nothing_is_lost(url):
    command = [sys.executable, str(HERE / "registry_worker.py"), url, "1", "--drafts", "5"]
    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE) for _ in range(4)
    ]
    told = []
    for worker in workers:
        out, err = worker.communicate(timeout=120)
        assert (worker.returncode, err) == (0, "")
        told += [int(line) for line in out.splitlines()[1:]]
    assert sorted(told) == list(range(1, 21))
    assert [(one.id, one.number) for one in sound(url)] == [(n, n) for n in range(1, 21)]


# ---------------------------------------------------------------- a fault at the nth statement
FAULTS = {
    "disk full": lambda: sa.exc.OperationalError("", {}, Exception("database or disk is full")),
    "I/O error": lambda: OSError(5, "Input/output error"),
    "no memory": MemoryError,
    "stopped": KeyboardInterrupt,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_statement_leaves_the_store_as_it_was(store, fault):
    approved(store, town(), day=1)
    before = [(one.id, one.state) for one in sound(store.url)]
    at = {"left": 0}

    def fail(*_) -> None:
        at["left"] -= 1
        if at["left"] < 0:
            raise FAULTS[fault]()

    from test_registry import drafted, merge

    changed = merge(town(), *town().grids["grid_code"][:2])
    for nth in range(400):
        at["left"] = nth
        sa.event.listen(store.engine, "before_cursor_execute", fail)
        try:
            drafted(store, changed, day=2)
        except (Exception, KeyboardInterrupt):
            sa.event.remove(store.engine, "before_cursor_execute", fail)
            assert [(one.id, one.state) for one in sound(store.url)] == before
        else:
            sa.event.remove(store.engine, "before_cursor_execute", fail)
            break
    assert nth > 5
    assert len(sound(store.url)) == len(before) + 1
