"""The server is killed under load: what had an answer is there, nothing is there twice, and it is back in seconds."""

from __future__ import annotations

import datetime
import itertools
import json
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
import sqlalchemy as sa
from city import SMALL, make_city
from drafts import town
from live_server import LOST, Client, Server, config_of
from test_resolve_api import inside

from gridgis import jobs
from gridgis.jobs.registry import reading
from gridgis.registry import tables

KILLS = int(os.environ.get("GRIDGIS_SERVER_KILLS", "50"))
READY_S = float(os.environ.get("GRIDGIS_READY_S", "5"))
"""So soon it has to be ready on a machine with nothing else to do."""
MOST, LONGEST_S = 60, 30.0
"""So many answers at most are waited for between two kills, and so long."""
AS_IT_LIES = {"reasons": {"": "as it lies"}}


@dataclass
class Answers:
    """What programs were answered, and what they asked without an answer."""

    reports: dict[str, str] = field(default_factory=dict)
    edits: dict[str, int] = field(default_factory=dict)
    approved: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def number(self) -> int:
        return len(self.reports) + len(self.edits) + len(self.approved)

    def wait_for(self, more: int) -> None:
        """Wait until so many more were given, or for long: a machine that is busy answers little."""
        ought, end = self.number + more, time.monotonic() + LONGEST_S
        while self.number < ought and time.monotonic() < end:
            time.sleep(0.01)

    def take(self, status: int, said: bytes) -> dict:
        """An answer; anything but a good one is told at the end."""
        if status not in (200, 201):
            self.wrong.append(f"{status} {said[:300]!r}")
            time.sleep(0.1)
            return {}
        return json.loads(said)


def report(server, key, answers, places, name):
    """Record a case with an idempotency key, again and again until there is an answer; then the next."""
    client = Client(server.port, key)
    for number in itertools.count():
        own, (_, lon, lat) = f"{name}-{number}", places[number % len(places)]
        answers.asked.append(own)
        case = {"lon": lon, "lat": lat, "item": "a hole", "source": own}
        while own not in answers.reports:
            if answers.ended.is_set():
                return
            try:
                made = answers.take(*client.ask("POST", "/api/cases", case, Idempotency_Key=own))
            except LOST:
                time.sleep(0.05)
                continue
            if made:
                answers.reports[own] = made["number"]


def rename(server, key, answers, codes):
    """Name grids of draft 2; what has no answer is not asked again."""
    client = Client(server.port, key)
    for number in itertools.count():
        name = f"name {number}"
        asked = {"action": "rename", "arguments": {"codes": [codes[number % len(codes)]], "name": name}}
        if answers.ended.is_set():
            return
        try:
            made = answers.take(*client.ask("POST", "/api/drafts/2/edits", {**asked, "seen": None, "dry_run": False}))
        except LOST:
            time.sleep(0.05)
            continue
        if made:
            answers.edits[name] = made["number"]


def look_up(server, answers, codes):
    """Ask as the public does, which is counted in a file that all workers write; asked too often it has to wait."""
    client = Client(server.port)
    for number in itertools.count():
        if answers.ended.is_set():
            return
        try:
            status, said = client.ask("GET", f"/api/public/grid?code={codes[number % len(codes)]}")
        except LOST:
            time.sleep(0.05)
            continue
        if status != 429:
            answers.take(status, said)


def approve(server, keys, answers):
    """Draft what is in force, hand it in, approve it; begin anew where a step has no answer."""
    drafts, reviews = Client(server.port, keys["submitter"]), Client(server.port, keys["city_reviewer"])
    while not answers.ended.is_set():
        try:
            every = json.loads(drafts.ask("GET", "/api/drafts")[1])["versions"]
            of = next(one["id"] for one in every if one["in_force"])
            number = answers.take(*drafts.ask("POST", "/api/drafts", {"of": of})).get("id")
            if not number or not answers.take(*drafts.ask("POST", f"/api/reviews/{number}/submit", AS_IT_LIES)):
                continue
            form = {"effective_from": datetime.datetime.now(datetime.UTC).isoformat(), "document": f"No. {number}"}
            if answers.take(*reviews.ask("POST", f"/api/reviews/{number}/approve", {"form": form})):
                answers.approved.append(number)
        except LOST:
            time.sleep(0.05)


def held(store, answers, known):
    """Hold what is in a store against the answers: those known before the kill are there, nothing is there twice."""
    reports, edits, approved = known
    with reading(store) as connection:
        there = connection.execute(sa.select(tables.report.c.source, tables.report.c.number)).all()
    assert max(Counter(key for key, _ in there).values(), default=1) == 1
    numbers = dict(there)
    assert {key: numbers.get(key) for key in reports} == reports
    assert set(numbers) <= set(answers.asked)
    log = [(one.asked.get("name"), one.number) for one in jobs.edit_log(store, 2)]
    assert len({name for name, _ in log}) == len(log) == len({number for _, number in log})
    assert edits.items() <= dict(log).items()
    states = {one.id: one.state for one in jobs.versions(store)}
    assert [number for number in approved if states[number] != "approved"] == []


def soak(folder, kills, *, seed):
    """Kill a server so many times while programs ask; give what was answered and the seconds until it was ready."""
    told, rng = make_city(folder, plan=SMALL), np.random.default_rng(seed)
    division = town(SMALL)
    names = ("dispatcher", "planner", "submitter", "city_reviewer")
    keys = {name: jobs.make_token(told.store, name, label="soak", days=1) for name in names}
    places = [inside(division, row=row) for row in range(len(division.grids))]
    server, answers = Server(config_of(told, folder / "server.toml"), folder / "server.log"), Answers()
    work = [(report, (server, keys["dispatcher"], answers, places, f"clerk{k}")) for k in range(3)]
    work.append((rename, (server, keys["planner"], answers, sorted(division.grids["grid_code"])[:5])))
    work += [(look_up, (server, answers, sorted(division.grids["grid_code"])[5:])), (approve, (server, keys, answers))]
    threads = [threading.Thread(target=act, args=given, daemon=True) for act, given in work]
    ready = [server.start()]
    assert len(server.pids("serve")) == server.workers
    try:
        for thread in threads:
            thread.start()
        for kill in range(kills):
            answers.wait_for(int(rng.integers(1, MOST)))
            time.sleep(rng.uniform(0.0, 0.3))
            if kill % 5 == 4:
                server.kill_worker(int(rng.integers(0, 2)))
                time.sleep(rng.uniform(0.0, 1.0))
            server.kill()
            known = dict(answers.reports), dict(answers.edits), list(answers.approved)
            held(told.store, answers, known)
            ready.append(server.start())
        answers.wait_for(MOST)
    finally:
        answers.ended.set()
        for thread in threads:
            thread.join(130)
        server.stop()
    held(told.store, answers, (answers.reports, answers.edits, answers.approved))
    assert jobs.verify(told.store).faults == ()
    return answers, ready


def told_of(answers, ready):
    load = os.getloadavg()[0]
    return (
        f"{len(ready) - 1} kills: {len(answers.reports)} reports, {len(answers.edits)} edits, "
        f"{len(answers.approved)} approvals answered; ready after {min(ready):.1f} / {np.median(ready):.1f} / "
        f"{max(ready):.1f} s (least, middle, most), load {load:.1f}"
    )


def test_what_was_answered_outlives_a_kill(tmp_path):
    answers, ready = soak(tmp_path, 2, seed=20261126)
    assert answers.reports
    assert answers.edits
    assert answers.wrong == []
    assert max(ready) < 60, told_of(answers, ready)


@pytest.mark.slow
def test_fifty_kills_lose_nothing(tmp_path, capsys):
    answers, ready = soak(tmp_path, KILLS, seed=7)
    with capsys.disabled():
        print(f"\n{told_of(answers, ready)}")
    assert answers.wrong == []
    assert len(answers.reports) > 2 * KILLS
    assert len(answers.edits) > KILLS
    assert len(answers.approved) > KILLS // 10
    assert np.median(ready) < READY_S
