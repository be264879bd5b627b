"""Webhooks: written with what they tell of, signed, sent to allowed hosts alone, tried again, told as failed."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import sqlalchemy as sa
from city import make_city, signed_in

import webmap
from gridgis import jobs
from gridgis.errors import InputRefused
from gridgis.jobs.registry import reading, writing
from gridgis.registry import reports, tables, webhooks
from gridgis.registry.sealing import load_key
from gridgis.registry.store import as_utc, store_id
from webmap import sending


class Listener:
    """A host of our own that hears messages; answers `status`, after `wait_s`."""

    def __init__(self):
        self.heard, self.status, self.headers, self.wait_s = [], 200, {}, 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.append((self.path, dict(self.headers), body))
                time.sleep(outer.wait_s)
                with contextlib.suppress(OSError):
                    self.send_response(outer.status)
                    for name, value in outer.headers.items():
                        self.send_header(name, value)
                    self.end_headers()

            def do_GET(self):
                outer.heard.append((self.path, dict(self.headers), b""))

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"


@contextlib.contextmanager
def listening():
    made = Listener()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


@pytest.fixture
def listener():
    with listening() as made:
        yield made


@pytest.fixture
def told(tmp_path, listener):
    made = replace(make_city(tmp_path), webhook_hosts=(listener.host, "hooks.example.gov.cn"))
    jobs.have_accounts_key(made.accounts_key)
    return made


@pytest.fixture
def district(told):
    return next(one.area for one in jobs.actors(told.store) if one.name == "administrator")


def added(told, listener, district, path="/hook?x=1"):
    return jobs.add_webhook(
        told.store,
        f"http://{listener.host}{path}",
        area=district,
        hosts=told.webhook_hosts,
        key=told.accounts_key,
        by="administrator",
    )


def approve(told):
    """Hand the draft in, and approve it."""
    jobs.submit(told.store, 2, actor="submitter", reasons={"": "as it lies"})
    begins = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).isoformat()
    return jobs.approve(told.store, 2, actor="city_reviewer", effective_from=begins, document="No. 2")


def tell(told, area, **body):
    with writing(told.store) as connection:
        return webhooks.tell_webhooks(connection, "case.handed", body, area)


def due_now(told):
    """Let what waits be due."""
    with writing(told.store) as connection:
        waits = tables.delivery.c.next_at.is_not(None)
        connection.execute(sa.update(tables.delivery).where(waits).values(next_at="2020-01-01T00:00:00.000000+00:00"))


def one_delivery(told):
    [one] = jobs.list_deliveries(told.store, area="")
    return one


def test_an_approval_is_told_signed_and_once(told, listener, district):
    _, secret = added(told, listener, district)
    approve(told)
    assert sending.send_due(told) == 1
    assert sending.send_due(told) == 0
    [(path, headers, body)] = listener.heard
    assert path == "/hook?x=1"
    said = json.loads(body)
    assert (said["kind"], said["area"], said["data"]["version"]) == ("version.approved", district, 2)
    assert said["data"]["document"] == "No. 2"
    signs = dict(part.split("=") for part in headers["X-Gridgis-Signature"].split(","))
    due = hmac.new(secret.encode(), signs["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert signs["v1"] == due
    assert abs(int(signs["t"]) - time.time()) < 60
    one = one_delivery(told)
    assert (one.state, one.tries, headers["X-Gridgis-Delivery"]) == ("sent", 1, str(one.id))


def test_a_case_that_changes_hands_is_told_without_who_called(told, listener, district):
    added(told, listener, district)
    now = as_utc(datetime.datetime.now(datetime.UTC))
    case = reports.Case("general", now, grid_code=f"{district}001001001", lead="Roads")
    said = {"caller": "Li Min", "phone": "13900001111"}
    with writing(told.store) as connection:
        seal = load_key(told.accounts_key, store=store_id(connection))
        made = reports.record(connection, case, actor="dispatcher", at=now, day="20261126", private=said, seal=seal)
        reports.hand(connection, made.number, reason="Li Min says so", lead="Water", actor="dispatcher", at=now)
    assert sending.send_due(told) == 1
    [(_, _, body)] = listener.heard
    message = json.loads(body)
    assert (message["kind"], message["area"]) == ("case.handed", case.grid_code)
    assert (message["data"]["case"], message["data"]["after"]["lead"]) == (made.number, "Water")
    assert b"Li Min" not in body
    assert b"13900001111" not in body


def test_what_is_rolled_back_is_not_told(told, listener, district):
    added(told, listener, district)

    def told_and_failed():
        with writing(told.store) as connection:
            assert webhooks.tell_webhooks(connection, "case.handed", {}, district) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        told_and_failed()
    assert jobs.list_deliveries(told.store, area="") == []


def test_those_of_the_place_are_told_alone(told, listener, district):
    number, _ = added(told, listener, district)
    assert tell(told, f"{district}001002003", case="1") == 1
    assert tell(told, district[:4], case="2") == 0
    assert tell(told, "310112001", case="3") == 0
    jobs.end_webhook(told.store, number, area="", by="administrator")
    assert tell(told, district, case="4") == 0
    assert sending.send_due(told) == 0
    assert one_delivery(told).state == "failed"
    assert listener.heard == []


def test_what_did_not_arrive_is_tried_again_with_growing_waits_and_then_told_as_failed(told, listener, district):
    added(told, listener, district)
    tell(told, district)
    listener.status = 500
    waits = []
    for tries in range(1, len(webhooks.WAITS) + 2):
        due_now(told)
        before = datetime.datetime.now(datetime.UTC)
        assert sending.send_due(told) == 1
        one = one_delivery(told)
        assert (one.tries, one.said) == (tries, "answered 500")
        if one.next_at:
            waits.append((datetime.datetime.fromisoformat(one.next_at) - before).total_seconds())
    assert one.state == "failed"
    assert waits == sorted(waits)
    assert waits[0] < 20
    assert 0.75 * 86_400 < sum(waits) < 86_400
    assert sending.send_due(told) == 0
    answer = signed_in(webmap.create_app(told), "administrator").get("/api/admin/webhooks").json
    assert [one["state"] for one in answer["deliveries"]] == ["failed"]
    assert "gg_hook_" not in json.dumps(answer)


def test_it_arrives_once_the_host_is_well_again(told, listener, district):
    added(told, listener, district)
    tell(told, district)
    listener.status = 503
    sending.send_due(told)
    listener.status = 204
    assert sending.send_due(told) == 0, "before its time nothing is sent"
    due_now(told)
    sending.send_due(told)
    assert (one_delivery(told).state, one_delivery(told).tries) == ("sent", 2)
    assert listener.heard[0][2] == listener.heard[1][2]


def test_no_redirect_is_followed(told, listener, district):
    with listening() as inner:
        listener.status, listener.headers = 302, {"Location": f"http://{inner.host}/secret"}
        added(told, listener, district)
        tell(told, district)
        sending.send_due(told)
        assert inner.heard == []
    assert one_delivery(told).said == "answered 302"


def test_no_proxy_of_the_environment_is_asked(told, listener, district, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    added(told, listener, district)
    tell(told, district)
    sending.send_due(told)
    assert one_delivery(told).state == "sent"


def test_a_host_that_drips_is_left_after_the_timeout(told, district, monkeypatch):
    monkeypatch.setattr(sending, "TIMEOUT_S", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip():
            with contextlib.suppress(OSError):
                peer, _ = server.accept()
                while not stop.wait(0.1):
                    peer.sendall(b"H")

        threading.Thread(target=drip, daemon=True).start()
        host = f"127.0.0.1:{server.getsockname()[1]}"
        slow = replace(told, webhook_hosts=(host,))
        jobs.add_webhook(
            told.store, f"http://{host}/", area=district, hosts=(host,), key=told.accounts_key, by="administrator"
        )
        tell(told, district)
        began = time.monotonic()
        sending.send_due(slow)
        assert time.monotonic() - began < 5
        stop.set()
    assert one_delivery(told).said.startswith("TimeoutError")


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://127.0.0.1/",
        "http://localhost:22/",
        "http://hooks.example.gov.cn:8080/",
        "http://hooks.example.gov.cn.evil.example/",
        "http://hooks.example.gov.cn@evil.example/",
        "http://evil.example#hooks.example.gov.cn",
        "http://evil.example\\@hooks.example.gov.cn/",
        "https://hooks.example.gov.cn/#x",
        "file:///etc/passwd",
        "gopher://hooks.example.gov.cn/",
        "//hooks.example.gov.cn/",
        "http://hooks.example.gov.cn/\r\nX: y",
        "http://[::1]/",
        "http://hooks.example.gov.cn:99999/",
        "http://ｈooks.example.gov.cn/",
        "https://hooks.example.gov.cn/" + "x" * 500,
        "",
    ],
)
def test_no_other_host_is_asked(url):
    with pytest.raises(InputRefused):
        webhooks.refuse_host(url, ("hooks.example.gov.cn",))


def test_hosts_of_the_settings_are_asked():
    for url in (
        "https://hooks.example.gov.cn/a?b=c",
        "http://HOOKS.example.gov.cn",
        "https://hooks.example.gov.cn:443/",
    ):
        webhooks.refuse_host(url, ("hooks.example.gov.cn",))
    webhooks.refuse_host("http://10.1.2.3:8080/x", ("10.1.2.3:8080",))
    with pytest.raises(InputRefused, match="webhook_hosts"):
        webhooks.refuse_host("https://hooks.example.gov.cn/", ())


def test_a_host_that_is_taken_from_the_settings_is_asked_no_more(told, listener, district):
    added(told, listener, district)
    tell(told, district)
    sending.send_due(replace(told, webhook_hosts=()))
    assert one_delivery(told).state == "failed"
    assert listener.heard == []


def test_addresses_are_those_of_the_area(told, listener, district):
    app = webmap.create_app(told)
    mine, other = signed_in(app, "administrator"), signed_in(app, "other_administrator")
    url = f"http://{listener.host}/hook"
    made = mine.post("/api/admin/webhooks", json={"url": url, "area": district}).json
    assert made["secret"].startswith("gg_hook_")
    assert made["secret"] not in mine.get("/api/admin/webhooks").text
    assert other.get("/api/admin/webhooks").json == {"webhooks": [], "deliveries": []}
    assert other.post(f"/api/admin/webhooks/{made['id']}/end").status_code == 422
    for area in ("", "310112"):
        assert mine.post("/api/admin/webhooks", json={"url": url, "area": area}).status_code == 422
    assert mine.post("/api/admin/webhooks", json={"url": "http://127.0.0.1:1/", "area": district}).status_code == 422
    with reading(told.store) as connection:
        kept = bytes(connection.scalar(sa.select(tables.webhook.c.secret)))
    assert made["secret"].encode() not in kept
    assert mine.post(f"/api/admin/webhooks/{made['id']}/end").status_code == 200


def test_two_senders_send_a_message_once(told, listener, district):
    added(told, listener, district)
    for k in range(12):
        tell(told, district, case=k)
    threads = [threading.Thread(target=sending.send_due, args=(told,)) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len({headers["X-Gridgis-Delivery"] for _, headers, _ in listener.heard}) == len(listener.heard) == 12


def test_a_sender_that_died_leaves_the_message_to_others(told, listener, district):
    added(told, listener, district)
    tell(told, district)
    assert len(jobs.take_deliveries(told.store, key=told.accounts_key)) == 1
    assert jobs.take_deliveries(told.store, key=told.accounts_key) == []
    later = datetime.datetime.now(datetime.UTC) + webhooks.LEASE
    with reading(told.store) as connection:
        assert webhooks.is_due(connection, at=later + datetime.timedelta(seconds=1))
    assert as_utc(later)


def test_the_runner_sends(told, listener, district, tmp_path):
    added(told, listener, district)
    tell(told, district)
    lines = f'store = "{told.store}"\nstate = "{told.state}"\nwebhook_hosts = ["{listener.host}"]\n'
    (tmp_path / "server.toml").write_text(lines)
    import os

    environment = {**os.environ, "GRIDGIS_CONFIG": str(tmp_path / "server.toml")}
    with subprocess.Popen([sys.executable, "-m", "webmap.runner"], env=environment) as process:
        until = time.monotonic() + 60
        while not listener.heard and time.monotonic() < until:
            time.sleep(0.1)
        process.terminate()
    assert len(listener.heard) == 1
