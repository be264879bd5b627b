"""A server as a process that may be killed, and what programs ask of it over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import webmap

PROGRAM = "import sys; from gridgis.cli import program; sys.argv[0] = 'gridgis'; program()"
IDLE_S = 15.0
"""After so long a connection is not used again: the server closes those that are idle for twice as long."""
LOST = (OSError, http.client.HTTPException)
"""What is raised where no answer comes: whether it was done is not known."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def config_of(told: webmap.Settings, path: Path) -> Path:
    """Write the texts of settings to a file that a server can be told."""
    given = {name: value for name, value in vars(told).items() if isinstance(value, str) and value}
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items()), encoding="utf-8")
    return path


@dataclass
class Server:
    """The server of a store: `gridgis serve` with its workers and its runner, in a group of processes of its own."""

    config: Path
    log: Path
    workers: int = 2
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; give the seconds until it says that it is ready."""
        words = ["serve", "--config", str(self.config), "--port", str(self.port), "--workers", str(self.workers)]
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *words],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "GRIDGIS_LOG": "0"},
            )
        while not self.is_ready():
            assert self.process.poll() is None, self.log.read_text()[-2_000:]
            assert time.monotonic() - begun < 120, "the server is not ready after two minutes"
            time.sleep(0.02)
        return time.monotonic() - begun

    def is_ready(self) -> bool:
        try:
            return Client(self.port, timeout_s=5).ask("GET", "/readyz")[0] == 200
        except LOST:
            return False

    def kill(self) -> None:
        """Kill every process of it at once, as a machine that loses its power would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_worker(self, which: int) -> None:
        """Kill one of those that answer; the server begins another."""
        workers = self.pids("serve")
        os.kill(workers[which % len(workers)], signal.SIGKILL)

    def pids(self, *words: str) -> list[int]:
        """Processes that the server began, of whose command any of the words is a part."""
        assert self.process is not None
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_text().rpartition(")")[2].split()[1])
                command = (path.parent / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if parent == self.process.pid and any(word in command for word in words):
                found.append(int(path.parent.name))
        return sorted(found)

    def memory_mb(self) -> dict[str, float]:
        """What its workers and its runner hold, each with its share of what they have together."""
        return {
            name: sum(_pss_mb(pid) for pid in self.pids(word))
            for name, word in (("workers", "serve"), ("runner", "webmap.runner"))
        }

    def stop(self) -> None:
        """End it as an administrator does."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.kill()


def _pss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no memory of {pid}")


@dataclass
class Client:
    """A program with a key: asks, and keeps its connection as long as it lasts."""

    port: int
    key: str = ""
    timeout_s: float = 120
    _connection: http.client.HTTPConnection | None = None
    _used: float = 0.0

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        """Ask once; raises one of :data:`LOST` where no answer comes.

        Parameters
        ----------
        body : JSON, or `form` in a dictionary of its own: a form
        headers : an underscore stands for the dash
        """
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key:
            told["Authorization"] = f"Bearer {self.key}"
        data = None
        if isinstance(body, dict) and set(body) == {"form"}:
            data, told["Content-Type"] = urlencode(body["form"]), "application/x-www-form-urlencoded"
        elif body is not None:
            data, told["Content-Type"] = json.dumps(body), "application/json"
        if self._connection is not None and time.monotonic() - self._used > IDLE_S:
            self.close()
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s)
        try:
            self._connection.request(method, path, data, told)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except LOST:
            self.close()
            raise
        finally:
            self._used = time.monotonic()

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
