"""What a store must survive: kill -9 at any moment, and a fault at any statement of a job."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from test_registry import DAY, approved, server, store, town, url

from gridgis.registry.audit import verify
from gridgis.registry.store import Store, open_store
from gridgis.registry.versions import draft, versions

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
def at_once(address: str, processes: int, seconds: float) -> dict[str, list[str]]:
    """Let processes draft, submit, approve and read one store; give what each kind of answer was about."""
    command = [sys.executable, str(HERE / "registry_worker.py"), address, "1", "--seconds", str(seconds)]
    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE)
        for _ in range(processes)
    ]
    told: dict[str, list[str]] = {}
    for worker in workers:
        out, err = worker.communicate(timeout=seconds + 240)
        assert (worker.returncode, err) == (0, "")
        for line in out.splitlines()[1:]:
            what, _, about = line.partition(" ")
            told.setdefault(what, []).append(about)
    return told


def lose_nothing(address: str, processes: int, seconds: float) -> None:
    """What was acknowledged is there, nothing else is, and what was refused names the version that was first."""
    told = at_once(address, processes, seconds)
    found = sound(address)
    numbers = list(range(1, len(found) + 1))
    assert sorted(map(int, told["drafted"])) == [one.id for one in found] == [one.number for one in found] == numbers
    assert sorted(map(int, told["approved"])) == [one.id for one in found if one.state == "approved"]
    assert {one.state for one in found} <= {"submitted", "approved"}
    assert len(told["approved"]) + len(told.get("refused", [])) == len(found)
    assert all("was changed since" in said or "Name a later time" in said for said in told.get("refused", []))
    assert told["read"]


@pytest.mark.usefixtures("store")
def test_several_work_at_once_and_nothing_is_lost(url):
    lose_nothing(url, 3, 4)


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_eight_work_at_once_for_a_minute_and_nothing_is_lost(url):
    lose_nothing(url, 8, 60)


# ---------------------------------------------------------------- what is acknowledged is on the disk
CALL = re.compile(r'(\w+)\((\d+)<([^>]*)>(?:, "(\d*))?')
"""A call that strace tells of: name, number and name of the file, and the digits with which a text that is written
begins."""


def not_synced(trace: str, path: Path) -> list[tuple[bool, set[str]]]:
    """For each acknowledgement on standard output: was the store synced since the last, what was written and is not."""
    out, dirty, synced = [], set(), False
    for call, number, file, digits in CALL.findall(trace):
        if file.startswith(str(path)):
            if call in ("fsync", "fdatasync"):
                dirty.discard(file)
                synced = synced or file == str(path)
            else:
                dirty.add(file)
        elif call == "write" and number == "1" and digits:
            out.append((synced, set(dirty)))
            synced = False
    return out


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("store")
def test_each_commit_is_synced_before_it_is_acknowledged_in_a_file(url, tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("strace, which counts the syncs, is not installed: sudo apt-get install strace")
    watch = [
        "strace",
        "-f",
        "-y",
        "-e",
        "trace=fsync,fdatasync,write,pwrite64,ftruncate",
        "-o",
        str(tmp_path / "trace"),
    ]
    work = [sys.executable, str(HERE / "registry_worker.py"), url, "1", "--drafts", "5"]
    said = subprocess.run([*watch, *work], check=False, capture_output=True, text=True, cwd=HERE, timeout=120)
    if "ptrace" in said.stderr:
        pytest.skip(f"strace may not watch a process here: {said.stderr.strip()}")
    assert (said.returncode, said.stdout.split()[1:]) == (0, ["1", "2", "3", "4", "5"]), said.stderr
    assert not_synced((tmp_path / "trace").read_text(), Path(url)) == [(True, set())] * 5


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_each_commit_is_synced_before_it_is_acknowledged_in_a_database(store):
    """The commit is on the disk when it is acknowledged, by a sync of its own."""
    for name in ("fsync", "synchronous_commit"):
        assert asked(store, f"SHOW {name}") == "on"
    for k in range(5):
        before = syncs(store)
        with store.write() as connection:
            draft(connection, town(), author="draws", at=DAY[1 + k])
            written = connection.scalar(sa.text("SELECT pg_current_wal_insert_lsn()"))
        assert asked(store, f"SELECT pg_current_wal_flush_lsn() > '{written}'")
        assert syncs(store) > before


def syncs(store: Store) -> int:
    """How often PostgreSQL synced its log, what this connection did included."""
    asked(store, "SELECT pg_stat_force_next_flush()")
    return int(asked(store, "SELECT wal_sync FROM pg_stat_wal"))


def asked(store: Store, question: str) -> Any:
    with store.read() as connection:
        return connection.scalar(sa.text(question))


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
