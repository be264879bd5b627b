"""What the rules find in a version under review: as it is now while it is open, else as it was handed in."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from flask import current_app, request

from gridgis import jobs
from gridgis.publish.texts import detailed, load_texts
from webmap.access import store
from webmap.language import wanted

if TYPE_CHECKING:
    from gridgis.registry.versions import Version
    from webmap.shelf import Shelves


def findings(one: Version) -> list[dict[str, Any]]:
    """What the rules find in a version, in the language that is wanted, with the reason why each is to stand.

    Of one that is open all that breaks a hard rule, wherever it lies, and other findings in the zones that it changed:
    what handing in asks about. Their reasons are those that it was handed in with before.
    """
    if one.is_open:
        return _as_it_is(one)
    texts = load_texts(wanted(request))
    rows = jobs.findings(store(), one.id)
    told: list[dict[str, Any]] = [{**row, "detail": detailed(row["rule"], row["detail"], texts)} for row in rows]
    return [{**row, "severity": "finding"} for row in told]


def to_explain(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules whose findings need a reason before a version is handed in, by name, with how many and the last one."""
    mild = [row for row in found if row["severity"] != "hard"]
    counts, before = Counter(row["rule"] for row in mild), {row["rule"]: row["reason"] for row in mild}
    return [{"rule": rule, "count": counts[rule], "reason": before[rule]} for rule in sorted(counts)]


def _as_it_is(one: Version) -> list[dict[str, Any]]:
    """From the shelf of the version, where the planner page finds them too."""
    shelves: Shelves = current_app.extensions["shelves"]
    shelf, _ = shelves.of_version(one.id, edits=jobs.last_edit(store(), one.id))
    answer = shelf[f"offenders.{wanted(request)}"]
    text = gzip.decompress(answer.body) if answer.packed else answer.body
    rows = [each["properties"] for each in json.loads(text)["features"]]
    changed = set(jobs.changed_zones(store(), one.id))
    before = {row["rule"]: row["reason"] for row in jobs.findings(store(), one.id)}
    kept = ("rule", "severity", "code", "detail")
    return [
        {**{name: row[name] or "" for name in kept}, "reason": before.get(row["rule"], "")}
        for row in rows
        if row["severity"] == "hard" or row["zone"] in changed
    ]
