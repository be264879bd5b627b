"""Sends what webhooks are to be told: signed, once at a time, again after a while where it did not arrive.

Invariant: no host is asked but those of the settings, whatever stands in the store or a host answers: no redirect is
followed, no proxy of the environment is asked, and of what is answered the status alone is read.
"""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gridgis import jobs
from gridgis.errors import GridgisError
from webmap.settings import Settings

if TYPE_CHECKING:
    from gridgis.registry.webhooks import Due

TIMEOUT_S = 5.0
"""For all of a message: the connection, what is sent, and the status."""
LOOK_EVERY_S = 1.0
AT_A_TIME = 4
"""Messages that are under way at a time: a host that is silent holds up no others."""


def keep_sending(settings: Settings, ended: threading.Event) -> None:
    """Send what is due until it is told to end."""
    while not ended.is_set():
        try:
            sent = send_due(settings)
        except Exception:
            logging.getLogger(__name__).exception("messages to webhooks could not be taken or told of")
            sent = 0
        if not sent:
            ended.wait(LOOK_EVERY_S)


def send_due(settings: Settings) -> int:
    """Send what is due now; give how many that were."""
    due = jobs.take_deliveries(settings.store, key=settings.accounts_key)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        faults = list(pool.map(lambda one: fault_of(one, settings), due))
    for one, (fault, again) in zip(due, faults, strict=True):
        jobs.tell_delivery(settings.store, one.id, fault=fault, again=again)
    return len(due)


def fault_of(one: Due, settings: Settings) -> tuple[str, bool]:
    """Send one message; give why it did not arrive, if so, and whether it is to be tried again."""
    from gridgis.registry.webhooks import refuse_host

    try:
        refuse_host(one.url, settings.webhook_hosts)
    except GridgisError:
        return "the host may not be asked any more", False
    try:
        status = _post(one)
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}", True
    return ("", True) if 200 <= status < 300 else (f"answered {status}", True)


def _post(one: Due) -> int:
    """Post a message; give the status of the answer."""
    from gridgis.registry.webhooks import signature

    parts = urlsplit(one.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(parts.hostname), parts.port, timeout=TIMEOUT_S)
    at = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "gridgis",
        "X-Gridgis-Delivery": str(one.id),
        "X-Gridgis-Signature": f"t={at},v1={signature(one.secret, one.body, at=at)}",
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    late = threading.Event()
    timer = threading.Timer(TIMEOUT_S, _end, (connection, late))
    timer.start()
    try:
        connection.request("POST", path, one.body.encode(), headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        if late.is_set():
            raise TimeoutError(f"no answer in {TIMEOUT_S:.0f} s") from error
        raise
    finally:
        timer.cancel()
        connection.close()


def _end(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """End a connection that takes too long: a host that answers a byte at a time keeps within every timeout."""
    late.set()
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            connection.close()
