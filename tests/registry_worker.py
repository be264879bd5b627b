"""A process that works on a store; it prints what it did once that is acknowledged.

python registry_worker.py STORE FIRST_DAY       draft, submit and approve versions until killed: the id of each
                          --drafts N            only draft, N times: the id of each
                          --seconds S           as others do the same: what was done or refused, and the id or reason
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from test_edits_store import gives
from test_registry import DAY, approved, drafted, merge, town

from gridgis.errors import InputRefused
from gridgis.registry.edits import applied, opened, undone
from gridgis.registry.parts import parts_of
from gridgis.registry.review import Decision, approve, submit
from gridgis.registry.store import Conflict, Store, open_store, utc_now
from gridgis.registry.versions import Version, in_force, load
from gridgis.schema import Division


def main() -> None:
    store, day = open_store(sys.argv[1]), int(sys.argv[2])
    whole = town()
    both = (whole, merge(whole, *whole.grids["grid_code"][:2]))
    print("ready", flush=True)
    if "--seconds" in sys.argv:
        contend(store, both, time.monotonic() + float(sys.argv[-1]))
        return
    if "--drafts" in sys.argv:
        for k in range(int(sys.argv[-1])):
            print(drafted(store, both[k % 2], day=day).id, flush=True)
        return
    for k in range(len(DAY) - day):
        edited(store, drafted(store, both[k % 2], day=day + k))
        made = approved(store, both[k % 2], day=day + k)
        print(made.id, flush=True)


def edited(store: Store, version: Version) -> None:
    """Two edits of a draft, the last one taken back."""
    for _ in range(2):
        with store.write() as connection:
            edit = next(gives(opened(connection, version, [next(iter(parts_of(connection, version.id)))])))
            applied(connection, version, edit, action="give", asked={}, actor="draws", at=utc_now())
    with store.write() as connection:
        undone(connection, version, actor="draws", at=utc_now())


def contend(store: Store, both: tuple[Division, Division], until: float) -> None:
    k = 0
    while time.monotonic() < until:
        k += 1
        made = drafted(store, both[k % 2], day=1)
        print("drafted", made.id, flush=True)
        if attempt(store, handed, made):
            attempt(store, decided, made)
        look(store, made)


def attempt(store: Store, act: Callable[[Store, Version], Version], version: Version) -> bool:
    try:
        print(act(store, version).state, version.id, flush=True)
    except (Conflict, InputRefused) as error:
        print("refused", str(error).replace("\n", " "), flush=True)
        return False
    return True


def handed(store: Store, version: Version) -> Version:
    with store.write() as connection:
        return submit(connection, version, actor="draws", at=utc_now())


def decided(store: Store, version: Version) -> Version:
    with store.write() as connection:
        now = utc_now()
        return approve(connection, version, Decision("decides", now, "2026-1", effective_from=now))


def look(store: Store, mine: Version) -> None:
    """One moment is seen: what is in force is whole, and not older than what this process saw come into force."""
    with store.read() as connection:
        found = in_force(connection, mine.district, at=utc_now())
        if found is None:
            return
        division = load(connection, found)
    assert division.grids["households"].sum() == division.zones["households"].sum()
    print("read", found.id, flush=True)


if __name__ == "__main__":
    main()
