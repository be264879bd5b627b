"""Jobs of an administrator: who may act in his area, what was done there, who saw whose data, who is told of it."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from gridgis.errors import Fault, InputRefused
from gridgis.jobs.registry import moment_of, reading, writing

if TYPE_CHECKING:
    from gridgis.registry.administration import Sought, User
    from gridgis.registry.events import Event
    from gridgis.registry.webhooks import Delivery, Due, Webhook

EVENTS_AT_A_TIME = 100
"""Events that are given at a time."""


def list_users(store: str, *, area: str) -> list[User]:
    """All whose right lies in an area, and how they sign in."""
    from gridgis.registry import administration

    with reading(store) as connection:
        return administration.users(connection, area=area)


def find_user(store: str, name: str, *, area: str) -> User:
    """Somebody whose right lies in an area.

    Raises
    ------
    InputRefused
        In the same words whether there is nobody of this name, or elsewhere.
    """
    from gridgis.registry import administration

    with reading(store) as connection:
        found = administration.users(connection, area=area, name=name)
    if not found:
        raise InputRefused([Fault("actor", name[:100], "is not known in your area", "Look at the list of yours")])
    return found[0]


def find_events(
    store: str,
    *,
    area: str,
    kind: str = "",
    subject: str = "",
    actor: str = "",
    since: str = "",
    until: str = "",
    before: int | None = None,
    limit: int = EVENTS_AT_A_TIME,
) -> list[Event]:
    """Events of an area that fit, the newest first; `before` is the number of the last one of the page before."""
    from gridgis.registry import administration

    what = _sought(kind, subject, actor, since, until, before)
    with reading(store) as connection:
        return administration.sought(connection, what, area=area, limit=limit)


def kinds_of_events(store: str, *, area: str) -> list[str]:
    """Kinds of the events of an area."""
    from gridgis.registry import administration

    with reading(store) as connection:
        return administration.kinds(connection, area=area)


def who_saw(
    store: str,
    *,
    area: str,
    subject: str = "",
    actor: str = "",
    since: str = "",
    until: str = "",
    before: int | None = None,
    limit: int = EVENTS_AT_A_TIME,
) -> list[tuple[Event, str]]:
    """Who saw whose private data between two times, the newest first: each reading with the role of who read."""
    from gridgis.registry import administration

    what = _sought("", subject, actor, since, until, before)
    with reading(store) as connection:
        found = administration.readings(connection, what, area=area, limit=limit)
        roles = administration.roles_of(connection, {one.actor for one in found})
    return [(one, roles.get(one.actor, "")) for one in found]


def who_saw_table(
    store: str, *, area: str, subject: str = "", actor: str = "", since: str = "", until: str = ""
) -> str:
    """All of :func:`who_saw` as CSV, the oldest first; no cell of it is a formula to a spreadsheet."""
    import pandas as pd

    from gridgis.cases.guard import guarded_frame
    from gridgis.registry import administration

    what = _sought("", subject, actor, since, until, None)
    with reading(store) as connection:
        found = administration.readings(connection, what, area=area, limit=None)[::-1]
        roles = administration.roles_of(connection, {one.actor for one in found})
    rows = [
        (str(one.seq), one.at, one.actor, roles.get(one.actor, ""), one.kind, one.subject, one.body) for one in found
    ]
    table = pd.DataFrame(rows, columns=["event", "at", "actor", "role", "kind", "subject", "body"], dtype=object)
    return "\ufeff" + guarded_frame(table).to_csv(index=False, lineterminator="\r\n")


def may_verify(store: str, *, by: str) -> None:
    """Refuse who may not ask whether the whole store can be believed.

    Raises
    ------
    InputRefused
        Where he is no administrator of everything.
    """
    from gridgis.registry import actors

    with reading(store) as connection:
        actors.allowed(connection, by, "administrator", area="")


def _sought(kind: str, subject: str, actor: str, since: str, until: str, before: int | None) -> Sought:
    from gridgis.registry.administration import Sought

    return Sought(
        kind=kind,
        subject=subject,
        actor=actor,
        since=moment_of("since", since) if since else None,
        until=moment_of("until", until) if until else None,
        before=before,
    )


# ---------------------------------------------------------------- webhooks
def add_webhook(
    store: str, url: str, *, area: str, hosts: Collection[str], key: str | Path, by: str
) -> tuple[int, str]:
    """Let an address be told of what happens in an area; give its number, and its key, which is told this once.

    Parameters
    ----------
    hosts : that may be asked
    key : file of the key by which what is kept of it is encrypted

    Raises
    ------
    InputRefused
        As :func:`gridgis.registry.webhooks.add`.
    """
    from gridgis.registry import webhooks
    from gridgis.registry.sealing import load_key
    from gridgis.registry.store import store_id, utc_now

    with writing(store) as connection:
        seal = load_key(Path(key), store=store_id(connection))
        return webhooks.add(connection, url, area=area, hosts=hosts, seal=seal, by=by, at=utc_now())


def list_webhooks(store: str, *, area: str) -> list[Webhook]:
    """Addresses that are told of what happens in an area."""
    from gridgis.registry import webhooks

    with reading(store) as connection:
        return webhooks.webhooks(connection, area=area)


def end_webhook(store: str, number: int, *, area: str, by: str) -> None:
    """Let an address that is told of an area, or of part of it, be told no more."""
    from gridgis.registry import webhooks
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        webhooks.end(connection, number, area=area, by=by, at=utc_now())


def list_deliveries(store: str, *, area: str, limit: int = EVENTS_AT_A_TIME) -> list[Delivery]:
    """Messages to the addresses of an area, the newest first."""
    from gridgis.registry import webhooks

    with reading(store) as connection:
        return webhooks.deliveries(connection, area=area, limit=limit)


def take_deliveries(store: str, *, key: str | Path, limit: int = 20) -> list[Due]:
    """Take the messages that are to be sent now."""
    from gridgis.registry import webhooks
    from gridgis.registry.sealing import load_key
    from gridgis.registry.store import store_id

    now = datetime.datetime.now(datetime.UTC)
    with reading(store) as connection:
        if not webhooks.is_due(connection, at=now):
            return []
    with writing(store) as connection:
        seal = load_key(Path(key), store=store_id(connection))
        return webhooks.take_due(connection, seal=seal, at=now, limit=limit)


def tell_delivery(store: str, number: int, *, fault: str = "", again: bool = True) -> None:
    """Write down what became of a message: it arrived, or why it did not; tried `again` or never."""
    from gridgis.registry import webhooks

    now = datetime.datetime.now(datetime.UTC)
    with writing(store) as connection:
        if fault:
            webhooks.not_sent(connection, number, fault, at=now, again=again)
        else:
            webhooks.sent(connection, number, at=now)
