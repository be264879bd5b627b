"""What a store must survive: kill -9 at any moment, and a fault at any statement of a job."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from test_change_sets import handed_in, redivided
from test_edits_store import gives, most_given
from test_registry import DAY, RollBack, approved, decision, drafted, server, store, town, url

from gridgis.registry.actors import add_actor
from gridgis.registry.attachments import attach
from gridgis.registry.audit import verify
from gridgis.registry.backup import content
from gridgis.registry.comments import answer, comment
from gridgis.registry.edits import applied, opened, redone, undone
from gridgis.registry.review import approve, give_back, submit, take_on_file, withdraw
from gridgis.registry.store import Store, open_store
from gridgis.registry.versions import Version, branch, draft, versions

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
    survive(url, 2, random.Random(1))


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
    assert {one.state for one in found} <= {"draft", "submitted", "approved"}
    assert len(told["approved"]) + len(told.get("refused", [])) == len(found)
    assert all("was changed since" in said or "Name a later time" in said for said in told.get("refused", []))
    assert told["read"]


@pytest.mark.usefixtures("store")
def test_several_work_at_once_and_nothing_is_lost(url):
    lose_nothing(url, 3, 2)


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_eight_work_at_once_for_a_minute_and_nothing_is_lost(url):
    lose_nothing(url, 8, 60)


WRITER = """
import sys, time
from gridgis.registry.store import open_store

longest, store = 0.0, open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + 4
while (since := time.monotonic()) < end:
    with store.write():
        longest = max(longest, time.monotonic() - since)
        time.sleep(0.03)
print(longest, flush=True)
"""


@pytest.mark.usefixtures("store")
def test_each_of_many_who_write_on_and_on_has_its_turn(url):
    command = [sys.executable, "-c", WRITER, url]
    many = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    for one in many:
        assert one.stdout.readline() == "ready\n"
    longest = [float(one.communicate("go\n")[0]) for one in _told(many)]
    assert max(longest) < 2.5  # fair are 0.2 s; without a line it was seconds to minutes


def _told(many):
    """Let all begin before the first is waited for."""
    for one in many:
        one.stdin.write("go\n")
        one.stdin.flush()
    return many


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
            written = connection.scalar(sa.text("SELECT pg_current_wal_insert_lsn()::text"))
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


def before_each_job(store: Store) -> dict[str, Version]:
    """Versions in every state that a job begins with."""
    whole = town()
    zones = whole.zones["zone_code"].tolist()
    first = approved(store, whole, day=1)
    waits = handed_in(store, redivided(whole, zones[0], 1), day=2)
    since = approved(store, redivided(whole, zones[1], 2), day=3)
    returned = handed_in(store, redivided(whole, zones[2], 3), day=4)
    both = drafted(store, redivided(redivided(whole, zones[2], 4), zones[3], 5), day=5, note="by telephone")
    edited = drafted(store, whole, day=5, note="edited")
    most_given(store, edited, whole.grids["grid_code"][0], by="draws")
    turned = drafted(store, whole, day=5, note="turned")
    most_given(store, turned, whole.grids["grid_code"][0], by="draws")
    with store.write() as connection:
        undone(connection, turned, actor="draws", at=DAY[6])
        place = {"code": whole.grids["grid_code"][0], "other_code": None}
        comment(connection, returned, "here", **place, actor="decides", at=DAY[6])
    made = {"first": first, "waits": waits, "since": since, "returned": returned, "both": both}
    return made | {"edited": edited, "turned": turned}


def edit(connection: Connection, version: Version) -> int:
    """An atom given to a grid beside it."""
    made = next(gives(opened(connection, version, ZONES[1:3])))
    return applied(connection, version, made, action="give", asked={}, actor="draws", at=DAY[9])


ZONES = town().zones["zone_code"].tolist()

JOBS: dict[str, Callable[[Connection, dict[str, Version]], object]] = {
    "an actor added": lambda c, _: add_actor(c, "new", role="reviewer", by="first", at=DAY[9]),
    "a draft": lambda c, _: draft(c, redivided(town(), ZONES[3], 8), author="draws", at=DAY[9]),
    "a draft of a zone": lambda c, _: draft(
        c, redivided(town(), ZONES[3], 8), author="draws", at=DAY[9], zones=ZONES[3:]
    ),
    "a zone of a draft": lambda c, there: branch(c, there["both"], ZONES[3:], actor="draws", at=DAY[9]),
    "a submission": lambda c, there: submit(c, there["both"], actor="draws", at=DAY[9]),
    "a submission of what was edited": lambda c, there: submit(c, there["edited"], actor="draws", at=DAY[9]),
    "an edit": lambda c, there: edit(c, there["edited"]),
    "an edit taken back": lambda c, there: undone(c, there["edited"], actor="draws", at=DAY[9]),
    "an edit made again": lambda c, there: redone(c, there["turned"], actor="draws", at=DAY[9]),
    "a filing": lambda c, there: take_on_file(c, there["waits"], decision(DAY[9], actor="files")),
    "a return": lambda c, there: give_back(c, there["returned"], decision(DAY[9]), reason="border"),
    "a withdrawal": lambda c, there: withdraw(c, there["both"], actor="draws", at=DAY[9]),
    "an answer": lambda c, there: answer(c, there["returned"], 1, "mended", actor="draws", at=DAY[9]),
    "an approval after another": lambda c, there: approve(
        c, there["waits"], decision(DAY[9], DAY[9], attachment=attach(c, "seal.pdf", b"stamp"))
    ),
}


@contextmanager
def failing(store: Store, nth: int, fault: Callable[[], BaseException]) -> Iterator[list[int]]:
    """Let the nth statement or commit of what follows fail; gives how many more there may be before."""
    left = [nth]

    def fail(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise fault()

    for name in ("before_cursor_execute", "commit"):
        sa.event.listen(store.engine, name, fail)
    try:
        yield left
    finally:
        for name in ("before_cursor_execute", "commit"):
            sa.event.remove(store.engine, name, fail)


def survive_faults(store: Store, job: str, chosen: Callable[[int], Iterable[int]]) -> None:
    """By turns the disk is full, a file cannot be read or written, memory is short, somebody stops the job."""
    there = before_each_job(store)
    kinds = list(FAULTS.values())
    with store.read() as connection:
        before = content(connection)
    with suppress(RollBack), failing(store, 10**6, MemoryError) as left, store.write() as connection:
        JOBS[job](connection, there)
        raise RollBack
    count = 10**6 - left[0] + 1
    assert count > 3
    for nth in chosen(count):
        kind = kinds[nth % len(kinds)]
        with pytest.raises((Exception, KeyboardInterrupt)), failing(store, nth, kind), store.write() as connection:
            JOBS[job](connection, there)
        with store.read() as connection:
            assert content(connection) == before, nth
    with failing(store, count, MemoryError), store.write() as connection:
        JOBS[job](connection, there)
    sound(store.url)
    with store.read() as connection:
        assert content(connection) != before


@pytest.mark.parametrize("job", JOBS)
def test_a_fault_at_a_statement_of_a_job_leaves_the_store_as_it_was(store, job):
    survive_faults(store, job, lambda count: {count // 2, count - 1})


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_a_fault_at_any_statement_of_a_job_leaves_the_store_as_it_was(store, job):
    survive_faults(store, job, range)


def test_only_the_driver_opens_a_store(tmp_path):
    """What else opened and closed the file would drop the locks of all."""
    path = tmp_path / "city.db"
    script = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda what, args: opened.append(args[0]) if what == 'open' else None)\n"
        "from test_registry import town\n"
        "from gridgis import jobs\n"
        "path, copy, back = sys.argv[1:]\n"
        "jobs.init(path, administrator='chief')\n"
        "for name, role in (('draws', 'submitter'), ('decides', 'reviewer')):\n"
        "    jobs.add_actor(path, name, role=role, by='chief')\n"
        "made = jobs.draft(path, town(), author='draws')\n"
        "jobs.submit(path, made.id, actor='draws', reasons={'': 'so'})\n"
        "jobs.approve(path, made.id, actor='decides', effective_from='2026-01-01T00:00+08:00')\n"
        "jobs.in_force(path, made.district)\n"
        "jobs.doctor(path), jobs.verify(path), jobs.backup(path, copy), jobs.restore(copy, back)\n"
        "print([name for name in opened if str(name) in (path, back)])\n"
    )
    call = [sys.executable, "-c", script, str(path), str(tmp_path / "copy.db"), str(tmp_path / "back.db")]
    said = subprocess.run(call, capture_output=True, text=True, cwd=HERE, timeout=120, check=False)
    assert (said.returncode, said.stdout) == (0, "[]\n"), said.stderr
