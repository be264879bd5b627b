"""Does background work, a task at a time: each in a process of its own, which is ended where it is cancelled.

Beside that it sends what webhooks are told (:mod:`webmap.sending`).

`python -m webmap.runner` takes tasks until it is told to end, or who started it is gone; `… --task N` does one. What
dies with a task half done leaves a row that says so: it is taken again.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import IO, Any

from gridgis import jobs
from gridgis.errors import GridgisError
from webmap import uploaded, work
from webmap.child import end_with_parent, stand_back
from webmap.sending import keep_sending
from webmap.settings import Settings, read_settings
from webmap.work import KINDS, Asked, folder_of, tidy

LOOK_EVERY_S, TELL_EVERY_S = 1.0, 1.0
"""How often it looks for work, and tells how far it is."""
SWEEP_EVERY_S = 600.0
"""How often uploads of which nothing came are looked for."""
GRACE_S = 5.0
"""How long a task has to end by itself."""


# ---------------------------------------------------------------- the one who takes
def run(settings: Settings) -> None:
    """Take tasks until it is told to end, or who started it is gone."""
    ended, parent = threading.Event(), os.getppid()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, end)
    jobs.keep_open(settings.store)
    jobs.have_accounts_key(settings.accounts_key)
    threading.Thread(target=keep_sending, args=(settings, ended), name="sending", daemon=True).start()
    swept = -SWEEP_EVERY_S
    while not ended.is_set() and os.getppid() == parent:
        if time.monotonic() - swept >= SWEEP_EVERY_S:
            uploaded.sweep(settings)
            work.sweep(settings)
            swept = time.monotonic()
        found = jobs.take_task(settings.store)
        if found is None:
            ended.wait(LOOK_EVERY_S)
        else:
            _oversee(settings, found.id, ended)


@dataclass
class _Heard:
    """What the process of a task said last."""

    share: float = 0.0
    said: str = ""
    result: dict[str, Any] | None = None
    failed: str | None = None
    faults: list[dict[str, str]] = field(default_factory=list)

    def listen(self, lines: IO[str]) -> None:
        for line in lines:
            with contextlib.suppress(ValueError):
                told = json.loads(line)
                self.share, self.said = told.get("share", self.share), told.get("said", self.said)
                self.result, self.failed = told.get("result", self.result), told.get("failed", self.failed)
                self.faults = told.get("faults", self.faults)


def _oversee(settings: Settings, number: int, ended: threading.Event) -> None:
    """Do one task, tell how far it is, end it where it is cancelled; where we are told to end, let others take it."""
    command = [sys.executable, "-m", "webmap.runner", "--task", str(number)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    heard = _Heard()
    listener = threading.Thread(target=heard.listen, args=(process.stdout,), daemon=True)
    listener.start()
    cancelled = False
    while process.poll() is None and not ended.is_set() and not cancelled:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(TELL_EVERY_S)
        cancelled = jobs.tell_task(settings.store, number, share=heard.share, said=heard.said)
    if process.poll() is None:
        _end(process)
    listener.join(GRACE_S)
    if heard.result is not None:
        jobs.end_task(settings.store, number, "done", result=heard.result)
    elif cancelled:
        jobs.end_task(settings.store, number, "cancelled")
    elif heard.failed is not None:
        jobs.end_task(settings.store, number, "failed", said=heard.failed, result={"faults": heard.faults})
    elif ended.is_set():
        jobs.put_task_back(settings.store, number)
    tidy(settings, number)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# ---------------------------------------------------------------- the one who does
def do(settings: Settings, number: int) -> None:
    """Do one task, and say how far it is, a line of JSON each time."""
    end_with_parent()
    found = jobs.find_task(settings.store, number)
    folder = folder_of(settings, number)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    asked = Asked(number, found.asked, found.actor, folder)
    try:
        _say(result=KINDS[found.kind](settings, asked, lambda stage, share: _say(share=share, said=stage)))
    except GridgisError as refused:
        _say(failed=str(refused), faults=[vars(fault) for fault in getattr(refused, "faults", ())])
    except Exception as mistake:
        _say(failed="The server made a mistake. Its log says what; please send it to those who keep the server.")
        raise SystemExit(1) from mistake


def _say(**told: Any) -> None:
    print(json.dumps(told, ensure_ascii=False), flush=True)


# ---------------------------------------------------------------- beside a server
@contextlib.contextmanager
def beside() -> Iterator[None]:
    """Have a runner while a server serves; one that dies is started anew."""
    ended = threading.Event()
    first = _begun()  # by this thread: while the server forks its workers, none may be in the middle of something

    def keep() -> None:
        process = first
        while not ended.is_set():
            while process.poll() is None and not ended.wait(0.2):
                pass
            if process.poll() is None:
                process.terminate()
                process.wait(2 * GRACE_S)
            elif not ended.wait(1):
                process = _begun()

    thread = threading.Thread(target=keep, name="runner", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(3 * GRACE_S)


def _begun() -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-m", "webmap.runner"], stdin=subprocess.DEVNULL)
    with contextlib.suppress(ProcessLookupError):
        stand_back(process.pid)
    return process


if __name__ == "__main__":
    if sys.argv[1:2] == ["--task"]:
        do(read_settings(), int(sys.argv[2]))
    else:
        run(read_settings())
