"""A process that drafts, submits and approves versions until it is killed; it prints the id of each once acknowledged.

python registry_worker.py STORE FIRST_DAY       --drafts N: only draft, N times
"""

from __future__ import annotations

import sys

from test_registry import DAY, approved, drafted, merge, town

from gridgis.registry.store import open_store


def main() -> None:
    store, day = open_store(sys.argv[1]), int(sys.argv[2])
    whole = town()
    both = (whole, merge(whole, *whole.grids["grid_code"][:2]))
    print("ready", flush=True)
    if "--drafts" in sys.argv:
        for k in range(int(sys.argv[-1])):
            print(drafted(store, both[k % 2], day=day).id, flush=True)
        return
    for k in range(len(DAY) - day):
        made = approved(store, both[k % 2], day=day + k)
        print(made.id, flush=True)


if __name__ == "__main__":
    main()
